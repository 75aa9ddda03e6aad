// Small methods, called exactly as often as one says, and inlined in every way there is. One
// order a line on standard input, one line back:
//   call NAME COUNT     COUNT calls by the case's caller, called once  -> "NAME COUNT sum", or
//                                                                         "NAME threw TYPE"
//   warm NAME...        until the JIT compiler has nothing left to do  -> "warm NUMBER"
//   rounds COUNT ROUNDS NAME...   the caller of each called ROUNDS times, with time for the JIT
//                       compiler in between, from its first tier to its last  -> "rounds sum"
//   load                only loads the library that comes late         -> "load 1"
//   runtime                                                            -> "runtime 10.0.12"
//   quit
using System.Globalization;
using Inlining;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine($"ready {Environment.ProcessId}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "call":
            try
            {
                int count = int.Parse(words[2]);
                Console.WriteLine($"{words[1]} {count} {await Cases.Call(words[1], count)}");
            }
            catch (Exception e)
            {
                Console.WriteLine($"{words[1]} threw {e.GetType()}");
            }

            break;
        case "warm":
            await Cases.Warm(words[1..]);
            Console.WriteLine($"warm {words.Length - 1}");
            break;
        case "rounds":
            Console.WriteLine($"rounds {await Cases.Rounds(int.Parse(words[1]), int.Parse(words[2]), words[3..])}");
            break;
        case "load":
            Console.WriteLine($"load {Cases.Load()}");
            break;
        case "runtime":
            Console.WriteLine($"runtime {Environment.Version}");
            break;
        case "quit":
            return 7;
        default:
            Console.WriteLine("what?");
            break;
    }
}

return 7;
