/* help and version. */
#include <unistd.h>

#include "command_context.h"
#include "command_help.h"
#include "wire_record.h"

enum status help_run(struct command_context *context, struct error *error)
{
    const struct command_line *line = context->line;
    const struct command_row *row = NULL;
    struct buffer text;
    if (line->argument_count > 1)
        return error_set(error, STATUS_USAGE, "rejig help takes one command");
    if (line->argument_count == 1) {
        row = command_find(line->arguments[0]);
        if (!row) {
            error_set(error, STATUS_USAGE, "'%s' is not a command", line->arguments[0]);
            error_hint(error, "rejig help lists the commands");
            return STATUS_USAGE;
        }
    }
    buffer_init(&text, 0);
    if (row)
        help_command(&text, row);
    else
        help_overview(&text);
    enum status status = command_write(STDOUT_FILENO, &text, error);
    buffer_release(&text);
    return status;
}

enum status version_run(struct command_context *context, struct error *error)
{
    struct buffer text;
    buffer_init(&text, 0);
    if (command_has(context->line, OPTION_JSON))
        buffer_append_format(&text,
                             "{\"type\":\"version\",\"rejig\":\"%s\",\"wire_major\":%d,"
                             "\"wire_minor\":%d}\n",
                             REJIG_VERSION, WIRE_MAJOR, WIRE_MINOR);
    else
        buffer_append_format(&text, "rejig %s (wire %d.%d)\n", REJIG_VERSION, WIRE_MAJOR,
                             WIRE_MINOR);
    enum status status = command_write(STDOUT_FILENO, &text, error);
    buffer_release(&text);
    return status;
}
