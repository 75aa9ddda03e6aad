// uses: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base_clock.h"
#include "base_error.h"
#include "base_text.h"

static void numbers(void **state)
{
    (void)state;
    uint64_t u = 5;
    int64_t i = 5;
    assert_true(text_to_u64("0", &u));
    assert_int_equal(u, 0);
    assert_true(text_to_u64("18446744073709551615", &u));
    assert_true(u == UINT64_MAX);
    assert_false(text_to_u64("18446744073709551616", &u));
    assert_false(text_to_u64("99999999999999999999999", &u));
    assert_true(u == UINT64_MAX);
    assert_false(text_to_u64("", &u));
    assert_false(text_to_u64(" 1", &u));
    assert_false(text_to_u64("1 ", &u));
    assert_false(text_to_u64("+1", &u));
    assert_false(text_to_u64("-1", &u));
    assert_false(text_to_u64("0x1", &u));
    assert_true(text_to_i64("-9223372036854775808", &i));
    assert_true(i == INT64_MIN);
    assert_true(text_to_i64("9223372036854775807", &i));
    assert_true(i == INT64_MAX);
    assert_false(text_to_i64("9223372036854775808", &i));
    assert_false(text_to_i64("-9223372036854775809", &i));
    assert_false(text_to_i64("-", &i));
    assert_false(text_to_i64("--1", &i));
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(text_starts_with("abc", "ab"));
    assert_true(text_starts_with("abc", ""));
    assert_false(text_starts_with("ab", "abc"));
    assert_true(text_ends_with("abc", "bc"));
    assert_true(text_ends_with("abc", ""));
    assert_false(text_ends_with("bc", "abc"));
}

static void copies_cut_at_whole_characters(void **state)
{
    (void)state;
    char to[6];
    assert_true(text_copy(to, sizeof(to), "12345"));
    assert_string_equal(to, "12345");
    assert_false(text_copy(to, sizeof(to), "123456"));
    assert_string_equal(to, "12345");
    assert_false(text_copy(to, sizeof(to), "123\xe2\x82\xac"));
    assert_string_equal(to, "123");
    assert_true(text_copy(to, sizeof(to), "12\xe2\x82\xac"));
    assert_false(text_copy(to, 1, "a"));
    assert_string_equal(to, "");
    assert_false(text_copy(to, 0, ""));
}

static void appends_within_the_array(void **state)
{
    (void)state;
    char to[8];
    size_t length = 0;
    text_append(to, sizeof(to), &length, "%d", 123);
    text_append(to, sizeof(to), &length, "%s", "45");
    assert_string_equal(to, "12345");
    assert_int_equal(length, 5);
    text_append(to, sizeof(to), &length, "%s", "6789");
    assert_string_equal(to, "1234567");
    assert_int_equal(length, 7);
    text_append(to, sizeof(to), &length, "x");
    assert_string_equal(to, "1234567");
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("OrderServce", "OrderService"), 1);
    assert_int_equal(text_distance("ORDER", "order"), 0);
    assert_int_equal(text_distance("Totla", "Total"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    char longest[300];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    assert_int_equal(text_distance(longest, ""), 128);
}

static void errors_hold_message_offset_and_hint(void **state)
{
    (void)state;
    struct error error;
    error_init(&error);
    assert_int_equal(error.status, STATUS_OK);
    assert_int_equal(error.offset, -1);
    assert_int_equal(error_set_at(&error, STATUS_MALFORMED, 12, "bad '%s'", "x"), STATUS_MALFORMED);
    error_hint(&error, "try %d", 2);
    error_prefix(&error, "reading '%s': ", "y.dll");
    assert_string_equal(error.message, "reading 'y.dll': bad 'x'");
    assert_string_equal(error.hint, "try 2");
    assert_int_equal(error.offset, 12);
    assert_int_equal(error_set(&error, STATUS_IO, "%s again", error.message), STATUS_IO);
    assert_string_equal(error.message, "reading 'y.dll': bad 'x' again");
    assert_string_equal(error.hint, "");
    assert_int_equal(error.offset, -1);
    assert_int_equal(error_set(NULL, STATUS_LIMIT, "nobody listens"), STATUS_LIMIT);
    error_hint(NULL, "x");
    error_prefix(NULL, "x");
    error_init(NULL);
}

static void long_errors_are_cut_with_an_ellipsis(void **state)
{
    (void)state;
    struct error error;
    char text[2 * ERROR_MESSAGE_BYTES];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    error_set(&error, STATUS_BUG, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_BYTES - 1);
    assert_true(text_ends_with(error.message, "a\xe2\x80\xa6"));
    /* Whatever the alignment, the cut is no half character. */
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i + 3 < sizeof(text) - shift; i += 3)
            memcpy(text + shift + i, "\xe2\x82\xac", 3);
        text[sizeof(text) - 1] = 0;
        error_set(&error, STATUS_BUG, "%s", text);
        error_prefix(&error, "12%s", "3");
        assert_true(text_ends_with(error.message, "\xe2\x82\xac\xe2\x80\xa6"));
        assert_true(text_starts_with(error.message, "123"));
        assert_in_range(strlen(error.message), ERROR_MESSAGE_BYTES - 4, ERROR_MESSAGE_BYTES - 1);
    }
}

static void every_status_has_words(void **state)
{
    (void)state;
    for (int status = STATUS_OK; status <= STATUS_BUG; status++)
        assert_string_not_equal(status_name((enum status)status), "unknown status");
    assert_string_equal(status_name(STATUS_NOT_FOUND), "not found");
    assert_string_equal(status_name((enum status)999), "unknown status");
}

static void a_clock_line_maps_ticks_both_ways(void **state)
{
    (void)state;
    struct clock_line line = {
        .origin_ticks = 1000, .origin_realtime = 5000000, .nanoseconds_per_tick = 0.5};
    assert_int_equal(clock_line_realtime(&line, 1000), 5000000);
    assert_int_equal(clock_line_realtime(&line, 3000), 5001000);
    assert_int_equal(clock_line_realtime(&line, 0), 4999500);
    assert_int_equal(clock_line_duration(&line, 10), 5);
    line.nanoseconds_per_tick = 1e30; /* nonsense from a file: no trap */
    assert_true(clock_line_duration(&line, UINT64_MAX) == INT64_MAX);
    line.nanoseconds_per_tick = -1;
    assert_int_equal(clock_line_duration(&line, 5), 0);
    (void)clock_line_realtime(&line, UINT64_MAX);
}

static void clocks_run(void **state)
{
    (void)state;
    uint64_t monotonic = clock_monotonic(), boottime = clock_boottime();
    assert_true(clock_monotonic() >= monotonic && monotonic > 0);
    assert_true(clock_boottime() >= boottime && boottime > 0);
    assert_true(clock_realtime() > 1700000000000000000u);
    if (clock_tsc_usable()) {
        uint64_t ticks = clock_tsc();
        assert_true(clock_tsc() >= ticks && ticks > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(copies_cut_at_whole_characters),
        cmocka_unit_test(appends_within_the_array),
        cmocka_unit_test(distances),
        cmocka_unit_test(errors_hold_message_offset_and_hint),
        cmocka_unit_test(long_errors_are_cut_with_an_ellipsis),
        cmocka_unit_test(every_status_has_words),
        cmocka_unit_test(a_clock_line_maps_ticks_both_ways),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
