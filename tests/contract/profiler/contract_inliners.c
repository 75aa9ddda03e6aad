/* Orders about EnumNgenModuleMethodsInliningThisMethod and the enumerator it gives. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "contract_profiler.h"

#define ENUMERATORS 256
#define UNTOUCHED   77 /* what an out-parameter holds that the runtime leaves alone */

static struct ICorProfilerMethodEnum *enumerators[ENUMERATORS];
static _Atomic int enumerator_count = 1; /* 0: none */

static int keep(struct ICorProfilerMethodEnum *each)
{
    const int handle = atomic_fetch_add(&enumerator_count, 1);
    enumerators[handle % ENUMERATORS] = each;
    return handle;
}

/* inliners INLINER_MODULE INLINEE_MODULE TOKEN: a handle, which the orders below take. */
static void order_inliners(const struct order *order)
{
    struct ICorProfilerMethodEnum *each = NULL;
    BOOL incomplete = UNTOUCHED;
    uint32_t count = UNTOUCHED;
    const HRESULT result = contract_info->vtbl->EnumNgenModuleMethodsInliningThisMethod(
        contract_info, order_number(order, 1), order_number(order, 2),
        (mdToken)order_number(order, 3), &incomplete, &each);
    int handle = 0;
    if (each) {
        handle = keep(each);
        each->vtbl->GetCount(each, &count);
    }
    fprintf(order->out, "{\"hr\": %u, \"incomplete\": %d, \"handle\": %d, \"count\": %u}",
            (uint32_t)result, incomplete, handle, count);
}

/* counts INLINER_MODULE INLINEE_MODULE TOKEN...: how many inliners each has. */
static void order_counts(const struct order *order)
{
    fprintf(order->out, "{\"hr\": 0, \"counts\": [");
    for (int i = 3; i < order->count; i++) {
        struct ICorProfilerMethodEnum *each = NULL;
        BOOL incomplete = UNTOUCHED;
        uint32_t count = UNTOUCHED;
        const HRESULT result = contract_info->vtbl->EnumNgenModuleMethodsInliningThisMethod(
            contract_info, order_number(order, 1), order_number(order, 2),
            (mdToken)order_number(order, i), &incomplete, &each);
        if (each) {
            each->vtbl->GetCount(each, &count);
            each->vtbl->Release(each);
        }
        fprintf(order->out, "%s[%u, %d, %u]", i > 3 ? ", " : "", (uint32_t)result, incomplete,
                count);
    }
    fprintf(order->out, "]}");
}

static void next(const struct order *order, struct ICorProfilerMethodEnum *each)
{
    const uint32_t wanted = (uint32_t)order_number(order, 2);
    const bool plain = order->count > 3; /* without the count of fetched ones */
    struct COR_PRF_METHOD *items = calloc(wanted + 1, sizeof(*items));
    uint32_t fetched = UNTOUCHED;
    const HRESULT result = each->vtbl->Next(each, wanted, items, plain ? NULL : &fetched);
    fprintf(order->out, "{\"hr\": %u, \"fetched\": %u, \"items\": [", (uint32_t)result, fetched);
    for (uint32_t i = 0; i < wanted && (plain || i < fetched); i++)
        fprintf(order->out, "%s[%llu, %u]", i ? ", " : "", (unsigned long long)items[i].moduleId,
                items[i].methodId);
    fprintf(order->out, "]}");
    free(items);
}

static void clone(const struct order *order, struct ICorProfilerMethodEnum *each)
{
    void *copy = NULL;
    const HRESULT result = each->vtbl->Clone(each, &copy);
    fprintf(order->out, "{\"hr\": %u, \"handle\": %d}", (uint32_t)result, copy ? keep(copy) : 0);
}

static void count(const struct order *order, struct ICorProfilerMethodEnum *each)
{
    uint32_t items = UNTOUCHED;
    const HRESULT result = each->vtbl->GetCount(each, &items);
    fprintf(order->out, "{\"hr\": %u, \"count\": %u}", (uint32_t)result, items);
}

bool inliners_order(const struct order *order)
{
    const char *name = order->words[0];
    const uint64_t handle = order_number(order, 1);
    struct ICorProfilerMethodEnum *each = enumerators[handle % ENUMERATORS];
    if (!strcmp(name, "inliners"))
        order_inliners(order);
    else if (!strcmp(name, "counts"))
        order_counts(order);
    else if (!each)
        return false;
    else if (!strcmp(name, "enum-next"))
        next(order, each);
    else if (!strcmp(name, "enum-skip"))
        order_result(order, each->vtbl->Skip(each, (uint32_t)order_number(order, 2)));
    else if (!strcmp(name, "enum-reset"))
        order_result(order, each->vtbl->Reset(each));
    else if (!strcmp(name, "enum-clone"))
        clone(order, each);
    else if (!strcmp(name, "enum-count"))
        count(order, each);
    else if (!strcmp(name, "enum-release"))
        fprintf(order->out, "{\"hr\": 0, \"left\": %u}", each->vtbl->Release(each));
    else
        return false;
    return true;
}
