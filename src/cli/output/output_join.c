#include "output_join.h"

#include <stdlib.h>
#include <string.h>

#include "output_known.h"
#include "output_value.h"

#define NONE UINT32_MAX

enum entry_state {
    ENTRY_FREE,
    ENTRY_OPEN,      /* on the stack of its thread */
    ENTRY_SUSPENDED, /* waits for its key */
    ENTRY_ITERATOR,
    ENTRY_EARLY, /* a completion whose SUSPENDED has not come */
};

struct join_entry {
    enum entry_state state;
    uint32_t site;
    uint32_t thread;
    uint32_t slot;
    uint32_t below; /* OPEN: the next older one of its thread; FREE: the next free one */
    uint32_t above;
    bool cut;
    uint8_t kind; /* EARLY: of the record */
    uint64_t call;
    uint64_t key;
    uint64_t time;
    uint64_t items;
    uint8_t *values; /* owned */
    uint32_t value_bytes;
    uint32_t value_capacity;
};

void join_init(struct join *join, join_done done, void *context)
{
    *join = (struct join){.done = done, .context = context, .free_entry = NONE};
    map_init(&join->calls);
    map_init(&join->keys);
    map_init(&join->early);
    map_init(&join->threads);
    map_init(&join->iterators);
}

void join_release(struct join *join)
{
    for (uint32_t i = 0; i < join->capacity; i++)
        free(join->entries[i].values);
    free(join->entries);
    map_release(&join->calls);
    map_release(&join->keys);
    map_release(&join->early);
    map_release(&join->threads);
    map_release(&join->iterators);
    join_init(join, join->done, join->context);
}

/* ---- entries ---- */

static bool grow(struct join *join)
{
    uint32_t capacity = join->capacity ? join->capacity * 2 : 1024;
    struct join_entry *entries = realloc(join->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    memset(entries + join->capacity, 0, (capacity - join->capacity) * sizeof *entries);
    for (uint32_t i = capacity; i-- > join->capacity;) {
        entries[i].below = join->free_entry;
        join->free_entry = i;
    }
    join->entries = entries;
    join->capacity = capacity;
    return true;
}

static void forget_older_half(struct join *join);

static uint32_t new_entry(struct join *join, const struct ring_record *record)
{
    if (join->count >= JOIN_MAX)
        forget_older_half(join);
    if ((join->free_entry == NONE || !join->entries) && !grow(join))
        return NONE;
    uint32_t index = join->free_entry;
    struct join_entry *entry = &join->entries[index];
    join->free_entry = entry->below;
    if (entry->value_capacity < record->value_bytes) {
        uint8_t *values = realloc(entry->values, record->value_bytes);
        if (!values) {
            join->free_entry = index;
            return NONE;
        }
        entry->values = values;
        entry->value_capacity = (uint32_t)record->value_bytes;
    }
    if (record->value_bytes)
        memcpy(entry->values, record->values, record->value_bytes);
    entry->value_bytes = (uint32_t)record->value_bytes;
    entry->site = record->head->site;
    entry->thread = record->thread;
    entry->slot = record->slot;
    entry->call = record->head->call;
    entry->time = record->head->time;
    entry->kind = record->head->kind;
    entry->cut = (record->head->flags & WIRE_RECORD_CUT) != 0;
    entry->key = entry->items = 0;
    entry->below = entry->above = NONE;
    join->count++;
    return index;
}

static void unlink_entry(struct join *join, struct join_entry *entry)
{
    if (entry->above != NONE)
        join->entries[entry->above].below = entry->below;
    else if (entry->below != NONE)
        map_put(&join->threads, entry->slot, entry->below);
    else
        map_remove(&join->threads, entry->slot);
    if (entry->below != NONE)
        join->entries[entry->below].above = entry->above;
    entry->below = entry->above = NONE;
}

/* An enumeration's number is unique for its site only. */
static uint64_t iterator_key(uint32_t site, uint64_t call)
{
    return map_hash((uint64_t)site + 1) ^ call;
}

static void free_entry(struct join *join, uint32_t index)
{
    struct join_entry *entry = &join->entries[index];
    if (entry->state == ENTRY_OPEN)
        unlink_entry(join, entry);
    if (entry->state == ENTRY_EARLY)
        map_remove(&join->early, entry->key);
    else if (entry->state == ENTRY_ITERATOR)
        map_remove(&join->iterators, iterator_key(entry->site, entry->call));
    else if (entry->state != ENTRY_FREE)
        map_remove(&join->calls, entry->call);
    if (entry->state == ENTRY_SUSPENDED)
        map_remove(&join->keys, entry->key);
    if (entry->value_capacity > 4096) {
        free(entry->values);
        entry->values = NULL;
        entry->value_capacity = 0;
    }
    entry->state = ENTRY_FREE;
    entry->below = join->free_entry;
    join->free_entry = index;
    join->count--;
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void forget_older_half(struct join *join)
{
    if (!join->entries)
        return;
    uint64_t *times = malloc(join->count * sizeof *times);
    uint32_t used = 0;
    for (uint32_t i = 0; times && i < join->capacity; i++)
        if (join->entries[i].state != ENTRY_FREE && used < join->count)
            times[used++] = join->entries[i].time;
    if (times)
        qsort(times, used, sizeof *times, by_time);
    uint64_t middle = times && used ? times[used / 2] : UINT64_MAX;
    free(times);
    for (uint32_t i = 0; i < join->capacity; i++)
        if (join->entries[i].state != ENTRY_FREE && join->entries[i].time <= middle) {
            free_entry(join, i);
            join->forgotten++;
        }
}

static struct join_entry *find(struct join *join, const struct map *map, uint64_t key,
                               uint32_t *index)
{
    uint64_t value;
    if (key == 0 || !map_get(map, key, &value))
        return NULL;
    *index = (uint32_t)value;
    return &join->entries[value];
}

/* ---- ends ---- */

static enum call_outcome outcome_of(uint8_t kind)
{
    switch (kind) {
    case WIRE_RECORD_THROW:
    case WIRE_RECORD_ASYNC_THROW:
    case WIRE_RECORD_ITERATOR_THROW:
        return CALL_THREW;
    case WIRE_RECORD_FIRST_AWAIT:
        return CALL_FIRST_AWAIT;
    case WIRE_RECORD_ITERATOR_END:
        return CALL_ITERATED;
    default:
        return CALL_RETURNED;
    }
}

/* What ends a call, from a record or from an early completion. */
struct ending {
    uint8_t kind;
    bool cut;
    uint64_t time;
    const uint8_t *values;
    size_t value_bytes;
};

static void emit(struct join *join, const struct join_entry *entry, const struct ending *ending)
{
    struct call call = {
        .site = entry->site,
        .thread = entry->thread,
        .outcome = outcome_of(ending->kind),
        .timed = true,
        .start = entry->time,
        .elapsed = ending->time > entry->time ? ending->time - entry->time : 0,
        .items = entry->items,
        .iterator = entry->state == ENTRY_ITERATOR,
        .cut = entry->cut || ending->cut,
        .entry = entry->values,
        .entry_bytes = entry->value_bytes,
        .exit = ending->values,
        .exit_bytes = ending->value_bytes,
    };
    join->done(join->context, &call);
}

static struct ending ending_of(const struct ring_record *record)
{
    return (struct ending){
        .kind = record->head->kind,
        .cut = (record->head->flags & WIRE_RECORD_CUT) != 0,
        .time = record->head->time,
        .values = record->values,
        .value_bytes = record->value_bytes,
    };
}

/* A record whose beginning is not known: a line of its own. */
static void emit_alone(struct join *join, const struct ring_record *record)
{
    struct call call = {
        .site = record->head->site,
        .thread = record->thread,
        .outcome = outcome_of(record->head->kind),
        .start = record->head->time,
        .cut = (record->head->flags & WIRE_RECORD_CUT) != 0,
        .exit = record->values,
        .exit_bytes = record->value_bytes,
    };
    join->done(join->context, &call);
}

/* Drops what lies above an entry on its thread's stack: their ends were lost. */
static void drop_above(struct join *join, uint32_t index)
{
    while (join->entries[index].above != NONE) {
        uint64_t top;
        if (!map_get(&join->threads, join->entries[index].slot, &top) || top == index)
            return;
        free_entry(join, (uint32_t)top);
    }
}

static void end_entry(struct join *join, uint32_t index, const struct ending *ending)
{
    if (join->entries[index].state == ENTRY_OPEN)
        drop_above(join, index);
    emit(join, &join->entries[index], ending);
    free_entry(join, index);
}

/* ---- the kinds of records ---- */

static bool take_enter(struct join *join, const struct ring_record *record)
{
    uint64_t top = NONE;
    uint32_t old;
    if (find(join, &join->calls, record->head->call, &old))
        free_entry(join, old); /* a number is used once: the other side lies */
    uint32_t index = new_entry(join, record);
    if (index == NONE)
        return false;
    struct join_entry *entry = &join->entries[index];
    map_get(&join->threads, record->slot, &top);
    entry->state = ENTRY_OPEN;
    entry->below = (uint32_t)top;
    if (top != NONE)
        join->entries[top].above = index;
    return map_put(&join->threads, record->slot, index) &&
           map_put(&join->calls, entry->call, index);
}

static bool take_end(struct join *join, const struct ring_record *record)
{
    uint32_t index;
    struct ending ending = ending_of(record);
    if (find(join, &join->calls, record->head->call, &index))
        end_entry(join, index, &ending);
    else
        emit_alone(join, record);
    return true;
}

static uint64_t key_of(const struct ring_record *record)
{
    struct value_list *list = malloc(sizeof *list);
    uint64_t key = 0;
    if (!list)
        return 0;
    value_list_parse(list, record->values, record->value_bytes);
    const struct value *value = value_list_slot(list, WIRE_SLOT_KEY);
    for (uint32_t i = 0; !value && i < list->count; i++)
        if (list->items[i].kind == WIRE_VALUE_KEY)
            value = &list->items[i];
    if (value && value->length >= 8)
        key = known_load(value->data, 8, false);
    free(list);
    return key;
}

static bool take_suspended(struct join *join, const struct ring_record *record)
{
    uint32_t index, early;
    uint64_t key = key_of(record);
    struct join_entry *entry = find(join, &join->calls, record->head->call, &index);
    if (!entry || entry->state != ENTRY_OPEN || key == 0)
        return true;
    drop_above(join, index);
    unlink_entry(join, entry);
    entry->state = ENTRY_SUSPENDED;
    entry->key = key;
    struct join_entry *completion = find(join, &join->early, key, &early);
    if (!completion)
        return map_put(&join->keys, key, index);
    struct ending ending = {.kind = completion->kind,
                            .cut = completion->cut,
                            .time = completion->time,
                            .values = completion->values,
                            .value_bytes = completion->value_bytes};
    end_entry(join, index, &ending);
    free_entry(join, early);
    return true;
}

static bool take_completion(struct join *join, const struct ring_record *record)
{
    uint32_t index;
    struct ending ending = ending_of(record);
    uint64_t key = key_of(record);
    if (find(join, &join->calls, record->head->call, &index) ||
        find(join, &join->keys, key, &index)) {
        end_entry(join, index, &ending);
        return true;
    }
    if (key == 0 || map_has(&join->early, key)) {
        emit_alone(join, record);
        return true;
    }
    index = new_entry(join, record);
    if (index == NONE)
        return false;
    join->entries[index].state = ENTRY_EARLY;
    join->entries[index].key = key;
    return map_put(&join->early, key, index);
}

/* A key that is open already is one of an enumeration that was abandoned. */
static bool take_iterator_start(struct join *join, const struct ring_record *record)
{
    uint32_t index;
    uint64_t key = iterator_key(record->head->site, record->head->call);
    if (find(join, &join->iterators, key, &index))
        free_entry(join, index);
    index = new_entry(join, record);
    if (index == NONE)
        return false;
    join->entries[index].state = ENTRY_ITERATOR;
    return map_put(&join->iterators, key, index);
}

/* Of an enumeration that is not known (rejected by the condition, or ended before): nothing. */
static bool take_iterator(struct join *join, const struct ring_record *record)
{
    uint32_t index;
    struct ending ending = ending_of(record);
    struct join_entry *entry =
        find(join, &join->iterators, iterator_key(record->head->site, record->head->call), &index);
    if (entry && record->head->kind == WIRE_RECORD_ITERATOR_ITEM)
        entry->items++;
    else if (entry)
        end_entry(join, index, &ending);
    return true;
}

static void take_event(struct join *join, const struct ring_record *record)
{
    struct value_list *list = malloc(sizeof *list);
    struct call call = {
        .site = record->head->site,
        .thread = record->thread,
        .outcome = CALL_ENTERED,
        .start = record->head->time,
        .cut = (record->head->flags & WIRE_RECORD_CUT) != 0,
        .exit = record->values,
        .exit_bytes = record->value_bytes,
    };
    if (list) {
        value_list_parse(list, record->values, record->value_bytes);
        const struct value *elapsed = value_list_slot(list, WIRE_SLOT_ELAPSED);
        if (elapsed && elapsed->kind == WIRE_VALUE_SCALAR) {
            call.elapsed = known_load(elapsed->data, 8, false);
            call.start -= call.elapsed;
            call.timed = true;
            call.outcome = value_list_slot(list, WIRE_SLOT_EXCEPTION) ? CALL_THREW : CALL_RETURNED;
        }
    }
    free(list);
    join->done(join->context, &call);
}

bool join_take(struct join *join, const struct ring_record *record)
{
    switch (record->head->kind) {
    case WIRE_RECORD_ENTER:
        return take_enter(join, record);
    case WIRE_RECORD_RETURN:
    case WIRE_RECORD_THROW:
    case WIRE_RECORD_FIRST_AWAIT:
        return take_end(join, record);
    case WIRE_RECORD_SUSPENDED:
        return take_suspended(join, record);
    case WIRE_RECORD_ASYNC_RETURN:
    case WIRE_RECORD_ASYNC_THROW:
        return take_completion(join, record);
    case WIRE_RECORD_ITERATOR_START:
        return take_iterator_start(join, record);
    case WIRE_RECORD_ITERATOR_ITEM:
    case WIRE_RECORD_ITERATOR_END:
    case WIRE_RECORD_ITERATOR_THROW:
        return take_iterator(join, record);
    case WIRE_RECORD_EVENT:
        take_event(join, record);
        return true;
    default: /* padding, and kinds of a later minor version */
        return true;
    }
}

bool join_next_open(const struct join *join, uint32_t *cursor, struct join_open *open)
{
    for (; *cursor < join->capacity; (*cursor)++) {
        const struct join_entry *entry = &join->entries[*cursor];
        if (entry->state == ENTRY_FREE || entry->state == ENTRY_EARLY)
            continue;
        *open = (struct join_open){.call = entry->call,
                                   .site = entry->site,
                                   .thread = entry->thread,
                                   .start = entry->time,
                                   .suspended = entry->state == ENTRY_SUSPENDED};
        (*cursor)++;
        return true;
    }
    return false;
}
