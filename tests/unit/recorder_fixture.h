/*
 * Fixture of the recorder's tests: a session, objects in memory laid out like the runtime's, and
 * a reader that drains the memory file as the command line tool does and checks every byte that
 * it takes.
 */
#ifndef RECORDER_FIXTURE_H
#define RECORDER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "clr_element.h"
#include "recorder.h"
#include "wire_message.h"

/* ---- fake objects ---- */

struct fake_type {
    uint32_t flags; /* bit 31: has components, their size in the low 16 bits */
    uint32_t base_size;
} __attribute__((aligned(8)));

static inline uint64_t address_of(const volatile void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* Objects and types live until the end, reachable, so that only the recorder's leaks are seen. */
static inline void *keep(void *pointer)
{
    static void *volatile kept[8192];
    static uint32_t count;
    assert_non_null(pointer);
    assert_true(count < sizeof kept / sizeof kept[0]);
    kept[count++] = pointer;
    return pointer;
}

/* A type of `data` bytes behind the method table word. */
static inline struct fake_type *make_type(uint32_t data, uint32_t component)
{
    struct fake_type *type = keep(aligned_alloc(64, 64));
    type->flags = component == 0 ? 0x10 : 0x80000000u | component;
    type->base_size = data + 16;
    return type;
}

/* Exactly as large as the runtime makes it, so that address sanitizer sees reads beyond. */
static inline uint64_t *make_object(const struct fake_type *type, size_t data)
{
    uint64_t *object = keep(calloc(1, 8 + data));
    object[0] = address_of(type);
    return object;
}

static inline void put_at(void *object, size_t offset, const void *value, size_t size)
{
    memcpy((uint8_t *)object + offset, value, size);
}

#define PUT(object, offset, type, value)                                                           \
    do {                                                                                           \
        type put_value = (type)(value);                                                            \
        put_at(object, offset, &put_value, sizeof put_value);                                      \
    } while (0)

static struct fake_type *string_type;

static inline uint64_t *make_string(const char *text)
{
    size_t units = strlen(text);
    uint64_t *object = make_object(string_type, 6 + units * 2);
    PUT(object, 8, uint32_t, units);
    for (size_t i = 0; i < units; i++) {
        PUT(object, 12 + i * 2, uint16_t, (unsigned char)text[i]);
    }
    return object;
}

/* An array of `count` items; szarray: length at 8, items at 16. */
static inline uint64_t *make_array(const struct fake_type *type, uint32_t item, uint32_t count)
{
    uint64_t *object = make_object(type, 8 + (size_t)item * count);
    PUT(object, 8, uint32_t, count);
    return object;
}

static inline struct layout *make_layout(const struct fake_type *type, enum wire_type_kind kind,
                                         uint32_t size, uint32_t fields)
{
    struct layout *layout = calloc(1, sizeof *layout + fields * sizeof layout->fields[0]);
    layout->type = address_of(type);
    layout->kind = (uint8_t)kind;
    layout->size = size;
    layout->field_count = fields;
    return layout;
}

static inline struct layout_field make_field(const char *name, uint32_t offset, uint8_t element,
                                             uint32_t size, const struct layout *type)
{
    return (struct layout_field){.name = layout_name(name),
                                 .offset = offset,
                                 .element = element,
                                 .size = size,
                                 .type = type};
}

static inline const struct layout *publish_string(void)
{
    struct layout *layout = make_layout(string_type, WIRE_TYPE_STRING, 0, 0);
    layout->element = ELEMENT_TYPE_CHAR;
    layout->count_at = 8;
    layout->items_at = 12;
    return layout_publish(layout);
}

static inline const struct layout *publish_array(const struct fake_type *type, uint8_t element,
                                                 uint32_t item_size, const struct layout *item)
{
    struct layout *layout = make_layout(type, WIRE_TYPE_ARRAY, 8, 0);
    layout->element = element;
    layout->item_size = item_size;
    layout->item = item;
    layout->items_at = 16;
    layout->count_at = 8;
    return layout_publish(layout);
}

/* ---- the reader ---- */

struct reader_state {
    struct wire_file *file;
    struct wire_file *own; /* mapping */
    struct wire_file head; /* own copy */
    uint32_t consumed[WIRE_CHUNKS_MAX];
    void (*record)(void *context, const struct wire_record *record, const struct wire_chunk *chunk);
    void *context;
    uint64_t records;
};

static inline void reader_open(struct reader_state *state, int fd)
{
    memset(state, 0, sizeof *state);
    assert_int_equal(pread(fd, &state->head, sizeof state->head, 0), sizeof state->head);
    state->file = mmap(NULL, state->head.file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(state->file != MAP_FAILED);
    state->own = state->file;
}

static inline void reader_shut(struct reader_state *state)
{
    munmap(state->own, state->head.file_bytes);
}

/* Every value of a record stands within it, knows its parent and has a kind. */
static inline void check_record(const struct wire_record *record)
{
    size_t at = sizeof *record;
    size_t size = (size_t)record->size * 8;
    uint32_t ordinal = 0;
    assert_in_range(record->kind, WIRE_RECORD_ENTER, WIRE_RECORD_FIRST_AWAIT);
    assert_true(record->time != 0);
    while (at < size) {
        struct wire_value value;
        assert_true(size - at >= sizeof value);
        memcpy(&value, (const uint8_t *)record + at, sizeof value);
        at += sizeof value;
        assert_in_range(value.kind, WIRE_VALUE_SCALAR, WIRE_VALUE_ITEMS);
        assert_true(value.length <= size - at);
        if (value.slot == WIRE_SLOT_CHILD) {
            assert_true(value.parent < ordinal);
        }
        at += (value.length + 7) / 8 * 8;
        ordinal++;
    }
    assert_int_equal(at, size);
}

static inline void drain_chunk(struct reader_state *state, uint32_t index)
{
    static _Thread_local union {
        uint8_t bytes[WIRE_CHUNK_BYTES];
        struct wire_chunk chunk;
        uint64_t words;
    } copy;
    struct wire_chunk *chunk =
        (struct wire_chunk *)(void *)((uint8_t *)state->file + state->head.chunks_offset +
                                      (size_t)index * WIRE_CHUNK_BYTES);
    uint64_t bit = 1ull << (index % 64);
    if (atomic_load(&state->file->free_chunks[index / 64]) & bit) {
        return;
    }
    uint32_t chunk_state = atomic_load_explicit(&chunk->state, memory_order_acquire);
    if (chunk_state == WIRE_CHUNK_FREE) {
        return;
    }
    uint32_t written = atomic_load_explicit(&chunk->written, memory_order_acquire);
    uint32_t from = state->consumed[index] == 0 ? sizeof *chunk : state->consumed[index];
    assert_in_range(written, from, WIRE_CHUNK_BYTES);
    copy.chunk.thread = chunk->thread;
    copy.chunk.slot = chunk->slot;
    copy.chunk.sequence = chunk->sequence;
    memcpy(copy.bytes + from, (uint8_t *)chunk + from, written - from);
    while (from < written) {
        struct wire_record *record = (struct wire_record *)(void *)(copy.bytes + from);
        assert_true(record->size >= 3 && (uint32_t)record->size * 8 <= written - from);
        check_record(record);
        state->records++;
        if (state->record != NULL) {
            state->record(state->context, record, &copy.chunk);
        }
        from += (uint32_t)record->size * 8;
    }
    state->consumed[index] = from;
    if (chunk_state == WIRE_CHUNK_FULL) {
        state->consumed[index] = 0;
        atomic_store(&chunk->state, WIRE_CHUNK_FREE);
        atomic_fetch_or(&state->file->free_chunks[index / 64], bit);
    }
}

static inline void reader_drain(struct reader_state *state)
{
    for (uint32_t i = 0; i < state->head.chunk_count; i++) {
        drain_chunk(state, i);
    }
}

static inline uint64_t reader_counter(const struct reader_state *state, uint32_t site,
                                      enum wire_counter counter)
{
    uint64_t sum = 0;
    const _Atomic uint64_t *counters =
        (const _Atomic uint64_t *)(const void *)((const uint8_t *)state->file +
                                                 state->head.counters_offset);
    for (uint32_t shard = 0; shard < state->head.shards; shard++) {
        size_t place = ((size_t)shard * state->head.sites + site) * WIRE_COUNTERS + counter;
        sum += atomic_load_explicit(&counters[place], memory_order_relaxed);
    }
    return sum;
}

/* ---- a session and the records that came out of it, for tests with one thread ---- */

#define MOST_RECORDS 64

struct bed {
    struct recorder_session *session;
    struct reader_state reader;
    struct wire_record *records[MOST_RECORDS];
    uint32_t count;
};

static inline void keep_record(void *context, const struct wire_record *record,
                               const struct wire_chunk *chunk)
{
    struct bed *bed = context;
    (void)chunk;
    if (bed->count < MOST_RECORDS) {
        struct wire_record *copy = malloc((size_t)record->size * 8);
        memcpy(copy, record, (size_t)record->size * 8);
        bed->records[bed->count++] = copy;
    }
}

static inline void bed_open(struct bed *bed, const struct capture_limits *limits,
                            uint64_t ring_bytes)
{
    static const struct capture_limits usual = {
        .depth = 1, .max_items = 10, .max_string = 256, .max_bytes = 8192};
    struct error error;
    int fd;
    memset(bed, 0, sizeof *bed);
    assert_int_equal(recorder_init(&error), STATUS_OK);
    assert_int_equal(recorder_session_new(ring_bytes, 100, limits == NULL ? &usual : limits,
                                          &bed->session, &fd, &error),
                     STATUS_OK);
    reader_open(&bed->reader, fd);
    close(fd);
    bed->reader.record = keep_record;
    bed->reader.context = bed;
}

static inline void bed_forget(struct bed *bed)
{
    for (uint32_t i = 0; i < bed->count; i++) {
        free(bed->records[i]);
        bed->records[i] = NULL;
    }
    bed->count = 0;
}

static inline void bed_drain(struct bed *bed)
{
    bed_forget(bed);
    reader_drain(&bed->reader);
}

static inline const struct wire_record *record_at(const struct bed *bed, uint32_t index)
{
    assert_true(index < bed->count);
    if (index >= MOST_RECORDS || bed->records[index] == NULL) {
        abort(); /* not reached; but analysers do not know that assertions do not return */
    }
    return bed->records[index];
}

static inline void bed_close(struct bed *bed)
{
    assert_true(recorder_session_end(bed->session));
    bed_forget(bed);
    reader_shut(&bed->reader);
}

static inline uint64_t add_site(struct recorder_session *session,
                                const struct recorder_site_spec *spec)
{
    struct error error;
    uint64_t handle = 0;
    assert_int_equal(recorder_site_add(session, spec, &handle, &error), STATUS_OK);
    assert_true(handle != 0);
    return handle;
}

/* The value with this ordinal; its payload behind it. */
static inline const struct wire_value *value_at(const struct wire_record *record, uint32_t ordinal)
{
    size_t at = sizeof *record;
    for (;;) {
        assert_true(at < (size_t)record->size * 8);
        const struct wire_value *value =
            (const struct wire_value *)(const void *)((const uint8_t *)record + at);
        if (ordinal-- == 0) {
            return value;
        }
        at += sizeof *value + (value->length + 7) / 8 * 8;
    }
}

static inline uint32_t value_count(const struct wire_record *record)
{
    uint32_t count = 0;
    for (size_t at = sizeof *record; at < (size_t)record->size * 8; count++) {
        const struct wire_value *value =
            (const struct wire_value *)(const void *)((const uint8_t *)record + at);
        at += sizeof *value + (value->length + 7) / 8 * 8;
    }
    return count;
}

static inline const struct wire_value *value_in_slot(const struct wire_record *record,
                                                     uint16_t slot)
{
    for (uint32_t i = 0; i < value_count(record); i++) {
        if (value_at(record, i)->slot == slot) {
            return value_at(record, i);
        }
    }
    return NULL;
}

static inline uint64_t bits_of(const struct wire_value *value)
{
    uint64_t bits;
    assert_non_null(value);
    assert_int_equal(value->length, 8);
    memcpy(&bits, value + 1, 8);
    return bits;
}

static inline const struct wire_typed *typed_of(const struct wire_value *value)
{
    assert_true(value->length >= sizeof(struct wire_typed));
    return (const struct wire_typed *)(const void *)(value + 1);
}

static inline const uint8_t *data_of(const struct wire_value *value)
{
    return (const uint8_t *)(typed_of(value) + 1);
}

static inline size_t data_bytes(const struct wire_value *value)
{
    return value->length - sizeof(struct wire_typed);
}

static inline void assert_text(const struct wire_value *value, const char *text)
{
    assert_int_equal(value->kind, WIRE_VALUE_STRING);
    assert_int_equal(data_bytes(value), strlen(text) * 2);
    for (size_t i = 0; i < strlen(text); i++) {
        uint16_t unit;
        memcpy(&unit, data_of(value) + 2 * i, 2);
        assert_int_equal(unit, (unsigned char)text[i]);
    }
}

#endif
