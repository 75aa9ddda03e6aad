/*
 * command_context: what every command gets, and the small things that all of them do.
 */
#ifndef COMMAND_CONTEXT_H
#define COMMAND_CONTEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "base_buffer.h"
#include "base_error.h"
#include "command_line.h"
#include "target_find.h"
#include "target_process.h"
#include "target_start.h"

struct command_hooks;

struct command_context {
    const struct command_line *line;
    const struct command_hooks *hooks; /* of a command that changes the target; else NULL */
    struct target_signals signals;     /* as they were when we began */
    int exit_code;                     /* of -- PROGRAM; -1: the status decides */
    const char *marked;                /* the text that error.offset counts in; NULL: none */
};

/* Each command: its own status; `error` is printed by the caller where it is not STATUS_OK. */
typedef enum status command_run(struct command_context *context, struct error *error);
command_run ps_run, doctor_run, list_run, inliners_run, watch_run, count_run, patch_run, status_run,
    reset_run, version_run, help_run;

/* The whole program. */
int command_main(int argc, char **argv);

/* The target that the line names, by whichever way. */
enum status command_find_target(const struct command_line *line, struct target_process *process,
                                struct error *error);
/* "pid 4711 Shop" */
void command_target_text(const struct target_process *process, char *to, size_t size);

/* A line to stderr; a newline is added. Control characters of texts from elsewhere are the
 * caller's care. */
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints an error as users read it: what, where, hint. */
void command_print_error(const struct error *error, const char *marked);
/* Writes all to a descriptor; STATUS_IO where that fails (a reader that has gone is no
 * failure). */
enum status command_write(int fd, const struct buffer *text, struct error *error);
/* Where -o says, or stdout; *own: it is to be closed. */
enum status command_open_output(const struct command_line *line, int otherwise, int *fd, bool *own,
                                struct error *error);
/* Colours are wanted on that descriptor. */
bool command_colours(int fd);
/* Columns and rows of the terminal; 0 where it is none. */
void command_terminal_size(int fd, unsigned *columns, unsigned *rows);

#endif
