#!/usr/bin/env python3
"""recompile and entry on the real runtime, with the session engine of tests/standin/engine:
exact counts through claims, partial release and claiming again; a body that cannot be
compiled; detaching; refusing. Usage: recompile_live_test.py LIBRARY APPS_FOLDER"""
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIBRARY, APPS = os.path.abspath(sys.argv[1]), sys.argv[2]
CLSID = bytes([0xc4, 0xb7, 0xd1, 0xf3, 0x52, 0x6a, 0x0b, 0x4e, 0x9c, 0x2d, 0x5b, 0x8e, 0x7a, 0x91,
               0xc0, 0x4f])
PROBE, LIST = 1, 2


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"timed out: {what}")
        time.sleep(0.01)


class Target:
    """The program, and the folder through which the engine in it is told what to do."""

    def __init__(self, claims=(), program="Rewritten", *arguments):
        self.folder = tempfile.mkdtemp(prefix="rejig-live-")
        self.write("claims", "".join(f"{program} {claim}\n" for claim in claims))
        self.process = subprocess.Popen(
            ["dotnet", os.path.join(APPS, program, f"{program}.dll"), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.folder})
        if program != "Rewritten":
            assert self.process.stdout.readline().strip() == "ready"
            return
        self.expected = self.turns(1000)
        for _ in range(40):  # hot: inlined, optimised
            self.turns(20000)
            time.sleep(0.005)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(20) == 0, "the program did not end as it should"
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text=""):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def remove(self, name):
        os.unlink(os.path.join(self.folder, name))

    def turns(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def attach(self, mode=PROBE):
        deadline = int((time.clock_gettime(time.CLOCK_BOOTTIME) + 10) * 1e9)
        data = struct.pack("<IHHQQQIIII104s", 0x474a5257, 1, 0, 1, 2, deadline, mode,
                           self.process.pid, 0, 0, self.folder.encode())
        path = (LIBRARY + "\0").encode("utf-16le")
        body = (struct.pack("<I", 5000) + CLSID + struct.pack("<I", len(path) // 2) + path +
                struct.pack("<I", len(data)) + data)
        message = b"DOTNET_IPC_V1\0" + struct.pack("<HBBH", 20 + len(body), 3, 1, 0) + body
        name = glob.glob(f"{self.folder}/dotnet-diagnostic-{self.process.pid}-*-socket")[0]
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(30)
            peer.connect(name)
            peer.sendall(message)
            return struct.unpack("<I", peer.recv(64)[20:24])[0]

    def log(self):
        try:
            with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def said(self, text, times=1):
        wait_for(f"'{text}' in the log", lambda: self.log().count(text) >= times)

    def calls(self):
        """The engine's count, asked for now."""
        before = self.log().count(" tick ")
        self.write("tick")
        self.said(" tick ", before + 2)
        self.remove("tick")
        return int(self.log().rsplit(" tick ", 1)[1].split()[0])

    def counted(self):
        """Calls that one thousand turns count; their result must be what it always was."""
        before = self.calls()
        assert self.turns(1000) == self.expected, "the program's answer has changed"
        return self.calls() - before

    def looked(self):
        """Who runs old code: {(thread, kind, method, inlinee)}, and the figures of the look."""
        before = self.log().count(" looked ")
        self.write("look")
        self.said(" looked ", before + 1)
        lines = self.log().split("\n")
        end = max(i for i, line in enumerate(lines) if " looked " in line)
        words = lines[end].split()
        figures = dict(zip(words[1:13:2], map(int, words[2:13:2])))
        frames = [tuple(line.split()[2:]) for line in lines[end - figures["frames"]:end]]
        return frames, figures

    def loaded(self):
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as maps:
            return LIBRARY in maps.read()


def claims_are_complete_and_taken_back():
    with Target(["Calc Small count", "Calc Big count"]) as target:
        assert target.attach() == 0
        target.said("claimed 2 methods")
        assert target.counted() == 5000, "copies that were inlined before are missed"
        assert target.attach() == 0x8013136a, "a second profiler is refused by the runtime"
        target.write("release-first")
        target.said("released the first: 1 restored")
        assert target.counted() == 1000, "the claim that stays has lost calls, or the other none"
        target.write("release")
        target.said("released: ")
        assert target.counted() == 0
        target.remove("release")
        target.said("again")
        target.said("claimed 2 methods", 2)
        assert target.counted() == 5000
        assert "failed" not in target.log().replace("failed 0", ""), target.log()


def a_body_that_cannot_be_compiled_is_withdrawn():
    with Target(["Calc Small count", "Calc Big bad"]) as target:
        assert target.attach() == 0
        target.said("claimed 2 methods")
        assert target.turns(1000) == "InvalidProgramException"
        assert target.turns(1000) == "InvalidProgramException"
        target.said("COR_E_INVALIDPROGRAM")
        assert target.counted() == 4000


def a_refused_change_leaves_the_method():
    with Target(["Calc Small count", "Calc Big refuse"]) as target:
        assert target.attach() == 0
        target.said("claimed 2 methods")
        assert target.turns(1000) == target.expected
        target.said("refused by the test")
        assert target.counted() == 4000


def listing_leaves_nothing():
    with Target() as target:
        for _ in range(2):
            target.write("stop")
            assert target.attach(LIST) == 0
            wait_for("the library is unloaded", lambda: not target.loaded())
        target.write("nobody")
        assert target.attach() == 0x80131375
        wait_for("the library is unloaded", lambda: not target.loaded())
        target.remove("nobody")
        target.remove("stop")
        assert target.attach() == 0, "the slot is free after all that"
        assert target.turns(1000) == target.expected


def frames_of_old_code_are_named():
    with Target([f"Calc {name} count" for name in ("Small", "Block", "Spin")], "Looped", "200") as target:
        assert target.attach() == 0
        target.said("claimed 3 methods")
        expected = [("claimed", "Block", "-"), ("maybe", "Hot", "Small")]
        pauses = []
        for turn in ("before", "spin"):
            if turn == "spin":  # on a stack, too, but in new code; then in new code that was optimised
                target.process.stdin.write("spin\n")
                target.process.stdin.flush()
                assert target.process.stdout.readline() == "spin\n"
            for _ in range(5):
                frames, figures = target.looked()
                if figures["looked"] < figures["threads"]:
                    continue  # a busy machine: the time was over
                assert sorted(frame[1:] for frame in frames) == expected, frames
                assert figures["threads"] >= 203, figures
                threads = os.listdir(f"/proc/{target.process.pid}/task")
                assert len({frame[0] for frame in frames}) == 2 and all(frame[0] in threads for frame in frames), frames
                pauses.append(figures["pause"] - figures["suspend"])
                time.sleep(0.1)
        assert len(pauses) > 2, target.log()
        assert min(pauses) < 10_000_000, pauses
        print(f"  203 threads looked at in {min(pauses) / 1e6:.2f} to {max(pauses) / 1e6:.2f} ms")


def start(folder, claims, *arguments):
    """Starts the precompiled program under the agent; what it said, and the engine's log."""
    with open(os.path.join(folder, "claims"), "w", encoding="utf-8") as file:
        file.write("".join(f"{claim}\n" for claim in claims))
    log = os.path.join(folder, "log")
    if os.path.exists(log):
        os.unlink(log)
    deadline = int((time.clock_gettime(time.CLOCK_BOOTTIME) + 20) * 1e9)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        data = struct.pack("<IHHQQQIIII104s", 0x474a5257, 1, 0, 1, 2, deadline, PROBE, os.getpid(), 0, 0,
                           folder.encode())
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(write, 1)
        program = ["dotnet", os.path.join(APPS, "Startup", "published", "Startup.dll"), *arguments]
        os.execvpe("dotnet", program, {**os.environ, "REJIG_START": data.hex(), "CORECLR_ENABLE_PROFILING": "1",
                                       "CORECLR_PROFILER": "{F3D1B7C4-6A52-4E0B-9C2D-5B8E7A91C04F}",
                                       "CORECLR_PROFILER_PATH_64": LIBRARY})
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        said = stream.read().split()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, said
    with open(log, encoding="utf-8") as file:
        words = [line for line in file if " cached " in line][-1].split()
    figures = dict(zip(words[2::2], map(int, words[3::2])))
    return int(said[1]), int(said[3]), figures


def marked_functions_alone_are_compiled():
    with tempfile.TemporaryDirectory(prefix="rejig-live-") as folder:
        total, compiled, none = start(folder, [], "calls", "5")
        assert none["compiled"] == 0 and none["searched"] > 100 and none["late"] == 0, none
        assert start(folder, [], "calls", "5")[1] == compiled, "the program compiles as it likes"
        marks = ["Startup Startup.Precompiled Whole mark", "Startup Startup.Generic`1 Twice mark",
                 "StartLate StartLate.Later Triple mark", "System.Private.CoreLib System.AppContext Setup mark"]
        # Generic<int> and Generic<__Canon> are two functions.
        now, after, figures = start(folder, marks, "calls", "5")
        assert now == total
        assert figures["compiled"] == 5, figures
        assert after - compiled == 5, (after, compiled)


def racing_threads_are_answered_alike():
    with tempfile.TemporaryDirectory(prefix="rejig-live-") as folder:
        total, compiled, none = start(folder, [], "threads", "64")
        duplicates = 0
        for _ in range(3):
            now, after, figures = start(folder, [f"Startup Startup.Racers M{i:02} mark" for i in range(63)],
                                        "threads", "64")
            assert now == total and figures["compiled"] == 63, figures
            assert compiled + 58 <= after <= compiled + 68, (compiled, after)
            duplicates += figures["duplicates"]
        print("  duplicates:", none["duplicates"], "beside precompiled code,", duplicates, "in three runs without")


for test in (marked_functions_alone_are_compiled, racing_threads_are_answered_alike, claims_are_complete_and_taken_back, a_body_that_cannot_be_compiled_is_withdrawn,
             a_refused_change_leaves_the_method, listing_leaves_nothing, frames_of_old_code_are_named):
    test()
    print("ok", test.__name__)
