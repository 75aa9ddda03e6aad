/* The table of protected blocks: where a new clause goes. */
#include <string.h>

#include "clr_flags.h"
#include "il_list.h"

bool il_list_is_clause_kind(uint32_t flags)
{
    flags &= ~(uint32_t)COR_ILEXCEPTION_CLAUSE_DUPLICATED;
    return flags == COR_ILEXCEPTION_CLAUSE_NONE || flags == COR_ILEXCEPTION_CLAUSE_FILTER ||
           flags == COR_ILEXCEPTION_CLAUSE_FINALLY || flags == COR_ILEXCEPTION_CLAUSE_FAULT;
}

struct range {
    uint32_t first, end;
};

static struct range range_of(const struct il_body *body, const struct il_instruction *first,
                             const struct il_instruction *end)
{
    return (struct range){il_list_offset(body, first), il_list_offset(body, end)};
}

static bool holds(struct range outer, struct range inner)
{
    return outer.first <= inner.first && inner.end <= outer.end;
}

/* Whether a block of `outer` (try, filter or handler) holds the range, without being it. */
static bool encloses(const struct il_body *body, const struct il_clause *outer, struct range inner)
{
    struct range block = range_of(body, outer->try_first, outer->try_end);
    if (holds(block, inner))
        return !holds(inner, block);
    bool filter = (outer->flags & COR_ILEXCEPTION_CLAUSE_FILTER) != 0;
    const struct il_instruction *first = filter ? outer->filter_first : outer->handler_first;
    return holds(range_of(body, first, outer->handler_end), inner);
}

/* The link behind which nothing must come before the new clause: after the last clause whose
 * try block lies in its own, then before the next one that encloses it. */
static struct il_clause **place_for(struct il_body *body, struct range block)
{
    struct il_clause **place = &body->clauses;
    for (struct il_clause **link = &body->clauses; *link; link = &(*link)->next)
        if (holds(block, range_of(body, (*link)->try_first, (*link)->try_end)))
            place = &(*link)->next;
    while (*place && !encloses(body, *place, block))
        place = &(*place)->next;
    return place;
}

struct il_clause *il_add_clause(struct il_body *body, const struct il_clause *clause)
{
    struct il_clause *copy = il_list_new_clause(body);
    if (!copy)
        return NULL;
    il_body_layout(body);
    struct il_clause **place = place_for(body, range_of(body, clause->try_first, clause->try_end));
    *copy = *clause;
    copy->next = *place;
    *place = copy;
    body->clause_count++;
    return copy;
}
