// uses: r2r
/* Sections 103 and 109 (entry points of methods and of instances) of any bytes. */
#include "../unit/r2r_forge.h"
#include "r2r_methods.h"

static bool seen_method(void *context, mdToken method, uint32_t function)
{
    const struct r2r_image *r2r = context;
    uint32_t found;
    if (!r2r_method_has_code(r2r, &r2r->core, method, &found) || found != function)
        abort();
    return true;
}

static bool seen_instance(void *context, const struct r2r_instance *instance)
{
    size_t *left = context;
    struct reader owner = instance->owner, generic = instance->generic;
    if (reader_failed(&owner) || reader_failed(&generic))
        abort();
    reader_bytes(&owner, reader_left(&owner));
    reader_bytes(&generic, reader_left(&generic));
    if ((*left)-- == 0)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct forged forged;
    struct error error;
    if (size < 1 || size > 1 << 16)
        return 0;
    size_t most = size;
    forge_begin(&forged, 16, 0);
    forge_section(&forged,
                  data[0] & 1 ? R2R_SECTION_METHOD_ENTRY_POINTS : R2R_SECTION_INSTANCE_ENTRY_POINTS,
                  data + 1, size - 1);
    if (forge_open(&forged, 100, &error) != STATUS_OK)
        abort();
    r2r_methods_walk(&forged.r2r, &forged.r2r.core, seen_method, &forged.r2r, &error);
    r2r_instances_walk(&forged.r2r, seen_instance, &most, &error);
    forge_end(&forged);
    return 0;
}
