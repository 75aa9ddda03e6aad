using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Contract;

/// Obeys one order a line, each answered by one line.
public static unsafe class Program
{
    private static readonly Dictionary<string, Func<int>> Calls = new()
    {
        ["Answer"] = () => Plain.Answer(),
        ["Other"] = () => Plain.Other(),
        ["Third"] = () => Plain.Third(),
        ["Uncalled"] = () => Plain.Uncalled(),
        ["UncalledToo"] = () => Plain.UncalledToo(),
        ["Box<int>"] = () => new Box<int>().Kind(),
        ["Box<Guid>"] = () => new Box<Guid>().Kind(),
        ["Box<string>"] = () => new Box<string>().Kind(),
        ["Box<object>"] = () => new Box<object>().Kind(),
        ["Box<double>"] = () => new Box<double>().Kind(),
        ["Of<int>"] = () => Generic.Of<int>(),
        ["Of<Guid>"] = () => Generic.Of<Guid>(),
        ["Of<string>"] = () => Generic.Of<string>(),
        ["Of<double>"] = () => Generic.Of<double>(),
        ["Stack<string>"] = () => Depth("a"),
        ["Stack<Point>"] = () => Depth(new Point { X = 1 }),
        ["Before"] = () => Inline.Before(),
        ["After"] = () => Inline.After(),
        ["Later"] = () => Inline.Later(),
        ["Flagged"] = () => Inline.Flagged(),
        ["Stay"] = () => Active.Stay(false),
        ["Loop"] = () => Active.Loop(false),
        ["Line"] = () => Line(1),
        ["LineThrough"] = () => Lines.Throw(0),
    };

    private static Thread _active;
    private static int _activeAnswer;
    private static Busy _busy;

    /// The source line, counted from that of the method's name, that a stack trace gives the throw.
    private static int Line(int number)
    {
        try
        {
            return Lines.Throw(number);
        }
        catch (InvalidOperationException thrown)
        {
            return new StackTrace(thrown, true).GetFrame(0).GetFileLineNumber();
        }
    }

    /// Calls code of the framework for a type of the framework's or of ours.
    private static int Depth<T>(T item)
    {
        var stack = new Stack<T>();
        stack.Push(item);
        return stack.Count;
    }

    private static string Call(string name, int times)
    {
        Func<int> call = Calls[name];
        int first = call(), last = first;
        for (int i = 1; i < times; i++)
            last = call();
        return first == last ? $"{last}" : $"{first}..{last}";
    }

    private static string Begin(string name)
    {
        Active.In.Reset();
        Active.Out.Reset();
        Active.Stop = false;
        _active = new Thread(() => _activeAnswer = name switch
        {
            "Stay" => Active.Stay(true),
            "Loop" => Active.Loop(true),
            _ => Calls[name](),
        });
        _active.Start();
        Active.In.Wait();
        return "in";
    }

    private static string End()
    {
        Active.Out.Set();
        Active.Stop = true;
        _active.Join();
        return $"{_activeAnswer}";
    }

    private static MethodInfo Find(string assembly, string type, string method) =>
        Assembly.Load(assembly).GetType(type, true)!.GetMethods(BindingFlags.Static | BindingFlags.Public)
            .First(found => found.Name == method && found.GetParameters() is [{ ParameterType: var given }] && given == typeof(string));

    private static string Load(string path, string type, string method)
    {
        Type found = Assembly.LoadFrom(path).GetType(type, true)!;
        Calls[method] = () => found.GetMethod(method)!.CreateDelegate<Func<int, int>>()(21);
        return "loaded";
    }

    /// Type One in a module that exists in memory only.
    private static string Dynamic()
    {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Emitted"), AssemblyBuilderAccess.Run);
        TypeBuilder type = assembly.DefineDynamicModule("Emitted").DefineType("One", TypeAttributes.Public);
        MethodBuilder method = type.DefineMethod("Answer", MethodAttributes.Public | MethodAttributes.Static, typeof(int), null);
        ILGenerator il = method.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Ret);
        Calls["Emitted"] = type.CreateType().GetMethod("Answer")!.CreateDelegate<Func<int>>();
        return "emitted";
    }

    private static string Collectible(string path)
    {
        var context = new AssemblyLoadContext("collectible", true);
        MethodInfo method = context.LoadFromAssemblyPath(path).GetType("LateModule.Doubler", true)!.GetMethod("Double")!;
        var call = method.CreateDelegate<Func<int, int>>();
        Calls["Collectible"] = () => call(21);
        return "loaded";
    }

    private static MethodBase[] All(string assembly) =>
        Assembly.Load(assembly).GetTypes().Where(type => !type.ContainsGenericParameters)
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public |
                                                BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Where(method => !method.IsAbstract && !method.ContainsGenericParameters)
            .Where(method => method.GetMethodBody() != null).ToArray<MethodBase>();

    private static void Prepare(MethodBase method)
    {
        try
        {
            RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
        catch (Exception)
        {
            // Nobody's business here: not every method can be prepared.
        }
    }

    /// Every method of the assembly is made ready to run by all threads at the same time.
    private static string Race(int threads, string assembly)
    {
        MethodBase[] methods = All(assembly);
        using var start = new Barrier(threads);
        var racing = Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            foreach (MethodBase method in methods)
            {
                start.SignalAndWait();
                Prepare(method);
            }
        })).ToList();
        racing.ForEach(thread => thread.Start());
        racing.ForEach(thread => thread.Join());
        return $"{methods.Length}";
    }

    private static readonly List<(Thread Thread, string[] Answer)> Callers = new();

    /// A thread of its own calls the method; "joined" gives what each has got.
    private static string Spawn(string assembly, string type, string method, string argument)
    {
        var call = Find(assembly, type, method).CreateDelegate<Func<string, string>>();
        var answer = new string[1];
        var thread = new Thread(() => answer[0] = call(argument));
        Callers.Add((thread, answer));
        thread.Start();
        return "spawned";
    }

    private static string Joined()
    {
        Callers.ForEach(caller => caller.Thread.Join());
        string answers = string.Join(" ", Callers.Select(caller => caller.Answer[0]));
        Callers.Clear();
        return answers;
    }

    private static string CallProfiler()
    {
        nint library = NativeLibrary.Load(Environment.GetEnvironmentVariable("CONTRACT_PROFILER")!);
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(library, "contract_program_call"))();
        return "called";
    }

    private static string Churn(int times)
    {
        long sum = 0;
        for (int i = 0; i < times; i++)
            sum += new byte[1000].Length;
        return $"{GC.CollectionCount(0)}";
    }

    private static string Obey(string[] words) => words[0] switch
    {
        "call" => Call(words[1], words.Length > 2 ? int.Parse(words[2]) : 1),
        "begin" => Begin(words[1]),
        "end" => End(),
        "invoke" => Find(words[1], words[2], words[3]).CreateDelegate<Func<string, string>>()(words[4]),
        "module" => Assembly.Load(words[1]).GetName().Name,
        "load" => Load(words[1], words[2], words[3]),
        "dynamic" => Dynamic(),
        "collectible" => Collectible(words[1]),
        "race" => Race(int.Parse(words[1]), words[2]),
        "spawn" => Spawn(words[1], words[2], words[3], words[4]),
        "joined" => Joined(),
        "profiler" => CallProfiler(),
        "busy" => (_busy ??= new Busy()) != null ? "busy" : "",
        "pause" => $"{_busy.Take()}",
        "churn" => Churn(int.Parse(words[1])),
        "collect" => $"{Collect()}",
        "version" => Environment.Version.ToString(),
        _ => "?",
    };

    private static int Collect()
    {
        GC.Collect();
        return GC.CollectionCount(2);
    }

    public static int Main()
    {
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } line && line != "quit")
        {
            string answer;
            try
            {
                answer = Obey(line.Split(' '));
            }
            catch (Exception thrown)
            {
                answer = thrown.GetType().Name;
            }
            Console.WriteLine(answer);
        }
        _busy?.End();
        return 0;
    }
}
