#include "recorder_table.h"

#include <stdlib.h>

#define FIRST_SLOTS 64u
#define WANTED_NEAR 16u /* places that a key may stand in */

static size_t hash(uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 32);
}

const void *recorder_table_find(struct recorder_table *table, uint64_t key)
{
    struct recorder_table_slots *slots = atomic_load_explicit(&table->slots, memory_order_acquire);
    if (slots == NULL) {
        return NULL;
    }
    size_t at = hash(key);
    for (size_t tries = 0; tries <= slots->mask; tries++, at++) {
        const uint64_t *entry =
            atomic_load_explicit(&slots->entries[at & slots->mask], memory_order_acquire);
        if (entry == NULL) {
            return NULL;
        }
        if (*entry == key) {
            return entry;
        }
    }
    return NULL;
}

static void put(struct recorder_table_slots *slots, const uint64_t *entry)
{
    size_t at = hash(*entry);
    while (atomic_load_explicit(&slots->entries[at & slots->mask], memory_order_relaxed) != NULL) {
        at++;
    }
    atomic_store_explicit(&slots->entries[at & slots->mask], entry, memory_order_release);
}

static struct recorder_table_slots *grow(struct recorder_table *table,
                                         struct recorder_table_slots *old)
{
    size_t count = old == NULL ? FIRST_SLOTS : 2 * (old->mask + 1);
    size_t bytes = sizeof(struct recorder_table_slots) + count * sizeof(old->entries[0]);
    struct recorder_table_slots *slots = calloc(1, bytes);
    if (slots == NULL) {
        return NULL;
    }
    slots->mask = count - 1;
    slots->older = old;
    for (size_t i = 0; old != NULL && i <= old->mask; i++) {
        const uint64_t *entry = atomic_load_explicit(&old->entries[i], memory_order_relaxed);
        if (entry != NULL) {
            put(slots, entry);
        }
    }
    table->bytes += bytes;
    atomic_store_explicit(&table->slots, slots, memory_order_release);
    return slots;
}

bool recorder_table_add(struct recorder_table *table, const void *entry)
{
    struct recorder_table_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    if (slots == NULL || table->count * 2 > slots->mask) {
        slots = grow(table, slots);
        if (slots == NULL) {
            return false;
        }
    }
    put(slots, entry);
    table->count++;
    return true;
}

bool recorder_table_replace(struct recorder_table *table, const void *entry)
{
    struct recorder_table_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    const uint64_t *key = entry;
    size_t at = hash(*key);
    for (size_t tries = 0; slots != NULL && tries <= slots->mask; tries++, at++) {
        _Atomic(const uint64_t *) *place = &slots->entries[at & slots->mask];
        const uint64_t *there = atomic_load_explicit(place, memory_order_relaxed);
        if (there == NULL) {
            return false;
        }
        if (*there == *key) {
            atomic_store_explicit(place, key, memory_order_release);
            return true;
        }
    }
    return false;
}

void recorder_table_empty(struct recorder_table *table)
{
    struct recorder_table_slots *slots = atomic_exchange(&table->slots, NULL);
    for (size_t i = 0; slots != NULL && i <= slots->mask; i++) {
        free((void *)(uintptr_t)atomic_load_explicit(&slots->entries[i], memory_order_relaxed));
    }
    while (slots != NULL) {
        struct recorder_table_slots *older = slots->older;
        free(slots);
        slots = older;
    }
    table->count = table->bytes = 0;
}

void recorder_wanted_put(struct recorder_wanted *wanted, uint64_t key)
{
    size_t at = hash(key);
    for (size_t i = 0; i < WANTED_NEAR; i++, at++) {
        _Atomic uint64_t *place = &wanted->keys[at % RECORDER_WANTED];
        uint64_t there = atomic_load_explicit(place, memory_order_relaxed);
        if (there == 0 && atomic_compare_exchange_strong(place, &there, key)) {
            atomic_fetch_add_explicit(&wanted->count, 1, memory_order_release);
            return;
        }
        if (there == key) {
            return;
        }
    }
}

bool recorder_wanted_take(struct recorder_wanted *wanted, uint64_t *key)
{
    if (atomic_load_explicit(&wanted->count, memory_order_acquire) == 0) {
        return false;
    }
    for (size_t i = 0; i < RECORDER_WANTED; i++) {
        uint64_t there = atomic_load_explicit(&wanted->keys[i], memory_order_relaxed);
        if (there != 0) {
            atomic_store_explicit(&wanted->keys[i], 0, memory_order_relaxed);
            atomic_fetch_sub_explicit(&wanted->count, 1, memory_order_relaxed);
            *key = there;
            return true;
        }
    }
    return false;
}
