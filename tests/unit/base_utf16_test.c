// uses: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base_utf16.h"

static void append(const char *expected, const void *utf16, size_t units)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    utf16_append_utf8(&buffer, utf16, units);
    assert_string_equal(buffer_text(&buffer), expected);
    buffer_release(&buffer);
}

static void to_utf8(void **state)
{
    (void)state;
    append("", NULL, 0);
    append("Az", "A\0z\0", 2);
    append("\xc3\xa9", "\xe9\0", 1);
    append("\xe2\x82\xac", "\xac\x20", 1);
    append("\xf0\x9f\x98\x80", "\x3d\xd8\x00\xde", 2);
    append("\xf4\x8f\xbf\xbf", "\xff\xdb\xff\xdf", 2);
}

static void lone_surrogates_are_replaced(void **state)
{
    (void)state;
    append("\xef\xbf\xbd", "\x3d\xd8", 1); /* high at the end */
    append("\xef\xbf\xbd"
           "A",
           "\x3d\xd8"
           "A\0",
           2);                                                 /* high before a letter */
    append("\xef\xbf\xbd", "\x00\xde", 1);                     /* low alone */
    append("\xef\xbf\xbd\xef\xbf\xbd", "\x00\xde\x3d\xd8", 2); /* swapped */
    append("\xef\xbf\xbd\xf0\x9f\x98\x80", "\x3d\xd8\x3d\xd8\x00\xde", 3);
}

static void a_fixed_array_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    char to[8];
    memset(to, 'x', sizeof(to));
    assert_int_equal(utf16_to_utf8(to, 5,
                                   "a\0\xac\x20"
                                   "b\0",
                                   3),
                     4);
    assert_string_equal(to, "a\xe2\x82\xac");
    assert_int_equal(utf16_to_utf8(to, 4,
                                   "a\0\xac\x20"
                                   "b\0",
                                   3),
                     1);
    assert_string_equal(to, "a");
    assert_int_equal(utf16_to_utf8(to, 1, "a\0", 1), 0);
    assert_string_equal(to, "");
    to[0] = 'x';
    assert_int_equal(utf16_to_utf8(to, 0, "a\0", 1), 0);
    assert_int_equal(to[0], 'x');
}

static void odd_addresses_are_read(void **state)
{
    (void)state;
    static const char bytes[] = "?h\0i\0";
    append("hi", bytes + 1, 2);
}

static void from(const char *text, size_t length, const uint16_t *expected, size_t units)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(utf16_append_from_utf8(&buffer, text, length), units);
    assert_int_equal(buffer.length, units * 2);
    for (size_t i = 0; i < units; i++)
        assert_int_equal(buffer.data[2 * i] | buffer.data[2 * i + 1] << 8, expected[i]);
    buffer_release(&buffer);
}

#define FROM(text, ...)                                                                            \
    from(text, sizeof(text) - 1, (const uint16_t[]){__VA_ARGS__},                                  \
         sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

static void from_utf8(void **state)
{
    (void)state;
    from("", 0, NULL, 0);
    FROM("A\0z", 'A', 0, 'z');
    FROM("\xc3\xa9\xe2\x82\xac", 0xe9, 0x20ac);
    FROM("\xf0\x9f\x98\x80", 0xd83d, 0xde00);
    FROM("\xf4\x8f\xbf\xbf", 0xdbff, 0xdfff);
}

static void malformed_utf8_is_replaced(void **state)
{
    (void)state;
    FROM("\x80"
         "a",
         0xfffd, 'a');                                        /* continuation alone */
    FROM("\xc0\xaf", 0xfffd, 0xfffd);                         /* overlong */
    FROM("\xe0\x80\x80", 0xfffd, 0xfffd, 0xfffd);             /* overlong */
    FROM("\xed\xa0\x80", 0xfffd, 0xfffd, 0xfffd);             /* a surrogate */
    FROM("\xf4\x90\x80\x80", 0xfffd, 0xfffd, 0xfffd, 0xfffd); /* over 10ffff */
    FROM("\xe2\x82", 0xfffd);                                 /* cut */
    FROM("\xe2\x82"
         "a",
         0xfffd, 'a');
    FROM("\xff", 0xfffd);
}

static void from_utf8_into_a_fixed_array(void **state)
{
    (void)state;
    uint16_t to[4] = {9, 9, 9, 9};
    assert_int_equal(utf16_from_utf8(to, 4, "ab"), 2);
    assert_int_equal(to[2], 0);
    assert_int_equal(to[3], 9);
    assert_int_equal(utf16_from_utf8(to, 3, "a\xf0\x9f\x98\x80"), 1); /* a pair is not split */
    assert_int_equal(to[1], 0);
    assert_int_equal(utf16_from_utf8(to, 4, "a\xf0\x9f\x98\x80"), 3);
    assert_int_equal(to[1], 0xd83d);
    assert_int_equal(utf16_from_utf8(to, 0, "a"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_utf8),
        cmocka_unit_test(lone_surrogates_are_replaced),
        cmocka_unit_test(a_fixed_array_is_cut_at_a_whole_character),
        cmocka_unit_test(odd_addresses_are_read),
        cmocka_unit_test(from_utf8),
        cmocka_unit_test(malformed_utf8_is_replaced),
        cmocka_unit_test(from_utf8_into_a_fixed_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
