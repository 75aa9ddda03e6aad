/*
 * session_unread: modules whose images cannot be read, as far as a pattern that matches nothing
 * could mean methods of theirs. They are tried again every two seconds while sessions exist (and
 * by recompile at module loads); what stays unread is named, with the reason, once a session.
 *
 * Worker thread.
 */
#ifndef SESSION_UNREAD_H
#define SESSION_UNREAD_H

#include "session_model.h"

/* Between frames, often. NOTICE messages (code "unread") go to sessions with waiting patterns. */
void session_unread_tick(struct session_engine *engine, uint64_t now);
/* Adds to the hint of an error that says that pattern `probe` matches nothing. Modules made by
 * Reflection.Emit only where the pattern names them: many programs have some. */
void session_unread_hint(const struct session *session, uint32_t probe, struct error *error);

#endif
