#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_text.h"
#include "target_inside.h"
#include "target_path.h"
#include "wire_message.h"

static bool is_socket(int folder, const char *name)
{
    struct stat stat;
    return fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(stat.st_mode);
}

/* The newest socket of this pid whose start time differs from what we reckoned (clock ticks
 * round differently in a time namespace). The peer's pid is checked before use. */
static void search_socket(struct target_process *process, int folder)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "dotnet-diagnostic-%llu-",
             (unsigned long long)process->own_pid);
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    time_t newest = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat stat;
        if (!text_starts_with(entry->d_name, prefix) || !text_ends_with(entry->d_name, "-socket") ||
            strlen(entry->d_name) >= sizeof process->socket ||
            fstatat(folder, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISSOCK(stat.st_mode) || stat.st_mtime < newest)
            continue;
        newest = stat.st_mtime;
        text_copy(process->socket, sizeof process->socket, entry->d_name);
    }
    closedir(directory);
}

static void find_agent_socket(struct target_process *process, int folder, const char *path)
{
    char name[128];
    if (process->agent_socket[0] != '\0' || folder < 0 ||
        !wire_socket_name(name, sizeof name, process->own_pid, process->own_start) ||
        !is_socket(folder, name))
        return;
    text_copy(process->agent_socket, sizeof process->agent_socket, name);
    text_copy(process->agent_folder, sizeof process->agent_folder, path);
}

void target_inside_sockets(struct target_process *process, int root)
{
    char name[128];
    int folder = target_path_folder(root, process->folder);
    int standard = target_path_folder(root, "/tmp");
    snprintf(name, sizeof name, "dotnet-diagnostic-%llu-%llu-socket",
             (unsigned long long)process->own_pid, (unsigned long long)process->own_start);
    if (folder >= 0 && is_socket(folder, name))
        text_copy(process->socket, sizeof process->socket, name);
    else if (folder >= 0 && process->container)
        search_socket(process, folder);
    find_agent_socket(process, folder, process->folder);
    find_agent_socket(process, standard, "/tmp");
    if (folder >= 0)
        close(folder);
    if (standard >= 0)
        close(standard);
}
