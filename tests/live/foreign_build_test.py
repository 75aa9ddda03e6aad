"""`dotnet build` of a web project and the C# compiler: programs that nobody here wrote, started
under rejig and attached to, with the same output and exit code as without."""

import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, Program, main, wait_for

REJIG = os.environ.get("REJIG", "rejig")
LIMIT = 300

PROJECT = """<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <AssemblyName>Small</AssemblyName>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
</Project>
"""
SOURCE = """var app = WebApplication.Create(args);
app.MapGet("/", () => "hello");
app.Run();
"""


def sdk():
    """The newest SDK's folder."""
    lines = subprocess.run(["dotnet", "--list-sdks"], capture_output=True, text=True, check=True).stdout.split("\n")
    version, folder = re.match(r"(\S+) \[(.*)\]", [line for line in lines if line][-1]).groups()
    return os.path.join(folder, version)


def frameworks():
    lines = subprocess.run(["dotnet", "--list-runtimes"], capture_output=True, text=True, check=True).stdout.split("\n")
    line = [line for line in lines if line.startswith("Microsoft.NETCore.App 10.")][-1]
    name, version, folder = re.match(r"(\S+) (\S+) \[(.*)\]", line).groups()
    return os.path.join(folder, version)


class Build(LiveTest):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.scratch, "small")
        os.mkdir(self.folder)
        for name, text in (("Small.csproj", PROJECT), ("Program.cs", SOURCE)):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.run_plain("restore")

    def run_plain(self, *arguments):
        return subprocess.run(["dotnet", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LIMIT, check=False)

    BUILD = ("build", "--no-restore", "--no-incremental", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-maxcpucount:1")

    def masked(self, text):
        return re.sub(r"\d+:\d\d:\d\d\.\d+|\d+[.,]\d+ ?s", "TIME", text)

    def test_dotnet_build(self):
        plain = self.run_plain(*self.BUILD)
        self.assertEqual(plain.returncode, 0, plain.stdout)
        out = os.path.join(self.scratch, "build.json")
        probed = subprocess.run(
            [REJIG, "count", "Microsoft.Build.BackEnd.TaskBuilder.*", "Microsoft.Build.Evaluation.Evaluator<*>.*",
             "Microsoft.Build.Execution.ProjectInstance.*", "--json", "-o", out, "--", "dotnet", *self.BUILD],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(probed.returncode, 0, probed.stdout + probed.stderr)
        self.assertEqual(self.masked(probed.stdout), self.masked(plain.stdout))
        with open(out, encoding="utf-8") as file:
            counts = {item["method"]: item["count"] for item in map(json.loads, file) if item["type"] == "count"}
        called = [name for name, count in counts.items() if count]
        self.assertGreater(len(called), 20, counts)
        self.assertTrue(any(name.endswith("TaskBuilder.ExecuteTask") or "TaskBuilder" in name for name in called))

    def compiler(self):
        return ["dotnet", "exec", os.path.join(sdk(), "Roslyn", "bincore", "csc.dll")]

    def arguments(self, out):
        references = [f"-r:{path}" for path in sorted(glob.glob(os.path.join(frameworks(), "System*.dll")))
                      if not os.path.basename(path).startswith("System.IO.Compression.Native")]
        source = os.path.join(self.folder, "Hello.cs")
        with open(source, "w", encoding="utf-8") as file:
            file.write("namespace Hello;\npublic static class Program\n{\n    public static int Main() => 3 + Four;\n"
                       "    private static int Four => 4;\n}\n")
        return ["-noconfig", "-nostdlib", "-deterministic", "-nologo", f"-out:{out}", *references, source]

    # pattern, VALUES, at least one call with these
    ROSLYN = [
        ("Microsoft.CodeAnalysis.CSharp.CSharpCompilation.Create", "assemblyName", {"assemblyName": "hello"}),
        ("Microsoft.CodeAnalysis.CSharp.Syntax.InternalSyntax.Lexer.ScanIdentifierOrKeyword", "info.Text, ret", None),
        ("Microsoft.CodeAnalysis.CSharp.CSharpCompilation.GetSpecialType", "specialType",
         {"specialType": {"$type": "ExtendedSpecialType", "_value": 13}}),
        ("Microsoft.CodeAnalysis.CSharp.Symbols.SourceMemberContainerTypeSymbol.get_Name", "ret", {"ret": "Program"}),
        ("Microsoft.CodeAnalysis.Text.SourceText.From", "", None),
        ("Microsoft.CodeAnalysis.CSharp.Binder.BindExpression", "node, ret", None),
    ]

    def test_compiler(self):
        """The compiler's answer is the same to the last bit with its own methods probed."""
        plain_out, probed_out = os.path.join(self.scratch, "hello.dll"), os.path.join(self.scratch, "probed", "hello.dll")
        os.mkdir(os.path.dirname(probed_out))
        plain = subprocess.run(self.compiler() + self.arguments(plain_out), capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
        self.assertEqual(plain.returncode, 0, plain.stdout)
        with open(plain_out, "rb") as file:
            wanted = file.read()
        for pattern, values, expected in self.ROSLYN:
            with self.subTest(pattern=pattern):
                out = os.path.join(self.scratch, "watch.json")
                done = subprocess.run([REJIG, "watch", pattern, *([f"--values={values}"] if values else []), "--json", "-o", out, "--",
                                       *self.compiler(), *self.arguments(probed_out)], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                with open(probed_out, "rb") as file:
                    self.assertEqual(file.read(), wanted)
                with open(out, encoding="utf-8") as file:
                    calls = [item["values"] for item in map(json.loads, file) if item["type"] == "call"]
                self.assertGreater(len(calls), 0)
                if expected:
                    self.assertTrue(any(all(call.get(k) == v for k, v in expected.items()) for call in calls), calls[:10])


if __name__ == "__main__":
    main()
