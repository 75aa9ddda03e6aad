"""One assembly after another, every method of it woven by the real agent and compiled by the real JIT.

The program Sweep has the runtime prepare each method: once before rejig is there, which tells
what cannot be prepared anyway, and once under the probes. What counts is what the agent says,
not the program: a body is woven when the runtime has asked for it (GetReJITParameters) and
compiled when ReJITCompilationFinished has said so without an error.
"""

import collections
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time

LIMIT = 300.0
MODES = {
    "enter": ["watch", "--on", "enter"],
    "full": ["watch"],
    "line": ["count"],
}
NAMES = {
    "enter": "enter, all arguments",
    "full": "enter, exit and exception, all arguments and the result",
    "line": "a line in the middle",
}
RUNS = {"default": {}, "tiered0": {"DOTNET_TieredCompilation": "0"}}
# Methods that have no IL: nobody asks to weave them.
NO_IL = ("it is abstract", "it is native code", "the runtime itself supplies")
# The methods with a name in the source, what the compiler has put into these, and the types it made.
PATTERNS = ("**", "**.<*>*", "**.<*>*.**")


class Crash(Exception):
    """The target has ended, or does not answer."""


class Driver:
    """The program Sweep."""

    def __init__(self, app, run):
        self.process = subprocess.Popen(
            ["dotnet", app], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **RUNS[run], "DOTNET_NOLOGO": "1"}, start_new_session=True)
        self.answers = queue.Queue()
        self.errors = collections.deque(maxlen=20)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()
        self.answer("the program's start")

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(line.rstrip("\n"))
        self.answers.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def answer(self, what):
        try:
            line = self.answers.get(timeout=LIMIT)
        except queue.Empty:
            raise Crash(f"no answer to {what} in {LIMIT:.0f} s") from None
        if line is None:
            code = self.process.wait(30)
            raise Crash(f"it ended with {code} at {what}: {' / '.join(list(self.errors)[:6])}")
        return line

    def tell(self, order):
        try:
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.answer(order)

    def end(self):
        """Its exit code; ends it the hard way where it does not do so itself."""
        try:
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Session:
    """rejig at work; of its output only what is not a call is kept."""

    def __init__(self, rejig, arguments):
        self.process = subprocess.Popen([rejig, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.objects = []
        self.errors = []
        self.begun = threading.Event()
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith(('{"type":"refused"', '{"type":"end"', '{"type":"drop"')):
                self.objects.append(json.loads(line))

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            if line.startswith("probing"):
                self.begun.set()
        self.begun.set()

    def probing(self):
        if not self.begun.wait(LIMIT) or not any(line.startswith("probing") for line in self.errors):
            raise Crash("rejig did not begin: " + " / ".join(self.errors[-4:]))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Crash("rejig did not end") from None
        for reader in self.readers:
            reader.join(LIMIT)
        return code


def report(file):
    """{token: (state, name, reason)} of what was not prepared."""
    with open(file, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return {row[0]: tuple(row[1:4]) for row in rows}


def numbers(line):
    found = re.fullmatch(r"prepared (\d+) failed (\d+) open (\d+) methods (\d+)", line)
    if not found:
        raise Crash(f"an answer that is none: {line}")
    return dict(zip(("prepared", "failed", "open", "methods"), map(int, found.groups())))


class Sweep:
    def __init__(self, rejig, app, folder, extra=()):
        self.rejig, self.app, self.folder, self.extra = rejig, app, folder, list(extra)

    def figures(self, pid):
        """What the agent says of its one session."""
        end = time.monotonic() + 60
        while True:
            done = subprocess.run([self.rejig, "status", str(pid), "--json"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=120)
            sessions = json.loads(done.stdout.splitlines()[0])["sessions"] if done.returncode == 0 else []
            if not sessions:
                raise Crash(f"the agent has no session: {done.stdout}{done.stderr}")
            # The runtime's last word is worked off by the agent's own thread.
            if sessions[0]["woven"] == sessions[0]["compiled"] or time.monotonic() > end:
                return sessions[0]
            time.sleep(0.01)

    def arguments(self, mode, pid, name):
        command, *options = MODES[mode]
        place = "@50%" if mode == "line" else ""
        patterns = [f"{name}.dll!{pattern}{place}" for pattern in PATTERNS]
        if command == "watch":
            patterns = [patterns[0]] + [word for pattern in patterns[1:] for word in ("--also", pattern)]
        return [command, str(pid), *patterns, *options, "--wait", "--max-methods", "1000000", "--json",
                "--explain", *self.extra]

    def assembly(self, driver, name, mode, run):
        """Figures of one assembly; a Crash leaves it to the caller to go on with a new program."""
        answer = driver.tell(f"load {name}")
        if not answer.startswith("loaded "):
            return {"name": name, "skipped": answer}
        row = {"name": name, "mode": mode, "run": run, "methods": int(answer.split()[1])}
        if row["methods"] == 0:
            return row
        files = [os.path.join(self.folder, f"{name}.{mode}.{run}.{moment}") for moment in ("before", "probed")]
        row["before"] = numbers(driver.tell(f"prepare {name} {files[0]}"))
        session = Session(self.rejig, self.arguments(mode, driver.process.pid, name))
        try:
            session.probing()
            row["probed"] = numbers(driver.tell(f"prepare {name} {files[1]}"))
            row["agent"] = self.figures(driver.process.pid)
        except Crash as crash:
            raise Crash(f"{name}: {crash} {' / '.join(session.errors[-3:])}") from None
        finally:
            row["code"] = session.end()
        before, probed = report(files[0]), report(files[1])
        row["worse"] = [{"token": token, "method": probed[token][1], "reason": probed[token][2]}
                        for token in probed if probed[token][0] != before.get(token, ("",))[0]]
        row["open"] = [{"token": token, "method": entry[1], "reason": entry[2]} for token, entry in probed.items()]
        refused = [item for item in session.objects if item["type"] == "refused"]
        row["refused"] = dict(collections.Counter(item["reason"] for item in refused
                                                  if not item["reason"].startswith(NO_IL)))
        row["withdrawn"] = [{"method": item["method"], "reason": item["reason"]}
                            for item in refused if item.get("withdrawn")]
        del row["agent"]["command"]
        row["agent"].pop("coverage", None)
        return row


def judge(row):
    """What is wrong with an assembly's figures."""
    wrong = []
    if row.get("skipped") or not row["methods"]:
        return wrong
    agent, probed = row["agent"], row["probed"]
    refused = sum(row["refused"].values())
    if row["code"] != 0:
        wrong.append(f"rejig ended with {row['code']}")
    for item in row["worse"]:
        wrong.append(f"{item['method']} is not prepared under the probe: {item['reason']}")
    if agent["woven"] != agent["compiled"]:
        wrong.append(f"{agent['woven'] - agent['compiled']} woven bodies were not compiled")
    # What no type argument fits is not compiled; all else is.
    if agent["bodies"] - agent["compiled"] - len(row["withdrawn"]) > probed["open"] + probed["failed"]:
        wrong.append(f"{agent['bodies'] - agent['compiled']} bodies were never compiled, and only "
                     f"{probed['open'] + probed['failed']} could not be")
    # Iterators are probed in their state machines, so that their own bodies stay as they are.
    if row["mode"] != "full" and agent["bodies"] + refused - len(row["withdrawn"]) != row["methods"]:
        wrong.append(f"{row['methods']} methods have IL, and {agent['bodies']} + {refused} are known to rejig")
    return wrong
