/*
 * floor: the least that a timed record can cost: two clock reads and one store a turn, in C,
 * in the target's own process. The benches put the probe's cost beside it.
 */
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

__attribute__((visibility("default"))) double rejig_bench_floor(int64_t turns);
__attribute__((visibility("default"))) double rejig_bench_clock(int64_t turns);

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* As much memory as a probe may use before it starts over: the stores go where rings are. */
#define SLOTS 4096
static volatile uint64_t store[SLOTS];

double rejig_bench_floor(int64_t turns)
{
    double start = nanoseconds();
    for (int64_t turn = 0; turn < turns; turn++) {
        uint64_t first = ticks();
        __asm__ volatile("" ::: "memory");
        uint64_t second = ticks();
        store[turn % SLOTS] = second - first;
    }
    return (nanoseconds() - start) / (double)turns;
}

double rejig_bench_clock(int64_t turns)
{
    double start = nanoseconds();
    for (int64_t turn = 0; turn < turns; turn++) {
        store[0] = ticks();
    }
    return (nanoseconds() - start) / (double)turns;
}
