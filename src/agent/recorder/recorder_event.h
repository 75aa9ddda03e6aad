/*
 * recorder_event: one record, written whole into the thread's ring.
 */
#ifndef RECORDER_EVENT_H
#define RECORDER_EVENT_H

#include "recorder_ring.h"
#include "recorder_value.h"

/* Bytes of a record that values held back must leave to the rest of it. */
#define EVENT_KEPT_FREE 352u

/* What a record is made of, in the order in which it is written. */
struct recorder_event {
    enum wire_record_kind kind;
    uint64_t call;
    uint64_t time;        /* 0: the moment at which the record is whole */
    const uint8_t *prior; /* values captured at entry and held back; NULL: none */
    uint32_t prior_bytes;
    uint32_t prior_count;
    bool prior_cut;
    const struct capture_program *program; /* may be NULL */
    const struct capture_source *source;
    uint8_t shift; /* of what begins a call: see sample_shift */
    bool has_key;
    bool has_tests;
    bool has_elapsed;
    bool has_exception;
    int64_t key;
    uint64_t tests;
    uint64_t elapsed;
};

/* A record of nothing but this; what else it has is set afterwards. Member by member, because
 * compilers clear a structure of this size in a slow way. */
static inline void event_begin(struct recorder_event *event, enum wire_record_kind kind,
                               uint64_t call, const struct capture_program *program,
                               const struct capture_source *source)
{
    event->kind = kind;
    event->call = call;
    event->time = 0;
    event->prior = NULL;
    event->prior_bytes = 0;
    event->prior_count = 0;
    event->prior_cut = false;
    event->program = program;
    event->source = source;
    event->shift = 0;
    event->has_key = false;
    event->has_tests = false;
    event->has_elapsed = false;
    event->has_exception = false;
}

/* Writes one record, or (second not NULL) two that the reader gets together. False: no room. */
bool event_write(struct recorder_slot *slot, const struct recorder_detail *detail,
                 const struct recorder_event *first, const struct recorder_event *second);

static inline void event_count(struct recorder_slot *slot, const struct recorder_detail *detail,
                               enum wire_counter counter)
{
    ring_count(detail->session, slot, detail->spec.number, counter);
}

#endif
