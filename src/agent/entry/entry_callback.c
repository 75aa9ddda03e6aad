#include "entry_callback.h"

#include <stdatomic.h>

#include "entry_agent.h"
#include "recompile.h"
#include "recompile_cached.h"

static struct ICorProfilerCallback11 the_callback;
static _Atomic uint32_t reference_count;

HRESULT callback_query(const struct GUID *iid, void **object)
{
    static const struct GUID *const known[] = {
        &IID_IUnknown,
        &IID_ICorProfilerCallback,
        &IID_ICorProfilerCallback2,
        &IID_ICorProfilerCallback3,
        &IID_ICorProfilerCallback4,
        &IID_ICorProfilerCallback5,
        &IID_ICorProfilerCallback6,
        &IID_ICorProfilerCallback7,
        &IID_ICorProfilerCallback8,
        &IID_ICorProfilerCallback9,
        &IID_ICorProfilerCallback10,
        &IID_ICorProfilerCallback11,
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (abi_guid_equal(iid, known[i])) {
            atomic_fetch_add(&reference_count, 1);
            *object = &the_callback;
            return S_OK;
        }
    }
    *object = NULL;
    return E_NOINTERFACE;
}

/* ---- methods that do something: on_<Name> ---- */

#define SELF struct ICorProfilerCallback11 *self

static HRESULT on_QueryInterface(SELF, const struct GUID *iid, void **object)
{
    (void)self;
    return object ? callback_query(iid, object) : E_POINTER;
}

static uint32_t on_AddRef(SELF)
{
    (void)self;
    return atomic_fetch_add(&reference_count, 1) + 1;
}

static uint32_t on_Release(SELF)
{
    (void)self;
    return atomic_fetch_sub(&reference_count, 1) - 1;
}

static HRESULT on_Initialize(SELF, struct IUnknown *info)
{
    (void)self;
    return entry_start(info);
}

static HRESULT on_InitializeForAttach(SELF, struct IUnknown *info, void *client_data,
                                      uint32_t client_bytes)
{
    (void)self;
    return entry_attach(info, client_data, client_bytes);
}

static HRESULT on_ProfilerAttachComplete(SELF)
{
    (void)self;
    entry_attach_complete();
    return S_OK;
}

static HRESULT on_ProfilerDetachSucceeded(SELF)
{
    (void)self;
    entry_detached();
    return S_OK;
}

static HRESULT on_Shutdown(SELF)
{
    (void)self;
    entry_shutdown();
    return S_OK;
}

static HRESULT on_ModuleLoadFinished(SELF, ModuleID module, HRESULT status)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    if (recompile && !hresult_failed(status)) {
        recompile_on_module_loaded(recompile, module);
        if (entry_started())
            recompile_wait_for_module(recompile, module);
    }
    return S_OK;
}

static HRESULT on_ModuleUnloadStarted(SELF, ModuleID module)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    if (recompile)
        recompile_on_module_unloading(recompile, module);
    return S_OK;
}

static HRESULT on_JITCachedFunctionSearchStarted(SELF, FunctionID function, BOOL *use_cached)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    if (recompile && use_cached && !recompile_on_search(recompile, function))
        *use_cached = 0;
    return S_OK;
}

static HRESULT on_FunctionUnloadStarted(SELF, FunctionID function)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    if (recompile)
        recompile_on_function_unloading(recompile, function);
    return S_OK;
}

static HRESULT on_GetReJITParameters(SELF, ModuleID module, mdToken method,
                                     struct ICorProfilerFunctionControl *control)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    return recompile ? recompile_on_parameters(recompile, module, method, control) : S_OK;
}

static HRESULT on_ReJITCompilationStarted(SELF, FunctionID function, ReJITID rejit,
                                          BOOL safe_to_block)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    (void)safe_to_block;
    if (recompile)
        recompile_on_started(recompile, function, rejit);
    return S_OK;
}

static HRESULT on_ReJITCompilationFinished(SELF, FunctionID function, ReJITID rejit, HRESULT status,
                                           BOOL safe_to_block)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    (void)safe_to_block;
    if (recompile)
        recompile_on_finished(recompile, function, rejit, status);
    return S_OK;
}

static HRESULT on_ReJITError(SELF, ModuleID module, mdToken method, FunctionID function,
                             HRESULT status)
{
    struct recompile *recompile = entry_recompile();
    (void)self;
    if (recompile)
        recompile_on_error(recompile, module, method, function, status);
    return S_OK;
}

/* Decisions of the runtime's that we leave as they are: the value that comes in stands. */
static HRESULT on_LoadAsNotificationOnly(SELF, BOOL *notification_only)
{
    (void)self;
    if (notification_only)
        *notification_only = 0;
    return S_OK;
}

/* ---- the table: on_<Name> where HANDLED_<Name> is defined, else quiet_<Name> ---- */

#define HANDLED_QueryInterface                 ~,
#define HANDLED_AddRef                         ~,
#define HANDLED_Release                        ~,
#define HANDLED_Initialize                     ~,
#define HANDLED_InitializeForAttach            ~,
#define HANDLED_ProfilerAttachComplete         ~,
#define HANDLED_ProfilerDetachSucceeded        ~,
#define HANDLED_Shutdown                       ~,
#define HANDLED_ModuleLoadFinished             ~,
#define HANDLED_ModuleUnloadStarted            ~,
#define HANDLED_JITCachedFunctionSearchStarted ~,
#define HANDLED_FunctionUnloadStarted          ~,
#define HANDLED_GetReJITParameters             ~,
#define HANDLED_ReJITCompilationStarted        ~,
#define HANDLED_ReJITCompilationFinished       ~,
#define HANDLED_ReJITError                     ~,
#define HANDLED_LoadAsNotificationOnly         ~,

#define PICK(name)                PICK_SECOND(HANDLED_##name on_##name, quiet_##name, )
#define PICK_SECOND(...)          PICK_SECOND_OF(__VA_ARGS__)
#define PICK_SECOND_OF(a, b, ...) b

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define ABI_METHOD(result, slot, name, ...)                                                        \
    static __attribute__((unused)) result quiet_##name(                                            \
        struct ICorProfilerCallback11 *self __VA_OPT__(, ABI_PARAMETERS(__VA_ARGS__)))             \
    {                                                                                              \
        return S_OK;                                                                               \
    }
#include "abi_callback.def"
#pragma GCC diagnostic pop

static const struct ICorProfilerCallback11Vtbl table = {
#define ABI_METHOD(result, slot, name, ...) .name = PICK(name),
#include "abi_callback.def"
};

static struct ICorProfilerCallback11 the_callback = {&table};
