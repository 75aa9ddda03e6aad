/*
 * Methods that have lost their last claim.
 *
 * Where no claim is left at all, everything is reverted: first the methods, then the inliners
 * (so that no inliner is compiled again while its inlinee still carries a probe).
 *
 * Where other claims stay, a plain revert would be wrong: a method's own code may be from a
 * time before those claims and hold an inlined copy of a method that is claimed now; going back
 * to it would hide calls. So the methods released, and the inliners that were recompiled
 * since the oldest of them was claimed, are requested once more with their original IL, and are
 * reverted behind the last claim. (Until then no compiler inlines the methods: their IL counts
 * as changed.)
 */
#include "recompile_inliners.h"

static bool collect(struct recompile *recompile, struct method_batch *batch, uint32_t generation,
                    bool restored)
{
    size_t cursor = 0;
    for (struct method_entry *entry; (entry = method_table_next(&recompile->methods, &cursor));) {
        if (entry->claims || !entry->inliner || entry->restored != restored ||
            entry->generation < generation)
            continue;
        if (!method_batch_add(batch, entry->key))
            return false;
    }
    return true;
}

/* Inliners of a generation not older than `generation`, behind those that were claimed once:
 * inlinees stand first. Under the lock. */
static bool collect_inliners(struct recompile *recompile, struct method_batch *batch,
                             uint32_t generation)
{
    return collect(recompile, batch, generation, true) &&
           collect(recompile, batch, generation, false);
}

static size_t revert_all(struct recompile *recompile, struct method_batch *released)
{
    struct method_batch inliners = {0};
    size_t reverted = recompile_revert(recompile, released);
    pthread_mutex_lock(&recompile->lock);
    if (!collect_inliners(recompile, &inliners, 0))
        recompile->leftovers = true; /* the pump takes up the rest */
    pthread_mutex_unlock(&recompile->lock);
    recompile_inliners_left(recompile, &inliners);
    reverted += recompile_revert(recompile, &inliners);
    recompile->unresolved = false;
    recompile->inliners_refused = S_OK;
    method_batch_release(&inliners);
    return reverted;
}

static size_t request_again(struct recompile *recompile, struct method_batch *released,
                            uint32_t generation)
{
    struct method_batch inliners = {0};
    pthread_mutex_lock(&recompile->lock);
    collect_inliners(recompile, &inliners, generation);
    for (uint32_t i = 0; i < released->count; i++) {
        struct method_entry *entry =
            method_table_find(&recompile->methods, (struct method_key){
                                                       .module = released->modules[i],
                                                       .method = released->methods[i],
                                                   });
        if (entry && !entry->claims) {
            entry->inliner = entry->restored = true;
            entry->generation = recompile->generation;
        }
    }
    pthread_mutex_unlock(&recompile->lock);
    const HRESULT first = recompile_request(recompile, released);
    const HRESULT second = recompile_request(recompile, &inliners);
    size_t restored = 0;
    if (!hresult_failed(first))
        restored += released->count;
    else
        restored += recompile_revert(recompile, released);
    if (hresult_failed(second))
        recompile_revert(recompile, &inliners);
    method_batch_release(&inliners);
    return restored;
}

size_t recompile_let_go(struct recompile *recompile, struct method_batch *released,
                        uint32_t generation)
{
    recompile_cached_release(recompile, released);
    pthread_mutex_lock(&recompile->lock);
    const bool last = recompile->claimed == 0;
    pthread_mutex_unlock(&recompile->lock);
    return last ? revert_all(recompile, released) : request_again(recompile, released, generation);
}
