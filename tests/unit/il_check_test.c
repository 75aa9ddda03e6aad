// uses: il clr base
/* What il_check and il_stack accept and refuse, each case a body of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "clr_flags.h"
#include "il_assemble.h"
#include "il_body.h"
#include "il_check.h"

static struct assembly source;

/* Tokens say their own effect: 0x0aAR____, A arguments, R results. */
static bool effect(void *context, uint32_t opcode, mdToken token, struct il_call *call)
{
    (void)context;
    (void)opcode;
    if (token == 0x0affffff)
        return false;
    call->arguments = token >> 20 & 0xf;
    call->returns = (token >> 16 & 0xf) != 0;
    return true;
}

static const struct il_effects no_result = {.call = effect};
static const struct il_effects result = {.call = effect, .method_returns = true};

static void parse(struct il_body *body)
{
    struct error error;
    error_init(&error);
    enum status status = il_body_parse(body, source.bytes, source.length, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, STATUS_OK);
}

static void verdict(const struct il_effects *effects, const char *reason)
{
    struct il_body body;
    struct error error;
    error_init(&error);
    parse(&body);
    enum status status = il_check(&body, effects, &error);
    if (!reason) {
        assert_string_equal(error.message, "");
        assert_int_equal(status, STATUS_OK);
    } else {
        if (!strstr(error.message, reason))
            print_error("'%s' does not say '%s'\n", error.message, reason);
        assert_non_null(strstr(error.message, reason));
        assert_int_not_equal(status, STATUS_OK);
    }
    il_body_release(&body);
}

#define CODE(stack, ...)                                                                           \
    do {                                                                                           \
        begin_fat(&source, (stack), 0);                                                            \
        PUT(&source, __VA_ARGS__);                                                                 \
        end_fat(&source);                                                                          \
    } while (0)

static void accepted(const struct il_effects *effects)
{
    verdict(effects, NULL);
    verdict(NULL, NULL);
}

static void refused(const char *reason)
{
    verdict(&no_result, reason);
    verdict(NULL, reason);
}

static void depths(void **state)
{
    (void)state;
    struct il_body body;
    CODE(0, 0x16, 0x2d, 0x03, /* 00 ldc.i4.0; brtrue.s 6 */
         0x17, 0x18, 0x2a,    /* 03 ldc.i4.1; ldc.i4.2; ret: one too many */
         0x17, 0x2a);         /* 06 ldc.i4.1; ret */
    verdict(&result, "needs a stack of 2, its header says 0");
    parse(&body);
    assert_int_equal(il_stack_compute(&body, &result, NULL), STATUS_OK);
    assert_int_equal(body.max_stack, 2);
    assert_int_equal(body.first->depth, 0);
    assert_int_equal(body.first->next->depth, 1);
    assert_int_equal(body.first->next->next->next->depth, 1);
    struct error error;
    assert_int_equal(il_check(&body, &result, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "'IL_0008 ret': the stack holds something else"));
    assert_int_equal(error.offset, 8);
    assert_int_equal(il_check(&body, NULL, NULL), STATUS_OK);
    assert_int_equal(body.first->depth, IL_DEPTH_UNKNOWN);
    il_body_release(&body);
}

static void paths_must_agree(void **state)
{
    (void)state;
    CODE(8, 0x16, 0x2c, 0x01, 0x17, 0x2a); /* ldc; brfalse.s ret; ldc; ret */
    verdict(&result, "'IL_0007 ret': the stack holds");
    CODE(8, 0x16, 0x2b, 0xfd); /* a loop that pushes */
    verdict(&no_result, "'IL_0000 ldc.i4.0': the stack holds");
    CODE(8, 0x26, 0x2a);
    verdict(&no_result, "'IL_0000 pop': the stack runs empty");
    CODE(8, 0x16, 0x45, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x17, 0x2a);
    verdict(&no_result, "the stack holds");
}

static void calls(void **state)
{
    (void)state;
    struct il_body body;
    CODE(2, 0x16, 0x17, 0x28, 1, 0, 0x21, 0x0a, 0x2a); /* two arguments, a result */
    accepted(&result);
    CODE(2, 0x16, 0x28, 1, 0, 0x21, 0x0a, 0x2a);
    verdict(&result, "the stack runs empty");
    CODE(8, 0x16, 0x73, 1, 0, 0x20, 0x0a, 0x2a); /* newobj: `this` is not popped */
    accepted(&result);
    CODE(8, 0x16, 0x17, 0x29, 1, 0, 0x11, 0x0a, 0x2a); /* calli pops the address, too */
    accepted(&result);
    CODE(8, 0x28, 0xff, 0xff, 0xff, 0x0a, 0x2a);
    verdict(&no_result, "the signature is not known");
    parse(&body);
    assert_int_equal(il_stack_compute(&body, &no_result, NULL), STATUS_UNSUPPORTED);
    /* Unreached code is not asked about, and max_stack does not sink. */
    il_insert_before(&body, body.first, il_code_branch(CEE_BR, body.last), IL_STAY);
    assert_int_equal(il_stack_compute(&body, &no_result, NULL), STATUS_OK);
    assert_int_equal(body.max_stack, 8);
    assert_int_equal(body.last->previous->depth, IL_DEPTH_UNKNOWN);
    il_stack_raise(&body, 3);
    assert_int_equal(body.max_stack, 11);
    il_stack_raise(&body, UINT32_MAX);
    assert_int_equal(body.max_stack, 65535);
    il_body_release(&body);
}

static void the_end_of_the_code(void **state)
{
    (void)state;
    CODE(8, 0x00);
    refused("'IL_0000 nop': the code runs off its end");
    CODE(8, 0x16, 0x2d, 0xfd); /* a conditional branch */
    refused("the code runs off its end");
    CODE(8, 0x2b, 0xfe); /* for ever */
    accepted(&no_result);
    CODE(8, 0x14, 0x7a);
    accepted(&no_result);
    CODE(8, 0x2a, 0x00); /* what is not reached may end anyhow */
    accepted(&no_result);
}

static void prefixes(void **state)
{
    (void)state;
    CODE(8, 0xfe, 0x14, 0x28, 0, 0, 0x01, 0x0a, 0x2a); /* tail. call; ret */
    accepted(&result);
    CODE(8, 0xfe, 0x14, 0x28, 0, 0, 0x00, 0x0a, 0x00, 0x2a);
    refused("a tail call that no ret follows");
    CODE(8, 0xfe, 0x14, 0x2a);
    refused("cannot stand before");
    CODE(8, 0x16, 0xfe, 0x13, 0xfe, 0x12, 1, 0x4a, 0x26, 0x2a); /* volatile. unaligned. ldind */
    accepted(&no_result);
    CODE(8, 0xfe, 0x13, 0x2a);
    refused("cannot stand before");
    CODE(8, 0xfe, 0x16, 1, 0, 0, 0x1b, 0x16, 0x2a);
    refused("cannot stand before");
    CODE(8, 0x16, 0x16, 0x2d, 0x02, 0xfe, 0x13, 0x4a, 0x26, 0x2a); /* into volatile. ldind */
    refused("leads between a prefix and its instruction");
    CODE(8, 0x2b, 0x00, 0xfe, 0x14);
    refused("code runs off its end");
}

/* 00 nop; leave.s 05 | 03 pop..: the frame of the cases below, with one clause. */
static void one_clause(uint32_t flags, uint32_t try_end, uint32_t handler_first,
                       uint32_t handler_end)
{
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, flags, 0, try_end, handler_first, handler_end, 0);
}

static void good_blocks(void **state)
{
    (void)state;
    begin_fat(&source, 8, 0); /* try { leave 4 } finally { endfinally } nop; ret */
    PUT(&source, 0xde, 0x02, 0x00, 0xdc, 0x2a);
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 2, 0, 2, 3, 4, 0);
    accepted(&no_result);
    begin_fat(&source, 8, 0); /* a catch that goes back into its try block */
    PUT(&source, 0x00, 0xde, 0x03, 0x26, 0xde, 0xfa, 0x2a);
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 0, 0, 3, 3, 6, 0x01000001);
    accepted(&no_result);
    begin_fat(&source, 8, 0);             /* rethrow within a try block within a catch */
    PUT(&source, 0xde, 0x0a);             /* 00 leave.s 0c */
    PUT(&source, 0x26, 0x00, 0xfe, 0x1a); /* 02 catch: pop; 03 try: nop; rethrow */
    PUT(&source, 0x26, 0xde, 0x00);       /* 06 catch: pop; leave.s 09 */
    PUT(&source, 0xde, 0x01, 0x00);       /* 09 leave.s 0c */
    PUT(&source, 0x2a);
    begin_clauses(&source, 2, 1);
    put_clause(&source, 1, 0, 3, 6, 6, 9, 0x01000001);
    put_clause(&source, 1, 0, 0, 2, 2, 12, 0x01000001);
    accepted(&no_result);
}

static void bad_ways(void **state)
{
    (void)state;
    begin_fat(&source, 8, 0); /* falls out of the try block */
    PUT(&source, 0x00, 0xdc, 0x2a);
    one_clause(2, 1, 1, 2);
    refused("control falls into or out of");
    begin_fat(&source, 8, 0); /* br out of it */
    PUT(&source, 0x2b, 0x01, 0xdc, 0x2a);
    one_clause(2, 2, 2, 3);
    refused("'IL_0000 br': it leads into or out of");
    begin_fat(&source, 8, 0); /* ret in it */
    PUT(&source, 0x2a, 0xdc, 0x2a);
    one_clause(2, 1, 1, 2);
    refused("'IL_0000 ret': it stands inside");
    begin_fat(&source, 8, 0); /* leave out of finally */
    PUT(&source, 0xde, 0x02, 0xde, 0x00, 0x2a);
    one_clause(2, 2, 2, 4);
    refused("'IL_0005 leave': it leads out of a filter, finally or fault");
    begin_fat(&source, 8, 0); /* leave into the middle of another try block */
    PUT(&source, 0x16, 0x2d, 0x06, 0xdd, 0x08, 0, 0, 0, 0x2a, 0x2a, 0x00, 0x00, 0xde, 0xff);
    PUT(&source, 0xdc);
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 2, 10, 14, 14, 15, 0);
    source.bytes[source.code + 4] = 3; /* 3 + 5 + 3 = 11 */
    source.bytes[source.code + 13] = 0xfa;
    refused("leads into a protected block");
    begin_fat(&source, 8, 0); /* endfinally in a catch */
    PUT(&source, 0xde, 0x02, 0x26, 0xdc, 0x2a);
    one_clause(0, 2, 2, 4);
    refused("'IL_0006 endfinally': it stands outside");
    begin_fat(&source, 8, 0); /* rethrow in finally */
    PUT(&source, 0xde, 0x02, 0xfe, 0x1a, 0x2a);
    one_clause(2, 2, 2, 4);
    refused("'IL_0005 rethrow': it stands outside");
    CODE(8, 0x16, 0xfe, 0x11);
    refused("it is not the end of a filter");
}

static void filters(void **state)
{
    (void)state;
    static const uint8_t good[] = {0xde, 0x07,             /* 00 leave.s 9 */
                                   0x26, 0x17, 0xfe, 0x11, /* 02 filter */
                                   0x26, 0xde, 0x00,       /* 06 handler */
                                   0x2a};
    begin_fat(&source, 8, 0);
    put(&source, good, sizeof(good));
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 1, 0, 2, 6, 9, 2);
    accepted(&no_result);
    source.bytes[source.code + 2] = 0x00; /* nop for pop: two values */
    verdict(&no_result, "something else than the filter's answer");
    source.bytes[source.code + 2] = 0x26;
    source.bytes[source.code + 4] = 0x00; /* endfilter is not there */
    source.bytes[source.code + 5] = 0x00;
    refused("control falls into or out of");
}

static void block_shapes(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags[2], at[2][4];
        const char *reason;
    } cases[] = {
        {{2, 2}, {{0, 2, 2, 4}, {5, 5, 6, 7}}, "it is empty"},
        {{2, 2}, {{0, 2, 2, 4}, {5, 6, 7, 7}}, "it is empty"},
        {{2, 2}, {{0, 4, 6, 8}, {2, 6, 8, 9}}, "begins inside another block"},
        {{2, 2}, {{0, 2, 4, 6}, {0, 2, 6, 8}}, "a finally or fault shares it"},
        {{0, 2}, {{0, 2, 4, 6}, {0, 2, 6, 8}}, "a finally or fault shares it"},
        {{0, 2}, {{0, 2, 4, 6}, {6, 7, 4, 6}}, "covers the same code"},
        {{0, 0}, {{0, 2, 4, 6}, {4, 5, 7, 8}}, "do not lie in the same block"},
        {{2, 2}, {{0, 4, 2, 4}, {5, 6, 7, 8}}, "do not lie in the same block"},
        {{2, 2}, {{0, 6, 6, 8}, {1, 3, 3, 5}}, "stands behind one that encloses it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin_fat(&source, 8, 0);
        PUT(&source, 0xde, 0x07, 0, 0, 0, 0, 0, 0, 0, 0x2a);
        source.bytes[source.code] = 0x2a; /* ret: nothing else is reached but the handlers */
        source.bytes[source.code + 1] = 0;
        begin_clauses(&source, 2, 1);
        for (int c = 0; c < 2; c++)
            put_clause(&source, 1, cases[i].flags[c], cases[i].at[c][0], cases[i].at[c][1],
                       cases[i].at[c][2], cases[i].at[c][3], 0);
        verdict(NULL, cases[i].reason);
    }
}

static void the_stack_is_empty_where_a_try_block_begins(void **state)
{
    (void)state;
    begin_fat(&source, 8, 0);
    PUT(&source, 0x16, 0xde, 0x01, 0xdc, 0x2a);
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 2, 1, 3, 3, 4, 0);
    verdict(&no_result, "'IL_0001 leave': the stack is not empty");
}

static void boundaries_and_targets_that_were_never_set(void **state)
{
    (void)state;
    struct il_body body;
    struct error error;
    il_body_init(&body);
    assert_int_equal(il_check(&body, NULL, &error), STATUS_MALFORMED);
    struct il_instruction *branch = il_append(&body, il_code_branch(CEE_BR, NULL));
    assert_int_equal(il_check(&body, NULL, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "its target was never set"));
    il_set_target(&body, branch, branch);
    struct il_clause clause = {.try_first = branch};
    il_add_clause(&body, &clause);
    assert_int_equal(il_check(&body, NULL, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "a boundary of an exception clause was never set"));
    il_body_release(&body);
    il_body_init(&body);
    body.failed = true;
    assert_int_equal(il_check(&body, NULL, &error), STATUS_MEMORY);
    il_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depths),
        cmocka_unit_test(paths_must_agree),
        cmocka_unit_test(calls),
        cmocka_unit_test(the_end_of_the_code),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(good_blocks),
        cmocka_unit_test(bad_ways),
        cmocka_unit_test(filters),
        cmocka_unit_test(block_shapes),
        cmocka_unit_test(the_stack_is_empty_where_a_try_block_begins),
        cmocka_unit_test(boundaries_and_targets_that_were_never_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
