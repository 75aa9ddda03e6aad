#include "recompile_frames_calls.h"

#include <stdlib.h>

#include "clr_flags.h"
#include "il_body.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "r2r_callers.h"

#define DEPTH    2u /* others in between */
#define SITES    40000u
#define FORWARDS 4 /* of a type, from assembly to assembly */
/* Bytes of IL beyond which the JIT inlines nothing, even where a profile speaks for it; and beyond
 * which a method in between is not believed to be inlined. */
#define LARGEST 1024u
#define SMALL   256u

/* A method that is called. */
struct called {
    const struct module_entry *entry;
    mdToken method;
};

void calls_init(struct calls *calls, struct recompile *recompile, const struct search *wanted)
{
    *calls = (struct calls){.recompile = recompile, .wanted = wanted, .budget = SITES};
    map_init(&calls->known);
}

void calls_release(struct calls *calls)
{
    map_release(&calls->known);
}

/* ---- which method a token means ---- */

static const struct module_entry *entry_of_assembly(struct calls *calls, const char *name)
{
    /* A struct module is its entry's first member. */
    return (const struct module_entry *)modules_by_assembly(&calls->recompile->modules, name);
}

static bool resolve_reference(struct calls *calls, const struct module_entry *entry, mdToken token,
                              struct called *called)
{
    const struct metadata_image *image = entry->public.image;
    struct metadata_member member;
    struct metadata_identity type;
    if (metadata_member_read(image, token, &member, NULL) != STATUS_OK || member.is_field)
        return false;
    if (token_is(member.parent, CLR_TABLE_MethodDef)) {
        *called = (struct called){entry, member.parent};
        return true;
    }
    if (metadata_identify(image, member.parent, &type, NULL) != STATUS_OK)
        return false;
    const char *assembly = type.assembly;
    for (int i = 0; i < FORWARDS && assembly; i++) {
        const struct module_entry *where = *assembly ? entry_of_assembly(calls, assembly) : entry;
        if (!where || !where->public.image)
            return false;
        const mdToken method =
            r2r_find_method(where->public.image, &type, member.name, image, member.signature);
        if (!token_is_nil(method)) {
            *called = (struct called){where, method};
            return true;
        }
        assembly = metadata_find_forward(where->public.image, &type);
    }
    return false;
}

static bool resolve(struct calls *calls, const struct module_entry *entry, mdToken token,
                    struct called *called)
{
    const struct metadata_image *image = entry->public.image;
    if (token_is(token, CLR_TABLE_MethodSpec))
        token = metadata_cell_token(image, CLR_TABLE_MethodSpec, token_rid(token),
                                    METADATA_METHOD_SPEC_METHOD);
    if (token_is(token, CLR_TABLE_MethodDef)) {
        *called = (struct called){entry, token};
        return metadata_token_exists(image, token);
    }
    return token_is(token, CLR_TABLE_MemberRef) && resolve_reference(calls, entry, token, called);
}

/* ---- bodies ---- */

static bool body_of(const struct called *called, struct reader *body)
{
    const struct metadata_image *image = called->entry->public.image;
    const uint32_t row = token_rid(called->method);
    const uint32_t rva = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA);
    const uint32_t flags =
        metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS);
    const uint32_t impl =
        metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
    return rva && clr_method_has_il(flags, impl) &&
           metadata_image_body(image, rva, body, NULL) == STATUS_OK;
}

/* Headers and clauses count with the code: the bounds are no more than likely. */
static bool may_be_inlined(const struct called *called, size_t most)
{
    struct reader body;
    const uint32_t impl = metadata_cell(called->entry->public.image, CLR_TABLE_MethodDef,
                                        token_rid(called->method), METADATA_METHOD_DEF_IMPL_FLAGS);
    if ((impl & miNoInlining) || !body_of(called, &body))
        return false;
    return (impl & miAggressiveInlining) || body.length <= most;
}

static bool is_call(const struct il_instruction *instruction)
{
    return instruction->opcode == CEE_CALL || instruction->opcode == CEE_CALLVIRT ||
           instruction->opcode == CEE_NEWOBJ;
}

static bool is_wanted(const struct calls *calls, const struct called *called)
{
    const struct search_group *group = search_group_of(calls->wanted, called->entry);
    return group && search_has(group, called->method);
}

/* What the body calls, each once; malloc'd. */
static struct called *callees_of(struct calls *calls, const struct called *caller, size_t *count)
{
    struct il_body body;
    struct reader bytes;
    *count = 0;
    if (!body_of(caller, &bytes) ||
        il_body_parse(&body, bytes.data, bytes.length, NULL) != STATUS_OK)
        return NULL;
    struct called *callees = malloc((body.count ? body.count : 1) * sizeof(*callees));
    for (const struct il_instruction *at = body.first; at && callees && calls->budget;
         at = at->next) {
        struct called called;
        if (!is_call(at))
            continue;
        calls->budget--;
        if (resolve(calls, caller->entry, at->token, &called))
            callees[(*count)++] = called;
    }
    il_body_release(&body);
    return callees;
}

static bool reach(struct calls *calls, const struct called *caller, uint32_t depth,
                  struct method_key *reached)
{
    size_t count = 0;
    bool found = false;
    struct called *callees = callees_of(calls, caller, &count);
    for (size_t i = 0; i < count && !found; i++) {
        found = is_wanted(calls, &callees[i]) && may_be_inlined(&callees[i], LARGEST);
        if (found)
            *reached = (struct method_key){.module = callees[i].entry->public.id,
                                           .method = callees[i].method};
    }
    for (size_t i = 0; i < count && !found && depth < DEPTH; i++)
        found = may_be_inlined(&callees[i], SMALL) && reach(calls, &callees[i], depth + 1, reached);
    free(callees);
    return found;
}

bool calls_reach(struct calls *calls, const struct module_entry *entry, mdToken method,
                 struct method_key *reached)
{
    const struct called caller = {entry, method};
    const uint64_t key = map_hash((uintptr_t)entry) ^ method;
    if (map_has(&calls->known, key))
        return false;
    pthread_mutex_lock(&calls->recompile->modules.collect);
    const bool found = reach(calls, &caller, 0, reached);
    pthread_mutex_unlock(&calls->recompile->modules.collect);
    calls->unread += !found && calls->budget == 0;
    if (!found)
        map_put(&calls->known, key, 1);
    return found;
}
