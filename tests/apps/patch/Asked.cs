using System.Globalization;

namespace Patching;

/// <summary>Calls a method by name and says what came back.</summary>
public static class Asked
{
    private static string Text(object value) => value switch
    {
        null => "null",
        string text => "\"" + text.Replace("\0", "\\0").Replace("\n", "\\n") + "\"",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static string TryParse()
    {
        int counter = 1;
        bool done = Returns.TryParse("x", out int number, out Point point, out string name, out double real,
                                     out List<int> list, ref counter, out State? state, out Pair<string> pair);
        return $"{done} {number} {point} {Text(name)} {Text(real)} {(list == null ? "null" : "list")} {counter} " +
               $"{Text(state)} {Text(pair.A)}";
    }

    private static string MakePair()
    {
        Pair<string> pair = new("x", out string was, out int number);
        return $"{Text(pair.A)} {pair.B} {Text(was)} {number}";
    }

    private static unsafe string Pointer() => ((long)Returns.Pointer()).ToString();

    private static string Void()
    {
        int before = Returns.Field;
        Returns.Void();
        return (Returns.Field - before).ToString();
    }

    private static string Threw(Func<int> call)
    {
        try
        {
            return call().ToString();
        }
        catch (Exception exception)
        {
            return exception.GetType().Name;
        }
    }

    public static string Ask(string name) => name switch
    {
        "Add" => Text(Simple.Add(40, 1)),
        "AddLong" => Text(Simple.Add(40L, 1L)),
        "AddTwice" => Text(Fancy.AddTwice(40, 1)),
        "AddThrice" => Text(Fancy.AddThrice(40, 1)),
        "Bool" => Text(Returns.Bool()),
        "SByte" => Text(Returns.SByte()),
        "Byte" => Text(Returns.Byte()),
        "Short" => Text(Returns.Short()),
        "UShort" => Text(Returns.UShort()),
        "Int" => Text(Returns.Int()),
        "UInt" => Text(Returns.UInt()),
        "Long" => Text(Returns.Long()),
        "ULong" => Text(Returns.ULong()),
        "NInt" => Text(Returns.NInt()),
        "NUInt" => Text(Returns.NUInt()),
        "Float" => Text(Returns.Float()),
        "Double" => Text(Returns.Double()),
        "Decimal" => Text(Returns.Decimal()),
        "Char" => ((int)Returns.Char()).ToString(),
        "String" => Text(Returns.String()),
        "State" => Text(Returns.State()),
        "Rights" => Text(Returns.Rights()),
        "Big" => Text(Returns.Big()),
        "Deep" => Text(Returns.Deep()),
        "Object" => Text(Returns.Object()),
        "Array" => Text(Returns.Array()?.Length),
        "List" => Text(Returns.List()?.Count),
        "Interface" => Text(Returns.Interface()),
        "Point" => Text(Returns.Point()),
        "Guid" => Text(Returns.Guid()),
        "DateTime" => Text(Returns.DateTime().Ticks),
        "Tuple" => Text(Returns.Tuple()),
        "KeyValue" => Text(Returns.KeyValue()),
        "MaybeInt" => Text(Returns.MaybeInt()),
        "MaybeDecimal" => Text(Returns.MaybeDecimal()),
        "MaybeState" => Text(Returns.MaybeState()),
        "MaybeBool" => Text(Returns.MaybeBool()),
        "MaybePoint" => Text(Returns.MaybePoint()),
        "Span" => Text(Returns.Span().Length),
        "Pointer" => Pointer(),
        "Reference" => Text(Returns.Reference()),
        "TaskOf" => Text(Returns.TaskOf().Result),
        "ValueTaskOf" => Text(Returns.ValueTaskOf().Result),
        "Void" => Void(),
        "EchoInt" => Text(Returns.Echo(5)),
        "EchoString" => Text(Returns.Echo("five")),
        "EchoPoint" => Text(Returns.Echo(new Point(5, 5))),
        "Items" => Text(Returns.Items()?.Sum()),
        "Throws" => Threw(Returns.Throws),
        "Caught" => Text(Returns.Caught()),
        "TryParse" => TryParse(),
        "MakePoint" => Text(new Point(1, 2)),
        "MakePair" => MakePair(),
        "Made" => Text(new Made().Number),
        "Next" => Text(new Made().Next(2)),
        "BoxInt" => Text(new Box<int>(5).Get()),
        "BoxString" => Text(new Box<string>("five").Get()),
        "BoxCount" => Text(new Box<string>("five").Count() + new Box<int>(5).Count()),
        "Property" => Text(Returns.Property > 0),
        "IsNullOrEmpty" => Text(string.IsNullOrEmpty("text")),
        "MachineName" => Text(Environment.MachineName),
        "DecimalParse" => Text(decimal.Parse("12.5")),
        "LongCount" => Text(Enumerable.LongCount([1, 2, 3])),
        _ => "?",
    };
}
