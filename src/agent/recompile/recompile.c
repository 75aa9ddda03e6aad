#include "recompile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base_utf16.h"
#include "metadata_tables.h"
#include "recompile_inliners.h"

/* Whether the target runs with DOTNET_MODIFIABLE_ASSEMBLIES=debug, as `dotnet watch` sets it. */
static bool modifiable_assemblies(struct ICorProfilerInfo15 *info)
{
    WCHAR name[64], value[16] = {0};
    char text[32];
    uint32_t length = 0;
    utf16_from_utf8(name, 64, "DOTNET_MODIFIABLE_ASSEMBLIES");
    if (hresult_failed(info->vtbl->GetEnvironmentVariable(info, name, 16, &length, value)))
        return false;
    value[15] = 0;
    size_t units = 0;
    while (value[units])
        units++;
    utf16_to_utf8(text, sizeof(text), value, units);
    return strcasecmp(text, "debug") == 0;
}

enum status recompile_new(struct ICorProfilerInfo15 *info, struct recompile **out,
                          struct error *error)
{
    struct recompile *recompile = calloc(1, sizeof(*recompile));
    if (!recompile)
        return error_set(error, STATUS_MEMORY, "out of memory");
    /* Readable from the start: the first pump looks for the modules that are there. */
    recompile->event = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (recompile->event < 0) {
        free(recompile);
        return error_set(error, STATUS_IO, "no descriptor is left in the target");
    }
    recompile->info = info;
    recompile->version = recompile_version_ask(info);
    recompile->follows = recompile_version_follows(recompile->version, &recompile->follows_why);
    pthread_mutex_init(&recompile->lock, NULL);
    pthread_mutex_init(&recompile->emit, NULL);
    modules_init(&recompile->modules);
    map_init(&recompile->compiling);
    if (recompile->version.major >= 5)
        recompile->modules.modifiable = modifiable_assemblies(info);
    *out = recompile;
    return STATUS_OK;
}

void recompile_free(struct recompile *recompile)
{
    if (!recompile)
        return;
    recompile_cached_end(recompile);
    composites_release(recompile);
    recompile_found_drop(recompile);
    modules_release(&recompile->modules);
    method_table_release(&recompile->methods);
    map_release(&recompile->compiling);
    method_batch_release(&recompile->follow);
    for (size_t i = 0; i < recompile->notes.count; i++)
        free(recompile->notes.list[i].reason);
    free(recompile->notes.list);
    pthread_mutex_destroy(&recompile->emit);
    pthread_mutex_destroy(&recompile->lock);
    close(recompile->event);
    free(recompile);
}

struct modules *recompile_modules(struct recompile *recompile)
{
    return &recompile->modules;
}

bool recompile_follows_inliners(const struct recompile *recompile, const char **why)
{
    *why = recompile->follows_why;
    return recompile->follows;
}

int recompile_event(struct recompile *recompile)
{
    return recompile->event;
}

enum status recompile_add_tenant(struct recompile *recompile, struct tenant *tenant,
                                 struct error *error)
{
    if (recompile->tenant_count == RECOMPILE_TENANTS)
        return error_set(error, STATUS_LIMIT, "'%s': there are %u tenants already", tenant->name,
                         RECOMPILE_TENANTS);
    recompile->tenants[recompile->tenant_count++] = tenant;
    return STATUS_OK;
}

static uint32_t bit_of(const struct recompile *recompile, const struct tenant *tenant)
{
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        if (recompile->tenants[i] == tenant)
            return 1u << i;
    }
    return 0;
}

/* ---- claim ---- */

static void unclaim_locked(struct recompile *recompile, struct method_entry *entry, uint32_t bit)
{
    if (!(entry->claims & bit))
        return;
    entry->claims &= ~bit;
    if (!entry->claims)
        recompile->claimed--;
}

/* Under the lock: makes the entry, and puts the method into the lists. */
static struct method_entry *note_claim(struct recompile *recompile, uint32_t bit,
                                       struct method_key key, struct method_batch *batch,
                                       struct method_batch *fresh)
{
    struct method_entry *entry = method_table_add(&recompile->methods, key);
    if (!entry)
        return NULL;
    if (method_batch_add(batch, key) && (entry->claims & bit || method_batch_add(fresh, key)))
        return entry;
    if (!entry->claims && !entry->inliner && !entry->reverting)
        method_table_remove(&recompile->methods, key);
    return NULL;
}

/* Notes the claims; on failure those that are new are listed in `fresh` all the same. */
static bool note_claims(struct recompile *recompile, uint32_t bit, const struct method_key *keys,
                        size_t count, struct method_batch *batch, struct method_batch *fresh)
{
    recompile->generation++;
    for (size_t i = 0; i < count; i++) {
        struct method_entry *entry = note_claim(recompile, bit, keys[i], batch, fresh);
        if (!entry)
            return false;
        if (!entry->claims) {
            recompile->claimed++;
            entry->generation = recompile->generation;
        }
        entry->claims |= bit;
        entry->asked = entry->compiled = entry->reverting = entry->restored = false;
    }
    return true;
}

static void take_back(struct recompile *recompile, uint32_t bit, const struct method_batch *fresh)
{
    pthread_mutex_lock(&recompile->lock);
    for (uint32_t i = 0; i < fresh->count; i++) {
        const struct method_key key = {.module = fresh->modules[i], .method = fresh->methods[i]};
        struct method_entry *entry = method_table_find(&recompile->methods, key);
        if (!entry)
            continue;
        unclaim_locked(recompile, entry, bit);
        if (!entry->claims && !entry->inliner)
            method_table_remove(&recompile->methods, key);
    }
    pthread_mutex_unlock(&recompile->lock);
    recompile_cached_release(recompile, fresh);
}

enum status recompile_claim(struct recompile *recompile, struct tenant *tenant,
                            const struct method_key *keys, size_t count, struct error *error)
{
    struct method_batch batch = {0}, fresh = {0};
    const uint32_t bit = bit_of(recompile, tenant);
    enum status status = STATUS_OK;
    if (!bit)
        return error_set(error, STATUS_BUG, "'%s' is no tenant", tenant->name);
    pthread_mutex_lock(&recompile->lock);
    const bool noted = note_claims(recompile, bit, keys, count, &batch, &fresh);
    pthread_mutex_unlock(&recompile->lock);
    if (noted)
        recompile_cached_claim(recompile, &batch);
    const HRESULT result = noted ? recompile_request_claim(recompile, &batch) : E_OUTOFMEMORY;
    if (!hresult_failed(result))
        recompile_inliners_claimed(recompile, &fresh);
    if (hresult_failed(result)) {
        char text[HRESULT_TEXT_BYTES];
        take_back(recompile, bit, &fresh);
        status = error_set(error, noted ? STATUS_TARGET : STATUS_MEMORY,
                           "the runtime refuses to recompile: %s",
                           hresult_text(result, text, sizeof(text)));
    }
    method_batch_release(&batch);
    method_batch_release(&fresh);
    return status;
}

/* ---- release ---- */

/* Sorts the methods into those that nobody claims any more and those that others still do. */
static bool drop_claims(struct recompile *recompile, uint32_t bit, const struct method_key *keys,
                        size_t count, struct method_batch *released, struct method_batch *kept,
                        uint32_t *generation)
{
    *generation = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        struct method_entry *entry = method_table_find(&recompile->methods, keys[i]);
        if (!entry || !(entry->claims & bit))
            continue;
        unclaim_locked(recompile, entry, bit);
        if (entry->generation < *generation)
            *generation = entry->generation;
        entry->asked = entry->compiled = false;
        if (!method_batch_add(entry->claims ? kept : released, keys[i])) {
            entry->reverting = !entry->claims;
            recompile->leftovers = true; /* the pump takes it up */
            return false;
        }
    }
    return true;
}

enum status recompile_release(struct recompile *recompile, struct tenant *tenant,
                              const struct method_key *keys, size_t count, size_t *reverted,
                              struct error *error)
{
    struct method_batch released = {0}, kept = {0};
    enum status status = STATUS_OK;
    uint32_t generation;
    *reverted = 0;
    pthread_mutex_lock(&recompile->lock);
    const bool whole = drop_claims(recompile, bit_of(recompile, tenant), keys, count, &released,
                                   &kept, &generation);
    pthread_mutex_unlock(&recompile->lock);
    if (!whole)
        status = error_set(error, STATUS_MEMORY, "out of memory");
    *reverted = recompile_let_go(recompile, &released, generation);
    /* The others' changes alone: the runtime asks for the IL anew. */
    const HRESULT result = recompile_request(recompile, &kept);
    if (hresult_failed(result)) {
        char text[HRESULT_TEXT_BYTES];
        status = error_set(error, STATUS_TARGET, "the runtime refuses to recompile: %s",
                           hresult_text(result, text, sizeof(text)));
    }
    method_batch_release(&released);
    method_batch_release(&kept);
    return status;
}

/* ---- questions ---- */

enum status recompile_method_refusal(struct recompile *recompile, const struct module *module,
                                     uint32_t method, struct error *error)
{
    const uint32_t row = token_rid(method);
    (void)recompile;
    if (module->gone)
        return error_set(error, STATUS_NOT_FOUND, "its module has been unloaded");
    if (module->dynamic)
        return error_set(error, STATUS_UNSUPPORTED,
                         "it was made by Reflection.Emit: the runtime cannot recompile it");
    if (!module->image)
        return error_set(error, STATUS_UNSUPPORTED, "its module '%s' cannot be read: %s",
                         module->name, module->unreadable);
    if (module->collectible)
        return error_set(error, STATUS_UNSUPPORTED,
                         "its assembly is collectible: the runtime cannot recompile it");
    if (module->edit_and_continue)
        return error_set(
            error, STATUS_UNSUPPORTED,
            "its module '%s' is under hot reload: the runtime ignores requests to recompile there",
            module->name);
    if (!token_is(method, CLR_TABLE_MethodDef) || !metadata_token_exists(module->image, method))
        return error_set(error, STATUS_NOT_FOUND, "module '%s' has no method 0x%08x", module->name,
                         method);
    const uint32_t flags =
        metadata_cell(module->image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS);
    const uint32_t impl =
        metadata_cell(module->image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
    if (flags & mdAbstract)
        return error_set(error, STATUS_UNSUPPORTED, "it is abstract: it has no code of its own");
    if (flags & mdPinvokeImpl)
        return error_set(error, STATUS_UNSUPPORTED, "it is native code (P/Invoke)");
    if (!clr_method_has_il(flags, impl) ||
        metadata_cell(module->image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA) == 0)
        return error_set(error, STATUS_UNSUPPORTED, "its code is part of the runtime itself");
    return STATUS_OK;
}

void recompile_totals(struct recompile *recompile, struct recompile_totals *totals)
{
    size_t cursor = 0;
    *totals = (struct recompile_totals){0};
    pthread_mutex_lock(&recompile->lock);
    totals->methods = (uint32_t)recompile->methods.count;
    totals->failed = recompile->failed;
    totals->following = recompile->follow.count;
    for (struct method_entry *entry; (entry = method_table_next(&recompile->methods, &cursor));) {
        totals->claimed += entry->claims != 0;
        totals->compiled += entry->claims && entry->asked;
        totals->inliners += !entry->claims && entry->inliner;
        totals->reverting += entry->reverting;
    }
    pthread_mutex_unlock(&recompile->lock);
}
