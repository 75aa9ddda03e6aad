#include "recorder_state.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base_clock.h"
#include "recorder_ring.h"

#define STRIDE     ((size_t)RECORDER_SLOT_BYTES + RECORDER_HELD_BYTES)
#define WORDS      ((RECORDER_MAX_THREADS + 63u) / 64u)
#define FEWEST     1024u
#define LOOK_AGAIN 20000 /* nanoseconds */

__thread struct recorder_slot *recorder_current;

static uint8_t *slots;      /* an address range; a slot is committed when it is first taken */
static uint32_t slot_count; /* slots that fit the range */
static _Atomic uint64_t taken[WORDS];
static _Atomic uint64_t committed[WORDS]; /* may be read; never taken back */
static _Atomic uint32_t committed_count;
static _Atomic uint32_t words_used; /* of the two above: behind these all is 0 */
static _Atomic uint32_t strangers;
static pthread_key_t key;
static bool has_membarrier;
static void *barrier_page;

static struct recorder_slot *slot_at(uint32_t index)
{
    return (struct recorder_slot *)(void *)(slots + index * STRIDE);
}

static bool is_committed(uint32_t index)
{
    return atomic_load_explicit(&committed[index / 64], memory_order_acquire) >> (index % 64) & 1;
}

/* The lowest free slot, so that slots in use stay few and near. */
static bool take_index(uint32_t *index)
{
    for (uint32_t word = 0; word < (slot_count + 63) / 64; word++) {
        uint64_t used = atomic_load_explicit(&taken[word], memory_order_relaxed);
        while (used != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~used);
            if (word * 64 + bit >= slot_count) {
                return false;
            }
            if (atomic_compare_exchange_weak(&taken[word], &used, used | 1ull << bit)) {
                *index = word * 64 + bit;
                return true;
            }
        }
    }
    return false;
}

static void give_index(uint32_t index)
{
    atomic_fetch_and_explicit(&taken[index / 64], ~(1ull << (index % 64)), memory_order_release);
}

static bool commit(uint32_t index)
{
    struct recorder_slot *slot = slot_at(index);
    if (is_committed(index)) {
        return true;
    }
    if (mprotect(slot, STRIDE, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    slot->index = index;
    slot->calls = (uint64_t)(index + 1) << 48;
    slot->shares_counters = index >= RECORDER_OWN_SHARDS;
    uint32_t words = atomic_load(&words_used);
    while (words < index / 64 + 1 &&
           !atomic_compare_exchange_weak(&words_used, &words, index / 64 + 1)) {
    }
    atomic_fetch_add(&committed_count, 1);
    atomic_fetch_or(&committed[index / 64], 1ull << (index % 64));
    return true;
}

struct recorder_slot *recorder_thread_join(void)
{
    uint32_t index;
    int saved = errno;
    struct recorder_slot *slot = NULL;
    if (slots != NULL && take_index(&index)) {
        if (commit(index) && pthread_setspecific(key, slot_at(index)) == 0) {
            slot = slot_at(index);
            slot->thread = (uint32_t)syscall(SYS_gettid);
            recorder_current = slot;
        } else {
            give_index(index);
        }
    }
    errno = saved;
    return slot;
}

/* At the thread's exit. A probe that runs on it even later takes a slot anew. */
static void leave(void *value)
{
    struct recorder_slot *slot = value;
    recorder_current = NULL;
    probe_begin(slot);
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        if (atomic_load_explicit(&recorder_sessions[i].live, memory_order_acquire)) {
            while (!ring_own(&slot->rings[i])) {
                sched_yield(); /* the worker is closing it: a few stores */
            }
            ring_close(&slot->rings[i]);
        }
    }
    slot->held_top = 0;
    slot->pending_handle = 0;
    memset(slot->done, 0, sizeof slot->done);
    probe_end(slot);
    give_index(slot->index);
}

void recorder_thread_leave(void)
{
    struct recorder_slot *slot = recorder_current;
    if (slot != NULL && pthread_setspecific(key, NULL) == 0) {
        leave(slot);
    }
}

struct recorder_slot *recorder_thread_next(uint32_t *cursor)
{
    uint32_t words = atomic_load(&words_used);
    for (uint32_t index = *cursor; index < words * 64 && index < slot_count; index++) {
        if (is_committed(index)) {
            *cursor = index + 1;
            return slot_at(index);
        }
    }
    return NULL;
}

size_t recorder_thread_memory(void)
{
    return (size_t)atomic_load(&committed_count) * RECORDER_SLOT_BYTES;
}

void recorder_stranger_begin(void)
{
    atomic_fetch_add(&strangers, 1);
}

void recorder_stranger_end(void)
{
    atomic_fetch_sub(&strangers, 1);
}

/* Without membarrier: taking a right away from a page that this thread has touched interrupts
 * every processor that runs a thread of ours, and an interrupt orders memory. */
void recorder_barrier(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (has_membarrier && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0) {
        return;
    }
    mprotect(barrier_page, RECORDER_SLOT_BYTES, PROT_READ | PROT_WRITE);
    *(volatile uint8_t *)barrier_page = 1;
    mprotect(barrier_page, RECORDER_SLOT_BYTES, PROT_NONE);
}

static bool wait_until(uint64_t deadline)
{
    struct timespec pause = {.tv_nsec = LOOK_AGAIN};
    if (clock_monotonic() >= deadline) {
        return false;
    }
    nanosleep(&pause, NULL);
    return true;
}

static bool wait_for_slot(struct recorder_slot *slot, uint64_t deadline)
{
    uint64_t busy = atomic_load_explicit(&slot->busy, memory_order_acquire);
    if ((busy & 1) == 0) {
        return true;
    }
    while (atomic_load_explicit(&slot->busy, memory_order_acquire) == busy) {
        if (!wait_until(deadline)) {
            return false;
        }
    }
    return true;
}

bool recorder_quiesce(uint64_t nanoseconds)
{
    uint64_t deadline = clock_monotonic() + nanoseconds;
    recorder_barrier();
    while (atomic_load(&strangers) != 0) {
        if (!wait_until(deadline)) {
            return false;
        }
    }
    uint32_t cursor = 0;
    struct recorder_slot *slot;
    while ((slot = recorder_thread_next(&cursor)) != NULL) {
        if (!wait_for_slot(slot, deadline)) {
            return false;
        }
    }
    return true;
}

static bool reserve_slots(void)
{
    for (slot_count = RECORDER_MAX_THREADS; slot_count >= FEWEST; slot_count /= 2) {
        void *range = mmap(NULL, slot_count * STRIDE, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range != MAP_FAILED) {
            slots = range;
            return true;
        }
    }
    return false;
}

enum status recorder_thread_init(struct error *error)
{
    has_membarrier = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0;
    barrier_page = mmap(NULL, RECORDER_SLOT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (barrier_page == MAP_FAILED || !reserve_slots()) {
        return error_set(error, STATUS_MEMORY, "no address space for the table of threads");
    }
    if (pthread_key_create(&key, leave) != 0) {
        return error_set(error, STATUS_LIMIT, "the process has no thread-specific key left");
    }
    return STATUS_OK;
}
