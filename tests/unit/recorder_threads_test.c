// uses: recorder wire clr base
// sanitize: address,undefined thread
/* Many threads record while a reader drains, sessions come and go, and a peer does its worst. */
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "base_clock.h"
#include "recorder_fixture.h"
#include "recorder_state.h"

#define MOST_THREADS 128

static const struct capture_value two_values[] = {
    {.slot = 0, .value = 0, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4},
    {.slot = 1, .value = 1, .pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4}};
static const struct capture_program scalars = {2, two_values};
static const struct capture_value text_value = {
    .slot = 0, .value = 2, .pass = CAPTURE_REFERENCE, .element = ELEMENT_TYPE_STRING, .show = 1};
static const struct capture_program text = {1, &text_value};

static const struct capture_limits limits = {
    .depth = 1, .max_items = 10, .max_string = 256, .max_bytes = 8192};

static _Atomic uint64_t handles[2]; /* scalars, text */
static _Atomic uint64_t made;       /* calls of all threads together */
static atomic_bool stop;
static uint64_t *string;

static void one_turn(uint32_t turn)
{
    uint64_t handle = atomic_load_explicit(&handles[turn % 2], memory_order_acquire);
    uint64_t call =
        recorder_enter(handle, (int64_t)turn, ~(int64_t)turn, (int64_t)address_of(string), 0, 0);
    recorder_return(handle, call, (int64_t)turn, ~(int64_t)turn, 0, 0);
}

static void *hammer(void *turns)
{
    for (uint32_t i = 0; i < *(uint32_t *)turns; i++) {
        one_turn(i);
    }
    return NULL;
}

static void *hammer_until_stopped(void *unused)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
        one_turn(i);
        calls++;
    }
    atomic_fetch_add(&made, calls);
    return unused;
}

static void start_all(pthread_t *threads, uint32_t count, void *(*run)(void *), void *argument)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, argument), 0);
    }
}

static void join_all(pthread_t *threads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void pause_ms(uint32_t milliseconds)
{
    struct timespec pause = {.tv_nsec = (long)milliseconds * 1000000};
    nanosleep(&pause, NULL);
}

/* ---- what the reader sees ---- */

struct tally {
    uint64_t enters[2]; /* by site */
    uint64_t exits[2];
};

static void count_record(void *context, const struct wire_record *record,
                         const struct wire_chunk *chunk)
{
    struct tally *tally = context;
    assert_in_range(record->site, 0, 1);
    assert_true(record->call >> 48 == chunk->slot + 1ull);
    if (record->kind == WIRE_RECORD_ENTER) {
        tally->enters[record->site]++;
    } else {
        assert_int_equal(record->kind, WIRE_RECORD_RETURN);
        tally->exits[record->site]++;
    }
    if (record->site == 0) {
        assert_int_equal(value_count(record), 2);
        assert_true(bits_of(value_at(record, 0)) == ~bits_of(value_at(record, 1)));
    } else if (record->kind == WIRE_RECORD_ENTER) {
        assert_text(value_at(record, 0), "thirty-two characters, more or so");
    }
}

/* The reader goes through the recorder's own mapping: thread sanitizer knows memory by its
 * address, and cannot see what happens before what through another one. */
static void share_mapping(struct bed *bed)
{
    bed->reader.file = bed->session->file;
}

static bool end_session(struct bed *bed)
{
    bed->reader.file = bed->reader.own;
    return recorder_session_end(bed->session);
}

static void close_bed(struct bed *bed)
{
    assert_true(end_session(bed));
    bed_forget(bed);
    reader_shut(&bed->reader);
}

static void open_sites(struct bed *bed, uint64_t ring_bytes, struct tally *tally)
{
    bed_open(bed, &limits, ring_bytes);
    share_mapping(bed);
    memset(tally, 0, sizeof *tally);
    bed->reader.record = count_record;
    bed->reader.context = tally;
    struct recorder_site_spec spec = {
        .kind = RECORDER_SITE_CALL, .number = 0, .enter = &scalars, .exit = &scalars};
    atomic_store(&handles[0], add_site(bed->session, &spec));
    spec = (struct recorder_site_spec){.kind = RECORDER_SITE_CALL, .number = 1, .enter = &text};
    atomic_store(&handles[1], add_site(bed->session, &spec));
}

static void nothing_is_unaccounted_for(void **unused)
{
    enum { THREADS = 8 };
    uint32_t turns = 100000;
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 1 << 19, &tally);
    start_all(threads, THREADS, hammer, &turns);
    for (int i = 0; i < 40; i++) { /* too slow for them: records are dropped */
        reader_drain(&bed.reader);
        pause_ms(2);
    }
    join_all(threads, THREADS);
    reader_drain(&bed.reader);
    for (uint32_t site = 0; site < 2; site++) {
        uint64_t lost = reader_counter(&bed.reader, site, WIRE_COUNTER_LOST);
        assert_true(tally.exits[site] + lost == (uint64_t)THREADS * turns / 2);
        assert_true(tally.enters[site] >= tally.exits[site]);
        assert_true(tally.exits[site] != 0 && lost != 0);
    }
    close_bed(&bed);
}

static void a_reader_that_keeps_up_loses_nothing(void **unused)
{
    enum { THREADS = 4 };
    uint32_t turns = 2000;
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 8 << 20, &tally);
    start_all(threads, THREADS, hammer, &turns);
    join_all(threads, THREADS);
    reader_drain(&bed.reader);
    for (uint32_t site = 0; site < 2; site++) {
        assert_true(tally.exits[site] == (uint64_t)THREADS * turns / 2);
        assert_true(tally.enters[site] == tally.exits[site]);
        assert_int_equal(reader_counter(&bed.reader, site, WIRE_COUNTER_LOST), 0);
    }
    close_bed(&bed);
}

static void *count_calls(void *turns)
{
    uint64_t handle = atomic_load(&handles[0]);
    for (uint32_t i = 0; i < *(uint32_t *)turns; i++) {
        recorder_count(handle);
    }
    return NULL;
}

static void counts_of_many_threads_are_exact(void **unused)
{
    enum { THREADS = 20 }; /* more than have a shard of their own */
    uint32_t turns = 20000;
    struct bed bed;
    pthread_t threads[THREADS];
    (void)unused;
    bed_open(&bed, &limits, 1 << 19);
    share_mapping(&bed);
    struct recorder_site_spec spec = {.kind = RECORDER_SITE_COUNT, .number = 33};
    atomic_store(&handles[0], add_site(bed.session, &spec));
    for (int round = 1; round <= 3; round++) { /* slots are taken again */
        start_all(threads, THREADS, count_calls, &turns);
        join_all(threads, THREADS);
        assert_true(reader_counter(&bed.reader, 33, WIRE_COUNTER_CALLS) ==
                    (uint64_t)round * THREADS * turns);
    }
    close_bed(&bed);
}

static void threads_come_and_go(void **unused)
{
    enum { THREADS = 16, ROUNDS = 15 };
    uint32_t turns = 50;
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 4 << 20, &tally);
    for (int round = 0; round < ROUNDS; round++) {
        start_all(threads, THREADS, hammer, &turns);
        join_all(threads, THREADS);
        reader_drain(&bed.reader);
    }
    assert_true(tally.exits[0] + tally.exits[1] == (uint64_t)THREADS * ROUNDS * turns);
    assert_int_equal(reader_counter(&bed.reader, 0, WIRE_COUNTER_LOST), 0);
    uint32_t free_count = 0;
    for (uint32_t i = 0; i < 2; i++) {
        free_count += (uint32_t)__builtin_popcountll(bed.reader.file->free_chunks[i]);
    }
    assert_int_equal(free_count, 128); /* no thread left a chunk open */
    close_bed(&bed);
}

static void sessions_end_while_threads_record(void **unused)
{
    enum { THREADS = 4 };
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 1 << 20, &tally);
    atomic_store(&stop, false);
    start_all(threads, THREADS, hammer_until_stopped, NULL);
    for (int round = 0; round < 30; round++) {
        pause_ms(2);
        reader_drain(&bed.reader);
        assert_true(end_session(&bed));
        reader_drain(&bed.reader);
        uint64_t records = bed.reader.records;
        pause_ms(1);
        reader_drain(&bed.reader);
        assert_true(bed.reader.records == records); /* nobody writes any more */
        assert_int_equal(bed.reader.file->ended, 1);
        reader_shut(&bed.reader);
        open_sites(&bed, 1 << 20, &tally);
    }
    atomic_store(&stop, true);
    join_all(threads, THREADS);
    close_bed(&bed);
}

/* ---- threads that do nothing give their chunks up ---- */

static atomic_bool go_on;
static _Atomic uint32_t done_once;

static void *call_wait_call(void *unused)
{
    one_turn(0);
    atomic_fetch_add(&done_once, 1);
    while (!atomic_load(&go_on)) {
        pause_ms(1);
    }
    one_turn(0);
    return unused;
}

static void idle_threads_hold_no_chunk(void **unused)
{
    enum { THREADS = 14 };
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 1 << 19, &tally); /* sixteen chunks */
    atomic_store(&go_on, false);
    atomic_store(&done_once, 0);
    start_all(threads, THREADS, call_wait_call, NULL);
    while (atomic_load(&done_once) != THREADS) {
        pause_ms(1);
    }
    reader_drain(&bed.reader);
    assert_true(tally.exits[0] == THREADS);
    assert_int_equal(__builtin_popcountll(bed.reader.file->free_chunks[0]), 16 - THREADS);
    recorder_session_tend(bed.session); /* looks */
    recorder_session_tend(bed.session); /* nothing has happened since */
    reader_drain(&bed.reader);
    assert_int_equal(__builtin_popcountll(bed.reader.file->free_chunks[0]), 16);
    atomic_store(&go_on, true);
    join_all(threads, THREADS);
    reader_drain(&bed.reader);
    assert_true(tally.exits[0] == 2 * THREADS);
    assert_int_equal(reader_counter(&bed.reader, 0, WIRE_COUNTER_LOST), 0);
    close_bed(&bed);
}

static void *sometimes(void *unused)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
        one_turn(0);
        calls++;
        if (i % 64 == 0) {
            usleep(50);
        }
    }
    atomic_fetch_add(&made, calls);
    return unused;
}

/* Chunks are asked for back all the time, while the threads want to go on using them. */
static void tending_loses_nothing_of_threads_at_work(void **unused)
{
    enum { THREADS = 12 };
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 1 << 19, &tally);
    atomic_store(&stop, false);
    atomic_store(&made, 0);
    start_all(threads, THREADS, sometimes, NULL);
    uint64_t start = clock_monotonic();
    for (int i = 0; i < 3000 || clock_monotonic() - start < 300000000; i++) {
        recorder_session_tend(bed.session);
        if (i % 4 == 0) {
            reader_drain(&bed.reader);
        }
    }
    atomic_store(&stop, true);
    join_all(threads, THREADS);
    reader_drain(&bed.reader);
    uint64_t lost = reader_counter(&bed.reader, 0, WIRE_COUNTER_LOST);
    assert_true(tally.exits[0] + lost == atomic_load(&made));
    assert_true(tally.exits[0] != 0);
    close_bed(&bed);
}

/* ---- calls that outlive their session ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static uint32_t inside;
static bool open_gate;
static uint64_t old_handles[2];

static void *blocked_call(void *number)
{
    uint64_t old = old_handles[*(uint32_t *)number % 2];
    uint64_t call = recorder_enter(old, 1, -2, (int64_t)address_of(string), 0, 0);
    assert_true(call != 0);
    pthread_mutex_lock(&gate);
    inside++;
    while (!open_gate) {
        pthread_cond_wait(&opened, &gate);
    }
    pthread_mutex_unlock(&gate);
    one_turn(0); /* the second session's */
    one_turn(1);
    recorder_return(old, call, 2, -3, 0, 0);
    return NULL;
}

static void hundred_blocked_calls_across_two_sessions(void **unused)
{
    enum { THREADS = 100 };
    static uint32_t numbers[THREADS];
    struct bed bed;
    struct tally tally;
    pthread_t threads[THREADS];
    (void)unused;
    open_sites(&bed, 8 << 20, &tally);
    struct recorder_site_spec held = {
        .kind = RECORDER_SITE_ON_RETURN, .number = 2, .enter = &scalars};
    old_handles[0] = atomic_load(&handles[0]);
    old_handles[1] = add_site(bed.session, &held);
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, blocked_call, &numbers[i]), 0);
    }
    for (bool all = false; !all; pause_ms(1)) {
        pthread_mutex_lock(&gate);
        all = inside == THREADS;
        pthread_mutex_unlock(&gate);
    }
    uint64_t start = clock_monotonic();
    assert_true(end_session(&bed));
    assert_true(clock_monotonic() - start < 900000000); /* nobody is waited for */
    reader_drain(&bed.reader);
    assert_true(tally.enters[0] == THREADS / 2);
    assert_true(tally.exits[0] == 0);
    reader_shut(&bed.reader);
    open_sites(&bed, 8 << 20, &tally);
    pthread_mutex_lock(&gate);
    open_gate = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
    join_all(threads, THREADS);
    reader_drain(&bed.reader);
    for (uint32_t site = 0; site < 2; site++) {
        assert_true(tally.enters[site] == THREADS);
        assert_true(tally.exits[site] == THREADS);
        assert_int_equal(reader_counter(&bed.reader, site, WIRE_COUNTER_LOST), 0);
    }
    close_bed(&bed);
}

/* ---- a peer that writes anything anywhere (gives one chunk to two threads, too: a race that
 * harms nobody but the peer, and not one for thread sanitizer to look at) ---- */

#if defined(__SANITIZE_THREAD__)
#define HOSTILE_PEER false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HOSTILE_PEER false
#endif
#endif
#ifndef HOSTILE_PEER
#define HOSTILE_PEER true
#endif

static void scribble(uint8_t *file, size_t bytes, uint64_t *random)
{
    for (int i = 0; i < 2000; i++) {
        *random = *random * 6364136223846793005ull + 1442695040888963407ull;
        size_t at = (*random >> 17) % bytes;
        ((volatile uint8_t *)file)[at] = (uint8_t)(*random >> 56);
        /* the bitmap most of all: chunks given twice, chunks that do not exist */
        size_t word = offsetof(struct wire_file, free_chunks) + (*random >> 33) % 512;
        ((volatile uint8_t *)file)[word] = (uint8_t)(*random >> 40);
    }
}

static void a_hostile_peer_harms_only_itself(void **unused)
{
    enum { THREADS = 4 };
    struct recorder_session *session;
    struct error error;
    struct wire_file head;
    pthread_t threads[THREADS];
    uint64_t random = 42;
    int fd;
    (void)unused;
    if (!HOSTILE_PEER) {
        skip();
    }
    assert_int_equal(recorder_session_new(1 << 20, 10, &limits, &session, &fd, &error), STATUS_OK);
    assert_int_equal(pread(fd, &head, sizeof head, 0), sizeof head);
    uint8_t *file = mmap(NULL, head.file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct recorder_site_spec spec = {
        .kind = RECORDER_SITE_CALL, .number = 0, .enter = &scalars, .exit = &scalars};
    atomic_store(&handles[0], add_site(session, &spec));
    spec.number = 1;
    spec.enter = &text;
    spec.exit = NULL;
    atomic_store(&handles[1], add_site(session, &spec));
    atomic_store(&stop, false);
    atomic_store(&made, 0);
    start_all(threads, THREADS, hammer_until_stopped, NULL);
    uint64_t start = clock_monotonic();
    for (int i = 0; clock_monotonic() - start < 700000000; i++) {
        scribble(file, head.file_bytes, &random);
        if (i % 16 == 0) {
            fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)head.file_bytes);
        }
        if (i % 16 == 8) {
            memset(file, 0xff, head.file_bytes);
        }
    }
    atomic_store(&stop, true);
    join_all(threads, THREADS);
    assert_true(atomic_load(&made) > 10000);
    assert_true(recorder_session_end(session));
    munmap(file, head.file_bytes);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_unaccounted_for),
        cmocka_unit_test(a_reader_that_keeps_up_loses_nothing),
        cmocka_unit_test(counts_of_many_threads_are_exact),
        cmocka_unit_test(threads_come_and_go),
        cmocka_unit_test(sessions_end_while_threads_record),
        cmocka_unit_test(idle_threads_hold_no_chunk),
        cmocka_unit_test(tending_loses_nothing_of_threads_at_work),
        cmocka_unit_test(hundred_blocked_calls_across_two_sessions),
        cmocka_unit_test(a_hostile_peer_harms_only_itself),
    };
    struct error error;
    if (recorder_init(&error) != STATUS_OK) {
        return 1;
    }
    string_type = make_type(6, 2);
    string = make_string("thirty-two characters, more or so");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
