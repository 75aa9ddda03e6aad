// A small shop that is always busy: the program that `./dev demo` looks into.
// Usage: Shop [seconds]   (default: until it is ended; every second a line of what it did)
using System.Diagnostics;
using Shop;

double seconds = args.Length > 0 ? double.Parse(args[0]) : double.PositiveInfinity;
var stock = new Stock();
var service = new OrderService(stock, new Pricing());
string[] articles = ["pen", "ink", "paper", "glue"];
string?[] names = ["ACME", "Globex", null, "Initech"];

Console.WriteLine($"shop is open, pid {Environment.ProcessId}");
var clock = Stopwatch.StartNew();
long turns = 0, turnsSaid = 0;
var loop = new Stopwatch();
double nextLine = 1;
for (int id = 1000; clock.Elapsed.TotalSeconds < seconds; id++)
{
    var order = new Order
    {
        Id = id,
        Customer = new Customer(id % 7, names[id % 4] ?? "walk-in", names[id % 4] is { } name ? $"{name}@example.org" : null),
        CreatedAt = new DateTime(2026, 11, 22, 14, 3, 0, DateTimeKind.Utc).AddSeconds(id),
    };
    for (int line = 0; line <= id % 3; line++)
    {
        order.Add(new Line(articles[(id + line) % (id % 10 == 9 ? 4 : 3)], 1 + id % 12, 1.25m * (line + 1)));
    }

    try
    {
        Receipt receipt = id % 5 == 0 ? await service.PlaceAsync(order, CancellationToken.None) : service.Place(order);
        order.State = receipt.Total > 20 ? OrderState.Shipped : OrderState.Closed;
    }
    catch (OutOfStockException)
    {
        order.State = OrderState.New;
    }

    if (id % 50 == 0)
    {
        _ = stock.Articles(1).Count();
    }

    loop.Start();
    turns += HotLoop.Run(200_000);
    loop.Stop();
    if (clock.Elapsed.TotalSeconds >= nextLine)
    {
        Console.WriteLine($"shop: {id - 999} orders, a turn of the hot loop takes {loop.Elapsed.TotalNanoseconds / (turns - turnsSaid):0.00} ns");
        loop.Reset();
        turnsSaid = turns;
        nextLine = clock.Elapsed.TotalSeconds + 1;
    }

    await Task.Delay(20);
}

Console.WriteLine($"shop is closed after {turns} turns");

/// <summary>What keeps the processor busy: a loop around a method so small that it is inlined.</summary>
public static class HotLoop
{
    public static long Run(int turns)
    {
        long sum = 0;
        for (int i = 0; i < turns; i++)
        {
            sum += Step(i);
        }

        return sum == 42 ? 0 : turns;
    }

    public static int Step(int i) => (i * 31) ^ (i >> 3);
}
