// uses: output wire clr
// sanitize: address,undefined
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output_known.h"
#include "output_number.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0 ns"},
        {812, "812 ns"},
        {999, "999 ns"},
        {1000, "1.00 µs"},
        {2414, "2.41 µs"},
        {9994, "9.99 µs"},
        {9996, "10.0 µs"},
        {99949, "99.9 µs"},
        {99951, "100 µs"},
        {999499, "999 µs"},
        {999600, "1.00 ms"},
        {2410331, "2.41 ms"},
        {14000000, "14.0 ms"},
        {3020000000, "3.02 s"},
        {212000000000, "212 s"},
        {999400000000, "999 s"},
        {999600000000, "16m 40s"},
        {3600000000000, "1h 00m"},
        {3599600000000, "1h 00m"},
        {11520000000000, "3h 12m"},
        {187200000000000, "2d 04h"},
        {UINT64_MAX, "213503d 23h"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUMBER_TEXT];
        assert_int_equal(number_duration(text, cases[i].ns), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_integers(void **state)
{
    (void)state;
    char text[NUMBER_TEXT];
    number_grouped(text, 0);
    assert_string_equal(text, "0");
    number_grouped(text, 999);
    assert_string_equal(text, "999");
    number_grouped(text, 12345);
    assert_string_equal(text, "12,345");
    number_grouped(text, UINT64_MAX);
    assert_string_equal(text, "18,446,744,073,709,551,615");
    number_i64(text, INT64_MIN);
    assert_string_equal(text, "-9223372036854775808");
    number_bytes(text, 1023);
    assert_string_equal(text, "1023 B");
    number_bytes(text, 33554432);
    assert_string_equal(text, "32.0 MiB");
}

/* What .NET 10 prints for them under the invariant culture, measured. */
static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits; /* of the double */
        bool is_float;
        const char *text;
    } cases[] = {
        {0x3fb999999999999a, false, "0.1"},
        {0x42d6bcc41e900000, false, "100000000000000"},
        {0x4341c37937e08000, false, "10000000000000000"},
        {0x437b69b4ba630f35, false, "1.2345678901234568E+17"},
        {0x4351fbced33e6e80, false, "20247761320000000"},
        {0x3f1a36e2eb1c432d, false, "0.0001"},
        {0x3ee4f8b588e368f1, false, "1E-05"},
        {0x8000000000000000, false, "-0"},
        {0x405e200000000000, false, "120.5"},
        {0x0000000000000001, false, "5E-324"},
        {0x7fefffffffffffff, false, "1.7976931348623157E+308"},
        {0x44b52d02c7e14af6, false, "1E+23"},
        {0x3fe5555555555555, false, "0.6666666666666666"},
        {0xc0f86a0000000000, false, "-100000"},
        {0x7ff0000000000000, false, "Infinity"},
        {0xfff0000000000000, false, "-Infinity"},
        {0x7ff8000000000000, false, "NaN"},
        {0x3fb99999a0000000, true, "0.1"},
        {0x4197d78400000000, true, "100000000"},
        {0x47efffffe0000000, true, "3.4028235E+38"},
        {0x36a0000000000000, true, "1E-45"},
        {0x40fe240b40000000, true, "123456.7"},
        {0x3ec805b560000000, true, "2.8636812E-06"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUMBER_TEXT];
        double value;
        memcpy(&value, &cases[i].bits, sizeof value);
        assert_int_equal(number_double(text, value, cases[i].is_float), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_times(void **state)
{
    (void)state;
    struct number_clock clock = {0};
    char text[NUMBER_TEXT];
    setenv("TZ", "XYZ-5:30", 1); /* five and a half hours east */
    tzset();
    uint64_t moment = 1763820191ull * 1000000000 + 482301944; /* 2025-11-22T14:03:11Z */
    assert_int_equal(number_time_iso(&clock, text, moment), 35);
    assert_string_equal(text, "2025-11-22T19:33:11.482301944+05:30");
    assert_int_equal(number_time_local(&clock, text, moment), 12);
    assert_string_equal(text, "19:33:11.482");
    number_time_iso(&clock, text, moment + 1000000000 - 482301944);
    assert_string_equal(text, "2025-11-22T19:33:12.000000000+05:30");
    setenv("TZ", "ABC8", 1);
    tzset();
    clock.known = false;
    number_time_iso(&clock, text, moment);
    assert_string_equal(text, "2025-11-22T06:03:11.482301944-08:00");
    unsetenv("TZ");
    tzset();
}

static void check_known(enum wire_type_kind kind, const void *bytes, size_t length,
                        const char *expected)
{
    char text[KNOWN_TEXT] = "";
    assert_int_equal(known_text(text, kind, NULL, bytes, length), strlen(expected));
    if (*expected)
        assert_string_equal(text, expected);
}

static void test_moments(void **state)
{
    (void)state;
    static const struct {
        uint64_t data;
        const char *text;
    } cases[] = {
        {0, "0001-01-01T00:00:00"},
        {3155378975999999999, "9999-12-31T23:59:59.9999999"},
        {639029198450000000ull | 1ull << 62, "2026-01-02T03:04:05Z"},
        {639029198451230000ull | 1ull << 62, "2026-01-02T03:04:05.123Z"},
        {639029198450000001ull | 2ull << 62, "2026-01-02T03:04:05.0000001"},
        {630822816000000000ull, "2000-01-01T00:00:00"},
        {630873792000000000ull, "2000-02-29T00:00:00"},
        {3155378976000000000ull, ""}, /* behind DateTime.MaxValue */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_known(WIRE_TYPE_DATETIME, &cases[i].data, 8, cases[i].text);
    check_known(WIRE_TYPE_DATETIME, &cases[0].data, 7, "");
    int32_t day = 738521;
    check_known(WIRE_TYPE_DATEONLY, &day, 4, "2023-01-02");
    uint64_t ticks = 110450000000ull;
    check_known(WIRE_TYPE_TIMEONLY, &ticks, 8, "03:04:05");
    ticks = 863999999999;
    check_known(WIRE_TYPE_TIMEONLY, &ticks, 8, "23:59:59.9999999");
    ticks = 864000000000;
    check_known(WIRE_TYPE_TIMEONLY, &ticks, 8, "");
}

static void test_spans(void **state)
{
    (void)state;
    static const struct {
        int64_t ticks;
        const char *text;
    } cases[] = {
        {0, "00:00:00"},
        {1, "00:00:00.0000001"},
        {-600000000, "-00:01:00"},
        {937840000000, "1.02:03:04"},
        {INT64_MAX, "10675199.02:48:05.4775807"},
        {INT64_MIN, "-10675199.02:48:05.4775808"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_known(WIRE_TYPE_TIMESPAN, &cases[i].ticks, 8, cases[i].text);
}

static void test_offsets(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0};
    int64_t ticks = 639029198450000000;
    int16_t minutes = 60;
    memcpy(bytes, &minutes, 2);
    memcpy(bytes + 8, &ticks, 8);
    check_known(WIRE_TYPE_DATETIMEOFFSET, bytes, 16, "2026-01-02T04:04:05+01:00");
    minutes = -210;
    memcpy(bytes, &minutes, 2);
    check_known(WIRE_TYPE_DATETIMEOFFSET, bytes, 16, "2026-01-01T23:34:05-03:30");
    check_known(WIRE_TYPE_DATETIMEOFFSET, bytes, 12, "");
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags, high;
        uint64_t low;
        const char *text;
    } cases[] = {
        {0, 0, 0, "0"},
        {2u << 16, 0, 12050, "120.50"},
        {0x80000000u | 4u << 16, 0, 5, "-0.0005"},
        {0, 0xffffffff, UINT64_MAX, "79228162514264337593543950335"},
        {28u << 16, 0xffffffff, UINT64_MAX, "7.9228162514264337593543950335"},
        {2u << 16, 0, 0, "0.00"},
        {29u << 16, 0, 1, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        memcpy(bytes, &cases[i].flags, 4);
        memcpy(bytes + 4, &cases[i].high, 4);
        memcpy(bytes + 8, &cases[i].low, 8);
        check_known(WIRE_TYPE_DECIMAL, bytes, 16, cases[i].text);
    }
    check_known(WIRE_TYPE_DECIMAL, "0123456789", 10, "");
}

static void test_guid(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {0xc4, 0xb7, 0xd1, 0xf3, 0x52, 0x6a, 0x0b, 0x4e,
                                      0x9c, 0x2d, 0x5b, 0x8e, 0x7a, 0x91, 0xc0, 0x4f};
    check_known(WIRE_TYPE_GUID, bytes, 16, "f3d1b7c4-6a52-4e0b-9c2d-5b8e7a91c04f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),   cmocka_unit_test(test_times),
        cmocka_unit_test(test_moments),   cmocka_unit_test(test_spans),
        cmocka_unit_test(test_offsets),   cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_guid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
