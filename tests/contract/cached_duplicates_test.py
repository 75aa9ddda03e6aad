#!/usr/bin/env python3
"""Several threads may call the same function for the first time at once; then
JITCachedFunctionSearchStarted comes once for each of them, and the profiler must give the same
answer to all of these duplicates.

What the runtime (8.0 to 10.0) does: the duplicates are real, one for each racing thread (here
sixteen are held inside the callback, so nothing is left to chance). It does not suffer from
differing answers: each search is judged alone; a thread that is told FALSE compiles, one that is
told TRUE finds, all get right answers. After sixteen FALSE the function is compiled once."""

from contract_runtime import (CACHE, COMPILED, COMPILING, ContractTest, FINISHED, STARTED, main, measured, wait_for)

NAME = "System.Web.HttpUtility"
FILE = NAME + ".dll"
THREADS = 16


class Duplicates(ContractTest):
    def race(self, *answers):
        """Sixteen first calls, none of which goes on before all have begun. The rules come in order,
        the last that fits wins."""
        target = self.new().start(CACHE)
        target.tell(f"module {NAME}")
        encode = target.method(FILE, NAME, "HtmlEncode")
        for answer in answers:
            target.when(STARTED, encode, "answer", *answer)
        target.when(STARTED, encode, "hold", "all")
        for _ in range(THREADS):
            self.assertEqual(target.tell(f"spawn {NAME} {NAME} HtmlEncode a<b"), "spawned")
        target.wait_notes(THREADS, STARTED, of=encode)
        target.must("open all")
        self.assertEqual(target.tell("joined").split(), ["a&lt;b"] * THREADS)
        started = target.notes(STARTED, of=encode)
        self.assertEqual(len(started), THREADS)
        self.assertEqual(len({note["thread"] for note in started}), THREADS)
        self.assertEqual(len({note["function"] for note in started}), 1)
        # Afterwards nobody searches any more.
        self.assertEqual(target.tell(f"invoke {NAME} {NAME} HtmlEncode a<b"), "a&lt;b")
        self.assertEqual(len(target.notes(STARTED, of=encode)), THREADS)
        return {kind: len(target.notes(kind, of=encode)) for kind in (FINISHED, COMPILING, COMPILED)}

    def test_all_false(self):
        self.assertEqual(self.race([0]), {FINISHED: 0, COMPILING: 1, COMPILED: 1})

    def test_all_true(self):
        counts = self.race([1])
        self.assertEqual((counts[COMPILING], counts[COMPILED]), (0, 0))
        self.assertEqual(counts[FINISHED], THREADS)

    def test_differing(self):
        counts = self.race([1], [0, THREADS // 2])
        measured(f"eight FALSE, eight TRUE: {counts}")
        self.assertLessEqual(counts[FINISHED], THREADS // 2)
        self.assertLessEqual(counts[COMPILED], 1)
        self.assertGreaterEqual(counts[FINISHED] + counts[COMPILED], 1)


class Chance(ContractTest):
    """The same left to chance: every method of an assembly, made ready by sixteen threads at once."""

    def race(self, answer):
        target = self.new().start(CACHE)
        name = "System.Private.Xml.Linq"
        target.tell(f"module {name}")
        module = target.module(name + ".dll")
        target.when(STARTED, f"{module}:0", "answer", answer)
        methods = int(target.tell(f"race {THREADS} {name}"))
        started, finished, compiled = ([note["function"] for note in target.notes(kind) if note["module"] == module]
                                       for kind in (STARTED, FINISHED, COMPILED))
        self.assertGreater(len(set(started)), 100)
        most = max(started.count(function) for function in set(started))
        twice = len([function for function in set(started) if started.count(function) > 1])
        measured(f"answer {answer}: {methods} methods, {len(set(started))} ids searched, {twice} of them more than "
                 f"once, at most {most} times; finished {len(finished)}, compiled {len(compiled)}")
        self.assertLessEqual(most, THREADS)
        return started, finished, compiled

    def test_false(self):
        started, finished, compiled = self.race(0)
        self.assertEqual(finished, [])
        self.assertTrue(set(started) <= set(compiled))
        self.assertEqual(len(compiled), len(set(compiled)), "compiled twice")

    def test_true(self):
        started, finished, compiled = self.race(1)
        self.assertEqual(set(started) - set(finished) - set(compiled), set())


if __name__ == "__main__":
    main()
