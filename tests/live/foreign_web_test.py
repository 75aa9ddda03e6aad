"""An ASP.NET Core application under load: the framework's own methods, of every kind, watched
with their values, and not one request lost or answered otherwise."""

import os
import shutil
import subprocess
import sys
import threading
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LiveTest, app, main, wait_for

# pattern, VALUES, values of the call that belongs to i (which one of several: the first that fits)
METHODS = [
    # instance, constructor
    ("System.Text.StringBuilder..ctor(int)", "capacity", lambda i: {"capacity": 64 + i}),
    # a span of strings
    ("System.String.Join(char, ReadOnlySpan<string>)", "separator, value", lambda i: {"separator": "-", "value": [f"a{i}", "b"]}),
    # byref at exit
    ("System.Int32.TryParse(string, out int)", "s, ret", lambda i: {"s": f"17{i}", "ret": True}),
    # tuple result
    ("System.Math.DivRem(int, int)", "left, right", lambda i: {"left": 100 + i, "right": 7}),
    # decimal
    ("System.Decimal.Round(decimal, int)", "d, decimals", lambda i: {"decimals": 2}),
    # value-type instance method
    ("System.DateTime.AddSeconds", "value", lambda i: {"value": float(i)}),
    # TimeSpan result
    ("System.TimeSpan.FromDays(int)", "days", lambda i: {"days": i}),
    # enum parameter
    ("System.String.Equals(string, string, StringComparison)", "a, b, comparisonType, ret",
     lambda i: {"a": f"A{i}", "b": f"a{i}", "comparisonType": "OrdinalIgnoreCase", "ret": True}),
    # struct this, string result
    ("System.Guid.ToString(string)", "format, ret", lambda i: {"format": "N"}),
    # generic method
    ("System.Text.Json.JsonSerializer.Serialize<TValue>(TValue, JsonSerializerOptions)", "ret",
     lambda i: {"ret": f'{{"Id":{i},"Name":"basket {i}","Price":{i}.5}}'}),
    # byte array
    ("System.Convert.ToBase64String(byte[])", "ret", None),
    # a nested type
    ("System.Text.UTF8Encoding+UTF8EncodingSealed.GetBytes(string)", "s", lambda i: {"s": f"bytes {i}"}),
    ("System.Uri..ctor(string)", "uriString", lambda i: {"uriString": f"http://example.org/{i}"}),
    ("System.IO.Path.Combine(string, string)", "path1, path2, ret",
     lambda i: {"path1": "folder", "path2": f"file{i}", "ret": f"folder/file{i}"}),
    ("System.Version.Parse(string)", "input", lambda i: {"input": f"1.2.{i}"}),
    # method of a generic type, byref argument
    ("System.Collections.Generic.Dictionary.TryGetValue", "key, ret", None),
    # iterator
    ("System.Linq.Enumerable.ZipIterator", "", None),
    # property accessors
    ("System.DateTime.get_UtcNow", "ret", None),
    # lambdas
    ("Microsoft.AspNetCore.Http.RequestDelegateFactory.Create+lambda", "httpContext", None),
    # ASP.NET Core's own
    ("Microsoft.AspNetCore.Hosting.HostingApplication.CreateContext", "", None),
    ("Microsoft.AspNetCore.Routing.EndpointMiddleware.Invoke", "httpContext", None),
    ("Microsoft.AspNetCore.Http.DefaultHttpContext.get_Request", "ret", None),
    ("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http.Http1Connection.TryParseRequest", "ret", None),
]


class Web(LiveTest):
    def start(self):
        program = self.program(["dotnet", app("Web")])
        self.url = program.out.lines[0].split()[2]
        return program

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            self.assertEqual(answer.status, 200)
            return answer.read().decode()

    def test_values(self):
        program = self.start()
        expected = [self.get(f"/work/{i}") for i in range(6)]
        for pattern, values, rule in METHODS:
            with self.subTest(method=pattern):
                watch = self.rejig("watch", str(program.pid), pattern, *([f"--values={values}"] if values else []), "--json")
                watch.err.wait(lambda line: line.startswith(("probing", "rejig:")), "the first line")
                self.assertIn("probing", watch.err.text())
                self.assertEqual([self.get(f"/work/{i}") for i in range(6)], expected)
                watch.calls(1)
                self.assertEqual(watch.end(), 0, watch.err.text())
                calls = [call["values"] for call in watch.objects("call")]
                self.assertEqual(watch.objects("end")[-1]["lost"], 0)
                for i in range(6 if rule else 0):
                    wanted = rule(i)
                    self.assertTrue(any(all(call.get(k) == v for k, v in wanted.items()) for call in calls),
                                    f"no call with {wanted} among {calls[:12]}")
        self.assertEqual([self.get(f"/work/{i}") for i in range(6)], expected)
        self.assertEqual(program.finish(), 0)

    def test_async(self):
        """HttpClient.SendAsync until its task completes, result included."""
        program = self.start()
        self.get("/self/1")
        watch = self.rejig("watch", str(program.pid), "System.Net.Http.HttpClient.SendAsync(HttpRequestMessage)",
                           "request._method._method", "--json")
        watch.probing()
        inner = self.rejig("watch", str(program.pid), "System.Net.Http.HttpConnectionPool.SendAsync", "doRequestAuth, ret",
                           "--json")
        inner.probing()
        core = self.rejig("watch", str(program.pid), "System.Net.Http.HttpClient.SendAsync+Core",
                          "request._requestUri._string, ret._statusCode", "--json")
        core.probing()
        for i in range(5):
            self.get(f"/self/{i}")
        # a local function, asynchronous, until its task completes, with its result
        self.assertEqual([call["values"]["ret._statusCode"] for call in core.calls(5)], ["OK"] * 5)
        self.assertEqual([call["values"]["request._requestUri._string"][-7:] for call in core.calls(5)],
                         [f"/work/{i}" for i in range(5)])
        self.assertEqual(core.end(), 0)
        self.assertEqual([call["values"] for call in watch.calls(5)], [{"request._method._method": "GET"}] * 5)
        self.assertEqual(watch.end(), 0)
        self.assertEqual(inner.end(), 0)
        self.assertEqual(program.finish(), 0)

    def test_exceptions(self):
        program = self.start()
        self.get("/thrown/x")
        watch = self.rejig("watch", str(program.pid), "System.Int32.Parse(string, IFormatProvider)", "s", "--json")
        watch.probing()
        self.assertEqual(self.get("/thrown/abc"), "-1")
        self.assertEqual(self.get("/thrown/12"), "12")
        calls = watch.calls(2)
        self.assertEqual([call["values"]["s"] for call in calls], ["abc", "12"])
        self.assertEqual(calls[0]["threw"]["type"], "System.FormatException")
        watch.end()
        self.assertEqual(program.finish(), 0)

    @unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
    def test_under_load(self):
        program = self.start()
        self.get("/plain")
        load = subprocess.Popen(["wrk", "-t1", "-c8", "-d20s", self.url + "/plain"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        try:
            for pattern in ("Microsoft.AspNetCore.Hosting.HostingApplication.*",
                            "Microsoft.AspNetCore.Server.Kestrel.**.Http1Connection.*",
                            "Microsoft.AspNetCore.Http.**.Get*"):
                count = self.rejig("count", str(program.pid), pattern, "--json", "--duration", "2s")
                count.probing()
                self.assertEqual(count.wait(), 0, count.err.text())
                self.assertGreater(sum(item["count"] for item in count.objects("count")), 0, pattern)
            watch = self.rejig("watch", str(program.pid), "Microsoft.AspNetCore.Http.DefaultHttpContext.get_Request",
                               "--json", "--limit", "2000")
            self.assertEqual(watch.wait(), 0, watch.err.text())
            out, _ = load.communicate(timeout=60)
        finally:
            load.kill()
            load.wait()
        self.assertNotIn("Socket errors", out)
        self.assertNotIn("Non-2xx", out)
        self.assertEqual(self.get("/plain"), "hello")
        self.assertEqual(program.finish(), 0)


if __name__ == "__main__":
    main()
