"""Publishes tests/apps/inlining in every way that inlines differently: publish_inlining.py FOLDER [NAME...]

Each result lies in FOLDER/NAME-HASH, the hash being that of the sources and the way of building,
so an unchanged program is published once. Where a pack is not to be had, publish() raises
LookupError with the reason, and the tests that need it are skipped. Without names the small set
is published, which `./dev test` needs; the long proof takes all.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "apps", "inlining")
FRAMEWORK_OF_THE_MACHINE = ["--no-self-contained", "-p:PublishReadyToRun=true"]
OWN_FRAMEWORK = ["--self-contained", "-p:PublishReadyToRun=true"]
WAYS = {
    # each assembly for itself: nothing is inlined across assemblies but NonVersionable methods
    "r2r": FRAMEWORK_OF_THE_MACHINE,
    # the program's assemblies as one version: inlined across them
    "bubble": FRAMEWORK_OF_THE_MACHINE + ["-p:InliningAcross=bubble"],
    # what the compiler finds fit, of any assembly, checked by the runtime when it is used
    "modules": FRAMEWORK_OF_THE_MACHINE + ["-p:InliningAcross=modules"],
    # one image for the program and the framework: inlined across all of it
    "composite": OWN_FRAMEWORK + ["-p:PublishReadyToRunComposite=true"],
    # in a bundle: the runtime maps no file
    "single": OWN_FRAMEWORK + ["-p:PublishSingleFile=true", "-p:PublishReadyToRunComposite=false"],
    "single-composite": OWN_FRAMEWORK + ["-p:PublishSingleFile=true"],
    "net8": OWN_FRAMEWORK + ["-p:InliningFramework=net8.0", "-p:InliningRuntime=8.0.31"],
    "net9": OWN_FRAMEWORK + ["-p:InliningFramework=net9.0", "-p:InliningRuntime=9.0.22"],
    "net8-bubble": OWN_FRAMEWORK + ["-p:InliningFramework=net8.0", "-p:InliningRuntime=8.0.31", "-p:InliningAcross=bubble"],
    "net9-bubble": OWN_FRAMEWORK + ["-p:InliningFramework=net9.0", "-p:InliningRuntime=9.0.22", "-p:InliningAcross=bubble"],
    "net8-modules": OWN_FRAMEWORK + ["-p:InliningFramework=net8.0", "-p:InliningRuntime=8.0.31", "-p:InliningAcross=modules"],
    "net9-modules": OWN_FRAMEWORK + ["-p:InliningFramework=net9.0", "-p:InliningRuntime=9.0.22", "-p:InliningAcross=modules"],
    "net8-composite": OWN_FRAMEWORK + ["-p:InliningFramework=net8.0", "-p:InliningRuntime=8.0.31",
                                       "-p:PublishReadyToRunComposite=true"],
}
SMALL = ("r2r", "bubble", "modules", "single", "net8", "net9")
LIMIT = 400


def sources():
    for folder, below, files in os.walk(SOURCES):
        below[:] = sorted(name for name in below if name not in ("bin", "obj"))
        for file in sorted(files):
            yield os.path.join(folder, file)


def place(folder, name):
    digest = hashlib.sha256(" ".join(WAYS[name]).encode())
    for path in sources():
        with open(path, "rb") as stream:
            digest.update(stream.read())
    return os.path.join(folder, f"{name}-{digest.hexdigest()[:16]}")


def run(folder, name, target):
    obj = os.path.join(folder, "obj", name) + os.sep
    command = ["dotnet", "publish", os.path.join(SOURCES, "Inlining.csproj"), "-c", "Release", "-r", "linux-x64",
               *WAYS[name], "-o", target, "--nologo", "-v", "quiet", "-nodeReuse:false", f"-p:OutDir={obj}out/",
               f"-p:BaseIntermediateOutputPath={obj}", f"-p:MSBuildProjectExtensionsPath={obj}"]
    building = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, start_new_session=True)
    try:
        said, _ = building.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired as late:
        os.killpg(building.pid, signal.SIGKILL)  # the compiler that it started as well
        building.wait()
        raise LookupError(f"publishing as {name} took more than {LIMIT} s") from late
    if building.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        errors = [line for line in said.splitlines() if "error" in line]
        if any("error NU" in line for line in errors):
            raise LookupError(f"NuGet lacks a pack for {name}: {errors[0].split('error ', 1)[1][:160]}")
        raise AssertionError(f"publishing as {name} failed:\n{said}")


def publish(folder, name):
    """The folder with the published program; raises LookupError with the reason."""
    folder = os.path.abspath(folder)
    target = place(folder, name)
    if os.path.exists(os.path.join(target, "done")):
        return target
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:  # one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(target, "done")):
            return target
        for old in os.listdir(folder):
            if old.rpartition("-")[0] == name:
                shutil.rmtree(os.path.join(folder, old))
        run(folder, name, target)
        with open(os.path.join(target, "done"), "w", encoding="utf-8"):
            pass
    return target


def main():
    for name in sys.argv[2:] or SMALL:
        try:
            publish(sys.argv[1], name)
        except LookupError as reason:
            print(reason)


if __name__ == "__main__":
    main()
