#!/usr/bin/env python3
"""EnumNgenModuleMethodsInliningThisMethod hands over an ICorProfilerMethodEnum of all methods of one
precompiled module that hold an inlined copy of a method, as (module, methodDef). Next gives the
wanted number from the current position on, Skip passes over as many, Reset goes back to the
beginning, Clone makes a copy, GetCount tells how many there are.

What the runtime (8.0 to 10.0) does: Next and Skip answer S_FALSE where fewer are left than were
wanted, and then stand at the end. Next may leave out the number fetched for one wanted item, else
that is E_INVALIDARG. But GetCount tells how many are left, not how many there are; and a clone
stands at the beginning, wherever its original does."""

from contract_image import Image
from contract_runtime import (ContractTest, E_INVALIDARG, REJIT, S_FALSE, S_OK, UNTOUCHED, framework, hexed, main)

CORE = "System.Private.CoreLib.dll"


class Enumerator(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().start(REJIT)
        cls.core = cls.target.module(CORE)
        cls.inlinee = cls.target.method(CORE, "System.String", "IsNullOrEmpty")
        # What the image itself says: independent of the runtime.
        cls.expected = sorted(Image(framework(CORE)).inlinings()[cls.inlinee.token])

    def setUp(self):
        answer = self.target.inliners(self.core, self.inlinee)
        self.assertResult(answer["hr"], S_OK)
        self.handle = answer["handle"]
        self.total = len(self.expected)

    def next(self, wanted, handle=None):
        answer = self.target.order(f"enum-next {handle or self.handle} {wanted}")
        self.assertEqual(answer["fetched"], len(answer["items"]))
        return hexed(answer["hr"]), [token for _, token in answer["items"]]

    def skip(self, count):
        return hexed(self.target.order(f"enum-skip {self.handle} {count}")["hr"])

    def left(self, handle=None):
        answer = self.target.order(f"enum-count {handle or self.handle}")
        self.assertResult(answer["hr"], S_OK)
        return answer["count"]

    def test_all(self):
        self.assertGreater(self.total, 100)
        self.assertEqual(self.left(), self.total)
        answer = self.target.order(f"enum-next {self.handle} {self.total}")
        self.assertResult(answer["hr"], S_OK)
        self.assertEqual({module for module, _ in answer["items"]}, {self.core})
        self.assertEqual(sorted(token for _, token in answer["items"]), self.expected)
        self.assertEqual(self.next(1), (hexed(S_FALSE), []))

    def test_next(self):
        _, everything = self.next(self.total)
        self.target.must(f"enum-reset {self.handle}")
        self.assertEqual(self.next(0), (hexed(S_OK), []))
        self.assertEqual(self.next(3), (hexed(S_OK), everything[:3]))
        self.assertEqual(self.next(1), (hexed(S_OK), everything[3:4]))
        # Fewer are left than are wanted.
        self.assertEqual(self.next(self.total), (hexed(S_FALSE), everything[4:]))
        self.assertEqual(self.next(1), (hexed(S_FALSE), []))

    def test_next_without_the_number(self):
        _, everything = self.next(self.total)
        self.target.must(f"enum-reset {self.handle}")
        one = self.target.order(f"enum-next {self.handle} 1 plain")
        self.assertEqual((one["hr"], [token for _, token in one["items"]]), (S_OK, everything[:1]))
        self.assertResult(self.target.order(f"enum-next {self.handle} 2 plain")["hr"], E_INVALIDARG)
        self.assertEqual(self.next(1), (hexed(S_OK), everything[1:2]))

    def test_skip_and_reset(self):
        _, everything = self.next(self.total)
        self.target.must(f"enum-reset {self.handle}")
        self.assertEqual(self.skip(0), hexed(S_OK))
        self.assertEqual(self.skip(self.total - 2), hexed(S_OK))
        self.assertEqual(self.next(1), (hexed(S_OK), everything[-2:-1]))
        self.assertEqual(self.skip(2), hexed(S_FALSE))
        self.assertEqual(self.next(1), (hexed(S_FALSE), []))
        self.target.must(f"enum-reset {self.handle}")
        self.assertEqual(self.skip(self.total), hexed(S_OK))
        self.assertEqual(self.next(1), (hexed(S_FALSE), []))
        self.target.must(f"enum-reset {self.handle}")
        self.assertEqual(self.next(2), (hexed(S_OK), everything[:2]))

    def test_count(self):
        self.assertEqual(self.left(), self.total)
        self.next(3)
        self.assertEqual(self.left(), self.total - 3)
        self.skip(self.total)
        self.assertEqual(self.left(), 0)
        self.target.must(f"enum-reset {self.handle}")
        self.assertEqual(self.left(), self.total)

    def test_clone(self):
        _, first = self.next(5)
        clone = self.target.must(f"enum-clone {self.handle}")["handle"]
        self.assertEqual(self.left(clone), self.total)
        self.assertEqual(self.next(5, clone), (hexed(S_OK), first))
        # Each has a position of its own, and outlives the other.
        self.assertEqual(self.left(), self.total - 5)
        self.assertEqual(self.target.must(f"enum-release {self.handle}")["left"], 0)
        self.assertEqual(len(self.next(self.total, clone)[1]), self.total - 5)

    def test_without_inliners(self):
        """An empty enumerator, not an error."""
        main_method = self.target.own("Program", "Main")
        answer = self.target.inliners(self.core, main_method)
        self.assertEqual((answer["hr"], answer["count"], answer["incomplete"]), (S_OK, 0, 0))
        self.assertEqual(self.next(1, answer["handle"]), (hexed(S_FALSE), []))
        self.assertNotEqual(answer["count"], UNTOUCHED)


if __name__ == "__main__":
    main()
