// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined
// incompleteData TRUE says that the enumerator does not hold all inliners yet, because modules
// that the inliners' module depends on are not loaded; a profiler that needs all of them asks
// again, best at each module load. No image that today's compiler writes brings the real runtime
// there (inliners_codes_test.py), so this is the stand-in's. The profiler here keeps one pair of
// method and module pending until it is complete, and asks for the inliners as they come.
#include "recompile_harness.h"

#define PAIRS 4

/* What one profiler knows of the inliners of one method in one module. */
struct pair {
    ModuleID module;
    struct method_key inlinee;
    bool pending;
    uint32_t asked;
    uint32_t known; /* inliners so far */
    struct COR_PRF_METHOD inliners[16];
};

static struct standin *runtime;
static struct pair pairs[PAIRS];
static uint32_t pair_count;

static bool is_known(const struct pair *pair, struct COR_PRF_METHOD method)
{
    for (uint32_t i = 0; i < pair->known; i++) {
        if (pair->inliners[i].moduleId == method.moduleId &&
            pair->inliners[i].methodId == method.methodId)
            return true;
    }
    return false;
}

static void take(struct pair *pair, struct ICorProfilerMethodEnum *each)
{
    struct COR_PRF_METHOD method;
    while (each->vtbl->Next(each, 1, &method, NULL) == S_OK) {
        if (is_known(pair, method))
            continue;
        pair->inliners[pair->known++] = method;
        struct ICorProfilerInfo15 *info = standin_info(runtime);
        assert_int_equal(info->vtbl->RequestReJIT(info, 1, &method.moduleId, &method.methodId),
                         S_OK);
    }
    each->vtbl->Release(each);
}

static HRESULT ask(struct pair *pair)
{
    struct ICorProfilerInfo15 *info = standin_info(runtime);
    struct ICorProfilerMethodEnum *each = NULL;
    BOOL incomplete = 77;
    const HRESULT result = info->vtbl->EnumNgenModuleMethodsInliningThisMethod(
        info, pair->module, pair->inlinee.module, pair->inlinee.method, &incomplete, &each);
    pair->asked++;
    if (result == S_OK) {
        take(pair, each);
        pair->pending = incomplete != 0;
    }
    return result;
}

static struct pair *want(ModuleID module, struct method_key inlinee)
{
    struct pair *pair = &pairs[pair_count++];
    *pair = (struct pair){.module = module, .inlinee = inlinee, .pending = true};
    assert_int_equal(ask(pair), S_OK);
    return pair;
}

static HRESULT on_loaded(struct ICorProfilerCallback11 *self, ModuleID module, HRESULT status)
{
    (void)self;
    (void)module;
    (void)status;
    for (uint32_t i = 0; i < pair_count; i++) {
        if (pairs[i].pending)
            ask(&pairs[i]);
    }
    return S_OK;
}

static HRESULT quiet_parameters(struct ICorProfilerCallback11 *self, ModuleID module,
                                mdToken method, struct ICorProfilerFunctionControl *control)
{
    (void)self;
    (void)module;
    (void)method;
    (void)control;
    return S_OK;
}

static HRESULT quiet_started(struct ICorProfilerCallback11 *self, FunctionID function,
                             ReJITID rejit, BOOL safe)
{
    (void)self;
    (void)function;
    (void)rejit;
    (void)safe;
    return S_OK;
}

static HRESULT quiet_finished(struct ICorProfilerCallback11 *self, FunctionID function,
                              ReJITID rejit, HRESULT status, BOOL safe)
{
    (void)self;
    (void)function;
    (void)rejit;
    (void)status;
    (void)safe;
    return S_OK;
}

static const struct ICorProfilerCallback11Vtbl retry_table = {
    .ModuleLoadFinished = on_loaded,
    .GetReJITParameters = quiet_parameters,
    .ReJITCompilationStarted = quiet_started,
    .ReJITCompilationFinished = quiet_finished,
};
static struct ICorProfilerCallback11 retry_callback = {&retry_table};

static struct method_key method_of(ModuleID module, const char *type, const char *name)
{
    const mdToken token = standin_method(runtime, module, type, name);
    assert_int_not_equal(token, 0);
    return (struct method_key){.module = module, .method = token};
}

static bool recompiled(struct method_key key)
{
    return standin_call(runtime, key.module, key.method).recompiled;
}

/* Any, Count and Where of System.Linq; Any is inlined into the two others. */
struct linq {
    ModuleID module;
    struct method_key any, count, where, first;
};

static struct linq up(uint32_t flags)
{
    struct linq linq;
    runtime = standin_new();
    pair_count = 0;
    harness_load(runtime, "System.Private.CoreLib.dll", COR_PRF_MODULE_DISK | COR_PRF_MODULE_NGEN);
    linq.module = harness_load(runtime, "System.Linq.dll", COR_PRF_MODULE_DISK | flags);
    linq.any = method_of(linq.module, "System.Linq.Enumerable", "Any");
    linq.count = method_of(linq.module, "System.Linq.Enumerable", "Count");
    linq.where = method_of(linq.module, "System.Linq.Enumerable", "Where");
    linq.first = method_of(linq.module, "System.Linq.Enumerable", "First");
    standin_set_callback(runtime, &retry_callback);
    return linq;
}

static void declare(struct method_key inliner, struct method_key inlinee, const char *needs)
{
    standin_image_inlines(runtime, inliner.module, inliner.method, inlinee.module, inlinee.method,
                          needs);
}

static void incomplete_until_the_module_is_loaded(void **state)
{
    (void)state;
    const struct linq linq = up(COR_PRF_MODULE_NGEN);
    declare(linq.count, linq.any, NULL);
    declare(linq.where, linq.any, "System.Collections.dll");
    struct pair *pair = want(linq.module, linq.any);
    /* S_OK, and what there is so far; its inliner is recompiled without waiting for the rest. */
    assert_true(pair->pending);
    assert_int_equal(pair->known, 1);
    assert_true(recompiled(linq.count));
    assert_false(recompiled(linq.where));
    /* A module that has nothing to do with it: asked again, incomplete still. */
    harness_load(runtime, "System.Console.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(pair->asked, 2);
    assert_true(pair->pending);
    assert_int_equal(pair->known, 1);
    harness_load(runtime, "System.Collections.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(pair->asked, 3);
    assert_false(pair->pending);
    assert_int_equal(pair->known, 2);
    assert_true(recompiled(linq.where));
    /* Complete: nobody asks any more. */
    harness_load(runtime, "System.Threading.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(pair->asked, 3);
    assert_int_equal(standin_counts(runtime).enumerations, 3);
    assert_int_equal(standin_counts(runtime).requests, 2);
    standin_free(runtime);
}

static void one_pair_does_not_delay_another(void **state)
{
    (void)state;
    const struct linq linq = up(COR_PRF_MODULE_NGEN);
    declare(linq.count, linq.any, "System.Collections.dll");
    declare(linq.where, linq.first, NULL);
    struct pair *pending = want(linq.module, linq.any);
    struct pair *complete = want(linq.module, linq.first);
    assert_true(pending->pending);
    assert_int_equal(pending->known, 0);
    assert_false(complete->pending);
    assert_true(recompiled(linq.where));
    harness_load(runtime, "System.Collections.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(complete->asked, 1);
    assert_int_equal(pending->asked, 2);
    assert_true(recompiled(linq.count));
    standin_free(runtime);
}

/* A code is not incompleteData: what never will be is not asked again. */
static void codes_are_as_measured(void **state)
{
    struct pair pair;
    (void)state;
    const struct linq linq = up(0);
    declare(linq.count, linq.any, NULL);
    pair = (struct pair){.module = linq.module, .inlinee = linq.any};
    assert_int_equal(ask(&pair), CORPROF_E_DATAINCOMPLETE);
    pair.module = 0;
    assert_int_equal(ask(&pair), E_INVALIDARG);
    assert_int_equal(pair.known, 0);
    standin_free(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(incomplete_until_the_module_is_loaded),
        cmocka_unit_test(one_pair_does_not_delay_another),
        cmocka_unit_test(codes_are_as_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
