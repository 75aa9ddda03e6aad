"""patch: a method gives another result everywhere from its next call on, and its own again afterwards."""

import json
import os
import signal
import stat
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import REJIG, LiveTest, agent_log, app, main, rejig, status, wait_for

ADD = "Patching.Simple.Add(int, int)"
INLINED = ("Add", "AddTwice", "AddThrice")
OWN = ["Add 41", "AddTwice 82", "AddThrice 123"]
CHANGED = ["Add 42", "AddTwice 84", "AddThrice 126"]


class PatchTest(LiveTest):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.scratch, "state")
        self.env = {"XDG_STATE_HOME": self.state}

    def target(self):
        return self.program(["dotnet", app("Patch")])

    def warm(self, program):
        """Until callers hold inlined copies in optimised code."""
        for _ in range(2):
            program.tell("warm 100000")
            time.sleep(0.2)
        return program

    def patch(self, program, method, value, *more, env=None):
        patch = self.rejig("patch", str(program.pid), method, "--return", value, "--allow-changes", *more,
                           env=env or self.env)
        self.in_force(patch)
        return patch

    def in_force(self, patch):
        """The first line, and the one that says what is changed into what."""
        patch.err.wait(lambda line: line.startswith("changed"), "'changed'")
        patch.err.wait(lambda line: " gives " in line or line.endswith(" does nothing"), "'gives'")

    def try_patch(self, program, method, value, *more, env=None):
        return rejig("patch", str(program.pid), method, "--return", value, "--allow-changes", *more,
                     env=env or self.env)

    def ask(self, program, *names):
        return [program.tell("ask " + name) for name in names or INLINED]

    def one(self, program, name):
        return program.tell("ask " + name)[len(name) + 1:]

    def back(self, program, expected, *names):
        wait_for(lambda: self.ask(program, *names) == expected, f"{expected} again", 10)

    def audit(self):
        with open(os.path.join(self.state, "rejig", "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def sound(self, program):
        """The agent has had no trouble, and nothing is left."""
        agent = [item for item in status(program.pid) if item["type"] == "status"][0]
        self.assertEqual((agent.get("residue", 0), agent["sessions"]), (0, []))
        self.assertEqual([line for line in agent_log(program.pid) if "withdrawn" in line or "could not" in line], [])
        self.assertEqual(program.finish(), 7)


class Everywhere(PatchTest):
    def test_inlined(self):
        program = self.warm(self.target())
        self.assertEqual(self.ask(program), OWN)
        patch = self.patch(program, ADD, "42")
        self.assertEqual(self.ask(program), CHANGED)
        program.tell("warm 100000")
        self.assertEqual(self.ask(program), CHANGED)
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), OWN)
        self.assertRegex(patch.err.lines[0],
                         rf"^changed 1 method in pid {program.pid} Patch.* · back in 10 min or at Ctrl-C · "
                         r"written to the audit log$")
        self.assertEqual(patch.err.lines[1], f"  {ADD} gives 42")
        self.assertRegex(patch.err.lines[-1], r"^taken back after .* · reverted \d+ methods( \(.*\))? · the agent sleeps")
        self.sound(program)

    def test_threads(self):
        """Calls on other threads switch over too, and no third value is ever seen."""
        program = self.warm(self.target())
        program.tell("loop")
        wait_for(lambda: program.tell("seen") == "seen 82", "the loops")
        patch = self.patch(program, ADD, "42")
        wait_for(lambda: program.tell("seen") == "seen 84", "the loops' new results", 10)
        for _ in range(20):
            self.assertIn(program.tell("seen"), ("seen 84", "seen "))
        self.assertEqual(patch.end(), 0)
        wait_for(lambda: program.tell("seen") == "seen 82", "the loops' own results", 10)
        for _ in range(20):
            self.assertIn(program.tell("seen"), ("seen 82", "seen "))
        self.sound(program)

    def test_ends(self):
        program = self.warm(self.target())
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=how):
                patch = self.patch(program, ADD, "42")
                self.assertEqual(self.ask(program), CHANGED)
                self.assertEqual(patch.end(how), 0)
                self.assertEqual(self.ask(program), OWN)
        patch = self.patch(program, ADD, "42")
        self.assertEqual(self.ask(program), CHANGED)
        patch.end(signal.SIGKILL)
        self.back(program, OWN)
        self.sound(program)

    def test_duration(self):
        program = self.warm(self.target())
        patch = self.patch(program, ADD, "42", "--duration", "1s")
        self.assertIn(" · back in 1 s or at Ctrl-C · ", patch.err.lines[0])
        self.assertEqual(self.ask(program), CHANGED)
        self.assertEqual(patch.wait(), 0)
        self.assertEqual(self.ask(program), OWN)
        self.assertEqual(self.audit()[-1]["result"], "taken back (duration)")
        self.sound(program)

    def test_stopped_rejig(self):
        """A rejig that stands still holds no change for longer than it said."""
        program = self.warm(self.target())
        patch = self.patch(program, ADD, "42", "--duration", "1s")
        patch.process.send_signal(signal.SIGSTOP)
        self.assertEqual(self.ask(program), CHANGED)
        self.back(program, OWN)
        patch.process.send_signal(signal.SIGCONT)
        self.assertEqual(patch.wait(), 0, patch.err.text())
        self.sound(program)

    def test_reset(self):
        program = self.warm(self.target())
        patch = self.patch(program, ADD, "42")
        self.assertEqual(rejig("reset", str(program.pid))[0], 0)
        self.assertEqual(self.ask(program), OWN)
        self.assertEqual(patch.wait(), 0)
        self.sound(program)

    def test_again_and_again(self):
        program = self.warm(self.target())
        for i in range(10):
            patch = self.patch(program, ADD, str(i))
            self.assertEqual(self.ask(program), [f"Add {i}", f"AddTwice {2 * i}", f"AddThrice {3 * i}"])
            self.assertEqual(patch.end(), 0)
            self.assertEqual(self.ask(program), OWN)
        self.sound(program)

    def test_started(self):
        program = self.program([REJIG, "patch", ADD, "--return", "42", "--allow-changes", "--", "dotnet", app("Patch")],
                               env=self.env)
        self.assertEqual(self.ask(program), CHANGED)
        program.tell("warm 100000")
        self.assertEqual(self.ask(program), CHANGED)
        self.assertEqual(program.finish(), 7)
        self.assertIn("or at the program's end", program.err.text())
        self.assertEqual([line["event"] for line in self.audit()], ["request", "change", "take-back"])
        self.assertEqual(self.audit()[-1]["result"], "the process has ended")

    def test_started_for_a_while(self):
        """At the end of its time the change goes, and the program stays."""
        program = self.program([REJIG, "patch", ADD, "--return", "42", "--allow-changes", "--duration", "2s", "--",
                                "dotnet", app("Patch")], env=self.env)
        self.assertEqual(self.ask(program), CHANGED)
        self.back(program, OWN)
        self.assertEqual(program.finish(), 7)
        self.assertIn("taken back after", program.err.text())

    def test_started_with_several(self):
        """Which of several methods is meant is not guessed when they load, either."""
        program = self.program([REJIG, "patch", "Patching.Simple.Add", "--return", "42", "--allow-changes", "--",
                                "dotnet", app("Patch")], env=self.env)
        self.assertEqual(self.ask(program), OWN)
        self.assertEqual(program.finish(), 7)
        self.assertIn("2 methods match and are not changed (--max-methods 1)", program.err.text())
        self.assertIn("nothing was changed", program.err.text())
        self.assertEqual([line["event"] for line in self.audit()], ["request"])

    def test_target_ends(self):
        program = self.target()
        patch = self.patch(program, ADD, "42")
        self.assertEqual(program.finish(), 7)
        self.assertEqual(patch.wait(), 0)
        self.assertRegex(patch.err.lines[-1], rf"^the change lasted .* · pid {program.pid} has ended$")


class Literals(PatchTest):
    """Every kind of literal, each on a method that returns its type."""

    CASES = [
        ("Bool", "true", "True"), ("Bool", "default", "False"),
        ("SByte", "-128", "-128"), ("SByte", "127", "127"),
        ("Byte", "255", "255"), ("Byte", "0xFF", "255"),
        ("Short", "-32768", "-32768"), ("UShort", "65_535", "65535"), ("UShort", "'A'", "65"),
        ("Int", "-2147483648", "-2147483648"), ("Int", "0b101", "5"), ("Int", "'A'", "65"),
        ("UInt", "4294967295", "4294967295"), ("UInt", "7u", "7"),
        ("Long", "-9223372036854775808", "-9223372036854775808"), ("Long", "5L", "5"),
        ("ULong", "18446744073709551615", "18446744073709551615"), ("ULong", "5UL", "5"),
        ("NInt", "-3", "-3"), ("NUInt", "3", "3"),
        ("Float", "1.5", "1.5"), ("Float", "0.1f", "0.1"), ("Float", "-3", "-3"), ("Float", "16777217", "16777216"),
        ("Double", "0.1", "0.1"), ("Double", "-1e-300", "-1E-300"), ("Double", "2d", "2"), ("Double", "1.5f", "1.5"),
        ("Decimal", "42.5m", "42.5"), ("Decimal", "-0.10m", "-0.10"), ("Decimal", "42.50", "42.50"),
        ("Decimal", "79228162514264337593543950335m", "79228162514264337593543950335"), ("Decimal", "7", "7"),
        ("Decimal", "default", "0"),
        ("Char", "'x'", "120"), ("Char", r"'\uD800'", "55296"), ("Char", r"'\0'", "0"),
        ("String", '"text"', '"text"'), ("String", r'"a\"b\n\0ü"', r'"a"b\n\0ü"'), ("String", r'@"C:\x""y"', r'"C:\x"y"'),
        ("String", '""', '""'), ("String", "null", "null"), ("String", "default", "null"),
        ("String", '"\U0001F600"', '"\U0001F600"'), ("String", '"' + "long" * 1000 + '"', '"' + "long" * 1000 + '"'),
        ("State", "State.Closed", "Closed"), ("State", "Shipped", "Shipped"), ("State", "Patching.State.Placed", "Placed"),
        ("State", "9", "Closed"), ("State", "77", "77"),
        ("Rights", "Rights.Read | Rights.Write", "Read, Write"), ("Rights", "Read|Run", "Read, Run"),
        ("Big", "Big.Top", "Top"), ("Deep", "Low", "Low"), ("Deep", "Deep.High", "High"),
        ("Object", "null", "null"), ("Array", "null", "null"), ("List", "null", "null"), ("Interface", "null", "null"),
        ("Items", "null", "null"),
        ("Point", "default", "(0,0,null)"), ("Guid", "default", "00000000-0000-0000-0000-000000000000"),
        ("DateTime", "default", "0"), ("Tuple", "default", "(0, )"), ("KeyValue", "default", "[, 0]"),
        ("MaybeInt", "null", "null"), ("MaybeInt", "-5", "-5"), ("MaybeInt", "default", "null"),
        ("MaybeDecimal", "2.50m", "2.50"), ("MaybeState", "State.Closed", "Closed"), ("MaybeBool", "true", "True"),
        ("MaybePoint", "null", "null"),
        ("Span", "default", "0"), ("Pointer", "null", "0"), ("Pointer", "default", "0"),
        ("Void", "void", "0"), ("Void", "default", "0"), ("Void", "", "0"),
        ("Throws", "3", "3"), ("Property", "-1", "False"),
    ]
    METHODS = {"Property": "Patching.Returns.get_Property"}

    def test_all(self):
        program = self.target()
        own = {name: self.one(program, name) for name, _, _ in self.CASES}
        for name, value, expected in self.CASES:
            with self.subTest(method=name, value=value[:40]):
                patch = self.patch(program, self.METHODS.get(name, f"Patching.Returns.{name}"), value)
                self.assertEqual(self.one(program, name), expected)
                self.assertEqual(patch.end(), 0)
                self.assertEqual(self.one(program, name), own[name])
        self.sound(program)

    def test_value_left_out(self):
        program = self.target()
        for words in (["--return", "--allow-changes"], ["--allow-changes", "--return"]):
            with self.subTest(words=words):
                patch = self.rejig("patch", str(program.pid), "Patching.Returns.Void", *words, env=self.env)
                self.in_force(patch)
                self.assertEqual(patch.err.lines[1], "  Patching.Returns.Void() does nothing")
                self.assertEqual(self.one(program, "Void"), "0")
                self.assertEqual(patch.end(), 0)
                self.assertEqual(self.one(program, "Void"), "1")
        self.sound(program)

    def test_exceptions_go_and_come(self):
        program = self.target()
        self.assertEqual(self.ask(program, "Throws", "Caught"), ["Throws InvalidOperationException", "Caught -1"])
        patch = self.patch(program, "Patching.Returns.Throws", "5")
        self.assertEqual(self.ask(program, "Throws", "Caught"), ["Throws 5", "Caught 5"])
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program, "Throws", "Caught"), ["Throws InvalidOperationException", "Caught -1"])
        self.sound(program)

    def test_out_parameters(self):
        program = self.target()
        own = self.one(program, "TryParse")
        self.assertEqual(own, 'True 7 (7,7,made) "x" 7 list 2 Closed null')
        patch = self.patch(program, "Patching.Returns.TryParse", "false")
        self.assertEqual(self.one(program, "TryParse"), "False 0 (0,0,null) null 0 null 1 null null")
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.one(program, "TryParse"), own)
        self.sound(program)

    def test_constructors(self):
        program = self.target()
        cases = (("Patching.Made..ctor", "Made", "4", "0"), ("Patching.Point..ctor", "MakePoint", "(1,2,made)", "(0,0,null)"),
                 ("Patching.Pair<T>..ctor", "MakePair", '"x" 5 "x" 6', "null 0 null 0"))
        for method, name, own, changed in cases:
            with self.subTest(method=method):
                self.assertEqual(self.one(program, name), own)
                patch = self.patch(program, method, "void")
                self.assertEqual(self.one(program, name), changed)
                self.assertEqual(patch.end(), 0)
                self.assertEqual(self.one(program, name), own)
        self.sound(program)

    def test_generics(self):
        """Every instantiation, shared and not."""
        program = self.target()
        echo, box = ("EchoInt", "EchoString", "EchoPoint"), ("BoxInt", "BoxString", "BoxCount")
        own = self.ask(program, *echo, *box)
        self.assertEqual(own, ["EchoInt 5", 'EchoString "five"', "EchoPoint (5,5,made)", "BoxInt 5", 'BoxString "five"',
                               "BoxCount 2"])
        for method, value, names, expected in (
                ("Patching.Returns.Echo", "default", echo, ["EchoInt 0", "EchoString null", "EchoPoint (0,0,null)"]),
                ("Patching.Box<T>.Get", "default", box, ["BoxInt 0", "BoxString null", "BoxCount 2"]),
                ("Patching.Box<T>.Count", "7", box, ["BoxInt 5", 'BoxString "five"', "BoxCount 14"])):
            with self.subTest(method=method):
                patch = self.patch(program, method, value)
                self.assertEqual(self.ask(program, *names), expected)
                self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program, *echo, *box), own)
        self.sound(program)

    def test_framework(self):
        """Methods of the runtime's own libraries, in CoreLib and beside it."""
        program = self.target()
        for method, name, value, expected in (
                ("System.Environment.get_MachineName", "MachineName", '"nowhere"', '"nowhere"'),
                ("System.Decimal.Parse(string)", "DecimalParse", "1.25m", "1.25"),
                ("System.Linq.Enumerable.LongCount(IEnumerable<TSource>)", "LongCount", "70", "70")):
            with self.subTest(method=method):
                own = self.one(program, name)
                patch = self.patch(program, method, value)
                self.assertEqual(self.one(program, name), expected)
                self.assertEqual(patch.end(), 0)
                self.assertEqual(self.one(program, name), own)
        self.sound(program)


class Refused(PatchTest):
    """What is refused says why, ends with the right code, and changes nothing."""

    LITERALS = [
        ("Bool", "1", "is no bool", "true or false"),
        ("SByte", "128", "does not fit into sbyte", "-128 to 127"), ("SByte", "-129", "does not fit", "-128 to 127"),
        ("Byte", "256", "does not fit into byte", "0 to 255"), ("Byte", "-1", "does not fit", "0 to 255"),
        ("Byte", "'A'", "is no byte", "whole number"),
        ("Short", "32768", "does not fit", "-32768"), ("UShort", "65536", "does not fit", "65535"),
        ("Int", "2147483648", "does not fit into int", "2147483647"), ("Int", "1.5", "is no int", "whole number"),
        ("Int", "5L", "is no int", "suffix"), ("Int", '"5"', "is no int", "whole number"), ("Int", "null", "is no int", "whole"),
        ("Int", "", "no value is given", ""), ("Int", "true", "is no int", ""),
        ("UInt", "-1", "does not fit", "4294967295"), ("Long", "9223372036854775808", "does not fit", ""),
        ("ULong", "18446744073709551616", "too large for any integer", "decimal"),
        ("Float", "1e39", "does not fit into float", ""), ("Float", "1.5d", "is no float", ""), ("Float", "1m", "is no float", ""),
        ("Double", "1e400", "does not fit into double", ""), ("Double", "1.5m", "is no double", ""),
        ("Decimal", "1e30m", "does not fit into decimal", "28 digits"), ("Decimal", "1.5f", "is no decimal", "42.5m"),
        ("Char", '"x"', "is no char", "single quotes"), ("Char", "120", "is no char", "single quotes"),
        ("String", "text", "is no string", "double quotes"), ("String", "'x'", "is no string", "double quotes"),
        ("State", "Open", "is no member of State", "New, Placed, Shipped, Closed"),
        ("State", "Rights.Read", "is no member of State", ""), ("State", "null", "is no State", "State.NAME"),
        ("Rights", "256", "does not fit into Rights", "0 to 255"), ("Rights", "Read|Rite", "'Rite' is no member of Rights", "Run"),
        ("Object", "1", "is no object", "null"), ("Array", "1", "is no int[]", "null"), ("List", '"x"', "is no List<int>", "null"),
        ("Point", "null", "is no Point", "default"), ("Guid", "1", "is no Guid", "default"),
        ("DateTime", "null", "is no DateTime", "default"), ("MaybeInt", '"x"', "is no int", ""),
        ("MaybeInt", "2147483648", "does not fit", ""), ("MaybePoint", "5", "is no Point", "default"),
        ("Echo", "1", "is no T", "default"), ("Echo", "null", "is no T", "default"),
        ("Void", "1", "cannot be given: Patching.Returns.Void returns nothing", "--return void"),
        ("Task", "null", "cannot be changed: it returns a Task, and what a task gives", ""),
        ("TaskOf", "1", "cannot be changed: it returns a Task<int>", ""),
        ("ValueTaskOf", "default", "cannot be changed: it returns a ValueTask<int>", ""),
        ("Reference", "1", "cannot be changed: it returns a reference to a variable", ""),
        ("Int", "5ms", "no suffix of a number", "u, l, ul"), ("Int", "(int)5", "is expected here", ""),
        ("Int", "1 + 1", "should end here", ""), ("String", '"x', "closing quote is missing", ""),
        ("Char", "'xy'", "one UTF-16 unit", ""),
    ]

    def test_literals(self):
        program = self.target()
        for name, value, reason, hint in self.LITERALS:
            with self.subTest(method=name, value=value):
                code, out, err = self.try_patch(program, f"Patching.Returns.{name}", value)
                self.assertEqual((code, out), (2, ""), err)
                lines = err.splitlines()
                self.assertIn(reason, lines[0])
                if hint:
                    self.assertIn(hint, lines[-1])
                    self.assertTrue(lines[-1].startswith("hint: "), err)
        self.sound(program)

    def test_not_allowed(self):
        """Without --allow-changes the process is not even looked at."""
        program = self.target()
        code, out, err = rejig("patch", str(program.pid), ADD, "--return", "42", env=self.env)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("was not told that it may", err)
        self.assertIn("hint: add --allow-changes", err)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual([item for item in self.processes() if item["pid"] == program.pid][0]["state"], "ready")
        self.assertEqual(program.finish(), 7)

    def processes(self):
        return [json.loads(line) for line in rejig("ps", "--json")[1].splitlines()]

    def test_several(self):
        program = self.target()
        code, _, err = self.try_patch(program, "Patching.Simple.Add", "42")
        self.assertEqual(code, 2)
        self.assertEqual(err.splitlines()[:3], ["rejig: 'Patching.Simple.Add' matches 2 methods, and 1 may be changed:",
                                                "  Patching.Simple.Add(int, int)", "  Patching.Simple.Add(long, long)"])
        self.assertIn("--max-methods 2", err)
        code, _, err = self.try_patch(program, "Patching.Returns.*", "default")
        self.assertEqual(code, 2)
        self.assertRegex(err, r"\n  … and \d+ more\n")
        self.assertEqual(self.ask(program), OWN)
        patch = self.patch(program, "Patching.Simple.Add", "42", "--max-methods", "2")
        self.assertTrue(patch.err.lines[0].startswith("changed 2 methods "))
        self.assertEqual(self.ask(program, "Add", "AddLong"), ["Add 42", "AddLong 42"])
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program, "Add", "AddLong"), ["Add 41", "AddLong 41"])
        self.assertEqual([line["method"] for line in self.audit() if line["event"] == "change"],
                         ["Patching.Simple.Add(int, int)", "Patching.Simple.Add(long, long)"])
        self.sound(program)

    def test_words(self):
        program = self.target()
        for words, reason in ((["--return", "1"], "needs a pattern"), ([ADD], "needs --return"),
                              ([ADD, "42", "--return", "1"], "one word too many"),
                              ([ADD, "--return", "1", "--duration", "x"], "--duration"),
                              (["Patching.Simple.Ad", "--return", "1"], "no method matches"),
                              (["System.Threading.Thread.PollGC", "--return", "void"], "cannot be changed: it is never probed")):
            with self.subTest(words=words):
                code, _, err = rejig("patch", str(program.pid), *words, "--allow-changes", env=self.env)
                self.assertEqual(code, 2, err)
                self.assertIn(reason, err)
        self.assertEqual(self.ask(program), OWN)
        self.sound(program)

    def test_twice(self):
        """One session changes a method at a time; the next may once it is back."""
        program = self.target()
        first = self.patch(program, ADD, "42")
        code, _, err = self.try_patch(program, ADD, "43")
        self.assertEqual(code, 2)
        self.assertIn("session 1 changes it already", err)
        self.assertEqual(self.ask(program), CHANGED)
        self.assertEqual(first.end(), 0)
        second = self.patch(program, ADD, "43")
        self.assertEqual(self.one(program, "Add"), "43")
        self.assertEqual(second.end(), 0)
        self.sound(program)


class Together(PatchTest):
    """A probe on the same method sees each call, and what it gives now, in whichever order they came."""

    def watch(self, program, method, *more):
        watch = self.rejig("watch", str(program.pid), method, "--json", *more)
        watch.probing()
        return watch

    def check(self, watch, start, expected):
        calls = watch.calls(start + len(expected))[start:]
        self.assertEqual([call["return"] for call in calls], expected)
        return start + len(expected)

    def test_watch_first(self):
        program = self.warm(self.target())
        watch = self.watch(program, ADD)
        self.ask(program)
        at = self.check(watch, 0, [41] * 6)
        patch = self.patch(program, ADD, "42")
        self.assertEqual(self.ask(program), CHANGED)
        at = self.check(watch, at, [42] * 6)
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), OWN)
        at = self.check(watch, at, [41] * 6)
        self.assertEqual([call["values"] for call in watch.objects("call")], [{"a": 40, "b": 1}] * 18)
        self.assertEqual(watch.end(), 0)
        self.sound(program)

    def test_patch_first(self):
        program = self.warm(self.target())
        patch = self.patch(program, ADD, "42")
        watch = self.watch(program, ADD)
        count = self.rejig("count", str(program.pid), ADD, "--json")
        count.probing()
        self.assertEqual(self.ask(program), CHANGED)
        at = self.check(watch, 0, [42] * 6)
        self.assertEqual(patch.end(), 0)
        self.assertEqual(self.ask(program), OWN)
        at = self.check(watch, at, [41] * 6)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(self.ask(program), OWN)
        self.assertEqual(count.end(), 0)
        self.assertEqual([item["count"] for item in count.objects("count")], [18])
        self.sound(program)

    def test_values_that_need_tokens(self):
        """Strings, decimals, nullables and exceptions, seen through a probe."""
        program = self.target()
        for name, value, expected in (("String", '"text"', "text"), ("Decimal", "42.5m", 42.5), ("MaybeInt", "5", 5),
                                      ("Throws", "3", 3), ("State", "Closed", "Closed")):
            for patch_first in (False, True):
                with self.subTest(method=name, patch_first=patch_first):
                    method = f"Patching.Returns.{name}"
                    patch = self.patch(program, method, value) if patch_first else None
                    watch = self.watch(program, method)
                    patch = patch or self.patch(program, method, value)
                    self.one(program, name)
                    self.assertEqual(watch.calls(1)[0]["return"], expected)
                    self.assertEqual(watch.end(), 0)
                    self.assertEqual(patch.end(), 0)
        self.sound(program)


class Audit(PatchTest):
    def test_lines(self):
        program = self.target()
        patch = self.patch(program, ADD, "42", "--duration", "1h")
        self.assertEqual(patch.end(), 0)
        code, _, _ = self.try_patch(program, "Patching.Returns.Int", "null")
        self.assertEqual(code, 2)
        lines = self.audit()
        self.assertEqual([line["event"] for line in lines], ["request", "change", "take-back", "request", "refused"])
        for line in lines:
            self.assertEqual((line["action"], line["pid"], line["uid"]), ("patch", program.pid, os.getuid()))
            self.assertIn("Patch.dll", line["command"])
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d$")
            self.assertRegex(line["started"], r"^\d{4}-\d\d-\d\dT")
        with open(f"/proc/{program.pid}/stat", encoding="utf-8") as file:
            self.assertEqual({line["start_ticks"] for line in lines}, {int(file.read().rsplit(")", 1)[1].split()[19])})
        self.assertEqual([line["method"] for line in lines], [ADD] * 3 + ["Patching.Returns.Int"] * 2)
        self.assertEqual([line["value"] for line in lines], ["42"] * 3 + ["null"] * 2)
        self.assertEqual([line["duration_ns"] for line in lines], [3600 * 10**9] * 3 + [600 * 10**9] * 2)
        self.assertEqual(lines[1]["result"], "in force")
        self.assertEqual(lines[2]["result"], "taken back (stopped)")
        self.assertIn("is no int", lines[4]["result"])
        path = os.path.join(self.state, "rejig", "audit.log")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        self.assertEqual(program.finish(), 7)

    def test_killed(self):
        """The change stands there; that it was taken back, nobody was left to write."""
        program = self.target()
        self.patch(program, ADD, "42").end(signal.SIGKILL)
        self.back(program, OWN)
        self.assertEqual([line["event"] for line in self.audit()], ["request", "change"])
        self.assertEqual(program.finish(), 7)

    def refused(self, program, env, reason):
        code, _, err = self.try_patch(program, ADD, "42", env=env)
        self.assertEqual(code, 1, err)
        self.assertIn("audit log", err)
        self.assertIn(reason, err)
        self.assertRegex(err, r"\nhint: .*XDG_STATE_HOME")
        self.assertEqual(self.ask(program), OWN)

    def test_unwritable(self):
        """Nothing is changed that cannot be written down, and nothing is sent."""
        program = self.target()
        folder = os.path.join(self.state, "rejig")
        path = os.path.join(folder, "audit.log")
        os.makedirs(path)
        self.refused(program, self.env, "Is a directory")
        os.rmdir(path)
        os.symlink("/dev/null", path)
        self.refused(program, self.env, "symbolic link")
        os.unlink(path)
        os.mkfifo(path)
        self.refused(program, self.env, "")
        os.unlink(path)
        os.rmdir(folder)
        with open(folder, "w", encoding="utf-8"):
            pass
        self.refused(program, self.env, "Not a directory")
        self.refused(program, {"XDG_STATE_HOME": "/proc/rejig"}, "No such file")
        self.assertEqual(rejig("status", str(program.pid))[0], 3)
        self.assertEqual(program.finish(), 7)

    def test_default_place(self):
        program = self.target()
        env = {"XDG_STATE_HOME": "relative", "HOME": self.scratch}
        self.assertEqual(self.patch(program, ADD, "42", env=env).end(), 0)
        self.assertTrue(os.path.exists(os.path.join(self.scratch, ".local", "state", "rejig", "audit.log")))
        self.assertEqual(program.finish(), 7)

    def test_stream(self):
        program = self.target()
        patch = self.patch(program, ADD, "42", "--json")
        self.assertEqual(patch.end(), 0)
        objects = [item for item in patch.objects() if item["type"] != "notice"]
        kinds = [item["type"] for item in objects]
        self.assertEqual((kinds[:3], kinds[-2:]), (["start", "method", "coverage"], ["coverage", "end"]))
        start, method, first, last, end = *objects[:3], *objects[-2:]
        self.assertEqual((first["final"], last["final"]), (False, True))
        self.assertEqual(end["coverage"], {key: last[key] for key in end["coverage"]})
        self.assertEqual((start["action"], start["value"], start["duration_ns"], start["methods"]),
                         ("patch", "42", 600 * 10**9, 1))
        self.assertEqual(method["method"] + method["signature"], ADD)
        self.assertEqual((end["action"], end["reason"]), ("patch", "stopped"))
        self.assertGreaterEqual(end["reverted"], 1)
        self.assertNotIn("calls", end)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
