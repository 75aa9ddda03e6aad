#!/usr/bin/env python3
"""EnumNgenModuleMethodsInliningThisMethod, as documented, has no condition on how the profiler came
in.

What the runtime (8.0 to 10.0) does: a profiler that attached to the running program is refused, for
every module, with CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER (0x8013136f). That is why rejig
reads the images itself."""

from contract_runtime import (CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER, ContractTest, REJIT, S_OK, UNTOUCHED, hexed,
                              main)

CORE = "System.Private.CoreLib.dll"


class Attach(ContractTest):
    def answers(self, target):
        inlinee = target.method(CORE, "System.String", "IsNullOrEmpty")
        return {hexed(target.inliners(module["id"], inlinee)["hr"]) for module in target.must("modules")["modules"]}

    def test_attached(self):
        target = self.new().run()
        self.assertEqual(target.attach(REJIT), S_OK)
        self.assertEqual(self.answers(target), {hexed(CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER)})
        answer = target.inliners(target.module(CORE), target.method(CORE, "System.String", "IsNullOrEmpty"))
        self.assertEqual((answer["incomplete"], answer["count"]), (UNTOUCHED, UNTOUCHED))

    def test_started(self):
        self.assertIn(hexed(S_OK), self.answers(self.new().start(REJIT)))


if __name__ == "__main__":
    main()
