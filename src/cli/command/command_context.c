#include "command_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base_text.h"
#include "script_expression.h"

enum status command_find_target(const struct command_line *line, struct target_process *process,
                                struct error *error)
{
    if (command_has(line, OPTION_PROCESS_ID))
        return target_find_pid(line->values[OPTION_PROCESS_ID], process, error);
    if (command_has(line, OPTION_NAME))
        return target_find_name(line->values[OPTION_NAME], process, NULL, error);
    if (!line->target)
        return error_set(error, STATUS_USAGE, "rejig %s needs a target", line->row->name);
    return target_find(line->target, process, NULL, error);
}

void command_target_text(const struct target_process *process, char *to, size_t size)
{
    size_t length = 0;
    text_append(to, size, &length, "pid %d%s%s", (int)process->pid, process->name[0] ? " " : "",
                process->name);
    for (size_t i = 0; to[i]; i++)
        if ((unsigned char)to[i] < ' ' || to[i] == 0x7f)
            to[i] = '?';
}

void command_say(const char *format, ...)
{
    struct buffer line;
    va_list arguments;
    buffer_init(&line, 0);
    va_start(arguments, format);
    buffer_append_vformat(&line, format, arguments);
    va_end(arguments);
    buffer_append_u8(&line, '\n');
    command_write(STDERR_FILENO, &line, NULL);
    buffer_release(&line);
}

/* Text from elsewhere: newlines stay (lists), other control characters do not. */
static void append_safe(struct buffer *out, const char *text)
{
    for (; *text; text++)
        buffer_append_u8(out, ((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f
                                  ? '?'
                                  : (uint8_t)*text);
}

void command_print_error(const struct error *error, const char *marked)
{
    struct buffer out;
    buffer_init(&out, 0);
    buffer_append_text(&out, "rejig: ");
    append_safe(&out, error->message[0] ? error->message : status_name(error->status));
    buffer_append_u8(&out, '\n');
    if (marked && error->offset >= 0)
        script_mark(&out, marked, error->offset);
    if (error->hint[0]) {
        buffer_append_text(&out, "hint: ");
        append_safe(&out, error->hint);
        buffer_append_u8(&out, '\n');
    }
    command_write(STDERR_FILENO, &out, NULL);
    buffer_release(&out);
}

enum status command_write(int fd, const struct buffer *text, struct error *error)
{
    size_t done = 0;
    while (done < text->length) {
        ssize_t written = write(fd, text->data + done, text->length - done);
        if (written < 0 && errno == EPIPE)
            return STATUS_OK;
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return error_set(error, STATUS_IO, "cannot write the output: %s", strerror(errno));
        if (written > 0)
            done += (size_t)written;
    }
    if (buffer_failed(text))
        return error_set(error, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}

enum status command_open_output(const struct command_line *line, int otherwise, int *fd, bool *own,
                                struct error *error)
{
    const char *path = line->values[OPTION_OUTPUT];
    *fd = otherwise;
    *own = false;
    if (!path)
        return STATUS_OK;
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (*fd < 0)
        return error_set(error, STATUS_USAGE, "cannot write '%s': %s", path, strerror(errno));
    *own = true;
    return STATUS_OK;
}

bool command_colours(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(fd) == 1 && !(no && *no) && terminal && strcmp(terminal, "dumb") != 0;
}

void command_terminal_size(int fd, unsigned *columns, unsigned *rows)
{
    struct winsize size = {0};
    *columns = *rows = 0;
    if (isatty(fd) != 1)
        return;
    bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known && size.ws_row > 0 ? size.ws_row : 24;
}
