#!/usr/bin/env python3
"""EnumNgenModuleMethodsInliningThisMethod asks a precompiled module; incompleteData says whether
methods are missing from the enumerator because modules that the inliners' module depends on are not
loaded yet.

What the runtime (8.0 to 10.0) does, as codes: CORPROF_E_DATAINCOMPLETE (0x80131351) for a module
without precompiled code, one made at run time, or where precompiled code is switched off: the same
code as inside ModuleLoadStarted (inliners_loading_test), though it will never change. E_INVALIDARG
for a null module. S_OK with no items for a token that does not exist, or is no method. On failure
incompleteData and the enumerator are left as they were; otherwise incompleteData is FALSE, for
every module and method here: no image that today's compiler writes leads to TRUE
(inliners_retry_test.c has a stand-in that does)."""

from contract_image import Image
from contract_runtime import (CORPROF_E_DATAINCOMPLETE, ContractTest, E_INVALIDARG, MODULE_DYNAMIC, MODULE_NGEN, Method,
                              REJIT, S_OK, UNTOUCHED, framework, hexed, main)

CORE = "System.Private.CoreLib.dll"


class Codes(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().start(REJIT)
        cls.core = cls.target.module(CORE)
        cls.inlinee = cls.target.method(CORE, "System.String", "IsNullOrEmpty")

    def ask(self, inliners, inlinee):
        answer = self.target.inliners(inliners, inlinee)
        return hexed(answer["hr"]), answer["incomplete"], answer["count"]

    def test_modules(self):
        self.target.tell("dynamic")
        kinds = set()
        for module in self.target.must("modules")["modules"]:
            precompiled = bool(module["flags"] & MODULE_NGEN)
            kinds.add("precompiled" if precompiled else "dynamic" if module["flags"] & MODULE_DYNAMIC else "IL")
            result, incomplete, count = self.ask(module["id"], self.inlinee)
            if precompiled:
                self.assertEqual((result, incomplete), (hexed(S_OK), 0), module["name"])
            else:
                self.assertEqual((result, incomplete, count), (hexed(CORPROF_E_DATAINCOMPLETE), UNTOUCHED, UNTOUCHED),
                                 module["name"])
        self.assertEqual(kinds, {"precompiled", "dynamic", "IL"})

    def test_null_modules(self):
        for inliners, inlinee in ((0, self.core), (self.core, 0), (0, 0)):
            self.assertEqual(self.ask(inliners, Method(inlinee, self.inlinee.token, "")),
                             (hexed(E_INVALIDARG), UNTOUCHED, UNTOUCHED))

    def test_tokens(self):
        for token in (0x06FFFFFF, 0x02000001, 0x06000000, 0):
            self.assertEqual(self.ask(self.core, Method(self.core, token, "")), (hexed(S_OK), 0, 0), hex(token))

    def test_complete_always(self):
        inlinees = list(Image(framework(CORE)).inlinings())[:2000]
        counts = self.target.must(f"counts {self.core} {self.core} {' '.join(map(str, inlinees))}")["counts"]
        self.assertEqual({(result, incomplete) for result, incomplete, _ in counts}, {(S_OK, 0)})

    def test_precompiled_code_switched_off(self):
        target = self.new(env={"DOTNET_ReadyToRun": "0"}).start(REJIT)
        core = target.module(CORE)
        answer = target.inliners(core, target.method(CORE, "System.String", "IsNullOrEmpty"))
        self.assertResult(answer["hr"], CORPROF_E_DATAINCOMPLETE)
        self.assertEqual(answer["incomplete"], UNTOUCHED)


if __name__ == "__main__":
    main()
