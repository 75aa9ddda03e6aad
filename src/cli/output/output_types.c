#include "output_types.h"

#include <stdlib.h>
#include <string.h>

#include "output_method.h"

#define ARENA_LIMIT ((size_t)128 << 20)
#define WANTED_MAX  65536u
#define ASKED_MAX   (1u << 20)

void types_init(struct types *types)
{
    *types = (struct types){0};
    arena_init(&types->arena, ARENA_LIMIT);
    map_init(&types->known);
    map_init(&types->asked);
}

void types_release(struct types *types)
{
    map_release(&types->known);
    map_release(&types->asked);
    arena_release(&types->arena);
    free(types->wanted);
    *types = (struct types){0};
}

const struct type_info *types_find(const struct types *types, uint64_t id)
{
    uint64_t value = 0;
    if (id == 0 || !map_get(&types->known, id, &value))
        return NULL;
    return (const struct type_info *)(uintptr_t)value;
}

static void want(struct types *types, uint64_t id)
{
    if (types->wanted_count == WANTED_MAX || types->asked.count >= ASKED_MAX ||
        map_has(&types->asked, id))
        return;
    if (types->wanted_count == types->wanted_capacity) {
        size_t capacity = types->wanted_capacity ? types->wanted_capacity * 2 : 64;
        uint64_t *larger = realloc(types->wanted, capacity * sizeof *larger);
        if (!larger)
            return;
        types->wanted = larger;
        types->wanted_capacity = capacity;
    }
    if (map_put(&types->asked, id, 0))
        types->wanted[types->wanted_count++] = id;
}

const struct type_info *types_need(struct types *types, uint64_t id)
{
    const struct type_info *type = types_find(types, id);
    if (!type && id != 0)
        want(types, id);
    return type;
}

/* Types of fields nest only as deep as real programs do; the bound is for others. */
#define NEED_DEPTH 16

static bool need_whole(struct types *types, uint64_t id, unsigned depth)
{
    uint64_t found = 0;
    bool missing = false;
    if (id == 0 || depth == 0)
        return false;
    if (!map_get(&types->known, id, &found)) {
        want(types, id);
        return true;
    }
    struct type_info *type = (struct type_info *)(uintptr_t)found;
    if (type->complete)
        return false;
    missing |= need_whole(types, type->item, depth - 1);
    for (uint32_t i = 0; i < type->field_count; i++)
        missing |= need_whole(types, type->fields[i].type, depth - 1);
    type->complete = !missing;
    return missing;
}

bool types_need_whole(struct types *types, uint64_t id)
{
    return need_whole(types, id, NEED_DEPTH);
}

bool types_put_wanted(struct types *types, struct buffer *frames)
{
    if (types->wanted_count == 0)
        return false;
    size_t mark = wire_frame_begin(frames, WIRE_MSG_WANT_TYPE);
    for (size_t i = 0; i < types->wanted_count; i++)
        tlv_put_u64(frames, WIRE_WANT_ID, types->wanted[i]);
    wire_frame_end(frames, mark);
    types->wanted_count = 0;
    return true;
}

const struct type_field *type_field_named(const struct type_info *type, const char *name)
{
    for (uint32_t i = 0; type && i < type->field_count; i++)
        if (strcasecmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    return NULL;
}

/* ---- reading ---- */

static void get_field(struct arena *arena, struct reader message, struct type_field *to)
{
    struct tlv field;
    to->name = to->declared = "";
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_FIELD_NAME)
            to->name = methods_text(arena, &field);
        else if (field.tag == WIRE_FIELD_OFFSET)
            to->offset = tlv_u32(&field);
        else if (field.tag == WIRE_FIELD_ELEMENT)
            to->element = (uint8_t)tlv_u32(&field);
        else if (field.tag == WIRE_FIELD_TYPE)
            to->type = tlv_u64(&field);
        else if (field.tag == WIRE_FIELD_DECLARED)
            to->declared = methods_text(arena, &field);
        else if (field.tag == WIRE_FIELD_HIDDEN)
            to->hidden = tlv_u32(&field) != 0;
    }
}

static void get_member(struct arena *arena, struct reader message, struct type_member *to)
{
    struct tlv field;
    to->name = "";
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_MEMBER_NAME)
            to->name = methods_text(arena, &field);
        else if (field.tag == WIRE_MEMBER_VALUE)
            to->value = tlv_u64(&field);
    }
}

static void get_scalar(struct arena *arena, const struct tlv *field, struct type_info *type)
{
    uint32_t kind = tlv_u32(field);
    switch (field->tag) {
    case WIRE_TYPE_ID:
        type->id = tlv_u64(field);
        break;
    case WIRE_TYPE_NAME:
        type->name = methods_text(arena, field);
        break;
    case WIRE_TYPE_FULL_NAME:
        type->full_name = methods_text(arena, field);
        break;
    case WIRE_TYPE_KIND:
        type->kind = kind < WIRE_TYPE_KINDS ? (enum wire_type_kind)kind : WIRE_TYPE_UNKNOWN;
        break;
    case WIRE_TYPE_ELEMENT:
        type->element = (uint8_t)kind;
        break;
    case WIRE_TYPE_ITEM:
        type->item = tlv_u64(field);
        break;
    case WIRE_TYPE_BASE:
        type->base = tlv_u64(field);
        break;
    case WIRE_TYPE_SIZE:
        type->size = kind;
        break;
    case WIRE_TYPE_FLAGS:
        type->flags = kind & 1;
        break;
    default:
        break;
    }
}

static bool make_arrays(struct arena *arena, struct reader message, struct type_field **fields,
                        struct type_member **members)
{
    uint32_t field_count = 1, member_count = 1;
    struct tlv field;
    while (tlv_next(&message, &field)) {
        field_count += field.tag == WIRE_TYPE_FIELD;
        member_count += field.tag == WIRE_TYPE_MEMBER;
    }
    *fields = arena_new_array(arena, field_count, struct type_field);
    *members = arena_new_array(arena, member_count, struct type_member);
    return *fields && *members;
}

enum status types_add(struct types *types, struct reader payload, struct error *error)
{
    struct type_info *type = arena_new(&types->arena, struct type_info);
    struct type_field *fields;
    struct type_member *members;
    struct tlv field;
    if (!type || !make_arrays(&types->arena, payload, &fields, &members))
        return error_set(error, STATUS_MEMORY, "no memory for the target's types");
    type->fields = fields;
    type->members = members;
    type->name = type->full_name = "";
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_TYPE_FIELD)
            get_field(&types->arena, field.value, &fields[type->field_count++]);
        else if (field.tag == WIRE_TYPE_MEMBER)
            get_member(&types->arena, field.value, &members[type->member_count++]);
        else
            get_scalar(&types->arena, &field, type);
    }
    if (payload.failed || type->id == 0)
        return error_set(error, STATUS_PEER, "the agent described a type that cannot be");
    if (!map_put(&types->known, type->id, (uint64_t)(uintptr_t)type))
        return error_set(error, STATUS_MEMORY, "out of memory");
    types->generation++;
    return STATUS_OK;
}
