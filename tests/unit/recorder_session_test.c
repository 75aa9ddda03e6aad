// uses: recorder wire clr base
// sanitize: address,undefined
/* Sessions, their memory file, sites, layouts and slots, from one thread. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "base_clock.h"
#include "recorder_fixture.h"
#include "recorder_state.h"

static const struct capture_limits limits = {
    .depth = 1, .max_items = 10, .max_string = 256, .max_bytes = 8192};

static struct recorder_session *open_session(uint64_t ring_bytes, uint32_t sites, int *fd)
{
    struct recorder_session *session;
    struct error error;
    assert_int_equal(recorder_session_new(ring_bytes, sites, &limits, &session, fd, &error),
                     STATUS_OK);
    return session;
}

static uint32_t free_chunks(const struct wire_file *file)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < WIRE_CHUNKS_MAX / 64; i++) {
        count += (uint32_t)__builtin_popcountll(file->free_chunks[i]);
    }
    return count;
}

static void the_file_says_what_it_is(void **unused)
{
    int fd;
    struct reader_state reader;
    struct stat status;
    (void)unused;
    struct recorder_session *session = open_session(32 << 20, 1001, &fd);
    reader_open(&reader, fd);
    const struct wire_file *head = &reader.head;
    assert_true(head->magic == WIRE_FILE_MAGIC);
    assert_int_equal(head->major, WIRE_MAJOR);
    assert_int_equal(head->minor, WIRE_MINOR);
    assert_int_equal(head->header_bytes, sizeof *head);
    assert_int_equal(head->shards, WIRE_SHARDS);
    assert_int_equal(head->sites, 1008);
    assert_int_equal(head->counters_offset % 128, 0);
    assert_int_equal(head->chunks_offset % 4096, 0);
    assert_true(head->chunks_offset >= head->counters_offset + 16ull * 1008 * 3 * 8);
    assert_int_equal(head->chunk_count, 1024);
    assert_int_equal(head->chunk_bytes, WIRE_CHUNK_BYTES);
    assert_true(head->file_bytes == head->chunks_offset + 1024ull * WIRE_CHUNK_BYTES);
    assert_int_equal(head->clock, recorder_clock());
    assert_int_equal(head->ended, 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_true((uint64_t)status.st_size == head->file_bytes);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    recorder_session_end(session);
    assert_int_equal(reader.file->ended, 1);
    reader_shut(&reader);
    close(fd);
}

static void no_peer_can_resize_it(void **unused)
{
    int fd;
    (void)unused;
    struct recorder_session *session = open_session(1 << 20, 10, &fd);
    assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(ftruncate(fd, 4096), -1);
    assert_int_equal(ftruncate(fd, 1 << 30), -1);
    recorder_session_end(session);
    close(fd);
}

static void it_is_allocated_in_steps(void **unused)
{
    int fd;
    struct reader_state reader;
    struct stat status;
    (void)unused;
    struct recorder_session *session = open_session(32 << 20, 100, &fd);
    reader_open(&reader, fd);
    assert_int_equal(free_chunks(reader.file), 128);
    assert_int_equal(reader.file->ready_chunks, 128);
    fstat(fd, &status);
    assert_in_range(status.st_blocks * 512, 4 << 20, 5 << 20);
    uint32_t steps = 0;
    while (recorder_session_grow(session)) {
        assert_int_equal(free_chunks(reader.file), 128 + 64 * ++steps);
        assert_int_equal(reader.file->ready_chunks, 128 + 64 * steps);
    }
    assert_int_equal(free_chunks(reader.file), 1024);
    fstat(fd, &status);
    assert_true((uint64_t)status.st_blocks * 512 >= reader.head.file_bytes);
    assert_false(recorder_session_grow(session));
    recorder_session_end(session);
    reader_shut(&reader);
    close(fd);
    session = open_session(1 << 20, 100, &fd);
    reader_open(&reader, fd);
    assert_int_equal(free_chunks(reader.file), 32);
    assert_false(recorder_session_grow(session));
    assert_int_equal(free_chunks(reader.file), 32);
    recorder_session_end(session);
    reader_shut(&reader);
    close(fd);
}

static void sixteen_sessions_and_no_more(void **unused)
{
    struct recorder_session *sessions[RECORDER_MAX_SESSIONS];
    struct recorder_session *more;
    struct error error;
    int fd;
    (void)unused;
    for (int i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        sessions[i] = open_session(1 << 20, 10, &fd);
        close(fd);
    }
    assert_int_equal(recorder_session_new(1 << 20, 10, &limits, &more, &fd, &error), STATUS_LIMIT);
    assert_null(more);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(error.message, "16 sessions"));
    assert_true(error.hint[0] != 0);
    recorder_session_end(sessions[3]);
    sessions[3] = open_session(1 << 20, 10, &fd);
    close(fd);
    for (int i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        recorder_session_end(sessions[i]);
    }
    assert_int_equal(
        recorder_session_new(1 << 20, RECORDER_MAX_SITES + 1, &limits, &more, &fd, &error),
        STATUS_LIMIT);
}

static void a_handle_of_an_ended_session_is_void(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 1};
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t old = add_site(bed.session, &spec);
    uint64_t open_call = recorder_enter(old, 0, 0, 0, 0, 0);
    assert_true(open_call != 0);
    bed_close(&bed);
    assert_int_equal(recorder_enter(old, 0, 0, 0, 0, 0), 0);
    recorder_return(old, open_call, 0, 0, 0, 0);
    bed_open(&bed, NULL, 1 << 20);
    uint64_t fresh = add_site(bed.session, &spec); /* the same place in the table */
    assert_int_equal((uint32_t)fresh, (uint32_t)old);
    assert_true(fresh != old);
    assert_int_equal(recorder_enter(old, 0, 0, 0, 0, 0), 0);
    recorder_return(old, open_call, 0, 0, 0, 0);
    recorder_throw(old, open_call, 0, 0, 0, 0);
    recorder_count(old);
    recorder_suspended(old, open_call, 1);
    recorder_async_return(old, 0, 1, 0, 0);
    recorder_iterator_start(old, 1, 0, 0, 0, 0);
    recorder_iterator_next(old, 1, 1);
    assert_int_equal(recorder_suspended_key_wanted(old, open_call), 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 0);
    for (uint32_t counter = 0; counter < WIRE_COUNTERS; counter++) {
        assert_int_equal(reader_counter(&bed.reader, 1, counter), 0);
    }
    bed_close(&bed);
}

static void two_sessions_on_one_method_see_their_own(void **unused)
{
    static const struct capture_value value = {.pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4};
    static const struct capture_program program = {1, &value};
    struct bed beds[2];
    uint64_t handles[2];
    (void)unused;
    for (int i = 0; i < 2; i++) {
        bed_open(&beds[i], NULL, 1 << 20);
        struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_ENTER,
                                          .number = (uint32_t)i,
                                          .enter = i == 0 ? &program : NULL};
        handles[i] = add_site(beds[i].session, &spec);
    }
    for (int i = 0; i < 3; i++) {
        recorder_enter(handles[1], 7, 0, 0, 0, 0);
        recorder_enter(handles[0], i, 0, 0, 0, 0);
    }
    bed_drain(&beds[0]);
    bed_drain(&beds[1]);
    assert_int_equal(beds[0].count, 3);
    assert_int_equal(beds[1].count, 3);
    assert_int_equal(bits_of(value_at(record_at(&beds[0], 2), 0)), 2);
    assert_int_equal(value_count(record_at(&beds[1], 2)), 0);
    bed_close(&beds[1]);
    recorder_enter(handles[0], 9, 0, 0, 0, 0);
    recorder_enter(handles[1], 9, 0, 0, 0, 0);
    bed_drain(&beds[0]);
    assert_int_equal(beds[0].count, 1);
    bed_close(&beds[0]);
}

static void bad_sites_are_refused(void **unused)
{
    struct bed bed;
    struct error error;
    uint64_t handle = 0;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    struct capture_value value = {.pass = CAPTURE_SCALAR, .value = RECORDER_MAX_VALUES};
    const struct capture_program program = {1, &value};
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 112};
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_BUG);
    spec.number = 111; /* 100 rounded up */
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_OK);
    spec.kind = 0;
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_BUG);
    spec.kind = RECORDER_SITE_CALL;
    spec.exit = &program;
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_LIMIT);
    value.value = 0;
    value.step_count = CAPTURE_MAX_STEPS + 1;
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_LIMIT);
    value.step_count = 0;
    static const struct capture_condition empty;
    spec.condition = &empty;
    assert_int_equal(recorder_site_add(bed.session, &spec, &handle, &error), STATUS_LIMIT);
    bed_close(&bed);
}

static void a_full_ring_drops_and_counts(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 5};
    enum { CALLS = 50000 };
    uint32_t recorded = 0;
    (void)unused;
    bed_open(&bed, NULL, 1 << 19);
    uint64_t handle = add_site(bed.session, &spec);
    for (int i = 0; i < CALLS; i++) {
        uint64_t call = recorder_enter(handle, 0, 0, 0, 0, 0);
        recorded += call != 0;
        recorder_return(handle, call, 0, 0, 0, 0);
    }
    assert_in_range(recorded, 10000, CALLS - 1);
    bed_drain(&bed);
    uint64_t lost = reader_counter(&bed.reader, 5, WIRE_COUNTER_LOST);
    uint64_t pairs = bed.reader.records / 2;
    assert_true(pairs + lost == CALLS);
    /* Room again: it goes on. */
    uint64_t call = recorder_enter(handle, 0, 0, 0, 0, 0);
    recorder_return(handle, call, 0, 0, 0, 0);
    bed_drain(&bed);
    assert_int_equal(bed.count, 2);
    assert_true(reader_counter(&bed.reader, 5, WIRE_COUNTER_LOST) == lost);
    bed_close(&bed);
}

static uint32_t fill(uint64_t handle)
{
    for (uint32_t calls = 1;; calls++) {
        uint64_t call = recorder_enter(handle, 0, 0, 0, 0, 0);
        if (call == 0) {
            return calls;
        }
        recorder_return(handle, call, 0, 0, 0, 0);
    }
}

/* Wherever in the file it is, a chunk that becomes free is found within a few calls, and not a
 * call is missing from the sum. */
static void a_full_ring_goes_on_wherever_there_is_room(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_CALL, .number = 5};
    (void)unused;
    bed_open(&bed, NULL, 128 << 20);
    while (recorder_session_grow(bed.session)) {
    }
    uint64_t handle = add_site(bed.session, &spec);
    uint64_t calls = fill(handle);
    bed.reader.record = NULL;
    const uint32_t chunks[] = {4000, 70, 4095, 1, 2048};
    for (uint32_t i = 0; i < 5; i++) {
        for (int more = 0; more < 1000; more++) {
            assert_int_equal(recorder_enter(handle, 0, 0, 0, 0, 0), 0);
        }
        drain_chunk(&bed.reader, chunks[i]);
        uint64_t call = 0;
        uint32_t tries = 0;
        for (; call == 0; tries++) {
            assert_in_range(tries, 0, 4);
            call = recorder_enter(handle, 0, 0, 0, 0, 0);
        }
        recorder_return(handle, call, 0, 0, 0, 0);
        calls += 1000 + tries + fill(handle);
    }
    reader_drain(&bed.reader);
    uint64_t pairs = bed.reader.records / 2;
    assert_true(pairs + reader_counter(&bed.reader, 5, WIRE_COUNTER_LOST) == calls);
    bed_close(&bed);
}

static void chunks_in_use_stay_few(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_ENTER};
    (void)unused;
    bed_open(&bed, NULL, 4 << 20);
    bed.reader.record = NULL;
    uint64_t handle = add_site(bed.session, &spec);
    for (int i = 0; i < 200000; i++) {
        recorder_enter(handle, 0, 0, 0, 0, 0);
        if (i % 1000 == 0) {
            reader_drain(&bed.reader);
        }
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < bed.reader.head.chunk_count; i++) {
        const struct wire_chunk *chunk =
            (const struct wire_chunk *)(const void *)((const uint8_t *)bed.reader.file +
                                                      bed.reader.head.chunks_offset +
                                                      (size_t)i * WIRE_CHUNK_BYTES);
        used += chunk->sequence != 0;
    }
    assert_in_range(used, 2, 3);
    bed_close(&bed);
}

/* ---- threads ---- */

static void *one_call(void *handle)
{
    recorder_enter(*(uint64_t *)handle, 0, 0, 0, 0, 0);
    return NULL;
}

static uint32_t full_chunks(const struct bed *bed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bed->reader.head.chunk_count; i++) {
        const struct wire_chunk *chunk =
            (const struct wire_chunk *)(const void *)((const uint8_t *)bed->reader.file +
                                                      bed->reader.head.chunks_offset +
                                                      (size_t)i * WIRE_CHUNK_BYTES);
        count += chunk->state == WIRE_CHUNK_FULL;
    }
    return count;
}

static void threads_give_their_slot_and_chunk_back(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_ENTER};
    uint64_t calls[20];
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = add_site(bed.session, &spec);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, one_call, &handle);
        pthread_join(thread, NULL);
        assert_int_equal(full_chunks(&bed), 1);
        bed_drain(&bed);
        assert_int_equal(bed.count, 1);
        assert_int_equal(full_chunks(&bed), 0);
        calls[i] = record_at(&bed, 0)->call;
        assert_true(calls[i] >> 48 == calls[0] >> 48); /* the same slot each time */
        assert_true(i == 0 || calls[i] == calls[i - 1] + 1);
    }
    bed_close(&bed);
}

static void a_thread_that_outlives_its_session(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_ENTER};
    (void)unused;
    for (int turn = 0; turn < 3; turn++) { /* this thread's ring was in the one before */
        bed_open(&bed, NULL, 1 << 20);
        uint64_t handle = add_site(bed.session, &spec);
        one_call(&handle);
        one_call(&handle);
        bed_drain(&bed);
        assert_int_equal(bed.count, 2);
        one_call(&handle);
        assert_true(recorder_session_end(bed.session));
        assert_int_equal(full_chunks(&bed), 1);
        bed_drain(&bed); /* what was written stays readable */
        assert_int_equal(bed.count, 1);
        bed_forget(&bed);
        reader_shut(&bed.reader);
    }
}

/* ---- a session that ends while a thread is stuck inside a probe ---- */

static void a_stuck_thread_keeps_the_memory_mapped(void **unused)
{
    struct bed bed;
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_ON_ENTER};
    struct recorder_session *next;
    struct error error;
    int fd;
    (void)unused;
    bed_open(&bed, NULL, 1 << 20);
    uint64_t handle = add_site(bed.session, &spec);
    one_call(&handle);
    struct recorder_session *stuck = bed.session;
    struct recorder_slot *slot = recorder_current;
    size_t before = recorder_memory();
    probe_begin(slot); /* as if a debugger had stopped this thread here */
    uint64_t start = clock_monotonic();
    assert_false(recorder_session_end(stuck));
    assert_in_range(clock_monotonic() - start, 900000000, 3000000000);
    assert_true(recorder_memory() > before);
    stuck->file->reserved[5] = 1; /* still there */
    assert_int_equal(recorder_session_new(1 << 20, 10, &limits, &next, &fd, &error), STATUS_OK);
    assert_true(next != stuck);
    recorder_session_end(next);
    close(fd);
    probe_end(slot);
    assert_int_equal(recorder_session_new(1 << 20, 10, &limits, &next, &fd, &error), STATUS_OK);
    assert_true(next == stuck || !stuck->used);
    recorder_session_end(next);
    close(fd);
    bed_forget(&bed);
    reader_shut(&bed.reader);
}

/* ---- layouts ---- */

static void names_are_interned(void **unused)
{
    char text[1000];
    (void)unused;
    uint32_t id = layout_name("Customer");
    assert_true(id != 0);
    assert_int_equal(layout_name("Customer"), id);
    assert_true(layout_name("customer") != id);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(layout_name(text), 0);
    assert_int_equal(layout_name(NULL), 0);
}

static void thousands_of_layouts_are_found_again(void **unused)
{
    enum { TYPES = 3000 };
    (void)unused;
    for (uint64_t i = 1; i <= TYPES; i++) {
        struct layout *layout = calloc(1, sizeof *layout);
        layout->type = i * 8 << 20;
        layout->size = (uint32_t)i;
        assert_ptr_equal(layout_publish(layout), layout);
    }
    for (uint64_t i = 1; i <= TYPES; i++) {
        const struct layout *layout = layout_find(i * 8 << 20);
        assert_non_null(layout);
        assert_int_equal(layout->size, i);
    }
    assert_null(layout_find(8));
    struct layout *again = calloc(1, sizeof *again);
    again->type = 8 << 20;
    again->size = 999;
    assert_int_equal(layout_publish(again)->size, 1);
}

static void a_type_that_is_unloaded_is_forgotten(void **unused)
{
    const uint64_t type = 0x7000;
    uint64_t wanted;
    (void)unused;
    layout_forget(type); /* never known */
    for (uint32_t turn = 1; turn <= 3; turn++) {
        struct layout *layout = calloc(1, sizeof *layout);
        layout->type = type;
        layout->size = turn;
        assert_ptr_equal(layout_publish(layout), layout);
        assert_int_equal(layout_find(type)->size, turn);
        layout_forget(type);
        assert_null(layout_find(type));
    }
    while (layout_next_wanted(&wanted)) {
    }
    layout_want(type);
    assert_true(layout_next_wanted(&wanted) && wanted == type);
}

static void wanted_types_are_asked_for_once(void **unused)
{
    uint64_t type;
    bool seen[100] = {false};
    (void)unused;
    while (layout_next_wanted(&type)) {
    }
    for (int turn = 0; turn < 3; turn++) {
        for (uint64_t i = 1; i < 100; i++) {
            layout_want(i * 0x1238);
        }
    }
    layout_want(0);
    uint32_t count = 0;
    while (layout_next_wanted(&type)) {
        assert_int_equal(type % 0x1238, 0);
        assert_in_range(type / 0x1238, 1, 99);
        assert_false(seen[type / 0x1238]);
        seen[type / 0x1238] = true;
        count++;
    }
    assert_int_equal(count, 99);
    for (uint64_t i = 1; i < 100000; i++) { /* more than it holds: dropped, not stuck */
        layout_want(i * 0x1238);
    }
    count = 0;
    while (layout_next_wanted(&type)) {
        count++;
    }
    assert_in_range(count, 100, 512);
}

static void layouts_have_a_cap(void **unused)
{
    uint64_t type = 0x100000000000ull;
    struct layout *layout;
    uint64_t wanted;
    (void)unused;
    do {
        type += 64;
        layout = calloc(1, sizeof *layout + 1000 * sizeof layout->fields[0]);
        layout->type = type;
        layout->field_count = 1000;
    } while (layout_publish(layout) != NULL);
    assert_in_range(recorder_memory(), 3 << 20, 6 << 20);
    layout_want(type);
    assert_false(layout_next_wanted(&wanted)); /* not asked for any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_says_what_it_is),
        cmocka_unit_test(no_peer_can_resize_it),
        cmocka_unit_test(it_is_allocated_in_steps),
        cmocka_unit_test(sixteen_sessions_and_no_more),
        cmocka_unit_test(a_handle_of_an_ended_session_is_void),
        cmocka_unit_test(two_sessions_on_one_method_see_their_own),
        cmocka_unit_test(bad_sites_are_refused),
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(a_full_ring_goes_on_wherever_there_is_room),
        cmocka_unit_test(chunks_in_use_stay_few),
        cmocka_unit_test(threads_give_their_slot_and_chunk_back),
        cmocka_unit_test(a_thread_that_outlives_its_session),
        cmocka_unit_test(a_stuck_thread_keeps_the_memory_mapped),
        cmocka_unit_test(names_are_interned),
        cmocka_unit_test(thousands_of_layouts_are_found_again),
        cmocka_unit_test(a_type_that_is_unloaded_is_forgotten),
        cmocka_unit_test(wanted_types_are_asked_for_once),
        cmocka_unit_test(layouts_have_a_cap),
    };
    struct error error;
    for (int turn = 0; turn < 2; turn++) { /* once is enough, and twice does no harm */
        if (recorder_init(&error) != STATUS_OK) {
            return 1;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
