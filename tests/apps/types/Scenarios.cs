using System.Reflection;
using System.Reflection.Emit;

namespace Types;

/// <summary>Which values a scenario's call i gets.</summary>
public static class Scenarios
{
    private static readonly List<IShape> Shapes =
    [
        new Shape0(), new Shape1(), new Shape2(), new Shape3(), new Shape4(), new Shape5(), new Shape6(), new Shape7(),
        new Shape8(), new Shape9(), new Shape10(), new Shape11(), new Shape12(), new Shape13(), new Shape14(),
        new Shape15(), new Shape16(), new Shape17(), new Shape18(),
    ];

    public static void Load(string path) =>
        Shapes.Add((IShape)Activator.CreateInstance(Assembly.LoadFrom(path).GetType("TypesLate.LateShape", true)!));

    public static void Emit()
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Emitted"), AssemblyBuilderAccess.Run);
        var type = assembly.DefineDynamicModule("Emitted").DefineType("EmittedShape", TypeAttributes.Public, typeof(object), [typeof(IShape)]);
        type.DefineField("Answer", typeof(int), FieldAttributes.Public);
        var area = type.DefineMethod("Area", MethodAttributes.Public | MethodAttributes.Virtual, typeof(int), []);
        var il = area.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4, 42);
        il.Emit(OpCodes.Ret);
        Type made = type.CreateType();
        object shape = Activator.CreateInstance(made);
        made.GetField("Answer")!.SetValue(shape, 42);
        Shapes.Add((IShape)shape);
    }

    public static void Run(string name, int i)
    {
        switch (name)
        {
            case "shapes": Shapes.ForEach(shape => Takes.Shape(shape)); break;
            case "strings":
                Takes.StringArray(["a" + i, null, ""]);
                Takes.StringList(["b" + i, "\"q\"\n"]);
                Takes.StringSpan((string[])["c" + i, null, "cc"]);
                Takes.StringTuple(("d" + i, null, i));
                Takes.ClassTuple(Tuple.Create("e" + i, i));
                break;
            case "map": Takes.Map(new Dictionary<string, int> { ["one"] = 1, ["two"] = 2 }); break;
            case "maps":
                var holes = Enumerable.Range(0, 9).ToDictionary(n => n, n => new Inner(n, "n" + n));
                holes.Remove(0);
                holes.Remove(4);
                Takes.Maps(holes, [], ["x", null, "y"], new Dictionary<Level, int?> { [Level.High] = null, [Level.Low] = 2 });
                break;
            case "nested": Takes.Nested(new Outer(i)); break;
            case "boxed":
                foreach (object value in (object[])[i, "s", 1.5, Level.High, new Inner(i, "boxed"), 2.5m, new DateOnly(2026, 1, 2), 'c', true, (1, "t"), new int[] { i }])
                {
                    Takes.Boxed(value);
                }

                break;
            case "perhaps":
                Takes.Perhaps(i % 2 == 0 ? new Inner(i, "some") : null, i % 2 == 0 ? i : null, i % 2 == 0 ? Level.High : null, i % 2 == 0 ? 1.5m : null);
                break;
            case "enums": Takes.Enums(i == 0 ? Level.High : (Level)9, i == 0 ? Rights.Write | Rights.Far : Rights.None); break;
            case "fields": Takes.AllFields(new Fields()); break;
            case "times":
                Takes.Times(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-3.5)), DateOnly.MaxValue, new TimeOnly(23, 59, 59, 999, 999),
                    TimeSpan.FromDays(-1.5), new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Unspecified).AddTicks(1234567));
                break;
            case "arrays":
                Takes.Arrays(['x', 'y', '\0'], [0, 255, (byte)i], [[1, 2], null, []], new int[,] { { 1, 2 }, { 3, 4 } },
                    [new Inner(1, "one"), new Inner(2, null)], [1, "two", null]);
                break;
            case "structs":
                Takes.Structs([new Inner(i, "first")], [Level.Low, Level.High], [1.5m, -2m], [1, null, 3]);
                break;
            case "cycle":
                var node = new Node { Number = 1, Next = new Node { Number = 2 } };
                node.Next.Next = node;
                Takes.Cycle(node);
                break;
            case "nulls": Takes.Nulls(null, null, null, null, null, null, null); break;
            case "long": Takes.Long(new string('x', 1000) + i, Enumerable.Range(0, 500).ToArray()); break;
            case "error":
                Takes.Error(new InvalidOperationException("outer " + i, new ArgumentException("inner " + i)));
                break;
            case "throw":
                try
                {
                    Takes.Throw(i);
                }
                catch (InvalidOperationException)
                {
                }

                break;
            case "hidden": Takes.Hidden(new List<Rare> { new() { Number = 5 } }); break;
            case "faults":
                for (int j = 0; j < 2; j++)
                {
                    try
                    {
                        Takes.Fault(i + j);
                    }
                    catch (Exception)
                    {
                    }
                }

                break;
            case "generic":
                Takes.Generic(i, [i, 2]);
                Takes.Generic("g" + i, ["h", null]);
                Takes.Generic<int?>(i % 2 == 0 ? i : null, [null, 3]);
                Takes.Generic(new Inner(i, "generic"), []);
                break;
            case "records": Takes.Records(new Person("Ada", 36 + i), new Coordinates(1.5, -2.25)); break;
            case "heirs":
                Takes.Heir(new Parent(i), new Child(i));
                new Child(i).Own(i);
                break;
            default: throw new ArgumentException(name);
        }
    }
}
