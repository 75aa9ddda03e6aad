/* Orders about modules and methods: names, IL, requests, code. */
#include <stdlib.h>
#include <string.h>

#include "contract_profiler.h"

#define INFO contract_info->vtbl

static void to_wide(WCHAR *to, size_t units, const char *text)
{
    size_t i = 0;
    for (; i + 1 < units && text[i]; i++)
        to[i] = (WCHAR)(unsigned char)text[i];
    to[i] = 0;
}

static void to_plain(char *to, size_t size, const WCHAR *text)
{
    size_t i = 0;
    for (; i + 1 < size && text[i]; i++)
        to[i] = text[i] < 0x80 && text[i] != '"' && text[i] != '\\' ? (char)text[i] : '?';
    to[i] = 0;
}

static void module_path(ModuleID module, char *path, size_t size, uint32_t *flags)
{
    WCHAR name[1024] = {0};
    uint32_t length = 0;
    AssemblyID assembly = 0;
    INFO->GetModuleInfo2(contract_info, module, NULL, 1024, &length, name, &assembly, flags);
    to_plain(path, size, name);
}

/* "System.Linq.dll" for its path; a dynamic module's name has none. */
static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- modules ---- */

static uint32_t all_modules(ModuleID *modules, uint32_t room, HRESULT *result)
{
    struct ICorProfilerModuleEnum *each = NULL;
    uint32_t count = 0;
    *result = INFO->EnumModules(contract_info, &each);
    if (hresult_failed(*result))
        return 0;
    each->vtbl->Next(each, room, modules, &count);
    each->vtbl->Release(each);
    return count;
}

static void order_modules(const struct order *order)
{
    ModuleID modules[512];
    HRESULT result;
    const uint32_t count = all_modules(modules, 512, &result);
    fprintf(order->out, "{\"hr\": %u, \"modules\": [", (uint32_t)result);
    for (uint32_t i = 0; i < count; i++) {
        char path[1024];
        uint32_t flags = 0;
        module_path(modules[i], path, sizeof(path), &flags);
        fprintf(order->out, "%s{\"id\": %llu, \"name\": \"%s\", \"flags\": %u}", i ? ", " : "",
                (unsigned long long)modules[i], file_of(path), flags);
    }
    fprintf(order->out, "]}");
}

static struct IMetaDataImport2 *metadata_of(ModuleID module)
{
    void *object = NULL;
    const HRESULT result =
        INFO->GetModuleMetaData(contract_info, module, 0, &IID_IMetaDataImport2, &object);
    return result == S_OK ? object : NULL;
}

/* method MODULE TYPE NAME [n]: TYPE as in metadata, nested ones behind '+'; the n-th overload. */
static void order_method(const struct order *order)
{
    struct IMetaDataImport2 *import = metadata_of(order_number(order, 1));
    mdToken type = 0, tokens[64] = {0};
    uint32_t count = 0;
    WCHAR name[512];
    HCORENUM each = NULL;
    HRESULT result = import && order->count > 3 ? S_OK : E_INVALIDARG;
    char *rest = NULL;
    if (!hresult_failed(result)) {
        for (char *part = strtok_r(order->words[2], "+", &rest); part && !hresult_failed(result);
             part = strtok_r(NULL, "+", &rest)) {
            to_wide(name, 512, part);
            result = import->vtbl->FindTypeDefByName(import, name, type, &type);
        }
    }
    if (!hresult_failed(result)) {
        to_wide(name, 512, order->words[3]);
        import->vtbl->EnumMethodsWithName(import, &each, type, name, tokens, 64, &count);
        import->vtbl->CloseEnum(import, each);
    }
    const uint64_t wanted = order_number(order, 4);
    fprintf(order->out, "{\"hr\": %u, \"token\": %u, \"count\": %u}", (uint32_t)result,
            wanted < count ? tokens[wanted] : 0, count);
    if (import)
        import->vtbl->Release(import);
}

/* A method's "Type.Method"; *nested: its type stands inside another. */
static void describe(struct IMetaDataImport2 *import, mdToken token, char *to, size_t size,
                     bool *nested)
{
    WCHAR name[512] = {0};
    char type_name[256] = "?", method_name[256] = "?";
    mdToken type = 0;
    uint32_t length = 0;
    if (!import)
        return;
    if (import->vtbl->GetMethodProps(import, token, &type, name, 512, &length, NULL, NULL, NULL,
                                     NULL, NULL) == S_OK)
        to_plain(method_name, sizeof(method_name), name);
    uint32_t flags = 0;
    if (type &&
        import->vtbl->GetTypeDefProps(import, type, name, 512, &length, &flags, NULL) == S_OK)
        to_plain(type_name, sizeof(type_name), name);
    *nested = (flags & tdVisibilityMask) >= tdNestedPublic;
    snprintf(to, size, "%s.%s", type_name, method_name);
}

/* describe MODULE TOKEN... */
static void order_describe(const struct order *order)
{
    struct IMetaDataImport2 *import = metadata_of(order_number(order, 1));
    fprintf(order->out, "{\"hr\": %u, \"methods\": [", (uint32_t)(import ? S_OK : E_FAIL));
    for (int i = 2; i < order->count; i++) {
        char name[600] = "";
        bool nested = false;
        describe(import, (mdToken)order_number(order, i), name, sizeof(name), &nested);
        fprintf(order->out, "%s{\"name\": \"%s\", \"nested\": %s}", i > 2 ? ", " : "", name,
                nested ? "true" : "false");
    }
    fprintf(order->out, "]}");
    if (import)
        import->vtbl->Release(import);
}

static void order_il(const struct order *order)
{
    const uint8_t *body = NULL;
    uint32_t size = 0;
    const HRESULT result = INFO->GetILFunctionBody(contract_info, order_number(order, 1),
                                                   (mdToken)order_number(order, 2), &body, &size);
    fprintf(order->out, "{\"hr\": %u, \"il\": \"", (uint32_t)result);
    for (uint32_t i = 0; result == S_OK && i < size; i++)
        fprintf(order->out, "%02x", body[i]);
    fprintf(order->out, "\"}");
}

/* ---- requests ---- */

struct batch {
    uint32_t count;
    ModuleID *modules;
    mdToken *methods;
    HRESULT *results;
};

/* MODULE:TOKEN words from `first` on. */
static struct batch batch_of(const struct order *order, int first)
{
    struct batch batch = {0};
    batch.modules = calloc((size_t)order->count + 1, sizeof(*batch.modules));
    batch.methods = calloc((size_t)order->count + 1, sizeof(*batch.methods));
    batch.results = calloc((size_t)order->count + 1, sizeof(*batch.results));
    for (int i = first; i < order->count; i++) {
        char *rest;
        batch.modules[batch.count] = strtoull(order->words[i], &rest, 0);
        batch.methods[batch.count++] = *rest ? (mdToken)strtoul(rest + 1, NULL, 0) : 0;
    }
    return batch;
}

static void batch_free(struct batch *batch)
{
    free(batch->modules);
    free(batch->methods);
    free(batch->results);
}

static void order_rejit(const struct order *order)
{
    struct batch batch = batch_of(order, 1);
    order_result(order,
                 INFO->RequestReJIT(contract_info, batch.count, batch.modules, batch.methods));
    batch_free(&batch);
}

/* rejit-all MODULE FIRST COUNT: that many tokens from FIRST on, with the time that it took. */
static void order_rejit_all(const struct order *order)
{
    const uint32_t count = (uint32_t)order_number(order, 3);
    ModuleID *modules = calloc(count + 1, sizeof(*modules));
    mdToken *methods = calloc(count + 1, sizeof(*methods));
    for (uint32_t i = 0; i < count; i++) {
        modules[i] = order_number(order, 1);
        methods[i] = (mdToken)order_number(order, 2) + i;
    }
    note_add((struct note){.kind = "RequestStarted"});
    const HRESULT result = INFO->RequestReJIT(contract_info, count, modules, methods);
    note_add((struct note){.kind = "RequestFinished", .result = result});
    order_result(order, result);
    free(modules);
    free(methods);
}

/* rejit-arguments COUNT MODULES METHODS: 0 for a null array. */
static void order_rejit_arguments(const struct order *order)
{
    ModuleID modules[1] = {order_number(order, 2)};
    mdToken methods[1] = {(mdToken)order_number(order, 3)};
    order_result(order,
                 INFO->RequestReJIT(contract_info, (uint32_t)order_number(order, 1),
                                    modules[0] ? modules : NULL, methods[0] ? methods : NULL));
}

static void order_rejit_inliners(const struct order *order)
{
    struct batch batch = batch_of(order, 2);
    order_result(order,
                 INFO->RequestReJITWithInliners(contract_info, (uint32_t)order_number(order, 1),
                                                batch.count, batch.modules, batch.methods));
    batch_free(&batch);
}

static void order_revert(const struct order *order)
{
    struct batch batch = batch_of(order, 1);
    const HRESULT result = INFO->RequestRevert(contract_info, batch.count, batch.modules,
                                               batch.methods, batch.results);
    fprintf(order->out, "{\"hr\": %u, \"each\": [", (uint32_t)result);
    for (uint32_t i = 0; i < batch.count; i++)
        fprintf(order->out, "%s%u", i ? ", " : "", (uint32_t)batch.results[i]);
    fprintf(order->out, "]}");
    batch_free(&batch);
}

/* ---- functions ---- */

static void order_function(const struct order *order)
{
    FunctionID function = 0;
    const HRESULT result = INFO->GetFunctionFromToken(contract_info, order_number(order, 1),
                                                      (mdToken)order_number(order, 2), &function);
    fprintf(order->out, "{\"hr\": %u, \"function\": %llu}", (uint32_t)result,
            (unsigned long long)function);
}

static void order_ids(const struct order *order)
{
    ReJITID ids[64];
    uint32_t count = 0;
    const HRESULT result =
        INFO->GetReJITIDs(contract_info, order_number(order, 1), 64, &count, ids);
    fprintf(order->out, "{\"hr\": %u, \"ids\": [", (uint32_t)result);
    for (uint32_t i = 0; !hresult_failed(result) && i < count && i < 64; i++)
        fprintf(order->out, "%s%llu", i ? ", " : "", (unsigned long long)ids[i]);
    fprintf(order->out, "]}");
}

static void order_codes(const struct order *order)
{
    uintptr_t addresses[64];
    uint32_t count = 0;
    const HRESULT result = INFO->GetNativeCodeStartAddresses(
        contract_info, order_number(order, 1), order_number(order, 2), 64, &count, addresses);
    fprintf(order->out, "{\"hr\": %u, \"count\": %u}", (uint32_t)result, count);
}

bool methods_order(const struct order *order)
{
    static const struct {
        const char *name;
        void (*obey)(const struct order *order);
    } orders[] = {
        {"modules", order_modules},
        {"method", order_method},
        {"describe", order_describe},
        {"il", order_il},
        {"rejit", order_rejit},
        {"rejit-all", order_rejit_all},
        {"rejit-arguments", order_rejit_arguments},
        {"rejit-inliners", order_rejit_inliners},
        {"revert", order_revert},
        {"function", order_function},
        {"ids", order_ids},
        {"codes", order_codes},
    };
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (!strcmp(order->words[0], orders[i].name)) {
            orders[i].obey(order);
            return true;
        }
    }
    return false;
}
