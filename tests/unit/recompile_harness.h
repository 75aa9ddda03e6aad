/* recompile_harness: recompile on the stand-in runtime, with a callback object that forwards
 * as entry's does, a pump, and tenants that append a byte to a body. */
#ifndef RECOMPILE_HARNESS_H
#define RECOMPILE_HARNESS_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recompile.h"
#include "standin.h"
#include "weave.h"

static struct recompile *harness_recompile;

#define SELF struct ICorProfilerCallback11 *self
static HRESULT on_ModuleLoadFinished(SELF, ModuleID module, HRESULT status)
{
    (void)self;
    (void)status;
    recompile_on_module_loaded(harness_recompile, module);
    return S_OK;
}
static HRESULT on_ModuleUnloadStarted(SELF, ModuleID module)
{
    (void)self;
    recompile_on_module_unloading(harness_recompile, module);
    return S_OK;
}
static HRESULT on_GetReJITParameters(SELF, ModuleID module, mdToken method,
                                     struct ICorProfilerFunctionControl *control)
{
    (void)self;
    return recompile_on_parameters(harness_recompile, module, method, control);
}
static HRESULT on_ReJITCompilationStarted(SELF, FunctionID function, ReJITID rejit, BOOL safe)
{
    (void)self;
    (void)safe;
    recompile_on_started(harness_recompile, function, rejit);
    return S_OK;
}
static HRESULT on_ReJITCompilationFinished(SELF, FunctionID function, ReJITID rejit, HRESULT status,
                                           BOOL safe)
{
    (void)self;
    (void)safe;
    recompile_on_finished(harness_recompile, function, rejit, status);
    return S_OK;
}
static HRESULT on_ReJITError(SELF, ModuleID module, mdToken method, FunctionID function,
                             HRESULT status)
{
    (void)self;
    recompile_on_error(harness_recompile, module, method, function, status);
    return S_OK;
}

static const struct ICorProfilerCallback11Vtbl harness_table = {
    .ModuleLoadFinished = on_ModuleLoadFinished,
    .ModuleUnloadStarted = on_ModuleUnloadStarted,
    .GetReJITParameters = on_GetReJITParameters,
    .ReJITCompilationStarted = on_ReJITCompilationStarted,
    .ReJITCompilationFinished = on_ReJITCompilationFinished,
    .ReJITError = on_ReJITError,
};
static struct ICorProfilerCallback11 harness_callback = {&harness_table};

/* A tenant that puts `mark` behind the code; every woven body thus tells who was there, and in
 * which order. The map moves every offset by one. */
struct marker {
    struct tenant tenant;
    uint8_t mark;
    bool refuse;
    bool no_map;
    _Atomic uint32_t woven;
    uint32_t compiled;
    uint32_t failed;
    uint32_t loaded;
    uint32_t unloading;
    char reason[512];
    void (*on_loaded)(struct marker *marker, const struct module *module);
};

static enum status marker_weave(void *context, struct recompile_body *body, struct error *error)
{
    struct marker *marker = context;
    uint32_t token = 0;
    static const uint8_t signature[] = {0x07, 0x01, 0x08};
    atomic_fetch_add(&marker->woven, 1);
    if (marker->refuse)
        return error_set(error, STATUS_UNSUPPORTED, "refused by marker '%c'", marker->mark);
    const enum status status =
        body->tokens->signature(body->tokens->context, signature, sizeof(signature), &token, error);
    if (status != STATUS_OK)
        return status;
    buffer_append(&body->out, body->il, body->il_length);
    buffer_append_u8(&body->out, marker->mark);
    if (!marker->no_map) {
        body->map_count = 2;
        body->map = malloc(2 * sizeof(*body->map));
        body->map[0] = (struct recompile_il_map){0, 1};
        body->map[1] = (struct recompile_il_map){5, 16};
    }
    return STATUS_OK;
}

static void marker_compiled(void *context, struct method_key key)
{
    (void)key;
    ((struct marker *)context)->compiled++;
}

static void marker_failed(void *context, struct method_key key, const char *reason)
{
    struct marker *marker = context;
    (void)key;
    marker->failed++;
    snprintf(marker->reason, sizeof(marker->reason), "%s", reason);
}

static void marker_loaded(void *context, const struct module *module)
{
    struct marker *marker = context;
    marker->loaded++;
    if (marker->on_loaded)
        marker->on_loaded(marker, module);
}

static void marker_unloading(void *context, const struct module *module)
{
    (void)module;
    ((struct marker *)context)->unloading++;
}

static inline void marker_init(struct marker *marker, const char *name, uint8_t mark)
{
    memset(marker, 0, sizeof(*marker));
    marker->mark = mark;
    marker->tenant = (struct tenant){.name = name,
                                     .context = marker,
                                     .weave = marker_weave,
                                     .compiled = marker_compiled,
                                     .failed = marker_failed,
                                     .module_loaded = marker_loaded,
                                     .module_unloading = marker_unloading};
}

struct bench {
    struct standin *standin;
    ModuleID core, linq;
    struct method_key any, count, where; /* Enumerable.Any, Count, Where */
    struct marker a, b;
};

static inline ModuleID harness_load(struct standin *standin, const char *file, uint32_t flags)
{
    char path[4096];
    assert_true(standin_framework_file(path, sizeof(path), file));
    const ModuleID module = standin_load(standin, path, flags);
    assert_int_not_equal(module, 0);
    return module;
}

static inline struct method_key harness_method(struct bench *bench, const char *name)
{
    const mdToken token =
        standin_method(bench->standin, bench->linq, "System.Linq.Enumerable", name);
    assert_int_not_equal(token, 0);
    return (struct method_key){.module = bench->linq, .method = token};
}

static inline void harness_up(struct bench *bench)
{
    struct error error;
    memset(bench, 0, sizeof(*bench));
    bench->standin = standin_new();
    bench->core = harness_load(bench->standin, "System.Private.CoreLib.dll", COR_PRF_MODULE_DISK);
    bench->linq = harness_load(bench->standin, "System.Linq.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(recompile_new(standin_info(bench->standin), &harness_recompile, &error),
                     STATUS_OK);
    standin_set_callback(bench->standin, &harness_callback);
    marker_init(&bench->a, "a", 'A');
    marker_init(&bench->b, "b", 'B');
    assert_int_equal(recompile_add_tenant(harness_recompile, &bench->a.tenant, &error), STATUS_OK);
    assert_int_equal(recompile_add_tenant(harness_recompile, &bench->b.tenant, &error), STATUS_OK);
    recompile_pump(harness_recompile);
    bench->any = harness_method(bench, "Any");
    bench->count = harness_method(bench, "Count");
    bench->where = harness_method(bench, "Where");
}

/* Nothing of ours may be left: no method recompiled, no interface kept. */
static inline void harness_down(struct bench *bench)
{
    recompile_pump(harness_recompile);
    assert_int_equal(standin_counts(bench->standin).recompiled, 0);
    recompile_free(harness_recompile);
    assert_int_equal(standin_counts(bench->standin).interfaces, 0);
    standin_free(bench->standin);
}

static inline struct standin_use harness_call(struct bench *bench, struct method_key key)
{
    return standin_call(bench->standin, key.module, key.method);
}

static inline void harness_claim(struct marker *marker, struct method_key key)
{
    struct error error;
    error_init(&error);
    const enum status status = recompile_claim(harness_recompile, &marker->tenant, &key, 1, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, STATUS_OK);
}

static inline size_t harness_release(struct marker *marker, struct method_key key)
{
    struct error error;
    size_t reverted = 0;
    assert_int_equal(
        recompile_release(harness_recompile, &marker->tenant, &key, 1, &reverted, &error),
        STATUS_OK);
    return reverted;
}

#endif
