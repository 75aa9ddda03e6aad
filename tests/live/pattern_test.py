"""Patterns as a developer writes or pastes them, on a live program, and what a pattern that is
wrong is answered."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def line_of(file, text):
    """The number of the line of a test program's source that holds a text."""
    with open(os.path.join(ROOT, "tests", "apps", "kinds", file), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            if text in line:
                return number
    raise AssertionError(f"{file} has no line with {text}")


class Patterns(LiveTest):
    # pattern, order, the method that answers, calls
    def cases(self):
        return [
            ("Plain.Static", "run static 3", "Kinds.Plain.Static", 3),
            ("Kinds.dll!Kinds.Plain.Static(int, string)", "run static 3", "Kinds.Plain.Static", 3),
            ("Kinds.Plain.Stat*", "run static 3", "Kinds.Plain.Static", 3),
            ("**.Plain.Static", "run static 3", "Kinds.Plain.Static", 3),
            ("Kinds.Plain.Base", "run getter 3", "Kinds.Plain.get_Base", 3),
            ("Kinds.Box<*>.Get", "run generictype 3", "Kinds.Box<T>.Get", 6),
            ("Outer.Inner.Twice", "run nested 3", "Kinds.Outer+Inner.Twice", 3),
            ("   at Kinds.Plain.Static(Int32 number, String text) in /src/Methods.cs:line 12", "run static 3",
             "Kinds.Plain.Static", 3),
            ("   at Kinds.Asynchronous.<DoubleAsync>d__1.MoveNext()", "run taskof 3", "Kinds.Asynchronous.DoubleAsync", 3),
            (f"Methods.cs:{line_of('Methods.cs', 'number + text.Length')}", "run static 3", "Kinds.Plain.Static", 3),
            (f"Kinds.Lambdas.*+lambda@{line_of('Methods.cs', 'number => number * number')}", "run lambda 3", None, 3),
            ("Kinds.Lambdas.WithLocal+Half", "run local 3", None, 3),
            ("System.Collections.Generic.HashSet..ctor()", "run hashset 3", None, 3),
        ]

    def test_found(self):
        program = self.program(["dotnet", app("Kinds")])
        for pattern, order, method, count in self.cases():
            with self.subTest(pattern=pattern):
                watch = self.rejig("watch", str(program.pid), pattern, "--json")
                watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), "the first line")
                self.assertIn("probing", watch.err.text())
                program.tell(order)
                calls = watch.calls(count)
                self.assertEqual(watch.end(), 0)
                self.assertEqual(len(calls), count)
                if method:
                    self.assertEqual({call["method"] for call in calls}, {method})
        self.assertEqual(program.finish(), 7)

    def test_nearest(self):
        program = self.program(["dotnet", app("Kinds")])
        code, _, err = rejig("watch", str(program.pid), "Kinds.Plain.Incremet")
        self.assertEqual(code, 2)
        self.assertRegex(err, r"hint: nearest: .*Kinds\.Plain\.Increment")
        self.assertEqual(program.finish(), 7)

    def test_module_that_comes_later(self):
        """A pattern that matches nothing yet waits with --wait; the first call of the module that
        then comes may be missed, the rest is seen."""
        program = self.program(["dotnet", app("Kinds")])
        watch = self.rejig("watch", str(program.pid), "LateModule.Doubler.Double", "number, ret", "--wait", "--json")
        watch.err.wait(lambda line: line.startswith(("probing", "waiting", "rejig:")), "the first line")
        program.tell("load " + app("LateModule"))
        watch.err.wait(lambda line: "LateModule" in line, "the module's notice")
        program.tell("run late 5")
        calls = watch.calls(5)
        self.assertEqual([call["values"] for call in calls], [{"number": i, "ret": 2 * i} for i in range(5)])
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
