// uses: weave metadata il clr
/* Bodies written by hand, with probes at entry and at every exit. */
#include "weave_expect.h"

static const struct weave_value of_add[] = {{WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_SCALAR},
                                            {WEAVE_ARGUMENT, 1, 0, WEAVE_PASS_SCALAR},
                                            {WEAVE_RESULT, 0, 0, WEAVE_PASS_SCALAR}};

static struct weave_request request_add(enum weave_kind kind)
{
    struct weave_request request = request_for(METHOD_ADD, kind);
    request.enter = of_add;
    request.enter_count = 2;
    request.exit = of_add;
    request.exit_count = 3;
    return request;
}

/* ---- entry ---- */

/* A loop to offset 0 must not count again. */
static void count_skips_loops(void **state)
{
    (void)state;
    BODY(4, 0x17, 0x2d, 0xfd, 0x2a); /* ldc.i4.1; brtrue.s 0; ret */
    struct weave_request request = request_for(METHOD_STATIC_VOID, WEAVE_COUNT);
    expect_woven(&request, "count");
    /* unmanaged, one int64, the two modifiers, void */
    const uint8_t call[] = {0x09, 1, 0x20, 0xc2, 0x80, 0, 0x05, 0x20, 0xc2, 0x80, 0, 0x09, 1, 0x0a};
    assert_int_equal(fake->blobs[0].length, sizeof call);
    assert_memory_equal(fake->blobs[0].bytes, call, sizeof call);
}

static const struct weave_value of_many[] = {
    {WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_REFERENCE}, {WEAVE_ARGUMENT, 1, 0, WEAVE_PASS_SCALAR},
    {WEAVE_ARGUMENT, 2, 0, WEAVE_PASS_DOUBLE},    {WEAVE_ARGUMENT, 3, 0, WEAVE_PASS_REFERENCE},
    {WEAVE_ARGUMENT, 4, 0, WEAVE_PASS_ADDRESS},   {WEAVE_ARGUMENT, 5, 0, WEAVE_PASS_ADDRESS},
    {WEAVE_ARGUMENT, 6, 0, WEAVE_PASS_ADDRESS},   {WEAVE_ARGUMENT, 7, 0, WEAVE_PASS_REFERENCE},
    {WEAVE_ARGUMENT, 8, 0, WEAVE_PASS_SCALAR},    {WEAVE_RESULT, 0, 0, WEAVE_PASS_REFERENCE}};

/* Nine values: four are staged first, and everything pinned is let go behind the call. */
static void enter_passes_every_kind(void **state)
{
    (void)state;
    BODY(2, 0x14, 0x2a); /* ldnull; ret */
    struct weave_request request = request_for(METHOD_MANY, WEAVE_ENTER);
    request.enter = of_many;
    request.enter_count = 9;
    expect_woven(&request, "enter");
}

/* `tail.` and `jmp` hinder exits only. */
static void entry_leaves_tail_calls_alone(void **state)
{
    (void)state;
    BODY(8, 0xfe, 0x14, 0x28, 0x0b, 0x00, 0x00, 0x06, 0x2a); /* tail. call Spare; ret */
    struct weave_request request = request_for(METHOD_SPARE, WEAVE_ENTER);
    expect_woven(&request, "enter with tail call");
    BODY(5, 0x27, 0x0b, 0x00, 0x00, 0x06); /* jmp Spare */
    request.kind = WEAVE_COUNT;
    expect_woven(&request, "count with jmp");
}

/* ---- exits ---- */

static void calls_keep_loops_inside(void **state)
{
    (void)state;
    BODY(4, 0x17, 0x2d, 0xfd, 0x2a);
    struct weave_request request = request_for(METHOD_STATIC_VOID, WEAVE_CALL);
    expect_woven(&request, "call");
}

static void calls_pass_values(void **state)
{
    (void)state;
    /* ldarg.0; brtrue.s 6; ldarg.1; ret; ldarg.0; ldarg.1; add; ret: two returns */
    BODY(9, 0x02, 0x2d, 0x02, 0x03, 0x2a, 0x02, 0x03, 0x58, 0x2a);
    struct weave_request request = request_add(WEAVE_CALL);
    expect_woven(&request, "call with values");
}

static void calls_stage_values_at_each_exit(void **state)
{
    (void)state;
    BODY(2, 0x14, 0x2a);
    struct weave_request request = request_for(METHOD_MANY, WEAVE_CALL);
    request.exit = of_many;
    request.exit_count = 10;
    expect_woven(&request, "call with many values");
}

/* A method that only throws has nothing to return. */
static void calls_without_return(void **state)
{
    (void)state;
    BODY(2, 0x14, 0x7a); /* ldnull; throw */
    struct weave_request request = request_add(WEAVE_CALL);
    expect_woven(&request, "call that throws");
}

/* The local of a `ref readonly` result has no modifier; an init accessor returns nothing. */
static void modifiers_of_results(void **state)
{
    (void)state;
    BODY(3, 0x16, 0xe0, 0x2a); /* ldc.i4.0; conv.u; ret */
    struct weave_value result = {WEAVE_RESULT, 0, 0, WEAVE_PASS_ADDRESS};
    struct weave_request request = request_for(METHOD_REF, WEAVE_CALL);
    request.exit = &result;
    request.exit_count = 1;
    expect_woven(&request, "call with byref result");
    BODY(1, 0x2a);
    request = request_for(METHOD_INIT, WEAVE_CALL);
    expect_woven(&request, "call of init accessor");
}

/* Own locals and own clauses stay in front. */
static void calls_keep_what_is_there(void **state)
{
    (void)state;
    begin_fat(&body, 2, TOKEN_LOCALS);
    PUT(&body, 0x17, 0x0a, 0xde, 0x01); /* 0: ldc.i4.1; stloc.0; leave.s 5 */
    PUT(&body, 0xdc, 0x06, 0x2a);       /* 4: endfinally; 5: ldloc.0; ret */
    begin_clauses(&body, 1, 0);
    put_clause(&body, 0, COR_ILEXCEPTION_CLAUSE_FINALLY, 0, 4, 4, 5, 0);
    struct weave_request request = request_for(METHOD_SPARE, WEAVE_CALL);
    expect_woven(&request, "call with finally");
}

/* The existing block ends with the body: what is added stands outside of it. */
static void calls_around_a_last_handler(void **state)
{
    (void)state;
    begin_fat(&body, 2, 0);
    PUT(&body, 0xde, 0x03, 0x26, 0xde, 0x00, 0x2a); /* leave.s 5; pop; leave.s 5; ret */
    begin_clauses(&body, 1, 0);
    put_clause(&body, 0, COR_ILEXCEPTION_CLAUSE_NONE, 0, 2, 2, 5, 0x01000001);
    struct weave_request request = request_for(METHOD_STATIC_VOID, WEAVE_CALL);
    expect_woven(&request, "call with catch");
    begin_fat(&body, 2, 0);
    PUT(&body, 0xde, 0x00, 0x2a, 0x26, 0xde, 0xfc); /* leave.s 2; ret; pop; leave.s 2 */
    begin_clauses(&body, 1, 0);
    put_clause(&body, 0, COR_ILEXCEPTION_CLAUSE_NONE, 0, 2, 3, 6, 0x01000001);
    expect_woven(&request, "call with catch at the end");
}

static void tail_calls_are_refused_or_dropped(void **state)
{
    (void)state;
    /* constrained. Money; tail. callvirt Spare; ret */
    BODY(14, 0xfe, 0x16, 0x03, 0x00, 0x00, 0x02, 0xfe, 0x14, 0x6f, 0x0b, 0x00, 0x00, 0x06, 0x2a);
    struct weave_request request = request_for(METHOD_SPARE, WEAVE_CALL);
    expect_refused(&request, STATUS_UNSUPPORTED, "tail calls");
    request.drop_tail = true;
    expect_woven(&request, "call without tail");
    BODY(5, 0x27, 0x0b, 0x00, 0x00, 0x06);
    expect_refused(&request, STATUS_UNSUPPORTED, "'jmp'");
}

static void constructors_show_this_at_the_exit(void **state)
{
    (void)state;
    BODY(1, 0x2a);
    struct weave_value this = {WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_REFERENCE};
    struct weave_request request = request_for(METHOD_CTOR, WEAVE_CALL);
    request.enter = &this;
    request.enter_count = 1;
    expect_refused(&request, STATUS_UNSUPPORTED, "'this' of a constructor");
    request.enter_count = 0;
    request.exit = &this;
    request.exit_count = 1;
    expect_woven(&request, "call of constructor");
}

/* `this` of a struct is an address, which is pinned. */
static void structs_pass_this_by_address(void **state)
{
    (void)state;
    BODY(2, 0x16, 0x2a);
    struct weave_value this = {WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_ADDRESS};
    struct weave_request request = request_for(METHOD_MONEY, WEAVE_ENTER);
    request.enter = &this;
    request.enter_count = 1;
    expect_woven(&request, "enter of struct");
}

/* Where the runtime suspends, `ret` takes an int, not a Task<int>. */
static void runtime_async_returns_the_result(void **state)
{
    (void)state;
    BODY(2, 0x16, 0x2a);
    struct weave_value result = {WEAVE_RESULT, 0, 0, WEAVE_PASS_SCALAR};
    struct weave_request request = request_for(METHOD_RUNTIME, WEAVE_CALL);
    request.exit = &result;
    request.exit_count = 1;
    expect_woven(&request, "call of runtime async");
}

/* ---- requests and bodies that are wrong ---- */

static void wrong_values_are_refused(void **state)
{
    (void)state;
    BODY(2, 0x02, 0x2a);
    struct weave_value value = {WEAVE_ARGUMENT, 2, 0, WEAVE_PASS_SCALAR};
    struct weave_request request = request_for(METHOD_ADD, WEAVE_ENTER);
    request.enter = &value;
    request.enter_count = 1;
    expect_refused(&request, STATUS_UNSUPPORTED, "cannot be shown"); /* no such argument */
    value.index = 0;
    value.pass = WEAVE_PASS_REFERENCE;
    expect_refused(&request, STATUS_BUG, "not passed in the way");
    value.source = WEAVE_RESULT;
    expect_refused(&request, STATUS_BUG, "no result at entry");
    request.enter_count = 97;
    expect_refused(&request, STATUS_LIMIT, "97 values");
    BODY(1, 0x2a);
    value = (struct weave_value){WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_ADDRESS};
    request = request_for(METHOD_TYPED, WEAVE_ENTER);
    request.enter = &value;
    request.enter_count = 1;
    expect_refused(&request, STATUS_UNSUPPORTED, "cannot be shown"); /* typed reference */
    request = request_for(METHOD_STATIC_VOID, (enum weave_kind)99);
    expect_refused(&request, STATUS_BUG, "no kind of probe");
}

static void wrong_bodies_are_refused(void **state)
{
    (void)state;
    struct weave_request request = request_add(WEAVE_CALL);
    BODY(9, 0x02, 0x2a); /* shorter than it says */
    request.body_length = body.length;
    expect_refused(&request, STATUS_MALFORMED, "");
    BODY(2, 0x58, 0x2a); /* add on an empty stack */
    request.body_length = body.length;
    expect_refused(&request, STATUS_MALFORMED, "IL_");
    BODY(1, 0x16); /* runs off the end */
    request.body_length = body.length;
    expect_refused(&request, STATUS_MALFORMED, "");
    begin_fat(&body, 8, 0x11000009); /* locals that nobody has */
    PUT(&body, 0x02, 0x2a);
    end_fat(&body);
    request.body_length = body.length;
    expect_refused(&request, STATUS_NOT_FOUND, "no such signature");
    BODY(2, 0x02, 0x2a);
    request = request_add(WEAVE_CALL);
    request.method = 0x06000099;
    expect_refused(&request, STATUS_NOT_FOUND, "");
    request.method = 0x0a000001;
    expect_refused(&request, STATUS_BUG, "is no method");
}

/* Whatever the runtime refuses, at whichever moment: nothing is left over. */
static void tokens_may_fail_at_any_time(void **state)
{
    (void)state;
    BODY(2, 0x02, 0x2a);
    struct weave_request request = request_add(WEAVE_CALL);
    struct weave_result result;
    uint32_t fails = 0;
    for (;; fails++) {
        fake->asked = 0;
        fake->fail_after = fails + 1;
        struct error error;
        error_init(&error);
        enum status status = weave_method(&request, &result, &error);
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_TARGET);
        assert_non_null(strstr(error.message, "no more"));
        assert_int_equal(result.body.length, 0);
    }
    weave_result_release(&result);
    assert_int_equal(fails, 6); /* two types, three calls, the locals */
}

/* ---- what comes with it ---- */

static void offsets_are_mapped(void **state)
{
    (void)state;
    BODY(4, 0x02, 0x03, 0x58, 0x2a);
    struct weave_request request = request_for(METHOD_ADD, WEAVE_CALL);
    struct weave_result result;
    assert_int_equal(weave_method(&request, &result, NULL), STATUS_OK);
    assert_int_equal(result.map_count, 4);
    /* ldc.i8 (9), ldc.i8 (9), conv.i, calli (5), stloc.1: the enter code is 25 bytes */
    const uint32_t expected[4][2] = {{0, 25}, {1, 26}, {2, 27}, {3, 29}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(result.map[i].old_offset, expected[i][0]);
        assert_int_equal(result.map[i].new_offset, expected[i][1]);
    }
    weave_result_release(&result);
}

/* A second probe finds the locals that the first one added, which no image holds. */
static void probes_stack(void **state)
{
    (void)state;
    BODY(4, 0x02, 0x03, 0x58, 0x2a);
    struct weave_request request = request_add(WEAVE_CALL);
    struct weave_result first;
    assert_int_equal(weave_method(&request, &first, NULL), STATUS_OK);
    request.body = first.body.data;
    request.body_length = first.body.length;
    request.handle = 0x900000001;
    expect_woven(&request, "call twice");
    struct weave_tokens forgetful = fake->tokens;
    forgetful.signature_blob = NULL;
    request.tokens = &forgetful;
    expect_refused(&request, STATUS_MALFORMED, "is not in the module");
    weave_result_release(&first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **arguments)
{
    showing = count > 1 && strcmp(arguments[1], "--show") == 0;
    const struct CMUnitTest tests[] = {
        TEST(count_skips_loops),
        TEST(enter_passes_every_kind),
        TEST(entry_leaves_tail_calls_alone),
        TEST(calls_keep_loops_inside),
        TEST(calls_pass_values),
        TEST(calls_stage_values_at_each_exit),
        TEST(calls_without_return),
        TEST(modifiers_of_results),
        TEST(calls_keep_what_is_there),
        TEST(calls_around_a_last_handler),
        TEST(tail_calls_are_refused_or_dropped),
        TEST(constructors_show_this_at_the_exit),
        TEST(structs_pass_this_by_address),
        TEST(runtime_async_returns_the_result),
        TEST(wrong_values_are_refused),
        TEST(wrong_bodies_are_refused),
        TEST(tokens_may_fail_at_any_time),
        TEST(offsets_are_mapped),
        TEST(probes_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
