/*
 * command_session_inside: what the files of a session share, and nobody else.
 */
#ifndef COMMAND_SESSION_INSIDE_H
#define COMMAND_SESSION_INSIDE_H

#include <signal.h>

#include "command_session.h"

/* 1: Ctrl-C, SIGTERM or SIGHUP came; 2: and once more, so stop waiting for anything. Set by a
 * signal handler while the session is being opened, by the loop later. */
extern volatile sig_atomic_t session_stop;

/* From here on signals come through session->signals. */
void session_open_signals(struct session *session);

#endif
