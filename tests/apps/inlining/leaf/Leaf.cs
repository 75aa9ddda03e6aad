// The methods that are inlined into other assemblies. Each belongs to one case, which calls it
// under its own name, so that a count says which case it was.
namespace InliningLeaf;

public static class Simple
{
    public static int Add(int a, int b) => a + b;

    /// <summary>For the program's own code.</summary>
    public static int ForApp(int a, int b) => a - b;

    /// <summary>Inlined into Fancy.Step, which is inlined into the program.</summary>
    public static int Base(int a) => a ^ 9;

    /// <summary>For an async method.</summary>
    public static int ForAsync(int a) => a ^ 17;

    /// <summary>For a library that is loaded later.</summary>
    public static int ForLate(int a) => a ^ 21;

    /// <summary>For a library that can be unloaded.</summary>
    public static int ForUnloadable(int a) => a ^ 25;

    /// <summary>For instantiations of generic types of another assembly.</summary>
    public static int ForHostOfReference(int a) => a ^ 29;

    public static int ForHostOfInt(int a) => a ^ 30;

    public static int ForHostOfStruct(int a) => a ^ 31;

    public static class Deep
    {
        public static int Add(int a, int b) => a + b + 1;

        public static class Deeper
        {
            public static int Add(int a, int b) => a + b + 2;
        }
    }
}

public sealed class Account(int balance)
{
    private readonly int balance = balance;

    public int Balance => balance;

    public int After(int change) => balance + change;
}

public readonly struct Point(int x, int y)
{
    public readonly int X = x;
    public readonly int Y = y;

    public int Length1() => X + Y;
}

public sealed class Box<T>(T value)
{
    private readonly T value = value;

    /// <summary>One body for all reference types.</summary>
    public T Shared() => value;

    /// <summary>A body of its own for each value type.</summary>
    public T Unshared() => value;
}

public static class Pick
{
    public static T First<T>(T a, T b, bool first) => first ? a : b;
}
