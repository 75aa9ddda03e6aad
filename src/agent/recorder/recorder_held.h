/*
 * recorder_held: calls of one thread whose records wait for their exit, because only there is
 * known whether they are wanted. A stack behind the thread's slot: calls of one thread end in
 * the reverse order of their beginnings, so what stands above an older call that ends belongs to
 * frames that are gone.
 */
#ifndef RECORDER_HELD_H
#define RECORDER_HELD_H

#include "recorder_condition.h"
#include "recorder_state.h"
#include "recorder_value.h"

struct recorder_held {
    uint64_t call;
    uint64_t handle;
    uint64_t time;
    struct condition_results results;
    uint32_t before;  /* offset of the entry below */
    uint32_t bytes;   /* of values behind this head */
    uint32_t count;   /* of values */
    uint16_t cut;     /* 1: values are missing */
    uint8_t left_out; /* 1: it is not written, if it is wanted, but counted */
    uint8_t shift;    /* see sample_shift */
};

/* Puts a call on the stack, with the values of `program`. NULL: no room. The entry's time is
 * for the caller to fill in last. */
struct recorder_held *held_push(struct recorder_slot *slot, const struct recorder_detail *detail,
                                uint64_t handle, uint64_t call,
                                const struct capture_program *program,
                                const struct capture_source *source);
/* Takes the call's entry off the stack and all above it (each of these is counted as lost). The
 * entry stays readable until the next push. NULL: it is not there. */
struct recorder_held *held_take(struct recorder_slot *slot, uint64_t call);
static inline const uint8_t *held_values(const struct recorder_held *held)
{
    return (const uint8_t *)(held + 1);
}

#endif
