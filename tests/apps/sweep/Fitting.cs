// Type arguments that fit: object for all, int for all, then what the constraints ask for.
using System.Numerics;
using System.Reflection;

namespace Sweep;

static class Fitting
{
    const int Most = 256; // combinations that are tried for one method

    enum Byte : byte { Zero }
    sealed class Plain;
    struct Empty;

    static readonly Type[] common =
    [
        typeof(object), typeof(int), typeof(string), typeof(byte), typeof(char), typeof(ushort), typeof(uint), typeof(long), typeof(ulong),
        typeof(double), typeof(float), typeof(Half), typeof(decimal), typeof(BigInteger), typeof(Int128), typeof(nint),
        typeof(DayOfWeek), typeof(Byte), typeof(Plain), typeof(Empty), typeof(Action), typeof(DateTime), typeof(TimeSpan),
        typeof(int[]), typeof(List<int>), typeof(List<object>), typeof(Dictionary<object, object>), typeof(MemoryStream),
        typeof(Exception), typeof(Attribute), typeof(EventArgs), typeof(Task), typeof(KeyValuePair<object, object>),
    ];

    static readonly Dictionary<Assembly, Type[]> types = [];

    public static IEnumerable<Type[]> Arguments(Type[] parameters)
    {
        yield return Fill(parameters, typeof(object));
        yield return Fill(parameters, typeof(int));
        Type[][] candidates = Array.ConvertAll(parameters, Candidates);
        long[] at = new long[parameters.Length];
        for (int tries = 0; tries < Most; tries++)
        {
            Type[] chosen = new Type[parameters.Length];
            for (int i = 0; i < chosen.Length; i++)
            {
                if (candidates[i].Length == 0)
                    yield break;
                chosen[i] = candidates[i][at[i]];
            }
            yield return chosen;
            int place = 0;
            while (place < at.Length && ++at[place] == candidates[place].Length)
                at[place++] = 0;
            if (place == at.Length)
                yield break;
        }
    }

    static Type[] Fill(Type[] parameters, Type type) => Array.ConvertAll(parameters, _ => type);

    // By the special constraints, and by those that name a type without type parameters; what
    // names others (where T : INumber<T>) is settled by trying. Constraints that are types come first.
    static Type[] Candidates(Type parameter)
    {
        Type[] constraints = parameter.GetGenericParameterConstraints();
        List<Type> found = [];
        foreach (Type constraint in constraints)
            if (!constraint.ContainsGenericParameters)
                found.Add(constraint);
        found.AddRange(common);
        if (constraints.Length > 0)
            found.AddRange(Types(parameter.Module.Assembly));
        foreach (Type constraint in constraints)
            if (constraint.Assembly != parameter.Module.Assembly && !constraint.IsGenericParameter)
                found.AddRange(Types(constraint.Assembly));
        return [.. found.Distinct().Where(type => Fits(parameter, constraints, type)).Take(6)];
    }

    static Type[] Types(Assembly assembly)
    {
        if (!types.TryGetValue(assembly, out Type[] all))
        {
            try
            {
                all = assembly.GetTypes();
            }
            catch (ReflectionTypeLoadException e)
            {
                all = [.. e.Types.Where(type => type != null)];
            }
            types[assembly] = all = [.. all.Where(type => !type.IsGenericTypeDefinition)];
        }
        return all;
    }

    static bool Fits(Type parameter, Type[] constraints, Type type)
    {
        GenericParameterAttributes special = parameter.GenericParameterAttributes;
        if (type.IsByRefLike || type.IsByRef || type.IsPointer || type == typeof(void) || type.IsAbstract && type.IsSealed)
            return false;
        if (special.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) && type.IsValueType)
            return false;
        if (special.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint) && !type.IsValueType)
            return false;
        if (special.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) && !type.IsValueType &&
            (type.IsAbstract || type.GetConstructor([]) == null))
            return false;
        foreach (Type constraint in constraints)
            if (!Satisfies(constraint, type))
                return false;
        return true;
    }

    static bool Satisfies(Type constraint, Type type)
    {
        if (constraint.IsGenericParameter)
            return true;
        if (!constraint.ContainsGenericParameters)
            return constraint.IsAssignableFrom(type);
        Type definition = constraint.GetGenericTypeDefinition();
        if (constraint.IsInterface)
            return (type.IsInterface ? type.GetInterfaces().Append(type) : type.GetInterfaces())
                .Any(face => face.IsGenericType && face.GetGenericTypeDefinition() == definition);
        for (Type up = type; up != null; up = up.BaseType)
            if (up.IsGenericType && up.GetGenericTypeDefinition() == definition)
                return true;
        return false;
    }
}
