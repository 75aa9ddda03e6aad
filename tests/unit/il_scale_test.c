// uses: il clr base
/* Bodies at the limits, some of them made to be slow: each is done in a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base_clock.h"
#include "clr_flags.h"
#include "il_body.h"
#include "il_check.h"
#include "il_print.h"

#define MOMENT 5000000000u /* ns; thousands of times what a linear walk needs */

static const struct il_effects none = {0};

static void through_bytes_and_back(struct il_body *body, enum status expected)
{
    struct buffer buffer;
    struct il_body again;
    uint64_t start = clock_monotonic();
    buffer_init(&buffer, 0);
    assert_int_equal(il_body_write(body, &buffer, NULL), STATUS_OK);
    assert_int_equal(il_body_parse(&again, buffer.data, buffer.length, NULL), STATUS_OK);
    assert_int_equal(again.count, body->count);
    assert_int_equal(il_stack_compute(&again, &none, NULL), STATUS_OK);
    assert_int_equal(il_check(&again, &none, NULL), expected);
    buffer_clear(&buffer);
    il_print_body(&again, NULL, IL_PRINT_DEPTH, &buffer);
    assert_true(clock_monotonic() - start < MOMENT);
    il_body_release(&again);
    buffer_release(&buffer);
}

/* try { try { ... } finally {} } finally {}: as deep as the table goes, with a leave from the
 * innermost block to the end of all. */
static void nested_as_deep_as_the_table_goes(void **state)
{
    (void)state;
    struct il_body body;
    uint64_t start = clock_monotonic();
    il_body_init(&body);
    struct il_instruction *first = il_append(&body, il_code(CEE_NOP));
    struct il_instruction *leave = il_append(&body, il_code_branch(CEE_LEAVE, NULL));
    for (uint32_t i = 0; i < IL_MAX_CLAUSES; i++) {
        struct il_instruction *handler = il_append(&body, il_code(CEE_ENDFINALLY));
        struct il_clause clause = {.flags = COR_ILEXCEPTION_CLAUSE_FINALLY,
                                   .try_first = first,
                                   .try_end = handler,
                                   .handler_first = handler};
        assert_non_null(il_add_clause(&body, &clause));
    }
    struct il_instruction *end = il_append(&body, il_code(CEE_RET));
    il_set_target(&body, leave, end);
    struct il_clause one_more = *body.clauses;
    assert_null(il_add_clause(&body, &one_more));
    assert_true(body.failed);
    body.failed = false;
    assert_true(clock_monotonic() - start < MOMENT);
    through_bytes_and_back(&body, STATUS_OK);
    il_body_release(&body);
}

/* Every instruction but the last is a branch to the last, before which code goes in. */
static void a_target_of_everything(void **state)
{
    (void)state;
    struct il_body body;
    il_body_init(&body);
    struct il_instruction *end = il_append(&body, il_code(CEE_RET));
    for (uint32_t i = 0; i < IL_MAX_INSTRUCTIONS / 4; i++) {
        il_insert_before(&body, end, il_code_ldc_i4(1), IL_STAY);
        il_insert_before(&body, end, il_code_branch(CEE_BRTRUE_S, end), IL_STAY);
    }
    uint64_t start = clock_monotonic();
    struct il_instruction *probe = il_insert_before(&body, end, il_code(CEE_NOP), IL_MOVE_ALL);
    for (uint32_t i = 0; i < 1000; i++)
        il_insert_before(&body, end, il_code(CEE_NOP), IL_MOVE_ALL);
    assert_true(clock_monotonic() - start < MOMENT);
    assert_ptr_equal(body.first->next->target, probe);
    through_bytes_and_back(&body, STATUS_OK);
    il_body_release(&body);
}

/* A switch over as many targets as the code limit holds. */
static void a_switch_with_a_quarter_million_targets(void **state)
{
    (void)state;
    struct il_body body;
    il_body_init(&body);
    il_append(&body, il_code_ldc_i4(1));
    struct il_instruction *end = il_append(&body, il_code(CEE_RET));
    uint32_t count = (IL_MAX_CODE - 7) / 4;
    struct il_instruction *table = il_insert_switch_before(&body, end, count, IL_STAY);
    for (uint32_t i = 0; i < count; i++)
        il_set_switch_target(&body, table, i, i % 2 ? end : body.first);
    through_bytes_and_back(&body, STATUS_OK);
    il_insert_before(&body, end, il_code(CEE_NOP), IL_STAY);
    il_insert_before(&body, end, il_code(CEE_NOP), IL_STAY);
    il_insert_before(&body, end, il_code_ldc_i4(1000), IL_STAY);
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(il_body_write(&body, &buffer, NULL), STATUS_LIMIT);
    buffer_release(&buffer);
    il_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_as_deep_as_the_table_goes),
        cmocka_unit_test(a_target_of_everything),
        cmocka_unit_test(a_switch_with_a_quarter_million_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
