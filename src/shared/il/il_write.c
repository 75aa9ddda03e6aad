/* From a body to bytes: always the fat header, long branches and fat clauses, which are
 * right for every body (ECMA-335 II.25.4.3, II.25.4.6). */
#include "clr_flags.h"
#include "il_list.h"

#define FAT_HEADER  12
#define FAT_CLAUSE  24
#define HEADER_SIZE (FAT_HEADER / 4 << 12)

static enum status bug(struct error *error, uint32_t offset, const char *reason)
{
    return error_set_at(error, STATUS_BUG, offset, "'IL_%04x': %s", offset, reason);
}

static enum status check_clause(const struct il_body *body, const struct il_clause *clause,
                                struct error *error)
{
    uint32_t try_first = il_list_offset(body, clause->try_first);
    uint32_t handler_first = il_list_offset(body, clause->handler_first);
    bool filter = (clause->flags & COR_ILEXCEPTION_CLAUSE_FILTER) != 0;
    if (!il_list_is_clause_kind(clause->flags) || !clause->try_first || !clause->handler_first)
        return bug(error, try_first,
                   "an exception clause has no kind, or a boundary was never set");
    if (il_list_offset(body, clause->try_end) < try_first)
        return bug(error, try_first, "a try block ends before it begins");
    if (il_list_offset(body, clause->handler_end) < handler_first)
        return bug(error, handler_first, "a handler ends before it begins");
    if (filter && il_list_offset(body, clause->filter_first) > handler_first)
        return bug(error, handler_first, "a filter stands behind its handler");
    return STATUS_OK;
}

static enum status check_writable(struct il_body *body, struct error *error)
{
    if (body->failed)
        return error_set(error, STATUS_MEMORY,
                         "method body: out of memory, or more than 65,536 instructions");
    il_body_layout(body);
    if (body->code_size > IL_MAX_CODE)
        return error_set(error, STATUS_LIMIT, "method body: more than 1 MiB of code");
    if (body->max_stack > IL_MAX_STACK)
        return error_set(error, STATUS_LIMIT, "method body: a stack of more than 65,535 values");
    const struct il_instruction *unset = il_list_unset(body);
    enum status status = STATUS_OK;
    if (unset)
        status = bug(error, unset->offset, "the target of a branch was never set");
    for (const struct il_clause *at = body->clauses; at && status == STATUS_OK; at = at->next)
        status = check_clause(body, at, error);
    return status;
}

static void write_header(const struct il_body *body, struct buffer *buffer)
{
    uint32_t flags = CorILMethod_FatFormat | HEADER_SIZE;
    if (body->init_locals)
        flags |= CorILMethod_InitLocals;
    if (body->clauses)
        flags |= CorILMethod_MoreSects;
    buffer_append_u16(buffer, (uint16_t)flags);
    buffer_append_u16(buffer, (uint16_t)body->max_stack);
    buffer_append_u32(buffer, body->code_size);
    buffer_append_u32(buffer, body->locals);
}

static void write_targets(const struct il_instruction *instruction, struct buffer *buffer)
{
    const struct il_switch *table = instruction->table;
    uint32_t base = instruction->offset + il_instruction_size(instruction);
    buffer_append_u32(buffer, table->count);
    for (uint32_t i = 0; i < table->count; i++)
        buffer_append_u32(buffer, table->targets[i]->offset - base);
}

static void write_operand(const struct il_instruction *instruction, uint32_t operand,
                          struct buffer *buffer)
{
    switch (operand) {
    case IL_OPERAND_NONE:
        break;
    case IL_OPERAND_I1:
    case IL_OPERAND_U1:
    case IL_OPERAND_VAR1:
        buffer_append_u8(buffer, (uint8_t)instruction->integer);
        break;
    case IL_OPERAND_VAR2:
        buffer_append_u16(buffer, (uint16_t)instruction->integer);
        break;
    case IL_OPERAND_I4:
    case IL_OPERAND_R4:
        buffer_append_u32(buffer, (uint32_t)instruction->integer);
        break;
    case IL_OPERAND_I8:
    case IL_OPERAND_R8:
        buffer_append_u64(buffer, (uint64_t)instruction->integer);
        break;
    case IL_OPERAND_BRANCH1:
    case IL_OPERAND_BRANCH4:
        buffer_append_u32(buffer, instruction->target->offset - instruction->offset -
                                      il_instruction_size(instruction));
        break;
    case IL_OPERAND_SWITCH:
        write_targets(instruction, buffer);
        break;
    default:
        buffer_append_u32(buffer, instruction->token);
    }
}

static void write_code(const struct il_body *body, struct buffer *buffer)
{
    for (const struct il_instruction *at = body->first; at; at = at->next) {
        uint32_t opcode = il_opcode_long_branch(at->opcode);
        if (il_opcode_size(opcode) == 2)
            buffer_append_u8(buffer, (uint8_t)(opcode >> 8));
        buffer_append_u8(buffer, (uint8_t)opcode);
        write_operand(at, il_list_info(at)->operand, buffer);
    }
}

static void write_clause(const struct il_body *body, const struct il_clause *clause,
                         struct buffer *buffer)
{
    uint32_t try_first = il_list_offset(body, clause->try_first);
    uint32_t handler_first = il_list_offset(body, clause->handler_first);
    bool filter = (clause->flags & COR_ILEXCEPTION_CLAUSE_FILTER) != 0;
    buffer_append_u32(buffer, clause->flags);
    buffer_append_u32(buffer, try_first);
    buffer_append_u32(buffer, il_list_offset(body, clause->try_end) - try_first);
    buffer_append_u32(buffer, handler_first);
    buffer_append_u32(buffer, il_list_offset(body, clause->handler_end) - handler_first);
    buffer_append_u32(buffer, filter ? il_list_offset(body, clause->filter_first) : clause->type);
}

static void write_clauses(const struct il_body *body, struct buffer *buffer)
{
    if (!body->clauses)
        return;
    buffer_append_zeros(buffer, (4 - body->code_size % 4) % 4);
    buffer_append_u32(buffer, (CorILMethod_Sect_EHTable | CorILMethod_Sect_FatFormat) |
                                  (body->clause_count * FAT_CLAUSE + 4) << 8);
    for (const struct il_clause *at = body->clauses; at; at = at->next)
        write_clause(body, at, buffer);
}

enum status il_body_write(struct il_body *body, struct buffer *buffer, struct error *error)
{
    enum status status = check_writable(body, error);
    if (status != STATUS_OK)
        return status;
    write_header(body, buffer);
    write_code(body, buffer);
    write_clauses(body, buffer);
    if (buffer_failed(buffer))
        return error_set(error, STATUS_MEMORY, "method body: out of memory");
    return STATUS_OK;
}
