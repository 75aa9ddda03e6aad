"""The demo ends by itself and prints what the README shows (numbers and times masked)."""

import difflib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import BUILD, LiveTest, main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def masked(text):
    """What is the same in every run: words, order and layout, not numbers, names of the moment
    and places on this machine."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"/\S*/Shop\.dll", "Shop.dll", text)
    text = re.sub(r"\d[\d,.:]*", "#", text)
    text = re.sub(r"\b(ns|µs|ms|s)\b", "T", text)
    text = re.sub(r"\b(call|method|session)s\b", r"\1", text)
    text = re.sub(r'order\.Customer\.Name="?[\w-]+"?', "order.Customer.Name=…", text)
    text = re.sub(r"(Shop\.OrderService\.Place .*)(ret\.Total=#|threw .*)", r"\1RESULT", text)
    text = re.sub(r" \(# filtered out\)", "", text)
    text = re.sub(r"[ \t]+", " ", text)
    return [line.strip() for line in text.strip().splitlines()]


class Demo(LiveTest):
    def test_transcript(self):
        done = subprocess.run([os.path.join(ROOT, "scripts", "demo"), BUILD], capture_output=True, text=True,
                              timeout=300, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            shown = re.search(r"<!-- demo -->\n```text\n(.*?)```", file.read(), re.DOTALL).group(1)
        difference = list(difflib.unified_diff(masked(shown), masked(done.stdout), "README.md", "./dev demo", lineterm=""))
        self.assertEqual(difference, [], "\n".join(difference) + "\n\n" + done.stdout)


if __name__ == "__main__":
    main()
