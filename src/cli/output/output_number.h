/*
 * output_number: numbers and times as the user reads them. Texts are ASCII but for µ; every
 * function writes a terminated text of less than NUMBER_TEXT bytes and returns its length.
 */
#ifndef OUTPUT_NUMBER_H
#define OUTPUT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NUMBER_TEXT 64

/* Three digits and a unit: 812 ns, 2.41 µs, 14.0 ms, 3.02 s; from 1,000 s on 16m 40s,
 * 3h 12m, 2d 04h. */
size_t number_duration(char to[NUMBER_TEXT], uint64_t nanoseconds);
/* 12,345,678 */
size_t number_grouped(char to[NUMBER_TEXT], uint64_t value);
size_t number_u64(char *to, uint64_t value);
size_t number_i64(char *to, int64_t value);
/* The shortest text that reads back as the same double (or float), in the form that .NET's
 * ToString gives it under the invariant culture: 0.1, 1E+16, NaN, -Infinity, -0. */
size_t number_double(char to[NUMBER_TEXT], double value, bool is_float);
/* 4.00 KiB, 32.0 MiB */
size_t number_bytes(char to[NUMBER_TEXT], uint64_t bytes);

/* Wall-clock texts; the conversion of the last second is kept, because events come in
 * millions a second. Zero-initialised at first. Not for two threads at once. */
struct number_clock {
    bool known;
    int64_t second;
    struct tm local;
    char offset[8]; /* +01:00 */
    char date[32];  /* 2026-11-22T14:03:11 */
};
/* 14:03:11.482 */
size_t number_time_local(struct number_clock *clock, char to[NUMBER_TEXT], uint64_t realtime);
/* 2026-11-22T14:03:11.482301944+01:00 */
size_t number_time_iso(struct number_clock *clock, char to[NUMBER_TEXT], uint64_t realtime);

#endif
