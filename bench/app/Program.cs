// What the benches look into. Orders on standard input, one line each, one line of answer:
//   floor TURNS            C code of ours in this process: two clock reads and a store a turn
//   clock TURNS            one clock read a turn
//   call TURNS             a loop around Target.Work(int), ns a turn
//   threads THREADS TURNS  the same on several threads at once, ns a turn
//   rate PER_SECOND MS     calls Work at a fixed rate, answers how many calls it made
//   calls                  how often Work has been called in all
//   park THREADS           threads that have called Work once and stay (memory bench)
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Bench;

for (int i = 0; i < 40; i++)
{
    Target.Loop(20_000);
    Thread.Sleep(5);
}

Console.WriteLine($"ready {Environment.ProcessId}");
while (Console.ReadLine() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "floor": Say(Native.rejig_bench_floor(long.Parse(words[1]))); break;
        case "clock": Say(Native.rejig_bench_clock(long.Parse(words[1]))); break;
        case "call": Say(Target.Timed(int.Parse(words[1]))); break;
        case "threads": Say(Target.OnThreads(int.Parse(words[1]), int.Parse(words[2]))); break;
        case "rate": Console.WriteLine(Target.AtRate(long.Parse(words[1]), long.Parse(words[2]))); break;
        case "calls": Console.WriteLine(Target.Calls); break;
        case "park": Target.Park(int.Parse(words[1])); Console.WriteLine("parked"); break;
        case "quit": return;
    }
}

static void Say(double nanoseconds) => Console.WriteLine(nanoseconds.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture));

internal static partial class Native
{
    [DllImport("rejig_bench_floor")]
    public static extern double rejig_bench_floor(long turns);

    [DllImport("rejig_bench_floor")]
    public static extern double rejig_bench_clock(long turns);
}

namespace Bench
{
    public static class Target
    {
        public static long Calls;

        private static readonly ManualResetEvent Gate = new(false);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static int Work(int number) => number ^ 5;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static long Loop(int turns)
        {
            long sum = 0;
            for (int i = 0; i < turns; i++)
            {
                sum += Work(i);
            }

            Interlocked.Add(ref Calls, turns);
            return sum;
        }

        public static double Timed(int turns)
        {
            long start = Stopwatch.GetTimestamp();
            Loop(turns);
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / turns;
        }

        public static double OnThreads(int threads, int turns)
        {
            using var barrier = new Barrier(threads + 1);
            double[] each = new double[threads];
            Thread[] running = Enumerable.Range(0, threads).Select(number => new Thread(() =>
            {
                barrier.SignalAndWait();
                each[number] = Timed(turns);
            })).ToArray();
            Array.ForEach(running, thread => thread.Start());
            barrier.SignalAndWait();
            Array.ForEach(running, thread => thread.Join());
            return each.Average();
        }

        /// <summary>In bursts of at most a millisecond's worth, so that the rate holds on average.</summary>
        public static long AtRate(long perSecond, long milliseconds)
        {
            var clock = Stopwatch.StartNew();
            long made = 0;
            while (clock.ElapsedMilliseconds < milliseconds)
            {
                long due = (long)(clock.Elapsed.TotalSeconds * perSecond);
                if (due > made)
                {
                    Loop((int)(due - made));
                    made = due;
                }
                else
                {
                    Thread.Sleep(perSecond > 10_000 ? 0 : 1);
                }
            }

            return made;
        }

        public static void Park(int threads)
        {
            using var inside = new CountdownEvent(threads);
            for (int i = 0; i < threads; i++)
            {
                var thread = new Thread(() =>
                {
                    Loop(100);
                    inside.Signal();
                    Gate.WaitOne();
                }) { IsBackground = true };
                thread.Start();
            }

            inside.Wait();
        }
    }
}
