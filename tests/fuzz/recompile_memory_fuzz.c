// uses: recompile weave metadata il clr abi base
// /proc/self/maps in any form: ranges come out ascending and not empty, or an error.
#include <stdlib.h>

#include "recompile_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_map map = {0};
    char *text = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[i];
    if (memory_map_parse(&map, text, size, NULL) == STATUS_OK) {
        for (size_t i = 0; i < map.count; i++) {
            if (map.ranges[i].start >= map.ranges[i].end)
                abort();
            const uint64_t extent = memory_map_extent(&map, map.ranges[i].start);
            if (i == 0 && extent == 0)
                abort();
        }
    } else if (map.count) {
        abort();
    }
    memory_map_release(&map);
    free(text);
    return 0;
}
