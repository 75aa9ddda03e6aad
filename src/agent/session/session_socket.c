#include "session_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire_message.h"

#define LISTEN_BACKLOG 16

enum status session_socket_start_time(uint64_t *start, struct error *error)
{
    char text[2048];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return error_set(error, STATUS_IO, "cannot read '/proc/self/stat': %s", strerror(errno));
    text[length] = '\0';
    /* The name in field 2 may hold anything: count from its closing parenthesis. */
    char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    char *end = NULL;
    *start = at == NULL ? 0 : strtoull(at + 1, &end, 10);
    if (at == NULL || end == at + 1)
        return error_set(error, STATUS_IO, "'/proc/self/stat' has no start time");
    return STATUS_OK;
}

static enum status make_path(struct session_socket *s, const char *directory, struct error *error)
{
    uint64_t start;
    enum status status = session_socket_start_time(&start, error);
    if (status != STATUS_OK)
        return status;
    char name[64];
    if (!wire_socket_name(name, sizeof name, (uint64_t)getpid(), start))
        return error_set(error, STATUS_BUG, "the socket's name does not fit");
    int length = snprintf(s->path, sizeof s->path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof s->path)
        return error_set(error, STATUS_TARGET, "the folder '%s' has too long a name for a socket",
                         directory);
    return STATUS_OK;
}

/* fstatat by number: glibc 2.33 gave stat a new symbol, which older systems lack. */
static bool file_identity(const char *path, uint64_t *device, uint64_t *inode)
{
    struct stat st;
#if defined(SYS_newfstatat)
    if (syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
#else
    if (syscall(SYS_fstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
#endif
        return false;
    *device = st.st_dev;
    *inode = st.st_ino;
    return true;
}

static enum status socket_fail(struct session_socket *s, struct error *error)
{
    int reason = errno;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    return error_set(error, STATUS_IO, "cannot listen on '%s': %s", s->path, strerror(reason));
}

enum status session_socket_open(struct session_socket *s, const char *directory,
                                struct error *error)
{
    memset(s, 0, sizeof *s);
    s->fd = -1;
    enum status status = make_path(s, directory, error);
    if (status != STATUS_OK)
        return status;

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, s->path, sizeof s->path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode of the descriptor before bind becomes the file's: no moment with a wider one, and
     * no change of the process-wide umask. */
    if (s->fd < 0 || fchmod(s->fd, 0600) != 0)
        return socket_fail(s, error);
    unlink(s->path);
    if (bind(s->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return socket_fail(s, error);
    if (!file_identity(s->path, &s->device, &s->inode) || listen(s->fd, LISTEN_BACKLOG) != 0) {
        unlink(s->path);
        return socket_fail(s, error);
    }
    return STATUS_OK;
}

void session_socket_close(struct session_socket *s)
{
    if (s->fd < 0)
        return;
    uint64_t device, inode;
    if (file_identity(s->path, &device, &inode) && device == s->device && inode == s->inode)
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}

int session_socket_accept(struct session_socket *s, uint32_t *uid, uint32_t *pid,
                          uint32_t *refused_uid)
{
    *refused_uid = UINT32_MAX;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -1;
    struct ucred peer = {.uid = UINT32_MAX};
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid())) {
        *refused_uid = peer.uid;
        close(fd);
        return -1;
    }
    *uid = peer.uid;
    *pid = (uint32_t)peer.pid;
    return fd;
}
