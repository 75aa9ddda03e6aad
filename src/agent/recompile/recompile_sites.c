/*
 * Callers of [NonVersionable] methods, by their IL: such a method is inlined into the code of any
 * image, and no table says so. A caller that is marked itself is inlined in its turn, so its
 * callers are looked for as well, and so on.
 */
#include <stdlib.h>
#include <string.h>

#include "metadata_tables.h"
#include "r2r_callers.h"
#include "r2r_methods.h"
#include "recompile_search.h"

#define CALLEES_MAX 1024u

struct callee {
    struct r2r_callee callee;
    const struct module_entry *entry; /* that defines it */
    const struct module_entry *root;  /* the method that was looked for */
    mdToken root_method;
};

struct token_site {
    mdToken token;
    uint32_t callee;
};

struct sites {
    struct search *search;
    const struct module_entry *only; /* callers elsewhere are known already; NULL: none are */
    struct callee *callees;
    uint32_t count;
    uint32_t first, last; /* those of this round */
    bool cut;
    /* Of the module at hand. */
    const struct module_entry *entry;
    struct r2r_image *r2r;
    bool has_code; /* r2r is open */
    struct token_site *tokens;
    mdToken *plain; /* the tokens alone */
    uint32_t token_count, token_capacity;
};

static void add_callee(struct sites *sites, const struct module_entry *entry, mdToken method,
                       const struct module_entry *root, mdToken root_method)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        if (sites->callees[i].entry == entry && sites->callees[i].callee.method == method)
            return;
    }
    if (sites->count == CALLEES_MAX) {
        sites->cut = true;
        return;
    }
    struct callee *callee = &sites->callees[sites->count];
    if (r2r_callee_init(&callee->callee, entry->public.image, method, NULL) != STATUS_OK)
        return;
    callee->entry = entry;
    callee->root = root;
    callee->root_method = root_method;
    sites->count++;
}

/* ---- the tokens by which a module calls them ---- */

static bool add_token(struct sites *sites, mdToken token, uint32_t callee)
{
    if (sites->token_count == sites->token_capacity) {
        const uint32_t wanted = sites->token_capacity ? sites->token_capacity * 2 : 64;
        struct token_site *grown = realloc(sites->tokens, wanted * sizeof(*grown));
        if (grown)
            sites->tokens = grown;
        mdToken *plain = realloc(sites->plain, wanted * sizeof(*plain));
        if (plain)
            sites->plain = plain;
        if (!grown || !plain) {
            sites->search->memory = true;
            return false;
        }
        sites->token_capacity = wanted;
    }
    sites->tokens[sites->token_count++] = (struct token_site){token, callee};
    return true;
}

static bool token_known(const struct sites *sites, mdToken token, uint32_t *callee)
{
    for (uint32_t i = 0; i < sites->token_count; i++) {
        if (sites->tokens[i].token == token) {
            *callee = sites->tokens[i].callee;
            return true;
        }
    }
    return false;
}

static void add_references(struct sites *sites, const struct metadata_image *image)
{
    const uint32_t rows = metadata_row_count(image, CLR_TABLE_MemberRef);
    for (uint32_t row = 1; row <= rows; row++) {
        const char *name =
            metadata_cell_text(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_NAME);
        const mdToken token = token_make(CLR_TABLE_MemberRef, row);
        for (uint32_t i = sites->first; i < sites->last; i++) {
            if (strcmp(name, sites->callees[i].callee.name) == 0 &&
                r2r_callee_matches(&sites->callees[i].callee, image, token)) {
                add_token(sites, token, i);
                break;
            }
        }
    }
}

static void add_instances(struct sites *sites, const struct metadata_image *image)
{
    const uint32_t rows = metadata_row_count(image, CLR_TABLE_MethodSpec);
    for (uint32_t row = 1; row <= rows && sites->token_count; row++) {
        const mdToken method =
            metadata_cell_token(image, CLR_TABLE_MethodSpec, row, METADATA_METHOD_SPEC_METHOD);
        uint32_t callee;
        if (token_known(sites, method, &callee) &&
            !add_token(sites, token_make(CLR_TABLE_MethodSpec, row), callee))
            return;
    }
}

static int by_token(const void *a, const void *b)
{
    const struct token_site *x = a, *y = b;
    return x->token < y->token ? -1 : x->token > y->token;
}

static void collect_tokens(struct sites *sites)
{
    const struct metadata_image *image = sites->entry->public.image;
    sites->token_count = 0;
    for (uint32_t i = sites->first; i < sites->last; i++) {
        if (sites->callees[i].entry == sites->entry)
            add_token(sites, sites->callees[i].callee.method, i);
    }
    add_references(sites, image);
    add_instances(sites, image);
    if (sites->token_count == 0)
        return;
    qsort(sites->tokens, sites->token_count, sizeof(*sites->tokens), by_token);
    for (uint32_t i = 0; i < sites->token_count; i++)
        sites->plain[i] = sites->tokens[i].token;
}

/* ---- callers ---- */

/* Whether the image may hold native code of it: instances of generics stand in tables by
 * instantiation, so all of those count. */
static bool may_have_code(const struct sites *sites, mdToken method)
{
    const struct metadata_image *image = sites->entry->public.image;
    struct metadata_rows rows = metadata_generic_params(image, method);
    if (!sites->has_code || r2r_image_owner(sites->r2r))
        return true;
    if (r2r_method_has_code(sites->r2r, &sites->r2r->core, method, NULL) ||
        metadata_rows_next(image, &rows) != mdTokenNil)
        return true;
    rows = metadata_generic_params(image, metadata_owner(image, method));
    return metadata_rows_next(image, &rows) != mdTokenNil;
}

static bool on_caller(void *context, mdToken caller, size_t position)
{
    struct sites *sites = context;
    const struct callee *callee = &sites->callees[sites->tokens[position].callee];
    const struct module_entry *root = callee->root;
    const mdToken method = callee->root_method;
    if (r2r_is_non_versionable(sites->entry->public.image, caller))
        add_callee(sites, sites->entry, caller, root, method);
    if ((sites->only && sites->only != sites->entry) || !may_have_code(sites, caller))
        return true;
    return search_hit(sites->search, sites->entry, caller, root, method, RECOMPILE_SOURCE_IL);
}

static void scan_module(struct sites *sites, const struct module_entry *entry)
{
    const struct module *module = &entry->public;
    size_t unreadable = 0;
    if (!module->image || module->dynamic || module->collectible)
        return; /* told by the way through the tables */
    sites->entry = entry;
    sites->has_code = r2r_image_open(sites->r2r, module->image, NULL) == STATUS_OK;
    collect_tokens(sites);
    /* Callers without precompiled code are told all the same where they are marked: their own
     * callers may have some. */
    if (sites->token_count)
        r2r_callers_walk(module->image, sites->plain, sites->token_count, on_caller, sites,
                         &unreadable);
    if (unreadable)
        search_gap(sites->search, RECOMPILE_GAP_IMPOSSIBLE, module->name,
                   "bodies that cannot be read were left out of the search for call sites");
}

/* The methods looked for that are marked, as the first round's callees. */
static void seed(struct sites *sites)
{
    const struct search *search = sites->search;
    for (uint32_t i = 0; i < search->group_count; i++) {
        const struct search_group *group = &search->groups[i];
        for (uint32_t rid = 1; !group->unmarked && rid < group->rid_count; rid++) {
            const mdToken method = token_make(CLR_TABLE_MethodDef, rid);
            if (search_has(group, method) &&
                r2r_is_non_versionable(group->entry->public.image, method))
                add_callee(sites, group->entry, method, group->entry, method);
        }
    }
}

static bool any_marked(const struct search *search)
{
    for (uint32_t i = 0; i < search->group_count; i++) {
        if (!search->groups[i].unmarked)
            return true;
    }
    return false;
}

/* Also for one new module all are looked through: marked methods of others lead to it. */
static void scan_rounds(struct sites *sites)
{
    struct modules *modules = &sites->search->recompile->modules;
    for (sites->first = 0; sites->first < sites->count; sites->first = sites->last) {
        sites->last = sites->count;
        for (uint32_t i = 0; i < modules->count && !sites->search->stopped; i++)
            scan_module(sites, modules->entries[i]);
    }
}

void search_sites(struct search *search, const struct module_entry *only)
{
    struct sites sites = {.search = search, .only = only};
    if (!any_marked(search) || search->stopped)
        return;
    sites.callees = malloc(CALLEES_MAX * sizeof(*sites.callees));
    sites.r2r = malloc(sizeof(*sites.r2r));
    if (sites.callees && sites.r2r) {
        seed(&sites);
        scan_rounds(&sites);
    } else {
        search->memory = true;
    }
    if (sites.cut)
        search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, "callers by IL",
                   "more than 1,024 [NonVersionable] methods hold copies of one another; the "
                   "callers of the rest are not looked for");
    free(sites.callees);
    free(sites.r2r);
    free(sites.tokens);
    free(sites.plain);
}
