/*
 * il_region: the protected blocks of a body as a tree. For il_check and il_print; not for
 * other rooms. Works on a body that is laid out, and is valid until the next edit.
 */
#ifndef IL_REGION_H
#define IL_REGION_H

#include <stdbool.h>

#include "base_error.h"
#include "il_body.h"

enum il_region_kind {
    IL_REGION_TRY,
    IL_REGION_FILTER,
    IL_REGION_CATCH, /* handlers from here on; that of a filter is one, too */
    IL_REGION_FINALLY,
    IL_REGION_FAULT,
};

struct il_region {
    enum il_region_kind kind;
    uint32_t first; /* offsets, end exclusive */
    uint32_t end;
    uint32_t depth; /* blocks around it and it: at least 1 */
    uint32_t entry; /* from blocks around it of this depth or more, its first instruction may
                       be gone to: only try blocks begin there */
    const struct il_clause *clause;  /* of a try block with several catches: one of them */
    const struct il_region *parent;  /* NULL: the method itself */
    const struct il_region *guarded; /* of handlers and filters: their try block */
};

/* From `first` on, up to the next segment, `region` is the innermost one (NULL: none). */
struct il_segment {
    uint32_t first;
    const struct il_region *region;
};

struct il_regions {
    struct il_region *regions; /* sorted: outer ones before what they hold */
    uint32_t count;
    struct il_segment *segments; /* sorted, the first at 0 */
    uint32_t segment_count;
};

/* STATUS_MALFORMED where blocks are empty, overlap without nesting, or lie wrongly to each
 * other; STATUS_MEMORY. On failure nothing needs to be released. */
enum status il_regions_build(struct il_regions *regions, const struct il_body *body,
                             struct error *error);
void il_regions_release(struct il_regions *regions);
/* The innermost block that holds the offset; NULL: none. */
const struct il_region *il_region_at(const struct il_regions *regions, uint32_t offset);
/* Whether control may go, by branch or by falling through, from block `from` (NULL: the
 * method itself) to an instruction at `offset` of block `to`: within one block, or to where
 * try blocks inside it begin. */
bool il_region_may_enter(const struct il_region *from, const struct il_region *to, uint32_t offset);
/* "try", "filter", "catch", "finally", "fault". */
const char *il_region_kind_name(enum il_region_kind kind);

#endif
