#include "output_value.h"

#include <string.h>

#include "base_reader.h"
#include "clr_element.h"

/* ---- parsing ---- */

static bool has_type(uint8_t kind)
{
    return kind == WIRE_VALUE_BYTES || kind == WIRE_VALUE_OBJECT || kind == WIRE_VALUE_STRING ||
           kind == WIRE_VALUE_ARRAY || kind == WIRE_VALUE_NO_FIELD || kind == WIRE_VALUE_UNRESOLVED;
}

static bool read_payload(struct reader payload, struct value *value)
{
    if (has_type(value->kind)) {
        value->type = reader_u64(&payload);
        value->total = reader_u32(&payload);
        reader_u32(&payload);
    }
    value->length = (uint32_t)reader_left(&payload);
    value->data = reader_bytes(&payload, value->length);
    bool word = value->kind == WIRE_VALUE_SCALAR || value->kind == WIRE_VALUE_KEY ||
                value->kind == WIRE_VALUE_ITEMS;
    return !payload.failed && (!word || value->length >= 8);
}

static void link_child(struct value_list *list, struct value *value)
{
    uint16_t ordinal = (uint16_t)list->count;
    struct value *parent = &list->items[value->parent];
    if (!parent->first_child) {
        parent->first_child = ordinal;
        return;
    }
    struct value *last = &list->items[parent->first_child];
    while (last->next_child)
        last = &list->items[last->next_child];
    last->next_child = ordinal;
}

static bool read_value(struct value_list *list, struct reader *reader)
{
    struct value *value = &list->items[list->count];
    *value = (struct value){0};
    value->kind = reader_u8(reader);
    value->flags = reader_u8(reader);
    value->element = reader_u8(reader);
    reader_u8(reader);
    value->slot = reader_u16(reader);
    value->parent = reader_u16(reader);
    value->at = reader_u32(reader);
    uint32_t length = reader_u32(reader);
    if (reader->failed || length > reader_left(reader))
        return false;
    if (!read_payload(reader_window(reader, reader->position, length), value))
        return false;
    reader_skip(reader, length);
    if (reader_left(reader) > 0)
        reader_align(reader, 8);
    if (value->slot == WIRE_SLOT_CHILD) {
        if (value->parent >= list->count)
            return false;
        link_child(list, value);
    }
    list->count++;
    return !reader->failed;
}

bool value_list_parse(struct value_list *list, const uint8_t *bytes, size_t length)
{
    struct reader reader;
    list->count = 0;
    reader_init(&reader, bytes, length);
    while (reader_left(&reader) >= sizeof(struct wire_value)) {
        if (list->count == VALUES_MAX || !read_value(list, &reader))
            return false;
    }
    return true;
}

const struct value *value_list_slot(const struct value_list *list, uint16_t slot)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].slot == slot)
            return &list->items[i];
    return NULL;
}

bool value_list_need_types(const struct value_list *list, struct types *types)
{
    bool missing = false;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].kind != WIRE_VALUE_STRING)
            missing |= types_need_whole(types, list->items[i].type);
    return missing;
}
