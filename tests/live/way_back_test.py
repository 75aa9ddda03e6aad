"""The way back: at the end of a session callers run their own code again, those too that are first
called afterwards.

A thousand callers hold inlined copies of the same two methods. The program has a witness that does
not depend on rejig: it tells from the stack whether a call came from an inlined copy. Its runtime
tells how many methods the JIT compiler has compiled: a precompiled caller that still had recompiled
IL would have to be compiled when it is called.
"""

import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from publish_wayback import publish
from rejig_live import BUILD, REJIG, LiveTest, agent_log, app, main, status, wait_for

CALLERS = 1000
FIRST, SECOND = "WayBack.Callee.First", "WayBack.Callee.Second"


class WayBack(LiveTest):
    def precompiled(self):
        try:
            return self.program(publish(os.path.join(BUILD, "wayback")), ready=f"ready {CALLERS}")
        except LookupError as reason:
            return self.skipTest(str(reason))

    def compiled_at_once(self):
        """Every method optimised at its first call: callers hold copies that the JIT compiler made."""
        return self.program(["dotnet", app("Wayback")], env={"DOTNET_TieredCompilation": "0"}, ready=f"ready {CALLERS}")

    def call(self, program, begin, end):
        """Each of these callers once; how many of their calls of First and Second came from an
        inlined copy."""
        called, inlined = program.tell(f"call {begin} {end}").split(", ")
        self.assertEqual(called, f"called {sum(2 * i for i in range(begin, end))}")
        return tuple(int(number) for number in inlined.split()[1:])

    def seen(self, program, begin, end):
        """Under a count of First: no call of it is made by an inlined copy."""
        self.assertEqual(self.call(program, begin, end)[0], 0)

    def own(self, program, begin, end):
        """All run their own code."""
        self.assertEqual(self.call(program, begin, end), (end - begin, end - begin))

    def count(self, program, *methods):
        count = self.rejig("count", str(program.pid), *methods, "--json")
        count.probing()
        return count

    def counted(self, count):
        """Ends a session; what it counted by method's own name."""
        self.assertEqual(count.end(), 0, count.err.text())
        return self.numbers(count)

    def numbers(self, count):
        numbers = {}
        for record in count.objects("count"):
            name = record["method"].rpartition(".")[2]
            numbers[name] = numbers.get(name, 0) + record["count"]
        return numbers

    def agent(self, pid):
        return [record for record in status(pid) if record["type"] == "status"][0]

    def nothing_left(self, pid):
        agent = self.agent(pid)
        return (agent["recompiled"], agent["residue"], agent["sessions"]) == (0, 0, [])

    def clean(self, program):
        """At once: the end of a session is told when all is reverted."""
        self.assertTrue(self.nothing_left(program.pid), self.agent(program.pid))

    def sound(self, program):
        self.assertEqual([line for line in agent_log(program.pid) if "could not" in line or "withdrawn" in line], [])
        self.assertEqual(program.finish(), 7)


class Precompiled(WayBack):
    def test_first_called_afterwards(self):
        """100 are called in the session, 900 only behind it: they never knew of it."""
        program = self.precompiled()
        count = self.count(program, FIRST)
        self.assertIn(f"+{CALLERS:,} precompiled callers", count.err.lines[0])
        self.assertEqual(self.agent(program.pid)["recompiled"], CALLERS + 1)
        self.seen(program, 0, 100)
        self.assertEqual(self.counted(count), {"First": 100})
        self.clean(program)
        before = program.tell("compiled")
        self.own(program, 100, CALLERS)
        self.own(program, 0, 100)
        self.assertEqual(program.tell("compiled"), before)
        self.clean(program)
        self.sound(program)

    def test_again(self):
        """A second session sees every call of every caller, and its end is as clean."""
        program = self.precompiled()
        for turn in range(3):
            count = self.count(program, FIRST)
            self.seen(program, 0, 100 * turn)
            self.assertEqual(self.counted(count), {"First": 100 * turn})
            self.clean(program)
            self.own(program, 0, CALLERS)
        count = self.count(program, FIRST)
        self.seen(program, 0, CALLERS)
        self.assertEqual(self.counted(count), {"First": CALLERS})
        self.own(program, 0, CALLERS)
        self.clean(program)
        self.sound(program)

    def test_common_callers(self):
        """Two sessions on two methods with the same callers: whichever ends first, the other goes
        on to see every call, and behind the last one all is as before."""
        for first_ends in (True, False):
            with self.subTest(first_ends=first_ends):
                program = self.precompiled()
                sessions = {"First": self.count(program, FIRST)}
                self.seen(program, 0, 300)
                sessions["Second"] = self.count(program, SECOND)
                self.assertEqual(self.call(program, 200, 500), (0, 0))
                ends, stays = ("First", "Second") if first_ends else ("Second", "First")
                self.assertEqual(self.counted(sessions[ends]), {ends: 600 if first_ends else 300})
                # called in both sessions, in one, and in none so far
                self.call(program, 0, CALLERS)
                self.assertEqual(self.counted(sessions[stays]), {stays: CALLERS + (300 if first_ends else 600)})
                self.clean(program)
                self.own(program, 0, CALLERS)
                self.clean(program)
                self.sound(program)

    def test_common_method(self):
        """Two sessions on one method: nothing goes back while one of them is there."""
        program = self.precompiled()
        one, other = self.count(program, FIRST), self.count(program, FIRST)
        self.seen(program, 0, 400)
        self.assertEqual(self.counted(one), {"First": 400})
        self.seen(program, 0, CALLERS)
        self.assertEqual(self.counted(other), {"First": CALLERS + 400})
        self.clean(program)
        self.own(program, 0, CALLERS)
        self.sound(program)

    def test_killed(self):
        """rejig is killed in the middle of its session, and while it makes one."""
        program = self.precompiled()
        count = self.count(program, FIRST)
        self.seen(program, 0, 100)
        count.end(signal.SIGKILL)
        wait_for(lambda: self.nothing_left(program.pid), "the way back", 10)
        before = program.tell("compiled")
        self.own(program, 0, CALLERS)
        self.assertEqual(program.tell("compiled"), before)
        ever = self.agent(program.pid)["sessions_ever"]
        for _ in range(5):
            count = self.rejig("count", str(program.pid), FIRST, SECOND, "--json")
            ever += 1
            wait_for(lambda: self.agent(program.pid)["sessions_ever"] == ever, "the session to begin")
            count.kill()
            wait_for(lambda: self.nothing_left(program.pid), "the way back", 10)
        self.own(program, 0, CALLERS)
        count = self.count(program, FIRST)
        self.seen(program, 0, CALLERS)
        self.assertEqual(self.counted(count), {"First": CALLERS})
        self.clean(program)
        self.sound(program)

    def test_started(self):
        """Started under rejig, and its session over: callers first called then come from the image."""
        try:
            command = publish(os.path.join(BUILD, "wayback"))
        except LookupError as reason:
            self.skipTest(str(reason))
        program = self.program([REJIG, "count", FIRST, "--duration", "2s", "--", *command], ready=f"ready {CALLERS}")
        target = self.child(program)
        self.seen(program, 0, 100)
        wait_for(lambda: self.nothing_left(target), "the end of the session", 20)
        self.own(program, 100, CALLERS)
        self.call(program, 0, 100)
        self.assertTrue(self.nothing_left(target))
        self.assertEqual(program.finish(), 7)

    def child(self, program):
        with open(f"/proc/{program.pid}/task/{program.pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])


class Compiled(WayBack):
    def test_first_called_afterwards(self):
        """The runtime asks for these callers' IL when they are next called, however late: they
        get their own, and go back."""
        program = self.compiled_at_once()
        self.own(program, 0, CALLERS)
        count = self.count(program, FIRST)
        self.seen(program, 0, 100)
        self.assertEqual(self.agent(program.pid)["recompiled"], 101)
        self.assertEqual(self.counted(count), {"First": 100})
        self.clean(program)
        self.own(program, 0, 100)
        self.call(program, 100, CALLERS)
        wait_for(lambda: self.nothing_left(program.pid), "the late callers to go back", 10)
        self.own(program, 0, CALLERS)
        count = self.count(program, FIRST)
        self.seen(program, 0, CALLERS)
        self.assertEqual(self.counted(count), {"First": CALLERS})
        self.clean(program)
        self.own(program, 0, CALLERS)
        self.sound(program)

    def test_late_into_the_next_session(self):
        """Callers that the first session had requested are first called in the second, which is on
        another method of theirs."""
        program = self.compiled_at_once()
        self.own(program, 0, CALLERS)
        self.assertEqual(self.counted(self.count(program, FIRST)), {"First": 0})
        count = self.count(program, SECOND)
        for _ in range(2):
            self.assertEqual(self.call(program, 0, CALLERS)[1], 0)
        self.assertEqual(self.counted(count), {"Second": 2 * CALLERS})
        wait_for(lambda: self.nothing_left(program.pid), "the way back", 10)
        self.own(program, 0, CALLERS)
        self.sound(program)

    def test_common_callers(self):
        program = self.compiled_at_once()
        self.own(program, 0, CALLERS)
        first = self.count(program, FIRST)
        self.seen(program, 0, 300)
        second = self.count(program, SECOND)
        self.assertEqual(self.call(program, 200, 500), (0, 0))
        self.assertEqual(self.counted(first), {"First": 600})
        self.call(program, 0, CALLERS)
        self.assertEqual(self.counted(second), {"Second": CALLERS + 300})
        wait_for(lambda: self.nothing_left(program.pid), "the way back", 10)
        self.call(program, 0, CALLERS)
        wait_for(lambda: self.nothing_left(program.pid), "late callers to go back", 10)
        self.own(program, 0, CALLERS)
        self.sound(program)

    def test_killed(self):
        program = self.compiled_at_once()
        self.own(program, 0, CALLERS)
        count = self.count(program, FIRST, SECOND)
        self.assertEqual(self.call(program, 0, 100), (0, 0))
        count.end(signal.SIGKILL)
        wait_for(lambda: self.nothing_left(program.pid), "the way back", 10)
        self.call(program, 100, CALLERS)
        wait_for(lambda: self.nothing_left(program.pid), "late callers to go back", 10)
        self.own(program, 0, CALLERS)
        self.sound(program)


if __name__ == "__main__":
    main()
