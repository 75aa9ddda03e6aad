"""Lists what a CTest run skipped, with the reasons, and counts them: skipped.py LASTTEST.LOG"""

import re
import sys


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    reasons = re.findall(r"^(?:\s*)SKIPPED (.*)$", text, re.MULTILINE)
    cmocka = re.findall(r"^\[  SKIPPED \] (.*)$", text, re.MULTILINE)
    every = reasons + [name for name in cmocka if "test(s)" not in name]
    for reason in dict.fromkeys(every):
        print(f"skipped: {reason}")
    print(f"{len(dict.fromkeys(every))} skipped within the tests")


if __name__ == "__main__":
    main()
