/*
 * output_judge: conditions that only the CLI can judge (see WIRE_SLOT_TESTS): async calls whose
 * condition reads ret, ex or elapsed.
 */
#ifndef OUTPUT_JUDGE_H
#define OUTPUT_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire_plan.h"

/* `tests`: bit n is the result of the condition's comparison n, counted in prefix order; those
 * of `elapsed` are decided here. */
bool judge_condition(const struct plan_probe *probe, uint64_t tests, uint64_t elapsed_ns);
/* Does a comparison of this probe read ret, ex or elapsed? */
bool judge_needed(const struct plan_probe *probe);

#endif
