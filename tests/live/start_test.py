"""Programs started under rejig: seen from the first call on, and otherwise as if alone."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LIMIT, LiveTest, app, main, rejig, wait_for

REJIG = os.environ.get("REJIG", "rejig")


class Started(LiveTest):
    def run_under(self, *program, pattern="Parent.Adder.Add", options=()):
        file = os.path.join(self.scratch, "out.json")
        if os.path.exists(file):
            os.unlink(file)
        done = subprocess.run([REJIG, "watch", pattern, "a, b, ret", "--json", "-o", file, *options, "--", *program],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
        records = []
        if os.path.exists(file):
            with open(file, encoding="utf-8") as stream:
                records = [json.loads(line) for line in stream]
        return done, records

    def test_children(self):
        """Neither the program nor its children see our variables; only the program is probed."""
        plain = subprocess.run(["dotnet", app("Parent")], capture_output=True, text=True, timeout=LIMIT,
                               stdin=subprocess.DEVNULL)
        self.assertEqual(plain.returncode, 3)
        done, records = self.run_under("dotnet", app("Parent"), pattern="Adder.Add")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stdout, plain.stdout)
        calls = [item for item in records if item["type"] == "call"]
        self.assertEqual([call["values"] for call in calls], [{"a": 20, "b": 22, "ret": 42}])

    def test_children_are_named(self):
        """A .NET child is not probed, and is named, once, in text and in the stream; another is not."""
        for command, options in (("watch", ()), ("watch", ("--json",)), ("count", ()), ("count", ("--json",))):
            with self.subTest(command=command, options=options):
                file = os.path.join(self.scratch, "out")
                done = subprocess.run([REJIG, command, "Adder.Add", *options, "-o", file, "--",
                                       "dotnet", app("Parent"), "family", "1"],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
                self.assertEqual(done.returncode, 6, done.stderr)
                child = re.search(r"^child (\d+) ended with 4$", done.stdout, re.MULTILINE)
                self.assertTrue(child, done.stdout)
                text = f"pid {child.group(1)} Parent, a .NET child of the program, is not probed"
                named = [line for line in done.stderr.splitlines() if "child" in line]
                self.assertEqual(named, [f"({text})"])
                if options:
                    with open(file, encoding="utf-8") as stream:
                        records = [json.loads(line) for line in stream]
                    notices = [item["text"] for item in records
                               if item["type"] == "notice" and item["code"] == "child"]
                    self.assertEqual(notices, [text])

    def test_exit_codes(self):
        self.assertEqual(self.run_under("dotnet", app("Parent"), "child", "9", pattern="Adder.Add")[0].returncode, 9)
        self.assertEqual(self.run_under("dotnet", app("Parent"), "signal", pattern="Adder.Add")[0].returncode, 128 + 9)
        self.assertEqual(self.run_under("no-such-program", pattern="Adder.Add")[0].returncode, 127)

    def test_limit_ends_the_probes_only(self):
        done, records = self.run_under("dotnet", app("Parent"), "slow", "1", pattern="Adder.Add",
                                       options=("--limit", "1"))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertTrue(done.stdout.endswith("slept\n"), done.stdout)

    def test_first_calls_of_precompiled_code(self):
        """Methods that run before Main are seen."""
        done, records = self.run_under("dotnet", app("Parent"), "child", "1", pattern="System.AppContext.Setup")
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_json_needs_a_file(self):
        code, _, err = rejig("watch", "Adder.Add", "--json", "--", "dotnet", app("Parent"))
        self.assertEqual(code, 2)
        self.assertIn("-o", err)

    def test_killed_at_any_moment(self):
        """rejig killed at any moment of the start: the program runs on, unprobed."""
        order = random.Random(4711)
        for delay in sorted(order.uniform(0.0, 0.25) for _ in range(12)):
            with self.subTest(delay=delay):
                watch = subprocess.Popen([REJIG, "watch", "Adder.Add", "-o", os.path.join(self.scratch, "k"), "--",
                                          "dotnet", app("Parent"), "slow", "0.5"], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                try:
                    watch.wait(delay)
                except subprocess.TimeoutExpired:
                    pass
                watch.kill()
                # the program holds the other end of the pipe: its end is the program's end
                out, _ = watch.communicate(timeout=LIMIT)
                if out:
                    self.assertTrue(out.endswith("slept\n"), out)
                    self.assertIn("sees []", out)


if __name__ == "__main__":
    main()
