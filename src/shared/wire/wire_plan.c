#include "wire_plan.h"

#include <string.h>

#include "wire_record.h"
#include "wire_tlv.h"

/* The fields of a PLAN message; letters as in wire_message.h. */
enum plan_field {
    FIELD_MAX_METHODS = 1, /* u */
    FIELD_DEPTH = 2,       /* u */
    FIELD_MAX_ITEMS = 3,   /* u */
    FIELD_MAX_STRING = 4,  /* u */
    FIELD_MAX_BYTES = 5,   /* u */
    FIELD_RING_BYTES = 6,  /* u */
    FIELD_ALLOW_EMPTY = 7, /* u */
    FIELD_COMMAND = 8,     /* t */
    FIELD_PROBE = 9,       /* m* */
    FIELD_TIME_LIMIT = 10, /* u */
    FIELD_EXPLAIN = 11,    /* u */
    FIELD_BUDGET = 12,     /* u */
    FIELD_MAX_RATE = 13,   /* u */
    FIELD_DROP_TAIL = 14,  /* u */
};

enum probe_field {
    PROBE_ACTION = 1,    /* u */
    PROBE_MOMENT = 2,    /* u */
    PROBE_PATTERN = 3,   /* t */
    PROBE_SHOW_ALL = 4,  /* u */
    PROBE_VALUE = 5,     /* m* path */
    PROBE_NODE = 6,      /* m* */
    PROBE_CONDITION = 7, /* t */
    PROBE_LITERAL = 8,   /* m */
    PROBE_PLACE = 9,     /* u  absent: the entry */
    PROBE_OFFSET = 10,   /* u */
};

enum path_field {
    PATH_TEXT = 1,   /* t */
    PATH_COLUMN = 2, /* u */
    PATH_ROOT = 3,   /* u */
    PATH_STEP = 4,   /* t* */
};

enum node_field {
    NODE_KIND = 1,     /* u */
    NODE_COLUMN = 2,   /* u */
    NODE_RIGHT = 3,    /* u */
    NODE_PATH = 4,     /* m */
    NODE_CONSTANT = 5, /* m */
};

enum constant_field {
    CONSTANT_KIND = 1,     /* u */
    CONSTANT_SCALE = 2,    /* u */
    CONSTANT_NEGATIVE = 3, /* u */
    CONSTANT_LOW = 4,      /* u */
    CONSTANT_HIGH = 5,     /* u */
    CONSTANT_REAL = 6,     /* u  bits of the double */
    CONSTANT_TEXT = 7,     /* t */
};

enum literal_field {
    LITERAL_KIND = 1,     /* u */
    LITERAL_SUFFIX = 2,   /* u */
    LITERAL_NEGATIVE = 3, /* u */
    LITERAL_DECIMAL = 4,  /* u */
    LITERAL_SCALE = 5,    /* u */
    LITERAL_LOW = 6,      /* u */
    LITERAL_HIGH = 7,     /* u */
    LITERAL_REAL = 8,     /* u  bits of the double */
    LITERAL_SINGLE = 9,   /* u  bits of the float */
    LITERAL_TEXT = 10,    /* t */
    LITERAL_UNITS = 11,   /* b  UTF-16LE */
};

_Static_assert(PLAN_MAX_BYTES <= WIRE_CHUNK_BYTES / 4, "a record fits into a chunk");
_Static_assert(PLAN_MAX_RING_BYTES == WIRE_CHUNKS_MAX * WIRE_CHUNK_BYTES, "the file's chunks");

void plan_init(struct plan *plan)
{
    *plan = (struct plan){
        .max_methods = 1000,
        .depth = 1,
        .max_items = 10,
        .max_string = 256,
        .max_bytes = WIRE_RECORD_MAX_BYTES,
        .ring_bytes = 32ull << 20,
        .budget = PLAN_BUDGET,
        .max_rate = PLAN_MAX_RATE,
    };
}

/* ---- writing ---- */

static void put_path(struct buffer *buffer, uint16_t tag, const struct plan_path *path)
{
    size_t mark = tlv_begin(buffer, tag);
    tlv_put_text(buffer, PATH_TEXT, path->text);
    tlv_put_u32(buffer, PATH_COLUMN, path->column);
    tlv_put_u32(buffer, PATH_ROOT, path->root);
    for (uint32_t i = 0; i < path->step_count; i++)
        tlv_put_text(buffer, PATH_STEP, path->steps[i]);
    tlv_end(buffer, mark);
}

static void put_constant(struct buffer *buffer, const struct plan_constant *constant)
{
    uint64_t bits;
    memcpy(&bits, &constant->real, sizeof bits);
    size_t mark = tlv_begin(buffer, NODE_CONSTANT);
    tlv_put_u32(buffer, CONSTANT_KIND, constant->kind);
    tlv_put_u32(buffer, CONSTANT_SCALE, constant->scale);
    tlv_put_u32(buffer, CONSTANT_NEGATIVE, constant->negative);
    tlv_put_u64(buffer, CONSTANT_LOW, constant->low);
    tlv_put_u64(buffer, CONSTANT_HIGH, constant->high);
    tlv_put_u64(buffer, CONSTANT_REAL, bits);
    tlv_put_text(buffer, CONSTANT_TEXT, constant->text);
    tlv_end(buffer, mark);
}

static bool is_comparison(uint32_t kind)
{
    return kind >= PLAN_NODE_EQ && kind <= PLAN_NODE_GE;
}

static void put_node(struct buffer *buffer, const struct plan_node *node)
{
    size_t mark = tlv_begin(buffer, PROBE_NODE);
    tlv_put_u32(buffer, NODE_KIND, node->kind);
    tlv_put_u32(buffer, NODE_COLUMN, node->column);
    tlv_put_u32(buffer, NODE_RIGHT, node->right);
    if (is_comparison(node->kind)) {
        put_path(buffer, NODE_PATH, &node->path);
        put_constant(buffer, &node->constant);
    }
    tlv_end(buffer, mark);
}

static void put_literal(struct buffer *buffer, const struct plan_literal *literal)
{
    uint64_t real;
    uint32_t single;
    memcpy(&real, &literal->real, sizeof real);
    memcpy(&single, &literal->single, sizeof single);
    size_t mark = tlv_begin(buffer, PROBE_LITERAL);
    tlv_put_u32(buffer, LITERAL_KIND, literal->kind);
    tlv_put_u32(buffer, LITERAL_SUFFIX, literal->suffix);
    tlv_put_u32(buffer, LITERAL_NEGATIVE, literal->negative);
    tlv_put_u32(buffer, LITERAL_DECIMAL, literal->decimal);
    tlv_put_u32(buffer, LITERAL_SCALE, literal->scale);
    tlv_put_u64(buffer, LITERAL_LOW, literal->low);
    tlv_put_u64(buffer, LITERAL_HIGH, literal->high);
    tlv_put_u64(buffer, LITERAL_REAL, real);
    tlv_put_u32(buffer, LITERAL_SINGLE, single);
    tlv_put_text(buffer, LITERAL_TEXT, literal->text);
    if (literal->kind == PLAN_LITERAL_STRING) {
        size_t units = tlv_begin(buffer, LITERAL_UNITS);
        for (uint32_t i = 0; i < literal->unit_count; i++)
            buffer_append_u16(buffer, literal->units[i]);
        tlv_end(buffer, units);
    }
    tlv_end(buffer, mark);
}

static void put_probe(struct buffer *buffer, const struct plan_probe *probe)
{
    size_t mark = tlv_begin(buffer, FIELD_PROBE);
    tlv_put_u32(buffer, PROBE_ACTION, probe->action);
    tlv_put_u32(buffer, PROBE_MOMENT, probe->moment);
    tlv_put_text(buffer, PROBE_PATTERN, probe->pattern);
    tlv_put_u32(buffer, PROBE_SHOW_ALL, probe->show_all);
    if (probe->place != PLAN_AT_ENTRY) {
        tlv_put_u32(buffer, PROBE_PLACE, probe->place);
        tlv_put_u32(buffer, PROBE_OFFSET, probe->offset);
    }
    for (uint32_t i = 0; i < probe->value_count; i++)
        put_path(buffer, PROBE_VALUE, &probe->values[i]);
    for (uint32_t i = 0; i < probe->node_count; i++)
        put_node(buffer, &probe->nodes[i]);
    tlv_put_text(buffer, PROBE_CONDITION, probe->condition);
    if (probe->action == PLAN_PATCH)
        put_literal(buffer, &probe->literal);
    tlv_end(buffer, mark);
}

void wire_plan_put(struct buffer *buffer, const struct plan *plan)
{
    tlv_put_u32(buffer, FIELD_MAX_METHODS, plan->max_methods);
    tlv_put_u32(buffer, FIELD_DEPTH, plan->depth);
    tlv_put_u32(buffer, FIELD_MAX_ITEMS, plan->max_items);
    tlv_put_u32(buffer, FIELD_MAX_STRING, plan->max_string);
    tlv_put_u32(buffer, FIELD_MAX_BYTES, plan->max_bytes);
    tlv_put_u64(buffer, FIELD_RING_BYTES, plan->ring_bytes);
    tlv_put_u32(buffer, FIELD_ALLOW_EMPTY, plan->allow_empty);
    tlv_put_text(buffer, FIELD_COMMAND, plan->command);
    tlv_put_u64(buffer, FIELD_TIME_LIMIT, plan->time_limit);
    if (plan->explain)
        tlv_put_u32(buffer, FIELD_EXPLAIN, 1);
    if (plan->drop_tail)
        tlv_put_u32(buffer, FIELD_DROP_TAIL, 1);
    tlv_put_u32(buffer, FIELD_BUDGET, plan->budget);
    tlv_put_u64(buffer, FIELD_MAX_RATE, plan->max_rate);
    for (uint32_t i = 0; i < plan->probe_count; i++)
        put_probe(buffer, &plan->probes[i]);
}

/* ---- reading: counts first, then fills arrays of just that size ---- */

struct reading {
    struct arena *arena;
    struct error *error;
    enum status status; /* sticky */
};

static void fault(struct reading *reading, const char *what)
{
    if (reading->status == STATUS_OK)
        reading->status = error_set(reading->error, STATUS_PEER, "the plan is not valid: %s", what);
}

static void *new_array(struct reading *reading, size_t count, size_t size)
{
    void *array = arena_alloc_array(reading->arena, count ? count : 1, size);
    if (!array && reading->status == STATUS_OK)
        reading->status = error_set(reading->error, STATUS_MEMORY, "no memory for the plan");
    return array;
}

static const char *get_text(struct reading *reading, const struct tlv *field)
{
    size_t length = 0;
    const char *text = tlv_text(field, &length);
    if (length > PLAN_MAX_TEXT || memchr(length ? text : "", '\0', length)) {
        fault(reading, "a text is too long or holds a NUL");
        return "";
    }
    const char *copy = arena_copy_text(reading->arena, length ? text : "", length);
    if (!copy && reading->status == STATUS_OK)
        reading->status = error_set(reading->error, STATUS_MEMORY, "no memory for the plan");
    return copy ? copy : "";
}

static uint32_t count_fields(struct reader message, uint16_t tag)
{
    uint32_t count = 0;
    struct tlv field;
    while (tlv_next(&message, &field))
        count += field.tag == tag;
    return count;
}

/* The number of fields, or 0 and a fault where there are more than allowed. */
static uint32_t count_most(struct reading *reading, struct reader message, uint16_t tag,
                           uint32_t most, const char *what)
{
    uint32_t count = count_fields(message, tag);
    if (count <= most)
        return count;
    fault(reading, what);
    return 0;
}

static void get_path(struct reading *reading, struct reader message, struct plan_path *path)
{
    uint32_t steps = count_most(reading, message, PATH_STEP, PLAN_MAX_STEPS, "too many steps");
    struct tlv field;
    path->steps = new_array(reading, steps, sizeof *path->steps);
    path->text = "";
    while (reading->status == STATUS_OK && tlv_next(&message, &field)) {
        if (field.tag == PATH_TEXT)
            path->text = get_text(reading, &field);
        else if (field.tag == PATH_COLUMN)
            path->column = tlv_u32(&field);
        else if (field.tag == PATH_ROOT)
            path->root = tlv_u32(&field);
        else if (field.tag == PATH_STEP)
            path->steps[path->step_count++] = get_text(reading, &field);
    }
    if (message.failed || path->root < PLAN_ROOT_NAME || path->root > PLAN_ROOT_ELAPSED ||
        (path->root == PLAN_ROOT_NAME && path->step_count == 0))
        fault(reading, "a path");
}

static void check_constant(struct reading *reading, const struct plan_constant *constant)
{
    bool needs_text =
        constant->kind == PLAN_CONSTANT_STRING || constant->kind == PLAN_CONSTANT_NAME;
    if (constant->kind < PLAN_CONSTANT_NULL || constant->kind > PLAN_CONSTANT_CHAR ||
        constant->scale > 28 || (needs_text && !constant->text) ||
        (constant->kind == PLAN_CONSTANT_CHAR && constant->low > 0xffff))
        fault(reading, "a constant");
}

static void get_constant(struct reading *reading, struct reader message,
                         struct plan_constant *constant)
{
    uint64_t bits = 0;
    struct tlv field;
    while (reading->status == STATUS_OK && tlv_next(&message, &field)) {
        if (field.tag == CONSTANT_KIND)
            constant->kind = tlv_u32(&field);
        else if (field.tag == CONSTANT_SCALE)
            constant->scale = tlv_u32(&field);
        else if (field.tag == CONSTANT_NEGATIVE)
            constant->negative = tlv_u32(&field) != 0;
        else if (field.tag == CONSTANT_LOW)
            constant->low = tlv_u64(&field);
        else if (field.tag == CONSTANT_HIGH)
            constant->high = tlv_u64(&field);
        else if (field.tag == CONSTANT_REAL)
            bits = tlv_u64(&field);
        else if (field.tag == CONSTANT_TEXT)
            constant->text = get_text(reading, &field);
    }
    memcpy(&constant->real, &bits, sizeof bits);
    if (message.failed)
        fault(reading, "a constant");
    check_constant(reading, constant);
}

static void get_node(struct reading *reading, struct reader message, struct plan_node *node)
{
    struct tlv field;
    while (reading->status == STATUS_OK && tlv_next(&message, &field)) {
        if (field.tag == NODE_KIND)
            node->kind = tlv_u32(&field);
        else if (field.tag == NODE_COLUMN)
            node->column = tlv_u32(&field);
        else if (field.tag == NODE_RIGHT)
            node->right = tlv_u32(&field);
        else if (field.tag == NODE_PATH && !node->path.steps)
            get_path(reading, field.value, &node->path);
        else if (field.tag == NODE_CONSTANT && !node->constant.kind)
            get_constant(reading, field.value, &node->constant);
    }
    if (message.failed || node->kind < PLAN_NODE_AND || node->kind > PLAN_NODE_GE)
        fault(reading, "a condition");
    else if (is_comparison(node->kind) && (!node->path.steps || !node->constant.kind))
        fault(reading, "a comparison without its two sides");
}

static void get_units(struct reading *reading, struct reader value, struct plan_literal *literal)
{
    size_t count = reader_left(&value) / 2;
    if (count > PLAN_MAX_UNITS || reader_left(&value) % 2 != 0 || literal->units) {
        fault(reading, "a text is too long");
        return;
    }
    uint16_t *units = new_array(reading, count, sizeof *units);
    for (size_t i = 0; units && i < count; i++)
        units[i] = reader_u16(&value);
    literal->units = units;
    literal->unit_count = units ? (uint32_t)count : 0;
}

static void get_literal_field(struct reading *reading, const struct tlv *field,
                              struct plan_literal *literal)
{
    uint64_t real = tlv_u64(field);
    uint32_t number = tlv_u32(field);
    switch (field->tag) {
    case LITERAL_KIND:
        literal->kind = number;
        break;
    case LITERAL_SUFFIX:
        literal->suffix = number;
        break;
    case LITERAL_NEGATIVE:
        literal->negative = number != 0;
        break;
    case LITERAL_DECIMAL:
        literal->decimal = number != 0;
        break;
    case LITERAL_SCALE:
        literal->scale = number;
        break;
    case LITERAL_LOW:
        literal->low = real;
        break;
    case LITERAL_HIGH:
        literal->high = real;
        break;
    case LITERAL_REAL:
        memcpy(&literal->real, &real, sizeof literal->real);
        break;
    case LITERAL_SINGLE:
        memcpy(&literal->single, &number, sizeof literal->single);
        break;
    case LITERAL_TEXT:
        literal->text = get_text(reading, field);
        break;
    case LITERAL_UNITS:
        get_units(reading, field->value, literal);
        break;
    default:
        break;
    }
}

static void get_literal(struct reading *reading, struct reader message,
                        struct plan_literal *literal)
{
    struct tlv field;
    while (reading->status == STATUS_OK && tlv_next(&message, &field))
        get_literal_field(reading, &field, literal);
    if (!literal->text)
        literal->text = "";
    bool wrong = literal->kind < PLAN_LITERAL_NOTHING || literal->kind > PLAN_LITERAL_NAME ||
                 literal->scale > 28 || literal->high >> 32 != 0 ||
                 (literal->kind == PLAN_LITERAL_INTEGER && literal->high != 0) ||
                 (literal->kind == PLAN_LITERAL_CHAR && literal->low > 0xffff) ||
                 (literal->kind == PLAN_LITERAL_STRING && !literal->units);
    if (message.failed || wrong)
        fault(reading, "a literal");
}

/* Is the array one whole tree in prefix order? Walks it with a stack of open AND and OR nodes,
 * whose second child must begin just where the first one ends. */
static bool is_tree(const struct plan_node *nodes, uint32_t count)
{
    uint32_t open[PLAN_MAX_NODES];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i].kind == PLAN_NODE_AND || nodes[i].kind == PLAN_NODE_OR)
            open[depth++] = i;
        else if (nodes[i].kind != PLAN_NODE_NOT) {
            if (depth == 0)
                return i + 1 == count;
            if (nodes[open[--depth]].right != i + 1)
                return false;
        }
    }
    return count == 0;
}

static void get_probe_field(struct reading *reading, const struct tlv *field,
                            struct plan_probe *probe)
{
    switch (field->tag) {
    case PROBE_ACTION:
        probe->action = tlv_u32(field);
        break;
    case PROBE_MOMENT:
        probe->moment = tlv_u32(field);
        break;
    case PROBE_PATTERN:
        probe->pattern = get_text(reading, field);
        break;
    case PROBE_SHOW_ALL:
        probe->show_all = tlv_u32(field) != 0;
        break;
    case PROBE_PLACE:
        probe->place = tlv_u32(field);
        break;
    case PROBE_OFFSET:
        probe->offset = tlv_u32(field);
        break;
    case PROBE_VALUE:
        get_path(reading, field->value, &probe->values[probe->value_count++]);
        break;
    case PROBE_NODE:
        get_node(reading, field->value, &probe->nodes[probe->node_count++]);
        break;
    case PROBE_CONDITION:
        probe->condition = get_text(reading, field);
        break;
    case PROBE_LITERAL:
        if (!probe->literal.kind)
            get_literal(reading, field->value, &probe->literal);
        break;
    default:
        break;
    }
}

static void get_probe(struct reading *reading, struct reader message, struct plan_probe *probe)
{
    uint32_t values = count_most(reading, message, PROBE_VALUE, PLAN_MAX_VALUES, "too many values");
    uint32_t nodes =
        count_most(reading, message, PROBE_NODE, PLAN_MAX_NODES, "too long a condition");
    struct tlv field;
    probe->values = new_array(reading, values, sizeof *probe->values);
    probe->nodes = new_array(reading, nodes, sizeof *probe->nodes);
    while (reading->status == STATUS_OK && tlv_next(&message, &field))
        get_probe_field(reading, &field, probe);
    if (reading->status != STATUS_OK)
        return;
    if (message.failed || !probe->pattern || !probe->pattern[0])
        fault(reading, "a probe without a pattern");
    else if (probe->action < PLAN_WATCH || probe->action > PLAN_PATCH ||
             probe->moment > PLAN_ON_THROW ||
             (probe->action == PLAN_PATCH) != (probe->literal.kind != 0))
        fault(reading, "what a probe does");
    else if (probe->place > PLAN_AT_PERCENT ||
             (probe->place != PLAN_AT_ENTRY && probe->action != PLAN_COUNT) ||
             (probe->place == PLAN_AT_PERCENT && probe->offset > 99))
        fault(reading, "where a probe stands");
    else if (!is_tree(probe->nodes, probe->node_count))
        fault(reading, "a condition that is not a tree");
}

static void get_plan_field(struct reading *reading, const struct tlv *field, struct plan *plan)
{
    switch (field->tag) {
    case FIELD_MAX_METHODS:
        plan->max_methods = tlv_u32(field);
        break;
    case FIELD_DEPTH:
        plan->depth = tlv_u32(field);
        break;
    case FIELD_MAX_ITEMS:
        plan->max_items = tlv_u32(field);
        break;
    case FIELD_MAX_STRING:
        plan->max_string = tlv_u32(field);
        break;
    case FIELD_MAX_BYTES:
        plan->max_bytes = tlv_u32(field);
        break;
    case FIELD_RING_BYTES:
        plan->ring_bytes = tlv_u64(field);
        break;
    case FIELD_ALLOW_EMPTY:
        plan->allow_empty = tlv_u32(field) != 0;
        break;
    case FIELD_COMMAND:
        plan->command = get_text(reading, field);
        break;
    case FIELD_EXPLAIN:
        plan->explain = tlv_u32(field) != 0;
        break;
    case FIELD_DROP_TAIL:
        plan->drop_tail = tlv_u32(field) != 0;
        break;
    case FIELD_BUDGET:
        plan->budget = tlv_u32(field);
        break;
    case FIELD_MAX_RATE:
        plan->max_rate = tlv_u64(field);
        break;
    case FIELD_TIME_LIMIT:
        plan->time_limit = tlv_u64(field);
        break;
    case FIELD_PROBE:
        get_probe(reading, field->value, &plan->probes[plan->probe_count++]);
        break;
    default:
        break;
    }
}

static void check_limits(struct reading *reading, const struct plan *plan)
{
    if (plan->max_methods == 0 || plan->depth > PLAN_MAX_DEPTH ||
        plan->max_items > PLAN_MAX_ITEMS || plan->max_string > PLAN_MAX_STRING)
        fault(reading, "a limit is out of range");
    if (plan->max_bytes < PLAN_MIN_BYTES || plan->max_bytes > PLAN_MAX_BYTES ||
        plan->ring_bytes < PLAN_MIN_RING_BYTES || plan->ring_bytes > PLAN_MAX_RING_BYTES)
        fault(reading, "a size is out of range");
    if (plan->budget > PLAN_MAX_BUDGET)
        fault(reading, "a budget is out of range");
}

enum status wire_plan_get(struct reader payload, struct arena *arena, struct plan *plan,
                          struct error *error)
{
    struct reading reading = {.arena = arena, .error = error};
    struct tlv field;
    plan_init(plan);
    plan->budget = 0; /* a CLI that does not say it would not tell of it, either */
    plan->max_rate = 0;
    uint32_t probes =
        count_most(&reading, payload, FIELD_PROBE, PLAN_MAX_PROBES, "too many probes");
    plan->probes = new_array(&reading, probes, sizeof *plan->probes);
    while (reading.status == STATUS_OK && tlv_next(&payload, &field))
        get_plan_field(&reading, &field, plan);
    if (reading.status == STATUS_OK && (payload.failed || plan->probe_count == 0))
        fault(&reading, "no probes, or broken fields");
    if (reading.status == STATUS_OK)
        check_limits(&reading, plan);
    return reading.status;
}
