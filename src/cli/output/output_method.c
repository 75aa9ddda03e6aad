#include "output_method.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)256 << 20)

void methods_init(struct methods *methods)
{
    *methods = (struct methods){0};
    arena_init(&methods->arena, ARENA_LIMIT);
    text_map_init(&methods->by_name);
}

void methods_release(struct methods *methods)
{
    free(methods->items);
    arena_release(&methods->arena);
    text_map_release(&methods->by_name);
    *methods = (struct methods){0};
}

struct method *methods_get(struct methods *methods, uint32_t site)
{
    if (site >= methods->count || !methods->items[site].known)
        return NULL;
    return &methods->items[site];
}

const char *methods_text(struct arena *arena, const struct tlv *field)
{
    size_t length = 0;
    const char *text = tlv_text(field, &length);
    char *copy = arena_copy_text(arena, length ? text : "", length);
    for (size_t i = 0; copy && i < length; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = '?';
    return copy ? copy : "";
}

static bool make_room(struct methods *methods, uint32_t site)
{
    if (site < methods->capacity)
        return true;
    uint32_t capacity = methods->capacity ? methods->capacity : 64;
    while (capacity <= site)
        capacity *= 2;
    struct method *items = realloc(methods->items, capacity * sizeof *items);
    if (!items)
        return false;
    memset(items + methods->capacity, 0, (capacity - methods->capacity) * sizeof *items);
    methods->items = items;
    methods->capacity = capacity;
    return true;
}

static void get_value(struct arena *arena, struct reader message, struct method_value *value)
{
    struct tlv field;
    value->label = value->declared = "";
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_VALUE_LABEL)
            value->label = methods_text(arena, &field);
        else if (field.tag == WIRE_VALUE_ELEMENT)
            value->element = (uint8_t)tlv_u32(&field);
        else if (field.tag == WIRE_VALUE_TYPE)
            value->type = tlv_u64(&field);
        else if (field.tag == WIRE_VALUE_TYPE_NAME)
            value->declared = methods_text(arena, &field);
        else if (field.tag == WIRE_VALUE_AT_EXIT)
            value->at_exit = tlv_u32(&field) != 0;
    }
}

static void get_number(const struct tlv *field, struct method *method)
{
    uint32_t number = tlv_u32(field);
    if (field->tag == WIRE_METHOD_SITE)
        method->site = number;
    else if (field->tag == WIRE_METHOD_TOKEN)
        method->token = number;
    else if (field->tag == WIRE_METHOD_PROBE)
        method->probe = number;
    else if (field->tag == WIRE_METHOD_KIND && number <= WIRE_METHOD_ITERATOR)
        method->kind = (enum wire_method_kind)number;
}

static void count_fields(struct reader message, uint32_t *values, uint32_t *notes)
{
    struct tlv field;
    while (tlv_next(&message, &field)) {
        *values += field.tag == WIRE_METHOD_VALUE;
        *notes += field.tag == WIRE_METHOD_NOTE;
    }
}

static bool get_method(struct arena *arena, struct reader message, struct method *method)
{
    uint32_t values = 0, notes = 0;
    struct tlv field;
    count_fields(message, &values, &notes);
    struct method_value *value = arena_new_array(arena, values ? values : 1, struct method_value);
    method->notes = arena_new_array(arena, notes ? notes : 1, const char *);
    if (!value || !method->notes)
        return false;
    method->values = value;
    method->name = method->signature = method->module = "";
    method->site = UINT32_MAX;
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_METHOD_NAME)
            method->name = methods_text(arena, &field);
        else if (field.tag == WIRE_METHOD_SIGNATURE)
            method->signature = methods_text(arena, &field);
        else if (field.tag == WIRE_METHOD_MODULE)
            method->module = methods_text(arena, &field);
        else if (field.tag == WIRE_METHOD_VALUE)
            get_value(arena, field.value, &value[method->value_count++]);
        else if (field.tag == WIRE_METHOD_NOTE)
            method->notes[method->note_count++] = methods_text(arena, &field);
        else if (field.tag == WIRE_METHOD_RESULT) {
            method->has_result = true;
            get_value(arena, field.value, &method->result);
        } else
            get_number(&field, method);
    }
    return !message.failed;
}

static void note_name(struct methods *methods, struct method *method)
{
    uint64_t other = method->site;
    if (!text_map_get(&methods->by_name, method->name, &other))
        text_map_put(&methods->by_name, method->name, method->site);
    struct method *first = methods_get(methods, (uint32_t)other);
    if (first && first != method && strcmp(first->signature, method->signature) != 0)
        first->overloaded = method->overloaded = true;
    size_t width = strlen(method->name);
    if (method->overloaded)
        width += strlen(method->signature);
    if (width > methods->widest)
        methods->widest = width;
}

enum status methods_add(struct methods *methods, struct reader payload, struct method **added,
                        struct error *error)
{
    struct method method = {.known = true};
    if (!get_method(&methods->arena, payload, &method) || method.site >= METHODS_MAX)
        return error_set(error, STATUS_PEER, "the agent described a method that cannot be");
    if (!make_room(methods, method.site))
        return error_set(error, STATUS_MEMORY, "out of memory");
    struct method *place = &methods->items[method.site];
    method.shown = place->shown;
    method.rejected = place->rejected;
    *place = method;
    if (method.site >= methods->count)
        methods->count = method.site + 1;
    note_name(methods, place);
    if (added)
        *added = place;
    return STATUS_OK;
}
