#include "recorder_condition.h"

#include "recorder_number.h"
#include "recorder_object.h"
#include "wire_message.h"

#define MOST_LEAVES   64u
#define MOST_NODES    192u
#define MOST_NESTING  64u
#define DECIMAL_BYTES 16u

/* ---- is it well formed ---- */

static uint32_t node_end(const struct capture_condition *condition, uint32_t index,
                         uint32_t nesting);

/* Where the two children that follow `index` end; 0: malformed. */
static uint32_t pair_end(const struct capture_condition *condition, uint32_t index,
                         uint32_t nesting)
{
    uint32_t right = node_end(condition, index + 1, nesting + 1);
    if (right == 0 || right != condition->nodes[index].right) {
        return 0;
    }
    return node_end(condition, right, nesting + 1);
}

static uint32_t node_end(const struct capture_condition *condition, uint32_t index,
                         uint32_t nesting)
{
    if (index >= condition->count || nesting > MOST_NESTING) {
        return 0;
    }
    const struct capture_node *node = &condition->nodes[index];
    switch (node->test) {
    case CAPTURE_AND:
    case CAPTURE_OR:
        return pair_end(condition, index, nesting);
    case CAPTURE_NOT:
        return node_end(condition, index + 1, nesting + 1);
    case CAPTURE_LEAF:
        return node->leaf < MOST_LEAVES && node->value.step_count <= CAPTURE_MAX_STEPS ? index + 1
                                                                                       : 0;
    default:
        return 0;
    }
}

enum status condition_check(const struct capture_condition *condition, struct error *error)
{
    if (condition->count > MOST_NODES) {
        return error_set(error, STATUS_LIMIT, "a condition of more than %u terms", MOST_NODES);
    }
    if (condition->count == 0 || node_end(condition, 0, 0) != condition->count) {
        return error_set(error, STATUS_LIMIT,
                         "a condition of more than %u comparisons, or nested deeper than %u",
                         MOST_LEAVES, MOST_NESTING);
    }
    return STATUS_OK;
}

/* ---- one comparison ---- */

static bool holds(enum capture_compare compare, int order)
{
    switch (compare) {
    case CAPTURE_EQ:
        return order == 0;
    case CAPTURE_NE:
        return order != 0;
    case CAPTURE_LT:
        return order < 0;
    case CAPTURE_LE:
        return order <= 0;
    case CAPTURE_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool element_is_signed(uint8_t element)
{
    return element == ELEMENT_TYPE_I1 || element == ELEMENT_TYPE_I2 || element == ELEMENT_TYPE_I4 ||
           element == ELEMENT_TYPE_I8 || element == ELEMENT_TYPE_I;
}

static struct number scalar_number(uint8_t element, uint64_t bits)
{
    double real;
    if (element == ELEMENT_TYPE_R4 || element == ELEMENT_TYPE_R8) {
        memcpy(&real, &bits, sizeof real);
        return number_double(real);
    }
    return element_is_signed(element) ? number_signed((int64_t)bits) : number_unsigned(bits);
}

/* A double is compared with what C# would have read the constant as: a double, or a float. */
static struct number constant_number(const struct capture_node *node, uint8_t element)
{
    bool real = element == ELEMENT_TYPE_R4 || element == ELEMENT_TYPE_R8;
    switch (node->operand) {
    case CAPTURE_OPERAND_SIGNED:
        return number_signed(node->integer);
    case CAPTURE_OPERAND_UNSIGNED:
        return number_unsigned((uint64_t)node->integer);
    case CAPTURE_OPERAND_DECIMAL:
        if (!real) {
            return (struct number){.negative = node->decimal_negative,
                                   .scale = node->decimal_scale > 28 ? 28 : node->decimal_scale,
                                   .low = node->decimal_low,
                                   .high = node->decimal_high};
        }
        break;
    default:
        break;
    }
    return number_double(element == ELEMENT_TYPE_R4 ? (double)(float)node->real : node->real);
}

static bool is_numeric(const struct capture_node *node)
{
    return node->operand >= CAPTURE_OPERAND_SIGNED && node->operand <= CAPTURE_OPERAND_DECIMAL;
}

static bool compare_numbers(const struct capture_node *node, const struct number *number,
                            uint8_t element)
{
    struct number constant = constant_number(node, element);
    bool ordered;
    int order = number_compare(number, &constant, &ordered);
    return ordered ? holds(node->compare, order) : node->compare == CAPTURE_NE;
}

/* Two integers, the usual case, without a detour. */
static bool compare_integers(const struct capture_node *node, uint64_t bits, uint8_t element)
{
    __int128 value = element_is_signed(element) ? (__int128)(int64_t)bits : (__int128)bits;
    __int128 constant = node->operand == CAPTURE_OPERAND_SIGNED ? (__int128)node->integer
                                                                : (__int128)(uint64_t)node->integer;
    return holds(node->compare, (value > constant) - (value < constant));
}

static bool compare_scalar(const struct capture_node *node, uint64_t bits, uint8_t element)
{
    if (node->operand == CAPTURE_OPERAND_NULL) {
        return node->compare == CAPTURE_NE;
    }
    if (!is_numeric(node)) {
        return false;
    }
    if (node->operand <= CAPTURE_OPERAND_UNSIGNED && element != ELEMENT_TYPE_R4 &&
        element != ELEMENT_TYPE_R8) {
        return compare_integers(node, bits, element);
    }
    struct number number = scalar_number(element, bits);
    return compare_numbers(node, &number, element);
}

static bool compare_value(const struct capture_node *node, uint64_t address,
                          const struct layout *layout)
{
    struct number number;
    const void *at = (const void *)(uintptr_t)address;
    uint8_t element = layout->element;
    if (layout->kind == WIRE_TYPE_DECIMAL && layout->size >= DECIMAL_BYTES) {
        number = number_decimal(at);
        element = 0;
    } else if (layout->kind == WIRE_TYPE_TIMESPAN && layout->size >= sizeof(int64_t)) {
        number = scalar_number(ELEMENT_TYPE_I8, memory_u64(address));
        element = ELEMENT_TYPE_I8;
    } else if ((layout->kind == WIRE_TYPE_ENUM || layout->kind == WIRE_TYPE_PRIMITIVE) &&
               layout->size >= element_bytes(element)) {
        number = scalar_number(element, element_load(element, address));
    } else {
        return false;
    }
    return is_numeric(node) && compare_numbers(node, &number, element);
}

static bool compare_string(const struct capture_node *node, uint64_t object)
{
    uint32_t units = memory_u32(object + STRING_LENGTH_AT);
    uint32_t common = units < node->text_units ? units : node->text_units;
    const uint8_t *text = (const uint8_t *)(uintptr_t)(object + STRING_UNITS_AT);
    if ((node->compare == CAPTURE_EQ || node->compare == CAPTURE_NE) && units != node->text_units) {
        return node->compare == CAPTURE_NE;
    }
    for (uint32_t i = 0; i < common; i++) {
        uint16_t unit;
        memcpy(&unit, text + (size_t)i * 2, sizeof unit);
        if (unit != node->text[i]) {
            return holds(node->compare, unit < node->text[i] ? -1 : 1);
        }
    }
    return holds(node->compare, (units > node->text_units) - (units < node->text_units));
}

static enum condition_truth truth_of(bool value)
{
    return value ? CONDITION_TRUE : CONDITION_FALSE;
}

static enum condition_truth compare_object(const struct capture_node *node,
                                           const struct place *place)
{
    if (node->operand == CAPTURE_OPERAND_NULL) {
        return truth_of(node->compare == CAPTURE_NE);
    }
    if (place->element == ELEMENT_TYPE_STRING) {
        return truth_of(node->operand == CAPTURE_OPERAND_STRING &&
                        compare_string(node, place->address));
    }
    const struct layout *layout = place_layout(place->address);
    if (layout == NULL) {
        /* UNKNOWN for ever would lose every call: a type that cannot be resolved fits nothing. */
        return layout_find(object_type(place->address)) == NULL ? CONDITION_UNKNOWN
                                                                : CONDITION_FALSE;
    }
    if (layout->kind == WIRE_TYPE_STRING) {
        return truth_of(node->operand == CAPTURE_OPERAND_STRING &&
                        compare_string(node, place->address));
    }
    return truth_of(layout->is_value && layout->size <= object_bytes(place->address) &&
                    compare_value(node, place->address + OBJECT_HEAD, layout));
}

static enum condition_truth compare(const struct capture_node *node,
                                    const struct capture_source *source)
{
    struct place place;
    place_find(&node->value, source, &place);
    place_unwrap(&place);
    switch (place.kind) {
    case PLACE_NULL:
        return truth_of(node->operand == CAPTURE_OPERAND_NULL ? node->compare == CAPTURE_EQ
                                                              : node->compare == CAPTURE_NE);
    case PLACE_REFERENCE:
        return compare_object(node, &place);
    case PLACE_SCALAR:
        return truth_of(compare_scalar(node, place.bits, place.element));
    case PLACE_VALUE:
        if (node->operand == CAPTURE_OPERAND_NULL) {
            return truth_of(node->compare == CAPTURE_NE);
        }
        if (place.layout == NULL) {
            return node->value.by_instance ? CONDITION_UNKNOWN : CONDITION_FALSE;
        }
        return truth_of(compare_value(node, place.address, place.layout));
    case PLACE_UNKNOWN_OBJECT:
        return layout_find(object_type(place.address)) == NULL ? CONDITION_UNKNOWN
                                                               : CONDITION_FALSE;
    case PLACE_UNKNOWN_VALUE:
        return node->value.by_instance ? CONDITION_UNKNOWN : CONDITION_FALSE;
    default:
        return CONDITION_FALSE;
    }
}

/* ---- the whole ---- */

void condition_test(const struct capture_condition *condition, bool at_exit,
                    const struct capture_source *source, uint64_t elapsed,
                    struct condition_results *results)
{
    for (uint32_t i = 0; i < condition->count; i++) {
        const struct capture_node *node = &condition->nodes[i];
        if (node->test != CAPTURE_LEAF || (node->at_exit != 0) != at_exit) {
            continue;
        }
        uint64_t bit = 1ull << (node->leaf % MOST_LEAVES);
        enum condition_truth truth;
        if (node->operand == CAPTURE_OPERAND_ELAPSED) {
            truth =
                truth_of(holds(node->compare, (elapsed > node->ticks) - (elapsed < node->ticks)));
        } else {
            truth = compare(node, source);
        }
        results->tested |= bit;
        results->known |= truth == CONDITION_UNKNOWN ? 0 : bit;
        results->value |= truth == CONDITION_TRUE ? bit : 0;
    }
}

static enum condition_truth judge(const struct capture_condition *condition, uint32_t *index,
                                  const struct condition_results *results);

/* `settles`: the truth of one side that decides the pair (false for and, true for or). */
static enum condition_truth judge_pair(const struct capture_condition *condition, uint32_t *index,
                                       const struct condition_results *results,
                                       enum condition_truth settles)
{
    enum condition_truth left = judge(condition, index, results);
    enum condition_truth right = judge(condition, index, results);
    if (left == settles || right == settles) {
        return settles;
    }
    if (left == CONDITION_OPEN || right == CONDITION_OPEN) {
        return CONDITION_OPEN;
    }
    if (left == CONDITION_UNKNOWN || right == CONDITION_UNKNOWN) {
        return CONDITION_UNKNOWN;
    }
    return left;
}

static enum condition_truth judge_leaf(const struct capture_node *node,
                                       const struct condition_results *results)
{
    uint64_t bit = 1ull << (node->leaf % MOST_LEAVES);
    if (!(results->tested & bit)) {
        return CONDITION_OPEN;
    }
    return results->known & bit ? truth_of(results->value & bit) : CONDITION_UNKNOWN;
}

static enum condition_truth judge(const struct capture_condition *condition, uint32_t *index,
                                  const struct condition_results *results)
{
    const struct capture_node *node = &condition->nodes[(*index)++];
    enum condition_truth truth;
    switch (node->test) {
    case CAPTURE_AND:
        return judge_pair(condition, index, results, CONDITION_FALSE);
    case CAPTURE_OR:
        return judge_pair(condition, index, results, CONDITION_TRUE);
    case CAPTURE_NOT:
        truth = judge(condition, index, results);
        if (truth == CONDITION_FALSE || truth == CONDITION_TRUE) {
            return truth_of(truth == CONDITION_FALSE);
        }
        return truth;
    default:
        return judge_leaf(node, results);
    }
}

enum condition_truth condition_judge(const struct capture_condition *condition,
                                     const struct condition_results *results)
{
    uint32_t index = 0;
    return judge(condition, &index, results);
}
