/*
 * The entry points. recorder_enter, recorder_return and recorder_count have a fast path that
 * calls nothing: one look at the site's line, one at the thread's ring, the record, and one
 * release store that publishes it. All else goes through recorder_call.
 */
#include "recorder.h"

#include "recorder_call.h"
#include "recorder_ring.h"
#include "recorder_sample.h"

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define CALLER()            ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define SLOW_PATH           __attribute__((noinline))

/* Heads of scalar values: see struct wire_value; the second word is at = 0, length = 8. */
#define SCALAR_HEAD(value) ((uint64_t)(value) << 16 | WIRE_VALUE_SCALAR)
#define SCALAR_LENGTH      ((uint64_t)8 << 32)
#define SCALAR_WORDS       3
#define RECORD_WORDS       3

_Static_assert(sizeof(struct wire_record) == RECORD_WORDS * 8 &&
                   sizeof(struct wire_value) + 8 == SCALAR_WORDS * 8,
               "the fast path writes words");

static inline struct recorder_slot *slot_here(void)
{
    struct recorder_slot *slot = recorder_current;
    return likely(slot != NULL) ? slot : recorder_thread_join();
}

static inline struct recorder_ring *ring_in(struct recorder_slot *slot, struct recorder_site *site)
{
    return (struct recorder_ring *)(void *)((uint8_t *)slot + site->ring_at);
}

/* The site's counter in the thread's shard, which the ring knows. */
static inline _Atomic uint64_t *counter_in(struct recorder_ring *ring, struct recorder_site *site,
                                           enum wire_counter counter)
{
    return (_Atomic uint64_t *)(void *)((uint8_t *)ring->counters + site->counters_at) + counter;
}

/* NULL: the site is void. Of a site nothing is read before its generation has been seen. */
static inline struct recorder_ring *ring_of(struct recorder_slot *slot, struct recorder_site *site,
                                            uint64_t handle)
{
    return likely(site_valid(site, handle)) ? ring_in(slot, site) : NULL;
}

static inline uint64_t *put_scalar(uint64_t *to, uint32_t value, int64_t bits)
{
    to[0] = SCALAR_HEAD(value);
    to[1] = SCALAR_LENGTH;
    to[2] = (uint64_t)bits;
    return to + SCALAR_WORDS;
}

/* No slot is left: the call cannot be recorded, but it is counted. */
static SLOW_PATH void count_without_slot(uint64_t handle, enum wire_counter counter)
{
    recorder_stranger_begin();
    struct recorder_site *site = site_of(handle);
    if (site_valid(site, handle)) {
        ring_count(&recorder_sessions[site->session], NULL, (uint32_t)(site->enter_head >> 32),
                   counter);
    }
    recorder_stranger_end();
}

/* ---- recorder_enter ---- */

/* The slot is busy; it is not when this returns. */
static SLOW_PATH uint64_t enter_slow(struct recorder_slot *slot, uint64_t handle, int64_t v0,
                                     int64_t v1, int64_t v2, int64_t v3, int64_t v4,
                                     uint64_t caller)
{
    uint64_t call = 0;
    if (site_valid(site_of(handle), handle)) {
        const int64_t own[RECORDER_ENTER_VALUES] = {v0, v1, v2, v3, v4};
        struct capture_source source = {.own = own,
                                        .own_count = RECORDER_ENTER_VALUES,
                                        .staged = slot->staged,
                                        .caller = caller};
        uint64_t began = sample_begin(slot);
        call = call_enter(slot, handle, &source);
        sample_end(slot, handle, began);
    }
    probe_end(slot);
    return call;
}

/* A call that need not be looked at, and is left out or has no room (there was none before, and is
 * none now): it is counted, and that is all. */
static bool pass_over(struct recorder_slot *slot, struct recorder_site *site,
                      struct recorder_ring *ring)
{
    struct recorder_session *session = &recorder_sessions[site->session];
    uint32_t number = (uint32_t)(site->enter_head >> 32);
    uint32_t shift = sample_shift(site);
    if (shift != 0 && !sample_takes(slot, shift)) {
        ring_count(session, slot, number, WIRE_COUNTER_SAMPLED);
        return true;
    }
    if (ring->full && ring_still_full(ring, session)) {
        ring_count(session, slot, number, WIRE_COUNTER_LOST);
        return true;
    }
    return false;
}

/* What the fast path is not for. */
static SLOW_PATH uint64_t enter_full(struct recorder_slot *slot, uint64_t handle, int64_t v0,
                                     int64_t v1, int64_t v2, int64_t v3, int64_t v4,
                                     uint64_t caller)
{
    struct recorder_site *site = site_of(handle);
    struct recorder_ring *ring = ring_of(slot, site, handle);
    if (ring != NULL && site->plain && pass_over(slot, site, ring)) {
        probe_end(slot);
        return 0;
    }
    return enter_slow(slot, handle, v0, v1, v2, v3, v4, caller);
}

/* The thread's first probe. */
static SLOW_PATH uint64_t enter_first(uint64_t handle, int64_t v0, int64_t v1, int64_t v2,
                                      int64_t v3, int64_t v4, uint64_t caller)
{
    struct recorder_slot *slot = recorder_thread_join();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_LOST);
        return 0;
    }
    probe_begin(slot);
    return enter_full(slot, handle, v0, v1, v2, v3, v4, caller);
}

/* The fast path is for up to two values: what more would keep alive costs registers. */
uint64_t recorder_enter(uint64_t handle, int64_t v0, int64_t v1, int64_t v2, int64_t v3, int64_t v4)
{
    struct recorder_slot *slot = recorder_current;
    struct recorder_site *site = site_of(handle);
    if (unlikely(slot == NULL)) {
        return enter_first(handle, v0, v1, v2, v3, v4, CALLER());
    }
    probe_begin(slot);
    struct recorder_ring *ring = ring_of(slot, site, handle);
    uint32_t values = RECORDER_SLOW;
    if (likely(ring != NULL)) {
        values = atomic_load_explicit(&site->entry, memory_order_relaxed);
    }
    if (unlikely(values > RECORDER_FAST || !ring_is_fast(ring))) {
        return enter_full(slot, handle, v0, v1, v2, v3, v4, CALLER());
    }
    ring_add(slot, counter_in(ring, site, WIRE_COUNTER_CALLS));
    uint64_t *to = (uint64_t *)(void *)ring->cursor;
    uint64_t *next = to + RECORD_WORDS;
    uint64_t call = ++slot->calls;
    to[0] = site->enter_head;
    to[1] = call;
    if (values > 0) {
        next = put_scalar(next, site->enter_value[0], v0);
        if (values > 1) {
            next = put_scalar(next, site->enter_value[1], v1);
        }
    }
    call &= 0 - (uint64_t)site->answers;
    to[2] = recorder_tsc();
    ring_publish(ring, (uint8_t *)next);
    probe_end(slot);
    return call;
}

void recorder_stage(uint64_t first, int64_t v0, int64_t v1, int64_t v2, int64_t v3, int64_t v4)
{
    struct recorder_slot *slot = slot_here();
    const int64_t own[RECORDER_STAGE_VALUES] = {v0, v1, v2, v3, v4};
    for (uint32_t i = 0; slot != NULL && i < RECORDER_STAGE_VALUES; i++) {
        if (first + i < RECORDER_MAX_VALUES) {
            slot->staged[first + i] = own[i];
        }
    }
}

/* ---- exits ---- */

static SLOW_PATH void exit_slow(uint64_t handle, uint64_t call, struct capture_source *source,
                                uint64_t time)
{
    struct recorder_slot *slot = slot_here();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_LOST);
        return;
    }
    source->staged = slot->staged;
    probe_begin(slot);
    if (site_valid(site_of(handle), handle)) {
        uint64_t began = sample_begin(slot);
        call_exit(slot, handle, call, source, time);
        sample_end(slot, handle, began);
    } else {
        call_forget(slot, call);
    }
    probe_end(slot);
}

static SLOW_PATH void return_slow(uint64_t handle, uint64_t call, int64_t v0, int64_t v1,
                                  int64_t v2, int64_t v3, uint64_t caller, uint64_t time)
{
    const int64_t own[RECORDER_EXIT_VALUES] = {v0, v1, v2, v3};
    struct capture_source source = {
        .own = own, .own_count = RECORDER_EXIT_VALUES, .caller = caller};
    exit_slow(handle, call, &source, recorder_has_tsc ? time : recorder_now());
}

/* `time` is the moment of the call only where there is a tsc; sites know the fast path only
 * there. */
void recorder_return(uint64_t handle, uint64_t call, int64_t v0, int64_t v1, int64_t v2, int64_t v3)
{
    if (call == 0) {
        return;
    }
    uint64_t time = recorder_tsc();
    struct recorder_slot *slot = recorder_current;
    struct recorder_site *site = site_of(handle);
    if (unlikely(slot == NULL)) {
        return_slow(handle, call, v0, v1, v2, v3, CALLER(), time);
        return;
    }
    probe_begin(slot);
    struct recorder_ring *ring = ring_of(slot, site, handle);
    if (unlikely(ring == NULL || site->exit_values > RECORDER_FAST || !ring_is_fast(ring))) {
        probe_end(slot);
        return_slow(handle, call, v0, v1, v2, v3, CALLER(), time);
        return;
    }
    uint64_t *to = (uint64_t *)(void *)ring->cursor;
    uint64_t *next = to + RECORD_WORDS;
    to[0] = site->exit_head;
    to[1] = call;
    to[2] = time;
    if (site->exit_values > 0) {
        next = put_scalar(next, site->exit_value[0], v0);
        if (site->exit_values > 1) {
            next = put_scalar(next, site->exit_value[1], v1);
        }
    }
    ring_publish(ring, (uint8_t *)next);
    probe_end(slot);
}

void recorder_throw(uint64_t handle, uint64_t call, int64_t exception, int64_t v0, int64_t v1,
                    int64_t v2)
{
    if (call == 0) {
        return;
    }
    uint64_t time = recorder_now();
    const int64_t own[] = {v0, v1, v2};
    struct capture_source source = {.own = own,
                                    .own_count = sizeof own / sizeof own[0],
                                    .exception = exception,
                                    .thrown = true,
                                    .caller = CALLER()};
    exit_slow(handle, call, &source, time);
}

/* ---- recorder_count ---- */

static SLOW_PATH void count_slow(uint64_t handle)
{
    struct recorder_slot *slot = slot_here();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_CALLS);
        return;
    }
    probe_begin(slot);
    struct recorder_site *site = site_of(handle);
    if (site_valid(site, handle)) {
        ring_count(&recorder_sessions[site->session], slot, (uint32_t)(site->enter_head >> 32),
                   WIRE_COUNTER_CALLS);
    }
    probe_end(slot);
}

void recorder_count(uint64_t handle)
{
    struct recorder_slot *slot = recorder_current;
    struct recorder_site *site = site_of(handle);
    if (unlikely(slot == NULL)) {
        count_slow(handle);
        return;
    }
    uint64_t busy = atomic_load_explicit(&slot->busy, memory_order_relaxed);
    atomic_store_explicit(&slot->busy, busy + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    struct recorder_ring *ring = ring_of(slot, site, handle);
    bool first = false;
    if (likely(ring != NULL)) {
        first = ring->counters == NULL;
        if (likely(!first)) {
            ring_add(slot, counter_in(ring, site, WIRE_COUNTER_CALLS));
        }
    }
    atomic_store_explicit(&slot->busy, busy + 2, memory_order_release);
    if (unlikely(first)) {
        count_slow(handle);
    }
}

/* ---- async ---- */

int32_t recorder_suspended_key_wanted(uint64_t handle, uint64_t call)
{
    struct recorder_slot *slot = recorder_current;
    if (call == 0 || slot == NULL) {
        return 0;
    }
    return !call_take_done(slot, call) && site_valid(site_of(handle), handle);
}

void recorder_suspended(uint64_t handle, uint64_t call, int64_t key)
{
    struct recorder_slot *slot = slot_here();
    if (call == 0 || slot == NULL) {
        return;
    }
    probe_begin(slot);
    if (site_valid(site_of(handle), handle)) {
        uint64_t began = sample_begin(slot);
        call_suspend(slot, handle, call, key);
        sample_end(slot, handle, began);
    }
    probe_end(slot);
}

uint64_t recorder_async_first(uint64_t handle)
{
    struct recorder_slot *slot = recorder_current;
    if (slot == NULL || slot->pending_handle != handle) {
        return 0;
    }
    uint64_t call = slot->pending_call;
    slot->pending_handle = 0;
    slot->pending_call = 0;
    return call;
}

static void complete(uint64_t handle, uint64_t call, int64_t key, struct capture_source *source,
                     uint64_t time)
{
    struct recorder_slot *slot = slot_here();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_LOST);
        return;
    }
    source->staged = slot->staged;
    probe_begin(slot);
    if (call != 0) {
        slot->done[slot->done_next++ % RECORDER_DONE_CALLS] = call;
    }
    if (site_valid(site_of(handle), handle)) {
        uint64_t began = sample_begin(slot);
        call_complete(slot, handle, call, key, source, time);
        sample_end(slot, handle, began);
    }
    probe_end(slot);
}

void recorder_async_return(uint64_t handle, uint64_t call, int64_t key, int64_t v0, int64_t v1)
{
    uint64_t time = recorder_now();
    const int64_t own[] = {v0, v1};
    struct capture_source source = {
        .own = own, .own_count = sizeof own / sizeof own[0], .caller = CALLER()};
    complete(handle, call, key, &source, time);
}

void recorder_async_throw(uint64_t handle, uint64_t call, int64_t key, int64_t exception)
{
    uint64_t time = recorder_now();
    struct capture_source source = {.exception = exception, .thrown = true, .caller = CALLER()};
    complete(handle, call, key, &source, time);
}

/* ---- iterators ---- */

void recorder_iterator_start(uint64_t handle, int64_t key, int64_t v0, int64_t v1, int64_t v2,
                             int64_t v3)
{
    struct recorder_slot *slot = slot_here();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_LOST);
        return;
    }
    const int64_t own[] = {v0, v1, v2, v3};
    struct capture_source source = {.own = own,
                                    .own_count = sizeof own / sizeof own[0],
                                    .staged = slot->staged,
                                    .caller = CALLER()};
    probe_begin(slot);
    if (site_valid(site_of(handle), handle)) {
        uint64_t began = sample_begin(slot);
        call_iterator_start(slot, handle, key, &source);
        sample_end(slot, handle, began);
    }
    probe_end(slot);
}

static void iterator_step(uint64_t handle, int64_t key, enum wire_record_kind kind,
                          const struct capture_source *source)
{
    struct recorder_slot *slot = slot_here();
    if (slot == NULL) {
        count_without_slot(handle, WIRE_COUNTER_LOST);
        return;
    }
    probe_begin(slot);
    if (site_valid(site_of(handle), handle)) {
        uint64_t began = sample_begin(slot);
        call_iterator_step(slot, handle, key, kind, source);
        sample_end(slot, handle, began);
    }
    probe_end(slot);
}

void recorder_iterator_next(uint64_t handle, int64_t key, int64_t more)
{
    struct capture_source source = {.thrown = false};
    iterator_step(handle, key, more ? WIRE_RECORD_ITERATOR_ITEM : WIRE_RECORD_ITERATOR_END,
                  &source);
}

void recorder_iterator_throw(uint64_t handle, int64_t key, int64_t exception)
{
    struct capture_source source = {.exception = exception, .thrown = true};
    iterator_step(handle, key, WIRE_RECORD_ITERATOR_THROW, &source);
}
