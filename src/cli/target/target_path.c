#include "target_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int target_path_root(const struct target_hold *hold)
{
    return openat(hold->directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_beneath(int root, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC, .resolve = resolve};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static bool no_openat2(void)
{
    return errno == ENOSYS || errno == EPERM; /* seccomp filters answer EPERM */
}

/* Opens one component without following it; a symlink is ELOOP, for O_PATH too. */
static int open_component(int at, const char *name, int flags)
{
    int fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);
    struct stat stat;
    if (fd >= 0 && (flags & O_PATH) != 0 && fstat(fd, &stat) == 0 && S_ISLNK(stat.st_mode)) {
        close(fd);
        errno = ELOOP;
        return -1;
    }
    if (fd < 0 && errno == ENOTDIR && fstatat(at, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(stat.st_mode))
        errno = ELOOP; /* O_DIRECTORY looks at the link first */
    return fd;
}

int target_path_walk(int root, const char *path, int flags)
{
    int at = dup(root);
    while (at >= 0) {
        char name[256];
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        const char *rest = path + length + strspn(path + length, "/");
        if (length >= sizeof name || (length == 2 && memcmp(path, "..", 2) == 0)) {
            close(at);
            errno = length >= sizeof name ? ENAMETOOLONG : EXDEV;
            return -1;
        }
        memcpy(name, length == 0 ? "." : path, length == 0 ? 1 : length);
        name[length == 0 ? 1 : length] = '\0';
        int next = open_component(at, name, rest[0] == '\0' ? flags : O_PATH | O_DIRECTORY);
        int reason = errno;
        close(at);
        errno = reason;
        if (rest[0] == '\0')
            return next;
        at = next;
        path = rest;
    }
    return -1;
}

int target_path_open(int root, const char *path, int flags)
{
    if (path[0] != '/') {
        errno = EINVAL;
        return -1;
    }
    int fd = open_beneath(root, path, flags,
                          RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    return fd < 0 && no_openat2() ? target_path_walk(root, path, flags) : fd;
}

int target_path_folder(int root, const char *path)
{
    int fd = target_path_open(root, path, O_PATH | O_DIRECTORY);
    if (fd < 0 && errno == ELOOP)
        fd =
            open_beneath(root, path, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    return fd;
}
