// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// Threads of the program call methods, modules come and go, while the worker claims and
// releases: made for the thread sanitizer, and for what must hold at the end.
#include <unistd.h>

#include "recompile_harness.h"

#define CALLERS 4
#define ROUNDS  150

struct race {
    struct bench bench;
    _Atomic bool stop;
    _Atomic uint64_t wrong;
    size_t any, count, where; /* bytes of their own bodies */
};

/* A body in use is the own one, or one with marks of tenants behind it, never a torn one. */
static void look(struct race *race, struct method_key key, size_t own_length)
{
    const struct standin_use use = harness_call(&race->bench, key);
    if (use.il_length < own_length || use.il_length > own_length + 2)
        atomic_fetch_add(&race->wrong, 1);
    for (size_t i = own_length; i < use.il_length; i++) {
        if (use.il[i] != 'A' && use.il[i] != 'B')
            atomic_fetch_add(&race->wrong, 1);
    }
}

static void *call(void *argument)
{
    struct race *race = argument;
    struct bench *bench = &race->bench;
    while (!atomic_load(&race->stop)) {
        look(race, bench->any, race->any);
        look(race, bench->count, race->count);
        look(race, bench->where, race->where);
    }
    return NULL;
}

static void *load_and_unload(void *argument)
{
    struct race *race = argument;
    char path[4096];
    assert_true(standin_framework_file(path, sizeof(path), "System.Collections.dll"));
    for (int i = 0; i < 20 && !atomic_load(&race->stop); i++) {
        const ModuleID module = standin_load(race->bench.standin, path,
                                             COR_PRF_MODULE_DISK | COR_PRF_MODULE_COLLECTIBLE);
        usleep(300);
        standin_unload(race->bench.standin, module);
    }
    return NULL;
}

/* The worker's work of one round. */
static void work(struct bench *bench, int round)
{
    struct error error;
    size_t reverted;
    const struct method_key keys[] = {bench->any, bench->count, bench->where};
    struct marker *first = round & 1 ? &bench->a : &bench->b;
    struct marker *second = round & 1 ? &bench->b : &bench->a;
    recompile_claim(harness_recompile, &first->tenant, keys, 2, &error);
    recompile_pump(harness_recompile);
    recompile_claim(harness_recompile, &second->tenant, keys + 1, 2, &error);
    usleep(200);
    recompile_pump(harness_recompile);
    recompile_release(harness_recompile, &first->tenant, keys, 2, &reverted, &error);
    usleep(100);
    recompile_release(harness_recompile, &second->tenant, keys + 1, 2, &reverted, &error);
    recompile_pump(harness_recompile);
}

static void race_up(struct race *race)
{
    memset(race, 0, sizeof(*race));
    harness_up(&race->bench);
    race->any = harness_call(&race->bench, race->bench.any).il_length;
    race->count = harness_call(&race->bench, race->bench.count).il_length;
    race->where = harness_call(&race->bench, race->bench.where).il_length;
}

static void callers_and_worker(void **state)
{
    static struct race race;
    pthread_t threads[CALLERS + 1];
    (void)state;
    race_up(&race);
    struct bench *bench = &race.bench;
    standin_inlines(bench->standin, bench->where.module, bench->where.method, bench->any.module,
                    bench->any.method);
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call, &race);
    pthread_create(&threads[CALLERS], NULL, load_and_unload, &race);
    for (int round = 0; round < ROUNDS; round++)
        work(bench, round);
    pthread_join(threads[CALLERS], NULL);
    atomic_store(&race.stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    recompile_pump(harness_recompile);

    assert_int_equal(race.wrong, 0);
    assert_int_equal(bench->a.failed + bench->b.failed, 0);
    assert_true(bench->a.woven > 0 && bench->b.woven > 0);
    struct recompile_totals totals;
    recompile_totals(harness_recompile, &totals);
    assert_int_equal(totals.claimed, 0);
    assert_int_equal(totals.inliners, 0);
    assert_int_equal(modules_count(recompile_modules(harness_recompile)), 2);
    harness_down(bench);
}

/* Failures at random calls, from many threads: claims end, nothing is left. */
static void failures_under_way(void **state)
{
    static struct race race;
    pthread_t threads[CALLERS];
    static const enum standin_fault kinds[] = {STANDIN_FAIL_ERROR,    STANDIN_FAIL_SET_BODY,
                                               STANDIN_FAIL_FINISHED, STANDIN_FAIL_EMIT,
                                               STANDIN_FAIL_COMPILE,  STANDIN_FAIL_BODY};
    (void)state;
    race_up(&race);
    struct bench *bench = &race.bench;
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call, &race);
    for (int round = 0; round < ROUNDS; round++) {
        standin_fail(bench->standin, kinds[round % 6], 0, 0, E_FAIL, 2);
        work(bench, round);
        standin_mend(bench->standin, kinds[round % 6]);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    recompile_pump(harness_recompile);
    assert_int_equal(race.wrong, 0);
    assert_true(bench->a.failed + bench->b.failed > 0);
    harness_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_and_worker),
        cmocka_unit_test(failures_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
