#!/usr/bin/env python3
"""RequestReJIT recompiles all instances of each function that it names: one request by (module,
methodDef) reaches every generic instantiation, those that share code and those that do not, those
that exist and those that come later, and whatever tier their code stands at."""

from contract_runtime import ContractTest, REJIT, S_OK, main, returns, wait_for

EXISTING = ["Box<int>", "Box<Guid>", "Box<string>", "Box<object>", "Of<int>", "Of<Guid>", "Of<string>"]
LATER = ["Box<double>", "Of<double>"]


class Instances(ContractTest):
    @classmethod
    def setUpClass(cls):
        # The tiers come without delay, so that one can be waited for.
        cls.target = cls.new(env={"DOTNET_TC_CallCountingDelayMs": "0"}).bring(REJIT, cls.attached)
        cls.kind = cls.target.own("Box`1", "Kind")
        cls.of = cls.target.own("Generic", "Of")
        cls.answer = cls.target.own("Plain", "Answer")

    def optimised(self, method, name):
        """Calls it until its code of the last tier stands."""
        def compiled():
            self.target.call(name, 100)
            return len(self.target.notes("JITCompilationFinished", of=method)) >= 2
        wait_for(compiled, f"{name} at the last tier")

    def test_every_instantiation(self):
        for name in EXISTING:
            self.assertEqual(self.target.call(name), 1, name)
        functions = {note["function"] for note in self.target.notes("JITCompilationFinished")
                     if self.kind.of(note) or self.of.of(note)}
        # string and object share one body in Box, and so do all references in Of.
        self.assertEqual(len(functions), 6)
        for method in (self.kind, self.of):
            self.target.gives(method, returns(42))
        mark = self.target.mark()
        self.assertResult(self.target.rejit(self.kind, self.of), S_OK)
        for name in EXISTING + LATER:
            self.assertEqual(self.target.call(name), 42, name)
        # The IL is asked for once a method, not once an instance.
        asked = self.target.notes("GetReJITParameters", since=mark)
        self.assertEqual(len([note for note in asked if self.kind.of(note)]), 1)
        self.assertEqual(len([note for note in asked if self.of.of(note)]), 1)
        recompiled = {note["function"] for note in self.target.notes("ReJITCompilationFinished", since=mark)}
        self.assertTrue(functions <= recompiled, "an instance kept its code")
        self.assertEqual(len(recompiled), 8)
        self.assertEqual(self.target.revert(self.kind, self.of), [S_OK, S_OK])
        for name in EXISTING + LATER:
            self.assertEqual(self.target.call(name), 1, name)

    def test_every_tier(self):
        self.optimised(self.answer, "Answer")
        self.target.gives(self.answer, returns(43))
        self.assertResult(self.target.rejit(self.answer), S_OK)
        self.assertEqual(self.target.call("Answer"), 43)
        # The recompiled version climbs the tiers as any code does, with one ReJITID.
        def climbed():
            self.assertEqual(self.target.call("Answer", 100), 43)
            return len(self.target.notes("ReJITCompilationFinished", of=self.answer)) >= 2
        wait_for(climbed, "the recompiled version's last tier")
        versions = {note["value"] for note in self.target.notes("ReJITCompilationFinished", of=self.answer)}
        self.assertEqual(len(versions), 1)
        self.assertEqual(len(self.target.notes("GetReJITParameters", of=self.answer)), 1)


class InstancesAttached(Instances):
    attached = True


if __name__ == "__main__":
    main()
