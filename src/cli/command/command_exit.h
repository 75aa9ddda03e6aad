/*
 * command_exit: the exit codes that users and scripts rely on. With -- PROGRAM the
 * program's own code is handed on instead.
 */
#ifndef COMMAND_EXIT_H
#define COMMAND_EXIT_H

#include "base_error.h"

enum command_exit {
    COMMAND_EXIT_DONE = 0,
    COMMAND_EXIT_FAILED = 1,
    COMMAND_EXIT_USAGE = 2,         /* the command line is at fault */
    COMMAND_EXIT_TARGET = 3,        /* the target is not there or refused */
    COMMAND_EXIT_NOT_STARTED = 125, /* -- PROGRAM: rejig failed before the start */
    COMMAND_EXIT_PROGRAM_MISSING = 127,
};

/* The exit code that a failure of this status ends with. */
int command_exit_of(enum status status);

#endif
