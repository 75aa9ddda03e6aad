/*
 * command_hooks: what a command that changes the target does at the moments of its session,
 * besides what all do. A command that only looks on has none.
 */
#ifndef COMMAND_HOOKS_H
#define COMMAND_HOOKS_H

#include "base_buffer.h"
#include "base_error.h"

struct session;

struct command_hooks {
    const char *action; /* "patch": for `start` and `end` of the --json stream */
    /* The target is known and the link stands; nothing has been asked for yet. An error ends it
     * here. */
    enum status (*before)(struct session *session, struct error *error);
    /* What was asked for is in force. After an error it is taken back. */
    enum status (*in_force)(struct session *session, struct error *error);
    void (*first)(struct session *session);                     /* prints the first line */
    void (*last)(struct session *session, struct buffer *line); /* begins the last line */
};

/* command_report.c: "3 methods in pid 4711 Shop (1 pattern waits for modules to load)" */
void report_in_force(const struct session *session, struct buffer *out);

#endif
