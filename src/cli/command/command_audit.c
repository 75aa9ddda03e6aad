#include "command_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "output_escape.h"

#define AUDIT_LINE_MAX ((size_t)64 << 10)

void audit_init(struct audit *audit)
{
    *audit = (struct audit){.fd = -1};
}

/* ---- where it is ---- */

static const char *home(void)
{
    const char *path = getenv("HOME");
    if (path && path[0] == '/')
        return path;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

/* A relative XDG_STATE_HOME counts as none, as the XDG rules say. */
static enum status find_path(struct audit *audit, struct error *error)
{
    const char *state = getenv("XDG_STATE_HOME");
    size_t length = 0;
    if (state && state[0] == '/') {
        text_append(audit->path, sizeof audit->path, &length, "%s/rejig/audit.log", state);
    } else if (home()) {
        text_append(audit->path, sizeof audit->path, &length, "%s/.local/state/rejig/audit.log",
                    home());
    } else {
        error_set(error, STATUS_IO, "there is no place for the audit log: no home folder is known");
        error_hint(error, "set XDG_STATE_HOME to a folder of yours");
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status cannot(const struct audit *audit, const char *reason, struct error *error)
{
    error_set(error, STATUS_IO, "the audit log '%s' cannot be written: %s", audit->path, reason);
    error_hint(error, "nothing is changed without it; XDG_STATE_HOME names another place");
    return STATUS_IO;
}

/* The folders above the file, each for its owner alone. */
static bool make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!made)
            return false;
    }
    return true;
}

enum status audit_open(struct audit *audit, struct error *error)
{
    struct stat info;
    enum status status = find_path(audit, error);
    if (status != STATUS_OK)
        return status;
    if (!make_folders(audit->path))
        return cannot(audit, strerror(errno), error);
    audit->fd = open(audit->path,
                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (audit->fd < 0)
        return cannot(audit, errno == ELOOP ? "it is a symbolic link" : strerror(errno), error);
    if (fstat(audit->fd, &info) != 0)
        status = cannot(audit, strerror(errno), error);
    else if (!S_ISREG(info.st_mode))
        status = cannot(audit, "it is no regular file", error);
    else if (info.st_uid != geteuid())
        status = cannot(audit, "it belongs to another user", error);
    else if ((info.st_mode & 07777) != 0600 && fchmod(audit->fd, 0600) != 0)
        status = cannot(audit, strerror(errno), error);
    if (status != STATUS_OK)
        audit_close(audit);
    return status;
}

void audit_close(struct audit *audit)
{
    if (audit->fd >= 0)
        close(audit->fd);
    audit->fd = -1;
}

/* ---- a line ---- */

static void put_text(struct buffer *line, const char *field, const char *value)
{
    buffer_append_format(line, ",\"%s\":", field);
    escape_json(line, value);
}

static void put_time(struct audit *audit, struct buffer *line, const char *field, uint64_t time)
{
    char text[NUMBER_TEXT];
    number_time_iso(&audit->clock, text, time);
    buffer_append_format(line, "\"%s\":\"%s\"", field, text);
}

static void put_user(struct buffer *line)
{
    const struct passwd *user = getpwuid(getuid());
    const char *before = getenv("SUDO_USER");
    put_text(line, "user", user && user->pw_name ? user->pw_name : "");
    buffer_append_format(line, ",\"uid\":%u", (unsigned)getuid());
    if (before)
        put_text(line, "sudo_user", before);
}

static void put_target(struct audit *audit, struct buffer *line,
                       const struct target_process *process)
{
    if (!audit->started)
        audit->started = clock_realtime() - process->up_time;
    buffer_append_format(line, ",\"pid\":%d,", (int)process->pid);
    put_time(audit, line, "started", audit->started);
    buffer_append_format(line, ",\"start_ticks\":%llu", (unsigned long long)process->start);
    put_text(line, "command", process->command);
}

enum status audit_write(struct audit *audit, const struct audit_entry *entry, struct error *error)
{
    struct buffer line;
    buffer_init(&line, AUDIT_LINE_MAX);
    buffer_append_u8(&line, '{');
    put_time(audit, &line, "time", clock_realtime());
    put_text(&line, "event", entry->event);
    put_text(&line, "action", entry->action);
    put_user(&line);
    put_target(audit, &line, entry->process);
    put_text(&line, "method", entry->method);
    put_text(&line, "value", entry->value);
    buffer_append_format(&line, ",\"duration_ns\":%llu", (unsigned long long)entry->duration_ns);
    put_text(&line, "result", entry->result);
    buffer_append_text(&line, "}\n");
    enum status status = STATUS_OK;
    if (buffer_failed(&line)) {
        status = cannot(audit, "the line is too long", error);
    } else {
        ssize_t written = write(audit->fd, line.data, line.length);
        if (written != (ssize_t)line.length)
            status =
                cannot(audit, written < 0 ? strerror(errno) : "no room for a whole line", error);
        else if (fdatasync(audit->fd) != 0 && errno != EINVAL)
            status = cannot(audit, strerror(errno), error);
    }
    buffer_release(&line);
    return status;
}
