#!/usr/bin/env python3
"""RequestReJIT does not touch the functions that are being executed, only later calls of them: a call
that waits and a loop that runs (in a frame whose code the runtime has replaced meanwhile, OSR) end
with what their old code answers, while calls that begin later get the new one; and so it is for a
revert."""

from contract_runtime import ContractTest, REJIT, S_OK, main, returns


class Active(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().bring(REJIT, cls.attached)

    def goes_on(self, name):
        target, method = self.target, self.target.own("Active", name)
        self.assertEqual(target.call(name), 1)
        target.gives(method, returns(42))
        self.assertEqual(target.tell(f"begin {name}"), "in")
        self.assertResult(target.rejit(method), S_OK)
        # Another thread's call meanwhile is a later one.
        self.assertEqual(target.call(name), 42)
        self.assertEqual(target.tell("end"), "1")
        self.assertEqual(target.call(name), 42)
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.call(name), 1)

    def test_a_call_that_waits(self):
        self.goes_on("Stay")

    def test_a_loop(self):
        self.goes_on("Loop")
        compiled = self.target.notes("JITCompilationFinished", of=self.target.own("Active", "Loop"))
        self.assertGreaterEqual(len(compiled), 2, "the frame's code was not replaced: this proves less than it says")

    def test_an_active_call_of_the_new_version(self):
        """Reverting leaves a call that runs our IL in it."""
        target, method = self.target, self.target.own("Plain", "Third")
        self.assertEqual(target.call("Third"), 1)
        # Our version of Third waits as Stay does: it calls it, and adds 40.
        stay = target.own("Active", "Stay")
        code = bytes([0x17, 0x28]) + stay.token.to_bytes(4, "little") + bytes([0x1F, 40, 0x58, 0x2A])
        target.must("forget")
        target.gives(method, bytes([len(code) << 2 | 2]).hex() + code.hex())
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.tell("begin Third"), "in")
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.call("Third"), 1)
        self.assertEqual(target.tell("end"), "41")


class ActiveAttached(Active):
    attached = True


if __name__ == "__main__":
    main()
