/* Probes without state machines: at entry, and at every way out. */
#include "weave_state.h"

#include "clr_flags.h"

static struct weave_values enter_values(struct weave *weave)
{
    return (struct weave_values){.list = weave->request->enter,
                                 .count = weave->request->enter_count};
}

static struct weave_values exit_values(struct weave *weave, bool thrown)
{
    return (struct weave_values){
        .list = weave->request->exit, .count = weave->request->exit_count, .thrown = thrown};
}

void weave_count(struct weave *weave)
{
    struct weave_point point = weave_before(weave, weave->first, IL_STAY);
    weave_call(&point, WEAVE_ENTRY_COUNT, NULL);
}

void weave_enter(struct weave *weave)
{
    weave_values_check(weave, weave->request->enter, weave->request->enter_count, true);
    if (weave->status != STATUS_OK)
        return;
    struct weave_values values = enter_values(weave);
    struct weave_point point = weave_before(weave, weave->first, IL_STAY);
    weave_call(&point, WEAVE_ENTRY_ENTER, &values);
}

/* ---- what stands in the way of exits ---------------------------------------------------- */

static bool is_prefix(const struct il_instruction *instruction)
{
    const struct il_opcode_info *info = il_opcode_info(instruction->opcode);
    return info && info->flow == IL_FLOW_PREFIX;
}

/* A nop cannot stand between a prefix and its call: the prefixes in front of `tail.` move up
 * one place, and the nop comes before them. */
static void drop_tail(struct weave *weave, struct il_instruction *tail)
{
    struct il_instruction *at = tail;
    while (at->previous && is_prefix(at->previous)) {
        struct il_code code = {.opcode = at->previous->opcode, .integer = at->previous->integer};
        il_replace(&weave->il, at, code);
        at = at->previous;
    }
    il_replace(&weave->il, at, il_code(CEE_NOP));
}

void weave_exits_prepare(struct weave *weave)
{
    if (weave->jumps) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "the method leaves by 'jmp', where no exit can be seen");
        return;
    }
    if (weave->tails && !weave->request->drop_tail) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "the method makes tail calls; seeing its exits would turn them into plain "
                   "calls, and a deep recursion would overflow the stack");
        error_hint(&weave->error, "--on enter sees its calls; --drop-tail makes plain calls of them");
        return;
    }
    for (struct il_instruction *i = weave->first; i && weave->tails; i = i->next)
        if (i->opcode == CEE_TAILCALL)
            drop_tail(weave, i);
    if (weave->result)
        weave_local_result(weave, weave->result);
}

void weave_exits_redirect(struct weave *weave, struct il_instruction *exit)
{
    struct il_instruction *end = weave->last->next;
    for (struct il_instruction *i = weave->first; i && i != end; i = i->next) {
        if (i->opcode != CEE_RET)
            continue;
        if (weave->result)
            il_insert_before(&weave->il, i, il_code_stloc(weave->result_local), IL_MOVE_ALL);
        il_replace(&weave->il, i, il_code_branch(CEE_LEAVE, exit));
    }
}

/* ---- blocks around the body ------------------------------------------------------------- */

void weave_guard_filter(struct weave *weave, struct weave_guard *guard, bool tell)
{
    struct weave_point filter = weave_at_end(weave);
    weave_emit(&filter, il_code_stloc(weave_local_exception(weave)));
    if (tell)
        weave_call(&filter, WEAVE_ENTRY_ITERATOR_THROW, NULL);
    weave_emit_op(&filter, CEE_LDC_I4_0);
    weave_emit_op(&filter, CEE_ENDFILTER);
    /* Never run, as the filter says no; but a filter without a handler does not exist. */
    struct weave_point handler = weave_at_end(weave);
    weave_emit_op(&handler, CEE_POP);
    guard->leave = weave_emit_branch(&handler, CEE_LEAVE, NULL);
    guard->filter = filter.first;
    guard->handler = handler.first;
}

void weave_guard_fault(struct weave *weave, struct weave_guard *guard, enum weave_entry entry,
                       const struct weave_values *values)
{
    struct weave_point fault = weave_at_end(weave);
    weave_call(&fault, entry, values);
    weave_emit_op(&fault, CEE_ENDFINALLY);
    guard->fault = fault.first;
}

void weave_guard_close(struct weave *weave, struct weave_guard *guard, struct il_instruction *exit)
{
    if (guard->filter) {
        il_set_target(&weave->il, guard->leave, exit);
        struct il_clause clause = {
            .flags = COR_ILEXCEPTION_CLAUSE_FILTER,
            .try_first = weave->first,
            .try_end = guard->filter,
            .filter_first = guard->filter,
            .handler_first = guard->handler,
            .handler_end = guard->fault ? guard->fault : exit,
        };
        il_add_clause(&weave->il, &clause);
    }
    if (guard->fault) {
        struct il_clause clause = {
            .flags = COR_ILEXCEPTION_CLAUSE_FAULT,
            .try_first = weave->first,
            .try_end = guard->fault,
            .handler_first = guard->fault,
            .handler_end = exit,
        };
        il_add_clause(&weave->il, &clause);
    }
    weave_exits_redirect(weave, exit);
}

void weave_emit_return(struct weave_point *point)
{
    if (point->weave->result)
        weave_emit(point, il_code_ldloc(point->weave->result_local));
    weave_emit_op(point, CEE_RET);
}

/* enter; try { try { body } filter { keep; no } {} } fault { throw } ; return; ret */
void weave_calls(struct weave *weave)
{
    const struct weave_request *request = weave->request;
    weave_values_check(weave, request->enter, request->enter_count, true);
    weave_values_check(weave, request->exit, request->exit_count, false);
    weave_exits_prepare(weave);
    if (weave->status != STATUS_OK)
        return;
    weave_enter(weave);
    struct weave_guard guard = {0};
    struct weave_values thrown = exit_values(weave, true);
    weave_guard_filter(weave, &guard, false);
    weave_guard_fault(weave, &guard, WEAVE_ENTRY_THROW, &thrown);
    struct weave_point exit = weave_at_end(weave);
    struct weave_values values = exit_values(weave, false);
    if (weave->returns > 0)
        weave_call(&exit, WEAVE_ENTRY_RETURN, &values);
    weave_emit_return(&exit);
    weave_guard_close(weave, &guard, exit.first);
}
