// uses: recorder wire clr base
// sanitize: address,undefined
/* Values of every kind are copied as wire_record.h lays them out, and nothing beyond them. */
#include "recorder_fixture.h"
#include "wire_plan.h"

static struct fake_type *customer_type;
static struct fake_type *order_type;
static struct fake_type *strings_type; /* string[] */
static struct fake_type *ints_type;    /* int[] */
static struct fake_type *list_type;    /* List<string> */
static struct fake_type *decimal_type;
static struct fake_type *nullable_type; /* int? */
static struct fake_type *int_type;
static struct fake_type *pair_type; /* struct { string Name; int Value; } */
static struct fake_type *pairs_type;
static struct fake_type *exception_type;
static struct fake_type *span_type;
static struct fake_type *colour_type; /* enum : byte */
static const struct layout *order_layout;
static const struct layout *decimal_layout;
static const struct layout *nullable_layout;
static const struct layout *int_layout;
static const struct layout *pair_layout;
static const struct layout *span_layout;

static void publish_values(void)
{
    struct layout *layout = make_layout(decimal_type, WIRE_TYPE_DECIMAL, 16, 0);
    layout->is_value = 1;
    layout->element = ELEMENT_TYPE_VALUETYPE;
    decimal_layout = layout_publish(layout);
    layout = make_layout(int_type, WIRE_TYPE_PRIMITIVE, 4, 0);
    layout->is_value = 1;
    layout->element = ELEMENT_TYPE_I4;
    int_layout = layout_publish(layout);
    layout = make_layout(nullable_type, WIRE_TYPE_NULLABLE, 8, 0);
    layout->is_value = 1;
    layout->value_at = 4;
    layout->item = int_layout;
    nullable_layout = layout_publish(layout);
    layout = make_layout(pair_type, WIRE_TYPE_STRUCT, 16, 2);
    layout->is_value = 1;
    layout->fields[0] = make_field("Name", 0, ELEMENT_TYPE_STRING, 8, NULL);
    layout->fields[1] = make_field("Value", 8, ELEMENT_TYPE_I4, 4, NULL);
    pair_layout = layout_publish(layout);
    layout = make_layout(span_type, WIRE_TYPE_SPAN, 16, 0);
    layout->is_value = 1;
    layout->element = ELEMENT_TYPE_I4;
    layout->item_size = 4;
    layout->items_at = 0;
    layout->count_at = 8;
    span_layout = layout_publish(layout);
    layout = make_layout(colour_type, WIRE_TYPE_ENUM, 1, 0);
    layout->is_value = 1;
    layout->element = ELEMENT_TYPE_U1;
    layout_publish(layout);
}

/* class Customer { string Name; Customer Boss; }
 * class Order { Customer Customer; int Id; decimal Total; string[] Tags; int? Rank; Pair Pair;
 *               hidden string Secret; } */
static void publish_classes(void)
{
    struct layout *layout = make_layout(customer_type, WIRE_TYPE_CLASS, 16, 2);
    layout->fields[0] = make_field("Name", 8, ELEMENT_TYPE_STRING, 8, NULL);
    layout->fields[1] = make_field("Boss", 16, ELEMENT_TYPE_CLASS, 8, NULL);
    layout_publish(layout);
    layout = make_layout(order_type, WIRE_TYPE_CLASS, 80, 7);
    layout->fields[0] = make_field("Customer", 8, ELEMENT_TYPE_CLASS, 8, NULL);
    layout->fields[1] = make_field("Id", 16, ELEMENT_TYPE_I4, 4, NULL);
    layout->fields[2] = make_field("Total", 24, ELEMENT_TYPE_VALUETYPE, 16, decimal_layout);
    layout->fields[3] = make_field("Tags", 40, ELEMENT_TYPE_SZARRAY, 8, NULL);
    layout->fields[4] = make_field("Rank", 48, ELEMENT_TYPE_VALUETYPE, 8, nullable_layout);
    layout->fields[5] = make_field("Pair", 56, ELEMENT_TYPE_VALUETYPE, 16, pair_layout);
    layout->fields[6] = make_field("Secret", 72, ELEMENT_TYPE_STRING, 8, NULL);
    layout->fields[6].hidden = 1;
    order_layout = layout_publish(layout);
    layout = make_layout(list_type, WIRE_TYPE_LIST, 16, 2);
    layout->items_at = 8;
    layout->count_at = 16;
    layout->fields[0] = make_field("_items", 8, ELEMENT_TYPE_SZARRAY, 8, NULL);
    layout->fields[1] = make_field("_size", 16, ELEMENT_TYPE_I4, 4, NULL);
    layout_publish(layout);
    layout = make_layout(exception_type, WIRE_TYPE_EXCEPTION, 40, 2);
    layout->fields[0] = make_field("_message", 16, ELEMENT_TYPE_STRING, 8, NULL);
    layout->fields[1] = make_field("_innerException", 32, ELEMENT_TYPE_CLASS, 8, NULL);
    layout_publish(layout);
}

static void make_types(void)
{
    string_type = make_type(6, 2);
    customer_type = make_type(16, 0);
    order_type = make_type(80, 0);
    strings_type = make_type(8, 8);
    ints_type = make_type(8, 4);
    list_type = make_type(16, 0);
    decimal_type = make_type(16, 0);
    nullable_type = make_type(8, 0);
    int_type = make_type(8, 0);
    pair_type = make_type(16, 0);
    pairs_type = make_type(8, 16);
    exception_type = make_type(40, 0);
    span_type = make_type(16, 0);
    colour_type = make_type(8, 0);
    publish_values();
    publish_classes();
    publish_string();
    publish_array(strings_type, ELEMENT_TYPE_STRING, 8, NULL);
    publish_array(ints_type, ELEMENT_TYPE_I4, 4, NULL);
    publish_array(pairs_type, ELEMENT_TYPE_VALUETYPE, 16, pair_layout);
}

static uint64_t *make_customer(const char *name, uint64_t *boss)
{
    uint64_t *customer = make_object(customer_type, 16);
    PUT(customer, 8, uint64_t, address_of(name == NULL ? NULL : make_string(name)));
    PUT(customer, 16, uint64_t, address_of(boss));
    return customer;
}

static uint64_t *make_order(uint64_t *customer)
{
    uint64_t *order = make_object(order_type, 80);
    PUT(order, 8, uint64_t, address_of(customer));
    PUT(order, 16, int32_t, -42);
    PUT(order, 24, uint32_t, 0x20000);
    PUT(order, 32, uint64_t, 12050);
    PUT(order, 56, uint64_t, address_of(make_string("pair")));
    PUT(order, 64, int32_t, 7);
    PUT(order, 72, uint64_t, address_of(make_string("secret")));
    return order;
}

static struct bed bed;
static uint32_t next_site;

/* Records one call with one value and gives its ENTER record; valid until the next. */
static const struct wire_record *capture(const struct capture_value *value, uint64_t bits)
{
    static struct capture_program programs[100];
    static struct capture_value values[100];
    values[next_site] = *value;
    programs[next_site] = (struct capture_program){1, &values[next_site]};
    struct recorder_site_spec spec = {
        .kind = RECORDER_SITE_ON_ENTER, .number = next_site, .enter = &programs[next_site]};
    uint64_t handle = add_site(bed.session, &spec);
    next_site++;
    recorder_enter(handle, (int64_t)bits, 0, 0, 0, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 1);
    return record_at(&bed, 0);
}

static struct capture_value reference(uint8_t element, uint8_t show)
{
    return (struct capture_value){
        .slot = 3, .pass = CAPTURE_REFERENCE, .element = element, .show = show};
}

static struct capture_value path(uint32_t count, const char *a, const char *b, const char *c)
{
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 0);
    const char *names[] = {a, b, c};
    value.step_count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) {
        value.steps[i] = layout_name(names[i]);
    }
    return value;
}

static struct capture_value address_value(uint8_t element, const struct layout *layout,
                                          uint32_t size)
{
    return (struct capture_value){.slot = 3,
                                  .pass = CAPTURE_ADDRESS,
                                  .element = element,
                                  .show = 1,
                                  .layout = layout,
                                  .size = size};
}

static int set_up(void **unused)
{
    static const struct capture_limits limits = {
        .depth = 1, .max_items = 3, .max_string = 8, .max_bytes = 8192};
    (void)unused;
    next_site = 0;
    bed_open(&bed, &limits, 1 << 20);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    bed_close(&bed);
    return 0;
}

static void strings(void **unused)
{
    (void)unused;
    const struct capture_value declared = reference(ELEMENT_TYPE_STRING, 1);
    const struct capture_value object = reference(ELEMENT_TYPE_OBJECT, 0);
    const char *texts[] = {"", "a", "abcdefgh", "abc"};
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t *string = make_string(texts[i]);
        for (int turn = 0; turn < 2; turn++) {
            const struct wire_value *value =
                value_at(capture(turn ? &declared : &object, address_of(string)), 0);
            assert_text(value, texts[i]);
            assert_int_equal(value->slot, 3);
            assert_int_equal(value->flags, 0);
            assert_int_equal(typed_of(value)->total, strlen(texts[i]));
            assert_true(typed_of(value)->type == address_of(string_type));
        }
    }
    const struct wire_value *cut =
        value_at(capture(&declared, address_of(make_string("abcdefghi"))), 0);
    assert_text(cut, "abcdefgh");
    assert_int_equal(cut->flags, WIRE_VALUE_CUT);
    assert_int_equal(typed_of(cut)->total, 9);
    assert_int_equal(value_at(capture(&declared, 0), 0)->kind, WIRE_VALUE_NULL);
}

static const struct wire_value *child(const struct wire_record *record, uint32_t parent,
                                      uint32_t at)
{
    for (uint32_t i = 0; i < value_count(record); i++) {
        const struct wire_value *value = value_at(record, i);
        if (value->slot == WIRE_SLOT_CHILD && value->parent == parent && value->at == at) {
            return value;
        }
    }
    return NULL;
}

static void an_object_one_level_deep(void **unused)
{
    (void)unused;
    const struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    uint64_t *tags = make_array(strings_type, 8, 2);
    uint64_t *order = make_order(make_customer("ACME", NULL));
    PUT(order, 40, uint64_t, address_of(tags));
    const struct wire_record *record = capture(&value, address_of(order));
    const struct wire_value *root = value_at(record, 0);
    assert_int_equal(root->kind, WIRE_VALUE_OBJECT);
    assert_int_equal(root->flags, 0);
    assert_true(typed_of(root)->type == address_of(order_type));
    assert_int_equal(data_bytes(root), 80);
    assert_memory_equal(data_of(root), order + 1, 80);
    /* customer: its type only; tags: the length; the struct's string; not the hidden one */
    assert_int_equal(value_count(record), 4);
    const struct wire_value *customer = child(record, 0, 0);
    assert_int_equal(customer->kind, WIRE_VALUE_OBJECT);
    assert_int_equal(customer->flags, WIRE_VALUE_CUT);
    assert_int_equal(data_bytes(customer), 0);
    assert_true(typed_of(customer)->type == address_of(customer_type));
    const struct wire_value *array = child(record, 0, 32);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(typed_of(array)->total, 2);
    assert_int_equal(data_bytes(array), 0);
    assert_text(child(record, 0, 48), "pair");
    assert_null(child(record, 0, 64));
}

static void the_type_only(void **unused)
{
    (void)unused;
    const struct capture_value value = reference(ELEMENT_TYPE_CLASS, 0);
    const struct wire_record *record =
        capture(&value, address_of(make_order(make_customer("ACME", NULL))));
    assert_int_equal(value_count(record), 1);
    assert_int_equal(data_bytes(value_at(record, 0)), 0);
    assert_true(typed_of(value_at(record, 0))->type == address_of(order_type));
}

static void paths(void **unused)
{
    (void)unused;
    uint64_t *order = make_order(make_customer("ACME", make_customer("B", NULL)));
    struct capture_value value = path(2, "Customer", "Name", NULL);
    assert_text(value_at(capture(&value, address_of(order)), 0), "ACME");
    value = path(3, "Customer", "Boss", "Name");
    assert_text(value_at(capture(&value, address_of(order)), 0), "B");
    value = path(1, "Id", NULL, NULL);
    const struct wire_value *id = value_at(capture(&value, address_of(order)), 0);
    assert_int_equal(id->kind, WIRE_VALUE_SCALAR);
    assert_int_equal(id->element, ELEMENT_TYPE_I4);
    assert_int_equal((int64_t)bits_of(id), -42);
    value = path(1, "Total", NULL, NULL);
    const struct wire_value *total = value_at(capture(&value, address_of(order)), 0);
    assert_int_equal(total->kind, WIRE_VALUE_BYTES);
    assert_true(typed_of(total)->type == address_of(decimal_type));
    assert_memory_equal(data_of(total), (uint8_t *)order + 24, 16);
    value = path(2, "Pair", "Value", NULL);
    assert_int_equal(bits_of(value_at(capture(&value, address_of(order)), 0)), 7);
    value = path(1, "Secret", NULL, NULL);
    assert_text(value_at(capture(&value, address_of(order)), 0), "secret");
}

static void paths_that_end_early(void **unused)
{
    (void)unused;
    uint64_t *order = make_order(make_customer(NULL, NULL));
    struct capture_value value = path(2, "Customer", "Name", NULL);
    assert_int_equal(value_at(capture(&value, address_of(order)), 0)->kind, WIRE_VALUE_NULL);
    value = path(3, "Customer", "Boss", "Name");
    assert_int_equal(value_at(capture(&value, address_of(order)), 0)->kind, WIRE_VALUE_NULL_PATH);
    assert_int_equal(value_at(capture(&value, 0), 0)->kind, WIRE_VALUE_NULL_PATH);
    value = path(2, "Customer", "Total", NULL);
    const struct wire_value *none = value_at(capture(&value, address_of(order)), 0);
    assert_int_equal(none->kind, WIRE_VALUE_NO_FIELD);
    assert_true(typed_of(none)->type == address_of(customer_type));
    value = path(2, "Id", "Value", NULL);
    assert_int_equal(value_at(capture(&value, address_of(order)), 0)->kind, WIRE_VALUE_NO_FIELD);
}

static void nullables(void **unused)
{
    (void)unused;
    uint64_t *order = make_order(NULL);
    struct capture_value value = path(1, "Rank", NULL, NULL);
    assert_int_equal(value_at(capture(&value, address_of(order)), 0)->kind, WIRE_VALUE_NULL);
    PUT(order, 48, uint8_t, 1);
    PUT(order, 52, int32_t, -3);
    assert_int_equal((int64_t)bits_of(value_at(capture(&value, address_of(order)), 0)), -3);
    value = address_value(ELEMENT_TYPE_VALUETYPE, nullable_layout, 8);
    assert_int_equal((int64_t)bits_of(value_at(capture(&value, address_of(order) + 48), 0)), -3);
}

static void unknown_types_are_marked_and_asked_for(void **unused)
{
    (void)unused;
    struct fake_type *type = make_type(200, 0);
    uint64_t *object = make_object(type, 200);
    uint64_t wanted = 0;
    memset(object + 1, 0x5a, 200);
    while (layout_next_wanted(&wanted)) {
    }
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    const struct wire_value *raw = value_at(capture(&value, address_of(object)), 0);
    assert_int_equal(raw->kind, WIRE_VALUE_UNRESOLVED);
    assert_int_equal(raw->flags, WIRE_VALUE_CUT);
    assert_int_equal(data_bytes(raw), 128);
    assert_memory_equal(data_of(raw), object + 1, 128);
    assert_true(layout_next_wanted(&wanted) && wanted == address_of(type));
    assert_false(layout_next_wanted(&wanted));
    value = path(1, "Name", NULL, NULL);
    assert_int_equal(value_at(capture(&value, address_of(object)), 0)->kind, WIRE_VALUE_UNRESOLVED);
    assert_true(layout_next_wanted(&wanted));
    /* Once it is known it is followed. */
    struct layout *layout = make_layout(type, WIRE_TYPE_CLASS, 200, 1);
    layout->fields[0] = make_field("Name", 16, ELEMENT_TYPE_I8, 8, NULL);
    layout_publish(layout);
    assert_true(bits_of(value_at(capture(&value, address_of(object)), 0)) == 0x5a5a5a5a5a5a5a5aull);
    /* A type that nobody can resolve is not asked for again. */
    type = make_type(8, 0);
    layout_publish(make_layout(type, WIRE_TYPE_UNKNOWN, 0, 0));
    object = make_object(type, 8);
    assert_int_equal(value_at(capture(&value, address_of(object)), 0)->kind, WIRE_VALUE_UNRESOLVED);
    assert_false(layout_next_wanted(&wanted));
}

static void arrays(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_SZARRAY, 1);
    uint64_t *ints = make_array(ints_type, 4, 5);
    for (int i = 0; i < 5; i++) {
        PUT(ints, 16 + 4 * i, int32_t, 100 + i);
    }
    const struct wire_value *array = value_at(capture(&value, address_of(ints)), 0);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(array->element, ELEMENT_TYPE_I4);
    assert_int_equal(array->flags, WIRE_VALUE_CUT); /* three items at most */
    assert_int_equal(typed_of(array)->total, 5);
    assert_int_equal(data_bytes(array), 12);
    assert_memory_equal(data_of(array), ints + 2, 12);
    uint64_t *strings_array = make_array(strings_type, 8, 2);
    PUT(strings_array, 24, uint64_t, address_of(make_string("two")));
    const struct wire_record *record = capture(&value, address_of(strings_array));
    assert_int_equal(value_count(record), 2);
    assert_int_equal(value_at(record, 0)->flags, 0);
    assert_text(child(record, 0, 8), "two");
    uint64_t *pairs = make_array(pairs_type, 16, 1);
    PUT(pairs, 16, uint64_t, address_of(make_string("name")));
    record = capture(&value, address_of(pairs));
    assert_text(child(record, 0, 0), "name");
    uint64_t *empty = make_array(ints_type, 4, 0);
    array = value_at(capture(&value, address_of(empty)), 0);
    assert_int_equal(array->flags, 0);
    assert_int_equal(data_bytes(array), 0);
}

/* Also before the array's type is known. */
static void no_more_items_than_asked_for(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_SZARRAY, 1);
    const struct fake_type *type = make_type(8, 4);
    const struct wire_value *raw =
        value_at(capture(&value, address_of(make_array(type, 4, 10))), 0);
    assert_int_equal(raw->kind, WIRE_VALUE_UNRESOLVED);
    assert_int_equal(raw->flags, WIRE_VALUE_CUT);
    assert_int_equal(data_bytes(raw), 8 + 3 * 4);
    assert_int_equal(data_of(raw)[0], 10);
    raw = value_at(capture(&value, address_of(make_array(type, 4, 3))), 0);
    assert_int_equal(raw->flags, 0);
    assert_int_equal(data_bytes(raw), 8 + 3 * 4);
}

static void lists_show_their_count_not_their_capacity(void **unused)
{
    (void)unused;
    uint64_t *items = make_array(strings_type, 8, 8);
    uint64_t *list = make_object(list_type, 16);
    PUT(items, 16, uint64_t, address_of(make_string("one")));
    PUT(items, 24, uint64_t, address_of(make_string("gone")));
    PUT(list, 8, uint64_t, address_of(items));
    PUT(list, 16, int32_t, 1);
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    const struct wire_record *record = capture(&value, address_of(list));
    assert_int_equal(value_count(record), 3);
    assert_int_equal(data_bytes(value_at(record, 0)), 16);
    const struct wire_value *array = child(record, 0, 0);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(typed_of(array)->total, 1);
    assert_int_equal(array->flags, 0);
    assert_text(child(record, 1, 0), "one");
    /* Not followed: its bytes, and so its count, are there all the same. */
    value.show = 0;
    record = capture(&value, address_of(list));
    assert_int_equal(value_count(record), 1);
    assert_int_equal(data_bytes(value_at(record, 0)), 16);
}

/* Of what the list's own type tells. */
static void lists_whose_array_is_met_for_the_first_time(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    struct fake_type *type = make_type(16, 0);
    struct layout *layout = make_layout(type, WIRE_TYPE_LIST, 16, 0);
    layout->items_at = 8;
    layout->count_at = 16;
    layout->element = ELEMENT_TYPE_STRING;
    layout->item_size = 8;
    layout_publish(layout);
    uint64_t *items = make_array(make_type(8, 8), 8, 4);
    uint64_t *list = make_object(type, 16);
    PUT(items, 16, uint64_t, address_of(make_string("one")));
    PUT(list, 8, uint64_t, address_of(items));
    PUT(list, 16, int32_t, 2);
    const struct wire_record *record = capture(&value, address_of(list));
    const struct wire_value *array = child(record, 0, 0);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(typed_of(array)->total, 2);
    assert_int_equal(data_bytes(array), 16);
    assert_text(child(record, 1, 0), "one");
    /* An array of another shape is not read as if it were that. */
    PUT(list, 8, uint64_t, address_of(make_array(make_type(8, 4), 4, 4)));
    array = child(capture(&value, address_of(list)), 0, 0);
    assert_int_equal(array->flags, WIRE_VALUE_CUT);
    assert_int_equal(data_bytes(array), 0);
}

static struct fake_type *map_type;
static struct fake_type *entries_type;

/* struct { string Key; int Next; int Value; }, some of them in an array. */
static void make_map_types(void)
{
    map_type = make_type(24, 0);
    entries_type = make_type(8, 16);
    struct layout *layout = make_layout(make_type(16, 0), WIRE_TYPE_STRUCT, 16, 3);
    layout->is_value = 1;
    layout->fields[0] = make_field("key", 0, ELEMENT_TYPE_CLASS, 8, NULL);
    layout->fields[1] = make_field("next", 8, ELEMENT_TYPE_I4, 4, NULL);
    layout->fields[2] = make_field("value", 12, ELEMENT_TYPE_I4, 4, NULL);
    publish_array(entries_type, ELEMENT_TYPE_VALUETYPE, 16, layout_publish(layout));
    layout = make_layout(map_type, WIRE_TYPE_DICTIONARY, 24, 0);
    layout->items_at = 8;
    layout->count_at = 16;
    layout->value_at = 20;
    layout->next_name = layout_name("next");
    layout_publish(layout);
}

static uint64_t *make_map(uint64_t *entries, uint32_t used, uint32_t unused)
{
    uint64_t *map = make_object(map_type, 24);
    PUT(map, 8, uint64_t, address_of(entries));
    PUT(map, 16, uint32_t, used);
    PUT(map, 20, uint32_t, unused);
    return map;
}

static void put_entry(uint64_t *entries, uint32_t index, const char *key, int32_t next,
                      int32_t value)
{
    PUT(entries, 16 + 16 * index, uint64_t, address_of(make_string(key)));
    PUT(entries, 24 + 16 * index, int32_t, next);
    PUT(entries, 28 + 16 * index, int32_t, value);
}

static void dictionaries_show_the_entries_in_use(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    uint64_t *entries = make_array(entries_type, 16, 8);
    put_entry(entries, 0, "gone", -3, 0);
    put_entry(entries, 1, "b", -1, 2);
    put_entry(entries, 2, "gone", -2, 0);
    put_entry(entries, 3, "d", 1, 4);
    const struct wire_record *record = capture(&value, address_of(make_map(entries, 4, 2)));
    assert_int_equal(value_count(record), 4);
    assert_int_equal(data_bytes(value_at(record, 0)), 24);
    const struct wire_value *array = child(record, 0, 0);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(array->flags, 0);
    assert_int_equal(typed_of(array)->total, 2);
    assert_int_equal(data_bytes(array), 32);
    assert_int_equal(data_of(array)[12], 2);
    assert_int_equal(data_of(array)[28], 4);
    assert_text(child(record, 1, 0), "b");
    assert_text(child(record, 1, 16), "d");
    /* Three items at most. */
    for (uint32_t i = 4; i < 8; i++) {
        put_entry(entries, i, "more", -1, 9);
    }
    array = child(capture(&value, address_of(make_map(entries, 8, 2))), 0, 0);
    assert_int_equal(array->flags, WIRE_VALUE_CUT);
    assert_int_equal(typed_of(array)->total, 6);
    assert_int_equal(data_bytes(array), 48);
}

/* Counts that another thread is just changing; entries of another shape; none made yet. */
static void dictionaries_that_do_not_fit(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    uint64_t *entries = make_array(entries_type, 16, 1);
    put_entry(entries, 0, "a", -1, 1);
    const struct wire_value *array =
        child(capture(&value, address_of(make_map(entries, 2000000000, 3))), 0, 0);
    assert_int_equal(data_bytes(array), 16);
    assert_int_equal(array->flags, WIRE_VALUE_CUT);
    array = child(capture(&value, address_of(make_map(entries, 0, 3))), 0, 0);
    assert_int_equal(typed_of(array)->total, 0);
    assert_int_equal(data_bytes(array), 0);
    array = child(capture(&value, address_of(make_map(make_array(ints_type, 4, 4), 4, 0))), 0, 0);
    assert_int_equal(array->kind, WIRE_VALUE_UNRESOLVED);
    assert_int_equal(value_count(capture(&value, address_of(make_map(NULL, 0, 0)))), 1);
    /* Only the first of many entries are looked at. */
    entries = make_array(entries_type, 16, 1000);
    for (uint32_t i = 0; i < 999; i++) {
        PUT(entries, 24 + 16 * i, int32_t, -5);
    }
    array = child(capture(&value, address_of(make_map(entries, 1000, 999))), 0, 0);
    assert_int_equal(typed_of(array)->total, 1);
    assert_int_equal(data_bytes(array), 0);
    assert_int_equal(array->flags, WIRE_VALUE_CUT);
}

static void boxed_values(void **unused)
{
    (void)unused;
    struct capture_value value = reference(ELEMENT_TYPE_OBJECT, 1);
    uint64_t *boxed = make_object(int_type, 8);
    PUT(boxed, 8, int32_t, 77);
    const struct wire_value *bytes = value_at(capture(&value, address_of(boxed)), 0);
    assert_int_equal(bytes->kind, WIRE_VALUE_BYTES);
    assert_int_equal(data_bytes(bytes), 4);
    assert_int_equal(data_of(bytes)[0], 77);
    assert_true(typed_of(bytes)->type == address_of(int_type));
    uint64_t *colour = make_object(colour_type, 8);
    PUT(colour, 8, uint8_t, 2);
    bytes = value_at(capture(&value, address_of(colour)), 0);
    assert_int_equal(data_bytes(bytes), 1);
    assert_int_equal(data_of(bytes)[0], 2);
}

static void values_behind_addresses(void **unused)
{
    (void)unused;
    struct capture_value value = address_value(ELEMENT_TYPE_VALUETYPE, pair_layout, 16);
    uint64_t pair[2] = {address_of(make_string("p")), 9};
    const struct wire_record *record = capture(&value, address_of(pair));
    assert_int_equal(value_at(record, 0)->kind, WIRE_VALUE_BYTES);
    assert_memory_equal(data_of(value_at(record, 0)), pair, 16);
    assert_text(child(record, 0, 0), "p");
    value = address_value(ELEMENT_TYPE_STRING, NULL, 8);
    assert_text(value_at(capture(&value, address_of(pair)), 0), "p");
    int16_t small = -2;
    value = address_value(ELEMENT_TYPE_I2, NULL, 2);
    assert_int_equal((int64_t)bits_of(value_at(capture(&value, address_of(&small)), 0)), -2);
    float single = 1.5f;
    double real;
    value = address_value(ELEMENT_TYPE_R4, NULL, 4);
    uint64_t bits = bits_of(value_at(capture(&value, address_of(&single)), 0));
    memcpy(&real, &bits, 8);
    assert_true(real == 1.5);
    assert_int_equal(value_at(capture(&value, 0), 0)->kind, WIRE_VALUE_NULL);
    uint8_t raw[5] = {1, 2, 3, 4, 5};
    value = address_value(ELEMENT_TYPE_VALUETYPE, NULL, 5);
    const struct wire_value *unknown = value_at(capture(&value, address_of(raw)), 0);
    assert_int_equal(unknown->kind, WIRE_VALUE_UNRESOLVED);
    assert_int_equal(data_bytes(unknown), 5);
    assert_memory_equal(data_of(unknown), raw, 5);
}

static void spans(void **unused)
{
    (void)unused;
    int32_t items[4] = {5, 6, 7, 8};
    uint64_t span[2] = {address_of(items), 4};
    struct capture_value value = address_value(ELEMENT_TYPE_VALUETYPE, span_layout, 16);
    const struct wire_record *record = capture(&value, address_of(span));
    const struct wire_value *array = child(record, 0, 0);
    assert_int_equal(array->kind, WIRE_VALUE_ARRAY);
    assert_int_equal(typed_of(array)->total, 4);
    assert_int_equal(array->flags, WIRE_VALUE_CUT);
    assert_int_equal(data_bytes(array), 12);
    assert_memory_equal(data_of(array), items, 12);
    /* A span over memory that is gone is no fault. */
    void *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gone, 4096);
    span[0] = address_of(gone);
    record = capture(&value, address_of(span));
    assert_int_equal(typed_of(child(record, 0, 0))->total, 4);
    span[0] = 0;
    span[1] = 0;
    record = capture(&value, address_of(span));
    assert_int_equal(typed_of(child(record, 0, 0))->total, 0);
}

/* A reference to a value may point behind the last one, where the memory ends. */
static void no_byte_beyond_the_memory(void **unused)
{
    (void)unused;
    uint8_t *pages =
        mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    munmap(pages + 2 * 4096, 4096);
    uint8_t *end = pages + 2 * 4096;
    const int32_t number = 77;
    memcpy(pages + 4096, &number, 4);
    memcpy(end - 4, &number, 4);
    memcpy(pages + 4094, &number, 4);
    struct capture_value value = address_value(ELEMENT_TYPE_I4, NULL, 4);
    uint8_t *good[] = {pages + 4094, end - 4};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bits_of(value_at(capture(&value, address_of(good[i])), 0)), 77);
    }
    struct capture_value values[] = {value, address_value(ELEMENT_TYPE_VALUETYPE, pair_layout, 16),
                                     address_value(ELEMENT_TYPE_STRING, NULL, 8),
                                     address_value(ELEMENT_TYPE_VALUETYPE, NULL, 12)};
    for (int i = 0; i < 4; i++) {
        for (int before = 0; before < 4; before += 3) {
            const struct wire_value *none =
                value_at(capture(&values[i], address_of(end - before)), 0);
            assert_int_equal(none->kind, WIRE_VALUE_UNRESOLVED);
            assert_int_equal(data_bytes(none), 0);
        }
    }
    struct capture_value field = address_value(ELEMENT_TYPE_VALUETYPE, pair_layout, 16);
    field.step_count = 1;
    field.steps[0] = layout_name("Value");
    assert_int_equal(value_at(capture(&field, address_of(end)), 0)->kind, WIRE_VALUE_UNRESOLVED);
    munmap(pages, 2 * 4096);
}

static void generic_values_go_by_the_caller(void **unused)
{
    (void)unused;
    uint64_t wanted;
    int32_t number = 123;
    struct instance *published = NULL;
    struct capture_value value = address_value(ELEMENT_TYPE_VAR, NULL, 4);
    value.by_instance = true;
    static struct capture_value kept;
    kept = value;
    static const struct capture_program program = {1, &kept};
    struct recorder_site_spec spec = {
        .kind = RECORDER_SITE_ON_ENTER, .number = 99, .enter = &program};
    uint64_t handle = add_site(bed.session, &spec);
    uint64_t (*volatile enter)(uint64_t, int64_t, int64_t, int64_t, int64_t, int64_t) =
        recorder_enter;
    while (instance_next_wanted(&wanted)) {
    }
    for (int turn = 0; turn < 3; turn++) { /* one call instruction: one return address */
        enter(handle, (int64_t)address_of(&number), 0, 0, 0, 0);
        bed_drain(&bed);
        assert_int_equal(bed.count, 1);
        const struct wire_value *found = value_at(record_at(&bed, 0), 0);
        if (turn == 0) {
            assert_int_equal(found->kind, WIRE_VALUE_UNRESOLVED);
            assert_int_equal(data_of(found)[0], 123);
            assert_true(instance_next_wanted(&wanted));
            struct instance *instance = calloc(1, sizeof *instance);
            instance->address = wanted;
            instance->type_count = 1;
            instance->types[0] = int_layout;
            instance_publish(instance);
            published = instance;
        } else if (turn == 2) {
            assert_int_equal(found->kind, WIRE_VALUE_UNRESOLVED); /* not taken for a reference */
        } else {
            assert_int_equal(found->kind, WIRE_VALUE_SCALAR);
            assert_int_equal(bits_of(found), 123);
            assert_false(instance_next_wanted(&wanted));
            published->types[0] = NULL;
            published->unknown = 1;
        }
    }
}

static struct instance *instance_at(uint64_t address, bool collectible)
{
    struct instance *instance = calloc(1, sizeof *instance);
    instance->address = address;
    instance->collectible = collectible;
    instance_publish(instance);
    return instance;
}

/* Code that goes with a module that is unloaded makes room for other code, at the same addresses:
 * what was known of them holds no longer, in the same session. */
static void generic_bodies_go_with_their_module(void **unused)
{
    (void)unused;
    instance_at(0x5000, false);
    instance_at(0x6000, true);
    assert_non_null(instance_find(0x6000));
    const size_t before = recorder_memory();
    instance_forget_collectible();
    assert_non_null(instance_find(0x5000));
    assert_null(instance_find(0x6000));
    const struct instance *again = instance_at(0x6000, true);
    assert_ptr_equal(instance_find(0x6000), again);
    instance_forget_collectible();
    assert_null(instance_find(0x6000));
    again = instance_at(0x6000, false);
    instance_forget_collectible();
    assert_ptr_equal(instance_find(0x6000), again);
    /* Those that went are kept for readers that may be at them, and counted. */
    assert_true(recorder_memory() >= before + 2 * sizeof(struct instance));
}

/* A session's native bodies are not met again: what is known of them goes with the last one. */
static void generic_bodies_are_forgotten_with_the_last_session(void **unused)
{
    (void)unused;
    static const struct capture_limits limits = {.max_bytes = 8192};
    const size_t before = recorder_memory();
    struct bed own;
    uint64_t wanted;
    bed_open(&own, &limits, 1 << 20);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct instance *instance = calloc(1, sizeof *instance);
        instance->address = 4096 * i;
        instance_publish(instance);
    }
    instance_want(99);
    bed_close(&own);
    assert_non_null(instance_find(4096 * 1000));
    assert_true(recorder_memory() > before + 1000 * sizeof(struct instance));
    bed_close(&bed);
    assert_null(instance_find(4096 * 1000));
    assert_true(recorder_memory() <= before);
    assert_false(instance_next_wanted(&wanted));
    set_up(NULL);
}

static void exceptions(void **unused)
{
    (void)unused;
    uint64_t *inner = make_object(exception_type, 40);
    uint64_t *outer = make_object(exception_type, 40);
    PUT(inner, 16, uint64_t, address_of(make_string("inner")));
    PUT(outer, 16, uint64_t, address_of(make_string("outer")));
    PUT(outer, 32, uint64_t, address_of(inner));
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 98};
    uint64_t handle = add_site(bed.session, &spec);
    uint64_t call = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_throw(handle, call, (int64_t)address_of(outer), 0, 0, 0);
    bed_drain(&bed);
    const struct wire_record *record = record_at(&bed, 1);
    assert_int_equal(value_at(record, 0)->slot, WIRE_SLOT_EXCEPTION);
    assert_true(typed_of(value_at(record, 0))->type == address_of(exception_type));
    assert_text(child(record, 0, 8), "outer");
    uint32_t ordinal = 2;
    assert_int_equal(value_at(record, ordinal)->at, 24);
    assert_text(child(record, ordinal, 8), "inner");
    /* Of a type that nobody has seen: its message is found all the same. */
    struct fake_type *unseen = make_type(48, 0);
    uint64_t *strange = make_object(unseen, 48);
    PUT(strange, 16, uint64_t, address_of(make_string("strange")));
    call = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_throw(handle, call, (int64_t)address_of(strange), 0, 0, 0);
    bed_drain(&bed);
    record = record_at(&bed, 1);
    assert_int_equal(value_at(record, 0)->kind, WIRE_VALUE_UNRESOLVED);
    assert_text(child(record, 0, 8), "strange");
}

static void the_exception_among_the_values(void **unused)
{
    (void)unused;
    static const struct capture_value value = {.slot = 5,
                                               .value = CAPTURE_EXCEPTION,
                                               .pass = CAPTURE_REFERENCE,
                                               .element = ELEMENT_TYPE_CLASS};
    static const struct capture_program program = {1, &value};
    uint64_t *exception = make_object(exception_type, 40);
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 97, .exit = &program};
    uint64_t handle = add_site(bed.session, &spec);
    recorder_return(handle, recorder_enter(handle, 0, 0, 0, 0, 0), 0, 0, 0, 0);
    recorder_throw(handle, recorder_enter(handle, 0, 0, 0, 0, 0), (int64_t)address_of(exception), 0,
                   0, 0);
    bed_drain(&bed);
    assert_int_equal(value_in_slot(record_at(&bed, 1), 5)->kind, WIRE_VALUE_NULL);
    assert_int_equal(value_in_slot(record_at(&bed, 3), 5)->kind, WIRE_VALUE_OBJECT);
}

/* A layout that claims more than the object has (a forged or stale one) reads nothing beyond. */
static void no_byte_beyond_the_object(void **unused)
{
    (void)unused;
    struct fake_type *type = make_type(16, 0);
    struct layout *layout = make_layout(type, WIRE_TYPE_CLASS, 64, 2);
    layout->fields[0] = make_field("Far", 56, ELEMENT_TYPE_STRING, 8, NULL);
    layout->fields[1] = make_field("Near", 16, ELEMENT_TYPE_I8, 8, NULL);
    layout_publish(layout);
    uint64_t *object = make_object(type, 16);
    struct capture_value value = reference(ELEMENT_TYPE_CLASS, 1);
    assert_int_equal(data_bytes(value_at(capture(&value, address_of(object)), 0)), 16);
    value = path(1, "Far", NULL, NULL);
    assert_int_equal(value_at(capture(&value, address_of(object)), 0)->kind, WIRE_VALUE_NO_FIELD);
    uint64_t *list = make_object(list_type, 16);
    uint64_t *items = make_array(strings_type, 8, 1);
    PUT(list, 8, uint64_t, address_of(items));
    PUT(list, 16, int32_t, 1000000); /* torn: more than the array has */
    value = reference(ELEMENT_TYPE_CLASS, 1);
    const struct wire_record *record = capture(&value, address_of(list));
    assert_int_equal(typed_of(child(record, 0, 0))->total, 1);
}

static void a_record_has_an_end(void **unused)
{
    (void)unused;
    static const struct capture_limits limits = {
        .depth = 16, .max_items = 1000, .max_string = 100000, .max_bytes = 2000};
    struct bed own;
    bed_open(&own, &limits, 1 << 20);
    char text[3001];
    memset(text, 'x', 3000);
    text[3000] = 0;
    uint64_t *loop = make_customer("loop", NULL);
    PUT(loop, 16, uint64_t, address_of(loop)); /* its own boss */
    uint64_t *longest = make_string(text);
    static const struct capture_value values[] = {
        {.slot = 0,
         .value = 0,
         .pass = CAPTURE_REFERENCE,
         .element = ELEMENT_TYPE_CLASS,
         .show = 1},
        {.slot = 1, .value = 1, .pass = CAPTURE_REFERENCE, .element = ELEMENT_TYPE_STRING},
        {.slot = 2, .value = 2, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4}};
    static const struct capture_program program = {3, values};
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_RETURN, .enter = &program};
    uint64_t handle = add_site(own.session, &spec);
    for (int i = 0; i < 100; i++) { /* over the borders of several chunks */
        uint64_t call = recorder_enter(handle, (int64_t)address_of(loop),
                                       (int64_t)address_of(longest), 5, 0, 0);
        recorder_return(handle, call, 0, 0, 0, 0);
        bed_drain(&own);
        assert_int_equal(own.count, 1);
        const struct wire_record *record = record_at(&own, 0);
        assert_in_range(record->size * 8, 1500, 2000);
        assert_int_equal(record->flags, WIRE_RECORD_CUT);
        assert_int_equal(value_in_slot(record, 1)->flags, WIRE_VALUE_CUT);
        assert_int_equal(typed_of(value_in_slot(record, 1))->total, 3000);
        assert_null(value_in_slot(record, 2));
        assert_non_null(value_in_slot(record, WIRE_SLOT_ELAPSED));
    }
    bed_close(&own);
}

/* The least that may be asked for holds: values are cut, and what a record is useless without
 * (here the exception and the time) is there. */
static void the_smallest_record(void **unused)
{
    (void)unused;
    static const struct capture_limits limits = {
        .depth = 1, .max_items = 10, .max_string = 1000, .max_bytes = PLAN_MIN_BYTES};
    static const struct capture_value value = {.pass = CAPTURE_REFERENCE,
                                               .element = ELEMENT_TYPE_STRING};
    static const struct capture_program program = {1, &value};
    static const enum recorder_site_kind kinds[] = {RECORDER_SITE_ON_THROW, RECORDER_SITE_CALL};
    struct bed own;
    bed_open(&own, &limits, 1 << 20);
    char text[1001] = {0};
    memset(text, 'y', 1000);
    uint64_t *exception = make_object(exception_type, 40);
    PUT(exception, 16, uint64_t, address_of(make_string("why")));
    for (uint32_t i = 0; i < 2; i++) {
        struct recorder_site_spec spec = {.kind = kinds[i], .number = i, .enter = &program};
        uint64_t handle = add_site(own.session, &spec);
        uint64_t call = recorder_enter(handle, (int64_t)address_of(make_string(text)), 0, 0, 0, 0);
        recorder_throw(handle, call, (int64_t)address_of(exception), 0, 0, 0);
        bed_drain(&own);
        assert_int_equal(own.count, 1 + i);
        const struct wire_record *first = record_at(&own, 0);
        const struct wire_record *last = record_at(&own, i);
        assert_in_range(first->size * 8, 300, PLAN_MIN_BYTES);
        assert_int_equal(value_in_slot(first, 0)->flags, WIRE_VALUE_CUT);
        assert_in_range(last->size * 8, 64, PLAN_MIN_BYTES);
        assert_non_null(value_in_slot(last, WIRE_SLOT_EXCEPTION));
    }
    bed_close(&own);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(strings),
        CASE(an_object_one_level_deep),
        CASE(the_type_only),
        CASE(paths),
        CASE(paths_that_end_early),
        CASE(nullables),
        CASE(unknown_types_are_marked_and_asked_for),
        CASE(arrays),
        CASE(no_more_items_than_asked_for),
        CASE(lists_show_their_count_not_their_capacity),
        CASE(lists_whose_array_is_met_for_the_first_time),
        CASE(dictionaries_show_the_entries_in_use),
        CASE(dictionaries_that_do_not_fit),
        CASE(boxed_values),
        CASE(values_behind_addresses),
        CASE(spans),
        CASE(no_byte_beyond_the_memory),
        CASE(generic_values_go_by_the_caller),
        CASE(generic_bodies_go_with_their_module),
        CASE(generic_bodies_are_forgotten_with_the_last_session),
        CASE(exceptions),
        CASE(the_exception_among_the_values),
        CASE(no_byte_beyond_the_object),
        CASE(a_record_has_an_end),
        CASE(the_smallest_record),
    };
    struct error error;
    if (recorder_init(&error) != STATUS_OK) {
        return 1;
    }
    make_types();
    make_map_types();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
