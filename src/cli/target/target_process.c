#include "target_process.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "target_inside.h"
#include "target_path.h"

#define ENVIRONMENT_LIMIT ((size_t)4 << 20)
#define MAPS_LIMIT        ((size_t)32 << 20)

static void name_user(struct target_process *process)
{
    char space[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(process->uid, &entry, space, sizeof space, &found) == 0 && found != NULL)
        text_copy(process->user, sizeof process->user, entry.pw_name);
    else
        snprintf(process->user, sizeof process->user, "%u", (unsigned)process->uid);
}

static void take_stat(struct target_process *process, const struct target_stat *stat)
{
    text_copy(process->comm, sizeof process->comm, stat->comm);
    process->start = process->own_start = stat->start;
    process->parent = stat->parent;
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t begun = stat->start / ticks * 1000000000 + stat->start % ticks * 1000000000 / ticks;
    uint64_t now = clock_boottime();
    process->up_time = now > begun ? now - begun : 0;
    process->run = stat->state == 'T'                         ? TARGET_RUN_STOPPED
                   : stat->state == 't'                       ? TARGET_RUN_TRACED
                   : stat->state == 'Z' || stat->state == 'X' ? TARGET_RUN_ZOMBIE
                                                              : TARGET_RUN_RUNNING;
}

static void take_status(struct target_process *process, const struct target_hold *hold)
{
    struct buffer text;
    struct target_status status;
    buffer_init(&text, 65536);
    if (target_hold_read(hold, "status", 65000, &text, NULL) == STATUS_OK &&
        target_parse_status(buffer_text(&text), text.length, &status)) {
        process->own_pid = status.own_pid;
        process->container = status.pid_depth > 1;
        process->uid = status.uid;
        process->gid = status.gid;
        process->group_count = status.group_count;
        memcpy(process->groups, status.groups, sizeof process->groups);
    }
    buffer_release(&text);
}

/* ns of the boot clock in a process's time namespace. */
static int64_t boot_offset(int directory)
{
    char text[256];
    int fd = openat(directory, "timens_offsets", O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return count <= 0 ? 0 : target_parse_offset(text, (size_t)count, "boottime");
}

static void take_namespaces(struct target_process *process, const struct target_hold *hold,
                            int root)
{
    static const char *const names[] = {"ns/mnt", "ns/pid"};
    int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat theirs, ours;
    for (size_t i = 0; self >= 0 && i < 2; i++)
        if (fstatat(hold->directory, names[i], &theirs, 0) == 0 &&
            fstatat(self, names[i], &ours, 0) == 0 && theirs.st_ino != ours.st_ino) {
            process->container = true;
            process->other_view |= i == 0;
        }
    if (root >= 0 && fstat(root, &theirs) == 0 && stat("/", &ours) == 0 &&
        (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev))
        process->other_view = true;
    if (self >= 0) {
        process->boot_offset = boot_offset(hold->directory) - boot_offset(self);
        close(self);
    }
    int64_t ticks = process->boot_offset / (1000000000 / sysconf(_SC_CLK_TCK));
    process->own_start = (uint64_t)((int64_t)process->start + ticks);
}

static void take_container(struct target_process *process, const struct target_hold *hold)
{
    struct buffer text;
    buffer_init(&text, 65536);
    if (process->container && target_hold_read(hold, "cgroup", 16384, &text, NULL) == STATUS_OK)
        target_parse_container(buffer_text(&text), text.length, process->container_id,
                               sizeof process->container_id);
    buffer_release(&text);
}

static void take_command(struct target_process *process, const struct target_hold *hold)
{
    struct buffer text;
    char path[TARGET_PATH_BYTES];
    buffer_init(&text, (size_t)1 << 20);
    target_hold_read(hold, "cmdline", 1 << 16, &text, NULL);
    const char *block = buffer_text(&text);
    ssize_t length = readlinkat(hold->directory, "exe", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    if (text_ends_with(path, " (deleted)"))
        path[strlen(path) - strlen(" (deleted)")] = '\0';
    const char *slash = strrchr(path, '/');
    text_copy(process->file, sizeof process->file, slash == NULL ? path : slash + 1);
    target_parse_command(block, text.length, process->command, sizeof process->command);
    target_parse_assembly(block, text.length, path, process->assembly, sizeof process->assembly);
    buffer_release(&text);
}

/* Looks like .NET to somebody who may not look inside. */
static bool looks_like_dotnet(const struct target_process *process)
{
    char path[256];
    struct stat stat;
    if (strcmp(process->comm, "dotnet") == 0)
        return true;
    snprintf(path, sizeof path, "/tmp/dotnet-diagnostic-%llu-%llu-socket",
             (unsigned long long)process->own_pid, (unsigned long long)process->own_start);
    return lstat(path, &stat) == 0 && S_ISSOCK(stat.st_mode) && stat.st_uid == process->uid;
}

/* A relative TMPDIR is meant from the folder that the process works in. */
static void complete_folder(struct target_process *process, const struct target_hold *hold)
{
    char path[TARGET_PATH_BYTES];
    if (process->folder[0] == '/')
        return;
    ssize_t length = readlinkat(hold->directory, "cwd", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    size_t used = strlen(path);
    text_append(path, sizeof path, &used, "/%s", process->folder);
    text_copy(process->folder, sizeof process->folder, path);
}

static void take_inside(struct target_process *process, const struct target_hold *hold)
{
    struct buffer environment, maps;
    buffer_init(&environment, ENVIRONMENT_LIMIT + 4096);
    buffer_init(&maps, MAPS_LIMIT + 65536);
    int root = target_path_root(hold);
    bool readable =
        root >= 0 &&
        target_hold_read(hold, "environ", ENVIRONMENT_LIMIT, &environment, NULL) == STATUS_OK &&
        target_hold_read(hold, "maps", MAPS_LIMIT, &maps, NULL) == STATUS_OK;
    process->limited = !readable;
    take_namespaces(process, hold, root);
    take_container(process, hold);
    if (readable) {
        buffer_append_u8(&environment, 0); /* a cut block ends here */
        target_inside_environment(process, (const char *)environment.data, environment.length);
        complete_folder(process, hold);
        target_inside_maps(process, hold, root, buffer_text(&maps), maps.length, &environment);
    } else if (looks_like_dotnet(process)) {
        process->kind = TARGET_KIND_UNKNOWN;
    }
    if (readable && process->kind != TARGET_KIND_OTHER)
        target_inside_sockets(process, root);
    if (root >= 0)
        close(root);
    buffer_release(&environment);
    buffer_release(&maps);
}

enum status target_process_read_held(const struct target_hold *hold, struct target_process *process,
                                     struct error *error)
{
    struct target_stat stat;
    memset(process, 0, sizeof *process);
    process->pid = hold->pid;
    process->own_pid = (uint64_t)hold->pid;
    process->slot = TARGET_SLOT_UNKNOWN;
    enum status status = target_hold_state(hold, &stat, error);
    if (status != STATUS_OK)
        return status;
    take_stat(process, &stat);
    take_status(process, hold);
    take_command(process, hold);
    text_copy(process->folder, sizeof process->folder, "/tmp");
    if (process->run != TARGET_RUN_ZOMBIE)
        take_inside(process, hold);
    if (process->kind != TARGET_KIND_OTHER || process->limited)
        name_user(process); /* reads files: not for each of a thousand others */
    bool named = process->assembly[0] != '\0' && process->kind != TARGET_KIND_OTHER;
    text_copy(process->name, sizeof process->name,
              named                      ? process->assembly
              : process->file[0] != '\0' ? process->file
                                         : process->comm);
    /* It may have ended on the way: then nothing of the picture counts. */
    return target_hold_state(hold, &stat, error);
}

enum status target_process_read(pid_t pid, struct target_process *process, struct error *error)
{
    struct target_hold hold;
    enum status status = target_hold_open(&hold, pid, error);
    if (status != STATUS_OK)
        return status;
    status = target_process_read_held(&hold, process, error);
    target_hold_close(&hold);
    return status;
}

enum status target_process_hold(const struct target_process *process, struct target_hold *hold,
                                struct error *error)
{
    enum status status = target_hold_open(hold, process->pid, NULL);
    if (status == STATUS_OK && hold->start == process->start)
        return STATUS_OK;
    if (status == STATUS_OK)
        target_hold_close(hold);
    return error_set(error, STATUS_TARGET, "pid %d (%s) has ended", (int)process->pid,
                     process->name);
}

bool target_process_is_dotnet(const struct target_process *process)
{
    return process->kind != TARGET_KIND_OTHER;
}
