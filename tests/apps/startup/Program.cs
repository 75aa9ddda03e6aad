// Calls precompiled methods from its first statement on, each exactly as often as it is told.
//   Startup calls COUNT      every method of Program.Work COUNT times; says what came out
//   Startup threads COUNT    16 threads at once call COUNT methods that nobody has called before
// The last line says how many methods the runtime has compiled, that is, not taken from images.
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Startup;

static class Program
{
    static int Main(string[] args)
    {
        int count = int.Parse(args[1]);
        if (args[0] == "threads")
            return Racers.Run(count);
        long sum = Work(count) + Settled.Value;
        sum += Late(count);
        int compiled = (int)JitInfo.GetCompiledMethodCount();
        Say(sum, compiled);
        return 0;
    }

    // Then it lives until its input ends.
    public static void Say(long sum, int compiled)
    {
        Console.WriteLine($"sum {sum}");
        Console.WriteLine($"compiled {compiled}");
        Console.In.ReadToEnd();
    }

    // Small and Nested.Small are so small that the compiler puts copies of them in here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Work(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Precompiled.Whole(i);
            sum += Precompiled.Small(i);
            sum += Precompiled.Nested.Small(i);
            sum += Path.Combine("a", "b").Length;
            sum += Generic<int>.Twice(i);
            sum += Generic<string>.Twice(i);
            sum += Precompiled.Of<long>(i) + Precompiled.Of<string>(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Late(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
            sum += StartLate.Later.Triple(i) + StartLate.Later.HoldsCopy(i);
        return sum;
    }
}

static class Precompiled
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Whole(int number) => number + 1;

    public static int Small(int number) => number + 2;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Of<T>(int number) => number + typeof(T).Name.Length;

    public static class Nested
    {
        public static int Small(int number) => number + 3;
    }
}

static class Generic<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Twice(int number) => number * 2;
}

static class Settled
{
    public static readonly int Value = Environment.ProcessorCount > 0 ? 5 : 6;

    static Settled()
    {
        Value += 0;
    }
}
