// uses: script wire
// sanitize: address,undefined
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script_duration.h"
#include "script_expression.h"

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

/* ---- values ---- */

static void test_values(void **state)
{
    (void)state;
    struct plan_path *values;
    uint32_t count;
    assert_int_equal(script_parse_values(&arena,
                                         "order.Id, order?.Customer.Name,ret.Total , this, @ret.X, "
                                         "elapsed,ex.Message, größe",
                                         &values, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 8);
    assert_int_equal(values[0].root, PLAN_ROOT_NAME);
    assert_int_equal(values[0].step_count, 2);
    assert_string_equal(values[0].steps[0], "order");
    assert_string_equal(values[0].steps[1], "Id");
    assert_string_equal(values[0].text, "order.Id");
    assert_int_equal(values[0].column, 0);
    assert_string_equal(values[1].text, "order?.Customer.Name");
    assert_int_equal(values[1].column, 10);
    assert_int_equal(values[1].step_count, 3);
    assert_int_equal(values[2].root, PLAN_ROOT_RET);
    assert_int_equal(values[2].step_count, 1);
    assert_string_equal(values[2].steps[0], "Total");
    assert_int_equal(values[3].root, PLAN_ROOT_THIS);
    assert_int_equal(values[3].step_count, 0);
    assert_int_equal(values[4].root, PLAN_ROOT_NAME);
    assert_string_equal(values[4].steps[0], "ret");
    assert_int_equal(values[5].root, PLAN_ROOT_ELAPSED);
    assert_int_equal(values[6].root, PLAN_ROOT_EX);
    assert_string_equal(values[7].steps[0], "größe");
}

static void expect_values_error(const char *text, int64_t offset, const char *part)
{
    struct plan_path *values = NULL;
    uint32_t count = 99;
    struct error error;
    error_init(&error);
    assert_int_equal(script_parse_values(&arena, text, &values, &count, &error), STATUS_USAGE);
    if (error.offset != offset)
        fail_msg("'%s': offset %lld, expected %lld (%s)", text, (long long)error.offset,
                 (long long)offset, error.message);
    if (!strstr(error.message, part))
        fail_msg("'%s': '%s' is not in '%s'", text, part, error.message);
}

static void test_values_errors(void **state)
{
    (void)state;
    expect_values_error("", 0, "a name is missing");
    expect_values_error("order.", 6, "a name is missing");
    expect_values_error("order..Id", 6, "a name is expected");
    expect_values_error("order.Id ret", 9, "a comma is expected");
    expect_values_error("a,,b", 2, "a name is expected");
    expect_values_error("a[0]", 1, "nothing can begin with '['");
    expect_values_error("order.Id > 3", 9, "a comma is expected");
    expect_values_error("elapsed.Ms", 0, "elapsed is a duration");
    expect_values_error("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", 32, "at most 16 names");
}

static void test_too_many_values(void **state)
{
    (void)state;
    char text[400] = "a";
    struct plan_path *values;
    uint32_t count;
    for (int i = 1; i < 64; i++)
        strcat(text, ",a");
    assert_int_equal(script_parse_values(&arena, text, &values, &count, NULL), STATUS_OK);
    assert_int_equal(count, 64);
    strcat(text, ",a");
    assert_int_equal(script_parse_values(&arena, text, &values, &count, NULL), STATUS_USAGE);
}

/* ---- conditions ---- */

static struct plan_node *parse(const char *text, uint32_t expected)
{
    struct plan_node *nodes = NULL;
    uint32_t count = 0;
    struct error error;
    error_init(&error);
    if (script_parse_condition(&arena, text, &nodes, &count, &error) != STATUS_OK)
        fail_msg("'%s': %s", text, error.message);
    assert_int_equal(count, expected);
    return nodes;
}

static void test_comparisons(void **state)
{
    (void)state;
    static const struct {
        const char *operator;
        uint32_t kind, mirrored;
    } cases[] = {{"==", PLAN_NODE_EQ, PLAN_NODE_EQ}, {"!=", PLAN_NODE_NE, PLAN_NODE_NE},
                 {"<", PLAN_NODE_LT, PLAN_NODE_GT},  {"<=", PLAN_NODE_LE, PLAN_NODE_GE},
                 {">", PLAN_NODE_GT, PLAN_NODE_LT},  {">=", PLAN_NODE_GE, PLAN_NODE_LE}};
    for (size_t i = 0; i < 6; i++) {
        char text[64];
        snprintf(text, sizeof text, "order.Total %s 100", cases[i].operator);
        struct plan_node *node = parse(text, 1);
        assert_int_equal(node->kind, cases[i].kind);
        assert_string_equal(node->path.steps[1], "Total");
        assert_int_equal(node->constant.kind, PLAN_CONSTANT_NUMBER);
        assert_int_equal(node->constant.low, 100);
        snprintf(text, sizeof text, "100%sorder.Total", cases[i].operator);
        assert_int_equal(parse(text, 1)->kind, cases[i].mirrored);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    struct plan_constant *c = &parse("x == -120.50", 1)->constant;
    assert_int_equal(c->low, 12050);
    assert_int_equal(c->scale, 2);
    assert_int_equal(c->negative, 1);
    assert_true(c->real == -120.5);
    assert_string_equal(c->text, "120.50");
    c = &parse("x == 0xFF_ff", 1)->constant;
    assert_int_equal(c->low, 0xffff);
    c = &parse("x == 0b101u", 1)->constant;
    assert_int_equal(c->low, 5);
    c = &parse("x == 1_000_000L", 1)->constant;
    assert_int_equal(c->low, 1000000);
    c = &parse("x == 18446744073709551616", 1)->constant;
    assert_int_equal(c->low, 0);
    assert_int_equal(c->high, 1);
    c = &parse("x == 79228162514264337593543950335", 1)->constant; /* decimal.MaxValue */
    assert_int_equal(c->kind, PLAN_CONSTANT_NUMBER);
    assert_true(c->low == UINT64_MAX && c->high == UINT32_MAX);
    c = &parse("x == 79228162514264337593543950336", 1)->constant;
    assert_int_equal(c->kind, PLAN_CONSTANT_DOUBLE);
    c = &parse("x == 1e3", 1)->constant;
    assert_int_equal(c->kind, PLAN_CONSTANT_DOUBLE);
    assert_true(c->real == 1000.0);
    c = &parse("x == .5", 1)->constant;
    assert_int_equal(c->low, 5);
    assert_int_equal(c->scale, 1);
    c = &parse("x == 2f", 1)->constant;
    assert_int_equal(c->kind, PLAN_CONSTANT_DOUBLE);
    c = &parse("total > 100m", 1)->constant;
    assert_int_equal(c->kind, PLAN_CONSTANT_NUMBER);
    assert_int_equal(c->low, 100);
    c = &parse("total > 100M", 1)->constant;
    assert_int_equal(c->low, 100);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {{"5ms", 5000000},    {"2.5s", 2500000000},  {"300us", 300000},
                 {"300µs", 300000},   {"300μs", 300000},     {"12ns", 12},
                 {"1m", 60000000000}, {"1.5m", 90000000000}, {"1h", 3600000000000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof text, "elapsed >= %s", cases[i].text);
        struct plan_node *node = parse(text, 1);
        assert_int_equal(node->path.root, PLAN_ROOT_ELAPSED);
        assert_int_equal(node->constant.kind, PLAN_CONSTANT_DURATION);
        assert_int_equal(node->constant.low, cases[i].ns);
    }
    assert_int_equal(parse("order.Timeout > 30s", 1)->constant.kind, PLAN_CONSTANT_DURATION);
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(parse("name == \"ACME\"", 1)->constant.text, "ACME");
    assert_string_equal(
        parse("name == \"a\\\"b\\n\\u00e9\\x41\\U0001F600\\uD83D\\uDE00\"", 1)->constant.text,
        "a\"b\n\xc3\xa9"
        "A\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
    assert_string_equal(parse("name == @\"c:\\x\"\"y\"", 1)->constant.text, "c:\\x\"y");
    assert_string_equal(parse("name == \"\"", 1)->constant.text, "");
    struct plan_constant *c = &parse("kind == 'x'", 1)->constant;
    assert_int_equal(c->kind, PLAN_CONSTANT_CHAR);
    assert_int_equal(c->low, 'x');
    assert_int_equal(parse("kind == 'é'", 1)->constant.low, 0xe9);
    assert_int_equal(parse("kind == '\\''", 1)->constant.low, '\'');
    assert_int_equal(parse("kind == '\\0'", 1)->constant.low, 0);
}

static void test_names(void **state)
{
    (void)state;
    struct plan_node *node = parse("order.State == OrderState.Closed", 1);
    assert_string_equal(node->path.text, "order.State");
    assert_int_equal(node->constant.kind, PLAN_CONSTANT_NAME);
    assert_string_equal(node->constant.text, "OrderState.Closed");
    node = parse("OrderState.Closed == order.State", 1);
    assert_string_equal(node->path.text, "order.State");
    assert_string_equal(node->constant.text, "OrderState.Closed");
    node = parse("Closed < this.State", 1);
    assert_int_equal(node->path.root, PLAN_ROOT_THIS);
    assert_int_equal(node->kind, PLAN_NODE_GT);
    assert_int_equal(parse("State == Closed", 1)->path.root, PLAN_ROOT_NAME);
    assert_int_equal(parse("x == null", 1)->constant.kind, PLAN_CONSTANT_NULL);
    assert_int_equal(parse("null != x", 1)->kind, PLAN_NODE_NE);
    assert_int_equal(parse("x is not null", 1)->kind, PLAN_NODE_NE);
    assert_int_equal(parse("x is Closed", 1)->constant.kind, PLAN_CONSTANT_NAME);
    node = parse("x == false", 1);
    assert_int_equal(node->constant.kind, PLAN_CONSTANT_BOOL);
    assert_int_equal(node->constant.low, 0);
    node = parse("order.Paid", 1);
    assert_int_equal(node->kind, PLAN_NODE_EQ);
    assert_int_equal(node->constant.kind, PLAN_CONSTANT_BOOL);
    assert_int_equal(node->constant.low, 1);
}

/* Prefix order, with && before ||. */
static void test_structure(void **state)
{
    (void)state;
    struct plan_node *n = parse("a || b && !(c == 1 || d) && e", 10);
    assert_int_equal(n[0].kind, PLAN_NODE_OR);
    assert_int_equal(n[0].right, 2);
    assert_int_equal(n[2].kind, PLAN_NODE_AND);
    assert_int_equal(n[3].kind, PLAN_NODE_AND);
    assert_int_equal(n[3].right, 5);
    assert_int_equal(n[5].kind, PLAN_NODE_NOT);
    assert_int_equal(n[6].kind, PLAN_NODE_OR);
    assert_int_equal(n[6].right, 8);
    assert_string_equal(n[7].path.text, "c");
    assert_string_equal(n[8].path.text, "d");
    assert_string_equal(n[9].path.text, "e");
    assert_int_equal(n[2].right, 9);
}

static void expect_error(const char *text, int64_t offset, const char *part)
{
    struct plan_node *nodes = NULL;
    uint32_t count = 99;
    struct error error;
    error_init(&error);
    assert_int_equal(script_parse_condition(&arena, text, &nodes, &count, &error), STATUS_USAGE);
    if (error.offset != offset)
        fail_msg("'%s': offset %lld, expected %lld (%s)", text, (long long)error.offset,
                 (long long)offset, error.message);
    if (!strstr(error.message, part))
        fail_msg("'%s': '%s' is not in '%s'", text, part, error.message);
}

static void test_condition_errors(void **state)
{
    (void)state;
    expect_error("", 0, "ends too early");
    expect_error("x >", 3, "ends too early");
    expect_error("x > > 1", 4, "a value or constant is expected");
    expect_error("x = 1", 2, "nothing can begin with '='");
    expect_error("x & y", 2, "nothing can begin with '&'");
    expect_error("1 == 2", 0, "two constants");
    expect_error("100", 0, "not a condition");
    expect_error("elapsed", 0, "not a condition");
    expect_error("elapsed > 5", 10, "compared with a duration");
    expect_error("elapsed > \"5ms\"", 10, "compared with a duration");
    expect_error("x > 5parsecs", 5, "unit or suffix");
    expect_error("x > 1.5L", 7, "unit or suffix");
    expect_error("x > null", 4, "no order");
    expect_error("x < true", 4, "no order");
    expect_error("(x == 1", 0, "closing parenthesis");
    expect_error("x == 1)", 6, "should end here");
    expect_error("x == 1 y == 2", 7, "should end here");
    expect_error("(x) == 1", 4, "cannot be compared");
    expect_error("name == \"abc", 8, "closing quote");
    expect_error("name == \"a\\qc\"", 10, "escape");
    expect_error("name == \"a\\u12\"", 10, "escape");
    expect_error("name == 'ab'", 8, "one UTF-16 unit");
    expect_error("name == \"a\\0b\"", 8, "NUL");
    expect_error("order.Total > order.limit.x", 14, "must be a constant");
    expect_error("x == -\"a\"", 6, "a number is expected");
    expect_error("x == 0x", 5, "not a number");
}

static void test_limits(void **state)
{
    (void)state;
    char deep[256] = "", wide[4000] = "x", longer[PLAN_MAX_TEXT + 10];
    struct plan_node *nodes;
    uint32_t count;
    memset(deep, '(', 65);
    strcpy(deep + 65, "x");
    memset(deep + 66, ')', 65);
    assert_int_equal(script_parse_condition(&arena, deep, &nodes, &count, NULL), STATUS_USAGE);
    for (int i = 1; i < 64; i++)
        strcat(wide, "&&x");
    assert_int_equal(script_parse_condition(&arena, wide, &nodes, &count, NULL), STATUS_OK);
    assert_int_equal(count, 127);
    strcat(wide, "&&x");
    assert_int_equal(script_parse_condition(&arena, wide, &nodes, &count, NULL), STATUS_USAGE);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(script_parse_condition(&arena, longer, &nodes, &count, NULL), STATUS_USAGE);
}

/* ---- marks ---- */

static void test_mark(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    script_mark(&out, "order.Totl > 100", 6);
    assert_string_equal(buffer_text(&out), "  order.Totl > 100\n        ^^^^\n");
    buffer_clear(&out);
    script_mark(&out, "é > > 1", 5);
    assert_string_equal(buffer_text(&out), "  é > > 1\n      ^\n");
    buffer_clear(&out);
    script_mark(&out, "x >", 3);
    assert_string_equal(buffer_text(&out), "  x >\n     ^\n");
    buffer_clear(&out);
    script_mark(&out, "x", 7);
    script_mark(&out, "x", -1);
    assert_string_equal(buffer_text(&out), "");
    buffer_release(&out);
}

/* ---- --duration ---- */

static void test_option_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"30s", 30000}, {"5m", 300000},   {"1h", 3600000},     {"500ms", 500},
                {"1.5s", 1500}, {"01:30", 90000}, {"00:00:10", 10000}, {"1:02:03:04", 93784000}};
    static const char *const bad[] = {"",   "5",  "s",    "5 parsecs", "-5s",  "0s",
                                      "1:", ":1", "1::2", "1:2:3:4:5", "5s5s", "00:00"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t ns = 0;
        assert_int_equal(script_parse_duration(good[i].text, &ns, NULL), STATUS_OK);
        assert_int_equal(ns, good[i].ms * 1000000);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t ns = 1;
        if (script_parse_duration(bad[i], &ns, NULL) != STATUS_USAGE)
            fail_msg("'%s' was taken as a duration", bad[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_values_errors),
        TEST(test_too_many_values),
        TEST(test_comparisons),
        TEST(test_numbers),
        TEST(test_durations),
        TEST(test_texts),
        TEST(test_names),
        TEST(test_structure),
        TEST(test_condition_errors),
        TEST(test_limits),
        TEST(test_mark),
        TEST(test_option_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
