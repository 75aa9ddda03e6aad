#!/usr/bin/env python3
"""RequestReJIT usually suspends the runtime for some of its work, which may lead to a collection.

What the runtime (8.0 to 10.0) does: neither. For one method, for a hundred and for all of a big
assembly no suspension begins between a request's start and its end, at least none for the request's
sake (COR_PRF_SUSPEND_FOR_REJIT) or a collection's. The test counts both, shows that a collection
would be counted, and prints the longest pause of a thread of the program that does nothing but look
at the clock, beside its longest pause without a request."""

import time

from contract_runtime import BASIC_GC, ContractTest, REJIT, S_OK, SUSPENDS, main, measured, returns, wait_for

SUSPEND_FOR_GC, SUSPEND_FOR_REJIT = 1, 8
BIG = "System.Private.Xml"


class Pause(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().start(REJIT | SUSPENDS, BASIC_GC)

    def pause(self):
        return int(self.target.tell("pause"))

    def request(self, count):
        """Suspensions (by reason) and collections inside a request of that many methods, its time and
        the busy thread's longest pause."""
        target = self.target
        module = target.module(BIG + ".dll")
        self.pause()
        mark = target.mark()
        self.assertResult(target.order(f"rejit-all {module} 0x06000001 {count}")["hr"], S_OK)
        longest = self.pause()
        begin, end = target.notes("RequestStarted", "RequestFinished", since=mark)
        inside = [note for note in target.notes(since=begin["at"]) if note["at"] < end["at"]]
        reasons = [note["value"] for note in inside if note["kind"] == "RuntimeSuspendStarted"]
        collections = [note for note in inside if note["kind"] == "GarbageCollectionStarted"]
        return reasons, collections, end["ns"] - begin["ns"], longest

    def idle(self, nanoseconds):
        """The longest pause while nothing is requested for that long: the machine's own doing."""
        self.pause()
        time.sleep(nanoseconds / 1e9)
        return self.pause()

    def test_requests(self):
        target = self.target
        self.assertEqual(target.tell(f"module {BIG}"), BIG)
        self.assertEqual(target.tell("busy"), "busy")
        wait_for(lambda: self.pause() > 0, "the busy thread to look at the clock")
        for count in (1, 100, 8000):
            times, pauses, without = [], [], []
            for _ in range(5):
                reasons, collections, took, longest = self.request(count)
                self.assertNotIn(SUSPEND_FOR_REJIT, reasons)
                self.assertNotIn(SUSPEND_FOR_GC, reasons)
                self.assertEqual(collections, [])
                times.append(took / 1e3)
                pauses.append(longest / 1e3)
                without.append(self.idle(took) / 1e3)
            measured(f"{count} methods: {min(times):.0f}-{max(times):.0f} us a request, no suspension, no collection; "
                     f"longest pause of a busy thread {min(pauses):.2f}-{max(pauses):.2f} us, "
                     f"in the same time without a request {min(without):.2f}-{max(without):.2f} us")

    def test_until_the_first_call(self):
        """Nor does the recompilation itself suspend, at the next call."""
        target = self.target
        self.assertEqual(target.call("Answer"), 1)
        answer = target.own("Plain", "Answer")
        target.gives(answer, returns(42))
        mark = target.mark()
        self.assertResult(target.rejit(answer), S_OK)
        self.assertEqual(target.call("Answer"), 42)
        reasons = [note["value"] for note in target.notes("RuntimeSuspendStarted", since=mark)]
        measured(f"from a request to the end of the method's next call: {len(reasons)} suspensions")
        self.assertNotIn(SUSPEND_FOR_REJIT, reasons)

    def test_the_counters_count(self):
        mark = self.target.mark()
        self.assertResult(self.target.order("gc")["hr"], S_OK)
        kinds = [note["kind"] for note in self.target.notes(since=mark)]
        for kind in ("RuntimeSuspendStarted", "GarbageCollectionStarted", "GarbageCollectionFinished",
                     "RuntimeResumeFinished"):
            self.assertIn(kind, kinds)


if __name__ == "__main__":
    main()
