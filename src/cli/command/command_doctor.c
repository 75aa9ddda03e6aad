/* doctor: every precondition of probing one process. Looks: ux.md, "doctor". */
#include <string.h>
#include <unistd.h>

#include "command_context.h"
#include "command_exit.h"
#include "command_wait.h"
#include "output_escape.h"
#include "target_state.h"

static const char *answer_text(enum target_answer answer)
{
    switch (answer) {
    case TARGET_CHECK_OK:
        return "ok";
    case TARGET_CHECK_NO:
        return "no";
    case TARGET_CHECK_BUSY:
        return "busy";
    default:
        return "?";
    }
}

static void append_head(struct buffer *out, const struct target_process *process)
{
    buffer_append_format(out, "pid %d %s", (int)process->pid, process->name);
    if (process->version[0])
        buffer_append_format(out, ", .NET %s", process->version);
    if (process->architecture[0])
        buffer_append_format(out, ", linux-%s", process->architecture);
    buffer_append_format(out, ", %s\n", process->command);
}

static const char *last_line(enum target_state state)
{
    if (state == TARGET_BUSY)
        return "rejig can probe this process once its agent is no longer busy: try again\n";
    return target_state_can_probe(state) ? "rejig can probe this process\n"
                                         : "rejig cannot probe this process\n";
}

static void append_text(struct buffer *out, const struct target_process *process,
                        const struct target_checks *checks)
{
    append_head(out, process);
    for (size_t i = 0; i < checks->count; i++) {
        const struct target_check *check = &checks->items[i];
        buffer_append_format(out, "  %-4s  %s\n", answer_text(check->answer), check->text);
        if (check->hint[0])
            buffer_append_format(out, "        %s\n", check->hint);
    }
    buffer_append_text(out, last_line(checks->verdict.state));
}

static void append_json(struct buffer *out, const struct target_process *process,
                        const struct target_checks *checks)
{
    buffer_append_format(out, "{\"type\":\"doctor\",\"pid\":%d,\"name\":", (int)process->pid);
    escape_json(out, process->name);
    buffer_append_text(out, ",\"runtime\":");
    escape_json(out, process->version);
    buffer_append_text(out, ",\"state\":");
    escape_json(out, target_state_name(checks->verdict.state));
    buffer_append_format(out, ",\"can_probe\":%s,\"checks\":[",
                         target_state_can_probe(checks->verdict.state) ? "true" : "false");
    for (size_t i = 0; i < checks->count; i++) {
        const struct target_check *check = &checks->items[i];
        buffer_append_format(out, "%s{\"answer\":\"%s\",\"text\":", i ? "," : "",
                             check->answer == TARGET_CHECK_UNKNOWN ? "unknown"
                                                                   : answer_text(check->answer));
        escape_json(out, check->text);
        if (check->hint[0]) {
            buffer_append_text(out, ",\"hint\":");
            escape_json(out, check->hint);
        }
        buffer_append_u8(out, '}');
    }
    buffer_append_text(out, "]}\n");
}

/* Names of the process come from elsewhere. */
static void make_safe(struct buffer *out)
{
    for (size_t i = 0; i < out->length; i++)
        if ((out->data[i] < ' ' && out->data[i] != '\n') || out->data[i] == 0x7f)
            out->data[i] = '?';
}

enum status doctor_run(struct command_context *context, struct error *error)
{
    struct target_process process;
    struct target_checks checks;
    struct command_wait wait;
    struct buffer out;
    if (context->line->argument_count > 0)
        return error_set(error, STATUS_USAGE, "rejig doctor takes one target");
    enum status status = command_find_target(context->line, &process, error);
    if (status != STATUS_OK)
        return status;
    memset(&checks, 0, sizeof checks);
    command_wait_begin(&wait, &process, "the runtime or our agent has not answered yet");
    target_check_all(&process, &checks);
    command_wait_end(&wait);
    buffer_init(&out, 0);
    if (command_has(context->line, OPTION_JSON))
        append_json(&out, &process, &checks);
    else
        append_text(&out, &process, &checks);
    make_safe(&out);
    status = command_write(STDOUT_FILENO, &out, error);
    buffer_release(&out);
    if (status == STATUS_OK && !target_state_can_probe(checks.verdict.state))
        context->exit_code = COMMAND_EXIT_TARGET;
    return status;
}
