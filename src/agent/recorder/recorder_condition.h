/*
 * recorder_condition: judging a call by the user's condition.
 *
 * Leaves that read the entry's values are tested at entry, the others at the exit; where the
 * entry's leaves do not settle it, their results are kept (struct condition_results) and the
 * whole is judged at the exit. A leaf that met a type whose layout is not known yet can be
 * neither true nor false: it counts only where the others do not settle the condition, and then
 * the answer is UNKNOWN and the call is lost, not guessed.
 */
#ifndef RECORDER_CONDITION_H
#define RECORDER_CONDITION_H

#include "base_error.h"
#include "recorder_place.h"

enum condition_truth {
    CONDITION_FALSE,
    CONDITION_TRUE,
    CONDITION_OPEN,    /* at entry: the exit's leaves decide */
    CONDITION_UNKNOWN, /* a type was not known */
};

/* Bit n: leaf n. */
struct condition_results {
    uint64_t tested; /* it was looked at */
    uint64_t known;  /* and is true or false: */
    uint64_t value;
};

/* Is it well formed and within bounds (64 leaves, 192 nodes, nesting of 64)? */
enum status condition_check(const struct capture_condition *condition, struct error *error);

/* Tests the leaves of one moment; elapsed counts at the exit only. */
void condition_test(const struct capture_condition *condition, bool at_exit,
                    const struct capture_source *source, uint64_t elapsed,
                    struct condition_results *results);
/* What follows from the leaves tested so far. */
enum condition_truth condition_judge(const struct capture_condition *condition,
                                     const struct condition_results *results);

#endif
