/* The set of methods looked for, and the way through the modules. */
#include "recompile_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_tables.h"
#include "r2r_callers.h"
#include "r2r_inlining.h"

/* ---- gaps ---- */

void recompile_gaps_release(struct recompile_gaps *gaps)
{
    free(gaps->list);
    *gaps = (struct recompile_gaps){0};
}

static bool gap_known(const struct recompile_gaps *gaps, const char *subject, const char *reason)
{
    for (uint32_t i = 0; i < gaps->count; i++) {
        if (strcmp(gaps->list[i].subject, subject) == 0 &&
            strcmp(gaps->list[i].reason, reason) == 0)
            return true;
    }
    return false;
}

void search_gap(struct search *search, enum recompile_gap_kind kind, const char *subject,
                const char *reason)
{
    struct recompile_gaps *gaps = search->gaps;
    struct recompile_gap gap = {.kind = kind};
    if (!gaps)
        return;
    snprintf(gap.subject, sizeof(gap.subject), "%s", subject);
    snprintf(gap.reason, sizeof(gap.reason), "%s", reason);
    if (gap_known(gaps, gap.subject, gap.reason))
        return;
    if (!gaps->list)
        gaps->list = malloc(RECOMPILE_GAPS_MAX * sizeof(*gaps->list));
    if (!gaps->list || gaps->count == RECOMPILE_GAPS_MAX) {
        gaps->more++;
        return;
    }
    gaps->list[gaps->count++] = gap;
}

/* ---- the set ---- */

static bool group_open(struct search *search, const struct module_entry *entry)
{
    struct search_group *grown =
        realloc(search->groups, (search->group_count + 1) * sizeof(*grown));
    if (!grown)
        return false;
    search->groups = grown;
    const uint32_t rows = metadata_row_count(entry->public.image, CLR_TABLE_MethodDef);
    struct search_group group = {.entry = entry, .rid_count = rows + 1, .unmarked = true};
    group.rids = calloc(1, rows / 8 + 1);
    if (!group.rids || !map_put(&search->by_module, entry->public.id, search->group_count)) {
        free(group.rids);
        return false;
    }
    search->groups[search->group_count++] = group;
    return true;
}

const struct search_group *search_group_of(const struct search *search,
                                           const struct module_entry *entry)
{
    uint64_t index = 0;
    return entry && map_get(&search->by_module, entry->public.id, &index) ? &search->groups[index]
                                                                          : NULL;
}

bool search_has(const struct search_group *group, mdToken method)
{
    const uint32_t rid = token_rid(method);
    return rid < group->rid_count && group->rids[rid / 8] >> (rid % 8) & 1;
}

static bool add_method(struct search *search, uint64_t module, mdToken method)
{
    uint64_t index = 0;
    if (!map_get(&search->by_module, module, &index)) {
        const struct module_entry *entry = modules_entry(&search->recompile->modules, module);
        if (!entry || !entry->public.image)
            return true; /* gone in between */
        if (!group_open(search, entry))
            return false;
        index = search->group_count - 1;
    }
    struct search_group *group = &search->groups[index];
    const uint32_t rid = token_rid(method);
    if (rid < group->rid_count)
        group->rids[rid / 8] |= (uint8_t)(1u << (rid % 8));
    if (group->unmarked && r2r_is_non_versionable(group->entry->public.image, method))
        group->unmarked = false;
    return true;
}

enum status search_init(struct search *search, struct recompile *recompile,
                        const struct method_batch *methods, search_found found, void *context,
                        struct error *error)
{
    *search = (struct search){.recompile = recompile, .found = found, .context = context};
    map_init(&search->by_module);
    for (uint32_t i = 0; i < methods->count; i++) {
        if (!add_method(search, methods->modules[i], methods->methods[i])) {
            search_release(search);
            return error_set(error, STATUS_MEMORY, "out of memory");
        }
    }
    return STATUS_OK;
}

void search_release(struct search *search)
{
    for (uint32_t i = 0; i < search->group_count; i++)
        free(search->groups[i].rids);
    free(search->groups);
    map_release(&search->by_module);
    search->groups = NULL;
    search->group_count = 0;
}

bool search_hit(struct search *search, const struct module_entry *inliner, mdToken inliner_method,
                const struct module_entry *inlinee, mdToken inlinee_method,
                enum recompile_source source)
{
    const struct search_hit hit = {
        .inliner = {.module = inliner->public.id, .method = inliner_method},
        .inlinee = {.module = inlinee->public.id, .method = inlinee_method},
        .module = inliner,
        .source = source,
    };
    if (inliner == inlinee && inliner_method == inlinee_method)
        return true;
    if (search->found(search->context, &hit))
        return true;
    search->stopped = true;
    return false;
}

/* ---- the way through the modules ---- */

/* Code that is there and tells nothing. */
static void cannot_read(struct search *search, const struct module_entry *entry, const char *why)
{
    if (!search_enumerate(search, entry))
        search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, entry->public.name, why);
}

static void search_composite(struct search *search, const struct module_entry *entry,
                             struct r2r_image *r2r, const char *owner, struct map *walked)
{
    struct error error;
    const char *why = NULL;
    const struct metadata_image *image = composite_image(search->recompile, entry, owner, &why);
    if (!image) {
        cannot_read(search, entry, why);
        return;
    }
    if (map_has(walked, (uintptr_t)image))
        return;
    map_put(walked, (uintptr_t)image, 1);
    error_init(&error);
    if (r2r_image_open(r2r, image, &error) == STATUS_OK)
        search_image(search, r2r, NULL);
    else
        cannot_read(search, entry, error.message);
}

static void search_module(struct search *search, const struct module_entry *entry,
                          struct r2r_image *r2r, struct map *walked)
{
    struct error error;
    const struct module *module = &entry->public;
    error_init(&error);
    if (module->dynamic || module->collectible || !module->image) {
        search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, module->name,
                   module->collectible ? "it is collectible (it can be unloaded), and the runtime "
                                         "recompiles no method of such a module"
                                       : module->unreadable);
        return;
    }
    const enum status status = r2r_image_open(r2r, module->image, &error);
    if (status == STATUS_NOT_FOUND)
        return; /* no precompiled code */
    if (status != STATUS_OK) {
        cannot_read(search, entry, error.message);
        return;
    }
    const char *owner = r2r_image_owner(r2r);
    if (owner)
        search_composite(search, entry, r2r, owner, walked);
    else if (r2r_inlining_recorded(r2r))
        search_image(search, r2r, entry);
}

enum status search_run(struct search *search, const struct module_entry *only, struct error *error)
{
    struct modules *modules = &search->recompile->modules;
    struct r2r_image *r2r = malloc(sizeof(*r2r));
    struct map walked;
    if (!r2r)
        return error_set(error, STATUS_MEMORY, "out of memory");
    map_init(&walked);
    /* Nothing unloads while the images are read. */
    pthread_mutex_lock(&modules->collect);
    if (only) {
        search_module(search, only, r2r, &walked);
    } else {
        for (uint32_t i = 0; i < modules->count && !search->stopped; i++)
            search_module(search, modules->entries[i], r2r, &walked);
    }
    search_sites(search, only);
    pthread_mutex_unlock(&modules->collect);
    map_release(&walked);
    free(r2r);
    return search->memory ? error_set(error, STATUS_MEMORY, "out of memory") : STATUS_OK;
}
