#!/usr/bin/env python3
"""A request for a function that is already recompiled equals a revert and a recompilation: the runtime
asks for parameters anew, the new version has a ReJITID of its own, and starts from the original IL,
not from what the version before was given.

(One translation of the documentation says this of functions that have NOT been compiled before;
rejit_uncalled_test shows what happens to those.)"""

from contract_runtime import ContractTest, REJIT, S_OK, main, returns


class Again(ContractTest):
    @classmethod
    def setUpClass(cls):
        cls.target = cls.new().bring(REJIT, cls.attached)

    def version(self, method, since):
        """The ReJITID that was compiled since; there is one."""
        ids = {note["value"] for note in self.target.notes("ReJITCompilationStarted", since=since, of=method)}
        self.assertEqual(len(ids), 1)
        return ids.pop()

    def test_new_version_from_the_original(self):
        target, method = self.target, self.target.own("Plain", "Answer")
        self.assertEqual(target.call("Answer"), 1)
        original = target.must(f"il {method.module} {method.token}")["il"]
        versions = []
        for answer in (42, 43, None, 44):
            target.must("forget")
            # Inside the callback the profiler looks at the IL that there is.
            target.when("GetReJITParameters", method, "do", f"il {method.module} {method.token}")
            if answer:
                target.gives(method, returns(answer))
            mark = target.mark()
            self.assertResult(target.rejit(method), S_OK)
            # None: no body was given. It runs the original, not the version before.
            self.assertEqual(target.call("Answer"), answer or 1)
            asked = target.notes("GetReJITParameters", since=mark, of=method)
            self.assertEqual(len(asked), 1)
            seen = [note["answer"]["il"] for note in target.notes("Obeyed", since=mark)]
            self.assertEqual(seen, [original])
            versions.append(self.version(method, mark))
        self.assertEqual(len(set(versions)), 4, versions)
        function = target.must(f"function {method.module} {method.token}")["function"]
        ids = target.must(f"ids {function}")["ids"]
        self.assertTrue(set(versions) <= set(ids), (versions, ids))
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.call("Answer"), 1)

    def test_two_requests_before_the_call(self):
        """Two requests with no call between them are one: parameters are asked for once."""
        target, method = self.target, self.target.own("Plain", "Other")
        self.assertEqual(target.call("Other"), 1)
        target.gives(method, returns(42))
        mark = target.mark()
        self.assertResult(target.rejit(method), S_OK)
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.call("Other"), 42)
        self.assertEqual(len(target.notes("GetReJITParameters", since=mark, of=method)), 1)

    def test_revert_of_what_is_not_recompiled(self):
        """It succeeds, and changes nothing."""
        method = self.target.own("Plain", "Third")
        self.assertEqual(self.target.call("Third"), 1)
        self.assertEqual(self.target.revert(method, method), [S_OK, S_OK])
        self.assertEqual(self.target.call("Third"), 1)


class AgainAttached(Again):
    attached = True


if __name__ == "__main__":
    main()
