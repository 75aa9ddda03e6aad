#include "il_stack.h"

#include <stdlib.h>

#include "clr_flags.h"
#include "il_list.h"
#include "il_walk.h"

bool il_stack_effect(const struct il_instruction *instruction, const struct il_effects *effects,
                     uint32_t *pops, uint32_t *pushes)
{
    const struct il_opcode_info *info = il_list_info(instruction);
    if (info->pops != IL_VARIES) {
        *pops = (uint32_t)info->pops;
        *pushes = (uint32_t)info->pushes;
        return true;
    }
    if (instruction->opcode == CEE_RET) {
        *pops = effects->method_returns;
        *pushes = 0;
        return true;
    }
    struct il_call call = {0, false};
    if (!effects->call ||
        !effects->call(effects->context, instruction->opcode, instruction->token, &call) ||
        call.arguments > IL_MAX_STACK)
        return false;
    *pops = call.arguments;
    *pushes = call.returns;
    if (instruction->opcode == CEE_CALLI)
        *pops += 1; /* the address of the code */
    if (instruction->opcode == CEE_NEWOBJ) {
        /* `this` is made, not popped. */
        *pops -= *pops > 0;
        *pushes = 1;
    }
    return true;
}

struct walk {
    const struct il_effects *effects; /* NULL: only what is reached, every depth is 0 */
    struct il_instruction **waiting;  /* reached, to be walked from; each at most once */
    uint32_t count;
    uint32_t greatest;
    struct error *error;
};

static enum status malformed(struct walk *walk, const struct il_instruction *at, const char *reason)
{
    return error_set_at(walk->error, STATUS_MALFORMED, at->offset, "'IL_%04x %s': %s", at->offset,
                        il_list_info(at)->text, reason);
}

static enum status reach(struct walk *walk, struct il_instruction *at, uint32_t depth)
{
    if (!walk->effects)
        depth = 0;
    if (at->depth == IL_DEPTH_UNKNOWN) {
        at->depth = (int32_t)depth;
        walk->waiting[walk->count++] = at;
        if (depth > walk->greatest)
            walk->greatest = depth;
        return STATUS_OK;
    }
    if ((uint32_t)at->depth == depth)
        return STATUS_OK;
    return error_set_at(walk->error, STATUS_MALFORMED, at->offset,
                        "'IL_%04x %s': the stack holds %d on one way here and %u on another",
                        at->offset, il_list_info(at)->text, at->depth, depth);
}

/* What the instruction leaves on the stack. */
static enum status depth_after(struct walk *walk, const struct il_instruction *at, uint32_t *depth)
{
    uint32_t pops = 0, pushes = 0;
    *depth = 0;
    if (!walk->effects)
        return STATUS_OK;
    if (!il_stack_effect(at, walk->effects, &pops, &pushes))
        return error_set_at(walk->error, STATUS_UNSUPPORTED, at->offset,
                            "'IL_%04x %s 0x%08x': the signature is not known", at->offset,
                            il_list_info(at)->text, at->token);
    if ((uint32_t)at->depth < pops)
        return malformed(walk, at, "the stack runs empty");
    *depth = (uint32_t)at->depth - pops + pushes;
    if (*depth > IL_MAX_STACK)
        return malformed(walk, at, "the stack grows over 65,535 values");
    if (*depth > walk->greatest)
        walk->greatest = *depth;
    return STATUS_OK;
}

static enum status reach_targets(struct walk *walk, const struct il_instruction *at, uint32_t depth)
{
    uint32_t operand = il_list_info(at)->operand;
    if (il_operand_is_branch(operand))
        return reach(walk, at->target, depth);
    if (operand != IL_OPERAND_SWITCH)
        return STATUS_OK;
    for (uint32_t i = 0; i < at->table->count; i++) {
        enum status status = reach(walk, at->table->targets[i], depth);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status step(struct walk *walk, const struct il_instruction *at)
{
    uint32_t depth;
    enum il_flow flow = il_list_info(at)->flow;
    enum status status = depth_after(walk, at, &depth);
    if (status != STATUS_OK)
        return status;
    status = reach_targets(walk, at, flow == IL_FLOW_LEAVE ? 0 : depth);
    if (status != STATUS_OK || !il_flows_on(flow))
        return status;
    if (!at->next)
        return malformed(walk, at, "the code runs off its end");
    return reach(walk, at->next, depth);
}

static enum status reach_handlers(struct walk *walk, const struct il_body *body)
{
    enum status status = STATUS_OK;
    for (const struct il_clause *at = body->clauses; at && status == STATUS_OK; at = at->next) {
        bool has_exception =
            !(at->flags & (COR_ILEXCEPTION_CLAUSE_FINALLY | COR_ILEXCEPTION_CLAUSE_FAULT));
        if (at->handler_first)
            status = reach(walk, at->handler_first, has_exception);
        if (status == STATUS_OK && (at->flags & COR_ILEXCEPTION_CLAUSE_FILTER) && at->filter_first)
            status = reach(walk, at->filter_first, 1);
    }
    return status;
}

void il_walk_forget(struct il_body *body)
{
    for (struct il_instruction *at = body->first; at; at = at->next)
        at->depth = IL_DEPTH_UNKNOWN;
}

enum status il_walk(struct il_body *body, const struct il_effects *effects, uint32_t *greatest,
                    struct error *error)
{
    if (body->failed)
        return error_set(error, STATUS_MEMORY, "method body: it could not be changed as asked");
    if (!body->first)
        return error_set(error, STATUS_MALFORMED, "method body: has no code");
    struct walk walk = {.effects = effects, .error = error};
    il_body_layout(body);
    const struct il_instruction *unset = il_list_unset(body);
    if (unset)
        return malformed(&walk, unset, "its target was never set");
    walk.waiting = calloc(body->count, sizeof(struct il_instruction *));
    if (!walk.waiting)
        return error_set(error, STATUS_MEMORY, "method body: out of memory");
    il_walk_forget(body);
    enum status status = reach(&walk, body->first, 0);
    if (status == STATUS_OK)
        status = reach_handlers(&walk, body);
    while (status == STATUS_OK && walk.count > 0)
        status = step(&walk, walk.waiting[--walk.count]);
    free(walk.waiting);
    *greatest = walk.greatest;
    return status;
}

enum status il_stack_compute(struct il_body *body, const struct il_effects *effects,
                             struct error *error)
{
    uint32_t greatest = 0;
    enum status status = il_walk(body, effects, &greatest, error);
    if (status == STATUS_OK && greatest > body->max_stack)
        body->max_stack = greatest;
    return status;
}

void il_stack_raise(struct il_body *body, uint32_t by)
{
    body->max_stack = by < IL_MAX_STACK - body->max_stack ? body->max_stack + by : IL_MAX_STACK;
}
