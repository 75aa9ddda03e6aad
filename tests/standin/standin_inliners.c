/* EnumNgenModuleMethodsInliningThisMethod and its enumerator, as measured on 10.0 (tests/contract:
 * inliners_enumerator_test, inliners_codes_test), with what no image of today leads to:
 * incompleteData TRUE until a module is loaded. */
#include <stdlib.h>
#include <string.h>

#include "standin_state.h"

void standin_image_inlines(struct standin *standin, ModuleID inliner_module, mdToken inliner,
                           ModuleID inlinee_module, mdToken inlinee, const char *needs)
{
    struct image_inlining *inlining = calloc(1, sizeof(*inlining));
    inlining->inliner = (struct COR_PRF_METHOD){inliner_module, inliner};
    inlining->inlinee = (struct COR_PRF_METHOD){inlinee_module, inlinee};
    inlining->needs = needs ? strdup(needs) : NULL;
    pthread_mutex_lock(&standin->lock);
    inlining->next = standin->image_inlinings;
    standin->image_inlinings = inlining;
    pthread_mutex_unlock(&standin->lock);
}

void standin_inliners_free(struct standin *standin)
{
    for (struct image_inlining *at = standin->image_inlinings; at;) {
        struct image_inlining *next = at->next;
        free(at->needs);
        free(at);
        at = next;
    }
}

/* ---- the enumerator ---- */

struct method_enum {
    struct ICorProfilerMethodEnum face; /* first */
    struct COR_PRF_METHOD *items;
    uint32_t count, next;
    uint32_t references;
};

static struct method_enum *of(struct ICorProfilerMethodEnum *self)
{
    return (struct method_enum *)self;
}

static struct method_enum *enum_new(uint32_t room);

static uint32_t enum_add_ref(struct ICorProfilerMethodEnum *self)
{
    return ++of(self)->references;
}

static uint32_t enum_release(struct ICorProfilerMethodEnum *self)
{
    const uint32_t left = --of(self)->references;
    if (!left) {
        free(of(self)->items);
        free(self);
    }
    return left;
}

static HRESULT enum_skip(struct ICorProfilerMethodEnum *self, uint32_t count)
{
    struct method_enum *methods = of(self);
    const uint32_t left = methods->count - methods->next;
    methods->next += count < left ? count : left;
    return count <= left ? S_OK : S_FALSE;
}

static HRESULT enum_reset(struct ICorProfilerMethodEnum *self)
{
    of(self)->next = 0;
    return S_OK;
}

/* It stands at the beginning, wherever the original does. */
static HRESULT enum_clone(struct ICorProfilerMethodEnum *self, void **enumerator)
{
    struct method_enum *copy = enum_new(of(self)->count);
    copy->count = of(self)->count;
    memcpy(copy->items, of(self)->items, copy->count * sizeof(*copy->items));
    *enumerator = &copy->face;
    return S_OK;
}

/* How many are left. */
static HRESULT enum_get_count(struct ICorProfilerMethodEnum *self, uint32_t *count)
{
    *count = of(self)->count - of(self)->next;
    return S_OK;
}

static HRESULT enum_next(struct ICorProfilerMethodEnum *self, uint32_t wanted,
                         struct COR_PRF_METHOD *items, uint32_t *fetched)
{
    struct method_enum *methods = of(self);
    uint32_t got = 0;
    if (!fetched && wanted != 1)
        return E_INVALIDARG;
    while (got < wanted && methods->next < methods->count)
        items[got++] = methods->items[methods->next++];
    if (fetched)
        *fetched = got;
    return got == wanted ? S_OK : S_FALSE;
}

static const struct ICorProfilerMethodEnumVtbl method_enum_table = {
    .AddRef = enum_add_ref,
    .Release = enum_release,
    .Skip = enum_skip,
    .Reset = enum_reset,
    .Clone = enum_clone,
    .GetCount = enum_get_count,
    .Next = enum_next,
};

static struct method_enum *enum_new(uint32_t room)
{
    struct method_enum *methods = calloc(1, sizeof(*methods));
    methods->face.vtbl = &method_enum_table;
    methods->items = calloc(room ? room : 1, sizeof(*methods->items));
    methods->references = 1;
    return methods;
}

/* ---- the question: under the lock ---- */

static bool is_loaded(const struct standin *standin, const char *file)
{
    for (const struct standin_module *at = standin->modules; at; at = at->next) {
        const char *slash = strrchr(at->path, '/');
        if (!at->gone && !strcmp(slash ? slash + 1 : at->path, file))
            return true;
    }
    return false;
}

static void collect(struct standin *standin, struct method_enum *methods, ModuleID inliner_module,
                    struct COR_PRF_METHOD inlinee, BOOL *incomplete)
{
    for (const struct image_inlining *at = standin->image_inlinings; at; at = at->next) {
        if (at->inliner.moduleId != inliner_module || at->inlinee.moduleId != inlinee.moduleId ||
            at->inlinee.methodId != inlinee.methodId)
            continue;
        if (at->needs && !is_loaded(standin, at->needs))
            *incomplete = 1;
        else
            methods->items[methods->count++] = at->inliner;
    }
}

HRESULT standin_enumerate_inliners(struct standin *standin, ModuleID inliner_module,
                                   struct COR_PRF_METHOD inlinee, BOOL *incomplete,
                                   struct ICorProfilerMethodEnum **enumerator)
{
    uint32_t room = 0;
    pthread_mutex_lock(&standin->lock);
    const struct standin_module *module = standin_module_of(standin, inliner_module);
    const bool known = module && standin_module_of(standin, inlinee.moduleId);
    const bool precompiled = module && module->flags & COR_PRF_MODULE_NGEN;
    standin->counts.enumerations++;
    for (const struct image_inlining *at = standin->image_inlinings; at; at = at->next)
        room++;
    struct method_enum *methods = enum_new(room);
    if (known && precompiled && !standin->attached) {
        *incomplete = 0;
        collect(standin, methods, inliner_module, inlinee, incomplete);
        *enumerator = &methods->face;
        methods = NULL;
    }
    const bool attached = standin->attached;
    pthread_mutex_unlock(&standin->lock);
    if (methods)
        methods->face.vtbl->Release(&methods->face);
    return attached       ? CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER
           : !known       ? E_INVALIDARG
           : !precompiled ? CORPROF_E_DATAINCOMPLETE
                          : S_OK;
}
