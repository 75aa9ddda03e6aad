/* The object itself: life, modules, failures. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "standin_state.h"

struct standin *standin_new(void)
{
    struct standin *standin = calloc(1, sizeof(*standin));
    standin->table = standin_info_table;
    standin->info.vtbl = &standin->table;
    pthread_mutex_init(&standin->lock, NULL);
    pthread_mutex_init(&standin->jit, NULL);
    standin_set_version(standin, 10, 0, 12);
    standin->next_rejit = 1;
    return standin;
}

static void method_free(struct standin_method *method)
{
    for (struct version *at = method->versions; at;) {
        struct version *older = at->older;
        free(at->il);
        free(at->map);
        free(at);
        at = older;
    }
    free(method->inliners);
    free(method);
}

void standin_free(struct standin *standin)
{
    if (standin->owns_callback && standin->callback)
        standin->callback->vtbl->Release(standin->callback);
    for (struct standin_module *module = standin->modules; module;) {
        struct standin_module *next = module->next;
        for (struct standin_method *method = module->methods; method;) {
            struct standin_method *after = method->next;
            method_free(method);
            method = after;
        }
        standin_metadata_release(module);
        if (!module->gone)
            munmap(module->data, module->size);
        free(module->path);
        free(module);
        module = next;
    }
    standin_inliners_free(standin);
    standin_stacks_free(standin);
    pthread_mutex_destroy(&standin->jit);
    pthread_mutex_destroy(&standin->lock);
    free(standin);
}

struct ICorProfilerInfo15 *standin_info(struct standin *standin)
{
    return &standin->info;
}

struct ICorProfilerInfo15Vtbl *standin_table(struct standin *standin)
{
    return &standin->table;
}

void standin_set_version(struct standin *standin, uint16_t major, uint16_t minor, uint16_t build)
{
    standin->version[0] = major;
    standin->version[1] = minor;
    standin->version[2] = build;
}

void standin_set_callback(struct standin *standin, struct ICorProfilerCallback11 *callback)
{
    pthread_mutex_lock(&standin->lock);
    standin->callback = callback;
    pthread_mutex_unlock(&standin->lock);
}

/* ---- finding the framework ---- */

static bool newest(const char *folder, char *path, size_t size, const char *name)
{
    struct dirent **entries = NULL;
    bool found = false;
    const int count = scandir(folder, &entries, NULL, versionsort);
    for (int i = count - 1; i >= 0; i--) {
        if (!found && entries[i]->d_name[0] != '.') {
            snprintf(path, size, "%s/%s/%s", folder, entries[i]->d_name, name);
            found = access(path, R_OK) == 0;
        }
        free(entries[i]);
    }
    free(entries);
    return found;
}

/* The folder of the `dotnet` that the shell would run. */
static bool dotnet_folder(char folder[PATH_MAX])
{
    const char *root = getenv("DOTNET_ROOT");
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];
    if (root && snprintf(folder, PATH_MAX, "%s", root) < PATH_MAX)
        return true;
    while (path && *path) {
        const size_t length = strcspn(path, ":");
        snprintf(candidate, sizeof(candidate), "%.*s/dotnet", (int)length, path);
        if (access(candidate, X_OK) == 0 && realpath(candidate, folder)) {
            *strrchr(folder, '/') = 0;
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

bool standin_framework_file(char *path, size_t size, const char *name)
{
    char folder[PATH_MAX], shared[PATH_MAX + 64];
    if (!dotnet_folder(folder))
        return false;
    snprintf(shared, sizeof(shared), "%s/shared/Microsoft.NETCore.App", folder);
    return newest(shared, path, size, name);
}

/* ---- modules ---- */

static uint8_t *map_file(const char *path, size_t *size)
{
    struct stat status;
    void *data = MAP_FAILED;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
        *size = (size_t)status.st_size;
        data = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0)
        close(fd);
    return data == MAP_FAILED ? NULL : data;
}

ModuleID standin_load(struct standin *standin, const char *path, uint32_t flags)
{
    struct standin_module *module = calloc(1, sizeof(*module));
    module->standin = standin;
    module->flags = flags | COR_PRF_MODULE_FLAT_LAYOUT;
    module->data = map_file(path, &module->size);
    if (!module->data ||
        metadata_image_open(&module->image, module->data, module->size, false, NULL) != STATUS_OK) {
        if (module->data)
            munmap(module->data, module->size);
        free(module);
        return 0;
    }
    module->path = strdup(path);
    pthread_mutex_lock(&standin->lock);
    module->next = standin->modules;
    standin->modules = module;
    struct ICorProfilerCallback11 *callback = standin->callback;
    pthread_mutex_unlock(&standin->lock);
    if (callback)
        callback->vtbl->ModuleLoadFinished(callback, (ModuleID)module, S_OK);
    return (ModuleID)module;
}

void standin_unload(struct standin *standin, ModuleID id)
{
    struct standin_module *module = (struct standin_module *)id;
    struct ICorProfilerCallback11 *callback = standin->callback;
    if (callback)
        callback->vtbl->ModuleUnloadStarted(callback, id);
    pthread_mutex_lock(&standin->lock);
    module->gone = true;
    munmap(module->data, module->size);
    pthread_mutex_unlock(&standin->lock);
}

mdToken standin_method(struct standin *standin, ModuleID id, const char *type, const char *name)
{
    const struct standin_module *module = (const struct standin_module *)id;
    (void)standin;
    const mdToken definition = metadata_find_type_text(&module->image, type);
    return token_is_nil(definition) ? 0 : metadata_find_method(&module->image, definition, name);
}

struct standin_module *standin_module_of(struct standin *standin, ModuleID id)
{
    for (struct standin_module *module = standin->modules; module; module = module->next) {
        if ((ModuleID)module == id && !module->gone)
            return module;
    }
    return NULL;
}

struct standin_method *standin_find(struct standin_module *module, mdToken token)
{
    for (struct standin_method *method = module->methods; method; method = method->next) {
        if (method->token == token)
            return method;
    }
    struct standin_method *method = calloc(1, sizeof(*method));
    method->module = module;
    method->token = token;
    method->next = module->methods;
    module->methods = method;
    return method;
}

FunctionID standin_function(struct standin *standin, ModuleID module, mdToken method)
{
    pthread_mutex_lock(&standin->lock);
    const FunctionID function = (FunctionID)standin_find((struct standin_module *)module, method);
    pthread_mutex_unlock(&standin->lock);
    return function;
}

struct standin_counts standin_counts(struct standin *standin)
{
    pthread_mutex_lock(&standin->lock);
    struct standin_counts counts = standin->counts;
    counts.recompiled = 0;
    for (const struct standin_module *module = standin->modules; module; module = module->next) {
        for (const struct standin_method *method = module->methods; method; method = method->next)
            counts.recompiled += method->state != METHOD_OWN;
    }
    pthread_mutex_unlock(&standin->lock);
    return counts;
}

/* ---- failures ---- */

void standin_fail(struct standin *standin, enum standin_fault kind, ModuleID module, mdToken method,
                  HRESULT result, uint32_t times)
{
    pthread_mutex_lock(&standin->lock);
    standin->faults[kind] = (struct fault){true, module, method, result, times};
    pthread_mutex_unlock(&standin->lock);
}

void standin_mend(struct standin *standin, enum standin_fault kind)
{
    pthread_mutex_lock(&standin->lock);
    standin->faults[kind].armed = false;
    pthread_mutex_unlock(&standin->lock);
}

bool standin_faulty(struct standin *standin, enum standin_fault kind, ModuleID module,
                    mdToken method, HRESULT *result)
{
    struct fault *fault = &standin->faults[kind];
    if (!fault->armed || (fault->module && fault->module != module) ||
        (fault->method && fault->method != method))
        return false;
    if (fault->times && --fault->times == 0)
        fault->armed = false;
    *result = fault->result;
    return true;
}
