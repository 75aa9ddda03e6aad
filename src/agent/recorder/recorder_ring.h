/*
 * recorder_ring: chunks of the memory file for one thread, and records and counts in them.
 *
 * Called with the slot busy and a valid site of the session at hand (or, in the worker, when no
 * thread can be in there). What is read from the memory file is only the bitmap of free chunks;
 * every bit of it is masked by our own count, and whatever it says, a thread writes only within
 * the chunk that it has taken last.
 */
#ifndef RECORDER_RING_H
#define RECORDER_RING_H

#include "recorder_state.h"

/* The first slots have a shard of counters each, and add without a locked instruction; the
 * others share the other half. */
#define RECORDER_OWN_SHARDS (WIRE_SHARDS / 2)

/* Of the bitmap: those of a session with rings of the usual size. */
#define RING_LOOK_WORDS 16u

/* Before anything else is done with the ring: takes back what the worker asks for. False: the
 * worker has it right now. */
static inline bool ring_own(struct recorder_ring *ring)
{
    uint32_t claim = atomic_load_explicit(&ring->claim, memory_order_acquire);
    if (__builtin_expect(claim == RECORDER_CLAIM_NONE, 1)) {
        return true;
    }
    return claim == RECORDER_CLAIM_ASKED &&
           atomic_compare_exchange_strong(&ring->claim, &claim, RECORDER_CLAIM_NONE);
}

/* Worker: has it a chunk, as far as can be seen from here? */
static inline bool ring_may_be_open(struct recorder_ring *ring)
{
    return atomic_load_explicit(&ring->limit, memory_order_relaxed) != NULL ||
           atomic_load_explicit(&ring->claim, memory_order_relaxed) != RECORDER_CLAIM_NONE;
}

/* Worker: closes the ring's chunk if its thread has done nothing since the last time. */
void ring_tend(struct recorder_ring *ring, struct recorder_slot *slot);
/* How many chunks are free, as far as the file can be believed. */
uint32_t ring_free_chunks(struct recorder_session *session);

/* Makes the open chunk, if any, full. */
void ring_close(struct recorder_ring *ring);
/* Closes the open chunk and takes a free one; false: there is none. */
bool ring_open(struct recorder_ring *ring, struct recorder_slot *slot,
               struct recorder_session *session);
/* Only where ring.full: no chunk has become free since, as far as a short look tells; ring_open
 * would search all the bitmap in vain. A bitmap of more than RING_LOOK_WORDS words is looked at in
 * turns, so that a free chunk is found within a few calls. False: ring.full is so, too, and the
 * way to ring_open is free. */
static inline bool ring_still_full(struct recorder_ring *ring, struct recorder_session *session)
{
    uint32_t count = atomic_load_explicit(&session->chunks_ready, memory_order_relaxed);
    uint32_t words = (count + 63) / 64;
    uint32_t word = ring->looked;
    uint32_t end = words - word < RING_LOOK_WORDS ? words : word + RING_LOOK_WORDS;
    uint64_t any = 0;
    for (; word < end; word++) {
        any |= atomic_load_explicit(&session->file->free_chunks[word], memory_order_relaxed);
    }
    ring->looked = end == words ? 0 : end;
    ring->full = any == 0;
    return ring->full;
}
/* Room for `bytes` behind the cursor, in a new chunk if need be. */
static inline bool ring_room(struct recorder_ring *ring, struct recorder_slot *slot,
                             struct recorder_session *session, size_t bytes)
{
    return (size_t)(ring->end - ring->cursor) >= bytes || ring_open(ring, slot, session);
}

/* The fast path's records fit while cursor < limit. */
static inline bool ring_is_fast(struct recorder_ring *ring)
{
    return ring->cursor < atomic_load_explicit(&ring->limit, memory_order_relaxed);
}

static inline void ring_set_limit(struct recorder_ring *ring, uint8_t *limit)
{
    atomic_store_explicit(&ring->limit, limit, memory_order_relaxed);
}

/* The bytes from the cursor up to `cursor` are whole records: the reader may have them. */
static inline void ring_publish(struct recorder_ring *ring, uint8_t *cursor)
{
    ring->cursor = cursor;
    atomic_store_explicit(&ring->chunk->written, (uint32_t)(cursor - (uint8_t *)ring->chunk),
                          memory_order_release);
}

/* Adds 1 to a counter of the slot's shard. */
static inline void ring_add(const struct recorder_slot *slot, _Atomic uint64_t *counter)
{
    if (__builtin_expect(!slot->shares_counters, 1)) {
        uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, count + 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    }
}

/* Adds to a site's counter. slot NULL: a thread that has none. */
void ring_count(struct recorder_session *session, struct recorder_slot *slot, uint32_t number,
                enum wire_counter counter);

#endif
