#include "recompile_cached.h"

#include <stdlib.h>

#include "recompile_internal.h"
#include "recompile_marks.h"

#define FIRST_SLOTS ((size_t)2048)
#define WINDOW      32 /* slots that a function may stand in, of each level */

/* A slot: 0 free; else a FunctionID (a pointer: its low bits are clear) and what was answered. A
 * slot is never freed again: the place of a function is the first of its slots that is free or
 * its own, and so the same for all threads. */
#define COMPILE  UINT64_C(1) /* the answer that stands there; else the image's code */
#define UNLOADED UINT64_C(2) /* the whole slot: was a function's */
#define LOW_BITS UINT64_C(7)

typedef _Atomic uint64_t answer_slot;

struct recompile_cached {
    struct marks marks;
    uint32_t levels;
    /* Level n has FIRST_SLOTS << n slots; allocated when level n-1 has no place for a function.
     * no_level: could not be. */
    _Atomic(answer_slot *) answers[RECOMPILE_CACHED_LEVELS];
    _Atomic uint64_t searched, compiled, duplicates, overflowed, bytes;
};

static answer_slot no_level;

/* ---- begin and end ---- */

enum status recompile_cached_begin(struct recompile *recompile, uint32_t levels,
                                   struct error *error)
{
    struct recompile_cached *cached = calloc(1, sizeof(*cached));
    if (!cached || !marks_init(&cached->marks)) {
        free(cached);
        return error_set(error, STATUS_MEMORY, "out of memory");
    }
    cached->levels = levels < RECOMPILE_CACHED_LEVELS ? levels : RECOMPILE_CACHED_LEVELS;
    recompile->cached = cached;
    return STATUS_OK;
}

void recompile_cached_end(struct recompile *recompile)
{
    struct recompile_cached *cached = recompile->cached;
    if (!cached)
        return;
    for (uint32_t i = 0; i < RECOMPILE_CACHED_LEVELS; i++) {
        answer_slot *slots = atomic_load(&cached->answers[i]);
        if (slots != &no_level)
            free((void *)slots);
    }
    marks_release(&cached->marks);
    free(cached);
    recompile->cached = NULL;
}

/* ---- marks: worker ---- */

enum status recompile_cached_add(struct recompile *recompile, const struct method_key *keys,
                                 size_t count, enum recompile_cached_why why)
{
    struct recompile_cached *cached = recompile->cached;
    return !cached || marks_add(&cached->marks, keys, count, why) ? STATUS_OK : STATUS_MEMORY;
}

void recompile_cached_remove(struct recompile *recompile, const struct method_key *keys,
                             size_t count, enum recompile_cached_why why)
{
    if (recompile->cached)
        marks_remove(&recompile->cached->marks, keys, count, why);
}

/* The batch as keys, malloc'd; NULL: none are needed, or out of memory. */
static struct method_key *keys_of(const struct recompile *recompile,
                                  const struct method_batch *batch)
{
    struct method_key *keys = NULL;
    if (recompile->cached && batch->count)
        keys = calloc(batch->count, sizeof(*keys));
    for (uint32_t i = 0; keys && i < batch->count; i++)
        keys[i] = (struct method_key){.module = batch->modules[i], .method = batch->methods[i]};
    return keys;
}

/* Out of memory: the methods are requested all the same, and once that has been done they are
 * not looked up any more. */
void recompile_cached_claim(struct recompile *recompile, const struct method_batch *batch)
{
    struct method_key *keys = keys_of(recompile, batch);
    if (keys)
        recompile_cached_add(recompile, keys, batch->count, RECOMPILE_CACHED_CLAIM);
    free(keys);
}

void recompile_cached_release(struct recompile *recompile, const struct method_batch *batch)
{
    struct method_key *keys = keys_of(recompile, batch);
    if (keys)
        recompile_cached_remove(recompile, keys, batch->count, RECOMPILE_CACHED_CLAIM);
    free(keys);
}

bool recompile_cached_marked(const struct recompile *recompile, struct method_key key)
{
    return recompile->cached && marks_has(&recompile->cached->marks, key);
}

void recompile_cached_forget(struct recompile *recompile, uint64_t module)
{
    if (recompile->cached)
        marks_forget(&recompile->cached->marks, module);
}

/* ---- answers: any thread ---- */

/* True: the image's code holds something that is to be seen. */
static bool marked(struct recompile *recompile, uint64_t function, bool frozen)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    struct marks *marks = &recompile->cached->marks;
    ClassID class_id = 0;
    ModuleID module = 0;
    mdToken token = 0;
    if (hresult_failed(info->vtbl->GetFunctionInfo(info, function, &class_id, &module, &token)))
        return false;
    const struct method_key key = {.module = module, .method = token};
    return frozen ? marks_has_frozen(marks, key) : marks_has(marks, key);
}

/* The level's slots, made by whoever needs them first; NULL: there are none, and never will be. */
static answer_slot *level_of(struct recompile_cached *cached, uint32_t level)
{
    answer_slot *slots = atomic_load_explicit(&cached->answers[level], memory_order_acquire);
    if (!slots) {
        const size_t bytes = (FIRST_SLOTS << level) * sizeof(answer_slot);
        answer_slot *fresh = calloc(1, bytes);
        answer_slot *ours = fresh ? fresh : &no_level;
        if (atomic_compare_exchange_strong(&cached->answers[level], &slots, ours)) {
            slots = ours;
            atomic_fetch_add_explicit(&cached->bytes, fresh ? bytes : 0, memory_order_relaxed);
        } else {
            free((void *)fresh);
        }
    }
    return slots == &no_level ? NULL : slots;
}

/* The slot that is the function's or free for it, and what stands in it; NULL: its window of
 * this level is full. */
static answer_slot *place_in(answer_slot *slots, size_t count, uint64_t function, uint64_t *stands)
{
    const size_t home = (size_t)map_hash(function);
    for (size_t i = 0; i < WINDOW; i++) {
        answer_slot *slot = &slots[(home + i) & (count - 1)];
        *stands = atomic_load_explicit(slot, memory_order_relaxed);
        if (*stands == 0 || (*stands & ~LOW_BITS) == function)
            return slot;
    }
    return NULL;
}

static bool storable(uint64_t function)
{
    return function && !(function & LOW_BITS);
}

static answer_slot *place_of(struct recompile_cached *cached, uint64_t function, uint64_t *stands)
{
    for (uint32_t level = 0; level < cached->levels && storable(function); level++) {
        answer_slot *slots = level_of(cached, level);
        answer_slot *slot = slots ? place_in(slots, FIRST_SLOTS << level, function, stands) : NULL;
        if (slot || !slots)
            return slot;
    }
    return NULL;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* What stands in the function's slot from now on: ours, or that of a thread that was faster. False:
 * another function took the slot. */
static bool settle(struct recompile_cached *cached, answer_slot *slot, uint64_t ours,
                   uint64_t *stands)
{
    *stands = 0;
    if (atomic_compare_exchange_strong(slot, stands, ours)) {
        *stands = ours;
        count(&cached->searched);
        if (ours & COMPILE)
            count(&cached->compiled);
        return true;
    }
    if ((*stands & ~LOW_BITS) != (ours & ~LOW_BITS))
        return false;
    count(&cached->duplicates);
    return true;
}

bool recompile_on_search(struct recompile *recompile, uint64_t function)
{
    struct recompile_cached *cached = recompile->cached;
    uint64_t stands = 0, ours = 0;
    if (!cached)
        return true;
    for (;;) {
        answer_slot *slot = place_of(cached, function, &stands);
        if (!slot) {
            count(&cached->overflowed);
            return !marked(recompile, function, true);
        }
        if (stands) {
            count(&cached->duplicates);
            return !(stands & COMPILE);
        }
        if (!ours)
            ours = function | (marked(recompile, function, false) ? COMPILE : 0);
        if (settle(cached, slot, ours, &stands))
            return !(stands & COMPILE);
    }
}

void recompile_on_function_unloading(struct recompile *recompile, uint64_t function)
{
    struct recompile_cached *cached = recompile->cached;
    uint64_t stands = 0;
    if (!cached || !storable(function))
        return;
    for (uint32_t level = 0; level < cached->levels; level++) {
        answer_slot *slots = atomic_load_explicit(&cached->answers[level], memory_order_acquire);
        if (!slots || slots == &no_level)
            return;
        answer_slot *slot = place_in(slots, FIRST_SLOTS << level, function, &stands);
        if (slot && stands)
            atomic_store_explicit(slot, UNLOADED, memory_order_relaxed);
        if (slot)
            return;
    }
}

/* ---- figures ---- */

void recompile_cached_figures(const struct recompile *recompile,
                              struct recompile_cached_figures *figures)
{
    struct recompile_cached *cached = recompile->cached;
    *figures = (struct recompile_cached_figures){.begun = cached != NULL};
    if (!cached)
        return;
    figures->marked = marks_count(&cached->marks);
    figures->searched = atomic_load(&cached->searched);
    figures->compiled = atomic_load(&cached->compiled);
    figures->duplicates = atomic_load(&cached->duplicates);
    figures->overflowed = atomic_load(&cached->overflowed);
    figures->bytes = sizeof(*cached) + marks_bytes(&cached->marks) + atomic_load(&cached->bytes);
    figures->waits = atomic_load(&recompile->waits);
    figures->longest_ns = atomic_load(&recompile->longest_wait);
    figures->late = atomic_load(&recompile->late);
}
