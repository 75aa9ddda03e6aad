#include "target_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum status no_such_process(pid_t pid, struct error *error)
{
    return error_set(error, STATUS_TARGET, "there is no process with pid %d", (int)pid);
}

enum status target_hold_read(const struct target_hold *hold, const char *name, size_t limit,
                             struct buffer *to, struct error *error)
{
    int fd = openat(hold->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return error_set(error, STATUS_PERMISSION, "/proc/%d/%s is not ours to read",
                         (int)hold->pid, name);
    if (fd < 0)
        return error_set(error, STATUS_NOT_FOUND, "/proc/%d/%s: %s", (int)hold->pid, name,
                         strerror(errno));
    enum status status = STATUS_OK;
    size_t total = 0;
    while (total < limit) {
        size_t room = limit - total < 65536 ? limit - total : 65536;
        void *at = buffer_reserve(to, room);
        if (at == NULL) {
            status = error_set(error, STATUS_MEMORY, "out of memory");
            break;
        }
        ssize_t count = read(fd, at, room);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EACCES || errno == EPERM)) {
            status = error_set(error, STATUS_PERMISSION, "/proc/%d/%s is not ours to read",
                               (int)hold->pid, name);
            break;
        }
        if (count < 0) {
            status = error_set(error, STATUS_NOT_FOUND, "/proc/%d/%s: %s", (int)hold->pid, name,
                               strerror(errno));
            break;
        }
        if (count == 0)
            break;
        to->length += (size_t)count;
        total += (size_t)count;
    }
    close(fd);
    return status;
}

static enum status read_stat(const struct target_hold *hold, struct target_stat *stat,
                             struct error *error)
{
    struct buffer text;
    buffer_init(&text, 8192);
    enum status status = target_hold_read(hold, "stat", 4096, &text, NULL);
    bool fine = status == STATUS_OK && target_parse_stat(buffer_text(&text), text.length, stat);
    buffer_release(&text);
    return fine ? STATUS_OK : no_such_process(hold->pid, error);
}

enum status target_hold_open(struct target_hold *hold, pid_t pid, struct error *error)
{
    char path[32];
    *hold = (struct target_hold){.pid = pid, .directory = -1, .pidfd = -1};
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (pid > 0)
        hold->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (hold->directory < 0)
        return no_such_process(pid, error);
    hold->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (hold->pidfd < 0 && (errno == EINVAL || errno == ENOENT)) { /* by the kernel's version */
        target_hold_close(hold);
        return error_set(error, STATUS_TARGET, "%d is a thread, not a process", (int)pid);
    }
    /* The pidfd was opened after the folder: if that still answers, both are one process. */
    struct target_stat stat = {0};
    enum status status = read_stat(hold, &stat, error);
    hold->start = stat.start;
    if (status != STATUS_OK)
        target_hold_close(hold);
    return status;
}

void target_hold_close(struct target_hold *hold)
{
    if (hold->directory >= 0)
        close(hold->directory);
    if (hold->pidfd >= 0)
        close(hold->pidfd);
    hold->directory = hold->pidfd = -1;
}

enum status target_hold_state(const struct target_hold *hold, struct target_stat *stat,
                              struct error *error)
{
    enum status status = read_stat(hold, stat, error);
    if (status == STATUS_OK && stat->start != hold->start)
        status = no_such_process(hold->pid, error);
    return status;
}

bool target_hold_ended(const struct target_hold *hold)
{
    struct pollfd ended = {.fd = hold->pidfd, .events = POLLIN};
    if (hold->pidfd >= 0)
        return poll(&ended, 1, 0) > 0;
    struct target_stat stat;
    return target_hold_state(hold, &stat, NULL) != STATUS_OK || stat.state == 'Z' ||
           stat.state == 'X';
}
