/* ICorProfilerInfo15 as far as the agent calls it. */
#include <stdlib.h>
#include <string.h>

#include "base_utf16.h"
#include "metadata_tables.h"
#include "standin_state.h"

#define SELF struct ICorProfilerInfo15 *self
static struct standin *of(SELF)
{
    return (struct standin *)self;
}

static HRESULT on_QueryInterface(SELF, const struct GUID *iid, void **object)
{
    const char *name = abi_interface_name(iid);
    const bool mine =
        name && (strncmp(name, "ICorProfilerInfo", 16) == 0 || strcmp(name, "IUnknown") == 0);
    *object = mine ? self : NULL;
    if (mine)
        atomic_fetch_add(&of(self)->references, 1);
    return mine ? S_OK : E_NOINTERFACE;
}

static uint32_t on_AddRef(SELF)
{
    return (uint32_t)atomic_fetch_add(&of(self)->references, 1) + 1;
}

static uint32_t on_Release(SELF)
{
    return (uint32_t)atomic_fetch_sub(&of(self)->references, 1) - 1;
}

static HRESULT on_GetRuntimeInformation(SELF, uint16_t *instance, uint32_t *runtime_type,
                                        uint16_t *major, uint16_t *minor, uint16_t *build,
                                        uint16_t *qfe, uint32_t version_units,
                                        uint32_t *version_length, WCHAR *version)
{
    (void)version_units;
    (void)version;
    if (instance)
        *instance = 0;
    if (runtime_type)
        *runtime_type = 2;
    if (major)
        *major = of(self)->version[0];
    if (minor)
        *minor = of(self)->version[1];
    if (build)
        *build = of(self)->version[2];
    if (qfe)
        *qfe = 0;
    if (version_length)
        *version_length = 0;
    return S_OK;
}

static HRESULT on_GetModuleInfo2(SELF, ModuleID id, const uint8_t **base, uint32_t name_units,
                                 uint32_t *name_length, WCHAR *name, AssemblyID *assembly,
                                 uint32_t *flags)
{
    struct standin *standin = of(self);
    pthread_mutex_lock(&standin->lock);
    const struct standin_module *module = standin_module_of(standin, id);
    if (module) {
        *base = module->data;
        *name_length = (uint32_t)utf16_from_utf8(name, name_units, module->path) + 1;
        *assembly = id + 1;
        *flags = module->flags;
    }
    pthread_mutex_unlock(&standin->lock);
    return module ? S_OK : CORPROF_E_DATAINCOMPLETE;
}

static HRESULT on_GetModuleMetaData(SELF, ModuleID id, uint32_t open_flags, const struct GUID *iid,
                                    void **object)
{
    struct standin *standin = of(self);
    HRESULT result = S_OK;
    *object = NULL;
    pthread_mutex_lock(&standin->lock);
    struct standin_module *module = standin_module_of(standin, id);
    if (!module || open_flags > ofWrite)
        result = E_INVALIDARG;
    else if (!standin_faulty(standin, STANDIN_FAIL_METADATA, id, 0, &result))
        *object = standin_metadata(module, iid);
    pthread_mutex_unlock(&standin->lock);
    return hresult_failed(result) ? result : *object ? S_OK : E_NOINTERFACE;
}

static HRESULT on_GetILFunctionBody(SELF, ModuleID id, mdToken method, const uint8_t **il,
                                    uint32_t *size)
{
    struct standin *standin = of(self);
    HRESULT result = S_OK;
    struct reader body = {0};
    pthread_mutex_lock(&standin->lock);
    const struct standin_module *module = standin_module_of(standin, id);
    if (!module) {
        result = E_INVALIDARG;
    } else if (!standin_faulty(standin, STANDIN_FAIL_BODY, id, method, &result)) {
        const uint32_t rva = metadata_cell(&module->image, CLR_TABLE_MethodDef, token_rid(method),
                                           METADATA_METHOD_DEF_RVA);
        if (metadata_image_body(&module->image, rva, &body, NULL) != STATUS_OK)
            result = CORPROF_E_FUNCTION_NOT_IL;
    }
    pthread_mutex_unlock(&standin->lock);
    *il = body.data;
    *size = (uint32_t)body.length;
    return result;
}

static HRESULT on_GetFunctionInfo(SELF, FunctionID function, ClassID *class_id, ModuleID *module,
                                  mdToken *token)
{
    const struct standin_method *method = (const struct standin_method *)function;
    struct standin *standin = of(self);
    HRESULT result = S_OK;
    pthread_mutex_lock(&standin->lock);
    standin_faulty(standin, STANDIN_FAIL_FUNCTION, (ModuleID)method->module, method->token,
                   &result);
    pthread_mutex_unlock(&standin->lock);
    *class_id = 0;
    *module = (ModuleID)method->module;
    *token = method->token;
    return result;
}

static HRESULT on_RequestReJIT(SELF, uint32_t count, ModuleID *modules, mdToken *methods)
{
    return standin_request(of(self), count, modules, methods, false, true);
}

static HRESULT on_RequestReJITWithInliners(SELF, uint32_t flags, uint32_t count, ModuleID *modules,
                                           mdToken *methods)
{
    if (!(flags & COR_PRF_REJIT_BLOCK_INLINING))
        return E_INVALIDARG;
    return standin_request(of(self), count, modules, methods, true,
                           flags & COR_PRF_REJIT_INLINING_CALLBACKS);
}

static HRESULT on_RequestRevert(SELF, uint32_t count, ModuleID *modules, mdToken *methods,
                                HRESULT *results)
{
    return standin_revert(of(self), count, modules, methods, results);
}

static HRESULT on_GetEventMask2(SELF, uint32_t *low, uint32_t *high)
{
    *low = standin_event_mask(of(self));
    *high = 0;
    return S_OK;
}

static HRESULT on_SetEventMask2(SELF, uint32_t low, uint32_t high)
{
    struct standin *standin = of(self);
    HRESULT result = S_OK;
    (void)high;
    pthread_mutex_lock(&standin->lock);
    if (!standin_faulty(standin, STANDIN_FAIL_EVENT_MASK, 0, 0, &result))
        standin->events = low;
    pthread_mutex_unlock(&standin->lock);
    return result;
}

static HRESULT on_RequestProfilerDetach(SELF, uint32_t expected_milliseconds)
{
    (void)expected_milliseconds;
    if (standin_event_mask(of(self)) & COR_PRF_ENABLE_REJIT)
        return CORPROF_E_IRREVERSIBLE_INSTRUMENTATION_PRESENT;
    atomic_store(&of(self)->detach_wanted, true);
    return S_OK;
}

static HRESULT on_GetEnvironmentVariable(SELF, const WCHAR *name, uint32_t value_units,
                                         uint32_t *value_length, WCHAR *value)
{
    char text[256];
    size_t units = 0;
    (void)self;
    while (name[units])
        units++;
    utf16_to_utf8(text, sizeof(text), name, units);
    const char *found = getenv(text);
    if (!found)
        return (HRESULT)0x800700cb; /* as the real one: no such variable */
    *value_length = (uint32_t)utf16_from_utf8(value, value_units, found) + 1;
    return S_OK;
}

static HRESULT on_SetEnvironmentVariable(SELF, const WCHAR *name, const WCHAR *value)
{
    char text[256];
    size_t units = 0;
    (void)self;
    (void)value;
    while (name[units])
        units++;
    utf16_to_utf8(text, sizeof(text), name, units);
    unsetenv(text);
    return S_OK;
}

/* ---- enumerators ---- */

struct module_enum {
    struct ICorProfilerModuleEnum face; /* first */
    ModuleID *ids;
    uint32_t count, next;
};

static HRESULT modules_next_ids(struct ICorProfilerModuleEnum *self, uint32_t wanted, ModuleID *ids,
                                uint32_t *fetched)
{
    struct module_enum *modules = (struct module_enum *)self;
    *fetched = 0;
    while (*fetched < wanted && modules->next < modules->count)
        ids[(*fetched)++] = modules->ids[modules->next++];
    return *fetched == wanted ? S_OK : S_FALSE;
}

static uint32_t modules_enum_release(struct ICorProfilerModuleEnum *self)
{
    free(((struct module_enum *)self)->ids);
    free(self);
    return 0;
}

static const struct ICorProfilerModuleEnumVtbl module_enum_table = {
    .Next = modules_next_ids,
    .Release = modules_enum_release,
};

static HRESULT on_EnumModules(SELF, struct ICorProfilerModuleEnum **enumerator)
{
    struct standin *standin = of(self);
    struct module_enum *modules = calloc(1, sizeof(*modules));
    modules->face.vtbl = &module_enum_table;
    pthread_mutex_lock(&standin->lock);
    for (const struct standin_module *at = standin->modules; at; at = at->next)
        modules->count += !at->gone;
    modules->ids = calloc(modules->count ? modules->count : 1, sizeof(ModuleID));
    /* The list is newest first; the runtime tells the oldest first. */
    uint32_t index = modules->count;
    for (const struct standin_module *at = standin->modules; at; at = at->next) {
        if (!at->gone)
            modules->ids[--index] = (ModuleID)at;
    }
    pthread_mutex_unlock(&standin->lock);
    *enumerator = &modules->face;
    return S_OK;
}

static HRESULT
on_EnumNgenModuleMethodsInliningThisMethod(SELF, ModuleID inliner_module, ModuleID inlinee_module,
                                           mdToken inlinee, BOOL *incomplete,
                                           struct ICorProfilerMethodEnum **enumerator)
{
    return standin_enumerate_inliners(of(self), inliner_module,
                                      (struct COR_PRF_METHOD){inlinee_module, inlinee}, incomplete,
                                      enumerator);
}

/* ---- stacks: standin_stacks.c ---- */

#define on_SuspendRuntime              standin_SuspendRuntime
#define on_ResumeRuntime               standin_ResumeRuntime
#define on_EnumThreads                 standin_EnumThreads
#define on_GetCurrentThreadID          standin_GetCurrentThreadID
#define on_GetThreadInfo               standin_GetThreadInfo
#define on_DoStackSnapshot             standin_DoStackSnapshot
#define on_GetFunctionFromIP3          standin_GetFunctionFromIP3
#define on_GetReJITIDs                 standin_GetReJITIDs
#define on_GetNativeCodeStartAddresses standin_GetNativeCodeStartAddresses
#define on_GetCodeInfo4                standin_GetCodeInfo4
#define on_GetFunctionFromToken        standin_GetFunctionFromToken

/* ---- the table ---- */

#define HANDLED_QueryInterface                          ~,
#define HANDLED_AddRef                                  ~,
#define HANDLED_Release                                 ~,
#define HANDLED_GetRuntimeInformation                   ~,
#define HANDLED_GetModuleInfo2                          ~,
#define HANDLED_GetModuleMetaData                       ~,
#define HANDLED_GetILFunctionBody                       ~,
#define HANDLED_GetFunctionInfo                         ~,
#define HANDLED_RequestReJIT                            ~,
#define HANDLED_RequestReJITWithInliners                ~,
#define HANDLED_RequestRevert                           ~,
#define HANDLED_GetEventMask2                           ~,
#define HANDLED_SetEventMask2                           ~,
#define HANDLED_RequestProfilerDetach                   ~,
#define HANDLED_GetEnvironmentVariable                  ~,
#define HANDLED_SetEnvironmentVariable                  ~,
#define HANDLED_EnumModules                             ~,
#define HANDLED_EnumNgenModuleMethodsInliningThisMethod ~,

#define HANDLED_SuspendRuntime              ~,
#define HANDLED_ResumeRuntime               ~,
#define HANDLED_EnumThreads                 ~,
#define HANDLED_GetCurrentThreadID          ~,
#define HANDLED_GetThreadInfo               ~,
#define HANDLED_DoStackSnapshot             ~,
#define HANDLED_GetFunctionFromIP3          ~,
#define HANDLED_GetReJITIDs                 ~,
#define HANDLED_GetNativeCodeStartAddresses ~,
#define HANDLED_GetCodeInfo4                ~,
#define HANDLED_GetFunctionFromToken        ~,

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define ABI_METHOD(result, slot, name, ...)                                                        \
    static __attribute__((unused))                                                                 \
    result quiet_##name(struct ICorProfilerInfo15 *self __VA_OPT__(, ABI_PARAMETERS(__VA_ARGS__))) \
    {                                                                                              \
        STANDIN_QUIET_##result;                                                                    \
    }
#include "abi_info.def"
#pragma GCC diagnostic pop

const struct ICorProfilerInfo15Vtbl standin_info_table = {
#define ABI_METHOD(result, slot, name, ...) .name = STANDIN_PICK(name),
#include "abi_info.def"
};
