"""patch, where callers are precompiled: another assembly's image holds an inlined copy of the method.

InliningMid.Fancy.AddTwice(a, b) is Simple.Add(a, b) + Simple.Add(b, a), and Simple is in another
assembly; both are published as one version (an input bubble), so the copies are in the image. Who
calls AddTwice gets twice the new result from the next call on, everywhere, and its own again
behind the session.
"""

import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from publish_inlining import publish
from rejig_live import BUILD, LiveTest, agent_log, main, rejig, status, wait_for

ADD = "InliningLeaf.Simple.Add"
TURNS = 50


def own():
    return f"cross-static {TURNS} {sum(2 * (i + 2) for i in range(TURNS))}"


def changed(value):
    return f"cross-static {TURNS} {2 * value * TURNS}"


class Precompiled(LiveTest):
    def setUp(self):
        super().setUp()
        self.env = {"XDG_STATE_HOME": os.path.join(self.scratch, "state")}

    def target(self):
        try:
            folder = publish(os.path.join(BUILD, "inlining"), "bubble")
        except LookupError as reason:
            self.skipTest(str(reason))
        program = self.program([os.path.join(folder, "Inlining")])
        program.tell("call cross-instance 1")  # both libraries are loaded by it
        return program

    def ask(self, program):
        return program.tell(f"call cross-static {TURNS}")

    def patch(self, program, value, *more):
        patch = self.rejig("patch", str(program.pid), ADD, "--return", value, "--allow-changes", *more, env=self.env)
        patch.err.wait(lambda line: " gives " in line, "'gives'")
        return patch

    def sound(self, program):
        agent = [item for item in status(program.pid) if item["type"] == "status"][0]
        self.assertEqual((agent["recompiled"], agent["residue"], agent["sessions"]), (0, 0, []))
        self.assertEqual([line for line in agent_log(program.pid) if "withdrawn" in line or "could not" in line], [])
        self.assertEqual(program.finish(), 7)

    def test_called_before(self):
        program = self.target()
        self.assertEqual(self.ask(program), own())
        patch = self.patch(program, "42")
        self.assertEqual(self.ask(program), changed(42))
        self.assertIn("(+1 precompiled caller that holds an inlined copy", patch.err.lines[0])
        self.assertEqual(patch.err.lines[1], f"  {ADD}(int, int) gives 42")
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), own())
        self.sound(program)

    def test_first_called_under_it(self):
        program = self.target()
        patch = self.patch(program, "42")
        self.assertEqual(self.ask(program), changed(42))
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), own())
        self.sound(program)

    def test_first_called_behind_it(self):
        program = self.target()
        self.assertEqual(self.patch(program, "42").end(), 0)
        self.assertEqual(self.ask(program), own())
        self.sound(program)

    def test_hot(self):
        """The caller is in the JIT compiler's last tier, with copies of its own making."""
        program = self.target()
        program.tell("warm cross-static")
        patch = self.patch(program, "42")
        self.assertEqual(self.ask(program), changed(42))
        program.tell("warm cross-static")
        self.assertEqual(self.ask(program), changed(42))
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), own())
        program.tell("warm cross-static")
        self.assertEqual(self.ask(program), own())
        self.sound(program)

    def test_every_end(self):
        """However it ends, and again and again."""
        program = self.target()
        for number, how in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, "reset", "duration")):
            with self.subTest(how=how):
                patch = self.patch(program, str(number), *(["--duration", "1s"] if how == "duration" else []))
                self.assertEqual(self.ask(program), changed(number))
                if how == "reset":
                    self.assertEqual(rejig("reset", str(program.pid))[0], 0)
                elif how != "duration":
                    patch.end(how)
                patch.wait()
                wait_for(lambda: self.ask(program) == own(), "its own result", 10)
        self.sound(program)


if __name__ == "__main__":
    main()
