#!/usr/bin/env python3
"""RequestReJIT answers CORPROF_E_REJIT_NOT_ENABLED (0x8013137c) unless COR_PRF_ENABLE_REJIT was set
while the profiler was initialised; the same for RequestRevert and RequestReJITWithInliners.

What the runtime (8.0 to 10.0) does: the first half holds. But the bit may also be set later, from
the profiler's own thread, at any time, started or attached: the requests that were refused are then
accepted, and take effect. With DOTNET_ProfApi_RejitOnAttach=0 an attaching profiler cannot set the
bit at all: SetEventMask2 itself answers CORPROF_E_REJIT_NOT_ENABLED, and one that was started with
the program may use RequestReJIT, but not RequestReJITWithInliners
(CORPROF_E_REJIT_INLINING_DISABLED)."""

from contract_runtime import (BLOCK_INLINING, CORPROF_E_REJIT_INLINING_DISABLED, CORPROF_E_REJIT_NOT_ENABLED,
                              ContractTest, JIT_COMPILATION, MODULE_LOADS, REJIT, S_OK, hexed, main, returns)

WITHOUT = JIT_COMPILATION | MODULE_LOADS


class Enabled(ContractTest):
    def requests(self, target):
        answer = target.own("Plain", "Answer")
        return [hexed(target.order(text)["hr"]) for text in
                (f"rejit {answer}", f"revert {answer}", f"rejit-inliners {BLOCK_INLINING} {answer}")]

    def refused_then_accepted(self, target):
        answer = target.own("Plain", "Answer")
        target.gives(answer, returns(42))
        self.assertEqual(target.call("Answer"), 1)
        self.assertEqual(self.requests(target), [hexed(CORPROF_E_REJIT_NOT_ENABLED)] * 3)
        self.assertEqual(target.call("Answer"), 1)
        self.assertResult(target.order(f"mask {REJIT:#x} 0")["hr"], S_OK)
        self.assertResult(target.rejit(answer), S_OK)
        self.assertEqual(target.call("Answer"), 42)

    def test_not_set_at_start(self):
        self.refused_then_accepted(self.new().start(WITHOUT))

    def test_not_set_at_attach(self):
        target = self.new().run()
        self.assertEqual(target.attach(WITHOUT), S_OK)
        self.refused_then_accepted(target)

    def test_forbidden_by_the_owner(self):
        attached = self.new(env={"DOTNET_ProfApi_RejitOnAttach": "0"}).run()
        answers = []
        attached.attach(setup=lambda target: answers.append(target.order(f"mask {REJIT:#x} 0")["hr"]))
        self.assertResult(answers[0], CORPROF_E_REJIT_NOT_ENABLED)
        started = self.new(env={"DOTNET_ProfApi_RejitOnAttach": "0"}).start(REJIT)
        self.assertEqual(started.call("Answer"), 1)
        self.assertEqual(self.requests(started),
                         [hexed(S_OK), hexed(S_OK), hexed(CORPROF_E_REJIT_INLINING_DISABLED)])


if __name__ == "__main__":
    main()
