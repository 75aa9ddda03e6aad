// What is inlined, and the witness: it looks at the frame that called it.
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace WayBack;

internal static class Callee
{
    public static int First(int a) => Witness.Note(0) + a;

    public static int Second(int a) => Witness.Note(1) ^ a;

    public static int Timed(int a) => (a ^ 5) + (a >> 3);
}

internal static class Witness
{
    public static readonly int[] Inlined = new int[2];

    private static readonly string[] Names = [nameof(Callee.First), nameof(Callee.Second)];

    public static void Begin() => Array.Clear(Inlined);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Note(int which)
    {
        if (new StackFrame(1, false).GetMethod()?.Name != Names[which])
        {
            Inlined[which]++;
        }

        return 0;
    }
}

internal static class Timing
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Loop(int turns)
    {
        int sum = 0;
        for (int i = 0; i < turns; i++)
        {
            sum += Callee.Timed(i);
        }

        return sum;
    }
}
