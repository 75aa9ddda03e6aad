#!/usr/bin/env python3
"""A function whose cached code the profiler has refused may be searched for again, by a second thread,
while the first is still compiling it: the profiler is asked a second time though it has made its
will known.

Here the first thread is held inside JITCompilationStarted until the second has been seen inside
JITCachedFunctionSearchStarted. What the runtime (8.0 to 10.0) does then: with FALSE again the
second thread waits for the first one's code, and the function is compiled once; with TRUE, against
the rule that the answer must be the same, it runs the precompiled code without waiting."""

from contract_runtime import CACHE, COMPILED, COMPILING, ContractTest, FINISHED, STARTED, main

NAME = "System.Web.HttpUtility"
FILE = NAME + ".dll"


class Compiling(ContractTest):
    def second(self, *answers):
        target = self.new().start(CACHE)
        target.tell(f"module {NAME}")
        encode = target.method(FILE, NAME, "HtmlEncode")
        for answer in answers:
            target.when(STARTED, encode, "answer", *answer)
        target.when(COMPILING, encode, "hold", "compiler", 1)
        target.tell(f"spawn {NAME} {NAME} HtmlEncode a<b")
        target.wait_notes(1, COMPILING, of=encode)
        target.tell(f"spawn {NAME} {NAME} HtmlEncode c<d")
        started = target.wait_notes(2, STARTED, of=encode)
        # The first is still at it: this is the case.
        self.assertEqual(target.notes(COMPILED, of=encode), [])
        self.assertNotEqual(started[0]["thread"], started[1]["thread"])
        self.assertEqual(started[0]["function"], started[1]["function"])
        return target, encode

    def end(self, target, encode):
        target.must("open compiler")
        self.assertEqual(target.tell("joined"), "a&lt;b c&lt;d")
        return [len(target.notes(kind, of=encode)) for kind in (FINISHED, COMPILING, COMPILED)]

    def test_false_again(self):
        target, encode = self.second([0])
        self.assertEqual(self.end(target, encode), [0, 1, 1])

    def test_true_then(self):
        target, encode = self.second([1], [0, 1])
        target.wait_notes(1, FINISHED, of=encode)
        self.assertEqual(target.notes(COMPILED, of=encode), [])
        self.assertEqual(self.end(target, encode), [1, 1, 1])


if __name__ == "__main__":
    main()
