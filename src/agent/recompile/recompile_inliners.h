/*
 * recompile_inliners: the precompiled inliners of what is claimed, requested with the claim and
 * once more for each module that is loaded later. For the files of this room. Worker only,
 * without locks.
 */
#ifndef RECOMPILE_INLINERS_H
#define RECOMPILE_INLINERS_H

#include "recompile_internal.h"
#include "recompile_search.h"

/* Each inliner once, with how it was found; the table's `sources`. */
struct gathered {
    struct method_table methods;
    bool memory; /* ran out of it */
};
bool gather(void *gathered, const struct search_hit *hit);

/* What the search for the last claim found: a session asks for its coverage right behind its
 * claim, and is answered from here. */
struct recompile_found {
    struct method_table methods;
    struct recompile_gaps gaps;
    uint32_t generation; /* of recompile at that moment */
    uint32_t claimed;    /* methods that were looked for; 0: nothing is kept */
};
void recompile_found_drop(struct recompile *recompile);

/* Behind the request of a claim. */
void recompile_inliners_claimed(struct recompile *recompile, const struct method_batch *claimed);
/* A module has been loaded: before its own methods are claimed. */
void recompile_inliners_loaded(struct recompile *recompile, const struct module_entry *entry);
/* These are reverted, or requested for another reason. */
void recompile_inliners_left(struct recompile *recompile, const struct method_batch *inliners);

#endif
