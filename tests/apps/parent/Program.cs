// Starts .NET children of itself and says which profiler variables each of them sees.
//   Parent                 starts two children, waits for them, exits with 3
//   Parent child NUMBER    one of them
//   Parent slow SECONDS    lives that long, exits with 4
//   Parent signal          kills itself
using System.Collections;
using System.Diagnostics;

string[] seen = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => (string)entry.Key)
    .Where(name => name.StartsWith("CORECLR_", StringComparison.Ordinal) || name.StartsWith("REJIG", StringComparison.Ordinal))
    .Where(name => name is not ("REJIG" or "REJIG_APPS" or "REJIG_BUILD")).Order().ToArray();
string who = args.Length > 1 ? $"child {args[1]}" : "parent";
Console.WriteLine($"{who} sees [{string.Join(' ', seen)}] and adds {Adder.Add(20, 22)}");
switch (args.FirstOrDefault())
{
    case "child":
        return int.Parse(args[1]);
    case "slow":
        Thread.Sleep(TimeSpan.FromSeconds(double.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)));
        Console.WriteLine("slept");
        return 4;
    case "signal":
        Process.GetCurrentProcess().Kill();
        return 5;
}

for (int number = 1; number <= 2; number++)
{
    var start = new ProcessStartInfo(Environment.ProcessPath!)
    {
        ArgumentList = { typeof(Adder).Assembly.Location, "child", number.ToString() },
    };
    using Process child = Process.Start(start)!;
    child.WaitForExit();
    Console.WriteLine($"child {number} ended with {child.ExitCode}");
}

return 3;

public static class Adder
{
    public static int Add(int a, int b) => a + b;
}
