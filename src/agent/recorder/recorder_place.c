#include "recorder_place.h"

#include "recorder_object.h"
#include "recorder_state.h"
#include "wire_message.h"

static struct place place_of(enum place_kind kind)
{
    return (struct place){.kind = kind};
}

static struct place value_place(uint64_t address, const struct layout *layout, uint32_t size)
{
    return (struct place){.kind = PLACE_VALUE,
                          .address = address,
                          .layout = layout,
                          .size = layout != NULL ? layout->size : size};
}

static struct place reference_place(uint64_t address, uint8_t element)
{
    if (address == 0) {
        return place_of(PLACE_NULL);
    }
    return (struct place){.kind = PLACE_REFERENCE, .address = address, .element = element};
}

/* What stands in memory at `address`, declared as `element`. */
static struct place memory_place(uint64_t address, uint8_t element, const struct layout *type,
                                 uint32_t size)
{
    if (type != NULL && type->is_value && type->kind != WIRE_TYPE_UNKNOWN) {
        return value_place(address, type, size);
    }
    if (element_is_reference(element)) {
        return reference_place(memory_u64(address), element);
    }
    if (element_bytes(element) != 0) {
        return (struct place){
            .kind = PLACE_SCALAR, .element = element, .bits = element_load(element, address)};
    }
    return value_place(address, NULL, size);
}

const struct layout *place_layout(uint64_t object)
{
    uint64_t type = object_type(object);
    const struct layout *layout = layout_find(type);
    if (layout == NULL) {
        layout_want(type);
        return NULL;
    }
    return layout->kind == WIRE_TYPE_UNKNOWN ? NULL : layout;
}

/* A value of type T: what T is depends on the native body that called. */
static struct place instance_place(const struct capture_value *value, uint64_t address,
                                   uint64_t caller)
{
    const struct instance *instance = instance_find(caller);
    if (instance == NULL) {
        instance_want(caller);
        return value_place(address, NULL, value->size);
    }
    uint32_t count = value->generic_kind == 0 ? instance->type_count : instance->method_count;
    uint32_t index = value->generic_index;
    index += value->generic_kind == 0 || index >= count ? 0 : instance->type_count;
    if (value->generic_index >= count || index >= sizeof instance->types / sizeof(void *)) {
        return value_place(address, NULL, value->size);
    }
    const struct layout *type = instance->types[index];
    if (type == NULL) {
        return reference_place(memory_u64(address), ELEMENT_TYPE_OBJECT);
    }
    return memory_place(address, type->element, type, type->size);
}

static struct place start(const struct capture_value *value, const struct capture_source *source)
{
    if (value->value == CAPTURE_EXCEPTION) {
        return reference_place((uint64_t)source->exception, ELEMENT_TYPE_CLASS);
    }
    if (value->result && source->thrown) {
        return place_of(PLACE_NOTHING);
    }
    uint32_t index = value->value % RECORDER_MAX_VALUES;
    uint64_t bits =
        (uint64_t)(index < source->own_count ? source->own[index] : source->staged[index]);
    switch (value->pass) {
    case CAPTURE_REFERENCE:
        return reference_place(bits, value->element);
    case CAPTURE_ADDRESS:
        if (bits == 0) {
            return place_of(PLACE_NULL);
        }
        if (value->by_instance) {
            return instance_place(value, bits, source->caller);
        }
        return memory_place(bits, value->element, value->layout, value->size);
    default:
        return (struct place){.kind = PLACE_SCALAR, .element = value->element, .bits = bits};
    }
}

struct place place_unwrap(struct place place)
{
    if (place.kind != PLACE_VALUE || place.layout == NULL) {
        return place;
    }
    const struct layout *layout = place.layout;
    if (layout->kind == WIRE_TYPE_NULLABLE && layout->item != NULL) {
        if (*(const uint8_t *)(uintptr_t)place.address == 0) {
            return place_of(PLACE_NULL);
        }
        place = value_place(place.address + layout->value_at, layout->item, 0);
        layout = place.layout;
    }
    if (layout->kind == WIRE_TYPE_PRIMITIVE && element_bytes(layout->element) != 0) {
        return memory_place(place.address, layout->element, NULL, 0);
    }
    return place;
}

uint64_t place_field_bytes(const struct layout_field *field)
{
    if (field->type != NULL && field->type->is_value) {
        return field->type->size;
    }
    if (element_is_reference(field->element)) {
        return sizeof(uint64_t);
    }
    uint32_t bytes = element_bytes(field->element);
    return bytes != 0 ? bytes : field->size;
}

static const struct layout_field *field_named(const struct layout *layout, uint32_t name)
{
    for (uint32_t i = 0; i < layout->field_count; i++) {
        if (layout->fields[i].name == name) {
            return &layout->fields[i];
        }
    }
    return NULL;
}

static struct place step_into(uint64_t base, uint64_t bytes, const struct layout *layout,
                              uint32_t name)
{
    const struct layout_field *field = field_named(layout, name);
    if (field == NULL || field->offset + place_field_bytes(field) > bytes) {
        return (struct place){.kind = PLACE_NO_FIELD, .type = layout->type};
    }
    return memory_place(base + field->offset, field->element, field->type, field->size);
}

static struct place step_value(struct place place, uint32_t name)
{
    if (place.layout == NULL) {
        place.kind = PLACE_UNKNOWN_VALUE;
        return place;
    }
    if (place.layout->kind == WIRE_TYPE_NULLABLE && field_named(place.layout, name) == NULL) {
        place = place_unwrap(place);
        if (place.kind == PLACE_NULL) {
            return place_of(PLACE_NULL_PATH);
        }
        if (place.kind != PLACE_VALUE) {
            return place_of(PLACE_NO_FIELD);
        }
    }
    return step_into(place.address, place.layout->size, place.layout, name);
}

static struct place step_object(struct place place, uint32_t name)
{
    const struct layout *layout = place_layout(place.address);
    if (layout == NULL) {
        place.kind = PLACE_UNKNOWN_OBJECT;
        return place;
    }
    if (layout->is_value && layout->size <= object_bytes(place.address)) {
        return step_value(value_place(place.address + OBJECT_HEAD, layout, 0), name);
    }
    return step_into(place.address, OBJECT_HEAD + object_bytes(place.address), layout, name);
}

struct place place_find(const struct capture_value *value, const struct capture_source *source)
{
    struct place place = start(value, source);
    for (uint32_t i = 0; i < value->step_count && i < CAPTURE_MAX_STEPS; i++) {
        switch (place.kind) {
        case PLACE_REFERENCE:
            place = step_object(place, value->steps[i]);
            break;
        case PLACE_VALUE:
            place = step_value(place, value->steps[i]);
            break;
        case PLACE_SCALAR:
            return place_of(PLACE_NO_FIELD);
        case PLACE_NULL:
            return place_of(PLACE_NULL_PATH);
        default:
            return place;
        }
    }
    return place;
}
