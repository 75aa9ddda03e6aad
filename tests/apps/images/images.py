"""Makes the ReadyToRun images that the tests of the room r2r read: images.py FOLDER

From NuGet: System.Private.CoreLib of older runtimes (each encoding that there has been). Compiled
here by crossgen2: two small libraries as one composite, as a composite with one version bubble,
with inlining across modules, and for other machines. What cannot be had leaves a file
NAME.missing with the reason, and the tests that need it are skipped. Done once for unchanged
sources.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 200
PACK_PROJECT = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="$(Pack)" Version="[$(PackVersion)]" /></ItemGroup>
</Project>
"""
CORELIBS = [("Microsoft.NETCore.App.Runtime.linux-x64", "3.1.3"), ("Microsoft.NETCore.App.Runtime.win-x64", "6.0.13"),
            ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.31"), ("Microsoft.NETCore.App.Runtime.linux-x64", "9.0.22")]
PLATFORMS = ["linux-x64", "linux-arm64", "windows-x64", "osx-arm64"]


class Missing(Exception):
    """Something that this machine cannot have."""


def run(*command, **options):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                              check=False, **options)
    except subprocess.TimeoutExpired as late:
        raise Missing(f"{os.path.basename(command[0])} took more than {LIMIT} s") from late
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
        raise Missing(f"{os.path.basename(command[0])} failed: {said[0].strip()[-200:] if said else done.returncode}")
    return done.stdout


def build(project, folder, target):
    obj = os.path.join(folder, "obj", os.path.basename(project)) + os.sep
    run("dotnet", "build", project, "-c", "Release", "-o", target, "--nologo", "-v", "quiet", "-nodeReuse:false",
        f"-p:BaseOutputPath={obj}bin{os.sep}", env=dict(os.environ, RejigImagesObj=obj))


def packages():
    said = run("dotnet", "nuget", "locals", "global-packages", "-l")
    return said.split("global-packages:", 1)[1].strip()


def pack(folder, name, version):
    """The folder of a NuGet package, fetched where it is not there."""
    place = os.path.join(packages(), name.lower(), version)
    if not os.path.isdir(place):
        work = os.path.join(folder, "obj", f"{name}-{version}")
        os.makedirs(work, exist_ok=True)
        project = os.path.join(work, "Pack.csproj")
        with open(project, "w", encoding="utf-8") as file:
            file.write(PACK_PROJECT)
        run("dotnet", "restore", project, f"-p:Pack={name}", f"-p:PackVersion={version}", "-v", "quiet")
    if not os.path.isdir(place):
        raise Missing(f"NuGet lacks {name} {version}")
    return place


def corelib(folder, name, version):
    found = glob.glob(os.path.join(pack(folder, name, version), "runtimes", "*", "*", "**", "System.Private.CoreLib.dll"),
                      recursive=True)
    if not found:
        raise Missing(f"{name} {version} holds no System.Private.CoreLib.dll")
    os.symlink(found[0], os.path.join(folder, f"corelib-{version}.dll"))


def runtime():
    """The newest installed runtime: its folder and version."""
    lines = [line.split() for line in run("dotnet", "--list-runtimes").splitlines()]
    mine = [line for line in lines if line and line[0] == "Microsoft.NETCore.App"]
    if not mine:
        raise Missing("no .NET runtime is installed")
    return os.path.join(mine[-1][2].strip("[]"), mine[-1][1]), mine[-1][1]


class Compiler:
    def __init__(self, folder, version):
        self.folder = folder
        place = os.path.join(pack(folder, "Microsoft.NETCore.App.Crossgen2.linux-x64", version), "tools")
        own = os.path.join(place, "crossgen2")
        self.command = [own] if os.access(own, os.X_OK) else ["dotnet", os.path.join(place, "crossgen2.dll")]

    def compile(self, inputs, output, references, *options, platform="linux-x64"):
        target = os.path.join(self.folder, output)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        system, machine = platform.split("-")
        references = [word for one in references for word in ("-r", one)]
        run(*self.command, *inputs, "-o", target, "-O", "--targetos", system, "--targetarch", machine, *references,
            *options)


def compile_all(folder):
    framework, version = runtime()
    il = os.path.join(folder, "il")
    build(os.path.join(HERE, "library", "Fancy", "Fancy.csproj"), folder, il)
    simple, fancy = os.path.join(il, "Simple.dll"), os.path.join(il, "Fancy.dll")
    all_of = [os.path.join(framework, "*.dll")]
    compiler = Compiler(folder, version)
    compiler.compile([simple, fancy], "composite/app.r2r.dll", all_of, "--composite")
    compiler.compile([simple, fancy], "bubble/app.r2r.dll", all_of, "--composite", "--inputbubble")
    compiler.compile([fancy], "cross/Fancy.dll", all_of + [simple], "--opt-cross-module:*")
    for platform in PLATFORMS:
        for name in (simple, fancy):
            compiler.compile([name], f"{platform}/{os.path.basename(name)}", all_of + [simple], platform=platform)


def older_cross(folder):
    """Inlining across modules as .NET 8's compiler writes it."""
    references = [os.path.join(pack(folder, "Microsoft.NETCore.App.Runtime.linux-x64", "8.0.31"), "runtimes",
                               "linux-x64", "lib", "net8.0", "*.dll")]
    il = os.path.join(folder, "il")
    Compiler(folder, "8.0.31").compile([os.path.join(il, "Fancy.dll")], "cross-8/Fancy.dll",
                                       references + [os.path.join(il, "Simple.dll")], "--opt-cross-module:*")


def attempt(folder, name, what, *arguments):
    try:
        what(*arguments)
    except Missing as reason:
        print(f"{name}: {reason}")
        with open(os.path.join(folder, f"{name}.missing"), "w", encoding="utf-8") as file:
            file.write(str(reason))


def key():
    digest = hashlib.sha256()
    for path in sorted(glob.glob(os.path.join(HERE, "**", "*.*"), recursive=True)):
        if os.path.isfile(path) and os.path.splitext(path)[1] in (".py", ".cs", ".csproj", ".props"):
            with open(path, "rb") as file:
                digest.update(file.read())
    return digest.hexdigest()


def main():
    folder = os.path.abspath(sys.argv[1])
    mark = os.path.join(folder, "done")
    if os.path.exists(mark):
        with open(mark, encoding="utf-8") as file:
            if file.read() == key():
                return
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name, version in CORELIBS:
        attempt(folder, f"corelib-{version}", corelib, folder, name, version)
    attempt(folder, "compiled", compile_all, folder)
    attempt(folder, "cross-8", older_cross, folder)
    if not glob.glob(os.path.join(folder, "*.missing")):
        with open(mark, "w", encoding="utf-8") as file:
            file.write(key())


if __name__ == "__main__":
    main()
