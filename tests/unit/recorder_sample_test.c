// uses: recorder wire clr base
// sanitize: address,undefined thread
/* The governor's side of the recorder: calls are recorded whole or not at all, counters stay exact,
 * and what a probe costs is measured without a trace. */
#include <pthread.h>

#include "recorder_fixture.h"
#include "recorder_kept.h"
#include "recorder_state.h"

static const struct capture_value scalar = {
    .slot = 0, .value = 0, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4};
static const struct capture_program one_scalar = {1, &scalar};
static const struct capture_value result_value = {
    .value = 0, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4, .result = 1};

/* What the reader saw of each site. */
struct seen {
    uint64_t by_kind[WIRE_RECORD_FIRST_AWAIT + 1];
    uint64_t weight; /* calls that the beginnings stand for */
    uint64_t open;   /* xor of the numbers of calls that have begun and not ended */
};

static struct seen seen[4];

static void see(void *context, const struct wire_record *record, const struct wire_chunk *chunk)
{
    struct seen *site = &seen[record->site];
    (void)context;
    (void)chunk;
    site->by_kind[record->kind]++;
    if (record->kind == WIRE_RECORD_ENTER || record->kind == WIRE_RECORD_RETURN ||
        record->kind == WIRE_RECORD_THROW) {
        site->open ^= record->call;
    }
    if (record->kind == WIRE_RECORD_ENTER || record->kind == WIRE_RECORD_EVENT ||
        record->kind == WIRE_RECORD_ITERATOR_START) {
        site->weight += 1ull << (record->flags >> WIRE_RECORD_SAMPLED_SHIFT);
    } else {
        assert_int_equal(record->flags >> WIRE_RECORD_SAMPLED_SHIFT, 0);
    }
}

static void open_bed(struct bed *bed)
{
    memset(seen, 0, sizeof seen);
    bed_open(bed, NULL, 8 << 20);
    bed->reader.record = see;
    bed->reader.file = bed->session->file; /* as thread sanitizer knows it */
}

static void close_bed(struct bed *bed)
{
    bed->reader.file = bed->reader.own;
    bed_close(bed);
}

static uint64_t add(struct bed *bed, enum recorder_site_kind kind, uint32_t number,
                    const struct capture_program *enter, const struct capture_condition *condition)
{
    const struct recorder_site_spec spec = {
        .kind = kind, .number = number, .enter = enter, .condition = condition};
    return add_site(bed->session, &spec);
}

static uint64_t counted(struct bed *bed, uint32_t number, uint32_t counter)
{
    struct recorder_figures figures[4];
    recorder_session_figures(bed->session, figures, 4);
    return figures[number].counters[counter];
}

static struct capture_node compare(bool at_exit, enum capture_compare how, int64_t constant)
{
    return (struct capture_node){.test = CAPTURE_LEAF,
                                 .compare = (uint8_t)how,
                                 .operand = CAPTURE_OPERAND_SIGNED,
                                 .at_exit = at_exit,
                                 .value = at_exit ? result_value : scalar,
                                 .integer = constant};
}

static void call_once(uint64_t handle, int64_t argument, int64_t result)
{
    uint64_t call = recorder_enter(handle, argument, 0, 0, 0, 0);
    recorder_return(handle, call, result, 0, 0, 0);
}

/* ---- which calls ---- */

static void one_of_eight(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_CALL, 1, &one_scalar, NULL);
    assert_true(recorder_site_is_fast(bed.session, handle));
    recorder_site_sample(bed.session, handle, 3);
    for (int64_t i = 0; i < 8000; i++) {
        call_once(handle, i, i);
        if (i % 1000 == 0) {
            reader_drain(&bed.reader);
        }
    }
    reader_drain(&bed.reader);
    assert_in_range(seen[1].by_kind[WIRE_RECORD_ENTER], 997, 1003);
    assert_int_equal(seen[1].by_kind[WIRE_RECORD_RETURN], seen[1].by_kind[WIRE_RECORD_ENTER]);
    assert_int_equal(seen[1].open, 0);
    assert_int_equal(seen[1].weight, 8 * seen[1].by_kind[WIRE_RECORD_ENTER]);
    assert_int_equal(counted(&bed, 1, WIRE_COUNTER_CALLS), seen[1].by_kind[WIRE_RECORD_ENTER]);
    assert_int_equal(counted(&bed, 1, WIRE_COUNTER_CALLS) + counted(&bed, 1, WIRE_COUNTER_SAMPLED),
                     8000);
    recorder_site_sample(bed.session, handle, 0); /* and all again, by the fast path */
    for (int64_t i = 0; i < 100; i++) {
        call_once(handle, i, i);
    }
    uint64_t before = seen[1].by_kind[WIRE_RECORD_ENTER];
    reader_drain(&bed.reader);
    assert_int_equal(seen[1].by_kind[WIRE_RECORD_ENTER], before + 100);
    close_bed(&bed);
}

/* Methods that are called in turns are all seen. */
static void turns_are_no_blind_spot(void **unused)
{
    struct bed bed;
    uint64_t handles[4];
    (void)unused;
    open_bed(&bed);
    for (uint32_t i = 0; i < 4; i++) {
        handles[i] = add(&bed, RECORDER_SITE_CALL, i, NULL, NULL);
        recorder_site_sample(bed.session, handles[i], 4);
    }
    for (uint32_t i = 0; i < 16000; i++) {
        call_once(handles[i % 4], 0, 0);
        if (i % 1000 == 0) {
            reader_drain(&bed.reader);
        }
    }
    reader_drain(&bed.reader);
    for (uint32_t i = 0; i < 4; i++) {
        assert_in_range(seen[i].by_kind[WIRE_RECORD_ENTER], 240, 260);
    }
    close_bed(&bed);
}

static void a_call_inside_stays_what_it_is(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_CALL, 0, &one_scalar, NULL);
    uint64_t call = recorder_enter(handle, 1, 0, 0, 0, 0);
    recorder_site_sample(bed.session, handle, WIRE_RECORD_SAMPLED_MOST);
    uint64_t left_out = recorder_enter(handle, 2, 0, 0, 0, 0);
    assert_int_equal(left_out, 0);
    recorder_site_sample(bed.session, handle, 0);
    recorder_return(handle, left_out, 0, 0, 0, 0);
    recorder_site_sample(bed.session, handle, 5);
    recorder_return(handle, call, 0, 0, 0, 0);
    reader_drain(&bed.reader);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ENTER], 1);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_RETURN], 1);
    assert_int_equal(seen[0].open, 0);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_SAMPLED), 1);
    close_bed(&bed);
}

static void filters_stay_exact(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    const struct capture_node entry = compare(false, CAPTURE_LT, 250);
    const struct capture_node exit = compare(true, CAPTURE_LT, 250);
    const struct capture_condition conditions[] = {{1, 0, &entry}, {1, 1, &exit}};
    const enum recorder_site_kind kinds[] = {RECORDER_SITE_CALL, RECORDER_SITE_CALL,
                                             RECORDER_SITE_ON_ENTER, RECORDER_SITE_ON_RETURN};
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t handle = add(&bed, kinds[i], i, &one_scalar, &conditions[i % 2]);
        recorder_site_sample(bed.session, handle, 2);
        for (int64_t turn = 0; turn < 1000; turn++) {
            call_once(handle, turn, turn);
        }
        reader_drain(&bed.reader);
        assert_int_equal(counted(&bed, i, WIRE_COUNTER_FILTERED), 750);
        assert_int_equal(counted(&bed, i, WIRE_COUNTER_LOST), 0);
        assert_in_range(counted(&bed, i, WIRE_COUNTER_CALLS), 40, 90);
        assert_int_equal(
            counted(&bed, i, WIRE_COUNTER_CALLS) + counted(&bed, i, WIRE_COUNTER_SAMPLED), 250);
        assert_int_equal(seen[i].weight, 4 * counted(&bed, i, WIRE_COUNTER_CALLS));
        assert_int_equal(seen[i].open, 0);
    }
    close_bed(&bed);
}

static void a_moment_stays_exact(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_ON_THROW, 0, &one_scalar, NULL);
    recorder_site_sample(bed.session, handle, 3);
    for (int64_t turn = 0; turn < 800; turn++) {
        uint64_t call = recorder_enter(handle, turn, 0, 0, 0, 0);
        if (turn % 2 == 0) {
            recorder_throw(handle, call, 0, 0, 0, 0);
        } else {
            recorder_return(handle, call, 0, 0, 0, 0);
        }
    }
    reader_drain(&bed.reader);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_FILTERED), 400);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_CALLS) + counted(&bed, 0, WIRE_COUNTER_SAMPLED),
                     400);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_EVENT], counted(&bed, 0, WIRE_COUNTER_CALLS));
    assert_in_range(seen[0].by_kind[WIRE_RECORD_EVENT], 30, 70);
    close_bed(&bed);
}

/* ---- calls that go on beyond their method ---- */

static void async_calls_are_whole(void **unused)
{
    struct bed bed;
    uint64_t taken[400];
    uint64_t kept = 0;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_ASYNC, 0, &one_scalar, NULL);
    uint64_t early = recorder_enter(handle, 0, 0, 0, 0, 0); /* before anything is sampled */
    assert_true(early == recorder_async_first(handle));
    recorder_suspended(handle, early, 5000);
    recorder_site_sample(bed.session, handle, 2);
    for (uint32_t i = 0; i < 400; i++) {
        taken[i] = recorder_enter(handle, i, 0, 0, 0, 0);
        assert_true(recorder_async_first(handle) == taken[i]);
        assert_int_equal(recorder_suspended_key_wanted(handle, taken[i]), taken[i] != 0);
        if (taken[i] != 0) {
            recorder_suspended(handle, taken[i], 1 + i);
            kept++;
        }
    }
    for (uint32_t i = 0; i < 400; i++) {
        recorder_async_return(handle, 0, 1 + i, 0, 0);
    }
    recorder_async_return(handle, 0, 5000, 0, 0);
    /* Within the first segment: by number, or not at all. */
    recorder_site_sample(bed.session, handle, WIRE_RECORD_SAMPLED_MOST);
    assert_int_equal(recorder_enter(handle, 0, 0, 0, 0, 0), 0);
    recorder_async_return(handle, recorder_async_first(handle), 0, 0, 0);
    reader_drain(&bed.reader);
    assert_in_range(kept, 95, 105);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ENTER], kept + 1);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_SUSPENDED], kept + 1);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ASYNC_RETURN], kept + 1);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_RETURN], 0);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_CALLS) + counted(&bed, 0, WIRE_COUNTER_SAMPLED),
                     402);
    close_bed(&bed);
}

/* The task completes before the method has said its key: where that could be one that was left out,
 * the call counts as lost. */
static void an_early_completion_is_said(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_ASYNC, 0, &one_scalar, NULL);
    uint64_t first = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_async_return(handle, 0, 7, 0, 0); /* nothing is left out yet: it is recorded */
    recorder_suspended(handle, first, 7);
    uint64_t second = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_site_sample(bed.session, handle, 1);
    recorder_async_return(handle, 0, 8, 0, 0);
    recorder_suspended(handle, second, 8);
    reader_drain(&bed.reader);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ASYNC_RETURN], 1);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_LOST), 1);
    close_bed(&bed);
}

static void enumerations_are_whole(void **unused)
{
    struct bed bed;
    (void)unused;
    open_bed(&bed);
    uint64_t handle = add(&bed, RECORDER_SITE_ITERATOR, 0, &one_scalar, NULL);
    recorder_iterator_start(handle, 9999, 0, 0, 0, 0);
    recorder_site_sample(bed.session, handle, 3);
    for (int64_t key = 1; key <= 800; key++) {
        recorder_iterator_start(handle, key, key, 0, 0, 0);
        recorder_iterator_next(handle, key, 1);
        recorder_iterator_next(handle, key, 1);
        recorder_iterator_next(handle, key, 0);
        recorder_iterator_next(handle, key, 0); /* Dispose */
    }
    recorder_iterator_next(handle, 9999, 1);
    recorder_iterator_next(handle, 9999, 0);
    reader_drain(&bed.reader);
    uint64_t starts = seen[0].by_kind[WIRE_RECORD_ITERATOR_START];
    assert_in_range(starts, 97, 105);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ITERATOR_ITEM], 2 * starts - 1);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_ITERATOR_END], starts);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_CALLS) + counted(&bed, 0, WIRE_COUNTER_SAMPLED),
                     801);
    close_bed(&bed);
}

static void keys_are_kept_once(void **unused)
{
    struct recorder_kept *kept = kept_new();
    (void)unused;
    assert_non_null(kept);
    kept_put(kept, 0, 5);
    kept_put(kept, 0, 5);
    assert_true(kept_has(kept, 0, 5));
    assert_false(kept_has(kept, 1, 5));
    assert_true(kept_take(kept, 0, 5));
    assert_false(kept_take(kept, 0, 5));
    kept_note(kept, 2, 6);
    assert_false(kept_noted(kept, 1, 6));
    assert_true(kept_noted(kept, 2, 6));
    assert_false(kept_noted(kept, 2, 6));
    assert_false(kept_is_blurred(kept));
    for (int64_t key = 1; key <= 2 * (int64_t)KEPT_PLACES; key++) {
        kept_put(kept, 0, key);
    }
    assert_true(kept_is_blurred(kept));
    kept_free(kept);
    assert_true(kept_is_blurred(NULL));
    assert_false(kept_take(NULL, 0, 1));
}

/* ---- threads ---- */

static _Atomic uint64_t handles[2];
static _Atomic uint64_t calls_made;
static atomic_bool stop;

/* One calls the other, so that ends are not where beginnings were. */
static void *hammer(void *unused)
{
    uint64_t made = 0;
    while (!atomic_load(&stop)) {
        uint64_t outer = recorder_enter(atomic_load(&handles[0]), 1, 0, 0, 0, 0);
        call_once(atomic_load(&handles[1]), 2, 3);
        call_once(atomic_load(&handles[1]), 2, 300);
        recorder_return(atomic_load(&handles[0]), outer, 0, 0, 0, 0);
        made++;
    }
    atomic_fetch_add(&calls_made, made);
    return unused;
}

static void whole_on_many_threads(void **unused)
{
    enum { THREADS = 10 }; /* more than have counters of their own */
    struct bed bed;
    pthread_t threads[THREADS];
    (void)unused;
    open_bed(&bed);
    const struct capture_node exit = compare(true, CAPTURE_LT, 250);
    const struct capture_condition condition = {1, 1, &exit};
    atomic_store(&handles[0], add(&bed, RECORDER_SITE_CALL, 0, &one_scalar, NULL));
    atomic_store(&handles[1], add(&bed, RECORDER_SITE_CALL, 1, &one_scalar, &condition));
    atomic_store(&stop, false);
    atomic_store(&calls_made, 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    }
    for (uint32_t turn = 0; turn < 300; turn++) {
        recorder_site_sample(bed.session, handles[0], turn * 7 % 11);
        recorder_site_sample(bed.session, handles[1], turn * 5 % 7);
        reader_drain(&bed.reader);
        usleep(300);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    reader_drain(&bed.reader);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t lost = counted(&bed, i, WIRE_COUNTER_LOST);
        uint64_t ends = seen[i].by_kind[WIRE_RECORD_RETURN];
        assert_int_equal(counted(&bed, i, WIRE_COUNTER_CALLS), seen[i].by_kind[WIRE_RECORD_ENTER]);
        assert_true(seen[i].by_kind[WIRE_RECORD_ENTER] >= ends);
        assert_true(lost != 0 || seen[i].open == 0);
        assert_int_equal(ends + lost + counted(&bed, i, WIRE_COUNTER_SAMPLED),
                         (i + 1) * atomic_load(&calls_made) -
                             counted(&bed, i, WIRE_COUNTER_FILTERED));
        assert_true(counted(&bed, i, WIRE_COUNTER_SAMPLED) != 0);
    }
    assert_int_equal(counted(&bed, 1, WIRE_COUNTER_FILTERED), atomic_load(&calls_made));
    close_bed(&bed);
}

/* ---- what it costs ---- */

static void calibration_leaves_nothing(void **unused)
{
    struct bed bed;
    struct recorder_costs costs;
    (void)unused;
    open_bed(&bed);
    uint64_t chunks = bed.session->file->free_chunks[0];
    recorder_session_calibrate(bed.session, &costs);
    assert_true(costs.count > 0);
    assert_true(costs.left_out > 0);
    assert_true(costs.call > costs.left_out); /* two clock reads more */
    assert_int_equal(bed.session->file->free_chunks[0], chunks);
    reader_drain(&bed.reader);
    for (uint32_t kind = 0; kind <= WIRE_RECORD_FIRST_AWAIT; kind++) {
        assert_int_equal(seen[0].by_kind[kind], 0);
    }
    for (uint32_t counter = 0; counter <= WIRE_COUNTER_SAMPLED; counter++) {
        assert_int_equal(counted(&bed, 0, counter), 0);
    }
    uint64_t handle = add(&bed, RECORDER_SITE_CALL, 0, &one_scalar, NULL);
    call_once(handle, 1, 2);
    reader_drain(&bed.reader);
    assert_int_equal(seen[0].by_kind[WIRE_RECORD_RETURN], 1);
    assert_int_equal(counted(&bed, 0, WIRE_COUNTER_CALLS), 1);
    close_bed(&bed);
}

static void *calibrate(void *session)
{
    struct recorder_costs costs;
    recorder_session_calibrate(session, &costs);
    assert_null(recorder_current); /* the worker has no slot of its own for good */
    return NULL;
}

static void calibration_gives_its_slot_back(void **unused)
{
    struct bed bed;
    pthread_t thread;
    (void)unused;
    open_bed(&bed);
    size_t before = 0;
    for (int turn = 0; turn < 5; turn++) {
        assert_int_equal(pthread_create(&thread, NULL, calibrate, bed.session), 0);
        pthread_join(thread, NULL);
        if (turn == 0) {
            before = recorder_memory();
        }
    }
    assert_in_range(recorder_memory(), before, before + 4096); /* sites, but no slot */
    close_bed(&bed);
}

static void large_captures_are_timed(void **unused)
{
    static const struct capture_value value = {.slot = 0,
                                               .value = 0,
                                               .pass = CAPTURE_REFERENCE,
                                               .element = ELEMENT_TYPE_STRING,
                                               .show = 1};
    static const struct capture_program program = {1, &value};
    struct bed bed;
    uint64_t spent[2];
    (void)unused;
    open_bed(&bed);
    uint64_t *text = make_string("a text that is copied");
    uint64_t handle = add(&bed, RECORDER_SITE_CALL, 0, &program, NULL);
    assert_false(recorder_site_is_fast(bed.session, handle));
    for (uint32_t i = 0; i < 10 * RECORDER_TIMED; i++) {
        call_once(handle, (int64_t)address_of(text), 0);
    }
    recorder_site_spent(bed.session, handle, spent);
    assert_true(spent[0] > 0);
    recorder_site_spent(bed.session, handle + 1, spent); /* void */
    assert_int_equal(spent[0] + spent[1], 0);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_eight),
        cmocka_unit_test(turns_are_no_blind_spot),
        cmocka_unit_test(a_call_inside_stays_what_it_is),
        cmocka_unit_test(filters_stay_exact),
        cmocka_unit_test(a_moment_stays_exact),
        cmocka_unit_test(async_calls_are_whole),
        cmocka_unit_test(an_early_completion_is_said),
        cmocka_unit_test(enumerations_are_whole),
        cmocka_unit_test(keys_are_kept_once),
        cmocka_unit_test(whole_on_many_threads),
        cmocka_unit_test(calibration_leaves_nothing),
        cmocka_unit_test(calibration_gives_its_slot_back),
        cmocka_unit_test(large_captures_are_timed),
    };
    string_type = make_type(6, 2);
    string_type->flags = 0x80000002u;
    struct error error;
    assert_int_equal(recorder_init(&error), STATUS_OK);
    assert_non_null(publish_string());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
