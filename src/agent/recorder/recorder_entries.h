/*
 * recorder_entries: the entries of a Dictionary or HashSet, in the array that holds them: which are
 * in use, as their layout tells it. Reads objects of the target, bounded by the array's own size.
 * From probes; no lock, no allocation.
 */
#ifndef RECORDER_ENTRIES_H
#define RECORDER_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder_layout.h"

struct entries {
    const struct layout *array; /* its layout; `item` is that of an entry */
    uint64_t first;
    size_t there;
    uint32_t next_at; /* in an entry: below -1 where it is not in use */
};

/* What an array may hold of them; false: it is not laid out as entries are. */
bool entries_open(struct entries *entries, uint64_t array, uint32_t next_name);
bool entries_in_use(const struct entries *entries, uint64_t entry);
/* So many entries are looked at, however few of them are in use. */
size_t entries_looked_at(const struct entries *entries, size_t most);
/* Those in use, at most `most`. */
size_t entries_count(const struct entries *entries, size_t most);

#endif
