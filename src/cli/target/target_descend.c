#include "target_descend.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base_text.h"
#include "target_hold.h"

struct descent {
    pid_t *pids;
    size_t count, room;
};

static void add(struct descent *descent, uint64_t pid)
{
    if (pid == 0 || pid > INT32_MAX)
        return;
    for (size_t i = 0; i < descent->count; i++)
        if (descent->pids[i] == (pid_t)pid)
            return;
    if (descent->count < descent->room)
        descent->pids[descent->count++] = (pid_t)pid;
}

/* "4712 4713 " */
static void add_listed(struct descent *descent, char *text)
{
    char *rest = NULL;
    uint64_t pid;
    for (char *word = strtok_r(text, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest))
        if (text_to_u64(word, &pid))
            add(descent, pid);
}

static void add_of_thread(struct descent *descent, int tasks, const char *thread)
{
    char path[288], text[4096];
    snprintf(path, sizeof path, "%s/children", thread);
    int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    text[count < 0 ? 0 : count] = '\0';
    add_listed(descent, text);
}

static void add_of_process(struct descent *descent, pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        if (entry->d_name[0] != '.')
            add_of_thread(descent, dirfd(tasks), entry->d_name);
    closedir(tasks);
}

static bool is_in(const struct descent *descent, pid_t ancestor, uint64_t pid)
{
    bool found = pid == (uint64_t)ancestor;
    for (size_t i = 0; i < descent->count && !found; i++)
        found = (uint64_t)descent->pids[i] == pid;
    return found;
}

/* One pass over /proc; true: it found somebody new, so that his children may be there, too. */
static bool add_by_parents(struct descent *descent, pid_t ancestor)
{
    size_t before = descent->count;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        struct target_hold hold;
        struct target_stat stat;
        uint64_t pid;
        if (!text_to_u64(entry->d_name, &pid) || pid > INT32_MAX ||
            target_hold_open(&hold, (pid_t)pid, NULL) != STATUS_OK)
            continue;
        if (target_hold_state(&hold, &stat, NULL) == STATUS_OK &&
            is_in(descent, ancestor, stat.parent))
            add(descent, pid);
        target_hold_close(&hold);
    }
    if (all != NULL)
        closedir(all);
    return descent->count > before;
}

size_t target_descendants(pid_t ancestor, pid_t *pids, size_t room)
{
    struct descent descent = {.pids = pids, .room = room};
    if (access("/proc/thread-self/children", R_OK) != 0) {
        while (add_by_parents(&descent, ancestor) && descent.count < room)
            ;
        return descent.count;
    }
    add_of_process(&descent, ancestor);
    for (size_t i = 0; i < descent.count; i++)
        add_of_process(&descent, pids[i]);
    return descent.count;
}
