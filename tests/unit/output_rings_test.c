// uses: output wire clr
// sanitize: address,undefined
/* Draining: order, recycling, merging by time, and files that lie; and joining records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "command_fake_agent.h"
#include "output_join.h"
#include "output_rings.h"

static struct fake fake;
static struct rings *rings;

static int setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake_make_file(&fake, true);
    assert_int_equal(rings_open(&rings, fake.memory, NULL), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rings_close(rings);
    rings = NULL;
    munmap(fake.file, fake.file_bytes);
    close(fake.memory);
    return 0;
}

static bool put(uint32_t slot, enum wire_record_kind kind, uint64_t call, uint64_t time)
{
    struct fake_record record;
    fake_begin(&record, kind, 0, call, time);
    return fake_end(&fake, slot, &record);
}

static void collect(bool final)
{
    size_t bytes;
    struct error error;
    error_init(&error);
    if (rings_collect(rings, final, &bytes, &error) != STATUS_OK)
        fail_msg("%s", error.message);
}

/* The calls of the next records, as text: "1 2 3". */
static const char *calls(void)
{
    static char text[4096];
    size_t length = 0;
    struct ring_record record;
    text[0] = '\0';
    while (rings_next(rings, &record, NULL) == STATUS_OK)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%llu", length ? " " : "",
                                   (unsigned long long)record.head->call);
    return text;
}

static void test_order(void **state)
{
    (void)state;
    struct ring_record record;
    collect(false);
    assert_string_equal(calls(), "");
    put(0, WIRE_RECORD_ENTER, 1, 100);
    put(1, WIRE_RECORD_ENTER, 2, 90);
    put(0, WIRE_RECORD_ENTER, 3, 110);
    put(1, WIRE_RECORD_ENTER, 4, 105);
    put(2, WIRE_RECORD_ENTER, 5, 1);
    collect(false);
    assert_int_equal(rings_next(rings, &record, NULL), STATUS_OK);
    assert_int_equal(record.head->call, 5);
    assert_int_equal(record.thread, 102);
    assert_int_equal(record.slot, 2);
    assert_string_equal(calls(), "2 1 4 3");
    collect(false);
    assert_string_equal(calls(), "");
    put(0, WIRE_RECORD_ENTER, 6, 120);
    collect(false);
    assert_string_equal(calls(), "6");
}

/* A thread's own order counts, whatever the clock says. */
static void test_own_order(void **state)
{
    (void)state;
    put(0, WIRE_RECORD_ENTER, 1, 500);
    put(0, WIRE_RECORD_ENTER, 2, 100);
    put(1, WIRE_RECORD_ENTER, 3, 200);
    collect(false);
    assert_string_equal(calls(), "3 1 2");
}

/* Chunks that the agent has not made yet are not looked at, whatever stands there. */
static void test_chunks_to_come(void **state)
{
    (void)state;
    struct wire_file *file = (struct wire_file *)(void *)fake.file;
    uint32_t last = file->chunk_count - 1;
    struct wire_chunk *chunk = fake_chunk(&fake, last);
    size_t bytes;
    file->free_chunks[last / 64] &= ~(1ull << (last % 64));
    chunk->state = WIRE_CHUNK_OPEN;
    chunk->written = 1; /* not a whole record */
    file->ready_chunks = last;
    put(0, WIRE_RECORD_ENTER, 1, 100);
    collect(false);
    assert_string_equal(calls(), "1");
    file->ready_chunks = last + 1;
    assert_int_equal(rings_collect(rings, false, &bytes, NULL), STATUS_PEER);
}

/* Many times the file's size goes through it; full chunks come back. */
static void test_recycling(void **state)
{
    (void)state;
    uint64_t written = 0, read = 0;
    struct ring_record record;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 20000; i++) {
            written++;
            assert_true(put((uint32_t)(i & 1), WIRE_RECORD_ENTER, written, written));
        }
        collect(false);
        while (rings_next(rings, &record, NULL) == STATUS_OK)
            assert_int_equal(record.head->call, ++read);
        assert_int_equal(read, written);
    }
    assert_true(written * 24 > 8 * fake.file_bytes);
}

static void test_full(void **state)
{
    (void)state;
    uint64_t written = 0;
    while (put(0, WIRE_RECORD_ENTER, written + 1, written))
        written++;
    assert_int_equal(written, FAKE_CHUNKS * ((WIRE_CHUNK_BYTES - 64) / 24));
    collect(false);
    struct ring_record record;
    uint64_t read = 0;
    while (rings_next(rings, &record, NULL) == STATUS_OK)
        read++;
    assert_int_equal(read, written);
    assert_true(put(0, WIRE_RECORD_ENTER, 1, 1));
}

/* A later chunk is not read while an earlier one of the thread is still open. */
static void test_open_blocks(void **state)
{
    (void)state;
    put(0, WIRE_RECORD_ENTER, 1, 1);
    struct wire_chunk *first = fake.open[0];
    fake.open[0] = NULL;
    put(0, WIRE_RECORD_ENTER, 2, 2); /* as if the first were not yet marked full */
    collect(false);
    assert_string_equal(calls(), "1");
    atomic_store(&first->state, WIRE_CHUNK_FULL);
    collect(false);
    assert_string_equal(calls(), "2");
}

static void test_final(void **state)
{
    (void)state;
    put(0, WIRE_RECORD_ENTER, 1, 1);
    fake.open[0] = NULL;
    put(0, WIRE_RECORD_ENTER, 2, 2);
    collect(true);
    assert_string_equal(calls(), "1 2");
}

static void test_just_taken(void **state)
{
    (void)state;
    struct wire_file *file = (struct wire_file *)fake.file;
    atomic_store(&file->free_chunks[0], ~0ull << 8); /* bits clear, states free: nothing there */
    collect(false);
    assert_string_equal(calls(), "");
}

static void test_counters(void **state)
{
    (void)state;
    fake_add(&fake, 3, WIRE_COUNTER_FILTERED, 5);
    fake_add(&fake, 3, WIRE_COUNTER_FILTERED, 8);
    fake_add(&fake, 3, WIRE_COUNTER_CALLS, 1);
    assert_int_equal(rings_counter(rings, 3, WIRE_COUNTER_FILTERED), 13);
    assert_int_equal(rings_counter(rings, 3, WIRE_COUNTER_CALLS), 1);
    assert_int_equal(rings_counter(rings, 2, WIRE_COUNTER_FILTERED), 0);
    assert_int_equal(rings_counter(rings, FAKE_SITES, WIRE_COUNTER_CALLS), 0);
    assert_int_equal(rings_counter(rings, UINT32_MAX, WIRE_COUNTER_CALLS), 0);
}

/* ---- files that lie ---- */

static void expect_broken_chunk(uint32_t written)
{
    size_t bytes;
    struct wire_chunk *chunk = fake_take_chunk(&fake, 0);
    atomic_store(&chunk->written, written);
    assert_int_equal(rings_collect(rings, false, &bytes, NULL), STATUS_PEER);
}

static void test_written_too_far(void **state)
{
    (void)state;
    expect_broken_chunk(WIRE_CHUNK_BYTES + 8);
}

static void test_written_odd(void **state)
{
    (void)state;
    expect_broken_chunk(100);
}

static void test_written_back(void **state)
{
    (void)state;
    size_t bytes;
    put(0, WIRE_RECORD_ENTER, 1, 1);
    collect(false);
    atomic_store(&fake.open[0]->written, 64);
    assert_int_equal(rings_collect(rings, false, &bytes, NULL), STATUS_PEER);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {0, 1, 2, 9, 0xffff};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ring_record record;
        struct wire_record head[2] = {{.size = sizes[i], .kind = WIRE_RECORD_ENTER}};
        setup(NULL);
        put(0, WIRE_RECORD_ENTER, 7, 1);
        fake_write(&fake, 0, head, sizeof head);
        collect(false);
        assert_int_equal(rings_next(rings, &record, NULL), STATUS_OK);
        assert_int_equal(record.head->call, 7);
        assert_int_equal(rings_next(rings, &record, NULL), STATUS_PEER);
        assert_int_equal(rings_next(rings, &record, NULL), STATUS_PEER);
        teardown(NULL);
    }
}

static void expect_layout_refused(void (*spoil)(struct wire_file *file))
{
    struct rings *none = NULL;
    memset(&fake, 0, sizeof fake);
    fake_make_file(&fake, true);
    spoil((struct wire_file *)fake.file);
    assert_int_equal(rings_open(&none, fake.memory, NULL), STATUS_PEER);
    munmap(fake.file, fake.file_bytes);
    close(fake.memory);
}

static void spoil_magic(struct wire_file *file)
{
    file->magic++;
}
static void spoil_major(struct wire_file *file)
{
    file->major++;
}
static void spoil_clock(struct wire_file *file)
{
    file->clock = 3;
}
static void spoil_shards(struct wire_file *file)
{
    file->shards = 0;
}
static void spoil_sites(struct wire_file *file)
{
    file->sites = 0xffffffff;
}
static void spoil_counters(struct wire_file *file)
{
    file->counters_offset = 8;
}
static void spoil_counters_far(struct wire_file *file)
{
    file->counters_offset = UINT64_MAX - 7;
}
static void spoil_chunk_count(struct wire_file *file)
{
    file->chunk_count = FAKE_CHUNKS + 1;
}
static void spoil_chunk_zero(struct wire_file *file)
{
    file->chunk_count = 0;
}
static void spoil_chunk_bytes(struct wire_file *file)
{
    file->chunk_bytes = 64;
}
static void spoil_chunk_odd(struct wire_file *file)
{
    file->chunk_bytes = 4100;
}
static void spoil_chunks(struct wire_file *file)
{
    file->chunks_offset += 4;
}

static void test_layouts(void **state)
{
    (void)state;
    void (*const spoilers[])(struct wire_file * file) = {
        spoil_magic,      spoil_major,       spoil_clock,        spoil_shards,
        spoil_sites,      spoil_counters,    spoil_counters_far, spoil_chunk_count,
        spoil_chunk_zero, spoil_chunk_bytes, spoil_chunk_odd,    spoil_chunks};
    for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++)
        expect_layout_refused(spoilers[i]);
}

static void test_not_a_file(void **state)
{
    (void)state;
    struct rings *none = NULL;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(rings_open(&none, ends[0], NULL), STATUS_PEER);
    assert_int_equal(rings_open(&none, -1, NULL), STATUS_PEER);
    close(ends[0]);
    close(ends[1]);
    int small = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    fcntl(small, F_ADD_SEALS, F_SEAL_SHRINK);
    assert_int_equal(rings_open(&none, small, NULL), STATUS_PEER);
    close(small);
}

/* ---- joining ---- */

struct seen {
    unsigned count;
    struct call last;
};

static void see(void *context, const struct call *call)
{
    struct seen *seen = context;
    seen->count++;
    seen->last = *call;
}

static void feed(struct join *join)
{
    struct ring_record record;
    collect(false);
    while (rings_next(rings, &record, NULL) == STATUS_OK)
        assert_true(join_take(join, &record));
}

static unsigned open_calls(struct join *join)
{
    struct join_open open;
    uint32_t cursor = 0;
    unsigned count = 0;
    while (join_next_open(join, &cursor, &open))
        count++;
    return count;
}

static void keyed(uint32_t slot, enum wire_record_kind kind, uint64_t call, uint64_t time,
                  uint64_t key)
{
    struct fake_record record;
    fake_begin(&record, kind, 0, call, time);
    fake_key(&record, key);
    fake_end(&fake, slot, &record);
}

static void test_join_nested(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct join join;
    join_init(&join, see, &seen);
    put(0, WIRE_RECORD_ENTER, 1, 100);
    put(0, WIRE_RECORD_ENTER, 2, 110);
    put(0, WIRE_RECORD_ENTER, 3, 120); /* its end is lost */
    put(0, WIRE_RECORD_RETURN, 2, 150);
    feed(&join);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.start, 110);
    assert_int_equal(seen.last.elapsed, 40);
    assert_int_equal(seen.last.outcome, CALL_RETURNED);
    assert_int_equal(open_calls(&join), 1);
    put(0, WIRE_RECORD_THROW, 1, 200);
    feed(&join);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last.outcome, CALL_THREW);
    assert_int_equal(seen.last.elapsed, 100);
    assert_int_equal(open_calls(&join), 0);
    put(0, WIRE_RECORD_RETURN, 99, 300); /* its beginning is lost */
    feed(&join);
    assert_int_equal(seen.count, 3);
    assert_false(seen.last.timed);
    join_release(&join);
}

static void test_join_async(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct join join;
    join_init(&join, see, &seen);
    put(0, WIRE_RECORD_ENTER, 1, 100);
    keyed(0, WIRE_RECORD_SUSPENDED, 1, 110, 7);
    put(0, WIRE_RECORD_ENTER, 2, 120); /* the thread goes on */
    put(0, WIRE_RECORD_RETURN, 2, 130);
    feed(&join);
    assert_int_equal(seen.count, 1);
    keyed(1, WIRE_RECORD_ASYNC_RETURN, 0, 500, 7);
    feed(&join);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last.elapsed, 400);
    assert_int_equal(seen.last.thread, 100);      /* where it began */
    keyed(1, WIRE_RECORD_ASYNC_THROW, 0, 600, 8); /* before its suspension is told */
    feed(&join);
    assert_int_equal(seen.count, 2);
    put(0, WIRE_RECORD_ENTER, 3, 550);
    keyed(0, WIRE_RECORD_SUSPENDED, 3, 560, 8);
    feed(&join);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.last.outcome, CALL_THREW);
    assert_int_equal(seen.last.elapsed, 50);
    /* completes at once: by its number */
    put(0, WIRE_RECORD_ENTER, 4, 700);
    put(0, WIRE_RECORD_ASYNC_RETURN, 4, 710);
    feed(&join);
    assert_int_equal(seen.count, 4);
    assert_int_equal(open_calls(&join), 0);
    join_release(&join);
}

static void test_join_iterators(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct join join;
    join_init(&join, see, &seen);
    put(0, WIRE_RECORD_ITERATOR_ITEM, 5, 90); /* rejected by its condition */
    put(0, WIRE_RECORD_ITERATOR_END, 5, 95);
    put(0, WIRE_RECORD_ITERATOR_START, 5, 100);
    put(0, WIRE_RECORD_ITERATOR_ITEM, 5, 110);
    put(1, WIRE_RECORD_ITERATOR_ITEM, 5, 120);
    put(0, WIRE_RECORD_ITERATOR_END, 5, 130);
    put(0, WIRE_RECORD_ITERATOR_END, 5, 140);
    feed(&join);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.items, 2);
    assert_int_equal(seen.last.outcome, CALL_ITERATED);
    put(0, WIRE_RECORD_ITERATOR_START, 5, 200); /* abandoned */
    put(0, WIRE_RECORD_ITERATOR_START, 5, 300);
    put(0, WIRE_RECORD_ITERATOR_THROW, 5, 310);
    feed(&join);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last.outcome, CALL_THREW);
    assert_int_equal(seen.last.elapsed, 10);
    assert_int_equal(open_calls(&join), 0);
    join_release(&join);
}

static void test_join_event(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct join join;
    struct fake_record record;
    join_init(&join, see, &seen);
    put(0, WIRE_RECORD_EVENT, 0, 100);
    feed(&join);
    assert_int_equal(seen.last.outcome, CALL_ENTERED);
    assert_false(seen.last.timed);
    fake_begin(&record, WIRE_RECORD_EVENT, 0, 0, 500);
    fake_scalar(&record, WIRE_SLOT_ELAPSED, ELEMENT_TYPE_U8, 120);
    fake_end(&fake, 0, &record);
    feed(&join);
    assert_int_equal(seen.last.outcome, CALL_RETURNED);
    assert_int_equal(seen.last.start, 380);
    assert_int_equal(seen.last.elapsed, 120);
    fake_begin(&record, WIRE_RECORD_EVENT, 0, 0, 500);
    fake_scalar(&record, WIRE_SLOT_ELAPSED, ELEMENT_TYPE_U8, 120);
    struct wire_value null = {.kind = WIRE_VALUE_NULL, .slot = WIRE_SLOT_EXCEPTION};
    fake_value(&record, null, NULL, NULL, 0);
    fake_end(&fake, 0, &record);
    feed(&join);
    assert_int_equal(seen.last.outcome, CALL_THREW);
    assert_int_equal(seen.count, 3);
    join_release(&join);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_own_order),
        TEST(test_recycling),
        TEST(test_full),
        TEST(test_open_blocks),
        TEST(test_final),
        TEST(test_just_taken),
        TEST(test_counters),
        TEST(test_written_too_far),
        TEST(test_written_odd),
        TEST(test_written_back),
        cmocka_unit_test_setup_teardown(test_chunks_to_come, setup, teardown),
        cmocka_unit_test(test_bad_sizes),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_not_a_file),
        TEST(test_join_nested),
        TEST(test_join_async),
        TEST(test_join_iterators),
        TEST(test_join_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
