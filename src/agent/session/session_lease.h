/*
 * session_lease: the life of a session: from a PLAN until its connection ends, END is asked, or
 * somebody resets it. Then its claims are released, its sites retired, its memory given back.
 * Worker thread.
 */
#ifndef SESSION_LEASE_H
#define SESSION_LEASE_H

#include "session_model.h"

/* Works off a PLAN message. On success the session is in force and METHOD, REFUSED and SESSION
 * messages are queued; on failure nothing is left of it. */
enum status session_lease_begin(struct session_engine *engine,
                                struct session_connection *connection, struct reader payload,
                                struct error *error);
/* `reason` NULL: asked for. ENDED is queued where the connection still stands. Frees it. */
void session_lease_end(struct session *session, const char *reason);
/* Queues a STATE message. */
void session_lease_state(struct session *session);
/* More of its memory is to be allocated now. */
bool session_lease_grows(const struct session *session, uint64_t now);
/* Now and then: STATE on change, growth of the memory file. True: there is more to do soon. */
bool session_lease_tick(struct session *session, uint64_t now);
/* Ends the sessions whose plan's time limit is over, though their CLIs have not asked for it: one
 * that is stopped changes nothing for longer than it said. */
void session_lease_limits(struct session_engine *engine, uint64_t now);
/* Tells the CLIs which sites were withdrawn since the last time, and takes those back. */
void session_lease_failures(struct session_engine *engine);

#endif
