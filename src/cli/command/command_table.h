/*
 * command_table: the commands and their options as data. Everything that tells users of them
 * (--help, man page, completions) is made from here.
 */
#ifndef COMMAND_TABLE_H
#define COMMAND_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum command_option {
    OPTION_NONE,
#define OPTION(id, name, letter, argument, completes, help) OPTION_##id,
#include "command_options.def"
#undef OPTION
    OPTION_COUNT,
};

struct option_row {
    const char *name;
    char letter;           /* 0: none */
    const char *argument;  /* NULL: takes none */
    const char *completes; /* words, "file", "pid", "name" or NULL */
    const char *help;
};
/* By enum command_option; the first row is empty. */
extern const struct option_row option_rows[OPTION_COUNT];

enum command_id {
#define COMMAND(id, name, grammar, summary, target, program, options, description) COMMAND_##id,
#include "command_table.def"
#undef COMMAND
    COMMAND_COUNT_OF,
};

enum command_takes {
    COMMAND_TAKES_NO,
    COMMAND_TAKES_MAYBE,
    COMMAND_TAKES_YES,
};

#define COMMAND_MAX_OPTIONS 24

struct command_row {
    const char *name;
    const char *grammar;
    const char *summary;
    const char *description;
    enum command_takes target;
    enum command_takes program;                 /* -- PROGRAM */
    unsigned char options[COMMAND_MAX_OPTIONS]; /* enum command_option, ended by OPTION_NONE;
                                                  --help goes with every command unnamed */
};
extern const struct command_row command_rows[COMMAND_COUNT_OF];

/* NULL: no such command. */
const struct command_row *command_find(const char *name);

#endif
