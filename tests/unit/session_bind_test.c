// uses: standin session recorder recompile weave wire metadata il clr abi base
// sanitize: address,undefined
// Names meet methods of the framework: what is woven, what is read, and what an error says.
#include "session_harness.h"
#include "session_lease.h"

#define MAX_STEPS 8

struct desk {
    struct stage stage;
    int peer;
    struct session_connection connection;
    struct error error;
    struct plan plan;
    struct plan_probe probe;
    struct plan_path values[8];
    struct plan_node nodes[8];
    const char *steps[16][MAX_STEPS];
    uint32_t path_count;
    char texts[16][128];
};

static int up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    int pair[2];
    stage_up(&desk->stage);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    session_connection_open(&desk->connection, pair[0], 0, 1);
    desk->peer = pair[1];
    *state = desk;
    return 0;
}

static void end(struct desk *desk)
{
    if (desk->connection.session != NULL)
        session_lease_end(desk->connection.session, NULL);
    buffer_clear(&desk->connection.out);
    desk->path_count = 0;
}

static int down(void **state)
{
    struct desk *desk = *state;
    end(desk);
    session_connection_close(&desk->connection);
    close(desk->peer);
    stage_down(&desk->stage);
    free(desk);
    return 0;
}

/* ---- plans from words ---- */

static void begin(struct desk *desk, const char *pattern)
{
    end(desk);
    plan_one(&desk->plan, &desk->probe, pattern, PLAN_WATCH);
}

static struct plan_path path_of(struct desk *desk, const char *text, uint32_t column)
{
    uint32_t n = desk->path_count++;
    static const struct {
        const char *name;
        uint32_t root;
    } roots[] = {{"this", PLAN_ROOT_THIS},
                 {"ret", PLAN_ROOT_RET},
                 {"ex", PLAN_ROOT_EX},
                 {"elapsed", PLAN_ROOT_ELAPSED}};
    struct plan_path path = {
        .text = text, .column = column, .root = PLAN_ROOT_NAME, .steps = desk->steps[n]};
    strcpy(desk->texts[n], text);
    for (char *at = strtok(desk->texts[n], "."); at != NULL; at = strtok(NULL, ".")) {
        for (size_t i = 0; i < 4 && at == desk->texts[n]; i++)
            if (strcmp(at, roots[i].name) == 0)
                path.root = roots[i].root;
        if (at != desk->texts[n] || path.root == PLAN_ROOT_NAME)
            desk->steps[n][path.step_count++] = at;
    }
    return path;
}

static void value(struct desk *desk, const char *text)
{
    desk->probe.show_all = false;
    desk->probe.values = desk->values;
    desk->values[desk->probe.value_count++] = path_of(desk, text, 0);
}

static struct plan_constant *condition(struct desk *desk, const char *text,
                                       enum plan_node_kind kind, enum plan_constant_kind constant)
{
    desk->probe.nodes = desk->nodes;
    struct plan_node *node = &desk->nodes[desk->probe.node_count++];
    *node = (struct plan_node){.kind = kind, .column = 14, .path = path_of(desk, text, 10)};
    node->constant.kind = constant;
    return &node->constant;
}

static enum status run(struct desk *desk)
{
    struct buffer fields;
    struct reader reader;
    buffer_init(&fields, 0);
    wire_plan_put(&fields, &desk->plan);
    reader_init(&reader, fields.data, fields.length);
    error_init(&desk->error);
    enum status status =
        session_lease_begin(desk->stage.engine, &desk->connection, reader, &desk->error);
    buffer_release(&fields);
    return status;
}

static const struct session_site *bound(struct desk *desk)
{
    enum status status = run(desk);
    assert_string_equal(desk->error.message, "");
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(desk->connection.session->site_count, 1);
    return desk->connection.session->sites[0];
}

static void refused(struct desk *desk, const char *message, int64_t column, const char *hint)
{
    assert_int_equal(run(desk), STATUS_USAGE);
    assert_string_equal(desk->error.message, message);
    assert_int_equal(desk->error.offset, column);
    if (hint != NULL)
        assert_non_null(strstr(desk->error.hint, hint));
    assert_null(desk->connection.session);
}

#define EQUALS "System.String.Equals(string, string, StringComparison)"
#define ROUND  "System.Decimal.Round(decimal, int)"

/* ---- values ---- */

static void test_paths(void **state)
{
    struct desk *desk = *state;
    begin(desk, EQUALS);
    value(desk, "a");
    value(desk, "a.Length");
    value(desk, "comparisonType");
    value(desk, "ret");
    value(desk, "elapsed");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->kind, WIRE_METHOD_PLAIN);
    assert_int_equal(site->recorder_kind, RECORDER_SITE_CALL);
    assert_int_equal(site->key_count, 1);
    assert_int_equal(site->weaves[0], WEAVE_CALL);
    /* `a` is handed over once and read twice. */
    assert_int_equal(site->enter_count, 2);
    assert_int_equal(site->enter_values[0].source, WEAVE_ARGUMENT);
    assert_int_equal(site->enter_values[0].index, 0);
    assert_int_equal(site->enter_values[0].pass, WEAVE_PASS_REFERENCE);
    assert_int_equal(site->enter_values[1].index, 2);
    assert_int_equal(site->enter_values[1].pass, WEAVE_PASS_ADDRESS);
    assert_int_equal(site->enter->count, 3);
    assert_int_equal(site->enter->values[1].slot, 1);
    assert_int_equal(site->enter->values[1].value, 0);
    assert_int_equal(site->enter->values[1].step_count, 1);
    assert_int_equal(site->enter->values[1].steps[0], layout_name("Length"));
    assert_int_equal(site->exit_count, 1);
    assert_int_equal(site->exit_values[0].source, WEAVE_RESULT);
    assert_int_equal(site->exit_values[0].pass, WEAVE_PASS_SCALAR);
    assert_int_equal(site->exit->count, 1);
    assert_int_equal(site->exit->values[0].slot, 3);
    assert_int_equal(site->exit->values[0].element, ELEMENT_TYPE_BOOLEAN);
    assert_true(site->exit->values[0].result);
    /* The enum is resolved where the method is rewritten. */
    assert_int_equal(site->pending_count, 1);
    assert_ptr_equal(site->pending[0].value, &site->enter->values[2]);
}

static void test_everything(void **state)
{
    struct desk *desk = *state;
    begin(desk, "System.Int32.TryParse(string, out int)");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->enter_count, 1); /* an out parameter has no value at entry */
    assert_int_equal(site->exit_count, 2);
    assert_int_equal(site->exit_values[0].source, WEAVE_ARGUMENT);
    assert_int_equal(site->exit_values[0].index, 1);
    assert_int_equal(site->exit_values[0].pass, WEAVE_PASS_ADDRESS);
    assert_int_equal(site->exit_values[1].source, WEAVE_RESULT); /* stands last */
    assert_int_equal(site->exit->count, 2);
    assert_int_equal(site->exit->values[0].element, ELEMENT_TYPE_I4);
    assert_int_equal(site->exit->values[0].size, 4);
    assert_int_equal(site->exit->values[1].slot, WIRE_SLOT_RESULT);
    assert_int_equal(site->exit->values[1].value, 1);
}

static void test_moments(void **state)
{
    struct desk *desk = *state;
    begin(desk, EQUALS);
    desk->probe.moment = PLAN_ON_RETURN;
    value(desk, "a");
    value(desk, "ret");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->recorder_kind, RECORDER_SITE_ON_RETURN);
    assert_int_equal(site->enter_count, 0);
    assert_int_equal(site->exit_count, 2);
    assert_int_equal(site->exit->values[1].value, 1);

    begin(desk, EQUALS);
    desk->probe.moment = PLAN_ON_ENTER;
    value(desk, "b");
    site = bound(desk);
    assert_int_equal(site->weaves[0], WEAVE_ENTER);
    assert_int_equal(site->exit_count, 0);

    begin(desk, EQUALS);
    desk->probe.moment = PLAN_ON_ENTER;
    value(desk, "ret");
    refused(desk, "'ret': there is no result at entry", 0, NULL);

    begin(desk, EQUALS);
    value(desk, "ex.Message");
    site = bound(desk);
    assert_int_equal(site->exit->values[0].value, CAPTURE_EXCEPTION);
    assert_int_equal(site->exit->values[0].steps[0], layout_name("Message"));
}

static void test_async(void **state)
{
    struct desk *desk = *state;
    begin(desk, "System.IO.StreamReader.ReadToEndAsyncInternal");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->kind, WIRE_METHOD_ASYNC);
    assert_int_equal(site->recorder_kind, RECORDER_SITE_ASYNC);
    assert_int_equal(site->key_count, 2);
    assert_int_equal(site->weaves[0], WEAVE_ASYNC_KICKOFF);
    assert_int_equal(site->weaves[1], WEAVE_ASYNC_MOVE_NEXT);
    assert_int_not_equal(site->keys[0].method, site->keys[1].method);
    assert_int_equal(site->exit_count, 1);
    assert_int_equal(site->exit_values[0].pass, WEAVE_PASS_REFERENCE); /* string of Task<string> */
    assert_non_null(site->builder.type);
    assert_int_equal(standin_counts(desk->stage.standin).requests, 2);
}

static void test_iterator(void **state)
{
    struct desk *desk = *state;
    begin(desk, "System.Linq.Enumerable.EnumerableChunkIterator");
    value(desk, "size");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->kind, WIRE_METHOD_ITERATOR);
    assert_int_equal(site->weaves[0], WEAVE_ITERATOR_MOVE_NEXT);
    assert_int_equal(site->key_count, 2);
    assert_int_equal(site->weaves[1], WEAVE_ITERATOR_DISPOSE);
    assert_int_equal(site->enter_values[0].source, WEAVE_FIELD);
    assert_int_equal(site->enter_values[0].token >> 24, CLR_TABLE_Field);
    assert_int_equal(site->enter_values[0].pass, WEAVE_PASS_SCALAR);

    begin(desk, "System.Linq.Enumerable.EnumerableChunkIterator");
    value(desk, "ret");
    refused(desk, "'ret': EnumerableChunkIterator is an iterator: its items are counted, not shown",
            0, NULL);
}

/* The kind that METHOD tells. */
static uint32_t told_kind(struct desk *desk)
{
    struct buffer *out = &desk->connection.out;
    struct reader payload;
    uint16_t type = 0;
    size_t whole = 0, at = 0;
    while (at < out->length) {
        struct buffer rest = {.data = out->data + at, .length = out->length - at};
        struct tlv field;
        assert_int_equal(wire_frame_take(&rest, &type, &payload, &whole, &desk->error), STATUS_OK);
        while (type == WIRE_MSG_METHOD && tlv_next(&payload, &field))
            if (field.tag == WIRE_METHOD_KIND)
                return tlv_u32(&field);
        at += whole;
    }
    return UINT32_MAX;
}

/* A count is woven the same way whatever it counts; what it counts is told all the same. */
static void test_count(void **state)
{
    struct desk *desk = *state;
    static const struct {
        const char *method;
        enum wire_method_kind kind;
    } rows[] = {{"System.IO.StreamReader.ReadToEndAsyncInternal", WIRE_METHOD_ASYNC},
                {"System.Linq.Enumerable.EnumerableChunkIterator", WIRE_METHOD_ITERATOR},
                {"System.Linq.Enumerable.Append", WIRE_METHOD_PLAIN}};
    for (size_t i = 0; i < 3; i++) {
        end(desk);
        plan_one(&desk->plan, &desk->probe, rows[i].method, PLAN_COUNT);
        const struct session_site *site = bound(desk);
        assert_int_equal(site->recorder_kind, RECORDER_SITE_COUNT);
        assert_int_equal(site->key_count, 1);
        assert_int_equal(told_kind(desk), rows[i].kind);
    }
}

static void test_type_parameters(void **state)
{
    struct desk *desk = *state;
    begin(desk, "System.Linq.Enumerable.Append");
    value(desk, "element");
    const struct session_site *site = bound(desk);
    assert_int_equal(site->enter_values[0].pass, WEAVE_PASS_ADDRESS);
    assert_true(site->enter->values[0].by_instance);
    assert_int_equal(site->enter->values[0].generic_kind, 1);
    assert_int_equal(site->enter->values[0].generic_index, 0);
    assert_int_equal(site->pending_count, 0);
}

static void test_wrong_names(void **state)
{
    struct desk *desk = *state;
    begin(desk, EQUALS);
    value(desk, "c");
    refused(desk, "'c': Equals has no parameter 'c'", 0,
            "Equals has the parameters a, b, comparisonType");
    begin(desk, EQUALS);
    value(desk, "a.Lenght");
    refused(desk, "'a.Lenght': string has no field or property 'Lenght'", 2, "string has Length");
    begin(desk, EQUALS);
    value(desk, "this");
    refused(desk, "'this': Equals is static: it has no 'this'", 0, NULL);
    begin(desk, EQUALS);
    value(desk, "elapsed.Seconds");
    refused(desk, "'elapsed.Seconds': 'elapsed' has no members", 8, NULL);
    begin(desk, "System.Text.StringBuilder.Append(string)");
    value(desk, "Capacity");
    refused(desk,
            "'Capacity': the property 'Capacity' runs code, which is not done to show a value", 0,
            NULL);
}

/* ---- conditions ---- */

static const struct capture_node *leaf(struct desk *desk)
{
    return &bound(desk)->condition->nodes[0];
}

static void test_enum(void **state)
{
    struct desk *desk = *state;
    begin(desk, EQUALS);
    condition(desk, "comparisonType", PLAN_NODE_EQ, PLAN_CONSTANT_NAME)->text =
        "StringComparison.OrdinalIgnoreCase";
    const struct capture_node *node = leaf(desk);
    assert_int_equal(node->test, CAPTURE_LEAF);
    assert_int_equal(node->compare, CAPTURE_EQ);
    assert_int_equal(node->operand, CAPTURE_OPERAND_SIGNED);
    assert_int_equal(node->integer, 5);
    assert_int_equal(node->at_exit, 0);

    begin(desk, EQUALS);
    condition(desk, "comparisonType", PLAN_NODE_EQ, PLAN_CONSTANT_NAME)->text = "Ordnal";
    refused(desk, "'comparisonType': StringComparison has no member 'Ordnal'", 14,
            "StringComparison has CurrentCulture");
}

static void test_numbers(void **state)
{
    struct desk *desk = *state;
    struct plan_constant *constant;
    begin(desk, ROUND);
    constant = condition(desk, "d", PLAN_NODE_GE, PLAN_CONSTANT_NUMBER);
    constant->low = 1005;
    constant->scale = 1;
    constant->real = 100.5;
    const struct capture_node *node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_DECIMAL);
    assert_int_equal(node->decimal_low, 1005);
    assert_int_equal(node->decimal_scale, 1);
    assert_int_equal(node->compare, CAPTURE_GE);

    begin(desk, ROUND);
    constant = condition(desk, "decimals", PLAN_NODE_LT, PLAN_CONSTANT_NUMBER);
    constant->low = UINT64_C(1) << 63;
    constant->negative = 1;
    node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_SIGNED);
    assert_true(node->integer == INT64_MIN);

    begin(desk, ROUND);
    constant = condition(desk, "ret", PLAN_NODE_GT, PLAN_CONSTANT_NUMBER);
    constant->high = UINT64_C(1) << 40; /* beyond 96 bits */
    constant->real = 2e31;
    node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_DOUBLE);
    assert_int_equal(node->at_exit, 1);
    assert_true(node->value.result);

    begin(desk, EQUALS);
    condition(desk, "a", PLAN_NODE_GT, PLAN_CONSTANT_NUMBER)->low = 5;
    refused(desk, "'a': string cannot be compared with a number", 14, "double quotes");
    begin(desk, EQUALS);
    condition(desk, "ret", PLAN_NODE_EQ, PLAN_CONSTANT_NUMBER)->low = 1;
    refused(desk, "'ret': bool cannot be compared with a number", 14, NULL);
}

static void test_texts(void **state)
{
    struct desk *desk = *state;
    begin(desk, EQUALS);
    condition(desk, "a", PLAN_NODE_NE, PLAN_CONSTANT_STRING)->text = "\xc3\xa9\xf0\x9f\x98\x80";
    const struct capture_node *node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_STRING);
    assert_int_equal(node->text_units, 3);
    assert_int_equal(node->text[0], 0xe9);
    assert_int_equal(node->text[1], 0xd83d);
    assert_int_equal(node->text[2], 0xde00);

    begin(desk, EQUALS);
    condition(desk, "a", PLAN_NODE_EQ, PLAN_CONSTANT_NULL);
    assert_int_equal(leaf(desk)->operand, CAPTURE_OPERAND_NULL);
    begin(desk, EQUALS);
    condition(desk, "a", PLAN_NODE_LT, PLAN_CONSTANT_NULL);
    refused(desk, "'a': null is compared with == and != only", 14, NULL);
    begin(desk, ROUND);
    condition(desk, "decimals", PLAN_NODE_EQ, PLAN_CONSTANT_NULL);
    refused(desk, "'decimals': int is a value type and never null", 14, NULL);
}

static void test_durations(void **state)
{
    struct desk *desk = *state;
    begin(desk, "System.TimeSpan.FromDays(int)");
    condition(desk, "ret", PLAN_NODE_GT, PLAN_CONSTANT_DURATION)->low = 5000000;
    const struct capture_node *node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_SIGNED);
    assert_int_equal(node->integer, 50000); /* of 100 ns */

    begin(desk, "System.TimeSpan.FromDays(int)");
    condition(desk, "elapsed", PLAN_NODE_GT, PLAN_CONSTANT_DURATION)->low = 1000000;
    node = leaf(desk);
    assert_int_equal(node->operand, CAPTURE_OPERAND_ELAPSED);
    assert_int_equal(node->at_exit, 1);
    assert_in_range(node->ticks, 100000, UINT64_C(100000000)); /* 0.1 to 100 GHz */
    begin(desk, "System.TimeSpan.FromDays(int)");
    condition(desk, "elapsed", PLAN_NODE_GT, PLAN_CONSTANT_NUMBER)->low = 5;
    refused(desk, "'elapsed': it is compared with a duration", 10, "elapsed > 5ms");
}

/* ---- types ---- */

static void test_type_message(void **state)
{
    struct desk *desk = *state;
    struct buffer out;
    struct type_definition definition;
    buffer_init(&out, 0);
    assert_true(type_definition_core(fake_scope, "System.TimeSpan", &definition));
    uint64_t id = fake_class(definition.module->id, definition.type, 0, NULL);
    /* Not told of: not asked about. */
    session_types_put(desk->stage.engine->types, id, &out);
    buffer_consume(&out, sizeof(struct wire_frame));
    assert_int_equal(field_number(&out, WIRE_TYPE_KIND), WIRE_TYPE_UNKNOWN);

    const struct layout *layout = session_types_layout(desk->stage.engine->types, id);
    assert_non_null(layout);
    assert_int_equal(layout->kind, WIRE_TYPE_TIMESPAN);
    assert_true(layout->is_value);
    assert_int_equal(layout->size, 8);
    assert_int_equal(layout->fields[0].name, layout_name("_ticks"));
    buffer_clear(&out);
    session_types_put(desk->stage.engine->types, id, &out);
    buffer_consume(&out, sizeof(struct wire_frame));
    assert_int_equal(field_number(&out, WIRE_TYPE_KIND), WIRE_TYPE_TIMESPAN);
    assert_string_equal(field_text(&out, WIRE_TYPE_NAME), "TimeSpan");
    assert_string_equal(field_text(&out, WIRE_TYPE_FULL_NAME), "System.TimeSpan");

    assert_true(type_definition_core(fake_scope, "System.DayOfWeek", &definition));
    id = fake_class(definition.module->id, definition.type, 0, NULL);
    layout = session_types_layout(desk->stage.engine->types, id);
    assert_int_equal(layout->kind, WIRE_TYPE_ENUM);
    assert_int_equal(layout->element, ELEMENT_TYPE_I4);
    assert_int_equal(layout->size, 4);
    buffer_release(&out);
}

static void test_type_names(void **state)
{
    struct desk *desk = *state;
    struct session_types *types = desk->stage.engine->types;
    struct type_definition list, pair, number, text, nullable;
    struct buffer out;
    buffer_init(&out, 0);
    assert_true(type_definition_core(fake_scope, "System.Collections.Generic.List`1", &list));
    assert_true(type_definition_core(fake_scope, "System.ValueTuple`2", &pair));
    assert_true(type_definition_core(fake_scope, "System.Int32", &number));
    assert_true(type_definition_core(fake_scope, "System.String", &text));
    assert_true(type_definition_core(fake_scope, "System.Nullable`1", &nullable));
    ClassID i = fake_class(number.module->id, number.type, 0, NULL);
    ClassID maybe = fake_class(nullable.module->id, nullable.type, 1, &i);
    ClassID two[] = {maybe, fake_class(text.module->id, text.type, 0, NULL)};
    ClassID tuple = fake_class(pair.module->id, pair.type, 2, two);
    ClassID whole = fake_class(list.module->id, list.type, 1, &tuple);
    session_types_print(types, whole, false, &out);
    assert_string_equal(buffer_text(&out), "List<(int?, string)>");
    buffer_clear(&out);
    session_types_print(types, whole, true, &out);
    assert_string_equal(buffer_text(&out), "System.Collections.Generic.List<(int?, string)>");
    const struct layout *layout = session_types_layout(types, whole);
    assert_int_equal(layout->kind, WIRE_TYPE_LIST);
    assert_int_equal(layout->items_at, 8);
    assert_int_equal(layout->count_at, 16);
    assert_int_equal(layout->element, ELEMENT_TYPE_VALUETYPE);
    assert_true(layout->item == session_types_layout(types, tuple));
    assert_int_equal(layout->item_size, layout->item->size);
    layout = session_types_layout(types, maybe);
    assert_int_equal(layout->kind, WIRE_TYPE_NULLABLE);
    assert_int_equal(layout->value_at, 8);
    assert_non_null(layout->item);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_paths, up, down),
        cmocka_unit_test_setup_teardown(test_everything, up, down),
        cmocka_unit_test_setup_teardown(test_moments, up, down),
        cmocka_unit_test_setup_teardown(test_async, up, down),
        cmocka_unit_test_setup_teardown(test_iterator, up, down),
        cmocka_unit_test_setup_teardown(test_count, up, down),
        cmocka_unit_test_setup_teardown(test_type_parameters, up, down),
        cmocka_unit_test_setup_teardown(test_wrong_names, up, down),
        cmocka_unit_test_setup_teardown(test_enum, up, down),
        cmocka_unit_test_setup_teardown(test_numbers, up, down),
        cmocka_unit_test_setup_teardown(test_texts, up, down),
        cmocka_unit_test_setup_teardown(test_durations, up, down),
        cmocka_unit_test_setup_teardown(test_type_message, up, down),
        cmocka_unit_test_setup_teardown(test_type_names, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
