/*
 * base_clock: time. All in nanoseconds unless a name says otherwise.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC; CLOCK_REALTIME; CLOCK_BOOTTIME. */
uint64_t clock_monotonic(void);
uint64_t clock_realtime(void);
uint64_t clock_boottime(void);

/* True where the kernel itself keeps time by the tsc (its current clocksource), so that
 * rdtsc is the same on all processors. False on machines other than x86-64. */
bool clock_tsc_usable(void);
/* The raw counter; 0 where there is none. */
uint64_t clock_tsc(void);

/* A straight line from raw ticks to realtime: realtime = origin_realtime +
 * (ticks - origin_ticks) * nanoseconds_per_tick, measured between two moments. */
struct clock_line {
    uint64_t origin_ticks;
    uint64_t origin_realtime;
    double nanoseconds_per_tick;
};
uint64_t clock_line_realtime(const struct clock_line *line, uint64_t ticks);
uint64_t clock_line_duration(const struct clock_line *line, uint64_t ticks);

#endif
