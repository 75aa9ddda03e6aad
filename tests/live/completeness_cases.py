"""The cases of completeness: calls that are inlined where they are made, in every way there is.

Each case is one method of tests/apps/inlining (or of the framework) and one caller that calls it
exactly as often as the program is told to. inlined() shows that a case is one: RequestReJIT of
the method alone, through contract_profiler.so, sees none of the calls. attached(), started() and
their kin say how many of them rejig sees.
"""

import json
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rejig_live import BUILD, REJIG, Program, app, status, wait_for  # noqa: E402

os.environ.setdefault("CONTRACT_PROFILER", os.path.join(BUILD, "tests", "contract", "contract_profiler.so"))
sys.path.insert(0, os.path.join(HERE, "..", "contract"))
from contract_runtime import PROFILER, REJIT, S_OK, Target, body, code_of  # noqa: E402
from publish_inlining import publish  # noqa: E402

MARKER = 7707  # the argument that no other caller of the framework's methods gives
TEXT = "marker of the inlining tests"


class Case:
    """A method, its caller's name, and how many calls a turn are made.

    marker: what tells the calls from those that the framework makes of the same method: the
    condition for rejig, and the IL that asks the same for contract_profiler. late: the caller's
    assembly is loaded when the probes are there already.
    """

    def __init__(self, name, pattern, calls=1, order=None, marker=None, late=False, overload=0, others=0):
        self.name, self.pattern, self.calls, self.marker, self.late = name, pattern, calls, marker, late
        self.others = others  # calls that the framework may make for itself meanwhile, mostly when it starts
        self.overload = overload  # which of those with this name, in the metadata's order
        self.order = order or name
        plain = pattern.split("(")[0].replace("<T>", "`1")
        # a constructor's name begins with a dot of its own
        self.type, _, self.method = plain.rpartition("." if not plain.endswith("..ctor") else "..")
        self.method = ".ctor" if plain.endswith("..ctor") else self.method
        first = self.type.split(".")[0]
        self.module = ("System.Private.CoreLib" if first == "System" else first) + ".dll"


def at_index(argument):
    """A method whose argument with this number is MARKER."""
    return {"il": bytes([2 + argument, 0x20]) + struct.pack("<i", MARKER)}


def own(name, method, **more):
    return Case("own-" + name, "Inlining.Own" + method, **more)


CASES = [
    # the program's own image: static, instance, property, nested, struct, constructor
    own("static", ".Static"),
    own("instance", ".Instance"),
    own("getter", ".get_Level"),
    own("nested", "+Nest.Static"),
    own("nested-twice", "+Nest+Egg.Static"),
    own("nested-generic", "+Cell<T>.get_Value"),
    Case("own-struct", "Inlining.Size.Area"),
    Case("own-constructor", "Inlining.Small..ctor"),
    own("aggressive", ".Aggressive"),
    own("two-callers", ".Twice", calls=4),
    # inlined into what is inlined: the inner, and the one between
    own("transitive", ".Inner"),
    own("transitive-middle", ".Middle", order="own-transitive"),
    # callers of every kind: MoveNext, iterator, lambda, constructor, finally
    own("async", ".InAsync"),
    own("iterator", ".InIterator"),
    own("lambda", ".InLambda"),
    own("in-constructor", ".InConstructor"),
    own("in-finally", ".InFinally"),
    # inlined nowhere
    own("never", ".Never"),
    # generic methods that are inlined, over a reference type (shared code) and over value types
    Case("generic-reference", "Inlining.Choose.OfReference"),
    Case("generic-int", "Inlining.Choose.OfInt"),
    Case("generic-struct", "Inlining.Choose.OfStruct"),
    # generic callers
    own("generic-in-reference", ".InGenericOfReference", order="generic-in-reference"),
    own("generic-in-int", ".InGenericOfInt", order="generic-in-int"),
    own("generic-in-struct", ".InGenericOfStruct", order="generic-in-struct"),
    # another assembly's
    Case("cross-static", "InliningLeaf.Simple.Add", calls=2),
    Case("cross-app", "InliningLeaf.Simple.ForApp"),
    Case("cross-nested", "InliningLeaf.Simple+Deep.Add"),
    Case("cross-nested-twice", "InliningLeaf.Simple+Deep+Deeper.Add"),
    Case("cross-instance", "InliningLeaf.Account.After"),
    Case("cross-getter", "InliningLeaf.Account.get_Balance"),
    Case("cross-struct", "InliningLeaf.Point.Length1"),
    Case("cross-shared", "InliningLeaf.Box<T>.Shared"),
    Case("cross-unshared", "InliningLeaf.Box<T>.Unshared"),
    Case("cross-generic-method", "InliningLeaf.Pick.First"),
    Case("cross-host-reference", "InliningLeaf.Simple.ForHostOfReference"),
    Case("cross-host-int", "InliningLeaf.Simple.ForHostOfInt"),
    Case("cross-host-struct", "InliningLeaf.Simple.ForHostOfStruct"),
    Case("cross-async", "InliningLeaf.Simple.ForAsync"),
    Case("cross-transitive", "InliningLeaf.Simple.Base"),
    Case("cross-transitive-middle", "InliningMid.Fancy.Step", order="cross-transitive"),
    # callers in a library that comes later
    Case("late-cross", "InliningLeaf.Simple.ForLate", late=True),
    Case("late-own", "InliningLate.Caller+Nest.Own", late=True),
    # a caller that can be unloaded is never recompiled
    Case("unloadable", "InliningLeaf.Simple.ForUnloadable"),
    # the framework's: NonVersionable, inlined by the JIT only, inlined in its own image, nested there
    Case("fw-max", "System.Math.Max(int, int)", marker={"if": f"val1 == {MARKER}", "values": "val1", **at_index(0)}, overload=4),
    Case("fw-span-item", "System.Span<T>.get_Item", marker={"if": f"index == {MARKER}", "values": "index", **at_index(1)}),
    Case("fw-has-value", "System.Nullable<T>.get_HasValue", others=8),
    Case("fw-is-null-or-empty", "System.String.IsNullOrEmpty", marker={"if": f'value == "{TEXT}"', "values": "value", "text": True}),
    Case("fw-concat", "System.String.IsNullOrEmpty", marker={"if": f'value == "{TEXT}"', "values": "value", "text": True}),
    Case("fw-list-item", "System.Collections.Generic.List<T>.get_Item",
         marker={"if": f"index == {MARKER}", "values": "index", **at_index(1)}),
    Case("fw-nested", "System.Guid+GuidResult.ToGuid", others=8),
]
BY_NAME = {case.name: case for case in CASES}
TURNS = 240  # calls that are asked for; each case gets its own number


def turns(case):
    return TURNS + CASES.index(case)


def wanted(case):
    return turns(case) * case.calls


def command(variant):
    """The command that starts a variant; raises LookupError where it cannot be published."""
    if variant == "jit":
        return ["dotnet", app("Inlining")]
    folder = publish(os.path.join(BUILD, "inlining"), variant)
    return [os.path.join(folder, "Inlining")]


class Observed(Target):
    """The program with contract_profiler.so attached to it."""

    def __init__(self, arguments):
        super().__init__(name="Inlining")
        self.env.pop("DOTNET_TieredPGO")
        self.program = Program(arguments, env=self.env)

    def il(self, method):
        return self.must(f"il {method.module} {method.token}")["il"]

    def method_of(self, case):
        return self.method(case.module, case.type, case.method, case.overload)

    def trap(self, case):
        """The method's own code behind a question: where the marker comes, it throws."""
        method = self.method_of(case)
        if "text" in case.marker:
            length = self.method(case.module, "System.String", "get_Length").token
            asks = b"\x02\x2c\x12\x02\x28" + struct.pack("<I", length) + b"\x20" + struct.pack("<i", len(TEXT))
        else:
            asks = case.marker["il"]
        # bne.un.s over "ldnull; throw"
        self.gives(method, body(asks + b"\x33\x02\x14\x7a" + code_of(self.il(method))))
        return method


def prepare(program, case):
    """Where code comes from an image, it is there before anybody looks."""
    if not case.late:
        program.tell(f"call {case.order} 3")


def warm(program):
    """What is hot is in the JIT compiler's last tier, with everything inlined that it inlines."""
    program.tell("warm " + " ".join(dict.fromkeys(case.order for case in CASES)))


def inlined(target, case, hot):
    """Whether the case is one: RequestReJIT of the method alone sees none of its calls."""
    if not hot:
        prepare(target, case)
    if case.name == "late-own":
        target.tell("load")
    method = target.trap(case) if case.marker else target.method_of(case)
    mark = target.mark()
    if target.rejit(method) != S_OK:
        raise AssertionError(f"{case.name}: RequestReJIT failed")
    answer = target.tell(f"call {case.order} {turns(case)}")
    asked = target.notes("GetReJITParameters", since=mark, of=method)
    target.revert(method)
    return "threw" not in answer if case.marker else not asked


def arguments(case):
    """rejig's words for a case, without the target: count, or watch where calls are told apart."""
    if case.marker:
        return ["watch", case.pattern, "--values=" + case.marker["values"], "--if", case.marker["if"], "--json"]
    return ["count", case.pattern, "--json"]


def number(case, records):
    """How many of the case's calls are in what rejig printed."""
    if case.marker:
        return sum(record["shown"] for record in records if record["type"] == "end")
    return sum(record["count"] for record in records if record["type"] == "count")


def bare(name):
    """A method's name without parameters and type parameters."""
    return re.sub(r"<\w+>|\(.*", "", name)


def settled(pid):
    """Waits until the agent has made what it will make of the modules that are there."""
    said = []

    def calm():
        said.append([{key: value for key, value in session.items() if key != "age_ns"}
                     for record in status(pid) for session in record.get("sessions", [])])
        return len(said) > 1 and said[-1] == said[-2] and not any(session.get("pending") for session in said[-1])

    wait_for(calm, "the agent to be done with a module")


class Seen:
    """What rejig saw of a case: the number of calls, the program's answer, and rejig's own words."""

    def __init__(self, number, answer, words):
        self.number, self.answer, self.words = number, answer, words


def attached(test, program, case):
    """What rejig sees that attaches to the running program."""
    name, *rest = arguments(case)
    look = test.rejig(name, "-p", str(program.pid), *rest, *(["--wait"] if case.late else []))
    look.probing()
    if case.late:
        program.tell("load")
        settled(program.pid)
    answer = program.tell(f"call {case.order} {turns(case)}")
    test.assertEqual(look.end(), 0, look.err.text())
    return Seen(number(case, look.objects()), answer, look.err.text())


def started(test, command_line, case):
    """What rejig sees that starts the program: the very first calls are among it."""
    file = os.path.join(test.scratch, "started.json")
    program = test.program([REJIG, *arguments(case), "-o", file, "--", *command_line])
    answer = program.tell(f"call {case.order} {turns(case)}")
    test.assertEqual(program.finish(), 7, program.err.text())
    with open(file, encoding="utf-8") as stream:
        return Seen(number(case, [json.loads(line) for line in stream]), answer, program.err.text())


def together(cases):
    """Those cases that one count can see at once: no marker, and none that is inlined into another's method."""
    return [case for case in cases if not case.marker and not case.name.endswith("-middle")]


def counts(case, records):
    return sum(record["count"] for record in records
               if record["type"] == "count" and bare(record["method"]) == bare(case.pattern))


def started_together(test, command_line, cases):
    """The same for many cases in one run: a list of Seen."""
    file = os.path.join(test.scratch, "started.json")
    patterns = dict.fromkeys(case.pattern for case in cases)
    program = test.program([REJIG, "count", *patterns, "--json", "-o", file, "--", *command_line])
    answers = [program.tell(f"call {case.order} {turns(case)}") for case in cases]
    test.assertEqual(program.finish(), 7, program.err.text())
    with open(file, encoding="utf-8") as stream:
        records = [json.loads(line) for line in stream]
    return [Seen(counts(case, records), answer, program.err.text()) for case, answer in zip(cases, answers)]


def through_tiers(test, program, cases, count, rounds):
    """Each case's caller called so often, while the JIT compiler brings what rejig made of it from the
    first tier to the last: a list of Seen."""
    look = test.rejig("count", "-p", str(program.pid), *dict.fromkeys(case.pattern for case in cases), "--json", "--wait")
    look.probing()
    answer = program.tell(f"rounds {count} {rounds} " + " ".join(case.order for case in cases))
    test.assertEqual(look.end(), 0, look.err.text())
    return [Seen(counts(case, look.objects()), answer, look.err.text()) for case in cases]
