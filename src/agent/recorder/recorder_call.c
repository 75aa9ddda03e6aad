#include "recorder_call.h"

#include "recorder_event.h"
#include "recorder_held.h"
#include "recorder_kept.h"
#include "recorder_sample.h"

static const struct recorder_detail *detail_of(uint64_t handle)
{
    return recorder_details[(uint32_t)handle];
}

/* False: the call is not wanted, and has been counted. */
static bool wanted(struct recorder_slot *slot, const struct recorder_detail *detail,
                   const struct condition_results *results)
{
    switch (condition_judge(detail->spec.condition, results)) {
    case CONDITION_FALSE:
        event_count(slot, detail, WIRE_COUNTER_FILTERED);
        return false;
    case CONDITION_UNKNOWN:
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return false;
    default:
        return true;
    }
}

static bool wanted_at_entry(struct recorder_slot *slot, const struct recorder_detail *detail,
                            const struct capture_source *source, struct condition_results *results)
{
    *results = (struct condition_results){0};
    if (detail->spec.condition == NULL) {
        return true;
    }
    condition_test(detail->spec.condition, false, source, 0, results);
    return wanted(slot, detail, results);
}

/* Of a call that is to be left out only what its condition needs is kept. */
static uint64_t hold(struct recorder_slot *slot, const struct recorder_detail *detail,
                     uint64_t handle, const struct capture_source *source,
                     const struct condition_results *results, bool left_out)
{
    uint64_t call = ++slot->calls;
    struct recorder_held *held =
        held_push(slot, detail, handle, call, left_out ? NULL : detail->spec.enter, source);
    if (held == NULL) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return 0;
    }
    held->left_out = left_out;
    held->shift = (uint8_t)sample_shift(site_of(handle));
    held->results = *results;
    held->time = recorder_now();
    return call;
}

static uint64_t begin(struct recorder_slot *slot, uint64_t handle,
                      const struct capture_source *source)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct condition_results results;
    if (!wanted_at_entry(slot, detail, source, &results)) {
        return 0;
    }
    /* Of a plain site that has been asked before. */
    struct recorder_site *site = site_of(handle);
    uint32_t shift = sample_shift(site);
    bool left_out = shift != 0 && !site->plain && !sample_takes(slot, shift);
    if (detail->held) {
        return hold(slot, detail, handle, source, &results, left_out);
    }
    if (left_out) {
        event_count(slot, detail, WIRE_COUNTER_SAMPLED);
        return 0;
    }
    bool whole = detail->spec.kind == RECORDER_SITE_ON_ENTER;
    struct recorder_event event;
    event_begin(&event, whole ? WIRE_RECORD_EVENT : WIRE_RECORD_ENTER, ++slot->calls,
                detail->spec.enter, source);
    event.shift = (uint8_t)shift;
    event.has_tests = detail->tests;
    event.tests = results.value;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return 0;
    }
    event_count(slot, detail, WIRE_COUNTER_CALLS);
    return whole ? 0 : event.call;
}

uint64_t call_enter(struct recorder_slot *slot, uint64_t handle,
                    const struct capture_source *source)
{
    enum recorder_site_kind kind = detail_of(handle)->spec.kind;
    if (kind == RECORDER_SITE_COUNT || kind == RECORDER_SITE_ITERATOR) {
        return 0;
    }
    uint64_t call = begin(slot, handle, source);
    if (kind == RECORDER_SITE_ASYNC) {
        slot->pending_handle = handle;
        slot->pending_call = call;
    }
    return call;
}

/* ---- exits ---- */

static void begin_exit(struct recorder_event *event, const struct recorder_detail *detail,
                       uint64_t call, const struct capture_source *source, uint64_t time)
{
    enum wire_record_kind kind = WIRE_RECORD_RETURN;
    if (source->thrown) {
        kind = WIRE_RECORD_THROW;
    } else if (detail->spec.kind == RECORDER_SITE_ASYNC_FIRST) {
        kind = WIRE_RECORD_FIRST_AWAIT;
    }
    event_begin(event, kind, call, detail->spec.exit, source);
    event->time = time;
    event->has_exception = source->thrown;
}

static void put_prior(struct recorder_event *event, const struct recorder_held *held)
{
    event->prior = held_values(held);
    event->prior_bytes = held->bytes;
    event->prior_count = held->count;
    event->prior_cut = held->cut != 0;
}

static bool write_held(struct recorder_slot *slot, const struct recorder_detail *detail,
                       const struct recorder_held *held, const struct capture_source *source,
                       uint64_t time)
{
    struct recorder_event event;
    struct recorder_event enter;
    begin_exit(&event, detail, held->call, source, time);
    if (detail->spec.kind == RECORDER_SITE_ON_RETURN ||
        detail->spec.kind == RECORDER_SITE_ON_THROW) {
        event.kind = WIRE_RECORD_EVENT;
        event.has_elapsed = true;
        event.elapsed = time - held->time;
        put_prior(&event, held);
        event.shift = held->shift;
        return event_write(slot, detail, &event, NULL);
    }
    event_begin(&enter, WIRE_RECORD_ENTER, held->call, NULL, source);
    enter.time = held->time;
    put_prior(&enter, held);
    enter.shift = held->shift;
    return event_write(slot, detail, &enter, &event);
}

static bool moment_fits(const struct recorder_detail *detail, bool thrown)
{
    return thrown ? detail->spec.kind != RECORDER_SITE_ON_RETURN
                  : detail->spec.kind != RECORDER_SITE_ON_THROW;
}

static void exit_held(struct recorder_slot *slot, const struct recorder_detail *detail,
                      uint64_t call, const struct capture_source *source, uint64_t time)
{
    struct recorder_held *held = held_take(slot, call);
    if (held == NULL) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return;
    }
    if (!moment_fits(detail, source->thrown)) {
        event_count(slot, detail, WIRE_COUNTER_FILTERED);
        return;
    }
    if (detail->spec.condition != NULL) {
        condition_test(detail->spec.condition, true, source, time - held->time, &held->results);
        if (!wanted(slot, detail, &held->results)) {
            return;
        }
    }
    enum wire_counter counter = WIRE_COUNTER_SAMPLED;
    if (!held->left_out) {
        bool written = write_held(slot, detail, held, source, time);
        counter = written ? WIRE_COUNTER_CALLS : WIRE_COUNTER_LOST;
    }
    event_count(slot, detail, counter);
}

static void put_tests(struct recorder_event *event, const struct recorder_detail *detail)
{
    struct condition_results results = {0};
    if (detail->tests) {
        condition_test(detail->spec.condition, true, event->source, 0, &results);
        event->has_tests = true;
        event->tests = results.value;
    }
}

void call_exit(struct recorder_slot *slot, uint64_t handle, uint64_t call,
               const struct capture_source *source, uint64_t time)
{
    const struct recorder_detail *detail = detail_of(handle);
    if (detail->held) {
        exit_held(slot, detail, call, source, time);
        return;
    }
    struct recorder_event event;
    begin_exit(&event, detail, call, source, time);
    put_tests(&event, detail);
    if (slot->pending_call == call) {
        slot->pending_handle = 0;
        slot->pending_call = 0;
    }
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

void call_forget(struct recorder_slot *slot, uint64_t call)
{
    held_take(slot, call);
}

/* ---- async ---- */

bool call_take_done(struct recorder_slot *slot, uint64_t call)
{
    if (slot->pending_call == call) {
        slot->pending_handle = 0;
        slot->pending_call = 0;
    }
    for (uint32_t i = 0; i < RECORDER_DONE_CALLS; i++) {
        if (slot->done[i] == call) {
            slot->done[i] = 0;
            return true;
        }
    }
    return false;
}

static bool may_be_left_out(const struct recorder_detail *detail)
{
    return (detail->partial || atomic_load(&detail->sampled)) &&
           !kept_is_blurred(detail->session->kept);
}

/* A completion in a later segment: has the call's beginning been recorded? Without a key it is in
 * its first segment, and had it been recorded, its number would have been there. */
static bool completes_recorded(const struct recorder_detail *detail, int64_t key)
{
    struct recorder_kept *kept = detail->session->kept;
    uint32_t number = detail->spec.number;
    if (key == 0) {
        return false;
    }
    if (kept_take(kept, number, key) || !may_be_left_out(detail)) {
        return true;
    }
    kept_note(kept, number, key);
    return kept_take(kept, number, key);
}

void call_complete(struct recorder_slot *slot, uint64_t handle, uint64_t call, int64_t key,
                   const struct capture_source *source, uint64_t time)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct recorder_event event;
    if (call == 0 && !completes_recorded(detail, key)) {
        return;
    }
    begin_exit(&event, detail, call, source, time);
    if (call == 0) {
        event.kind = source->thrown ? WIRE_RECORD_ASYNC_THROW : WIRE_RECORD_ASYNC_RETURN;
        event.has_key = true;
        event.key = key;
    }
    put_tests(&event, detail);
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

void call_suspend(struct recorder_slot *slot, uint64_t handle, uint64_t call, int64_t key)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct recorder_event event;
    struct recorder_kept *kept = detail->session->kept;
    uint32_t number = detail->spec.number;
    event_begin(&event, WIRE_RECORD_SUSPENDED, call, NULL, NULL);
    event.has_key = true;
    event.key = key;
    kept_put(kept, number, key);
    /* It is complete already, and was taken for one that is left out. */
    bool missed = kept_noted(kept, number, key) && kept_take(kept, number, key);
    if (!event_write(slot, detail, &event, NULL) || missed) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

/* ---- iterators: the CLI joins by key, and judges what is known at the end only ---- */

void call_iterator_start(struct recorder_slot *slot, uint64_t handle, int64_t key,
                         const struct capture_source *source)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct condition_results results;
    struct recorder_kept *kept = detail->session->kept;
    uint32_t shift = sample_shift(site_of(handle));
    kept_take(kept, detail->spec.number, key); /* of an enumeration that was abandoned */
    if (!wanted_at_entry(slot, detail, source, &results)) {
        return;
    }
    if (shift != 0 && !sample_takes(slot, shift)) {
        event_count(slot, detail, WIRE_COUNTER_SAMPLED);
        return;
    }
    struct recorder_event event;
    event_begin(&event, WIRE_RECORD_ITERATOR_START, (uint64_t)key, detail->spec.enter, source);
    event.has_key = true;
    event.key = key;
    event.shift = (uint8_t)shift;
    event.has_tests = detail->tests;
    event.tests = results.value;
    bool written = event_write(slot, detail, &event, NULL);
    event_count(slot, detail, written ? WIRE_COUNTER_CALLS : WIRE_COUNTER_LOST);
    if (written) {
        kept_put(kept, detail->spec.number, key);
    }
}

/* Is it of an enumeration whose START has been recorded, as far as is known? */
static bool steps_recorded(const struct recorder_detail *detail, int64_t key, bool last)
{
    struct recorder_kept *kept = detail->session->kept;
    bool known =
        last ? kept_take(kept, detail->spec.number, key) : kept_has(kept, detail->spec.number, key);
    return known || !may_be_left_out(detail);
}

void call_iterator_step(struct recorder_slot *slot, uint64_t handle, int64_t key,
                        enum wire_record_kind kind, const struct capture_source *source)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct recorder_event event;
    if (!steps_recorded(detail, key, kind != WIRE_RECORD_ITERATOR_ITEM)) {
        return;
    }
    event_begin(&event, kind, (uint64_t)key, NULL, source);
    event.has_exception = kind == WIRE_RECORD_ITERATOR_THROW;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}
