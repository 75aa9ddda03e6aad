#include "command_help.h"

#include <string.h>

#define HELP_WIDTH 79

/* Text from column `indent` on, wrapped; the cursor stands at `column`. */
static void append_wrapped(struct buffer *out, const char *text, size_t column, size_t indent)
{
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > indent && column + 1 + word > HELP_WIDTH) {
            buffer_append_u8(out, '\n');
            column = 0;
        } else if (column > indent) {
            buffer_append_u8(out, ' ');
            column++;
        }
        for (; column < indent; column++)
            buffer_append_u8(out, ' ');
        buffer_append(out, text, word);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    buffer_append_u8(out, '\n');
}

static void append_row(struct buffer *out, const char *name, const char *text, size_t indent)
{
    size_t from = out->length;
    buffer_append_format(out, "  %s", name);
    size_t column = out->length - from;
    if (column + 2 > indent) {
        buffer_append_u8(out, '\n');
        column = 0;
    }
    append_wrapped(out, text, column, indent);
}

void help_overview(struct buffer *out)
{
    buffer_append_text(
        out, "rejig shows what any method of a running .NET program does, without a restart or a\n"
             "line of code, and takes every trace of itself back out.\n\n"
             "usage: rejig COMMAND [TARGET] [ARGUMENTS] [OPTIONS] [-- PROGRAM ARGS...]\n\n"
             "commands:\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        append_row(out, command_rows[i].name, command_rows[i].summary, 12);
    buffer_append_text(out, "\nTARGET is a pid or the name of a process (rejig ps lists them).\n"
                            "rejig COMMAND --help tells more of a command.\n");
}

static void append_option(struct buffer *out, unsigned option)
{
    const struct option_row *row = &option_rows[option];
    struct buffer name;
    buffer_init(&name, 0);
    if (row->letter)
        buffer_append_format(&name, "-%c, --%s", row->letter, row->name);
    else
        buffer_append_format(&name, "    --%s", row->name);
    if (row->argument)
        buffer_append_format(&name, " %s", row->argument);
    append_row(out, buffer_text(&name), row->help, 28);
    buffer_release(&name);
}

static void append_usage(struct buffer *out, const struct command_row *row)
{
    buffer_append_format(out, "usage: rejig %s%s%s [OPTIONS]\n", row->name,
                         row->grammar[0] ? " " : "", row->grammar);
    const char *rest = strstr(row->grammar, "TARGET ");
    if (row->program != COMMAND_TAKES_NO && rest)
        buffer_append_format(out, "       rejig %s %s [OPTIONS] -- PROGRAM ARGS...\n", row->name,
                             rest + strlen("TARGET "));
}

void help_command(struct buffer *out, const struct command_row *row)
{
    append_usage(out, row);
    buffer_append_u8(out, '\n');
    append_wrapped(out, row->description, 0, 0);
    buffer_append_text(out, "\noptions:\n");
    bool help = false;
    for (size_t i = 0; row->options[i] != OPTION_NONE; i++) {
        append_option(out, row->options[i]);
        help |= row->options[i] == OPTION_HELP;
    }
    if (!help)
        append_option(out, OPTION_HELP);
}
