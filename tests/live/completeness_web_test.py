"""An ASP.NET Core application under load whose requests call String.IsNullOrEmpty, List.get_Item
and a method of a nested type of the framework, from code that inlined them: rejig, attached in the
middle of the load, sees every call of every request, and no request fails.

A phase has arguments of its own, so its calls are told from the framework's and from those of the
load that was there before: what is counted is exactly what the program counted.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, wait_for

# method: (VALUES, condition of a phase, calls a request)
METHODS = {
    "System.String.IsNullOrEmpty": ("value", 'value == "marker of phase {0}"', 5),
    "System.Collections.Generic.List<T>.get_Item": ("index", "index == 770{0}", 6),
    "System.Guid+GuidResult.ToGuid": ("this._a", "this._a == {1}", 3),
}


@unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
class WebCounts(LiveTest):
    def load(self, phase, seconds, connections=4):
        return subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"{self.url}/count/{phase}"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)

    def ended(self, load):
        """wrk's own count of answers, none of which is a failure."""
        try:
            out, _ = load.communicate(timeout=120)
        finally:
            load.kill()
            load.wait()
        self.assertNotIn("Socket errors", out)
        self.assertNotIn("Non-2xx", out)
        return int(re.search(r"(\d+) requests in", out).group(1))

    def quiet(self, phase):
        """The requests of a phase, all of them answered."""
        def same():
            _, _, begun, ended = self.server.tell(f"counts {phase}").split()
            return int(begun) if begun == ended else 0
        return wait_for(same, f"the requests of phase {phase} to end")

    def get(self, phase):
        with urllib.request.urlopen(f"{self.url}/count/{phase}", timeout=60) as answer:
            return answer.status, answer.read().decode()

    def look(self, number, method, values, condition, _):
        """Attaches for the calls of phase 1, while phase 0 loads the application."""
        look = self.rejig("watch", str(self.server.pid), method, f"--values={values}", "--if", condition.format(1, 0x7701),
                          "--json", "-o", os.path.join(self.scratch, f"{number}.json"))
        look.file = os.path.join(self.scratch, f"{number}.json")
        look.probing()
        return look

    def calls(self, look):
        """Those that met the condition; shown or, at such a rate, lost on the way to the screen."""
        self.assertEqual(look.end(), 0, look.err.text())
        with open(look.file, encoding="utf-8") as stream:
            end = json.loads(stream.readlines()[-1])
        self.assertEqual(end["type"], "end")
        return end["shown"] + end["lost"]

    def test_every_call_of_every_request(self):
        self.server = self.program(["dotnet", app("WebCount")])
        self.url = self.server.out.lines[0].split()[2]
        expected = self.get(0)
        self.assertEqual(expected[0], 200)
        before = self.load(0, 12)
        wait_for(lambda: int(self.server.tell("counts 0").split()[2]) > 3000, "the load to be under way")
        looks = [self.look(number, method, *what) for number, (method, what) in enumerate(METHODS.items())]
        load = self.load(1, 5)
        answered = self.ended(load)
        requests = self.quiet(1)
        self.assertGreaterEqual(requests, answered)
        self.assertGreater(requests, 100)
        self.assertEqual(self.get(0), expected)
        seen = [self.calls(look) for look in looks]
        self.assertEqual(dict(zip(METHODS, seen)), {method: requests * what[2] for method, what in METHODS.items()},
                         f"of {requests} requests")
        self.ended(before)
        self.assertEqual(self.get(0), expected)
        self.assertEqual(self.server.finish(), 0)
        self.assertEqual(self.server.err.text(), "")


if __name__ == "__main__":
    main()
