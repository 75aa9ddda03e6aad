"""Publishes tests/apps/versions for every runtime that it is tried on: publish_versions.py FOLDER

Each result lies in FOLDER/NAME-HASH, the hash being that of the sources and the way of building,
so an unchanged program is published once. Where a runtime's packs are not to be had, the reason
is kept beside it, and the tests that need it are skipped.
"""

import hashlib
import os
import shutil
import subprocess
import sys

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "apps", "versions")
SELF_CONTAINED = ["-c", "Release", "-r", "linux-x64", "--self-contained"]
WAYS = {
    "net8": SELF_CONTAINED + ["-p:VersionsFramework=net8.0", "-p:VersionsRuntime=8.0.31"],
    "net9": SELF_CONTAINED + ["-p:VersionsFramework=net9.0", "-p:VersionsRuntime=9.0.22"],
    "net10": SELF_CONTAINED,
    "single": SELF_CONTAINED + ["-p:PublishSingleFile=true"],
    "debug": ["-c", "Debug", "--no-self-contained"],
}
LIMIT = 180


def place(folder, name):
    digest = hashlib.sha256(" ".join(WAYS[name]).encode())
    for file in sorted(os.listdir(SOURCES)):
        path = os.path.join(SOURCES, file)
        if os.path.isfile(path):
            with open(path, "rb") as stream:
                digest.update(stream.read())
    return os.path.join(folder, f"{name}-{digest.hexdigest()[:16]}")


def publish(folder, name):
    """The folder with the published program; raises LookupError with the reason."""
    folder = os.path.abspath(folder)
    target = place(folder, name)
    if os.path.exists(os.path.join(target, "done")):
        return target
    for old in os.listdir(folder) if os.path.isdir(folder) else []:
        if old.startswith(f"{name}-"):
            shutil.rmtree(os.path.join(folder, old))
    obj = os.path.join(folder, "obj", name) + os.sep
    command = ["dotnet", "publish", os.path.join(SOURCES, "Versions.csproj"), *WAYS[name], "-o", target, "--nologo",
               "-v", "quiet", "-nodeReuse:false", f"-p:BaseIntermediateOutputPath={obj}",
               f"-p:MSBuildProjectExtensionsPath={obj}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired as late:
        raise LookupError(f"publishing for {name} took more than {LIMIT} s") from late
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        said = [line for line in done.stdout.splitlines() if "error" in line]
        if any("error NU" in line for line in said):
            raise LookupError(f"NuGet lacks a pack for {name}: {said[0].split('error ', 1)[1][:160]}")
        sys.exit(f"publishing for {name} failed:\n{done.stdout}{done.stderr}")
    with open(os.path.join(target, "done"), "w", encoding="utf-8"):
        pass
    return target


def main():
    for name in WAYS:
        try:
            publish(sys.argv[1], name)
        except LookupError as reason:
            print(reason)


if __name__ == "__main__":
    main()
