#include "recorder_place.h"

#include "recorder_object.h"
#include "recorder_span.h"
#include "recorder_state.h"
#include "wire_message.h"

/* Places are filled in where they are, never copied: a copy loads in one piece what has just been
 * stored in several, which stalls. */

static void set_value(struct place *place, uint64_t address, const struct layout *layout,
                      uint32_t size)
{
    place->kind = PLACE_VALUE;
    place->element = 0;
    place->address = address;
    place->layout = layout;
    place->size = layout != NULL ? layout->size : size;
}

static void set_reference(struct place *place, uint64_t address, uint8_t element)
{
    place->kind = address == 0 ? PLACE_NULL : PLACE_REFERENCE;
    place->element = element;
    place->address = address;
}

/* What stands in memory at `address`, declared as `element`. */
static void set_memory(struct place *place, uint64_t address, uint8_t element,
                       const struct layout *type, uint32_t size)
{
    if (type != NULL && type->is_value && type->kind != WIRE_TYPE_UNKNOWN) {
        set_value(place, address, type, size);
    } else if (element_is_reference(element)) {
        set_reference(place, memory_u64(address), element);
    } else if (element_bytes(element) != 0) {
        place->kind = PLACE_SCALAR;
        place->element = element;
        place->bits = element_load(element, address);
    } else {
        set_value(place, address, NULL, size);
    }
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

#define PAGE 4096u
#define STACK_ABOVE                                                                                \
    16384u /* of the thread's stack above a probe's frame: at least that is there                  \
            */

/* A reference to a value may point just behind the last one that there is (of a buffer that was
 * walked to its end), and where that buffer ends with its mapping, so does the memory. The byte
 * before is there: only where the value begins with a page or reaches into the next one the
 * system is asked. */
static bool is_readable(uint64_t address, uint64_t size)
{
    uint64_t in_page = address & (PAGE - 1);
    uint64_t frame = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    uint8_t byte;
    if (size == 0 || (in_page != 0 && in_page + size <= PAGE) ||
        (address > frame && address - frame < STACK_ABOVE)) {
        return true;
    }
    return span_copy(&byte, address, 1) && span_copy(&byte, address + size - 1, 1);
}

/* A value of type T: what T is depends on the native body that called. */
static void set_instance(struct place *place, const struct capture_value *value, uint64_t address,
                         uint64_t caller)
{
    const struct instance *instance = instance_find(caller);
    if (instance == NULL) {
        instance_want(caller);
        set_value(place, address, NULL, value->size);
        return;
    }
    bool of_method = value->generic_kind != 0;
    uint32_t count = of_method ? instance->method_count : instance->type_count;
    uint32_t index = value->generic_index + (of_method ? instance->type_count : 0);
    if (value->generic_index >= count || index >= sizeof instance->types / sizeof(void *)) {
        set_value(place, address, NULL, value->size);
        return;
    }
    const struct layout *type = instance->types[index];
    if (instance->unknown >> index & 1) {
        set_value(place, address, NULL, value->size);
    } else if (type == NULL) {
        set_reference(place, memory_u64(address), ELEMENT_TYPE_OBJECT);
    } else if (is_readable(address, type->size)) {
        set_memory(place, address, type->element, type, type->size);
    } else {
        set_value(place, address, NULL, 0);
    }
}

/* No object lies in the first pages of an address space; references to them are made: the
 * reference of an empty span is 1. */
#define LOWEST_ADDRESS 0x10000u

static uint64_t bytes_at(const struct capture_value *value)
{
    if (value->layout != NULL && value->layout->is_value) {
        return value->layout->size;
    }
    uint32_t bytes = element_is_reference(value->element) ? 8 : element_bytes(value->element);
    return bytes != 0 ? bytes : value->size;
}

static void set_address(struct place *place, const struct capture_value *value, uint64_t address,
                        uint64_t caller)
{
    if (address < LOWEST_ADDRESS) {
        set_reference(place, 0, value->element);
    } else if (!is_readable(address, bytes_at(value))) {
        set_value(place, address, NULL, 0);
    } else if (value->by_instance) {
        set_instance(place, value, address, caller);
    } else {
        set_memory(place, address, value->element, value->layout, value->size);
    }
}

static void start(struct place *place, const struct capture_value *value,
                  const struct capture_source *source)
{
    if (value->value == CAPTURE_EXCEPTION) {
        set_reference(place, (uint64_t)source->exception, ELEMENT_TYPE_CLASS);
        return;
    }
    if (value->result && source->thrown) {
        place->kind = PLACE_NOTHING;
        return;
    }
    uint32_t index = value->value < RECORDER_MAX_VALUES ? value->value : 0;
    uint64_t bits =
        (uint64_t)(index < source->own_count ? source->own[index] : source->staged[index]);
    if (value->pass == CAPTURE_REFERENCE) {
        set_reference(place, bits, value->element);
    } else if (value->pass == CAPTURE_ADDRESS) {
        set_address(place, value, bits, source->caller);
    } else {
        place->kind = PLACE_SCALAR;
        place->element = value->element;
        place->bits = bits;
    }
}

bool place_is_nullable(const struct layout *layout)
{
    return layout->kind == WIRE_TYPE_NULLABLE && layout->item != NULL &&
           (uint64_t)layout->value_at + layout->item->size <= layout->size;
}

void place_unwrap(struct place *place)
{
    if (place->kind != PLACE_VALUE || place->layout == NULL) {
        return;
    }
    const struct layout *layout = place->layout;
    if (place_is_nullable(layout)) {
        if (*(const uint8_t *)(uintptr_t)place->address == 0) {
            set_reference(place, 0, 0);
            return;
        }
        set_value(place, place->address + layout->value_at, layout->item, 0);
        layout = place->layout;
    }
    if (layout->kind == WIRE_TYPE_PRIMITIVE && element_bytes(layout->element) != 0 &&
        element_bytes(layout->element) <= layout->size) {
        set_memory(place, place->address, layout->element, NULL, 0);
    }
}

struct path_step {
    uint32_t name;
    uint32_t hidden;
};

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

/* A class may have fields of one name from several of its classes, the base classes' first. */
static const struct layout_field *field_named(const struct layout *layout, struct path_step step)
{
    const struct layout_field *found = NULL;
    uint32_t hidden = step.hidden;
    for (uint32_t i = 0; i < layout->field_count; i++) {
        if (layout->fields[i].name == step.name) {
            found = &layout->fields[i];
            if (hidden-- == 0) {
                break;
            }
        }
    }
    return found;
}

static void step_into(struct place *place, uint64_t base, uint64_t bytes,
                      const struct layout *layout, struct path_step step)
{
    const struct layout_field *field = field_named(layout, step);
    if (field == NULL || field->offset + place_field_bytes(field) > bytes) {
        place->kind = PLACE_NO_FIELD;
        place->type = layout->type;
        return;
    }
    set_memory(place, base + field->offset, field->element, field->type, field->size);
}

static void step_value(struct place *place, struct path_step step)
{
    if (place->layout == NULL) {
        place->kind = PLACE_UNKNOWN_VALUE;
        return;
    }
    if (place_is_nullable(place->layout) && field_named(place->layout, step) == NULL) {
        uint64_t type = place->layout->type;
        place_unwrap(place);
        if (place->kind != PLACE_VALUE) {
            place->kind = place->kind == PLACE_NULL ? PLACE_NULL_PATH : PLACE_NO_FIELD;
            place->type = type;
            return;
        }
    }
    step_into(place, place->address, place->layout->size, place->layout, step);
}

static void step_object(struct place *place, struct path_step step)
{
    uint64_t object = place->address;
    const struct layout *layout = place_layout(object);
    if (layout == NULL || (layout->is_value && layout->size > object_bytes(object))) {
        place->kind = PLACE_UNKNOWN_OBJECT;
    } else if (layout->is_value) {
        set_value(place, object + OBJECT_HEAD, layout, 0);
        step_value(place, step);
    } else {
        step_into(place, object, OBJECT_HEAD + object_bytes(object), layout, step);
    }
}

/* False: the path goes no further. */
static bool step_on(struct place *place, struct path_step step)
{
    switch (place->kind) {
    case PLACE_REFERENCE:
        step_object(place, step);
        return true;
    case PLACE_VALUE:
        step_value(place, step);
        return true;
    case PLACE_SCALAR:
        place->kind = PLACE_NO_FIELD;
        place->type = 0;
        return false;
    case PLACE_NULL:
        place->kind = PLACE_NULL_PATH;
        return false;
    default:
        return false;
    }
}

void place_find(const struct capture_value *value, const struct capture_source *source,
                struct place *place)
{
    start(place, value, source);
    for (uint32_t i = 0; i < value->step_count && i < CAPTURE_MAX_STEPS; i++) {
        if (!step_on(place, (struct path_step){value->steps[i], value->hidden[i]})) {
            return;
        }
    }
}
