namespace LateModule;

public static class Doubler
{
    public static int Double(int number) => number * 2;
}
