namespace TypesLate;

/// <summary>The twentieth implementation: its module is loaded when the probe is long there.</summary>
public sealed class LateShape : Types.IShape
{
    private readonly int side = 19;

    public string Label { get; } = "late";

    public int Area() => side * 19;
}
