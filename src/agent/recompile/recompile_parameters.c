/*
 * GetReJITParameters: the runtime asks for the IL of a method, on the thread that calls it.
 *
 * The body goes through the claiming tenants in the order in which they were added; what a
 * tenant refuses is left out. Nothing is locked while a tenant weaves.
 */
#include <stdlib.h>
#include <string.h>

#include "recompile_coverage.h"
#include "recompile_internal.h"

/* A body on its way, with the map from the original's offsets. */
struct chain {
    struct recompile_body body;
    struct buffer owned; /* behind body.il once a tenant has woven */
    struct recompile_il_map *map;
    size_t map_count;
    bool mapped;    /* every tenant so far gave a map */
    uint32_t woven; /* tenants whose change is in */
};

static void note_failure(struct recompile *recompile, struct method_key key, uint32_t tenants,
                         const char *reason)
{
    recompile_note(recompile, (struct note){.kind = NOTE_WEAVE_FAILED,
                                            .key = key,
                                            .claims = tenants,
                                            .reason = strdup(reason)});
}

/* Claims of the method; 0 where it is somebody's inliner, or nobody's any more. */
static uint32_t claims_of(struct recompile *recompile, struct method_key key)
{
    uint32_t claims = 0;
    pthread_mutex_lock(&recompile->lock);
    struct method_entry *entry = method_table_add(&recompile->methods, key);
    if (entry && entry->claims) {
        claims = entry->claims;
        entry->asked = true;
    } else if (entry) {
        entry->inliner = entry->asked = true;
        entry->generation = recompile->generation;
        if (!entry->sources)
            entry->sources = RECOMPILE_SOURCE_JIT;
        if (recompile->claimed == 0) {
            recompile->leftovers = true;
            recompile_note_locked(recompile, (struct note){.kind = NOTE_NOTHING});
        }
    }
    pthread_mutex_unlock(&recompile->lock);
    return claims;
}

static void take_map(struct chain *chain)
{
    if (!chain->mapped || !chain->body.map) {
        chain->mapped = false;
        free(chain->body.map);
        free(chain->map);
        chain->map = NULL;
        return;
    }
    if (!chain->woven) {
        chain->map = chain->body.map;
        chain->map_count = chain->body.map_count;
        return;
    }
    struct recompile_il_map *composed =
        recompile_map_compose(chain->map, chain->map_count, chain->body.map, chain->body.map_count);
    free(chain->map);
    free(chain->body.map);
    chain->map = composed;
    chain->mapped = composed != NULL;
}

static void weave_one(struct recompile *recompile, struct chain *chain, uint32_t index)
{
    struct tenant *tenant = recompile->tenants[index];
    struct error error;
    error_init(&error);
    buffer_init(&chain->body.out, 0);
    chain->body.map = NULL;
    chain->body.map_count = 0;
    const enum status status = tenant->weave(tenant->context, &chain->body, &error);
    if (status != STATUS_OK || buffer_failed(&chain->body.out) || !chain->body.out.length) {
        buffer_release(&chain->body.out);
        free(chain->body.map);
        note_failure(recompile, chain->body.key, 1u << index,
                     error.message[0] ? error.message : status_name(status));
        return;
    }
    take_map(chain);
    buffer_release(&chain->owned);
    chain->owned = chain->body.out;
    chain->body.il = chain->owned.data;
    chain->body.il_length = chain->owned.length;
    chain->woven |= 1u << index;
}

/* The map goes to the debugger's side of the runtime, which may be switched off: line numbers
 * of stack traces are then shifted, nothing else. */
static void install_map(struct chain *chain, struct ICorProfilerFunctionControl *control)
{
    if (!chain->mapped || !chain->map_count)
        return;
    struct COR_IL_MAP *entries = malloc(chain->map_count * sizeof(*entries));
    if (!entries)
        return;
    for (size_t i = 0; i < chain->map_count; i++) {
        entries[i] = (struct COR_IL_MAP){.oldOffset = chain->map[i].old_offset,
                                         .newOffset = chain->map[i].new_offset,
                                         .fAccurate = 1};
    }
    /* The runtime copies both the map and the body to its loader heap. */
    control->vtbl->SetILInstrumentedCodeMap(control, (uint32_t)chain->map_count, entries);
    free(entries);
}

static void install(struct recompile *recompile, struct chain *chain,
                    struct ICorProfilerFunctionControl *control)
{
    if (!chain->woven)
        return;
    const HRESULT result =
        control->vtbl->SetILFunctionBody(control, (uint32_t)chain->body.il_length, chain->body.il);
    if (hresult_failed(result)) {
        recompile_note(
            recompile,
            (struct note){.kind = NOTE_FAILED, .key = chain->body.key, .result = result});
        return;
    }
    install_map(chain, control);
}

static enum status prepare(struct recompile *recompile, struct chain *chain, struct error *error)
{
    const struct method_key key = chain->body.key;
    struct ICorProfilerInfo15 *info = recompile->info;
    struct module_entry *entry = modules_entry(&recompile->modules, key.module);
    uint32_t size = 0;
    if (!entry || !entry->public.image)
        return error_set(error, STATUS_UNSUPPORTED, "the method's module cannot be read");
    const enum status status = recompile_tokens(recompile, entry, &chain->body.tokens, error);
    if (status != STATUS_OK)
        return status;
    const HRESULT result =
        info->vtbl->GetILFunctionBody(info, key.module, key.method, &chain->body.il, &size);
    if (hresult_failed(result) || !chain->body.il) {
        char text[HRESULT_TEXT_BYTES];
        return error_set(error, STATUS_TARGET, "the runtime has no IL of it: %s",
                         hresult_text(result, text, sizeof(text)));
    }
    chain->body.il_length = size;
    chain->body.module = &entry->public;
    return STATUS_OK;
}

int32_t recompile_on_parameters(struct recompile *recompile, uint64_t module, uint32_t method,
                                struct ICorProfilerFunctionControl *control)
{
    struct chain chain = {.body.key = {.module = module, .method = method}, .mapped = true};
    struct error error;
    const uint32_t claims = claims_of(recompile, chain.body.key);
    if (!claims)
        return S_OK;
    error_init(&error);
    if (prepare(recompile, &chain, &error) != STATUS_OK) {
        note_failure(recompile, chain.body.key, claims, error.message);
        return S_OK;
    }
    for (uint32_t index = 0; index < RECOMPILE_TENANTS; index++) {
        if (claims & 1u << index)
            weave_one(recompile, &chain, index);
    }
    install(recompile, &chain, control);
    buffer_release(&chain.owned);
    free(chain.map);
    return S_OK;
}
