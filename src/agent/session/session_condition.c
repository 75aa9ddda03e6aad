#include <stdio.h>
#include <string.h>

#include "base_buffer.h"
#include "base_utf16.h"
#include "metadata_resolve.h"
#include "session_binder.h"

#define NANOSECONDS_PER_TICK 100 /* of a TimeSpan */
#define DECIMAL_MAX_SCALE    28u

struct leaf {
    struct binder *binder;
    const struct plan_node *plan;
    struct capture_node *node;
    struct declared_view view; /* what stands at the path's end, Nullable taken off */
    const char *type;          /* its text, for messages */
};

static const char *const texts[] = {
    [PLAN_CONSTANT_NULL] = "null",           [PLAN_CONSTANT_BOOL] = "true or false",
    [PLAN_CONSTANT_NUMBER] = "a number",     [PLAN_CONSTANT_DOUBLE] = "a number",
    [PLAN_CONSTANT_STRING] = "a text",       [PLAN_CONSTANT_NAME] = "a name",
    [PLAN_CONSTANT_DURATION] = "a duration", [PLAN_CONSTANT_CHAR] = "a character",
};

static enum status mismatch(const struct leaf *leaf, struct error *error)
{
    uint32_t kind = leaf->plan->constant.kind;
    const char *constant =
        kind < sizeof texts / sizeof *texts && texts[kind] != NULL ? texts[kind] : "this";
    return bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error,
                     "%s cannot be compared with %s", leaf->type, constant);
}

/* ---- numbers ---- */

/* All forms of a number; `operand` is the most exact that holds it. */
static void fill_number(struct capture_node *node, const struct plan_constant *constant)
{
    node->real = constant->real;
    bool fits_decimal = (constant->high >> 32) == 0 && constant->scale <= DECIMAL_MAX_SCALE;
    if (fits_decimal) {
        node->decimal_low = constant->low;
        node->decimal_high = (uint32_t)constant->high;
        node->decimal_scale = (uint8_t)constant->scale;
        node->decimal_negative = constant->negative != 0;
    }
    node->operand = fits_decimal ? CAPTURE_OPERAND_DECIMAL : CAPTURE_OPERAND_DOUBLE;
    if (constant->scale != 0 || constant->high != 0)
        return;
    const uint64_t top = UINT64_C(1) << 63;
    if (!constant->negative && constant->low >= top) {
        node->operand = CAPTURE_OPERAND_UNSIGNED;
        node->integer = (int64_t)constant->low;
    } else if (constant->low < top || constant->negative) {
        if (constant->low > top)
            return;
        node->operand = CAPTURE_OPERAND_SIGNED;
        node->integer = (int64_t)(constant->negative ? 0 - constant->low : constant->low);
    }
}

static void fill_integer(struct capture_node *node, uint64_t bits, bool is_signed)
{
    int64_t value = (int64_t)bits;
    bool negative = is_signed && value < 0;
    node->operand = is_signed ? CAPTURE_OPERAND_SIGNED : CAPTURE_OPERAND_UNSIGNED;
    node->integer = value;
    node->real = is_signed ? (double)value : (double)bits;
    node->decimal_low = negative ? 0 - bits : bits;
    node->decimal_high = 0;
    node->decimal_scale = 0;
    node->decimal_negative = negative;
}

static enum status number_leaf(struct leaf *leaf, struct error *error)
{
    const struct declared_view *view = &leaf->view;
    bool real = view->kind == DECLARED_PRIMITIVE &&
                (view->element == ELEMENT_TYPE_R4 || view->element == ELEMENT_TYPE_R8);
    bool is_bool = view->kind == DECLARED_PRIMITIVE && view->element == ELEMENT_TYPE_BOOLEAN;
    bool is_decimal = view->known != NULL && strcmp(view->known, "System.Decimal") == 0;
    if (view->known != NULL && strcmp(view->known, "System.TimeSpan") == 0) {
        mismatch(leaf, error);
        error_hint(error, "write a duration with its unit: 5ms, 2s, 1m");
        return STATUS_USAGE;
    }
    if (view->kind == DECLARED_STRING) {
        mismatch(leaf, error);
        error_hint(error, "put the text in double quotes");
        return STATUS_USAGE;
    }
    bool number = view->kind == DECLARED_PRIMITIVE || view->kind == DECLARED_ENUM || is_decimal;
    bool may_be = view->kind == DECLARED_UNKNOWN || view->kind == DECLARED_INTERFACE ||
                  view->kind == DECLARED_PARAMETER || view->kind == DECLARED_POINTER;
    if (is_bool || (!number && !may_be))
        return mismatch(leaf, error);
    fill_number(leaf->node, &leaf->plan->constant);
    if (real || leaf->plan->constant.kind == PLAN_CONSTANT_DOUBLE)
        leaf->node->operand = CAPTURE_OPERAND_DOUBLE;
    return STATUS_OK;
}

/* ---- the other constants ---- */

static enum status null_leaf(struct leaf *leaf, bool nullable, struct error *error)
{
    bool never = (leaf->view.kind == DECLARED_PRIMITIVE || leaf->view.kind == DECLARED_ENUM ||
                  leaf->view.kind == DECLARED_STRUCT) &&
                 !nullable && !leaf->view.byref;
    if (never)
        return bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error,
                         "%s is a value type and never null", leaf->type);
    leaf->node->operand = CAPTURE_OPERAND_NULL;
    if (leaf->node->compare != CAPTURE_EQ && leaf->node->compare != CAPTURE_NE)
        return bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error,
                         "null is compared with == and != only");
    return STATUS_OK;
}

static enum status bool_leaf(struct leaf *leaf, struct error *error)
{
    bool fits =
        leaf->view.kind == DECLARED_UNKNOWN || leaf->view.kind == DECLARED_INTERFACE ||
        leaf->view.kind == DECLARED_PARAMETER ||
        (leaf->view.kind == DECLARED_PRIMITIVE && leaf->view.element == ELEMENT_TYPE_BOOLEAN);
    if (!fits)
        return mismatch(leaf, error);
    fill_integer(leaf->node, leaf->plan->constant.low != 0, true);
    return STATUS_OK;
}

/* The one UTF-16 unit of a text that is a single character; false: it is longer. */
static bool single_unit(const char *text, uint16_t *unit)
{
    uint16_t units[4];
    size_t count = utf16_from_utf8(units, 4, text);
    *unit = units[0];
    return count == 1;
}

static enum status text_leaf(struct leaf *leaf, struct error *error)
{
    const char *text = leaf->plan->constant.text == NULL ? "" : leaf->plan->constant.text;
    uint16_t unit;
    if (leaf->view.kind == DECLARED_PRIMITIVE && leaf->view.element == ELEMENT_TYPE_CHAR &&
        single_unit(text, &unit)) {
        fill_integer(leaf->node, unit, true);
        return STATUS_OK;
    }
    bool fits = leaf->view.kind == DECLARED_STRING || leaf->view.kind == DECLARED_UNKNOWN ||
                leaf->view.kind == DECLARED_INTERFACE || leaf->view.kind == DECLARED_PARAMETER;
    if (!fits) {
        mismatch(leaf, error);
        if (leaf->view.kind == DECLARED_ENUM)
            error_hint(error, "members of an enum are written without quotes");
        return STATUS_USAGE;
    }
    struct buffer units;
    buffer_init(&units, 4 * PLAN_MAX_TEXT);
    size_t count = utf16_append_from_utf8(&units, text, strlen(text));
    uint16_t *copy = arena_new_array(leaf->binder->keep, count + 1, uint16_t);
    bool failed = copy == NULL || buffer_failed(&units);
    if (!failed && count > 0)
        memcpy(copy, units.data, count * sizeof *copy);
    buffer_release(&units);
    if (failed)
        return error_set(error, STATUS_MEMORY, "out of memory");
    leaf->node->operand = CAPTURE_OPERAND_STRING;
    leaf->node->text = copy;
    leaf->node->text_units = (uint32_t)count;
    return STATUS_OK;
}

static void hint_members(const struct leaf *leaf, struct error *error)
{
    struct metadata_enum_cursor cursor = {.begun = false};
    struct metadata_enum_member member;
    struct buffer text;
    buffer_init(&text, ERROR_HINT_BYTES * 2);
    const struct metadata_image *image = leaf->view.definition.module->image;
    while (text.length < ERROR_HINT_BYTES &&
           metadata_enum_next(image, leaf->view.definition.type, &cursor, &member))
        buffer_append_format(&text, "%s%s", text.length > 0 ? ", " : "", member.name);
    error_hint(error, "%s has %s", leaf->type, buffer_text(&text));
    buffer_release(&text);
}

static enum status name_leaf(struct leaf *leaf, struct error *error)
{
    const char *text = leaf->plan->constant.text == NULL ? "" : leaf->plan->constant.text;
    const char *dot = strrchr(text, '.');
    const char *name = dot == NULL ? text : dot + 1;
    if (leaf->view.kind != DECLARED_ENUM) {
        if (leaf->view.kind == DECLARED_UNKNOWN || leaf->view.kind == DECLARED_INTERFACE ||
            leaf->view.kind == DECLARED_PARAMETER)
            bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error,
                      "which enum '%s' belongs to is not known before the call", text);
        else
            mismatch(leaf, error);
        error_hint(error,
                   leaf->view.kind == DECLARED_STRING
                       ? "put the text in double quotes: \"%s\""
                       : "compare with the member's number instead of '%s'",
                   text);
        return STATUS_USAGE;
    }
    const struct metadata_image *image = leaf->view.definition.module->image;
    uint64_t value;
    if (!metadata_enum_value(image, leaf->view.definition.type, name, &value)) {
        bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error, "%s has no member '%s'",
                  leaf->type, name);
        hint_members(leaf, error);
        return STATUS_USAGE;
    }
    uint8_t element = metadata_enum_element(image, leaf->view.definition.type);
    bool is_unsigned = element == ELEMENT_TYPE_U1 || element == ELEMENT_TYPE_U2 ||
                       element == ELEMENT_TYPE_U4 || element == ELEMENT_TYPE_U8;
    fill_integer(leaf->node, value, !is_unsigned);
    return STATUS_OK;
}

static enum status duration_leaf(struct leaf *leaf, struct error *error)
{
    bool open = leaf->view.kind == DECLARED_UNKNOWN || leaf->view.kind == DECLARED_INTERFACE ||
                leaf->view.kind == DECLARED_PARAMETER;
    if (!open && (leaf->view.known == NULL || strcmp(leaf->view.known, "System.TimeSpan") != 0))
        return mismatch(leaf, error);
    fill_integer(leaf->node, leaf->plan->constant.low / NANOSECONDS_PER_TICK, true);
    return STATUS_OK;
}

static enum status char_leaf(struct leaf *leaf, struct error *error)
{
    bool fits = leaf->view.kind == DECLARED_UNKNOWN || leaf->view.kind == DECLARED_INTERFACE ||
                leaf->view.kind == DECLARED_PARAMETER || leaf->view.kind == DECLARED_PRIMITIVE;
    if (!fits)
        return mismatch(leaf, error);
    fill_integer(leaf->node, leaf->plan->constant.low, true);
    return STATUS_OK;
}

static enum status constant_leaf(struct leaf *leaf, struct error *error)
{
    struct binder *b = leaf->binder;
    /* A nullable compares by its value; only null itself asks for the rest. */
    bool nullable = leaf->view.nullable;
    if (nullable && leaf->view.argument_count == 1) {
        struct declared inner = leaf->view.arguments[0];
        if (!declared_see(b->scope, &inner, b->scratch, &leaf->view))
            return error_set(error, STATUS_MEMORY, "out of memory");
    }
    leaf->type = leaf->view.plain.type == NULL ? "a value that is known at run time only"
                                               : bind_type_text(b, &leaf->view.plain);
    switch (leaf->plan->constant.kind) {
    case PLAN_CONSTANT_NULL:
        return null_leaf(leaf, nullable, error);
    case PLAN_CONSTANT_BOOL:
        return bool_leaf(leaf, error);
    case PLAN_CONSTANT_NUMBER:
    case PLAN_CONSTANT_DOUBLE:
        return number_leaf(leaf, error);
    case PLAN_CONSTANT_STRING:
        return text_leaf(leaf, error);
    case PLAN_CONSTANT_NAME:
        return name_leaf(leaf, error);
    case PLAN_CONSTANT_DURATION:
        return duration_leaf(leaf, error);
    case PLAN_CONSTANT_CHAR:
        return char_leaf(leaf, error);
    default:
        return error_set(error, STATUS_PEER, "the plan has a constant of kind %u",
                         leaf->plan->constant.kind);
    }
}

static enum status elapsed_leaf(struct leaf *leaf, struct error *error)
{
    const struct plan_constant *constant = &leaf->plan->constant;
    if (constant->kind != PLAN_CONSTANT_DURATION) {
        bind_fail(&leaf->plan->path, leaf->plan->path.step_count, error,
                  "it is compared with a duration");
        error_hint(error, "write the unit: elapsed > 5ms");
        return STATUS_USAGE;
    }
    leaf->node->operand = CAPTURE_OPERAND_ELAPSED;
    leaf->node->ticks =
        (uint64_t)((double)constant->low * session_engine_rate(leaf->binder->session->engine));
    return STATUS_OK;
}

static enum status bind_leaf(struct binder *b, const struct plan_node *plan,
                             struct capture_node *node, struct error *error)
{
    struct leaf leaf = {.binder = b, .plan = plan, .node = node};
    struct bind_root root;
    enum status status = bind_root_find(b, &plan->path, &root, error);
    if (status != STATUS_OK)
        return status;
    node->test = CAPTURE_LEAF;
    node->compare = (uint8_t)(plan->kind - PLAN_NODE_EQ + CAPTURE_EQ);
    node->at_exit = root.at_exit;
    if (root.kind == BIND_ELAPSED)
        return elapsed_leaf(&leaf, error);
    status = bind_path(b, &plan->path, &root, &node->value, &leaf.view, error);
    if (status == STATUS_OK) {
        status = constant_leaf(&leaf, error);
        if (status == STATUS_USAGE && error != NULL)
            error->offset = plan->column; /* it is the constant that does not fit */
    }
    if (status == STATUS_OK && !bind_settle(b, &node->value, &root))
        status = error_set(error, STATUS_LIMIT, "the condition reads too many values");
    return status;
}

static uint8_t test_of(uint32_t kind)
{
    switch (kind) {
    case PLAN_NODE_AND:
        return CAPTURE_AND;
    case PLAN_NODE_OR:
        return CAPTURE_OR;
    default:
        return CAPTURE_NOT;
    }
}

enum status bind_condition(struct binder *b, struct capture_condition **condition,
                           struct error *error)
{
    const struct plan_probe *probe = b->probe;
    *condition = NULL;
    if (probe->node_count == 0)
        return STATUS_OK;
    struct capture_condition *made = arena_new(b->keep, struct capture_condition);
    struct capture_node *nodes = arena_new_array(b->keep, probe->node_count, struct capture_node);
    if (made == NULL || nodes == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < probe->node_count; i++) {
        const struct plan_node *plan = &probe->nodes[i];
        if (plan->kind < PLAN_NODE_EQ) {
            nodes[i].test = test_of(plan->kind);
            nodes[i].right = plan->right;
            continue;
        }
        enum status status = bind_leaf(b, plan, &nodes[i], error);
        if (status != STATUS_OK)
            return status;
        nodes[i].leaf = leaves++;
        made->has_exit |= nodes[i].at_exit;
    }
    if (leaves > 64)
        return error_set(error, STATUS_USAGE, "the condition has more than 64 comparisons");
    made->count = probe->node_count;
    made->nodes = nodes;
    *condition = made;
    return STATUS_OK;
}
