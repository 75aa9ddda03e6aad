// Top-level statements, of which the compiler makes Program.<Main>$.
Func<int, int> twice = value => value * 2;
Console.WriteLine(Check(twice(args.Length)));

static int Check(int value) => value;
