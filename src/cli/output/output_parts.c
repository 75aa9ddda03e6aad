/* One field, element or argument; the fields of a type; tuples. */
#include <string.h>

#include "base_text.h"
#include "clr_element.h"
#include "output_escape.h"
#include "output_known.h"
#include "output_parts.h"

#define NESTING_MAX 32

uint32_t spot_left(struct spot spot)
{
    return spot.at <= spot.item->length ? spot.item->length - spot.at : 0;
}

const uint8_t *spot_bytes(struct spot spot)
{
    return spot.item->data + (spot.at <= spot.item->length ? spot.at : spot.item->length);
}

bool value_spend(struct value_writer *writer, unsigned nested)
{
    if (writer->budget == 0 || nested > NESTING_MAX) {
        writer->cut = true;
        return false;
    }
    writer->budget--;
    return true;
}

void value_write_more(struct value_writer *writer)
{
    value_write_word(writer, VALUE_MORE);
    writer->cut = true;
}

/* Type {…}: known to be there, not followed. */
void value_write_unfollowed(struct value_writer *writer, const char *name)
{
    writer->cut = true;
    if (writer->json) {
        buffer_append_text(writer->out, "{\"$type\":");
        escape_json(writer->out, name);
        buffer_append_text(writer->out, ",\"$more\":true}");
    } else {
        buffer_append_text(writer->out, name);
        buffer_append_text(writer->out, *name ? " {" VALUE_MORE "}" : VALUE_MORE);
    }
}

/* ---- one field, element or argument ---- */

const struct value *value_child_at(const struct value_writer *writer, const struct value *parent,
                                   uint32_t at)
{
    for (uint16_t i = parent->first_child; i; i = writer->list->items[i].next_child)
        if (writer->list->items[i].at == at)
            return &writer->list->items[i];
    return NULL;
}

static void write_reference(struct value_writer *writer, const char *declared, struct spot spot)
{
    const struct value *child = value_child_at(writer, spot.item, spot.at);
    if (child)
        value_write_item(writer, child, declared, spot.level, spot.nested + 1);
    else if (spot_left(spot) < 8)
        value_write_more(writer);
    else if (known_load(spot_bytes(spot), 8, false) == 0)
        buffer_append_text(writer->out, "null");
    else if (strcmp(declared, "string") == 0 || declared[0] == '\0')
        value_write_more(writer);
    else
        value_write_unfollowed(writer, declared);
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
                    type->kind == WIRE_TYPE_DICTIONARY || type->kind == WIRE_TYPE_SET ||
                    type->kind == WIRE_TYPE_EXCEPTION || type->kind == WIRE_TYPE_DELEGATE);
}

void value_write_at(struct value_writer *writer, uint8_t element, uint64_t type_id,
                    const char *declared, struct spot spot)
{
    if (!value_spend(writer, spot.nested)) {
        value_write_word(writer, VALUE_MORE);
        return;
    }
    const struct type_info *type = types_need(writer->types, type_id);
    if (is_reference(element, type)) {
        write_reference(writer, type && type->name[0] ? type->name : declared, spot);
    } else if (type) {
        value_write_struct(writer, type, spot);
    } else if (clr_element_size(element) > 0) {
        if (spot_left(spot) < clr_element_size(element))
            value_write_more(writer);
        else
            value_write_scalar(writer, element, value_load(element, spot_bytes(spot)));
    } else if (type_id != 0 || element == ELEMENT_TYPE_VALUETYPE) {
        value_write_unfollowed(writer, declared);
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
void value_write_fields(struct value_writer *writer, const struct type_info *type, struct spot spot,
                        uint32_t shift)
{
    bool all = !any_own_field(type);
    bool any = false;
    /* What is made at run time has fields that no metadata tells. */
    bool unread = type->field_count == 0 && text_ends_with(type->name, "(dynamic)");
    if (spot.level >= writer->depth || unread) {
        value_write_unfollowed(writer, type->name);
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
            value_write_more(writer);
            continue;
        }
        struct spot inner = {.item = spot.item,
                             .at = spot.at + field->offset - shift,
                             .level = spot.level + 1,
                             .nested = spot.nested + 1};
        value_write_at(writer, field->element, field->type, field->declared, inner);
    }
    end_fields(writer, any);
}

void value_write_tuple(struct value_writer *writer, const struct type_info *type, struct spot spot,
                       uint32_t shift)
{
    buffer_append_u8(writer->out, writer->json ? '[' : '(');
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        if (i > 0)
            buffer_append_text(writer->out, writer->json ? "," : ", ");
        if (field->offset < shift) {
            value_write_more(writer);
            continue;
        }
        struct spot inner = {.item = spot.item,
                             .at = spot.at + field->offset - shift,
                             .level = spot.level,
                             .nested = spot.nested + 1};
        value_write_at(writer, field->element, field->type, field->declared, inner);
    }
    buffer_append_u8(writer->out, writer->json ? ']' : ')');
}
