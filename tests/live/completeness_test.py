"""No call unseen: calls that are inlined where they are made, counted against the program's own number.

Every way of inlining is a case (completeness_cases.py), every way of publishing a variant
(publish_inlining.py). A case first shows that it is one: RequestReJIT of the method alone sees
none of its calls. Then rejig must see all of them: attached to code that comes from an image
(cold), to code that the JIT compiler has brought to its last tier (hot), and started with the
program. What cannot be seen has to be named in rejig's own lines.

Without arguments the small set, as in `./dev test`; with REJIG_COMPLETENESS=all every variant,
each case in a process of its own when started, as in `./dev soak`.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from completeness_cases import (BY_NAME, CASES, PROFILER, REJIT, Observed, attached, command, inlined, prepare, started,
                                started_together, through_tiers, together, wanted, warm)
from publish_inlining import SMALL, WAYS
from rejig_live import LiveTest, main

ALL = os.environ.get("REJIG_COMPLETENESS") == "all"

CROSS = [case.name for case in CASES if case.name.startswith("cross-")]
OWN = [case.name for case in CASES if case.name.startswith(("own-", "generic-")) and case.name != "own-never"]
NESTED = ["own-nested", "own-nested-twice", "own-nested-generic"]
# the ahead-of-time compiler leaves these instantiations to the JIT compiler, or is not allowed to inline
SEPARATE = [*CROSS, "late-cross", "fw-is-null-or-empty", "fw-list-item"]
BUBBLE = ["cross-host-int", "cross-host-struct", "fw-is-null-or-empty", "fw-list-item"]
MODULES = ["cross-instance", "cross-getter", "cross-shared", "cross-unshared", "cross-host-int", "fw-list-item"]

# Cold: what is NOT inlined in the variant's images, so that the method alone is enough.
CALLED = {
    "r2r": SEPARATE, "single": SEPARATE, "net8": SEPARATE, "net9": SEPARATE,
    "bubble": BUBBLE, "net8-bubble": BUBBLE, "net9-bubble": BUBBLE,
    "modules": MODULES, "net8-modules": MODULES, "net9-modules": MODULES,
    "composite": [], "net8-composite": [], "single-composite": [],
}

# What no recompilation can show: the words that rejig must say instead. A JIT intrinsic is no
# call in any tier; a caller that can be unloaded cannot be recompiled (but seen where the
# method was recompiled before its caller was compiled).
NAMED = {"fw-span-item": "intrinsic", "unloadable": "collectible"}

# Cases that are not seen yet, by variant and way of looking. A case that is seen has to be taken
# out: the test fails when it starts to pass.
WAITING = {}


class Completeness(LiveTest):
    maxDiff = None

    def published(self, variant):
        try:
            return command(variant)
        except LookupError as reason:
            self.skipTest(str(reason))

    def cases(self, variant):
        """All but what the variant has no file for."""
        return [case for case in CASES if not variant.startswith("single") or case.name != "unloadable"]

    def truth(self, line):
        """The program's own answers, alone."""
        program = self.program(line)
        answers = {case.name: program.tell(f"call {case.order} {number}")
                   for case, number in ((case, wanted(case) // case.calls) for case in CASES if case in self.now)}
        self.assertEqual(program.finish(), 7)
        return answers

    def observed(self, line):
        target = Observed(line)
        self.addCleanup(target.end)
        self.assertEqual(target.attach(REJIT), 0)
        return target

    def proof(self, variant, line, hot):
        """Each case is one: RequestReJIT of the method alone sees nothing."""
        if not os.path.exists(PROFILER):
            print(f"{variant}: not shown that each case is one: {PROFILER} is not built")
            return
        target = self.observed(line)
        if hot:
            warm(target)
        called = [case.name for case in self.now if not self.one(target, case, hot)]
        self.assertEqual(called, [case.name for case in self.now
                                  if case.name == "own-never" or not hot and case.name in CALLED[variant]])

    def one(self, target, case, hot):
        """Whether the case is one. The JIT compiler may not have come to its last tier yet: it gets the time."""
        tries = 5 if hot and case.name != "own-never" else 1
        for again in range(tries):
            if again:
                target.tell(f"warm {case.order}")
            if inlined(target, case, hot):
                return True
        return False

    def judge(self, variant, way, seen, number=None):
        """seen: {case name: Seen}; number: of calls, where it is not each case's own. Everything is as it must be, but for what is waiting, all of which fails."""
        waiting = set(WAITING.get((variant, way), ()))
        wrong = {}
        for name, what in seen.items():
            if number is None:
                self.assertEqual(what.answer, self.answers[name], f"{variant} {way} {name}: the program's answer")
            calls = wanted(BY_NAME[name]) if number is None else number * BY_NAME[name].calls
            named = name in NAMED and NAMED[name] in what.words
            if not calls <= what.number <= calls + BY_NAME[name].others and not named:
                wrong[name] = f"{what.number} of {calls}"
        print(f"{variant} {way}: {len(seen) - len(wrong)} of {len(seen)} cases seen; not yet: {' '.join(wrong) or 'none'}", flush=True)
        self.assertEqual({name: how for name, how in wrong.items() if name not in waiting}, {},
                         f"{variant} {way}: calls unseen")
        self.assertEqual(sorted(name for name in waiting & set(seen) if name not in wrong), [],
                         f"{variant} {way}: seen now; take them out of WAITING")

    def cold(self, variant, line):
        self.proof(variant, line, hot=False)
        program = self.program(line)
        seen = {}
        for case in self.now:
            prepare(program, case)
            seen[case.name] = attached(self, program, case)
        self.assertEqual(program.finish(), 7)
        self.judge(variant, "cold", seen)

    def hot(self, variant, line):
        self.proof(variant, line, hot=True)
        program = self.program(line)
        warm(program)
        seen = {case.name: attached(self, program, case) for case in self.now}
        self.assertEqual(program.finish(), 7)
        self.judge(variant, "hot", seen)

    def start(self, variant, line, each):
        """Started: many cases in one process, the rest (or each) in one of its own."""
        many = [] if each else together(self.now)
        seen = {case.name: what for case, what in zip(many, started_together(self, line, many))} if many else {}
        for case in self.now:
            if case.name not in seen:
                seen[case.name] = started(self, line, case)
        self.judge(variant, "started", seen)

    def tiers(self, variant, line):
        """Cold code under probes for so long that its successors go through all tiers."""
        count, rounds = 5, 121
        program = self.program(line)
        cases = [case for case in together(self.now) if not case.late]
        for case in cases:
            prepare(program, case)
        seen = through_tiers(self, program, cases, count, rounds)
        self.assertEqual(program.finish(), 7)
        self.judge(variant, "tiers", {case.name: what for case, what in zip(cases, seen)}, count * rounds)

    def variant(self, variant, ways):
        line = self.published(variant)
        self.now = self.cases(variant)
        self.answers = self.truth(line)
        for way in ways:
            with self.subTest(variant=variant, way=way):
                if way == "started":
                    self.start(variant, line, each=ALL or variant == "r2r")
                else:
                    getattr(self, way)(variant, line)

    def test_jit(self):
        """Nothing is precompiled but the framework."""
        self.variant("jit", ["hot", "started", "tiers"])

    def test_r2r(self):
        self.variant("r2r", ["cold", "hot", "started", "tiers"])


def every_variant():
    """One test a variant: the small set, or all of them."""
    for name in WAYS if ALL else SMALL:
        if name != "r2r":
            ways = ["cold", "hot", "started", "tiers"] if ALL else ["cold", "started"]
            setattr(Completeness, "test_" + name.replace("-", "_"),
                    lambda self, name=name, ways=ways: self.variant(name, ways))


every_variant()


if __name__ == "__main__":
    main()
