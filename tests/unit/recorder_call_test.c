// uses: recorder wire clr base
// sanitize: address,undefined
/* Calls become records: the fast path, staged values, moments, conditions, async, iterators. */
#include "recorder_fixture.h"

static const struct capture_value scalar0 = {
    .slot = 0, .value = 0, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4};
static const struct capture_program one_scalar = {1, &scalar0};

static uint64_t site(struct bed *bed, enum recorder_site_kind kind, uint32_t number,
                     const struct capture_program *enter, const struct capture_program *exit,
                     const struct capture_condition *condition)
{
    struct recorder_site_spec spec = {
        .kind = kind, .number = number, .enter = enter, .exit = exit, .condition = condition};
    return add_site(bed->session, &spec);
}

static uint64_t counter(struct bed *bed, uint32_t number, enum wire_counter which)
{
    return reader_counter(&bed->reader, number, which);
}

static void a_call_is_two_records(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 7, &one_scalar, &one_scalar, NULL);
    uint64_t previous = 0;
    for (int turn = 0; turn < 3; turn++) { /* the first opens a chunk, the others are fast */
        uint64_t call = recorder_enter(handle, -5 - turn, 99, 0, 0, 0);
        assert_true(call > previous);
        recorder_return(handle, call, 1000 + turn, 0, 0, 0);
        bed_drain(&bed);
        assert_int_equal(bed.count, 2);
        assert_int_equal(record_at(&bed, 0)->kind, WIRE_RECORD_ENTER);
        assert_int_equal(record_at(&bed, 0)->size, 6);
        assert_int_equal(record_at(&bed, 0)->flags, 0);
        assert_int_equal(record_at(&bed, 0)->site, 7);
        assert_true(record_at(&bed, 0)->call == call);
        assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_RETURN);
        assert_true(record_at(&bed, 1)->call == call);
        assert_true(record_at(&bed, 1)->time >= record_at(&bed, 0)->time);
        const struct wire_value *value = value_at(record_at(&bed, 0), 0);
        assert_int_equal(value->kind, WIRE_VALUE_SCALAR);
        assert_int_equal(value->element, ELEMENT_TYPE_I4);
        assert_int_equal(value->slot, 0);
        assert_int_equal(value->flags, 0);
        assert_int_equal((int64_t)bits_of(value), -5 - turn);
        assert_int_equal(bits_of(value_at(record_at(&bed, 1), 0)), 1000 + turn);
        previous = call;
    }
    recorder_return(handle, 0, 0, 0, 0, 0); /* a call that was not recorded */
    bed_drain(&bed);
    assert_int_equal(bed.count, 0);
    bed_close(&bed);
}

static void every_count_of_scalars(void **unused)
{
    struct bed bed;
    struct capture_value values[RECORDER_ENTER_VALUES];
    struct capture_program programs[RECORDER_ENTER_VALUES + 1];
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    for (uint16_t i = 0; i < RECORDER_ENTER_VALUES; i++) {
        values[i] = (struct capture_value){.slot = (uint16_t)(100 + i),
                                           .value = i,
                                           .pass = i == 2 ? CAPTURE_DOUBLE : CAPTURE_SCALAR,
                                           .element = (uint8_t)(ELEMENT_TYPE_I1 + i)};
    }
    for (uint32_t count = 0; count <= RECORDER_ENTER_VALUES; count++) {
        programs[count] = (struct capture_program){count, values};
        const struct capture_program *exit = count <= 4 ? &programs[count] : NULL;
        uint64_t handle = site(&bed, RECORDER_SITE_CALL, count, &programs[count], exit, NULL);
        for (int turn = 0; turn < 2; turn++) {
            uint64_t call = recorder_enter(handle, 10, 11, 12, 13, 14);
            recorder_return(handle, call, 20, 21, 22, 23);
            bed_drain(&bed);
            assert_int_equal(bed.count, 2);
            assert_int_equal(value_count(record_at(&bed, 0)), count);
            assert_int_equal(value_count(record_at(&bed, 1)), exit == NULL ? 0 : count);
            for (uint32_t i = 0; i < count; i++) {
                const struct wire_value *value = value_at(record_at(&bed, 0), i);
                assert_int_equal(bits_of(value), 10 + i);
                assert_int_equal(value->slot, 100 + i);
                assert_int_equal(value->element, ELEMENT_TYPE_I1 + i);
                if (exit != NULL) {
                    assert_int_equal(bits_of(value_at(record_at(&bed, 1), i)), 20 + i);
                }
            }
        }
    }
    bed_close(&bed);
}

static void staged_values_come_behind_the_own(void **unused)
{
    struct bed bed;
    struct capture_value values[12];
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    for (uint16_t i = 0; i < 12; i++) {
        values[i] = (struct capture_value){
            .slot = i, .value = i, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I8};
    }
    const struct capture_program program = {12, values};
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 0, &program, &program, NULL);
    recorder_stage(5, 105, 106, 107, 108, 109);
    recorder_stage(10, 110, 111, 0, 0, 0);
    recorder_stage(94, 1, 2, 3, 4, 5); /* the last two places, and beyond them nothing */
    uint64_t call = recorder_enter(handle, 100, 101, 102, 103, 104);
    recorder_stage(3, 203, 204, 205, 206, 207);
    recorder_stage(8, 208, 209, 210, 211, 0);
    recorder_throw(handle, call, 0, 200, 201, 202);
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(bits_of(value_at(record_at(&bed, 0), i)), 100 + i);
        assert_int_equal(bits_of(value_at(record_at(&bed, 1), i)), 200 + i);
    }
    assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_THROW);
    assert_int_equal(value_at(record_at(&bed, 1), 12)->slot, WIRE_SLOT_EXCEPTION);
    assert_int_equal(value_at(record_at(&bed, 1), 12)->kind, WIRE_VALUE_NULL);
    bed_close(&bed);
}

static void on_enter_is_one_event(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_ON_ENTER, 3, &one_scalar, NULL, NULL);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(recorder_enter(handle, turn, 0, 0, 0, 0), 0);
    }
    bed_drain(&bed);
    assert_int_equal(bed.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(record_at(&bed, i)->kind, WIRE_RECORD_EVENT);
        assert_true(record_at(&bed, i)->call != 0);
        assert_int_equal(bits_of(value_at(record_at(&bed, i), 0)), i);
    }
    bed_close(&bed);
}

static void counts_are_exact_and_per_site(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t first = site(&bed, RECORDER_SITE_COUNT, 0, NULL, NULL, NULL);
    uint64_t last = site(&bed, RECORDER_SITE_COUNT, 99, NULL, NULL, NULL);
    for (int i = 0; i < 1000; i++) {
        recorder_count(first);
        if (i % 10 == 0) {
            recorder_count(last);
        }
    }
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_CALLS), 1000);
    assert_int_equal(counter(&bed, 99, WIRE_COUNTER_CALLS), 100);
    assert_int_equal(counter(&bed, 1, WIRE_COUNTER_CALLS), 0);
    recorder_site_retire(bed.session, first);
    recorder_count(first);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_CALLS), 1000);
    bed_close(&bed);
}

/* ---- conditions and moments ---- */

static struct capture_node leaf(uint32_t number, enum capture_compare compare, int64_t constant)
{
    return (struct capture_node){.test = CAPTURE_LEAF,
                                 .compare = (uint8_t)compare,
                                 .operand = CAPTURE_OPERAND_SIGNED,
                                 .leaf = number,
                                 .value = scalar0,
                                 .integer = constant};
}

static struct capture_node exit_leaf(uint32_t number, enum capture_compare compare,
                                     int64_t constant)
{
    struct capture_node node = leaf(number, compare, constant);
    node.at_exit = 1;
    node.value.result = 1;
    return node;
}

static void a_condition_at_entry_filters(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    const struct capture_node node = leaf(0, CAPTURE_GT, 100);
    const struct capture_condition condition = {1, 0, &node};
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 0, &one_scalar, NULL, &condition);
    assert_int_equal(recorder_enter(handle, 100, 0, 0, 0, 0), 0);
    assert_int_equal(recorder_enter(handle, -1, 0, 0, 0, 0), 0);
    uint64_t call = recorder_enter(handle, 101, 0, 0, 0, 0);
    assert_true(call != 0);
    recorder_return(handle, call, 0, 0, 0, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_FILTERED), 2);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_LOST), 0);
    bed_close(&bed);
}

static void a_condition_at_exit_holds_the_entry_back(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    /* argument > 10 && result == 7 */
    const struct capture_node nodes[] = {
        {.test = CAPTURE_AND, .right = 2}, leaf(0, CAPTURE_GT, 10), exit_leaf(1, CAPTURE_EQ, 7)};
    const struct capture_condition condition = {3, 1, nodes};
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 4, &one_scalar, &one_scalar, &condition);
    assert_int_equal(recorder_enter(handle, 10, 0, 0, 0, 0), 0); /* settled at entry */
    uint64_t outer = recorder_enter(handle, 11, 0, 0, 0, 0);
    uint64_t inner = recorder_enter(handle, 12, 0, 0, 0, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 0);
    recorder_return(handle, inner, 8, 0, 0, 0); /* rejected */
    recorder_return(handle, outer, 7, 0, 0, 0);
    uint64_t thrown = recorder_enter(handle, 13, 0, 0, 0, 0);
    recorder_throw(handle, thrown, 0, 7, 0, 0); /* no result: rejected */
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    assert_int_equal(record_at(&bed, 0)->kind, WIRE_RECORD_ENTER);
    assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_RETURN);
    assert_true(record_at(&bed, 0)->call == outer && record_at(&bed, 1)->call == outer);
    assert_true(record_at(&bed, 0)->time < record_at(&bed, 1)->time);
    assert_int_equal(bits_of(value_at(record_at(&bed, 0), 0)), 11);
    assert_int_equal(bits_of(value_at(record_at(&bed, 1), 0)), 7);
    assert_int_equal(counter(&bed, 4, WIRE_COUNTER_FILTERED), 3);
    assert_int_equal(counter(&bed, 4, WIRE_COUNTER_LOST), 0);
    bed_close(&bed);
}

static void entries_of_frames_that_are_gone_are_lost(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    const struct capture_node node = exit_leaf(0, CAPTURE_EQ, 7);
    const struct capture_condition condition = {1, 1, &node};
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 0, &one_scalar, NULL, &condition);
    uint64_t outer = recorder_enter(handle, 1, 0, 0, 0, 0);
    uint64_t gone = recorder_enter(handle, 2, 0, 0, 0, 0);
    recorder_enter(handle, 3, 0, 0, 0, 0);
    recorder_return(handle, outer, 7, 0, 0, 0);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_LOST), 2);
    recorder_return(handle, gone, 7, 0, 0, 0); /* its entry is not there any more */
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_LOST), 3);
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    assert_true(record_at(&bed, 0)->call == outer);
    bed_close(&bed);
}

static void elapsed_is_compared_in_ticks(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    const struct capture_node node = {.test = CAPTURE_LEAF,
                                      .compare = CAPTURE_GE,
                                      .operand = CAPTURE_OPERAND_ELAPSED,
                                      .at_exit = 1,
                                      .ticks = 50000000};
    const struct capture_condition condition = {1, 1, &node};
    uint64_t handle = site(&bed, RECORDER_SITE_CALL, 0, NULL, NULL, &condition);
    uint64_t fast = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_return(handle, fast, 0, 0, 0, 0);
    uint64_t slow = recorder_enter(handle, 0, 0, 0, 0, 0);
    usleep(120000);
    recorder_return(handle, slow, 0, 0, 0, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    assert_true(record_at(&bed, 1)->call == slow);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_FILTERED), 1);
    bed_close(&bed);
}

static void the_held_stack_has_an_end(void **unused)
{
    struct bed bed;
    enum { DEEP = 2000 };
    static uint64_t calls[DEEP];
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_ON_RETURN, 0, &one_scalar, NULL, NULL);
    uint32_t held = 0;
    for (uint32_t i = 0; i < DEEP; i++) {
        calls[i] = recorder_enter(handle, i, 0, 0, 0, 0);
        held += calls[i] != 0;
    }
    assert_in_range(held, 300, DEEP - 1);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_LOST), DEEP - held);
    for (uint32_t i = DEEP; i > 0; i--) {
        recorder_return(handle, calls[i - 1], 0, 0, 0, 0);
    }
    bed_drain(&bed);
    assert_int_equal(bed.reader.records, held);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_LOST), DEEP - held);
    bed_close(&bed);
}

static void held_entries_of_ended_sessions_make_room(void **unused)
{
    struct bed first;
    struct bed second;
    (void)unused;
    bed_open(&first, NULL, 1 << 20);
    uint64_t old = site(&first, RECORDER_SITE_ON_RETURN, 0, &one_scalar, NULL, NULL);
    while (recorder_enter(old, 1, 0, 0, 0, 0) != 0) {
    }
    bed_close(&first);
    bed_open(&second, NULL, 1 << 20);
    uint64_t handle = site(&second, RECORDER_SITE_ON_RETURN, 0, &one_scalar, NULL, NULL);
    uint64_t call = recorder_enter(handle, 5, 0, 0, 0, 0);
    assert_true(call != 0);
    recorder_return(handle, call, 0, 0, 0, 0);
    bed_drain(&second);
    assert_int_equal(second.count, 1);
    assert_int_equal(bits_of(value_at(second.records[0], 0)), 5);
    bed_close(&second);
}

static void on_return_and_on_throw(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    struct capture_value after = scalar0;
    after.slot = 1;
    const struct capture_program exit = {1, &after};
    uint64_t returns = site(&bed, RECORDER_SITE_ON_RETURN, 0, &one_scalar, &exit, NULL);
    uint64_t throws = site(&bed, RECORDER_SITE_ON_THROW, 1, &one_scalar, &exit, NULL);
    for (int i = 0; i < 2; i++) {
        uint64_t handle = i == 0 ? returns : throws;
        uint64_t call = recorder_enter(handle, 1, 0, 0, 0, 0);
        recorder_return(handle, call, 2, 0, 0, 0);
        call = recorder_enter(handle, 3, 0, 0, 0, 0);
        recorder_throw(handle, call, 0, 4, 0, 0);
    }
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct wire_record *record = record_at(&bed, i);
        assert_int_equal(record->kind, WIRE_RECORD_EVENT);
        assert_int_equal(record->site, i);
        assert_int_equal(bits_of(value_in_slot(record, 0)), i == 0 ? 1 : 3);
        assert_int_equal(bits_of(value_in_slot(record, 1)), i == 0 ? 2 : 4);
        assert_in_range(bits_of(value_in_slot(record, WIRE_SLOT_ELAPSED)), 1, 1000000000);
        assert_true((value_in_slot(record, WIRE_SLOT_EXCEPTION) != NULL) == (i == 1));
        assert_int_equal(counter(&bed, i, WIRE_COUNTER_FILTERED), 1);
    }
    bed_close(&bed);
}

/* ---- async and iterators ---- */

static void async_that_completes_at_once(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_ASYNC, 0, &one_scalar, &one_scalar, NULL);
    uint64_t outer = recorder_enter(handle, 1, 0, 0, 0, 0);
    assert_true(recorder_async_first(handle) == outer);
    assert_int_equal(recorder_async_first(handle), 0); /* once */
    uint64_t inner = recorder_enter(handle, 2, 0, 0, 0, 0);
    assert_int_equal(recorder_async_first(handle + 1), 0);
    assert_true(recorder_async_first(handle) == inner);
    recorder_async_return(handle, inner, 0, 20, 0);
    assert_int_equal(recorder_suspended_key_wanted(handle, inner), 0);
    recorder_async_return(handle, outer, 0, 10, 0);
    assert_int_equal(recorder_suspended_key_wanted(handle, outer), 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 4);
    assert_int_equal(record_at(&bed, 2)->kind, WIRE_RECORD_RETURN);
    assert_true(record_at(&bed, 2)->call == inner);
    assert_int_equal(bits_of(value_at(record_at(&bed, 2), 0)), 20);
    assert_true(record_at(&bed, 3)->call == outer);
    bed_close(&bed);
}

static void async_that_suspends(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_ASYNC, 0, NULL, &one_scalar, NULL);
    uint64_t call = recorder_enter(handle, 1, 0, 0, 0, 0);
    assert_true(recorder_async_first(handle) == call);
    assert_int_equal(recorder_suspended_key_wanted(handle, call), 1);
    recorder_suspended(handle, call, 4711);
    recorder_async_return(handle, 0, 4711, 55, 0);
    recorder_async_throw(handle, 0, 4712, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 4);
    assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_SUSPENDED);
    assert_true(record_at(&bed, 1)->call == call);
    assert_int_equal(value_in_slot(record_at(&bed, 1), WIRE_SLOT_KEY)->kind, WIRE_VALUE_KEY);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 1), WIRE_SLOT_KEY)), 4711);
    assert_int_equal(record_at(&bed, 2)->kind, WIRE_RECORD_ASYNC_RETURN);
    assert_true(record_at(&bed, 2)->call == 0);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 2), WIRE_SLOT_KEY)), 4711);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 2), 0)), 55);
    assert_int_equal(record_at(&bed, 3)->kind, WIRE_RECORD_ASYNC_THROW);
    assert_int_equal(value_in_slot(record_at(&bed, 3), WIRE_SLOT_EXCEPTION)->kind, WIRE_VALUE_NULL);
    /* A call that the condition rejected is not started by anybody. */
    assert_int_equal(recorder_suspended_key_wanted(handle, 0), 0);
    recorder_suspended(handle, 0, 1);
    bed_drain(&bed);
    assert_int_equal(bed.count, 0);
    bed_close(&bed);
}

static void async_conditions_travel_as_tests(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    /* (argument > 10 || result == 7) && result != 9 */
    const struct capture_node nodes[] = {{.test = CAPTURE_AND, .right = 4},
                                         {.test = CAPTURE_OR, .right = 3},
                                         leaf(0, CAPTURE_GT, 10),
                                         exit_leaf(1, CAPTURE_EQ, 7),
                                         exit_leaf(2, CAPTURE_NE, 9)};
    const struct capture_condition condition = {5, 1, nodes};
    uint64_t handle = site(&bed, RECORDER_SITE_ASYNC, 0, NULL, NULL, &condition);
    uint64_t call = recorder_enter(handle, 11, 0, 0, 0, 0);
    assert_true(call != 0);
    recorder_suspended(handle, call, 1);
    recorder_async_return(handle, 0, 1, 7, 0);
    call = recorder_enter(handle, 1, 0, 0, 0, 0);
    assert_true(call != 0);
    recorder_suspended(handle, call, 2);
    recorder_async_return(handle, 0, 2, 9, 0);
    recorder_async_return(handle, 0, 3, 9, 0); /* of a call that was rejected when it began */
    bed_drain(&bed);
    assert_int_equal(bed.count, 6);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 0), WIRE_SLOT_TESTS)), 1);
    assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_SUSPENDED);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 2), WIRE_SLOT_TESTS)), 6);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 3), WIRE_SLOT_TESTS)), 0);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 5), WIRE_SLOT_TESTS)), 0);
    assert_int_equal(counter(&bed, 0, WIRE_COUNTER_FILTERED), 0);
    bed_close(&bed);
}

static void an_async_call_that_is_filtered_is_not_started(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    const struct capture_node node = leaf(0, CAPTURE_GT, 10);
    const struct capture_condition condition = {1, 0, &node};
    uint64_t handle = site(&bed, RECORDER_SITE_ASYNC, 0, NULL, NULL, &condition);
    assert_true(recorder_enter(handle, 11, 0, 0, 0, 0) != 0); /* its MoveNext is not woven yet */
    assert_int_equal(recorder_enter(handle, 1, 0, 0, 0, 0), 0);
    assert_int_equal(recorder_async_first(handle), 0);
    bed_close(&bed);
}

static void the_first_await_ends_what_cannot_be_followed(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = site(&bed, RECORDER_SITE_ASYNC_FIRST, 0, NULL, NULL, NULL);
    for (int turn = 0; turn < 2; turn++) {
        uint64_t call = recorder_enter(handle, 0, 0, 0, 0, 0);
        recorder_return(handle, call, 0, 0, 0, 0);
    }
    bed_drain(&bed);
    assert_int_equal(bed.count, 4);
    assert_int_equal(record_at(&bed, 1)->kind, WIRE_RECORD_FIRST_AWAIT);
    assert_int_equal(record_at(&bed, 3)->kind, WIRE_RECORD_FIRST_AWAIT);
    bed_close(&bed);
}

static void iterators_go_by_their_key(void **unused)
{
    struct bed bed;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    const struct capture_node node = leaf(0, CAPTURE_GT, 0);
    const struct capture_condition condition = {1, 0, &node};
    uint64_t handle = site(&bed, RECORDER_SITE_ITERATOR, 2, &one_scalar, NULL, &condition);
    recorder_iterator_start(handle, 77, 0, 0, 0, 0); /* rejected */
    recorder_iterator_start(handle, 78, 9, 0, 0, 0);
    recorder_iterator_next(handle, 78, 1);
    recorder_iterator_next(handle, 78, 0);
    recorder_iterator_next(handle, 78, 0); /* again, from Dispose */
    recorder_iterator_next(handle, 77, 1);
    recorder_iterator_start(handle, 79, 9, 0, 0, 0);
    recorder_iterator_throw(handle, 79, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 5);
    assert_int_equal(counter(&bed, 2, WIRE_COUNTER_FILTERED), 1);
    const uint8_t kinds[] = {WIRE_RECORD_ITERATOR_START, WIRE_RECORD_ITERATOR_ITEM,
                             WIRE_RECORD_ITERATOR_END, WIRE_RECORD_ITERATOR_START,
                             WIRE_RECORD_ITERATOR_THROW};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(record_at(&bed, i)->kind, kinds[i]);
        assert_int_equal(record_at(&bed, i)->call, i < 3 ? 78 : 79);
    }
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 0), 0)), 9);
    assert_int_equal(bits_of(value_in_slot(record_at(&bed, 0), WIRE_SLOT_KEY)), 78);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_two_records),
        cmocka_unit_test(every_count_of_scalars),
        cmocka_unit_test(staged_values_come_behind_the_own),
        cmocka_unit_test(on_enter_is_one_event),
        cmocka_unit_test(counts_are_exact_and_per_site),
        cmocka_unit_test(a_condition_at_entry_filters),
        cmocka_unit_test(a_condition_at_exit_holds_the_entry_back),
        cmocka_unit_test(entries_of_frames_that_are_gone_are_lost),
        cmocka_unit_test(elapsed_is_compared_in_ticks),
        cmocka_unit_test(the_held_stack_has_an_end),
        cmocka_unit_test(held_entries_of_ended_sessions_make_room),
        cmocka_unit_test(on_return_and_on_throw),
        cmocka_unit_test(async_that_completes_at_once),
        cmocka_unit_test(async_that_suspends),
        cmocka_unit_test(async_conditions_travel_as_tests),
        cmocka_unit_test(an_async_call_that_is_filtered_is_not_started),
        cmocka_unit_test(the_first_await_ends_what_cannot_be_followed),
        cmocka_unit_test(iterators_go_by_their_key),
    };
    string_type = make_type(6, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
