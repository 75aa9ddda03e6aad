"""What a loop that holds an inlined copy pays a call: before a session on the callee, in it, and
behind it."""

import os
import statistics
import time

from publish_wayback import publish

TURNS = 2_000_000
BATCHES = 8
CALLEE = "WayBack.Callee.Timed"


def best(program):
    """The least ns a turn: what else the machine does only adds."""
    return min(float(program.tell(f"time {TURNS}")) for _ in range(BATCHES))


def settle(program):
    """Calls, and the time that the JIT compiler's tiers wait for."""
    for _ in range(40):
        program.tell("time 2000")
    time.sleep(0.3)
    for _ in range(3):
        program.tell(f"time {TURNS}")
    time.sleep(0.2)


def measure(live, command, env, rounds):
    """Interleaved, in one process: (before, counted, after), each a list."""
    program = live.Program(command, env=env)
    before, counted, after = [], [], []
    for _ in range(3):
        settle(program)
    for _ in range(rounds):
        before.append(best(program))
        count = live.Rejig("count", str(program.pid), CALLEE, "--json")
        count.probing()
        settle(program)
        counted.append(best(program))
        count.end()
        if sum(record["count"] for record in count.objects("count")) < BATCHES * TURNS:
            raise RuntimeError("the loop's calls were not counted: the row would tell nothing")
        settle(program)
        after.append(best(program))
    program.finish()
    return before, counted, after


def rows(live, build, rounds, row):
    """`row` makes a row of the report: what, figure, promise, kept."""
    command = publish(os.path.join(build, "wayback"))
    made = []
    for what, env in (("precompiled caller", {"DOTNET_TieredCompilation": "0"}), ("JIT-compiled caller", {})):
        times = measure(live, command, env, rounds)
        for when, values in zip(("before", "while it is counted"), times):
            made.append(row(f"{what} with an inlined copy, a call {when}",
                            f"{statistics.median(values):.2f} ns ({min(values):.2f} to {max(values):.2f})", "", None))
        ratio = statistics.median(times[2]) / statistics.median(times[0])
        made.append(row("the same behind the session, against before",
                        f"{statistics.median(times[2]):.2f} ns ({min(times[2]):.2f} to {max(times[2]):.2f}) = {ratio:.3f} x",
                        "within 5 %", abs(ratio - 1) <= 0.05))
    return made
