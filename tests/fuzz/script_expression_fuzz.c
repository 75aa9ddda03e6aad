// uses: script wire
/* Any text as VALUES, condition, duration: an error or a plan that travels and comes back. */
#include <stdlib.h>
#include <string.h>

#include "script_duration.h"
#include "script_expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_travel(struct arena *arena, struct plan_probe *probe)
{
    struct plan plan, back;
    struct buffer buffer;
    struct reader reader;
    plan_init(&plan);
    plan.probe_count = 1;
    plan.probes = probe;
    buffer_init(&buffer, 0);
    wire_plan_put(&buffer, &plan);
    reader_init(&reader, buffer.data, buffer.length);
    if (wire_plan_get(reader, arena, &back, NULL) != STATUS_OK)
        abort();
    buffer_release(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buffer mark;
    struct error error;
    uint64_t duration;
    struct plan_probe probe = {.action = PLAN_WATCH, .pattern = "A.B"};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    arena_init(&arena, 0);
    buffer_init(&mark, 0);
    error_init(&error);
    if (script_parse_values(&arena, text, &probe.values, &probe.value_count, &error) != STATUS_OK)
        script_mark(&mark, text, error.offset);
    if (script_parse_condition(&arena, text, &probe.nodes, &probe.node_count, &error) != STATUS_OK)
        script_mark(&mark, text, error.offset);
    check_travel(&arena, &probe);
    script_parse_duration(text, &duration, &error);
    buffer_release(&mark);
    arena_release(&arena);
    free(text);
    return 0;
}
