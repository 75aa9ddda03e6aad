"""Values of every type, as JSON and as text: what is shown is what the call was given, and what
could not be shown is marked, never guessed."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig, wait_for


def more(name, count=None):
    """A value of which nothing but the type is shown."""
    return {"$type": name, **({} if count is None else {"$count": count}), "$more": True}


def inner(x, text):
    return {"$type": "Inner", "X": x, "Text": text}


FIELDS = {
    "$type": "Fields", "Level": "Low", "Rights": "Read, Far", "Price": 12.5, "At": "2026-01-02T03:04:05+02:00",
    "Day": "2026-01-02", "Time": "03:04:05.6780000", "Id": "00000001-0002-0003-0405-060708090a0b", "Some": 5,
    "None": None, "Tuple": [1, "one"], "Letter": "ä", "Handle": 255, "Nothing": None,
}
FAILED = {"type": "System.InvalidOperationException", "message": "outer 0",
          "inner": {"type": "System.ArgumentException", "message": "inner 0"}}

# (scenario, pattern, options): the values of the calls of one turn, with i = 0
SHOWN = {
    ("strings", "Types.Takes.StringArray", ()): [{"texts": ["a0", None, ""]}],
    ("strings", "Types.Takes.StringList", ()): [{"texts": ["b0", '"q"\n']}],
    ("strings", "Types.Takes.StringSpan", ()): [{"texts": ["c0", None, "cc"]}],
    ("strings", "Types.Takes.StringTuple", ()): [{"tuple": ["d0", None, 0]}],
    ("strings", "Types.Takes.ClassTuple", ()): [{"tuple": ["e0", 0]}],
    ("nested", "Types.Takes.Nested", ()): [
        {"outer": {"$type": "Outer", "Small": 7, "Inside": more("Inner"), "Level": "High", "Price": 0.5,
                   "Perhaps": more("Inner")}}],
    ("nested", "Types.Takes.Nested", ("--depth", "2")): [
        {"outer": {"$type": "Outer", "Small": 7, "Inside": inner(0, "in 0"), "Level": "High", "Price": 0.5,
                   "Perhaps": inner(0, "maybe")}}],
    ("boxed", "Types.Takes.Boxed", ()): [
        {"value": value} for value in (0, "s", 1.5, "High", inner(0, "boxed"), 2.5, "2026-01-02", "c", True, [1, "t"], [0])],
    ("perhaps", "Types.Takes.Perhaps", ()): [{"inner": inner(0, "some"), "number": 0, "level": "High", "price": 1.5}],
    ("enums", "Types.Takes.Enums", ()): [{"level": "High", "rights": "Write, Far"}],
    ("fields", "Types.Takes.AllFields", ()): [{"fields": FIELDS}],
    ("times", "Types.Takes.Times", ()): [
        {"at": "2026-01-02T03:04:05-03:30", "day": "9999-12-31", "time": "23:59:59.9999990", "span": "-1.12:00:00",
         "plain": "2026-01-02T03:04:05.1234567"}],
    ("arrays", "Types.Takes.Arrays", ()): [
        {"letters": "xy\0", "bytes": [0, 255, 0], "jagged": [more("int[]", 2), None, []], "grid": [1, 2, 3, 4],
         "inners": [more("Inner"), more("Inner")], "objects": [1, "two", None]}],
    ("arrays", "Types.Takes.Arrays", ("--depth", "2")): [
        {"letters": "xy\0", "bytes": [0, 255, 0], "jagged": [[1, 2], None, []], "grid": [1, 2, 3, 4],
         "inners": [inner(1, "one"), inner(2, None)], "objects": [1, "two", None]}],
    ("structs", "Types.Takes.Structs", ("--depth", "2")): [
        {"list": [inner(0, "first")], "levels": ["Low", "High"], "prices": [1.5, -2], "perhaps": [1, None, 3]}],
    ("map", "Types.Takes.Map", ()): [{"map": [{"key": "one", "value": 1}, {"key": "two", "value": 2}]}],
    ("map", "Types.Takes.Map", ("--max-items", "1")): [{"map": [{"key": "one", "value": 1}]}],
    ("map", "Types.Takes.Map", ("--depth", "0")): [{"map": more("Dictionary<string, int>", 2)}],
    # two of nine entries are not in use
    ("maps", "Types.Takes.Maps", ("--depth", "2", "--max-items", "4")): [
        {"holes": [{"key": n, "value": inner(n, f"n{n}")} for n in (1, 2, 3, 5)], "empty": [], "set": ["x", None, "y"],
         "boxed": [{"key": "High", "value": None}, {"key": "Low", "value": 2}]}],
    ("cycle", "Types.Takes.Cycle", ("--depth", "5")): [
        {"node": {"$type": "Node", "Number": 1, "Next": {"$type": "Node", "Number": 2, "Next": {
            "$type": "Node", "Number": 1, "Next": {"$type": "Node", "Number": 2, "Next": {
                "$type": "Node", "Number": 1, "Next": more("Node")}}}}}}],
    ("nulls", "Types.Takes.Nulls", ()): [
        {"text": None, "value": None, "numbers": None, "list": None, "number": None, "person": None, "error": None}],
    ("error", "Types.Takes.Error", ()): [{"error": FAILED}],
    ("generic", "Types.Takes.Generic", ()): [
        {"value": 0, "values": [0, 2]}, {"value": "g0", "values": ["h", None]}, {"value": 0, "values": [None, 3]},
        {"value": inner(0, "generic"), "values": []}],
    ("records", "Types.Takes.Records", ()): [
        {"person": {"$type": "Person", "Name": "Ada", "Age": 36}, "at": {"$type": "Coordinates", "Lat": 1.5, "Lon": -2.25}}],
    ("records", "Types.Takes.Records", ("person.Name, person.Age, at.Lon, person",)): [
        {"person.Name": "Ada", "person.Age": 36, "at.Lon": -2.25, "person": {"$type": "Person", "Name": "Ada", "Age": 36}}],
    # a private field of a base class, an auto-property of one, and the field that hides it
    ("heirs", "Types.Takes.Heir", ("parent.secret, child.secret, child.name, child.Auto",)): [
        {"parent.secret": 0, "child.secret": 1, "child.name": "parent 0", "child.Auto": 11}],
    ("heirs", "Types.Parent.Own", ("this.secret, this.name, this.Auto, i, ret",)): [
        {"this.secret": 0, "this.name": "parent 0", "this.Auto": 11, "i": 0, "ret": 8}],
    ("nested", "Types.Takes.Nested", ("outer.Inside.Text, outer.Price, outer.Level, outer.Perhaps",)): [
        {"outer.Inside.Text": "in 0", "outer.Price": 0.5, "outer.Level": "High", "outer.Perhaps": inner(0, "maybe")}],
    ("fields", "Types.Takes.AllFields", ("fields.Rights, fields.None, fields.Nothing, fields.Tuple",)): [
        {"fields.Rights": "Read, Far", "fields.None": None, "fields.Nothing": None, "fields.Tuple": [1, "one"]}],
    ("long", "Types.Takes.Long", ("--max-string", "2000", "--max-items", "1000")): [
        {"text": "x" * 1000 + "0", "numbers": list(range(500))}],
}

TEXTS = {
    ("strings", "Types.Takes.StringArray", ()): 'texts     string[3] ["a0", null, ""]',
    ("strings", "Types.Takes.StringList", ()): r'texts     List<string>(2) ["b0", "\"q\"\n"]',
    ("strings", "Types.Takes.StringSpan", ()): 'texts     ReadOnlySpan<string>(3) ["c0", null, "cc"]',
    ("nested", "Types.Takes.Nested", ()): "outer     Outer { Small=7, Inside=Inner {…}, Level=High, Price=0.5, Perhaps=Inner {…} }",
    ("map", "Types.Takes.Map", ("--max-items", "1")): 'map       Dictionary<string, int>(2) { ["one"]=1, … }',
    ("maps", "Types.Takes.Maps", ()): 'set       HashSet<string>(3) ["x", null, "y"]',
    ("enums", "Types.Takes.Enums", ()): "rights    Write | Far",
    ("error", "Types.Takes.Error", ()): 'error     InvalidOperationException: "outer 0" <- ArgumentException: "inner 0"',
    ("throw", "Types.Takes.Throw", ()): 'threw     InvalidOperationException: "outer 0" <- ArgumentException: "inner 0"',
    ("long", "Types.Takes.Long", ("--max-string", "5", "--max-items", "2")): 'text      "xxxxx"…',
    ("records", "Types.Takes.Records", ()): 'person    Person { Name="Ada", Age=36 }',
    ("arrays", "Types.Takes.Arrays", ()): "jagged    int[3][] [int[2], null, int[0]]",
}


class Probed(LiveTest):
    def probe(self, program, pattern, *options):
        watch = self.rejig("watch", str(program.pid), pattern, *options)
        watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), "the first line")
        self.assertIn("probing", watch.err.text())
        return watch

    def turn(self, program, watch, scenario, count):
        """The calls of one more turn."""
        seen = len(watch.objects("call"))
        program.tell(f"run {scenario} 1")
        return watch.calls(seen + count)[seen:]


class Types(Probed):
    def test_json(self):
        """At the first meeting of a type its values may be marked; soon they are complete and stay so.
        A value that is neither right nor marked is wrong at any time."""
        program = self.program(["dotnet", app("Types")])
        for (scenario, pattern, options), expected in SHOWN.items():
            with self.subTest(pattern=pattern, options=options):
                watch = self.probe(program, pattern, *options, "--json")

                def right():
                    calls = self.turn(program, watch, scenario, len(expected))
                    for call, values in zip(calls, expected):
                        for name, value in values.items():
                            if call["values"][name] != value:
                                self.assertIn(name, call.get("cut", []), call)
                    return [call["values"] for call in calls] == expected

                try:
                    wait_for(right, "values in full", 5)
                except AssertionError:
                    pass
                last = self.turn(program, watch, scenario, len(expected))
                self.assertEqual([call["values"] for call in last], expected)
                self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def test_text(self):
        program = self.program(["dotnet", app("Types")])
        for (scenario, pattern, options), line in TEXTS.items():
            with self.subTest(pattern=pattern):
                watch = self.probe(program, pattern, *options)

                def right():
                    seen = len(watch.out.lines)
                    program.tell(f"run {scenario} 1")
                    watch.out.wait(lambda text: "  Types." in text, "a call", seen)
                    wait_for(lambda: len(watch.out.lines) > seen + 1, "its values")
                    return any(text.strip() == line for text in watch.out.lines)

                try:
                    wait_for(right, line, 5)
                except AssertionError:
                    self.fail(f"'{line}' is not in\n{watch.out.text()[-600:]}")
                self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_threw(self):
        program = self.program(["dotnet", app("Types")])
        watch = self.probe(program, "Types.Takes.Throw", "i", "--json")
        wait_for(lambda: self.turn(program, watch, "throw", 1)[0].get("threw") == FAILED, "the exception in full", 10)
        self.assertEqual(watch.end(), 0)

    def test_list_of_the_unknown(self):
        """An object that is a list of what no probe has met: its items are there as soon as its own
        type is known, which its first meeting asks for."""
        program = self.program(["dotnet", app("Types")])
        watch = self.probe(program, "Types.Takes.Hidden", "--depth", "2", "--json")
        self.turn(program, watch, "hidden", 1)
        time.sleep(0.5)
        self.assertEqual(self.turn(program, watch, "hidden", 1)[0]["values"],
                         {"value": [{"$type": "Rare", "Number": 5}]})
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_members_of_what_was_thrown(self):
        """Not only what every exception has: what this one has; others say that they have it not."""
        program = self.program(["dotnet", app("Types")])
        watch = self.probe(program, "Types.Takes.Fault", "ex.Number, ex.Message", "--json")
        expected = [{"ex.Number": 7, "ex.Message": None}, {"ex.Number": None, "ex.Message": "odd"}]
        wait_for(lambda: [call["values"] for call in self.turn(program, watch, "faults", 2)] == expected, "both", 5)
        last = self.turn(program, watch, "faults", 2)
        self.assertEqual([call["values"] for call in last], expected)
        self.assertEqual([call.get("cut") for call in last], [None, ["ex.Number"]])
        self.assertEqual(watch.end(), 0)
        watch = self.probe(program, "Types.Takes.Fault", "i", "--if", "ex.Number > 6", "--json")
        self.assertEqual([call["values"] for call in self.turn(program, watch, "faults", 1)], [{"i": 0}])
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)

    def test_twenty_implementations(self):
        """An interface parameter: each type is complete from its second meeting on, also the one
        that is loaded when the probe has long been there, and marked where metadata has no word
        of it."""
        program = self.program(["dotnet", app("Types")])
        watch = self.probe(program, "Types.Takes.Shape", "shape, ret", "--json")
        count = 19

        def check(call, complete):
            shape = call["values"]["shape"]
            name = shape["$type"]
            number = 19 if name == "LateShape" else int(name.removeprefix("Shape"))
            parts = {"Wide": number * 1000000000} if number % 3 == 1 and number < 19 else {
                "side" if number % 3 == 0 or number == 19 else "Side": number,
                "Label": "late" if number == 19 else f"shape {number}"}
            if complete or "cut" not in call:
                self.assertEqual(shape, {"$type": name, **parts})
                self.assertNotIn("cut", call)
            else:
                for part, value in shape.items():
                    self.assertIn(value, (name, parts.get(part), "…"), call)
            self.assertEqual(call["values"]["ret"], number * number if number % 3 == 0 or number == 19 else number)
            return name

        for call in self.turn(program, watch, "shapes", count):
            check(call, False)
        wait_for(lambda: not any("cut" in call for call in self.turn(program, watch, "shapes", count)), "layouts", 10)
        self.assertEqual({check(call, True) for call in self.turn(program, watch, "shapes", count)},
                         {f"Shape{i}" for i in range(19)})

        program.tell(f"load {app('TypesLate')}")
        first = self.turn(program, watch, "shapes", 20)
        for call in first[:19]:
            check(call, True)
        self.assertEqual(check(first[19], False), "LateShape")
        wait_for(lambda: not any("cut" in call for call in self.turn(program, watch, "shapes", 20)), "the late layout", 10)
        for call in self.turn(program, watch, "shapes", 20):
            check(call, True)

        program.tell("emit")
        for _ in range(3):
            call = self.turn(program, watch, "shapes", 21)[20]
            self.assertEqual(call["values"]["ret"], 42)
            self.assertIn("shape", call["cut"])
            self.assertTrue(call["values"]["shape"]["$more"], call)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)


class Limits(Probed):
    def one(self, scenario, pattern, *options):
        program = self.program(["dotnet", app("Types")])
        watch = self.probe(program, pattern, *options, "--json")
        for _ in range(3):
            self.turn(program, watch, scenario, 1)
        call = self.turn(program, watch, scenario, 1)[0]
        self.assertEqual(watch.end(), 0)
        self.assertEqual(program.finish(), 7)
        return call

    def test_strings(self):
        call = self.one("long", "Types.Takes.Long", "--max-string", "5")
        self.assertEqual(call["values"]["text"], "xxxxx…")
        self.assertIn("text", call["cut"])
        call = self.one("long", "Types.Takes.Long", "text.Length, text", "--max-string", "1001")
        self.assertEqual(call["values"], {"text.Length": 1001, "text": "x" * 1000 + "0"})
        self.assertNotIn("cut", call)

    def test_items(self):
        call = self.one("long", "Types.Takes.Long", "numbers", "--max-items", "3")
        self.assertEqual(call["values"], {"numbers": [0, 1, 2]})
        self.assertEqual(call["cut"], ["numbers"])

    def test_bytes(self):
        call = self.one("long", "Types.Takes.Long", "numbers, text", "--max-items", "1000", "--max-string", "4000",
                        "--max-bytes", "1024")
        shown = call["values"]["numbers"]
        self.assertEqual(shown[:10], list(range(10)))
        self.assertLess(len(shown), 256)
        self.assertEqual(shown, list(range(len(shown))))
        self.assertTrue({"numbers", "text"} <= set(call["cut"]) or call.get("record_cut"), call)

    def test_text_names_the_option(self):
        """An option that limits something is named where the limit bites."""
        program = self.program(["dotnet", app("Types")])
        for scenario, pattern, name in (("long", "Types.Takes.Long", "--max-"), ("cycle", "Types.Takes.Cycle", "--depth")):
            with self.subTest(option=name):
                watch = self.probe(program, pattern)
                program.tell(f"run {scenario} 3")
                watch.out.wait(lambda line: "…" in line, "a cut value")
                self.assertEqual(watch.end(), 0)
                self.assertIn(name, watch.err.text() + watch.out.text())
        self.assertEqual(program.finish(), 7)


class Unknown(LiveTest):
    """Names that are not there: exit code 2, with those that are."""

    CASES = [
        ("Types.Takes.Long", "this", [], ["this", "static"]),
        ("Types.Takes.Long", "txt", [], ["text", "numbers"]),
        ("Types.Takes.AllFields", "fields.Levl", [], ["Fields", "Level"]),
        ("Types.Takes.AllFields", "fields.Level.Deep", [], ["Level"]),
        ("Types.Takes.Records", "person.Name.Size", [], ["Length"]),
        ("Types.Parent.Own", "this.Secret2", [], ["secret", "Auto"]),
        ("Types.Takes.Cycle", "ret", [], ["returns nothing"]),
        ("Types.Takes.Long", "text", ["--if", "nmbers == null"], ["numbers"]),
        ("Types.Takes.Enums", "level", ["--if", "level == Hihg"], ["High"]),
        ("Types.Takes.Enums", "level", ["--depth", "17"], ["--depth"]),
    ]

    def test_names(self):
        program = self.program(["dotnet", app("Types")])
        for pattern, values, options, words in self.CASES:
            with self.subTest(pattern=pattern, values=values, options=options):
                code, out, err = rejig("watch", str(program.pid), pattern, values, *options)
                self.assertEqual(code, 2, err)
                self.assertEqual(out, "")
                self.assertLessEqual(len(err.splitlines()), 5, err)
                for word in words:
                    self.assertIn(word, err)
        self.assertEqual(program.tell("run long 2"), "long 2")
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
