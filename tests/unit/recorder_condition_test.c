// uses: recorder wire clr base
// sanitize: address,undefined
/* Comparisons are exact whatever the types; truth has three values and one more. */
#include <math.h>

#include "recorder_condition.h"
#include "recorder_fixture.h"
#include "recorder_number.h"

static struct number decimal(uint64_t low, uint32_t high, uint8_t scale, bool negative)
{
    return (struct number){.low = low, .high = high, .scale = scale, .negative = negative};
}

static int order_of(struct number a, struct number b)
{
    bool ordered;
    int order = number_compare(&a, &b, &ordered);
    assert_true(ordered);
    int back = number_compare(&b, &a, &ordered);
    assert_int_equal(back, -order);
    return order;
}

static void integers(void **unused)
{
    (void)unused;
    assert_int_equal(order_of(number_signed(-1), number_unsigned(UINT64_MAX)), -1);
    assert_int_equal(order_of(number_signed(INT64_MIN), number_signed(INT64_MAX)), -1);
    assert_int_equal(order_of(number_unsigned(1ull << 63), number_signed(INT64_MAX)), 1);
    assert_int_equal(order_of(number_signed(0), number_unsigned(0)), 0);
    assert_int_equal(order_of(number_signed(-5), number_signed(-4)), -1);
    assert_int_equal(order_of(number_signed(INT64_MIN), number_signed(INT64_MIN)), 0);
}

static void decimals_of_different_scales(void **unused)
{
    (void)unused;
    assert_int_equal(order_of(decimal(10000, 0, 2, false), number_signed(100)), 0);
    assert_int_equal(order_of(decimal(10001, 0, 2, false), number_signed(100)), 1);
    assert_int_equal(order_of(decimal(1, 0, 28, false), number_signed(0)), 1);
    assert_int_equal(order_of(decimal(1, 0, 28, true), number_signed(0)), -1);
    assert_int_equal(order_of(decimal(0, 0, 28, true), number_signed(0)), 0);
    /* 2^96 - 1 against the smallest there is, and against itself in another scale */
    struct number largest = decimal(UINT64_MAX, UINT32_MAX, 0, false);
    assert_int_equal(order_of(largest, decimal(1, 0, 28, false)), 1);
    assert_int_equal(order_of(decimal(UINT64_MAX, UINT32_MAX, 28, false), number_signed(7)), 1);
    assert_int_equal(order_of(decimal(UINT64_MAX, UINT32_MAX, 28, false), number_signed(8)), -1);
    assert_int_equal(order_of(largest, decimal(UINT64_MAX - 1, UINT32_MAX, 0, false)), 1);
    assert_int_equal(order_of(decimal(15, 0, 1, false), decimal(1500000, 0, 6, false)), 0);
    assert_int_equal(order_of(decimal(15, 0, 1, true), decimal(1500001, 0, 6, true)), 1);
}

static void doubles_against_whole_numbers(void **unused)
{
    (void)unused;
    /* 2^53 + 1 is no double: the nearest is 2^53 */
    assert_int_equal(order_of(number_double(9007199254740992.0), number_signed(9007199254740993)),
                     -1);
    assert_int_equal(order_of(number_double(9007199254740992.0), number_signed(9007199254740992)),
                     0);
    assert_int_equal(order_of(number_double(9223372036854775808.0), number_signed(INT64_MAX)), 1);
    assert_int_equal(order_of(number_double(-9223372036854775808.0), number_signed(INT64_MIN)), 0);
    assert_int_equal(order_of(number_double(18446744073709551616.0), number_unsigned(UINT64_MAX)),
                     1);
    assert_int_equal(order_of(number_double(0.5), number_signed(0)), 1);
    assert_int_equal(order_of(number_double(-0.0), number_signed(0)), 0);
    assert_int_equal(order_of(number_double(5e-324), number_signed(0)), 1);
    assert_int_equal(order_of(number_double(5e-324), number_signed(1)), -1);
    assert_int_equal(order_of(number_double(INFINITY), number_unsigned(UINT64_MAX)), 1);
    assert_int_equal(order_of(number_double(-INFINITY), number_signed(INT64_MIN)), -1);
    assert_int_equal(order_of(number_double(1e200), number_signed(1)), 1);
    assert_int_equal(order_of(number_double(-1e200), number_signed(-1)), -1);
}

static void doubles_against_decimals(void **unused)
{
    (void)unused;
    /* the double nearest to 0.1 is a little more than 0.1 */
    assert_int_equal(order_of(number_double(0.1), decimal(1, 0, 1, false)), 1);
    assert_int_equal(order_of(number_double(0.3), decimal(3, 0, 1, false)), -1);
    assert_int_equal(order_of(number_double(0.5), decimal(5, 0, 1, false)), 0);
    assert_int_equal(order_of(number_double(-0.25), decimal(25, 0, 2, true)), 0);
    assert_int_equal(order_of(number_double(1e-28), decimal(1, 0, 28, false)), -1);
    assert_int_equal(order_of(number_double(1e-300), decimal(1, 0, 28, false)), -1);
    assert_int_equal(order_of(number_double(79228162514264337593543950336.0),
                              decimal(UINT64_MAX, UINT32_MAX, 0, false)),
                     1);
    assert_int_equal(order_of(number_double(0.1), number_double(0.1)), 0);
}

static void nan_is_not_ordered(void **unused)
{
    bool ordered = true;
    struct number a = number_double(NAN);
    struct number b = number_signed(1);
    (void)unused;
    assert_int_equal(number_compare(&a, &b, &ordered), 0);
    assert_false(ordered);
    number_compare(&b, &a, &ordered);
    assert_false(ordered);
}

static void decimals_as_the_runtime_keeps_them(void **unused)
{
    struct {
        uint32_t flags;
        uint32_t high;
        uint64_t low;
    } bytes = {0x80020000u, 1, 5};
    (void)unused;
    struct number number = number_decimal(&bytes);
    assert_true(number.negative);
    assert_int_equal(number.scale, 2);
    assert_int_equal(number.high, 1);
    assert_true(number.low == 5);
}

/* ---- conditions ---- */

static const int64_t *own_values;

static enum condition_truth test(const struct capture_node *nodes, uint32_t count, int64_t v0)
{
    const struct capture_condition condition = {count, 0, nodes};
    const int64_t own[] = {v0};
    struct capture_source source = {.own = own, .own_count = 1, .staged = own_values};
    struct condition_results results = {0};
    struct error error;
    assert_int_equal(condition_check(&condition, &error), STATUS_OK);
    condition_test(&condition, false, &source, 0, &results);
    return condition_judge(&condition, &results);
}

static struct capture_node leaf(uint8_t pass, uint8_t element, enum capture_compare compare,
                                enum capture_operand operand)
{
    return (struct capture_node){.test = CAPTURE_LEAF,
                                 .compare = (uint8_t)compare,
                                 .operand = (uint8_t)operand,
                                 .value = {.pass = pass, .element = element}};
}

static int64_t bits_of_double(double real)
{
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static void every_comparison(void **unused)
{
    (void)unused;
    static const bool expected[][3] = {
        [CAPTURE_EQ] = {false, true, false}, [CAPTURE_NE] = {true, false, true},
        [CAPTURE_LT] = {true, false, false}, [CAPTURE_LE] = {true, true, false},
        [CAPTURE_GT] = {false, false, true}, [CAPTURE_GE] = {false, true, true}};
    for (uint32_t compare = CAPTURE_EQ; compare <= CAPTURE_GE; compare++) {
        struct capture_node node =
            leaf(CAPTURE_SCALAR, ELEMENT_TYPE_I4, compare, CAPTURE_OPERAND_SIGNED);
        node.integer = -7;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(test(&node, 1, -8 + i), expected[compare][i]);
        }
    }
}

static void an_int_against_a_decimal_constant(void **unused)
{
    (void)unused;
    struct capture_node node =
        leaf(CAPTURE_SCALAR, ELEMENT_TYPE_I4, CAPTURE_GT, CAPTURE_OPERAND_DECIMAL);
    node.decimal_low = 1005; /* 10.05 */
    node.decimal_scale = 2;
    node.real = 10.05;
    assert_int_equal(test(&node, 1, 10), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, 11), CONDITION_TRUE);
    node.decimal_negative = 1;
    assert_int_equal(test(&node, 1, -10), CONDITION_TRUE);
    assert_int_equal(test(&node, 1, -11), CONDITION_FALSE);
}

static void doubles_read_the_constant_as_csharp_does(void **unused)
{
    (void)unused;
    struct capture_node node =
        leaf(CAPTURE_DOUBLE, ELEMENT_TYPE_R8, CAPTURE_EQ, CAPTURE_OPERAND_DECIMAL);
    node.decimal_low = 1;
    node.decimal_scale = 1;
    node.real = 0.1;
    assert_int_equal(test(&node, 1, bits_of_double(0.1)), CONDITION_TRUE);
    node.value.element = ELEMENT_TYPE_R4;
    assert_int_equal(test(&node, 1, bits_of_double((double)0.1f)), CONDITION_TRUE);
    node.value.element = ELEMENT_TYPE_R8;
    node.compare = CAPTURE_NE;
    assert_int_equal(test(&node, 1, bits_of_double(NAN)), CONDITION_TRUE);
    node.compare = CAPTURE_LE;
    assert_int_equal(test(&node, 1, bits_of_double(NAN)), CONDITION_FALSE);
}

static void unsigned_values(void **unused)
{
    (void)unused;
    struct capture_node node =
        leaf(CAPTURE_SCALAR, ELEMENT_TYPE_U8, CAPTURE_GT, CAPTURE_OPERAND_SIGNED);
    node.integer = -1;
    assert_int_equal(test(&node, 1, -1), CONDITION_TRUE); /* 2^64 - 1 */
    node.value.element = ELEMENT_TYPE_I8;
    assert_int_equal(test(&node, 1, -1), CONDITION_FALSE);
    node.operand = CAPTURE_OPERAND_UNSIGNED;
    node.integer = (int64_t)(1ull << 63);
    node.value.element = ELEMENT_TYPE_U8;
    assert_int_equal(test(&node, 1, INT64_MIN), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, INT64_MIN + 1), CONDITION_TRUE);
}

static void strings_are_ordinal(void **unused)
{
    (void)unused;
    static const uint16_t text[] = {'a', 'b', 'c'};
    struct capture_node node =
        leaf(CAPTURE_REFERENCE, ELEMENT_TYPE_STRING, CAPTURE_EQ, CAPTURE_OPERAND_STRING);
    node.text = text;
    node.text_units = 3;
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("abc"))), CONDITION_TRUE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("abd"))), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("ab"))), CONDITION_FALSE);
    node.compare = CAPTURE_LT;
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("ab"))), CONDITION_TRUE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("B"))), CONDITION_TRUE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("abca"))), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, 0), CONDITION_FALSE);
    node.compare = CAPTURE_NE;
    assert_int_equal(test(&node, 1, 0), CONDITION_TRUE); /* the path itself ends in null */
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("abc"))), CONDITION_FALSE);
    node.operand = CAPTURE_OPERAND_SIGNED; /* a string is no number */
    assert_int_equal(test(&node, 1, (int64_t)address_of(make_string("1"))), CONDITION_FALSE);
}

static void nulls(void **unused)
{
    (void)unused;
    struct fake_type *type = make_type(8, 0);
    struct layout *layout = make_layout(type, WIRE_TYPE_CLASS, 8, 1);
    layout->fields[0] = make_field("Next", 8, ELEMENT_TYPE_CLASS, 8, NULL);
    layout_publish(layout);
    uint64_t *object = make_object(type, 8);
    struct capture_node node =
        leaf(CAPTURE_REFERENCE, ELEMENT_TYPE_CLASS, CAPTURE_EQ, CAPTURE_OPERAND_NULL);
    assert_int_equal(test(&node, 1, 0), CONDITION_TRUE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(object)), CONDITION_FALSE);
    node.compare = CAPTURE_NE;
    assert_int_equal(test(&node, 1, 0), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, (int64_t)address_of(object)), CONDITION_TRUE);
    node.value.steps[0] = layout_name("Next");
    node.value.steps[1] = layout_name("Next");
    node.value.step_count = 1;
    node.compare = CAPTURE_EQ;
    assert_int_equal(test(&node, 1, (int64_t)address_of(object)), CONDITION_TRUE);
    /* a null on the way: false, equal or not */
    node.value.step_count = 2;
    assert_int_equal(test(&node, 1, (int64_t)address_of(object)), CONDITION_FALSE);
    node.compare = CAPTURE_NE;
    assert_int_equal(test(&node, 1, (int64_t)address_of(object)), CONDITION_FALSE);
    assert_int_equal(test(&node, 1, 0), CONDITION_FALSE);
}

static void values_with_a_layout(void **unused)
{
    (void)unused;
    struct fake_type *type = make_type(16, 0);
    struct layout *layout = make_layout(type, WIRE_TYPE_DECIMAL, 16, 0);
    layout->is_value = 1;
    const struct layout *known = layout_publish(layout);
    struct {
        uint32_t flags;
        uint32_t high;
        uint64_t low;
    } price = {0x20000, 0, 10001}; /* 100.01 */
    struct capture_node node =
        leaf(CAPTURE_ADDRESS, ELEMENT_TYPE_VALUETYPE, CAPTURE_GT, CAPTURE_OPERAND_SIGNED);
    node.value.layout = known;
    node.integer = 100;
    assert_int_equal(test(&node, 1, (int64_t)address_of(&price)), CONDITION_TRUE);
    price.low = 10000;
    assert_int_equal(test(&node, 1, (int64_t)address_of(&price)), CONDITION_FALSE);
    node.operand = CAPTURE_OPERAND_DECIMAL;
    node.decimal_low = 99999;
    node.decimal_scale = 3;
    assert_int_equal(test(&node, 1, (int64_t)address_of(&price)), CONDITION_TRUE);
    node.operand = CAPTURE_OPERAND_NULL;
    node.compare = CAPTURE_NE;
    assert_int_equal(test(&node, 1, (int64_t)address_of(&price)), CONDITION_TRUE);
    node.operand = CAPTURE_OPERAND_STRING; /* does not fit */
    assert_int_equal(test(&node, 1, (int64_t)address_of(&price)), CONDITION_FALSE);
    uint64_t *boxed = make_object(type, 16);
    put_at(boxed, 8, &price, 16);
    node = leaf(CAPTURE_REFERENCE, ELEMENT_TYPE_OBJECT, CAPTURE_EQ, CAPTURE_OPERAND_SIGNED);
    node.integer = 100;
    assert_int_equal(test(&node, 1, (int64_t)address_of(boxed)), CONDITION_TRUE);
}

static void what_is_not_known_is_not_guessed(void **unused)
{
    (void)unused;
    uint64_t wanted;
    struct fake_type *type = make_type(8, 0);
    uint64_t *object = make_object(type, 8);
    struct capture_node nodes[3] = {{.test = CAPTURE_OR, .right = 2}};
    nodes[1] = leaf(CAPTURE_REFERENCE, ELEMENT_TYPE_CLASS, CAPTURE_EQ, CAPTURE_OPERAND_SIGNED);
    nodes[1].value.step_count = 1;
    nodes[1].value.steps[0] = layout_name("Id");
    nodes[2] = leaf(CAPTURE_REFERENCE, ELEMENT_TYPE_CLASS, CAPTURE_NE, CAPTURE_OPERAND_NULL);
    nodes[2].leaf = 1;
    while (layout_next_wanted(&wanted)) {
    }
    int64_t value = (int64_t)address_of(object);
    assert_int_equal(test(nodes + 1, 1, value), CONDITION_UNKNOWN);
    assert_true(layout_next_wanted(&wanted) && wanted == address_of(type));
    assert_int_equal(test(nodes, 3, value), CONDITION_TRUE); /* the other side settles it */
    nodes[0].test = CAPTURE_AND;
    assert_int_equal(test(nodes, 3, value), CONDITION_UNKNOWN);
    nodes[2].compare = CAPTURE_EQ;
    assert_int_equal(test(nodes, 3, value), CONDITION_FALSE);
    const struct capture_node not [] = {{.test = CAPTURE_NOT}, nodes[1]};
    assert_int_equal(test(not, 2, value), CONDITION_UNKNOWN);
}

static void truth_with_leaves_that_are_open(void **unused)
{
    (void)unused;
    struct capture_node nodes[] = {
        {.test = CAPTURE_AND, .right = 2},
        leaf(CAPTURE_SCALAR, ELEMENT_TYPE_I4, CAPTURE_EQ, CAPTURE_OPERAND_SIGNED),
        {.test = CAPTURE_NOT},
        leaf(CAPTURE_SCALAR, ELEMENT_TYPE_I4, CAPTURE_EQ, CAPTURE_OPERAND_SIGNED)};
    nodes[1].integer = 1;
    nodes[3].at_exit = 1;
    nodes[3].leaf = 1;
    assert_int_equal(test(nodes, 4, 0), CONDITION_FALSE);
    assert_int_equal(test(nodes, 4, 1), CONDITION_OPEN);
    nodes[0].test = CAPTURE_OR;
    assert_int_equal(test(nodes, 4, 0), CONDITION_OPEN);
    assert_int_equal(test(nodes, 4, 1), CONDITION_TRUE);
}

static void malformed_conditions_are_refused(void **unused)
{
    struct error error;
    struct capture_node nodes[200];
    (void)unused;
    memset(nodes, 0, sizeof nodes);
    struct capture_condition condition = {1, 0, nodes};
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT); /* no such test */
    nodes[0] = (struct capture_node){.test = CAPTURE_AND, .right = 2};
    nodes[1] = (struct capture_node){.test = CAPTURE_LEAF};
    nodes[2] = (struct capture_node){.test = CAPTURE_LEAF};
    condition.count = 3;
    assert_int_equal(condition_check(&condition, &error), STATUS_OK);
    nodes[0].right = 1;
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT);
    nodes[0].right = 2;
    condition.count = 2; /* a child is missing */
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT);
    nodes[1].leaf = 64;
    condition.count = 3;
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT);
    for (int i = 0; i < 199; i++) {
        nodes[i] = (struct capture_node){.test = CAPTURE_NOT};
    }
    nodes[199] = (struct capture_node){.test = CAPTURE_LEAF};
    condition.count = 200;
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT);
    condition = (struct capture_condition){101, 0, nodes + 99};
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT); /* too deep */
    condition = (struct capture_condition){51, 0, nodes + 149};
    assert_int_equal(condition_check(&condition, &error), STATUS_OK);
    condition.count = 0;
    assert_int_equal(condition_check(&condition, &error), STATUS_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(decimals_of_different_scales),
        cmocka_unit_test(doubles_against_whole_numbers),
        cmocka_unit_test(doubles_against_decimals),
        cmocka_unit_test(nan_is_not_ordered),
        cmocka_unit_test(decimals_as_the_runtime_keeps_them),
        cmocka_unit_test(every_comparison),
        cmocka_unit_test(an_int_against_a_decimal_constant),
        cmocka_unit_test(doubles_read_the_constant_as_csharp_does),
        cmocka_unit_test(unsigned_values),
        cmocka_unit_test(strings_are_ordinal),
        cmocka_unit_test(nulls),
        cmocka_unit_test(values_with_a_layout),
        cmocka_unit_test(what_is_not_known_is_not_guessed),
        cmocka_unit_test(truth_with_leaves_that_are_open),
        cmocka_unit_test(malformed_conditions_are_refused),
    };
    struct error error;
    if (recorder_init(&error) != STATUS_OK) {
        return 1;
    }
    string_type = make_type(6, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
