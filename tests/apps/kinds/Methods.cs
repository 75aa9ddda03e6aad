using System.Runtime.CompilerServices;

namespace Kinds;

public enum Color { Red, Green, Blue }

[Flags]
public enum Access { None = 0, Read = 1, Write = 2 }

public sealed class Customer
{
    public string Name { get; set; }
}

public sealed class Order
{
    public int Id { get; set; }
    public Customer Customer { get; set; }
    public decimal Total { get; set; }
    public List<string> Tags { get; } = ["new", "web"];
    public OrderNote Note = new();
}

public sealed class OrderNote
{
    public string Text = "fragile";
    public Order Back;
}

public struct Point3(int x, int y, int z)
{
    public int X = x, Y = y, Z = z;
    public readonly int Sum => X + Y + Z;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Scale(int factor)
    {
        X *= factor;
        return X + Y + Z;
    }
}

public sealed class Named
{
    private readonly string _name;

    public Named(string name) => _name = name;

    public int Length => _name.Length;
}

public sealed class Box<T>(T value)
{
    private readonly T _value = value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public T Get() => _value;
}

public static class Outer
{
    public sealed class Inner(int value)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        public int Twice() => value * 2;
    }
}

public static class Generic
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Pick<T>(T first, T second) => second is null ? second : first;
}

public readonly struct Money(long cents)
{
    public long Cents { get; } = cents;

    public static Money operator +(Money a, Money b) => new(a.Cents + b.Cents);
}

public interface IGreeter
{
    int Greet(int times) => times * 3;
}

public sealed class Greeter : IGreeter;

public sealed class Plain(int basis)
{
    public int Base { get; } = basis;

    public int Level { get; set; }

    public int this[int index] => index + Base;

    public int Add(int other) => Base + other;

    [MethodImpl(MethodImplOptions.Synchronized)]
    public int Locked(int i) => i + Base;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Static(int number, string text) => number + text.Length;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Nothing(int number)
    {
        if (number < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(number));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Fails(int number) => throw new InvalidOperationException("failed " + number);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Middle(int number)
    {
        try
        {
            return Fails(number);
        }
        finally
        {
            Nothing(number);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Catches(int number)
    {
        try
        {
            return Fails(number);
        }
        catch (InvalidOperationException) when (number >= 0)
        {
            return number * 10;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Increment(ref int value, out int twice)
    {
        value++;
        twice = value * 2;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ref int First(int[] numbers) => ref numbers[0];

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int SumSpan(ReadOnlySpan<int> numbers)
    {
        int sum = 0;
        foreach (int number in numbers)
        {
            sum += number;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static (string, int) Swap((int Number, string Text) pair) => (pair.Text, pair.Number);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Color Next(Color color) => (Color)(((int)color + 1) % 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Access Both(Access a, Access b) => a | b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int OrZero(int? number) => number ?? 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static decimal Tax(decimal net) => net * 1.19m;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static DateTime Later(DateTime start, TimeSpan by) => start + by;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Hash(Guid id) => id.ToString("N");

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Mean(double a, float b) => (a + b) / 2;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Total(int[] numbers) => numbers.Sum();

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int CountOf(List<string> texts) => texts.Count;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Describe(Order order) => $"{order.Id} {order.Customer.Name} {order.Total}";

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Area(IShape shape) => shape.Area();

    /// <summary>Calls a method that the JIT inlines, in a loop that has been hot long since.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Hot(int i)
    {
        long sum = 0;
        for (int k = 0; k < 100; k++)
        {
            sum += Tiny(k + i);
        }

        return sum;
    }

    public static int Tiny(int number) => number ^ 3;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Many(int a, long b, short c, byte d, int e, int f, int g, int h, string i, double j, char k, bool l) =>
        a + b + c + d + e + f + g + h + i.Length + (long)j + k + (l ? 1 : 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Kind(char a, bool b, byte c, sbyte d, short e, ushort f, uint g, long h, ulong i) =>
        a + (b ? 1 : 0) + c + d + e + f + g + h + (long)i;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Depth(int left) => left == 0 ? 0 : 1 + Depth(left - 1);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Echo(string text) => text;
}

public static class Asynchronous
{
    public static async Task WaitAsync(int number)
    {
        await Task.Delay(1 + number % 2);
    }

    public static async Task<int> DoubleAsync(int number)
    {
        await Task.Yield();
        await Task.Delay(1);
        return number * 2;
    }

    public static async Task<int> AtOnceAsync(int number)
    {
        await Task.CompletedTask;
        return number + 1;
    }

    public static async Task<int> FailAsync(int number)
    {
        await Task.Yield();
        throw new TimeoutException("no answer " + number);
    }

    public static async ValueTask<int> ValueAsync(int number)
    {
        await Task.Yield();
        return number + 2;
    }
}

public static class Iterators
{
    public static IEnumerable<int> Count(int to)
    {
        for (int i = 0; i < to; i++)
        {
            yield return i;
        }
    }
}

public static class Lambdas
{
    private static readonly Func<int, int> Squared = number => number * number;

    public static int Square(int number) => Squared(number);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int WithLocal(int number)
    {
        return Half(number * 4);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Half(int twice) => twice / 2;
    }
}
