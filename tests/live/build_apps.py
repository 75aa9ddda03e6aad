"""Builds the test programs: build_apps.py FOLDER PROJECT...   each into FOLDER/NAME."""

import os
import subprocess
import sys


def main():
    folder, projects = os.path.abspath(sys.argv[1]), sys.argv[2:]
    for project in projects:
        name = os.path.splitext(os.path.basename(project))[0]
        target = os.path.join(folder, name)
        done = subprocess.run(
            ["dotnet", "build", project, "-c", "Release", "-o", target, "--nologo", "-v", "quiet",
             "-p:UseAppHost=true", f"-p:BaseIntermediateOutputPath={folder}/obj/{name}/",
             f"-p:MSBuildProjectExtensionsPath={folder}/obj/{name}/", "-nodeReuse:false"],
            stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            sys.exit(f"dotnet build {project} failed")


if __name__ == "__main__":
    main()
