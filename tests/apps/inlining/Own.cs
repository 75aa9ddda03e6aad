// The methods that are inlined into callers of the same assembly; each belongs to one case.
using System.Runtime.CompilerServices;

namespace Inlining;

public sealed class Own(int level)
{
    private readonly int level = level;

    public static int Static(int a, int b) => (a ^ b) + 1;

    public int Instance(int a) => a + level;

    public int Level => level;

    public static int InAsync(int a) => a ^ 3;

    public static int InIterator(int a) => a ^ 5;

    public static int InLambda(int a) => a ^ 6;

    public static int InConstructor(int a) => a ^ 8;

    public static int InFinally(int a) => a ^ 10;

    /// <summary>Inlined into Middle, which is inlined into its caller.</summary>
    public static int Inner(int a) => a ^ 11;

    public static int Middle(int a) => Inner(a) + 1;

    /// <summary>One caller of two that call it twice.</summary>
    public static int Twice(int a) => a ^ 12;

    /// <summary>For generic callers.</summary>
    public static int InGenericOfReference(int a) => a ^ 13;

    public static int InGenericOfInt(int a) => a ^ 14;

    public static int InGenericOfStruct(int a) => a ^ 15;

    /// <summary>Too long to be inlined unless one is told to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Aggressive(int a)
    {
        int sum = a;
        for (int i = 0; i < 3; i++)
        {
            sum = sum * 31 + (a ^ i);
            if (sum < 0)
            {
                sum = -(sum + 1);
            }
        }

        return sum & 0xffff;
    }

    /// <summary>Never inlined: this case is one in no variant.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Never(int a) => a ^ 16;

    public static class Nest
    {
        public static int Static(int a, int b) => (a ^ b) + 2;

        public static class Egg
        {
            public static int Static(int a, int b) => (a ^ b) + 3;
        }
    }

    /// <summary>A nested type that is generic as well.</summary>
    public readonly struct Cell<T>(T value)
    {
        private readonly T value = value;

        public T Value => value;
    }
}

public readonly struct Size(int width, int height)
{
    public readonly int Width = width;
    public readonly int Height = height;

    public int Area() => Width * Height;
}

/// <summary>A constructor is inlined, too.</summary>
public sealed class Small
{
    public readonly int Number;

    public Small(int number) => Number = number ^ 1;
}

public static class Choose
{
    public static T OfReference<T>(T a, T b, bool first) => first ? a : b;

    public static T OfInt<T>(T a, T b, bool first) => first ? a : b;

    public static T OfStruct<T>(T a, T b, bool first) => first ? a : b;
}
