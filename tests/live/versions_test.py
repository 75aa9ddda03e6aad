"""One program on every supported runtime, on the runtime's other ways of compiling and collecting:
the same calls with the same values, attached and started."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from publish_versions import publish
from rejig_live import BUILD, REJIG, LiveTest, app, main, rejig, wait_for

COUNT = 4
LEVELS = ["Low", "Middle", "High"]

# scenario: (pattern, VALUES, calls per turn, values of call i or None)
CASES = {
    "static": ("Versions.Methods.Static", "number, text, ret", 1,
               lambda i: {"number": i, "text": f"s{i}", "ret": i + len(f"s{i}")}),
    "async": ("Versions.Methods.Async", "number, text, ret", 1,
              lambda i: {"number": i, "text": f"a{i}", "ret": i + len(f"a{i}")}),
    "fails": ("Versions.Methods.Fails", "number", 1, lambda i: {"number": i}),
    "iterator": ("Versions.Methods.Count", "to", 1, lambda i: {"to": i}),
    "throws": ("Versions.Methods.Throws", "number, ret", 1, lambda i: {"number": i, "ret": i if i % 2 == 0 else None}),
    "values": ("Versions.Methods.Values",
               "item.Id, item.Name, item.Price, item.Level, item.At, item.Parts, item.Tags, maybe, span, id, tuple, "
               "numbers, ret", 1,
               lambda i: {"item.Id": i, "item.Name": f"name {i}", "item.Price": i + 0.25, "item.Level": LEVELS[i % 3],
                          "item.At": f"2026-01-02T03:04:{5 + i:02d}Z", "item.Parts": [i, i + 1],
                          "item.Tags": [f"t{i}", None], "maybe": i if i % 2 == 0 else None, "span": f"00:{i:02d}:00",
                          "id": f"{i:08x}-0001-0002-0304-05060708090a", "tuple": [i, f"two{i}"],
                          "numbers": [i, 2, 3],
                          "ret": i + 0.25 + (i if i % 2 == 0 else 0) + i + i + 3}),
    # the calls are inlined into a loop that has been hot since before anybody looked
    "hot": ("Versions.Methods.Tiny", "number, ret", 100, None),
    "concat": ("System.String.Concat(string, string, string)", "str0, str1, str2, ret", 1,
               lambda i: {"str0": "a", "str1": f"{i}", "str2": "c", "ret": f"a{i}c"}),
}


class OneProgram(LiveTest):
    def published(self, name):
        try:
            return publish(os.path.join(BUILD, "versions"), name)
        except LookupError as reason:
            self.skipTest(str(reason))

    def at_first_meeting(self, call):
        """Started under us there is no second meeting: what is marked counts as seen."""
        if call["values"].get("item.Tags") == {"$type": "List<string>", "$count": 2, "$more": True}:
            self.assertIn("item.Tags", call["cut"])
            call["values"]["item.Tags"] = [f"t{call['values']['item.Id']}", None]
        return call

    def check_calls(self, name, calls):
        _, _, per_turn, rule = CASES[name]
        self.assertEqual(len(calls), COUNT * per_turn, name)
        for i, call in enumerate(calls):
            if rule is not None:
                self.assertEqual({key: call["values"].get(key) for key in rule(i)}, rule(i), f"{name} call {i}: {call}")
        if name == "hot":
            given = sorted(call["values"]["number"] for call in calls)
            self.assertEqual(given, sorted(k + i for i in range(COUNT) for k in range(100)))
            self.assertTrue(all(call["values"]["ret"] == call["values"]["number"] ^ 3 for call in calls))
        if name == "fails":
            self.assertEqual([call["threw"] for call in calls],
                             [{"type": "System.InvalidOperationException", "message": f"failed {i}"} for i in range(COUNT)])
        if name == "throws":
            self.assertEqual([call.get("threw", {}).get("message") for call in calls],
                             [f"odd {i}" if i % 2 == 1 else None for i in range(COUNT)])
        if name == "iterator":
            self.assertEqual([call["items"] for call in calls], list(range(COUNT)))

    def one(self, program, name):
        pattern, values, per_turn, _ = CASES[name]
        watch = self.rejig("watch", str(program.pid), pattern, values, "--json")
        watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), f"{name}: the first line")
        self.assertIn("probing", watch.err.text(), name)
        answer = program.tell(f"run {name} {COUNT}")
        watch.calls(COUNT * per_turn)
        self.assertEqual(watch.end(), 0, watch.err.text())
        self.assertEqual(watch.objects("end")[-1]["lost"], 0)
        self.check_calls(name, watch.objects("call"))
        return answer

    def warm(self, program):
        """A type that is met for the first time is marked; after that its values are complete."""
        pattern, values, _, rule = CASES["values"]
        watch = self.rejig("watch", str(program.pid), pattern, values, "--json")
        watch.probing()

        def complete():
            seen = len(watch.objects("call"))
            program.tell("run values 1")
            return watch.calls(seen + 1)[seen]["values"] == rule(0)

        wait_for(complete, "values in full", 20)
        self.assertEqual(watch.end(), 0)

    def generic(self, program, known):
        """What T is follows from the native body: marked at its first meeting, complete afterwards.
        In a debug build it stays marked: woven calls go through a stub there that all bodies share."""
        watch = self.rejig("watch", str(program.pid), "Versions.Methods.Generic", "first, ret", "--json")
        watch.probing()

        def complete():
            seen = len(watch.objects("call"))
            program.tell("run generic 2")
            calls = watch.calls(seen + 4)[seen:]
            shown = [(call["values"]["first"], call["values"]["ret"]) for call in calls]
            for first, ret in shown:
                for value in (first, ret):
                    if isinstance(value, dict):
                        self.assertEqual(value, {"$type": "T", "$more": True})
            return shown == [(0, 1), ("g0", "g0"), (1, 1), ("g1", "g1")]

        if known:
            wait_for(complete, "generic values in full", 20)
        else:
            complete()
        self.assertEqual(watch.end(), 0)

    def attached(self, command, env=None, expected=None, known=True):
        plain = self.program(command, env=env)
        orders = [f"run {name} {COUNT}" for name in CASES]
        answers = [plain.tell(order) for order in orders]
        self.assertEqual(plain.finish(), 7)

        program = self.program(command, env=env)
        if expected is not None:
            self.assertEqual(program.tell("runtime").split()[1], expected)
            self.shown_version(program, expected)
        program.tell("run hot 3000")
        self.warm(program)
        for name, answer in zip(CASES, answers):
            with self.subTest(kind=name):
                self.assertEqual(self.one(program, name), answer)
        with self.subTest(kind="generic"):
            self.generic(program, known)
        self.assertIn("asleep", rejig("status", str(program.pid))[1])
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def shown_version(self, program, version):
        code, out, _ = rejig("ps", "--json")
        self.assertEqual(code, 0)
        mine = [item for item in map(json.loads, out.splitlines()) if item.get("pid") == program.pid]
        self.assertEqual([item["runtime"] for item in mine], [version])
        code, out, err = rejig("doctor", str(program.pid))
        self.assertEqual(code, 0, out + err)
        self.assertIn(f".NET {version}", out)

    def start_one(self, name, command, env):
        """Records of a run that rejig has started."""
        pattern, values, _, _ = CASES[name]
        file = os.path.join(self.scratch, f"{name}.json")
        program = self.program([REJIG, "watch", pattern, values, "--json", "-o", file, "--", *command], env=env)
        self.assertTrue(program.tell(f"run {name} {COUNT}").startswith(f"{name} {COUNT} "))
        self.assertEqual(program.finish(), 7)
        with open(file, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def started(self, command, env=None):
        for name in ("static", "async", "values", "hot"):
            with self.subTest(started=name):
                for _ in range(5):
                    records = self.start_one(name, command, env)
                    # A machine that is too busy lets the module run before its probes stand; it is said.
                    if not any(record.get("code") == "first-calls" for record in records):
                        break
                calls = [self.at_first_meeting(record) for record in records if record["type"] == "call"]
                self.check_calls(f"{name} {[record for record in records if record['type'] == 'notice']}"
                                 if len(calls) != COUNT * CASES[name][2] else name, calls)


class Versions(OneProgram):
    def test_net8(self):
        command = [os.path.join(self.published("net8"), "Versions")]
        self.attached(command, expected="8.0.31")
        self.started(command)

    def test_net9(self):
        command = [os.path.join(self.published("net9"), "Versions")]
        self.attached(command, expected="9.0.22")
        self.started(command)

    def test_net10(self):
        command = [os.path.join(self.published("net10"), "Versions")]
        self.attached(command)
        self.started(command)

    def test_debug_build(self):
        """State machines are classes there, and nothing is optimised."""
        command = ["dotnet", os.path.join(self.published("debug"), "Versions.dll")]
        self.attached(command, known=False)
        self.started(command)

    def test_single_file(self):
        """The modules lie in the bundle: only the agent can name what is in them."""
        command = [os.path.join(self.published("single"), "Versions")]
        program = self.program(command)
        for _ in range(2):
            code, out, err = rejig("list", str(program.pid), "Versions.Methods.*")
            self.assertEqual(code, 0, err)
            self.assertIn("Versions.Methods.Static(int", out)
            self.assertIn("Versions.Methods.Async(int", out)
        # right behind it, while the agent that listed may still be on its way out
        watch = self.rejig("watch", str(program.pid), "Versions.Methods.Static", "number", "--limit", "1", "--json")
        watch.probing()
        program.tell("run static 1")
        self.assertEqual(watch.wait(), 0)
        self.assertEqual(watch.objects("call")[0]["values"], {"number": 0})
        self.assertEqual(program.finish(), 7)
        self.attached(command)
        self.started(command)


class Settings(OneProgram):
    """The runtime's own switches, on the installed runtime."""

    def test_without_tiers(self):
        self.attached(["dotnet", app("Versions")], env={"DOTNET_TieredCompilation": "0"})
        self.started(["dotnet", app("Versions")], env={"DOTNET_TieredCompilation": "0"})

    def test_without_precompiled_code(self):
        self.attached(["dotnet", app("Versions")], env={"DOTNET_ReadyToRun": "0"})

    def test_without_profile(self):
        self.attached(["dotnet", app("Versions")], env={"DOTNET_TieredPGO": "0"})


class Storm(LiveTest):
    """Objects that live as long as a call, handed to probed methods while a thread collects and
    compacts all the time. A value read from where an object had been is seen here."""

    THREADS = 3
    CALLS = 8000

    def storm(self, pattern, values, check, env=None):
        program = self.program(["dotnet", app("Versions")], env=env)
        watch = self.rejig("watch", str(program.pid), pattern, *([values] if values else []), "--json")
        watch.probing()
        program.tell("storm 1 100")  # types met once
        first = len(watch.calls(100))
        time.sleep(0.3)
        program.tell(f"storm {self.THREADS} {self.CALLS}")
        self.assertEqual(watch.end(), 0, watch.err.text())
        end = watch.objects("end")[-1]
        self.assertEqual((end["calls"], end["lost"]), (first + self.THREADS * self.CALLS, 0))
        calls = watch.objects("call")[first:]
        self.assertEqual({call["values"]["key"] for call in calls},
                         {t * 10000000 + i for t in range(self.THREADS) for i in range(self.CALLS)})
        for call in calls:
            check(call["values"]["key"], call)
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def check_paths(self, key, call):
        self.assertEqual(call["values"], {
            "key": key, "text": f"k{key}", "item.Id": key, "item.Name": f"n{key}", "item.Price": key,
            "item.Level": LEVELS[key % 3], "item.Parts": [key, key + 1], "item.Tags": [f"t{key}", f"k{key}"],
            "ret": f"r{key}"})

    def check_whole(self, key, call):
        item = call["values"]["item"]
        self.assertEqual((item["Id"], item["Name"], item["Price"]), (key, f"n{key}", key))
        self.assertEqual(call["values"]["text"], f"k{key}")
        self.assertEqual(call["return"], f"r{key}")

    def check_this(self, key, call):
        self.assertEqual(call["values"], {"key": key, "this.Item.Name": f"n{key}", "ret": 1})

    def test_server_collector(self):
        self.storm("Versions.Storm.Take",
                   "key, text, item.Id, item.Name, item.Price, item.Level, item.Parts, item.Tags, ret",
                   self.check_paths, {"DOTNET_gcServer": "1", "DOTNET_GCHeapCount": "2"})

    def test_whole_objects(self):
        self.storm("Versions.Storm.Take", None, self.check_whole, {"DOTNET_gcServer": "1", "DOTNET_GCHeapCount": "2"})

    def test_this_of_a_struct(self):
        self.storm("Versions.Taker.Take", "key, this.Item.Name, ret", self.check_this)

    def test_stress_of_moves(self):
        """Without a concurrent collector, every collection moves."""
        self.storm("Versions.Storm.Take",
                   "key, text, item.Id, item.Name, item.Price, item.Level, item.Parts, item.Tags, ret",
                   self.check_paths, {"DOTNET_gcConcurrent": "0", "DOTNET_GCgen0size": "40000"})


if __name__ == "__main__":
    main()
