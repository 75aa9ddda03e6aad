"""The figures: runs the benches and writes docs/benchmarks.md.

Every comparison is a ratio of medians of interleaved rounds in one run of one process, a round's
figure being the best of a few short batches, the floor's as the probe's; the clock read of the
machine stands beside the nanoseconds. `--only NAME` runs one and prints it
without writing the file; `--quick` takes fewer rounds (never written to the file).
"""

import argparse
import datetime
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))

import inlining
import startup
import wayback

ROUNDS = 15
BATCHES = 8


class Row:
    def __init__(self, what, figure, promise, kept):
        self.what, self.figure, self.promise, self.kept = what, figure, promise, kept


def spread(values, unit="ns", digits=2):
    return (f"{statistics.median(values):.{digits}f} {unit} "
            f"({min(values):.{digits}f} to {max(values):.{digits}f})")


class Bench:
    """One Bench program, and rejig beside it."""

    def __init__(self, live, build):
        self.live = live
        floor = os.path.join(build, "bench")
        self.program = live.Program(["dotnet", os.path.join(build, "apps", "Bench", "Bench.dll")],
                                    env={"LD_LIBRARY_PATH": floor})

    def number(self, order):
        return float(self.program.tell(order))

    def watch(self, *arguments, **options):
        watch = self.live.Rejig(*arguments[:1], str(self.program.pid), *arguments[1:], **options)
        watch.probing()
        return watch

    def close(self):
        self.program.finish()


def settle(bench):
    """Lets woven code tier up: calls, and the time that tiering waits."""
    for _ in range(30):
        bench.number("call 2000")
        time.sleep(0.01)
    time.sleep(0.3)
    bench.number("call 20000")


def best(bench, order, pause=0.0):
    """The least ns a turn of BATCHES short batches: what else the machine does only adds. Batches
    that write records are small enough to fit in the rings and drained before the next."""
    values = []
    for _ in range(BATCHES):
        values.append(bench.number(order))
        time.sleep(pause)
    return min(values)


def probe_cost(live, build, rounds):
    bench = Bench(live, build)
    rows = {"floor": [], "clock": [], "bare": [], "watch": [], "count": [], "bare2": [], "count2": [], "after": []}
    for _ in range(rounds):
        rows["floor"].append(best(bench, "floor 200000"))
        rows["clock"].append(best(bench, "clock 200000"))
        settle(bench)
        rows["bare"].append(best(bench, "call 1000000"))
        rows["bare2"].append(best(bench, "threads 2 1000000"))
        out = tempfile.TemporaryFile()
        watch = subprocess.Popen([live.REJIG, "watch", str(bench.program.pid), "Bench.Target.Work", "number", "--json"],
                                 stdout=out, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        while not watch.stderr.readline().startswith("probing"):
            pass
        settle(bench)
        rows["watch"].append(best(bench, "call 50000", 0.08))
        watch.send_signal(2)
        watch.wait()
        watch.stderr.close()
        count = bench.watch("count", "Bench.Target.Work", "--json")
        settle(bench)
        rows["count"].append(best(bench, "call 1000000"))
        rows["count2"].append(best(bench, "threads 2 1000000"))
        count.end()
        settle(bench)
        rows["after"].append(best(bench, "call 1000000"))
    bench.close()
    over = [w - b for w, b in zip(rows["watch"], rows["bare"])]
    ratio = statistics.median(over) / statistics.median(rows["floor"])
    counted = [c - b for c, b in zip(rows["count"], rows["bare"])]
    counted2 = [c - b for c, b in zip(rows["count2"], rows["bare2"])]
    count_ratio = statistics.median(counted2) / max(statistics.median(counted), 0.1)
    after = statistics.median(rows["after"]) / statistics.median(rows["bare"])
    return [
        Row("one clock read (rdtsc)", spread(rows["clock"]), "", None),
        Row("floor: two clock reads and a store, in C, same process", spread(rows["floor"]), "", None),
        Row("a bare call, unprobed", spread(rows["bare"]), "", None),
        Row("watch: enter + exit with timestamps and one int, in the ring: above the bare call",
            f"{spread(over)} = {ratio:.2f} x floor", "at most 1.15 x floor", ratio <= 1.15),
        Row("count on enter: above the bare call", spread(counted), "at most 3 ns", statistics.median(counted) <= 3),
        Row("count with 2 threads on one method: above the bare call",
            f"{spread(counted2)} = {count_ratio:.2f} x", "at most 2 x one thread", count_ratio <= 2),
        Row("time a call after revert against before", f"{after:.3f} x", "within 5 %", abs(after - 1) <= 0.05),
    ]


def full_rings(live, build, rounds):
    """A command that is stopped drains nothing: what the program then pays a call."""
    bench = Bench(live, build)
    recorded, dropped = [], []
    for _ in range(rounds):
        bare = best(bench, "call 1000000")
        watch = subprocess.Popen([live.REJIG, "watch", str(bench.program.pid), "Bench.Target.Work", "number", "--json"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 text=True, stdin=subprocess.DEVNULL)
        while not watch.stderr.readline().startswith("probing"):
            pass
        settle(bench)
        recorded.append(best(bench, "call 50000", 0.08) - bare)
        watch.send_signal(signal.SIGSTOP)
        bench.number("call 1500000")
        dropped.append(best(bench, "call 200000") - bare)
        watch.send_signal(signal.SIGCONT)
        watch.send_signal(signal.SIGINT)
        watch.wait()
        watch.stderr.close()
    bench.close()
    ratio = statistics.median(dropped) / statistics.median(recorded)
    return [
        Row("a call that is recorded: above the bare call", spread(recorded), "", None),
        Row("a call for which the rings have no room (the command is stopped)", f"{spread(dropped)} = {ratio:.2f} x",
            "at most a recorded one", ratio <= 1),
    ]


def first_line(command):
    """Milliseconds from starting rejig to its first line of data."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               stdin=subprocess.DEVNULL)
    while True:
        line = process.stdout.readline()
        if not line or '"call"' in line:
            break
    took = (time.monotonic() - start) * 1000
    process.wait()
    return took if line else float("nan")


def attach(live, build, rounds):
    first, second = [], []
    for _ in range(max(rounds, 3) if rounds < ROUNDS else 20):
        bench = Bench(live, build)
        bench.program.send("rate 1000 2500")
        time.sleep(0.2)
        command = [live.REJIG, "watch", str(bench.program.pid), "Bench.Target.Work", "number", "--json", "--limit", "1"]
        first.append(first_line(command))
        time.sleep(0.1)
        second.append(first_line(command))
        bench.program.process.kill()
        bench.program.process.wait()
    return [
        Row("attach to first event, method called 1,000 times a second (rejig's own start included)",
            spread(first, "ms", 1), "median at most 30 ms", statistics.median(first) <= 30),
        Row("a second session, to its first event", spread(second, "ms", 1), "at most 10 ms",
            statistics.median(second) <= 10),
    ]


def many_methods(live, build, rounds):
    ready, requested, inliners, matched = [], [], [], 0
    for _ in range(max(3, min(rounds, 7))):
        bench = Bench(live, build)
        count = live.Rejig("count", str(bench.program.pid), "System.Collections.**", "System.Text.**", "System.Threading.**",
                           "System.Globalization.**", "System.IO.**", "System.Reflection.**",
                           "--max-methods", "40000", "--json")
        count.probing(limit=120)
        start = live.wait_for(lambda: count.objects("start"), "the start record")[0]
        live.wait_for(lambda: any("requested" in line for line in live.agent_log(bench.program.pid)), "the inliners")
        matched = start["methods"]
        ready.append(start["ready_ns"] / 1e6)
        count.end()
        for line in live.agent_log(bench.program.pid):
            found = re.search(r"requested (\d+) methods in ([\d.]+) ms, their inliners in ([\d.]+) ms", line)
            if found:
                requested.append(float(found.group(2)))
                inliners.append(float(found.group(3)))
                break
        bench.close()
    rows = []
    if requested:
        rows = [Row(f"{matched:,} methods: from the command to RequestReJIT returned (start of rejig, attach, matching included)",
                    spread(ready, "ms", 1), "10,000 in at most 150 ms",
                    statistics.median(ready) * 10000 / max(matched, 1) <= 150),
                Row("of that RequestReJIT itself", spread(requested, "ms", 1), "", None),
                Row("their JIT-time inliners requested after it", spread(inliners, "ms", 1), "10,000 in at most 500 ms",
                    statistics.median(inliners) * 10000 / max(matched, 1) <= 500)]
    return rows


def throughput(live, build, rounds):
    rows = []
    for rate, seconds, promise in ((200_000, 5, "nothing lost"), (1_000_000, 3, "printed + said lost = the program's own count")):
        lost, wrong = [], 0
        for _ in range(3):
            bench = Bench(live, build)
            path = os.path.join(tempfile.gettempdir(), f"rejig-bench-{os.getpid()}.json")
            with open(path, "w", encoding="utf-8") as out:
                watch = subprocess.Popen([live.REJIG, "watch", str(bench.program.pid), "Bench.Target.Work", "number",
                                          "--json"], stdout=out, stderr=subprocess.PIPE, text=True,
                                         stdin=subprocess.DEVNULL)
                while not watch.stderr.readline().startswith("probing"):
                    pass
                made = int(bench.number(f"rate {rate} {seconds * 1000}"))
                time.sleep(0.5)
                watch.send_signal(2)
                watch.communicate(timeout=60)
            shown, end = 0, None
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.startswith('{"type":"call"'):
                        shown += 1
                    elif line.startswith('{"type":"end"'):
                        end = json.loads(line)
            os.unlink(path)
            lost.append(end["lost"])
            if shown + end["lost"] != made:
                wrong += 1
                print(f"made {made}, shown {shown}, lost {end['lost']}", file=sys.stderr)
            bench.close()
        figure = f"lost {', '.join(f'{n:,}' for n in lost)} of about {rate * seconds:,}; sums exact in {3 - wrong} of 3"
        kept = wrong == 0 and (rate > 200_000 or max(lost) == 0)
        rows.append(Row(f"watch --json into a file at {rate:,} calls a second", figure, promise, kept))
    return rows


def footprint(live, build, rounds):
    bench = Bench(live, build)
    watch = bench.watch("watch", "Bench.Target.Work", "number", "--json")
    bench.program.tell("park 64")
    agent = [item for item in live.status(bench.program.pid) if item["type"] == "status"][0]
    total = 0
    with open(f"/proc/{bench.program.pid}/smaps", encoding="utf-8") as file:
        mine = False
        for line in file:
            if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
                mine = "librejig.so" in line
            elif mine and line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    total += agent["memory_bytes"]
    watch.end()
    bench.close()
    so = os.path.getsize(os.path.join(build, "lib", "rejig", "librejig.so"))
    return [
        Row("the agent in the target besides rings, 64 threads recording", f"{total / 1048576:.2f} MiB", "at most 4 MiB",
            total <= 4 << 20),
        Row("librejig.so", f"{so / 1024:.0f} KiB", "at most 512 KiB", so <= 512 << 10),
    ]


def inlining_tables(live, build, rounds):
    warm, cold, read = inlining.measure(build, rounds)
    what = (f"all {read['images']} precompiled framework images ({read['inlinees']:,} inlinees, "
            f"{read['pairs']:,} pairs)")
    whole = read["malformed"] == 0 and read["pairs"] > 0
    return [
        Row(f"{what}, warm", spread(warm, "ms"), "15 ms", whole and statistics.median(warm) <= 15),
        Row("the same, cold (pages of those files dropped)", spread(cold, "ms"), "150 ms",
            whole and statistics.median(cold) <= 150),
        Row("memory allocated", f"{read['allocated']} bytes (tables: {read['table_bytes'] / 1024:.0f} KiB)",
            "at most the tables", read["allocated"] <= read["table_bytes"]),
    ]


BENCHES = {
    "cost": ("What a probe costs", probe_cost),
    "full": ("When nobody drains", full_rings),
    "attach": ("From command to first event", attach),
    "many": ("Many methods", many_methods),
    "throughput": ("Events a second", throughput),
    "footprint": ("What the agent takes", footprint),
    "wayback": ("The way back", lambda live, build, rounds: wayback.rows(live, build, rounds, Row)),
    "startup": ("Started under rejig", lambda live, build, rounds: startup.rows(live, build, rounds, Row)),
    "inlining": ("Who is inlined into whom", inlining_tables),
}


def table(rows):
    lines = ["| what | measured | promise | kept |", "|---|---|---|---|"]
    for row in rows:
        kept = {True: "yes", False: "**no**", None: ""}[row.kept]
        lines.append(f"| {row.what} | {row.figure} | {row.promise} | {kept} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", choices=sorted(BENCHES))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.environ["REJIG_BUILD"] = build
    subprocess.run([sys.executable, os.path.join(ROOT, "tests", "live", "build_apps.py"), os.path.join(build, "apps"),
                    os.path.join(ROOT, "bench", "app", "Bench.csproj"),
                    os.path.join(ROOT, "bench", "hello", "Hello.csproj")], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DREJIG_BENCH=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build], check=True, stdout=subprocess.DEVNULL)
    import rejig_live as live

    rounds = 3 if options.quick else ROUNDS
    sections, all_kept = [], True
    for name, (title, run) in BENCHES.items():
        if options.only and options.only != name:
            continue
        rows = run(live, build, rounds)
        all_kept = all_kept and all(row.kept is not False for row in rows)
        text = f"## {title}\n\n{table(rows)}\n"
        print(text, flush=True)
        sections.append(text)
    if not options.only and not options.quick:
        runtime = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout
        runtime = re.findall(r"Microsoft\.NETCore\.App (\S+)", runtime)[-1]
        head = (f"# Benchmarks\n\nWritten by `./dev bench` on {datetime.date.today()}, .NET {runtime}, "
                f"{os.cpu_count()} processors, Linux {platform.release().split('-')[0]}. Medians of {ROUNDS} interleaved rounds "
                "(minimum to maximum) unless the row says otherwise; a round of a nanosecond row is the best of "
                f"{BATCHES} short batches, the floor's as the probe's. A shared machine: compare rows, not machines.\n\n")
        with open(os.path.join(ROOT, "docs", "benchmarks.md"), "w", encoding="utf-8") as file:
            file.write(head + "\n".join(sections))
    sys.exit(0 if all_kept else 1)


if __name__ == "__main__":
    main()
