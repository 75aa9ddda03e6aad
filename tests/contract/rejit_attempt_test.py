#!/usr/bin/env python3
"""RequestReJIT's S_OK says that marking all the methods was attempted; which of them could not be
marked or recompiled is told method by method, through ReJITError.

What the runtime does (8.0 to 10.0): so it is for tokens that do not exist (E_INVALIDARG), for
methods of modules that were made at run time (CORPROF_E_MODULE_IS_DYNAMIC), and where the
profiler's own GetReJITParameters fails (its code; the body that it has set is forgotten, and the
original IL compiled anew). But a method without IL, and any method of a collectible assembly, is
S_OK and then silence: no ReJITError, no GetReJITParameters, no effect. And a rewritten body that
does not compile is no ReJITError either: the program's call throws InvalidProgramException, each
time anew; ReJITCompilationStarted comes each time, and the only sign of the failure is that
ReJITCompilationFinished does not."""

from contract_runtime import (CORPROF_E_MODULE_IS_DYNAMIC, ContractTest, E_FAIL, E_INVALIDARG, LATE, MODULE_COLLECTIBLE,
                              MODULE_DYNAMIC, Method, REJIT, S_OK, body, hexed, main, returns)


class Attempt(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().bring(REJIT, cls.attached)

    def errors(self, since, method):
        return [hexed(note["hr"]) for note in self.target.notes("ReJITError", since=since, of=method)]

    def test_a_bad_one_among_good_ones(self):
        answer, other = self.target.own("Plain", "Answer"), self.target.own("Plain", "Other")
        missing = Method(answer.module, 0x06FFFFF0, "none")
        self.assertEqual((self.target.call("Answer"), self.target.call("Other")), (1, 1))
        for method in (answer, other):
            self.target.gives(method, returns(42))
        mark = self.target.mark()
        self.assertResult(self.target.rejit(answer, missing, other), S_OK)
        self.assertEqual(self.errors(mark, missing), [hexed(E_INVALIDARG)])
        self.assertEqual((self.target.call("Answer"), self.target.call("Other")), (42, 42))
        self.assertEqual(len(self.target.notes("ReJITError", since=mark)), 1)

    def test_a_method_without_il(self):
        self.target.tell("call Answer")
        abstract = self.target.own("Shape", "Sides")
        mark = self.target.mark()
        self.assertResult(self.target.rejit(abstract), S_OK)
        self.assertEqual(self.target.notes("ReJITError", "GetReJITParameters", since=mark), [])

    def test_a_dynamic_module(self):
        self.assertEqual(self.target.tell("dynamic"), "emitted")
        self.assertEqual(self.target.call("Emitted"), 1)
        emitted = next(module for module in self.target.must("modules")["modules"]
                       if module["flags"] & MODULE_DYNAMIC)
        method = Method(emitted["id"], 0x06000001, "One.Answer")
        mark = self.target.mark()
        self.assertResult(self.target.rejit(method), S_OK)
        self.assertEqual(self.errors(mark, method), [hexed(CORPROF_E_MODULE_IS_DYNAMIC)])
        self.assertEqual(self.target.call("Emitted"), 1)

    def test_a_collectible_module(self):
        self.assertEqual(self.target.tell(f"collectible {LATE}"), "loaded")
        self.assertEqual(self.target.call("Collectible"), 42)
        double = self.target.method("LateModule.dll", "LateModule.Doubler", "Double")
        self.target.gives(double, returns(7))
        mark = self.target.mark()
        self.assertTrue(self.target.flags("LateModule.dll") & MODULE_COLLECTIBLE)
        self.assertResult(self.target.rejit(double), S_OK)
        self.assertEqual(self.target.call("Collectible"), 42)
        self.assertEqual(self.target.notes("ReJITError", "GetReJITParameters", since=mark), [])

    def test_a_profiler_that_fails(self):
        """GetReJITParameters answers a failure."""
        other = self.target.own("Plain", "Uncalled")
        self.assertEqual(self.target.call("Uncalled"), 1)
        self.target.gives(other, returns(42))
        self.target.when("GetReJITParameters", other, "result", E_FAIL)
        mark = self.target.mark()
        self.assertResult(self.target.rejit(other), S_OK)
        for _ in range(2):
            self.assertEqual(self.target.call("Uncalled"), 1)
            self.assertEqual(self.errors(mark, other), [hexed(E_FAIL)])
        # It counts as recompiled all the same, from its original IL.
        compiled = self.target.notes("ReJITCompilationFinished", since=mark, of=other)
        self.assertEqual([hexed(note["hr"]) for note in compiled], [hexed(S_OK)])

    def test_a_body_that_does_not_compile(self):
        third = self.target.own("Plain", "Third")
        self.assertEqual(self.target.call("Third"), 1)
        self.target.gives(third, body(b"\x26\x2a"))  # pop from an empty stack
        mark = self.target.mark()
        self.assertResult(self.target.rejit(third), S_OK)
        # Each call tries again, and throws; nothing says that it failed but the missing Finished.
        for tries in (1, 2):
            self.assertEqual(self.target.tell("call Third"), "InvalidProgramException")
            self.assertEqual(len(self.target.notes("ReJITCompilationStarted", since=mark, of=third)), tries)
        self.assertEqual(self.target.notes("ReJITError", "ReJITCompilationFinished", since=mark), [])
        self.assertEqual(self.target.revert(third), [S_OK])
        self.assertEqual(self.target.call("Third"), 1)


class AttemptAttached(Attempt):
    attached = True


if __name__ == "__main__":
    main()
