#include "il_check.h"

#include "clr_flags.h"
#include "il_list.h"
#include "il_region.h"
#include "il_walk.h"

struct check {
    const struct il_body *body;
    const struct il_effects *effects;
    struct il_regions regions;
    struct error *error;
};

static enum status wrong(struct check *check, const struct il_instruction *at, const char *reason)
{
    return error_set_at(check->error, STATUS_MALFORMED, at->offset, "'IL_%04x %s': %s", at->offset,
                        il_list_info(at)->text, reason);
}

static const struct il_region *region_of(const struct check *check, const struct il_instruction *at)
{
    return il_region_at(&check->regions, at->offset);
}

static bool in_prefix_tail(const struct il_instruction *target)
{
    return target->previous && il_list_info(target->previous)->flow == IL_FLOW_PREFIX;
}

static enum status check_branch(struct check *check, const struct il_instruction *at,
                                const struct il_instruction *target)
{
    if (in_prefix_tail(target))
        return wrong(check, at, "it leads between a prefix and its instruction");
    if (!il_region_may_enter(region_of(check, at), region_of(check, target), target->offset))
        return wrong(check, at, "it leads into or out of a protected block");
    return STATUS_OK;
}

/* leave goes out of try blocks and catch handlers, not out of filters, finally and fault;
 * from a catch handler also back into its try block. */
static enum status check_leave(struct check *check, const struct il_instruction *at)
{
    const struct il_region *to = region_of(check, at->target);
    if (in_prefix_tail(at->target))
        return wrong(check, at, "it leads between a prefix and its instruction");
    for (const struct il_region *from = region_of(check, at);; from = from->parent) {
        if (il_region_may_enter(from, to, at->target->offset))
            return STATUS_OK;
        if (!from)
            return wrong(check, at, "it leads into a protected block");
        if (from->kind == IL_REGION_CATCH &&
            il_region_may_enter(from->guarded, to, at->target->offset))
            return STATUS_OK;
        if (from->kind != IL_REGION_TRY && from->kind != IL_REGION_CATCH)
            return wrong(check, at, "it leads out of a filter, finally or fault block");
    }
}

static enum status check_targets(struct check *check, const struct il_instruction *at)
{
    uint32_t operand = il_list_info(at)->operand;
    if (il_operand_is_branch(operand))
        return check_branch(check, at, at->target);
    for (uint32_t i = 0; operand == IL_OPERAND_SWITCH && i < at->table->count; i++) {
        enum status status = check_branch(check, at, at->table->targets[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static bool in_catch(const struct il_region *region)
{
    while (region && region->kind != IL_REGION_CATCH)
        region = region->parent;
    return region != NULL;
}

static enum status check_return(struct check *check, const struct il_instruction *at)
{
    if (region_of(check, at))
        return wrong(check, at, "it stands inside a protected block");
    if (!check->effects)
        return STATUS_OK;
    int32_t expected = at->opcode == CEE_RET && check->effects->method_returns;
    if (at->depth != expected)
        return wrong(check, at, "the stack holds something else than the result");
    return STATUS_OK;
}

static enum status check_end(struct check *check, const struct il_instruction *at)
{
    const struct il_region *region = region_of(check, at);
    if (at->opcode == CEE_ENDFILTER) {
        if (!region || region->kind != IL_REGION_FILTER ||
            region->end != at->offset + il_instruction_size(at))
            return wrong(check, at, "it is not the end of a filter");
        if (check->effects && at->depth != 1)
            return wrong(check, at, "the stack holds something else than the filter's answer");
        return STATUS_OK;
    }
    if (!region || (region->kind != IL_REGION_FINALLY && region->kind != IL_REGION_FAULT))
        return wrong(check, at, "it stands outside of finally and fault blocks");
    return STATUS_OK;
}

static bool is_memory_access(uint32_t opcode)
{
    return (opcode >= CEE_LDIND_I1 && opcode <= CEE_STIND_R8) || opcode == CEE_STIND_I ||
           (opcode >= CEE_LDFLD && opcode <= CEE_STOBJ) || opcode == CEE_LDOBJ ||
           opcode == CEE_CPOBJ || opcode == CEE_INITBLK || opcode == CEE_CPBLK ||
           opcode == CEE_INITOBJ;
}

static bool may_follow(uint32_t prefix, uint32_t opcode)
{
    switch (prefix) {
    case CEE_TAILCALL:
        return opcode == CEE_CALL || opcode == CEE_CALLVIRT || opcode == CEE_CALLI;
    case CEE_CONSTRAINED:
        return opcode == CEE_CALLVIRT || opcode == CEE_CALL || opcode == CEE_LDFTN ||
               opcode == CEE_LDVIRTFTN;
    case CEE_READONLY:
        return opcode == CEE_LDELEMA || opcode == CEE_CALL || opcode == CEE_CALLVIRT;
    default:
        return is_memory_access(opcode);
    }
}

static enum status check_prefix(struct check *check, const struct il_instruction *at)
{
    const struct il_instruction *last = at->next;
    while (last && il_list_info(last)->flow == IL_FLOW_PREFIX)
        last = last->next;
    if (!last || !may_follow(at->opcode, last->opcode))
        return wrong(check, at, "the prefix cannot stand before what follows");
    if (at->opcode == CEE_TAILCALL && (!last->next || last->next->opcode != CEE_RET))
        return wrong(check, at, "a tail call that no ret follows");
    return STATUS_OK;
}

static enum status check_next(struct check *check, const struct il_instruction *at)
{
    if (il_region_may_enter(region_of(check, at), region_of(check, at->next), at->next->offset))
        return STATUS_OK;
    return wrong(check, at, "control falls into or out of a protected block");
}

static enum status check_instruction(struct check *check, const struct il_instruction *at)
{
    enum il_flow flow = il_list_info(at)->flow;
    enum status status = STATUS_OK;
    if (flow == IL_FLOW_LEAVE)
        status = check_leave(check, at);
    else if (flow == IL_FLOW_BRANCH || flow == IL_FLOW_CONDITION)
        status = check_targets(check, at);
    else if (flow == IL_FLOW_RETURN)
        status = check_return(check, at);
    else if (flow == IL_FLOW_END)
        status = check_end(check, at);
    else if (flow == IL_FLOW_PREFIX)
        status = check_prefix(check, at);
    else if (at->opcode == CEE_RETHROW && !in_catch(region_of(check, at)))
        status = wrong(check, at, "it stands outside of catch handlers");
    if (status == STATUS_OK && il_flows_on(flow))
        status = check_next(check, at);
    return status;
}

static enum status check_try_entries(struct check *check)
{
    for (const struct il_clause *at = check->body->clauses; at; at = at->next)
        if (at->try_first->depth > 0)
            return wrong(check, at->try_first, "the stack is not empty where a try block begins");
    return STATUS_OK;
}

/* Inner try blocks stand before outer ones in the table: each outer one is looked for among
 * those that came before its inner ones. */
static enum status check_order(struct check *check)
{
    for (const struct il_clause *at = check->body->clauses; at; at = at->next) {
        uint32_t first = il_list_offset(check->body, at->try_first);
        uint32_t end = il_list_offset(check->body, at->try_end);
        const struct il_clause *later = at->next;
        for (; later; later = later->next) {
            uint32_t later_first = il_list_offset(check->body, later->try_first);
            uint32_t later_end = il_list_offset(check->body, later->try_end);
            bool inside = first <= later_first && later_end <= end;
            if (inside && (first != later_first || end != later_end))
                return wrong(check, later->try_first,
                             "its try block stands behind one that encloses it in the table");
        }
    }
    return STATUS_OK;
}

static enum status check_all(struct check *check)
{
    enum status status = check_order(check);
    if (status == STATUS_OK && check->effects)
        status = check_try_entries(check);
    for (const struct il_instruction *at = check->body->first; at && status == STATUS_OK;
         at = at->next)
        if (at->depth != IL_DEPTH_UNKNOWN)
            status = check_instruction(check, at);
    return status;
}

static enum status check_boundaries(const struct il_body *body, struct error *error)
{
    for (const struct il_clause *at = body->clauses; at; at = at->next) {
        if (!il_list_is_clause_kind(at->flags))
            return error_set(error, STATUS_MALFORMED,
                             "method body: an exception clause of no known kind (0x%x)", at->flags);
        if (!at->try_first || !at->handler_first ||
            (at->flags & COR_ILEXCEPTION_CLAUSE_FILTER && !at->filter_first))
            return error_set(error, STATUS_MALFORMED,
                             "method body: a boundary of an exception clause was never set");
    }
    return STATUS_OK;
}

enum status il_check(struct il_body *body, const struct il_effects *effects, struct error *error)
{
    struct check check = {.body = body, .effects = effects, .error = error};
    uint32_t greatest = 0;
    enum status status = check_boundaries(body, error);
    if (status == STATUS_OK)
        status = il_walk(body, effects, &greatest, error);
    if (status == STATUS_OK && effects && greatest > body->max_stack)
        status = error_set(error, STATUS_MALFORMED,
                           "method body: needs a stack of %u, its header says %u", greatest,
                           body->max_stack);
    if (status == STATUS_OK)
        status = il_regions_build(&check.regions, body, error);
    if (status == STATUS_OK) {
        status = check_all(&check);
        il_regions_release(&check.regions);
    }
    if (!effects)
        il_walk_forget(body);
    return status;
}
