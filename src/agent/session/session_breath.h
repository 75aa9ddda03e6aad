/*
 * session_breath: what an agent still answers while it is at work that takes long.
 *
 * A plan or an end may concern a hundred thousand methods, and that is seconds of work on a busy
 * machine. Between its steps whoever does it calls session_breath, and who asks how the agent is
 * (HELLO, STATUS, LOG) does not wait; all else waits for its turn in the engine's loop.
 */
#ifndef SESSION_BREATH_H
#define SESSION_BREATH_H

#include <stdbool.h>

#include "session_model.h"

/* Cheap: looks at the sockets at most every 50 ms. No lock is held, and no buffer of a connection
 * but that of engine->serving is in use. False: the connection that the work is done for has been
 * closed by its peer, and the work may be given up. Worker thread. */
bool session_breath(struct session_engine *engine);

#endif
