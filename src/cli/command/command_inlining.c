#include "command_inlining.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_tables.h"
#include "r2r_callers.h"

#define MOST_ROUNDS 16 /* of marked callers of marked callers */

/* A method whose call sites are looked for. */
struct callee {
    struct r2r_callee by_name;
    uint32_t inlinee;
    uint64_t method;
    uint64_t through; /* the inlinee is reached by way of this marked method */
    uint32_t next;    /* with the same name; UINT32_MAX: none */
};

struct call {
    uint32_t inlinee;
    uint64_t caller;
};

struct edge {
    uint64_t inliner, inlinee;
};

struct finding {
    struct inlining *inlining;
    uint32_t image; /* at hand */
    struct callee *callees;
    size_t callee_count, callee_capacity, round_begins;
    struct text_map names; /* -> callee */
    struct call *calls;
    size_t call_count, call_capacity;
    struct edge *edges; /* between inliners */
    size_t edge_count, edge_capacity;
    struct map inliners; /* methods that are inliners of any */
    struct map callers;  /* methods that call any */
    mdToken *tokens;     /* of the image, ascending */
    size_t token_count, token_capacity;
};

void inlining_init(struct inlining *inlining, struct images *images)
{
    *inlining = (struct inlining){.images = images};
    map_init(&inlining->wanted);
}

void inlining_release(struct inlining *inlining)
{
    free(inlining->methods);
    free(inlining->inliners);
    map_release(&inlining->wanted);
    *inlining = (struct inlining){0};
}

/* Makes room for one more; NULL and out_of_memory. */
static void *grow(struct inlining *inlining, void **items, size_t *count, size_t *capacity,
                  size_t size)
{
    if (*count == *capacity) {
        size_t more = *capacity ? *capacity * 2 : 64;
        void *larger = realloc(*items, more * size);
        if (!larger) {
            inlining->out_of_memory = true;
            return NULL;
        }
        *items = larger;
        *capacity = more;
    }
    return (char *)*items + (*count)++ * size;
}

bool inlining_want(struct inlining *inlining, uint64_t method)
{
    const struct metadata_image *image = inlining->images->items[image_of_key(method)]->metadata;
    if (map_has(&inlining->wanted, method))
        return true;
    if (!map_put(&inlining->wanted, method, inlining->method_count))
        return false;
    struct inlinee *inlinee = grow(inlining, (void **)&inlining->methods, &inlining->method_count,
                                   &inlining->method_capacity, sizeof *inlinee);
    if (!inlinee)
        return false;
    *inlinee =
        (struct inlinee){.method = method,
                         .non_versionable = r2r_is_non_versionable(image, token_of_key(method)),
                         .intrinsic = r2r_is_intrinsic(image, token_of_key(method))};
    return true;
}

static void add_inliner(struct inlining *inlining, struct inliner inliner)
{
    struct inliner *added = grow(inlining, (void **)&inlining->inliners, &inlining->inliner_count,
                                 &inlining->inliner_capacity, sizeof *added);
    if (added)
        *added = inliner;
}

/* ---- what the images record ---- */

static bool found_pair(void *context, const struct r2r_pair *pair)
{
    struct finding *finding = context;
    struct inlining *inlining = finding->inlining;
    uint64_t position, inlinee = images_resolve(inlining->images, finding->image, &pair->inlinee);
    if (!inlinee && pair->first)
        inlining->unresolved++;
    if (!inlinee || !map_get(&inlining->wanted, inlinee, &position))
        return true;
    uint64_t inliner = images_resolve(inlining->images, finding->image, &pair->inliner);
    if (!inliner) {
        inlining->unresolved++;
        return true;
    }
    add_inliner(inlining, (struct inliner){.inlinee = (uint32_t)position,
                                           .method = inliner,
                                           .image = finding->image,
                                           .how = INLINER_RECORDED});
    map_put(&finding->inliners, inliner, 1);
    return !inlining->out_of_memory;
}

static bool found_edge(void *context, const struct r2r_pair *pair)
{
    struct finding *finding = context;
    struct inlining *inlining = finding->inlining;
    uint64_t inlinee = images_resolve(inlining->images, finding->image, &pair->inlinee);
    if (!inlinee || (!map_has(&finding->inliners, inlinee) && !map_has(&finding->callers, inlinee)))
        return true;
    uint64_t inliner = images_resolve(inlining->images, finding->image, &pair->inliner);
    if (!inliner || !map_has(&finding->inliners, inliner))
        return true;
    struct edge *edge = grow(inlining, (void **)&finding->edges, &finding->edge_count,
                             &finding->edge_capacity, sizeof *edge);
    if (edge)
        *edge = (struct edge){inliner, inlinee};
    return edge != NULL;
}

static void walk_tables(struct finding *finding, r2r_pair_visit visit, bool tell)
{
    struct inlining *inlining = finding->inlining;
    size_t count = inlining->images->count;
    for (size_t i = 0; i < count && !inlining->out_of_memory; i++) {
        const struct image *image = inlining->images->items[i];
        struct error error;
        error_init(&error);
        finding->image = (uint32_t)i;
        if (!image->r2r ||
            r2r_inlining_walk(image->r2r, visit, finding, NULL, &error) == STATUS_OK || !tell)
            continue;
        if (inlining->malformed++ == 0)
            snprintf(inlining->why, sizeof inlining->why, "%.200s: %.200s at byte %lld",
                     image->file, error.message, (long long)error.offset);
    }
}

/* ---- what the IL says ---- */

static void add_callee(struct finding *finding, uint32_t inlinee, uint64_t method, uint64_t through)
{
    struct inlining *inlining = finding->inlining;
    const struct metadata_image *image = inlining->images->items[image_of_key(method)]->metadata;
    struct r2r_callee by_name;
    if (!image || r2r_callee_init(&by_name, image, token_of_key(method), NULL) != STATUS_OK)
        return;
    struct callee *callee = grow(inlining, (void **)&finding->callees, &finding->callee_count,
                                 &finding->callee_capacity, sizeof *callee);
    if (!callee)
        return;
    uint64_t next = UINT32_MAX;
    text_map_get(&finding->names, by_name.name, &next);
    *callee = (struct callee){by_name, inlinee, method, through, (uint32_t)next};
    text_map_put(&finding->names, by_name.name, finding->callee_count - 1);
}

/* The first callee that the token names, of those behind `after`. */
static uint32_t match_from(const struct finding *finding, uint32_t at,
                           const struct metadata_image *image, mdToken token)
{
    while (at != UINT32_MAX && !r2r_callee_matches(&finding->callees[at].by_name, image, token))
        at = finding->callees[at].next;
    return at;
}

static uint32_t match(const struct finding *finding, const struct metadata_image *image,
                      mdToken token)
{
    struct metadata_member member;
    uint64_t first;
    if (metadata_member_read(image, token, &member, NULL) != STATUS_OK || member.is_field ||
        !text_map_get(&finding->names, member.name, &first))
        return UINT32_MAX;
    return match_from(finding, (uint32_t)first, image, token);
}

static void collect_tokens(struct finding *finding, const struct metadata_image *image)
{
    static const uint32_t tables[] = {CLR_TABLE_MethodDef, CLR_TABLE_MemberRef,
                                      CLR_TABLE_MethodSpec};
    finding->token_count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint32_t rows = metadata_row_count(image, tables[i]);
        for (uint32_t row = 1; row <= rows; row++) {
            mdToken token = token_make(tables[i], row);
            if (match(finding, image, token) == UINT32_MAX)
                continue;
            mdToken *added = grow(finding->inlining, (void **)&finding->tokens,
                                  &finding->token_count, &finding->token_capacity, sizeof *added);
            if (added)
                *added = token;
        }
    }
}

static bool carried_already(const struct finding *finding, uint32_t inlinee, uint64_t method)
{
    for (size_t i = 0; i < finding->callee_count; i++)
        if (finding->callees[i].inlinee == inlinee && finding->callees[i].method == method)
            return true;
    return false;
}

static void called_by(struct finding *finding, uint32_t at, uint64_t caller)
{
    struct inlining *inlining = finding->inlining;
    const struct callee callee = finding->callees[at]; /* the array may move */
    struct call *call = grow(inlining, (void **)&finding->calls, &finding->call_count,
                             &finding->call_capacity, sizeof *call);
    if (call && !callee.through) {
        *call = (struct call){callee.inlinee, caller};
        map_put(&finding->callers, caller, 1);
    } else if (call) {
        finding->call_count--;
    }
    if (!inlining->methods[callee.inlinee].non_versionable)
        return;
    if (images_has_code(inlining->images, caller))
        add_inliner(inlining, (struct inliner){.inlinee = callee.inlinee,
                                               .method = caller,
                                               .through = callee.through,
                                               .image = finding->image,
                                               .how = INLINER_BY_IL});
    const struct metadata_image *image = inlining->images->items[finding->image]->metadata;
    if (r2r_is_non_versionable(image, token_of_key(caller)) &&
        !carried_already(finding, callee.inlinee, caller))
        add_callee(finding, callee.inlinee, caller, caller);
}

static bool found_call(void *context, mdToken caller, size_t position)
{
    struct finding *finding = context;
    const struct metadata_image *image = finding->inlining->images->items[finding->image]->metadata;
    mdToken token = finding->tokens[position];
    /* Callees of this round alone: what it adds is looked for in the next. */
    for (uint32_t at = match(finding, image, token); at != UINT32_MAX;
         at = match_from(finding, finding->callees[at].next, image, token))
        if (at >= finding->round_begins)
            called_by(finding, at, image_key(finding->image, caller));
    return !finding->inlining->out_of_memory;
}

static void scan_round(struct finding *finding)
{
    struct inlining *inlining = finding->inlining;
    for (size_t i = 0; i < inlining->images->count && !inlining->out_of_memory; i++) {
        const struct image *image = inlining->images->items[i];
        size_t unreadable;
        if (!image->metadata)
            continue;
        finding->image = (uint32_t)i;
        collect_tokens(finding, image->metadata);
        r2r_callers_walk(image->metadata, finding->tokens, finding->token_count, found_call,
                         finding, &unreadable);
        inlining->unreadable_il += unreadable;
    }
}

static void scan_il(struct finding *finding)
{
    struct inlining *inlining = finding->inlining;
    for (size_t i = 0; i < inlining->method_count; i++)
        add_callee(finding, (uint32_t)i, inlining->methods[i].method, 0);
    for (int round = 0; round < MOST_ROUNDS && !inlining->out_of_memory; round++) {
        size_t end = finding->callee_count;
        if (finding->round_begins == end)
            break;
        scan_round(finding);
        finding->round_begins = end;
    }
}

/* ---- in order ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_inliners(const void *left, const void *right)
{
    const struct inliner *a = left, *b = right;
    int order = compare_u64(a->inlinee, b->inlinee);
    if (!order)
        order = compare_u64(a->method, b->method);
    if (!order)
        order = compare_u64(a->how, b->how);
    return order ? order : compare_u64(a->through, b->through);
}

static int compare_calls(const void *left, const void *right)
{
    const struct call *a = left, *b = right;
    int order = compare_u64(a->inlinee, b->inlinee);
    return order ? order : compare_u64(a->caller, b->caller);
}

static int compare_edges(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    int order = compare_u64(a->inliner, b->inliner);
    return order ? order : compare_u64(a->inlinee, b->inlinee);
}

static void sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    if (count > 1)
        qsort(items, count, size, compare);
}

/* Each inliner of an inlinee once, and the runs of the inlinees. */
static void settle(struct inlining *inlining)
{
    size_t kept = 0;
    sort(inlining->inliners, inlining->inliner_count, sizeof *inlining->inliners, compare_inliners);
    for (size_t i = 0; i < inlining->inliner_count; i++) {
        const struct inliner *last = kept ? &inlining->inliners[kept - 1] : NULL;
        struct inliner inliner = inlining->inliners[i];
        if (last && last->inlinee == inliner.inlinee && last->method == inliner.method)
            continue;
        struct inlinee *inlinee = &inlining->methods[inliner.inlinee];
        if (inlinee->count++ == 0)
            inlinee->first = kept;
        inlining->inliners[kept++] = inliner;
    }
    inlining->inliner_count = kept;
}

static bool calls_itself(const struct finding *finding, uint32_t inlinee, uint64_t caller)
{
    struct call key = {inlinee, caller};
    return finding->call_count > 0 && bsearch(&key, finding->calls, finding->call_count,
                                              sizeof *finding->calls, compare_calls);
}

static bool is_inliner_of(const struct inlining *inlining, uint32_t inlinee, uint64_t method)
{
    const struct inlinee *found = &inlining->methods[inlinee];
    size_t low = found->first, high = found->first + found->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inlining->inliners[middle].method < method)
            low = middle + 1;
        else
            high = middle;
    }
    return low < found->first + found->count && inlining->inliners[low].method == method;
}

/* A method between the two: inlined into the inliner, with a copy of the inlinee. */
static uint64_t find_between(const struct finding *finding, const struct inliner *inliner)
{
    uint64_t any = 0;
    size_t low = 0, high = finding->edge_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (finding->edges[middle].inliner < inliner->method)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < finding->edge_count && finding->edges[low].inliner == inliner->method; low++) {
        uint64_t between = finding->edges[low].inlinee;
        if (between == inliner->method)
            continue;
        if (calls_itself(finding, inliner->inlinee, between))
            return between;
        if (is_inliner_of(finding->inlining, inliner->inlinee, between))
            any = between;
    }
    return any;
}

static void name_between(struct finding *finding)
{
    struct inlining *inlining = finding->inlining;
    sort(finding->calls, finding->call_count, sizeof *finding->calls, compare_calls);
    sort(finding->edges, finding->edge_count, sizeof *finding->edges, compare_edges);
    for (size_t i = 0; i < inlining->inliner_count; i++) {
        struct inliner *inliner = &inlining->inliners[i];
        if (inliner->how == INLINER_RECORDED &&
            !calls_itself(finding, inliner->inlinee, inliner->method))
            inliner->through = find_between(finding, inliner);
    }
}

enum status inlining_find(struct inlining *inlining, struct error *error)
{
    struct finding finding = {.inlining = inlining};
    text_map_init(&finding.names);
    map_init(&finding.inliners);
    map_init(&finding.callers);
    walk_tables(&finding, found_pair, true);
    scan_il(&finding);
    settle(inlining);
    walk_tables(&finding, found_edge, false);
    name_between(&finding);
    text_map_release(&finding.names);
    map_release(&finding.inliners);
    map_release(&finding.callers);
    free(finding.callees);
    free(finding.calls);
    free(finding.edges);
    free(finding.tokens);
    if (inlining->out_of_memory)
        return error_set(error, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}
