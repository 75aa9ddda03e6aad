"""Every way in which a session or a target can end: in each the probes go, and the next works."""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig, status, wait_for


def sessions(pid):
    for item in status(pid):
        if item["type"] == "status":
            return len(item.get("sessions", []))
    raise AssertionError("no agent in the status")


class Ends(LiveTest):
    def watch(self, program, *more, pattern="Kinds.Plain.Static"):
        watch = self.rejig("watch", str(program.pid), pattern, "number", "--json", *more)
        watch.probing()
        return watch

    def kinds(self):
        return self.program(["dotnet", app("Kinds")])

    def next_works(self, program):
        """A second session on the same process sees what happens."""
        watch = self.watch(program)
        program.tell("run static 3")
        self.assertEqual(len(watch.calls(3)), 3)
        self.assertEqual(watch.end(), 0)

    def gone(self, program):
        wait_for(lambda: sessions(program.pid) == 0, "the session to end", 10)

    def test_signals(self):
        program = self.kinds()
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=how):
                watch = self.watch(program)
                program.tell("run static 4")
                watch.calls(4)
                self.assertEqual(watch.end(how), 0)
                end = watch.objects("end")[-1]
                self.assertEqual((end["calls"], end["shown"], end["lost"]), (4, 4, 0))
                self.assertGreaterEqual(end["reverted"], 1)
                self.gone(program)
        self.next_works(program)
        self.assertEqual(program.finish(), 7)

    def test_killed(self):
        program = self.kinds()
        watch = self.watch(program)
        program.tell("run static 4")
        watch.calls(4)
        watch.end(signal.SIGKILL)
        self.gone(program)
        self.assertEqual(program.tell("run static 4"), "static 4 14")
        self.next_works(program)
        self.assertEqual(program.finish(), 7)

    def test_limit(self):
        program = self.kinds()
        watch = self.watch(program, "--limit", "3")
        program.tell("run static 10")
        self.assertEqual(watch.wait(), 0)
        self.assertEqual(len(watch.objects("call")), 3)
        self.gone(program)
        self.next_works(program)
        self.assertEqual(program.finish(), 7)

    def test_duration(self):
        program = self.kinds()
        watch = self.watch(program, "--duration", "1s")
        self.assertEqual(watch.wait(), 0)
        self.gone(program)
        self.next_works(program)
        self.assertEqual(program.finish(), 7)

    def test_target_exits(self):
        """What stands in the rings when the target ends is printed all the same."""
        program = self.kinds()
        watch = self.watch(program)
        program.send("run static 100")
        self.assertEqual(program.finish(), 7)
        self.assertEqual(watch.wait(), 0)
        self.assertEqual(len(watch.objects("call")), 100)

    def test_target_killed(self):
        program = self.kinds()
        watch = self.watch(program)
        program.tell("run static 50")
        program.process.kill()
        self.assertEqual(watch.wait(), 0)
        self.assertEqual(len(watch.objects("call")), 50)

    def test_blocked_calls(self):
        """A hundred calls that outlive their session, and return during the next one."""
        program = self.kinds()
        watch = self.watch(program, pattern="Kinds.Blocked.Wait")
        self.assertEqual(program.tell("threads 100"), "threads 100")
        self.assertEqual(watch.end(), 0)
        self.assertEqual(watch.objects("end")[-1]["open"], 100)
        self.assertGreater(len(watch.objects("open")), 0)
        self.assertTrue(all(item["method"] == "Kinds.Blocked.Wait" for item in watch.objects("open")))
        self.gone(program)
        second = self.watch(program, pattern="Kinds.Blocked.Wait")
        self.assertEqual(program.tell("release"), "released 100")
        self.assertEqual(program.tell("run static 3"), "static 3 9")
        self.assertEqual(second.objects("call"), [])
        program.send("threads 5")
        program.send("release")
        self.assertEqual(len(second.calls(5)), 5)
        self.assertEqual(second.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_reverted(self):
        """Afterwards the methods run their own code: nothing is claimed, nothing open."""
        program = self.kinds()
        watch = self.watch(program)
        program.tell("run static 4")
        watch.calls(4)
        watch.end()
        agent = [item for item in status(program.pid) if item["type"] == "status"][0]
        self.assertEqual(agent.get("residue", 0), 0)
        self.assertEqual(program.finish(), 7)


class Several(LiveTest):
    def test_same_method(self):
        """Two sessions on one method with other values and filters; one ends, one is killed."""
        program = self.program(["dotnet", app("Kinds")])
        first = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json")
        first.probing()
        second = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "text, ret", "--json",
                            "--if", "number > 4")
        second.probing()
        third = self.rejig("count", str(program.pid), "Kinds.Plain.Static", "--json")
        third.probing()
        program.tell("run static 10")
        self.assertEqual([call["values"]["number"] for call in first.calls(10)], list(range(10)))
        self.assertEqual([call["values"]["text"] for call in second.calls(5)], [f"s{i}" for i in range(5, 10)])
        second.kill()
        program.tell("run static 10")
        first.calls(20)
        self.assertEqual(third.end(), 0)
        self.assertEqual([item["count"] for item in third.objects("count")], [20])
        program.tell("run static 10")
        self.assertEqual(len(first.calls(30)), 30)
        self.assertEqual(first.end(), 0)
        self.assertEqual(first.objects("end")[-1]["lost"], 0)
        self.assertEqual(program.finish(), 7)

    def test_reset(self):
        program = self.program(["dotnet", app("Kinds")])
        watch = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "--json")
        watch.probing()
        code, out, err = rejig("reset", str(program.pid))
        self.assertEqual(code, 0, err)
        watch.wait()
        self.assertEqual(rejig("reset")[0], 2)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
