/* The tables of inlining of one image, in terms of the modules that are loaded. */
#include <stdlib.h>
#include <string.h>

#include "metadata_resolve.h"
#include "r2r_callers.h"
#include "r2r_inlining.h"
#include "recompile_search.h"

#define SIDES_MAX   65536u
#define IMPORTS_MAX (1u << 20)
#define HOPS_MAX    8u /* of a type that is forwarded */

/* What a module index of the image stands for. */
struct side {
    bool known;
    const struct module_entry *entry; /* NULL: not loaded */
    const struct search_group *group; /* NULL: nothing of it is looked for */
    const char *name;
};

/* A method as this process knows it. */
struct resolved {
    bool known;
    const struct module_entry *entry; /* NULL: not loaded, or not found */
    mdToken method;
    const char *assembly; /* that is missing where entry is NULL */
};

struct walk {
    struct search *search;
    const struct r2r_image *r2r;
    const struct module_entry *self;
    struct side *sides;
    uint32_t side_count;
    struct resolved *imports;
    uint32_t import_count;
    /* Of the entry at hand. */
    struct resolved inlinee;
    bool wanted;
};

static const struct module_entry *entry_by_name(struct walk *walk, const char *assembly)
{
    /* A struct module is the first member of its entry. */
    return (const struct module_entry *)(const void *)modules_by_assembly(
        &walk->search->recompile->modules, assembly);
}

static struct side *side_of(struct walk *walk, uint32_t index)
{
    if (index >= SIDES_MAX)
        return NULL;
    if (index >= walk->side_count) {
        const uint32_t wanted = index < 64 ? 64 : index * 2;
        struct side *grown = realloc(walk->sides, wanted * sizeof(*grown));
        if (!grown) {
            walk->search->memory = true;
            return NULL;
        }
        memset(grown + walk->side_count, 0, (wanted - walk->side_count) * sizeof(*grown));
        walk->sides = grown;
        walk->side_count = wanted;
    }
    struct side *side = &walk->sides[index];
    if (!side->known) {
        const struct r2r_module module = r2r_module_resolve(walk->r2r, index);
        side->known = true;
        side->name = module.name;
        if (module.kind == R2R_MODULE_SELF && walk->self)
            side->entry = walk->self;
        else if (module.name[0])
            side->entry = entry_by_name(walk, module.name);
        side->group = search_group_of(walk->search, side->entry);
    }
    return side;
}

/* Where a reference by name leads, through forwarded types. */
static void resolve_name(struct walk *walk, const struct r2r_import *import, const char *assembly,
                         struct resolved *out)
{
    const struct module_entry *entry = entry_by_name(walk, assembly);
    for (uint32_t hop = 0; hop < HOPS_MAX; hop++) {
        out->assembly = assembly;
        if (!entry || !entry->public.image)
            return;
        const mdToken method = r2r_find_method(entry->public.image, &import->type, import->name,
                                               import->image, import->signature);
        if (!token_is_nil(method)) {
            out->entry = entry;
            out->method = method;
            return;
        }
        assembly = metadata_find_forward(entry->public.image, &import->type);
        if (!assembly)
            return;
        entry = entry_by_name(walk, assembly);
    }
}

static struct resolved *import_of(struct walk *walk, uint32_t row)
{
    struct r2r_import import;
    if (row >= walk->import_count)
        return NULL;
    struct resolved *out = &walk->imports[row];
    if (out->known)
        return out;
    out->known = true;
    out->assembly = "";
    if (r2r_import_read(walk->r2r, row, &import, NULL) != STATUS_OK)
        return out;
    const struct side *side = side_of(walk, import.module);
    const char *assembly = side && side->entry ? metadata_image_assembly(side->entry->public.image)
                                               : (side ? side->name : "");
    if (import.is_definition) {
        out->entry = side ? side->entry : NULL;
        out->method = import.token;
        out->assembly = assembly;
    } else if (import.image) {
        resolve_name(walk, &import, import.type.assembly[0] ? import.type.assembly : assembly, out);
    }
    return out;
}

static struct resolved resolve(struct walk *walk, const struct r2r_method *method)
{
    if (method->kind == R2R_METHOD_IMPORTED) {
        const struct resolved *import = import_of(walk, method->import);
        return import ? *import : (struct resolved){.assembly = ""};
    }
    const struct side *side = side_of(walk, method->module);
    return (struct resolved){.entry = side ? side->entry : NULL,
                             .method = method->token,
                             .assembly = side ? side->name : ""};
}

static bool wanted(const struct walk *walk, const struct resolved *inlinee)
{
    const struct search_group *group = search_group_of(walk->search, inlinee->entry);
    return group && search_has(group, inlinee->method);
}

static void begin_entry(struct walk *walk, const struct r2r_pair *pair)
{
    walk->wanted = false;
    if (pair->inlinee.kind == R2R_METHOD_DEFINED) {
        const struct side *side = side_of(walk, pair->inlinee.module);
        if (!side || !side->group || !search_has(side->group, pair->inlinee.token))
            return;
    }
    walk->inlinee = resolve(walk, &pair->inlinee);
    walk->wanted = wanted(walk, &walk->inlinee);
}

static bool on_pair(void *context, const struct r2r_pair *pair)
{
    struct walk *walk = context;
    if (pair->first)
        begin_entry(walk, pair);
    if (!walk->wanted)
        return true;
    const struct resolved inliner = resolve(walk, &pair->inliner);
    if (!inliner.entry) {
        search_gap(walk->search, RECOMPILE_GAP_PENDING, inliner.assembly,
                   "it is not loaded, and code of its methods that is compiled into another image "
                   "holds a copy");
        return true;
    }
    return search_hit(walk->search, inliner.entry, inliner.method, walk->inlinee.entry,
                      walk->inlinee.method, RECOMPILE_SOURCE_TABLE);
}

void search_image(struct search *search, const struct r2r_image *r2r,
                  const struct module_entry *self)
{
    struct walk walk = {.search = search, .r2r = r2r, .self = self};
    struct error error;
    const uint32_t imports = r2r_import_count(r2r);
    if (search->group_count == 0)
        return;
    if (imports && imports <= IMPORTS_MAX) {
        walk.imports = calloc(imports, sizeof(*walk.imports));
        walk.import_count = walk.imports ? imports : 0;
        search->memory = search->memory || !walk.imports;
    }
    error_init(&error);
    if (r2r_inlining_walk(r2r, on_pair, &walk, NULL, &error) != STATUS_OK) {
        if (!self || !search_enumerate(search, self))
            search_gap(search, RECOMPILE_GAP_IMPOSSIBLE,
                       self ? self->public.name : "composite image", error.message);
    }
    free(walk.sides);
    free(walk.imports);
}
