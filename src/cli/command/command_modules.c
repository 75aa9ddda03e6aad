#include "command_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_text.h"
#include "target_hold.h"
#include "target_parse.h"
#include "target_path.h"

#define FILE_MAX_BYTES ((size_t)512 << 20)
#define MAPS_MAX_BYTES ((size_t)64 << 20)

/* The whole file; false where it is not to be read. */
static bool read_file(int root, const char *path, struct buffer *bytes)
{
    struct stat stat;
    int fd = target_path_open(root, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size > 0 &&
                (uint64_t)stat.st_size <= FILE_MAX_BYTES;
    size_t left = good ? (size_t)stat.st_size : 0;
    uint8_t *to = good ? buffer_reserve(bytes, left) : NULL;
    while (to && left > 0) {
        ssize_t got = read(fd, to + bytes->length, left);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        bytes->length += (size_t)got;
        left -= (size_t)got;
    }
    close(fd);
    return to && left == 0;
}

static bool add(struct modules *modules, struct module *module)
{
    if (modules->count == modules->capacity) {
        size_t capacity = modules->capacity ? modules->capacity * 2 : 64;
        struct module **items = realloc(modules->items, capacity * sizeof *items);
        if (!items)
            return false;
        modules->items = items;
        modules->capacity = capacity;
    }
    modules->items[modules->count++] = module;
    return true;
}

static void module_free(struct module *module)
{
    buffer_release(&module->bytes);
    buffer_release(&module->pdb_bytes);
    free(module);
}

static bool known(const struct modules *modules, const char *path)
{
    for (size_t i = modules->count; i-- > 0;)
        if (strcmp(modules->items[i]->path, path) == 0)
            return true;
    return false;
}

static void open_module(struct modules *modules, const char *path)
{
    struct module *module = calloc(1, sizeof *module);
    if (!module)
        return;
    buffer_init(&module->bytes, FILE_MAX_BYTES);
    buffer_init(&module->pdb_bytes, FILE_MAX_BYTES);
    text_copy(module->path, sizeof module->path, path);
    const char *slash = strrchr(module->path, '/');
    module->file = slash ? slash + 1 : module->path;
    if (!read_file(modules->root, path, &module->bytes)) {
        modules->unreadable++;
        module_free(module);
    } else if (metadata_image_open(&module->image, module->bytes.data, module->bytes.length, false,
                                   NULL) != STATUS_OK ||
               !add(modules, module)) {
        module_free(module);
    }
}

static bool may_be_managed(const char *path)
{
    return text_ends_with(path, ".dll") || text_ends_with(path, ".exe");
}

enum status modules_open(struct modules *modules, const struct target_process *process,
                         struct error *error)
{
    struct target_hold hold;
    struct buffer maps;
    size_t cursor = 0;
    struct target_mapping mapping;
    *modules = (struct modules){.root = -1};
    enum status status = target_process_hold(process, &hold, error);
    if (status != STATUS_OK)
        return status;
    buffer_init(&maps, MAPS_MAX_BYTES);
    modules->root = target_path_root(&hold);
    status = target_hold_read(&hold, "maps", MAPS_MAX_BYTES, &maps, error);
    if (status == STATUS_OK && modules->root < 0)
        status = error_set(error, STATUS_PERMISSION,
                           "the root folder of pid %d is not ours to read", (int)process->pid);
    while (status == STATUS_OK &&
           target_parse_maps((const char *)maps.data, maps.length, &cursor, &mapping))
        if (!mapping.deleted && may_be_managed(mapping.path) && !known(modules, mapping.path))
            open_module(modules, mapping.path);
    buffer_release(&maps);
    target_hold_close(&hold);
    return status;
}

void modules_release(struct modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        module_free(modules->items[i]);
    free(modules->items);
    if (modules->root >= 0)
        close(modules->root);
    *modules = (struct modules){.root = -1};
}

/* "x/Shop.dll" to "x/Shop.pdb". */
static bool pdb_path(const char *path, char *to, size_t size)
{
    const char *dot = strrchr(path, '.');
    int length = dot ? (int)(dot - path) : (int)strlen(path);
    return snprintf(to, size, "%.*s.pdb", length, path) < (int)size;
}

const struct metadata_pdb *modules_pdb(struct modules *modules, struct module *module)
{
    char path[TARGET_PATH_BYTES];
    if (module->pdb_looked_for)
        return module->has_pdb ? &module->pdb : NULL;
    module->pdb_looked_for = true;
    bool read = metadata_pdb_inflate(&module->image, &module->pdb_bytes, NULL) == STATUS_OK ||
                (pdb_path(module->path, path, sizeof path) &&
                 read_file(modules->root, path, &module->pdb_bytes));
    module->has_pdb = read &&
                      metadata_pdb_open(&module->pdb, module->pdb_bytes.data,
                                        module->pdb_bytes.length, NULL) == STATUS_OK &&
                      metadata_pdb_check(&module->pdb, &module->image, NULL) == STATUS_OK;
    return module->has_pdb ? &module->pdb : NULL;
}
