namespace Kinds;

/// <summary>An interface with twenty implementations: what a declared type does not tell.</summary>
public interface IShape
{
    int Area();
}

public sealed class Shape0(int side) : IShape
{
    private readonly int _side0 = side;

    public string Label { get; } = "shape 0";

    public int Area() => _side0 * 0;
}

public sealed class Shape1(int side) : IShape
{
    private readonly int _side1 = side;

    public string Label { get; } = "shape 1";

    public int Area() => _side1 * 1;
}

public sealed class Shape2(int side) : IShape
{
    private readonly int _side2 = side;

    public string Label { get; } = "shape 2";

    public int Area() => _side2 * 2;
}

public sealed class Shape3(int side) : IShape
{
    private readonly int _side3 = side;

    public string Label { get; } = "shape 3";

    public int Area() => _side3 * 3;
}

public sealed class Shape4(int side) : IShape
{
    private readonly int _side4 = side;

    public string Label { get; } = "shape 4";

    public int Area() => _side4 * 4;
}

public sealed class Shape5(int side) : IShape
{
    private readonly int _side5 = side;

    public string Label { get; } = "shape 5";

    public int Area() => _side5 * 5;
}

public sealed class Shape6(int side) : IShape
{
    private readonly int _side6 = side;

    public string Label { get; } = "shape 6";

    public int Area() => _side6 * 6;
}

public sealed class Shape7(int side) : IShape
{
    private readonly int _side7 = side;

    public string Label { get; } = "shape 7";

    public int Area() => _side7 * 7;
}

public sealed class Shape8(int side) : IShape
{
    private readonly int _side8 = side;

    public string Label { get; } = "shape 8";

    public int Area() => _side8 * 8;
}

public sealed class Shape9(int side) : IShape
{
    private readonly int _side9 = side;

    public string Label { get; } = "shape 9";

    public int Area() => _side9 * 9;
}

public sealed class Shape10(int side) : IShape
{
    private readonly int _side10 = side;

    public string Label { get; } = "shape 10";

    public int Area() => _side10 * 10;
}

public sealed class Shape11(int side) : IShape
{
    private readonly int _side11 = side;

    public string Label { get; } = "shape 11";

    public int Area() => _side11 * 11;
}

public sealed class Shape12(int side) : IShape
{
    private readonly int _side12 = side;

    public string Label { get; } = "shape 12";

    public int Area() => _side12 * 12;
}

public sealed class Shape13(int side) : IShape
{
    private readonly int _side13 = side;

    public string Label { get; } = "shape 13";

    public int Area() => _side13 * 13;
}

public sealed class Shape14(int side) : IShape
{
    private readonly int _side14 = side;

    public string Label { get; } = "shape 14";

    public int Area() => _side14 * 14;
}

public sealed class Shape15(int side) : IShape
{
    private readonly int _side15 = side;

    public string Label { get; } = "shape 15";

    public int Area() => _side15 * 15;
}

public sealed class Shape16(int side) : IShape
{
    private readonly int _side16 = side;

    public string Label { get; } = "shape 16";

    public int Area() => _side16 * 16;
}

public sealed class Shape17(int side) : IShape
{
    private readonly int _side17 = side;

    public string Label { get; } = "shape 17";

    public int Area() => _side17 * 17;
}

public sealed class Shape18(int side) : IShape
{
    private readonly int _side18 = side;

    public string Label { get; } = "shape 18";

    public int Area() => _side18 * 18;
}

public sealed class Shape19(int side) : IShape
{
    private readonly int _side19 = side;

    public string Label { get; } = "shape 19";

    public int Area() => _side19 * 19;
}

public static class Shapes
{
    public static IShape[] All() =>
    [
        new Shape0(1),
        new Shape1(2),
        new Shape2(3),
        new Shape3(4),
        new Shape4(5),
        new Shape5(6),
        new Shape6(7),
        new Shape7(8),
        new Shape8(9),
        new Shape9(10),
        new Shape10(11),
        new Shape11(12),
        new Shape12(13),
        new Shape13(14),
        new Shape14(15),
        new Shape15(16),
        new Shape16(17),
        new Shape17(18),
        new Shape18(19),
        new Shape19(20),
    ];
}
