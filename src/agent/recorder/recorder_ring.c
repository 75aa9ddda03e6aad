#include "recorder_ring.h"

#define TRIES 16u /* of taking a chunk away from other threads that want the same one */

_Static_assert((WIRE_SITES_UNIT * WIRE_COUNTERS * 8) % (2 * RECORDER_LINE) == 0,
               "shards must not share a pair of cache lines");

void ring_close(struct recorder_ring *ring)
{
    if (ring->chunk != NULL) {
        atomic_store_explicit(&ring->chunk->state, WIRE_CHUNK_FULL, memory_order_release);
    }
    ring->chunk = NULL;
    ring->cursor = NULL;
    ring_set_limit(ring, NULL);
    ring->end = NULL;
    ring->full = false;
}

static uint64_t mask_of(uint32_t word, uint32_t chunk_count)
{
    uint32_t bits = chunk_count - word * 64;
    return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

/* The lowest free chunk: those in use stay few, and so in the cache. */
static bool take_chunk(struct recorder_session *session, uint32_t *chunk)
{
    uint32_t count = atomic_load_explicit(&session->chunks_ready, memory_order_acquire);
    uint32_t tries = 0;
    for (uint32_t word = 0; word * 64 < count; word++) {
        _Atomic uint64_t *place = &session->file->free_chunks[word];
        uint64_t mask = mask_of(word, count);
        uint64_t free_bits = atomic_load_explicit(place, memory_order_relaxed) & mask;
        while (free_bits != 0 && tries < TRIES) {
            uint64_t bit = free_bits & -free_bits;
            uint64_t before = atomic_fetch_and_explicit(place, ~bit, memory_order_acquire);
            if (before & bit) {
                *chunk = word * 64 + (uint32_t)__builtin_ctzll(bit);
                return true;
            }
            free_bits = before & mask;
            tries++;
        }
    }
    return false;
}

bool ring_open(struct recorder_ring *ring, struct recorder_slot *slot,
               struct recorder_session *session)
{
    uint32_t index;
    ring_close(ring);
    if (!take_chunk(session, &index)) {
        ring->full = true;
        ring->looked = 0;
        return false;
    }
    struct wire_chunk *chunk =
        (struct wire_chunk *)(void *)(session->chunks + (size_t)index * WIRE_CHUNK_BYTES);
    chunk->thread = slot->thread;
    chunk->slot = slot->index;
    chunk->sequence = ++slot->sequence;
    atomic_store_explicit(&chunk->written, sizeof *chunk, memory_order_relaxed);
    atomic_store_explicit(&chunk->state, WIRE_CHUNK_OPEN, memory_order_release);
    ring->chunk = chunk;
    ring->cursor = (uint8_t *)(chunk + 1);
    ring->end = (uint8_t *)chunk + WIRE_CHUNK_BYTES;
    ring_set_limit(ring, ring->end - RECORDER_FAST_BYTES + 1);
    return true;
}

uint32_t ring_free_chunks(struct recorder_session *session)
{
    uint32_t count = atomic_load_explicit(&session->chunks_ready, memory_order_acquire);
    uint32_t free_count = 0;
    for (uint32_t word = 0; word * 64 < count; word++) {
        uint64_t bits =
            atomic_load_explicit(&session->file->free_chunks[word], memory_order_relaxed);
        free_count += (uint32_t)__builtin_popcountll(bits & mask_of(word, count));
    }
    return free_count;
}

void ring_tend(struct recorder_ring *ring, struct recorder_slot *slot)
{
    uint64_t busy = atomic_load_explicit(&slot->busy, memory_order_acquire);
    bool idle = busy == ring->seen && (busy & 1) == 0;
    ring->seen = busy;
    if (!idle) {
        return;
    }
    uint32_t asked = RECORDER_CLAIM_ASKED;
    atomic_store(&ring->claim, asked);
    ring_set_limit(ring, NULL);
    recorder_barrier();
    if (atomic_load_explicit(&slot->busy, memory_order_acquire) != busy ||
        !atomic_compare_exchange_strong(&ring->claim, &asked, RECORDER_CLAIM_TAKEN)) {
        return; /* it has woken up, and takes the claim back with its next record */
    }
    /* `cursor` is left alone: the thread may be comparing it with the limit. */
    if (ring->chunk != NULL) {
        atomic_store_explicit(&ring->chunk->state, WIRE_CHUNK_FULL, memory_order_release);
        ring->chunk = NULL;
    }
    atomic_store_explicit(&ring->claim, RECORDER_CLAIM_NONE, memory_order_release);
}

static _Atomic uint64_t *shard(struct recorder_session *session, uint32_t index)
{
    size_t bytes = (size_t)session->sites * WIRE_COUNTERS * sizeof(uint64_t);
    return (_Atomic uint64_t *)(void *)(session->counters + index * bytes);
}

static _Atomic uint64_t *sampled(struct recorder_session *session, uint32_t index)
{
    return (_Atomic uint64_t *)(void *)(session->sampled +
                                        (size_t)index * session->sites * sizeof(uint64_t));
}

static uint32_t shard_of(const struct recorder_slot *slot)
{
    if (!slot->shares_counters) {
        return slot->index;
    }
    return RECORDER_OWN_SHARDS + slot->index % (WIRE_SHARDS - RECORDER_OWN_SHARDS);
}

void ring_count(struct recorder_session *session, struct recorder_slot *slot, uint32_t number,
                enum wire_counter counter)
{
    if (slot == NULL && counter == WIRE_COUNTER_SAMPLED) {
        atomic_fetch_add_explicit(sampled(session, WIRE_SHARDS - 1) + number, 1,
                                  memory_order_relaxed);
        return;
    }
    if (slot == NULL) {
        atomic_fetch_add_explicit(shard(session, WIRE_SHARDS - 1) + (size_t)number * WIRE_COUNTERS +
                                      counter,
                                  1, memory_order_relaxed);
        return;
    }
    if (counter == WIRE_COUNTER_SAMPLED) {
        ring_add(slot, sampled(session, shard_of(slot)) + number);
        return;
    }
    struct recorder_ring *ring = &slot->rings[session->index];
    if (ring->counters == NULL) {
        ring->counters = shard(session, shard_of(slot));
    }
    ring_add(slot, ring->counters + (size_t)number * WIRE_COUNTERS + counter);
}
