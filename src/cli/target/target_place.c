#include "target_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base_map.h"
#include "base_text.h"
#include "target_path.h"

/* --- our own file --- */

static bool own_folder(char *to, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", to, size - 1);
    to[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(to, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

static bool is_agent(const char *path, char *to, size_t size)
{
    char real[PATH_MAX];
    struct stat stat_of;
    return realpath(path, real) != NULL && stat(real, &stat_of) == 0 && S_ISREG(stat_of.st_mode) &&
           text_copy(to, size, real);
}

enum status target_agent_file(char *to, size_t size, struct error *error)
{
    static const char *const places[] = {
        "../lib/rejig",
        "../lib/x86_64-linux-gnu/rejig",
        "../lib/aarch64-linux-gnu/rejig",
        "../lib64/rejig",
        ".",
        "../../../lib/rejig", /* the last one: a build folder */
    };
    char folder[PATH_MAX], path[PATH_MAX + 64];
    const char *given = getenv("REJIG_AGENT");
    if (given != NULL && given[0] != '\0') {
        if (is_agent(given, to, size))
            return STATUS_OK;
        return error_set(error, STATUS_NOT_FOUND, "REJIG_AGENT='%s' is not a file", given);
    }
    if (!own_folder(folder, sizeof folder))
        return error_set(error, STATUS_NOT_FOUND, "/proc/self/exe cannot be read");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s/%s/librejig.so", folder, places[i]);
        if (is_agent(path, to, size))
            return STATUS_OK;
    }
    error_set(error, STATUS_NOT_FOUND,
              "the agent's file librejig.so is neither in '%s' nor in '%s/../lib/rejig'", folder,
              folder);
    error_hint(error, "install rejig whole, or set REJIG_AGENT to the file");
    return STATUS_NOT_FOUND;
}

/* --- what the target may do --- */

static bool in_group(const struct target_process *process, gid_t gid)
{
    if (process->gid == gid)
        return true;
    for (unsigned i = 0; i < process->group_count; i++)
        if (process->groups[i] == gid)
            return true;
    return false;
}

/* Has the target's user `right` (4 read, 2 write, 1 search) by the mode bits? */
static bool may(const struct target_process *process, const struct stat *stat, unsigned right)
{
    unsigned shift = process->uid == stat->st_uid ? 6 : in_group(process, stat->st_gid) ? 3 : 0;
    return process->uid == 0 || (stat->st_mode >> shift & right) == right;
}

/* Every folder of the path, the last one too where `whole`, can be searched by the target. */
static bool may_reach(const struct target_process *process, int root, const char *path, bool whole)
{
    char part[TARGET_PATH_BYTES];
    for (size_t i = 1; path[i - 1] != '\0'; i++) {
        if (i >= sizeof part)
            return false;
        if (path[i] != '/' && (path[i] != '\0' || !whole))
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        struct stat stat;
        int fd = target_path_open(root, part, O_PATH);
        bool fine = fd >= 0 && fstat(fd, &stat) == 0 && may(process, &stat, 1);
        if (fd >= 0)
            close(fd);
        if (!fine)
            return false;
    }
    return true;
}

static bool is_noexec(int fd)
{
    struct statvfs mount;
    return fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0;
}

/* Does the target see this very file under the same path, and may it load it? */
static bool sees_file(const struct target_process *process, int root, const char *path)
{
    struct stat theirs, ours;
    int fd = target_path_open(root, path, O_PATH);
    if (fd < 0)
        return false;
    bool fine = fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 && theirs.st_ino == ours.st_ino &&
                theirs.st_dev == ours.st_dev && !is_noexec(fd) && may(process, &theirs, 4) &&
                may_reach(process, root, path, false);
    close(fd);
    return fine;
}

/* --- copies that killed sessions left --- */

#define STALE_S 60 /* no attach takes that long: who made an older one is gone */

static bool skip_hex(const char **at, size_t digits)
{
    for (size_t i = 0; i < digits; i++, (*at)++)
        if (**at == '\0' || strchr("0123456789abcdef", **at) == NULL)
            return false;
    return true;
}

/* rejig-0123456789abcdef.so, rejig-0123456789abcdef-01234567.so */
static bool is_copy_name(const char *name)
{
    if (strncmp(name, "rejig-", 6) != 0)
        return false;
    name += 6;
    if (!skip_hex(&name, 16))
        return false;
    if (*name == '-' && (name++, !skip_hex(&name, 8)))
        return false;
    return strcmp(name, ".so") == 0;
}

/* Whoever has it mapped keeps it: a name is taken away, not the file behind it. */
static bool is_stale(const struct target_process *process, const struct stat *stat, time_t now)
{
    bool ours = stat->st_uid == geteuid() || stat->st_uid == process->uid;
    return S_ISREG(stat->st_mode) && ours && stat->st_nlink == 1 && stat->st_ctime < now - STALE_S;
}

static void remove_stale(const struct target_process *process, int folder)
{
    int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = readable < 0 ? NULL : fdopendir(readable);
    time_t now = time(NULL);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct stat stat;
        if (is_copy_name(entry->d_name) &&
            fstatat(folder, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
            is_stale(process, &stat, now))
            unlinkat(folder, entry->d_name, 0);
    }
    if (directory != NULL)
        closedir(directory);
    else if (readable >= 0)
        close(readable);
}

/* --- a copy --- */

static int create_copy(int folder, struct target_place *place, uint64_t hash)
{
    uint32_t chance = 0;
    snprintf(place->name, sizeof place->name, "rejig-%016llx.so", (unsigned long long)hash);
    for (int i = 0; i < 16; i++) {
        int fd =
            openat(folder, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        /* Left by a killed session, or laid there by somebody: never used. */
        if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance)
            return -1;
        snprintf(place->name, sizeof place->name, "rejig-%016llx-%08x.so", (unsigned long long)hash,
                 chance);
    }
    return -1;
}

static bool copy_bytes(int from, int to)
{
    struct stat stat;
    if (fstat(from, &stat) != 0)
        return false;
    off_t at = 0;
    while (at < stat.st_size) {
        ssize_t count = sendfile(to, from, &at, (size_t)(stat.st_size - at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
    }
    return fchmod(to, 0644) == 0;
}

/* NULL: fine, else why this folder will not do. */
static const char *usable_folder(const struct target_process *process, int root, int folder,
                                 const char *path)
{
    if (folder < 0)
        return errno == ELOOP ? "behind a symlink" : strerror(errno);
    if (is_noexec(folder))
        return "mounted noexec";
    struct statvfs mount;
    struct stat stat;
    if (fstatvfs(folder, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0)
        return "read-only";
    /* A stranger's TMPDIR may name any folder: as root we write only where he could himself. */
    if (fstat(folder, &stat) != 0 || !may(process, &stat, 2))
        return "not writable for the target's user";
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return "not writable for us";
    if (!may_reach(process, root, path, true))
        return "not open to the target's user";
    return NULL;
}

static const char *copy_into(const struct target_process *process, int root, int agent,
                             uint64_t hash, const char *path, struct target_place *place)
{
    int folder = target_path_open(root, path, O_PATH | O_DIRECTORY);
    const char *why = usable_folder(process, root, folder, path);
    if (why == NULL)
        remove_stale(process, folder);
    int fd = why == NULL ? create_copy(folder, place, hash) : -1;
    if (why == NULL && fd < 0)
        why = strerror(errno);
    if (fd >= 0) {
        int length = snprintf(place->path, sizeof place->path, "%s%s%s", path,
                              text_ends_with(path, "/") ? "" : "/", place->name);
        bool fine = length > 0 && (size_t)length < sizeof place->path && copy_bytes(agent, fd);
        why = fine ? NULL : strerror(errno);
        close(fd);
        if (!fine)
            unlinkat(folder, place->name, 0);
    }
    if (why == NULL)
        place->folder = folder;
    else if (folder >= 0)
        close(folder);
    return why;
}

static uint64_t agent_hash(int agent)
{
    struct stat stat;
    memset(&stat, 0, sizeof stat);
    fstat(agent, &stat);
    uint64_t facts[3] = {map_hash_bytes(REJIG_VERSION, sizeof REJIG_VERSION),
                         (uint64_t)stat.st_size, (uint64_t)stat.st_mtime};
    return map_hash_bytes(facts, sizeof facts);
}

enum { FOLDERS = 4 };

static unsigned list_folders(const struct target_process *process, const char *folders[FOLDERS])
{
    static const char *const usual[] = {"/tmp", "/dev/shm", "/var/tmp"};
    unsigned count = 0;
    if (process->folder_set && process->folder[0] == '/')
        folders[count++] = process->folder;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (count == 0 || strcmp(folders[0], usual[i]) != 0)
            folders[count++] = usual[i];
    return count;
}

static enum status nowhere(const struct target_process *process, const char *reasons,
                           struct error *error)
{
    error_set(error, STATUS_TARGET,
              "the agent's file cannot be brought where pid %d could load it (%s)",
              (int)process->pid, reasons);
    error_hint(error, "give the process a folder that is writable and not noexec, by TMPDIR");
    return STATUS_TARGET;
}

static enum status copy_agent(const struct target_process *process, int root, const char *path,
                              struct target_place *place, struct error *error)
{
    int agent = open(path, O_RDONLY | O_CLOEXEC);
    if (agent < 0)
        return error_set(error, STATUS_IO, "'%s': %s", path, strerror(errno));
    const char *folders[FOLDERS];
    unsigned count = list_folders(process, folders);
    char reasons[320] = "";
    size_t length = 0;
    enum status status = STATUS_TARGET;
    for (unsigned i = 0; i < count && status != STATUS_OK; i++) {
        const char *why = copy_into(process, root, agent, agent_hash(agent), folders[i], place);
        if (why == NULL)
            status = STATUS_OK;
        else
            text_append(reasons, sizeof reasons, &length, "%s%s: %s", i > 0 ? "; " : "", folders[i],
                        why);
    }
    close(agent);
    return status == STATUS_OK ? STATUS_OK : nowhere(process, reasons, error);
}

static int open_root(const struct target_process *process, const struct target_hold *hold,
                     struct error *error)
{
    int root = target_path_root(hold);
    if (root < 0)
        error_set(error, STATUS_PERMISSION, "the root folder of pid %d cannot be opened: %s",
                  (int)process->pid, strerror(errno));
    return root;
}

enum status target_place_agent(const struct target_process *process, const struct target_hold *hold,
                               struct target_place *place, struct error *error)
{
    char path[TARGET_PATH_BYTES];
    memset(place, 0, sizeof *place);
    place->folder = -1;
    enum status status = target_agent_file(path, sizeof path, error);
    if (status != STATUS_OK)
        return status;
    int root = open_root(process, hold, error);
    if (root < 0)
        return STATUS_PERMISSION;
    if (sees_file(process, root, path))
        text_copy(place->path, sizeof place->path, path);
    else
        status = copy_agent(process, root, path, place, error);
    close(root);
    return status;
}

enum status target_place_probe(const struct target_process *process, const struct target_hold *hold,
                               char *where, size_t size, struct error *error)
{
    char path[TARGET_PATH_BYTES], reasons[320] = "";
    const char *folders[FOLDERS];
    size_t length = 0;
    enum status status = target_agent_file(path, sizeof path, error);
    if (status != STATUS_OK)
        return status;
    int root = open_root(process, hold, error);
    if (root < 0)
        return STATUS_PERMISSION;
    unsigned count = list_folders(process, folders);
    bool fine = sees_file(process, root, path);
    if (fine)
        text_copy(where, size, path);
    for (unsigned i = 0; i < count && !fine; i++) {
        int folder = target_path_open(root, folders[i], O_PATH | O_DIRECTORY);
        const char *why = usable_folder(process, root, folder, folders[i]);
        fine = why == NULL;
        if (fine)
            snprintf(where, size, "a copy in %s", folders[i]);
        else
            text_append(reasons, sizeof reasons, &length, "%s%s: %s", i > 0 ? "; " : "", folders[i],
                        why);
        if (folder >= 0)
            close(folder);
    }
    close(root);
    return fine ? STATUS_OK : nowhere(process, reasons, error);
}

void target_place_remove(struct target_place *place)
{
    if (place->folder < 0)
        return;
    unlinkat(place->folder, place->name, 0);
    close(place->folder);
    place->folder = -1;
}
