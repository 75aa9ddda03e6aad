#!/usr/bin/env python3
"""What librejig.so asks of a system: usage: library_test.py LIBRARY

Symbol versions, exported names, needed libraries, size, thread-local data. Reads the file
with readelf and strip (binutils). Exit code 1 with a line per finding."""
import os
import re
import subprocess
import sys
import tempfile

LIBRARY = sys.argv[1]
NEWEST = (2, 27)
BYTES = 512 * 1024


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def stripped_size():
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "librejig.so")
        run("strip", "-o", copy, LIBRARY)
        return os.path.getsize(copy)


def main():
    findings = []
    dynamic = run("readelf", "-dW", LIBRARY)
    symbols = run("readelf", "--dyn-syms", "-W", LIBRARY)
    relocations = run("readelf", "-rW", LIBRARY)
    segments = run("readelf", "-lW", LIBRARY)

    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    if needed != ["libc.so.6"]:
        findings.append(f"needs {needed}, not libc.so.6 alone")
    for word in ("TEXTREL", "RPATH", "RUNPATH"):
        if f"({word})" in dynamic:
            findings.append(f"has {word}")

    exported, versions = set(), set()
    for line in symbols.splitlines():
        fields = line.split()
        if len(fields) < 8 or not fields[0].rstrip(":").isdigit():
            continue
        name = fields[7]
        if fields[6] != "UND" and fields[4] != "LOCAL":
            exported.add(name.split("@")[0])
        found = re.search(r"@GLIBC_([0-9.]+)", name)
        if found:
            version = tuple(int(part) for part in found.group(1).split("."))
            versions.add(version)
            if version[:2] > NEWEST:
                findings.append(f"binds to {name}")
        if "__tls_get_addr" in name or "_chk" in name:
            findings.append(f"binds to {name}, which musl does not have")
    if exported != {"DllGetClassObject"}:
        findings.append(f"exports {sorted(exported)}")
    if not versions:
        findings.append("no symbol version was found: is this the right file?")
    if re.search(r"R_X86_64_(TPOFF64|DTPMOD64)|R_AARCH64_TLS_(TPREL|DTPMOD)", relocations):
        findings.append("has thread-local data that is not reached through descriptors")
    if re.search(r"GNU_STACK.*RWE", segments):
        findings.append("asks for an executable stack")

    size = stripped_size()
    if size > BYTES:
        findings.append(f"has {size} bytes stripped, more than {BYTES}")
    for finding in findings:
        print(f"{LIBRARY} {finding}", file=sys.stderr)
    newest = ".".join(str(part) for part in max(versions, default=(0,)))
    print(f"{size} bytes stripped, newest symbol GLIBC_{newest}, exports {sorted(exported)}")
    return 1 if findings else 0


sys.exit(main())
