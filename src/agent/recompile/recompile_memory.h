/*
 * recompile_memory: which addresses of this process are readable, from /proc/self/maps.
 *
 * A snapshot: memory that is unmapped later is not noticed, so it is asked only for what the
 * runtime keeps mapped (images of loaded modules). One thread at a time.
 */
#ifndef RECOMPILE_MEMORY_H
#define RECOMPILE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"

struct memory_range {
    uint64_t start;
    uint64_t end;
};

struct memory_map {
    struct memory_range *ranges; /* ascending; neighbours joined */
    size_t count;
};

/* Reads the map anew; what *map held is freed. On failure the map is empty. */
enum status memory_map_read(struct memory_map *map, struct error *error);
void memory_map_release(struct memory_map *map);
/* Reads only what stands at [from, from + bytes), and on behind it as far as there is no gap:
 * microseconds where the kernel can be asked for one mapping (Linux 6.11, PROCMAP_QUERY), else as
 * memory_map_read. */
enum status memory_map_look(struct memory_map *map, uint64_t from, uint64_t bytes,
                            struct error *error);
/* The part of a maps file that `text` holds, for tests and the function above. What a line tells
 * of addresses that lines before it have told of is left out. */
enum status memory_map_parse(struct memory_map *map, const char *text, size_t length,
                             struct error *error);

/* Readable bytes from `address` on without a gap; 0: not readable. */
uint64_t memory_map_extent(const struct memory_map *map, uint64_t address);

#endif
