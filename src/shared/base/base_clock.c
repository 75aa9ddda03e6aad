#include "base_clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static uint64_t now(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clock_monotonic(void)
{
    return now(CLOCK_MONOTONIC);
}

uint64_t clock_realtime(void)
{
    return now(CLOCK_REALTIME);
}

uint64_t clock_boottime(void)
{
    return now(CLOCK_BOOTTIME);
}

#if defined(__x86_64__)
bool clock_tsc_usable(void)
{
    char source[16] = "";
    int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                    O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, source, sizeof(source) - 1);
    close(file);
    return length >= 3 && memcmp(source, "tsc", 3) == 0 && (source[3] == '\n' || !source[3]);
}

uint64_t clock_tsc(void)
{
    return __rdtsc();
}
#else
bool clock_tsc_usable(void)
{
    return false;
}

uint64_t clock_tsc(void)
{
    return 0;
}
#endif

/* A record may hold any ticks: what would leave the range is held at its end. */
static int64_t nanoseconds(double value)
{
    if (value >= 9.2e18)
        return INT64_MAX;
    if (value <= -9.2e18)
        return INT64_MIN;
    return value == value ? (int64_t)value : 0;
}

uint64_t clock_line_realtime(const struct clock_line *line, uint64_t ticks)
{
    int64_t distance = (int64_t)(ticks - line->origin_ticks);
    return line->origin_realtime +
           (uint64_t)nanoseconds((double)distance * line->nanoseconds_per_tick);
}

uint64_t clock_line_duration(const struct clock_line *line, uint64_t ticks)
{
    int64_t duration = nanoseconds((double)ticks * line->nanoseconds_per_tick);
    return duration > 0 ? (uint64_t)duration : 0;
}
