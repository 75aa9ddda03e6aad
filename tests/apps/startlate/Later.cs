using System.Runtime.CompilerServices;

namespace StartLate;

public static class Later
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Triple(int number) => number * 3;

    static int Small(int number) => number + 7;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int HoldsCopy(int number) => Small(number) * 2;
}
