/* Layouts for the recorder, made of what is known of a type. */
#include <stdlib.h>

#include "session_examine.h"

static struct layout *make_layout(const struct type_facts *facts)
{
    struct layout *layout =
        calloc(1, sizeof *layout + facts->field_count * sizeof layout->fields[0]);
    if (layout == NULL)
        return NULL;
    layout->type = facts->id;
    layout->kind = facts->kind;
    layout->element = facts->element;
    layout->is_value = facts->is_value;
    layout->size = facts->size;
    layout->item_size = facts->item_size;
    layout->items_at = facts->items_at;
    layout->count_at = facts->count_at;
    layout->value_at = facts->value_at;
    layout->next_name = facts->next_name == NULL ? 0 : layout_name(facts->next_name);
    layout->item = facts->item_layout;
    for (uint32_t i = 0; i < facts->field_count; i++) {
        const struct type_field *from = &facts->fields[i];
        uint32_t name = from->name == NULL ? 0 : layout_name(from->name);
        if (name == 0)
            continue;
        layout->fields[layout->field_count++] = (struct layout_field){
            .name = name,
            .offset = from->offset,
            .element = from->element,
            .hidden = from->hidden,
            .size = from->size,
            .type = from->layout,
        };
    }
    return layout;
}

const struct layout *types_layout_depth(struct session_types *types, uint64_t id, int depth)
{
    const struct layout *known = id == 0 ? NULL : layout_find(id);
    if (known != NULL || id == 0 || depth > TYPES_MAX_DEPTH)
        return known;
    struct arena arena;
    arena_init(&arena, TYPES_SCRATCH);
    struct type_facts facts;
    struct layout *layout = NULL;
    if (types_examine(types, id, &arena, &facts, depth)) {
        layout = make_layout(&facts);
        types_tell(types, id, facts.module_id);
    }
    arena_release(&arena);
    const struct layout *published = layout == NULL ? NULL : layout_publish(layout);
    if (published != NULL)
        session_types_renew(types, id);
    return published;
}
