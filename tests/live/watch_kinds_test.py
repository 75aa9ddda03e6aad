"""Every kind of method, its values checked, attached and started under rejig."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LIMIT, LiveTest, app, main, rejig, wait_for

COUNT = 5


def same(**values):
    """Expected values of call i, each a function of i."""
    return lambda i: {name: value(i) if callable(value) else value for name, value in values.items()}


# scenario: (pattern, VALUES, calls per turn, values of the turn's call or None)
KINDS = {
    "static": ("Kinds.Plain.Static", "number, text, ret", 1,
               same(number=lambda i: i, text=lambda i: f"s{i}", ret=lambda i: i + len(f"s{i}"))),
    "instance": ("Kinds.Plain.Add", "other, ret, this.Base", 1,
                 {"other": lambda i: i, "ret": lambda i: i + 5, "this.Base": lambda i: 5}),
    "constructor": ("Kinds.Point3..ctor", "x, y, z", 1,
                    same(x=lambda i: i, y=lambda i: i + 1, z=lambda i: i + 2)),
    "classctor": ("Kinds.Named..ctor", "name", 1, same(name=lambda i: f"n{i}")),
    "getter": ("Kinds.Plain.get_Base", "ret", 1, same(ret=5)),
    "setter": ("Kinds.Plain.set_Level", "value", 1, same(value=lambda i: i)),
    "nested": ("Kinds.Outer+Inner.Twice", "ret", 1, same(ret=lambda i: 2 * i)),
    "valuetype": ("Kinds.Point3.Scale", "factor, this.X, ret", 1,
                  {"factor": lambda i: 2, "this.X": lambda i: i, "ret": lambda i: 2 * i + 5}),
    "void": ("Kinds.Plain.Nothing", "number", 1, same(number=lambda i: i)),
    "byref": ("Kinds.Plain.Increment", "value, twice", 1, None),
    "refreturn": ("Kinds.Plain.First", "ret", 1, None),
    "enum": ("Kinds.Plain.Next", "color, ret", 1,
             same(color=lambda i: ["Red", "Green", "Blue"][i % 3], ret=lambda i: ["Red", "Green", "Blue"][(i + 1) % 3])),
    "flags": ("Kinds.Plain.Both", "a, b, ret", 1, same(a="Read", b="Write", ret="Read, Write")),
    "nullable": ("Kinds.Plain.OrZero", "number, ret", 1,
                 same(number=lambda i: i if i % 2 == 0 else None, ret=lambda i: i if i % 2 == 0 else 0)),
    "decimal": ("Kinds.Plain.Tax", "net, ret", 1, None),
    "datetime": ("Kinds.Plain.Later", "start, by, ret", 1,
                 same(start=lambda i: f"2026-01-02T03:04:{5 + i:02d}Z", by=lambda i: f"00:{i:02d}:00",
                      ret=lambda i: f"2026-01-02T03:{4 + i:02d}:{5 + i:02d}Z")),
    "guid": ("Kinds.Plain.Hash", "id", 1, same(id=lambda i: f"{i:08x}-0001-0002-0304-05060708090a")),
    "floats": ("Kinds.Plain.Mean", "a, b, ret", 1,
               same(a=lambda i: float(i), b=lambda i: i + 0.5, ret=lambda i: i + 0.25)),
    "chars": ("Kinds.Plain.Kind", "a, b, c, d, e, f, g, h, i", 1,
              same(a=lambda i: chr(ord("a") + i), b=lambda i: i % 2 == 0, c=lambda i: i, d=lambda i: -i,
                   e=lambda i: -i, f=lambda i: i, g=lambda i: i, h=lambda i: -i, i=lambda i: i)),
    "many": ("Kinds.Plain.Many", "a, b, c, d, e, f, g, h, i, j, k, l, ret", 1,
             same(a=lambda i: i, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i="nine", j=10.5, k="k", l=True)),
    "object": ("Kinds.Plain.Describe", "order.Id, order.Customer.Name, order.Total, order.Note.Text", 1,
               {"order.Id": lambda i: i, "order.Customer.Name": lambda i: "ACME" if i % 2 == 0 else None,
                "order.Total": lambda i: 100 + i, "order.Note.Text": lambda i: "fragile"}),
    "taskof": ("Kinds.Asynchronous.DoubleAsync", "number, ret", 1, same(number=lambda i: i, ret=lambda i: 2 * i)),
    "taskdone": ("Kinds.Asynchronous.AtOnceAsync", "number, ret", 1, same(number=lambda i: i, ret=lambda i: i + 1)),
    "task": ("Kinds.Asynchronous.WaitAsync", "number", 1, same(number=lambda i: i)),
    "valuetask": ("Kinds.Asynchronous.ValueAsync", "number", 1, same(number=lambda i: i)),
    "lambda": ("Kinds.Lambdas.*+lambda", "number, ret", 1, None),
    "local": ("Kinds.Lambdas.WithLocal+Half", "twice, ret", 1, same(twice=lambda i: 4 * i, ret=lambda i: 2 * i)),
    "iterator": ("Kinds.Iterators.Count", "to", 1, same(to=lambda i: i % 4)),
    "dim": ("Kinds.IGreeter.Greet", "times, ret", 1, same(times=lambda i: i, ret=lambda i: 3 * i)),
    "synchronized": ("Kinds.Plain.Locked", "i, ret", 1, same(i=lambda i: i, ret=lambda i: i + 5)),
    "indexer": ("Kinds.Plain.get_Item", "index, ret", 1, same(index=lambda i: i, ret=lambda i: i + 5)),
    "operator": ("Kinds.Money.op_Addition", "a.Cents, ret.Cents", 1,
                 {"a.Cents": lambda i: i, "ret.Cents": lambda i: i + 2}),
    "hot": ("Kinds.Plain.Tiny", "number, ret", 100, None),
    "generic": ("Kinds.Generic.Pick", "second", 3, None),
    "generictype": ("Kinds.Box.Get", "ret", 2, None),
}


def orders():
    lines = [f"run {name} {COUNT}" for name in KINDS]
    # hot first: its caller holds an inlined copy before anybody looks
    return ["run hot 2000"] + lines


class WatchKinds(LiveTest):
    def check_calls(self, name, calls):
        pattern, _, per_turn, expected = KINDS[name]
        self.assertEqual(len(calls), COUNT * per_turn, f"{name}: calls of {pattern}")
        if expected is None:
            return
        rule = expected if callable(expected) else lambda i: {k: v(i) for k, v in expected.items()}
        for i, call in enumerate(calls):
            for key, value in rule(i).items():
                self.assertIn(key, call["values"], f"{name}: {call}")
                shown = call["values"][key]
                self.assertEqual(shown, value, f"{name} call {i}: {key} in {call}")

    def one_attached(self, program, name):
        pattern, values, per_turn, _ = KINDS[name]
        watch = self.rejig("watch", str(program.pid), pattern, f"--values={values}", "--json")
        watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), f"{name}: the first line")
        self.assertIn("probing", watch.err.text(), name)
        answer = program.tell(f"run {name} {COUNT}")
        watch.calls(COUNT * per_turn)
        self.assertEqual(watch.end(), 0, watch.err.text())
        end = watch.objects("end")[-1]
        self.assertEqual(end["lost"], 0, name)
        self.check_calls(name, watch.objects("call"))
        return answer

    def test_attached(self):
        """One program, one session after the other, each on another kind of method."""
        plain = self.program(["dotnet", app("Kinds")])
        expected = [plain.tell(order) for order in orders()]
        self.assertEqual(plain.finish(), 7)

        program = self.program(["dotnet", app("Kinds")])
        self.assertEqual(program.tell("run hot 2000"), expected[0])
        for index, name in enumerate(KINDS):
            with self.subTest(kind=name):
                self.assertEqual(self.one_attached(program, name), expected[index + 1])
        _, status, _ = rejig("status", str(program.pid))
        self.assertIn("asleep", status)
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def test_started(self):
        """Each kind watched from the first instruction on."""
        for name in KINDS:
            with self.subTest(kind=name):
                self.one_started(name)

    def one_started(self, name):
        pattern, values, _, _ = KINDS[name]
        file = os.path.join(self.scratch, name + ".json")
        program = self.program(
            [os.environ["REJIG"], "watch", pattern, f"--values={values}", "--json", "-o", file, "--",
             "dotnet", app("Kinds")])
        answer = program.tell(f"run {name} {COUNT}")
        self.assertTrue(answer.startswith(f"{name} {COUNT} "), answer)
        self.assertEqual(program.finish(), 7)
        import json
        with open(file, encoding="utf-8") as stream:
            records = [json.loads(line) for line in stream]
        self.check_calls(name, [record for record in records if record["type"] == "call"])


if __name__ == "__main__":
    main()
