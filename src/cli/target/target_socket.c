#include "target_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_clock.h"

int target_socket_left(uint64_t deadline)
{
    if (deadline == 0)
        return -1;
    uint64_t now = clock_monotonic();
    uint64_t left = deadline > now ? (deadline - now + 999999) / 1000000 : 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

bool target_socket_wait(int fd, short events, uint64_t deadline)
{
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = events};
        int count = poll(&entry, 1, target_socket_left(deadline));
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

static enum status connect_error(const char *name, struct error *error)
{
    switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR:
        return error_set(error, STATUS_NOT_FOUND, "nobody listens on '%s'", name);
    case EACCES:
    case EPERM:
        return error_set(error, STATUS_PERMISSION, "the socket '%s' is not ours to use", name);
    case EAGAIN: /* its queue is full: a stopped or hanging process */
        return error_set(error, STATUS_TIMEOUT, "the socket '%s' takes no more connections", name);
    default:
        return error_set(error, STATUS_IO, "connecting to '%s': %s", name, strerror(errno));
    }
}

static enum status check_peer(int fd, const char *name, pid_t pid, struct error *error)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return error_set(error, STATUS_IO, "asking who listens on '%s': %s", name, strerror(errno));
    if (peer.pid != pid)
        return error_set(error, STATUS_TARGET, "the socket '%s' belongs to pid %d, not to pid %d",
                         name, (int)peer.pid, (int)pid);
    return STATUS_OK;
}

enum status target_socket_connect(int folder, const char *name, pid_t pid, uint64_t deadline,
                                  int *fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *fd = -1;
    /* Through our own descriptor table, so that no path is too long for a socket address. */
    int length =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return error_set(error, STATUS_LIMIT, "the socket's name '%s' is too long", name);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return error_set(error, STATUS_IO, "no socket to be had: %s", strerror(errno));
    while (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EINTR)
            continue;
        bool full = errno == EAGAIN && target_socket_left(deadline) != 0;
        if (!full) {
            enum status status = connect_error(name, error);
            close(connection);
            return status;
        }
        poll(NULL, 0, 1);
    }
    enum status status = check_peer(connection, name, pid, error);
    if (status != STATUS_OK)
        close(connection);
    else
        *fd = connection;
    return status;
}
