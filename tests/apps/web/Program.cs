// An ASP.NET Core application as anybody's: the framework below it is what the tests watch.
//   /work/{i}   calls the framework with values that follow from i
//   /plain      a few bytes, for load
//   /self/{i}   asks itself through HttpClient
using System.Globalization;
using System.Text;
using System.Text.Json;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
WebApplication app = builder.Build();
using var client = new HttpClient();

app.MapGet("/plain", () => "hello");
app.MapGet("/work/{i:int}", (int i) => Work.Do(i));
app.MapGet("/self/{i:int}", async (int i, HttpRequest request) =>
{
    using HttpResponseMessage answer = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"http://{request.Host}/work/{i}"));
    return await answer.Content.ReadAsStringAsync();
});
app.MapGet("/thrown/{text}", (string text) =>
{
    try
    {
        return int.Parse(text, CultureInfo.InvariantCulture);
    }
    catch (FormatException)
    {
        return -1;
    }
});

await app.StartAsync();
Console.WriteLine($"ready {Environment.ProcessId} {app.Urls.First()}");
while (Console.ReadLine() is { } line && line != "quit")
{
    Console.WriteLine("what?");
}

await app.StopAsync();
Console.WriteLine("bye");

public sealed record Basket(int Id, string Name, decimal Price);

internal static class Work
{
    public static string Do(int i)
    {
        var text = new StringBuilder(64 + i);
        text.Append(i).Append(' ');
        text.Append(string.Join('-', "a" + i, "b"));
        text.Append(' ').Append(int.TryParse("17" + i, out int parsed) ? parsed : 0);
        text.Append(' ').Append(Math.DivRem(100 + i, 7).Quotient);
        text.Append(' ').Append(decimal.Round(i + 0.126m, 2).ToString(CultureInfo.InvariantCulture));
        text.Append(' ').Append(new DateTime(2026, 1, 1).AddSeconds(i).Second);
        text.Append(' ').Append(TimeSpan.FromDays(i).TotalHours);
        text.Append(' ').Append(string.Equals("A" + i, "a" + i, StringComparison.OrdinalIgnoreCase));
        text.Append(' ').Append(new Guid(i, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).ToString("N"));
        text.Append(' ').Append(Enumerable.Range(0, i % 5).Zip("abcdefgh").Count());
        text.Append(' ').Append(JsonSerializer.Serialize(new Basket(i, "basket " + i, i + 0.5m)));
        text.Append(' ').Append(Convert.ToBase64String(Encoding.UTF8.GetBytes("bytes " + i)));
        text.Append(' ').Append(new Uri("http://example.org/" + i).AbsolutePath);
        text.Append(' ').Append(Path.Combine("folder", "file" + i));
        text.Append(' ').Append(Version.Parse("1.2." + i).Build);
        text.Append(' ').Append(new Dictionary<string, int> { ["k" + i] = i }.TryGetValue("k" + i, out int found) ? found : -1);
        text.Append(' ').Append(Math.Clamp(i, 2, 6)).Append(' ').Append(double.Round(i + 0.75, 1));
        return text.ToString();
    }
}
