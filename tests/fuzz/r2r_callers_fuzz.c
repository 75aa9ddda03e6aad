// uses: r2r
/* A whole image of any bytes: call sites, and methods found by name and signature. */
#include <stdlib.h>

#include "metadata_tables.h"
#include "r2r_callers.h"

static bool seen(void *context, mdToken caller, size_t position)
{
    if (token_is_nil(caller) || position >= 4)
        abort();
    return ++*(size_t *)context < 10000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metadata_image image;
    static const mdToken callees[] = {mdtMethodDef | 1, mdtMethodDef | 2, mdtMemberRef | 1,
                                      mdtMethodSpec | 1};
    struct error error;
    struct r2r_callee callee;
    size_t count = 0, unreadable;
    if (size > 1 << 18 || metadata_image_open(&image, data, size, false, &error) != STATUS_OK ||
        metadata_row_count(&image, CLR_TABLE_MethodDef) > 1000)
        return 0;
    r2r_callers_walk(&image, callees, 4, seen, &count, &unreadable);
    for (uint32_t row = 1; row <= 20; row++) {
        mdToken method = mdtMethodDef | row;
        r2r_is_non_versionable(&image, method);
        if (r2r_callee_init(&callee, &image, method, &error) != STATUS_OK)
            continue;
        r2r_find_method(&image, &callee.type, callee.name, &image, callee.signature);
        for (uint32_t other = 1; other <= 20; other++)
            r2r_callee_matches(&callee, &image, mdtMemberRef | other);
    }
    return 0;
}
