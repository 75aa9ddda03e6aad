// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// Claims and what becomes of them: requests, composition, inliners, reverts, and every way to
// fail.
#include "recompile_harness.h"

static bool ends_with(struct standin_use use, const char *marks)
{
    const size_t length = strlen(marks);
    return use.il_length >= length && memcmp(use.il + use.il_length - length, marks, length) == 0;
}

static void claim_weaves_at_the_next_call(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    const struct standin_use own = harness_call(&bench, bench.any);
    assert_false(own.recompiled);
    harness_claim(&bench.a, bench.any);
    assert_int_equal(bench.a.woven, 0);
    struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked && use.recompiled);
    assert_int_equal(use.il_length, own.il_length + 1);
    assert_memory_equal(use.il, own.il, own.il_length);
    assert_true(ends_with(use, "A"));
    assert_int_equal(use.map_count, 2);
    assert_int_equal(use.map[1].oldOffset, 5);
    assert_int_equal(use.map[1].newOffset, 16);
    assert_int_equal(use.map[1].fAccurate, 1);
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.compiled, 1);
    use = harness_call(&bench, bench.any);
    assert_false(use.asked);
    assert_int_equal(bench.a.woven, 1);

    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 1);
    assert_int_equal(totals.compiled, 1);
    assert_int_equal(harness_release(&bench.a, bench.any), 1);
    assert_false(harness_call(&bench, bench.any).recompiled);
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 0);
    harness_down(&bench);
}

static void tenants_compose_in_order(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    harness_claim(&bench.b, bench.any);
    assert_true(ends_with(harness_call(&bench, bench.any), "B"));
    harness_claim(&bench.a, bench.any);
    struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked);
    assert_true(ends_with(use, "AB"));
    /* 5 -> 16 by the first, then 16 lies 11 behind 5 of the second. */
    assert_int_equal(use.map_count, 2);
    assert_int_equal(use.map[0].newOffset, 2);
    assert_int_equal(use.map[1].newOffset, 27);
    /* One goes: the other's change stays, from the original IL. */
    assert_int_equal(harness_release(&bench.a, bench.any), 0);
    use = harness_call(&bench, bench.any);
    assert_true(use.asked);
    assert_true(ends_with(use, "B"));
    assert_false(ends_with(use, "AB"));
    assert_int_equal(harness_release(&bench.b, bench.any), 1);
    harness_down(&bench);
}

static void a_tenant_without_map_takes_the_map_away(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    bench.b.no_map = true;
    harness_claim(&bench.a, bench.any);
    harness_claim(&bench.b, bench.any);
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_true(ends_with(use, "AB"));
    assert_int_equal(use.map_count, 0);
    harness_release(&bench.a, bench.any);
    harness_release(&bench.b, bench.any);
    harness_down(&bench);
}

static void claiming_again_asks_again(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    harness_claim(&bench.a, bench.any);
    const ReJITID first = harness_call(&bench, bench.any).rejit;
    bench.a.mark = 'Z';
    harness_claim(&bench.a, bench.any);
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked && use.rejit != first);
    assert_true(ends_with(use, "Z"));
    assert_int_equal(harness_release(&bench.a, bench.any), 1);
    /* Released twice, and never claimed: nothing happens. */
    assert_int_equal(harness_release(&bench.a, bench.any), 0);
    assert_int_equal(harness_release(&bench.b, bench.where), 0);
    harness_down(&bench);
}

static void a_refusing_tenant_leaves_the_others(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    bench.a.refuse = true;
    harness_claim(&bench.a, bench.any);
    harness_claim(&bench.b, bench.any);
    assert_true(ends_with(harness_call(&bench, bench.any), "B"));
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.failed, 1);
    assert_string_equal(bench.a.reason, "refused by marker 'A'");
    assert_int_equal(bench.b.failed, 0);
    assert_true(ends_with(harness_call(&bench, bench.any), "B"));
    /* Its claim is gone with it. */
    assert_int_equal(harness_release(&bench.a, bench.any), 0);
    assert_int_equal(harness_release(&bench.b, bench.any), 1);
    harness_down(&bench);
}

static void refused_by_all_reverts(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    bench.a.refuse = true;
    harness_claim(&bench.a, bench.any);
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_int_equal(use.map_count, 0);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&bench, bench.any).recompiled);
    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 0);
    assert_int_equal(totals.failed, 1);
    harness_down(&bench);
}

/* Beside other claims a failed method must not go back to its own code, which may hold inlined
 * copies of what is claimed: it is compiled afresh. */
static void a_failure_beside_other_claims(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    bench.a.refuse = true;
    harness_claim(&bench.a, bench.any);
    harness_claim(&bench.b, bench.count);
    harness_call(&bench, bench.any);
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.failed, 1);
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked && use.recompiled);
    assert_false(ends_with(use, "A"));
    assert_int_equal(harness_release(&bench.b, bench.count), 2);
    harness_down(&bench);
}

/* Whatever the runtime refuses: the method runs its own code, the tenant knows why. */
static void check_fault(enum standin_fault kind, HRESULT result, const char *words, int calls)
{
    struct bench bench;
    harness_up(&bench);
    standin_fail(bench.standin, kind, 0, 0, result, 0);
    harness_claim(&bench.a, bench.any);
    for (int i = 0; i < calls; i++)
        harness_call(&bench, bench.any);
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.failed, 1);
    if (!strstr(bench.a.reason, words))
        fail_msg("'%s' lacks '%s'", bench.a.reason, words);
    assert_false(harness_call(&bench, bench.any).recompiled);
    standin_mend(bench.standin, kind);
    /* And a later claim works. */
    harness_claim(&bench.a, bench.any);
    assert_true(ends_with(harness_call(&bench, bench.any), "A"));
    assert_int_equal(harness_release(&bench.a, bench.any), 1);
    harness_down(&bench);
}

static void faults_of_the_runtime(void **state)
{
    (void)state;
    check_fault(STANDIN_FAIL_ERROR, E_INVALIDARG, "E_INVALIDARG", 1);
    check_fault(STANDIN_FAIL_FINISHED, COR_E_TYPELOAD, "COR_E_TYPELOAD", 1);
    check_fault(STANDIN_FAIL_SET_BODY, E_OUTOFMEMORY, "E_OUTOFMEMORY", 1);
    check_fault(STANDIN_FAIL_BODY, CORPROF_E_FUNCTION_NOT_IL, "CORPROF_E_FUNCTION_NOT_IL", 1);
    check_fault(STANDIN_FAIL_METADATA, CORPROF_E_DATAINCOMPLETE, "CORPROF_E_DATAINCOMPLETE", 1);
    check_fault(STANDIN_FAIL_EMIT, META_E_STRINGSPACE_FULL, "META_E_STRINGSPACE_FULL", 1);
    /* Never finished: known at the second call. */
    check_fault(STANDIN_FAIL_COMPILE, 0, "COR_E_INVALIDPROGRAM", 2);
}

static void a_refused_request_changes_nothing(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    harness_up(&bench);
    harness_claim(&bench.b, bench.any);
    standin_fail(bench.standin, STANDIN_FAIL_REQUEST, 0, 0, CORPROF_E_REJIT_NOT_ENABLED, 1);
    const struct method_key keys[] = {bench.any, bench.count};
    assert_int_equal(recompile_claim(harness_recompile, &bench.a.tenant, keys, 2, &error),
                     STATUS_TARGET);
    assert_non_null(strstr(error.message, "CORPROF_E_REJIT_NOT_ENABLED"));
    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 1);
    assert_true(ends_with(harness_call(&bench, bench.any), "B"));
    assert_false(harness_call(&bench, bench.count).recompiled);
    assert_int_equal(harness_release(&bench.b, bench.any), 1);
    harness_down(&bench);
}

static void a_refused_revert_is_tried_again(void **state)
{
    struct bench bench;
    struct recompile_totals totals;
    (void)state;
    harness_up(&bench);
    harness_claim(&bench.a, bench.any);
    harness_call(&bench, bench.any);
    standin_fail(bench.standin, STANDIN_FAIL_REVERT, 0, 0, E_FAIL, 2);
    assert_int_equal(harness_release(&bench.a, bench.any), 0);
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.reverting, 1);
    recompile_pump(harness_recompile); /* the second refusal */
    recompile_pump(harness_recompile);
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.reverting, 0);
    assert_false(harness_call(&bench, bench.any).recompiled);
    harness_down(&bench);
}

/* ---- inliners ---- */

static void inliners_are_followed_and_reverted(void **state)
{
    struct bench bench;
    struct recompile_totals totals;
    const char *why;
    (void)state;
    harness_up(&bench);
    assert_true(recompile_follows_inliners(harness_recompile, &why));
    standin_inlines(bench.standin, bench.count.module, bench.count.method, bench.any.module,
                    bench.any.method);
    standin_inlines(bench.standin, bench.where.module, bench.where.method, bench.count.module,
                    bench.count.method);
    harness_claim(&bench.a, bench.any);
    const struct standin_use use = harness_call(&bench, bench.count);
    assert_true(use.asked && use.recompiled);
    assert_int_equal(bench.a.woven, 0); /* its own IL */
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.inliners, 1);
    /* Where (transitively) is first called when all is over. */
    assert_int_equal(harness_release(&bench.a, bench.any), 2);
    assert_false(harness_call(&bench, bench.count).recompiled);
    assert_true(harness_call(&bench, bench.where).asked);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&bench, bench.where).recompiled);
    harness_down(&bench);
}

/* Two claims, of which the first ends: what it had recompiled is compiled afresh, because its
 * own code might hold an inlined copy of what is still claimed. */
static void a_release_beside_other_claims(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    standin_inlines(bench.standin, bench.where.module, bench.where.method, bench.any.module,
                    bench.any.method);
    harness_claim(&bench.a, bench.any);
    harness_claim(&bench.b, bench.count);
    harness_call(&bench, bench.any);
    harness_call(&bench, bench.where);
    assert_int_equal(harness_release(&bench.a, bench.any), 1);
    struct standin_use use = harness_call(&bench, bench.any);
    assert_true(use.asked && use.recompiled);
    assert_false(ends_with(use, "A"));
    assert_true(harness_call(&bench, bench.where).asked);
    assert_true(ends_with(harness_call(&bench, bench.count), "B"));
    /* The last one takes all with it: count, and any and where as inliners. */
    assert_int_equal(harness_release(&bench.b, bench.count), 3);
    harness_down(&bench);
}

/* A method of that module that the claims do not have recompiled: no table names it. */
static struct method_key bystander(struct bench *bench, const struct method_key *keys, size_t count)
{
    struct error error;
    size_t reverted = 0;
    struct method_key found = {.module = bench->linq};
    assert_int_equal(recompile_claim(harness_recompile, &bench->a.tenant, keys, count, &error),
                     STATUS_OK);
    for (uint32_t row = token_rid(keys[count - 1].method) + 1; !found.method; row++) {
        const struct module *linq = modules_find(recompile_modules(harness_recompile), bench->linq);
        const struct method_key key = {.module = bench->linq, .method = 0x06000000 | row};
        if (recompile_method_refusal(harness_recompile, linq, key.method, &error) == STATUS_OK &&
            !harness_call(bench, key).recompiled)
            found = key;
    }
    recompile_release(harness_recompile, &bench->a.tenant, keys, count, &reverted, &error);
    recompile_pump(harness_recompile);
    return found;
}

/* A big batch is requested at once, and followed bit by bit. */
static void a_big_batch_is_followed_later(void **state)
{
    struct bench bench;
    struct error error;
    struct method_key keys[300];
    struct recompile_totals totals;
    size_t count = 0, reverted = 0;
    (void)state;
    harness_up(&bench);
    const struct module *linq = modules_find(recompile_modules(harness_recompile), bench.linq);
    for (uint32_t row = 1; count < 300; row++) {
        const struct method_key key = {.module = bench.linq, .method = 0x06000000 | row};
        if (recompile_method_refusal(harness_recompile, linq, key.method, &error) == STATUS_OK)
            keys[count++] = key;
    }
    const struct method_key inliner = bystander(&bench, keys, count);
    standin_inlines(bench.standin, inliner.module, inliner.method, keys[7].module, keys[7].method);
    assert_int_equal(recompile_claim(harness_recompile, &bench.a.tenant, keys, count, &error),
                     STATUS_OK);
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 300);
    assert_int_equal(totals.following, 300);
    assert_true(ends_with(harness_call(&bench, keys[299]), "A"));
    assert_false(harness_call(&bench, inliner).recompiled);
    recompile_pump(harness_recompile);
    for (int i = 0; i < 100; i++) {
        recompile_totals(harness_recompile, &totals);
        if (!totals.following)
            break;
        recompile_pump(harness_recompile);
    }
    assert_int_equal(totals.following, 0);
    assert_true(harness_call(&bench, inliner).asked);
    assert_true(ends_with(harness_call(&bench, keys[7]), "A"));
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(
        recompile_release(harness_recompile, &bench.a.tenant, keys, count, &reverted, &error),
        STATUS_OK);
    assert_true(totals.inliners > 1); /* those of its tables, and the one that the JIT names */
    assert_int_equal(reverted, 300 + totals.inliners);
    /* Released before it was followed: nothing is requested any more. */
    assert_int_equal(recompile_claim(harness_recompile, &bench.a.tenant, keys, count, &error),
                     STATUS_OK);
    assert_int_equal(
        recompile_release(harness_recompile, &bench.a.tenant, keys, count, &reverted, &error),
        STATUS_OK);
    const uint32_t before = standin_counts(bench.standin).requests;
    recompile_pump(harness_recompile);
    assert_int_equal(standin_counts(bench.standin).requests, before);
    harness_down(&bench);
}

static void an_unknown_runtime_is_asked_plainly(void **state)
{
    struct bench bench;
    const char *why = NULL;
    struct recompile *other = NULL;
    (void)state;
    harness_up(&bench);
    standin_set_version(bench.standin, 6, 0, 36);
    assert_int_equal(recompile_new(standin_info(bench.standin), &other, NULL), STATUS_OK);
    assert_false(recompile_follows_inliners(other, &why));
    assert_non_null(strstr(why, "older than .NET 8"));
    recompile_free(other);
    standin_set_version(bench.standin, 12, 0, 0);
    assert_int_equal(recompile_new(standin_info(bench.standin), &other, NULL), STATUS_OK);
    assert_false(recompile_follows_inliners(other, &why));
    assert_non_null(strstr(why, "does not know this runtime"));
    recompile_free(other);
    harness_down(&bench);
}

static void parameters_without_claim(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    standin_request_by_itself(bench.standin, bench.any.module, bench.any.method);
    const struct standin_use own = harness_call(&bench, bench.count);
    const struct standin_use use = harness_call(&bench, bench.any);
    assert_false(own.recompiled);
    assert_true(use.asked);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&bench, bench.any).recompiled);
    harness_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim_weaves_at_the_next_call),
        cmocka_unit_test(tenants_compose_in_order),
        cmocka_unit_test(a_tenant_without_map_takes_the_map_away),
        cmocka_unit_test(claiming_again_asks_again),
        cmocka_unit_test(a_refusing_tenant_leaves_the_others),
        cmocka_unit_test(refused_by_all_reverts),
        cmocka_unit_test(a_failure_beside_other_claims),
        cmocka_unit_test(faults_of_the_runtime),
        cmocka_unit_test(a_refused_request_changes_nothing),
        cmocka_unit_test(a_refused_revert_is_tried_again),
        cmocka_unit_test(inliners_are_followed_and_reverted),
        cmocka_unit_test(a_release_beside_other_claims),
        cmocka_unit_test(a_big_batch_is_followed_later),
        cmocka_unit_test(an_unknown_runtime_is_asked_plainly),
        cmocka_unit_test(parameters_without_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
