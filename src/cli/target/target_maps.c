#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_text.h"
#include "target_elf.h"
#include "target_inside.h"
#include "target_path.h"
#include "wire_message.h"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool is_agent_file(const char *path)
{
    const char *name = file_name(path);
    return strcmp(name, "librejig.so") == 0 ||
           (text_starts_with(name, "rejig-") && text_ends_with(name, ".so"));
}

/* Libraries that nobody needs to look into for a profiler. */
static bool is_ordinary(const struct target_process *process, const char *path)
{
    static const char *const prefixes[] = {
        "ld-",           "libc.so", "libm.so", "libdl",     "libpthread", "librt",
        "libstdc++",     "libgcc_", "libicu",  "libcrypto", "libssl.",    "libSystem.",
        "libcoreclr.so", "libz.",   "libhost", "libclr",    "libmscor",   "libnss_",
    };
    const char *name = file_name(path);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (text_starts_with(name, prefixes[i]))
            return true;
    /* What lies beside the runtime is the runtime's, unless the program brought it along. */
    size_t folder = (size_t)(file_name(process->runtime) - process->runtime);
    return !process->self_contained && folder > 1 && (size_t)(name - path) == folder &&
           memcmp(path, process->runtime, folder) == 0;
}

static int open_file(int root, const char *path)
{
    return root < 0 ? -1 : target_path_open(root, path, O_RDONLY | O_NONBLOCK);
}

static bool exports_class_factory(int root, const char *path)
{
    static const char *const names[] = {"DllGetClassObject"};
    int fd = open_file(root, path);
    if (fd < 0)
        return false;
    bool found = target_elf_exports(fd, names, 1) != 0;
    close(fd);
    return found;
}

/* The library that the environment asked for at start, by file name; NULL: none. */
static const char *profiler_at_start(const struct buffer *environment)
{
    static const char *const names[] = {"CORECLR_PROFILER_PATH_64", "CORECLR_PROFILER_PATH_ARM64",
                                        "CORECLR_PROFILER_PATH"};
    const char *block = (const char *)environment->data;
    const char *enabled =
        target_parse_environment(block, environment->length, "CORECLR_ENABLE_PROFILING");
    if (enabled == NULL || enabled[0] == '\0' || target_setting_is_zero(enabled))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = target_parse_environment(block, environment->length, names[i]);
        if (path != NULL && path[0] != '\0')
            return file_name(path);
    }
    return NULL;
}

/* Notification profilers live beside the one slot and do not take it. */
static bool is_notification_profiler(const struct buffer *environment, const char *path)
{
    const char *list = target_parse_environment(
        (const char *)environment->data, environment->length, "CORECLR_NOTIFICATION_PROFILERS");
    return list != NULL && strstr(list, file_name(path)) != NULL;
}

static void take_slot(struct target_process *process, enum target_slot slot, const char *path,
                      bool at_start)
{
    process->slot = slot;
    process->profiler_at_start = at_start;
    text_copy(process->profiler, sizeof process->profiler, path);
}

static void see_slot(struct target_process *process, int root, const struct target_mapping *mapping,
                     const struct buffer *environment)
{
    const char *asked = profiler_at_start(environment);
    if (is_agent_file(mapping->path)) {
        take_slot(process, TARGET_SLOT_AGENT, mapping->path,
                  asked != NULL && strcmp(asked, file_name(mapping->path)) == 0);
    } else if (process->slot == TARGET_SLOT_AGENT) {
        return;
    } else if (asked != NULL && strcmp(asked, file_name(mapping->path)) == 0) {
        take_slot(process, TARGET_SLOT_OTHER, mapping->path, true);
    } else if (process->slot == TARGET_SLOT_FREE && mapping->executable && !mapping->deleted &&
               strstr(file_name(mapping->path), ".so") != NULL &&
               !is_ordinary(process, mapping->path) &&
               !is_notification_profiler(environment, mapping->path) &&
               exports_class_factory(root, mapping->path)) {
        take_slot(process, TARGET_SLOT_OTHER, mapping->path, false);
    }
}

static void see_runtime(struct target_process *process, const struct target_mapping *mapping)
{
    if (process->kind == TARGET_KIND_CORECLR ||
        strcmp(file_name(mapping->path), "libcoreclr.so") != 0)
        return;
    process->kind = TARGET_KIND_CORECLR;
    text_copy(process->runtime, sizeof process->runtime, mapping->path);
    process->self_contained =
        !target_parse_version(mapping->path, process->version, sizeof process->version);
}

/* A program without libcoreclr.so may have a runtime linked into it. */
static void see_executable(struct target_process *process, int fd)
{
    static const char *const names[] = {"DotNetRuntimeInfo", "DotNetRuntimeDebugHeader"};
    uint32_t found = target_elf_exports(fd, names, 2);
    if (found & 1) {
        process->kind = TARGET_KIND_CORECLR;
        process->self_contained = process->single_file = true;
    } else if (found & 2) {
        process->kind = TARGET_KIND_AOT;
    }
}

static void see_file_of_runtime(struct target_process *process, int root, int executable)
{
    if (process->kind == TARGET_KIND_OTHER)
        return;
    bool inside = process->kind == TARGET_KIND_AOT || process->single_file;
    int fd = inside ? executable : open_file(root, process->runtime);
    if (fd < 0)
        return;
    text_copy(process->architecture, sizeof process->architecture, target_elf_architecture(fd));
    if (process->version[0] == '\0' && process->kind == TARGET_KIND_CORECLR)
        target_elf_runtime_version(fd, process->version, sizeof process->version);
    if (fd != executable)
        close(fd);
}

void target_inside_maps(struct target_process *process, const struct target_hold *hold, int root,
                        const char *maps, size_t length, const struct buffer *environment)
{
    struct target_mapping mapping;
    char before[TARGET_PATH_BYTES] = "";
    for (size_t cursor = 0; target_parse_maps(maps, length, &cursor, &mapping);)
        see_runtime(process, &mapping);
    int executable = openat(hold->directory, "exe", O_RDONLY | O_CLOEXEC);
    if (process->kind == TARGET_KIND_OTHER && executable >= 0)
        see_executable(process, executable);
    see_file_of_runtime(process, root, executable);
    if (executable >= 0)
        close(executable);
    if (process->kind != TARGET_KIND_CORECLR)
        return;
    process->slot = TARGET_SLOT_FREE;
    for (size_t cursor = 0; target_parse_maps(maps, length, &cursor, &mapping);) {
        /* One file has several mappings in a row, of which one can be executed. */
        if (mapping.executable || strcmp(before, mapping.path) != 0)
            see_slot(process, root, &mapping, environment);
        text_copy(before, sizeof before, mapping.path);
    }
}
