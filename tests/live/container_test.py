"""Targets in namespaces of their own: a private /tmp as systemd's PrivateTmp makes it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main


def can_unshare(*flags):
    return shutil.which("unshare") and subprocess.run(
        ["unshare", *flags, "true"], capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


class Container(LiveTest):
    def setUp(self):
        super().setUp()
        # the targets' own /tmp hides whatever stands in ours
        self.outside = tempfile.mkdtemp(prefix="rejig-live-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.outside, ignore_errors=True)
        shutil.copytree(os.path.dirname(app("Kinds")), self.outside, dirs_exist_ok=True)
        self.kinds = os.path.join(self.outside, "Kinds.dll")

    def watched(self, program, pid):
        watch = self.rejig("watch", str(pid), "Kinds.Plain.Static", "number", "--json")
        watch.probing()
        program.tell("run static 3")
        self.assertEqual(len(watch.calls(3)), 3)
        self.assertEqual(watch.end(), 0)
        again = self.rejig("count", str(pid), "Kinds.Plain.Static", "--json")
        again.probing()
        program.tell("run static 3")
        self.assertEqual(again.end(), 0)
        self.assertEqual([item["count"] for item in again.objects("count")], [3])
        self.assertEqual(program.finish(), 7)

    @unittest.skipUnless(can_unshare("-m"), "mount namespaces cannot be made here")
    def test_private_tmp(self):
        program = self.program(["unshare", "-m", "sh", "-c",
                                f"mount -t tmpfs none /tmp && exec dotnet {self.kinds}"])
        self.watched(program, program.pid)

    @unittest.skipUnless(can_unshare("-m"), "mount namespaces cannot be made here")
    def test_private_tmp_noexec(self):
        program = self.program(["unshare", "-m", "sh", "-c",
                                f"mount -t tmpfs -o noexec none /tmp && exec dotnet {self.kinds}"])
        self.watched(program, program.pid)

    @unittest.skipUnless(can_unshare("-m", "-p", "-f", "--mount-proc"), "pid namespaces cannot be made here")
    def test_pid_namespace(self):
        program = self.program(["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c",
                                f"mount -t tmpfs none /tmp && dotnet {self.kinds}; exit $?"])
        children = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        words = file.read().split(b"\0")
                    with open(f"/proc/{name}/status", encoding="utf-8") as file:
                        spaces = [line for line in file if line.startswith("NSpid")][0].split()
                except OSError:
                    continue
                if words[0] == b"dotnet" and len(spaces) == 3:
                    children.append(int(name))
        self.assertTrue(children)
        self.watched(program, children[-1])


if __name__ == "__main__":
    main()
