#include "il_region.h"

#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "il_list.h"

#define REGIONS_PER_CLAUSE 3

const char *il_region_kind_name(enum il_region_kind kind)
{
    static const char *const names[] = {"try", "filter", "catch", "finally", "fault"};
    return names[kind];
}

static enum status wrong(struct error *error, const struct il_region *region, const char *reason)
{
    return error_set_at(error, STATUS_MALFORMED, region->first, "'%s block IL_%04x..IL_%04x': %s",
                        il_region_kind_name(region->kind), region->first, region->end, reason);
}

static enum il_region_kind handler_kind(uint32_t flags)
{
    if (flags & COR_ILEXCEPTION_CLAUSE_FINALLY)
        return IL_REGION_FINALLY;
    return flags & COR_ILEXCEPTION_CLAUSE_FAULT ? IL_REGION_FAULT : IL_REGION_CATCH;
}

static void add(struct il_regions *regions, const struct il_clause *clause,
                enum il_region_kind kind, uint32_t first, uint32_t end)
{
    regions->regions[regions->count++] =
        (struct il_region){.kind = kind, .first = first, .end = end, .clause = clause};
}

static void add_clause(struct il_regions *regions, const struct il_body *body,
                       const struct il_clause *clause)
{
    uint32_t handler_first = il_list_offset(body, clause->handler_first);
    add(regions, clause, IL_REGION_TRY, il_list_offset(body, clause->try_first),
        il_list_offset(body, clause->try_end));
    if (clause->flags & COR_ILEXCEPTION_CLAUSE_FILTER)
        add(regions, clause, IL_REGION_FILTER, il_list_offset(body, clause->filter_first),
            handler_first);
    add(regions, clause, handler_kind(clause->flags), handler_first,
        il_list_offset(body, clause->handler_end));
}

/* Outer before inner; equal ranges in the order of the kinds. */
static int compare(const void *left, const void *right)
{
    const struct il_region *a = left, *b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    if (a->end != b->end)
        return a->end > b->end ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return 0;
}

static bool is_catch(const struct il_clause *clause)
{
    return handler_kind(clause->flags) == IL_REGION_CATCH;
}

/* Several catches on one try block are one block; any other kind has its own. */
static enum status merge_try_blocks(struct il_regions *regions, struct error *error)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < regions->count; i++) {
        struct il_region *region = &regions->regions[i];
        struct il_region *before = kept ? &regions->regions[kept - 1] : NULL;
        if (region->first >= region->end)
            return wrong(error, region, "it is empty");
        if (before && before->first == region->first && before->end == region->end) {
            if (before->kind != IL_REGION_TRY || region->kind != IL_REGION_TRY)
                return wrong(error, region, "it covers the same code as another block");
            if (!is_catch(before->clause) || !is_catch(region->clause))
                return wrong(error, region, "a finally or fault shares it with another clause");
            continue;
        }
        regions->regions[kept++] = *region;
    }
    regions->count = kept;
    return STATUS_OK;
}

static uint32_t entry_of(const struct il_region *region)
{
    const struct il_region *parent = region->parent;
    if (region->kind != IL_REGION_TRY)
        return region->depth;
    if (parent && parent->kind == IL_REGION_TRY && parent->first == region->first)
        return parent->entry;
    return region->depth - 1;
}

static enum status find_parents(struct il_regions *regions, struct error *error)
{
    const struct il_region *open = NULL;
    for (uint32_t i = 0; i < regions->count; i++) {
        struct il_region *region = &regions->regions[i];
        while (open && open->end <= region->first)
            open = open->parent;
        if (open && region->end > open->end)
            return wrong(error, region, "it begins inside another block and ends outside of it");
        region->parent = open;
        region->depth = open ? open->depth + 1 : 1;
        region->entry = entry_of(region);
        open = region;
    }
    return STATUS_OK;
}

static void add_segment(struct il_regions *regions, uint32_t first, const struct il_region *region)
{
    struct il_segment *last = &regions->segments[regions->segment_count];
    if (regions->segment_count && last[-1].first == first)
        last[-1].region = region;
    else {
        *last = (struct il_segment){first, region};
        regions->segment_count++;
    }
}

/* Walks the boundaries in their order; `open` is the innermost block at each. */
static void make_segments(struct il_regions *regions)
{
    const struct il_region *open = NULL;
    add_segment(regions, 0, NULL);
    for (uint32_t i = 0; i < regions->count; i++) {
        const struct il_region *region = &regions->regions[i];
        for (; open && open->end <= region->first; open = open->parent)
            add_segment(regions, open->end, open->parent);
        add_segment(regions, region->first, region);
        open = region;
    }
    for (; open; open = open->parent)
        add_segment(regions, open->end, open->parent);
}

static const struct il_region *find(const struct il_regions *regions, enum il_region_kind kind,
                                    uint32_t first, uint32_t end)
{
    struct il_region key = {.kind = kind, .first = first, .end = end};
    return bsearch(&key, regions->regions, regions->count, sizeof(key), compare);
}

/* A handler stands beside its try block, in the same block around both, and its filter
 * right before it. */
static enum status link_handlers(struct il_regions *regions, const struct il_body *body,
                                 struct error *error)
{
    for (uint32_t i = 0; i < regions->count; i++) {
        struct il_region *region = &regions->regions[i];
        if (region->kind == IL_REGION_TRY)
            continue;
        const struct il_clause *clause = region->clause;
        region->guarded = find(regions, IL_REGION_TRY, il_list_offset(body, clause->try_first),
                               il_list_offset(body, clause->try_end));
        if (!region->guarded)
            return wrong(error, region, "its try block is lost");
        if (region->guarded->parent != region->parent)
            return wrong(error, region, "it and its try block do not lie in the same block");
    }
    return STATUS_OK;
}

static enum status build(struct il_regions *regions, const struct il_body *body,
                         struct error *error)
{
    for (const struct il_clause *at = body->clauses; at; at = at->next)
        add_clause(regions, body, at);
    if (regions->count > 1)
        qsort(regions->regions, regions->count, sizeof(*regions->regions), compare);
    enum status status = merge_try_blocks(regions, error);
    if (status == STATUS_OK)
        status = find_parents(regions, error);
    if (status == STATUS_OK)
        status = link_handlers(regions, body, error);
    if (status == STATUS_OK)
        make_segments(regions);
    return status;
}

enum status il_regions_build(struct il_regions *regions, const struct il_body *body,
                             struct error *error)
{
    memset(regions, 0, sizeof(*regions));
    size_t most = (size_t)body->clause_count * REGIONS_PER_CLAUSE;
    regions->regions = calloc(most + 1, sizeof(*regions->regions));
    regions->segments = calloc(2 * most + 1, sizeof(*regions->segments));
    enum status status = STATUS_OK;
    if (regions->regions && regions->segments)
        status = build(regions, body, error);
    else
        status = error_set(error, STATUS_MEMORY, "method body: out of memory");
    if (status != STATUS_OK)
        il_regions_release(regions);
    return status;
}

void il_regions_release(struct il_regions *regions)
{
    free(regions->regions);
    free(regions->segments);
    memset(regions, 0, sizeof(*regions));
}

const struct il_region *il_region_at(const struct il_regions *regions, uint32_t offset)
{
    uint32_t low = 0, high = regions->segment_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (regions->segments[middle].first <= offset)
            low = middle;
        else
            high = middle;
    }
    return regions->segments[low].region;
}

bool il_region_may_enter(const struct il_region *from, const struct il_region *to, uint32_t offset)
{
    if (to == from)
        return true;
    if (!to || to->first != offset)
        return false;
    bool inside = !from || (from->first <= to->first && to->end <= from->end);
    return inside && to->entry <= (from ? from->depth : 0);
}
