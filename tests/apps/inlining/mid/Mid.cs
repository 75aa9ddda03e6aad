// Callers in another assembly than what they call.
using System.Runtime.CompilerServices;
using InliningLeaf;

namespace InliningMid;

public static class Fancy
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int AddTwice(int a, int b) => Simple.Add(a, b) + Simple.Add(b, a);

    /// <summary>Inlined into the program, and what it calls with it.</summary>
    public static int Step(int a) => Simple.Base(a) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Nested(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.Deep.Add(i, 3);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long NestedDeeper(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.Deep.Deeper.Add(i, 3);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Instance(Account account, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += account.After(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Getter(Account account, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += account.Balance ^ i;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long OfStruct(Point point, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += point.Length1() ^ i;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Shared(Box<string> box, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += box.Shared().Length ^ i;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Unshared(Box<int> box, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += box.Unshared() ^ i;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Picked(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Pick.First(i, 7, (i & 1) == 0);
        }

        return sum;
    }

    public static async Task<long> Async(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForAsync(i);
            if (i % 16 == 0)
            {
                await Task.Yield();
            }
        }

        return sum;
    }
}

/// <summary>Generic callers: their code is compiled where an instantiation is needed.</summary>
public static class HostOfReference<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Run(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForHostOfReference(i) + items.Length;
        }

        return sum;
    }
}

public static class HostOfInt<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Run(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForHostOfInt(i) + items.Length;
        }

        return sum;
    }
}

public static class HostOfStruct<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Run(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForHostOfStruct(i) + items.Length;
        }

        return sum;
    }
}
