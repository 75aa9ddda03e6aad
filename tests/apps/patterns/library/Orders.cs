// What the tests of patterns and names look for. Lines that a test asks for by number end
// with a comment "line: NAME"; the tests find the number by the name.
using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shop;

public enum OrderState { New, Paid = 5, Closed = -1 }

[Flags]
public enum Rights : byte { None = 0, Read = 1, Write = 2, All = 3, Admin = 0x80 }

public enum Big : ulong { One = 1, Most = ulong.MaxValue }

public delegate bool Check(Order order, ref int count);

public class Order
{
    public int Id { get; set; }
    public Customer? Customer { get; init; }
    public decimal Total;
    public OrderState State;
    public List<(int Line, string Text)> Lines = new();

    public event EventHandler? Changed;

    public Order(int id) => Id = id;

    static Order() { Count = 1; }

    public static int Count;

    public string this[int index] => Lines[index].Text;

    public static Order operator +(Order a, Order b) => new(a.Id + b.Id);

    public static explicit operator int(Order order) => order.Id;

    public void Raise() => Changed?.Invoke(this, EventArgs.Empty);
}

public record Customer(string Name, int Age);

public interface IOrders
{
    int Place(Order order);

    string Describe() => "default"; // line: default member

    string Region { get; }
}

public interface IStore<T>
{
    T Load(int id);
}

public class OrderService(string region) : IOrders, IStore<Order>, IEnumerable<Order>
{
    private readonly List<Order> orders = [];

    public string Region => region;

    string IOrders.Region => "explicit";

    int IOrders.Place(Order order) => Place(order, CancellationToken.None);

    Order IStore<Order>.Load(int id) => orders[id];

    public int Place(Order order, CancellationToken token)
    {
        if (order.Total > 100)
            return -1;
        orders.Add(order); // line: place
        return orders.Count;
    }

    public async Task<int> PlaceAsync(Order order)
    {
        await Task.Yield();
        return Place(order, default); // line: place async
    }

    public async Task PlaceAsync(Order order, int times)
    {
        for (int i = 0; i < times; i++)
            await PlaceAsync(order);
    }

    public async ValueTask<string> NameAsync()
    {
        await Task.Delay(1);
        return "name";
    }

    public async void Fire() => await Task.Yield();

    public IEnumerator<Order> GetEnumerator()
    {
        foreach (Order order in orders)
            yield return order; // line: iterator
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public IEnumerable<T> Map<T>(Func<Order, T> map)
    {
        foreach (Order order in orders)
            yield return map(order);
    }

    public async IAsyncEnumerable<int> Stream([EnumeratorCancellation] CancellationToken token)
    {
        yield return 1;
        await Task.Delay(1, token);
        yield return 2;
    }

    public int Lambdas(int limit)
    {
        Func<Order, bool> simple = order => order.Id > 1; // line: simple lambda
        Func<Order, bool> closed = order => order.Id > limit; // line: closed lambda
        Func<Task<int>> later = async () =>
        {
            await Task.Yield();
            return limit; // line: async lambda
        };
        return orders.Count(simple) + orders.Count(closed) + later().Result;
    }

    public int Locals(int depth)
    {
        return Inner(depth) + Static(1);

        int Inner(int left)
        {
            return left == 0 ? 0 : Inner(left - 1); // line: local function
        }

        static int Static(int value) => value * 2;
    }

    public async Task<int> LocalAsync(int value)
    {
        return await Wait(value);

        async Task<int> Wait(int time)
        {
            await Task.Delay(time);
            return time;
        }
    }

    public string Title
    {
        get
        {
            Func<string> make = () => region; // line: accessor lambda
            return make();
        }
        set => orders.Clear();
    }

    // This comment lies between two methods. line: nothing

    public (int Count, string Name) Tuple((int, string) pair, (int, (byte, char)) nested) => pair;

    public ref int Reference(ref int value, out string text, in decimal amount, ref readonly long big)
    {
        text = "";
        return ref value;
    }

    public static ref readonly int ReadOnly(int[] values) => ref values[0];

    public unsafe void* Pointers(byte* bytes, int** deep, delegate*<int, string, void> call,
        delegate* unmanaged<int> native) => bytes;

    public int[][,] Arrays(int[] one, int[,,] cube, string?[]?[] jagged, List<int?>[] lists) => null!;

    public int? Optional(int? number, DateTime? time, Order? order, string? text = null) => number;

    public void Many(params ReadOnlySpan<string> values) { }

    public long Longer((int, int, int, int, int, int, int, int, long) nine) => nine.Item9;

    public void Primitives(bool a, char b, sbyte c, byte d, short e, ushort f, int g, uint h, long i,
        ulong j, float k, double l, string m, object n, nint o, nuint p, decimal q, dynamic r)
    {
    }

    [DllImport("c")]
    public static extern int getpid();

    public class Outer<T>
    {
        public class Inner<U>
        {
            public T First(U second, T third) => third;

            public async Task<U> Both<V>(U value, V other)
            {
                await Task.Yield();
                return value;
            }

            public struct Value
            {
                public int Get() => 1;
            }

            public Inner<string>.Value Other(Outer<int>.Inner<T> other) => default;
        }
    }
}

public struct Money(decimal amount)
{
    public decimal Amount => amount;

    public override string ToString() => $"{amount}";

    public static Money operator -(Money a) => new(-a.Amount);
}

public abstract class Repository<T> where T : class
{
    public abstract T Find(int id);

    public virtual T? Find<TKey>(TKey key, Func<T, TKey> select) => null;

    public async Task<T?> FindAsync(Predicate<T> match)
    {
        await Task.Yield();
        return default;
    }
}

public class OrderRepository : Repository<Order>
{
    public override Order Find(int id) => new(id);
}

public class Repository
{
    public void Clear() { }
}

file class Hidden
{
    public int Secret() => 42;
}

public static class Uses
{
    public static int Call() => new Hidden().Secret();

    public static int Twice(this Order order) => order.Id * 2;
}
