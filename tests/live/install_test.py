"""What `cmake --install` puts in place works from there: the program with its agent, the man
page and the completions."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rejig_live
from rejig_live import BUILD, LiveTest, app, main


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False, **options)


class Install(LiveTest):
    @classmethod
    def setUpClass(cls):
        # a space in the name: prefixes are users' choice
        cls.prefix = os.path.join(tempfile.mkdtemp(prefix="rejig-live-"), "a prefix")
        cls.addClassCleanup(shutil.rmtree, os.path.dirname(cls.prefix), ignore_errors=True)
        done = run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        cls.program_file = os.path.join(cls.prefix, "bin", "rejig")

    def test_files(self):
        found = []
        for folder, _, files in os.walk(self.prefix):
            found += [os.path.relpath(os.path.join(folder, name), self.prefix) for name in files]
        self.assertEqual(sorted(found), [
            "bin/rejig", "lib/rejig/librejig.so",
            "share/bash-completion/completions/rejig",
            "share/fish/vendor_completions.d/rejig.fish",
            "share/man/man1/rejig.1", "share/zsh/site-functions/_rejig"])

    def test_watches(self):
        kinds = self.program(["dotnet", app("Kinds")])
        before, rejig_live.REJIG = rejig_live.REJIG, self.program_file
        try:
            watch = self.rejig("watch", str(kinds.pid), "Kinds.Plain.Static", "number", "--json")
        finally:
            rejig_live.REJIG = before
        watch.probing()
        kinds.tell("run static 3")
        self.assertEqual(len(watch.calls(3)), 3)
        with open(f"/proc/{kinds.pid}/maps", encoding="utf-8") as file:
            maps = file.read()
        self.assertIn("librejig.so", maps)
        self.assertNotIn(os.path.join(os.path.realpath(BUILD), "lib"), maps)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(kinds.finish(), 7)

    def test_program_by_a_link(self):
        link = os.path.join(self.scratch, "rejig")
        os.symlink(self.program_file, link)
        kinds = self.program(["dotnet", app("Kinds")])
        done = run(link, "count", str(kinds.pid), "Kinds.Plain.Static", "--duration", "1s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Kinds.Plain.Static", done.stdout)
        self.assertEqual(kinds.finish(), 7)

    @unittest.skipUnless(shutil.which("man"), "man is not here")
    def test_man_page(self):
        page = os.path.join(self.prefix, "share/man/man1/rejig.1")
        done = run("man", "--warnings", "-E", "UTF-8", "-l", page, env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        for word in ("NAME", "SYNOPSIS", "watch", "--limit", "doctor"):
            self.assertIn(word, done.stdout)

    def completed(self, *words):
        """What bash offers after these words, the last of which is being typed."""
        script = """
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            entry=$(complete -p rejig) || exit 3
            function=$(sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p' <<<"$entry")
            "$function" rejig "${@: -1}" "${@: -2:1}"
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = run("bash", "-uc", script, "bash",
                   os.path.join(self.prefix, "share/bash-completion/completions/rejig"), *words,
                   env={**os.environ, "PATH": os.path.dirname(self.program_file) + ":" + os.environ["PATH"]})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [word.strip() for word in done.stdout.splitlines() if word.strip()]

    @unittest.skipUnless(shutil.which("bash"), "bash is not here")
    def test_bash_completion(self):
        self.assertEqual(self.completed("rejig", "wa"), ["watch"])
        self.assertEqual(sorted(self.completed("rejig", "co")), ["count"])
        self.assertIn("--limit", self.completed("rejig", "watch", "1", "A.B", "--li"))
        every = self.completed("rejig", "")
        for command in ("ps", "doctor", "list", "watch", "count", "status", "reset"):
            self.assertIn(command, every)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_completion(self):
        done = run("zsh", "-n", os.path.join(self.prefix, "share/zsh/site-functions/_rejig"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("fish"), "fish is not here")
    def test_fish_completion(self):
        page = os.path.join(self.prefix, "share/fish/vendor_completions.d/rejig.fish")
        done = run("fish", "--no-execute", page)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run("fish", "--no-config", "-c", f"source '{page}'; complete -C 'rejig wa'",
                   env={**os.environ, "HOME": self.scratch})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(any(line.split("\t")[0] == "watch" for line in done.stdout.splitlines()), done.stdout)


if __name__ == "__main__":
    main()
