using System;

/// Small is inlined into Big and into Loop, Big into nobody: what a recompilation must follow.
public class Calc
{
    public static int Small(int a) => a + 1;

    public int Big(int a, string s)
    {
        int sum = 0;
        for (int i = 0; i < 3; i++)
            sum += Small(a + i);
        return sum + s.Length;
    }
}

/// Reads a number a line, and answers with what that many turns give, or with what was thrown.
public static class Program
{
    private static int Loop(Calc calc, int turns)
    {
        int result = 0;
        for (int i = 0; i < turns; i++)
        {
            result += Calc.Small(i);
            result ^= calc.Big(i, "abc");
        }
        return result;
    }

    public static void Main()
    {
        var calc = new Calc();
        while (Console.ReadLine() is { } line)
        {
            try
            {
                Console.WriteLine(Loop(calc, int.Parse(line)));
            }
            catch (Exception thrown)
            {
                Console.WriteLine(thrown.GetType().Name);
            }
        }
    }
}
