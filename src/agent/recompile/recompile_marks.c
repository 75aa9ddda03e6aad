#include "recompile_marks.h"

#include <stdlib.h>

#include "base_map.h"

#define LEAST_SLOTS 16

struct mark {
    uint64_t module; /* 0: free */
    uint32_t method;
    uint32_t why; /* 0: taken away; left out of the next copy */
};

struct marks_table {
    struct marks_table *next; /* retired */
    size_t slots;             /* a power of two */
    uint32_t used;            /* slots with a module */
    uint32_t count;           /* of them, marked */
    struct mark marks[];
};

static struct mark *place_of(const struct marks_table *table, uint64_t module, uint32_t method)
{
    const struct mark *marks = table->marks;
    size_t at = (size_t)map_hash(module ^ (uint64_t)method << 40) & (table->slots - 1);
    while (marks[at].module && (marks[at].module != module || marks[at].method != method))
        at = (at + 1) & (table->slots - 1);
    return (struct mark *)&marks[at];
}

static struct marks_table *table_new(size_t room)
{
    size_t slots = LEAST_SLOTS;
    while (slots < room * 2)
        slots *= 2;
    struct marks_table *table = calloc(1, sizeof(*table) + slots * sizeof(struct mark));
    if (table)
        table->slots = slots;
    return table;
}

static void table_put(struct marks_table *table, uint64_t module, uint32_t method, uint32_t why)
{
    struct mark *mark = place_of(table, module, method);
    if (!mark->module)
        table->used++;
    if (!mark->why)
        table->count++;
    mark->module = module;
    mark->method = method;
    mark->why |= why;
}

static void table_take(struct marks_table *table, uint64_t module, uint32_t method, uint32_t why)
{
    struct mark *mark = place_of(table, module, method);
    if (mark->why && !(mark->why & ~why))
        table->count--;
    mark->why &= ~why;
}

/* A copy with room for `more` marks, without those of the module `gone`. */
static struct marks_table *table_copy(const struct marks_table *table, size_t more, uint64_t gone)
{
    struct marks_table *copy = table_new(table->count + more);
    for (size_t i = 0; copy && i < table->slots; i++) {
        const struct mark *mark = &table->marks[i];
        if (mark->why && mark->module != gone)
            table_put(copy, mark->module, mark->method, mark->why);
    }
    return copy;
}

/* ---- writer ---- */

/* Frees what nobody can be looking at: a reader that counts itself in from now on finds the
 * current table. */
static void sweep(struct marks *marks)
{
    if (atomic_load(&marks->readers))
        return;
    const struct marks_table *frozen = atomic_load(&marks->frozen);
    struct marks_table *kept = NULL;
    for (struct marks_table *table = marks->retired, *next; table; table = next) {
        next = table->next;
        if (table == frozen) {
            table->next = NULL;
            kept = table;
        } else {
            free(table);
        }
    }
    marks->retired = kept;
}

static void swap_in(struct marks *marks, struct marks_table *table)
{
    struct marks_table *before = atomic_exchange(&marks->current, table);
    before->next = marks->retired;
    marks->retired = before;
    sweep(marks);
}

bool marks_init(struct marks *marks)
{
    struct marks_table *table = table_new(0);
    atomic_init(&marks->current, table);
    atomic_init(&marks->frozen, NULL);
    atomic_init(&marks->readers, 0);
    marks->retired = NULL;
    return table != NULL;
}

void marks_release(struct marks *marks)
{
    for (struct marks_table *table = marks->retired, *next; table; table = next) {
        next = table->next;
        free(table);
    }
    free(atomic_load(&marks->current));
}

bool marks_add(struct marks *marks, const struct method_key *keys, size_t count, uint32_t why)
{
    const struct marks_table *table = atomic_load(&marks->current);
    size_t first = 0;
    while (first < count && place_of(table, keys[first].module, keys[first].method)->why & why)
        first++;
    if (first == count)
        return true;
    struct marks_table *copy = table_copy(table, count - first, 0);
    if (!copy)
        return false;
    for (size_t i = first; i < count; i++)
        table_put(copy, keys[i].module, keys[i].method, why);
    swap_in(marks, copy);
    return true;
}

void marks_remove(struct marks *marks, const struct method_key *keys, size_t count, uint32_t why)
{
    const struct marks_table *table = atomic_load(&marks->current);
    size_t first = 0;
    while (first < count && !(place_of(table, keys[first].module, keys[first].method)->why & why))
        first++;
    if (first == count)
        return;
    struct marks_table *copy = table_copy(table, 0, 0);
    if (!copy)
        return;
    for (size_t i = first; i < count; i++)
        table_take(copy, keys[i].module, keys[i].method, why);
    swap_in(marks, copy);
}

void marks_forget(struct marks *marks, uint64_t module)
{
    const struct marks_table *table = atomic_load(&marks->current);
    size_t at = 0;
    while (at < table->slots && (table->marks[at].module != module || !table->marks[at].why))
        at++;
    struct marks_table *copy = at < table->slots ? table_copy(table, 0, module) : NULL;
    if (copy)
        swap_in(marks, copy);
}

uint32_t marks_count(const struct marks *marks)
{
    return atomic_load(&((struct marks *)marks)->current)->count;
}

static size_t table_bytes(const struct marks_table *table)
{
    return sizeof(*table) + table->slots * sizeof(struct mark);
}

size_t marks_bytes(const struct marks *marks)
{
    size_t bytes = table_bytes(atomic_load(&((struct marks *)marks)->current));
    for (const struct marks_table *table = marks->retired; table; table = table->next)
        bytes += table_bytes(table);
    return bytes;
}

/* ---- readers ---- */

static bool has(const struct marks_table *table, struct method_key key)
{
    return place_of(table, key.module, key.method)->why != 0;
}

bool marks_has(struct marks *marks, struct method_key key)
{
    atomic_fetch_add(&marks->readers, 1);
    const bool found = has(atomic_load(&marks->current), key);
    atomic_fetch_sub(&marks->readers, 1);
    return found;
}

bool marks_has_frozen(struct marks *marks, struct method_key key)
{
    atomic_fetch_add(&marks->readers, 1);
    struct marks_table *frozen = atomic_load(&marks->frozen);
    /* Counted in, the current table is not freed before the writer can see that it is frozen. */
    if (!frozen) {
        struct marks_table *current = atomic_load(&marks->current);
        if (atomic_compare_exchange_strong(&marks->frozen, &frozen, current))
            frozen = current;
    }
    const bool found = has(frozen, key);
    atomic_fetch_sub(&marks->readers, 1);
    return found;
}
