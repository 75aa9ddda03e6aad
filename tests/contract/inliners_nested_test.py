#!/usr/bin/env python3
"""The enumerator contains all methods of the module that inline the method, where incompleteData is
FALSE.

What the runtime (8.0 to 10.0) does: for a method of a nested type it finds nothing, and says that
nothing is missing: S_OK, incompleteData FALSE, no items. The test reads the image's own table: for
every other inlinee the runtime's count is the table's, for those of nested types it is 0 though the
table names inliners. RequestReJITWithInliners, which looks into the same table, leaves their
precompiled callers as they are."""

from contract_image import Image
from contract_runtime import (BLOCK_INLINING, ContractTest, INLINING_CALLBACKS, Method, REJIT, S_OK, framework, main,
                              measured)


class Nested(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().start(REJIT)

    def compare(self, name):
        """(nested, others) as lists of (in the table, told by the runtime)."""
        target = self.target
        self.assertEqual(target.tell(f"module {name}"), name)
        module = target.module(name + ".dll")
        inlinings = Image(framework(name + ".dll")).inlinings()
        described = target.described(module, *inlinings)
        counts = target.must(f"counts {module} {module} {' '.join(map(str, inlinings))}")["counts"]
        self.assertEqual({(result, incomplete) for result, incomplete, _ in counts}, {(S_OK, 0)})
        self.assertEqual((len(described), len(counts)), (len(inlinings), len(inlinings)))
        nested, others = [], []
        for inliners, method, (_, _, told) in zip(inlinings.values(), described, counts):
            (nested if method["nested"] else others).append((len(inliners), told))
        missed = len([told for _, told in nested if told == 0])
        measured(f"{name}: nothing found for {missed} of {len(inlinings)} inlinees")
        return nested, others

    def test_images(self):
        for name in ("System.Linq", "System.Collections.Specialized", "System.Private.CoreLib"):
            nested, others = self.compare(name)
            self.assertTrue(nested and others)
            self.assertEqual([pair for pair in others if pair[0] != pair[1]], [], name)
            self.assertEqual([pair for pair in nested if pair[0] == 0 or pair[1] != 0], [], name)

    def test_request_with_inliners(self):
        """The same hole: AddByte of the nested UrlDecoder is inlined into UrlDecode."""
        target = self.target
        decode = "invoke System.Web.HttpUtility System.Web.HttpUtility UrlDecode a%2Bb"
        self.assertEqual(target.tell(decode), "a+b")
        file = "System.Web.HttpUtility.dll"
        nested = target.method(file, "System.Web.Util.HttpEncoder+UrlDecoder", "AddByte")
        inliners = Image(framework(file)).inlinings().get(nested.token)
        if not inliners:
            self.skipTest("this runtime's image holds no copy of AddByte")
        target.gives(nested, "062a")  # ret: nothing is added
        flags = BLOCK_INLINING | INLINING_CALLBACKS
        self.assertResult(target.order(f"rejit-inliners {flags} {nested}")["hr"], S_OK)
        self.assertEqual(target.tell(decode), "a+b")
        self.assertEqual(target.notes("GetReJITParameters"), [])
        # The table's inliners, requested by name, do it.
        self.assertResult(target.rejit(*(Method(nested.module, token, "") for token in inliners)), S_OK)
        self.assertEqual(target.tell(decode), "")


if __name__ == "__main__":
    main()
