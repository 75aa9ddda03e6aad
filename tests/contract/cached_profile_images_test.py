#!/usr/bin/env python3
"""COR_PRF_USE_PROFILE_IMAGES asks for precompiled images that were made for profiling; the
documentation says that only with such images are cache searches reported for every function, at a
cost.

What the runtime (8.0 to 10.0) does: there are no such images any more, and the bit switches
precompiled code off, exactly as COR_PRF_DISABLE_ALL_NGEN_IMAGES does. Measured on 10.0.12 with this
program: with COR_PRF_MONITOR_CACHE_SEARCHES alone 411 searches and 17 functions compiled; with
COR_PRF_USE_PROFILE_IMAGES as well no search at all, 909 compiled, no module with
COR_PRF_MODULE_NGEN, and EnumNgenModuleMethodsInliningThisMethod answers CORPROF_E_DATAINCOMPLETE
for every module. It can be set at start only (E_FAIL after attach). rejig never sets it."""

from contract_runtime import (CACHE, COMPILING, CORPROF_E_DATAINCOMPLETE, ContractTest, DISABLE_ALL_NGEN_IMAGES, E_FAIL,
                              FINISHED, MODULE_NGEN, REJIT, S_OK, STARTED, USE_PROFILE_IMAGES, main, measured)

CORE = "System.Private.CoreLib.dll"


class ProfileImages(ContractTest):
    def look(self, mask):
        target = self.new().start(mask)
        self.assertEqual(target.tell("invoke System.Web.HttpUtility System.Web.HttpUtility HtmlEncode a<b"), "a&lt;b")
        counts = {kind: len(target.notes(kind)) for kind in (STARTED, FINISHED, COMPILING)}
        precompiled = [module["name"] for module in target.must("modules")["modules"] if module["flags"] & MODULE_NGEN]
        inlinee = target.method(CORE, "System.String", "IsNullOrEmpty")
        measured(f"mask {mask:#x}: {counts}, {len(precompiled)} precompiled modules")
        return counts, precompiled, target.inliners(target.module(CORE), inlinee)["hr"]

    def test_without(self):
        counts, precompiled, result = self.look(CACHE)
        self.assertGreater(counts[STARTED], 10 * counts[COMPILING])
        self.assertIn(CORE, precompiled)
        self.assertResult(result, S_OK)

    def nothing_precompiled(self, bit):
        counts, precompiled, result = self.look(CACHE | bit)
        self.assertEqual((counts[STARTED], counts[FINISHED]), (0, 0))
        self.assertGreater(counts[COMPILING], 300)
        self.assertEqual(precompiled, [])
        self.assertResult(result, CORPROF_E_DATAINCOMPLETE)

    def test_with(self):
        self.nothing_precompiled(USE_PROFILE_IMAGES)

    def test_the_same_as_disabling(self):
        self.nothing_precompiled(DISABLE_ALL_NGEN_IMAGES)

    def test_attached(self):
        target, answers = self.new().run(), []
        target.attach(setup=lambda it: answers.append(it.order(f"mask {REJIT | USE_PROFILE_IMAGES:#x} 0")["hr"]))
        self.assertResult(answers[0], E_FAIL)


if __name__ == "__main__":
    main()
