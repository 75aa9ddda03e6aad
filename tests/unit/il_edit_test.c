// uses: il clr base
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
#include "il_print.h"

static struct assembly source;

static void parse(struct il_body *body)
{
    assert_int_equal(il_body_parse(body, source.bytes, source.length, NULL), STATUS_OK);
}

static void prints(struct il_body *body, const char *expected)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    il_body_layout(body);
    il_print_body(body, NULL, IL_PRINT_PLAIN, &buffer);
    assert_string_equal(buffer_text(&buffer), expected);
    buffer_release(&buffer);
}

/* L: nop; brtrue L; ret, with a try block that begins at L and one that ends at ret. */
static void make_loop(struct il_body *body)
{
    il_body_init(body);
    struct il_instruction *loop = il_append(body, il_code(CEE_NOP));
    il_append(body, il_code_branch(CEE_BR, loop));
    struct il_instruction *handler = il_append(body, il_code(CEE_ENDFINALLY));
    struct il_instruction *end = il_append(body, il_code(CEE_RET));
    struct il_clause clause = {.flags = COR_ILEXCEPTION_CLAUSE_FINALLY,
                               .try_first = loop,
                               .try_end = handler,
                               .handler_first = handler,
                               .handler_end = end};
    assert_non_null(il_add_clause(body, &clause));
}

static void before_a_loop_that_begins_a_block(void **state)
{
    (void)state;
    static const struct {
        enum il_move move;
        bool branch_moves, block_moves;
    } cases[] = {{IL_STAY, false, false},
                 {IL_MOVE_BRANCHES, true, false},
                 {IL_MOVE_CLAUSES, false, true},
                 {IL_MOVE_ALL, true, true}};
    for (size_t i = 0; i < 4; i++) {
        struct il_body body;
        make_loop(&body);
        struct il_instruction *loop = body.first;
        struct il_instruction *new_code =
            il_insert_before(&body, loop, il_code_ldc_i4(7), cases[i].move);
        assert_ptr_equal(body.first, new_code);
        assert_ptr_equal(new_code->next, loop);
        assert_ptr_equal(loop->next->target, cases[i].branch_moves ? new_code : loop);
        assert_ptr_equal(body.clauses->try_first, cases[i].block_moves ? new_code : loop);
        assert_int_equal(new_code->is_target, cases[i].branch_moves);
        assert_int_equal(loop->is_target, !cases[i].branch_moves);
        il_body_release(&body);
    }
}

static void before_what_stands_behind_a_block(void **state)
{
    (void)state;
    for (int move = 0; move < 2; move++) {
        struct il_body body;
        make_loop(&body);
        struct il_instruction *handler = body.clauses->handler_first;
        struct il_instruction *new_code =
            il_insert_before(&body, handler, il_code(CEE_NOP), move ? IL_MOVE_CLAUSES : IL_STAY);
        /* Moved: the new code begins the handler. Not moved: it ends the try block. */
        assert_ptr_equal(body.clauses->try_end, move ? new_code : handler);
        assert_ptr_equal(body.clauses->handler_first, move ? new_code : handler);
        il_body_release(&body);
    }
}

static void a_new_branch_to_the_place_itself_stays(void **state)
{
    (void)state;
    struct il_body body;
    make_loop(&body);
    struct il_instruction *loop = body.first;
    struct il_instruction *skip =
        il_insert_before(&body, loop, il_code_branch(CEE_BRTRUE, loop), IL_MOVE_ALL);
    assert_ptr_equal(skip->target, loop);
    assert_ptr_equal(loop->next->target, skip);
    assert_true(loop->is_target);
    /* Moving a second time takes along every branch that leads there now. */
    struct il_instruction *third = il_insert_before(&body, loop, il_code(CEE_NOP), IL_MOVE_ALL);
    assert_ptr_equal(skip->target, third);
    il_body_release(&body);
}

static void switches_move_too(void **state)
{
    (void)state;
    struct il_body body;
    il_body_init(&body);
    struct il_instruction *end = il_append(&body, il_code(CEE_RET));
    struct il_instruction *table = il_insert_switch_before(&body, end, 3, IL_STAY);
    for (uint32_t i = 0; i < 3; i++)
        il_set_switch_target(&body, table, i, i == 1 ? table : end);
    il_set_switch_target(&body, table, 3, end); /* out of range: nothing */
    struct il_instruction *new_code =
        il_insert_before(&body, end, il_code(CEE_NOP), IL_MOVE_BRANCHES);
    assert_ptr_equal(table->table->targets[0], new_code);
    assert_ptr_equal(table->table->targets[1], table);
    assert_ptr_equal(table->table->targets[2], new_code);
    assert_int_equal(body.count, 3);
    il_body_release(&body);
}

static void appended_code_lies_outside_of_every_block(void **state)
{
    (void)state;
    struct il_body body;
    make_loop(&body);
    /* A handler that is just being written ends at the end, wherever that is. */
    struct il_instruction *handler = il_append(&body, il_code(CEE_POP));
    struct il_clause clause = {.try_first = body.clauses->try_first,
                               .try_end = body.clauses->handler_end,
                               .handler_first = handler,
                               .type = 0x01000001};
    struct il_clause *added = il_add_clause(&body, &clause);
    assert_ptr_equal(added, body.clauses->next);
    struct il_instruction *leave = il_insert_after(&body, handler, il_code(CEE_NOP));
    assert_null(added->handler_end);
    assert_ptr_equal(body.last, leave);
    struct il_instruction *after = il_append(&body, il_code(CEE_RET));
    assert_ptr_equal(added->handler_end, after);
    il_body_release(&body);
}

static void replaced_code_keeps_its_place(void **state)
{
    (void)state;
    struct il_body body;
    begin_tiny(&source, 4);
    PUT(&source, 0x2b, 0x00, 0x2a, 0x2a); /* br.s 2; ret; ret */
    parse(&body);
    struct il_instruction *ret = body.first->target;
    assert_ptr_equal(il_replace(&body, ret, il_code_branch(CEE_BR, body.last)), ret);
    assert_int_equal(ret->original, 2);
    assert_true(ret->is_target && body.last->is_target);
    assert_ptr_equal(body.first->target, ret);
    prints(&body, "code 11 bytes, stack 8\n"
                  "IL_0000  br IL_0005\n"
                  "IL_0005  br IL_000a\n"
                  "IL_000a  ret\n");
    il_body_release(&body);
}

static void shortest_forms(void **state)
{
    (void)state;
    assert_int_equal(il_code_ldarg(3).opcode, CEE_LDARG_3);
    assert_int_equal(il_code_ldarg(4).opcode, CEE_LDARG_S);
    assert_int_equal(il_code_ldarg(255).opcode, CEE_LDARG_S);
    assert_int_equal(il_code_ldarg(256).opcode, CEE_LDARG);
    assert_int_equal(il_code_ldarg(256).integer, 256);
    assert_int_equal(il_code_stloc(0).opcode, CEE_STLOC_0);
    assert_int_equal(il_code_ldloc(300).opcode, CEE_LDLOC);
    assert_int_equal(il_code_ldloca(0).opcode, CEE_LDLOCA_S);
    assert_int_equal(il_code_ldarga(256).opcode, CEE_LDARGA);
    assert_int_equal(il_code_starg(1).opcode, CEE_STARG_S);
    assert_int_equal(il_code_ldc_i4(-1).opcode, CEE_LDC_I4_M1);
    assert_int_equal(il_code_ldc_i4(8).opcode, CEE_LDC_I4_8);
    assert_int_equal(il_code_ldc_i4(9).opcode, CEE_LDC_I4_S);
    assert_int_equal(il_code_ldc_i4(-128).opcode, CEE_LDC_I4_S);
    assert_int_equal(il_code_ldc_i4(-129).opcode, CEE_LDC_I4);
    assert_int_equal(il_code_ldc_i4(128).opcode, CEE_LDC_I4);
}

static void prefixes_are_found(void **state)
{
    (void)state;
    struct il_body body;
    il_body_init(&body);
    il_append(&body, il_code(CEE_NOP));
    struct il_instruction *first = il_append(&body, il_code_token(CEE_CONSTRAINED, 0x1b000001));
    il_append(&body, il_code(CEE_TAILCALL));
    struct il_instruction *call = il_append(&body, il_code_token(CEE_CALLVIRT, 0x0a000001));
    assert_ptr_equal(il_with_prefixes(call), first);
    assert_ptr_equal(il_with_prefixes(body.first), body.first);
    il_body_release(&body);
}

/* Clauses come in any order and stand inner ones first. Eight nops, ranges as offsets. */
static void clauses_find_their_place(void **state)
{
    (void)state;
    struct il_body body;
    struct il_instruction *at[9] = {NULL};
    il_body_init(&body);
    for (int i = 0; i < 8; i++)
        at[i] = il_append(&body, il_code(CEE_NOP));
    static const struct {
        int try_first, try_end, handler_first, handler_end;
        uint32_t type;
    } added[] = {
        {0, 6, 6, 7, 1}, /* all */
        {1, 2, 2, 3, 2}, /* inner */
        {1, 4, 4, 5, 3}, /* between */
        {1, 2, 3, 4, 4}, /* second catch of 2 */
        {0, 7, 7, 8, 5}, /* around all */
    };
    static const uint32_t expected[] = {2, 4, 3, 1, 5};
    for (size_t i = 0; i < 5; i++) {
        struct il_clause clause = {.try_first = at[added[i].try_first],
                                   .try_end = at[added[i].try_end],
                                   .handler_first = at[added[i].handler_first],
                                   .handler_end = at[added[i].handler_end],
                                   .type = added[i].type};
        assert_non_null(il_add_clause(&body, &clause));
    }
    struct il_clause *clause = body.clauses;
    for (size_t i = 0; i < 5; i++, clause = clause->next)
        assert_int_equal(clause->type, expected[i]);
    assert_null(clause);
    assert_int_equal(body.clause_count, 5);
    il_body_release(&body);
}

/* What a weaver does: the whole method in try/fault, each ret a leave, one exit. */
static void a_whole_method_is_wrapped(void **state)
{
    (void)state;
    struct il_body body;
    begin_tiny(&source, 7);
    PUT(&source, 0x02, 0x2c, 0x02); /* ldarg.0; brfalse.s 5 */
    PUT(&source, 0x17, 0x2a);       /* ldc.i4.1; ret */
    PUT(&source, 0x16, 0x2a);       /* ldc.i4.0; ret */
    parse(&body);
    struct il_instruction *first = body.first, *last = body.last;
    struct il_instruction *handler = il_append(&body, il_code_token(CEE_CALL, 0x0a000002));
    il_append(&body, il_code(CEE_ENDFINALLY));
    struct il_instruction *exit = il_append(&body, il_code_ldloc(0));
    il_append(&body, il_code(CEE_RET));
    for (struct il_instruction *at = first; at != handler; at = at->next)
        if (at->opcode == CEE_RET) {
            il_replace(&body, at, il_code_stloc(0));
            at = il_insert_after(&body, at, il_code_branch(CEE_LEAVE, exit));
        }
    struct il_clause clause = {.flags = COR_ILEXCEPTION_CLAUSE_FAULT,
                               .try_first = first,
                               .try_end = handler,
                               .handler_first = handler,
                               .handler_end = exit};
    assert_non_null(il_add_clause(&body, &clause));
    il_insert_before(&body, first, il_code_token(CEE_CALL, 0x0a000001), IL_STAY);
    assert_int_equal(last->opcode, CEE_STLOC_0);
    assert_int_equal(il_check(&body, NULL, NULL), STATUS_OK);
    prints(&body, "code 33 bytes, stack 8\n"
                  "IL_0000  call 0x0a000001\n"
                  "try {\n"
                  "  IL_0005  ldarg.0\n"
                  "  IL_0006  brfalse IL_0012\n"
                  "  IL_000b  ldc.i4.1\n"
                  "  IL_000c  stloc.0\n"
                  "  IL_000d  leave IL_001f\n"
                  "  IL_0012  ldc.i4.0\n"
                  "  IL_0013  stloc.0\n"
                  "  IL_0014  leave IL_001f\n"
                  "}\n"
                  "fault {\n"
                  "  IL_0019  call 0x0a000002\n"
                  "  IL_001e  endfinally\n"
                  "}\n"
                  "IL_001f  ldloc.0\n"
                  "IL_0020  ret\n"
                  "try IL_0005..IL_0019 fault handler IL_0019..IL_001f\n");
    il_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_a_loop_that_begins_a_block),
        cmocka_unit_test(before_what_stands_behind_a_block),
        cmocka_unit_test(a_new_branch_to_the_place_itself_stays),
        cmocka_unit_test(switches_move_too),
        cmocka_unit_test(appended_code_lies_outside_of_every_block),
        cmocka_unit_test(replaced_code_keeps_its_place),
        cmocka_unit_test(shortest_forms),
        cmocka_unit_test(prefixes_are_found),
        cmocka_unit_test(clauses_find_their_place),
        cmocka_unit_test(a_whole_method_is_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
