// uses: output wire clr jansson
// sanitize: address,undefined
/* Values of every kind as text and as JSON, which jansson must be able to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base_utf16.h"
#include "clr_element.h"
#include "output_value.h"
#include "wire_message.h"

/* ---- a table of types ---- */

enum {
    T_ORDER = 0x1000,
    T_CUSTOMER,
    T_STATE,
    T_ACCESS,
    T_DECIMAL,
    T_POINT,
    T_NULLABLE,
    T_INTS,
    T_STRINGS,
    T_LIST,
    T_TUPLE,
    T_SPAN,
    T_CHARSPAN,
    T_ERROR,
    T_LOOP,
    T_BASE,
    T_BOX,
    T_MAP,
    T_ENTRY,
    T_ENTRIES,
};

struct test {
    struct types types;
    struct buffer out;
    struct value_list list;
    uint8_t bytes[8192];
    size_t length;
    uint16_t ordinal;
    bool cut;
};

static struct test t;
static struct buffer message;

static void begin_type(uint64_t id, const char *name, enum wire_type_kind kind)
{
    buffer_clear(&message);
    tlv_put_u64(&message, WIRE_TYPE_ID, id);
    tlv_put_text(&message, WIRE_TYPE_NAME, name);
    tlv_put_u32(&message, WIRE_TYPE_KIND, kind);
}

static void field(const char *name, uint32_t offset, uint8_t element, uint64_t type,
                  const char *declared, bool hidden)
{
    size_t mark = tlv_begin(&message, WIRE_TYPE_FIELD);
    tlv_put_text(&message, WIRE_FIELD_NAME, name);
    tlv_put_u32(&message, WIRE_FIELD_OFFSET, offset);
    tlv_put_u32(&message, WIRE_FIELD_ELEMENT, element);
    tlv_put_u64(&message, WIRE_FIELD_TYPE, type);
    tlv_put_text(&message, WIRE_FIELD_DECLARED, declared);
    tlv_put_u32(&message, WIRE_FIELD_HIDDEN, hidden);
    tlv_end(&message, mark);
}

static void member(const char *name, int64_t value)
{
    size_t mark = tlv_begin(&message, WIRE_TYPE_MEMBER);
    tlv_put_text(&message, WIRE_MEMBER_NAME, name);
    tlv_put_u64(&message, WIRE_MEMBER_VALUE, (uint64_t)value);
    tlv_end(&message, mark);
}

static void end_type(void)
{
    struct reader reader;
    reader_init(&reader, message.data, message.length);
    assert_int_equal(types_add(&t.types, reader, NULL), STATUS_OK);
}

static void item_type(uint64_t id, const char *name, enum wire_type_kind kind, uint8_t element,
                      uint64_t item)
{
    begin_type(id, name, kind);
    tlv_put_u32(&message, WIRE_TYPE_ELEMENT, element);
    tlv_put_u64(&message, WIRE_TYPE_ITEM, item);
}

static void make_types(void)
{
    begin_type(T_ORDER, "Order", WIRE_TYPE_CLASS);
    field("Id", 8, ELEMENT_TYPE_I4, 0, "int", false);
    field("State", 12, ELEMENT_TYPE_VALUETYPE, T_STATE, "OrderState", false);
    field("Customer", 16, ELEMENT_TYPE_CLASS, 0, "Customer", false);
    field("Total", 24, ELEMENT_TYPE_VALUETYPE, T_DECIMAL, "decimal", false);
    field("Lines", 40, ELEMENT_TYPE_CLASS, 0, "List<int>", false);
    field("Note", 48, ELEMENT_TYPE_STRING, 0, "string", false);
    field("<gen>", 56, ELEMENT_TYPE_I4, 0, "int", false);
    field("Base", 60, ELEMENT_TYPE_I4, 0, "int", true);
    end_type();
    begin_type(T_CUSTOMER, "Customer", WIRE_TYPE_CLASS);
    field("Name", 8, ELEMENT_TYPE_STRING, 0, "string", false);
    end_type();
    item_type(T_STATE, "OrderState", WIRE_TYPE_ENUM, ELEMENT_TYPE_I4, 0);
    member("Open", 0);
    member("Closed", 2);
    member("Lost", -1);
    end_type();
    item_type(T_ACCESS, "Access", WIRE_TYPE_ENUM, ELEMENT_TYPE_U1, 0);
    tlv_put_u32(&message, WIRE_TYPE_FLAGS, 1);
    member("None", 0);
    member("Read", 1);
    member("Write", 2);
    member("Both", 3);
    member("Own", 4);
    end_type();
    begin_type(T_DECIMAL, "decimal", WIRE_TYPE_DECIMAL);
    end_type();
    begin_type(T_POINT, "Point", WIRE_TYPE_STRUCT);
    tlv_put_u32(&message, WIRE_TYPE_SIZE, 8);
    field("X", 0, ELEMENT_TYPE_I4, 0, "int", false);
    field("Y", 4, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    item_type(T_NULLABLE, "int?", WIRE_TYPE_NULLABLE, 0, 0);
    field("hasValue", 0, ELEMENT_TYPE_BOOLEAN, 0, "bool", false);
    field("value", 4, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    item_type(T_INTS, "int[]", WIRE_TYPE_ARRAY, ELEMENT_TYPE_I4, 0);
    tlv_put_u32(&message, WIRE_TYPE_SIZE, 4);
    end_type();
    item_type(T_STRINGS, "string[]", WIRE_TYPE_ARRAY, ELEMENT_TYPE_STRING, 0);
    end_type();
    begin_type(T_LIST, "List<int>", WIRE_TYPE_LIST);
    field("_items", 8, ELEMENT_TYPE_SZARRAY, 0, "int[]", false);
    field("_size", 16, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    begin_type(T_TUPLE, "ValueTuple<int, string>", WIRE_TYPE_TUPLE);
    field("Item1", 8, ELEMENT_TYPE_I4, 0, "int", false);
    field("Item2", 0, ELEMENT_TYPE_STRING, 0, "string", false);
    end_type();
    item_type(T_SPAN, "Span<int>", WIRE_TYPE_SPAN, ELEMENT_TYPE_I4, 0);
    field("_reference", 0, ELEMENT_TYPE_BYREF, 0, "int", false);
    field("_length", 8, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    item_type(T_CHARSPAN, "ReadOnlySpan<char>", WIRE_TYPE_SPAN, ELEMENT_TYPE_CHAR, 0);
    field("_reference", 0, ELEMENT_TYPE_BYREF, 0, "char", false);
    field("_length", 8, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    begin_type(T_ERROR, "TimeoutException", WIRE_TYPE_EXCEPTION);
    tlv_put_text(&message, WIRE_TYPE_FULL_NAME, "System.TimeoutException");
    field("_message", 16, ELEMENT_TYPE_STRING, 0, "string", true);
    field("_innerException", 32, ELEMENT_TYPE_CLASS, 0, "Exception", true);
    end_type();
    begin_type(T_LOOP, "Loop", WIRE_TYPE_STRUCT); /* holds itself: no real type can */
    field("A", 0, ELEMENT_TYPE_VALUETYPE, T_LOOP, "Loop", false);
    field("B", 0, ELEMENT_TYPE_VALUETYPE, T_LOOP, "Loop", false);
    end_type();
    begin_type(T_BASE, "Derived", WIRE_TYPE_CLASS); /* all its fields are its base's */
    field("Id", 8, ELEMENT_TYPE_I4, 0, "int", true);
    end_type();
    item_type(T_BOX, "int", WIRE_TYPE_PRIMITIVE, ELEMENT_TYPE_I4, 0);
    end_type();
    begin_type(T_MAP, "Dictionary<string, int>", WIRE_TYPE_DICTIONARY);
    field("_buckets", 8, ELEMENT_TYPE_SZARRAY, 0, "int[]", false);
    field("_entries", 16, ELEMENT_TYPE_SZARRAY, 0, "Entry<TKey, TValue>[]", false);
    field("_count", 24, ELEMENT_TYPE_I4, 0, "int", false);
    field("_freeCount", 28, ELEMENT_TYPE_I4, 0, "int", false);
    end_type();
    begin_type(T_ENTRY, "Entry<string, int>", WIRE_TYPE_STRUCT);
    tlv_put_u32(&message, WIRE_TYPE_SIZE, 24);
    field("key", 0, ELEMENT_TYPE_CLASS, 0, "TKey", false);
    field("hashCode", 8, ELEMENT_TYPE_U4, 0, "uint", false);
    field("next", 12, ELEMENT_TYPE_I4, 0, "int", false);
    field("value", 16, ELEMENT_TYPE_I4, 0, "TValue", false);
    end_type();
    item_type(T_ENTRIES, "Entry<string, int>[]", WIRE_TYPE_ARRAY, ELEMENT_TYPE_VALUETYPE, T_ENTRY);
    tlv_put_u32(&message, WIRE_TYPE_SIZE, 24);
    end_type();
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    types_init(&t.types);
    buffer_init(&t.out, 0);
    buffer_init(&message, 0);
    make_types();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    types_release(&t.types);
    buffer_release(&t.out);
    buffer_release(&message);
    return 0;
}

/* ---- records ---- */

static void start(void)
{
    t.length = 0;
    t.ordinal = 0;
}

/* Adds a value; answers its ordinal. `type` 0 with kinds that have one: unknown. */
static uint16_t add(struct wire_value head, bool typed, uint64_t type, uint32_t total,
                    const void *data, size_t length)
{
    struct wire_typed tail = {.type = type, .total = total};
    head.length = (uint32_t)(length + (typed ? sizeof tail : 0));
    memcpy(t.bytes + t.length, &head, sizeof head);
    t.length += sizeof head;
    if (typed) {
        memcpy(t.bytes + t.length, &tail, sizeof tail);
        t.length += sizeof tail;
    }
    if (length)
        memcpy(t.bytes + t.length, data, length);
    t.length = (t.length + length + 7) & ~(size_t)7;
    return t.ordinal++;
}

static uint16_t root(uint8_t kind, uint64_t type, uint32_t total, const void *data, size_t length)
{
    start();
    return add((struct wire_value){.kind = kind}, true, type, total, data, length);
}

static uint16_t child(uint16_t parent, uint32_t at, uint8_t kind, uint64_t type, uint32_t total,
                      const void *data, size_t length)
{
    struct wire_value head = {.kind = kind, .slot = WIRE_SLOT_CHILD, .parent = parent, .at = at};
    return add(head, true, type, total, data, length);
}

static uint16_t string_child(uint16_t parent, uint32_t at, const char *text)
{
    uint16_t units[256];
    size_t count = utf16_from_utf8(units, 256, text);
    return child(parent, at, WIRE_VALUE_STRING, 0, (uint32_t)count, units, 2 * count);
}

static const char *render(bool json, uint32_t depth, const struct method_value *declared)
{
    struct value_writer writer = {.out = &t.out,
                                  .types = &t.types,
                                  .list = &t.list,
                                  .json = json,
                                  .depth = depth,
                                  .budget = 1000};
    buffer_clear(&t.out);
    if (!value_list_parse(&t.list, t.bytes, t.length))
        fail_msg("the record is not well-formed");
    value_write(&writer, &t.list.items[0], declared);
    t.cut = writer.cut;
    return buffer_text(&t.out);
}

/* The value as text and JSON, at depth 1; JSON must be JSON. */
static void expect_at(uint32_t depth, const char *text, const char *json,
                      const struct method_value *declared)
{
    json_error_t error;
    assert_string_equal(render(false, depth, declared), text);
    assert_string_equal(render(true, depth, declared), json);
    json_t *parsed =
        json_loads(json, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (!parsed)
        fail_msg("not JSON: %s", json);
    json_decref(parsed);
}

static void expect(const char *text, const char *json)
{
    expect_at(1, text, json, NULL);
}

static void scalar(uint8_t element, uint64_t bits)
{
    start();
    add((struct wire_value){.kind = WIRE_VALUE_SCALAR, .element = element}, false, 0, 0, &bits, 8);
}

/* ---- tests ---- */

static void test_scalars(void **state)
{
    (void)state;
    double number = 0.1f;
    uint64_t bits;
    scalar(ELEMENT_TYPE_I4, (uint64_t)-42);
    expect("-42", "-42");
    scalar(ELEMENT_TYPE_U8, UINT64_MAX);
    expect("18446744073709551615", "18446744073709551615");
    scalar(ELEMENT_TYPE_BOOLEAN, 1);
    expect("true", "true");
    scalar(ELEMENT_TYPE_BOOLEAN, 0);
    expect("false", "false");
    scalar(ELEMENT_TYPE_CHAR, 'x');
    expect("'x'", "\"x\"");
    scalar(ELEMENT_TYPE_CHAR, '\n');
    expect("'\\n'", "\"\\n\"");
    memcpy(&bits, &number, 8);
    scalar(ELEMENT_TYPE_R4, bits);
    expect("0.1", "0.1");
    scalar(ELEMENT_TYPE_R8, bits);
    expect("0.10000000149011612", "0.10000000149011612");
    scalar(ELEMENT_TYPE_R8, 0x7ff8000000000000);
    expect("NaN", "\"NaN\"");
    scalar(ELEMENT_TYPE_PTR, 0xdeadbeef);
    expect("0xdeadbeef", "\"0xdeadbeef\"");
    struct method_value declared = {.type = T_STATE, .element = ELEMENT_TYPE_I4};
    scalar(ELEMENT_TYPE_I4, 2);
    expect_at(1, "Closed", "\"Closed\"", &declared);
    scalar(ELEMENT_TYPE_I4, 7);
    expect_at(1, "7", "7", &declared);
}

static void test_nothing(void **state)
{
    (void)state;
    start();
    add((struct wire_value){.kind = WIRE_VALUE_NULL}, false, 0, 0, NULL, 0);
    expect("null", "null");
    start();
    add((struct wire_value){.kind = WIRE_VALUE_NULL_PATH}, false, 0, 0, NULL, 0);
    expect("null", "null");
    root(WIRE_VALUE_NO_FIELD, T_ORDER, 0, NULL, 0);
    expect("(not in Order)", "null");
}

static void test_strings(void **state)
{
    (void)state;
    static const uint16_t odd[] = {'a', '"', '\\', '\n', 0, 0x1b, 0xd800, 0xd83d, 0xde00, 0x202e};
    root(WIRE_VALUE_STRING, 0, 10, odd, sizeof odd);
    expect("\"a\\\"\\\\\\n\\0\\u001b\\ud800😀\\u202e\"",
           "\"a\\\"\\\\\\n\\u0000\\u001b�😀\xe2\x80\xae\"");
    assert_false(t.cut);
    root(WIRE_VALUE_STRING, 0, 1000, u"xy", 4);
    assert_string_equal(render(false, 1, NULL), "\"xy\"…");
    assert_string_equal(render(true, 1, NULL), "\"xy…\"");
    assert_true(t.cut);
}

static void test_enums(void **state)
{
    (void)state;
    int32_t state_value = -1;
    root(WIRE_VALUE_BYTES, T_STATE, 0, &state_value, 4);
    expect("Lost", "\"Lost\"");
    state_value = 5;
    root(WIRE_VALUE_BYTES, T_STATE, 0, &state_value, 4);
    expect("5", "5");
    static const struct {
        uint8_t bits;
        const char *text, *json;
    } cases[] = {{0, "None", "\"None\""},
                 {3, "Both", "\"Both\""},
                 {6, "Write | Own", "\"Write, Own\""},
                 {7, "Both | Own", "\"Both, Own\""},
                 {9, "9", "9"}};
    for (size_t i = 0; i < 5; i++) {
        root(WIRE_VALUE_BYTES, T_ACCESS, 0, &cases[i].bits, 1);
        expect(cases[i].text, cases[i].json);
    }
}

static void fill_order(uint8_t *bytes)
{
    static const uint32_t total[4] = {2u << 16, 0, 12050, 0};
    uint64_t reference = 0x1234;
    memset(bytes, 0, 56);
    bytes[0] = 42;
    bytes[4] = 2;
    memcpy(bytes + 8, &reference, 8);
    memcpy(bytes + 16, total, 16);
    memcpy(bytes + 32, &reference, 8);
}

static void test_object(void **state)
{
    (void)state;
    uint8_t order[56];
    uint8_t customer[8] = {1};
    uint8_t list[16] = {1, 0, 0, 0, 0, 0, 0, 0, 3};
    static const int32_t items[] = {7, 8, 9, 0};
    fill_order(order);
    uint16_t top = root(WIRE_VALUE_OBJECT, T_ORDER, 0, order, sizeof order);
    uint16_t person = child(top, 8, WIRE_VALUE_OBJECT, T_CUSTOMER, 0, customer, 8);
    string_child(person, 0, "ACME");
    uint16_t lines = child(top, 32, WIRE_VALUE_OBJECT, T_LIST, 0, list, 16);
    child(lines, 0, WIRE_VALUE_ARRAY, T_INTS, 3, items, 12);
    expect("Order { Id=42, State=Closed, Customer=Customer {…}, Total=120.50, Lines=List<int>(3), "
           "Note=null }",
           "{\"$type\":\"Order\",\"Id\":42,\"State\":\"Closed\",\"Customer\":{\"$type\":"
           "\"Customer\",\"$more\":true},\"Total\":120.50,\"Lines\":{\"$type\":\"List<int>\",\"$"
           "count\":3,\"$more\":true},\"Note\":null}");
    assert_true(t.cut);
    expect_at(2,
              "Order { Id=42, State=Closed, Customer=Customer { Name=\"ACME\" }, Total=120.50, "
              "Lines=List<int>(3) [7, 8, 9], Note=null }",
              "{\"$type\":\"Order\",\"Id\":42,\"State\":\"Closed\",\"Customer\":{\"$type\":"
              "\"Customer\",\"Name\":\"ACME\"},\"Total\":120.50,\"Lines\":[7,8,9],\"Note\":null}",
              NULL);
    assert_false(t.cut);
    expect_at(0, "Order {…}", "{\"$type\":\"Order\",\"$more\":true}", NULL);
}

static void put_entry(uint8_t *bytes, uint32_t key, int32_t next, int32_t value)
{
    memset(bytes, 0, 24);
    memcpy(bytes, &key, 4);
    memcpy(bytes + 12, &next, 4);
    memcpy(bytes + 16, &value, 4);
}

static void test_dictionary(void **state)
{
    (void)state;
    uint8_t map[24] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0};
    uint8_t entries[3 * 24];
    put_entry(entries, 1, -1, 10);
    put_entry(entries + 24, 1, INT32_MIN, 0); /* not in use */
    put_entry(entries + 48, 1, 0, -30);
    uint16_t top = root(WIRE_VALUE_OBJECT, T_MAP, 0, map, sizeof map);
    uint16_t array = child(top, 8, WIRE_VALUE_ARRAY, T_ENTRIES, 3, entries, sizeof entries);
    string_child(array, 0, "a");
    string_child(array, 48, "c");
    expect("Dictionary<string, int>(3) { [\"a\"]=10, [\"c\"]=-30, … }",
           "[{\"key\":\"a\",\"value\":10},{\"key\":\"c\",\"value\":-30}]");
    assert_true(t.cut);
    expect_at(0, "Dictionary<string, int>(3)",
              "{\"$type\":\"Dictionary<string, int>\",\"$count\":3,\"$more\":true}", NULL);
    map[16] = 4;
    top = root(WIRE_VALUE_OBJECT, T_MAP, 0, map, sizeof map);
    array = child(top, 8, WIRE_VALUE_ARRAY, T_ENTRIES, 2, entries, sizeof entries);
    string_child(array, 0, "a");
    string_child(array, 48, "c");
    expect("Dictionary<string, int>(2) { [\"a\"]=10, [\"c\"]=-30 }",
           "[{\"key\":\"a\",\"value\":10},{\"key\":\"c\",\"value\":-30}]");
    assert_false(t.cut);
    /* Made and never filled; cut short; its entries' type not known. */
    memset(map, 0, sizeof map);
    root(WIRE_VALUE_OBJECT, T_MAP, 0, map, sizeof map);
    expect("Dictionary<string, int>(0)", "[]");
    map[16] = 1;
    root(WIRE_VALUE_OBJECT, T_MAP, 0, map, 10);
    expect("Dictionary<string, int>(0)", "[]");
    top = root(WIRE_VALUE_OBJECT, T_MAP, 0, map, sizeof map);
    child(top, 8, WIRE_VALUE_ARRAY, 0x7777, 1, entries, 24);
    expect("Dictionary<string, int>(1)",
           "{\"$type\":\"Dictionary<string, int>\",\"$count\":1,\"$more\":true}");
    assert_true(t.cut);
}

/* References without a child: what they are declared as; bytes that are missing: cut. */
static void test_left_out(void **state)
{
    (void)state;
    uint8_t order[56];
    fill_order(order);
    root(WIRE_VALUE_OBJECT, T_ORDER, 0, order, 12);
    expect("Order { Id=42, State=Closed, Customer=…, Total=…, Lines=…, Note=… }",
           "{\"$type\":\"Order\",\"Id\":42,\"State\":\"Closed\",\"Customer\":\"…\",\"Total\":\"…\","
           "\"Lines\":\"…\",\"Note\":\"…\"}");
    start();
    add((struct wire_value){.kind = WIRE_VALUE_OBJECT, .flags = WIRE_VALUE_CUT}, true, T_ORDER, 0,
        NULL, 0);
    expect("Order {…}", "{\"$type\":\"Order\",\"$more\":true}");
    root(WIRE_VALUE_OBJECT, 0x9999, 0, order, 8); /* a type that is not known */
    expect("…", "{\"$type\":\"\",\"$more\":true}");
    root(WIRE_VALUE_UNRESOLVED, T_CUSTOMER, 0, "\1\0\0\0\0\0\0", 8);
    expect("Customer { Name=… }…", "{\"$type\":\"Customer\",\"Name\":\"…\"}");
    assert_true(t.cut);
}

static void test_structs(void **state)
{
    (void)state;
    static const int32_t point[] = {3, -4};
    static const int32_t some[] = {1, 42}, none[] = {0, 42};
    root(WIRE_VALUE_BYTES, T_POINT, 0, point, 8);
    expect("Point { X=3, Y=-4 }", "{\"$type\":\"Point\",\"X\":3,\"Y\":-4}");
    root(WIRE_VALUE_BYTES, T_NULLABLE, 0, some, 8);
    expect("42", "42");
    root(WIRE_VALUE_BYTES, T_NULLABLE, 0, none, 8);
    expect("null", "null");
    root(WIRE_VALUE_BYTES, T_POINT, 0, point, 6);
    expect("Point { X=3, Y=… }", "{\"$type\":\"Point\",\"X\":3,\"Y\":\"…\"}");
    root(WIRE_VALUE_OBJECT, T_BOX, 0, point, 8); /* a boxed int */
    expect("3", "3");
    root(WIRE_VALUE_OBJECT, T_BASE, 0, point, 8);
    expect("Derived { Id=3 }", "{\"$type\":\"Derived\",\"Id\":3}");
}

static void test_tuple(void **state)
{
    (void)state;
    uint8_t bytes[16] = {1, 0, 0, 0, 0, 0, 0, 0, 5};
    uint16_t top = root(WIRE_VALUE_BYTES, T_TUPLE, 0, bytes, 16);
    string_child(top, 0, "a");
    expect("(5, \"a\")", "[5,\"a\"]");
}

static void test_arrays(void **state)
{
    (void)state;
    static const int32_t numbers[] = {1, -2, 3};
    uint8_t references[24] = {1, [16] = 1};
    root(WIRE_VALUE_ARRAY, T_INTS, 3, numbers, 12);
    expect("int[3] [1, -2, 3]", "[1,-2,3]");
    assert_false(t.cut);
    root(WIRE_VALUE_ARRAY, T_INTS, 1000, numbers, 12);
    expect("int[1000] [1, -2, 3, …]", "[1,-2,3]");
    assert_true(t.cut);
    root(WIRE_VALUE_ARRAY, T_INTS, 0, NULL, 0);
    expect("int[0] []", "[]");
    uint16_t top = root(WIRE_VALUE_ARRAY, T_STRINGS, 3, references, 24);
    string_child(top, 0, "a");
    expect("string[3] [\"a\", null, …]", "[\"a\",null,\"…\"]");
    /* met before its layout was known: length, padding, elements */
    static const int32_t raw[] = {3, 0, 1, -2, 3};
    root(WIRE_VALUE_UNRESOLVED, T_INTS, 0, raw, sizeof raw);
    expect("int[3] [1, -2, 3]", "[1,-2,3]");
}

static void test_spans(void **state)
{
    (void)state;
    uint8_t bytes[16] = {1, 0, 0, 0, 0, 0, 0, 0, 3};
    static const int32_t numbers[] = {1, 2, 3};
    uint16_t top = root(WIRE_VALUE_BYTES, T_SPAN, 0, bytes, 16);
    child(top, 0, WIRE_VALUE_ARRAY, 0, 3, numbers, 12);
    expect("Span<int>(3) [1, 2, 3]", "[1,2,3]");
    top = root(WIRE_VALUE_BYTES, T_CHARSPAN, 0, bytes, 16);
    child(top, 0, WIRE_VALUE_ARRAY, 0, 3, u"abc", 6);
    expect("ReadOnlySpan<char>(3) \"abc\"", "\"abc\"");
    bytes[8] = 0;
    root(WIRE_VALUE_BYTES, T_SPAN, 0, bytes, 16);
    assert_string_equal(render(false, 1, NULL), "Span<int>(0)");
}

static void test_exceptions(void **state)
{
    (void)state;
    uint8_t bytes[32] = {[8] = 1, [24] = 1};
    uint16_t top = root(WIRE_VALUE_OBJECT, T_ERROR, 0, bytes, 32);
    string_child(top, 8, "no answer");
    uint16_t inner = child(top, 24, WIRE_VALUE_OBJECT, T_ERROR, 0, bytes, 32);
    string_child(inner, 8, "in there");
    expect("TimeoutException: \"no answer\" <- TimeoutException: \"in there\"",
           "{\"type\":\"System.TimeoutException\",\"message\":\"no answer\",\"inner\":{\"type\":"
           "\"System.TimeoutException\",\"message\":\"in there\"}}");
    memset(bytes, 0, sizeof bytes);
    root(WIRE_VALUE_OBJECT, T_ERROR, 0, bytes, 32);
    expect("TimeoutException", "{\"type\":\"System.TimeoutException\"}");
}

/* Types that cannot be must not cost more than the budget. */
static void test_hostile_types(void **state)
{
    (void)state;
    uint64_t zero = 0;
    root(WIRE_VALUE_BYTES, T_LOOP, 0, &zero, 8);
    render(true, 100, NULL);
    assert_true(t.out.length < 200000);
    assert_true(t.cut);
    begin_type(0x7777, "Far", WIRE_TYPE_CLASS);
    field("A", 0xffffffff, ELEMENT_TYPE_I4, 0, "int", false);
    field("B", 4, ELEMENT_TYPE_I4, 0, "int", false); /* before the object's own bytes */
    field("C", 0xfffffff8, ELEMENT_TYPE_STRING, 0, "string", false);
    end_type();
    root(WIRE_VALUE_OBJECT, 0x7777, 0, &zero, 8);
    expect("Far { A=…, B=…, C=… }", "{\"$type\":\"Far\",\"A\":\"…\",\"B\":\"…\",\"C\":\"…\"}");
}

static void test_malformed(void **state)
{
    (void)state;
    uint64_t zero = 0;
    uint16_t top = root(WIRE_VALUE_OBJECT, T_ORDER, 0, &zero, 8);
    string_child(top, 0, "abc");
    size_t whole = t.length;
    unsigned good = 0;
    for (size_t length = 0; length < whole; length++)
        good += value_list_parse(&t.list, t.bytes, length);
    /* less than a head at the end is padding; the last value may end without any */
    assert_int_equal(good, 16 + 16 + 1);
    /* a child before its parent */
    start();
    add((struct wire_value){.kind = WIRE_VALUE_NULL, .slot = WIRE_SLOT_CHILD, .parent = 0}, false,
        0, 0, NULL, 0);
    assert_false(value_list_parse(&t.list, t.bytes, t.length));
    /* a scalar without its eight bytes */
    start();
    add((struct wire_value){.kind = WIRE_VALUE_SCALAR}, false, 0, 0, &zero, 4);
    assert_false(value_list_parse(&t.list, t.bytes, t.length));
}

static void test_wanted_types(void **state)
{
    (void)state;
    uint64_t zero[7] = {0};
    struct buffer frames;
    struct reader payload;
    struct tlv wanted;
    uint16_t type;
    size_t whole;
    root(WIRE_VALUE_OBJECT, T_ORDER, 0, zero, sizeof zero);
    assert_true(value_list_parse(&t.list, t.bytes, t.length));
    assert_false(value_list_need_types(&t.list, &t.types));
    root(WIRE_VALUE_OBJECT, 0x4711, 0, zero, sizeof zero);
    assert_true(value_list_parse(&t.list, t.bytes, t.length));
    assert_true(value_list_need_types(&t.list, &t.types));
    assert_true(value_list_need_types(&t.list, &t.types));
    buffer_init(&frames, 0);
    assert_true(types_put_wanted(&t.types, &frames));
    assert_int_equal(wire_frame_take(&frames, &type, &payload, &whole, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_WANT_TYPE);
    assert_true(tlv_next(&payload, &wanted));
    assert_int_equal(tlv_u64(&wanted), 0x4711);
    assert_false(tlv_next(&payload, &wanted)); /* once */
    assert_false(types_put_wanted(&t.types, &frames));
    begin_type(0x4711, "Now", WIRE_TYPE_CLASS);
    field("X", 8, ELEMENT_TYPE_VALUETYPE, 0x4712, "Inner", false);
    end_type();
    assert_true(value_list_need_types(&t.list, &t.types)); /* and the one inside */
    begin_type(0x4712, "Inner", WIRE_TYPE_UNKNOWN);
    end_type();
    assert_false(value_list_need_types(&t.list, &t.types));
    buffer_release(&frames);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_scalars),       TEST(test_nothing),   TEST(test_strings),
        TEST(test_enums),         TEST(test_object),    TEST(test_dictionary),
        TEST(test_left_out),      TEST(test_structs),   TEST(test_tuple),
        TEST(test_arrays),        TEST(test_spans),     TEST(test_exceptions),
        TEST(test_hostile_types), TEST(test_malformed), TEST(test_wanted_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
