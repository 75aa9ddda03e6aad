// An ASP.NET Core application that calls methods of the framework exactly so often a request,
// with arguments that nobody else gives them.
//   /count/{phase}    CALLS of each method, marked with the phase (0 to 9)
// Orders on standard input:
//   counts PHASE  -> "counts PHASE begun ended": the requests of a phase so far
//   quit
using System.Collections;
using System.Runtime.CompilerServices;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
WebApplication app = builder.Build();
app.MapGet("/count/{phase:int}", (int phase) => Counted.Request(phase));

await app.StartAsync();
Console.WriteLine($"ready {Environment.ProcessId} {app.Urls.First()}");
while (Console.ReadLine() is { } line && line != "quit")
{
    string[] words = line.Split(' ');
    Console.WriteLine(words[0] == "counts" ? Counted.Told(int.Parse(words[1])) : "what?");
}

await app.StopAsync();
Console.WriteLine("bye");

/// <summary>A request's calls: 5 of String.IsNullOrEmpty, 6 of List.get_Item, 3 of Guid+GuidResult.ToGuid.</summary>
internal static class Counted
{
    private const int Phases = 10;
    private const int FirstIndex = 7700;
    private static readonly string[] markers = Enumerable.Range(0, Phases).Select(phase => $"marker of phase {phase}").ToArray();
    private static readonly string[] guids = Enumerable.Range(0, Phases).Select(phase => $"000077{phase:00}-0001-0002-0304-05060708090a").ToArray();
    private static readonly List<int> numbers = new(new int[FirstIndex + Phases]);
    private static readonly List<string> texts = Enumerable.Repeat("text", FirstIndex + Phases).ToList();
    private static readonly long[] begun = new long[Phases], ended = new long[Phases];

    public static string Told(int phase) => $"counts {phase} {Interlocked.Read(ref begun[phase])} {Interlocked.Read(ref ended[phase])}";

    public static string Request(int phase)
    {
        Interlocked.Increment(ref begun[phase]);
        long sum = Direct(phase) + Within(phase);
        Interlocked.Increment(ref ended[phase]);
        return $"phase {phase} {sum}";
    }

    /// <summary>Inlined here, once the JIT compiler has come to the last tier.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Direct(int phase)
    {
        string marker = markers[phase];
        List<int> items = numbers;
        long sum = 0;
        for (int i = 0; i < 3; i++)
        {
            sum += string.IsNullOrEmpty(marker) ? 1 : 2;
        }

        for (int i = 0; i < 4; i++)
        {
            sum += items[FirstIndex + phase];
        }

        return sum;
    }

    /// <summary>Inlined into String.Concat, into List's own IList.get_Item, and into Guid.Parse: precompiled code.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Within(int phase)
    {
        string marker = markers[phase], nothing = "";
        IList items = texts;
        long sum = 0;
        for (int i = 0; i < 2; i++)
        {
            sum += string.Concat(nothing, marker).Length;
            sum += ((string)items[FirstIndex + phase]).Length;
        }

        for (int i = 0; i < 3; i++)
        {
            sum += Guid.Parse(guids[phase]).GetHashCode() & 1;
        }

        return sum;
    }
}
