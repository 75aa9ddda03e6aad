#!/usr/bin/env python3
"""A profiler calls RequestReJIT from a thread that it has made itself, never from one that the runtime
has made and that is inside a callback, because a request may suspend the runtime and so lead to a
collection.

What the runtime (8.0 to 10.0) does: in JITCompilationStarted, ModuleLoadFinished,
GetReJITParameters, ReJITCompilationFinished, RuntimeResumeFinished and ExceptionThrown it accepts
the request and carries it out, without a deadlock. It refuses it, with
CORPROF_E_UNSUPPORTED_CALL_SEQUENCE (0x80131363), where a suspension is under way
(RuntimeSuspendStarted, GarbageCollectionStarted and -Finished), and on a thread of the program that
has called native code (P/Invoke). The agent relies on none of it: its requests are made on its own
thread (rejit_own_thread_test.c)."""

from contract_runtime import (BASIC_GC, CORPROF_E_UNSUPPORTED_CALL_SEQUENCE, ContractTest, LATE, REJIT, S_OK, SUSPENDS,
                              hexed, main, returns)

EXCEPTIONS = 0x40


class Threads(ContractTest):
    def setUp(self):
        self.target = self.new().start(REJIT | SUSPENDS | EXCEPTIONS, BASIC_GC)
        self.answer = self.target.own("Plain", "Answer")
        self.assertEqual(self.target.call("Answer"), 1)
        self.target.gives(self.answer, returns(42))

    def asked_in(self, kind, where, cause):
        """What RequestReJIT answers inside that callback, and what Answer answers afterwards."""
        target = self.target
        target.when(kind, where, "do", "rejit", self.answer)
        mark = target.mark()
        cause()
        obeyed = target.wait_notes(1, "Obeyed", since=mark)
        target.must("forget")
        target.gives(self.answer, returns(42))
        value = target.call("Answer")
        target.revert(self.answer)
        self.assertEqual(target.call("Answer"), 1)
        return {hexed(note["answer"]["hr"]) for note in obeyed}, value

    def assertAccepted(self, kind, where, cause):
        self.assertEqual(self.asked_in(kind, where, cause), ({hexed(S_OK)}, 42), kind)

    def assertRefused(self, kind, where, cause):
        self.assertEqual(self.asked_in(kind, where, cause), ({hexed(CORPROF_E_UNSUPPORTED_CALL_SEQUENCE)}, 1), kind)

    def test_own_thread(self):
        self.assertResult(self.target.rejit(self.answer), S_OK)
        self.assertEqual(self.target.call("Answer"), 42)

    def test_program_thread(self):
        self.assertRefused("ProgramCall", "*", lambda: self.target.tell("profiler"))

    def test_callbacks_that_may(self):
        target = self.target
        third, other = target.own("Plain", "Third"), target.own("Plain", "Other")
        late = f"load {LATE} LateModule.Doubler Double"

        def recompile():
            target.rejit(other)
            target.call("Other")

        self.assertAccepted("JITCompilationStarted", third, lambda: target.call("Third"))
        self.assertAccepted("ModuleLoadFinished", "~LateModule", lambda: target.tell(late))
        self.assertAccepted("GetReJITParameters", other, recompile)
        self.assertAccepted("ReJITCompilationFinished", other, recompile)
        self.assertAccepted("RuntimeResumeFinished", "*", lambda: target.tell("collect"))
        self.assertAccepted("ExceptionThrown", "*", lambda: target.tell("call Line"))

    def test_callbacks_that_may_not(self):
        for kind in ("RuntimeSuspendStarted", "GarbageCollectionStarted", "GarbageCollectionFinished"):
            self.assertRefused(kind, "*", lambda: self.target.tell("collect"))


if __name__ == "__main__":
    main()
