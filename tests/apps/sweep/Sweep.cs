// Has the JIT compile every method of an assembly, and says what became of each.
//
// Orders, one a line, each answered with one line:
//   load NAME          by its simple name or path             -> loaded METHODS (with IL)
//   prepare NAME FILE  RuntimeHelpers.PrepareMethod on each   -> prepared P failed F open O methods M
//                      FILE: a line each that was not: token, state, name, reason
//   quit
// A method is prepared when one of its instantiations was: over object, over int, where the
// constraints allow neither over a type that fits (Fitting.cs). `open`: none was found.
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Runtime.CompilerServices;

namespace Sweep;

enum State { Prepared, Failed, Open }

static class Program
{
    static readonly Dictionary<string, Assembly> assemblies = [];

    static int Main()
    {
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            if (words[0] == "quit")
                break;
            try
            {
                Console.WriteLine(words[0] switch
                {
                    "load" => Load(words[1]),
                    "prepare" => Prepare(words[1], words[2]),
                    _ => "what?",
                });
            }
            catch (Exception e)
            {
                Console.WriteLine($"error {e.GetType().Name}: {OneLine(e.Message)}");
            }
        }
        return 0;
    }

    static string OneLine(string text) => text.Replace('\n', ' ').Replace('\r', ' ').Replace('\t', ' ');

    static string Load(string name)
    {
        Assembly assembly = name.EndsWith(".dll") ? Assembly.LoadFrom(name) : Assembly.Load(new AssemblyName(name));
        assemblies[name] = assembly;
        return $"loaded {Tokens(assembly).Count}";
    }

    static unsafe List<int> Tokens(Assembly assembly)
    {
        List<int> tokens = [];
        if (!assembly.TryGetRawMetadata(out byte* blob, out int length))
            return tokens;
        MetadataReader reader = new(blob, length);
        foreach (MethodDefinitionHandle handle in reader.MethodDefinitions)
            if (reader.GetMethodDefinition(handle).RelativeVirtualAddress != 0)
                tokens.Add(MetadataTokens.GetToken(handle));
        return tokens;
    }

    static string Prepare(string name, string file)
    {
        Assembly assembly = assemblies[name];
        int[] counts = new int[3];
        List<int> tokens = Tokens(assembly);
        using StreamWriter report = new(file);
        foreach (int token in tokens)
        {
            string reason = "";
            MethodBase method = null;
            State state;
            try
            {
                method = assembly.ManifestModule.ResolveMethod(token);
                state = PrepareAny(method, ref reason);
            }
            catch (Exception e)
            {
                state = State.Failed;
                reason = Reason(e);
            }
            counts[(int)state]++;
            if (state != State.Prepared)
                report.WriteLine($"{token:x8}\t{state}\t{method?.DeclaringType}::{OneLine(method?.ToString() ?? "?")}\t{reason}");
        }
        return $"prepared {counts[0]} failed {counts[1]} open {counts[2]} methods {tokens.Count}";
    }

    static string Reason(Exception e) => $"{e.GetType().Name}: {OneLine(e.Message)}";

    static State PrepareAny(MethodBase method, ref string reason)
    {
        bool generic = method.DeclaringType is { IsGenericTypeDefinition: true } || method.IsGenericMethodDefinition;
        if (!generic)
            return PrepareOne(method, [], ref reason);
        State best = State.Open;
        foreach (MethodBase instance in Instances(method))
        {
            Type[] arguments = [.. instance.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : [],
                                .. instance.IsGenericMethod ? instance.GetGenericArguments() : []];
            State state = PrepareOne(instance, Array.ConvertAll(arguments, t => t.TypeHandle), ref reason);
            if (state == State.Failed && best == State.Open || state == State.Prepared)
                best = state;
        }
        return best;
    }

    static State PrepareOne(MethodBase method, RuntimeTypeHandle[] arguments, ref string reason)
    {
        try
        {
            if (arguments.Length == 0)
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            else
                RuntimeHelpers.PrepareMethod(method.MethodHandle, arguments);
            return State.Prepared;
        }
        catch (Exception e)
        {
            reason = Reason(e);
            return State.Failed;
        }
    }

    static IEnumerable<MethodBase> Instances(MethodBase method)
    {
        int found = 0;
        foreach (Type[] all in Fitting.Arguments(Parameters(method)))
        {
            MethodBase instance = Close(method, all);
            if (instance == null)
                continue;
            yield return instance;
            if (++found == 2)
                yield break;
        }
    }

    static Type[] Parameters(MethodBase method) =>
        [.. method.DeclaringType is { IsGenericTypeDefinition: true } type ? type.GetGenericArguments() : [],
         .. method.IsGenericMethodDefinition ? method.GetGenericArguments() : []];

    static MethodBase Close(MethodBase method, Type[] arguments)
    {
        try
        {
            int outer = 0;
            if (method.DeclaringType is { IsGenericTypeDefinition: true } type)
            {
                outer = type.GetGenericArguments().Length;
                Type closed = type.MakeGenericType(arguments[..outer]);
                method = MethodBase.GetMethodFromHandle(method.MethodHandle, closed.TypeHandle);
            }
            return method is MethodInfo { IsGenericMethodDefinition: true } open
                ? open.MakeGenericMethod(arguments[outer..])
                : method;
        }
        catch (Exception e) when (e is ArgumentException or TypeLoadException or InvalidProgramException
                                  or NotSupportedException or BadImageFormatException)
        {
            return null;
        }
    }
}
