#!/usr/bin/env python3
"""JITCachedFunctionSearchStarted lets the profiler choose for a function that has precompiled code:
with pbUseCachedFunction TRUE the runtime uses that code if there is any, with FALSE it compiles the
function; JITCachedFunctionSearchFinished tells how the search ended.

What the runtime (8.0 to 10.0) does: the value comes in as TRUE. After TRUE, Finished follows with
COR_PRF_CACHED_FUNCTION_FOUND, and nothing is compiled; after FALSE there is no Finished, and the
function is compiled, by the same thread, for the first tier. COR_PRF_CACHED_FUNCTION_NOT_FOUND is
never sent: where the code turns out to be unusable on this machine there is no Finished either, and
the function is compiled after all. Either way its answers are the same, and it can be recompiled
and reverted."""

from contract_runtime import (CACHE, COMPILED, COMPILING, ContractTest, FINISHED, FOUND, S_OK, STARTED, main, measured)

ENCODE = "invoke System.Web.HttpUtility System.Web.HttpUtility HtmlEncode a<b"
FILE = "System.Web.HttpUtility.dll"


class Answer(ContractTest):
    def events(self, target, method, since=0):
        return [note["kind"] for note in target.notes(STARTED, FINISHED, COMPILING, COMPILED, since=since, of=method)]

    def encode(self, setup=None):
        target = self.new().start(CACHE, setup=setup)
        self.assertEqual(target.tell(ENCODE), "a&lt;b")
        return target, target.method(FILE, "System.Web.HttpUtility", "HtmlEncode")

    def recompiles(self, target, method):
        target.gives(method, "0a022a")  # ldarg.0, ret
        self.assertResult(target.rejit(method), S_OK)
        self.assertEqual(target.tell(ENCODE), "a<b")
        self.assertEqual(target.revert(method), [S_OK])
        self.assertEqual(target.tell(ENCODE), "a&lt;b")

    def test_use(self):
        target, method = self.encode()
        self.assertEqual(self.events(target, method), [STARTED, FINISHED])
        started, finished = target.notes(STARTED, FINISHED, of=method)
        self.assertEqual((started["value"], finished["value"]), (1, FOUND))
        self.assertEqual((started["function"], started["thread"]), (finished["function"], finished["thread"]))
        self.recompiles(target, method)

    def test_compile(self):
        target, method = self.encode(lambda target: target.when(STARTED, "~" + FILE, "answer", 0))
        self.assertEqual(self.events(target, method), [STARTED, COMPILING, COMPILED])
        started, compiling, _ = target.notes(STARTED, COMPILING, COMPILED, of=method)
        self.assertEqual((started["function"], started["thread"]), (compiling["function"], compiling["thread"]))
        # The others' precompiled code was used: the answer counts for this function alone.
        self.assertGreater(len(target.notes(FINISHED)), 100)
        self.recompiles(target, method)

    def test_nothing_but_found(self):
        target, _ = self.encode()
        started, finished = target.notes(STARTED), target.notes(FINISHED)
        self.assertEqual({note["value"] for note in finished}, {FOUND})
        unusable = {note["function"] for note in started} - {note["function"] for note in finished}
        compiled = {note["function"] for note in target.notes(COMPILED)}
        self.assertTrue(unusable <= compiled, "neither found nor compiled")
        measured(f"hello world and a call: {len(started)} searches, {len(finished)} finished, {len(compiled)} compiled")

    def test_compile_all(self):
        target, method = self.encode(lambda target: target.when(STARTED, "*", "answer", 0))
        self.assertEqual(target.notes(FINISHED), [])
        started = {note["function"] for note in target.notes(STARTED)}
        compiled = {note["function"] for note in target.notes(COMPILED)}
        self.assertGreater(len(started), 100)
        self.assertTrue(started <= compiled)
        self.recompiles(target, method)


if __name__ == "__main__":
    main()
