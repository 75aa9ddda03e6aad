namespace Shop;

public enum OrderState { New, Placed, Shipped, Closed }

public sealed record Customer(int Id, string Name, string? Email);

public sealed record Line(string Article, int Quantity, decimal Price);

public sealed class Order
{
    public required int Id { get; init; }
    public required Customer Customer { get; init; }
    public List<Line> Lines { get; } = new();
    public OrderState State { get; set; }
    public DateTime CreatedAt { get; init; }
    public decimal Total { get; private set; }

    public void Add(Line line)
    {
        Lines.Add(line);
        Total += line.Quantity * line.Price;
    }
}

public sealed record Receipt(int OrderId, decimal Total, TimeSpan Took);

/// <summary>Takes orders: the class that the README watches.</summary>
public sealed class OrderService
{
    private readonly Stock _stock;
    private readonly Pricing _pricing;

    public OrderService(Stock stock, Pricing pricing)
    {
        _stock = stock;
        _pricing = pricing;
    }

    public Receipt Place(Order order)
    {
        foreach (Line line in order.Lines)
        {
            _stock.Reserve(line.Article, line.Quantity);
        }

        order.State = OrderState.Placed;
        return new Receipt(order.Id, _pricing.Quote(order), TimeSpan.FromMilliseconds(order.Lines.Count));
    }

    public async Task<Receipt> PlaceAsync(Order order, CancellationToken token)
    {
        int left = await _stock.CountAsync(order.Lines[0].Article, token);
        if (left < 0)
        {
            throw new InvalidOperationException($"no {order.Lines[0].Article} left");
        }

        return Place(order);
    }
}

public sealed class OutOfStockException(string article) : Exception($"no {article} in stock")
{
    public string Article { get; } = article;
}
