#include "weave_state.h"

#include <stdarg.h>
#include <stdio.h>

enum status weave_fail(struct weave *weave, enum status status, const char *format, ...)
{
    if (weave->status != STATUS_OK)
        return weave->status;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    weave->status = error_set(&weave->error, status, "%s", text);
    return status;
}

enum status weave_fail_with(struct weave *weave, enum status status, const struct error *error)
{
    if (weave->status != STATUS_OK)
        return weave->status;
    weave->status = status;
    weave->error = *error;
    return status;
}

struct weave_point weave_before(struct weave *weave, struct il_instruction *where,
                                enum il_move move)
{
    return (struct weave_point){.weave = weave, .where = where, .move = move};
}

struct weave_point weave_at_end(struct weave *weave)
{
    return (struct weave_point){.weave = weave};
}

struct il_instruction *weave_emit(struct weave_point *point, struct il_code code)
{
    struct il_instruction *instruction =
        il_insert_before(&point->weave->il, point->where, code, point->move);
    point->move = IL_STAY;
    if (!point->first)
        point->first = instruction;
    return instruction;
}

struct il_instruction *weave_emit_op(struct weave_point *point, enum il_opcode opcode)
{
    return weave_emit(point, il_code(opcode));
}

void weave_emit_long(struct weave_point *point, int64_t value)
{
    weave_emit(point, il_code_integer(CEE_LDC_I8, value));
}

struct il_instruction *weave_emit_branch(struct weave_point *point, enum il_opcode opcode,
                                         struct il_instruction *target)
{
    return weave_emit(point, il_code_branch(opcode, target));
}
