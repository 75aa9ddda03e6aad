"""Peers of every bad manner at the agent's socket and at the diagnostics socket, and sessions that
come too often or at the same time: the target serves on, and whoever works properly loses nothing."""

import glob
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import BUILD, LiveTest, app, main, rejig, status, wait_for

MAGIC = 0x474A5257
HELLO, PLAN, END, WANT_TYPE, LIST, STATUS, LOG, RESET, ASK_STATE = range(1, 10)
CLSID = uuid.UUID("F3D1B7C4-6A52-4E0B-9C2D-5B8E7A91C04F").bytes_le
CANCELLED = 0x80131375


def field(tag, data):
    data = struct.pack("<I", data) if isinstance(data, int) else data
    return struct.pack("<HHI", tag, 0, len(data)) + data


def frame(kind, *fields):
    payload = b"".join(fields)
    return struct.pack("<IHHI", MAGIC, kind, 0, len(payload)) + payload


def hello(major=1):
    return frame(HELLO, field(1, major), field(2, 0), field(3, b"0.1.0"))


def start_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[19])


def agent_socket(pid):
    return f"/tmp/rejig-{pid}-{start_of(pid)}-socket"


def connect(pid):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    place = agent_socket(pid)

    def taken():
        try:
            client.connect(place)
        except BlockingIOError:  # the queue is full at the moment
            return False
        return True

    wait_for(taken, "a place in the queue", 10)
    return client


def send(client, data):
    """Sends what the other side takes; True where it took all."""
    try:
        client.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError, socket.timeout, BlockingIOError):
        return False


class Kinds(LiveTest):
    def kinds(self):
        return self.program(["dotnet", app("Kinds")])

    def watch(self, program, *more):
        watch = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json", *more)
        watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), "the first line")
        self.assertIn("probing", watch.err.text())
        return watch

    def works(self, program):
        watch = self.watch(program)
        program.tell("run static 3")
        self.assertEqual([call["values"]["number"] for call in watch.calls(3)], [0, 1, 2])
        self.assertEqual(watch.end(), 0)


class AgentSocket(Kinds):
    """Beside a session that works, and must lose nothing by it."""

    def beside(self, attack):
        program = self.kinds()
        watch = self.watch(program)
        program.tell("run static 10")
        attack(program)
        program.tell("run static 100")
        self.assertEqual(len(watch.calls(110)), 110)
        self.assertEqual(watch.end(), 0, watch.err.text())
        end = watch.objects("end")[-1]
        self.assertEqual((end["calls"], end["lost"], end["reverted"]), (110, 0, 1))
        self.works(program)
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def test_garbage(self):
        random.seed(4)
        whole = hello() + frame(STATUS)

        def attack(program):
            for size in list(range(1, 40)) + [4096, 100000]:
                for data in (random.randbytes(size), b"\0" * size, struct.pack("<IHH", MAGIC, HELLO, 0) + random.randbytes(size)):
                    with connect(program.pid) as client:
                        send(client, data)
            for cut in range(len(whole)):  # each half message, the other half never comes
                with connect(program.pid) as client:
                    send(client, whole[:cut])

        self.beside(attack)

    def test_lies(self):
        """Frames with right heads and wrong insides, before and after a right HELLO."""
        lies = [
            struct.pack("<IHHI", MAGIC, HELLO, 0, 0xFFFFFFFF),
            struct.pack("<IHHI", MAGIC, PLAN, 0, (4 << 20) + 1),
            struct.pack("<IHHI", MAGIC, 999, 0, 0),
            frame(PLAN), frame(PLAN, field(1, b"")), frame(PLAN, struct.pack("<HHI", 1, 0, 0xFFFFFF)),
            frame(LIST), frame(LIST, field(1, b"*" * 4000)), frame(LIST, field(1, b"\xff\xfe\0")),
            frame(WANT_TYPE, field(1, struct.pack("<Q", 0x4141414141414141))), frame(ASK_STATE), frame(END),
            frame(RESET, field(1, b"xyz")), frame(LOG, field(9, b"")), frame(STATUS, b"\x01"), frame(64, field(2, b"no")),
        ]
        plans = [frame(PLAN, *[field(tag, random.randbytes(size)) for tag in range(1, 12)]) for size in (0, 4, 8, 64)]

        def attack(program):
            for lie in lies + plans:
                for before in (b"", hello(), hello() + hello()):
                    if before and lie[4] == RESET:
                        continue  # a right RESET would end the session: not an attack
                    with connect(program.pid) as client:
                        send(client, before + lie + lie)
                        client.settimeout(0.05)
                        try:
                            while client.recv(65536):
                                pass
                        except (socket.timeout, ConnectionResetError):
                            pass

        self.beside(attack)

    def test_another_version(self):
        def attack(program):
            with connect(program.pid) as client:
                send(client, hello(major=2))
                answer = client.recv(65536)
                self.assertIn(b"speaks protocol 1, not 2", answer)

        self.beside(attack)

    def test_floods(self):
        def attack(program):
            with connect(program.pid) as never_reads:
                never_reads.settimeout(2)
                send(never_reads, hello())
                send(never_reads, frame(LOG) * 200000)
                with connect(program.pid) as junk:
                    junk.settimeout(2)
                    send(junk, hello() + struct.pack("<IHHI", MAGIC, LIST, 0, 4 << 20))
                    send(junk, bytes(8 << 20))
                program.tell("run static 0")

        self.beside(attack)

    def test_thousands_of_connections(self):
        def attack(program):
            for i in range(3000):
                with connect(program.pid) as client:
                    if i % 3 == 0:
                        send(client, hello())

        self.beside(attack)

    def test_connections_that_stay(self):
        """They may not keep a proper one out for long."""
        held = []

        def attack(program):
            try:
                for i in range(400):
                    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    held.append(client)
                    client.setblocking(False)
                    if client.connect_ex(agent_socket(program.pid)) != 0:
                        continue
                    if i % 2 == 0:
                        send(client, hello())
                wait_for(lambda: rejig("status", str(program.pid))[0] == 0, "a status in between", 30)
            finally:
                for client in held:
                    client.close()

        self.beside(attack)

    @unittest.skipUnless(os.geteuid() == 0, "another user needs root to start it")
    def test_other_users(self):
        script = ("import socket,sys\nc=socket.socket(socket.AF_UNIX)\nc.settimeout(5)\n"
                  "try:\n c.connect(sys.argv[1]); c.sendall(bytes.fromhex(sys.argv[2])); d=c.recv(100)\n"
                  " print('served' if d else 'closed')\nexcept OSError as e: print(type(e).__name__)\n")

        def as_other(program):
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                                   script, agent_socket(program.pid), (hello() + frame(STATUS)).hex()],
                                  capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            return done.stdout.strip() or done.stderr

        def attack(program):
            self.assertEqual(as_other(program), "PermissionError")
            os.chmod(agent_socket(program.pid), 0o666)  # and if the file's mode did not keep them out:
            self.assertIn(as_other(program), ("closed", "ConnectionResetError", "BrokenPipeError"))

        if not os.path.exists("/usr/bin/python3"):
            self.skipTest("no /usr/bin/python3 that another user could run")
        self.beside(attack)


class Attach(Kinds):
    """AttachProfiler sent by somebody who is not there afterwards."""

    def client_data(self, pid, seconds, magic=MAGIC, major=1, mode=1, own=None, directory=b"/tmp"):
        deadline = max(1, int((time.clock_gettime(time.CLOCK_BOOTTIME) + seconds) * 1e9))
        return struct.pack("<IHH2QQIIII104s", magic, major, 0, 1, 2, deadline, mode, own or pid, 0, 0, directory)

    def attach(self, pid, data):
        """The runtime's answer, an HRESULT."""
        library = os.path.abspath(os.path.join(BUILD, "lib", "rejig", "librejig.so"))
        path = library.encode("utf-16-le") + b"\0\0"
        payload = struct.pack("<I", 5000) + CLSID + struct.pack("<I", len(path) // 2) + path + struct.pack("<I", len(data)) + data
        place = glob.glob(f"/tmp/dotnet-diagnostic-{pid}-{start_of(pid)}-socket")[0]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(30)
            client.connect(place)
            client.sendall(b"DOTNET_IPC_V1\0" + struct.pack("<HBBH", 20 + len(payload), 3, 1, 0) + payload)
            answer = client.recv(1024)
        return struct.unpack_from("<I", answer, 20)[0]

    def test_nobody_waits(self):
        """The slot stays free: attaching works as if nothing had been."""
        program = self.kinds()
        pid = program.pid
        for name, data in {
                "passed": self.client_data(pid, -1), "long passed": self.client_data(pid, -100000),
                "nobody comes": self.client_data(pid, 0.3), "for listing": self.client_data(pid, 0.3, mode=2),
                "another process": self.client_data(pid, 5, own=pid + 1), "another version": self.client_data(pid, 5, major=2),
                "not ours": self.client_data(pid, 5, magic=1), "no directory": self.client_data(pid, 0.3, directory=b"/none/such"),
                "unterminated": self.client_data(pid, 0.3, directory=b"/" * 104), "unknown mode": self.client_data(pid, 0.3, mode=77),
                "cut": self.client_data(pid, 5)[:40], "nothing": b"", "junk": bytes(range(152))}.items():
            with self.subTest(client_data=name):
                began = time.monotonic()
                self.assertEqual(self.attach(pid, data), CANCELLED)
                self.assertLess(time.monotonic() - began, 4)
                self.assertFalse(os.path.exists(agent_socket(pid)))
        self.assertEqual(program.tell("run static 3"), "static 3 9")
        self.works(program)
        self.assertEqual(program.finish(), 7)
        self.assertEqual(program.err.text(), "")

    def test_killed_at_any_moment(self):
        """rejig killed somewhere between the first look and HELLO."""
        for attempt in range(14):
            program = self.kinds()
            watch = self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json")
            time.sleep(0.002 * attempt)
            watch.end(signal.SIGKILL)
            with self.subTest(milliseconds=2 * attempt):
                self.assertEqual(program.tell("run static 3"), "static 3 9")
                self.works(program)
            self.assertEqual(program.finish(), 7)
            self.assertEqual(program.err.text(), "")

    def test_two_at_once(self):
        for attempt in range(20):
            program = self.kinds()
            pair = [self.rejig("watch", str(program.pid), "Kinds.Plain.Static", "number", "--json") for _ in range(2)]
            with self.subTest(attempt=attempt):
                for watch in pair:
                    watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), "the first line")
                    self.assertIn("probing", watch.err.text())
                program.tell("run static 5")
                for watch in pair:
                    self.assertEqual([call["values"]["number"] for call in watch.calls(5)], list(range(5)))
                for watch in pair:
                    self.assertEqual(watch.end(), 0)
            self.assertEqual(program.finish(), 7)
            self.assertEqual(program.err.text(), "")


class Impostors(LiveTest):
    """What listens in the agent's place speaks something else."""

    def refused(self, mode, *words):
        program = self.program(["dotnet", app("Impostor"), mode])
        code, out, err = rejig("watch", str(program.pid), "Impostor.*", limit=60)
        self.assertEqual((code, out), (3, ""), err)
        # lines that say what is waited for may come first
        self.assertTrue(any(line.startswith("rejig: ") for line in err.splitlines()), err)
        for word in words:
            self.assertIn(word, err)
        code, out, _ = rejig("ps", "--json", limit=60)
        self.assertEqual(code, 0)
        self.assertIn(str(program.pid), out)
        self.assertEqual(program.finish(), 7)

    def test_version(self):
        self.refused("version", "7.1.0")

    def test_garbage(self):
        self.refused("garbage")

    def test_huge(self):
        self.refused("huge")

    def test_close(self):
        self.refused("close")

    def test_flood(self):
        self.refused("flood")

    def test_silent(self):
        self.refused("silent")

    def test_another_process(self):
        """A socket in the right place that belongs to somebody else: nothing is said to it."""
        program = self.program(["dotnet", app("Kinds")])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            place = agent_socket(program.pid)
            listener.bind(place)
            listener.listen(8)
            try:
                code, out, err = rejig("watch", str(program.pid), "Kinds.Plain.Static", limit=60)
                self.assertEqual((code, out), (3, ""), err)
                listener.settimeout(5)
                client, _ = listener.accept()
                client.settimeout(5)
                try:
                    self.assertEqual(client.recv(100), b"")
                except ConnectionResetError:
                    pass
                client.close()
            finally:
                os.unlink(place)
        self.assertEqual(program.tell("run static 3"), "static 3 9")
        self.assertEqual(program.finish(), 7)


class Endurance(Kinds):
    def size(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file)
        return {"resident": int(lines["VmRSS"].split()[0]), "threads": int(lines["Threads"]),
                "descriptors": min(self.descriptors(pid) for _ in range(30))}

    def descriptors(self, pid):
        """At a moment: the agent may not have seen yet that the last who asked has gone."""
        time.sleep(0.01)
        return sum(1 for number in os.listdir(f"/proc/{pid}/fd") if self.may_be_ours(pid, number))

    @staticmethod
    def may_be_ours(pid, number):
        """Of the kinds that we open; the runtime opens a library when it comes to it."""
        try:
            return os.readlink(f"/proc/{pid}/fd/{number}").startswith(("socket:", "anon_inode:", "/memfd:"))
        except FileNotFoundError:
            return False

    def test_hundred_sessions(self):
        program = self.kinds()
        at = {}
        for number in range(1, 101):
            watch = self.rejig("watch", str(program.pid), "Kinds.Plain.*", "--json", "--limit", "3")
            watch.probing()
            program.tell("run static 3")
            self.assertEqual(watch.wait(), 0, watch.err.text())
            self.assertEqual(len(watch.objects("call")), 3)
            if number in (20, 100):
                program.tell("collect")
                wait_for(lambda: "0 sessions" in rejig("status", str(program.pid))[1] or
                         "asleep" in rejig("status", str(program.pid))[1], "the session to be gone", 10)
                at[number] = self.size(program.pid)
        grown = {key: at[100][key] - at[20][key] for key in at[20]}
        self.assertLessEqual(grown["descriptors"], 0, at)
        self.assertLessEqual(grown["threads"], 2, at)  # the program's own pool may grow
        # what the runtime keeps of every ReJIT: some 30 methods in 80 sessions
        self.assertLess(grown["resident"], 12 * 1024, at)
        for item in status(program.pid):
            if item["type"] == "status":
                self.assertEqual(item.get("residue", 0), 0, item)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
