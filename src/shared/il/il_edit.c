/* Changes to the list of instructions; exception clauses are in il_clause.c. */
#include "il_list.h"

static struct il_code indexed(enum il_opcode shortest, uint32_t shortest_count,
                              enum il_opcode one_byte, enum il_opcode two_bytes, uint32_t index)
{
    if (index < shortest_count)
        return il_code((enum il_opcode)((uint32_t)shortest + index));
    return il_code_integer(index <= 0xff ? one_byte : two_bytes, index);
}

struct il_code il_code_ldarg(uint32_t index)
{
    return indexed(CEE_LDARG_0, 4, CEE_LDARG_S, CEE_LDARG, index);
}

struct il_code il_code_ldarga(uint32_t index)
{
    return indexed(CEE_NOP, 0, CEE_LDARGA_S, CEE_LDARGA, index);
}

struct il_code il_code_starg(uint32_t index)
{
    return indexed(CEE_NOP, 0, CEE_STARG_S, CEE_STARG, index);
}

struct il_code il_code_ldloc(uint32_t index)
{
    return indexed(CEE_LDLOC_0, 4, CEE_LDLOC_S, CEE_LDLOC, index);
}

struct il_code il_code_ldloca(uint32_t index)
{
    return indexed(CEE_NOP, 0, CEE_LDLOCA_S, CEE_LDLOCA, index);
}

struct il_code il_code_stloc(uint32_t index)
{
    return indexed(CEE_STLOC_0, 4, CEE_STLOC_S, CEE_STLOC, index);
}

struct il_code il_code_ldc_i4(int32_t value)
{
    if (value >= -1 && value <= 8)
        return il_code((enum il_opcode)(CEE_LDC_I4_0 + value));
    return il_code_integer(value >= -128 && value <= 127 ? CEE_LDC_I4_S : CEE_LDC_I4, value);
}

static void mark_target(struct il_instruction *target)
{
    if (target)
        target->is_target = true;
}

static void fill(struct il_body *body, struct il_instruction *instruction, struct il_code code)
{
    if (!il_opcode_info(code.opcode)) {
        body->failed = true;
        code = il_code(CEE_NOP);
    }
    instruction->opcode = code.opcode;
    instruction->integer = code.integer;
    const struct il_opcode_info *info = il_list_info(instruction);
    if (il_operand_is_branch(info->operand))
        mark_target(instruction->target);
    else if (info->operand == IL_OPERAND_SWITCH)
        instruction->table = NULL; /* il_insert_switch_before gives it one */
}

static void retarget(struct il_instruction *at, struct il_instruction *from,
                     struct il_instruction *to)
{
    uint32_t operand = il_list_info(at)->operand;
    if (il_operand_is_branch(operand)) {
        if (at->target == from)
            at->target = to;
    } else if (operand == IL_OPERAND_SWITCH && at->table) {
        for (uint32_t i = 0; i < at->table->count; i++)
            if (at->table->targets[i] == from)
                at->table->targets[i] = to;
    }
}

static void move_branches(struct il_body *body, struct il_instruction *from,
                          struct il_instruction *to)
{
    if (!from->is_target)
        return;
    for (struct il_instruction *at = body->first; at; at = at->next)
        retarget(at, from, to);
    from->is_target = false;
    to->is_target = true;
}

static void move_boundary(struct il_instruction **boundary, struct il_instruction *from,
                          struct il_instruction *to)
{
    if (*boundary == from)
        *boundary = to;
}

static void move_clauses(struct il_body *body, struct il_instruction *from,
                         struct il_instruction *to)
{
    for (struct il_clause *clause = body->clauses; clause; clause = clause->next) {
        move_boundary(&clause->try_first, from, to);
        move_boundary(&clause->try_end, from, to);
        move_boundary(&clause->filter_first, from, to);
        move_boundary(&clause->handler_first, from, to);
        move_boundary(&clause->handler_end, from, to);
    }
}

struct il_instruction *il_append(struct il_body *body, struct il_code code)
{
    struct il_instruction *instruction = il_list_new(body);
    if (!instruction)
        return &body->spare;
    fill(body, instruction, code);
    il_list_link(body, NULL, instruction);
    for (struct il_clause *clause = body->clauses; clause; clause = clause->next) {
        move_boundary(&clause->try_end, NULL, instruction);
        move_boundary(&clause->handler_end, NULL, instruction);
    }
    return instruction;
}

struct il_instruction *il_insert_before(struct il_body *body, struct il_instruction *where,
                                        struct il_code code, enum il_move move)
{
    if (!where)
        return il_append(body, code);
    struct il_instruction *instruction = il_list_new(body);
    if (!instruction)
        return &body->spare;
    /* First the others, so that a new branch to `where` itself stays one. */
    if (move & IL_MOVE_BRANCHES)
        move_branches(body, where, instruction);
    if (move & IL_MOVE_CLAUSES)
        move_clauses(body, where, instruction);
    fill(body, instruction, code);
    il_list_link(body, where, instruction);
    return instruction;
}

struct il_instruction *il_insert_after(struct il_body *body, struct il_instruction *where,
                                       struct il_code code)
{
    struct il_instruction *instruction = il_list_new(body);
    if (!instruction)
        return &body->spare;
    fill(body, instruction, code);
    il_list_link(body, where->next, instruction);
    return instruction;
}

struct il_instruction *il_replace(struct il_body *body, struct il_instruction *instruction,
                                  struct il_code code)
{
    if (body->failed)
        return &body->spare;
    fill(body, instruction, code);
    return instruction;
}

void il_set_target(struct il_body *body, struct il_instruction *branch,
                   struct il_instruction *target)
{
    if (body->failed)
        return;
    branch->target = target;
    mark_target(target);
}

struct il_instruction *il_insert_switch_before(struct il_body *body, struct il_instruction *where,
                                               uint32_t count, enum il_move move)
{
    struct il_switch *table = il_list_new_switch(body, count);
    struct il_instruction *instruction = il_insert_before(body, where, il_code(CEE_SWITCH), move);
    if (!body->failed)
        instruction->table = table;
    return instruction;
}

void il_set_switch_target(struct il_body *body, struct il_instruction *instruction, uint32_t index,
                          struct il_instruction *target)
{
    if (body->failed || !instruction->table || index >= instruction->table->count)
        return;
    instruction->table->targets[index] = target;
    mark_target(target);
}

struct il_instruction *il_with_prefixes(struct il_instruction *instruction)
{
    while (instruction->previous && il_list_info(instruction->previous)->flow == IL_FLOW_PREFIX)
        instruction = instruction->previous;
    return instruction;
}
