// One caller per case, none of which is inlined itself. Each makes exactly COUNT calls, unless
// it says otherwise, and returns a sum that depends on all of them.
using System.Runtime.CompilerServices;
using InliningLeaf;
using InliningMid;

namespace Inlining;

/// <summary>Callers of this assembly's own methods.</summary>
public static class OwnCallers
{
    private static readonly Own own = new(5);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Static(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Static(i, 5);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Instance(int count)
    {
        Own target = own;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += target.Instance(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Getter(int count)
    {
        Own target = own;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += target.Level ^ i;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Nested(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Nest.Static(i, 5);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long NestedTwice(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Nest.Egg.Static(i, 5);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long NestedGeneric(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += new Own.Cell<int>(i).Value;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long OfStruct(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += new Size(i, 3).Area();
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Constructor(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += new Small(i).Number;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Aggressive(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Aggressive(i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Never(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Never(i);
        }

        return sum;
    }

    /// <summary>Middle is inlined here, and Inner with it: COUNT calls of each.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Transitive(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Middle(i);
        }

        return sum;
    }

    /// <summary>Two calls a turn here, and two in another caller: 4 x COUNT.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Twice(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Twice(i) + Own.Twice(i + 1);
        }

        return sum + TwiceAgain(count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long TwiceAgain(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.Twice(i) ^ Own.Twice(i + 2);
        }

        return sum;
    }

    public static async Task<long> Async(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.InAsync(i);
            if (i % 16 == 0)
            {
                await Task.Yield();
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Iterator(int count)
    {
        long sum = 0;
        foreach (int value in Values(count))
        {
            sum += value;
        }

        return sum;
    }

    private static IEnumerable<int> Values(int count)
    {
        for (int i = 0; i < count; i++)
        {
            yield return Own.InIterator(i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Lambda(int count)
    {
        Func<int, long> run = static count =>
        {
            long sum = 0;
            for (int i = 0; i < count; i++)
            {
                sum += Own.InLambda(i);
            }

            return sum;
        };
        return run(count);
    }

    /// <summary>The caller is a constructor.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long InConstructor(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += new Holder(i).Number;
        }

        return sum;
    }

    private sealed class Holder
    {
        public readonly int Number;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public Holder(int i) => Number = Own.InConstructor(i);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Finally(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            try
            {
                sum += Divide(i);
            }
            finally
            {
                sum += Own.InFinally(i);
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Divide(int i) => 100 / (i + 1);
}

/// <summary>Generic callees, and generic callers.</summary>
public static class GenericCallers
{
    private static readonly string[] texts = ["a", "bb", "ccc"];

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long OfReference(int count)
    {
        string[] items = texts;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Choose.OfReference(items[0], items[2], (i & 1) == 0).Length;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long OfInt(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Choose.OfInt(i, 7, (i & 1) == 0);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long OfStruct(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Choose.OfStruct(new Size(i, 1), new Size(2, 3), (i & 1) == 0).Width;
        }

        return sum;
    }

    public static long InReference(int count) => InReference(texts, count);

    public static long InInt(int count) => InInt([1, 2], count);

    public static long InStruct(int count) => InStruct([new Size(1, 2)], count);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long InReference<T>(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.InGenericOfReference(i) + items.Length;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long InInt<T>(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.InGenericOfInt(i) + items.Length;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long InStruct<T>(T[] items, int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Own.InGenericOfStruct(i) + items.Length;
        }

        return sum;
    }
}

/// <summary>Callers of what other assemblies have.</summary>
public static class CrossCallers
{
    private static readonly Account account = new(7);
    private static readonly Box<string> box = new("text");
    private static readonly Box<int> number = new(8);
    private static readonly string[] texts = ["a", "b"];

    /// <summary>Fancy.AddTwice makes two calls a turn.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Static(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Fancy.AddTwice(i, 2);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long App(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Simple.ForApp(i, 2);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Transitive(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Fancy.Step(i);
        }

        return sum;
    }

    public static long Instance(int count) => Fancy.Instance(account, count);

    public static long Getter(int count) => Fancy.Getter(account, count);

    public static long OfStruct(int count) => Fancy.OfStruct(new Point(3, 4), count);

    public static long Shared(int count) => Fancy.Shared(box, count);

    public static long Unshared(int count) => Fancy.Unshared(number, count);

    public static long HostOfReference(int count) => HostOfReference<string>.Run(texts, count);

    public static long HostOfInt(int count) => HostOfInt<int>.Run([1], count);

    public static long HostOfStruct(int count) => HostOfStruct<Size>.Run([new Size(1, 1)], count);
}

/// <summary>Callers of the framework. A marker among the arguments tells their calls from others.</summary>
public static class FrameworkCallers
{
    public const int Marker = 7707;
    private const string Text = "marker of the inlining tests";
    private static readonly int[] numbers = new int[Marker + 1];
    private static readonly List<int> list = new(new int[Marker + 1]);
    private static readonly int?[] maybe = [1, null, 3];

    /// <summary>NonVersionable, and a JIT intrinsic on top.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long SpanItem(int count)
    {
        Span<int> span = numbers;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += span[Marker] + i;
        }

        return sum;
    }

    /// <summary>NonVersionable.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Max(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Math.Max(Marker, i);
        }

        return sum;
    }

    /// <summary>NonVersionable, without an argument.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long HasValue(int count)
    {
        int?[] items = maybe;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += items[i % 3].HasValue ? 1 : 0;
        }

        return sum;
    }

    /// <summary>Inlined by the JIT only: it is another module's.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long IsNullOrEmpty(int count)
    {
        string text = Text;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += string.IsNullOrEmpty(text) ? 1 : 2;
        }

        return sum;
    }

    /// <summary>String.Concat asks String.IsNullOrEmpty for both, in precompiled code that inlined it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Concat(int count)
    {
        string text = Text, nothing = Nothing();
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += string.Concat(nothing, text).Length;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Nothing() => "";

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long ListItem(int count)
    {
        List<int> items = list;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += items[Marker] + i;
        }

        return sum;
    }

    /// <summary>A nested type's method, inlined into Guid.Parse in the framework's own image.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long GuidParse(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += Guid.Parse("00000007-0001-0002-0304-05060708090a").GetHashCode() & 0xff;
        }

        return sum;
    }
}
