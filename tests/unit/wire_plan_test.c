// uses: script wire
// sanitize: address,undefined
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script_expression.h"
#include "wire_plan.h"
#include "wire_record.h"
#include "wire_tlv.h"

static void make_plan(struct arena *arena, struct plan *plan)
{
    plan_init(plan);
    plan->probe_count = 2;
    plan->probes = arena_new_array(arena, 2, struct plan_probe);
    struct plan_probe *probe = &plan->probes[0];
    probe->action = PLAN_WATCH;
    probe->moment = PLAN_ON_RETURN;
    probe->pattern = "Shop.OrderService.Place";
    assert_int_equal(script_parse_values(arena, "order.Id, ret.Total", &probe->values,
                                         &probe->value_count, NULL),
                     STATUS_OK);
    probe->condition = "order.Total > -120.50 && (name == \"ACME\" || !paid)";
    assert_int_equal(
        script_parse_condition(arena, probe->condition, &probe->nodes, &probe->node_count, NULL),
        STATUS_OK);
    plan->probes[1] = (struct plan_probe){.action = PLAN_COUNT,
                                          .pattern = "A.B",
                                          .show_all = true,
                                          .condition = NULL,
                                          .place = PLAN_AT_OFFSET,
                                          .offset = 0x1f};
    plan->max_methods = 77;
    plan->depth = 3;
    plan->allow_empty = true;
    plan->explain = true;
    plan->drop_tail = true;
    plan->budget = 12345;
    plan->max_rate = 1ull << 40;
    plan->command = "rejig watch";
}

static void put(struct buffer *buffer, const struct plan *plan)
{
    buffer_init(buffer, 0);
    wire_plan_put(buffer, plan);
    assert_false(buffer_failed(buffer));
}

static enum status get(const struct buffer *buffer, size_t length, struct arena *arena,
                       struct plan *plan)
{
    struct reader reader;
    reader_init(&reader, buffer->data, length);
    return wire_plan_get(reader, arena, plan, NULL);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct arena arena;
    struct plan plan, back;
    struct buffer buffer;
    arena_init(&arena, 0);
    make_plan(&arena, &plan);
    put(&buffer, &plan);
    assert_int_equal(get(&buffer, buffer.length, &arena, &back), STATUS_OK);
    assert_int_equal(back.probe_count, 2);
    assert_int_equal(back.max_methods, 77);
    assert_int_equal(back.depth, 3);
    assert_int_equal(back.max_items, 10);
    assert_int_equal(back.max_string, 256);
    assert_int_equal(back.max_bytes, WIRE_RECORD_MAX_BYTES);
    assert_int_equal(back.ring_bytes, 32u << 20);
    assert_true(back.allow_empty);
    assert_true(back.explain);
    assert_true(back.drop_tail);
    assert_int_equal(back.budget, 12345);
    assert_int_equal(back.max_rate, 1ull << 40);
    assert_string_equal(back.command, "rejig watch");
    const struct plan_probe *a = &plan.probes[0], *b = &back.probes[0];
    assert_int_equal(b->action, PLAN_WATCH);
    assert_int_equal(b->moment, PLAN_ON_RETURN);
    assert_string_equal(b->pattern, a->pattern);
    assert_string_equal(b->condition, a->condition);
    assert_false(b->show_all);
    assert_int_equal(b->value_count, 2);
    assert_string_equal(b->values[0].text, "order.Id");
    assert_string_equal(b->values[0].steps[1], "Id");
    assert_int_equal(b->values[1].root, PLAN_ROOT_RET);
    assert_int_equal(b->values[1].column, 10);
    assert_int_equal(b->node_count, a->node_count);
    for (uint32_t i = 0; i < a->node_count; i++) {
        assert_int_equal(b->nodes[i].kind, a->nodes[i].kind);
        assert_int_equal(b->nodes[i].right, a->nodes[i].right);
        assert_int_equal(b->nodes[i].constant.kind, a->nodes[i].constant.kind);
        assert_int_equal(b->nodes[i].constant.low, a->nodes[i].constant.low);
        assert_int_equal(b->nodes[i].constant.scale, a->nodes[i].constant.scale);
        assert_int_equal(b->nodes[i].constant.negative, a->nodes[i].constant.negative);
        assert_true(b->nodes[i].constant.real == a->nodes[i].constant.real);
    }
    assert_true(back.probes[1].show_all);
    assert_null(back.probes[1].condition);
    assert_int_equal(b->place, PLAN_AT_ENTRY);
    assert_int_equal(back.probes[1].place, PLAN_AT_OFFSET);
    assert_int_equal(back.probes[1].offset, 0x1f);
    buffer_release(&buffer);
    arena_release(&arena);
}

/* Every cut is refused or, at a field's border of the outermost level, a smaller plan. */
static void test_cut(void **state)
{
    (void)state;
    struct arena arena, scratch;
    struct plan plan, back;
    struct buffer buffer;
    arena_init(&arena, 0);
    make_plan(&arena, &plan);
    put(&buffer, &plan);
    unsigned good = 0;
    for (size_t length = 0; length < buffer.length; length++) {
        arena_init(&scratch, 0);
        enum status status = get(&buffer, length, &scratch, &back);
        assert_true(status == STATUS_OK || status == STATUS_PEER);
        good += status == STATUS_OK;
        arena_release(&scratch);
    }
    assert_int_equal(good, 1); /* behind the first probe */
    buffer_release(&buffer);
    arena_release(&arena);
}

/* One change to a good plan, and what it is refused for. */
static void expect_refused(void (*spoil)(struct plan *plan))
{
    struct arena arena;
    struct plan plan, back;
    struct buffer buffer;
    arena_init(&arena, 0);
    make_plan(&arena, &plan);
    spoil(&plan);
    put(&buffer, &plan);
    assert_int_equal(get(&buffer, buffer.length, &arena, &back), STATUS_PEER);
    buffer_release(&buffer);
    arena_release(&arena);
}

static void spoil_depth(struct plan *plan)
{
    plan->depth = PLAN_MAX_DEPTH + 1;
}
static void spoil_items(struct plan *plan)
{
    plan->max_items = PLAN_MAX_ITEMS + 1;
}
static void spoil_string(struct plan *plan)
{
    plan->max_string = PLAN_MAX_STRING + 1;
}
static void spoil_bytes(struct plan *plan)
{
    plan->max_bytes = PLAN_MAX_BYTES + 1;
}
static void spoil_few_bytes(struct plan *plan)
{
    plan->max_bytes = 8;
}
static void spoil_ring(struct plan *plan)
{
    plan->ring_bytes = 1ull << 40;
}
static void spoil_methods(struct plan *plan)
{
    plan->max_methods = 0;
}
static void spoil_action(struct plan *plan)
{
    plan->probes[0].action = 9;
}
static void spoil_moment(struct plan *plan)
{
    plan->probes[0].moment = 4;
}
static void spoil_pattern(struct plan *plan)
{
    plan->probes[0].pattern = "";
}
static void spoil_root(struct plan *plan)
{
    plan->probes[0].values[0].root = 6;
}
static void spoil_steps(struct plan *plan)
{
    plan->probes[0].values[0].step_count = 0;
}
static void spoil_kind(struct plan *plan)
{
    plan->probes[0].nodes[0].kind = 10;
}
static void spoil_right(struct plan *plan)
{
    plan->probes[0].nodes[0].right = 1;
}
static void spoil_tree(struct plan *plan)
{
    plan->probes[0].node_count--;
}
static void spoil_constant(struct plan *plan)
{
    plan->probes[0].nodes[1].constant.kind = 99;
}
static void spoil_scale(struct plan *plan)
{
    plan->probes[0].nodes[1].constant.scale = 29;
}
static void spoil_probes(struct plan *plan)
{
    plan->probe_count = 0;
}

static void test_refused(void **state)
{
    (void)state;
    void (*const spoilers[])(struct plan * plan) = {
        spoil_depth,   spoil_items,  spoil_string, spoil_bytes,    spoil_few_bytes, spoil_ring,
        spoil_methods, spoil_action, spoil_moment, spoil_pattern,  spoil_root,      spoil_steps,
        spoil_kind,    spoil_right,  spoil_tree,   spoil_constant, spoil_scale,     spoil_probes};
    for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++)
        expect_refused(spoilers[i]);
}

static void test_too_many(void **state)
{
    (void)state;
    struct arena arena;
    struct plan plan, back;
    struct plan_probe probes[PLAN_MAX_PROBES + 1];
    struct buffer buffer;
    arena_init(&arena, 0);
    plan_init(&plan);
    for (size_t i = 0; i <= PLAN_MAX_PROBES; i++)
        probes[i] = (struct plan_probe){.action = PLAN_COUNT, .pattern = "A.B"};
    plan.probes = probes;
    plan.probe_count = PLAN_MAX_PROBES;
    put(&buffer, &plan);
    assert_int_equal(get(&buffer, buffer.length, &arena, &back), STATUS_OK);
    buffer_release(&buffer);
    plan.probe_count++;
    put(&buffer, &plan);
    assert_int_equal(get(&buffer, buffer.length, &arena, &back), STATUS_PEER);
    buffer_release(&buffer);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
