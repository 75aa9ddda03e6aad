#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command_context.h"
#include "command_exit.h"
#include "command_help.h"

static enum status run_command(struct command_context *context, struct error *error)
{
    switch (context->line->id) {
    case COMMAND_PS:
        return ps_run(context, error);
    case COMMAND_DOCTOR:
        return doctor_run(context, error);
    case COMMAND_LIST:
        return list_run(context, error);
    case COMMAND_INLINERS:
        return inliners_run(context, error);
    case COMMAND_WATCH:
        return watch_run(context, error);
    case COMMAND_COUNT:
        return count_run(context, error);
    case COMMAND_PATCH:
        return patch_run(context, error);
    case COMMAND_STATUS:
        return status_run(context, error);
    case COMMAND_RESET:
        return reset_run(context, error);
    case COMMAND_VERSION:
        return version_run(context, error);
    default:
        return help_run(context, error);
    }
}

static enum status show_help(const struct command_row *row, struct error *error)
{
    struct buffer text;
    buffer_init(&text, 0);
    help_command(&text, row);
    enum status status = command_write(STDOUT_FILENO, &text, error);
    buffer_release(&text);
    return status;
}

int command_main(int argc, char **argv)
{
    static struct command_line line;
    struct command_context context = {.line = &line, .exit_code = -1};
    struct error error;
    error_init(&error);
    target_signals_remember(&context.signals);
    signal(SIGPIPE, SIG_IGN);
    enum status status = command_line_parse(argc, argv, &line, &error);
    if (status == STATUS_OK && line.help && line.id != COMMAND_HELP)
        status = show_help(line.row, &error);
    else if (status == STATUS_OK)
        status = run_command(&context, &error);
    if (status != STATUS_OK)
        command_print_error(&error, context.marked);
    if (context.exit_code >= 0)
        return context.exit_code;
    return command_exit_of(status);
}
