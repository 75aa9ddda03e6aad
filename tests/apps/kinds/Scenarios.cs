using System.Runtime.CompilerServices;

namespace Kinds;

/// <summary>Which scenario calls what. Every call's values follow from i alone.</summary>
public static class Scenarios
{
    private static readonly Plain Instance = new(5);
    private static readonly IShape[] Shapes = Kinds.Shapes.All();
    private static readonly int[] Numbers = [3, 1, 2];

    public static async Task<long> Run(string name, int i)
    {
        switch (name)
        {
            case "static": return Plain.Static(i, "s" + i);
            case "instance": return Instance.Add(i);
            case "constructor": return new Point3(i, i + 1, i + 2).Sum;
            case "classctor": return new Named("n" + i).Length;
            case "getter": return Instance.Base;
            case "setter": Instance.Level = i; return i;
            case "generic": return Generic.Pick(i, 7) + Generic.Pick("a" + i, "b").Length + (long)Generic.Pick(i + 0.5, 1.0);
            case "generictype": return new Box<int>(i).Get() + new Box<string>("x" + i).Get().Length;
            case "nested": return new Outer.Inner(i).Twice();
            case "valuetype": return new Point3(i, 2, 3).Scale(2);
            case "void": Plain.Nothing(i); return i;
            case "throws": try { Plain.Fails(i); } catch (InvalidOperationException e) { return e.Message.Length; } return -1;
            case "rethrows": try { Plain.Middle(i); } catch (InvalidOperationException e) { return e.Message.Length; } return -1;
            case "catches": return Plain.Catches(i);
            case "task": await Asynchronous.WaitAsync(i); return i;
            case "taskof": return await Asynchronous.DoubleAsync(i);
            case "taskdone": return await Asynchronous.AtOnceAsync(i);
            case "taskthrows": try { return await Asynchronous.FailAsync(i); } catch (TimeoutException e) { return e.Message.Length; }
            case "valuetask": return await Asynchronous.ValueAsync(i);
            case "parallel": return (await Task.WhenAll(Enumerable.Range(0, 10).Select(k => Asynchronous.DoubleAsync(i * 10 + k)))).Sum();
            case "iterator": return Iterators.Count(i % 4).Sum();
            case "iteratorbreak": foreach (int n in Iterators.Count(10)) { if (n == 2) { break; } } return i;
            case "lambda": return Lambdas.Square(i);
            case "local": return Lambdas.WithLocal(i);
            case "byref": int value = i; Plain.Increment(ref value, out int twice); return value + twice;
            case "refreturn": Plain.First(Numbers) = i; return Numbers[0];
            case "span": return Plain.SumSpan(stackalloc int[] { i, 1, 2 });
            case "tuple": return Plain.Swap((i, "t" + i)).Item2;
            case "enum": return (long)Plain.Next((Color)(i % 3));
            case "flags": return (long)Plain.Both(Access.Read, Access.Write);
            case "nullable": return Plain.OrZero(i % 2 == 0 ? i : null);
            case "decimal": return (long)Plain.Tax(i + 0.25m);
            case "datetime": return Plain.Later(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddSeconds(i), TimeSpan.FromMinutes(i)).Ticks;
            case "guid": return Plain.Hash(new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)).Length;
            case "floats": return (long)Plain.Mean(i, i + 0.5f);
            case "array": return Plain.Total(Enumerable.Range(0, i).ToArray());
            case "list": return Plain.CountOf(Enumerable.Range(0, i).Select(n => "v" + n).ToList());
            case "object": return Plain.Describe(new Order { Id = i, Customer = new Customer { Name = i % 2 == 0 ? "ACME" : null }, Total = 100 + i }).Length;
            case "interface": return Plain.Area(Shapes[i % Shapes.Length]);
            case "late": return Late.Call(i);
            case "hot": return Plain.Hot(i);
            case "many": return Plain.Many(i, 2, 3, 4, 5, 6, 7, 8, "nine", 10.5, 'k', true);
            case "chars": return Plain.Kind((char)('a' + i % 26), i % 2 == 0, (byte)i, (sbyte)-i, (short)-i, (ushort)i, (uint)i, -i, (ulong)i);
            case "recursive": return Plain.Depth(i % 10);
            case "dim": return ((IGreeter)new Greeter()).Greet(i);
            case "synchronized": return Instance.Locked(i);
            case "operator": return (new Money(i) + new Money(2)).Cents;
            case "indexer": return Instance[i];
            case "longstring": return Plain.Echo(new string('x', 1000)).Length;
            case "concat": return string.Concat("a", i.ToString()).Length;
            case "hashset": return new HashSet<int> { i }.Count;
            default: throw new ArgumentException(name);
        }
    }
}

public static class Blocked
{
    private static readonly List<Thread> Threads = new();
    private static ManualResetEventSlim gate = new(false);
    private static CountdownEvent inside = new(1);

    public static void Start(int count)
    {
        gate = new ManualResetEventSlim(false);
        inside = new CountdownEvent(count);
        for (int i = 0; i < count; i++)
        {
            int number = i;
            var thread = new Thread(() => Wait(number), 256 * 1024);
            thread.Start();
            Threads.Add(thread);
        }

        inside.Wait();
    }

    public static int Release()
    {
        gate.Set();
        int count = Threads.Count;
        Threads.ForEach(thread => thread.Join());
        Threads.Clear();
        return count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Wait(int number)
    {
        inside.Signal();
        gate.Wait();
        return number * 2;
    }
}

public static class Late
{
    private static Func<int, int> call = i => i;

    public static void Load(string path) =>
        call = System.Reflection.Assembly.LoadFrom(path).GetType("LateModule.Doubler", true)!
            .GetMethod("Double")!.CreateDelegate<Func<int, int>>();

    public static int Call(int i) => call(i);
}
