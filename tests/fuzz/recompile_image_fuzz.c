// uses: recompile weave metadata il clr abi base
// The image of a loaded module as the target's memory holds it: flat or laid out by section, kept
// or copied, all of it hostile.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "metadata_tables.h"
#include "recompile_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    /* The bytes end where readable memory ends: reading on is a fault. */
    const size_t page = 4096, length = (size - 1 + page - 1) / page * page;
    uint8_t *range =
        mmap(NULL, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED || mprotect(range + length, page, PROT_NONE) != 0)
        return 0;
    uint8_t *memory = range;
    memcpy(memory, data + 1, size - 1);
    struct modules modules;
    memset(&modules, 0, sizeof(modules));
    struct module_entry entry;
    memset(&entry, 0, sizeof(entry));
    entry.public.collectible = data[0] & 2;
    module_image_open(&modules, &entry, memory, data[0] & 1 ? COR_PRF_MODULE_FLAT_LAYOUT : 0);
    if (entry.public.image) {
        const struct metadata_image *image = entry.public.image;
        if (strlen(metadata_image_assembly(image)) > length)
            abort();
        for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_MethodDef); row++) {
            struct reader body;
            metadata_image_body(
                image, metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA),
                &body, NULL);
        }
    } else if (!entry.public.unreadable) {
        abort();
    }
    free(entry.image);
    free(entry.copy);
    memory_map_release(&modules.memory);
    munmap(range, length + page);
    return 0;
}
