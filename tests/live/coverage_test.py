"""The coverage statement on real programs: the first line, what is pending and comes later, status
in between, the stream, --explain. Every number is held against the others."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig

LATE = "InliningLeaf.Simple.ForLate"


class Coverage(LiveTest):
    def target(self):
        return self.program(["dotnet", app("Inlining")])

    def test_module_that_comes_later(self):
        """It is pending as long as it is not loaded, and says so to whoever asks."""
        program = self.target()
        program.tell("call cross-static 1")  # the method's own module is there
        look = self.rejig("count", "-p", str(program.pid), LATE, "--json", "--explain")
        look.probing()
        self.assertRegex(look.err.lines[0], r"\d modules? pending\b")
        look.err.wait(lambda line: line.startswith("  pending   InliningLate: it is not loaded yet"), "what is pending")
        code, out, _ = rejig("status", str(program.pid), "--json")
        self.assertEqual(code, 0)
        now = json.loads(out)["sessions"][0]["coverage"]
        self.assertIn("InliningLate", [gap["subject"] for gap in now["gaps"] if gap["state"] == "pending"])
        program.tell("call late-cross 3")
        self.assertEqual(look.end(), 0)
        objects = look.objects()
        told = [item for item in objects if item["type"] == "coverage"]
        self.assertEqual([told[0]["final"], told[-1]["final"]], [False, True])
        self.assertEqual(told[0]["pending"], now["pending"])
        self.assertLess(told[-1]["pending"], told[0]["pending"])
        start, end = objects[0], objects[-1]
        for field in ("precompiled", "switched", "jit", "pending", "impossible"):
            self.assertEqual(start["coverage"][field], told[0][field], field)
            self.assertEqual(end["coverage"][field], told[-1][field], field)
        self.assertEqual(program.finish(), 7)

    def test_precompiled_callers(self):
        """As many as --explain names; --explain counts a caller once, however often it calls."""
        program = self.target()
        look = self.rejig("count", "-p", str(program.pid), "System.String.IsNullOrEmpty", "--json", "--explain")
        look.probing()
        self.assertEqual(look.end(), 0)
        objects = look.objects()
        end = objects[-1]["coverage"]
        named = {(item["method"], item["module"]) for item in objects
                 if item["type"] == "covered" and item["final"] and "jit" not in item["how"]}
        self.assertGreater(end["precompiled"], 100)
        self.assertEqual(len(named), end["precompiled"])
        switched = {(item["method"], item["module"]) for item in objects
                    if item["type"] == "covered" and item["final"] and item["switched"]}
        self.assertEqual(len(switched), end["switched"] + end["jit"])
        self.assertRegex(look.err.lines[0], r"\(\+\d+ precompiled callers that hold an inlined copy; JIT-compiled ones")
        rows = [line for line in look.err.lines if re.match(r"  seen      \S+.* by its image's table; ", line)]
        self.assertEqual(len(rows), objects[0]["coverage"]["precompiled"])
        self.assertEqual(program.finish(), 7)

    def test_intrinsic(self):
        """Named without being asked; with --explain the first line says so in one word."""
        program = self.target()
        look = self.rejig("count", "-p", str(program.pid), "System.Span<T>.get_Item")
        look.probing()
        self.assertIn("; 1 cannot be seen: --explain)", look.err.lines[0])
        self.assertEqual(look.end(), 0)
        self.assertIn("  not seen  System.Span<T>.get_Item(int): it is a JIT intrinsic", look.err.text())
        self.assertRegex(look.err.lines[-1], r"1 could not be seen\b")
        look = self.rejig("count", "-p", str(program.pid), "System.Span<T>.get_Item", "--explain")
        look.probing()
        self.assertRegex(look.err.lines[0], rf"^probing 1 method in pid {program.pid} \w+: INCOMPLETE · ")
        self.assertEqual(look.end(), 0)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
