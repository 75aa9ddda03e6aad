// uses: metadata
/* Portable pdbs, and the deflate that embedded ones are packed with. */
#include <stddef.h>
#include <stdint.h>

#include "metadata_inflate.h"
#include "metadata_pdb.h"
#include "metadata_tables.h"

static void walk(const struct metadata_pdb *pdb)
{
    static struct metadata_image nothing;
    struct metadata_points points;
    struct metadata_point point;
    mdToken methods[4];
    bool known;
    metadata_image_open_root(&nothing, "", 0, NULL); /* fails: all that it holds is empty */
    uint32_t rows = metadata_row_count(&pdb->image, CLR_TABLE_MethodDebugInformation);
    for (uint32_t row = 1; row <= rows && row < 200; row++) {
        metadata_points_begin(pdb, token_make(CLR_TABLE_MethodDef, row), &points);
        while (metadata_points_next(&points, &point))
            ;
    }
    if (rows < 2000)
        metadata_pdb_methods_at(pdb, &nothing, "Orders.cs", 9, 42, methods, 4, &known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metadata_pdb pdb;
    struct reader packed;
    struct buffer out;
    struct error error;
    if (size < 1)
        return 0;
    if (data[0] & 1) {
        buffer_init(&out, 1 << 22);
        reader_init(&packed, data + 1, size - 1);
        metadata_inflate(packed, 1 << 20, &out, &error);
        buffer_release(&out);
    } else if (metadata_pdb_open(&pdb, data + 1, size - 1, &error) == STATUS_OK) {
        walk(&pdb);
    }
    return 0;
}
