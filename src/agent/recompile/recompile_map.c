/* Composition of IL maps: original -> after tenant 1 -> after tenant 2. */
#include <stdlib.h>

#include "recompile_internal.h"

/* Where `offset` of the body in between stands behind the second change. Offsets between two
 * entries keep their distance to the entry before them. */
static uint32_t send_on(const struct recompile_il_map *map, size_t count, uint32_t offset)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map[middle].old_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return offset;
    const struct recompile_il_map *entry = &map[low - 1];
    return entry->new_offset + (offset - entry->old_offset);
}

struct recompile_il_map *recompile_map_compose(const struct recompile_il_map *first,
                                               size_t first_count,
                                               const struct recompile_il_map *second,
                                               size_t second_count)
{
    struct recompile_il_map *composed = malloc((first_count ? first_count : 1) * sizeof(*composed));
    if (!composed)
        return NULL;
    for (size_t i = 0; i < first_count; i++) {
        composed[i].old_offset = first[i].old_offset;
        composed[i].new_offset = send_on(second, second_count, first[i].new_offset);
    }
    return composed;
}
