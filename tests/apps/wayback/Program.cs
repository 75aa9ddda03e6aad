// Callers that hold inlined copies, and a witness that tells from the stack whether they do. One
// order a line on standard input, one line back:
//   call FROM TO      each of these callers once -> "called SUM, inlined FIRST SECOND": how many of
//                     the calls of Callee.First and .Second came from an inlined copy
//   compiled          how many methods the JIT compiler has compiled so far
//   time TURNS        ns a turn of a loop that holds an inlined copy of Callee.Timed
//   quit
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime;
using WayBack;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Func<int, int>[] callers = typeof(Callers).GetMethods(BindingFlags.Public | BindingFlags.Static)
    .OrderBy(method => method.Name, StringComparer.Ordinal)
    .Select(method => method.CreateDelegate<Func<int, int>>()).ToArray();

// What the witness itself needs is compiled before anybody counts.
callers[0](0);
Console.WriteLine($"ready {callers.Length}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "call":
            Witness.Begin();
            long sum = 0;
            for (int i = int.Parse(words[1]); i < int.Parse(words[2]); i++)
            {
                sum += callers[i](i);
            }

            Console.WriteLine($"called {sum}, inlined {Witness.Inlined[0]} {Witness.Inlined[1]}");
            break;
        case "compiled":
            Console.WriteLine(JitInfo.GetCompiledMethodCount());
            break;
        case "time":
            int turns = int.Parse(words[1]);
            long start = Stopwatch.GetTimestamp();
            Timing.Loop(turns);
            double took = Stopwatch.GetElapsedTime(start).TotalNanoseconds / turns;
            Console.WriteLine(took.ToString("0.0000"));
            break;
        case "quit":
            return 7;
        default:
            Console.WriteLine("what?");
            break;
    }
}

return 7;
