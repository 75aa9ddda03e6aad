using System.Runtime.CompilerServices;

namespace Patching;

public enum State { New, Placed, Shipped, Closed = 9 }

[Flags]
public enum Rights : byte { None, Read = 1, Write = 2, Run = 128 }

public enum Big : ulong { Zero, Top = 0x8000000000000000 }

public enum Deep : long { Low = long.MinValue, High = long.MaxValue }

public struct Point
{
    public int X, Y;
    public string Name;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public Point(int x, int y)
    {
        X = x;
        Y = y;
        Name = "made";
    }

    public override string ToString() => $"({X},{Y},{Name ?? "null"})";
}

public struct Pair<T>
{
    public T A;
    public int B;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public Pair(T a, out T was, out int number)
    {
        A = a;
        B = 5;
        was = a;
        number = 6;
    }
}

/// <summary>One method for each kind of result; none is ever inlined.</summary>
public static class Returns
{
    private const MethodImplOptions Kept = MethodImplOptions.NoInlining;

    [MethodImpl(Kept)] public static bool Bool() => false;
    [MethodImpl(Kept)] public static sbyte SByte() => 1;
    [MethodImpl(Kept)] public static byte Byte() => 1;
    [MethodImpl(Kept)] public static short Short() => 1;
    [MethodImpl(Kept)] public static ushort UShort() => 1;
    [MethodImpl(Kept)] public static int Int() => 1;
    [MethodImpl(Kept)] public static uint UInt() => 1;
    [MethodImpl(Kept)] public static long Long() => 1;
    [MethodImpl(Kept)] public static ulong ULong() => 1;
    [MethodImpl(Kept)] public static nint NInt() => 1;
    [MethodImpl(Kept)] public static nuint NUInt() => 1;
    [MethodImpl(Kept)] public static float Float() => 1;
    [MethodImpl(Kept)] public static double Double() => 1;
    [MethodImpl(Kept)] public static decimal Decimal() => 1;
    [MethodImpl(Kept)] public static char Char() => 'a';
    [MethodImpl(Kept)] public static string String() => "a";
    [MethodImpl(Kept)] public static State State() => Patching.State.New;
    [MethodImpl(Kept)] public static Rights Rights() => Patching.Rights.None;
    [MethodImpl(Kept)] public static Big Big() => Patching.Big.Zero;
    [MethodImpl(Kept)] public static Deep Deep() => 0;
    [MethodImpl(Kept)] public static object Object() => "object";
    [MethodImpl(Kept)] public static int[] Array() => [1, 2];
    [MethodImpl(Kept)] public static List<int> List() => [1, 2, 3];
    [MethodImpl(Kept)] public static IComparable Interface() => 1;
    [MethodImpl(Kept)] public static Point Point() => new(1, 2);
    [MethodImpl(Kept)] public static Guid Guid() => System.Guid.Parse("00000001-0000-0000-0000-000000000000");
    [MethodImpl(Kept)] public static DateTime DateTime() => new(2020, 1, 1);
    [MethodImpl(Kept)] public static (int, string) Tuple() => (1, "a");
    [MethodImpl(Kept)] public static KeyValuePair<string, int> KeyValue() => new("a", 1);
    [MethodImpl(Kept)] public static int? MaybeInt() => 1;
    [MethodImpl(Kept)] public static decimal? MaybeDecimal() => 1;
    [MethodImpl(Kept)] public static State? MaybeState() => Patching.State.New;
    [MethodImpl(Kept)] public static bool? MaybeBool() => false;
    [MethodImpl(Kept)] public static Point? MaybePoint() => new Point(1, 2);
    [MethodImpl(Kept)] public static Span<int> Span() => new int[] { 1, 2 };
    [MethodImpl(Kept)] public static unsafe int* Pointer() => (int*)8;
    [MethodImpl(Kept)] public static ref int Reference() => ref Field;
    [MethodImpl(Kept)] public static Task Task() => System.Threading.Tasks.Task.CompletedTask;
    [MethodImpl(Kept)] public static async Task<int> TaskOf() { await System.Threading.Tasks.Task.Yield(); return 1; }
    [MethodImpl(Kept)] public static ValueTask<int> ValueTaskOf() => new(1);
    [MethodImpl(Kept)] public static void Void() => Field++;
    [MethodImpl(Kept)] public static T Echo<T>(T value) => value;
    [MethodImpl(Kept)] public static IEnumerable<int> Items() { yield return 1; yield return 2; }
    [MethodImpl(Kept)] public static int Throws() => throw new InvalidOperationException("as always");
    [MethodImpl(Kept)] public static int Caught() { try { return Throws(); } catch (InvalidOperationException) { return -1; } }

    [MethodImpl(Kept)]
    public static bool TryParse(string text, out int number, out Point point, out string name, out double real,
                                out List<int> list, ref int counter, out State? state, out Pair<string> pair)
    {
        number = 7;
        point = new Point(7, 7);
        name = text;
        real = 7;
        list = [7];
        counter++;
        state = Patching.State.Closed;
        pair = default;
        return true;
    }

    public static int Field = 1;
    public static int Property => Field;
}

/// <summary>A type whose constructor does something.</summary>
public sealed class Made
{
    public int Number = 3;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public Made() => Number = 4;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Next(int by) => Number += by;
}

public sealed class Box<T>
{
    private readonly T value;

    public Box(T value) => this.value = value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public T Get() => value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Count() => 1;
}
