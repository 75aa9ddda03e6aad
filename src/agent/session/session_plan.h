/*
 * session_plan: a session's patterns become probed methods: found in the modules that are loaded,
 * and in each that loads later; bound, claimed, and told to the CLI. Worker thread.
 */
#ifndef SESSION_PLAN_H
#define SESSION_PLAN_H

#include "session_model.h"

/* Everything that is loaded now. METHOD and REFUSED messages are appended to `messages`.
 * STATUS_USAGE: nothing matches, too much matches, or no method that matches fits the plan. The
 * claims are made by session_plan_claim. */
enum status session_plan_resolve(struct session *session, struct buffer *messages,
                                 struct error *error);
/* Requests the methods from site `first` on. */
enum status session_plan_claim(struct session *session, uint32_t first, struct error *error);
/* A module has loaded: methods in it are probed as well; the CLI is told. */
void session_plan_module(struct session *session, const struct module *module);
/* A module ran before session_plan_module had returned: the CLI is told, where it matters. */
void session_plan_late(struct session *session, const struct module *module);
/* Patterns that match nothing yet. */
uint32_t session_plan_pending(const struct session *session);
/* Sentences on what this session may miss, as SESSION's fields. */
void session_plan_may_miss(struct session *session, struct buffer *message);

/* LIST: what the patterns match, as LISTED messages; at most `limit`. */
enum status session_plan_list(struct session_engine *engine, const char *const *patterns,
                              size_t pattern_count, const char *const *skip, size_t skip_count,
                              uint32_t limit, struct buffer *messages, struct error *error);

#endif
