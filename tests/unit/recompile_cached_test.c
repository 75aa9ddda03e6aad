// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// Which functions are compiled instead of taken from their images, on the stand-in runtime: the
// same answer for all who ask, whatever happens to the claims meanwhile.
#include <time.h>
#include <unistd.h>

#include "recompile_cached.h"
#include "recompile_harness.h"

#define THREADS   16
#define FUNCTIONS 200000

/* Functions of the tests' own: ids that stand for (module, token), dense. */
static struct {
    _Atomic uint64_t asked;
    bool fails;
} runtime;

static uint64_t id_of(uint32_t token)
{
    return UINT64_C(0x7f0000000000) + (uint64_t)token * 8;
}

#define MODULE 77

static HRESULT function_info(struct ICorProfilerInfo15 *self, FunctionID function,
                             ClassID *class_id, ModuleID *module, mdToken *token)
{
    (void)self;
    atomic_fetch_add(&runtime.asked, 1);
    *class_id = 0;
    *module = MODULE;
    *token = (mdToken)((function - UINT64_C(0x7f0000000000)) / 8);
    return runtime.fails ? CORPROF_E_DATAINCOMPLETE : S_OK;
}

static struct method_key key_of(uint32_t token)
{
    return (struct method_key){.module = MODULE, .method = token};
}

static void up(struct bench *bench, uint32_t levels)
{
    struct error error;
    runtime.fails = false;
    atomic_store(&runtime.asked, 0);
    harness_up(bench);
    assert_int_equal(recompile_cached_begin(harness_recompile, levels, &error), STATUS_OK);
}

/* From here on functions are the tests' own. */
static void own_functions(struct bench *bench)
{
    standin_table(bench->standin)->GetFunctionInfo = function_info;
}

static bool compiles(uint32_t token)
{
    return !recompile_on_search(harness_recompile, id_of(token));
}

static struct recompile_cached_figures figures(void)
{
    struct recompile_cached_figures now;
    recompile_cached_figures(harness_recompile, &now);
    return now;
}

static void add(uint32_t token)
{
    const struct method_key key = key_of(token);
    assert_int_equal(recompile_cached_add(harness_recompile, &key, 1, RECOMPILE_CACHED_INLINER),
                     STATUS_OK);
}

static void take(uint32_t token)
{
    const struct method_key key = key_of(token);
    recompile_cached_remove(harness_recompile, &key, 1, RECOMPILE_CACHED_INLINER);
}

/* ---- */

static void attached_nothing_is_compiled(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    own_functions(&bench);
    add(5);
    assert_false(compiles(5));
    assert_false(recompile_cached_marked(harness_recompile, key_of(5)));
    recompile_on_function_unloading(harness_recompile, id_of(5));
    assert_int_equal(atomic_load(&runtime.asked), 0);
    assert_false(figures().begun);
    harness_down(&bench);
}

static void marked_methods_alone_are_compiled(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    own_functions(&bench);
    for (uint32_t token = 10; token < 1000; token += 10)
        add(token);
    for (uint32_t token = 1; token < 1000; token++)
        assert_int_equal(compiles(token), token % 10 == 0);
    const struct recompile_cached_figures now = figures();
    assert_int_equal(now.marked, 99);
    assert_int_equal(now.searched, 999);
    assert_int_equal(now.compiled, 99);
    assert_int_equal(now.duplicates, 0);
    assert_int_equal(now.overflowed, 0);
    assert_true(now.bytes < 65536);
    /* What the runtime cannot name comes from its image. */
    runtime.fails = true;
    add(5000);
    assert_false(compiles(5000));
    harness_down(&bench);
}

static void the_first_answer_stands(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    own_functions(&bench);
    add(1);
    assert_true(compiles(1));
    assert_false(compiles(2));
    take(1);
    add(2);
    assert_true(compiles(1));
    assert_false(compiles(2));
    assert_int_equal(figures().duplicates, 2);
    assert_int_equal(figures().searched, 2);
    /* Nobody is asked again who the function is. */
    assert_int_equal(atomic_load(&runtime.asked), 2);
    /* Unloaded, the id is another function's. */
    recompile_on_function_unloading(harness_recompile, id_of(1));
    recompile_on_function_unloading(harness_recompile, id_of(2));
    recompile_on_function_unloading(harness_recompile, id_of(3));
    assert_false(compiles(1));
    assert_true(compiles(2));
    assert_int_equal(figures().searched, 4);
    harness_down(&bench);
}

static void marks_have_two_reasons(void **state)
{
    struct bench bench;
    const struct method_key key = key_of(9);
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    own_functions(&bench);
    assert_int_equal(recompile_cached_add(harness_recompile, &key, 1, RECOMPILE_CACHED_CLAIM),
                     STATUS_OK);
    add(9);
    add(9);
    assert_int_equal(figures().marked, 1);
    recompile_cached_remove(harness_recompile, &key, 1, RECOMPILE_CACHED_CLAIM);
    assert_true(recompile_cached_marked(harness_recompile, key));
    take(9);
    assert_false(recompile_cached_marked(harness_recompile, key));
    assert_int_equal(figures().marked, 0);
    add(9);
    recompile_cached_forget(harness_recompile, MODULE + 1);
    assert_int_equal(figures().marked, 1);
    recompile_cached_forget(harness_recompile, MODULE);
    assert_int_equal(figures().marked, 0);
    harness_down(&bench);
}

static void claims_are_marked_while_they_last(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    harness_claim(&bench.a, bench.any);
    harness_claim(&bench.b, bench.any);
    assert_true(recompile_cached_marked(harness_recompile, bench.any));
    harness_release(&bench.a, bench.any);
    assert_true(recompile_cached_marked(harness_recompile, bench.any));
    harness_release(&bench.b, bench.any);
    assert_false(recompile_cached_marked(harness_recompile, bench.any));
    /* A claim that the runtime refuses is none. */
    struct error error;
    size_t reverted;
    standin_fail(bench.standin, STANDIN_FAIL_REQUEST, 0, 0, E_FAIL, 1);
    assert_int_not_equal(recompile_claim(harness_recompile, &bench.a.tenant, &bench.any, 1, &error),
                         STATUS_OK);
    assert_false(recompile_cached_marked(harness_recompile, bench.any));
    /* Nor is one whose change is withdrawn. */
    bench.a.refuse = true;
    harness_claim(&bench.a, bench.any);
    harness_call(&bench, bench.any);
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.failed, 1);
    assert_false(recompile_cached_marked(harness_recompile, bench.any));
    /* Marks of a module go with it. */
    const ModuleID module = harness_load(bench.standin, "System.Collections.dll", 0);
    recompile_pump(harness_recompile);
    const struct method_key key = {.module = module, .method = 0x06000001};
    recompile_cached_add(harness_recompile, &key, 1, RECOMPILE_CACHED_INLINER);
    standin_unload(bench.standin, module);
    recompile_pump(harness_recompile);
    assert_int_equal(figures().marked, 0);
    recompile_release(harness_recompile, &bench.a.tenant, &bench.any, 1, &reverted, &error);
    harness_down(&bench);
}

/* Full: what has no place is answered from the marks of that moment, for ever. */
static void full_answers_stay_the_same(void **state)
{
    struct bench bench;
    static bool first[FUNCTIONS];
    uint32_t compiled = 0;
    (void)state;
    up(&bench, 2);
    own_functions(&bench);
    for (uint32_t token = 3; token < FUNCTIONS; token += 3)
        if (token < 300 || token > FUNCTIONS - 300)
            add(token);
    for (uint32_t token = 1; token < FUNCTIONS; token++)
        compiled += first[token] = compiles(token);
    assert_int_equal(compiled, 99 + 100);
    assert_true(figures().overflowed > FUNCTIONS - 6200);
    assert_true(figures().searched <= 2048 + 4096);
    assert_true(figures().bytes < 128 << 10);
    /* Everything changes but the answers. */
    for (uint32_t token = 3; token < FUNCTIONS; token += 3)
        if (token < 300 || token > FUNCTIONS - 300)
            take(token);
    for (uint32_t token = 1; token < FUNCTIONS; token += 1000)
        add(token);
    for (uint32_t token = 1; token < FUNCTIONS; token++)
        assert_int_equal(compiles(token), first[token]);
    /* Ids that are no pointers have no place either. */
    add(1);
    assert_true(recompile_on_search(harness_recompile, id_of(1) + 1));
    harness_down(&bench);
}

static void all_levels_are_used(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    own_functions(&bench);
    for (uint32_t token = 1; token < FUNCTIONS; token++)
        compiles(token);
    assert_int_equal(figures().searched + figures().overflowed, FUNCTIONS - 1);
    assert_true(figures().overflowed < FUNCTIONS / 100);
    assert_true(figures().bytes < (2 << 20) + 65536);
    for (uint32_t token = 1; token < FUNCTIONS; token++)
        compiles(token);
    assert_int_equal(figures().searched + figures().duplicates + figures().overflowed,
                     2 * (FUNCTIONS - 1));
    harness_down(&bench);
}

/* ---- races ---- */

#define RACED 3000

static struct {
    pthread_barrier_t start;
    uint32_t ids[RACED];
    bool answers[THREADS][RACED];
    _Atomic bool stop;
} race;

static void *ask(void *argument)
{
    bool *answers = argument;
    pthread_barrier_wait(&race.start);
    for (uint32_t i = 0; i < RACED; i++)
        answers[i] = compiles(race.ids[i]);
    return NULL;
}

/* 16 threads look up the same functions at once, while methods are marked and unmarked: for
 * each function all hear the same. Few levels: also where there is no place any more. */
static void race_with(uint32_t levels)
{
    struct bench bench;
    pthread_t threads[THREADS];
    uint32_t compiled = 0;
    up(&bench, levels);
    own_functions(&bench);
    pthread_barrier_init(&race.start, NULL, THREADS + 1);
    for (uint32_t i = 0; i < RACED; i++)
        race.ids[i] = 1 + i;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, ask, race.answers[i]);
    pthread_barrier_wait(&race.start);
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t token = 1 + round; token < RACED; token += 97)
            add(token);
        for (uint32_t token = 1 + round; token < RACED; token += 97)
            take(token);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < RACED; i++) {
        for (int thread = 1; thread < THREADS; thread++)
            assert_int_equal(race.answers[thread][i], race.answers[0][i]);
        compiled += race.answers[0][i];
    }
    const struct recompile_cached_figures now = figures();
    assert_int_equal(now.searched + now.duplicates + now.overflowed, (uint64_t)THREADS * RACED);
    assert_true(now.compiled <= compiled);
    if (levels == RECOMPILE_CACHED_LEVELS)
        assert_int_equal(now.searched, RACED);
    assert_int_equal(now.marked, 0);
    pthread_barrier_destroy(&race.start);
    harness_down(&bench);
}

static void racing_threads_hear_the_same(void **state)
{
    (void)state;
    race_with(RECOMPILE_CACHED_LEVELS);
    race_with(1);
    race_with(0);
}

/* ---- waiting for a module ---- */

static double seconds_since(const struct timespec *before)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - before->tv_sec) + (double)(now.tv_nsec - before->tv_nsec) / 1e9;
}

static uint32_t late_told;
static ModuleID late_module;
static void on_late(void *context, const struct module *module)
{
    (void)context;
    late_told++;
    late_module = module->id;
}

/* A worker that takes its time: the module runs after 50 ms, and tenants hear of it. */
static void a_late_module_is_told(void **state)
{
    struct bench bench;
    struct timespec before;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    bench.a.tenant.module_late = on_late;
    late_told = 0;
    const ModuleID module = harness_load(bench.standin, "System.Collections.dll", 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    recompile_wait_for_module(harness_recompile, module);
    const double waited = seconds_since(&before);
    assert_true(waited >= 0.05 && waited < 0.5);
    assert_int_equal(late_told, 0);
    recompile_pump(harness_recompile);
    assert_int_equal(late_told, 1);
    assert_int_equal(late_module, module);
    assert_true(modules_find(recompile_modules(harness_recompile), module)->late);
    assert_int_equal(figures().late, 1);
    assert_int_equal(figures().waits, 1);
    assert_true(figures().longest_ns >= 50000000);
    /* Filed, it is not waited for again. */
    clock_gettime(CLOCK_MONOTONIC, &before);
    recompile_wait_for_module(harness_recompile, module);
    assert_true(seconds_since(&before) < 0.05);
    assert_int_equal(figures().late, 1);
    harness_down(&bench);
}

/* A stuck worker is not waited for any more; once it moves, it is again. */
static void patience_comes_back(void **state)
{
    struct bench bench;
    struct timespec before;
    (void)state;
    up(&bench, RECOMPILE_CACHED_LEVELS);
    const ModuleID module = harness_load(bench.standin, "System.Collections.dll", 0);
    for (int i = 0; i < 4; i++)
        recompile_wait_for_module(harness_recompile, module);
    clock_gettime(CLOCK_MONOTONIC, &before);
    recompile_wait_for_module(harness_recompile, module);
    assert_true(seconds_since(&before) < 0.04);
    assert_int_equal(figures().late, 5);
    recompile_pump(harness_recompile);
    const ModuleID next = harness_load(bench.standin, "System.Text.Json.dll", 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    recompile_wait_for_module(harness_recompile, next);
    assert_true(seconds_since(&before) >= 0.05);
    /* The same id once more, before the worker knows that the first one is gone: not taken for
     * the module that was filed. */
    recompile_pump(harness_recompile);
    recompile_on_module_unloading(harness_recompile, next);
    recompile_on_module_loaded(harness_recompile, next);
    clock_gettime(CLOCK_MONOTONIC, &before);
    recompile_wait_for_module(harness_recompile, next);
    assert_true(seconds_since(&before) >= 0.05);
    harness_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attached_nothing_is_compiled),
        cmocka_unit_test(marked_methods_alone_are_compiled),
        cmocka_unit_test(the_first_answer_stands),
        cmocka_unit_test(marks_have_two_reasons),
        cmocka_unit_test(claims_are_marked_while_they_last),
        cmocka_unit_test(full_answers_stay_the_same),
        cmocka_unit_test(all_levels_are_used),
        cmocka_unit_test(racing_threads_hear_the_same),
        cmocka_unit_test(a_late_module_is_told),
        cmocka_unit_test(patience_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
