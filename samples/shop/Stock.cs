namespace Shop;

public sealed class Stock
{
    private readonly Dictionary<string, int> _articles = new()
    {
        ["pen"] = int.MaxValue,
        ["ink"] = int.MaxValue,
        ["paper"] = int.MaxValue,
    };

    public int Reserve(string article, int quantity)
    {
        if (!_articles.TryGetValue(article, out int left))
        {
            throw new OutOfStockException(article);
        }

        return left - quantity;
    }

    /// <summary>The await that every shop has: asks somebody else.</summary>
    public async Task<int> CountAsync(string article, CancellationToken token)
    {
        await Task.Delay(2, token);
        return _articles.GetValueOrDefault(article, -1);
    }

    public IEnumerable<string> Articles(int least)
    {
        foreach ((string article, int left) in _articles)
        {
            if (left >= least)
            {
                yield return article;
            }
        }
    }
}

public sealed class Pricing
{
    public decimal Quote(Order order)
    {
        decimal sum = 0;
        foreach (Line line in order.Lines)
        {
            sum += Discount(line.Quantity) * line.Quantity * line.Price;
        }

        return decimal.Round(sum, 2);
    }

    /// <summary>Small enough that the JIT inlines it into Quote.</summary>
    public static decimal Discount(int quantity) => quantity >= 10 ? 0.9m : 1m;
}
