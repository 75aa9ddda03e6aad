"""rejig inliners: on the installed framework, on images of its own making, and on what a live
program has mapped, which is not touched."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import BUILD, LiveTest, app, main, rejig


def framework(file=""):
    """The folder of the newest installed runtime, or a file of it; and its version."""
    said = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, timeout=60)
    found = re.findall(r"^Microsoft\.NETCore\.App (\S+) \[(.*)\]$", said.stdout, re.MULTILINE)[-1]
    return os.path.join(found[1], found[0], file), found[0]


def images():
    """What tests/apps/images made, for the unit tests or now."""
    folder = os.path.join(os.path.abspath(BUILD), "images")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "apps", "images", "images.py")
    # What cannot be made leaves its reason there, and skips what needs it.
    subprocess.run([sys.executable, "-B", script, folder], stdin=subprocess.DEVNULL, capture_output=True, timeout=500,
                   check=True)
    return folder


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


class Framework(LiveTest):
    def test_as_in_the_promise(self):
        core, version = framework("System.Private.CoreLib.dll")
        code, out, err = rejig("inliners", "System.String.IsNullOrEmpty", "--in", core)
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        head = re.fullmatch(r"System\.String\.IsNullOrEmpty is inlined into (\d+) methods of "
                            rf"System\.Private\.CoreLib \({re.escape(version)}, R2R \d+\.\d+\)", lines[0])
        self.assertTrue(head, lines[0])
        self.assertEqual(int(head[1]), len(lines) - 1)
        if version == "10.0.12":
            self.assertEqual(int(head[1]), 224)
        self.assertIn("  System.Exception.ToString()", lines)
        self.assertIn("  System.Environment.ValidateVariable(string)   [through "
                      "System.ArgumentException.ThrowIfNullOrEmpty]", lines)

    def test_json_says_the_same(self):
        core, _ = framework("System.Private.CoreLib.dll")
        _, text, _ = rejig("inliners", "System.String.IsNullOrEmpty", "--in", core)
        code, out, _ = rejig("inliners", "System.String.IsNullOrEmpty", "--in", core, "--json")
        self.assertEqual(code, 0)
        found = objects(out)
        self.assertEqual([one["type"] for one in found[:2]], ["inlinee", "inliner"])
        self.assertEqual(found[0]["inliners"], len(text.splitlines()) - 1)
        self.assertEqual(found[-1], {"type": "end", "methods": 1, "inliners": found[0]["inliners"], "images": 1,
                                     "precompiled": 1, "malformed": 0, "unresolved": 0})
        printed = {line.strip().split("   [")[0] for line in text.splitlines()[1:]}
        self.assertEqual({one["signature"] for one in found if one["type"] == "inliner"}, printed)
        self.assertTrue(out.startswith('{"type":'))

    def test_non_versionable_methods_are_found_by_their_il(self):
        folder, _ = framework()
        code, out, _ = rejig("inliners", "System.Span<T>.get_Item", "--in", folder + "System.Private.CoreLib.dll",
                             folder + "System.Linq.dll")
        self.assertEqual(code, 0)
        heads = [line for line in out.splitlines() if not line.startswith(" ")]
        self.assertEqual(len(heads), 2)
        for head in heads:
            self.assertRegex(head, r"is called by \d+ precompiled methods of \S+ \(.*\), by its IL "
                                   r"\(NonVersionable: no image records where it is inlined\)$")
        self.assertIn("  System.Collections.Generic.SegmentedArrayBuilder<T>.Expand(int)", out)

    def test_a_whole_folder(self):
        folder, _ = framework()
        code, out, _ = rejig("inliners", "System.ArgumentNullException.ThrowIfNull(object, string)", "--in", folder,
                             "--json")
        self.assertEqual(code, 0)
        modules = {os.path.basename(one["module"]) for one in objects(out) if one["type"] == "inliner"}
        self.assertEqual(modules, {"System.Private.CoreLib.dll"})  # the framework never inlines across


class Made(LiveTest):
    def setUp(self):
        super().setUp()
        self.folder = images()
        if not os.path.exists(os.path.join(self.folder, "il", "Simple.dll")):
            self.skipTest("crossgen2 is not to be had")

    def inliners(self, method, *folders):
        code, out, _ = rejig("inliners", method, "--in", *(os.path.join(self.folder, one) for one in folders), "--json")
        self.assertEqual(code, 0)
        return {(one["signature"], one.get("through"), one["how"]) for one in objects(out) if one["type"] == "inliner"}

    def test_composite_with_one_bubble(self):
        self.assertEqual(self.inliners("Simple.Calc.Add", "bubble"),
                         {("Fancy.Work.AddTwice(int, int)", None, "recorded"),
                          ("Simple.Calc.Twice(int)", None, "recorded"),
                          ("Simple.Calc+Nested.Both(int)", None, "recorded")})

    def test_across_modules(self):
        self.assertEqual(self.inliners("Simple.Calc+Nested.Sub(int, int)", "cross", "il/Simple.dll"),
                         {("Fancy.Work.NestedUse(int)", None, "recorded")})
        self.assertEqual(self.inliners("Pair<T>.get_First", "cross", "il/Simple.dll"),
                         {("Fancy.Work.Length(List<int>)", "Simple.Pair<T>.Get()", "recorded"),
                          ("Fancy.Work.Pasted(Pair<string>)", "Simple.Pair<T>.Get()", "recorded")})

    def test_other_machines(self):
        for platform in ("linux-arm64", "windows-x64", "osx-arm64"):
            with self.subTest(platform=platform):
                self.assertEqual(self.inliners("Simple.Generic.Same", platform),
                                 {("Simple.Generic.Again<T>(T)", None, "recorded"),
                                  ("Simple.Generic.Ints(int)", "Simple.Generic.Again<T>(T)", "recorded"),
                                  ("Simple.Generic.Texts(string)", "Simple.Generic.Again<T>(T)", "recorded")})

    def test_older_encodings(self):
        for version in ("3.1.3", "6.0.13", "8.0.31", "9.0.22"):
            path = os.path.join(self.folder, f"corelib-{version}.dll")
            if not os.path.exists(path):
                continue
            with self.subTest(version=version):
                code, out, _ = rejig("inliners", "System.String.IsNullOrEmpty", "--in", path)
                self.assertEqual(code, 0)
                self.assertIn(f"of System.Private.CoreLib ({version}, R2R ", out)
                self.assertIn("  System.Exception.ToString(", out)

    def test_graph(self):
        code, out, _ = rejig("inliners", "Simple.Generic.Same", "--in", os.path.join(self.folder, "linux-x64"),
                             "--graph")
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines(), [
            "digraph inliners {", "  rankdir=LR;", '  "Simple.Generic.Same<T>(T)" [shape=box];',
            '  "Simple.Generic.Same<T>(T)" -> "Simple.Generic.Again<T>(T)";',
            '  "Simple.Generic.Again<T>(T)" -> "Simple.Generic.Ints(int)";',
            '  "Simple.Generic.Again<T>(T)" -> "Simple.Generic.Texts(string)";', "}"])

    def test_no_inliner(self):
        code, out, _ = rejig("inliners", "Fancy.Work.Empty", "--in", os.path.join(self.folder, "linux-x64"))
        self.assertEqual((code, out),
                         (0, "Fancy.Work.Empty is inlined into no precompiled method of the 2 images given\n"))

    def test_a_damaged_image_is_said(self):
        """Whatever stands in the tables: an answer or a reason, never a crash."""
        with open(os.path.join(self.folder, "linux-x64", "Simple.dll"), "rb") as file:
            whole = file.read()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "Simple.dll")
            for cut in range(600, len(whole), 97):
                with open(path, "wb") as file:
                    file.write(whole[:cut])
                code, _, err = rejig("inliners", "Simple.Calc.Add", "--in", path)
                self.assertIn(code, (0, 2), err)
            for at in range(512, len(whole), 61):
                with open(path, "wb") as file:
                    file.write(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
                code, _, err = rejig("inliners", "Simple.Calc.Add", "--in", path)
                self.assertIn(code, (0, 2), err)


class Errors(LiveTest):
    def refused(self, code, reason, *words):
        got, out, err = rejig("inliners", *words)
        self.assertEqual((got, out), (code, ""), err)
        self.assertIn(reason, err)
        return err

    def test_words(self):
        core, _ = framework("System.Private.CoreLib.dll")
        self.refused(2, "needs a method")
        self.refused(2, "needs a method", "--in", core)
        self.refused(2, "No such file", "String.Concat", "--in", "/nowhere/x.dll")
        self.refused(2, "is not a .NET image", "String.Concat", "--in", __file__)
        self.refused(2, "takes no target", "String.Concat", "--in", core, "-p", "1")
        self.refused(2, "not both", "String.Concat", "--in", core, "--json", "--graph")
        self.refused(3, "", "no-such-process-at-all", "String.Concat")
        said = self.refused(2, "no method matches", "System.String.IsNullOrEmty", "--in", core)
        self.assertIn("hint: nearest: System.String.IsNullOrEmpty(string)", said)
        facade, _ = framework("System.Runtime.dll")
        self.assertIn("hint: plain IL", self.refused(2, "no precompiled code", "X.Y", "--in", facade))
        with tempfile.TemporaryDirectory() as folder:
            self.refused(2, "holds no .NET image", "X.Y", "--in", folder)


class Live(LiveTest):
    def test_what_a_program_has_mapped(self):
        program = self.program(["dotnet", app("Kinds")])
        code, out, err = rejig("inliners", str(program.pid), "System.String.IsNullOrEmpty")
        self.assertEqual(code, 0, err)
        self.assertRegex(out.splitlines()[0], r"^System\.String\.IsNullOrEmpty is inlined into \d+ methods of "
                                              r"System\.Private\.CoreLib \(")
        self.assertIn("precompiled code alone", err)
        with open(f"/proc/{program.pid}/maps", encoding="utf-8") as maps:
            self.assertNotIn("librejig", maps.read())
        self.assertEqual(glob.glob(os.path.join(tempfile.gettempdir(), f"rejig-{program.pid}-*")), [])
        self.assertEqual(rejig("inliners", "-p", str(program.pid), "No.Such.Method")[0], 2)
        self.assertEqual(program.finish(), 7)


if __name__ == "__main__":
    main()
