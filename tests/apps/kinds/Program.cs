// A program with one scenario for every kind of method that rejig watches. It does what it is
// told on standard input, one line at a time, and answers each with one line, so that a test
// knows exactly how often which method was called with which values:
//   run NAME COUNT    calls the scenario COUNT times        -> "NAME COUNT checksum"
//   threads N         starts N threads blocked in a method  -> "threads N"
//   release           lets them go                          -> "released N"
//   load              loads the module Late from a file     -> "loaded"
//   quit
using System.Globalization;
using Kinds;

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
        case "threads":
            Blocked.Start(int.Parse(words[1]));
            Console.WriteLine($"threads {words[1]}");
            break;
        case "release":
            Console.WriteLine($"released {Blocked.Release()}");
            break;
        case "load":
            Late.Load(words[1]);
            Console.WriteLine("loaded");
            break;
        case "collect":
            GC.Collect();
            Console.WriteLine("collected");
            break;
        case "quit":
            Console.WriteLine("bye");
            return 7;
    }
}

return 7;
