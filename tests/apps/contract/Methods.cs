using System.Runtime.CompilerServices;

namespace Contract;

/// All of these answer 1, so that one body ("answer 42") fits each, and a value tells which ran.
public static class Plain
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Answer() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Other() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Third() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Uncalled() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int UncalledToo() => 1;
}

public class Box<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Kind() => 1;
}

public static class Generic
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Of<T>() => 1;
}

public struct Point
{
    public int X;
}

public abstract class Shape
{
    public abstract int Sides();
}

/// Callee is inlined into whatever is compiled with optimisation.
public static class Inline
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Callee() => 1;

    /// Compiled before a request.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Before() => Callee();

    /// Compiled for the first time after a request.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int After() => Callee();

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Later() => Callee();

    /// Another callee and its caller, for code generation flags.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Leaf() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Flagged() => Leaf();
}

/// Calls that are under way when a request comes.
public static class Active
{
    public static readonly ManualResetEventSlim In = new();
    public static readonly ManualResetEventSlim Out = new();
    public static volatile bool Stop;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Stay(bool wait)
    {
        if (wait)
        {
            In.Set();
            Out.Wait();
        }
        return 1;
    }

    /// Long enough for the runtime to replace the code of this very frame (OSR).
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Loop(bool wait)
    {
        long turns = 0;
        while (wait && !Stop)
        {
            turns++;
            if (turns == 5_000_000)
                In.Set();
        }
        return turns < 0 ? 2 : 1;
    }
}

public static class Lines
{
    /// The line of its throw is what a stack trace must name.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Throw(int number)
    {
        if (number > 0)
            throw new InvalidOperationException();
        number *= 3;
        number += 5;
        number ^= 17;
        number -= 4;
        return number;
    }
}

/// A thread that does nothing but look at the clock.
public sealed class Busy
{
    private volatile bool _stop;
    private long _longest;
    private long _turns;
    private readonly Thread _thread;

    public Busy()
    {
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    private void Run()
    {
        long last = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!_stop)
        {
            long now = System.Diagnostics.Stopwatch.GetTimestamp();
            if (now - last > Interlocked.Read(ref _longest))
                Interlocked.Exchange(ref _longest, now - last);
            last = now;
            Volatile.Write(ref _turns, _turns + 1);
        }
    }

    /// The longest pause since this was last asked, in nanoseconds; one that lasts still is waited for.
    public long Take()
    {
        long turns = Volatile.Read(ref _turns);
        while (Volatile.Read(ref _turns) < turns + 2)
            Thread.Sleep(0);
        return (long)(Interlocked.Exchange(ref _longest, 0) * (1e9 / System.Diagnostics.Stopwatch.Frequency));
    }

    public void End()
    {
        _stop = true;
        _thread.Join();
    }
}
