/* Values by the kind of their type, and items by their own kind. */
#include <string.h>

#include "clr_element.h"
#include "output_escape.h"
#include "output_known.h"
#include "output_parts.h"

/* ---- kinds of types ---- */

static void write_nullable(struct value_writer *writer, const struct type_info *type,
                           struct spot spot)
{
    const struct type_field *value = type_field_named(type, "value");
    if (spot_left(spot) < 1 || !value) {
        value_write_more(writer);
    } else if (spot_bytes(spot)[0] == 0) {
        buffer_append_text(writer->out, "null");
    } else {
        spot.at += value->offset;
        spot.nested++;
        value_write_at(writer, value->element, value->type ? value->type : type->item,
                       value->declared, spot);
    }
}

static void write_known(struct value_writer *writer, const struct type_info *type, struct spot spot)
{
    char text[KNOWN_TEXT];
    uint32_t left = spot_left(spot);
    size_t length = known_text(text, type->kind, type, spot_bytes(spot), left);
    if (length == 0)
        value_write_more(writer);
    else if (type->kind == WIRE_TYPE_DECIMAL)
        buffer_append(writer->out, text, length);
    else
        value_write_word(writer, text);
}

/* A value type's bytes. */
void value_write_struct(struct value_writer *writer, const struct type_info *type, struct spot spot)
{
    uint32_t size = clr_element_size(type->element);
    if (known_kind(type->kind)) {
        write_known(writer, type, spot);
    } else if (type->kind == WIRE_TYPE_ENUM || type->kind == WIRE_TYPE_PRIMITIVE) {
        if (size == 0 || spot_left(spot) < size)
            value_write_more(writer);
        else if (type->kind == WIRE_TYPE_ENUM)
            value_write_enum(writer, type, value_load(type->element, spot_bytes(spot)));
        else
            value_write_scalar(writer, type->element, value_load(type->element, spot_bytes(spot)));
    } else if (type->kind == WIRE_TYPE_NULLABLE) {
        write_nullable(writer, type, spot);
    } else if (type->kind == WIRE_TYPE_TUPLE) {
        value_write_tuple(writer, type, spot, 0);
    } else if (type->kind == WIRE_TYPE_SPAN) {
        value_write_counted(writer, type, spot, 0, "_reference", "_length");
    } else if (type->kind == WIRE_TYPE_UNKNOWN) {
        value_write_unfollowed(writer, type->name);
    } else {
        value_write_fields(writer, type, spot, 0);
    }
}

/* ---- objects ---- */

/* Type: "message", and the same of the exception inside. */
static void write_exception(struct value_writer *writer, const struct type_info *type,
                            struct spot spot)
{
    const struct type_field *message = type_field_named(type, "_message");
    const struct type_field *inner = type_field_named(type, "_innerException");
    const struct value *text = message && message->offset >= 8
                                   ? value_child_at(writer, spot.item, message->offset - 8)
                                   : NULL;
    const struct value *cause =
        inner && inner->offset >= 8 ? value_child_at(writer, spot.item, inner->offset - 8) : NULL;
    if (writer->json) {
        buffer_append_text(writer->out, "{\"type\":");
        escape_json(writer->out, type->full_name[0] ? type->full_name : type->name);
    } else {
        buffer_append_text(writer->out, type->name);
    }
    if (text && text->kind == WIRE_VALUE_STRING) {
        buffer_append_text(writer->out, writer->json ? ",\"message\":" : ": ");
        value_write_item(writer, text, "string", spot.level, spot.nested + 1);
    }
    if (cause && (cause->kind == WIRE_VALUE_OBJECT || cause->kind == WIRE_VALUE_UNRESOLVED)) {
        buffer_append_text(writer->out, writer->json ? ",\"inner\":" : " <- ");
        value_write_item(writer, cause, "", spot.level, spot.nested + 1);
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
        value_write_struct(writer, type, spot);
    else if (type->kind == WIRE_TYPE_LIST)
        value_write_counted(writer, type, spot, 8, "_items", "_size");
    else if (type->kind == WIRE_TYPE_DICTIONARY || type->kind == WIRE_TYPE_SET)
        value_write_keyed(writer, type, spot);
    else if (type->kind == WIRE_TYPE_EXCEPTION)
        write_exception(writer, type, spot);
    else if (type->kind == WIRE_TYPE_TUPLE && type->field_count > 0)
        value_write_tuple(writer, type, spot, type->fields[0].offset >= 8 ? 8 : 0);
    else if (type->kind == WIRE_TYPE_CLASS)
        value_write_fields(writer, type, spot, 8);
    else
        value_write_unfollowed(writer, type->name);
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
        value_write_unfollowed(writer, declared);
}

/* Do the outermost brackets of int[,] or int[,][] hold a comma? Then lengths and bounds of the
 * dimensions stand before the elements. */
static bool has_dimensions(const char *name)
{
    size_t at = strlen(name);
    bool comma = false;
    for (bool inside = false; at > 0; at--) {
        char letter = name[at - 1];
        if (letter == ']' && !inside) {
            inside = true;
            comma = false;
        } else if (letter == '[' && inside) {
            inside = false;
        } else if (letter == ',' && inside) {
            comma = true;
        } else {
            break;
        }
    }
    return comma;
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
    if (type->kind == WIRE_TYPE_ARRAY && has_dimensions(type->name)) {
        value_write_unfollowed(writer, type->name);
        return true;
    }
    struct value whole = *value;
    whole.total = (uint32_t)known_load(value->data, 4, false);
    whole.data += head;
    whole.length -= head;
    whole.first_child = 0;
    if (type->kind == WIRE_TYPE_ARRAY) {
        value_write_array(writer, &whole, type, type->name, spot.level, spot.nested);
        return true;
    }
    uint32_t units = whole.length / 2 < whole.total ? whole.length / 2 : whole.total;
    value_write_units(writer, whole.data, units, units < whole.total, '"');
    return true;
}

/* Type {…} says already that more is there. */
static bool ends_with_more(const struct buffer *out)
{
    static const char end[] = VALUE_MORE "}";
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
        value_write_array(writer, value, type, declared, spot.level, spot.nested);
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
        value_write_unfollowed(writer, type->name);
    else if (value->kind == WIRE_VALUE_BYTES)
        value_write_struct(writer, type, spot);
    else
        write_object(writer, type, spot);
    bool told = type && type->kind == WIRE_TYPE_EXCEPTION && value->first_child;
    if (value->kind == WIRE_VALUE_UNRESOLVED && !told) {
        writer->cut = true;
        if (!writer->json && type && !ends_with_more(writer->out))
            buffer_append_text(writer->out, VALUE_MORE);
    }
}

void value_write_item(struct value_writer *writer, const struct value *value, const char *declared,
                      unsigned level, unsigned nested)
{
    struct spot spot = {.item = value, .level = level, .nested = nested};
    if (!value_spend(writer, nested)) {
        value_write_word(writer, VALUE_MORE);
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
        value_write_more(writer);
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
        value_write_item(writer, value, declared ? declared->declared : "", 0, 0);
}
