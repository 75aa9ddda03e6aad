using System.Runtime.CompilerServices;

namespace Versions;

public enum Level { Low, Middle, High }

public sealed class Item
{
    public int Id { get; set; }
    public string Name { get; set; }
    public decimal Price { get; set; }
    public Level Level { get; set; }
    public DateTime At { get; set; }
    public int[] Parts { get; set; }
    public List<string> Tags { get; set; }
}

public struct Pair<TFirst, TSecond>(TFirst first, TSecond second)
{
    public TFirst First = first;
    public TSecond Second = second;
}

public static class Methods
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Static(int number, string text) => number + text.Length;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Generic<T>(T first, Pair<T, string> pair) => pair.Second is null ? pair.First : first;

    public static async Task<int> Async(int number, string text)
    {
        await Task.Yield();
        await Task.Delay(1);
        return number + text.Length;
    }

    public static async Task<int> Fails(int number)
    {
        await Task.Yield();
        throw new InvalidOperationException("failed " + number);
    }

    public static IEnumerable<int> Count(int to)
    {
        for (int i = 0; i < to; i++)
        {
            yield return i;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static decimal Values(Item item, int? maybe, TimeSpan span, Guid id, (int, string) tuple, ReadOnlySpan<int> numbers) =>
        item.Price + (maybe ?? 0) + span.Minutes + tuple.Item1 + numbers.Length;

    /// <summary>Its caller is a loop that has been hot long since, with this inlined.</summary>
    public static int Tiny(int number) => number ^ 3;

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

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Throws(int number)
    {
        if (number % 2 == 1)
        {
            throw new ArgumentException("odd " + number);
        }

        return number;
    }
}

public static class Scenarios
{
    public static async Task<long> Run(string name, int i)
    {
        switch (name)
        {
            case "static": return Methods.Static(i, "s" + i);
            case "generic":
                return Methods.Generic(i, new Pair<int, string>(i + 1, i % 2 == 0 ? null : "x")) +
                    Methods.Generic("g" + i, new Pair<string, string>("h", "y")).Length;
            case "async": return await Methods.Async(i, "a" + i);
            case "fails": try { return await Methods.Fails(i); } catch (InvalidOperationException e) { return e.Message.Length; }
            case "iterator": return Methods.Count(i).Sum();
            case "values": return Values(i);
            case "hot": return Methods.Hot(i);
            case "throws": try { return Methods.Throws(i); } catch (ArgumentException e) { return e.Message.Length; }
            case "concat": return string.Concat("a", i.ToString(), "c").Length;
            default: throw new ArgumentException(name);
        }
    }

    private static long Values(int i)
    {
        var item = new Item
        {
            Id = i, Name = "name " + i, Price = i + 0.25m, Level = (Level)(i % 3),
            At = new DateTime(2026, 1, 2, 3, 4, 5 + i, DateTimeKind.Utc), Parts = [i, i + 1], Tags = ["t" + i, null],
        };
        return (long)Methods.Values(item, i % 2 == 0 ? i : null, TimeSpan.FromMinutes(i), new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            (i, "two" + i), stackalloc int[] { i, 2, 3 });
    }
}

/// <summary>
/// Objects and strings that are made, handed to a probed method, and dropped at once, while a
/// thread forces collections that move what lives.
/// </summary>
public static class Storm
{
    private const int Pace = 20;
    private static volatile int collections;
    private static byte[] garbage;

    public static string Run(int threads, int count)
    {
        collections = 0;
        long[] calls = new long[threads];
        var workers = Enumerable.Range(0, threads).Select(t => new Thread(() => calls[t] = Work(t, count))).ToList();
        workers.ForEach(worker => worker.Start());
        while (workers.Any(worker => worker.IsAlive))
        {
            GC.Collect(collections % 3, GCCollectionMode.Forced, blocking: true, compacting: true);
            collections++;
        }

        return $"storm {calls.Sum()}";
    }

    private static long Work(int thread, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int key = thread * 10_000_000 + i;
            string text = "k" + key;
            var item = new Item
            {
                Id = key, Name = "n" + key, Price = key, Level = (Level)(key % 3), Parts = [key, key + 1], Tags = ["t" + key, text],
            };
            bool right = Take(key, text, item, new Pair<string, Item>(text, item)) == "r" + key && new Taker(item).Take(key) == 1;
            while (i / Pace > collections || !right)
            {
                garbage = new byte[64];
            }
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Take(int key, string text, Item item, Pair<string, Item> pair) => new string('r', 1) + key;
}

/// <summary>A struct's `this` and its field: what the collector sees as a byref.</summary>
public struct Taker(Item item)
{
    public Item Item = item;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Take(int key) => Item.Id == key ? 1 : 0;
}
