#include "command_table.h"

#include <string.h>

const struct option_row option_rows[OPTION_COUNT] = {
    {0},
#define OPTION(id, name, letter, argument, completes, help)                                        \
    {name, letter, argument, completes, help},
#include "command_options.def"
#undef OPTION
};

#define O(id)       OPTION_##id
#define UNWRAP(...) __VA_ARGS__

const struct command_row command_rows[COMMAND_COUNT_OF] = {
#define COMMAND(id, name, grammar, summary, target, program, options, description)                 \
    {name,                                                                                         \
     grammar,                                                                                      \
     summary,                                                                                      \
     description,                                                                                  \
     COMMAND_TAKES_##target,                                                                       \
     COMMAND_TAKES_##program,                                                                      \
     {UNWRAP options}},
#include "command_table.def"
#undef COMMAND
};

const struct command_row *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        if (strcmp(command_rows[i].name, name) == 0)
            return &command_rows[i];
    return NULL;
}
