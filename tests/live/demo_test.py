"""The demo ends by itself and prints what the README shows (numbers and times masked)."""

import difflib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import BUILD, LiveTest, main, masked

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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
