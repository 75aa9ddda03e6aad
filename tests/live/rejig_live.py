"""What live tests share: programs that are told what to do, and rejig beside them.

A live test starts a real .NET program, lets rejig look into it, and compares three things:
the program's own output and exit code with those of an unprobed run, its own exact call
counts with ours, and every value with what the call was given. It waits for conditions,
never for time; every wait has a limit ten times as long as what it waits for may take.
"""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.environ.get("REJIG_BUILD", "build")
REJIG = os.environ.get("REJIG", os.path.join(BUILD, "bin", "rejig"))
APPS = os.environ.get("REJIG_APPS", os.path.join(BUILD, "apps"))
LIMIT = 60.0


def app(name, file=None):
    """The dll of a test program, built beforehand by CTest's fixture."""
    path = os.path.join(APPS, name, (file or name) + ".dll")
    if not os.path.exists(path):
        raise AssertionError(f"the test program {path} is not built")
    return path


def wait_for(condition, what, limit=LIMIT):
    """Polls until condition() is truthy, and returns what it said."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit:.0f} s in vain for {what}")
        time.sleep(0.005)


class Lines:
    """The lines of a stream, read by a thread of their own, kept for all time."""

    def __init__(self, stream):
        self.lines = []
        self.closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def wait(self, test, what, start=0, limit=LIMIT):
        """The index of the first line from start on for which test(line) holds."""
        end = time.monotonic() + limit
        with self._changed:
            at = start
            while True:
                while at < len(self.lines):
                    if test(self.lines[at]):
                        return at
                    at += 1
                if self.closed or not self._changed.wait(max(0.0, end - time.monotonic())):
                    state = "stream ended" if self.closed else f"{limit:.0f} s over"
                    tail = "\n  ".join(self.lines[-20:])
                    raise AssertionError(f"no line with {what} ({state}); last lines:\n  {tail}")

    def text(self):
        with self._changed:
            return "\n".join(self.lines)


class Program:
    """A started program that reads orders from its standard input."""

    def __init__(self, command, env=None, ready="ready", folder=None):
        environment = dict(os.environ)
        environment.update(env or {})
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment, cwd=folder)
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)
        self._at = 0
        if ready is not None:
            self._at = self.out.wait(lambda line: line.startswith(ready), ready) + 1

    @property
    def pid(self):
        return self.process.pid

    def send(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def tell(self, order):
        """Gives an order and returns the line that answers it."""
        self.send(order)
        at = self.out.wait(lambda line: True, f"the answer to '{order}'", self._at)
        self._at = at + 1
        return self.out.lines[at]

    def finish(self, order="quit"):
        """Ends the program by its own word; returns the exit code."""
        try:
            if order is not None:
                self.send(order)
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait(LIMIT)
        wait_for(lambda: self.out.closed and self.err.closed, "the program's streams to end")
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Rejig:
    """rejig at work beside a program."""

    def __init__(self, *arguments, env=None, stdin=subprocess.DEVNULL):
        environment = dict(os.environ)
        environment.update(env or {})
        self.process = subprocess.Popen([REJIG, *arguments], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)

    def probing(self, limit=LIMIT):
        """Waits until the probes are in force; returns the line that says so."""
        at = self.err.wait(lambda line: line.startswith("probing"), "the first line", limit=limit)
        return self.err.lines[at]

    def objects(self, kind=None):
        """What --json has printed so far."""
        found = [json.loads(line) for line in list(self.out.lines)]
        return [item for item in found if kind is None or item["type"] == kind]

    def calls(self, count, limit=LIMIT):
        """Waits for that many calls in the --json stream; returns all that are there."""
        wait_for(lambda: len(self.objects("call")) >= count or self.process.poll() is not None,
                 f"{count} calls (seen {len(self.objects('call'))})", limit)
        return self.objects("call")

    def end(self, how=signal.SIGINT):
        """Ends it as a user would; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait()

    def wait(self, limit=LIMIT):
        code = self.process.wait(limit)
        wait_for(lambda: self.out.closed and self.err.closed, "rejig's streams to end")
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def rejig(*arguments, env=None, limit=LIMIT):
    """Runs rejig to its end; returns (exit code, stdout, stderr)."""
    environment = dict(os.environ)
    environment.update(env or {})
    done = subprocess.run([REJIG, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=environment, timeout=limit)
    return done.returncode, done.stdout, done.stderr


def status(pid):
    """What the sleeping agent says of itself."""
    code, out, err = rejig("status", str(pid), "--json")
    if code != 0:
        raise AssertionError(f"rejig status {pid} answered {code}: {err}")
    return [json.loads(line) for line in out.splitlines()]


def agent_log(pid):
    """The agent's log as text lines."""
    code, out, err = rejig("status", str(pid), "--log")
    if code != 0:
        raise AssertionError(f"rejig status {pid} --log answered {code}: {err}")
    return out.splitlines()


class LiveTest(unittest.TestCase):
    """Cleans up whatever a failing test leaves running."""

    def setUp(self):
        self._running = []
        self.scratch = tempfile.mkdtemp(prefix="rejig-live-")

    def tearDown(self):
        for thing in reversed(self._running):
            thing.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def program(self, command, **options):
        thing = Program(command, **options)
        self._running.append(thing)
        return thing

    def rejig(self, *arguments, **options):
        thing = Rejig(*arguments, **options)
        self._running.append(thing)
        return thing


def masked(text):
    """What is the same in every run: words, order and layout, not numbers, names of the moment
    and places on this machine."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"/\S*/(\w+\.dll|librejig\.so)", r"\1", text)
    text = re.sub(r"\d[\d,.:]*", "#", text)
    text = re.sub(r'(?<=#)[+-](?=#")', "+", text)
    text = re.sub(r"\b(ns|µs|ms|s)\b", "T", text)
    text = re.sub(r"\b(call|method|session|caller|module|thread)s\b", r"\1", text)
    # where threads stood when they were looked at
    text = re.sub(r"(?m)^ *not seen .* on thread #:? inside its old code .*\n", "", text)
    # what the threads are at when they are looked at
    text = re.sub(r" \(# frames? still in old code: --explain\)|; # frames? still in old code(?=: --explain)", "", text)
    text = re.sub(r" \(# frames? in old code to the end\)|; # frames? in old code to the end", "", text)
    # callers that the JIT compiler has inlined something into, and who of all was called so far
    text = re.sub(r" \(JIT-compiled caller switch at their next call(, # so far)?\)|"
                  r" \(# JIT-compiled caller\)|; # JIT-compiled caller", "", text)
    text = re.sub(r"(?<=at their next call), # so far|(?<=from their next call on): # so far", "", text)
    text = re.sub(r"(none|all|# of them|not) called since|running its new code", "called since", text)
    text = re.sub(r'(Customer\.Name"?[=:])"[\w-]+"', r"\1…", text)
    text = re.sub(r"(Shop\.OrderService\.Place .*)(ret\.Total=#|threw .*)", r"\1RESULT", text)
    text = re.sub(r" \(# filtered out\)", "", text)
    text = re.sub(r"[ \t]+", " ", text)
    return [line.strip() for line in text.strip().splitlines()]


class Skip(Exception):
    """A precondition that this machine lacks."""


def main(module_name="__main__"):
    """Runs the file's tests; exit code 77 where all that were asked for were skipped."""
    program = unittest.main(module=module_name, exit=False, verbosity=2)
    result = program.result
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id()}: {reason}")
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(77)
    if not result.testsRun:
        print("no test was run")
        sys.exit(1)
