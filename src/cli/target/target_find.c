#include "target_find.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base_text.h"

#define NEAREST_MAX 3u
#define LISTED_MAX  8u
#define NEAREST_FAR 3u /* edits over which a name is no longer meant */

/* --- lists --- */

static enum status list_add(struct target_list *list, const struct target_process *process,
                            struct error *error)
{
    if ((list->count & (list->count + 1)) == 0) { /* 0, 1, 3, 7, ...: full */
        size_t capacity = 2 * list->count + 1;
        struct target_process *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return error_set(error, STATUS_MEMORY, "out of memory");
        list->items = items;
    }
    list->items[list->count++] = *process;
    return STATUS_OK;
}

void target_list_release(struct target_list *list)
{
    free(list->items);
    *list = (struct target_list){0};
}

static int by_pid(const void *a, const void *b)
{
    pid_t left = ((const struct target_process *)a)->pid;
    pid_t right = ((const struct target_process *)b)->pid;
    return (left > right) - (left < right);
}

enum status target_find_all(struct target_list *list, struct error *error)
{
    *list = (struct target_list){0};
    DIR *directory = opendir("/proc");
    if (directory == NULL)
        return error_set(error, STATUS_IO, "/proc cannot be read");
    struct target_process *process = malloc(sizeof *process);
    enum status status =
        process == NULL ? error_set(error, STATUS_MEMORY, "out of memory") : STATUS_OK;
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(directory)) != NULL;) {
        uint64_t pid;
        if (!text_to_u64(entry->d_name, &pid) || pid > INT32_MAX || (pid_t)pid == getpid())
            continue;
        /* Who vanishes between two reads was not there. */
        if (target_process_read((pid_t)pid, process, NULL) == STATUS_OK &&
            target_process_is_dotnet(process))
            status = list_add(list, process, error);
    }
    free(process);
    closedir(directory);
    if (status != STATUS_OK)
        target_list_release(list);
    else if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, by_pid);
    return status;
}

/* --- names --- */

typedef int compare(const char *a, const char *b);

static bool has_name(const struct target_process *process, const char *name, compare *same)
{
    return same(process->name, name) == 0 || same(process->comm, name) == 0 ||
           same(process->file, name) == 0 ||
           (process->assembly[0] != '\0' && same(process->assembly, name) == 0);
}

/* "Shop.dll" and "Shop.exe" mean Shop. */
static void plain_name(char *to, size_t size, const char *name)
{
    text_copy(to, size, name);
    size_t length = strlen(to);
    if (length > 4 &&
        (strcasecmp(to + length - 4, ".dll") == 0 || strcasecmp(to + length - 4, ".exe") == 0))
        to[length - 4] = '\0';
}

static enum status collect(const struct target_list *all, const char *name, compare *same,
                           struct target_list *matches, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < all->count && status == STATUS_OK; i++)
        if (all->items[i].run != TARGET_RUN_ZOMBIE && has_name(&all->items[i], name, same))
            status = list_add(matches, &all->items[i], error);
    return status;
}

static void hint_nearest(const struct target_list *all, const char *name, struct error *error)
{
    char hint[256] = "";
    size_t length = 0;
    unsigned shown = 0;
    if (error == NULL)
        return;
    for (unsigned far = 0; far <= NEAREST_FAR && shown < NEAREST_MAX; far++)
        for (size_t i = 0; i < all->count && shown < NEAREST_MAX; i++) {
            const struct target_process *item = &all->items[i];
            if (text_distance(item->name, name) == far)
                text_append(hint, sizeof hint, &length, "%s%s (pid %d)", shown++ > 0 ? ", " : "",
                            item->name, (int)item->pid);
        }
    if (shown > 0)
        error_hint(error, "nearest: %s", hint);
    else if (all->count > 0)
        error_hint(error, "rejig ps lists the %zu .NET process%s that can be seen", all->count,
                   all->count == 1 ? "" : "es");
    else
        error_hint(error, "no .NET process is running that this user can see");
}

static enum status several(const struct target_list *matches, const char *name, struct error *error)
{
    char text[512] = "";
    size_t length = 0;
    for (size_t i = 0; i < matches->count && i < LISTED_MAX; i++) {
        char command[44];
        text_copy(command, sizeof command, matches->items[i].command);
        text_append(text, sizeof text, &length, "\n  %7d  %s", (int)matches->items[i].pid, command);
    }
    if (matches->count > LISTED_MAX)
        text_append(text, sizeof text, &length, "\n  … %zu more", matches->count - LISTED_MAX);
    error_set(error, STATUS_USAGE, "%zu processes are called '%s':%s", matches->count, name, text);
    error_hint(error, "name one by its pid");
    return STATUS_USAGE;
}

enum status target_find_among(const struct target_list *all, const char *name,
                              struct target_process *process, struct target_list *matches,
                              struct error *error)
{
    char plain[256];
    plain_name(plain, sizeof plain, name);
    struct target_list found = {0};
    enum status status = collect(all, plain, strcmp, &found, error);
    if (status == STATUS_OK && found.count == 0)
        status = collect(all, plain, strcasecmp, &found, error);
    if (status == STATUS_OK && found.count == 0) {
        status = error_set(error, STATUS_TARGET, "no .NET process is called '%s'", name);
        hint_nearest(all, plain, error);
    } else if (status == STATUS_OK && found.count > 1) {
        status = several(&found, name, error);
    } else if (status == STATUS_OK) {
        *process = found.items[0];
    }
    if (matches != NULL)
        *matches = found;
    else
        target_list_release(&found);
    return status;
}

enum status target_find_name(const char *text, struct target_process *process,
                             struct target_list *matches, struct error *error)
{
    struct target_list all;
    if (matches != NULL)
        *matches = (struct target_list){0};
    if (text[0] == '\0')
        return error_set(error, STATUS_USAGE, "the name of the process is empty");
    enum status status = target_find_all(&all, error);
    if (status != STATUS_OK)
        return status;
    status = target_find_among(&all, text, process, matches, error);
    target_list_release(&all);
    return status;
}

enum status target_find_pid(const char *text, struct target_process *process, struct error *error)
{
    uint64_t pid;
    if (!text_to_u64(text, &pid) || pid == 0)
        return error_set(error, STATUS_USAGE, "'%s' is not a pid", text);
    if (pid > INT32_MAX)
        return error_set(error, STATUS_TARGET, "there is no process with pid %s", text);
    if ((pid_t)pid == getpid())
        return error_set(error, STATUS_TARGET, "pid %s is rejig itself", text);
    return target_process_read((pid_t)pid, process, error);
}

enum status target_find(const char *text, struct target_process *process,
                        struct target_list *matches, struct error *error)
{
    if (matches != NULL)
        *matches = (struct target_list){0};
    if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
        return target_find_pid(text, process, error);
    return target_find_name(text, process, matches, error);
}
