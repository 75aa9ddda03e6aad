#!/usr/bin/env python3
"""Every rule on the other runtimes that are supported: run_versions.py FOLDER

Publishes the program self-contained into FOLDER/NAME, once, and runs all *_test.py with it.
CONTRACT_PROFILER names the profiler that CMake has built. Exit code 77: NuGet lacks the packs."""

import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "..", "apps")
VERSIONS = {"net8.0": "8.0.31", "net9.0": "9.0.22"}


def build(verb, project, target, obj, *options):
    if os.path.exists(os.path.join(target, "done")):
        return True
    done = subprocess.run(
        ["dotnet", verb, project, "-c", "Release", "-o", target, "--nologo", "-v", "quiet", "-nodeReuse:false",
         f"-p:BaseIntermediateOutputPath={obj}/", f"-p:MSBuildProjectExtensionsPath={obj}/", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 and "error NU" in done.stdout:
        return False
    if done.returncode != 0:
        sys.exit(f"{project}:\n{done.stdout}{done.stderr}")
    with open(os.path.join(target, "done"), "w", encoding="utf-8"):
        return True


def main():
    folder, failed, missing = os.path.abspath(sys.argv[1]), [], []
    for name, runtime in VERSIONS.items():
        place, obj = os.path.join(folder, name), os.path.join(folder, "obj", name)
        if not build("publish", os.path.join(APPS, "contract", "Contract.csproj"), f"{place}/Contract",
                     f"{obj}/Contract", "-r", "linux-x64", "--self-contained", f"-p:ContractFramework={name}",
                     f"-p:ContractRuntime={runtime}"):
            missing.append(name)
            continue
        build("build", os.path.join(APPS, "late", "LateModule.csproj"), f"{place}/LateModule", f"{obj}/LateModule",
              f"-p:LateFramework={name}")
        for test in sorted(glob.glob(os.path.join(HERE, "*_test.py"))):
            done = subprocess.run([sys.executable, "-B", test], capture_output=True, text=True, timeout=200,
                                  env={**os.environ, "CONTRACT_PUBLISHED": f"{place}/Contract"})
            print(f"{runtime} {os.path.basename(test)}: {'ok' if done.returncode in (0, 77) else 'FAILED'}", flush=True)
            if done.returncode not in (0, 77):
                failed.append(f"{runtime} {test}:\n{done.stdout}{done.stderr}")
    print("\n".join(failed + [f"SKIPPED {name}: NuGet lacks its packs" for name in missing]))
    sys.exit(1 if failed else 77 if len(missing) == len(VERSIONS) else 0)


if __name__ == "__main__":
    main()
