#include "command_images.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_text.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "r2r_callers.h"
#include "r2r_methods.h"

#define FILE_MAX_BYTES ((size_t)512 << 20)
#define MOST_FILES     20000
#define MOST_OPEN      16
#define MOST_FORWARDS  8

void images_init(struct images *images)
{
    *images = (struct images){.target.root = -1};
}

static void image_free(struct image *image)
{
    if (image->own)
        free((void *)(uintptr_t)image->metadata);
    free(image->r2r);
    free(image->path);
    buffer_release(&image->bytes);
    map_release(&image->modules);
    map_release(&image->imports);
    free(image);
}

void images_release(struct images *images)
{
    for (size_t i = 0; i < images->count; i++)
        image_free(images->items[i]);
    free(images->items);
    if (images->has_target)
        modules_release(&images->target);
    images_init(images);
}

static struct image *image_new(const char *path)
{
    struct image *image = calloc(1, sizeof *image);
    if (!image)
        return NULL;
    image->path = strdup(path);
    buffer_init(&image->bytes, FILE_MAX_BYTES);
    map_init(&image->modules);
    map_init(&image->imports);
    image->home = UINT32_MAX;
    image->name = "";
    if (!image->path) {
        image_free(image);
        return NULL;
    }
    const char *slash = strrchr(image->path, '/');
    image->file = slash ? slash + 1 : image->path;
    return image;
}

static bool add(struct images *images, struct image *image)
{
    if (images->count == images->capacity) {
        size_t capacity = images->capacity ? images->capacity * 2 : 64;
        struct image **items = realloc(images->items, capacity * sizeof *items);
        if (!items)
            return false;
        images->items = items;
        images->capacity = capacity;
    }
    images->items[images->count++] = image;
    return true;
}

/* "10.0.12" of "10.0.12-servicing.26422.108+9b5a2c..."; the assembly's own version where it has
 * none. */
static void read_version(struct image *image)
{
    static const char attribute[] = "System.Reflection.AssemblyInformationalVersionAttribute";
    mdToken found = metadata_attribute_find(image->metadata, mdtAssembly | 1, attribute);
    struct reader value = metadata_attribute_value(image->metadata, found);
    const char *text = "";
    size_t length = 0;
    if (found == mdTokenNil || !metadata_attribute_text(&value, &text, &length)) {
        metadata_image_assembly_version(image->metadata, image->version, sizeof image->version);
        return;
    }
    size_t to = 0;
    for (size_t i = 0; i < length && text[i] != '+' && to + 1 < sizeof image->version; i++)
        image->version[to++] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
    image->version[to] = '\0';
    char *servicing = strstr(image->version, "-servicing");
    if (servicing)
        *servicing = '\0';
}

static void open_r2r(struct images *images, struct image *image)
{
    struct error error;
    error_init(&error);
    if (!image->metadata->precompiled)
        return;
    images->precompiled++;
    image->r2r = malloc(sizeof *image->r2r);
    if (image->r2r && r2r_image_open(image->r2r, image->metadata, &error) == STATUS_OK)
        return;
    free(image->r2r);
    image->r2r = NULL;
    image->malformed = "its precompiled code cannot be read";
}

/* Takes over an image whose metadata is open. */
static enum status take(struct images *images, struct image *image, struct error *error)
{
    const char *name = metadata_image_assembly(image->metadata);
    image->name = name[0] ? name : image->file;
    read_version(image);
    open_r2r(images, image);
    if (add(images, image))
        return STATUS_OK;
    image_free(image);
    return error_set(error, STATUS_MEMORY, "out of memory");
}

static enum status read_file(const char *path, struct buffer *bytes, struct error *error)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) ||
        (uint64_t)stat.st_size > FILE_MAX_BYTES) {
        int why = fd < 0 ? errno : EINVAL;
        if (fd >= 0)
            close(fd);
        return error_set(error, STATUS_USAGE, "cannot read '%s': %s", path, strerror(why));
    }
    size_t left = (size_t)stat.st_size;
    uint8_t *to = left ? buffer_reserve(bytes, left) : NULL;
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
    return STATUS_OK;
}

static enum status add_file(struct images *images, const char *path, struct error *error)
{
    struct image *image = image_new(path);
    struct metadata_image *metadata = malloc(sizeof *metadata);
    if (!image || !metadata) {
        free(metadata);
        if (image)
            image_free(image);
        return error_set(error, STATUS_MEMORY, "out of memory");
    }
    image->metadata = metadata;
    image->own = true;
    enum status status = read_file(path, &image->bytes, error);
    if (status == STATUS_OK)
        status =
            metadata_image_open(metadata, image->bytes.data, image->bytes.length, false, error);
    if (status == STATUS_OK)
        return take(images, image, error);
    image_free(image);
    return status;
}

/* ---- folders: nftw has no context ---- */

static struct {
    struct images *images;
    images_progress tell;
    void *context;
    size_t files;
    struct error *error;
    enum status status;
} walking;

static int seen_file(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)where;
    if ((kind != FTW_F && kind != FTW_SL) ||
        (!text_ends_with(path, ".dll") && !text_ends_with(path, ".exe")))
        return 0;
    if (kind == FTW_F && !S_ISREG(stat->st_mode))
        return 0;
    if (++walking.files > MOST_FILES) {
        walking.status = error_set(walking.error, STATUS_USAGE,
                                   "more than %d files: name fewer folders", MOST_FILES);
        return 1;
    }
    struct error error;
    error_init(&error);
    enum status status = add_file(walking.images, path, &error);
    if (status == STATUS_MEMORY)
        walking.status = error_set(walking.error, STATUS_MEMORY, "out of memory");
    else if (status == STATUS_USAGE)
        walking.images->unreadable++;
    else if (status != STATUS_OK)
        walking.images->skipped++;
    if (walking.tell)
        walking.tell(walking.context, walking.files);
    return walking.status != STATUS_OK;
}

static enum status add_folder(struct images *images, const char *path, images_progress tell,
                              void *context, struct error *error)
{
    walking.images = images;
    walking.tell = tell;
    walking.context = context;
    walking.files = 0;
    walking.error = error;
    walking.status = STATUS_OK;
    if (nftw(path, seen_file, MOST_OPEN, FTW_PHYS) < 0 && walking.status == STATUS_OK)
        return error_set(error, STATUS_USAGE, "cannot read '%s': %s", path, strerror(errno));
    return walking.status;
}

enum status images_add_path(struct images *images, const char *path, images_progress tell,
                            void *context, struct error *error)
{
    struct stat stat_of;
    if (stat(path, &stat_of) != 0)
        return error_set(error, STATUS_USAGE, "cannot read '%s': %s", path, strerror(errno));
    if (S_ISDIR(stat_of.st_mode))
        return add_folder(images, path, tell, context, error);
    enum status status = add_file(images, path, error);
    if (status == STATUS_MALFORMED || status == STATUS_UNSUPPORTED) {
        error_prefix(error, "'%s' is not a .NET image: ", path);
        if (error)
            error->status = STATUS_USAGE;
        status = STATUS_USAGE;
    }
    return status;
}

enum status images_add_target(struct images *images, const struct target_process *process,
                              struct error *error)
{
    enum status status = modules_open(&images->target, process, error);
    images->has_target = true;
    images->unreadable = images->target.unreadable;
    for (size_t i = 0; status == STATUS_OK && i < images->target.count; i++) {
        struct image *image = image_new(images->target.items[i]->path);
        if (!image)
            return error_set(error, STATUS_MEMORY, "out of memory");
        image->metadata = &images->target.items[i]->image;
        status = take(images, image, error);
    }
    return status;
}

/* ---- from one image to another ---- */

static bool same_folder(const struct image *a, const struct image *b)
{
    size_t length = (size_t)(a->file - a->path);
    return length == (size_t)(b->file - b->path) && memcmp(a->path, b->path, length) == 0;
}

static bool fits(const struct image *image, const char *name, const uint8_t *mvid)
{
    if (!image->metadata || strcmp(image->name, name) != 0)
        return image->metadata == NULL && strcmp(image->name, name) == 0;
    const uint8_t *own = metadata_image_mvid(image->metadata);
    return !mvid || (own && memcmp(own, mvid, 16) == 0);
}

/* Of several with that name the one beside the image that refers to it; one by name alone is
 * made where there is none. */
static uint32_t find_assembly(struct images *images, uint32_t from, const char *name,
                              const uint8_t *mvid)
{
    uint32_t found = UINT32_MAX;
    if (!name[0])
        return UINT32_MAX;
    for (size_t i = 0; i < images->count; i++) {
        struct image *image = images->items[i];
        if (!fits(image, name, mvid))
            continue;
        if (found == UINT32_MAX || same_folder(image, images->items[from]))
            found = (uint32_t)i;
        if (same_folder(image, images->items[from]))
            break;
    }
    if (found != UINT32_MAX)
        return found;
    struct image *image = image_new("");
    if (!image)
        return UINT32_MAX;
    free(image->path);
    image->path = strdup(name);
    image->file = image->name = image->path ? image->path : "";
    if (image->path && add(images, image))
        return (uint32_t)images->count - 1;
    image_free(image);
    return UINT32_MAX;
}

static int compare_images(const void *left, const void *right)
{
    const struct image *a = *(struct image *const *)left, *b = *(struct image *const *)right;
    int order = strcmp(a->file, b->file);
    return order ? order : strcmp(a->path, b->path);
}

void images_link(struct images *images)
{
    size_t count = images->count;
    if (count > 1)
        qsort(images->items, count, sizeof *images->items, compare_images);
    for (size_t i = 0; i < count; i++) {
        struct image *image = images->items[i];
        const char *owner = image->r2r ? r2r_image_owner(image->r2r) : NULL;
        if (image->r2r && !owner)
            image->home = (uint32_t)i;
        for (size_t j = 0; owner && j < count; j++) {
            struct image *other = images->items[j];
            if (other->r2r && other->r2r->composite && strcmp(other->file, owner) == 0 &&
                (image->home == UINT32_MAX || same_folder(image, other)))
                image->home = (uint32_t)j;
        }
        if (!owner || image->home == UINT32_MAX)
            continue;
        const struct r2r_image *composite = images->items[image->home]->r2r;
        image->component = UINT32_MAX;
        for (uint32_t j = 0; j < composite->component_count; j++) {
            struct r2r_component component;
            if (r2r_component_read(composite, j, &component, NULL) == STATUS_OK &&
                strcmp(component.name, image->name) == 0)
                image->component = j;
        }
    }
}

static uint32_t module_of(struct images *images, uint32_t from, uint32_t index)
{
    struct image *image = images->items[from];
    uint64_t known;
    if (index == 0)
        return from;
    if (map_get(&image->modules, index, &known))
        return (uint32_t)known;
    struct r2r_module module = r2r_module_resolve(image->r2r, index);
    uint32_t found = find_assembly(images, from, module.name, module.mvid);
    map_put(&image->modules, index, found);
    return found;
}

static uint64_t read_import(struct images *images, uint32_t from, uint32_t row)
{
    struct r2r_import import;
    if (r2r_import_read(images->items[from]->r2r, row, &import, NULL) != STATUS_OK)
        return 0;
    if (import.is_definition) {
        uint32_t image = module_of(images, from, import.module);
        return image == UINT32_MAX ? 0 : image_key(image, import.token);
    }
    if (!import.image)
        return 0;
    const char *name = import.type.assembly;
    for (int step = 0; step < MOST_FORWARDS && name && name[0]; step++) {
        uint32_t found = find_assembly(images, from, name, NULL);
        const struct metadata_image *metadata =
            found == UINT32_MAX ? NULL : images->items[found]->metadata;
        if (!metadata)
            return 0;
        mdToken method =
            r2r_find_method(metadata, &import.type, import.name, import.image, import.signature);
        if (method != mdTokenNil)
            return image_key(found, method);
        name = metadata_find_forward(metadata, &import.type);
    }
    return 0;
}

uint64_t images_resolve(struct images *images, uint32_t image, const struct r2r_method *method)
{
    uint64_t key = 0;
    if (method->kind == R2R_METHOD_DEFINED) {
        uint32_t found = module_of(images, image, method->module);
        return found == UINT32_MAX ? 0 : image_key(found, method->token);
    }
    if (map_get(&images->items[image]->imports, method->import, &key))
        return key;
    key = read_import(images, image, method->import);
    map_put(&images->items[image]->imports, method->import, key);
    return key;
}

bool images_has_code(const struct images *images, uint64_t method)
{
    const struct image *image = images->items[image_of_key(method)];
    struct metadata_method described;
    struct r2r_component component;
    mdToken token = token_of_key(method);
    if (!image->metadata || image->home == UINT32_MAX ||
        metadata_method_describe(image->metadata, token, &described, NULL) != STATUS_OK)
        return false;
    if (described.generic_method || described.generic_type)
        return true;
    const struct r2r_image *r2r = images->items[image->home]->r2r;
    if (r2r == image->r2r)
        return r2r_method_has_code(r2r, &r2r->core, token, NULL);
    return r2r_component_read(r2r, image->component, &component, NULL) == STATUS_OK &&
           r2r_method_has_code(r2r, &component.core, token, NULL);
}

/* Names come from files that anybody may have written. */
static void clean(struct buffer *text, size_t from)
{
    for (size_t i = from; i < text->length; i++)
        if (text->data[i] < 0x20 || text->data[i] == 0x7f)
            text->data[i] = '?';
}

void images_print_method(const struct images *images, uint64_t method, bool types,
                         struct buffer *text)
{
    const struct image *image = images->items[image_of_key(method)];
    size_t from = text->length;
    if (image->metadata)
        metadata_method_print(image->metadata, token_of_key(method),
                              types ? METADATA_NAME_TYPES : METADATA_NAME_PLAIN, text);
    else
        buffer_append_format(text, "%s!0x%08x", image->name, token_of_key(method));
    clean(text, from);
}
