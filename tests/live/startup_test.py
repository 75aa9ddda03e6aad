"""Started under rejig: the very first call of precompiled methods is seen, and what has no probe
keeps its precompiled code."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LIMIT, REJIG, LiveTest, app, main, status, wait_for

COUNT = 7
# pattern: calls of it when everything is called COUNT times
WHOLE = {
    "Startup.Precompiled.Whole": COUNT,
    "System.IO.Path.Combine(string, string)": COUNT,
    "Startup.Generic<*>.Twice": 2 * COUNT,
    "Startup.Precompiled.Of": 2 * COUNT,
    "StartLate.Later.Triple": COUNT,
    "Startup.Settled..cctor": 1,
    "System.AppContext.Setup": 1,
}
# copies of them stand in precompiled callers
INLINED = {
    "Startup.Precompiled.Small": COUNT,
    "Startup.Precompiled+Nested.Small": COUNT,
    "StartLate.Later.Small": COUNT,
}
# versions of WHOLE's methods: two instances of each generic one
INSTANCES = len(WHOLE) + 2
CALLERS = 3  # Program.Work, Later.HoldsCopy, and one of Path.Combine's in the host's start


class Startup(LiveTest):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.scratch, "out.json")
        self.program_file = os.path.join(os.path.dirname(app("Startup")), "published", "Startup.dll")

    def alone(self, *arguments):
        done = subprocess.run(["dotnet", self.program_file, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.said(done.stdout)

    def said(self, text):
        words = text.split()
        self.assertEqual(words[0::2], ["sum", "compiled"], text)
        return int(words[1]), int(words[3])

    def under(self, patterns, *arguments, **options):
        """As once(); a machine that is too busy lets a module run before its probes stand: that is said, and
        tried again."""
        for _ in range(5):
            found = self.once(patterns, *arguments, **options)
            if not any(item.get("code") == "first-calls" for item in self.records()):
                return found
        self.fail("first calls may be missing in each of five runs")

    def once(self, patterns, *arguments, command="count", look=None):
        """What the program said, the counts, and what look() found while it lived."""
        process = subprocess.Popen([REJIG, command, *patterns, "--json", "-o", self.out, "--", "dotnet",
                                    self.program_file, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        try:
            lines = process.stdout.readline() + process.stdout.readline()
            found = look(self.records()[0]["pid"]) if look else None
            _, err = process.communicate(timeout=LIMIT)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.assertEqual(process.returncode, 0, err)
        counts = {}
        for item in self.records():
            if item["type"] == "count":
                counts[item["method"]] = counts.get(item["method"], 0) + item["count"]
        return self.said(lines), counts, found

    def records(self):
        wait_for(lambda: os.path.exists(self.out) and os.path.getsize(self.out) > 0, "the file of records")
        with open(self.out, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def check_counts(self, patterns, counts):
        self.assertEqual(sorted(counts.values()), sorted(patterns.values()), counts)

    def test_first_calls(self):
        total, compiled = self.alone("calls", str(COUNT))
        self.assertLessEqual(compiled, 5, "the program is not precompiled: the test shows nothing")
        (under_total, under_compiled), counts, start = self.under(WHOLE, "calls", str(COUNT), look=self.start)
        self.assertEqual(under_total, total)
        self.check_counts(WHOLE, counts)
        self.assertLessEqual(under_compiled - compiled, INSTANCES + CALLERS)
        self.assertGreater(start["functions"], 100)
        self.assertEqual((start["late"], start["overflowed"]), (0, 0))

    def start(self, pid):
        return [item for item in status(pid) if item["type"] == "status"][0]["start"]

    def test_first_calls_from_inlined_copies(self):
        total, compiled = self.alone("calls", str(COUNT))
        (under_total, under_compiled), counts, start = self.under(INLINED, "calls", str(COUNT), look=self.start)
        self.assertEqual(under_total, total)
        self.check_counts(INLINED, counts)
        self.assertLessEqual(under_compiled - compiled, len(INLINED) + CALLERS)

    def test_nothing_to_probe_nothing_is_compiled(self):
        total, compiled = self.alone("calls", str(COUNT))
        (under_total, under_compiled), _, start = self.under(["No.Such.Method"], "calls", str(COUNT), look=self.start)
        self.assertEqual((under_total, under_compiled), (total, compiled))
        self.assertEqual(start["compiled"], 0)

    def test_threads_race_for_first_calls(self):
        """16 threads call 64 methods for the first time at once, each with a copy of the probed one."""
        total, compiled = self.alone("threads", "64")
        (under_total, under_compiled), counts, start = self.under(
            ["Startup.Racers.M*", "Startup.Racers.Step"], "threads", "64", look=self.start)
        self.assertEqual(under_total, total)
        step = counts.pop("Startup.Racers.Step")
        self.assertEqual(set(counts.values()), {16})
        self.assertEqual(len(counts), 64)
        self.assertEqual(step, 16 * 64)
        self.assertLessEqual(under_compiled - compiled, 64 + 1 + 5)
        self.assertEqual(start["overflowed"], 0)

    def test_first_calls_are_watched(self):
        """The same with records: the first record is the first call."""
        self.under(["Startup.Precompiled.Whole"], "calls", str(COUNT), command="watch")
        calls = [item["values"]["number"] for item in self.records() if item["type"] == "call"]
        self.assertEqual(calls, list(range(COUNT)))


if __name__ == "__main__":
    main()
