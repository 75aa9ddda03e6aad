using System.Reflection;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using InliningMid;

namespace Inlining;

/// <summary>The cases by name. A caller is called once an order, so that precompiled code stays.</summary>
public static class Cases
{
    private static Func<int, long> unloadable;

    public static async Task<long> Call(string name, int count)
    {
        switch (name)
        {
            case "own-static": return OwnCallers.Static(count);
            case "own-instance": return OwnCallers.Instance(count);
            case "own-getter": return OwnCallers.Getter(count);
            case "own-nested": return OwnCallers.Nested(count);
            case "own-nested-twice": return OwnCallers.NestedTwice(count);
            case "own-nested-generic": return OwnCallers.NestedGeneric(count);
            case "own-struct": return OwnCallers.OfStruct(count);
            case "own-constructor": return OwnCallers.Constructor(count);
            case "own-in-constructor": return OwnCallers.InConstructor(count);
            case "own-in-finally": return OwnCallers.Finally(count);
            case "own-aggressive": return OwnCallers.Aggressive(count);
            case "own-never": return OwnCallers.Never(count);
            case "own-transitive": return OwnCallers.Transitive(count);
            case "own-two-callers": return OwnCallers.Twice(count);
            case "own-async": return await OwnCallers.Async(count);
            case "own-iterator": return OwnCallers.Iterator(count);
            case "own-lambda": return OwnCallers.Lambda(count);
            case "generic-reference": return GenericCallers.OfReference(count);
            case "generic-int": return GenericCallers.OfInt(count);
            case "generic-struct": return GenericCallers.OfStruct(count);
            case "generic-in-reference": return GenericCallers.InReference(count);
            case "generic-in-int": return GenericCallers.InInt(count);
            case "generic-in-struct": return GenericCallers.InStruct(count);
            case "cross-static": return CrossCallers.Static(count);
            case "cross-app": return CrossCallers.App(count);
            case "cross-transitive": return CrossCallers.Transitive(count);
            case "cross-nested": return Fancy.Nested(count);
            case "cross-nested-twice": return Fancy.NestedDeeper(count);
            case "cross-instance": return CrossCallers.Instance(count);
            case "cross-getter": return CrossCallers.Getter(count);
            case "cross-struct": return CrossCallers.OfStruct(count);
            case "cross-shared": return CrossCallers.Shared(count);
            case "cross-unshared": return CrossCallers.Unshared(count);
            case "cross-generic-method": return Fancy.Picked(count);
            case "cross-host-reference": return CrossCallers.HostOfReference(count);
            case "cross-host-int": return CrossCallers.HostOfInt(count);
            case "cross-host-struct": return CrossCallers.HostOfStruct(count);
            case "cross-async": return await Fancy.Async(count);
            case "late-cross": return Late(count);
            case "late-own": return LateOwn(count);
            case "unloadable": return Unloadable(count);
            case "fw-span-item": return FrameworkCallers.SpanItem(count);
            case "fw-max": return FrameworkCallers.Max(count);
            case "fw-has-value": return FrameworkCallers.HasValue(count);
            case "fw-is-null-or-empty": return FrameworkCallers.IsNullOrEmpty(count);
            case "fw-concat": return FrameworkCallers.Concat(count);
            case "fw-list-item": return FrameworkCallers.ListItem(count);
            case "fw-nested": return FrameworkCallers.GuidParse(count);
            case "nothing": return 0;
            default: throw new ArgumentException(name);
        }
    }

    /// <summary>Calls until nothing is compiled any more: what is hot is in its last tier.</summary>
    public static async Task Warm(string[] names)
    {
        int quiet = 0;
        long compiled = JitInfo.GetCompiledMethodCount();
        for (int round = 0; round < 10 || quiet < 5; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                foreach (string name in names)
                {
                    await Call(name, 64);
                }
            }

            await Task.Delay(60);
            long now = JitInfo.GetCompiledMethodCount();
            quiet = now == compiled ? quiet + 1 : 0;
            compiled = now;
        }
    }

    public static async Task<long> Rounds(int count, int rounds, string[] names)
    {
        long sum = 0;
        for (int round = 1; round <= rounds; round++)
        {
            foreach (string name in names)
            {
                sum += await Call(name, count);
            }

            if (round % 40 == 0)
            {
                await Task.Delay(200);
            }
        }

        return sum;
    }

    // Each loads the library when it is compiled or bound, no sooner.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Load() => InliningLate.Caller.Load();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Late(int count) => InliningLate.Caller.Run(count);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long LateOwn(int count) => InliningLate.Caller.RunOwn(count);

    /// <summary>The same library once more, in a context that can be unloaded; the leaf stays the common one.</summary>
    private static long Unloadable(int count)
    {
        if (unloadable is null)
        {
            var context = new AssemblyLoadContext("unloadable", isCollectible: true);
            string file = Path.Combine(AppContext.BaseDirectory, "InliningLate.dll");
            MethodInfo method = context.LoadFromAssemblyPath(file)
                .GetType("InliningLate.Caller", throwOnError: true).GetMethod("RunUnloadable");
            unloadable = method.CreateDelegate<Func<int, long>>();
        }

        return unloadable(count);
    }
}
