#!/usr/bin/env python3
"""RequestReJIT answers CORPROF_E_CALLBACK4_REQUIRED (0x8013137b) to a profiler that has no
ICorProfilerCallback4: here the callback object grants ICorProfilerCallback1 to 3 only.

What the runtime does besides: such a profiler may set COR_PRF_ENABLE_REJIT all the same, and the
interface is looked at before the arguments are."""

from contract_runtime import CORPROF_E_CALLBACK4_REQUIRED, ContractTest, E_INVALIDARG, REJIT, S_OK, main


class Callback4(ContractTest):
    def ask(self, highest):
        target = self.new(env={"CONTRACT_CALLBACK": str(highest)}).start(REJIT)
        self.assertEqual(target.call("Answer"), 1)
        answer = target.own("Plain", "Answer")
        return target, target.rejit(answer), target.order("rejit-arguments 0 0 0")["hr"]

    def test_without(self):
        target, result, nothing = self.ask(3)
        self.assertResult(result, CORPROF_E_CALLBACK4_REQUIRED)
        self.assertResult(nothing, CORPROF_E_CALLBACK4_REQUIRED)
        self.assertEqual(target.call("Answer"), 1)
        self.assertEqual(target.notes("GetReJITParameters", "ReJITError"), [])

    def test_with(self):
        target, result, nothing = self.ask(4)
        self.assertResult(result, S_OK)
        self.assertResult(nothing, E_INVALIDARG)
        target.call("Answer")
        self.assertEqual(len(target.notes("GetReJITParameters")), 1)


if __name__ == "__main__":
    main()
