// uses: weave metadata il clr
/* Bodies that return a literal and do nothing else. */
#include "weave_expect.h"

/* The code alone, and the types of its locals, as weave_expect prints them. */
static void expect(const struct weave_request *request, const char *expected)
{
    struct weave_result result;
    struct error error;
    struct buffer text;
    error_init(&error);
    if (weave_method(request, &result, &error) != STATUS_OK)
        fail_msg("%s: %s", expected, error.message);
    buffer_init(&text, 0);
    print_result(&result, &text);
    assert_string_equal(buffer_text(&text), expected);
    assert_int_equal(result.map_count, 1);
    assert_int_equal(result.map[0].old_offset, 0);
    assert_int_equal(result.map[0].new_offset, 0);
    buffer_release(&text);
    weave_result_release(&result);
}

static void replace(mdToken method, const struct weave_literal *literal, const char *expected)
{
    BODY(2, 0x14, 0x7a); /* ldnull; throw: nothing of it must be left */
    struct weave_request request = request_for(method, WEAVE_REPLACE);
    request.literal = literal;
    expect(&request, expected);
}

static void numbers(void **state)
{
    (void)state;
    struct weave_literal literal = {.kind = WEAVE_LITERAL_INT32, .bits = 42};
    replace(METHOD_ADD, &literal, "ldc.i4.s 2a; ret\n");
    literal.bits = 0xffffffff;
    replace(METHOD_ADD, &literal, "ldc.i4.m1; ret\n");
    literal.bits = 0x80000000;
    replace(METHOD_ADD, &literal, "ldc.i4 ffffffff80000000; ret\n");
    literal.kind = WEAVE_LITERAL_INT64;
    literal.bits = 0xfedcba9876543210;
    replace(METHOD_ADD, &literal, "ldc.i8 fedcba9876543210; ret\n");
    literal.kind = WEAVE_LITERAL_NATIVE;
    replace(METHOD_ADD, &literal, "ldc.i8 fedcba9876543210; conv.i; ret\n");
    literal.kind = WEAVE_LITERAL_FLOAT;
    literal.bits = 0x3fc00000;
    replace(METHOD_ADD, &literal, "ldc.r4 3fc00000; ret\n");
    literal.kind = WEAVE_LITERAL_DOUBLE;
    literal.bits = 0x3ff8000000000000;
    replace(METHOD_ADD, &literal, "ldc.r8 3ff8000000000000; ret\n");
}

static void decimals(void **state)
{
    (void)state;
    const struct weave_literal literal = {.kind = WEAVE_LITERAL_DECIMAL,
                                          .bits = 0x200000001,
                                          .high = 3,
                                          .scale = 2,
                                          .negative = true};
    replace(METHOD_ADD, &literal,
            "ldc.i4.1; ldc.i4.2; ldc.i4.3; ldc.i4.1; ldc.i4.2; newobj 0aa00003\nret\n");
}

static void texts(void **state)
{
    (void)state;
    const uint16_t units[] = {0xd800, 0};
    struct weave_literal literal = {.kind = WEAVE_LITERAL_STRING, .units = units, .unit_count = 2};
    replace(METHOD_MANY, &literal, "ldstr 7002d800; ret\n");
    literal.kind = WEAVE_LITERAL_DEFAULT;
    replace(METHOD_MANY, &literal, "ldloc.0; ret\nlocals 07 01 0e\n");
}

static void locals_are_zero(void **state)
{
    (void)state;
    const struct weave_literal literal = {.kind = WEAVE_LITERAL_DEFAULT};
    BODY(2, 0x14, 0x7a);
    struct weave_request request = request_for(METHOD_MANY, WEAVE_REPLACE);
    struct weave_result result;
    struct il_body il;
    request.literal = &literal;
    assert_int_equal(weave_method(&request, &result, NULL), STATUS_OK);
    assert_int_equal(il_body_parse(&il, result.body.data, result.body.length, NULL), STATUS_OK);
    assert_true(il.init_locals);
    il_body_release(&il);
    weave_result_release(&result);
}

static void nothing(void **state)
{
    (void)state;
    const struct weave_literal literal = {.kind = WEAVE_LITERAL_NOTHING};
    replace(METHOD_STATIC_VOID, &literal, "ret\n");
    replace(METHOD_CTOR, &literal, "ret\n");
    replace(METHOD_INIT, &literal, "ret\n");
}

/* A struct's constructor writes all of it; each out parameter gets its default, the ref one
 * stays. */
static void outs(void **state)
{
    (void)state;
    const struct weave_literal literal = {.kind = WEAVE_LITERAL_NOTHING};
    replace(METHOD_PAIR, &literal,
            "ldarg.0; initobj 1ba00000; ldarg.1; ldc.i4.0; stind.i4; ldarg.2; initobj 02000003; "
            "ldarg.s 4; initobj 1ba00001; ldarg.s 5; ldnull; stind.ref; ldarg.s 6; ldc.i8 0; "
            "stind.i8; ret\n");
    const uint8_t own[] = {0x15, 0x11, TYPE_PAIR << 2, 1, 0x13, 0}, parameter[] = {0x13, 0};
    assert_int_equal(fake->blobs[0].length, sizeof own);
    assert_memory_equal(fake->blobs[0].bytes, own, sizeof own);
    assert_int_equal(fake->blobs[1].length, sizeof parameter);
    assert_memory_equal(fake->blobs[1].bytes, parameter, sizeof parameter);
}

/* Task<int> stands here for Nullable<int>: an instance of a generic type. */
static void nullables(void **state)
{
    (void)state;
    struct weave_literal literal = {.kind = WEAVE_LITERAL_INT32, .bits = 5, .nullable = true};
    replace(METHOD_TASK, &literal, "ldc.i4.5; newobj 0ab00000\nret\n");
    literal.kind = WEAVE_LITERAL_DEFAULT;
    replace(METHOD_TASK, &literal, "ldloc.0; ret\nlocals 07 01 15 12 11 01 08\n");
}

/* A probe sees calls of the body that is left. */
static void probes_stand_around(void **state)
{
    (void)state;
    const struct weave_literal literal = {.kind = WEAVE_LITERAL_DECIMAL, .bits = 1};
    const struct weave_value result_value[] = {{WEAVE_RESULT, 0, 0, WEAVE_PASS_SCALAR}};
    BODY(2, 0x14, 0x7a);
    struct weave_request request = request_for(METHOD_ADD, WEAVE_REPLACE);
    struct weave_result first, second;
    request.literal = &literal;
    assert_int_equal(weave_method(&request, &first, NULL), STATUS_OK);
    request = request_for(METHOD_ADD, WEAVE_CALL);
    request.body = first.body.data;
    request.body_length = first.body.length;
    request.exit = result_value;
    request.exit_count = 1;
    assert_int_equal(weave_method(&request, &second, NULL), STATUS_OK);
    struct il_body il;
    assert_int_equal(il_body_parse(&il, second.body.data, second.body.length, NULL), STATUS_OK);
    assert_int_equal(il.clause_count, 2);
    assert_true(il.max_stack >= 5);
    bool made = false;
    for (const struct il_instruction *i = il.first; i; i = i->next)
        made |= i->opcode == CEE_NEWOBJ && i->token == FAKE_DECIMAL_NEW;
    assert_true(made);
    il_body_release(&il);
    weave_result_release(&first);
    weave_result_release(&second);
}

static void refusals(void **state)
{
    (void)state;
    struct weave_literal literal = {.kind = WEAVE_LITERAL_DEFAULT};
    struct weave_request request = request_for(METHOD_REF, WEAVE_REPLACE);
    BODY(2, 0x14, 0x7a);
    request.literal = &literal;
    expect_refused(&request, STATUS_UNSUPPORTED, "returns a reference");
    request.method = METHOD_STATIC_VOID;
    expect_refused(&request, STATUS_BUG, "not what the method returns");
    literal.kind = WEAVE_LITERAL_NOTHING;
    request.method = METHOD_ADD;
    expect_refused(&request, STATUS_BUG, "not what the method returns");
    literal.kind = 99;
    expect_refused(&request, STATUS_BUG, "no kind of literal");
    literal = (struct weave_literal){.kind = WEAVE_LITERAL_INT32, .nullable = true};
    expect_refused(&request, STATUS_BUG, "no Nullable");
    request.literal = NULL;
    expect_refused(&request, STATUS_BUG, "not what the method returns");
}

static void try_all(const struct weave_request *request, uint32_t questions)
{
    for (uint32_t i = 1; i <= questions; i++) {
        fake->asked = 0;
        fake->fail_after = i;
        expect_refused(request, STATUS_TARGET, "no more");
    }
}

static void tokens_may_fail(void **state)
{
    (void)state;
    struct weave_literal literal = {.kind = WEAVE_LITERAL_NOTHING};
    struct weave_request request = request_for(METHOD_PAIR, WEAVE_REPLACE);
    request.literal = &literal;
    try_all(&request, 2);
    request.method = METHOD_TASK;
    literal = (struct weave_literal){.kind = WEAVE_LITERAL_DECIMAL, .nullable = true};
    try_all(&request, 4);
    literal.kind = WEAVE_LITERAL_STRING;
    try_all(&request, 3);
    literal.kind = WEAVE_LITERAL_DEFAULT;
    try_all(&request, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers),
        TEST(decimals),
        TEST(texts),
        TEST(nothing),
        TEST(outs),
        TEST(nullables),
        TEST(refusals),
        TEST(locals_are_zero),
        TEST(probes_stand_around),
        TEST(tokens_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
