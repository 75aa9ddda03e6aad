#include "session_prefetch.h"

#include "clr_flags.h"
#include "metadata_tables.h"

#define SCRATCH ((size_t)1 << 20)

static void prefetch(struct session_types *types, struct session_scope *scope,
                     const struct declared *declared, uint32_t depth, uint32_t *budget,
                     struct arena *arena)
{
    struct declared_view view;
    if (*budget == 0 || !declared_see(scope, declared, arena, &view) ||
        (view.kind != DECLARED_CLASS && view.kind != DECLARED_STRUCT) ||
        !type_definition_closed(scope, &view.definition, arena))
        return;
    (*budget)--;
    if (view.kind == DECLARED_CLASS &&
        session_types_layout_of(types, &view.plain, TYPES_ANY) == NULL)
        return;
    if (depth == 0)
        return;
    const struct metadata_image *image = view.definition.module->image;
    struct metadata_rows rows = metadata_type_fields(image, view.definition.type);
    for (mdToken field; *budget > 0 && (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        struct meta_type *type = NULL;
        uint32_t row = token_rid(field);
        if ((metadata_cell(image, CLR_TABLE_Field, row, METADATA_FIELD_FLAGS) & fdStatic) ||
            metadata_signature_field(
                metadata_cell_blob(image, CLR_TABLE_Field, row, METADATA_FIELD_SIGNATURE), arena,
                &type, NULL) != STATUS_OK)
            continue;
        struct declared inner = {view.definition.module, type, view.arguments, view.argument_count};
        prefetch(types, scope, &inner, depth - 1, budget, arena);
    }
}

void session_prefetch(struct session_types *types, struct session_scope *scope,
                      const struct declared *declared, uint32_t depth, uint32_t *budget)
{
    struct arena arena;
    arena_init(&arena, SCRATCH);
    prefetch(types, scope, declared, depth, budget, &arena);
    arena_release(&arena);
}
