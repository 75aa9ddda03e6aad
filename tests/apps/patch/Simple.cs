using System.Runtime.CompilerServices;

namespace Patching;

/// <summary>Small enough to be inlined wherever it is called.</summary>
public static class Simple
{
    public static int Add(int a, int b) => a + b;
    public static long Add(long a, long b) => a + b;
    public static int Subtract(int a, int b) => a - b;
}

public static class Fancy
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int AddTwice(int a, int b) => Simple.Add(a, b) + Simple.Add(a, b);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int AddThrice(int a, int b) => AddOnce(a, b) + AddOnce(a, b) + AddOnce(a, b);

    // Itself inlined: the copies of Add in AddThrice are copies of copies.
    private static int AddOnce(int a, int b) => Simple.Add(a, b);

    // Calls until the tiers are through, and inlining with them.
    public static long Warm(int turns)
    {
        long sum = 0;
        for (int i = 0; i < turns; i++)
        {
            sum += AddTwice(i, 1) + AddThrice(i, 1);
        }

        return sum;
    }
}
