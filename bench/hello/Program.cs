// Hello world, in words enough for ten probes.
namespace Hello;

static class Program
{
    static void Main() => Console.WriteLine(Greeting.Whole(Greeting.Whom()));
}

static class Greeting
{
    public static string Whom() => Environment.GetEnvironmentVariable("GREETED") ?? Default();

    static string Default() => "world";

    public static string Whole(string name) => Opening() + Space() + Cased(name) + Closing();

    static string Opening() => "Hello,";

    static string Space() => new(' ', Width());

    static int Width() => 1;

    static string Cased(string name) => Known(name) ? name : name.ToUpperInvariant();

    static bool Known(string name) => name.Length == 5;

    static string Closing() => "!";
}
