using System.Runtime.CompilerServices;

namespace Types;

public enum Level : byte { Low = 1, High = 200 }

[Flags]
public enum Rights : long { None = 0, Read = 1, Write = 2, Far = 1L << 40 }

public struct Inner(int x, string text)
{
    public int X = x;
    public string Text = text;
}

public struct Outer(int x)
{
    public byte Small = 7;
    public Inner Inside = new(x, "in " + x);
    public Level Level = Level.High;
    public decimal Price = x + 0.5m;
    public Inner? Perhaps = x % 2 == 0 ? new Inner(x, "maybe") : null;
}

public record Person(string Name, int Age);

public record struct Coordinates(double Lat, double Lon);

public sealed class Fields
{
    public Level Level = Level.Low;
    public Rights Rights = Rights.Read | Rights.Far;
    public decimal Price = 12.50m;
    public DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(2));
    public DateOnly Day = new(2026, 1, 2);
    public TimeOnly Time = new(3, 4, 5, 678);
    public Guid Id = new(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    public int? Some = 5;
    public int? None;
    public (int, string) Tuple = (1, "one");
    public char Letter = 'ä';
    public IntPtr Handle = 255;
    public string Nothing;
}

public class Parent
{
    private readonly int secret;
    private readonly string name;

    public Parent(int secret)
    {
        this.secret = secret;
        name = "parent " + secret;
    }

    public int Auto { get; set; } = 11;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Own(int i) => secret + name.Length + i;
}

public sealed class Child(int secret) : Parent(secret)
{
    private readonly int secret = secret + 1;

    public int Both => secret;
}

public sealed class Node
{
    public int Number;
    public Node Next;
}

public static class Takes
{
    private const MethodImplOptions No = MethodImplOptions.NoInlining;

    [MethodImpl(No)] public static int Shape(IShape shape) => shape.Area();

    [MethodImpl(No)] public static void StringArray(string[] texts) => Keep(texts);

    [MethodImpl(No)] public static void StringList(List<string> texts) => Keep(texts);

    [MethodImpl(No)] public static int StringSpan(ReadOnlySpan<string> texts) => texts.Length;

    [MethodImpl(No)] public static void StringTuple((string First, string Second, int Third) tuple) => Keep(tuple.First);

    [MethodImpl(No)] public static void ClassTuple(Tuple<string, int> tuple) => Keep(tuple);

    [MethodImpl(No)] public static void Map(Dictionary<string, int> map) => Keep(map);

    [MethodImpl(No)]
    public static void Maps(Dictionary<int, Inner> holes, Dictionary<string, string> empty, HashSet<string> set, object boxed)
    {
        Keep(holes);
        Keep(empty);
        Keep(set);
        Keep(boxed);
    }

    [MethodImpl(No)] public static void Nested(Outer outer) => Keep(outer.Inside.Text);

    [MethodImpl(No)] public static void Boxed(object value) => Keep(value);

    [MethodImpl(No)] public static void Perhaps(Inner? inner, int? number, Level? level, decimal? price) => Keep(number);

    [MethodImpl(No)] public static void Enums(Level level, Rights rights) => Keep(null);

    [MethodImpl(No)] public static void AllFields(Fields fields) => Keep(fields);

    [MethodImpl(No)] public static void Times(DateTimeOffset at, DateOnly day, TimeOnly time, TimeSpan span, DateTime plain) => Keep(null);

    [MethodImpl(No)] public static void Arrays(char[] letters, byte[] bytes, int[][] jagged, int[,] grid, Inner[] inners, object[] objects) => Keep(letters);

    [MethodImpl(No)] public static void Structs(List<Inner> list, Level[] levels, decimal[] prices, int?[] perhaps) => Keep(list);

    [MethodImpl(No)] public static void Cycle(Node node) => Keep(node);

    [MethodImpl(No)] public static void Nulls(string text, object value, int[] numbers, List<int> list, int? number, Person person, Exception error) => Keep(text);

    [MethodImpl(No)] public static int Long(string text, int[] numbers) => text.Length + numbers.Length;

    [MethodImpl(No)] public static void Error(Exception error) => Keep(error);

    [MethodImpl(No)] public static T Generic<T>(T value, T[] values) => values.Length > 5 ? values[0] : value;

    [MethodImpl(No)] public static void Records(Person person, Coordinates at) => Keep(person);

    [MethodImpl(No)] public static void Heir(Parent parent, Child child) => Keep(parent);

    [MethodImpl(No)] public static void Throw(int i) => throw new InvalidOperationException("outer " + i, new ArgumentException("inner " + i));

    [MethodImpl(No)] public static void Hidden(object value) => Keep(value);

    [MethodImpl(No)] public static void Fault(int i) => throw (i % 2 == 0 ? new OrderFault { Number = 7 + i } : new ArgumentException("odd"));

    [MethodImpl(No)] private static void Keep(object value) => kept = value;

    private static object kept;
}

public class OrderFault : Exception
{
    public int Number { get; init; }
}

public struct Rare
{
    public int Number;
}
