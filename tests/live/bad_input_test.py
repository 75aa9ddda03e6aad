"""What bad input gets: a message with subject, reason and way out, the right exit code, and an
untouched target."""

import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import REJIG, LiveTest, app, main, rejig, wait_for


class CommandLine(LiveTest):
    """Exit code 2, and nothing has been attached."""

    CASES = [
        (["watch"], "target"),
        (["watch", "PID"], "pattern"),
        (["watch", "PID", "Kinds.Plain.Statik"], "nearest"),
        (["count", "PID", "Kinds.Plain.Statik"], "; --wait waits for modules that load later"),
        (["watch", "PID", ""], "the pattern is empty"),
        (["watch", "PID", "Kinds.Plain.Static", ""], "VALUES are empty\nhint: "),
        (["watch", "PID", "Kinds.Plain.Static", "number", "--if", "  "], "the condition of --if is empty\nhint: "),
        (["watch", "PID", "Kinds.Plain.Static", "number", "--if", 'number > 3 && number == "ten"'],
         'number > 3 && number == "ten"\n                          ^^^^^'),
        (["watch", "PID", "Kinds.Plain.*", "--max-methods", "3"], "--max-methods"),
        (["watch", "PID", "Kinds.Plain.Static", "nomber"], "number"),
        (["watch", "PID", "Kinds.Plain.Describe", "order.Totl"], "Total"),
        (["watch", "PID", "Kinds.Plain.Static", "number", "--if", "number >"], "^"),
        (["watch", "PID", "Kinds.Plain.Static", "number", "--if", "number = 3"], "^"),
        (["watch", "PID", "Kinds.Plain.Static", "number,,text"], "^"),
        (["watch", "PID", "Kinds.Plain.Static", "--limit", "many"], "--limit"),
        (["watch", "PID", "Kinds.Plain.Static", "--duration", "soon"], "--duration"),
        (["watch", "PID", "Kinds.Plain.Static", "--on", "never"], "--on"),
        (["watch", "-p", "1", "PID", "Kinds.Plain.Static", "number", "more"], ""),
        (["wach", "PID"], "watch"),
        (["watch", "PID", "Kinds..[", "number"], ""),
        (["reset"], ""),
        (["count", "PID"], ""),
        (["list", "PID"], ""),
    ]

    def test_command_lines(self):
        program = self.program(["dotnet", app("Kinds")])
        for arguments, word in self.CASES:
            with self.subTest(arguments=arguments):
                code, out, err = rejig(*[str(program.pid) if a == "PID" else a for a in arguments])
                self.assertEqual(code, 2, err)
                self.assertTrue(err.startswith("rejig: "), err)
                self.assertIn(word, err)
                self.assertEqual(out, "")
        self.assertEqual(program.tell("run static 3"), "static 3 9")
        self.assertEqual(program.finish(), 7)

    def test_several_with_the_name(self):
        first = self.program(["dotnet", app("Kinds")])
        second = self.program(["dotnet", app("Kinds")])
        code, _, err = rejig("watch", "Kinds", "Kinds.Plain.Static")
        self.assertEqual(code, 2)
        self.assertIn(str(first.pid), err)
        self.assertIn(str(second.pid), err)

    def test_without_il(self):
        program = self.program(["dotnet", app("Kinds")])
        code, _, err = rejig("watch", str(program.pid), "System.Math.Sqrt")
        self.assertEqual(code, 2, err)
        self.assertIn("runtime itself supplies its code", err)
        code, _, err = rejig("watch", str(program.pid), "System.Threading.Thread.PollGC")
        self.assertEqual(code, 2, err)
        self.assertEqual(program.finish(), 7)


class Targets(LiveTest):
    """Exit code 3, nothing sent."""

    def refused(self, pid, *words):
        code, out, err = rejig("watch", str(pid), "Kinds.Plain.Static")
        self.assertEqual(code, 3, err)
        self.assertTrue(err.startswith("rejig: "), err)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual(out, "")
        return err

    def test_no_such_pid(self):
        self.refused(2 ** 22 - 3, "4194301")

    def test_not_dotnet(self):
        self.refused(os.getpid(), ".NET")

    def test_stopped(self):
        program = self.program(["dotnet", app("Kinds")])
        os.kill(program.pid, signal.SIGSTOP)
        wait_for(lambda: open(f"/proc/{program.pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()[0] == "T",
                 "the program to stop")
        self.refused(program.pid, "stopped")
        os.kill(program.pid, signal.SIGCONT)
        self.assertEqual(program.tell("run static 3"), "static 3 9")
        self.assertNotIn("librejig", open(f"/proc/{program.pid}/maps", encoding="utf-8").read())
        self.assertEqual(program.finish(), 7)

    def test_switched_off(self):
        for variable in ("DOTNET_EnableDiagnostics", "DOTNET_EnableDiagnostics_IPC", "DOTNET_EnableDiagnostics_Profiler"):
            with self.subTest(variable=variable):
                program = self.program(["dotnet", app("Kinds")], env={variable: "0"})
                self.refused(program.pid, variable)
                self.assertEqual(program.finish(), 7)

    def test_rejit_off(self):
        program = self.program(["dotnet", app("Kinds")], env={"DOTNET_ProfApi_RejitOnAttach": "0"})
        self.refused(program.pid, "RejitOnAttach")
        self.assertEqual(program.finish(), 7)

    def test_hot_reload(self):
        program = self.program(["dotnet", app("Kinds")], env={"DOTNET_MODIFIABLE_ASSEMBLIES": "debug"})
        self.refused(program.pid, "hot reload")
        self.assertEqual(program.finish(), 7)

    def test_other_temporary_folder(self):
        folder = os.path.join(self.scratch, "t")
        os.mkdir(folder)
        program = self.program(["dotnet", app("Kinds")], env={"TMPDIR": folder})
        watch = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json")
        watch.probing()
        program.tell("run static 3")
        self.assertEqual(len(watch.calls(3)), 3)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_missing_temporary_folder(self):
        program = self.program(["dotnet", app("Kinds")], env={"TMPDIR": os.path.join(self.scratch, "missing")})
        self.refused(program.pid, "TMPDIR")
        self.assertEqual(program.finish(), 7)


@unittest.skipUnless(os.geteuid() == 0, "other users' processes need root to start them")
class OtherUsers(LiveTest):
    def start_as(self, uid):
        # the other user must be able to read the program: a copy in a folder of its own
        folder = os.path.join(self.scratch, "app")
        subprocess.run(["cp", "-r", os.path.dirname(app("Kinds")), folder], check=True)
        os.chmod(self.scratch, 0o755)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        home = os.path.join(self.scratch, "home")
        os.mkdir(home)
        os.chown(home, uid, uid)
        return self.program(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "dotnet",
                             os.path.join(folder, "Kinds.dll")], env={"HOME": home})

    def test_root_may(self):
        program = self.start_as(65534)
        watch = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json")
        watch.probing()
        program.tell("run static 3")
        self.assertEqual(len(watch.calls(3)), 3)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_others_may_not(self):
        program = self.program(["dotnet", app("Kinds")])
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               REJIG, "watch", str(program.pid), "Kinds.Plain.Static"],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if "Permission denied" in done.stderr and "rejig:" not in done.stderr:
            self.skipTest("the build folder is not readable for other users")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("belongs to", done.stderr)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
