/* Values with parts: objects, structs, arrays, lists, tuples, spans, exceptions. */
#include <string.h>

#include "clr_element.h"
#include "output_escape.h"
#include "output_known.h"
#include "output_number.h"
#include "output_value.h"

#define NESTING_MAX 32
#define MORE        "…"

/* Bytes of one value inside the data of a list item. */
struct spot {
    const struct value *item;
    uint32_t at;     /* within item->data */
    unsigned level;  /* of fields: 0 is the root value */
    unsigned nested; /* of calls, for the bound */
};

static void write_item(struct value_writer *writer, const struct value *value, const char *declared,
                       unsigned level, unsigned nested);
static void write_struct(struct value_writer *writer, const struct type_info *type,
                         struct spot spot);

static uint32_t left_at(struct spot spot)
{
    return spot.at <= spot.item->length ? spot.item->length - spot.at : 0;
}

static const uint8_t *bytes_at(struct spot spot)
{
    return spot.item->data + (spot.at <= spot.item->length ? spot.at : spot.item->length);
}

static bool spend(struct value_writer *writer, unsigned nested)
{
    if (writer->budget == 0 || nested > NESTING_MAX) {
        writer->cut = true;
        return false;
    }
    writer->budget--;
    return true;
}

static void write_more(struct value_writer *writer)
{
    value_write_word(writer, MORE);
    writer->cut = true;
}

/* Type {…}: known to be there, not followed. */
static void write_unfollowed(struct value_writer *writer, const char *name)
{
    writer->cut = true;
    if (writer->json) {
        buffer_append_text(writer->out, "{\"$type\":");
        escape_json(writer->out, name);
        buffer_append_text(writer->out, ",\"$more\":true}");
    } else {
        buffer_append_text(writer->out, name);
        buffer_append_text(writer->out, *name ? " {" MORE "}" : MORE);
    }
}

/* ---- one field, element or argument ---- */

static const struct value *child_at(const struct value_writer *writer, const struct value *parent,
                                    uint32_t at)
{
    for (uint16_t i = parent->first_child; i; i = writer->list->items[i].next_child)
        if (writer->list->items[i].at == at)
            return &writer->list->items[i];
    return NULL;
}

static void write_reference(struct value_writer *writer, const char *declared, struct spot spot)
{
    const struct value *child = child_at(writer, spot.item, spot.at);
    if (child)
        write_item(writer, child, declared, spot.level, spot.nested + 1);
    else if (left_at(spot) < 8)
        write_more(writer);
    else if (known_load(bytes_at(spot), 8, false) == 0)
        buffer_append_text(writer->out, "null");
    else if (strcmp(declared, "string") == 0 || declared[0] == '\0')
        write_more(writer);
    else
        write_unfollowed(writer, declared);
}

static bool is_reference(uint8_t element, const struct type_info *type)
{
    switch (element) {
    case ELEMENT_TYPE_STRING:
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_OBJECT:
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_ARRAY:
        return true;
    default:
        break;
    }
    return type && (type->kind == WIRE_TYPE_CLASS || type->kind == WIRE_TYPE_STRING ||
                    type->kind == WIRE_TYPE_ARRAY || type->kind == WIRE_TYPE_LIST ||
                    type->kind == WIRE_TYPE_EXCEPTION || type->kind == WIRE_TYPE_DELEGATE);
}

static void write_at(struct value_writer *writer, uint8_t element, uint64_t type_id,
                     const char *declared, struct spot spot)
{
    if (!spend(writer, spot.nested)) {
        value_write_word(writer, MORE);
        return;
    }
    const struct type_info *type = types_need(writer->types, type_id);
    if (is_reference(element, type)) {
        write_reference(writer, type && type->name[0] ? type->name : declared, spot);
    } else if (type) {
        write_struct(writer, type, spot);
    } else if (clr_element_size(element) > 0) {
        if (left_at(spot) < clr_element_size(element))
            write_more(writer);
        else
            value_write_scalar(writer, element, value_load(element, bytes_at(spot)));
    } else if (type_id != 0 || element == ELEMENT_TYPE_VALUETYPE) {
        write_unfollowed(writer, declared);
    } else {
        write_reference(writer, declared, spot);
    }
}

/* ---- fields ---- */

/* A name that C# cannot spell is the compiler's own. */
static bool is_generated(const char *name)
{
    return strchr(name, '<') != NULL || name[0] == '\0';
}

static bool any_own_field(const struct type_info *type)
{
    for (uint32_t i = 0; i < type->field_count; i++)
        if (!type->fields[i].hidden)
            return true;
    return false;
}

static void begin_fields(struct value_writer *writer, const char *name)
{
    if (writer->json) {
        buffer_append_text(writer->out, "{\"$type\":");
        escape_json(writer->out, name);
    } else {
        buffer_append_text(writer->out, name);
        buffer_append_text(writer->out, " {");
    }
}

static void begin_field(struct value_writer *writer, const char *name, bool first)
{
    if (writer->json) {
        buffer_append_u8(writer->out, ',');
        escape_json(writer->out, name);
        buffer_append_u8(writer->out, ':');
    } else {
        buffer_append_text(writer->out, first ? " " : ", ");
        buffer_append_text(writer->out, name);
        buffer_append_u8(writer->out, '=');
    }
}

static void end_fields(struct value_writer *writer, bool any)
{
    buffer_append_text(writer->out, writer->json ? "}" : any ? " }" : "}");
}

/* `shift`: 8 for objects, whose offsets count from the method table word. */
static void write_fields(struct value_writer *writer, const struct type_info *type,
                         struct spot spot, uint32_t shift)
{
    bool all = !any_own_field(type);
    bool any = false;
    if (spot.level >= writer->depth) {
        write_unfollowed(writer, type->name);
        return;
    }
    begin_fields(writer, type->name);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        if ((field->hidden && !all) || is_generated(field->name))
            continue;
        begin_field(writer, field->name, !any);
        any = true;
        if (field->offset < shift || field->offset - shift > spot.item->length) {
            write_more(writer);
            continue;
        }
        struct spot inner = {.item = spot.item,
                             .at = spot.at + field->offset - shift,
                             .level = spot.level + 1,
                             .nested = spot.nested + 1};
        write_at(writer, field->element, field->type, field->declared, inner);
    }
    end_fields(writer, any);
}

static void write_tuple(struct value_writer *writer, const struct type_info *type, struct spot spot,
                        uint32_t shift)
{
    buffer_append_u8(writer->out, writer->json ? '[' : '(');
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        if (i > 0)
            buffer_append_text(writer->out, writer->json ? "," : ", ");
        if (field->offset < shift) {
            write_more(writer);
            continue;
        }
        struct spot inner = {.item = spot.item,
                             .at = spot.at + field->offset - shift,
                             .level = spot.level,
                             .nested = spot.nested + 1};
        write_at(writer, field->element, field->type, field->declared, inner);
    }
    buffer_append_u8(writer->out, writer->json ? ']' : ')');
}

/* ---- arrays, lists, spans ---- */

struct items {
    const struct value *array; /* ARRAY item that holds the elements; may be NULL */
    uint32_t total;            /* elements that there are */
    uint8_t element;
    uint64_t type;        /* of the elements, where they are value types */
    uint32_t size;        /* of one element */
    const char *declared; /* name of the elements' type */
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
        write_at(writer, items->element, items->type, items->declared, spot);
    }
    if (i < items->total) {
        writer->cut = true;
        if (!writer->json)
            buffer_append_text(writer->out, i > 0 ? ", " MORE : MORE);
    }
    buffer_append_u8(writer->out, ']');
}

static void write_items(struct value_writer *writer, const struct items *items, unsigned level,
                        unsigned nested)
{
    if (items->array && items->element == ELEMENT_TYPE_CHAR) {
        write_characters(writer, items);
    } else if (items->array && level < writer->depth) {
        write_elements(writer, items, level + 1, nested);
    } else if (writer->json) {
        writer->cut |= items->total > 0;
        buffer_append_text(writer->out, "[]");
    } else {
        writer->cut |= items->total > 0;
        return;
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

static void write_array(struct value_writer *writer, const struct value *array,
                        const struct type_info *type, const char *declared, unsigned level,
                        unsigned nested)
{
    struct items items;
    char name[64] = "";
    describe_items(writer, array, type, &items);
    items.total = array->total;
    const char *keyword = clr_element_keyword(items.element);
    if (keyword && strlen(keyword) < sizeof name - 3) {
        strcpy(name, keyword);
        strcat(name, "[]");
    }
    const char *shown = type ? type->name : declared[0] ? declared : name;
    write_container_name(writer, shown, array->total, items_follow(writer, &items, level));
    write_items(writer, &items, level, nested);
}

/* A List<T> object or a span: its length field and the array child behind `reference`. */
static void write_counted(struct value_writer *writer, const struct type_info *type,
                          struct spot spot, uint32_t shift, const char *reference,
                          const char *count_name)
{
    const struct type_field *size = type_field_named(type, count_name);
    const struct type_field *link = type_field_named(type, reference);
    struct items items = {0};
    struct spot count = spot;
    if (!size || !link || size->offset < shift || link->offset < shift) {
        write_unfollowed(writer, type->name);
        return;
    }
    count.at += size->offset - shift;
    if (left_at(count) < 4) {
        write_unfollowed(writer, type->name);
        return;
    }
    const struct value *array = child_at(writer, spot.item, spot.at + link->offset - shift);
    if (array && array->kind != WIRE_VALUE_ARRAY)
        array = NULL;
    describe_items(writer, array, type, &items);
    items.total = (uint32_t)known_load(bytes_at(count), 4, false);
    write_container_name(writer, type->name, items.total, items_follow(writer, &items, spot.level));
    write_items(writer, &items, spot.level, spot.nested);
}

/* ---- kinds of types ---- */

static void write_nullable(struct value_writer *writer, const struct type_info *type,
                           struct spot spot)
{
    const struct type_field *value = type_field_named(type, "value");
    if (left_at(spot) < 1 || !value) {
        write_more(writer);
    } else if (bytes_at(spot)[0] == 0) {
        buffer_append_text(writer->out, "null");
    } else {
        spot.at += value->offset;
        spot.nested++;
        write_at(writer, value->element, value->type ? value->type : type->item, value->declared,
                 spot);
    }
}

static void write_known(struct value_writer *writer, const struct type_info *type, struct spot spot)
{
    char text[KNOWN_TEXT];
    uint32_t left = left_at(spot);
    size_t length = known_text(text, type->kind, type, bytes_at(spot), left);
    if (length == 0)
        write_more(writer);
    else if (type->kind == WIRE_TYPE_DECIMAL)
        buffer_append(writer->out, text, length);
    else
        value_write_word(writer, text);
}

/* A value type's bytes. */
static void write_struct(struct value_writer *writer, const struct type_info *type,
                         struct spot spot)
{
    uint32_t size = clr_element_size(type->element);
    if (known_kind(type->kind)) {
        write_known(writer, type, spot);
    } else if (type->kind == WIRE_TYPE_ENUM || type->kind == WIRE_TYPE_PRIMITIVE) {
        if (size == 0 || left_at(spot) < size)
            write_more(writer);
        else if (type->kind == WIRE_TYPE_ENUM)
            value_write_enum(writer, type, value_load(type->element, bytes_at(spot)));
        else
            value_write_scalar(writer, type->element, value_load(type->element, bytes_at(spot)));
    } else if (type->kind == WIRE_TYPE_NULLABLE) {
        write_nullable(writer, type, spot);
    } else if (type->kind == WIRE_TYPE_TUPLE) {
        write_tuple(writer, type, spot, 0);
    } else if (type->kind == WIRE_TYPE_SPAN) {
        write_counted(writer, type, spot, 0, "_reference", "_length");
    } else if (type->kind == WIRE_TYPE_UNKNOWN) {
        write_unfollowed(writer, type->name);
    } else {
        write_fields(writer, type, spot, 0);
    }
}

/* ---- objects ---- */

/* Type: "message", and the same of the exception inside. */
static void write_exception(struct value_writer *writer, const struct type_info *type,
                            struct spot spot)
{
    const struct type_field *message = type_field_named(type, "_message");
    const struct type_field *inner = type_field_named(type, "_innerException");
    const struct value *text =
        message && message->offset >= 8 ? child_at(writer, spot.item, message->offset - 8) : NULL;
    const struct value *cause =
        inner && inner->offset >= 8 ? child_at(writer, spot.item, inner->offset - 8) : NULL;
    if (writer->json) {
        buffer_append_text(writer->out, "{\"type\":");
        escape_json(writer->out, type->full_name[0] ? type->full_name : type->name);
    } else {
        buffer_append_text(writer->out, type->name);
    }
    if (text && text->kind == WIRE_VALUE_STRING) {
        buffer_append_text(writer->out, writer->json ? ",\"message\":" : ": ");
        write_item(writer, text, "string", spot.level, spot.nested + 1);
    }
    if (cause && cause->kind == WIRE_VALUE_OBJECT) {
        buffer_append_text(writer->out, writer->json ? ",\"inner\":" : " <- ");
        write_item(writer, cause, "", spot.level, spot.nested + 1);
    }
    if (writer->json)
        buffer_append_u8(writer->out, '}');
}

static bool is_boxed(enum wire_type_kind kind)
{
    return known_kind(kind) || kind == WIRE_TYPE_STRUCT || kind == WIRE_TYPE_ENUM ||
           kind == WIRE_TYPE_PRIMITIVE || kind == WIRE_TYPE_NULLABLE;
}

static void write_object(struct value_writer *writer, const struct type_info *type,
                         struct spot spot)
{
    if (is_boxed(type->kind))
        write_struct(writer, type, spot);
    else if (type->kind == WIRE_TYPE_LIST)
        write_counted(writer, type, spot, 8, "_items", "_size");
    else if (type->kind == WIRE_TYPE_EXCEPTION)
        write_exception(writer, type, spot);
    else if (type->kind == WIRE_TYPE_TUPLE && type->field_count > 0)
        write_tuple(writer, type, spot, type->fields[0].offset >= 8 ? 8 : 0);
    else if (type->kind == WIRE_TYPE_CLASS)
        write_fields(writer, type, spot, 8);
    else
        write_unfollowed(writer, type->name);
}

static void write_no_field(struct value_writer *writer, const struct type_info *type)
{
    if (writer->json) {
        buffer_append_text(writer->out, "null");
        writer->cut = true;
    } else {
        buffer_append_text(writer->out, "(not in ");
        buffer_append_text(writer->out, type ? type->name : "this type");
        buffer_append_u8(writer->out, ')');
    }
}

/* BYTES without a type that is known: a primitive by its element, else what it is called. */
static void write_untyped(struct value_writer *writer, const struct value *value,
                          const char *declared)
{
    uint32_t size = clr_element_size(value->element);
    if (value->kind == WIRE_VALUE_BYTES && size && value->length >= size)
        value_write_scalar(writer, value->element, value_load(value->element, value->data));
    else
        write_unfollowed(writer, declared);
}

/* An array or string met before its layout was known comes as the raw bytes behind the method
 * table word: u32 length, for arrays 4 bytes of padding, then the elements. */
static bool write_raw(struct value_writer *writer, const struct value *value,
                      const struct type_info *type, struct spot spot)
{
    uint32_t head = type->kind == WIRE_TYPE_STRING ? 4 : 8;
    if (value->kind != WIRE_VALUE_UNRESOLVED || value->length < head ||
        (type->kind != WIRE_TYPE_STRING && type->kind != WIRE_TYPE_ARRAY))
        return false;
    struct value whole = *value;
    whole.total = (uint32_t)known_load(value->data, 4, false);
    whole.data += head;
    whole.length -= head;
    whole.first_child = 0;
    if (type->kind == WIRE_TYPE_ARRAY) {
        write_array(writer, &whole, type, type->name, spot.level, spot.nested);
        return true;
    }
    uint32_t units = whole.length / 2 < whole.total ? whole.length / 2 : whole.total;
    value_write_units(writer, whole.data, units, units < whole.total, '"');
    return true;
}

/* Type {…} says already that more is there. */
static bool ends_with_more(const struct buffer *out)
{
    static const char end[] = MORE "}";
    size_t length = sizeof end - 1;
    return out->length >= length && memcmp(out->data + out->length - length, end, length) == 0;
}

static void write_typed(struct value_writer *writer, const struct value *value,
                        const struct type_info *type, const char *declared, struct spot spot)
{
    switch (value->kind) {
    case WIRE_VALUE_STRING: {
        uint32_t units = value->length / 2;
        value_write_units(writer, value->data, units,
                          (value->flags & WIRE_VALUE_CUT) != 0 || units < value->total, '"');
        return;
    }
    case WIRE_VALUE_ARRAY:
        write_array(writer, value, type, declared, spot.level, spot.nested);
        return;
    case WIRE_VALUE_NO_FIELD:
        write_no_field(writer, type);
        return;
    default:
        break;
    }
    bool bare = value->kind == WIRE_VALUE_OBJECT && value->length == 0 &&
                (value->flags & WIRE_VALUE_CUT) != 0;
    if (type && write_raw(writer, value, type, spot))
        return;
    if (!type)
        write_untyped(writer, value, declared);
    else if (bare && type->kind == WIRE_TYPE_CLASS)
        write_unfollowed(writer, type->name);
    else if (value->kind == WIRE_VALUE_BYTES)
        write_struct(writer, type, spot);
    else
        write_object(writer, type, spot);
    bool told = type && type->kind == WIRE_TYPE_EXCEPTION && value->first_child;
    if (value->kind == WIRE_VALUE_UNRESOLVED && !told) {
        writer->cut = true;
        if (!writer->json && type && !ends_with_more(writer->out))
            buffer_append_text(writer->out, MORE);
    }
}

static void write_item(struct value_writer *writer, const struct value *value, const char *declared,
                       unsigned level, unsigned nested)
{
    struct spot spot = {.item = value, .level = level, .nested = nested};
    if (!spend(writer, nested)) {
        value_write_word(writer, MORE);
        return;
    }
    switch (value->kind) {
    case WIRE_VALUE_NULL:
    case WIRE_VALUE_NULL_PATH:
        buffer_append_text(writer->out, "null");
        return;
    case WIRE_VALUE_SCALAR:
        value_write_scalar(writer, value->element, known_load(value->data, 8, false));
        return;
    case WIRE_VALUE_KEY:
    case WIRE_VALUE_ITEMS:
        value_write_scalar(writer, ELEMENT_TYPE_U8, known_load(value->data, 8, false));
        return;
    case WIRE_VALUE_BYTES:
    case WIRE_VALUE_OBJECT:
    case WIRE_VALUE_STRING:
    case WIRE_VALUE_ARRAY:
    case WIRE_VALUE_NO_FIELD:
    case WIRE_VALUE_UNRESOLVED:
        write_typed(writer, value, types_need(writer->types, value->type), declared, spot);
        return;
    default: /* of a later minor version */
        write_more(writer);
        return;
    }
}

void value_write(struct value_writer *writer, const struct value *value,
                 const struct method_value *declared)
{
    const struct type_info *type = declared ? types_need(writer->types, declared->type) : NULL;
    if (value->kind == WIRE_VALUE_SCALAR && type && type->kind == WIRE_TYPE_ENUM)
        value_write_enum(writer, type, known_load(value->data, 8, false));
    else if (value->kind == WIRE_VALUE_SCALAR && value->element == 0 && declared)
        value_write_scalar(writer, declared->element, known_load(value->data, 8, false));
    else
        write_item(writer, value, declared ? declared->declared : "", 0, 0);
}
