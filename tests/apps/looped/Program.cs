using System;
using System.Threading;

public static class Calc
{
    public static int Small(int a) => a + 1;

    /// A thread stays inside until the end.
    public static void Block(object gate)
    {
        lock (gate)
            Monitor.Wait(gate);
    }

    /// Begun on a line of input: behind the claim.
    public static int Spin(int a)
    {
        for (int i = 0; i < int.MaxValue && !Program.Stop; i++)
        {
            a ^= Small(i);
            if ((i & 0xffff) == 0)
                Thread.Sleep(1);
        }
        return a;
    }
}

/// Threads that never leave the code in which they are: what a recompilation does not reach.
public static class Program
{
    public static volatile bool Stop;
    public static int Turns;

    /// Its loop is optimised while it runs, and holds a copy of Small.
    private static void Hot()
    {
        for (int sum = 0; !Stop; Turns++)
        {
            sum = Calc.Small(sum);
            if ((sum & 0xffff) == 0)
                Thread.Sleep(1);
        }
    }

    /// Never optimised: it calls Small.
    private static void Slow()
    {
        for (int sum = 0; !Stop; Thread.Sleep(10))
            sum = Calc.Small(sum);
    }

    private static void Run(ThreadStart start) => new Thread(start, 1 << 18) { IsBackground = true }.Start();

    public static void Main(string[] arguments)
    {
        var gate = new object();
        Run(Hot);
        Run(Slow);
        Run(() => Calc.Block(gate));
        for (int i = 0; i < int.Parse(arguments[0]); i++)
            Run(() => { lock (gate) Monitor.Wait(gate); });
        while (Volatile.Read(ref Turns) < 1_000_000)
            Thread.Sleep(10);
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } line)
        {
            if (line == "spin")
                Run(() => Calc.Spin(3));
            Console.WriteLine(line);
        }
        Stop = true;
    }
}
