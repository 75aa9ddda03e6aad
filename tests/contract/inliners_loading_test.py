#!/usr/bin/env python3
"""A module's inliners can be asked for when it has been loaded: the documentation advises to ask on
each module load.

What the runtime (8.0 to 10.0) does: inside ModuleLoadStarted of that very module it answers
CORPROF_E_DATAINCOMPLETE (0x80131351), from ModuleLoadFinished on (inside it, too) S_OK and all
there are. So the code alone does not say whether to ask again: only the callback does."""

from contract_image import Image
from contract_runtime import CORPROF_E_DATAINCOMPLETE, ContractTest, MODULE_LOADS, S_OK, framework, hexed, main

LATE = "System.Linq.dll"


class Loading(ContractTest):
    def test_started_and_finished(self):
        inlinings = Image(framework(LATE)).inlinings()
        target = self.new().start(MODULE_LOADS)
        # An inlinee that the runtime finds: of a type that is not nested (inliners_nested_test).
        probe = self.new().start(MODULE_LOADS)
        probe.tell("module System.Linq")
        described = probe.described(probe.module(LATE), *inlinings)
        token = next(token for token, method in zip(inlinings, described) if not method["nested"])
        for kind in ("ModuleLoadStarted", "ModuleLoadFinished"):
            target.when(kind, "~/" + LATE, "do", "inliners", "@module", "@module", token)
        self.assertEqual(target.tell("module System.Linq"), "System.Linq")
        kinds = [note["kind"] for note in target.notes("ModuleLoadStarted", "ModuleLoadFinished", "Obeyed")
                 if note["module"] == target.module(LATE)]
        self.assertEqual(kinds, ["ModuleLoadStarted", "Obeyed", "ModuleLoadFinished", "Obeyed"])
        started, finished = [note["answer"] for note in target.notes("Obeyed")]
        self.assertEqual(hexed(started["hr"]), hexed(CORPROF_E_DATAINCOMPLETE))
        self.assertEqual((finished["hr"], finished["incomplete"], finished["count"]),
                         (S_OK, 0, len(inlinings[token])))


if __name__ == "__main__":
    main()
