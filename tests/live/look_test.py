"""Commands that look without probing: ps, doctor, list, status, help."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, rejig, wait_for


class Look(LiveTest):
    def setUp(self):
        super().setUp()
        self.kinds = self.program(["dotnet", app("Kinds")])

    def untouched(self):
        with open(f"/proc/{self.kinds.pid}/maps", encoding="utf-8") as maps:
            self.assertNotIn("librejig", maps.read())

    def test_ps(self):
        code, out, err = rejig("ps")
        self.assertEqual(code, 0, err)
        row = [line for line in out.splitlines() if re.match(rf"\s*{self.kinds.pid}\b", line)]
        self.assertEqual(len(row), 1, out)
        self.assertIn("Kinds", row[0])
        self.assertIn("ready", row[0])
        self.assertRegex(row[0], r"10\.0\.\d+")
        code, out, _ = rejig("ps", "--json")
        mine = [item for item in map(json.loads, out.splitlines()) if item.get("pid") == self.kinds.pid]
        self.assertEqual(mine[0]["name"], "Kinds")
        self.untouched()

    def test_doctor(self):
        code, out, err = rejig("doctor", "Kinds")
        if code == 2:  # another test's program has the same name
            code, out, err = rejig("doctor", str(self.kinds.pid))
        self.assertEqual(code, 0, out + err)
        self.assertIn("ok", out)
        self.assertNotRegex(out, r"(?m)^\s+no\s")
        self.untouched()

    def test_list(self):
        code, out, err = rejig("list", str(self.kinds.pid), "Kinds.Plain.*")
        self.assertEqual(code, 0, err)
        for name in ("Static", "Add", "get_Base", "Fails", "Tiny"):
            self.assertIn(f"Kinds.Plain.{name}", out)
        self.assertIn("(int, string)", out)
        self.assertNotIn("Kinds.Asynchronous", out)
        code, out, _ = rejig("list", str(self.kinds.pid), "System.String.IsNullOrEmpty", "--json")
        self.assertEqual(code, 0)
        items = [json.loads(line) for line in out.splitlines()]
        method = [item for item in items if item.get("type") == "listed"]
        self.assertEqual([item["method"] for item in method], ["System.String.IsNullOrEmpty"])
        self.untouched()

    def test_list_async(self):
        code, out, _ = rejig("list", str(self.kinds.pid), "Kinds.Asynchronous.*", "--json")
        names = [item["method"] for item in map(json.loads, out.splitlines()) if item.get("type") == "listed"]
        self.assertEqual(sorted(names), ["Kinds.Asynchronous." + n for n in
                                         ("AtOnceAsync", "DoubleAsync", "FailAsync", "ValueAsync", "WaitAsync")])

    def test_status(self):
        code, out, err = rejig("status", str(self.kinds.pid))
        self.assertIn("no agent", (out + err).lower())
        self.untouched()
        watch = self.rejig("watch", str(self.kinds.pid), "Kinds.Plain.Static", "--json")
        watch.probing()
        code, out, err = rejig("status")
        self.assertEqual(code, 0, err)
        self.assertIn(str(self.kinds.pid), out)
        watch.end()

    def test_help(self):
        code, out, _ = rejig("--help")
        self.assertEqual(code, 0)
        for command in ("ps", "doctor", "list", "watch", "count", "status", "reset"):
            self.assertRegex(out, rf"(?m)^\s+{command}\b")
            inner, text, _ = rejig(command, "--help")
            self.assertEqual(inner, 0)
            self.assertIn("rejig " + command, text)


class Containers(LiveTest):
    """A process in a mount namespace of its own and a control group that is called as a container's."""

    ID = "5f" * 32

    def group(self):
        for root in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup"):
            path = os.path.join(root, self.ID)
            try:
                os.mkdir(path)
            except OSError:
                continue
            self.addCleanup(os.rmdir, path)
            return path
        return None

    def test_named(self):
        group = self.group()
        if os.geteuid() != 0 or not group:
            self.skipTest("no control group can be made here")
        program = self.program(["unshare", "-m", "dotnet", app("Kinds")])
        with open(os.path.join(group, "cgroup.procs"), "w", encoding="utf-8") as procs:
            procs.write(str(program.pid))
        code, out, err = rejig("ps")
        self.assertEqual(code, 0, err)
        row = [line for line in out.splitlines() if re.match(rf"\s*{program.pid}\b", line)]
        self.assertTrue(row and row[0].endswith("  (container 5f5f5f5f5f5f)"), out)
        code, out, err = rejig("ps", "--json")
        item = [item for item in map(json.loads, out.splitlines()) if item["pid"] == program.pid]
        self.assertEqual([(item["container"], item["container_id"]) for item in item], [(True, "5f5f5f5f5f5f")])
        self.assertEqual(program.finish(), 7)


class Silence(LiveTest):
    def test_not_called(self):
        """After five seconds without a line, one says why."""
        kinds = self.program(["dotnet", app("Kinds")])
        watch = self.rejig("watch", str(kinds.pid), "Kinds.Plain.Static", "--if", "number > 1000")
        watch.probing()
        kinds.tell("run static 12")
        at = watch.err.wait(lambda line: line.startswith("("), "the reason for silence", limit=60)
        self.assertIn("12", watch.err.lines[at])
        self.assertEqual(watch.end(), 0)


if __name__ == "__main__":
    main()
