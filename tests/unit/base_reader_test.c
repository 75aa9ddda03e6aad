// uses: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base_reader.h"

static void reads_integers_little_endian(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
                                    0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xff, 0xfe, 0xff, 0xfd, 0xff,
                                    0xff, 0xff, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct reader reader;
    reader_init(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_u8(&reader), 0x01);
    assert_int_equal(reader_u16(&reader), 0x0302);
    assert_int_equal(reader_u32(&reader), 0x07060504);
    assert_true(reader_u64(&reader) == 0x0f0e0d0c0b0a0908u);
    assert_int_equal(reader_i8(&reader), -1);
    assert_int_equal(reader_i16(&reader), -2);
    assert_int_equal(reader_i32(&reader), -3);
    assert_true(reader_i64(&reader) == -4);
    assert_int_equal(reader_left(&reader), 0);
    assert_false(reader_failed(&reader));
}

static void a_read_past_the_end_is_zero_and_sticks(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct reader reader;
    reader_init(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_u32(&reader), 0x04030201);
    assert_int_equal(reader_u16(&reader), 0);
    assert_true(reader_failed(&reader));
    assert_int_equal(reader.position, 5);
    assert_int_equal(reader_u8(&reader), 0);
    reader_seek(&reader, 0);
    assert_int_equal(reader_u8(&reader), 0);
    assert_null(reader_bytes(&reader, 0));
    assert_true(reader_failed(&reader));
}

static void an_empty_window_reads_nothing(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader, NULL, 100);
    assert_int_equal(reader_left(&reader), 0);
    assert_non_null(reader_bytes(&reader, 0));
    assert_false(reader_failed(&reader));
    assert_null(reader_text(&reader, NULL));
    assert_true(reader_failed(&reader));
}

static void seeks_skips_and_aligns_inside_the_window(void **state)
{
    (void)state;
    static const uint8_t bytes[10] = {0};
    struct reader reader;
    reader_init(&reader, bytes, sizeof(bytes));
    reader_skip(&reader, 3);
    reader_align(&reader, 4);
    assert_int_equal(reader.position, 4);
    reader_align(&reader, 4);
    assert_int_equal(reader.position, 4);
    reader_seek(&reader, 10);
    assert_false(reader_failed(&reader));
    reader_align(&reader, 4);
    assert_true(reader_failed(&reader));
    reader_init(&reader, bytes, sizeof(bytes));
    reader_skip(&reader, SIZE_MAX);
    assert_true(reader_failed(&reader));
    reader_init(&reader, bytes, sizeof(bytes));
    reader_seek(&reader, 11);
    assert_true(reader_failed(&reader));
}

static void text_ends_at_its_nul(void **state)
{
    (void)state;
    struct reader reader;
    size_t length = 99;
    reader_init(&reader, "ab\0\0cd", 6);
    assert_string_equal(reader_text(&reader, &length), "ab");
    assert_int_equal(length, 2);
    assert_string_equal(reader_text(&reader, &length), "");
    assert_int_equal(length, 0);
    assert_int_equal(reader.position, 4);
    assert_null(reader_text(&reader, &length)); /* no NUL within the window */
    assert_true(reader_failed(&reader));
}

static void windows_know_their_file_offset(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct reader reader, window, inner;
    reader_init(&reader, bytes, sizeof(bytes));
    reader.base = 100;
    window = reader_window(&reader, 2, 4);
    assert_int_equal(reader_u8(&window), 2);
    assert_int_equal(reader_offset(&window), 103);
    inner = reader_window(&window, 3, 1);
    assert_int_equal(reader_offset(&inner), 105);
    assert_int_equal(reader_u8(&inner), 5);
    assert_int_equal(reader_u8(&inner), 0);
    assert_true(reader_failed(&inner));
    assert_false(reader_failed(&window));
    window = reader_window(&reader, 8, 0);
    assert_false(reader_failed(&window));
    window = reader_window(&reader, 1, SIZE_MAX);
    assert_true(reader_failed(&window));
    window = reader_window(&reader, SIZE_MAX, 2);
    assert_true(reader_failed(&window));
    assert_int_equal(reader_left(&window), 0);
}

struct compressed {
    uint8_t bytes[4];
    size_t length;
    int64_t value;
};

/* The examples of ECMA-335 II.23.2. */
static void compressed_unsigned(void **state)
{
    (void)state;
    static const struct compressed cases[] = {
        {{0x03}, 1, 0x03},
        {{0x7f}, 1, 0x7f},
        {{0x80, 0x80}, 2, 0x80},
        {{0xae, 0x57}, 2, 0x2e57},
        {{0xbf, 0xff}, 2, 0x3fff},
        {{0xc0, 0x00, 0x40, 0x00}, 4, 0x4000},
        {{0xdf, 0xff, 0xff, 0xff}, 4, 0x1fffffff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct reader reader;
        reader_init(&reader, cases[i].bytes, cases[i].length);
        assert_int_equal(reader_compressed_u32(&reader), cases[i].value);
        assert_int_equal(reader_left(&reader), 0);
        assert_false(reader_failed(&reader));
        reader_init(&reader, cases[i].bytes, cases[i].length - 1);
        assert_int_equal(reader_compressed_u32(&reader), 0);
        assert_true(reader_failed(&reader));
    }
}

static void compressed_signed(void **state)
{
    (void)state;
    static const struct compressed cases[] = {
        {{0x06}, 1, 3},
        {{0x7b}, 1, -3},
        {{0x80, 0x80}, 2, 64},
        {{0x01}, 1, -64},
        {{0xc0, 0x00, 0x40, 0x00}, 4, 8192},
        {{0x80, 0x01}, 2, -8192},
        {{0xdf, 0xff, 0xff, 0xfe}, 4, 268435455},
        {{0xc0, 0x00, 0x00, 0x01}, 4, -268435456},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct reader reader;
        reader_init(&reader, cases[i].bytes, cases[i].length);
        assert_int_equal(reader_compressed_i32(&reader), cases[i].value);
        assert_false(reader_failed(&reader));
    }
}

static void compressed_form_that_does_not_exist(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xe0, 0, 0, 0, 0xff};
    struct reader reader;
    reader_init(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_compressed_u32(&reader), 0);
    assert_true(reader_failed(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers_little_endian),
        cmocka_unit_test(a_read_past_the_end_is_zero_and_sticks),
        cmocka_unit_test(an_empty_window_reads_nothing),
        cmocka_unit_test(seeks_skips_and_aligns_inside_the_window),
        cmocka_unit_test(text_ends_at_its_nul),
        cmocka_unit_test(windows_know_their_file_offset),
        cmocka_unit_test(compressed_unsigned),
        cmocka_unit_test(compressed_signed),
        cmocka_unit_test(compressed_form_that_does_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
