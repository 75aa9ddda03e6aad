// uses: r2r
/* A header of any bytes: sections, components, modules, manifest, imports, and all that they lead
 * to. */
#include "../unit/r2r_forge.h"
#include "r2r_inlining.h"
#include "r2r_methods.h"

static bool seen(void *context, const struct r2r_pair *pair)
{
    (void)pair;
    return ++*(size_t *)context < 100000;
}

static bool seen_instance(void *context, const struct r2r_instance *instance)
{
    struct reader owner = instance->owner;
    reader_bytes(&owner, reader_left(&owner));
    return ++*(size_t *)context < 100000;
}

static void read_imports(const struct r2r_image *r2r)
{
    for (uint32_t i = 0; i < r2r_import_count(r2r) && i < 1000; i++) {
        struct r2r_import import;
        if (r2r_import_read(r2r, i, &import, NULL) == STATUS_OK && import.image)
            (void)(strlen(import.name) + strlen(import.type.assembly));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metadata_image image;
    static struct r2r_image r2r;
    struct error error;
    char text[32];
    size_t count = 0;
    if (size < FORGE_HEADER || size > 1 << 16)
        return 0;
    forge_image(&image, data, size);
    if (r2r_image_open(&r2r, &image, &error) != STATUS_OK)
        return 0;
    r2r_image_compiler(&r2r, text, sizeof(text));
    const char *owner = r2r_image_owner(&r2r);
    if (owner)
        (void)strlen(owner);
    for (uint32_t i = 0; i < r2r.component_count && i < 1000; i++) {
        struct r2r_component component;
        if (r2r_component_read(&r2r, i, &component, &error) == STATUS_OK)
            (void)strlen(component.name);
    }
    for (uint32_t i = 0; i < 64; i++)
        (void)strlen(r2r_module_resolve(&r2r, i * i).name);
    r2r_image_platform(&r2r);
    r2r_inlining_walk(&r2r, seen, &count, NULL, &error);
    r2r_instances_walk(&r2r, seen_instance, &count, &error);
    read_imports(&r2r);
    return 0;
}
