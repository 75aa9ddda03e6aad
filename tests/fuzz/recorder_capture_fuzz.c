// uses: recorder wire clr
/*
 * Values and conditions over a heap that the input makes up: objects of every kind whose words
 * are references to each other or null, under layouts that may claim more than an object has.
 * Address sanitizer sees any read beyond an object; the records that come out are checked.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clr_element.h"
#include "recorder_condition.h"
#include "recorder_object.h"
#include "recorder_value.h"
#include "wire_message.h"

#define TYPES   48u
#define OBJECTS 12u
#define BYTES   4096u

struct fake_type {
    uint32_t flags;
    uint32_t base_size;
} __attribute__((aligned(8)));

static struct fake_type types[TYPES];
static const struct layout *layouts[TYPES];

static const uint8_t *input;
static size_t left;

static uint32_t next(uint32_t bound)
{
    if (left == 0) {
        return 0;
    }
    left--;
    return *input++ % bound;
}

static uint32_t random_number(uint32_t bound)
{
    static uint64_t state = 12345;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % bound;
}

static struct layout_field random_field(uint32_t made)
{
    static const uint8_t elements[] = {
        ELEMENT_TYPE_CLASS, ELEMENT_TYPE_OBJECT,    ELEMENT_TYPE_I4,      ELEMENT_TYPE_U1,
        ELEMENT_TYPE_R8,    ELEMENT_TYPE_VALUETYPE, ELEMENT_TYPE_SZARRAY, ELEMENT_TYPE_VAR};
    struct layout_field field = {.name = 1 + random_number(6),
                                 .offset = random_number(12) * 8,
                                 .element = elements[random_number(sizeof elements)],
                                 .hidden = random_number(4) == 0,
                                 .size = random_number(40)};
    if (field.element == ELEMENT_TYPE_VALUETYPE && made != 0) {
        field.type = layouts[random_number(made)];
    }
    return field;
}

/* One type in four is a value type; arrays have items of 8 bytes, strings of 2. */
static void make_type(uint32_t index)
{
    bool array = random_number(4) == 0;
    uint32_t fields = array ? 0 : random_number(6); /* behind an array's head is its length */
    struct layout *layout = calloc(1, sizeof *layout + fields * sizeof layout->fields[0]);
    types[index].flags = array ? 0x80000008u : 0x10;
    types[index].base_size = array ? 24 : 24 + random_number(8) * 8;
    layout->type = (uint64_t)(uintptr_t)&types[index];
    layout->kind = (uint8_t)(array ? WIRE_TYPE_STRING + random_number(2)
                                   : 1 + random_number(WIRE_TYPE_KINDS - 1));
    layout->is_value = !array && random_number(3) == 0;
    layout->element = (uint8_t)(random_number(2) ? ELEMENT_TYPE_CLASS : random_number(0x1d));
    layout->size = random_number(12) * 8;
    layout->item_size = random_number(3) ? 8 : random_number(64);
    layout->items_at = random_number(8) * 8 + (array ? 16 : 0);
    layout->count_at = random_number(16) * 4;
    layout->value_at = random_number(4) * 8; /* references are aligned, whatever a layout says */
    layout->next_name = random_number(8);
    layout->item = index == 0 ? NULL : layouts[random_number(index)];
    layout->field_count = fields;
    for (uint32_t i = 0; i < fields; i++) {
        layout->fields[i] = random_field(index);
        layout->fields[i].offset += layout->is_value ? 0 : 8; /* behind the method table word */
    }
    layouts[index] = layout_publish(layout);
}

static uint64_t *objects[OBJECTS];

static uint64_t *make_object(void)
{
    uint32_t type = next(TYPES);
    uint32_t count = types[type].flags >> 31 ? next(6) : 0;
    size_t bytes = 8 + types[type].base_size - 16 + count * 8u;
    uint64_t *object = calloc(1, bytes);
    object[0] = (uint64_t)(uintptr_t)&types[type];
    if (types[type].flags >> 31) {
        object[1] = count;
    }
    return object;
}

static void fill_object(uint64_t *object)
{
    const struct fake_type *type = (const struct fake_type *)(uintptr_t)object[0];
    uint32_t words = (type->base_size - 16) / 8;
    uint32_t from = 1;
    if (type->flags >> 31) {
        from = 2; /* behind the length */
        words += (uint32_t)object[1];
    }
    for (uint32_t i = from; i <= words; i++) {
        object[i] = next(3) ? (uint64_t)(uintptr_t)objects[next(OBJECTS)] : 0;
    }
}

static void check(const uint8_t *bytes, const struct value_writer *writer)
{
    size_t size = (size_t)(writer->at - bytes);
    uint32_t ordinal = 0;
    for (size_t at = 0; at < size; ordinal++) {
        struct wire_value value;
        if (size - at < sizeof value) {
            abort();
        }
        memcpy(&value, bytes + at, sizeof value);
        at += sizeof value;
        if (value.length > size - at || value.kind == 0 || value.kind > WIRE_VALUE_ITEMS ||
            (value.slot == WIRE_SLOT_CHILD && value.parent >= ordinal)) {
            abort();
        }
        at += (value.length + 7u) / 8 * 8;
    }
    if (ordinal != writer->count) {
        abort();
    }
}

static struct capture_value make_value(uint64_t *bits)
{
    struct capture_value value = {.slot = 1, .element = ELEMENT_TYPE_CLASS};
    uint64_t *object = objects[next(OBJECTS)];
    value.show = (uint8_t)next(2);
    value.step_count = (uint8_t)next(5);
    for (uint32_t i = 0; i < value.step_count; i++) {
        value.steps[i] = 1 + next(7);
    }
    value.pass = CAPTURE_REFERENCE;
    *bits = next(8) ? (uint64_t)(uintptr_t)object : 0;
    return value;
}

static void capture(void)
{
    struct capture_limits limits = {
        .depth = next(17), .max_items = next(12), .max_string = next(20), .max_bytes = BYTES};
    uint64_t bits;
    struct capture_value value = make_value(&bits);
    const struct capture_program program = {1, &value};
    const int64_t own[] = {(int64_t)bits};
    const struct capture_source source = {.own = own, .own_count = 1, .staged = own};
    size_t room = (8 + next(200)) * 16;
    uint8_t *bytes = malloc(room); /* exactly: a write beyond is seen */
    struct value_writer writer = {.at = bytes, .end = bytes + room, .limits = &limits};
    value_program(&writer, &program, &source);
    if (bits == 0 || !(memory_u32(memory_u64(bits)) >> 31)) {
        value_exception(&writer, bits);
    }
    check(bytes, &writer);
    free(bytes);
    const struct capture_node node = {.test = CAPTURE_LEAF,
                                      .compare = (uint8_t)(1 + next(6)),
                                      .operand = (uint8_t)(1 + next(5)),
                                      .value = value,
                                      .integer = (int64_t)next(256) - 128,
                                      .decimal_low = next(256),
                                      .decimal_scale = (uint8_t)next(40),
                                      .real = next(256) / 7.0};
    const struct capture_condition condition = {1, 0, &node};
    struct condition_results results = {0};
    condition_test(&condition, false, &source, 0, &results);
    condition_judge(&condition, &results);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    if (!made) {
        layout_init(NULL);
        for (uint32_t i = 0; i < TYPES; i++) {
            make_type(i);
        }
        made = true;
    }
    input = data;
    left = size;
    for (uint32_t i = 0; i < OBJECTS; i++) {
        objects[i] = make_object();
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        fill_object(objects[i]);
    }
    while (left > 8) {
        capture();
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        free(objects[i]);
    }
    return 0;
}
