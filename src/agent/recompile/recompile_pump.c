/* The worker's side of the callbacks: modules, results, late inliners, open reverts. */
#include <stdlib.h>
#include <unistd.h>

#include "base_clock.h"
#include "recompile_inliners.h"

#define READ_AGAIN_NS UINT64_C(100000000) /* not oftener, however many modules are loaded */

/* ---- modules ---- */

static void announce(struct recompile *recompile, struct module_entry *entry)
{
    if (entry->announced)
        return;
    entry->announced = true;
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (tenant->module_loaded)
            tenant->module_loaded(tenant->context, &entry->public);
    }
}

static void add_module(struct recompile *recompile, uint64_t id)
{
    struct module_entry *entry = NULL;
    pthread_mutex_lock(&recompile->modules.collect);
    if (!map_has(&recompile->modules.leaving, id))
        entry = modules_add(&recompile->modules, recompile->info, id);
    pthread_mutex_unlock(&recompile->modules.collect);
    if (!entry)
        return;
    recompile_inliners_loaded(recompile, entry);
    announce(recompile, entry);
    pthread_mutex_lock(&recompile->modules.collect);
    if (!map_has(&recompile->modules.leaving, id))
        atomic_store(&entry->filed, true);
    pthread_mutex_unlock(&recompile->modules.collect);
    recompile_tell_filed(recompile);
}

static void module_late(struct recompile *recompile, uint64_t id)
{
    struct module_entry *entry = modules_entry(&recompile->modules, id);
    if (!entry)
        return;
    entry->public.late = true;
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (tenant->module_late)
            tenant->module_late(tenant->context, &entry->public);
    }
}

/* Modules that were there before us. */
static void enumerate(struct recompile *recompile)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    struct ICorProfilerModuleEnum *modules = NULL;
    ModuleID ids[64];
    uint32_t got = 0;
    const HRESULT result = info->vtbl->EnumModules(info, &modules);
    if (hresult_failed(result) || !modules)
        return; /* too early in the start: the load callbacks tell all */
    memory_map_read(&recompile->modules.memory, NULL);
    while (!hresult_failed(modules->vtbl->Next(modules, 64, ids, &got)) && got > 0) {
        for (uint32_t i = 0; i < got && i < 64; i++)
            add_module(recompile, ids[i]);
    }
    modules->vtbl->Release(modules);
    memory_map_release(&recompile->modules.memory);
    recompile->enumerated = true;
}

/* ---- modules that could not be read ---- */

static struct module_entry *read_again(struct recompile *recompile, struct module_entry *entry)
{
    struct module_entry *fresh = NULL;
    pthread_mutex_lock(&recompile->modules.collect);
    if (!map_has(&recompile->modules.leaving, entry->public.id))
        fresh = modules_read_again(&recompile->modules, recompile->info, entry);
    pthread_mutex_unlock(&recompile->modules.collect);
    return fresh;
}

void recompile_read_again(struct recompile *recompile)
{
    struct modules *modules = &recompile->modules;
    if (modules->unread == 0)
        return;
    modules->asked_again = clock_monotonic();
    memory_map_release(&modules->memory);
    for (uint32_t i = 0; modules->unread > 0 && i < modules->count;) {
        struct module_entry *entry = modules->entries[i];
        if (!entry->public.unread || !read_again(recompile, entry))
            i++;
        else
            add_module(recompile, entry->public.id); /* stands at the end now */
    }
}

static void read_again_at_load(struct recompile *recompile)
{
    if (clock_monotonic() - recompile->modules.asked_again > READ_AGAIN_NS)
        recompile_read_again(recompile);
}

static void remove_module(struct recompile *recompile, uint64_t id)
{
    /* Its id may be used again from now on. */
    pthread_mutex_lock(&recompile->modules.collect);
    map_remove(&recompile->modules.leaving, id);
    pthread_mutex_unlock(&recompile->modules.collect);
    struct module_entry *entry = modules_entry(&recompile->modules, id);
    if (!entry)
        return;
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (entry->announced && tenant->module_unloading)
            tenant->module_unloading(tenant->context, &entry->public);
    }
    pthread_mutex_lock(&recompile->emit);
    recompile_tokens_free(entry->tokens);
    entry->tokens = NULL;
    pthread_mutex_unlock(&recompile->emit);
    modules_forget(&recompile->modules, entry);
    recompile_cached_forget(recompile, id);
    /* Its methods went with it. */
    pthread_mutex_lock(&recompile->lock);
    size_t cursor = 0;
    for (struct method_entry *method; (method = method_table_next(&recompile->methods, &cursor));) {
        if (method->key.module == id) {
            recompile->claimed -= method->claims != 0;
            recompile->leftovers = true;
            method_table_remove(&recompile->methods, method->key);
            cursor = 0;
        }
    }
    pthread_mutex_unlock(&recompile->lock);
}

/* ---- methods ---- */

/* Takes `claims` away from a method; *orphan: none is left, and *generation says how old the
 * oldest was. */
static uint32_t drop_claims(struct recompile *recompile, struct method_key key, uint32_t claims,
                            bool *orphan, uint32_t *generation)
{
    *orphan = false;
    *generation = 0;
    pthread_mutex_lock(&recompile->lock);
    struct method_entry *entry = method_table_find(&recompile->methods, key);
    const uint32_t dropped = entry ? entry->claims & claims : 0;
    if (dropped) {
        recompile->failed++;
        entry->claims &= ~dropped;
        if (!entry->claims) {
            recompile->claimed--;
            recompile->leftovers = true;
            *orphan = true;
            *generation = entry->generation;
        }
    }
    pthread_mutex_unlock(&recompile->lock);
    return dropped;
}

static void fail(struct recompile *recompile, struct method_key key, uint32_t claims,
                 const char *reason)
{
    bool orphan;
    uint32_t generation;
    const uint32_t dropped = drop_claims(recompile, key, claims, &orphan, &generation);
    if (orphan) {
        struct method_batch batch = {0};
        if (method_batch_add(&batch, key))
            recompile_let_go(recompile, &batch, generation);
        method_batch_release(&batch);
    }
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (dropped & 1u << i && tenant->failed)
            tenant->failed(tenant->context, key, reason);
    }
}

static void fail_by_runtime(struct recompile *recompile, struct method_key key, HRESULT result)
{
    char text[HRESULT_TEXT_BYTES];
    struct error error;
    error_set(&error, STATUS_TARGET, "the runtime refused the rewritten method: %s",
              hresult_text(result, text, sizeof(text)));
    fail(recompile, key, UINT32_MAX, error.message);
}

static void tell_compiled(struct recompile *recompile, struct method_key key)
{
    pthread_mutex_lock(&recompile->lock);
    const struct method_entry *entry = method_table_find(&recompile->methods, key);
    const uint32_t claims = entry ? entry->claims : 0;
    pthread_mutex_unlock(&recompile->lock);
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (claims & 1u << i && tenant->compiled)
            tenant->compiled(tenant->context, key);
    }
}

/* Inliners that came when nothing was claimed any more, and reverts that were refused. */
static void revert_leftovers(struct recompile *recompile)
{
    struct method_batch batch = {0};
    pthread_mutex_lock(&recompile->lock);
    size_t cursor = recompile->leftovers ? 0 : recompile->methods.capacity;
    recompile->leftovers = false;
    for (struct method_entry *entry; (entry = method_table_next(&recompile->methods, &cursor));) {
        const bool late = entry->inliner && recompile->claimed == 0;
        if (!entry->claims && (late || entry->reverting) && !method_batch_add(&batch, entry->key)) {
            recompile->leftovers = true;
            break;
        }
    }
    pthread_mutex_unlock(&recompile->lock);
    recompile_revert(recompile, &batch);
    method_batch_release(&batch);
}

bool recompile_reverts_open(struct recompile *recompile)
{
    pthread_mutex_lock(&recompile->lock);
    const bool open = recompile->leftovers;
    pthread_mutex_unlock(&recompile->lock);
    return open;
}

/* ---- the pump ---- */

static void work_off(struct recompile *recompile, struct note *note)
{
    switch (note->kind) {
    case NOTE_MODULE_LOADED:
        /* What was readable before it was loaded tells nothing of it. */
        memory_map_release(&recompile->modules.memory);
        add_module(recompile, note->key.module);
        read_again_at_load(recompile);
        break;
    case NOTE_MODULE_UNLOADING:
        remove_module(recompile, note->key.module);
        break;
    case NOTE_MODULE_LATE:
        module_late(recompile, note->key.module);
        break;
    case NOTE_COMPILED:
        tell_compiled(recompile, note->key);
        break;
    case NOTE_FAILED:
        fail_by_runtime(recompile, note->key, note->result);
        break;
    case NOTE_WEAVE_FAILED:
        fail(recompile, note->key, note->claims, note->reason ? note->reason : "out of memory");
        break;
    case NOTE_NOTHING:
        break;
    }
    free(note->reason);
}

void recompile_pump(struct recompile *recompile)
{
    uint64_t ignored;
    if (read(recompile->event, &ignored, sizeof(ignored)) < 0)
        ignored = 0; /* nothing was pending: called without need */
    if (!recompile->enumerated)
        enumerate(recompile);
    for (;;) {
        pthread_mutex_lock(&recompile->lock);
        struct notes notes = recompile->notes;
        recompile->notes = (struct notes){0};
        pthread_mutex_unlock(&recompile->lock);
        if (notes.lost)
            enumerate(recompile);
        for (size_t i = 0; i < notes.count; i++)
            work_off(recompile, &notes.list[i]);
        free(notes.list);
        recompile_tell_filed(recompile);
        if (!notes.count)
            break;
    }
    revert_leftovers(recompile);
    recompile_found_drop(recompile);
    if (recompile_follow(recompile))
        recompile_note(recompile, (struct note){.kind = NOTE_NOTHING});
}
