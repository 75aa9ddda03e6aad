/* Arrays, lists, spans, dictionaries and sets. */
#include <stdio.h>
#include <string.h>

#include "clr_element.h"
#include "output_known.h"
#include "output_number.h"
#include "output_parts.h"

struct items {
    const struct value *array; /* ARRAY item that holds the elements; may be NULL */
    uint32_t total;            /* elements that there are */
    uint8_t element;
    uint64_t type;        /* of the elements, where they are value types */
    uint32_t size;        /* of one element */
    const char *declared; /* name of the elements' type */
    const char *container;
};

static uint32_t element_size(struct value_writer *writer, uint8_t element, uint64_t type_id,
                             uint32_t told)
{
    uint32_t size = clr_element_size(element);
    const struct type_info *type = types_find(writer->types, type_id);
    if (size == 0 && told == 0 && type && element == ELEMENT_TYPE_VALUETYPE)
        size = type->size;
    if (size == 0)
        size = told;
    return size ? size : element == ELEMENT_TYPE_VALUETYPE ? 0 : 8;
}

static void describe_items(struct value_writer *writer, const struct value *array,
                           const struct type_info *container, struct items *items)
{
    const struct type_info *type = array ? types_need(writer->types, array->type) : NULL;
    if (!type || type->kind != WIRE_TYPE_ARRAY)
        type = container;
    items->array = array;
    items->element = type && type->element ? type->element : array ? array->element : 0;
    items->type = type ? type->item : 0;
    const struct type_info *item = types_need(writer->types, items->type);
    items->declared = item ? item->name : items->element == ELEMENT_TYPE_STRING ? "string" : "";
    items->size = element_size(writer, items->element, items->type,
                               type && type->kind == WIRE_TYPE_ARRAY ? type->size : 0);
}

static void write_characters(struct value_writer *writer, const struct items *items)
{
    uint32_t units = items->array->length / 2;
    if (units > items->total)
        units = items->total;
    value_write_units(writer, items->array->data, units, units < items->total, '"');
}

static void write_elements(struct value_writer *writer, const struct items *items, unsigned level,
                           unsigned nested)
{
    uint32_t held = items->size ? items->array->length / items->size : 0;
    if (held > items->total)
        held = items->total;
    buffer_append_u8(writer->out, '[');
    uint32_t i = 0;
    for (; i < held && writer->budget > 0; i++) {
        struct spot spot = {
            .item = items->array, .at = i * items->size, .level = level, .nested = nested + 1};
        if (i > 0)
            buffer_append_text(writer->out, writer->json ? "," : ", ");
        value_write_at(writer, items->element, items->type, items->declared, spot);
    }
    if (i < items->total) {
        writer->cut = true;
        if (!writer->json)
            buffer_append_text(writer->out, i > 0 ? ", " VALUE_MORE : VALUE_MORE);
    }
    buffer_append_u8(writer->out, ']');
}

/* In JSON, items of which none is shown: [] would say that there are none. */
static void write_count(struct value_writer *writer, const struct items *items)
{
    char number[NUMBER_TEXT];
    if (items->total == 0) {
        buffer_append_text(writer->out, "[]");
        return;
    }
    buffer_append_text(writer->out, "{\"$type\":");
    value_write_word(writer, items->container);
    buffer_append_text(writer->out, ",\"$count\":");
    number_u64(number, items->total);
    buffer_append_text(writer->out, number);
    buffer_append_text(writer->out, ",\"$more\":true}");
}

static void write_items(struct value_writer *writer, const struct items *items, unsigned level,
                        unsigned nested)
{
    if (items->array && items->element == ELEMENT_TYPE_CHAR) {
        write_characters(writer, items);
    } else if (items->array && level < writer->depth) {
        write_elements(writer, items, level + 1, nested);
    } else {
        writer->cut |= items->total > 0;
        if (writer->json)
            write_count(writer, items);
    }
}

/* int[] of 5: int[5]; other containers: List<int>(5). In JSON the items alone. */
static void write_container_name(struct value_writer *writer, const char *name, uint32_t total,
                                 bool items_follow)
{
    char number[NUMBER_TEXT];
    size_t length = strlen(name);
    if (writer->json)
        return;
    number_u64(number, total);
    /* The outermost dimension of C#'s array types is the first of the brackets at the end. */
    size_t at = length;
    while (at >= 2 && name[at - 1] == ']' && name[at - 2] == '[')
        at -= 2;
    if (at < length) {
        buffer_append(writer->out, name, at + 1);
        buffer_append_text(writer->out, number);
        buffer_append_text(writer->out, name + at + 1);
    } else {
        buffer_append_text(writer->out, name);
        buffer_append_u8(writer->out, '(');
        buffer_append_text(writer->out, number);
        buffer_append_u8(writer->out, ')');
    }
    if (items_follow)
        buffer_append_u8(writer->out, ' ');
}

static bool items_follow(const struct value_writer *writer, const struct items *items,
                         unsigned level)
{
    return items->array && (items->element == ELEMENT_TYPE_CHAR || level < writer->depth);
}

void value_write_array(struct value_writer *writer, const struct value *array,
                       const struct type_info *type, const char *declared, unsigned level,
                       unsigned nested)
{
    struct items items;
    char name[64] = "";
    describe_items(writer, array, type, &items);
    items.total = array->total;
    const char *keyword = clr_element_keyword(items.element);
    if (keyword)
        snprintf(name, sizeof name, "%s[]", keyword);
    const char *shown = type ? type->name : declared[0] ? declared : name;
    items.container = shown;
    write_container_name(writer, shown, array->total, items_follow(writer, &items, level));
    write_items(writer, &items, level, nested);
}

/* ---- dictionaries and sets ---- */

/* The parts of an entry; `key` NULL: a set's. */
struct entry_parts {
    const struct type_field *next, *key, *value;
};

static bool describe_entry(struct value_writer *writer, const struct items *items,
                           struct entry_parts *parts)
{
    const struct type_info *entry = types_need(writer->types, items->type);
    parts->next = type_field_named(entry, "next");
    parts->key = type_field_named(entry, "key");
    parts->value = type_field_named(entry, "value");
    return parts->next && parts->value;
}

static void write_entry_part(struct value_writer *writer, const struct type_field *field,
                             struct spot spot)
{
    spot.at += field->offset;
    value_write_at(writer, field->element, field->type, "", spot);
}

static void write_entry(struct value_writer *writer, const struct entry_parts *parts,
                        struct spot spot)
{
    if (parts->key) {
        buffer_append_text(writer->out, writer->json ? "{\"key\":" : "[");
        write_entry_part(writer, parts->key, spot);
        buffer_append_text(writer->out, writer->json ? ",\"value\":" : "]=");
    }
    write_entry_part(writer, parts->value, spot);
    if (parts->key && writer->json)
        buffer_append_u8(writer->out, '}');
}

/* False: not an entry in use, and left out. */
static bool entry_in_use(const struct entry_parts *parts, struct spot spot)
{
    spot.at += parts->next->offset;
    return spot_left(spot) >= 4 && (int32_t)known_load(spot_bytes(spot), 4, true) >= -1;
}

static void write_entries(struct value_writer *writer, const struct items *items,
                          const struct entry_parts *parts, unsigned level, unsigned nested)
{
    const bool braces = parts->key && !writer->json;
    uint32_t held = items->size ? items->array->length / items->size : 0, shown = 0;
    buffer_append_text(writer->out, braces ? "{" : "[");
    for (uint32_t i = 0; i < held && writer->budget > 0; i++) {
        struct spot spot = {
            .item = items->array, .at = i * items->size, .level = level, .nested = nested + 1};
        if (!entry_in_use(parts, spot))
            continue;
        buffer_append_text(writer->out, shown > 0 ? writer->json ? "," : ", " : braces ? " " : "");
        write_entry(writer, parts, spot);
        shown++;
    }
    if (shown < items->total) {
        writer->cut = true;
        if (!writer->json)
            buffer_append_text(writer->out, shown > 0 ? ", " VALUE_MORE
                                            : braces  ? " " VALUE_MORE
                                                      : VALUE_MORE);
    }
    buffer_append_text(writer->out, !braces ? "]" : items->total > 0 ? " }" : "}");
}

/* A number that an object's field holds; 0 where it is not there. */
static uint32_t number_in(const struct type_info *type, const char *name, struct spot spot)
{
    const struct type_field *field = type_field_named(type, name);
    if (!field || field->offset < 8)
        return 0;
    spot.at += field->offset - 8;
    return spot_left(spot) < 4 ? 0 : (uint32_t)known_load(spot_bytes(spot), 4, false);
}

void value_write_keyed(struct value_writer *writer, const struct type_info *type, struct spot spot)
{
    const struct type_field *link = type_field_named(type, "_entries");
    struct entry_parts parts;
    struct items items = {0};
    if (spot_left(spot) == 0 || !link || link->offset < 8) {
        value_write_unfollowed(writer, type->name);
        return;
    }
    const struct value *array = value_child_at(writer, spot.item, spot.at + link->offset - 8);
    if (array && array->kind != WIRE_VALUE_ARRAY)
        array = NULL;
    describe_items(writer, array, type, &items);
    uint32_t used = number_in(type, "_count", spot), unused = number_in(type, "_freeCount", spot);
    items.total = used > unused ? used - unused : 0;
    items.container = type->name;
    bool follow = array && spot.level < writer->depth && describe_entry(writer, &items, &parts);
    write_container_name(writer, type->name, items.total, follow);
    if (follow) {
        write_entries(writer, &items, &parts, spot.level + 1, spot.nested);
        return;
    }
    writer->cut |= items.total > 0;
    if (writer->json)
        write_count(writer, &items);
}

/* A List<T> object or a span: its length field and the array child behind `reference`. */
void value_write_counted(struct value_writer *writer, const struct type_info *type,
                         struct spot spot, uint32_t shift, const char *reference,
                         const char *count_name)
{
    const struct type_field *size = type_field_named(type, count_name);
    const struct type_field *link = type_field_named(type, reference);
    struct items items = {0};
    struct spot count = spot;
    if (!size || !link || size->offset < shift || link->offset < shift) {
        value_write_unfollowed(writer, type->name);
        return;
    }
    count.at += size->offset - shift;
    if (spot_left(count) < 4) {
        value_write_unfollowed(writer, type->name);
        return;
    }
    const struct value *array = value_child_at(writer, spot.item, spot.at + link->offset - shift);
    if (array && array->kind != WIRE_VALUE_ARRAY)
        array = NULL;
    describe_items(writer, array, type, &items);
    items.total = (uint32_t)known_load(spot_bytes(count), 4, false);
    items.container = type->name;
    write_container_name(writer, type->name, items.total, items_follow(writer, &items, spot.level));
    write_items(writer, &items, spot.level, spot.nested);
}
