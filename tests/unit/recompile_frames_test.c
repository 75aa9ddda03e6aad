// uses: standin recompile weave wire metadata r2r il clr abi base
// sanitize: address,undefined
// Frames that still run old code, on the stand-in runtime: which are found, how long the program
// stands still for it, and that it runs on whatever fails.
#include <sys/resource.h>

#include "recompile_harness.h"

#include "metadata_tables.h"
#include "r2r_callers.h"
#include "recompile_coverage.h"
#include "recompile_frames.h"
#include "recompile_internal.h"

#define MS UINT64_C(1000000)

/* ---- nothing of ours is locked or allocated while the program stands still ---- */

static struct standin *watched; /* the one whose pause is watched */
static unsigned allocations;    /* in it */
static unsigned held;           /* locks of ours found held in it */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif
#if defined(__GLIBC__) && !defined(SANITIZED)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);

static void note_allocation(void)
{
    allocations += watched && standin_suspended(watched);
}

void *malloc(size_t size)
{
    note_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note_allocation();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    note_allocation();
    return __libc_realloc(block, size);
}
#endif

static void look_whether_held(pthread_mutex_t *lock)
{
    if (pthread_mutex_trylock(lock) == 0)
        pthread_mutex_unlock(lock);
    else
        held++;
}

#define INFO struct ICorProfilerInfo15 *self
static HRESULT (*walk)(INFO, ThreadID thread, StackSnapshotCallback *callback, uint32_t flags,
                       void *client_data, uint8_t *context, uint32_t context_size);

static HRESULT watched_walk(INFO, ThreadID thread, StackSnapshotCallback *callback, uint32_t flags,
                            void *client_data, uint8_t *context, uint32_t context_size)
{
    look_whether_held(&harness_recompile->lock);
    look_whether_held(&harness_recompile->emit);
    look_whether_held(&harness_recompile->modules.lock);
    look_whether_held(&harness_recompile->modules.collect);
    return walk(self, thread, callback, flags, client_data, context, context_size);
}

/* ---- helpers ---- */

static void up(struct bench *bench)
{
    harness_up(bench);
    allocations = held = 0;
    watched = bench->standin;
    walk = standin_table(bench->standin)->DoStackSnapshot;
    standin_table(bench->standin)->DoStackSnapshot = watched_walk;
}

/* Looks, and holds what must hold after every look. */
static struct recompile_frames look(struct bench *bench, const struct method_key *keys,
                                    size_t count)
{
    struct recompile_frames frames;
    recompile_frames_look(harness_recompile, keys, count, &frames);
    const struct standin_counts counts = standin_counts(bench->standin);
    assert_int_equal(counts.suspends, counts.resumes);
    assert_false(standin_suspended(bench->standin));
    assert_int_equal(counts.forbidden, 0);
    assert_int_equal(allocations, 0);
    assert_int_equal(held, 0);
    assert_true(frames.looked <= frames.threads);
    return frames;
}

static void down(struct bench *bench, struct method_key claimed)
{
    watched = NULL;
    harness_release(&bench->a, claimed);
    harness_down(bench);
}

static uintptr_t body(struct bench *bench, struct method_key key, ReJITID version)
{
    return standin_body(bench->standin, key.module, key.method, version);
}

static ThreadID thread_in(struct bench *bench, uint32_t os, uintptr_t ip)
{
    const ThreadID thread = standin_thread(bench->standin, os);
    standin_enter(bench->standin, thread, ip);
    return thread;
}

static void assert_frame(const struct recompile_frame *frame, uint32_t thread,
                         enum recompile_frame_kind kind, struct method_key method,
                         struct method_key inlinee)
{
    assert_int_equal(frame->thread, thread);
    assert_int_equal(frame->kind, kind);
    assert_int_equal(frame->method.module, method.module);
    assert_int_equal(frame->method.method, method.method);
    assert_int_equal(frame->inlinee.module, inlinee.module);
    assert_int_equal(frame->inlinee.method, inlinee.method);
}

static const struct method_key none;

/* ---- frames of methods that are claimed ---- */

static void a_claimed_method_on_a_stack(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const uintptr_t own = body(&bench, bench.any, 0), tier1 = body(&bench, bench.any, 0);
    thread_in(&bench, 11, own);
    const ThreadID twice = thread_in(&bench, 12, own);
    standin_enter(bench.standin, twice, tier1);
    standin_enter(bench.standin, twice, 0); /* native code on top */
    thread_in(&bench, 13, body(&bench, bench.count, 0));
    standin_thread(bench.standin, 14);
    harness_claim(&bench.a, bench.any);

    struct recompile_frames frames = look(&bench, &bench.any, 1);
    char text[256];
    assert_int_equal(frames.end, RECOMPILE_FRAMES_WHOLE);
    assert_string_equal(recompile_frames_why(&frames, text, sizeof(text)), "");
    assert_int_equal(frames.threads, 4);
    assert_int_equal(frames.looked, 4);
    assert_int_equal(frames.count, 2);
    assert_int_equal(frames.more, 0);
    assert_true(frames.pause_ns > 0);
    assert_frame(&frames.list[0], 11, RECOMPILE_FRAME_CLAIMED, bench.any, none);
    assert_frame(&frames.list[1], 12, RECOMPILE_FRAME_CLAIMED, bench.any, none);

    /* It has been called since: frames of the new version are not told. */
    const struct standin_use use = harness_call(&bench, bench.any);
    thread_in(&bench, 15, body(&bench, bench.any, use.rejit));
    frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.threads, 5);
    assert_int_equal(frames.count, 2);
    assert_frame(&frames.list[0], 11, RECOMPILE_FRAME_CLAIMED, bench.any, none);

    /* Claimed by another one too: what runs now lacks that one's change. */
    harness_claim(&bench.b, bench.any);
    frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.count, 3);
    assert_frame(&frames.list[2], 15, RECOMPILE_FRAME_CLAIMED, bench.any, none);
    harness_release(&bench.b, bench.any);
    down(&bench, bench.any);
}

static void more_frames_than_are_listed(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const uintptr_t own = body(&bench, bench.any, 0);
    for (uint32_t i = 0; i < RECOMPILE_FRAMES_MAX + 8; i++)
        thread_in(&bench, 100 + i, own);
    harness_claim(&bench.a, bench.any);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.count, RECOMPILE_FRAMES_MAX);
    assert_int_equal(frames.more, 8);
    assert_int_equal(frames.looked, RECOMPILE_FRAMES_MAX + 8);
    down(&bench, bench.any);
}

static ThreadID own_thread;

static HRESULT current_thread(INFO, ThreadID *thread)
{
    (void)self;
    *thread = own_thread;
    return S_OK;
}

static void the_worker_does_not_count(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    own_thread = standin_thread(bench.standin, 2);
    thread_in(&bench, 3, body(&bench, bench.any, 0));
    standin_table(bench.standin)->GetCurrentThreadID = current_thread;
    harness_claim(&bench.a, bench.any);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.threads, 2);
    assert_int_equal(frames.looked, 2);
    assert_int_equal(frames.count, 2);
    assert_int_equal(frames.list[1].thread, 3);
    down(&bench, bench.any);
}

/* ---- frames that hold copies ---- */

static void an_inliner_that_the_jit_named(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const uintptr_t tier0 = body(&bench, bench.where, 0), tier1 = body(&bench, bench.where, 0);
    standin_inlines(bench.standin, bench.linq, bench.where.method, bench.linq, bench.any.method);
    thread_in(&bench, 1, tier1);
    thread_in(&bench, 2, tier0);
    harness_claim(&bench.a, bench.any);
    const struct standin_use use = harness_call(&bench, bench.where);
    assert_true(use.recompiled);
    thread_in(&bench, 3, body(&bench, bench.where, use.rejit));
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.count, 1); /* Tier0 code holds no copy, the new version neither */
    assert_frame(&frames.list[0], 1, RECOMPILE_FRAME_COPY, bench.where, none);
    down(&bench, bench.any);
}

struct pair {
    struct method_key inliner, inlinee;
};

static bool take_pair(void *context, const struct recompile_inliner *inliner)
{
    struct pair *pair = context;
    if (pair->inliner.module || inliner->sources != RECOMPILE_SOURCE_TABLE ||
        inliner->key.module != inliner->inlinee.module)
        return true;
    pair->inliner = inliner->key;
    pair->inlinee = inliner->inlinee;
    return true;
}

static void a_precompiled_inliner(void **state)
{
    struct bench bench;
    struct recompile_coverage coverage;
    struct error error;
    struct pair pair = {0};
    (void)state;
    up(&bench);
    const struct method_key thrower = {
        .module = bench.core,
        .method = standin_method(bench.standin, bench.core, "System.String", "IsNullOrEmpty")};
    assert_int_equal(recompile_coverage(harness_recompile, &thrower, 1, &coverage, NULL, take_pair,
                                        &pair, &error),
                     STATUS_OK);
    assert_int_not_equal(pair.inliner.module, 0);
    thread_in(&bench, 1, body(&bench, pair.inliner, 0));
    thread_in(&bench, 2, body(&bench, bench.any, 0));
    harness_claim(&bench.a, thrower);
    struct recompile_frames frames = look(&bench, &thrower, 1);
    assert_int_equal(frames.count, 1);
    assert_frame(&frames.list[0], 1, RECOMPILE_FRAME_COPY, pair.inliner, thrower);

    const struct standin_use use = harness_call(&bench, pair.inliner);
    assert_true(use.recompiled);
    thread_in(&bench, 3, body(&bench, pair.inliner, use.rejit));
    frames = look(&bench, &thrower, 1);
    assert_int_equal(frames.count, 1);
    assert_frame(&frames.list[0], 1, RECOMPILE_FRAME_COPY, pair.inliner, thrower);

    /* Of interest to the claim on that method alone. */
    harness_claim(&bench.b, bench.count);
    frames = look(&bench, &bench.count, 1);
    assert_int_equal(frames.count, 0);
    harness_release(&bench.b, bench.count);
    down(&bench, thrower);
}

/* Callers by IL of methods of CoreLib, in CoreLib. */
struct callers {
    mdToken list[256];
    uint32_t count;
};

static bool take_caller(void *context, mdToken caller, size_t position)
{
    struct callers *callers = context;
    (void)position;
    if (!callers->count || callers->list[callers->count - 1] != caller)
        callers->list[callers->count++] = caller;
    return callers->count < 256;
}

static struct callers callers_of(struct bench *bench, mdToken method)
{
    struct callers callers = {0};
    const struct module *core = modules_find(recompile_modules(harness_recompile), bench->core);
    r2r_callers_walk(core->image, &method, 1, take_caller, &callers, NULL);
    assert_int_not_equal(callers.count, 0);
    return callers;
}

static size_t body_bytes(struct bench *bench, mdToken method)
{
    struct reader bytes = {0};
    const struct module *core = modules_find(recompile_modules(harness_recompile), bench->core);
    metadata_image_body(
        core->image,
        metadata_cell(core->image, CLR_TABLE_MethodDef, token_rid(method), METADATA_METHOD_DEF_RVA),
        &bytes, NULL);
    return bytes.length;
}

static bool has(const struct callers *callers, mdToken method)
{
    for (uint32_t i = 0; i < callers->count; i++) {
        if (callers->list[i] == method)
            return true;
    }
    return false;
}

static bool never_inlined(struct bench *bench, mdToken method)
{
    const struct module *core = modules_find(recompile_modules(harness_recompile), bench->core);
    return metadata_cell(core->image, CLR_TABLE_MethodDef, token_rid(method),
                         METADATA_METHOD_DEF_IMPL_FLAGS) &
           miNoInlining;
}

/* A method that calls one of `callers`, a small one, and is none of them, nor known. */
static mdToken indirect_caller(struct bench *bench, const struct callers *callers)
{
    const struct module *core = modules_find(recompile_modules(harness_recompile), bench->core);
    for (uint32_t i = 0; i < callers->count; i++) {
        struct callers second = {0};
        if (body_bytes(bench, callers->list[i]) > 200 || never_inlined(bench, callers->list[i]))
            continue;
        r2r_callers_walk(core->image, &callers->list[i], 1, take_caller, &second, NULL);
        for (uint32_t j = 0; j < second.count; j++) {
            const struct method_key key = {.module = bench->core, .method = second.list[j]};
            if (!has(callers, second.list[j]) &&
                !method_table_find(&harness_recompile->methods, key))
                return second.list[j];
        }
    }
    fail();
    return 0;
}

static void optimised_code_that_calls_it(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    standin_set_version(bench.standin, 10, 0, 12);
    /* No table names callers of a method that is in none: a method of ours alone. */
    const struct method_key key = {
        .module = bench.core,
        .method = standin_method(bench.standin, bench.core, "System.String", "IsNullOrEmpty")};
    const struct callers callers = callers_of(&bench, key.method);
    harness_claim(&bench.a, key);
    /* Those that the tables name are told as copies: the others as what they may be. */
    struct method_key direct = none;
    for (uint32_t i = 0; i < callers.count && !direct.module; i++) {
        const struct method_key one = {.module = bench.core, .method = callers.list[i]};
        if (!method_table_find(&harness_recompile->methods, one))
            direct = one;
    }
    assert_int_not_equal(direct.module, 0);
    const uintptr_t first = body(&bench, direct, 0), later = body(&bench, direct, 0);
    thread_in(&bench, 1, first);
    thread_in(&bench, 2, later);
    const struct method_key indirect = {.module = bench.core,
                                        .method = indirect_caller(&bench, &callers)};
    body(&bench, indirect, 0);
    thread_in(&bench, 3, body(&bench, indirect, 0));
    body(&bench, bench.count, 0);
    thread_in(&bench, 4, body(&bench, bench.count, 0));
    const struct recompile_frames frames = look(&bench, &key, 1);
    assert_int_equal(frames.count, 2);
    for (uint32_t i = 0; i < frames.count; i++) {
        const bool directly = frames.list[i].thread == 2;
        assert_frame(&frames.list[i], directly ? 2 : 3, RECOMPILE_FRAME_MAYBE,
                     directly ? direct : indirect, key);
    }
    down(&bench, key);
}

/* ---- the time and the room that a pause has ---- */

/* More than there is time for: said. */
static void calls_that_are_not_looked_at(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const ThreadID thread = standin_thread(bench.standin, 1);
    for (uint32_t rid = 9000; rid < 13000; rid++) {
        standin_body(bench.standin, bench.core, token_make(CLR_TABLE_MethodDef, rid), 0);
        standin_enter(
            bench.standin, thread,
            standin_body(bench.standin, bench.core, token_make(CLR_TABLE_MethodDef, rid), 0));
    }
    harness_claim(&bench.a, bench.any);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.count, 0);
    if (frames.end == RECOMPILE_FRAMES_WHOLE)
        assert_in_range(frames.unread, 1, 3999);
    down(&bench, bench.any);
}

static long interruptions(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nivcsw;
}

static void many_threads_are_looked_at_in_part(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const uintptr_t own = body(&bench, bench.any, 0);
    for (uint32_t i = 0; i < 500; i++)
        thread_in(&bench, 1 + i, own);
    harness_claim(&bench.a, bench.any);
    standin_pace(bench.standin, MS / 5, MS / 10, MS / 50);
    /* Where the machine has taken the processor away meanwhile, the length tells nothing. */
    bool kept = false, undisturbed = false;
    for (int i = 0; i < 20 && !kept; i++) {
        const long before = interruptions();
        const struct recompile_frames frames = look(&bench, &bench.any, 1);
        char text[256];
        assert_int_equal(frames.end, RECOMPILE_FRAMES_TIME);
        assert_string_equal(recompile_frames_why(&frames, text, sizeof(text)),
                            "the time for it was over: 8 ms");
        assert_int_equal(frames.threads, 500);
        assert_true(frames.looked <= 79);
        assert_int_equal(frames.count + frames.more, frames.looked);
        kept = frames.pause_ns < RECOMPILE_FRAMES_PAUSE_NS && frames.looked > 40;
        undisturbed = undisturbed || interruptions() == before;
    }
    assert_true(kept || !undisturbed);
    down(&bench, bench.any);
}

static void a_walk_is_ended_in_the_middle(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const uintptr_t own = body(&bench, bench.count, 0);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    const ThreadID deep = standin_thread(bench.standin, 2);
    for (int i = 0; i < 10000; i++)
        standin_enter(bench.standin, deep, own);
    thread_in(&bench, 3, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    standin_pace(bench.standin, 0, MS / 100, 0);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.end, RECOMPILE_FRAMES_TIME);
    assert_int_equal(frames.looked, 1);
    assert_int_equal(frames.threads, 3);
    assert_int_equal(frames.count, 1);
    down(&bench, bench.any);
}

static void a_slow_suspension_is_tried_again(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    standin_pace(bench.standin, 9 * MS, 0, 0);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.end, RECOMPILE_FRAMES_TIME);
    assert_int_equal(frames.looked, 0);
    assert_int_equal(frames.threads, 1);
    assert_int_equal(standin_counts(bench.standin).suspends, 3);
    assert_true(frames.pause_ns >= 9 * MS);
    down(&bench, bench.any);
}

static void a_collection_that_goes_on_is_waited_for(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    standin_fail(bench.standin, STANDIN_FAIL_SUSPEND, 0, 0, CORPROF_E_SUSPENSION_IN_PROGRESS, 5);
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.end, RECOMPILE_FRAMES_WHOLE);
    assert_int_equal(frames.count, 1);
    assert_true(frames.suspend_ns < frames.pause_ns);
    assert_int_equal(standin_counts(bench.standin).suspends, 1);
    down(&bench, bench.any);
}

static void deep_stacks_and_full_memory(void **state)
{
    struct bench bench;
    char text[256];
    (void)state;
    up(&bench);
    const uintptr_t own = body(&bench, bench.count, 0);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    const ThreadID deep = standin_thread(bench.standin, 2);
    for (int i = 0; i < 16385; i++)
        standin_enter(bench.standin, deep, own);
    thread_in(&bench, 3, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    struct recompile_frames frames = look(&bench, &bench.any, 1);
    if (frames.end != RECOMPILE_FRAMES_TIME) { /* on a very slow machine */
        assert_int_equal(frames.end, RECOMPILE_FRAMES_ROOM);
        assert_int_equal(frames.looked, 2);
        assert_int_equal(frames.threads, 3);
        assert_int_equal(frames.count, 2);
        assert_string_equal(recompile_frames_why(&frames, text, sizeof(text)),
                            "there is no room for more than 16384 frames a thread, 65536 in all");
    }
    for (int i = 0; i < 5; i++) {
        const ThreadID another = standin_thread(bench.standin, 4);
        for (int j = 0; j < 16000; j++)
            standin_enter(bench.standin, another, own);
    }
    frames = look(&bench, &bench.any, 1);
    assert_true(frames.end == RECOMPILE_FRAMES_ROOM || frames.end == RECOMPILE_FRAMES_TIME);
    assert_true(frames.looked < 8);
    down(&bench, bench.any);
}

/* ---- whatever fails ---- */

struct failure {
    enum standin_fault fault;
    mdToken method; /* or a thread */
    HRESULT result;
    uint32_t times;
    enum recompile_frames_end end;
    uint32_t looked, threads, count;
};

static void faults_at_every_step(void **state)
{
    static const struct failure failures[] = {
        {STANDIN_FAIL_SUSPEND, 0, CORPROF_E_SUSPENSION_IN_PROGRESS, 0, RECOMPILE_FRAMES_REFUSED, 0,
         0, 0},
        {STANDIN_FAIL_SUSPEND, 0, E_NOTIMPL, 0, RECOMPILE_FRAMES_REFUSED, 0, 0, 0},
        {STANDIN_FAIL_THREADS, 0, E_OUTOFMEMORY, 0, RECOMPILE_FRAMES_REFUSED, 0, 0, 0},
        {STANDIN_FAIL_NEXT, 0, E_FAIL, 0, RECOMPILE_FRAMES_REFUSED, 0, 0, 0},
        {STANDIN_FAIL_OS_THREAD, 2, E_INVALIDARG, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        {STANDIN_FAIL_WALK, 2, CORPROF_E_STACKSNAPSHOT_UNSAFE, 0, RECOMPILE_FRAMES_THREADS, 2, 3,
         1},
        {STANDIN_FAIL_WALK, 0, CORPROF_E_STACKSNAPSHOT_UNSAFE, 0, RECOMPILE_FRAMES_THREADS, 0, 3,
         0},
        {STANDIN_FAIL_WALK_END, 2, E_FAIL, 0, RECOMPILE_FRAMES_THREADS, 2, 3, 2},
        {STANDIN_FAIL_WALK, 2, E_FAIL, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 1},
        {STANDIN_FAIL_FUNCTION, 0, E_INVALIDARG, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 0},
        {STANDIN_FAIL_RESUME, 0, E_FAIL, 1, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        {STANDIN_FAIL_RESUME, 0, E_FAIL, 2, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        /* Behind the pause. Not asked for since: any frame is old. */
        {STANDIN_FAIL_IP, 0, E_FAIL, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        {STANDIN_FAIL_VERSIONS, 0, E_FAIL, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        {STANDIN_FAIL_STARTS, 0, E_FAIL, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
        {STANDIN_FAIL_CODE, 0, E_FAIL, 0, RECOMPILE_FRAMES_WHOLE, 3, 3, 2},
    };
    struct bench bench;
    (void)state;
    up(&bench);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    thread_in(&bench, 2, body(&bench, bench.any, 0));
    thread_in(&bench, 3, body(&bench, bench.count, 0));
    harness_claim(&bench.a, bench.any);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        const struct failure *failure = &failures[i];
        standin_fail(bench.standin, failure->fault, 0, failure->method, failure->result,
                     failure->times);
        const struct recompile_frames frames = look(&bench, &bench.any, 1);
        standin_mend(bench.standin, failure->fault);
        assert_int_equal(frames.end, failure->end);
        assert_int_equal(frames.looked, failure->looked);
        assert_int_equal(frames.threads, failure->threads);
        assert_int_equal(frames.count, failure->count);
        if (failure->end != RECOMPILE_FRAMES_WHOLE)
            assert_int_equal(frames.result, failure->result);
        if (failure->fault == STANDIN_FAIL_SUSPEND)
            assert_int_equal(frames.pause_ns, 0);
    }
    /* And all is well again. */
    const struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.end, RECOMPILE_FRAMES_WHOLE);
    assert_int_equal(frames.count, 2);
    down(&bench, bench.any);
}

/* At any single call of the walk, whichever thread it is. */
static void faults_at_any_thread(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    for (uint32_t i = 0; i < 20; i++)
        thread_in(&bench, 1 + i, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    for (uint32_t i = 0; i < 20; i++) {
        standin_fail(bench.standin, STANDIN_FAIL_WALK, 0, 1 + i, CORPROF_E_STACKSNAPSHOT_UNSAFE, 1);
        const struct recompile_frames frames = look(&bench, &bench.any, 1);
        assert_int_equal(frames.end, RECOMPILE_FRAMES_THREADS);
        assert_int_equal(frames.looked, 19);
        assert_int_equal(frames.count, 19);
    }
    down(&bench, bench.any);
}

static void a_runtime_that_does_not_run_on(void **state)
{
    struct bench bench;
    struct recompile_frames frames;
    char text[256];
    (void)state;
    up(&bench);
    thread_in(&bench, 1, body(&bench, bench.any, 0));
    harness_claim(&bench.a, bench.any);
    standin_fail(bench.standin, STANDIN_FAIL_RESUME, 0, 0, E_UNEXPECTED, 3);
    watched = NULL;
    recompile_frames_look(harness_recompile, &bench.any, 1, &frames);
    assert_int_equal(frames.end, RECOMPILE_FRAMES_STUCK);
    assert_int_equal(frames.result, E_UNEXPECTED);
    assert_non_null(strstr(recompile_frames_why(&frames, text, sizeof(text)), "E_UNEXPECTED"));
    assert_true(standin_suspended(bench.standin)); /* it has been asked three times */
    struct ICorProfilerInfo15 *info = standin_info(bench.standin);
    assert_int_equal(info->vtbl->ResumeRuntime(info), S_OK);
    down(&bench, bench.any);
}

static void functions_that_are_none_of_ours(void **state)
{
    struct bench bench;
    (void)state;
    up(&bench);
    const ModuleID later = harness_load(bench.standin, "System.Collections.dll", 0);
    const ModuleID collectible =
        harness_load(bench.standin, "System.Runtime.dll", COR_PRF_MODULE_COLLECTIBLE);
    thread_in(&bench, 1, standin_body(bench.standin, later, 0x06000001, 0)); /* not noted yet */
    thread_in(&bench, 2, standin_body(bench.standin, collectible, 0x06000001, 0));
    thread_in(&bench, 3, standin_body(bench.standin, bench.linq, 0x06ffffff, 0)); /* no such row */
    thread_in(&bench, 4, standin_body(bench.standin, bench.linq, 0, 0));          /* dynamic */
    harness_claim(&bench.a, bench.any);
    struct recompile_frames frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.looked, 4);
    assert_int_equal(frames.count, 0);
    recompile_pump(harness_recompile);
    frames = look(&bench, &bench.any, 1);
    assert_int_equal(frames.looked, 4);
    assert_int_equal(frames.count, 0);
    down(&bench, bench.any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claimed_method_on_a_stack),
        cmocka_unit_test(more_frames_than_are_listed),
        cmocka_unit_test(the_worker_does_not_count),
        cmocka_unit_test(an_inliner_that_the_jit_named),
        cmocka_unit_test(a_precompiled_inliner),
        cmocka_unit_test(optimised_code_that_calls_it),
        cmocka_unit_test(calls_that_are_not_looked_at),
        cmocka_unit_test(many_threads_are_looked_at_in_part),
        cmocka_unit_test(a_walk_is_ended_in_the_middle),
        cmocka_unit_test(a_slow_suspension_is_tried_again),
        cmocka_unit_test(a_collection_that_goes_on_is_waited_for),
        cmocka_unit_test(deep_stacks_and_full_memory),
        cmocka_unit_test(faults_at_every_step),
        cmocka_unit_test(faults_at_any_thread),
        cmocka_unit_test(a_runtime_that_does_not_run_on),
        cmocka_unit_test(functions_that_are_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
