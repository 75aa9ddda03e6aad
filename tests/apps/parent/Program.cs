// Starts .NET children of itself and says which profiler variables each of them sees.
//   Parent                 starts two children, waits for them, exits with 3
//   Parent child NUMBER    one of them
//   Parent slow SECONDS    lives that long, exits with 4
//   Parent family SECONDS  starts one that does, and a child that is not .NET, waits, exits with 6
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
    case "family":
        using (Process slow = Start("slow", args[1]))
        using (Process sleep = Process.Start("sleep", args[1]))
        {
            slow.WaitForExit();
            sleep.WaitForExit();
            Console.WriteLine($"child {slow.Id} ended with {slow.ExitCode}");
        }

        return 6;
    case "signal":
        Process.GetCurrentProcess().Kill();
        return 5;
}

for (int number = 1; number <= 2; number++)
{
    using Process child = Start("child", number.ToString());
    child.WaitForExit();
    Console.WriteLine($"child {number} ended with {child.ExitCode}");
}

return 3;

static Process Start(string mode, string argument) =>
    Process.Start(new ProcessStartInfo(Environment.ProcessPath!)
    {
        ArgumentList = { typeof(Adder).Assembly.Location, mode, argument },
    })!;

public static class Adder
{
    public static int Add(int a, int b) => a + b;
}
