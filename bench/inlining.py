"""How long it takes to read who is inlined into whom, from all of the framework's images."""

import json
import os
import re
import subprocess


def framework():
    """The folders of the newest installed runtime: .NET's own, and ASP.NET Core's where it is there."""
    said = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout
    newest = {}
    for name, version, folder in re.findall(r"^(\S+) (\S+) \[(.*)\]$", said, re.MULTILINE):
        newest[name] = os.path.join(folder, version)
    return [newest[name] for name in ("Microsoft.NETCore.App", "Microsoft.AspNetCore.App") if name in newest]


def measure(build, rounds):
    """(warm, cold, last pass): milliseconds of each round, and what was read."""
    done = subprocess.run([os.path.join(build, "bench", "inlining_bench"), str(rounds), *framework()],
                          capture_output=True, text=True, check=True)
    passes = [json.loads(line) for line in done.stdout.splitlines()][1:]
    return ([one["ms"] for one in passes if not one["cold"]], [one["ms"] for one in passes if one["cold"]], passes[-1])
