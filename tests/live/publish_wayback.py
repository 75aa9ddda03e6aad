"""Publishes tests/apps/wayback precompiled (ReadyToRun); an unchanged program is published once."""

import fcntl
import hashlib
import os
import shutil
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "apps", "wayback")
FILES = ("Callee.cs", "Program.cs", "Wayback.csproj")
LIMIT = 300


def place(folder):
    digest = hashlib.sha256()
    for name in FILES:
        with open(os.path.join(SOURCES, name), "rb") as stream:
            digest.update(stream.read())
    return os.path.join(folder, "r2r-" + digest.hexdigest()[:16])


def run(folder, target):
    obj = os.path.join(folder, "obj") + os.sep
    done = subprocess.run(
        ["dotnet", "publish", os.path.join(SOURCES, "Wayback.csproj"), "-c", "Release", "-r", "linux-x64",
         "--no-self-contained", "-p:PublishReadyToRun=true", "-o", target, "--nologo", "-v", "quiet", "-nodeReuse:false",
         f"-p:OutDir={obj}out/", f"-p:BaseIntermediateOutputPath={obj}", f"-p:MSBuildProjectExtensionsPath={obj}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        lacks = [line for line in done.stdout.splitlines() if "error NU" in line]
        if lacks:
            raise LookupError(f"NuGet lacks a pack: {lacks[0].split('error ', 1)[1][:160]}")
        raise AssertionError(f"publishing failed:\n{done.stdout}{done.stderr}")


def publish(folder):
    """The command that starts the program; raises LookupError where a pack is not to be had."""
    folder = os.path.abspath(folder)
    target = place(folder)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:  # one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(target, "done")):
            for old in os.listdir(folder):
                if old.startswith("r2r-"):
                    shutil.rmtree(os.path.join(folder, old))
            run(folder, target)
            with open(os.path.join(target, "done"), "w", encoding="utf-8"):
                pass
    return [os.path.join(target, "Wayback")]
