/* Requests, reverts, and what happens at a method's next call. */
#include <stdlib.h>
#include <string.h>

#include "metadata_tables.h"
#include "standin_state.h"

/* ---- requests: under the lock unless said ---- */

static void mark(struct standin_method *method, bool callback)
{
    method->state = METHOD_REQUESTED;
    method->silent = !callback;
}

static void mark_inliners(struct standin_method *method, bool callbacks, uint32_t depth)
{
    for (uint32_t i = 0; depth < 8 && i < method->inliner_count; i++) {
        struct standin_method *inliner = method->inliners[i];
        if (inliner->state != METHOD_REQUESTED)
            mark(inliner, callbacks);
        mark_inliners(inliner, callbacks, depth + 1);
    }
}

HRESULT standin_request(struct standin *standin, uint32_t count, ModuleID *modules,
                        mdToken *methods, bool inliners, bool callbacks)
{
    HRESULT result = S_OK;
    pthread_mutex_lock(&standin->lock);
    if (standin_faulty(standin, STANDIN_FAIL_REQUEST, 0, 0, &result))
        count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct standin_module *module = standin_module_of(standin, modules[i]);
        if (!module) {
            result = E_INVALIDARG;
            break;
        }
        struct standin_method *method = standin_find(module, methods[i]);
        standin->counts.requests++;
        if (inliners)
            mark_inliners(method, callbacks, 0);
        mark(method, true);
    }
    pthread_mutex_unlock(&standin->lock);
    return result;
}

HRESULT standin_revert(struct standin *standin, uint32_t count, ModuleID *modules, mdToken *methods,
                       HRESULT *results)
{
    pthread_mutex_lock(&standin->lock);
    for (uint32_t i = 0; i < count; i++) {
        struct standin_module *module = standin_module_of(standin, modules[i]);
        standin->counts.reverts++;
        results[i] = module ? S_OK : E_INVALIDARG;
        if (!module ||
            standin_faulty(standin, STANDIN_FAIL_REVERT, modules[i], methods[i], &results[i]))
            continue;
        standin_find(module, methods[i])->state = METHOD_OWN;
    }
    pthread_mutex_unlock(&standin->lock);
    return S_OK;
}

void standin_request_by_itself(struct standin *standin, ModuleID module, mdToken method)
{
    pthread_mutex_lock(&standin->lock);
    mark(standin_find((struct standin_module *)module, method), true);
    pthread_mutex_unlock(&standin->lock);
}

void standin_inlines(struct standin *standin, ModuleID inliner_module, mdToken inliner,
                     ModuleID inlinee_module, mdToken inlinee)
{
    pthread_mutex_lock(&standin->lock);
    struct standin_method *method = standin_find((struct standin_module *)inlinee_module, inlinee);
    method->inliners =
        realloc(method->inliners, (method->inliner_count + 1) * sizeof(struct standin_method *));
    method->inliners[method->inliner_count++] =
        standin_find((struct standin_module *)inliner_module, inliner);
    pthread_mutex_unlock(&standin->lock);
}

/* ---- ICorProfilerFunctionControl ---- */

struct control {
    struct ICorProfilerFunctionControl face; /* first */
    struct standin_method *method;
    struct version *version;
};

static HRESULT control_query(struct ICorProfilerFunctionControl *self, const struct GUID *iid,
                             void **object)
{
    (void)iid;
    *object = self;
    return S_OK;
}

static uint32_t control_reference(struct ICorProfilerFunctionControl *self)
{
    (void)self;
    return 1;
}

static HRESULT control_flags(struct ICorProfilerFunctionControl *self, uint32_t flags)
{
    (void)self;
    (void)flags;
    return S_OK;
}

static HRESULT control_body(struct ICorProfilerFunctionControl *self, uint32_t size,
                            const uint8_t *body)
{
    struct control *control = (struct control *)self;
    struct standin *standin = control->method->module->standin;
    HRESULT result = S_OK;
    pthread_mutex_lock(&standin->lock);
    const bool faulty =
        standin_faulty(standin, STANDIN_FAIL_SET_BODY, (ModuleID)control->method->module,
                       control->method->token, &result);
    pthread_mutex_unlock(&standin->lock);
    if (faulty)
        return result;
    free(control->version->il);
    control->version->il = malloc(size ? size : 1);
    memcpy(control->version->il, body, size);
    control->version->il_length = size;
    return S_OK;
}

static HRESULT control_map(struct ICorProfilerFunctionControl *self, uint32_t count,
                           struct COR_IL_MAP *entries)
{
    struct control *control = (struct control *)self;
    free(control->version->map);
    control->version->map = malloc((count ? count : 1) * sizeof(*entries));
    memcpy(control->version->map, entries, count * sizeof(*entries));
    control->version->map_count = count;
    return S_OK;
}

static const struct ICorProfilerFunctionControlVtbl control_table = {
    .QueryInterface = control_query,
    .AddRef = control_reference,
    .Release = control_reference,
    .SetCodegenFlags = control_flags,
    .SetILFunctionBody = control_body,
    .SetILInstrumentedCodeMap = control_map,
};

/* ---- the next call ---- */

static void own_body(const struct standin_method *method, struct standin_use *use)
{
    const struct metadata_image *image = &method->module->image;
    const uint32_t rva = metadata_cell(image, CLR_TABLE_MethodDef, token_rid(method->token),
                                       METADATA_METHOD_DEF_RVA);
    struct reader body;
    if (metadata_image_body(image, rva, &body, NULL) == STATUS_OK) {
        use->il = body.data;
        use->il_length = body.length;
    }
}

static void fill(const struct standin_method *method, const struct version *version,
                 struct standin_use *use)
{
    use->recompiled = true;
    use->rejit = version->rejit;
    use->map = version->map;
    use->map_count = version->map_count;
    if (version->il) {
        use->il = version->il;
        use->il_length = version->il_length;
    } else {
        own_body(method, use);
    }
}

/* Compilation in name, once a version. False: it failed. Under the jit lock. */
static bool compile(struct standin *standin, struct ICorProfilerCallback11 *callback,
                    struct standin_method *method, struct version *version)
{
    HRESULT result = S_OK;
    if (version->compiled)
        return true;
    pthread_mutex_lock(&standin->lock);
    const bool unfinished = standin_faulty(standin, STANDIN_FAIL_COMPILE, (ModuleID)method->module,
                                           method->token, &result);
    const bool failed = standin_faulty(standin, STANDIN_FAIL_FINISHED, (ModuleID)method->module,
                                       method->token, &result);
    pthread_mutex_unlock(&standin->lock);
    callback->vtbl->ReJITCompilationStarted(callback, (FunctionID)method, version->rejit, 1);
    if (!unfinished)
        callback->vtbl->ReJITCompilationFinished(callback, (FunctionID)method, version->rejit,
                                                 failed ? result : S_OK, 1);
    version->compiled = !unfinished && !failed;
    return version->compiled;
}

static void ask(struct standin *standin, struct ICorProfilerCallback11 *callback,
                struct standin_method *method, struct version *version)
{
    struct control control = {.face = {&control_table}, .method = method, .version = version};
    HRESULT result = S_OK;
    callback->vtbl->GetReJITParameters(callback, (ModuleID)method->module, method->token,
                                       &control.face);
    pthread_mutex_lock(&standin->lock);
    standin->counts.parameters++;
    const bool error = standin_faulty(standin, STANDIN_FAIL_ERROR, (ModuleID)method->module,
                                      method->token, &result);
    pthread_mutex_unlock(&standin->lock);
    if (error)
        callback->vtbl->ReJITError(callback, (ModuleID)method->module, method->token,
                                   (FunctionID)method, result);
}

/* Under the lock: what this call has to do. */
static bool begin(struct standin *standin, struct standin_method *method, struct version **fresh)
{
    *fresh = NULL;
    if (method->state == METHOD_OWN)
        return false;
    if (method->state == METHOD_REQUESTED) {
        *fresh = calloc(1, sizeof(struct version));
        (*fresh)->rejit = standin->next_rejit++;
        method->state = METHOD_ACTIVE;
    }
    return true;
}

struct standin_use standin_call(struct standin *standin, ModuleID module, mdToken token)
{
    struct standin_use use = {0};
    struct version *fresh = NULL;
    pthread_mutex_lock(&standin->lock);
    struct standin_method *method = standin_find((struct standin_module *)module, token);
    struct ICorProfilerCallback11 *callback = standin->callback;
    const bool recompiled = callback && begin(standin, method, &fresh);
    const bool silent = method->silent;
    pthread_mutex_unlock(&standin->lock);
    if (!recompiled) {
        own_body(method, &use);
        return use;
    }
    if (fresh) {
        if (!silent)
            ask(standin, callback, method, fresh);
        use.asked = !silent;
        pthread_mutex_lock(&standin->lock);
        fresh->older = method->versions;
        method->versions = fresh;
        pthread_mutex_unlock(&standin->lock);
    }
    pthread_mutex_lock(&standin->lock);
    struct version *version = method->versions;
    pthread_mutex_unlock(&standin->lock);
    if (!version) {
        /* Another thread is in the middle of asking: this call still runs the own code. */
        own_body(method, &use);
        return use;
    }
    pthread_mutex_lock(&standin->jit);
    use.failed = !compile(standin, callback, method, version);
    pthread_mutex_unlock(&standin->jit);
    fill(method, version, &use);
    return use;
}
