#include <stdlib.h>
#include <string.h>

#include "contract_profiler.h"

static struct ICorProfilerCallback11 the_callback;
struct ICorProfilerInfo15 *contract_info;

static int highest(void)
{
    const char *text = getenv("CONTRACT_CALLBACK");
    return text ? atoi(text) : 11;
}

HRESULT contract_callback(const struct GUID *iid, void **object)
{
    static const struct GUID *const known[] = {
        &IID_ICorProfilerCallback,   &IID_ICorProfilerCallback2,  &IID_ICorProfilerCallback3,
        &IID_ICorProfilerCallback4,  &IID_ICorProfilerCallback5,  &IID_ICorProfilerCallback6,
        &IID_ICorProfilerCallback7,  &IID_ICorProfilerCallback8,  &IID_ICorProfilerCallback9,
        &IID_ICorProfilerCallback10, &IID_ICorProfilerCallback11,
    };
    bool mine = abi_guid_equal(iid, &IID_IUnknown);
    for (int i = 0; i < 11 && i < highest(); i++)
        mine = mine || abi_guid_equal(iid, known[i]);
    *object = mine ? &the_callback : NULL;
    return mine ? S_OK : E_NOINTERFACE;
}

#define SELF struct ICorProfilerCallback11 *self

static HRESULT on_QueryInterface(SELF, const struct GUID *iid, void **object)
{
    (void)self;
    return contract_callback(iid, object);
}

static uint32_t on_AddRef(SELF)
{
    (void)self;
    return 2;
}

static uint32_t on_Release(SELF)
{
    (void)self;
    return 1;
}

/* ---- coming in ---- */

/* The highest interface that the runtime has; its lower ones are the leading slots. */
static HRESULT take_info(struct IUnknown *info)
{
    static const struct GUID *const wanted[] = {
        &IID_ICorProfilerInfo15, &IID_ICorProfilerInfo14, &IID_ICorProfilerInfo13,
        &IID_ICorProfilerInfo12, &IID_ICorProfilerInfo11, &IID_ICorProfilerInfo10,
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        void *object = NULL;
        if (!hresult_failed(info->vtbl->QueryInterface(info, wanted[i], &object))) {
            contract_info = object;
            return S_OK;
        }
    }
    return E_FAIL;
}

static HRESULT on_Initialize(SELF, struct IUnknown *info)
{
    const char *path = getenv("CONTRACT_SOCKET");
    (void)self;
    const HRESULT result = take_info(info);
    return hresult_failed(result) || !path ? E_FAIL : orders_begin(path);
}

static HRESULT on_InitializeForAttach(SELF, struct IUnknown *info, void *client_data,
                                      uint32_t client_bytes)
{
    char path[256] = "";
    (void)self;
    if (client_bytes >= sizeof(path))
        return E_INVALIDARG;
    memcpy(path, client_data, client_bytes);
    const HRESULT result = take_info(info);
    return hresult_failed(result) ? result : orders_begin(path);
}

static HRESULT on_LoadAsNotificationOnly(SELF, BOOL *notification_only)
{
    (void)self;
    *notification_only = 0;
    return S_OK;
}

static HRESULT on_Shutdown(SELF)
{
    (void)self;
    gates_end();
    return S_OK;
}

/* ---- notes ---- */

static struct note of_function(const char *kind, FunctionID function)
{
    struct note note = {.kind = kind, .function = function};
    ClassID class_id;
    contract_info->vtbl->GetFunctionInfo(contract_info, function, &class_id, &note.module,
                                         &note.token);
    return note;
}

static HRESULT noted(struct note note)
{
    occasion_handle((struct occasion){.note = note});
    return S_OK;
}

static HRESULT on_ModuleLoadStarted(SELF, ModuleID module)
{
    (void)self;
    return noted((struct note){.kind = "ModuleLoadStarted", .module = module});
}

static HRESULT on_ModuleLoadFinished(SELF, ModuleID module, HRESULT status)
{
    (void)self;
    return noted((struct note){.kind = "ModuleLoadFinished", .module = module, .result = status});
}

static HRESULT on_JITCompilationStarted(SELF, FunctionID function, BOOL safe)
{
    (void)self;
    (void)safe;
    return noted(of_function("JITCompilationStarted", function));
}

static HRESULT on_JITCompilationFinished(SELF, FunctionID function, HRESULT status, BOOL safe)
{
    struct note note = of_function("JITCompilationFinished", function);
    (void)self;
    (void)safe;
    note.result = status;
    return noted(note);
}

static HRESULT on_JITCachedFunctionSearchStarted(SELF, FunctionID function, BOOL *use_cached)
{
    struct note note = of_function("JITCachedFunctionSearchStarted", function);
    (void)self;
    note.value = (uint64_t)*use_cached; /* what comes in */
    occasion_handle((struct occasion){.note = note, .answer = use_cached});
    return S_OK;
}

static HRESULT on_JITCachedFunctionSearchFinished(SELF, FunctionID function, uint32_t result)
{
    struct note note = of_function("JITCachedFunctionSearchFinished", function);
    (void)self;
    note.value = result;
    return noted(note);
}

static HRESULT on_JITInlining(SELF, FunctionID caller, FunctionID callee, BOOL *should_inline)
{
    struct note note = of_function("JITInlining", callee);
    (void)self;
    note.value = caller;
    occasion_handle((struct occasion){.note = note, .answer = should_inline});
    return S_OK;
}

static HRESULT on_GetReJITParameters(SELF, ModuleID module, mdToken method,
                                     struct ICorProfilerFunctionControl *control)
{
    HRESULT result = S_OK;
    (void)self;
    occasion_handle(
        (struct occasion){.note = {.kind = "GetReJITParameters", .module = module, .token = method},
                          .control = control,
                          .result = &result});
    return result;
}

static HRESULT on_ReJITCompilationStarted(SELF, FunctionID function, ReJITID rejit, BOOL safe)
{
    struct note note = of_function("ReJITCompilationStarted", function);
    (void)self;
    (void)safe;
    note.value = rejit;
    return noted(note);
}

static HRESULT on_ReJITCompilationFinished(SELF, FunctionID function, ReJITID rejit, HRESULT status,
                                           BOOL safe)
{
    struct note note = of_function("ReJITCompilationFinished", function);
    (void)self;
    (void)safe;
    note.value = rejit;
    note.result = status;
    return noted(note);
}

static HRESULT on_ReJITError(SELF, ModuleID module, mdToken method, FunctionID function,
                             HRESULT status)
{
    (void)self;
    return noted((struct note){.kind = "ReJITError",
                               .module = module,
                               .token = method,
                               .function = function,
                               .result = status});
}

static HRESULT on_RuntimeSuspendStarted(SELF, uint32_t reason)
{
    (void)self;
    return noted((struct note){.kind = "RuntimeSuspendStarted", .value = reason});
}

static HRESULT on_RuntimeResumeFinished(SELF)
{
    (void)self;
    return noted((struct note){.kind = "RuntimeResumeFinished"});
}

static HRESULT on_GarbageCollectionStarted(SELF, int generations, BOOL *collected, uint32_t reason)
{
    (void)self;
    (void)generations;
    (void)collected;
    return noted((struct note){.kind = "GarbageCollectionStarted", .value = reason});
}

static HRESULT on_ExceptionThrown(SELF, ObjectID thrown)
{
    (void)self;
    (void)thrown;
    return noted((struct note){.kind = "ExceptionThrown"});
}

static HRESULT on_GarbageCollectionFinished(SELF)
{
    (void)self;
    return noted((struct note){.kind = "GarbageCollectionFinished"});
}

/* ---- the table: on_<Name> where HANDLED_<Name> is defined, else quiet_<Name> ---- */

#define HANDLED_QueryInterface                  ~,
#define HANDLED_AddRef                          ~,
#define HANDLED_Release                         ~,
#define HANDLED_Initialize                      ~,
#define HANDLED_InitializeForAttach             ~,
#define HANDLED_LoadAsNotificationOnly          ~,
#define HANDLED_Shutdown                        ~,
#define HANDLED_ModuleLoadStarted               ~,
#define HANDLED_ModuleLoadFinished              ~,
#define HANDLED_JITCompilationStarted           ~,
#define HANDLED_JITCompilationFinished          ~,
#define HANDLED_JITCachedFunctionSearchStarted  ~,
#define HANDLED_JITCachedFunctionSearchFinished ~,
#define HANDLED_JITInlining                     ~,
#define HANDLED_GetReJITParameters              ~,
#define HANDLED_ReJITCompilationStarted         ~,
#define HANDLED_ReJITCompilationFinished        ~,
#define HANDLED_ReJITError                      ~,
#define HANDLED_RuntimeSuspendStarted           ~,
#define HANDLED_RuntimeResumeFinished           ~,
#define HANDLED_GarbageCollectionStarted        ~,
#define HANDLED_GarbageCollectionFinished       ~,
#define HANDLED_ExceptionThrown                 ~,

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
