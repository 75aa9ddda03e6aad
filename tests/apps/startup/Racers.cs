using System.Runtime;
using System.Runtime.CompilerServices;

namespace Startup;

// Every method is called for the first time by all threads at once.
static class Racers
{
    const int Threads = 16;

    static readonly Func<int, int>[] methods =
    [
        M00, M01, M02, M03, M04, M05, M06, M07,
        M08, M09, M10, M11, M12, M13, M14, M15,
        M16, M17, M18, M19, M20, M21, M22, M23,
        M24, M25, M26, M27, M28, M29, M30, M31,
        M32, M33, M34, M35, M36, M37, M38, M39,
        M40, M41, M42, M43, M44, M45, M46, M47,
        M48, M49, M50, M51, M52, M53, M54, M55,
        M56, M57, M58, M59, M60, M61, M62, M63,
    ];

    public static int Run(int count)
    {
        long sum = 0;
        using var barrier = new Barrier(Threads);
        var threads = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            threads[i] = new Thread(() =>
            {
                long own = 0;
                for (int at = 0; at < count; at++)
                {
                    barrier.SignalAndWait();
                    own += methods[at](at);
                }

                Interlocked.Add(ref sum, own);
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        Program.Say(sum, (int)JitInfo.GetCompiledMethodCount());
        return 0;
    }

    // So small that each of the methods below holds a copy.
    static int Step(int number) => number + 1;

    static int M00(int number) => Step(number) + 0;
    static int M01(int number) => Step(number) + 1;
    static int M02(int number) => Step(number) + 2;
    static int M03(int number) => Step(number) + 3;
    static int M04(int number) => Step(number) + 4;
    static int M05(int number) => Step(number) + 5;
    static int M06(int number) => Step(number) + 6;
    static int M07(int number) => Step(number) + 7;
    static int M08(int number) => Step(number) + 8;
    static int M09(int number) => Step(number) + 9;
    static int M10(int number) => Step(number) + 10;
    static int M11(int number) => Step(number) + 11;
    static int M12(int number) => Step(number) + 12;
    static int M13(int number) => Step(number) + 13;
    static int M14(int number) => Step(number) + 14;
    static int M15(int number) => Step(number) + 15;
    static int M16(int number) => Step(number) + 16;
    static int M17(int number) => Step(number) + 17;
    static int M18(int number) => Step(number) + 18;
    static int M19(int number) => Step(number) + 19;
    static int M20(int number) => Step(number) + 20;
    static int M21(int number) => Step(number) + 21;
    static int M22(int number) => Step(number) + 22;
    static int M23(int number) => Step(number) + 23;
    static int M24(int number) => Step(number) + 24;
    static int M25(int number) => Step(number) + 25;
    static int M26(int number) => Step(number) + 26;
    static int M27(int number) => Step(number) + 27;
    static int M28(int number) => Step(number) + 28;
    static int M29(int number) => Step(number) + 29;
    static int M30(int number) => Step(number) + 30;
    static int M31(int number) => Step(number) + 31;
    static int M32(int number) => Step(number) + 32;
    static int M33(int number) => Step(number) + 33;
    static int M34(int number) => Step(number) + 34;
    static int M35(int number) => Step(number) + 35;
    static int M36(int number) => Step(number) + 36;
    static int M37(int number) => Step(number) + 37;
    static int M38(int number) => Step(number) + 38;
    static int M39(int number) => Step(number) + 39;
    static int M40(int number) => Step(number) + 40;
    static int M41(int number) => Step(number) + 41;
    static int M42(int number) => Step(number) + 42;
    static int M43(int number) => Step(number) + 43;
    static int M44(int number) => Step(number) + 44;
    static int M45(int number) => Step(number) + 45;
    static int M46(int number) => Step(number) + 46;
    static int M47(int number) => Step(number) + 47;
    static int M48(int number) => Step(number) + 48;
    static int M49(int number) => Step(number) + 49;
    static int M50(int number) => Step(number) + 50;
    static int M51(int number) => Step(number) + 51;
    static int M52(int number) => Step(number) + 52;
    static int M53(int number) => Step(number) + 53;
    static int M54(int number) => Step(number) + 54;
    static int M55(int number) => Step(number) + 55;
    static int M56(int number) => Step(number) + 56;
    static int M57(int number) => Step(number) + 57;
    static int M58(int number) => Step(number) + 58;
    static int M59(int number) => Step(number) + 59;
    static int M60(int number) => Step(number) + 60;
    static int M61(int number) => Step(number) + 61;
    static int M62(int number) => Step(number) + 62;
    static int M63(int number) => Step(number) + 63;
}
