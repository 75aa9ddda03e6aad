/* Requests to the runtime, in batches. Worker thread, no lock held: the runtime may call back
 * from inside (ReJITError). */
#include <stdlib.h>

#include "recompile_internal.h"

HRESULT recompile_request(struct recompile *recompile, struct method_batch *batch, bool inliners)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    if (batch->count == 0)
        return S_OK;
    if (inliners && recompile->follows) {
        return info->vtbl->RequestReJITWithInliners(
            info, COR_PRF_REJIT_BLOCK_INLINING | COR_PRF_REJIT_INLINING_CALLBACKS, batch->count,
            batch->modules, batch->methods);
    }
    return info->vtbl->RequestReJIT(info, batch->count, batch->modules, batch->methods);
}

/* One method after its revert was asked for. True: it runs its own code. */
static bool settle(struct recompile *recompile, struct method_key key, HRESULT result)
{
    struct method_entry *entry = method_table_find(&recompile->methods, key);
    if (hresult_failed(result)) {
        if (entry && !entry->claims)
            entry->reverting = true;
        return false;
    }
    if (entry && !entry->claims)
        method_table_remove(&recompile->methods, key);
    return true;
}

size_t recompile_revert(struct recompile *recompile, struct method_batch *batch)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    size_t reverted = 0;
    if (batch->count == 0)
        return 0;
    HRESULT *results = calloc(batch->count, sizeof(*results));
    HRESULT whole = E_OUTOFMEMORY;
    if (results)
        whole =
            info->vtbl->RequestRevert(info, batch->count, batch->modules, batch->methods, results);
    pthread_mutex_lock(&recompile->lock);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct method_key key = {.module = batch->modules[i], .method = batch->methods[i]};
        reverted += settle(recompile, key, hresult_failed(whole) ? whole : results[i]);
    }
    pthread_mutex_unlock(&recompile->lock);
    free(results);
    return reverted;
}
