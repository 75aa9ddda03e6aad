// uses: il clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "clr_flags.h"
#include "il_body.h"
#include "il_opcode.h"
#include "il_print.h"
#include "il_stack.h"

static void line(struct il_code code, const char *expected)
{
    struct il_body body;
    struct buffer buffer;
    il_body_init(&body);
    buffer_init(&buffer, 0);
    il_print_instruction(il_append(&body, code), NULL, IL_PRINT_PLAIN, &buffer);
    assert_string_equal(buffer_text(&buffer) + strlen("IL_0000  "), expected);
    buffer_release(&buffer);
    il_body_release(&body);
}

static void operands(void **state)
{
    (void)state;
    line(il_code(CEE_LDARG_0), "ldarg.0");
    line(il_code_ldc_i4(-100), "ldc.i4.s -100");
    line(il_code_ldc_i4(INT32_MIN), "ldc.i4 -2147483648");
    line(il_code_integer(CEE_LDC_I8, INT64_MAX), "ldc.i8 9223372036854775807");
    line(il_code_integer(CEE_LDC_R4, 0x3fc00000), "ldc.r4 1.5");
    line(il_code_integer(CEE_LDC_R8, 0x3fb999999999999a), "ldc.r8 0.10000000000000001");
    line(il_code_ldloc(300), "ldloc 300");
    line(il_code_token(CEE_LDSTR, 0x70000001), "ldstr 0x70000001");
    line(il_code_integer(CEE_UNALIGNED, 2), "unaligned. 2");
    line(il_code_branch(CEE_BR, NULL), "br (not set)");
}

static bool name(void *context, uint32_t opcode, mdToken token, struct buffer *buffer)
{
    if (token != 0x0a000001)
        return false;
    buffer_append_format(buffer, "%s for %s", (const char *)context, il_opcode_info(opcode)->text);
    return true;
}

static void a_whole_body_with_names_and_columns(void **state)
{
    (void)state;
    static char context[] = "Name";
    const struct il_namer namer = {name, context};
    const struct il_effects effects = {0};
    /* ldc.i4.0; switch (ret, switch); try { ldsfld; pop; leave } filter {...} {...} ret */
    static const uint8_t bytes[] = {
        0x1b, 0x30, 1,    0,    31,   0,    0,    0, 1, 0,    0,    0x11,       /* header */
        0x16,                                                                   /* 00 */
        0x45, 2,    0,    0,    0,    16,   0,    0, 0, 0xf2, 0xff, 0xff, 0xff, /* 01 */
        0x7e, 1,    0,    0,    0x0a, 0x26, 0xde, 7,                            /* 0e try */
        0x26, 0x17, 0xfe, 0x11,                                                 /* 16 filter */
        0x26, 0xde, 0x01,                                                       /* 1a handler */
        0x2a,                                                                   /* 1d */
        0x2a,                                                                   /* 1e */
        0,                                                                      /* padding */
        0x01, 16,   0,    0,    1,    0,    0x0e, 0, 8, 0x1a, 0,    3,    0x16, 0, 0, 0,
    };
    struct il_body body;
    struct buffer buffer;
    struct error error;
    error_init(&error);
    enum status status = il_body_parse(&body, bytes, sizeof(bytes), &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, STATUS_OK);
    buffer_init(&buffer, 0);
    il_print_body(&body, NULL, IL_PRINT_PLAIN, &buffer);
    assert_string_equal(buffer_text(&buffer), "code 31 bytes, stack 1, locals 0x11000001 init\n"
                                              "IL_0000  ldc.i4.0\n"
                                              "IL_0001  switch (IL_001e, IL_0000)\n"
                                              "try {\n"
                                              "  IL_000e  ldsfld 0x0a000001\n"
                                              "  IL_0013  pop\n"
                                              "  IL_0014  leave.s IL_001d\n"
                                              "}\n"
                                              "filter {\n"
                                              "  IL_0016  pop\n"
                                              "  IL_0017  ldc.i4.1\n"
                                              "  IL_0018  endfilter\n"
                                              "}\n"
                                              "catch {\n"
                                              "  IL_001a  pop\n"
                                              "  IL_001b  leave.s IL_001e\n"
                                              "}\n"
                                              "IL_001d  ret\n"
                                              "IL_001e  ret\n"
                                              "try IL_000e..IL_0016 filter IL_0016 handler "
                                              "IL_001a..IL_001d\n");
    il_insert_before(&body, body.first, il_code(CEE_NOP), IL_STAY);
    assert_int_equal(il_stack_compute(&body, &effects, &error), STATUS_OK);
    buffer_clear(&buffer);
    il_print_instruction(body.first, &namer, IL_PRINT_ORIGINAL | IL_PRINT_DEPTH, &buffer);
    assert_string_equal(buffer_text(&buffer), "IL_0000  +      0  nop");
    buffer_clear(&buffer);
    il_print_instruction(body.first->next->next, &namer, IL_PRINT_ORIGINAL | IL_PRINT_DEPTH,
                         &buffer);
    assert_string_equal(buffer_text(&buffer), "IL_0002  0001   1  switch (IL_0025, IL_0001)");
    buffer_clear(&buffer);
    il_print_instruction(body.clauses->try_first, &namer, IL_PRINT_ORIGINAL, &buffer);
    assert_string_equal(buffer_text(&buffer), "IL_000f  000e  ldsfld Name for ldsfld");
    buffer_release(&buffer);
    il_body_release(&body);
}

/* What does not nest is printed without braces, and without harm. */
static void blocks_that_overlap(void **state)
{
    (void)state;
    struct il_body body;
    struct buffer buffer;
    struct il_instruction *at[6];
    il_body_init(&body);
    for (int i = 0; i < 6; i++)
        at[i] = il_append(&body, il_code(CEE_NOP));
    const struct il_clause clauses[] = {
        {.flags = COR_ILEXCEPTION_CLAUSE_FAULT,
         .try_first = at[0],
         .try_end = at[3],
         .handler_first = at[2],
         .handler_end = at[4]},
        {.try_first = at[1], .try_end = at[2], .handler_first = at[5], .type = 0x0a000001},
    };
    il_add_clause(&body, &clauses[0]);
    il_add_clause(&body, &clauses[1]);
    buffer_init(&buffer, 0);
    il_print_body(&body, NULL, IL_PRINT_DEPTH, &buffer);
    assert_string_equal(buffer_text(&buffer),
                        "code 6 bytes, stack 8\n"
                        "IL_0000   -  nop\nIL_0001   -  nop\nIL_0002   -  nop\n"
                        "IL_0003   -  nop\nIL_0004   -  nop\nIL_0005   -  nop\n"
                        "try IL_0001..IL_0002 catch 0x0a000001 handler IL_0005..IL_0006\n"
                        "try IL_0000..IL_0003 fault handler IL_0002..IL_0004\n");
    buffer_release(&buffer);
    il_body_release(&body);
}

/* The table: every value that has a row is found by it, and the counts are those of ECMA-335
 * without `no.`, which the CLR does not have. */
static void the_table_of_instructions(void **state)
{
    (void)state;
    unsigned one = 0, two = 0, short_branches = 0;
    for (uint32_t opcode = 0; opcode <= 0xffff; opcode++) {
        const struct il_opcode_info *info = il_opcode_info(opcode);
        if (!info)
            continue;
        assert_true(opcode <= 0xff || opcode >> 8 == 0xfe);
        one += opcode <= 0xff;
        two += opcode > 0xff;
        assert_true(info->pops <= 3 && info->pushes <= 2);
        bool is_short = info->operand == IL_OPERAND_BRANCH1;
        assert_int_equal(il_opcode_long_branch(opcode) != opcode, is_short);
        if (is_short)
            assert_int_equal(il_opcode_info(il_opcode_long_branch(opcode))->operand,
                             IL_OPERAND_BRANCH4);
        short_branches += is_short;
    }
    assert_int_equal(one, 191);
    assert_int_equal(two, 27);
    assert_int_equal(short_branches, 14);
    assert_int_equal(il_opcode_info(CEE_STELEM_REF)->pops, 3);
    assert_int_equal(il_opcode_info(CEE_CALLI)->pops, IL_VARIES);
    assert_null(il_opcode_info(0xfe));
    assert_null(il_opcode_info(0x10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands),
        cmocka_unit_test(a_whole_body_with_names_and_columns),
        cmocka_unit_test(blocks_that_overlap),
        cmocka_unit_test(the_table_of_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
