/*
 * session_prefetch: layouts of the classes that a probe will probably meet, so that its first
 * event is complete. Only inside GetReJITParameters, where loading a type is safe, and only types
 * whose loading pulls in no assembly and thus calls none of the target's code.
 */
#ifndef SESSION_PREFETCH_H
#define SESSION_PREFETCH_H

#include "session_types.h"

#define PREFETCH_TYPES 48 /* of one site */

/* The declared type and those of its fields, `depth` levels down; at most *budget types, which is
 * counted down. */
void session_prefetch(struct session_types *types, struct session_scope *scope,
                      const struct declared *declared, uint32_t depth, uint32_t *budget);

#endif
