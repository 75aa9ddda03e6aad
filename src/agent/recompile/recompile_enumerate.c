/*
 * The runtime's own enumeration (ICorProfilerInfo6::EnumNgenModuleMethodsInliningThisMethod), for
 * images that we cannot read. It answers only a profiler that was there from the start; what is
 * nested it does not find; and a look-up in a table of .NET 8 and later keeps the image from
 * taking bodies of other images later: hence only where we have nothing better.
 */
#include "recompile_search.h"

#define AT_ONCE 64

static bool tell(struct search *search, const struct module_entry *inlinee, mdToken method,
                 struct ICorProfilerMethodEnum *methods)
{
    struct COR_PRF_METHOD found[AT_ONCE];
    uint32_t got = 0;
    while (!hresult_failed(methods->vtbl->Next(methods, AT_ONCE, found, &got)) && got > 0) {
        for (uint32_t i = 0; i < got && i < AT_ONCE; i++) {
            const struct module_entry *entry =
                modules_entry(&search->recompile->modules, found[i].moduleId);
            if (entry && !search_hit(search, entry, found[i].methodId, inlinee, method,
                                     RECOMPILE_SOURCE_RUNTIME))
                return false;
        }
    }
    return true;
}

/* False: the runtime does not answer for this module. */
static bool enumerate_one(struct search *search, const struct module_entry *entry,
                          const struct module_entry *inlinee, mdToken method)
{
    struct ICorProfilerInfo15 *info = search->recompile->info;
    struct ICorProfilerMethodEnum *methods = NULL;
    BOOL incomplete = 0;
    const HRESULT result = info->vtbl->EnumNgenModuleMethodsInliningThisMethod(
        info, entry->public.id, inlinee->public.id, method, &incomplete, &methods);
    if (hresult_failed(result) || !methods)
        return false;
    if (incomplete)
        search_gap(search, RECOMPILE_GAP_PENDING, entry->public.name,
                   "the runtime cannot tell all of its inliners yet");
    tell(search, inlinee, method, methods);
    methods->vtbl->Release(methods);
    return true;
}

bool search_enumerate(struct search *search, const struct module_entry *entry)
{
    if (!search->recompile->cached)
        return false;
    for (uint32_t i = 0; i < search->group_count; i++) {
        const struct search_group *group = &search->groups[i];
        for (uint32_t rid = 1; rid < group->rid_count && !search->stopped; rid++) {
            const mdToken method = token_make(CLR_TABLE_MethodDef, rid);
            if (search_has(group, method) && !enumerate_one(search, entry, group->entry, method))
                return false;
        }
    }
    return true;
}
