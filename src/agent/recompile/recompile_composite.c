/*
 * Composite images: one file with the code of several assemblies. The runtime maps it, but no
 * profiler is told of it: the modules are its components, and each names the file. It is found
 * among this process's own mappings; the file on disk may have been replaced and is not read.
 *
 * Mappings come and go while we look, so until it is clear that an address is the image that the
 * component's code runs from, it is read by process_vm_readv, which cannot fault.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "recompile_search.h"

#define LINES_MAX_BYTES ((size_t)64 << 20)
#define COMPOSITES_MAX  64u

struct composite {
    char *owner;
    const uint8_t *base;
    struct metadata_image image;
    struct r2r_image r2r; /* for asking about components */
};

struct composites {
    struct composite *list[COMPOSITES_MAX];
    uint32_t count;
};

/* Bytes of this process, where they can be read. */
static bool peek(uint64_t address, void *bytes, size_t length)
{
    const struct iovec here = {bytes, length};
    const struct iovec there = {(void *)(uintptr_t)address, length};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)length;
}

static bool has_component(const struct r2r_image *r2r, const struct metadata_image *image)
{
    const uint8_t *mvid = metadata_image_mvid(image);
    struct r2r_component component;
    for (uint32_t i = 0; i < r2r->component_count; i++) {
        if (r2r_component_read(r2r, i, &component, NULL) != STATUS_OK)
            continue;
        if (component.mvid && mvid) {
            if (memcmp(component.mvid, mvid, 16) == 0)
                return true;
        } else if (strcmp(component.name, metadata_image_assembly(image)) == 0) {
            return true;
        }
    }
    return false;
}

/* The image at `base`, when it is a composite that holds the component. */
static struct composite *try_at(struct recompile *recompile, const uint8_t *base,
                                const struct module_entry *component)
{
    uint16_t magic = 0;
    uint64_t length = 0;
    if (!peek((uintptr_t)base, &magic, sizeof(magic)) || magic != 0x5a4d)
        return NULL;
    struct composite *composite = calloc(1, sizeof(*composite));
    if (composite && module_image_bounds(&recompile->modules, base, false, &length, NULL) &&
        metadata_image_open(&composite->image, base, (size_t)length, true, NULL) == STATUS_OK &&
        r2r_image_open(&composite->r2r, &composite->image, NULL) == STATUS_OK &&
        composite->r2r.composite && has_component(&composite->r2r, component->public.image)) {
        composite->base = base;
        return composite;
    }
    free(composite);
    return NULL;
}

/* The file name of one line of /proc/self/maps, or NULL; the line is terminated. */
static const char *file_of(const char *line, uint64_t *start)
{
    char *end = NULL;
    *start = strtoull(line, &end, 16);
    const char *path = strchr(line, '/');
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *rights = strchr(line, ' ');
    return slash && rights && rights[1] == 'r' ? slash + 1 : NULL;
}

static bool read_maps(struct buffer *text)
{
    const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    while (fd >= 0) {
        void *room = buffer_reserve(text, 65536);
        got = room ? read(fd, room, 65536) : -1;
        if (got <= 0)
            break;
        text->length += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return got == 0;
}

/* In a single-file app the composite stands in the bundle: any mapping of the program's own
 * file may be it. */
static void program_name(char *name, size_t size)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(path, '/');
    const size_t bytes = strnlen(slash ? slash + 1 : path, size - 1);
    memcpy(name, slash ? slash + 1 : path, bytes);
    name[bytes] = '\0';
}

static struct composite *find(struct recompile *recompile, const struct module_entry *component,
                              const char *owner)
{
    struct composite *found = NULL;
    struct buffer text;
    char program[256];
    char *rest = NULL;
    program_name(program, sizeof(program));
    buffer_init(&text, LINES_MAX_BYTES);
    if (read_maps(&text) && buffer_text(&text)[0] != '\0') {
        for (char *line = strtok_r((char *)text.data, "\n", &rest); line && !found;
             line = strtok_r(NULL, "\n", &rest)) {
            uint64_t start;
            const char *file = file_of(line, &start);
            if (file && (strcmp(file, owner) == 0 || strcmp(file, program) == 0))
                found = try_at(recompile, (const uint8_t *)(uintptr_t)start, component);
        }
    }
    buffer_release(&text);
    return found;
}

static struct composite *known(const struct composites *composites, const char *owner,
                               const struct metadata_image *component)
{
    for (uint32_t i = 0; i < composites->count; i++) {
        struct composite *composite = composites->list[i];
        if (strcmp(composite->owner, owner) == 0 && has_component(&composite->r2r, component))
            return composite;
    }
    return NULL;
}

const struct metadata_image *composite_image(struct recompile *recompile,
                                             const struct module_entry *component,
                                             const char *owner, const char **why)
{
    if (!recompile->composites)
        recompile->composites = calloc(1, sizeof(*recompile->composites));
    struct composites *composites = recompile->composites;
    if (!composites || composites->count == COMPOSITES_MAX) {
        *why = composites ? "more than 64 composite images" : "out of memory";
        return NULL;
    }
    struct composite *composite = known(composites, owner, component->public.image);
    if (composite)
        return &composite->image;
    composite = find(recompile, component, owner);
    if (composite)
        composite->owner = strdup(owner);
    if (!composite || !composite->owner) {
        free(composite);
        *why = "the composite image that holds its code is not among this process's mappings";
        return NULL;
    }
    composites->list[composites->count++] = composite;
    return &composite->image;
}

void composites_release(struct recompile *recompile)
{
    struct composites *composites = recompile->composites;
    for (uint32_t i = 0; composites && i < composites->count; i++) {
        free(composites->list[i]->owner);
        free(composites->list[i]);
    }
    free(composites);
    recompile->composites = NULL;
}
