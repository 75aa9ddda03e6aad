/*
 * base_map: an open-addressing hash map from uint64_t to uint64_t (ids, pointers as
 * uintptr_t), and one from text to uint64_t. Owner: whoever holds the struct.
 * Keys may be any value, 0 included. Text keys are copied. Not for two threads at once.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    uint64_t value;
    bool used;
};

struct map {
    struct map_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

void map_init(struct map *map);
void map_release(struct map *map);
/* Adds or replaces. False when out of memory: the map is as it was. */
bool map_put(struct map *map, uint64_t key, uint64_t value);
bool map_get(const struct map *map, uint64_t key, uint64_t *value);
bool map_has(const struct map *map, uint64_t key);
bool map_remove(struct map *map, uint64_t key);
void map_clear(struct map *map);
/* Iteration: start with *cursor = 0; false at the end. Changes meanwhile are not allowed. */
bool map_next(const struct map *map, size_t *cursor, uint64_t *key, uint64_t *value);
/* A good 64-bit mix (for callers that hash by themselves). */
uint64_t map_hash(uint64_t key);
uint64_t map_hash_bytes(const void *bytes, size_t length);

struct text_map_slot {
    char *key; /* NULL: free; owned by the map */
    uint64_t value;
};

struct text_map {
    struct text_map_slot *slots;
    size_t capacity;
    size_t count;
};

void text_map_init(struct text_map *map);
void text_map_release(struct text_map *map);
bool text_map_put(struct text_map *map, const char *key, uint64_t value);
bool text_map_get(const struct text_map *map, const char *key, uint64_t *value);

#endif
