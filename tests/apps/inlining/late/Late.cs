// A library that nothing needs before it is told to: its callers come when the probes are there.
using System.Runtime.CompilerServices;
using InliningLeaf;

namespace InliningLate;

public static class Caller
{
    /// <summary>A call that only loads the library.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Load() => 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Run(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForLate(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long RunUnloadable(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForUnloadable(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long RunOwn(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Nest.Own(i);
        }

        return sum;
    }

    /// <summary>Both are of the library that is loaded later.</summary>
    public static class Nest
    {
        public static int Own(int a) => a ^ 33;
    }
}
