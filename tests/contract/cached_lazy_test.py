#!/usr/bin/env python3
"""The search is made lazily, one function at a time, when it is about to run for the first time; the
documentation advises profilers to gather what they need just as lazily. It is not made for every
function.

What the runtime (8.0 to 10.0) does: loading a module searches for nothing; a function's first call
does, once, and its later calls do not. There is no search for a function that has no precompiled
code (a generic one has it for some types and not for others), nor for one that has active ReJIT IL
when it is called for the first time: that is compiled from our IL straight away, and no answer is
needed for the first call to be seen. A revert before anything else was searched leads to the
search."""

from contract_runtime import CACHE, COMPILING, ContractTest, FINISHED, S_OK, STARTED, main

NAME = "System.Web.HttpUtility"
FILE = NAME + ".dll"
STACK = "System.Collections.dll"


class Lazy(ContractTest):
    def setUp(self):
        self.target = self.new().start(CACHE)
        self.assertEqual(self.target.tell(f"module {NAME}"), NAME)
        self.module = self.target.module(FILE)

    def searched(self, since=0):
        return [note for note in self.target.notes(STARTED, since=since) if note["module"] == self.module]

    def encode(self):
        return self.target.tell(f"invoke {NAME} {NAME} HtmlEncode a<b")

    def test_first_call(self):
        self.assertEqual(self.searched(), [], "searched at load")
        encode = self.target.method(FILE, NAME, "HtmlEncode")
        decode = self.target.method(FILE, NAME, "HtmlDecode")
        self.assertEqual(self.encode(), "a&lt;b")
        self.assertEqual(len([note for note in self.searched() if encode.of(note)]), 1)
        self.assertEqual([note for note in self.searched() if decode.of(note)], [])
        mark = self.target.mark()
        self.assertEqual(self.encode(), "a&lt;b")
        self.assertEqual(self.searched(since=mark), [])
        self.assertEqual(self.target.tell(f"invoke {NAME} {NAME} HtmlDecode a&lt;b"), "a<b")
        self.assertEqual(len([note for note in self.searched(since=mark) if decode.of(note)]), 1)

    def test_without_precompiled_code(self):
        answer = self.target.own("Plain", "Answer")
        self.assertEqual(self.target.call("Answer"), 1)
        self.assertEqual(self.target.notes(STARTED, FINISHED, of=answer), [])
        self.assertEqual(len(self.target.notes(COMPILING, of=answer)), 1)

    def test_generics(self):
        """Of Stack<T>.Push there is precompiled code for references, none for a structure of ours."""
        self.assertEqual((self.target.call("Stack<string>"), self.target.call("Stack<Point>")), (1, 1))
        push = self.target.method(STACK, "System.Collections.Generic.Stack`1", "Push")
        by_function = {}
        for note in self.target.notes(STARTED, FINISHED, COMPILING, of=push):
            by_function.setdefault(note["function"], []).append(note["kind"])
        self.assertEqual(sorted(by_function.values()), [[STARTED, FINISHED], [COMPILING]])

    def test_with_our_il(self):
        encode = self.target.method(FILE, NAME, "HtmlEncode")
        self.target.gives(encode, "0a022a")  # ldarg.0, ret
        self.assertResult(self.target.rejit(encode), S_OK)
        self.assertEqual(self.encode(), "a<b")
        self.assertEqual(self.target.notes(STARTED, FINISHED, COMPILING, of=encode), [])
        self.assertEqual(self.target.revert(encode), [S_OK])
        self.assertEqual(self.encode(), "a&lt;b")
        self.assertEqual([note["kind"] for note in self.target.notes(STARTED, FINISHED, COMPILING, of=encode)],
                         [STARTED, FINISHED])


if __name__ == "__main__":
    main()
