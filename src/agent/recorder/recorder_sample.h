/*
 * recorder_sample: which calls of a site are recorded while not all are, and what events beyond
 * the fast path cost. In a probe; the slot is busy and the site is valid.
 */
#ifndef RECORDER_SAMPLE_H
#define RECORDER_SAMPLE_H

#include "recorder_state.h"

/* A timed event that took longer was interrupted: as much is taken for it. Ticks. */
#define SAMPLE_LONGEST (1u << 18)

/* 0: every call is recorded; else one of 1 << shift. */
static inline uint32_t sample_shift(struct recorder_site *site)
{
    return atomic_load_explicit(&site->entry, memory_order_relaxed) >> 8;
}

/* Each thread walks a circle in steps of the golden ratio, and takes the calls that fall into the
 * first of 1 << shift (1 to 31) arcs: evenly spread, and out of step with calls that take turns. */
static inline bool sample_takes(struct recorder_slot *slot, uint32_t shift)
{
    slot->turn += 0x9e3779b9u;
    return slot->turn >> (32 - shift) == 0;
}

/* 0: this event is not timed. */
static inline uint64_t sample_begin(struct recorder_slot *slot)
{
    slot->wrote = false;
    return ++slot->events % RECORDER_TIMED != 0 ? 0 : recorder_now();
}

static inline void sample_end(const struct recorder_slot *slot, uint64_t handle, uint64_t began)
{
    if (__builtin_expect(began != 0, 0)) {
        uint64_t ticks = recorder_now() - began;
        atomic_fetch_add_explicit(&recorder_details[(uint32_t)handle]->spent[!slot->wrote],
                                  ticks < SAMPLE_LONGEST ? ticks : SAMPLE_LONGEST,
                                  memory_order_relaxed);
    }
}

#endif
