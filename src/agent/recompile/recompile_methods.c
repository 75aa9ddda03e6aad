/* The table of methods that are claimed, or recompiled for the sake of others. */
#include <stdlib.h>

#include "recompile_internal.h"

static size_t home(const struct method_table *table, struct method_key key)
{
    return (size_t)map_hash(key.module ^ (uint64_t)key.method << 40) & (table->capacity - 1);
}

static bool same(struct method_key a, struct method_key b)
{
    return a.module == b.module && a.method == b.method;
}

static size_t slot_of(const struct method_table *table, struct method_key key)
{
    size_t slot = home(table, key);
    while (table->slots[slot] && !same(table->slots[slot]->key, key))
        slot = (slot + 1) & (table->capacity - 1);
    return slot;
}

struct method_entry *method_table_find(const struct method_table *table, struct method_key key)
{
    return table->capacity ? table->slots[slot_of(table, key)] : NULL;
}

static bool grow(struct method_table *table)
{
    struct method_table bigger = {.capacity = table->capacity ? table->capacity * 2 : 64};
    bigger.slots = calloc(bigger.capacity, sizeof(struct method_entry *));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i])
            bigger.slots[slot_of(&bigger, table->slots[i]->key)] = table->slots[i];
    }
    bigger.count = table->count;
    free(table->slots);
    *table = bigger;
    return true;
}

struct method_entry *method_table_add(struct method_table *table, struct method_key key)
{
    struct method_entry *entry = method_table_find(table, key);
    if (entry)
        return entry;
    if ((table->count + 1) * 4 > table->capacity * 3 && !grow(table))
        return NULL;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->key = (struct method_key){.module = key.module, .method = key.method};
    table->slots[slot_of(table, key)] = entry;
    table->count++;
    return entry;
}

void method_table_remove(struct method_table *table, struct method_key key)
{
    if (!table->capacity)
        return;
    size_t hole = slot_of(table, key);
    if (!table->slots[hole])
        return;
    free(table->slots[hole]);
    table->slots[hole] = NULL;
    table->count--;
    /* Entries behind the hole that were pushed past it move back. */
    for (size_t at = (hole + 1) & (table->capacity - 1); table->slots[at];
         at = (at + 1) & (table->capacity - 1)) {
        const size_t wanted = home(table, table->slots[at]->key);
        if (((at - wanted) & (table->capacity - 1)) >= ((at - hole) & (table->capacity - 1))) {
            table->slots[hole] = table->slots[at];
            table->slots[at] = NULL;
            hole = at;
        }
    }
}

struct method_entry *method_table_next(const struct method_table *table, size_t *cursor)
{
    while (*cursor < table->capacity) {
        struct method_entry *entry = table->slots[(*cursor)++];
        if (entry)
            return entry;
    }
    return NULL;
}

void method_table_release(struct method_table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        free(table->slots[i]);
    free(table->slots);
    *table = (struct method_table){0};
}

bool method_batch_add(struct method_batch *batch, struct method_key key)
{
    if (batch->count == batch->capacity) {
        const uint32_t wanted = batch->capacity ? batch->capacity * 2 : 64;
        ModuleID *modules = realloc(batch->modules, wanted * sizeof(*modules));
        if (modules)
            batch->modules = modules;
        mdToken *methods = realloc(batch->methods, wanted * sizeof(*methods));
        if (methods)
            batch->methods = methods;
        if (!modules || !methods)
            return false;
        batch->capacity = wanted;
    }
    batch->modules[batch->count] = key.module;
    batch->methods[batch->count] = key.method;
    batch->count++;
    return true;
}

void method_batch_release(struct method_batch *batch)
{
    free(batch->modules);
    free(batch->methods);
    *batch = (struct method_batch){0};
}
