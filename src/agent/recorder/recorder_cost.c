/* What the probes have done, and what one costs in this process: the governor's eyes. */
#include <string.h>

#include "recorder_ring.h"

#define BATCHES 3u
#define TURNS   128u /* a batch; all records of all batches fit in one chunk */

_Static_assert(BATCHES *TURNS * 2 * sizeof(struct wire_record) <
                   WIRE_CHUNK_BYTES - sizeof(struct wire_chunk) - RECORDER_FAST_BYTES,
               "one chunk");

void recorder_session_figures(const struct recorder_session *session,
                              struct recorder_figures *figures, uint32_t count)
{
    count = count < session->sites ? count : session->sites;
    memset(figures, 0, count * sizeof *figures);
    for (uint32_t shard = 0; shard < WIRE_SHARDS; shard++) {
        const _Atomic uint64_t *counters =
            (const _Atomic uint64_t *)(const void *)session->counters +
            (size_t)shard * session->sites * WIRE_COUNTERS;
        const _Atomic uint64_t *sampled = (const _Atomic uint64_t *)(const void *)session->sampled +
                                          (size_t)shard * session->sites;
        for (uint32_t site = 0; site < count; site++) {
            for (uint32_t i = 0; i < WIRE_COUNTERS; i++) {
                figures[site].counters[i] += atomic_load_explicit(
                    &counters[(size_t)site * WIRE_COUNTERS + i], memory_order_relaxed);
            }
            figures[site].counters[WIRE_COUNTER_SAMPLED] +=
                atomic_load_explicit(&sampled[site], memory_order_relaxed);
        }
    }
}

/* ---- calibration ---- */

/* As woven code does, through an address. */
static uint64_t (*volatile enter)(uint64_t, int64_t, int64_t, int64_t, int64_t,
                                  int64_t) = recorder_enter;
static void (*volatile leave)(uint64_t, uint64_t, int64_t, int64_t, int64_t,
                              int64_t) = recorder_return;
static void (*volatile count_one)(uint64_t) = recorder_count;

static void count_turn(uint64_t handle)
{
    count_one(handle);
}

static void call_turn(uint64_t handle)
{
    leave(handle, enter(handle, 0, 0, 0, 0, 0), 0, 0, 0, 0);
}

/* Ticks a turn, of the best batch: what else the machine does only adds. */
static double measure(void (*turn)(uint64_t handle), uint64_t handle)
{
    uint64_t best = UINT64_MAX;
    turn(handle);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        uint64_t began = recorder_now();
        for (uint32_t i = 0; i < TURNS; i++) {
            turn(handle);
        }
        uint64_t took = recorder_now() - began;
        best = took < best ? took : best;
    }
    return (double)best / TURNS;
}

static uint64_t make_site(struct recorder_session *session, enum recorder_site_kind kind)
{
    const struct recorder_site_spec spec = {.kind = kind};
    struct error error;
    uint64_t handle = 0;
    error_init(&error);
    return recorder_site_add(session, &spec, &handle, &error) == STATUS_OK ? handle : 0;
}

/* The session's file is as new: its first site's counters, and the chunk. */
static void wipe(struct recorder_session *session, struct recorder_slot *slot)
{
    struct recorder_ring *ring = &slot->rings[session->index];
    struct wire_chunk *chunk = ring->chunk;
    probe_begin(slot);
    ring_close(ring);
    ring->counters = NULL;
    probe_end(slot);
    if (chunk != NULL) {
        uint32_t index =
            (uint32_t)((size_t)((uint8_t *)chunk - session->chunks) / WIRE_CHUNK_BYTES);
        atomic_store(&chunk->state, WIRE_CHUNK_FREE);
        atomic_fetch_or(&session->file->free_chunks[index / 64], 1ull << (index % 64));
    }
    for (uint32_t shard = 0; shard < WIRE_SHARDS; shard++) {
        memset(session->counters + (size_t)shard * session->sites * WIRE_COUNTERS * 8, 0,
               WIRE_COUNTERS * sizeof(uint64_t));
        memset(session->sampled + (size_t)shard * session->sites * 8, 0, sizeof(uint64_t));
    }
}

void recorder_session_calibrate(struct recorder_session *session, struct recorder_costs *costs)
{
    bool joined = recorder_current == NULL;
    uint64_t count_site = make_site(session, RECORDER_SITE_COUNT);
    uint64_t call_site = make_site(session, RECORDER_SITE_CALL);
    *costs = (struct recorder_costs){0};
    if (count_site != 0 && call_site != 0 &&
        (recorder_current != NULL || recorder_thread_join() != NULL)) {
        costs->count = measure(count_turn, count_site);
        costs->call = measure(call_turn, call_site);
        recorder_site_sample(session, call_site, WIRE_RECORD_SAMPLED_MOST);
        costs->left_out = measure(call_turn, call_site);
        wipe(session, recorder_current);
        if (joined) {
            recorder_thread_leave();
        }
    }
    recorder_site_retire(session, count_site);
    recorder_site_retire(session, call_site);
}
