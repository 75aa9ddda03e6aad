"""What contract tests share: a real .NET program with contract_profiler.so in it, which does
what the test orders and notes what the runtime calls back.

A test states the sentence that it proves in its docstring, in our words; where the runtime does
something else, it states both. It compares values, waits for conditions and never for time, and
prints figures ("measured: ...") without asserting them.
"""

import glob
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from rejig_live import APPS, LIMIT, Lines, Program, app, main, wait_for  # noqa: E402,F401

# The folder of Contract, published self-contained for another runtime; else the installed one runs.
PUBLISHED = os.environ.get("CONTRACT_PUBLISHED")
PROFILER = os.path.abspath(os.environ.get("CONTRACT_PROFILER", "build/tests/contract/contract_profiler.so"))
# A module that comes late: one type, one method, which doubles (token 0x06000001).
LATE = os.path.join(os.path.dirname(os.path.abspath(PUBLISHED)) if PUBLISHED else APPS, "LateModule", "LateModule.dll")
CLASS_ID = "{5A1E0C0D-7E57-4B1D-9C57-000000000001}"

S_OK = 0
E_INVALIDARG = 0x80070057
E_FAIL = 0x80004005
S_FALSE = 1
CORPROF_E_DATAINCOMPLETE = 0x80131351
CORPROF_E_UNSUPPORTED_CALL_SEQUENCE = 0x80131363
CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER = 0x8013136F
CORPROF_E_MODULE_IS_DYNAMIC = 0x8013137A
CORPROF_E_CALLBACK4_REQUIRED = 0x8013137B
CORPROF_E_REJIT_NOT_ENABLED = 0x8013137C
CORPROF_E_REJIT_INLINING_DISABLED = 0x80131383

MODULE_LOADS = 0x4
JIT_COMPILATION = 0x20
SUSPENDS = 0x10000
CACHE_SEARCHES = 0x20000
ENABLE_REJIT = 0x40000
USE_PROFILE_IMAGES = 0x20000000
DISABLE_ALL_NGEN_IMAGES = 0x80000000
REJIT = ENABLE_REJIT | JIT_COMPILATION | MODULE_LOADS  # what a profiler that recompiles sets
BASIC_GC = 0x10  # high mask

MODULE_NGEN = 0x2
MODULE_DYNAMIC = 0x4
MODULE_COLLECTIBLE = 0x8

STARTED, FINISHED = "JITCachedFunctionSearchStarted", "JITCachedFunctionSearchFinished"
COMPILING, COMPILED = "JITCompilationStarted", "JITCompilationFinished"
FOUND = 0  # COR_PRF_CACHED_FUNCTION_FOUND
CACHE = REJIT | CACHE_SEARCHES

UNTOUCHED = 77  # an out-parameter that the runtime has left alone

BLOCK_INLINING = 1
INLINING_CALLBACKS = 2


def returns(number):
    """A method body that answers this number."""
    return (bytes([6 << 2 | 2, 0x20]) + struct.pack("<i", number) + b"\x2a").hex()


def body(code, stack=8):
    """A body of this code, with a header of its own (fat, no locals)."""
    return (struct.pack("<HHII", 0x3003, stack, len(code), 0) + code).hex()


def code_of(il):
    """The code of a body that is given with its header (in hex), for one without locals."""
    raw = bytes.fromhex(il)
    if raw[0] & 3 == 2:
        return raw[1:1 + (raw[0] >> 2)]
    return raw[12:12 + struct.unpack_from("<I", raw, 4)[0]]


def framework(file):
    """The path of a file of the framework that the programs run on."""
    if PUBLISHED:
        return os.path.join(PUBLISHED, file)
    lines = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout
    found = [line.split(" ", 2) for line in lines.splitlines() if line.startswith("Microsoft.NETCore.App 10.")]
    _, version, folder = max(found, key=lambda item: [int(part) for part in item[1].split("-")[0].split(".")])
    return os.path.join(folder.strip("[]"), version, file)


def hexed(result):
    return f"0x{result:08x}"


class Method:
    """A method in the program: (module id, token)."""

    def __init__(self, module, token, name):
        self.module, self.token, self.name = module, token, name

    def __str__(self):
        return f"{self.module}:{self.token}"

    def of(self, note):
        return note["module"] == self.module and note["token"] == self.token


class Target:
    """A program with the profiler in it."""

    def __init__(self, name="Contract", env=None):
        self.folder = tempfile.mkdtemp(prefix="rejig-contract-")
        self.socket_path = os.path.join(self.folder, "orders")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.socket_path)
        self._listener.listen(1)
        self._listener.settimeout(LIMIT)
        self.env = {"TMPDIR": self.folder, "DOTNET_TieredPGO": "0", "CONTRACT_PROFILER": PROFILER, **(env or {})}
        self.command = [os.path.join(PUBLISHED, name)] if PUBLISHED else ["dotnet", app(name)]
        self.program = None
        self._file = None
        self._ids = {}

    # ---- coming in ----

    def start(self, mask=None, high=0, setup=None):
        """The program with the profiler from its start; setup(target) runs inside Initialize."""
        self.env.update({"CORECLR_ENABLE_PROFILING": "1", "CORECLR_PROFILER": CLASS_ID,
                         "CORECLR_PROFILER_PATH_64": PROFILER, "CONTRACT_SOCKET": self.socket_path})
        self.program = Program(self.command, env=self.env, ready=None)
        self._begin(mask, high, setup)
        self._ready()
        return self

    def run(self):
        """The program alone; attach() follows."""
        self.program = Program(self.command, env=self.env)
        return self

    def attach(self, mask=None, high=0, setup=None):
        """Brings the profiler in; setup(target) runs inside InitializeForAttach. The answer is
        what the runtime says of the attach."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self._send_attach()), daemon=True)
        thread.start()
        self._begin(mask, high, setup)
        thread.join(LIMIT)
        return answers[0]

    def bring(self, mask, attached):
        """start(), or run() and attach()."""
        if not attached:
            return self.start(mask)
        self.run()
        result = self.attach(mask)
        assert result == S_OK, f"the attach answered {hexed(result)}"
        return self

    def _send_attach(self):
        path = (PROFILER + "\0").encode("utf-16le")
        data = self.socket_path.encode() + b"\0"
        parts = [int(part, 16) for part in CLASS_ID.strip("{}").split("-")]
        class_id = struct.pack("<IHH", *parts[:3]) + struct.pack(">H", parts[3]) + parts[4].to_bytes(6, "big")
        payload = (struct.pack("<I", 20000) + class_id + struct.pack("<I", len(path) // 2) + path +
                   struct.pack("<I", len(data)) + data)
        message = b"DOTNET_IPC_V1\0" + struct.pack("<HBBH", 20 + len(payload), 3, 1, 0) + payload
        name = glob.glob(f"{self.folder}/dotnet-diagnostic-{self.program.pid}-*-socket")[0]
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(LIMIT)
            peer.connect(name)
            peer.sendall(message)
            return struct.unpack("<I", peer.recv(64)[20:24])[0]

    def _begin(self, mask, high, setup):
        peer, _ = self._listener.accept()
        peer.settimeout(LIMIT)
        self._peer, self._file = peer, peer.makefile("rw")
        if mask is not None:
            result = self.order(f"mask {mask:#x} {high:#x}")["hr"]
            assert result == S_OK, f"SetEventMask2 answered {hexed(result)}"
        if setup:
            setup(self)
        self.order("go")

    def _ready(self):
        """The program's own first line, and from there its answers."""
        at = self.program.out.wait(lambda line: line == "ready", "ready")
        self.program._at = at + 1

    def end(self):
        if self._file:
            try:
                self._file.close()
                self._peer.close()
            except OSError:
                pass
        if self.program:
            self.program.kill()
            wait_for(lambda: self.program.out.closed and self.program.err.closed, "the program's streams to end")
            for stream in (self.program.process.stdin, self.program.process.stdout, self.program.process.stderr):
                try:
                    stream.close()
                except OSError:
                    pass
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- orders ----

    def order(self, text):
        """To the profiler; its answer as an object."""
        self._file.write(text + "\n")
        self._file.flush()
        line = self._file.readline()
        if not line:
            raise AssertionError(f"the profiler is gone at the order '{text[:200]}': {self.program.err.text()}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"the order '{text[:200]}' is not understood")
        return answer

    def must(self, text):
        """An order that has to succeed."""
        answer = self.order(text)
        assert answer["hr"] == S_OK, f"'{text[:200]}' answered {hexed(answer['hr'])}"
        return answer

    def tell(self, order):
        """To the program; the line that it answers."""
        return self.program.tell(order)

    def call(self, name, times=1):
        answer = self.tell(f"call {name} {times}")
        return int(answer) if answer.lstrip("-").isdigit() else answer

    # ---- names ----

    def module(self, name):
        """The id of a module by its file's name."""
        if name not in self._ids:
            for module in self.must("modules")["modules"]:
                self._ids[module["name"]] = module["id"]
        return self._ids[name]

    def flags(self, name):
        """GetModuleInfo2's flags of a module."""
        return next(module["flags"] for module in self.must("modules")["modules"] if module["name"] == name)

    def method(self, module, type_name, name, overload=0):
        ident = self.module(module)
        answer = self.must(f"method {ident} {type_name} {name} {overload}")
        assert answer["token"], f"{type_name}.{name} is not there"
        return Method(ident, answer["token"], f"{type_name}.{name}")

    def own(self, type_name, name):
        return self.method("Contract.dll", f"Contract.{type_name}", name)

    def described(self, module, *tokens):
        """Name ("Type.Method") and "nested" of methods."""
        return self.must(f"describe {module} {' '.join(str(token) for token in tokens)}")["methods"]

    # ---- inliners ----

    def inliners(self, inliner_module, inlinee):
        """What EnumNgenModuleMethodsInliningThisMethod answers: hr, incomplete, handle, count."""
        return self.order(f"inliners {inliner_module} {inlinee.module} {inlinee.token}")

    def inlined_into(self, inliner_module, inlinee):
        """The inliners' tokens, through an enumerator of its own."""
        answer = self.inliners(inliner_module, inlinee)
        assert answer["hr"] == S_OK, hexed(answer["hr"])
        items = self.order(f"enum-next {answer['handle']} {answer['count'] + 1}")["items"]
        self.must(f"enum-release {answer['handle']}")
        return [Method(module, token, "") for module, token in items]

    # ---- notes ----

    def mark(self):
        """Where the notes stand now; for notes(since=...)."""
        return self.must("mark")["count"]

    def notes(self, *kinds, since=0, of=None):
        found = self.order(f"notes {since} {' '.join(kinds)}")
        return [note for note in found if of is None or of.of(note)]

    def wait_notes(self, count, *kinds, since=0, of=None):
        wait_for(lambda: len(self.notes(*kinds, since=since, of=of)) >= count,
                 f"{count} of {kinds} (seen {len(self.notes(*kinds, since=since, of=of))})")
        return self.notes(*kinds, since=since, of=of)

    # ---- recompiling ----

    def when(self, kind, where, *action):
        self.must(f"when {kind} {where} {' '.join(str(word) for word in action)}")

    def gives(self, method, il):
        """The body that the method is given when the runtime asks for it."""
        self.when("GetReJITParameters", method, "body", il)

    def rejit(self, *methods):
        return self.order("rejit " + " ".join(str(method) for method in methods))["hr"]

    def revert(self, *methods):
        return self.must("revert " + " ".join(str(method) for method in methods))["each"]


class ContractTest(unittest.TestCase):
    """Its programs end with its class. A rule that holds for profilers that attach, too, is
    tested in both ways: by a subclass with attached = True."""

    attached = False

    @classmethod
    def new(cls, **options):
        target = Target(**options)
        cls.addClassCleanup(target.end)
        return target

    def assertResult(self, answer, expected):
        self.assertEqual(hexed(answer), hexed(expected))


def measured(text):
    """A figure for whoever reads the log; never asserted."""
    print(f"measured: {text}", flush=True)
