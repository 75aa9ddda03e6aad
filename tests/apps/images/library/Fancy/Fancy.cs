// Who inlines, across assemblies.
using System;
using System.Collections.Generic;
using Simple;

namespace Fancy;

public class Work
{
    public static int AddTwice(int a, int b) => Calc.Add(a, b) + Calc.Add(b, a);

    public static int NestedUse(int a) => Calc.Nested.Sub(a, 3);

    public static bool Empty(string text) => string.IsNullOrEmpty(text);

    public static int Length(List<int> list) => list.Count + new Pair<int>(4).Get();

    public static int Item(Span<int> span, int index) => span[index];

    public static string Pasted(Pair<string> pair) => pair.Get();
}
