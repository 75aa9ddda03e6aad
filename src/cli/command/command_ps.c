/* ps: every .NET process, and whether it can be probed. Looks: ux.md, "ps". */
#include <string.h>
#include <unistd.h>

#include "command_context.h"
#include "output_escape.h"
#include "output_number.h"
#include "target_state.h"

#define COMMAND_LEAST 20u /* columns of a command that are always shown */

/* 41 s, 00:12:40, 3d 04:11 */
static void up_text(char *to, size_t size, uint64_t nanoseconds)
{
    unsigned long long seconds = nanoseconds / 1000000000ull;
    if (seconds >= 86400)
        snprintf(to, size, "%llud %02llu:%02llu", seconds / 86400, seconds / 3600 % 24,
                 seconds / 60 % 60);
    else
        snprintf(to, size, "%02llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void append_safe(struct buffer *out, const char *text)
{
    for (; *text; text++)
        buffer_append_u8(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : (uint8_t)*text);
}

/* A cell, padded to `width` columns; at least one space follows. */
static void append_cell(struct buffer *out, const char *text, size_t width)
{
    size_t columns = 0;
    append_safe(out, text);
    for (const char *at = text; *at; at++)
        columns += ((unsigned char)*at & 0xc0) != 0x80;
    do
        buffer_append_u8(out, ' ');
    while (++columns < width);
}

/* The command, cut in the middle where the rest of the row would not fit the terminal. */
static void append_command(struct buffer *out, const char *command, size_t width)
{
    size_t length = strlen(command);
    if (width == 0 || length <= width) {
        append_safe(out, command);
        return;
    }
    size_t front = width / 2, back = length - (width - front - 1);
    while (front > 0 && ((unsigned char)command[front] & 0xc0) == 0x80)
        front--;
    while (((unsigned char)command[back] & 0xc0) == 0x80)
        back++;
    for (size_t i = 0; i < front; i++)
        buffer_append_u8(
            out, (unsigned char)command[i] < ' ' || command[i] == 0x7f ? '?' : (uint8_t)command[i]);
    buffer_append_text(out, "…");
    append_safe(out, command + back);
}

/* Columns that are left for the command; 0: as many as it takes. */
static size_t command_columns(const struct target_process *process,
                              const struct target_verdict *verdict, size_t name_width)
{
    unsigned columns, rows;
    command_terminal_size(STDOUT_FILENO, &columns, &rows);
    size_t used = 9 + name_width + 10 + 11 + 13;
    if (verdict->note[0])
        used += strlen(verdict->note) + 4;
    if (process->container)
        used += strlen("  (container )") + strlen(process->container_id);
    if (columns == 0)
        return 0;
    return columns > used + COMMAND_LEAST ? columns - used : COMMAND_LEAST;
}

static void append_row(struct buffer *out, const struct target_process *process,
                       const struct target_verdict *verdict, size_t name_width)
{
    char pid[16], up[32];
    snprintf(pid, sizeof pid, "%7d", (int)process->pid);
    up_text(up, sizeof up, process->up_time);
    append_cell(out, pid, 9);
    append_cell(out, process->name, name_width);
    append_cell(out, process->version[0] ? process->version : "?", 10);
    append_cell(out, up, 11);
    append_cell(out, target_state_name(verdict->state), 13);
    append_command(out, process->command, command_columns(process, verdict, name_width));
    if (verdict->note[0]) {
        buffer_append_text(out, "  (");
        append_safe(out, verdict->note);
        buffer_append_u8(out, ')');
    }
    if (process->container)
        buffer_append_format(out, "  (container%s%s)", process->container_id[0] ? " " : "",
                             process->container_id);
    buffer_append_u8(out, '\n');
}

static void put_field(struct buffer *out, const char *name, const char *value)
{
    buffer_append_format(out, ",\"%s\":", name);
    escape_json(out, value);
}

static void append_json(struct buffer *out, const struct target_process *process,
                        const struct target_verdict *verdict)
{
    buffer_append_format(out, "{\"type\":\"process\",\"pid\":%d", (int)process->pid);
    put_field(out, "name", process->name);
    put_field(out, "runtime", process->version);
    put_field(out, "architecture", process->architecture);
    buffer_append_format(out, ",\"up_ns\":%llu", (unsigned long long)process->up_time);
    put_field(out, "state", target_state_name(verdict->state));
    buffer_append_format(out, ",\"can_probe\":%s",
                         target_state_can_probe(verdict->state) ? "true" : "false");
    if (verdict->reason[0])
        put_field(out, "reason", verdict->reason);
    if (verdict->hint[0])
        put_field(out, "hint", verdict->hint);
    put_field(out, "user", process->user);
    buffer_append_format(out, ",\"container\":%s", process->container ? "true" : "false");
    if (process->container_id[0])
        put_field(out, "container_id", process->container_id);
    put_field(out, "command", process->command);
    buffer_append_text(out, "}\n");
}

static void append_all(struct buffer *out, const struct target_list *list, bool json)
{
    size_t name_width = 12;
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->items[i].name) + 2 > name_width)
            name_width = strlen(list->items[i].name) + 2;
    if (!json) {
        append_cell(out, "    PID", 9);
        append_cell(out, "NAME", name_width);
        append_cell(out, "RUNTIME", 10);
        append_cell(out, "UP", 11);
        append_cell(out, "STATE", 13);
        buffer_append_text(out, "COMMAND\n");
    }
    for (size_t i = 0; i < list->count; i++) {
        struct target_verdict verdict;
        target_state_of(&list->items[i], &verdict);
        if (json)
            append_json(out, &list->items[i], &verdict);
        else
            append_row(out, &list->items[i], &verdict, name_width);
    }
}

enum status ps_run(struct command_context *context, struct error *error)
{
    struct target_list list = {0};
    struct buffer out;
    if (context->line->argument_count > 0)
        return error_set(error, STATUS_USAGE, "rejig ps takes no arguments");
    enum status status = target_find_all(&list, error);
    if (status != STATUS_OK)
        return status;
    buffer_init(&out, 0);
    append_all(&out, &list, command_has(context->line, OPTION_JSON));
    status = command_write(STDOUT_FILENO, &out, error);
    if (list.count == 0 && !command_has(context->line, OPTION_JSON))
        command_say("(no .NET process is running, or none that this user may see)");
    buffer_release(&out);
    target_list_release(&list);
    return status;
}
