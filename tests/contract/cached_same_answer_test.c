// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// When JITCachedFunctionSearchStarted comes several times with the same FunctionID, the profiler
// must answer the same each time. cached_duplicates_test.py shows the duplicates on the real
// runtime; here the agent answers them on the stand-in, in the orders that chance would hardly
// bring: a thread that has begun to decide is overtaken by one whose answer stands, and what is
// claimed changes in between.
#include "recompile_cached.h"
#include "recompile_harness.h"

#define THREADS 16
#define METHODS 200

static struct bench bench;

/* ---- a thread that is held while it finds out which method it is asked for ---- */

static _Thread_local bool slow;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool inside, may_go;
static struct ICorProfilerInfo15Vtbl real;

static HRESULT held_info(struct ICorProfilerInfo15 *self, FunctionID function, ClassID *class_id,
                         ModuleID *module, mdToken *token)
{
    pthread_mutex_lock(&lock);
    inside = inside || slow;
    pthread_cond_broadcast(&changed);
    while (slow && !may_go)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return real.GetFunctionInfo(self, function, class_id, module, token);
}

static void *search_slowly(void *argument)
{
    const FunctionID *function = argument;
    slow = true;
    return (void *)(uintptr_t)recompile_on_search(harness_recompile, *function);
}

static FunctionID any_function(void)
{
    return standin_function(bench.standin, bench.any.module, bench.any.method);
}

static void up(void)
{
    struct error error;
    harness_up(&bench);
    real = *standin_table(bench.standin);
    standin_table(bench.standin)->GetFunctionInfo = held_info;
    inside = may_go = false;
    assert_int_equal(recompile_cached_begin(harness_recompile, RECOMPILE_CACHED_LEVELS, &error),
                     STATUS_OK);
}

static struct recompile_cached_figures figures(void)
{
    struct recompile_cached_figures figures;
    recompile_cached_figures(harness_recompile, &figures);
    return figures;
}

static pthread_t begin_slowly(FunctionID *function)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, search_slowly, function), 0);
    pthread_mutex_lock(&lock);
    while (!inside)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return thread;
}

static bool end_slowly(pthread_t thread)
{
    void *answer;
    pthread_mutex_lock(&lock);
    may_go = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, &answer);
    return answer != NULL;
}

static void overtaken_before_a_claim(void **state)
{
    (void)state;
    up();
    FunctionID function = any_function();
    const pthread_t first = begin_slowly(&function);
    assert_true(recompile_on_search(harness_recompile, function));
    harness_claim(&bench.a, bench.any);
    /* By itself it would say "compile" now. */
    assert_true(end_slowly(first));
    assert_true(recompile_on_search(harness_recompile, function));
    assert_int_equal(figures().searched, 1);
    assert_int_equal(figures().duplicates, 2);
    assert_int_equal(figures().compiled, 0);
    harness_release(&bench.a, bench.any);
    harness_down(&bench);
}

static void overtaken_before_a_release(void **state)
{
    (void)state;
    up();
    FunctionID function = any_function();
    harness_claim(&bench.a, bench.any);
    const pthread_t first = begin_slowly(&function);
    assert_false(recompile_on_search(harness_recompile, function));
    harness_release(&bench.a, bench.any);
    assert_false(end_slowly(first));
    assert_false(recompile_on_search(harness_recompile, function));
    assert_int_equal(figures().compiled, 1);
    harness_down(&bench);
}

/* The answer is the function's, not the id's for ever: an id may be used again. */
static void unloaded(void **state)
{
    (void)state;
    up();
    const FunctionID function = any_function();
    harness_claim(&bench.a, bench.any);
    assert_false(recompile_on_search(harness_recompile, function));
    harness_release(&bench.a, bench.any);
    assert_false(recompile_on_search(harness_recompile, function));
    recompile_on_function_unloading(harness_recompile, function);
    assert_true(recompile_on_search(harness_recompile, function));
    assert_true(recompile_on_search(harness_recompile, function));
    harness_down(&bench);
}

/* ---- and left to chance, with claims that come and go ---- */

static pthread_barrier_t start;
static FunctionID functions[METHODS];
static uint8_t answers[THREADS][METHODS];

static void *search_all(void *argument)
{
    uint8_t *mine = argument;
    for (size_t i = 0; i < METHODS; i++) {
        pthread_barrier_wait(&start);
        mine[i] = recompile_on_search(harness_recompile, functions[i]);
    }
    return NULL;
}

static void sixteen_threads(void **state)
{
    pthread_t threads[THREADS];
    uint32_t used = 0;
    (void)state;
    up();
    for (size_t i = 0; i < METHODS; i++)
        functions[i] = standin_function(bench.standin, bench.linq, 0x06000001 + (mdToken)i);
    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_all, answers[i]), 0);
    for (size_t i = 0; i < METHODS; i++) {
        const struct method_key key = {.module = bench.linq, .method = 0x06000001 + (mdToken)i};
        recompile_cached_add(harness_recompile, &key, i % 2, RECOMPILE_CACHED_INLINER);
        pthread_barrier_wait(&start);
        /* While they decide: the other way round. */
        if (i % 2)
            recompile_cached_remove(harness_recompile, &key, 1, RECOMPILE_CACHED_INLINER);
        else
            recompile_cached_add(harness_recompile, &key, 1, RECOMPILE_CACHED_INLINER);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < METHODS; i++) {
        for (size_t thread = 1; thread < THREADS; thread++)
            assert_int_equal(answers[thread][i], answers[0][i]);
        used += answers[0][i];
    }
    /* Some of either kind: else the threads have never raced with the changes. */
    print_message("measured: %u of %d functions from the image\n", used, METHODS);
    assert_int_equal(figures().searched, METHODS);
    assert_int_equal(figures().duplicates, METHODS * (THREADS - 1));
    pthread_barrier_destroy(&start);
    harness_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overtaken_before_a_claim),
        cmocka_unit_test(overtaken_before_a_release),
        cmocka_unit_test(unloaded),
        cmocka_unit_test(sixteen_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
