// uses: output script wire clr
// sanitize: address,undefined
/* Conditions that the CLI judges: the agent's results for some leaves, durations for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "output_judge.h"
#include "script_expression.h"

static struct arena arena;

static struct plan_probe probe_of(const char *condition)
{
    struct plan_probe probe = {.condition = condition};
    assert_int_equal(
        script_parse_condition(&arena, condition, &probe.nodes, &probe.node_count, NULL),
        STATUS_OK);
    return probe;
}

static bool judge(const char *condition, uint64_t tests, uint64_t elapsed_ns)
{
    struct plan_probe probe = probe_of(condition);
    return judge_condition(&probe, tests, elapsed_ns);
}

static void test_leaves(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    assert_true(judge("a == 1", 1, 0));
    assert_false(judge("a == 1", 0, 0));
    assert_false(judge("a == 1", 2, 0));
    assert_true(judge("!a", 0, 0));
    /* leaves count in prefix order: a 0, b 1, c 2, d 3 */
    assert_true(judge("a && b || c && d", 0x3, 0));
    assert_true(judge("a && b || c && d", 0xc, 0));
    assert_false(judge("a && b || c && d", 0x5, 0));
    assert_true(judge("a && (b || !(c && d))", 0x1, 0));
    assert_false(judge("a && (b || !(c && d))", 0xd, 0));
    arena_release(&arena);
}

static void test_elapsed(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    assert_true(judge("elapsed > 5ms", 0, 5000001));
    assert_false(judge("elapsed > 5ms", ~0ull, 5000000));
    assert_true(judge("elapsed >= 5ms", 0, 5000000));
    assert_true(judge("5ms > elapsed", 0, 4999999));
    assert_true(judge("elapsed <= 1s", 0, 1000000000));
    assert_true(judge("elapsed != 1s", 0, 1));
    assert_true(judge("elapsed == 1s", 0, 1000000000));
    /* an elapsed leaf takes a number, too */
    assert_true(judge("elapsed > 1ms && ret == 3", 2, 2000000));
    assert_false(judge("elapsed > 1ms && ret == 3", 1, 2000000));
    arena_release(&arena);
}

static void test_needed(void **state)
{
    (void)state;
    struct plan_probe none = {0};
    arena_init(&arena, 0);
    struct plan_probe entry = probe_of("a == 1 && this.B"), late = probe_of("a == 1 || ex != null");
    struct plan_probe timed = probe_of("!(elapsed > 1s)");
    assert_false(judge_needed(&none));
    assert_false(judge_needed(&entry));
    assert_true(judge_needed(&late));
    assert_true(judge_needed(&timed));
    assert_true(judge_condition(&none, 0, 0));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_elapsed),
        cmocka_unit_test(test_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
