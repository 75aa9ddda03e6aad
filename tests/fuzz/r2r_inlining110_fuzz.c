// uses: r2r
/* Section 110 (inlining of .NET Core 3.1) of any bytes. */
#include "../unit/r2r_forge.h"
#include "r2r_inlining.h"

static bool seen(void *context, const struct r2r_pair *pair)
{
    size_t *left = context;
    if (pair->inlinee.kind == R2R_METHOD_DEFINED && token_is_nil(pair->inlinee.token))
        abort(); /* a method without a row is malformed */
    if (pair->inliner.kind == R2R_METHOD_DEFINED && token_is_nil(pair->inliner.token))
        abort();
    if ((*left)-- == 0)
        abort(); /* more pairs than the table has room for */
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct forged forged;
    struct error error;
    if (size < 2 || size > 1 << 16)
        return 0;
    size_t most = size * 2;
    forge_begin(&forged, 16, data[0]);
    forge_section(&forged, R2R_SECTION_INLINING, data + 2, size - 2);
    if (forge_open(&forged, data[1] & 1 ? 40000 : 100, &error) != STATUS_OK)
        abort();
    forged.r2r.import_count = data[1] >> 1;
    r2r_inlining_walk(&forged.r2r, seen, &most, NULL, &error);
    forge_end(&forged);
    return 0;
}
