#include "base_map.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

uint64_t map_hash(uint64_t key)
{
    for (int round = 0; round < 2; round++) {
        key ^= key >> 32;
        key *= 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio, odd */
    }
    return key ^ key >> 29;
}

uint64_t map_hash_bytes(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t hash = length;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 0x9e3779b97f4a7c15u + (hash >> 47);
    return map_hash(hash);
}

void map_init(struct map *map)
{
    memset(map, 0, sizeof(*map));
}

void map_release(struct map *map)
{
    free(map->slots);
    map_init(map);
}

/* The slot that holds `key`, or the free one where it belongs. Needs a free slot. */
static size_t find(const struct map_slot *slots, size_t capacity, uint64_t key)
{
    size_t at = (size_t)map_hash(key) & (capacity - 1);
    while (slots[at].used && slots[at].key != key)
        at = (at + 1) & (capacity - 1);
    return at;
}

static bool grow(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
    struct map_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].used)
            slots[find(slots, capacity, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

static struct map_slot *lookup(const struct map *map, uint64_t key)
{
    if (!map->capacity)
        return NULL;
    struct map_slot *slot = &map->slots[find(map->slots, map->capacity, key)];
    return slot->used ? slot : NULL;
}

bool map_put(struct map *map, uint64_t key, uint64_t value)
{
    struct map_slot *slot = lookup(map, key);
    if (!slot) {
        /* At most three quarters full: look-ups end at a free slot. */
        if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
            return false;
        slot = &map->slots[find(map->slots, map->capacity, key)];
        map->count++;
    }
    *slot = (struct map_slot){.key = key, .value = value, .used = true};
    return true;
}

bool map_get(const struct map *map, uint64_t key, uint64_t *value)
{
    const struct map_slot *slot = lookup(map, key);
    if (!slot)
        return false;
    if (value)
        *value = slot->value;
    return true;
}

bool map_has(const struct map *map, uint64_t key)
{
    return lookup(map, key) != NULL;
}

bool map_remove(struct map *map, uint64_t key)
{
    struct map_slot *slot = lookup(map, key);
    if (!slot)
        return false;
    /* Later members of the run move up, so that no look-up stops at the hole too early. */
    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].used; at = (at + 1) & mask) {
        size_t home = (size_t)map_hash(map->slots[at].key) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].used = false;
    map->count--;
    return true;
}

void map_clear(struct map *map)
{
    if (map->capacity)
        memset(map->slots, 0, map->capacity * sizeof(*map->slots));
    map->count = 0;
}

bool map_next(const struct map *map, size_t *cursor, uint64_t *key, uint64_t *value)
{
    while (*cursor < map->capacity) {
        const struct map_slot *slot = &map->slots[(*cursor)++];
        if (!slot->used)
            continue;
        if (key)
            *key = slot->key;
        if (value)
            *value = slot->value;
        return true;
    }
    return false;
}

void text_map_init(struct text_map *map)
{
    memset(map, 0, sizeof(*map));
}

void text_map_release(struct text_map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    text_map_init(map);
}

static size_t text_find(const struct text_map_slot *slots, size_t capacity, const char *key)
{
    size_t at = (size_t)map_hash_bytes(key, strlen(key)) & (capacity - 1);
    while (slots[at].key && strcmp(slots[at].key, key) != 0)
        at = (at + 1) & (capacity - 1);
    return at;
}

static bool text_grow(struct text_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
    struct text_map_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key)
            slots[text_find(slots, capacity, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

static struct text_map_slot *text_lookup(const struct text_map *map, const char *key)
{
    if (!map->capacity)
        return NULL;
    struct text_map_slot *slot = &map->slots[text_find(map->slots, map->capacity, key)];
    return slot->key ? slot : NULL;
}

bool text_map_put(struct text_map *map, const char *key, uint64_t value)
{
    struct text_map_slot *slot = text_lookup(map, key);
    if (!slot) {
        if ((map->count + 1) * 4 > map->capacity * 3 && !text_grow(map))
            return false;
        char *copy = strdup(key);
        if (!copy)
            return false;
        slot = &map->slots[text_find(map->slots, map->capacity, key)];
        slot->key = copy;
        map->count++;
    }
    slot->value = value;
    return true;
}

bool text_map_get(const struct text_map *map, const char *key, uint64_t *value)
{
    const struct text_map_slot *slot = text_lookup(map, key);
    if (!slot)
        return false;
    if (value)
        *value = slot->value;
    return true;
}
