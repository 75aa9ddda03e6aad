namespace Types;

/// <summary>An interface with twenty implementations: nineteen here, one in TypesLate.</summary>
public interface IShape
{
    int Area();
}

public sealed class Shape0 : IShape
{
    private readonly int side = 0;

    public string Label { get; } = "shape 0";

    public int Area() => side * 0;
}

public class Shape1 : ShapeBase, IShape
{
    public long Wide = 1 * 1_000_000_000L;

    public Shape1() : base(1, "shape 1")
    {
    }

    public int Area() => Side;
}

public struct Shape2() : IShape
{
    public int Side = 2;
    public string Label = "shape 2";

    public readonly int Area() => Side;
}

public sealed class Shape3 : IShape
{
    private readonly int side = 3;

    public string Label { get; } = "shape 3";

    public int Area() => side * 3;
}

public class Shape4 : ShapeBase, IShape
{
    public long Wide = 4 * 1_000_000_000L;

    public Shape4() : base(4, "shape 4")
    {
    }

    public int Area() => Side;
}

public struct Shape5() : IShape
{
    public int Side = 5;
    public string Label = "shape 5";

    public readonly int Area() => Side;
}

public sealed class Shape6 : IShape
{
    private readonly int side = 6;

    public string Label { get; } = "shape 6";

    public int Area() => side * 6;
}

public class Shape7 : ShapeBase, IShape
{
    public long Wide = 7 * 1_000_000_000L;

    public Shape7() : base(7, "shape 7")
    {
    }

    public int Area() => Side;
}

public struct Shape8() : IShape
{
    public int Side = 8;
    public string Label = "shape 8";

    public readonly int Area() => Side;
}

public sealed class Shape9 : IShape
{
    private readonly int side = 9;

    public string Label { get; } = "shape 9";

    public int Area() => side * 9;
}

public class Shape10 : ShapeBase, IShape
{
    public long Wide = 10 * 1_000_000_000L;

    public Shape10() : base(10, "shape 10")
    {
    }

    public int Area() => Side;
}

public struct Shape11() : IShape
{
    public int Side = 11;
    public string Label = "shape 11";

    public readonly int Area() => Side;
}

public sealed class Shape12 : IShape
{
    private readonly int side = 12;

    public string Label { get; } = "shape 12";

    public int Area() => side * 12;
}

public class Shape13 : ShapeBase, IShape
{
    public long Wide = 13 * 1_000_000_000L;

    public Shape13() : base(13, "shape 13")
    {
    }

    public int Area() => Side;
}

public struct Shape14() : IShape
{
    public int Side = 14;
    public string Label = "shape 14";

    public readonly int Area() => Side;
}

public sealed class Shape15 : IShape
{
    private readonly int side = 15;

    public string Label { get; } = "shape 15";

    public int Area() => side * 15;
}

public class Shape16 : ShapeBase, IShape
{
    public long Wide = 16 * 1_000_000_000L;

    public Shape16() : base(16, "shape 16")
    {
    }

    public int Area() => Side;
}

public struct Shape17() : IShape
{
    public int Side = 17;
    public string Label = "shape 17";

    public readonly int Area() => Side;
}

public sealed class Shape18 : IShape
{
    private readonly int side = 18;

    public string Label { get; } = "shape 18";

    public int Area() => side * 18;
}

public abstract class ShapeBase(int side, string label)
{
    protected readonly int Side = side;

    public string Label { get; } = label;
}
