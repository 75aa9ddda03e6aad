/*
 * recorder_table: a map from 64-bit keys to immutable entries that readers use without a lock.
 *
 * An entry is a block whose first 8 bytes are its key (not 0). Open addressing over atomic
 * pointers; entries are only ever added, until all go at once. When the table gets full a bigger
 * one is published, and the old one is kept, because a reader may be in it: all old ones together
 * are no bigger than the newest. Writers hold a lock of their own.
 */
#ifndef RECORDER_TABLE_H
#define RECORDER_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorder_table_slots {
    struct recorder_table_slots *older; /* kept for readers that are still in it */
    size_t mask;
    _Atomic(const uint64_t *) entries[];
};

struct recorder_table {
    _Atomic(struct recorder_table_slots *) slots; /* NULL: empty */
    size_t count;
    size_t bytes; /* of all tables ever published */
};

/* Any thread. NULL: not there. */
const void *recorder_table_find(struct recorder_table *table, uint64_t key);
/* One writer at a time; the key must not be there yet. False: out of memory. */
bool recorder_table_add(struct recorder_table *table, const void *entry);
/* One writer at a time: puts the entry in the place of the one with its key; readers may still
 * hold that. False: there is none. */
bool recorder_table_replace(struct recorder_table *table, const void *entry);

/* When no reader can be in it: frees all tables and all entries (malloc'd). */
void recorder_table_empty(struct recorder_table *table);

/* A small set of keys that probes put in and the worker takes out; no lock, no allocation. */
#define RECORDER_WANTED 512u

struct recorder_wanted {
    _Atomic uint32_t count; /* keys put in and not yet taken out, about */
    _Atomic uint64_t keys[RECORDER_WANTED];
};

/* Any thread, also in a probe. Does nothing where the key is in it, or no place is near. */
void recorder_wanted_put(struct recorder_wanted *wanted, uint64_t key);
bool recorder_wanted_take(struct recorder_wanted *wanted, uint64_t *key);

#endif
