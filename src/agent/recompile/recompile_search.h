/*
 * recompile_search: finds the precompiled inliners of a set of methods. For the files of this
 * room. Worker only; allocates while it runs, and keeps nothing but the composite images found.
 */
#ifndef RECOMPILE_SEARCH_H
#define RECOMPILE_SEARCH_H

#include "r2r_image.h"
#include "recompile_coverage.h"
#include "recompile_internal.h"

/* The methods looked for, of one module. */
struct search_group {
    const struct module_entry *entry;
    uint8_t *rids; /* bit n: MethodDef n */
    uint32_t rid_count;
    bool unmarked; /* none of them is [NonVersionable] */
};

struct search_hit {
    struct method_key inliner, inlinee;
    const struct module_entry *module; /* of the inliner */
    enum recompile_source source;
};
/* False stops the search. */
typedef bool (*search_found)(void *context, const struct search_hit *hit);

struct search {
    struct recompile *recompile;
    struct search_group *groups;
    uint32_t group_count;
    struct map by_module; /* ModuleID -> index of its group */
    search_found found;
    void *context;
    struct recompile_gaps *gaps; /* or NULL */
    bool stopped;
    bool memory; /* ran out of it: the result is not whole */
};

enum status search_init(struct search *search, struct recompile *recompile,
                        const struct method_batch *methods, search_found found, void *context,
                        struct error *error);
void search_release(struct search *search);

/* Looks through the tables of all loaded images (`only` NULL) or of one, and through the IL of
 * the same modules where a [NonVersionable] method is looked for. */
enum status search_run(struct search *search, const struct module_entry *only, struct error *error);

const struct search_group *search_group_of(const struct search *search,
                                           const struct module_entry *entry);
bool search_has(const struct search_group *group, mdToken method);
void search_gap(struct search *search, enum recompile_gap_kind kind, const char *subject,
                const char *reason);
/* Tells a hit unless inliner and inlinee are the same. False: stop. */
bool search_hit(struct search *search, const struct module_entry *inliner, mdToken inliner_method,
                const struct module_entry *inlinee, mdToken inlinee_method,
                enum recompile_source source);

/* recompile_pairs.c: all tables of one image. `self` NULL: a composite. */
void search_image(struct search *search, const struct r2r_image *r2r,
                  const struct module_entry *self);
/* recompile_sites.c: callers by IL, in `only` or all modules. */
void search_sites(struct search *search, const struct module_entry *only);
/* recompile_enumerate.c: what the runtime says of a module that we cannot read. Started under us
 * only: false where it does not answer. */
bool search_enumerate(struct search *search, const struct module_entry *entry);

/* recompile_composite.c: the image that holds a component's code, in this process's memory. NULL:
 * *why says it. Kept until recompile_free. */
const struct metadata_image *composite_image(struct recompile *recompile,
                                             const struct module_entry *component,
                                             const char *owner, const char **why);
void composites_release(struct recompile *recompile);

#endif
