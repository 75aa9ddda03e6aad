#!/usr/bin/env python3
"""ICorProfilerFunctionControl, which GetReJITParameters hands over, has three methods: SetCodegenFlags
says how the function is compiled (for all of its instances), SetILFunctionBody from which IL,
SetILInstrumentedCodeMap how the offsets of that IL belong to the original's, so that stack traces
name the right lines. None of them is needed: then the original IL is compiled anew.

What the runtime (8.0 to 10.0) does: all three answer S_OK to nearly everything, also to a body that
does not compile, and the last call wins. An offset that the map does not name counts as the entry
before it (it is not moved along), so a map needs an entry for every instruction.
COR_PRF_CODEGEN_DISABLE_INLINING (1) and COR_PRF_CODEGEN_DISABLE_ALL_OPTIMIZATIONS (2) are obeyed;
neither skips a tier."""

from contract_runtime import ContractTest, REJIT, S_OK, body, code_of, main, returns

NOPS = 24  # more than the IL of the throw is long: without a map its line is missed


class Control(ContractTest):
    def asked(self, target, method, kind):
        return [note["hr"] for note in target.notes(kind, of=method)]

    def test_nothing_is_set(self):
        target = self.new().bring(REJIT, self.attached)
        method = target.own("Plain", "Answer")
        self.assertEqual(target.call("Answer"), 1)
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.call("Answer"), 1)
        self.assertEqual(len(target.notes("ReJITCompilationFinished", of=method)), 1)

    def test_body_the_last_wins(self):
        target = self.new().bring(REJIT, self.attached)
        method = target.own("Plain", "Answer")
        target.gives(method, returns(42))
        target.gives(method, returns(43))
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.call("Answer"), 43)
        self.assertEqual(self.asked(target, method, "SetILFunctionBody"), [S_OK, S_OK])

    def inlinings(self, flags):
        """How often Leaf is inlined into Flagged, compiled again with these flags."""
        target = self.new(env={"DOTNET_TieredCompilation": "0"}).bring(REJIT, self.attached)
        flagged, leaf = target.own("Inline", "Flagged"), target.own("Inline", "Leaf")
        self.assertEqual(target.call("Flagged"), 1)
        self.assertEqual(len(target.notes("JITInlining", of=leaf)), 1)
        mark = target.mark()
        target.when("GetReJITParameters", flagged, "flags", flags)
        self.assertResult(target.rejit(flagged), S_OK)
        self.assertEqual(target.call("Flagged"), 1)
        self.assertEqual(self.asked(target, flagged, "SetCodegenFlags"), [S_OK])
        self.assertEqual(len(target.notes("ReJITCompilationFinished", since=mark, of=flagged)), 1)
        return len(target.notes("JITInlining", since=mark, of=leaf))

    def test_flags(self):
        self.assertEqual(self.inlinings(0), 1)
        self.assertEqual(self.inlinings(1), 0)
        self.assertEqual(self.inlinings(2), 0)

    def line(self, target, offset_map):
        """The line that a stack trace gives the throw, behind NOPS instructions of ours."""
        method = target.own("Lines", "Throw")
        il = target.must(f"il {method.module} {method.token}")["il"]
        target.must("forget")
        target.gives(method, body(bytes(NOPS) + code_of(il)))
        if offset_map:
            target.when("GetReJITParameters", method, "map", offset_map)
        self.assertResult(target.rejit(method), S_OK)
        return target.call("Line")

    def test_map(self):
        target = self.new().bring(REJIT, self.attached)
        method = target.own("Lines", "Throw")
        original = target.call("Line")
        self.assertGreater(original, 0, "the program has no line numbers")
        every = ",".join(f"{offset}:{offset + NOPS}" for offset in range(40))
        self.assertEqual(self.line(target, every), original)
        self.assertEqual(self.asked(target, method, "SetILInstrumentedCodeMap"), [S_OK])
        self.assertGreater(self.line(target, None), original)
        # An offset between two entries counts as the one before it: here, the line of the 'if'.
        self.assertEqual(self.line(target, f"0:{NOPS}"), original - 1)
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.call("Line"), original)


class ControlAttached(Control):
    attached = True


if __name__ == "__main__":
    main()
