"""Every method with IL of every assembly of the shared frameworks, woven in each mode and compiled.

    sweep_framework.py --build FOLDER [--assemblies A,B] [--modes enter,full,line] [--runs default,tiered0]
                       [--batch N] [--out FOLDER]

sweep_drive.py says how it is counted. Writes sweep.md and sweep.json into the folder soak of the
build (or --out), and exits with 1 where anything was wrong: a crash, a method that the JIT does
not take any more once it is woven, a body that was woven and not compiled, one of which nothing
is known, half a per cent of refusals.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sweep_drive import Crash, Driver, MODES, NAMES, RUNS, Sweep, judge

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FRAMEWORKS = ("Microsoft.NETCore.App", "Microsoft.AspNetCore.App")
MOST_REFUSED = 0.005


def frameworks():
    """{framework: (version, folder)} of those that `dotnet` takes for .NET 10."""
    listed = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        match = re.fullmatch(r"(\S+) (10\.\S+) \[(.+)\]", line)
        if match and match[1] in FRAMEWORKS:
            found[match[1]] = (match[2], os.path.join(match[3], match[2]))
    return found


def is_managed(path):
    """A dll with a CLI header; the few native libraries end in .so."""
    with open(path, "rb") as file:
        head = file.read(1024)
    at = int.from_bytes(head[0x3C:0x40], "little")
    optional = at + 24
    plus = head[optional:optional + 2] == b"\x0b\x02"
    directory = optional + (112 if plus else 96) + 14 * 8
    return head[:2] == b"MZ" and int.from_bytes(head[directory:directory + 4], "little") != 0


def assemblies():
    names = []
    for framework in FRAMEWORKS:
        folder = frameworks()[framework][1]
        names += [name[:-4] for name in sorted(os.listdir(folder))
                  if name.endswith(".dll") and is_managed(os.path.join(folder, name))]
    return names


def sweep_batch(sweep, names, mode, run):
    """Rows of some assemblies in one program; after a crash the rest goes on in a new one."""
    rows, left = [], list(names)
    while left:
        driver = None
        try:
            driver = Driver(sweep.app, run)
            while left:
                rows.append(sweep.assembly(driver, left[0], mode, run))
                left.pop(0)
        except Crash as crash:
            rows.append({"name": left.pop(0), "mode": mode, "run": run, "methods": 0, "crash": str(crash)})
        finally:
            code = driver.end() if driver else 1
        if code != 0 and "crash" not in rows[-1]:
            rows.append({"name": names[0], "mode": mode, "run": run, "methods": 0,
                         "crash": f"the program ended with {code} after {rows[-1]['name']}"})
    return rows


def batches(names, size):
    """The core library alone: in it everything is called all the time."""
    rest = [name for name in names if name != "System.Private.CoreLib"]
    found = [rest[i:i + size] for i in range(0, len(rest), size)]
    return ([["System.Private.CoreLib"]] if len(rest) < len(names) else []) + found


def totals(rows):
    """Figures of one mode and run."""
    sums = collections.Counter()
    refused = collections.Counter()
    for row in rows:
        sums["assemblies"] += 1
        sums["crashes"] += "crash" in row
        if "agent" not in row:
            continue
        sums["methods"] += row["methods"]
        for name in ("bodies", "woven", "compiled"):
            sums[name] += row["agent"][name]
        sums["worse"] += len(row["worse"])
        sums["open"] += row["probed"]["open"]
        sums["failed"] += row["probed"]["failed"]
        for reason, count in row["refused"].items():
            refused[reason.removeprefix("it is never probed: ")] += count
    sums["refused"] = sum(refused.values())
    if rows[0]["mode"] == "full":
        sums["kickoffs"] = sums["methods"] - sums["refused"] - sums["bodies"]
    return {**sums, "reasons": dict(refused.most_common())}


def fragment(version, parts):
    """The table for docs/reliability.md."""
    lines = [f"Shared frameworks {', '.join(FRAMEWORKS)} {version}.", "",
             "| probe | JIT | assemblies | methods with IL | woven and compiled | no type argument fits | refused | "
             "crashes | invalid bodies |",
             "|---|---|---|---|---|---|---|---|---|"]
    for part in parts:
        figures = part["totals"]
        lines.append(
            f"| {NAMES[part['mode']]} | {'tiered' if part['run'] == 'default' else 'TieredCompilation=0'} | "
            f"{figures['assemblies']} | {figures['methods']:,} | {figures['compiled']:,} | "
            f"{figures['bodies'] - figures['compiled']:,} | {figures['refused']:,} | {figures['crashes']} | "
            f"{figures['worse']} |")
    kickoffs = [part["totals"]["kickoffs"] for part in parts if "kickoffs" in part["totals"]]
    if kickoffs:
        lines += ["", f"Of iterators the state machine is woven: {kickoffs[0]:,} methods that only make one stay as "
                      "they are where entry and exit are probed."]
    reasons = collections.Counter()
    for part in parts:
        for reason, count in part["totals"]["reasons"].items():
            reasons[reason] = max(reasons[reason], count)
    lines += ["", "| refused, at most | methods |", "|---|---|"]
    lines += [f"| {reason} | {count:,} |" for reason, count in reasons.most_common()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="weave and compile every method of the shared frameworks")
    parser.add_argument("--build", default="build")
    parser.add_argument("--app")
    parser.add_argument("--assemblies")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--runs", default=",".join(RUNS))
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    out = os.path.abspath(options.out or os.path.join(build, "soak"))
    os.makedirs(out, exist_ok=True)
    app = options.app or os.path.join(build, "apps", "Sweep", "Sweep.dll")
    if not os.path.exists(app):
        subprocess.run([sys.executable, os.path.join(ROOT, "tests", "live", "build_apps.py"),
                        os.path.join(build, "apps"), os.path.join(ROOT, "tests/apps/sweep/Sweep.csproj")], check=True)
    rejig = os.path.join(build, "bin", "rejig")
    names = options.assemblies.split(",") if options.assemblies else assemblies()
    helps = subprocess.run([rejig, "help", "watch"], capture_output=True, text=True).stdout
    extra = ["--budget", "off"] if "--budget" in helps else []
    parts, wrong, begun = [], [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rejig-sweep-") as folder, \
         concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        sweep = Sweep(rejig, app, folder, extra)
        waiting = {(mode, run): [pool.submit(sweep_batch, sweep, batch, mode, run)
                                 for batch in batches(names, options.batch)]
                   for mode in options.modes.split(",") for run in options.runs.split(",")}
        for (mode, run), futures in waiting.items():
            rows = [row for future in futures for row in future.result()]
            for row in rows:
                faults = [row["crash"]] if "crash" in row else judge(row)
                wrong += [f"{row['name']}, {mode}, {run}: {fault}" for fault in faults]
            parts.append({"mode": mode, "run": run, "totals": totals(rows), "rows": rows})
            figures = parts[-1]["totals"]
            if figures["refused"] >= MOST_REFUSED * max(1, figures["methods"]):
                wrong.append(f"{mode}, {run}: {figures['refused']} of {figures['methods']} refused")
            print(f"{time.monotonic() - begun:6.0f} s  {mode:6} {run:8} {json.dumps(figures)}", flush=True)
    version = frameworks()[FRAMEWORKS[0]][0]
    with open(os.path.join(out, "sweep.json"), "w", encoding="utf-8") as file:
        json.dump({"version": version, "wrong": wrong, "parts": parts}, file, indent=1)
    with open(os.path.join(out, "sweep.md"), "w", encoding="utf-8") as file:
        file.write(fragment(version, parts))
    for line in wrong:
        print(f"WRONG {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
