// uses: script wire
// sanitize: address,undefined
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script_literal.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct plan_literal parse(const char *text)
{
    struct plan_literal literal;
    struct error error;
    error_init(&error);
    if (script_parse_literal(&arena, text, &literal, &error) != STATUS_OK)
        fail_msg("%s: %s", text, error.message);
    return literal;
}

static void expect_fault(const char *text, int64_t offset, const char *part)
{
    struct plan_literal literal;
    struct error error;
    error_init(&error);
    assert_int_equal(script_parse_literal(&arena, text, &literal, &error), STATUS_USAGE);
    if (error.offset != offset || !strstr(error.message, part))
        fail_msg("'%s': offset %lld, expected %lld: %s", text, (long long)error.offset,
                 (long long)offset, error.message);
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(parse("").kind, PLAN_LITERAL_NOTHING);
    assert_int_equal(parse("void").kind, PLAN_LITERAL_NOTHING);
    assert_int_equal(parse(" default ").kind, PLAN_LITERAL_DEFAULT);
    assert_int_equal(parse("null").kind, PLAN_LITERAL_NULL);
    assert_int_equal(parse("true").kind, PLAN_LITERAL_BOOL);
    assert_int_equal(parse("true").low, 1);
    assert_int_equal(parse("false").low, 0);
    assert_string_equal(parse(" default ").text, "default");
}

static void expect_integer(const char *text, uint32_t suffix, bool negative, uint64_t value)
{
    struct plan_literal literal = parse(text);
    assert_int_equal(literal.kind, PLAN_LITERAL_INTEGER);
    assert_int_equal(literal.suffix, suffix);
    assert_int_equal(literal.negative, negative);
    assert_int_equal(literal.low, value);
    assert_int_equal(literal.high, 0);
}

static void test_integers(void **state)
{
    (void)state;
    expect_integer("42", 0, false, 42);
    expect_integer("-1", 0, true, 1);
    expect_integer("- 1", 0, true, 1);
    expect_integer("1_000__000", 0, false, 1000000);
    expect_integer("0xFF_ff", 0, false, 0xffff);
    expect_integer("0x_FF", 0, false, 0xff);
    expect_integer("0b1010", 0, false, 10);
    expect_integer("0xFFu", PLAN_SUFFIX_U, false, 255);
    expect_integer("0x1d", 0, false, 0x1d); /* d is a digit here */
    expect_integer("42L", PLAN_SUFFIX_L, false, 42);
    expect_integer("18446744073709551615UL", PLAN_SUFFIX_U | PLAN_SUFFIX_L, false, UINT64_MAX);
    expect_integer("18446744073709551615lu", PLAN_SUFFIX_U | PLAN_SUFFIX_L, false, UINT64_MAX);
    struct plan_literal literal = parse("-3");
    assert_true(literal.real == -3.0);
    assert_true(literal.single == -3.0f);
    assert_true(parse("0x10").real == 16.0);
    expect_fault("18446744073709551616", 0, "too large");
    expect_fault("1_", 1, "no suffix");
    expect_fault("0x", 0, "no number");
    expect_fault("0b2", 0, "no number");
    expect_fault("5ms", 1, "no suffix");
    expect_fault("1.5L", 3, "whole numbers");
    expect_fault("0xFFm", 4, "no suffix");
    expect_fault("1 2", 2, "should end");
    expect_fault("--1", 1, "expected behind -");
    expect_fault("-true", 1, "expected behind -");
}

static void test_reals(void **state)
{
    (void)state;
    struct plan_literal literal = parse("1.5");
    assert_int_equal(literal.kind, PLAN_LITERAL_REAL);
    assert_int_equal(literal.suffix, 0);
    assert_true(literal.real == 1.5);
    assert_true(literal.single == 1.5f);
    literal = parse("-1_0.2_5F");
    assert_int_equal(literal.suffix, PLAN_SUFFIX_F);
    assert_true(literal.real == -10.25);
    assert_true(literal.single == -10.25f);
    literal = parse("0.1f");
    assert_true(literal.single == 0.1f);
    assert_true(parse(".5d").real == 0.5);
    assert_int_equal(parse("2d").suffix, PLAN_SUFFIX_D);
    assert_true(parse("1e3").real == 1000.0);
    assert_true(parse("25E-1").real == 2.5);
    /* rounded once: as a double first, it would become the neighbour */
    assert_true(parse("1.00000017881393432617187499f").single == 1.00000011920928955078125f);
    assert_true(parse("1e400").real > 1e308);
}

static void expect_decimal(const char *text, uint64_t high, uint64_t low, uint32_t scale)
{
    struct plan_literal literal = parse(text);
    assert_int_equal(literal.kind, PLAN_LITERAL_REAL);
    assert_int_equal(literal.decimal, 1);
    assert_int_equal(literal.high, high);
    assert_int_equal(literal.low, low);
    assert_int_equal(literal.scale, scale);
}

static void test_decimals(void **state)
{
    (void)state;
    expect_decimal("42.5m", 0, 425, 1);
    expect_decimal("42.50M", 0, 4250, 2);
    expect_decimal("42m", 0, 42, 0);
    expect_decimal("1e3m", 0, 1000, 0);
    expect_decimal("1.5e1m", 0, 15, 0);
    expect_decimal("15e-3m", 0, 15, 3);
    expect_decimal("0e99m", 0, 0, 0);
    expect_decimal("79228162514264337593543950335m", 0xffffffff, UINT64_MAX, 0);
    expect_decimal("7.9228162514264337593543950335m", 0xffffffff, UINT64_MAX, 28);
    assert_int_equal(parse("79228162514264337593543950336m").decimal, 0);
    assert_int_equal(parse("1e29m").decimal, 0);
    assert_int_equal(parse("0.00000000000000000000000000001m").decimal, 0);
    expect_decimal("0.00000000000000000000000000010m", 0, 1, 28);
    assert_int_equal(parse("-42.5m").negative, 1);
}

static void test_characters(void **state)
{
    (void)state;
    assert_int_equal(parse("'x'").kind, PLAN_LITERAL_CHAR);
    assert_int_equal(parse("'x'").low, 'x');
    assert_int_equal(parse("'\\''").low, '\'');
    assert_int_equal(parse("'\\u00e4'").low, 0xe4);
    assert_int_equal(parse("'ä'").low, 0xe4);
    assert_int_equal(parse("'\\0'").low, 0);
    expect_fault("'ab'", 0, "one UTF-16 unit");
    expect_fault("''", 0, "one UTF-16 unit");
    expect_fault("'\xf0\x9f\x98\x80'", 0, "one UTF-16 unit");
    expect_fault("'x", 0, "closing quote");
}

static void expect_units(const char *text, const uint16_t *units, uint32_t count)
{
    struct plan_literal literal = parse(text);
    assert_int_equal(literal.kind, PLAN_LITERAL_STRING);
    assert_int_equal(literal.unit_count, count);
    assert_memory_equal(literal.units, units, count * sizeof *units);
}

#define EXPECT_UNITS(text, ...)                                                                    \
    expect_units((text), (const uint16_t[]){__VA_ARGS__},                                          \
                 sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static void test_texts(void **state)
{
    (void)state;
    assert_int_equal(parse("\"\"").unit_count, 0);
    assert_non_null(parse("\"\"").units);
    EXPECT_UNITS("\"ab\"", 'a', 'b');
    EXPECT_UNITS("\"a \"", 'a', ' ');
    EXPECT_UNITS("\"a\\\"\\n\\t\\\\\\0\"", 'a', '"', '\n', '\t', '\\', 0);
    EXPECT_UNITS("\"\\ud800\\U0001F600\"", 0xd800, 0xd83d, 0xde00);
    EXPECT_UNITS("@\"a\"\"\\n\"", 'a', '"', '\\', 'n');
    EXPECT_UNITS("\"größe\"", 'g', 'r', 0xf6, 0xdf, 'e');
    expect_fault("\"a", 0, "closing quote");
    expect_fault("\"a\" + b", 4, "should end");
    expect_fault("\"\\q\"", 1, "escape");
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(parse("OrderState.Closed").kind, PLAN_LITERAL_NAME);
    assert_string_equal(parse("Shop.Outer+State.A | B").text, "Shop.Outer+State.A | B");
    assert_int_equal(parse("A|B|C").kind, PLAN_LITERAL_NAME);
    assert_int_equal(parse("voids").kind, PLAN_LITERAL_NAME);
    expect_fault("A|", 2, "is expected here");
    expect_fault("A.", 2, "is expected here");
    expect_fault("A | 1", 4, "is expected here");
    expect_fault("A B", 2, "should end");
    expect_fault("--allow-changes", 1, "expected behind -");
    expect_fault("(int)1", 0, "is expected here");
}

static void test_long(void **state)
{
    (void)state;
    char text[PLAN_MAX_TEXT + 8];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    struct plan_literal literal;
    assert_int_equal(script_parse_literal(&arena, text, &literal, NULL), STATUS_USAGE);
    text[PLAN_MAX_TEXT] = '\0';
    assert_int_equal(script_parse_literal(&arena, text, &literal, NULL), STATUS_USAGE);
    text[PLAN_MAX_TEXT - 1] = 'd';
    assert_int_equal(script_parse_literal(&arena, text, &literal, NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),      cmocka_unit_test(test_integers),
        cmocka_unit_test(test_reals),      cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_characters), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
