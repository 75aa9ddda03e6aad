#!/usr/bin/env python3
"""A function that was never compiled and is requested runs our IL from its very first call.

What the runtime does besides: its original version is then not compiled at all, so that
JITCompilationStarted never comes for it until it is reverted; and a request inside
ModuleLoadFinished, before any of the module's code exists, counts just as much (at start, and when
attached)."""

from contract_runtime import ContractTest, LATE, REJIT, S_OK, main, returns


class Uncalled(ContractTest):
    def never_called(self, target):
        method = target.own("Plain", "Uncalled")
        target.gives(method, returns(42))
        self.assertEqual(target.notes("JITCompilationStarted", of=method), [])
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.notes("GetReJITParameters", of=method), [], "asked for before it is needed")
        self.assertEqual(target.call("Uncalled"), 42)
        self.assertEqual(len(target.notes("GetReJITParameters", of=method)), 1)
        self.assertEqual(len(target.notes("ReJITCompilationFinished", of=method)), 1)
        self.assertEqual(target.notes("JITCompilationStarted", of=method), [])
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.call("Uncalled"), 1)
        self.assertEqual(len(target.notes("JITCompilationStarted", of=method)), 1)

    def requested_while_loading(self, target):
        # LateModule has one type with one method, which doubles: token 0x06000001.
        target.when("ModuleLoadFinished", "~LateModule.dll", "do", "rejit", "@module:0x06000001")
        target.when("GetReJITParameters", "~LateModule.dll", "body", returns(42 * 42))
        self.assertEqual(target.tell(f"load {LATE} LateModule.Doubler Double"), "loaded")
        self.assertEqual([note["answer"]["hr"] for note in target.notes("Obeyed")], [S_OK])
        self.assertEqual(target.call("Double"), 42 * 42)
        self.assertEqual(target.revert(target.method("LateModule.dll", "LateModule.Doubler", "Double")), [S_OK])
        self.assertEqual(target.call("Double"), 42)

    def test_started(self):
        target = self.new().start(REJIT)
        self.never_called(target)
        self.requested_while_loading(target)

    def test_attached(self):
        target = self.new().run()
        self.assertEqual(target.attach(REJIT), S_OK)
        self.never_called(target)
        self.requested_while_loading(target)


if __name__ == "__main__":
    main()
