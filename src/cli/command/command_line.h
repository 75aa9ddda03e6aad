/*
 * command_line: the words of one command line, sorted and checked.
 *
 *   rejig COMMAND [TARGET] [ARGUMENTS] [OPTIONS] [-- PROGRAM ARGS...]
 *
 * TARGET is the first positional, or -p, or -n, or -- PROGRAM: exactly once. Everything is
 * borrowed from argv. Errors: STATUS_USAGE.
 */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "command_table.h"

#define COMMAND_MAX_POSITIONALS 64

struct command_line {
    const struct command_row *row;
    enum command_id id;
    bool help;
    bool version;
    const char *values[OPTION_COUNT]; /* last argument given; "" for those without one */
    const char *target;               /* first positional; NULL: by option or program */
    const char *also[COMMAND_MAX_POSITIONALS]; /* each --also, or each --in */
    size_t also_count;
    const char *arguments[COMMAND_MAX_POSITIONALS]; /* positionals behind the target */
    size_t argument_count;
    char **program;    /* behind --; NULL: none */
    char left_out[32]; /* an option without its argument, as "--return=" */
    char whole[512];   /* the line as typed, for `status` */
};

/* argv[0] is the program, argv[1] the command. */
enum status command_line_parse(int argc, char **argv, struct command_line *line,
                               struct error *error);
/* The option was given. */
bool command_has(const struct command_line *line, enum command_option option);
/* Its argument as a number within bounds; `*value` is untouched where it was not given. */
enum status command_number(const struct command_line *line, enum command_option option,
                           uint64_t least, uint64_t most, uint64_t *value, struct error *error);
/* Its argument as a duration. */
enum status command_duration(const struct command_line *line, enum command_option option,
                             uint64_t *nanoseconds, struct error *error);

#endif
