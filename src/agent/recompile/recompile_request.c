/* Requests to the runtime, in batches. Worker thread, no lock held: the runtime may call back
 * from inside (ReJITError). */
#include <stdlib.h>

#include "base_clock.h"
#include "recompile_internal.h"

#define PART           4096u /* methods in one call to the runtime: some 20 ms of work */
#define FOLLOW_AT_ONCE 32
#define FOLLOW_NS      UINT64_C(10000000) /* then the worker looks at its sockets again */

static void breathe(struct recompile *recompile)
{
    for (uint32_t i = 0; i < recompile->tenant_count; i++) {
        struct tenant *tenant = recompile->tenants[i];
        if (tenant->breathe)
            tenant->breathe(tenant->context);
    }
}

/* How many methods from `at` on are asked for in one call. */
static uint32_t part_at(const struct method_batch *batch, uint32_t at)
{
    return batch->count - at < PART ? batch->count - at : PART;
}

/* Refused in the middle: what was requested before has no claim soon, and is given its original
 * IL where the runtime asks for it. */
HRESULT recompile_request(struct recompile *recompile, struct method_batch *batch)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    HRESULT result = S_OK;
    for (uint32_t at = 0; at < batch->count && !hresult_failed(result); at += PART) {
        if (at > 0)
            breathe(recompile);
        result = info->vtbl->RequestReJIT(info, part_at(batch, at), batch->modules + at,
                                          batch->methods + at);
    }
    return result;
}

static HRESULT request_with_inliners(struct recompile *recompile, struct method_batch *batch)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    if (batch->count == 0)
        return S_OK;
    return info->vtbl->RequestReJITWithInliners(
        info, COR_PRF_REJIT_BLOCK_INLINING | COR_PRF_REJIT_INLINING_CALLBACKS, batch->count,
        batch->modules, batch->methods);
}

/* Puts the methods in line; those that found no memory there are not followed. */
static void line_up(struct recompile *recompile, const struct method_batch *batch)
{
    pthread_mutex_lock(&recompile->lock);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct method_key key = {.module = batch->modules[i], .method = batch->methods[i]};
        struct method_entry *entry = method_table_find(&recompile->methods, key);
        if (entry && !entry->following)
            entry->following = method_batch_add(&recompile->follow, key);
    }
    recompile_note_locked(recompile, (struct note){.kind = NOTE_NOTHING});
    pthread_mutex_unlock(&recompile->lock);
}

HRESULT recompile_request_claim(struct recompile *recompile, struct method_batch *batch)
{
    if (!recompile->follows)
        return recompile_request(recompile, batch);
    if (batch->count <= FOLLOW_AT_ONCE)
        return request_with_inliners(recompile, batch);
    const uint64_t start = clock_monotonic();
    const HRESULT result = recompile_request(recompile, batch);
    recompile->pace = (struct recompile_pace){batch->count, clock_monotonic() - start, 0};
    if (!hresult_failed(result))
        line_up(recompile, batch);
    return result;
}

bool recompile_take_pace(struct recompile *recompile, struct recompile_pace *pace)
{
    const bool ready = recompile->pace_ready;
    recompile->pace_ready = false;
    *pace = recompile->pace;
    return ready;
}

/* Takes the next few methods out of the line that are claimed still. */
static void take_some(struct recompile *recompile, struct method_batch *some)
{
    pthread_mutex_lock(&recompile->lock);
    struct method_batch *line = &recompile->follow;
    while (line->count && some->count < FOLLOW_AT_ONCE) {
        line->count--;
        const struct method_key key = {.module = line->modules[line->count],
                                       .method = line->methods[line->count]};
        struct method_entry *entry = method_table_find(&recompile->methods, key);
        if (entry)
            entry->following = false;
        if (entry && entry->claims && !method_batch_add(some, key))
            break;
    }
    if (!line->count)
        method_batch_release(line);
    pthread_mutex_unlock(&recompile->lock);
}

bool recompile_follow(struct recompile *recompile)
{
    const uint64_t start = clock_monotonic();
    const uint64_t end = start + FOLLOW_NS;
    struct method_batch some = {0};
    bool more = true, any = false;
    while (more && clock_monotonic() < end) {
        some.count = 0;
        take_some(recompile, &some);
        more = some.count != 0;
        any = any || more;
        /* Refused: the methods themselves are requested already, only copies go unseen. */
        request_with_inliners(recompile, &some);
    }
    method_batch_release(&some);
    recompile->pace.follow_ns += clock_monotonic() - start;
    recompile->pace_ready = recompile->pace_ready || (any && !more);
    return more;
}

/* One method after its revert was asked for. True: it runs its own code. */
static bool settle(struct recompile *recompile, struct method_key key, HRESULT result)
{
    struct method_entry *entry = method_table_find(&recompile->methods, key);
    if (hresult_failed(result)) {
        if (entry && !entry->claims)
            entry->reverting = recompile->leftovers = true;
        return false;
    }
    if (entry && !entry->claims)
        method_table_remove(&recompile->methods, key);
    return true;
}

static size_t revert_part(struct recompile *recompile, struct method_batch *batch, uint32_t at,
                          HRESULT *results)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    const uint32_t count = part_at(batch, at);
    size_t reverted = 0;
    HRESULT whole = E_OUTOFMEMORY;
    if (results)
        whole = info->vtbl->RequestRevert(info, count, batch->modules + at, batch->methods + at,
                                          results);
    pthread_mutex_lock(&recompile->lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct method_key key = {.module = batch->modules[at + i],
                                       .method = batch->methods[at + i]};
        reverted += settle(recompile, key, hresult_failed(whole) ? whole : results[i]);
    }
    pthread_mutex_unlock(&recompile->lock);
    return reverted;
}

size_t recompile_revert(struct recompile *recompile, struct method_batch *batch)
{
    size_t reverted = 0;
    if (batch->count == 0)
        return 0;
    HRESULT *results = calloc(part_at(batch, 0), sizeof(*results));
    for (uint32_t at = 0; at < batch->count; at += PART) {
        if (at > 0)
            breathe(recompile);
        reverted += revert_part(recompile, batch, at, results);
    }
    free(results);
    return reverted;
}
