// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined
// RequestReJIT answers E_OUTOFMEMORY where the runtime could not complete the request because it
// ran out of memory. The real runtime cannot be brought there; the stand-in can. What the rule
// means for whoever asks: some of the methods may have been marked all the same, so that the
// runtime may ask for the IL of a method that nobody claims. The agent then says why, gives the
// original IL, takes the method back, and can claim it later.
#include "recompile_harness.h"

static const struct ICorProfilerInfo15Vtbl *real_table; /* of the one bench at work */
static struct ICorProfilerInfo15Vtbl kept;

/* Marks the first method, and then has no memory for the others. */
static HRESULT half_request(struct ICorProfilerInfo15 *self, uint32_t flags, uint32_t count,
                            ModuleID *modules, mdToken *methods)
{
    const HRESULT result =
        real_table->RequestReJITWithInliners(self, flags, count > 1 ? 1 : 0, modules, methods);
    return result == S_OK ? E_OUTOFMEMORY : result;
}

static enum status claim_two(struct bench *bench, struct error *error)
{
    const struct method_key keys[] = {bench->any, bench->count};
    error_init(error);
    return recompile_claim(harness_recompile, &bench->a.tenant, keys, 2, error);
}

static uint32_t claimed(void)
{
    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    return totals.claimed;
}

static void nothing_is_marked(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    harness_up(&bench);
    standin_fail(bench.standin, STANDIN_FAIL_REQUEST, 0, 0, E_OUTOFMEMORY, 1);
    assert_int_equal(claim_two(&bench, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "0x8007000E E_OUTOFMEMORY"));
    assert_int_equal(claimed(), 0);
    assert_false(harness_call(&bench, bench.any).recompiled);
    /* There is memory again. */
    assert_int_equal(claim_two(&bench, &error), STATUS_OK);
    assert_int_equal(claimed(), 2);
    assert_true(harness_call(&bench, bench.any).recompiled);
    assert_true(harness_call(&bench, bench.count).recompiled);
    assert_int_equal(bench.a.woven, 2);
    harness_release(&bench.a, bench.any);
    harness_release(&bench.a, bench.count);
    harness_down(&bench);
}

static void some_are_marked(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    harness_up(&bench);
    kept = *standin_table(bench.standin);
    real_table = &kept;
    standin_table(bench.standin)->RequestReJITWithInliners = half_request;
    assert_int_equal(claim_two(&bench, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "E_OUTOFMEMORY"));
    assert_int_equal(claimed(), 0);
    /* The runtime has marked it, and asks: it gets what it had, and is taken back. */
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked);
    assert_int_equal(bench.a.woven, 0);
    assert_false(harness_call(&bench, bench.count).asked);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&bench, bench.any).recompiled);
    harness_down(&bench);
}

/* A revert that finds no memory is tried again until it is done. */
static void a_revert_is_tried_again(void **state)
{
    struct bench bench;
    struct error error;
    size_t reverted = 0;
    (void)state;
    harness_up(&bench);
    harness_claim(&bench.a, bench.any);
    assert_true(harness_call(&bench, bench.any).recompiled);
    standin_fail(bench.standin, STANDIN_FAIL_REVERT, 0, 0, E_OUTOFMEMORY, 2);
    recompile_release(harness_recompile, &bench.a.tenant, &bench.any, 1, &reverted, &error);
    assert_int_equal(reverted, 0);
    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.reverting, 1);
    recompile_pump(harness_recompile);
    assert_true(harness_call(&bench, bench.any).recompiled);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&bench, bench.any).recompiled);
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.reverting, 0);
    harness_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_marked),
        cmocka_unit_test(some_are_marked),
        cmocka_unit_test(a_revert_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
