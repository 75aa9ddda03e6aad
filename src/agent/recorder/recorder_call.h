/*
 * recorder_call: what entry points do beyond the fast path. The slot is busy and the site is
 * valid, except where said.
 */
#ifndef RECORDER_CALL_H
#define RECORDER_CALL_H

#include "recorder_place.h"
#include "recorder_state.h"

/* An entry: judges the condition, writes or holds back. Answers what recorder_enter does. */
uint64_t call_enter(struct recorder_slot *slot, uint64_t handle,
                    const struct capture_source *source);
/* An exit of a call whose number is not 0, by return or (source->thrown) by an exception. */
void call_exit(struct recorder_slot *slot, uint64_t handle, uint64_t call,
               const struct capture_source *source, uint64_t time);
/* An exit whose site is void: forgets what was held back for it. */
void call_forget(struct recorder_slot *slot, uint64_t call);

/* Async: a completion, in the first segment (call not 0) or a later one (key). */
void call_complete(struct recorder_slot *slot, uint64_t handle, uint64_t call, int64_t key,
                   const struct capture_source *source, uint64_t time);
void call_suspend(struct recorder_slot *slot, uint64_t handle, uint64_t call, int64_t key);
/* Async: the call completed before its method returned? Asked once. No site needed. */
bool call_take_done(struct recorder_slot *slot, uint64_t call);

void call_iterator_start(struct recorder_slot *slot, uint64_t handle, int64_t key,
                         const struct capture_source *source);
void call_iterator_step(struct recorder_slot *slot, uint64_t handle, int64_t key,
                        enum wire_record_kind kind, const struct capture_source *source);

#endif
