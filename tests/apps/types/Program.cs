// A method for every kind of value. One order a line on standard input, one line back:
//   run NAME COUNT    calls the scenario COUNT times   -> "NAME COUNT"
//   load FILE         loads the late implementation    -> "loaded"
//   emit              makes one by Reflection.Emit     -> "emitted"
//   quit
using System.Globalization;
using Types;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine($"ready {Environment.ProcessId}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ', 3);
    switch (words[0])
    {
        case "run":
            for (int i = 0; i < int.Parse(words[2]); i++)
            {
                Scenarios.Run(words[1], i);
            }

            Console.WriteLine($"{words[1]} {words[2]}");
            break;
        case "load":
            Scenarios.Load(words[1]);
            Console.WriteLine("loaded");
            break;
        case "emit":
            Scenarios.Emit();
            Console.WriteLine("emitted");
            break;
        case "quit":
            return 7;
    }
}

return 7;
