// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined
// Requests come from the profiler's own thread, never from a callback (rejit_thread_test.py shows
// what the runtime does with others). Here the agent's recompilation runs on the stand-in, whose
// every callback is marked: threads of the program call, load and unload, have methods recompiled
// that nobody has claimed, and are given errors, while the worker claims, releases and works off
// what was noted. Every request and revert is looked at.
#include <unistd.h>

#include "recompile_harness.h"

#define ROUNDS  40
#define CALLERS 3
#define LOADS   20

static _Thread_local int depth; /* callbacks that this thread is inside of */
static pthread_t worker;
static _Atomic uint32_t asked, elsewhere, inside;
static _Atomic uint32_t callbacks;
static struct ICorProfilerInfo15Vtbl real;

static void look(void)
{
    atomic_fetch_add(&asked, 1);
    atomic_fetch_add(&elsewhere, !pthread_equal(pthread_self(), worker));
    atomic_fetch_add(&inside, depth != 0);
}

static HRESULT looked_request(struct ICorProfilerInfo15 *self, uint32_t count, ModuleID *modules,
                              mdToken *methods)
{
    look();
    return real.RequestReJIT(self, count, modules, methods);
}

static HRESULT looked_inliners(struct ICorProfilerInfo15 *self, uint32_t flags, uint32_t count,
                               ModuleID *modules, mdToken *methods)
{
    look();
    return real.RequestReJITWithInliners(self, flags, count, modules, methods);
}

static HRESULT looked_revert(struct ICorProfilerInfo15 *self, uint32_t count, ModuleID *modules,
                             mdToken *methods, HRESULT *results)
{
    look();
    return real.RequestRevert(self, count, modules, methods, results);
}

/* ---- callbacks, marked ---- */

#define MARKED(call)                                                                               \
    do {                                                                                           \
        depth++;                                                                                   \
        atomic_fetch_add(&callbacks, 1);                                                           \
        const HRESULT result = harness_table.call;                                                 \
        depth--;                                                                                   \
        return result;                                                                             \
    } while (0)

static HRESULT marked_loaded(SELF, ModuleID module, HRESULT status)
{
    MARKED(ModuleLoadFinished(self, module, status));
}
static HRESULT marked_unloading(SELF, ModuleID module)
{
    MARKED(ModuleUnloadStarted(self, module));
}
static HRESULT marked_parameters(SELF, ModuleID module, mdToken method,
                                 struct ICorProfilerFunctionControl *control)
{
    MARKED(GetReJITParameters(self, module, method, control));
}
static HRESULT marked_started(SELF, FunctionID function, ReJITID rejit, BOOL safe)
{
    MARKED(ReJITCompilationStarted(self, function, rejit, safe));
}
static HRESULT marked_finished(SELF, FunctionID function, ReJITID rejit, HRESULT status, BOOL safe)
{
    MARKED(ReJITCompilationFinished(self, function, rejit, status, safe));
}
static HRESULT marked_error(SELF, ModuleID module, mdToken method, FunctionID function,
                            HRESULT status)
{
    MARKED(ReJITError(self, module, method, function, status));
}

static const struct ICorProfilerCallback11Vtbl marked_table = {
    .ModuleLoadFinished = marked_loaded,
    .ModuleUnloadStarted = marked_unloading,
    .GetReJITParameters = marked_parameters,
    .ReJITCompilationStarted = marked_started,
    .ReJITCompilationFinished = marked_finished,
    .ReJITError = marked_error,
};
static struct ICorProfilerCallback11 marked_callback = {&marked_table};

/* ---- the program ---- */

struct program {
    struct bench bench;
    _Atomic bool stop;
};

static void *call(void *argument)
{
    struct program *program = argument;
    struct bench *bench = &program->bench;
    while (!atomic_load(&program->stop)) {
        harness_call(bench, bench->any);
        harness_call(bench, bench->count);
        standin_request_by_itself(bench->standin, bench->where.module, bench->where.method);
        harness_call(bench, bench->where);
        usleep(200);
    }
    return NULL;
}

static void *load_and_unload(void *argument)
{
    struct program *program = argument;
    for (int i = 0; i < LOADS && !atomic_load(&program->stop); i++) {
        const ModuleID module = harness_load(program->bench.standin, "System.Collections.dll",
                                             COR_PRF_MODULE_DISK | COR_PRF_MODULE_COLLECTIBLE);
        usleep(500);
        standin_unload(program->bench.standin, module);
    }
    return NULL;
}

static void work(struct bench *bench, int round)
{
    if (round % 3 == 0)
        standin_fail(bench->standin, STANDIN_FAIL_ERROR, bench->count.module, bench->count.method,
                     E_FAIL, 1);
    harness_claim(&bench->a, bench->any);
    harness_claim(&bench->b, bench->count);
    usleep(500);
    recompile_pump(harness_recompile);
    harness_release(&bench->a, bench->any);
    harness_release(&bench->b, bench->count);
    recompile_pump(harness_recompile);
}

static void requests_come_from_the_worker(void **state)
{
    static struct program program;
    pthread_t threads[CALLERS + 1];
    (void)state;
    harness_up(&program.bench);
    worker = pthread_self();
    struct ICorProfilerInfo15Vtbl *table = standin_table(program.bench.standin);
    real = *table;
    table->RequestReJIT = looked_request;
    table->RequestReJITWithInliners = looked_inliners;
    table->RequestRevert = looked_revert;
    standin_set_callback(program.bench.standin, &marked_callback);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call, &program), 0);
    assert_int_equal(pthread_create(&threads[CALLERS], NULL, load_and_unload, &program), 0);
    for (int round = 0; round < ROUNDS; round++)
        work(&program.bench, round);
    atomic_store(&program.stop, true);
    for (int i = 0; i <= CALLERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&asked) >= 2 * ROUNDS);
    assert_true(atomic_load(&callbacks) >= ROUNDS);
    assert_int_equal(atomic_load(&elsewhere), 0);
    assert_int_equal(atomic_load(&inside), 0);
    /* What the callbacks noted is worked off, on this thread: nothing stays recompiled. */
    standin_mend(program.bench.standin, STANDIN_FAIL_ERROR);
    harness_call(&program.bench, program.bench.where);
    harness_down(&program.bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests_come_from_the_worker)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
