// uses: wire
/* Any bytes as a PLAN: refused, or a plan that travels again. */
#include <stdlib.h>

#include "wire_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct plan plan, back;
    struct reader reader;
    struct buffer buffer;
    arena_init(&arena, 64u << 20);
    buffer_init(&buffer, 0);
    reader_init(&reader, data, size);
    if (wire_plan_get(reader, &arena, &plan, NULL) == STATUS_OK) {
        wire_plan_put(&buffer, &plan);
        reader_init(&reader, buffer.data, buffer.length);
        if (wire_plan_get(reader, &arena, &back, NULL) != STATUS_OK)
            abort();
    }
    buffer_release(&buffer);
    arena_release(&arena);
    return 0;
}
