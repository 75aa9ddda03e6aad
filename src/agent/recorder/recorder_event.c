#include "recorder_event.h"

#include <string.h>

#include "clr_element.h"

#define FIXED_BYTES     (sizeof(struct wire_value) + 8) /* of a value of 8 bytes */
#define EXCEPTION_BYTES 256u /* kept free for an exception's type and message */

_Static_assert(sizeof(struct wire_record) + 3 * FIXED_BYTES + EXCEPTION_BYTES <= EVENT_KEPT_FREE,
               "held values leave that much room");

static void put_fixed(struct value_writer *writer, const struct recorder_event *event)
{
    if (event->has_key) {
        value_bits(writer, WIRE_VALUE_KEY, 0, WIRE_SLOT_KEY, (uint64_t)event->key);
    }
    if (event->has_tests) {
        value_bits(writer, WIRE_VALUE_SCALAR, ELEMENT_TYPE_U8, WIRE_SLOT_TESTS, event->tests);
    }
    if (event->has_elapsed) {
        value_bits(writer, WIRE_VALUE_SCALAR, ELEMENT_TYPE_U8, WIRE_SLOT_ELAPSED, event->elapsed);
    }
}

/* Room that the user's values leave for what a record is useless without. */
static size_t kept_free(const struct recorder_event *event)
{
    size_t bytes = (event->has_key + event->has_tests + event->has_elapsed) * FIXED_BYTES;
    return bytes + (event->has_exception ? EXCEPTION_BYTES : 0);
}

static void put_prior(struct value_writer *writer, const struct recorder_event *event)
{
    if (event->prior == NULL) {
        return;
    }
    if (event->prior_bytes > (size_t)(writer->end - writer->at)) {
        writer->cut = true;
        return;
    }
    memcpy(writer->at, event->prior, event->prior_bytes);
    writer->at += event->prior_bytes;
    writer->count += event->prior_count;
}

/* Writes the record into [at, end) and returns its end, or NULL where its head does not fit.
 * *cut: something was left out for want of room. */
static uint8_t *put_event(uint8_t *at, uint8_t *end, const struct recorder_detail *detail,
                          const struct recorder_event *event, bool *cut)
{
    struct value_writer writer = {.at = at + sizeof(struct wire_record),
                                  .limits = &detail->session->limits};
    size_t least = sizeof(struct wire_record) + kept_free(event);
    if ((size_t)(end - at) < least) {
        return NULL;
    }
    writer.end = end - kept_free(event);
    put_prior(&writer, event);
    value_program(&writer, event->program, event->source);
    writer.end = end;
    put_fixed(&writer, event);
    if (event->has_exception) {
        value_exception(&writer, (uint64_t)event->source->exception);
    }
    *cut = writer.cut;
    uint64_t size = (uint64_t)(writer.at - at) / 8;
    uint64_t flags = writer.cut || event->prior_cut ? WIRE_RECORD_CUT : 0;
    flags |= (uint64_t)event->shift << WIRE_RECORD_SAMPLED_SHIFT;
    uint64_t head =
        size | (uint64_t)event->kind << 16 | flags << 24 | (uint64_t)detail->spec.number << 32;
    memcpy(at, &head, 8);
    memcpy(at + 8, &event->call, 8);
    uint64_t time = event->time != 0 ? event->time : recorder_now();
    memcpy(at + 16, &time, 8);
    return writer.at;
}

/* As put_event, bounded by the session's bound of a record as well; *cramped: less than that
 * was there, and it was not enough. */
static uint8_t *put_bounded(uint8_t *at, uint8_t *end, const struct recorder_detail *detail,
                            const struct recorder_event *event, bool *cramped)
{
    size_t bound = detail->session->limits.max_bytes;
    bool cut = false;
    bool small = (size_t)(end - at) < bound;
    uint8_t *behind = put_event(at, small ? end : at + bound, detail, event, &cut);
    *cramped = small && (cut || behind == NULL);
    return behind;
}

static uint8_t *put_all(struct recorder_ring *ring, const struct recorder_detail *detail,
                        const struct recorder_event *first, const struct recorder_event *second,
                        bool *cramped)
{
    uint8_t *behind = put_bounded(ring->cursor, ring->end, detail, first, cramped);
    if (behind != NULL && second != NULL && !*cramped) {
        behind = put_bounded(behind, ring->end, detail, second, cramped);
    }
    return behind;
}

bool event_write(struct recorder_slot *slot, const struct recorder_detail *detail,
                 const struct recorder_event *first, const struct recorder_event *second)
{
    struct recorder_session *session = detail->session;
    struct recorder_ring *ring = &slot->rings[session->index];
    if (!ring_own(ring) || (ring->full && ring_still_full(ring, session)) ||
        (ring->chunk == NULL && !ring_open(ring, slot, session))) {
        return false;
    }
    ring_set_limit(ring, ring->end - RECORDER_FAST_BYTES + 1);
    bool cramped;
    uint8_t *behind = put_all(ring, detail, first, second, &cramped);
    if (cramped) {
        /* The rest of this chunk was too small; a new one holds any two records. */
        if (!ring_open(ring, slot, session)) {
            return false;
        }
        behind = put_all(ring, detail, first, second, &cramped);
    }
    if (behind == NULL) {
        return false;
    }
    ring_publish(ring, behind);
    slot->wrote = true;
    return true;
}
