// uses: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base_arena.h"
#include "base_buffer.h"

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    unsigned char *blocks[300];
    arena_init(&arena, 0);
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(&arena, i * 7 % 90);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t at = 0; at < i * 7 % 90; at++)
            assert_int_equal(blocks[i][at], 0);
        memset(blocks[i], (int)i & 0xff, i * 7 % 90);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t at = 0; at < i * 7 % 90; at++)
            assert_int_equal(blocks[i][at], i & 0xff);
    arena_release(&arena);
    assert_int_equal(arena.total, 0);
}

static void arena_limit_holds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    size_t got = 0;
    while (arena_alloc(&arena, 100))
        got++;
    assert_in_range(arena.total, 8000, 10000);
    assert_in_range(got, 70, 100);
    assert_null(arena_alloc(&arena, 5000));
    arena_release(&arena);
    assert_non_null(arena_alloc(&arena, 5000));
    assert_null(arena_alloc(&arena, 9000));
    arena_release(&arena);
    arena_init(&arena, 8);
    assert_null(arena_alloc(&arena, 1));
    arena_release(&arena);
}

static void arena_big_and_overflowing(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    char *small = arena_copy_text(&arena, "abc", 2);
    char *big = arena_alloc(&arena, 1 << 20);
    char *next = arena_format(&arena, "%d-%s", 42, "x");
    assert_string_equal(small, "ab");
    assert_string_equal(next, "42-x");
    /* A big block does not end the use of the small one. */
    assert_true(next - small > 0 && next - small < 4096);
    memset(big, 1, 1 << 20);
    assert_string_equal(small, "ab");
    assert_null(arena_alloc_array(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_copy_text(&arena, "x", SIZE_MAX));
    assert_non_null(arena_new_array(&arena, 0, uint64_t));
    arena_release(&arena);
}

static void buffer_grows_and_keeps(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_append_u8(&buffer, 1);
    buffer_append_u16(&buffer, 0x0302);
    buffer_append_u32(&buffer, 0x07060504);
    buffer_append_u64(&buffer, 0x0f0e0d0c0b0a0908u);
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(buffer.data[i], i + 1);
    buffer_append_zeros(&buffer, 100);
    assert_int_equal(buffer.length, 115);
    assert_int_equal(buffer.data[114], 0);
    buffer_consume(&buffer, 14);
    assert_int_equal(buffer.length, 101);
    assert_int_equal(buffer.data[0], 15);
    buffer_consume(&buffer, 1000);
    assert_int_equal(buffer.length, 0);
    assert_non_null(buffer_append(&buffer, NULL, 0));
    assert_false(buffer_failed(&buffer));
    buffer_release(&buffer);
}

static void buffer_text_is_terminated_at_every_length(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    for (size_t i = 1; i < 300; i++) {
        buffer_append_text(&buffer, "a");
        assert_int_equal(strlen(buffer_text(&buffer)), i);
        assert_int_equal(buffer.length, i);
    }
    buffer_release(&buffer);
}

static void buffer_formats_across_a_growth(void **state)
{
    (void)state;
    struct buffer buffer;
    char expected[4096] = "";
    buffer_init(&buffer, 0);
    for (int i = 0; i < 400; i++) {
        buffer_append_format(&buffer, "%d,%s", i, "xy");
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%d,%s", i,
                 "xy");
    }
    assert_string_equal(buffer_text(&buffer), expected);
    buffer_release(&buffer);
}

static void buffer_failure_sticks_until_cleared(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    buffer_append_text(&buffer, "12345678");
    assert_null(buffer_append(&buffer, "abc", 3));
    assert_true(buffer_failed(&buffer));
    assert_null(buffer_append(&buffer, "a", 1)); /* would fit: nothing is left out in between */
    buffer_append_format(&buffer, "%d", 1);
    buffer_append_u8(&buffer, 1);
    assert_string_equal(buffer_text(&buffer), "12345678");
    buffer_clear(&buffer);
    assert_false(buffer_failed(&buffer));
    buffer_append_text(&buffer, "1234567890");
    assert_false(buffer_failed(&buffer));
    assert_string_equal(buffer_text(&buffer), "1234567890");
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(arena_limit_holds),
        cmocka_unit_test(arena_big_and_overflowing),
        cmocka_unit_test(buffer_grows_and_keeps),
        cmocka_unit_test(buffer_text_is_terminated_at_every_length),
        cmocka_unit_test(buffer_formats_across_a_growth),
        cmocka_unit_test(buffer_failure_sticks_until_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
