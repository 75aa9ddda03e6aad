"""The long proof, `./dev soak`: programs at work while everything is done to them that rejig can do.

    run.py --build FOLDER [--minutes N] [--seed N] [--keep FOLDER]

Three programs (Kinds, Shop, and Web under load) do work whose answers are known, while several
sessions at once come and go on each: random methods, values and conditions, ended by Ctrl-C, by a
limit, a duration, SIGTERM, or by SIGKILL at any moment. Meanwhile the C# compiler compiles again
and again with all of its methods counted. Nothing may change: every answer, every exit code, the
compiler's output to the last bit; and what stays is bounded: memory, descriptors, threads.
Before that, every call is seen of every variant of tests/apps/inlining.
Prints figures; exits with 1 where anything was wrong.
"""

import argparse
import collections
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROJECTS = ["samples/shop/Shop.csproj", "tests/apps/kinds/Kinds.csproj", "tests/apps/web/Web.csproj",
            "tests/apps/inlining/Inlining.csproj"]
HANG = 180.0  # seconds that no single thing may take
THREADS_MORE = 40  # the thread pool's own ups and downs
DESCRIPTORS_MORE = 24
MEMORY_MORE = 300 << 20  # the program's own heap under probes
MEMORY_PER_METHOD = 4096  # what the runtime keeps of a recompiled method, generously

PATTERNS = {
    "Kinds": ["Kinds.**", "Kinds.Plain.*", "Kinds.Asynchronous.*", "Kinds.Iterators.*", "Kinds.Generic.Pick",
              "Kinds.Lambdas.*", "Kinds.Box<*>.*", "Kinds.Point3.*", "System.String.Concat", "System.Linq.**",
              "System.Collections.Generic.**", "System.Threading.Tasks.**"],
    "Shop": ["Shop.**", "Shop.OrderService.*", "Shop.Pricing.*", "Shop.Stock.*", "HotLoop.*",
             "System.Collections.Generic.Dictionary.*", "System.Decimal.*"],
    "Web": ["Microsoft.AspNetCore.Hosting.**", "Microsoft.AspNetCore.Http.**", "Microsoft.AspNetCore.Routing.**",
            "Microsoft.AspNetCore.Server.Kestrel.**.Http1Connection.*", "System.Text.**", "System.Buffers.**",
            "System.Threading.**", "System.Int32.*", "System.Net.Sockets.**"],
}


class Soak:
    """What all threads share: the end, what went wrong, and the figures."""

    def __init__(self, options, folder):
        self.rejig = os.path.join(options.build, "bin", "rejig")
        self.apps = os.path.join(options.build, "apps")
        self.folder = folder
        self.end = time.monotonic() + options.minutes * 60
        self.seed = options.seed
        self.failures = []
        self.figures = collections.Counter()
        self.lock = threading.Lock()

    def going(self):
        return time.monotonic() < self.end

    def failed(self, what):
        with self.lock:
            self.failures.append(what)
            print(f"FAILED after {time.monotonic() - START:.0f} s: {what}", file=sys.stderr, flush=True)

    def count(self, what, number=1):
        with self.lock:
            self.figures[what] += number


def environment(soak, name):
    """A crash of a target is the worst that can happen: it leaves a dump to look at."""
    return {**os.environ, "DOTNET_DbgEnableMiniDump": "1", "DOTNET_DbgMiniDumpType": "2",
            "DOTNET_DbgMiniDumpName": os.path.join(soak.folder, f"core-{name}-%p"), "DOTNET_NOLOGO": "1"}


def measured(pid):
    """(threads, descriptors, resident bytes) of a process."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["Threads"]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["VmRSS"].split()[0]) << 10


def stacks(pid):
    """Where all threads of a process stand, as far as gdb can say."""
    if not shutil.which("gdb"):
        return "(no gdb here)"
    done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-nx", "-ex", "thread apply all bt 12"], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.stdout


class Target:
    """A program at work; work() does one round of it and says what was wrong."""

    name = ""
    exit_code = 0

    def __init__(self, soak):
        self.soak = soak
        self.methods = 0
        self.errors = open(os.path.join(soak.folder, f"{self.name}.stderr"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(["dotnet", os.path.join(soak.apps, self.name, self.name + ".dll"), *self.arguments()],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=environment(soak, self.name))
        self.first = self.process.stdout.readline()
        self.prepare()
        self.before = measured(self.process.pid)

    def arguments(self):
        return []

    def prepare(self):
        pass

    def work(self):
        raise NotImplementedError

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def run(self):
        """The thread that does the program's work until the time is over."""
        dice = random.Random(f"{self.soak.seed} {self.name}")
        try:
            while self.soak.going() and self.process.poll() is None:
                wrong = self.work(dice)
                self.soak.count(f"{self.name}: rounds of work")
                if wrong:
                    self.soak.failed(f"{self.name}: {wrong}")
        except (OSError, ValueError) as error:
            self.soak.failed(f"{self.name}: {error!r}")
        if self.process.poll() is not None:
            self.errors.seek(0)
            self.soak.failed(f"{self.name} is dead, exit code {self.process.returncode}: {self.errors.read()[-4000:]}")

    def check_rest(self):
        """What stays when all sessions are over."""
        if self.process.poll() is not None:
            return
        done = None
        for _ in range(100):
            done = subprocess.run([self.soak.rejig, "status", str(self.process.pid), "--json"], check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG)
            state = [json.loads(line) for line in done.stdout.splitlines()]
            state = [item for item in state if item["type"] == "status"]
            if state and not state[0]["sessions"] and not state[0].get("residue"):
                break
            time.sleep(0.1)
        else:
            self.soak.failed(f"{self.name}: sessions do not end: {done.stdout}{done.stderr}")
        after = measured(self.process.pid)
        print(f"{self.name}: threads {self.before[0]} -> {after[0]}, descriptors {self.before[1]} -> {after[1]}, "
              f"memory {self.before[2] >> 20} -> {after[2] >> 20} MiB after {self.methods} methods recompiled")
        if after[0] > self.before[0] + THREADS_MORE:
            self.soak.failed(f"{self.name}: {after[0]} threads")
        if after[1] > self.before[1] + DESCRIPTORS_MORE:
            self.soak.failed(f"{self.name}: {after[1]} descriptors")
        if after[2] > self.before[2] + MEMORY_MORE + self.methods * MEMORY_PER_METHOD:
            self.soak.failed(f"{self.name}: {after[2] >> 20} MiB resident")

    def finish(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write("quit\n")
                self.process.stdin.close()
                self.process.stdout.read()
                code = self.process.wait(HANG)
                if code != self.exit_code:
                    self.soak.failed(f"{self.name} ended with exit code {code}, not {self.exit_code}")
            except (OSError, subprocess.TimeoutExpired) as error:
                self.soak.failed(f"{self.name} does not end: {error!r}\n{stacks(self.process.pid)}")
                self.process.kill()
        self.errors.seek(0)
        said = self.errors.read()
        if said:
            self.soak.failed(f"{self.name} wrote to its stderr: {said[-2000:]}")


class Kinds(Target):
    """Every kind of method; answers are those of the same orders before the first probe."""

    name = "Kinds"
    exit_code = 7

    def prepare(self):
        with open(os.path.join(ROOT, "tests/apps/kinds/Scenarios.cs"), encoding="utf-8") as file:
            text = file.read()
        scenarios = re.findall(r'^ +case "(\w+)":', text[text.index("class Scenarios"):], re.MULTILINE)
        self.orders = [f"run {name} {count}" for name in scenarios if name != "late" for count in (1, 7, 40)]
        self.answers = {order: self.tell(order) for order in self.orders}

    def work(self, dice):
        for order in dice.sample(self.orders, 20):
            answer = self.tell(order)
            if answer != self.answers[order]:
                return f"'{order}' was answered '{answer}', not '{self.answers[order]}'"
        if dice.random() < 0.3:
            self.soak.count("collections forced")
            if self.tell("collect") != "collected":
                return "no answer to 'collect'"
        if dice.random() < 0.1 and (self.tell("threads 10"), self.tell("release")) != ("threads 10", "released 10"):
            return "blocked threads are not released"
        return None


class Shop(Target):
    """Works by itself; says so every second."""

    name = "Shop"

    def arguments(self):
        return [str(int(self.soak.end - time.monotonic()) + 30)]

    def prepare(self):
        for _ in range(3):
            self.process.stdout.readline()

    def work(self, dice):
        line = self.process.stdout.readline()
        return None if line.startswith("shop: ") else f"the shop says '{line}'"


class Web(Target):
    """Under load the whole time, and asked for answers that are known."""

    name = "Web"

    def prepare(self):
        self.url = self.first.split()[2]
        self.answers = {path: self.get(path) for i in range(40) for path in (f"/work/{i}", f"/self/{i}", f"/thrown/{i}", f"/thrown/x{i}")}
        self.load = None
        self.requests = 0

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=HANG) as answer:
            return answer.read()

    def under_load(self):
        """wrk in rounds of ten seconds; not one request may fail."""
        if self.load is None or self.load.poll() is not None:
            wrong = self.load_over()
            self.load = subprocess.Popen(["wrk", "-t1", "-c8", "-d10s", "--timeout", "60s", self.url + "/plain"], text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return wrong
        return None

    def load_over(self):
        if self.load is None:
            return None
        said = self.load.communicate(timeout=HANG)[0]
        self.load = None
        found = re.search(r"(\d+) requests in", said)
        self.soak.count("requests of wrk", int(found.group(1)) if found else 0)
        return said if not found or "Non-2xx" in said or "Socket errors" in said else None

    def work(self, dice):
        if shutil.which("wrk"):
            wrong = self.under_load()
            if wrong:
                return wrong
        for path in dice.sample(sorted(self.answers), 20):
            answer = self.get(path)
            if answer != self.answers[path]:
                return f"{path} was answered {answer!r}, not {self.answers[path]!r}"
        return None

    def finish(self):
        wrong = self.load_over()
        if wrong:
            self.soak.failed(f"{self.name}: {wrong}")
        super().finish()


class Prober:
    """One user at a target: a session after the other, each of another kind, each with another end."""

    def __init__(self, soak, target, number):
        self.soak, self.target = soak, target
        self.dice = random.Random(f"{soak.seed} {target.name} {number}")

    def arguments(self):
        dice, pid = self.dice, str(self.target.process.pid)
        pattern = dice.choice(PATTERNS[self.target.name])
        kind = dice.random()
        if kind < 0.08:
            return [dice.choice(["doctor", "status"]), pid], False
        if kind < 0.12:
            return ["list", pid, pattern], False
        if kind < 0.16:
            return ["reset", pid], False
        if kind < 0.40:
            every = "**" if dice.random() < 0.1 else pattern
            return ["count", pid, every, "--max-methods", "100000", "--json"], True
        words = ["watch", pid, pattern, "--max-methods", "100000", "--ring-size", dice.choice(["4", "32"])]
        words += dice.choice([[], [], [], ["--depth", "4", "--max-items", "50"], ["--max-string", "4"], ["--max-bytes", "600"]])
        words += dice.choice([[], [], ["--if", "elapsed > 20us"], ["--if", "elapsed > 1h"], ["--values=elapsed"],
                              ["--on", "throw"], ["--on", "return"], ["--on", "enter"]])
        words += dice.choice([[], ["--json"]])
        return words, True

    def run(self):
        while self.soak.going() and self.target.process.poll() is None:
            words, lasting = self.arguments()
            how = "end"
            if lasting:
                how = self.dice.choice(["duration", "limit", "SIGINT", "SIGTERM", "SIGKILL", "SIGKILL"])
                words += ["--duration", f"{self.dice.uniform(0.2, 4):.1f}s"] if how == "duration" else []
                words += ["--limit", str(self.dice.choice([1, 10, 1000, 20000])), "--duration", "8s"] if how == "limit" and words[0] == "watch" else []
                words += ["--duration", "3s"] if how == "limit" and words[0] == "count" else []
            self.session(words, how, lasting)

    def session(self, words, how, lasting):
        said = tempfile.TemporaryFile("w+", dir=self.soak.folder, encoding="utf-8")
        process = subprocess.Popen([self.soak.rejig, *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL if lasting else said, stderr=said)
        if how.startswith("SIG"):
            # many at the very moment of the attach, the plan, the recompilation
            time.sleep(self.dice.choice([self.dice.uniform(0, 0.4), self.dice.uniform(0, 3)]))
            process.send_signal(getattr(signal, how))
        try:
            code = process.wait(HANG)
        except subprocess.TimeoutExpired:
            self.soak.failed(f"{self.target.name}: hangs: rejig {' '.join(words)} ({how})\n{stacks(process.pid)}\n"
                             f"{stacks(self.target.process.pid)}")
            process.kill()
            code = process.wait()
        said.seek(0)
        text = said.read()
        said.close()
        self.soak.count(f"{words[0]} ended by {how}")
        found = re.search(r"probing ([\d,]+) methods?", text)
        if found:
            self.target.methods += int(found.group(1).replace(",", ""))
        if self.target.process.poll() is None and not self.right(words, how, code, text):
            self.soak.failed(f"{self.target.name}: exit code {code}: rejig {' '.join(words)} ({how})\n{text[-1500:]}")

    def right(self, words, how, code, text):
        """Whether a session ended as it must. One that was told to end before it began may say so."""
        if how == "SIGKILL":
            return code in (-signal.SIGKILL, 0)
        if how in ("SIGINT", "SIGTERM"):
            return code in (0, 130, 143, -signal.SIGINT, -signal.SIGTERM)
        if words[0] in ("status", "reset") and "no agent" in text:
            return True
        if words[0] == "doctor" and "does not answer" in text:
            return True  # it asks for 0.2 s, and another session may just have begun on all methods
        return code == 0


class Compiler:
    """The C# compiler with every method of it counted: its output stays the same to the last bit."""

    def __init__(self, soak):
        self.soak = soak
        sdks = subprocess.run(["dotnet", "--list-sdks"], capture_output=True, text=True, check=True).stdout.splitlines()
        version, folder = re.match(r"(\S+) \[(.*)\]", sdks[-1]).groups()
        runtimes = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout
        runtime = re.findall(r"^Microsoft\.NETCore\.App (\S+) \[(.*)\]", runtimes, re.MULTILINE)[-1]
        self.program = ["dotnet", "exec", os.path.join(folder, version, "Roslyn", "bincore", "csc.dll")]
        self.references = [f"-r:{path}" for path in sorted(glob.glob(os.path.join(runtime[1], runtime[0], "System*.dll")))]
        self.sources = sorted(glob.glob(os.path.join(ROOT, "tests/apps/kinds/*.cs")))
        self.usings = os.path.join(soak.folder, "Usings.cs")
        with open(self.usings, "w", encoding="utf-8") as file:
            file.writelines(f"global using {name};\n" for name in ("System", "System.Collections.Generic", "System.IO", "System.Linq",
                                                                     "System.Threading", "System.Threading.Tasks"))
        self.folders = [os.path.join(soak.folder, name) for name in ("plain", "probed")]

    def words(self, folder):
        os.makedirs(folder, exist_ok=True)
        return [*self.program, "-noconfig", "-nostdlib", "-deterministic", "-nologo", "-unsafe", "-langversion:latest", "-pathmap:/=/",
                f"-out:{os.path.join(folder, 'Kinds.dll')}", *self.references, *self.sources, self.usings]

    def output(self, folder):
        with open(os.path.join(folder, "Kinds.dll"), "rb") as file:
            return file.read()

    def run(self):
        done = subprocess.run(self.words(self.folders[0]), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=HANG)
        if done.returncode != 0:
            self.soak.failed(f"the compiler alone: {done.stdout}{done.stderr}")
            return
        wanted, said = self.output(self.folders[0]), done.stdout
        while self.soak.going():
            for patterns in (["**"], ["Microsoft.CodeAnalysis.**"]):
                self.compile(patterns, wanted, said)

    def compile(self, patterns, wanted, said):
        out = os.path.join(self.soak.folder, "compiler.json")
        try:
            done = subprocess.run([self.soak.rejig, "count", *patterns, "--max-methods", "100000", "--json", "-o", out, "--",
                                   *self.words(self.folders[1])], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=4 * HANG, env=environment(self.soak, "csc"))
        except subprocess.TimeoutExpired:
            self.soak.failed(f"the compiler hangs under count {patterns[0]}")
            return
        if done.returncode != 0 or done.stdout != said:
            self.soak.failed(f"the compiler under count {patterns[0]}: exit code {done.returncode}: {done.stdout}{done.stderr[-3000:]}")
            return
        if self.output(self.folders[1]) != wanted:
            self.soak.failed(f"the compiler's output is another one under count {patterns[0]}")
        os.unlink(os.path.join(self.folders[1], "Kinds.dll"))
        with open(out, encoding="utf-8") as file:
            counts = [item for item in map(json.loads, file) if item["type"] == "count"]
        self.soak.count("compilations")
        self.soak.count("calls counted in the compiler", sum(item["count"] for item in counts))
        if "hung up" in done.stderr:
            self.soak.failed(f"the session on the compiler failed under count {patterns[0]}: {done.stderr[-1000:]}")
        if sum(1 for item in counts if item["count"]) < 500:
            self.soak.failed(f"the compiler called only {sum(1 for item in counts if item['count'])} methods of {len(counts)}")


def run_all(soak):
    targets = [Kinds(soak), Shop(soak), Web(soak)]
    workers = [threading.Thread(target=target.run) for target in targets]
    users = [Prober(soak, target, number) for target in targets for number in range(2)]
    workers += [threading.Thread(target=user.run) for user in users]
    workers.append(threading.Thread(target=Compiler(soak).run))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for target in targets:
        target.check_rest()
    for target in targets:
        target.finish()


def completeness(soak, options):
    """Every way of publishing that inlines differently; started, each case in a process of its own."""
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tests/live/completeness_test.py")], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "REJIG_COMPLETENESS": "all", "REJIG_BUILD": options.build,
                               "REJIG": soak.rejig, "REJIG_APPS": soak.apps})
    for line in done.stdout.splitlines():
        if "cases seen" in line or line.startswith("SKIPPED"):
            print(line, flush=True)
    if done.returncode != 0:
        soak.failed(f"completeness:\n{done.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices (not its timing)")
    parser.add_argument("--keep", help="a folder for what is written, kept")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    options.seed = options.seed if options.seed is not None else int(time.time())
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/live/build_apps.py"), os.path.join(options.build, "apps"),
                    *(os.path.join(ROOT, project) for project in PROJECTS)], check=True)
    folder = options.keep or tempfile.mkdtemp(prefix="rejig-soak-")
    os.makedirs(folder, exist_ok=True)
    soak = Soak(options, folder)
    completeness(soak, options)
    soak.end = time.monotonic() + options.minutes * 60  # the rest has its whole time
    run_all(soak)
    for what, number in sorted(soak.figures.items()):
        print(f"{what:40} {number}")
    dumps = glob.glob(os.path.join(folder, "core-*"))
    if dumps:
        soak.failed(f"crashed: {' '.join(dumps)}")
    if soak.failures:
        print(f"{len(soak.failures)} failures; what was written is in {folder}")
        sys.exit(1)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print("no failures")


START = time.monotonic()
if __name__ == "__main__":
    main()
