/*
 * Inliners are requested even where they stand in the table of methods already: the code that an
 * earlier request gave them was compiled before this claim, and may hold a copy.
 */
#include "recompile_inliners.h"

#include <stdlib.h>

bool gather(void *context, const struct search_hit *hit)
{
    struct gathered *gathered = context;
    struct method_entry *entry = method_table_add(&gathered->methods, hit->inliner);
    if (entry)
        entry->sources |= (uint8_t)hit->source;
    gathered->memory = gathered->memory || !entry;
    return entry != NULL;
}

/* Puts them into the table of methods; those that carry a claim are recompiled anyway. */
static bool note_inliners(struct recompile *recompile, const struct method_table *found,
                          struct method_batch *batch)
{
    size_t cursor = 0;
    bool whole = true;
    pthread_mutex_lock(&recompile->lock);
    for (struct method_entry *one; (one = method_table_next(found, &cursor)) && whole;) {
        struct method_entry *entry = method_table_add(&recompile->methods, one->key);
        whole = entry && (entry->claims || method_batch_add(batch, one->key));
        if (!entry || entry->claims)
            continue;
        entry->inliner = true;
        entry->asked = entry->reverting = entry->restored = false;
        entry->sources |= one->sources;
        entry->generation = recompile->generation;
    }
    pthread_mutex_unlock(&recompile->lock);
    return whole;
}

static struct method_key *keys_of(const struct method_batch *batch)
{
    struct method_key *keys = calloc(batch->count ? batch->count : 1, sizeof(*keys));
    for (uint32_t i = 0; keys && i < batch->count; i++)
        keys[i] = (struct method_key){.module = batch->modules[i], .method = batch->methods[i]};
    return keys;
}

static void request(struct recompile *recompile, const struct gathered *gathered)
{
    struct method_batch batch = {0};
    bool whole = note_inliners(recompile, &gathered->methods, &batch) && !gathered->memory;
    struct method_key *keys = keys_of(&batch);
    if (keys && batch.count)
        whole = recompile_cached_add(recompile, keys, batch.count, RECOMPILE_CACHED_INLINER) ==
                    STATUS_OK &&
                whole;
    const HRESULT result = recompile_request(recompile, &batch);
    if (hresult_failed(result))
        recompile->inliners_refused = result;
    if (!whole || !keys)
        recompile->inliners_refused = E_OUTOFMEMORY;
    free(keys);
    method_batch_release(&batch);
}

static bool any_pending(const struct recompile_gaps *gaps)
{
    for (uint32_t i = 0; i < gaps->count; i++) {
        if (gaps->list[i].kind == RECOMPILE_GAP_PENDING)
            return true;
    }
    return false;
}

void recompile_found_drop(struct recompile *recompile)
{
    if (!recompile->found)
        return;
    method_table_release(&recompile->found->methods);
    recompile_gaps_release(&recompile->found->gaps);
    free(recompile->found);
    recompile->found = NULL;
}

/* Takes over what was found, or frees it. */
static void keep(struct recompile *recompile, struct gathered *gathered,
                 struct recompile_gaps *gaps, uint32_t claimed)
{
    struct recompile_found *found = gathered->memory ? NULL : malloc(sizeof(*found));
    if (!found) {
        method_table_release(&gathered->methods);
        recompile_gaps_release(gaps);
        return;
    }
    *found = (struct recompile_found){.methods = gathered->methods,
                                      .gaps = *gaps,
                                      .generation = recompile->generation,
                                      .claimed = claimed};
    recompile->found = found;
}

static void look(struct recompile *recompile, const struct method_batch *methods,
                 const struct module_entry *only)
{
    struct gathered gathered = {0};
    struct recompile_gaps gaps = {0};
    recompile_found_drop(recompile);
    struct search search;
    if (search_init(&search, recompile, methods, gather, &gathered, NULL) != STATUS_OK) {
        recompile->inliners_refused = E_OUTOFMEMORY;
        return;
    }
    search.gaps = &gaps;
    gathered.memory = search_run(&search, only, NULL) != STATUS_OK || gathered.memory;
    recompile->unresolved = recompile->unresolved || any_pending(&gaps);
    search_release(&search);
    request(recompile, &gathered);
    keep(recompile, &gathered, &gaps, only ? 0 : methods->count);
}

void recompile_inliners_claimed(struct recompile *recompile, const struct method_batch *claimed)
{
    if (claimed->count)
        look(recompile, claimed, NULL);
}

static bool all_claimed(struct recompile *recompile, struct method_batch *batch)
{
    bool whole = true;
    size_t cursor = 0;
    pthread_mutex_lock(&recompile->lock);
    for (struct method_entry *entry;
         whole && (entry = method_table_next(&recompile->methods, &cursor));)
        whole = !entry->claims || method_batch_add(batch, entry->key);
    pthread_mutex_unlock(&recompile->lock);
    return whole;
}

void recompile_inliners_loaded(struct recompile *recompile, const struct module_entry *entry)
{
    struct method_batch batch = {0};
    if (!recompile->claimed)
        return; /* the worker alone adds claims */
    if (!all_claimed(recompile, &batch))
        recompile->inliners_refused = E_OUTOFMEMORY;
    /* Where an image named an assembly that was not loaded, this may be the one. */
    const bool everywhere = recompile->unresolved;
    recompile->unresolved = false;
    if (batch.count)
        look(recompile, &batch, everywhere ? NULL : entry);
    method_batch_release(&batch);
}

void recompile_inliners_left(struct recompile *recompile, const struct method_batch *inliners)
{
    struct method_key *keys = keys_of(inliners);
    if (keys && inliners->count)
        recompile_cached_remove(recompile, keys, inliners->count, RECOMPILE_CACHED_INLINER);
    free(keys);
}
