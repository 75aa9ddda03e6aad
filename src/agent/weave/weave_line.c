/* Probes in front of an instruction in the middle of a body. */
#include "weave_state.h"

/* The last instruction that begins at or before the offset; NULL: the offset is behind the code. */
static struct il_instruction *find(const struct weave *weave, uint32_t offset)
{
    struct il_instruction *found = NULL;
    if (offset >= weave->il.code_size)
        return NULL;
    for (struct il_instruction *i = weave->first; i && i->original <= offset; i = i->next)
        found = i;
    return found;
}

/* Behind `tail. call` stands the `ret` that belongs to it. */
static struct il_instruction *tail_call_before(struct il_instruction *instruction)
{
    struct il_instruction *call = instruction->previous;
    if (!call || instruction->opcode != CEE_RET)
        return NULL;
    struct il_instruction *first = il_with_prefixes(call);
    for (struct il_instruction *i = first; i != call; i = i->next)
        if (i->opcode == CEE_TAILCALL)
            return first;
    return NULL;
}

/* NULL: refused. */
static struct il_instruction *place(struct weave *weave)
{
    const struct weave_request *request = weave->request;
    const uint32_t offset = request->line;
    struct il_instruction *at = find(weave, offset);
    if (!at && request->line_nearest)
        at = weave->last;
    if (!at) {
        weave_fail(weave, STATUS_UNSUPPORTED, "0x%x is behind its IL, which is 0x%x bytes long",
                   offset, weave->il.code_size);
        return NULL;
    }
    struct il_instruction *first = il_with_prefixes(at), *call = tail_call_before(at);
    if (request->line_nearest)
        return call ? call : first;
    if (at->original != offset || first != at)
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "no instruction begins at 0x%x of its IL; the one before begins at 0x%x", offset,
                   first->original);
    else if (call)
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "the 'ret' at 0x%x belongs to the tail call at 0x%x; nothing may stand between "
                   "them",
                   offset, call->original);
    return weave->status == STATUS_OK ? first : NULL;
}

static void line(struct weave *weave, enum weave_entry entry, const struct weave_values *values)
{
    struct il_instruction *at = weave->status == STATUS_OK ? place(weave) : NULL;
    if (!at)
        return;
    struct weave_point point = weave_before(weave, at, IL_MOVE_ALL);
    weave_call(&point, entry, values);
}

void weave_count_line(struct weave *weave)
{
    line(weave, WEAVE_ENTRY_COUNT, NULL);
}

void weave_enter_line(struct weave *weave)
{
    const struct weave_request *request = weave->request;
    struct weave_values values = {.list = request->enter, .count = request->enter_count};
    weave_values_check(weave, request->enter, request->enter_count, true);
    line(weave, WEAVE_ENTRY_ENTER, &values);
}
