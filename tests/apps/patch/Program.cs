// A program whose methods are to be given other results. It does what it is told on standard
// input and answers each line with one line:
//   ask NAME    calls the method and says what it gave  -> "NAME VALUE"
//   warm N      calls the inlined ones so often         -> "warm"
//   loop        calls Fancy.AddTwice(40, 1) on two threads for ever, keeping what it gave
//   seen        what the threads saw since the last time -> "seen 82,84"
//   quit
using System.Collections.Concurrent;
using System.Globalization;
using Patching;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
ConcurrentDictionary<int, bool> seen = new();
Console.WriteLine($"ready {Environment.ProcessId}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "ask":
            Console.WriteLine($"{words[1]} {Asked.Ask(words[1])}");
            break;
        case "warm":
            Fancy.Warm(int.Parse(words[1]));
            Console.WriteLine("warm");
            break;
        case "loop":
            for (int i = 0; i < 2; i++)
            {
                new Thread(() =>
                {
                    while (true)
                    {
                        seen[Fancy.AddTwice(40, 1)] = true;
                        Thread.Yield();
                    }
                })
                { IsBackground = true }.Start();
            }

            Console.WriteLine("loop");
            break;
        case "seen":
            int[] values = [.. seen.Keys.Order()];
            seen.Clear();
            Console.WriteLine($"seen {string.Join(',', values)}");
            break;
        case "quit":
            Console.WriteLine("bye");
            return 7;
    }
}

return 7;
