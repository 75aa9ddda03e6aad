// The same small program for every version of the runtime. One order a line on standard input,
// one line back:
//   run NAME COUNT           calls the scenario COUNT times     -> "NAME COUNT checksum"
//   storm THREADS CALLS      CALLS calls on each of so many threads, while another collects:
//                            once for every 20 calls of a thread   -> "storm calls"
//   runtime                                                     -> "runtime 10.0.12 server"
//   quit
using System.Globalization;
using System.Runtime;
using Versions;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine($"ready {Environment.ProcessId}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "run":
            int count = int.Parse(words[2]);
            long sum = 0;
            for (int i = 0; i < count; i++)
            {
                sum += await Scenarios.Run(words[1], i);
            }

            Console.WriteLine($"{words[1]} {count} {sum}");
            break;
        case "storm":
            Console.WriteLine(Storm.Run(int.Parse(words[1]), int.Parse(words[2])));
            break;
        case "runtime":
            Console.WriteLine($"runtime {Environment.Version} {(GCSettings.IsServerGC ? "server" : "workstation")}");
            break;
        case "quit":
            return 7;
    }
}

return 7;
