/*
 * recorder_bench: what the recorder's entry points cost, called natively, beside the floor of
 * two clock reads and one store a turn in the same process.
 *
 *   recorder_bench [ROUNDS]
 *
 * Every case runs once per round, one after the other, so that what disturbs the machine
 * disturbs all alike; printed are medians over the rounds, the spread from the first to the
 * third quartile, and the ratio to the floor of the same round. A thread drains the ring as the
 * command line tool would.
 *
 * One source, two things: a library that holds the recorder, which is loaded as the agent is,
 * because thread-local data costs more in a library; and the program that loads it.
 */
#ifdef RECORDER_BENCH_PROGRAM
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *library = dlopen(RECORDER_BENCH_PROGRAM, RTLD_NOW | RTLD_LOCAL);
    int (*run)(int) = NULL;
    if (library == NULL) {
        fprintf(stderr, "recorder_bench: %s\n", dlerror());
        return 1;
    }
    *(void **)&run = dlsym(library, "recorder_bench");
    return run == NULL ? 1 : run(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 25);
}

#else
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "clr_element.h"
#include "recorder.h"
#include "wire_message.h"

#define TURNS       200000
#define MOST_ROUNDS 101

static struct recorder_session *session;
static struct wire_file *file;
static uint64_t handles[8];
static volatile uint64_t store[4096];
static pthread_barrier_t start_line;

enum handle { INT_ARGUMENT, COUNT, TEXT, OBJECT, FILTER };

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- a few objects as the runtime lays them out ---- */

struct fake_type {
    uint32_t flags;
    uint32_t base_size;
};

struct fake_string {
    const struct fake_type *type;
    uint32_t length;
    uint16_t units[33];
} __attribute__((packed, aligned(8)));

struct fake_order {
    const struct fake_type *type;
    const struct fake_string *customer;
    int64_t id;
    double total;
};

static struct fake_type string_type __attribute__((aligned(8))) = {0x80000002, 22};
static struct fake_type order_type __attribute__((aligned(8))) = {0x10, 40};
static struct fake_string text = {&string_type, 32, {0}};
static struct fake_order order = {&order_type, &text, 1042, 120.5};

static void make_types(void)
{
    struct layout *string = calloc(1, sizeof *string);
    struct layout *object = calloc(1, sizeof *object + 3 * sizeof object->fields[0]);
    string->type = (uint64_t)(uintptr_t)&string_type;
    string->kind = WIRE_TYPE_STRING;
    string->count_at = 8;
    string->items_at = 12;
    object->type = (uint64_t)(uintptr_t)&order_type;
    object->kind = WIRE_TYPE_CLASS;
    object->size = 24;
    object->field_count = 3;
    object->fields[0] = (struct layout_field){
        .name = layout_name("Customer"), .offset = 8, .element = ELEMENT_TYPE_STRING, .size = 8};
    object->fields[1] = (struct layout_field){
        .name = layout_name("Id"), .offset = 16, .element = ELEMENT_TYPE_I8, .size = 8};
    object->fields[2] = (struct layout_field){
        .name = layout_name("Total"), .offset = 24, .element = ELEMENT_TYPE_R8, .size = 8};
    layout_publish(string);
    layout_publish(object);
}

/* ---- the reader ---- */

static atomic_bool stop;

static void drain(void)
{
    uint8_t *chunks = (uint8_t *)file + file->chunks_offset;
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        struct wire_chunk *chunk = (struct wire_chunk *)(void *)(chunks + i * WIRE_CHUNK_BYTES);
        uint64_t bit = 1ull << (i % 64);
        if (atomic_load(&file->free_chunks[i / 64]) & bit) {
            continue;
        }
        if (atomic_load_explicit(&chunk->state, memory_order_acquire) == WIRE_CHUNK_FULL) {
            atomic_store(&chunk->state, WIRE_CHUNK_FREE);
            atomic_fetch_or(&file->free_chunks[i / 64], bit);
        }
    }
}

static void *reader(void *unused)
{
    struct timespec pause = {.tv_nsec = 500000};
    while (!atomic_load(&stop)) {
        drain();
        nanosleep(&pause, NULL);
    }
    return unused;
}

/* ---- the cases ---- */

static double floor_case(void)
{
    double start = nanoseconds();
    for (int64_t turn = 0; turn < TURNS; turn++) {
        uint64_t first = ticks();
        __asm__ volatile("" ::: "memory");
        uint64_t second = ticks();
        store[turn % 4096] = second - first;
    }
    return (nanoseconds() - start) / TURNS;
}

static double clock_case(void)
{
    double start = nanoseconds();
    for (int64_t turn = 0; turn < TURNS; turn++) {
        store[0] = ticks();
    }
    return (nanoseconds() - start) / TURNS;
}

static __attribute__((noinline)) int64_t method(int64_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

static double bare_case(void)
{
    double start = nanoseconds();
    for (int64_t turn = 0; turn < TURNS; turn++) {
        method(turn);
    }
    return (nanoseconds() - start) / TURNS;
}

/* As woven code does, through an address. */
static uint64_t (*volatile enter)(uint64_t, int64_t, int64_t, int64_t, int64_t,
                                  int64_t) = recorder_enter;
static void (*volatile leave)(uint64_t, uint64_t, int64_t, int64_t, int64_t,
                              int64_t) = recorder_return;
static void (*volatile count)(uint64_t) = recorder_count;

static double call_case(enum handle which, const void *argument)
{
    uint64_t handle = handles[which];
    double start = nanoseconds();
    for (int64_t turn = 0; turn < TURNS; turn++) {
        int64_t value = argument == NULL ? turn : (int64_t)(uintptr_t)argument;
        uint64_t call = enter(handle, value, 0, 0, 0, 0);
        method(turn);
        leave(handle, call, 0, 0, 0, 0);
    }
    return (nanoseconds() - start) / TURNS;
}

static double int_case(void)
{
    return call_case(INT_ARGUMENT, NULL);
}

static double text_case(void)
{
    return call_case(TEXT, &text);
}

static double object_case(void)
{
    return call_case(OBJECT, &order);
}

static double filter_case(void)
{
    return call_case(FILTER, NULL);
}

static double count_case(void)
{
    uint64_t handle = handles[COUNT];
    double start = nanoseconds();
    for (int64_t turn = 0; turn < TURNS; turn++) {
        count(handle);
        method(turn);
    }
    return (nanoseconds() - start) / TURNS;
}

static void *count_thread(void *result)
{
    pthread_barrier_wait(&start_line);
    *(double *)result = count_case();
    return NULL;
}

static double count_two_case(void)
{
    pthread_t threads[2];
    double results[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, count_thread, &results[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    return (results[0] + results[1]) / 2;
}

static const struct bench_case {
    const char *name;
    double (*run)(void);
} cases[] = {
    {"floor: two clock reads, one store", floor_case},
    {"one clock read", clock_case},
    {"bare call", bare_case},
    {"enter + return, one int", int_case},
    {"count", count_case},
    {"count, two threads on one method", count_two_case},
    {"enter + return, string of 32 chars", text_case},
    {"enter + return, object one level deep", object_case},
    {"enter, rejected by a condition", filter_case},
};

#define CASES (sizeof cases / sizeof cases[0])

static double results[CASES][MOST_ROUNDS];

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void report(size_t which, int rounds)
{
    double ratios[MOST_ROUNDS];
    double sorted[MOST_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        ratios[i] = results[which][i] / results[0][i];
        sorted[i] = results[which][i];
    }
    qsort(sorted, (size_t)rounds, sizeof sorted[0], compare);
    qsort(ratios, (size_t)rounds, sizeof ratios[0], compare);
    printf("%-40s %8.2f ns   %7.2f   %7.2f .. %7.2f   %6.2f x\n", cases[which].name,
           sorted[rounds / 2], sorted[0], sorted[rounds / 4], sorted[rounds * 3 / 4],
           ratios[rounds / 2]);
}

static void add_site(enum handle which, enum recorder_site_kind kind,
                     const struct capture_program *program,
                     const struct capture_condition *condition)
{
    struct recorder_site_spec spec = {
        .kind = kind, .number = which, .enter = program, .condition = condition};
    struct error error;
    if (recorder_site_add(session, &spec, &handles[which], &error) != STATUS_OK) {
        fprintf(stderr, "recorder_bench: %s\n", error.message);
        exit(1);
    }
}

static void add_sites(void)
{
    static const struct capture_value number = {.pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4};
    static const struct capture_value string = {
        .pass = CAPTURE_REFERENCE, .element = ELEMENT_TYPE_STRING, .show = 1};
    static const struct capture_value object = {
        .pass = CAPTURE_REFERENCE, .element = ELEMENT_TYPE_CLASS, .show = 1};
    static const struct capture_program programs[] = {{1, &number}, {1, &string}, {1, &object}};
    static const struct capture_node node = {
        .test = CAPTURE_LEAF,
        .compare = CAPTURE_LT,
        .operand = CAPTURE_OPERAND_SIGNED,
        .value = {.pass = CAPTURE_SCALAR, .element = ELEMENT_TYPE_I4},
        .integer = -1};
    static const struct capture_condition condition = {.count = 1, .nodes = &node};
    add_site(INT_ARGUMENT, RECORDER_SITE_CALL, &programs[0], NULL);
    add_site(COUNT, RECORDER_SITE_COUNT, NULL, NULL);
    add_site(TEXT, RECORDER_SITE_CALL, &programs[1], NULL);
    add_site(OBJECT, RECORDER_SITE_CALL, &programs[2], NULL);
    add_site(FILTER, RECORDER_SITE_CALL, &programs[0], &condition);
}

static double open_session(void)
{
    struct capture_limits limits = {
        .depth = 1, .max_items = 10, .max_string = 256, .max_bytes = 8192};
    struct error error;
    int fd;
    double start = nanoseconds();
    if (recorder_session_new(32 << 20, 1000, &limits, &session, &fd, &error) != STATUS_OK) {
        fprintf(stderr, "recorder_bench: %s\n", error.message);
        exit(1);
    }
    double ready = nanoseconds() - start;
    while (recorder_session_grow(session)) {
    }
    struct wire_file head;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head) {
        exit(1);
    }
    file = mmap(NULL, head.file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return ready;
}

static uint64_t lost(void)
{
    uint64_t sum = 0;
    const uint64_t *counters =
        (const uint64_t *)(const void *)((const uint8_t *)file + file->counters_offset);
    for (size_t i = 0; i < (size_t)file->shards * file->sites; i++) {
        sum += counters[i * WIRE_COUNTERS + WIRE_COUNTER_LOST];
    }
    return sum;
}

__attribute__((visibility("default"))) int recorder_bench(int rounds);

int recorder_bench(int rounds)
{
    rounds = rounds < 15 ? 15 : rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
    struct error error;
    if (recorder_init(&error) != STATUS_OK) {
        fprintf(stderr, "recorder_bench: %s\n", error.message);
        return 1;
    }
    pthread_barrier_init(&start_line, NULL, 2);
    for (int i = 0; i < 32; i++) {
        text.units[i] = (uint16_t)('a' + i % 26);
    }
    make_types();
    double ready = open_session();
    add_sites();
    pthread_t thread;
    pthread_create(&thread, NULL, reader, NULL);
    for (int round = -1; round < rounds; round++) {
        for (size_t i = 0; i < CASES; i++) {
            double result = cases[i].run();
            results[i][round < 0 ? 0 : round] = result;
        }
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    printf("%-40s %11s   %7s   %18s   %8s\n", "recorder, called natively", "median", "least",
           "quartiles", "to floor");
    for (size_t i = 0; i < CASES; i++) {
        report(i, rounds);
    }
    printf("session of 32 MiB ready after %.2f ms; %" PRIu64 " calls lost; clock: %s\n",
           ready / 1e6, lost(), recorder_clock() == WIRE_CLOCK_TSC ? "tsc" : "clock_gettime");
    recorder_session_end(session);
    return 0;
}
#endif
