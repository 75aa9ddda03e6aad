"""What starting under rejig costs a program: processor time of the program alone."""

import os
import statistics
import subprocess
import tempfile
import time

OWN = ["Hello.Greeting." + name for name in
       ("Whom", "Default", "Whole", "Opening", "Space", "Width", "Cased", "Known", "Closing")] + ["Hello.Program.Main"]
FRAMEWORK = ["System.Console.WriteLine(string)", "System.String.Concat(string, string)", "System.IO.Path.Combine",
             "System.AppContext.Setup", "System.IO.TextWriter.Flush", "System.Threading.Thread.Start",
             "System.String.IsNullOrEmpty", "System.Text.StringBuilder.ToString", "System.Environment.Exit",
             "System.Collections.Generic.List<T>.Add"]


def spent(command):
    """Runs it to its end; its processor time in ms with that of the children it has waited for, and
    of that its own alone (rejig waits for the program)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    # The clock of another process, as clock_getcpuclockid makes it; it stands until wait4.
    own = time.clock_gettime_ns(~process.pid << 3 | 2) / 1e6
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000, own


def measure(rejig, program, rounds):
    """Interleaved; the first round, in which files are read for the first time, does not count."""
    times = {"alone": [], "count": [], "watch": [], "framework": []}
    with tempfile.TemporaryDirectory(prefix="rejig-bench-") as folder:
        out = os.path.join(folder, "out.json")
        for _ in range(rounds + 1):
            times["alone"].append(spent(program)[0])
            for name, command, patterns in (("count", "count", OWN), ("watch", "watch", OWN),
                                            ("framework", "count", FRAMEWORK)):
                words = [rejig, command, *(patterns if command == "count" else ["Hello.**"]), "--json", "-o", out]
                whole, own = spent([*words, "--", *program])
                times[name].append(whole - own)
    return {name: values[1:] for name, values in times.items()}


def rows(live, build, rounds, row):
    """`row` makes a row of the report: what, figure, promise, kept."""
    times = measure(live.REJIG, ["dotnet", os.path.join(build, "apps", "Hello", "Hello.dll")], rounds)

    def figure(name):
        values = times[name]
        ratio = statistics.median(values) / statistics.median(times["alone"])
        return f"{statistics.median(values):.1f} ms ({min(values):.1f} to {max(values):.1f}) = {ratio:.2f} x", ratio

    made = [row("hello world, processor time of the whole process", figure("alone")[0], "", None)]
    for name, what in (("count", "started under count, 10 of its own methods"),
                       ("watch", "started under watch, all its own methods, every value recorded")):
        text, ratio = figure(name)
        made.append(row(what, text, "at most 1.10 x", ratio <= 1.1))
    made.append(row("started under count, 10 methods of the framework and the precompiled callers that hold copies of them",
                    figure("framework")[0], "", None))
    return made
