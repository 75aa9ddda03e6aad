#!/usr/bin/env python3
"""RequestReJIT answers E_INVALIDARG where no functions are named or an array is null, and then nothing
is marked. RequestRevert does the same; RequestReJITWithInliners also where
COR_PRF_REJIT_BLOCK_INLINING is not among its flags."""

from contract_runtime import ContractTest, E_INVALIDARG, REJIT, S_OK, hexed, main, returns


class Arguments(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().bring(REJIT, cls.attached)
        cls.answer = cls.target.own("Plain", "Answer")

    def test_none_and_null(self):
        self.assertEqual(self.target.call("Answer"), 1)
        self.target.gives(self.answer, returns(42))
        module, token = self.answer.module, self.answer.token
        for count, modules, methods in ((0, module, token), (0, 0, 0), (1, 0, token), (1, module, 0), (1, 0, 0)):
            result = self.target.order(f"rejit-arguments {count} {modules} {methods}")["hr"]
            self.assertEqual(hexed(result), hexed(E_INVALIDARG), (count, modules, methods))
        self.assertEqual(self.target.call("Answer"), 1)
        self.assertEqual(self.target.notes("GetReJITParameters", "ReJITError"), [])
        # The same call with what was missing.
        self.assertResult(self.target.order(f"rejit-arguments 1 {module} {token}")["hr"], S_OK)
        self.assertEqual(self.target.call("Answer"), 42)

    def test_reverting_nothing(self):
        self.assertResult(self.target.order("revert")["hr"], E_INVALIDARG)

    def test_flags_of_inliners(self):
        for flags, expected in ((0, E_INVALIDARG), (2, E_INVALIDARG), (1, S_OK), (3, S_OK)):
            other = self.target.own("Plain", "Other")
            result = self.target.order(f"rejit-inliners {flags} {other}")["hr"]
            self.assertEqual(hexed(result), hexed(expected), flags)


class ArgumentsAttached(Arguments):
    attached = True


if __name__ == "__main__":
    main()
