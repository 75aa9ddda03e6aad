#include "output_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull

size_t number_u64(char *to, uint64_t value)
{
    char digits[24];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    for (size_t i = 0; i < count; i++)
        to[i] = digits[count - 1 - i];
    to[count] = '\0';
    return count;
}

size_t number_i64(char *to, int64_t value)
{
    if (value >= 0)
        return number_u64(to, (uint64_t)value);
    *to = '-';
    return 1 + number_u64(to + 1, 0 - (uint64_t)value);
}

size_t number_grouped(char to[NUMBER_TEXT], uint64_t value)
{
    char digits[NUMBER_TEXT];
    size_t count = number_u64(digits, value);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            to[length++] = ',';
        to[length++] = digits[i];
    }
    to[length] = '\0';
    return length;
}

/* Three digits of value / 10^exponent, rounded; false where that gives four. */
static bool three_digits(char to[NUMBER_TEXT], double value, const char *unit)
{
    int places = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    if (value >= 999.5)
        return false;
    snprintf(to, NUMBER_TEXT, "%.*f %s", places, value, unit);
    return true;
}

static size_t long_duration(char to[NUMBER_TEXT], uint64_t seconds)
{
    unsigned long long s = seconds;
    if (s < 3600)
        snprintf(to, NUMBER_TEXT, "%llum %02llus", s / 60, s % 60);
    else if (s < 86400)
        snprintf(to, NUMBER_TEXT, "%lluh %02llum", s / 3600, s / 60 % 60);
    else
        snprintf(to, NUMBER_TEXT, "%llud %02lluh", s / 86400, s / 3600 % 24);
    return strlen(to);
}

size_t number_duration(char to[NUMBER_TEXT], uint64_t nanoseconds)
{
    static const char *const units[] = {"\xc2\xb5s", "ms", "s"};
    double value = (double)nanoseconds;
    if (nanoseconds < 1000) {
        size_t length = number_u64(to, nanoseconds);
        memcpy(to + length, " ns", 4);
        return length + 3;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        value /= 1000;
        if (three_digits(to, value, units[i]))
            return strlen(to);
    }
    return long_duration(to, nanoseconds / NS_PER_S + (nanoseconds % NS_PER_S >= NS_PER_S / 2));
}

size_t number_bytes(char to[NUMBER_TEXT], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    if (bytes < 1024) {
        size_t length = number_u64(to, bytes);
        memcpy(to + length, " B", 3);
        return length + 2;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        value /= 1024;
        if (three_digits(to, value, units[i]))
            return strlen(to);
    }
    snprintf(to, NUMBER_TEXT, "%.0f TiB", value);
    return strlen(to);
}

/* ---- doubles ---- */

static bool reads_back(const char *text, double value, bool is_float)
{
    return is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* The shortest digits that read back, without trailing zeros; *point is the place of the
 * decimal point: value = 0.d1d2d3... * 10^point. */
static size_t shortest_digits(double value, bool is_float, char *digits, int *point)
{
    char text[NUMBER_TEXT];
    int most = is_float ? 9 : 17;
    /* That many digits are always right, but for the numbers too small for full precision. */
    int least = value < (is_float ? (double)FLT_MIN : DBL_MIN) ? 1 : is_float ? 6 : 15;
    for (int precision = least; precision <= most; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (reads_back(text, value, is_float))
            break;
    }
    size_t count = 0;
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at != '.')
            digits[count++] = *at;
    *point = (int)strtol(at + 1, NULL, 10) + 1;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return count;
}

static size_t write_scientific(char *to, const char *digits, size_t count, int point)
{
    size_t length = 0;
    int exponent = point - 1;
    to[length++] = digits[0];
    if (count > 1) {
        to[length++] = '.';
        memcpy(to + length, digits + 1, count - 1);
        length += count - 1;
    }
    length += (size_t)snprintf(to + length, 8, "E%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    return length;
}

static size_t write_plain(char *to, const char *digits, size_t count, int point)
{
    size_t length = 0;
    if (point <= 0) {
        to[length++] = '0';
        to[length++] = '.';
        for (int i = point; i < 0; i++)
            to[length++] = '0';
    }
    for (size_t i = 0; i < count; i++) {
        if ((int)i == point && point > 0)
            to[length++] = '.';
        to[length++] = digits[i];
    }
    for (int i = (int)count; i < point; i++)
        to[length++] = '0';
    to[length] = '\0';
    return length;
}

static size_t copy_text(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length + 1);
    return length;
}

size_t number_double(char to[NUMBER_TEXT], double value, bool is_float)
{
    char digits[NUMBER_TEXT];
    int point;
    if (isnan(value))
        return copy_text(to, "NaN");
    if (isinf(value))
        return copy_text(to, value > 0 ? "Infinity" : "-Infinity");
    size_t sign = signbit(value) != 0;
    if (sign)
        to[0] = '-';
    if (value == 0)
        return sign + copy_text(to + sign, "0");
    size_t count = shortest_digits(fabs(value), is_float, digits, &point);
    if (point > (is_float ? 9 : 17) || point < -3)
        return sign + write_scientific(to + sign, digits, count, point);
    return sign + write_plain(to + sign, digits, count, point);
}

/* ---- times ---- */

static void convert(struct number_clock *clock, int64_t second)
{
    time_t time = (time_t)second;
    if (clock->known && clock->second == second)
        return;
    if (!localtime_r(&time, &clock->local))
        memset(&clock->local, 0, sizeof clock->local);
    const struct tm *tm = &clock->local;
    long east = tm->tm_gmtoff / 60;
    snprintf(clock->offset, sizeof clock->offset, "%c%02ld:%02ld", east < 0 ? '-' : '+',
             labs(east) / 60 % 100, labs(east) % 60);
    snprintf(clock->date, sizeof clock->date, "%04d-%02d-%02dT%02d:%02d:%02d",
             (tm->tm_year + 1900) % 10000, (tm->tm_mon + 1) % 100, tm->tm_mday % 100,
             tm->tm_hour % 100, tm->tm_min % 100, tm->tm_sec % 100);
    clock->second = second;
    clock->known = true;
}

static void put_digits(char *to, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        to[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

size_t number_time_local(struct number_clock *clock, char to[NUMBER_TEXT], uint64_t realtime)
{
    convert(clock, (int64_t)(realtime / NS_PER_S));
    memcpy(to, clock->date + 11, 8);
    to[8] = '.';
    put_digits(to + 9, realtime % NS_PER_S / 1000000, 3);
    to[12] = '\0';
    return 12;
}

size_t number_time_iso(struct number_clock *clock, char to[NUMBER_TEXT], uint64_t realtime)
{
    convert(clock, (int64_t)(realtime / NS_PER_S));
    memcpy(to, clock->date, 19);
    to[19] = '.';
    put_digits(to + 20, realtime % NS_PER_S, 9);
    memcpy(to + 29, clock->offset, 7);
    return 35;
}
