#include "recorder_kept.h"

#include <stdlib.h>

struct recorder_kept *kept_new(void)
{
    return calloc(1, sizeof(struct recorder_kept));
}

void kept_free(struct recorder_kept *kept)
{
    free(kept);
}

/* Never 0: sites count from 1 here. */
static uint64_t word_of(uint32_t site, int64_t key)
{
    return (uint64_t)(site + 1) << 32 | (uint32_t)key;
}

static uint64_t mix(uint64_t word)
{
    word *= 0x9e3779b97f4a7c15u;
    return word ^ word >> 29;
}

static _Atomic uint64_t *place(struct recorder_kept *kept, uint64_t hash, uint32_t step)
{
    return &kept->places[(hash + step) % KEPT_PLACES];
}

bool kept_has(struct recorder_kept *kept, uint32_t site, int64_t key)
{
    uint64_t word = word_of(site, key);
    uint64_t hash = mix(word);
    for (uint32_t step = 0; kept != NULL && step < KEPT_WINDOW; step++) {
        if (atomic_load(place(kept, hash, step)) == word) {
            return true;
        }
    }
    return false;
}

void kept_put(struct recorder_kept *kept, uint32_t site, int64_t key)
{
    uint64_t word = word_of(site, key);
    uint64_t hash = mix(word);
    if (kept == NULL || kept_has(kept, site, key)) {
        return;
    }
    for (uint32_t step = 0; step < KEPT_WINDOW; step++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(place(kept, hash, step), &none, word)) {
            return;
        }
    }
    atomic_fetch_add(&kept->missed, 1);
}

bool kept_take(struct recorder_kept *kept, uint32_t site, int64_t key)
{
    uint64_t word = word_of(site, key);
    uint64_t hash = mix(word);
    for (uint32_t step = 0; kept != NULL && step < KEPT_WINDOW; step++) {
        uint64_t there = word;
        if (atomic_load(place(kept, hash, step)) == word &&
            atomic_compare_exchange_strong(place(kept, hash, step), &there, 0)) {
            return true;
        }
    }
    return false;
}

void kept_note(struct recorder_kept *kept, uint32_t site, int64_t key)
{
    uint64_t word = word_of(site, key);
    if (kept != NULL) {
        atomic_store(&kept->notes[mix(word) % KEPT_NOTES], word);
    }
}

bool kept_noted(struct recorder_kept *kept, uint32_t site, int64_t key)
{
    uint64_t word = word_of(site, key);
    return kept != NULL &&
           atomic_compare_exchange_strong(&kept->notes[mix(word) % KEPT_NOTES], &word, 0);
}
