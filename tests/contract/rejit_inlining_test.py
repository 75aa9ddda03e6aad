#!/usr/bin/env python3
"""The original version of a caller is compiled against the original versions of what it calls, a
recompiled version of it against their current ones.

What the runtime (8.0 to 10.0) does: the first half holds for code that was compiled before the
request: it keeps its inlined copy of the original callee. Of what is compiled later CoreCLR does
more than the sentence says: a callee with active ReJIT IL is inlined nowhere, neither into a
recompiled caller nor into the original version of one that is compiled for the first time, which
the sentence would give an inlined copy of the original. After a revert of the callee such callers
call it still; they get their inlined copy back when they are recompiled or reverted."""

from contract_runtime import (BLOCK_INLINING, ContractTest, INLINING_CALLBACKS, REJIT, S_OK, main, returns)


class Inlining(ContractTest):
    def setUp(self):
        # Everything is compiled once, optimised: an inlining is there at the first call.
        self.target = self.new(env={"DOTNET_TieredCompilation": "0"}).bring(REJIT, self.attached)
        self.callee = self.target.own("Inline", "Callee")
        self.before, self.after = self.target.own("Inline", "Before"), self.target.own("Inline", "After")
        self.target.gives(self.callee, returns(42))

    def inlined_into(self, caller, since):
        """Whether the compiler asked to inline the callee into this caller since then."""
        functions = {note["function"] for note in
                     self.target.notes("JITCompilationStarted", "ReJITCompilationStarted", of=caller)}
        return any(note["value"] in functions for note in self.target.notes("JITInlining", since=since, of=self.callee))

    def test_versions(self):
        target = self.target
        mark = target.mark()
        self.assertEqual(target.call("Before"), 1)
        self.assertTrue(self.inlined_into(self.before, mark), "nothing was inlined: this proves nothing")
        self.assertEqual(target.notes("JITCompilationStarted", of=self.callee), [])
        self.assertResult(target.rejit(self.callee), S_OK)
        # Compiled before: the copy of the original stays.
        self.assertEqual(target.call("Before"), 1)
        # Compiled for the first time: the original version of a caller, and yet no copy.
        mark = target.mark()
        self.assertEqual(target.call("After"), 42)
        self.assertFalse(self.inlined_into(self.after, mark))
        # Recompiled, with its own IL: it meets the current version, by a call.
        mark = target.mark()
        self.assertResult(target.rejit(self.before), S_OK)
        self.assertEqual(target.call("Before"), 42)
        self.assertFalse(self.inlined_into(self.before, mark))
        # The callee is reverted: the callers' answers follow, though their code does not change.
        mark = target.mark()
        self.assertEqual(target.revert(self.callee), [S_OK])
        self.assertEqual((target.call("Before"), target.call("After")), (1, 1))
        self.assertEqual(target.notes("JITCompilationStarted", since=mark, of=self.after), [])
        self.assertEqual(target.notes("ReJITCompilationStarted", since=mark, of=self.before), [])
        # Reverted, Before runs its first code again: with a copy that a new request does not reach.
        self.assertEqual(target.revert(self.before), [S_OK])
        self.assertEqual(target.call("Before"), 1)
        self.assertResult(target.rejit(self.callee), S_OK)
        self.assertEqual((target.call("Before"), target.call("After")), (1, 42))

    def test_blocked(self):
        """RequestReJITWithInliners recompiles the callers that hold a copy, too; with
        COR_PRF_REJIT_INLINING_CALLBACKS it asks for their parameters, at their next call."""
        target = self.target
        self.assertEqual((target.call("Before"), target.call("After")), (1, 1))
        mark = target.mark()
        flags = BLOCK_INLINING | INLINING_CALLBACKS
        self.assertResult(target.order(f"rejit-inliners {flags} {self.callee}")["hr"], S_OK)
        self.assertEqual(target.notes("GetReJITParameters", since=mark), [])
        self.assertEqual(target.call("Before"), 42)
        self.assertEqual(len(target.notes("GetReJITParameters", since=mark, of=self.before)), 1)
        self.assertEqual(target.notes("GetReJITParameters", since=mark, of=self.after), [])
        self.assertEqual(target.call("After"), 42)
        self.assertEqual(len(target.notes("GetReJITParameters", since=mark, of=self.after)), 1)

    def test_blocked_in_silence(self):
        target = self.target
        self.assertEqual(target.call("Before"), 1)
        mark = target.mark()
        self.assertResult(target.order(f"rejit-inliners {BLOCK_INLINING} {self.callee}")["hr"], S_OK)
        self.assertEqual(target.call("Before"), 42)
        self.assertEqual(target.notes("GetReJITParameters", since=mark, of=self.before), [])


class InliningAttached(Inlining):
    attached = True


if __name__ == "__main__":
    main()
