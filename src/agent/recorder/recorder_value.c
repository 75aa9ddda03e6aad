#include "recorder_value.h"

#include <stddef.h>

#include "recorder_entries.h"
#include "recorder_exception.h"
#include "recorder_object.h"
#include "recorder_span.h"
#include "wire_message.h"

_Static_assert(sizeof(struct wire_value) == 16 && offsetof(struct wire_value, slot) == 4 &&
                   offsetof(struct wire_value, at) == 8 && sizeof(struct wire_typed) == 16,
               "heads are written as words");

#define RAW_BYTES       128u /* of what is not known */
#define SMALL_BYTES     32u  /* values that are shown whole at any depth */
#define MOST_NESTING    24u
#define SPAN_REFERENCES 16u
#define ENTRY_BYTES     256u /* of a dictionary's entry that is copied first */

static void write_object(struct value_writer *writer, uint64_t root, uint64_t object,
                         uint8_t element, uint32_t depth);

/* Where a value hangs: slot | parent << 16 | at << 32 of its head, in one word. */
static uint64_t root_in(uint16_t slot)
{
    return slot;
}

static uint64_t child_of(uint32_t parent, size_t at)
{
    return WIRE_SLOT_CHILD | (uint64_t)(uint16_t)parent << 16 | (uint64_t)at << 32;
}

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* A head with room for its payload; NULL: does not fit, or there are too many. */
static uint8_t *put_head(struct value_writer *writer, enum wire_value_kind kind, uint8_t flags,
                         uint8_t element, uint64_t root, size_t length)
{
    size_t bytes = sizeof(struct wire_value) + padded(length);
    if (bytes > (size_t)(writer->end - writer->at) || writer->count >= UINT16_MAX) {
        writer->cut = true;
        return NULL;
    }
    /* Two words and not a struct that is copied: what was just stored in bytes is slow to load
     * as a whole. */
    uint64_t words[2] = {(uint64_t)kind | (uint64_t)flags << 8 | (uint64_t)element << 16 |
                             root << 32,
                         root >> 32 | (uint64_t)length << 32};
    uint8_t *payload = writer->at + sizeof(struct wire_value);
    memcpy(writer->at, &words[0], 8);
    memcpy(writer->at + 8, &words[1], 8);
    if (length % 8 != 0) {
        memset(writer->at + bytes - 8, 0, 8);
    }
    writer->at += bytes;
    writer->count++;
    return payload;
}

/* As put_head, with a wire_typed in front; where the whole does not fit, what does of it, in
 * `unit`s, with the flag CUT. *bytes: what is to be written behind the wire_typed. */
static uint8_t *put_typed(struct value_writer *writer, enum wire_value_kind kind, bool cut,
                          uint8_t element, uint64_t root, uint64_t type, uint32_t total,
                          uint32_t unit, size_t *bytes)
{
    size_t least = sizeof(struct wire_value) + sizeof(struct wire_typed);
    size_t room = (size_t)(writer->end - writer->at);
    uint64_t whole = total;
    if (room >= least && *bytes > room - least) {
        *bytes = (room - least) / unit * unit;
        writer->cut = true;
        cut = true;
    }
    uint8_t *payload = put_head(writer, kind, cut ? WIRE_VALUE_CUT : 0, element, root,
                                sizeof(struct wire_typed) + *bytes);
    if (payload == NULL) {
        return NULL;
    }
    memcpy(payload, &type, 8);
    memcpy(payload + 8, &whole, 8);
    return payload + sizeof(struct wire_typed);
}

/* True: all of the bytes are there, so that children may point into them. */
static bool put_bytes(struct value_writer *writer, enum wire_value_kind kind, bool cut,
                      uint8_t element, uint64_t root, uint64_t type, uint32_t total, uint32_t unit,
                      uint64_t from, size_t bytes)
{
    size_t fit = bytes;
    uint8_t *to = put_typed(writer, kind, cut, element, root, type, total, unit, &fit);
    if (to != NULL && fit != 0) {
        memcpy(to, (const void *)(uintptr_t)from, fit);
    }
    return to != NULL && fit == bytes;
}

void value_bits(struct value_writer *writer, enum wire_value_kind kind, uint8_t element,
                uint16_t slot, uint64_t bits)
{
    uint8_t *to = put_head(writer, kind, 0, element, root_in(slot), 8);
    if (to != NULL) {
        memcpy(to, &bits, sizeof bits);
    }
}

/* ---- what hangs below ---- */

static void write_fields(struct value_writer *writer, uint32_t parent, size_t at, uint64_t address,
                         uint64_t bytes, const struct layout *layout, uint32_t depth);

static void write_span_items(struct value_writer *writer, uint32_t parent, size_t at,
                             uint64_t address, const struct layout *layout, uint32_t depth);

/* The value type at `address`, which stands at `at` in the parent's payload. */
static void write_inside(struct value_writer *writer, uint32_t parent, size_t at, uint64_t address,
                         const struct layout *layout, uint32_t depth)
{
    if (writer->nesting >= MOST_NESTING) {
        return;
    }
    writer->nesting++;
    if (place_is_nullable(layout)) {
        if (*(const uint8_t *)(uintptr_t)address != 0) {
            write_inside(writer, parent, at + layout->value_at, address + layout->value_at,
                         layout->item, depth);
        }
    } else if (layout->kind == WIRE_TYPE_SPAN) {
        write_span_items(writer, parent, at, address, layout, depth);
    } else {
        write_fields(writer, parent, at, address, layout->size, layout, depth);
    }
    writer->nesting--;
}

static void write_field(struct value_writer *writer, uint32_t parent, size_t at, uint64_t address,
                        const struct layout_field *field, uint32_t depth)
{
    if (field->type != NULL && field->type->is_value) {
        write_inside(writer, parent, at, address, field->type, depth);
    } else if (element_is_reference(field->element) && memory_u64(address) != 0) {
        write_object(writer, child_of(parent, at), memory_u64(address), field->element,
                     depth == 0 ? 0 : depth - 1);
    }
}

/* References among the fields of the `bytes` bytes at `address`. `at`: where offset 0 stands in
 * the parent's payload; of an object, whose head is not there, it is -8. */
static void write_fields(struct value_writer *writer, uint32_t parent, size_t at, uint64_t address,
                         uint64_t bytes, const struct layout *layout, uint32_t depth)
{
    for (uint32_t i = 0; i < layout->field_count; i++) {
        const struct layout_field *field = &layout->fields[i];
        if (!field->hidden && field->offset + place_field_bytes(field) <= bytes) {
            write_field(writer, parent, at + field->offset, address + field->offset, field, depth);
        }
    }
}

static void write_items(struct value_writer *writer, uint32_t parent, uint64_t address,
                        size_t count, uint32_t item_size, const struct layout *layout,
                        uint32_t depth)
{
    bool references = element_is_reference(layout->element);
    if (!references && (layout->item == NULL || !layout->item->is_value)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t item = address + i * item_size;
        if (!references) {
            write_inside(writer, parent, i * item_size, item, layout->item, depth);
        } else if (memory_u64(item) != 0) {
            write_object(writer, child_of(parent, i * item_size), memory_u64(item), layout->element,
                         depth == 0 ? 0 : depth - 1);
        }
    }
}

/* Of an array, no more items than of one that is known. */
static uint64_t unknown_bytes(const struct value_writer *writer, uint64_t object)
{
    uint64_t bytes = RAW_BYTES;
    uint32_t component = object_component(object);
    if (component != 0) {
        uint64_t most = OBJECT_HEAD + (uint64_t)writer->limits->max_items * component;
        bytes = most < bytes ? most : bytes;
    }
    return bytes;
}

static bool write_unknown(struct value_writer *writer, uint64_t root, uint64_t object)
{
    uint64_t bytes = object_bytes(object);
    uint64_t most = unknown_bytes(writer, object);
    bool cut = bytes > most;
    return put_bytes(writer, WIRE_VALUE_UNRESOLVED, cut, 0, root, object_type(object), 0, 8,
                     object + OBJECT_HEAD, cut ? most : bytes);
}

/* An array's first items. `most`: of them are meant, a list's count. */
static void write_array(struct value_writer *writer, uint64_t root, uint64_t object,
                        const struct layout *layout, uint32_t most, uint32_t depth)
{
    uint32_t component = object_component(object);
    uint64_t bytes = object_bytes(object) + OBJECT_HEAD;
    uint64_t there = 0;
    if (component == 0 || (uint64_t)layout->count_at + 4 > bytes) {
        write_unknown(writer, root, object); /* the layout is not this object's */
        return;
    }
    if (component == layout->item_size && layout->items_at <= bytes) {
        there = (bytes - layout->items_at) / component;
    }
    uint32_t total = memory_u32(object + layout->count_at);
    total = total < most ? total : most;
    size_t count = depth == 0 ? 0 : total;
    count = count < writer->limits->max_items ? count : writer->limits->max_items;
    count = count < there ? count : there;
    size_t length = count * component;
    uint32_t ordinal = writer->count;
    uint8_t *to = put_typed(writer, WIRE_VALUE_ARRAY, count < total, layout->element, root,
                            layout->type, total, component, &length);
    if (to != NULL && length != 0) {
        memcpy(to, (const void *)(uintptr_t)(object + layout->items_at), length);
        write_items(writer, ordinal, object + layout->items_at, length / component, component,
                    layout, depth);
    }
}

static void write_list_items(struct value_writer *writer, uint32_t parent, uint64_t object,
                             uint64_t bytes, const struct layout *layout, uint32_t depth)
{
    if ((uint64_t)layout->items_at + 8 > bytes || (uint64_t)layout->count_at + 4 > bytes ||
        layout->items_at < OBJECT_HEAD) {
        return;
    }
    uint64_t array = memory_u64(object + layout->items_at);
    uint64_t root = child_of(parent, layout->items_at - OBJECT_HEAD);
    const struct layout *items = array == 0 ? NULL : place_layout(array);
    /* The first meeting of such an array: the list's own type knows what is in it. */
    struct layout shape = {.type = array == 0 ? 0 : object_type(array),
                           .kind = WIRE_TYPE_ARRAY,
                           .element = layout->element,
                           .item_size = layout->item_size,
                           .items_at = VECTOR_ITEMS_AT,
                           .count_at = VECTOR_LENGTH_AT,
                           .item = layout->item};
    if (array != 0 && items == NULL && layout->item_size != 0) {
        items = &shape;
    }
    if (items != NULL && items->kind == WIRE_TYPE_ARRAY) {
        write_array(writer, root, array, items, memory_u32(object + layout->count_at), depth);
    } else if (array != 0) {
        put_bytes(writer, WIRE_VALUE_UNRESOLVED, false, 0, root, object_type(array), 0, 1, array,
                  0);
    }
}

/* ---- dictionaries and sets: an array of entries, some of which are not in use ---- */

/* The entries in use, one behind the other. Where another thread has freed some since they were
 * counted, the room that is left holds entries that say they are not in use. The record may be
 * shared with a hostile peer and is not read back: what hangs below is followed from a copy of our
 * own, or, of big entries, from where they stand. */
static void copy_entries(struct value_writer *writer, const struct entries *entries, uint8_t *to,
                         size_t count, uint32_t depth)
{
    uint8_t own[ENTRY_BYTES];
    const uint32_t size = entries->array->item_size;
    const uint32_t parent = writer->count - 1u;
    const int32_t free_mark = INT32_MIN;
    size_t looks = entries_looked_at(entries, writer->limits->max_items);
    size_t done = 0;
    for (size_t i = 0; i < looks && done < count; i++) {
        uint64_t entry = entries->first + i * size;
        if (size <= sizeof own) {
            memcpy(own, (const void *)(uintptr_t)entry, size);
            entry = (uint64_t)(uintptr_t)own;
        }
        if (entries_in_use(entries, entry)) {
            memcpy(to + done * size, (const void *)(uintptr_t)entry, size);
            write_inside(writer, parent, done++ * size, entry, entries->array->item, depth);
        }
    }
    for (size_t i = done; i < count; i++) {
        memset(to + i * size, 0, size);
        memcpy(to + i * size + entries->next_at, &free_mark, sizeof free_mark);
    }
}

static void write_entries(struct value_writer *writer, uint64_t root, uint64_t array,
                          const struct layout *layout, uint32_t total, uint32_t depth)
{
    struct entries entries;
    if (!entries_open(&entries, array, layout->next_name)) {
        put_bytes(writer, WIRE_VALUE_UNRESOLVED, false, 0, root, object_type(array), 0, 1, array,
                  0);
        return;
    }
    size_t most = total < writer->limits->max_items ? total : writer->limits->max_items;
    size_t count = entries_count(&entries, most);
    size_t length = count * entries.array->item_size;
    uint8_t *to = put_typed(writer, WIRE_VALUE_ARRAY, count < total, ELEMENT_TYPE_VALUETYPE, root,
                            entries.array->type, total, entries.array->item_size, &length);
    if (to != NULL) {
        copy_entries(writer, &entries, to, length / entries.array->item_size, depth);
    }
}

static void write_keyed(struct value_writer *writer, uint32_t parent, uint64_t object,
                        uint64_t bytes, const struct layout *layout, uint32_t depth)
{
    if ((uint64_t)layout->items_at + 8 > bytes || (uint64_t)layout->count_at + 4 > bytes ||
        (uint64_t)layout->value_at + 4 > bytes || layout->items_at < OBJECT_HEAD) {
        return;
    }
    uint64_t array = memory_u64(object + layout->items_at);
    uint32_t used = memory_u32(object + layout->count_at);
    uint32_t unused = memory_u32(object + layout->value_at);
    if (array != 0) {
        write_entries(writer, child_of(parent, layout->items_at - OBJECT_HEAD), array, layout,
                      used > unused ? used - unused : 0, depth);
    }
}

static void write_span_items(struct value_writer *writer, uint32_t parent, size_t at,
                             uint64_t address, const struct layout *layout, uint32_t depth)
{
    if ((uint64_t)layout->items_at + 8 > layout->size ||
        (uint64_t)layout->count_at + 4 > layout->size) {
        return;
    }
    uint64_t first = memory_u64(address + layout->items_at);
    uint32_t total = memory_u32(address + layout->count_at);
    bool references = element_is_reference(layout->element);
    uint64_t objects[SPAN_REFERENCES];
    size_t most = references && writer->limits->max_items > SPAN_REFERENCES
                      ? SPAN_REFERENCES
                      : writer->limits->max_items;
    size_t count = depth == 0 || first == 0 || layout->item_size == 0 ? 0 : total;
    count = count < most ? count : most;
    size_t length = count * layout->item_size;
    uint32_t ordinal = writer->count;
    if (references && length != 0 && !span_copy(objects, first, count * sizeof objects[0])) {
        length = 0;
    }
    uint8_t *to = put_typed(writer, WIRE_VALUE_ARRAY, count < total, layout->element,
                            child_of(parent, at + layout->items_at), 0, total,
                            layout->item_size == 0 ? 1 : layout->item_size, &length);
    if (to == NULL || length == 0) {
        return;
    }
    if (!references) {
        if (!span_copy(to, first, length)) {
            memset(to, 0, length);
        }
        return;
    }
    memcpy(to, objects, length);
    write_items(writer, ordinal, (uint64_t)(uintptr_t)objects, length / sizeof objects[0],
                sizeof objects[0], layout, depth);
}

/* ---- objects ---- */

static void write_string(struct value_writer *writer, uint64_t root, uint64_t object)
{
    uint32_t total = memory_u32(object + STRING_LENGTH_AT);
    uint32_t units = total < writer->limits->max_string ? total : writer->limits->max_string;
    put_bytes(writer, WIRE_VALUE_STRING, units < total, ELEMENT_TYPE_STRING, root,
              object_type(object), total, 2, object + STRING_UNITS_AT, (size_t)units * 2);
}

static void write_message(struct value_writer *writer, uint32_t parent, uint64_t object,
                          uint64_t bytes)
{
    uint32_t at = exception_message_offset();
    uint64_t message = at >= OBJECT_HEAD && at + 8 <= bytes ? memory_u64(object + at) : 0;
    if (message != 0 && object_component(message) == 2) {
        write_string(writer, child_of(parent, at - OBJECT_HEAD), message);
    }
}

static void write_inner(struct value_writer *writer, uint32_t parent, uint64_t object,
                        uint64_t bytes)
{
    uint32_t at = exception_inner_offset();
    if (at >= OBJECT_HEAD && at + 8 <= bytes && memory_u64(object + at) != 0) {
        write_object(writer, child_of(parent, at - OBJECT_HEAD), memory_u64(object + at),
                     ELEMENT_TYPE_CLASS, 0);
    }
}

static void write_boxed(struct value_writer *writer, uint64_t root, uint64_t object,
                        const struct layout *layout, uint32_t depth)
{
    uint64_t there = object_bytes(object);
    size_t bytes = layout->size < there ? layout->size : there;
    bool cut = depth == 0 && bytes > SMALL_BYTES;
    uint32_t ordinal = writer->count;
    if (put_bytes(writer, WIRE_VALUE_BYTES, cut, layout->element, root, layout->type, 0, 1,
                  object + OBJECT_HEAD, cut ? 0 : bytes) &&
        !cut && bytes == layout->size) {
        write_inside(writer, ordinal, 0, object + OBJECT_HEAD, layout, depth);
    }
}

static bool is_counted(const struct layout *layout)
{
    return layout->kind == WIRE_TYPE_LIST || layout->kind == WIRE_TYPE_DICTIONARY ||
           layout->kind == WIRE_TYPE_SET;
}

/* What hangs below an object whose bytes are there. `bytes`: with the method table word. */
static void write_parts(struct value_writer *writer, uint32_t parent, uint64_t object,
                        uint64_t bytes, const struct layout *layout, uint32_t depth)
{
    switch (layout->kind) {
    case WIRE_TYPE_EXCEPTION:
        write_inner(writer, parent, object, bytes);
        break;
    case WIRE_TYPE_LIST:
        write_list_items(writer, parent, object, bytes, layout, depth);
        break;
    case WIRE_TYPE_DICTIONARY:
    case WIRE_TYPE_SET:
        write_keyed(writer, parent, object, bytes, layout, depth);
        break;
    default:
        write_fields(writer, parent, (size_t)0 - OBJECT_HEAD, object, bytes, layout, depth);
    }
}

/* Exceptions have their message at any depth, lists and their like their count; of the others only
 * the type is shown at depth 0. */
static void write_class(struct value_writer *writer, uint64_t root, uint64_t object,
                        const struct layout *layout, uint32_t depth)
{
    uint64_t there = object_bytes(object);
    size_t bytes = layout->size < there ? layout->size : there;
    bool exception = layout->kind == WIRE_TYPE_EXCEPTION;
    bool bare = depth == 0 && !exception && !is_counted(layout);
    uint32_t ordinal = writer->count;
    if (!put_bytes(writer, WIRE_VALUE_OBJECT, bare && bytes != 0, ELEMENT_TYPE_CLASS, root,
                   layout->type, 0, 8, object + OBJECT_HEAD, bare ? 0 : bytes) ||
        bare) {
        return;
    }
    if (exception) {
        write_message(writer, ordinal, object, bytes + OBJECT_HEAD);
    }
    if (depth != 0) {
        write_parts(writer, ordinal, object, bytes + OBJECT_HEAD, layout, depth);
    }
}

static void write_known(struct value_writer *writer, uint64_t root, uint64_t object,
                        const struct layout *layout, uint32_t depth)
{
    switch (layout->kind) {
    case WIRE_TYPE_STRING:
        if (object_component(object) == 2) {
            write_string(writer, root, object);
        } else {
            write_unknown(writer, root, object); /* the layout is not this object's */
        }
        break;
    case WIRE_TYPE_ARRAY:
        write_array(writer, root, object, layout, UINT32_MAX, depth);
        break;
    default:
        if (layout->is_value) {
            write_boxed(writer, root, object, layout, depth);
        } else {
            write_class(writer, root, object, layout, depth);
        }
    }
}

static void write_object(struct value_writer *writer, uint64_t root, uint64_t object,
                         uint8_t element, uint32_t depth)
{
    if (writer->nesting >= MOST_NESTING) {
        return;
    }
    writer->nesting++;
    const struct layout *layout;
    if (element == ELEMENT_TYPE_STRING) {
        write_string(writer, root, object);
    } else if ((layout = place_layout(object)) != NULL) {
        write_known(writer, root, object, layout, depth);
    } else {
        write_unknown(writer, root, object);
    }
    writer->nesting--;
}

/* ---- roots ---- */

static void write_value(struct value_writer *writer, uint64_t root, const struct place *place,
                        uint32_t depth)
{
    const struct layout *layout = place->layout;
    if (layout == NULL) {
        bool cut = place->size > RAW_BYTES;
        put_bytes(writer, WIRE_VALUE_UNRESOLVED, cut, place->element, root, 0, 0, 1, place->address,
                  cut ? RAW_BYTES : place->size);
        return;
    }
    uint32_t ordinal = writer->count;
    if (put_bytes(writer, WIRE_VALUE_BYTES, false, layout->element, root, layout->type, 0, 1,
                  place->address, layout->size)) {
        write_inside(writer, ordinal, 0, place->address, layout, depth);
    }
}

static void write_place(struct value_writer *writer, uint64_t root, const struct place *place,
                        uint32_t depth)
{
    uint64_t bits = place->bits;
    switch (place->kind) {
    case PLACE_SCALAR:
        value_bits(writer, WIRE_VALUE_SCALAR, place->element, (uint16_t)root, bits);
        break;
    case PLACE_VALUE:
    case PLACE_UNKNOWN_VALUE:
        write_value(writer, root, place, depth);
        break;
    case PLACE_REFERENCE:
        write_object(writer, root, place->address, place->element, depth);
        break;
    case PLACE_UNKNOWN_OBJECT:
        write_unknown(writer, root, place->address);
        break;
    case PLACE_NULL:
        put_head(writer, WIRE_VALUE_NULL, 0, place->element, root, 0);
        break;
    case PLACE_NULL_PATH:
        put_head(writer, WIRE_VALUE_NULL_PATH, 0, 0, root, 0);
        break;
    case PLACE_NO_FIELD:
        put_bytes(writer, WIRE_VALUE_NO_FIELD, false, 0, root, place->type, 0, 1, 0, 0);
        break;
    case PLACE_NOTHING:
        break;
    }
}

void value_program(struct value_writer *writer, const struct capture_program *program,
                   const struct capture_source *source)
{
    for (uint32_t i = 0; program != NULL && i < program->count; i++) {
        const struct capture_value *value = &program->values[i];
        struct place place;
        place_find(value, source, &place);
        place_unwrap(&place);
        write_place(writer, root_in(value->slot), &place, value->show ? writer->limits->depth : 0);
    }
}

void value_exception(struct value_writer *writer, uint64_t object)
{
    uint64_t root = root_in(WIRE_SLOT_EXCEPTION);
    if (object == 0) {
        put_head(writer, WIRE_VALUE_NULL, 0, ELEMENT_TYPE_CLASS, root, 0);
        return;
    }
    uint32_t ordinal = writer->count;
    if (place_layout(object) != NULL) {
        write_object(writer, root, object, ELEMENT_TYPE_CLASS, 1);
        return;
    }
    /* Not known yet; but it is an exception, and so its message is where they all have it. */
    if (write_unknown(writer, root, object)) {
        write_message(writer, ordinal, object, object_bytes(object) + OBJECT_HEAD);
    }
}
