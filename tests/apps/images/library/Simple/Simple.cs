// What gets inlined: methods small enough that every compiler inlines them.
namespace Simple;

public class Calc
{
    public static int Add(int a, int b) => a + b;

    public int Twice(int a) => Add(a, a);

    public class Nested
    {
        public static int Sub(int a, int b) => a - b;

        public int Both(int a) => Sub(a, 1) + Add(a, 2);
    }
}

public struct Pair<T>
{
    private readonly T first;

    public Pair(T value) => first = value;

    public readonly T First => first;

    public readonly T Get() => First;
}

public static class Generic
{
    public static T Same<T>(T value) => value;

    public static T Again<T>(T value) => Same(value);

    public static int Ints(int value) => Again(value);

    public static string Texts(string value) => Again(value);
}
