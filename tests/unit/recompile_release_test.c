// uses: standin recompile weave wire metadata r2r il clr abi base
// sanitize: address,undefined
// The way back: what is recompiled for a claim, callers that were never called included, is
// reverted behind the last claim that needs it, the method itself first, whatever is refused in
// between.
#include "recompile_harness.h"

#include "recompile_coverage.h"

/* ---- memory that is refused: of the agent's own requests alone ---- */

static long refuse_in; /* that many requests from now, one is refused; 0: none */
static bool refused;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif
#if defined(__GLIBC__) && !defined(SANITIZED)
#define CAN_REFUSE true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);

static bool refuse(void)
{
    if (!refuse_in || --refuse_in)
        return false;
    refused = true;
    return true;
}

void *malloc(size_t size)
{
    return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return refuse() ? NULL : __libc_realloc(block, size);
}
#else
#define CAN_REFUSE false
#endif

/* ---- the runtime, with a list of what it was asked for ---- */

#define ASKED_MAX 8192u

struct asked {
    struct method_key keys[ASKED_MAX];
    uint32_t count;
};

static struct asked reverts, requests;
static struct ICorProfilerInfo15Vtbl real;
static int requests_until_refusal; /* 0: none is refused */

static void list(struct asked *asked, uint32_t count, const ModuleID *modules,
                 const mdToken *methods)
{
    for (uint32_t i = 0; i < count && asked->count < ASKED_MAX; i++)
        asked->keys[asked->count++] =
            (struct method_key){.module = modules[i], .method = methods[i]};
}

#define SELF_INFO struct ICorProfilerInfo15 *self
static HRESULT list_reverts(SELF_INFO, uint32_t count, ModuleID *modules, mdToken *methods,
                            HRESULT *results)
{
    const long later = refuse_in;
    refuse_in = 0;
    list(&reverts, count, modules, methods);
    const HRESULT result = real.RequestRevert(self, count, modules, methods, results);
    refuse_in = later;
    return result;
}

static HRESULT list_requests(SELF_INFO, uint32_t count, ModuleID *modules, mdToken *methods)
{
    const long later = refuse_in;
    refuse_in = 0;
    list(&requests, count, modules, methods);
    const bool no = requests_until_refusal && --requests_until_refusal == 0;
    const HRESULT result = no ? E_OUTOFMEMORY : real.RequestReJIT(self, count, modules, methods);
    refuse_in = later;
    return result;
}

static HRESULT with_inliners(SELF_INFO, uint32_t flags, uint32_t count, ModuleID *modules,
                             mdToken *methods)
{
    const long later = refuse_in;
    refuse_in = 0;
    const HRESULT result = real.RequestReJITWithInliners(self, flags, count, modules, methods);
    refuse_in = later;
    return result;
}

/* ---- a method of the framework with callers that hold copies ---- */

struct scene {
    struct bench bench;
    struct method_key first, second; /* String.IsNullOrEmpty, ArgumentNullException.ThrowIfNull */
    struct method_key common;        /* a caller of both */
    struct method_key only_first;    /* of the first alone */
    struct asked callers_first, callers_second;
};

static struct scene now;

static bool add_caller(void *context, const struct recompile_inliner *inliner)
{
    struct asked *callers = context;
    for (uint32_t i = 0; i < callers->count; i++) {
        if (callers->keys[i].method == inliner->key.method &&
            callers->keys[i].module == inliner->key.module)
            return true;
    }
    assert_true(callers->count < ASKED_MAX);
    callers->keys[callers->count++] = inliner->key;
    return true;
}

static bool among(const struct asked *asked, struct method_key key)
{
    for (uint32_t i = 0; i < asked->count; i++) {
        if (asked->keys[i].module == key.module && asked->keys[i].method == key.method)
            return true;
    }
    return false;
}

static void look_up(struct method_key key, struct asked *callers)
{
    struct recompile_coverage coverage;
    struct error error;
    callers->count = 0;
    assert_int_equal(recompile_coverage(harness_recompile, &key, 1, &coverage, NULL, add_caller,
                                        callers, &error),
                     STATUS_OK);
    assert_int_equal(coverage.precompiled, callers->count);
    assert_true(callers->count > 100);
}

static struct method_key of_core(const char *type, const char *name)
{
    const mdToken token = standin_method(now.bench.standin, now.bench.core, type, name);
    assert_int_not_equal(token, 0);
    return (struct method_key){.module = now.bench.core, .method = token};
}

static struct recompile_totals totals(void)
{
    struct recompile_totals found;
    recompile_totals(harness_recompile, &found);
    return found;
}

static void up(void)
{
    memset(&now, 0, sizeof(now));
    harness_up(&now.bench);
    struct ICorProfilerInfo15Vtbl *table = standin_table(now.bench.standin);
    real = *table;
    table->RequestRevert = list_reverts;
    table->RequestReJIT = list_requests;
    table->RequestReJITWithInliners = with_inliners;
    now.first = of_core("System.String", "IsNullOrEmpty");
    now.second = of_core("System.ArgumentNullException", "ThrowIfNull");
    look_up(now.first, &now.callers_first);
    look_up(now.second, &now.callers_second);
    for (uint32_t i = 0; i < now.callers_first.count; i++) {
        if (among(&now.callers_second, now.callers_first.keys[i]))
            now.common = now.callers_first.keys[i];
        else
            now.only_first = now.callers_first.keys[i];
    }
    assert_int_not_equal(now.common.method, 0);
    assert_int_not_equal(now.only_first.method, 0);
    reverts.count = requests.count = 0;
    requests_until_refusal = 0;
}

/* Behind the last claim: nothing stands in any table. */
static void down(void)
{
    recompile_pump(harness_recompile);
    assert_int_equal(totals().methods, 0);
    assert_int_equal(totals().reverting, 0);
    assert_false(recompile_reverts_open(harness_recompile));
    harness_down(&now.bench);
}

/* ---- tests ---- */

static void callers_are_filed_with_the_request(void **state)
{
    (void)state;
    up();
    harness_claim(&now.bench.a, now.first);
    assert_int_equal(totals().inliners, now.callers_first.count);
    assert_int_equal(totals().methods, now.callers_first.count + 1);
    for (uint32_t i = 0; i < now.callers_first.count; i++)
        assert_true(among(&requests, now.callers_first.keys[i]));
    /* None has been called: all of them are reverted, and none is asked for afterwards. */
    assert_int_equal(harness_release(&now.bench.a, now.first), now.callers_first.count + 1);
    assert_int_equal(totals().methods, 0);
    for (uint32_t i = 0; i < now.callers_first.count; i++) {
        const struct standin_use use = harness_call(&now.bench, now.callers_first.keys[i]);
        assert_false(use.asked || use.recompiled);
    }
    assert_int_equal(standin_counts(now.bench.standin).parameters, 0);
    down();
}

static void the_method_goes_back_first(void **state)
{
    (void)state;
    up();
    harness_claim(&now.bench.a, now.first);
    harness_call(&now.bench, now.common);
    harness_call(&now.bench, now.first);
    assert_int_equal(reverts.count, 0);
    harness_release(&now.bench.a, now.first);
    assert_int_equal(reverts.count, now.callers_first.count + 1);
    assert_int_equal(reverts.keys[0].method, now.first.method);
    for (uint32_t i = 0; i < now.callers_first.count; i++)
        assert_true(among(&reverts, now.callers_first.keys[i]));
    down();
}

static void what_another_claim_needs_stays(void **state)
{
    (void)state;
    up();
    harness_claim(&now.bench.a, now.first);
    harness_call(&now.bench, now.common);
    harness_claim(&now.bench.b, now.second);
    assert_true(harness_call(&now.bench, now.common).asked); /* it held copies of both */
    requests.count = 0;
    harness_release(&now.bench.a, now.first);
    assert_int_equal(reverts.count, 0);
    assert_true(among(&requests, now.common));
    assert_true(among(&requests, now.first));
    struct standin_use use = harness_call(&now.bench, now.common);
    assert_true(use.asked && use.recompiled);
    use = harness_call(&now.bench, now.first);
    assert_true(use.recompiled && use.il[use.il_length - 1] != 'A');
    /* The last one takes all of it: what carried a probe once before what only held copies. */
    harness_release(&now.bench.b, now.second);
    assert_int_equal(reverts.keys[0].method, now.second.method);
    assert_int_equal(reverts.keys[1].method, now.first.method);
    assert_true(among(&reverts, now.common));
    assert_true(among(&reverts, now.only_first));
    assert_int_equal(totals().methods, 0);
    assert_false(harness_call(&now.bench, now.common).recompiled);
    assert_false(harness_call(&now.bench, now.first).recompiled);
    down();
}

static void refused_reverts_are_open_until_they_are_made(void **state)
{
    (void)state;
    up();
    harness_claim(&now.bench.a, now.first);
    harness_call(&now.bench, now.common);
    standin_fail(now.bench.standin, STANDIN_FAIL_REVERT, now.common.module, now.common.method,
                 E_OUTOFMEMORY, 2);
    assert_int_equal(harness_release(&now.bench.a, now.first), now.callers_first.count);
    assert_int_equal(totals().methods, 1);
    assert_int_equal(totals().reverting, 1);
    assert_true(recompile_reverts_open(harness_recompile));
    recompile_pump(harness_recompile);
    assert_true(recompile_reverts_open(harness_recompile));
    assert_true(harness_call(&now.bench, now.common).recompiled);
    recompile_pump(harness_recompile);
    assert_false(recompile_reverts_open(harness_recompile));
    assert_false(harness_call(&now.bench, now.common).recompiled);
    down();
}

/* Its callers cannot be recompiled: the claim stands, what is missing is told, and what had been
 * filed goes with it. */
static void refused_callers(void **state)
{
    struct recompile_coverage coverage;
    struct recompile_gaps gaps = {0};
    struct error error;
    (void)state;
    up();
    requests_until_refusal = 1; /* the claim itself comes with its JIT-compiled callers */
    harness_claim(&now.bench.a, now.first);
    assert_int_equal(requests_until_refusal, 0);
    assert_true(harness_call(&now.bench, now.first).recompiled);
    assert_false(harness_call(&now.bench, now.common).recompiled);
    recompile_pump(harness_recompile);
    assert_int_equal(
        recompile_coverage(harness_recompile, &now.first, 1, &coverage, &gaps, NULL, NULL, &error),
        STATUS_OK);
    bool told = false;
    for (uint32_t i = 0; i < gaps.count; i++)
        told = told || strstr(gaps.list[i].reason, "E_OUTOFMEMORY");
    assert_true(told);
    recompile_gaps_release(&gaps);
    harness_release(&now.bench.a, now.first);
    down();
}

/* A caller's module goes, before the worker knows of it and after. */
static void a_module_unloaded_meanwhile(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        up();
        const struct method_key caller = now.bench.where;
        standin_inlines(now.bench.standin, caller.module, caller.method, now.first.module,
                        now.first.method);
        harness_claim(&now.bench.a, now.first);
        assert_true(harness_call(&now.bench, caller).asked);
        assert_int_equal(totals().inliners, now.callers_first.count + 1);
        standin_unload(now.bench.standin, now.bench.linq);
        if (known)
            recompile_pump(harness_recompile);
        assert_int_equal(totals().inliners, now.callers_first.count + !known);
        assert_int_equal(harness_release(&now.bench.a, now.first), now.callers_first.count + 1);
        assert_int_equal(totals().methods, !known);
        assert_int_equal(among(&reverts, caller), !known);
        recompile_pump(harness_recompile);
        assert_int_equal(totals().methods, 0);
        assert_false(recompile_reverts_open(harness_recompile));
        /* Of what is left in the runtime, nothing but the method that went with its module. */
        assert_int_equal(standin_counts(now.bench.standin).recompiled, 1);
        recompile_free(harness_recompile);
        standin_free(now.bench.standin);
    }
}

/* The n-th piece of memory that a claim, or its release, asks for is not there, for every n:
 * nothing may be left behind in the end. */
static void whatever_memory_is_refused(void **state)
{
    unsigned turns = 0;
    (void)state;
    if (!CAN_REFUSE)
        skip();
    up();
    for (int in_release = 0; in_release < 2; in_release++) {
        for (long n = 1;; n++) {
            struct error error;
            size_t reverted = 0;
            refused = false;
            error_init(&error);
            refuse_in = in_release ? 0 : n;
            recompile_claim(harness_recompile, &now.bench.a.tenant, &now.first, 1, &error);
            refuse_in = 0;
            harness_call(&now.bench, now.common);
            harness_call(&now.bench, now.first);
            recompile_pump(harness_recompile);
            refuse_in = in_release ? n : 0;
            recompile_release(harness_recompile, &now.bench.a.tenant, &now.first, 1, &reverted,
                              &error);
            refuse_in = 0;
            harness_call(&now.bench, now.only_first);
            recompile_pump(harness_recompile);
            assert_int_equal(totals().methods, 0);
            assert_int_equal(totals().claimed, 0);
            assert_int_equal(standin_counts(now.bench.standin).recompiled, 0);
            if (!refused)
                break;
            turns++;
        }
    }
    assert_true(turns > 20);
    down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_are_filed_with_the_request),
        cmocka_unit_test(the_method_goes_back_first),
        cmocka_unit_test(what_another_claim_needs_stays),
        cmocka_unit_test(refused_reverts_are_open_until_they_are_made),
        cmocka_unit_test(refused_callers),
        cmocka_unit_test(a_module_unloaded_meanwhile),
        cmocka_unit_test(whatever_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
