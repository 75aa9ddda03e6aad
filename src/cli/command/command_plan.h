/*
 * command_plan: from the words of `watch`, `count` and `patch` to the plan that the agent gets.
 */
#ifndef COMMAND_PLAN_H
#define COMMAND_PLAN_H

#include "base_arena.h"
#include "command_context.h"
#include "wire_plan.h"

/* Everything lives in the arena. Errors: STATUS_USAGE; context->marked is then the text that
 * the offset counts in. */
enum status command_plan_watch(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error);
enum status command_plan_count(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error);
enum status command_plan_patch(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error);

/* The agent found a name of VALUES or --if wanting: which of the texts is meant, and where in
 * it? Sets context->marked and the offset where that is clear. */
void command_plan_locate(struct command_context *context, const struct plan *plan,
                         struct error *error);

#endif
