#include "recorder_call.h"

#include "recorder_event.h"
#include "recorder_held.h"

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

static uint64_t hold(struct recorder_slot *slot, const struct recorder_detail *detail,
                     uint64_t handle, const struct capture_source *source,
                     const struct condition_results *results)
{
    uint64_t call = ++slot->calls;
    struct recorder_held *held = held_push(slot, detail, handle, call, detail->spec.enter, source);
    if (held == NULL) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return 0;
    }
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
    if (detail->held) {
        return hold(slot, detail, handle, source, &results);
    }
    bool whole = detail->spec.kind == RECORDER_SITE_ON_ENTER;
    struct recorder_event event;
    event_begin(&event, whole ? WIRE_RECORD_EVENT : WIRE_RECORD_ENTER, ++slot->calls,
                detail->spec.enter, source);
    event.has_tests = detail->tests;
    event.tests = results.value;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
        return 0;
    }
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
        return event_write(slot, detail, &event, NULL);
    }
    event_begin(&enter, WIRE_RECORD_ENTER, held->call, NULL, source);
    enter.time = held->time;
    put_prior(&enter, held);
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
    if (!write_held(slot, detail, held, source, time)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
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

void call_complete(struct recorder_slot *slot, uint64_t handle, uint64_t call, int64_t key,
                   const struct capture_source *source, uint64_t time)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct recorder_event event;
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
    event_begin(&event, WIRE_RECORD_SUSPENDED, call, NULL, NULL);
    event.has_key = true;
    event.key = key;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

/* ---- iterators: the CLI joins by key, and judges what is known at the end only ---- */

void call_iterator_start(struct recorder_slot *slot, uint64_t handle, int64_t key,
                         const struct capture_source *source)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct condition_results results;
    if (!wanted_at_entry(slot, detail, source, &results)) {
        return;
    }
    struct recorder_event event;
    event_begin(&event, WIRE_RECORD_ITERATOR_START, (uint64_t)key, detail->spec.enter, source);
    event.has_key = true;
    event.key = key;
    event.has_tests = detail->tests;
    event.tests = results.value;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

void call_iterator_step(struct recorder_slot *slot, uint64_t handle, int64_t key,
                        enum wire_record_kind kind, const struct capture_source *source)
{
    const struct recorder_detail *detail = detail_of(handle);
    struct recorder_event event;
    event_begin(&event, kind, (uint64_t)key, NULL, source);
    event.has_exception = kind == WIRE_RECORD_ITERATOR_THROW;
    if (!event_write(slot, detail, &event, NULL)) {
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}
