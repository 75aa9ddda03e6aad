"""Counts are exact: against the program's own, on many threads, in hot code."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig


class Counts(LiveTest):
    def test_exact(self):
        program = self.program(["dotnet", app("Kinds")])
        program.tell("run hot 2000")
        count = self.rejig("count", str(program.pid), "Kinds.Plain.Tiny", "Kinds.Plain.Static",
                           "Kinds.Plain.Hot", "--json")
        count.probing()
        program.tell("run hot 300")
        program.tell("run static 17")
        self.assertEqual(count.end(), 0)
        counted = {item["method"]: item["count"] for item in count.objects("count")}
        self.assertEqual(counted, {"Kinds.Plain.Tiny": 30000, "Kinds.Plain.Static": 17, "Kinds.Plain.Hot": 300})
        self.assertEqual(program.finish(), 7)

    def test_wildcard(self):
        program = self.program(["dotnet", app("Kinds")])
        count = self.rejig("count", str(program.pid), "Kinds.Plain.*", "--json")
        count.probing()
        for order in ("run static 3", "run many 4", "run recursive 5"):
            program.tell(order)
        self.assertEqual(count.end(), 0)
        counted = {item["method"]: item["count"] for item in count.objects("count") if item["count"]}
        self.assertEqual(counted, {"Kinds.Plain.Static": 3, "Kinds.Plain.Many": 4,
                                   "Kinds.Plain.Depth": sum(i + 1 for i in range(5))})
        self.assertEqual(program.finish(), 7)


    def test_overlapping_patterns(self):
        """A method that several patterns match is counted once."""
        program = self.program(["dotnet", app("Kinds")])
        count = self.rejig("count", str(program.pid), "Kinds.Plain.St*", "Kinds.Plain.Static", "**.Plain.*", "--json")
        count.probing()
        program.tell("run static 6")
        self.assertEqual(count.end(), 0)
        counted = [(item["method"], item["count"]) for item in count.objects("count") if item["count"]]
        self.assertEqual(counted, [("Kinds.Plain.Static", 6)])
        self.assertEqual(program.finish(), 7)


class Filters(LiveTest):
    CASES = [
        ("Kinds.Plain.Static", "static", "number > 6", [7, 8, 9]),
        ("Kinds.Plain.Static", "static", "number >= 2 && number < 4", [2, 3]),
        ("Kinds.Plain.Static", "static", 'text == "s5" || number == 0', [0, 5]),
        ("Kinds.Plain.Static", "static", "ret == 9", [7]),
        ("Kinds.Plain.Static", "static", "number > 3 && ret < 9", [4, 5, 6]),
        ("Kinds.Plain.Static", "static", "elapsed > 1h", []),
        ("Kinds.Plain.Static", "static", "!(number > 0)", [0]),
        ("Kinds.Plain.Next", "enum", "color == Green", [1, 4, 7]),
        ("Kinds.Plain.Next", "enum", "color != Color.Red && ret == Color.Blue", [1, 4, 7]),
        ("Kinds.Plain.Tax", "decimal", "net > 7.5", [8, 9]),
        ("Kinds.Plain.Tax", "decimal", "net == 2.25", [2]),
        ("Kinds.Plain.Describe", "object", 'order.Customer.Name == "ACME" && order.Total > 103.5', [4, 6, 8]),
        ("Kinds.Plain.Describe", "object", "order.Customer.Name == null", [1, 3, 5, 7, 9]),
        ("Kinds.Plain.OrZero", "nullable", "number == null", [1, 3, 5, 7, 9]),
        ("Kinds.Plain.Kind", "chars", "a == 'c'", [2]),
        ("Kinds.Plain.Kind", "chars", "b == true && i < 4", [0, 2]),
        ("Kinds.Plain.Mean", "floats", "b > 3.4", [3, 4, 5, 6, 7, 8, 9]),
        ("Kinds.Asynchronous.DoubleAsync", "taskof", "ret > 14", [8, 9]),
        ("Kinds.Asynchronous.DoubleAsync", "taskof", "number == 3 && elapsed > 1us", [3]),
    ]
    FIRST = {"Kinds.Plain.Next": "color", "Kinds.Plain.Tax": "net", "Kinds.Plain.Describe": "order.Id",
             "Kinds.Plain.OrZero": "number", "Kinds.Plain.Kind": "i", "Kinds.Plain.Mean": "a",
             "Kinds.Asynchronous.DoubleAsync": "number", "Kinds.Plain.Static": "number"}

    def test_conditions(self):
        program = self.program(["dotnet", app("Kinds")])
        # types that a condition follows are known from their second meeting on
        for _, scenario, _, _ in self.CASES:
            program.tell(f"run {scenario} 2")
        for pattern, scenario, condition, expected in self.CASES:
            with self.subTest(condition=condition):
                watch = self.rejig("watch", str(program.pid), pattern, f"--values={self.FIRST[pattern]}",
                                   "--if", condition, "--json")
                watch.probing()
                program.tell(f"run {scenario} 10")
                self.assertEqual(watch.end(), 0, watch.err.text())
                end = watch.objects("end")[-1]
                self.assertEqual(end["shown"], len(expected), watch.out.text())
                self.assertEqual(end["filtered"], 10 - len(expected))
                self.assertEqual(end["lost"], 0)
                if scenario in ("static", "taskof", "decimal", "object", "chars"):
                    shown = [list(call["values"].values())[0] for call in watch.objects("call")]
                    if scenario == "decimal":
                        shown = [int(float(value)) for value in shown]
                    self.assertEqual(shown, expected)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
