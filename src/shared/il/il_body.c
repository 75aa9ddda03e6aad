#include "il_body.h"

#include <string.h>

#include "clr_flags.h"
#include "il_list.h"

#define DEFAULT_MAX_STACK 8 /* what a tiny header stands for */

void il_body_init(struct il_body *body)
{
    memset(body, 0, sizeof(*body));
    body->max_stack = DEFAULT_MAX_STACK;
    body->spare.original = IL_INSERTED;
    body->spare.depth = IL_DEPTH_UNKNOWN;
    arena_init(&body->arena, IL_MEMORY_LIMIT);
}

void il_body_release(struct il_body *body)
{
    arena_release(&body->arena);
    il_body_init(body);
}

struct il_instruction *il_list_new(struct il_body *body)
{
    struct il_instruction *instruction = NULL;
    if (!body->failed && body->count < IL_MAX_INSTRUCTIONS)
        instruction = arena_new(&body->arena, struct il_instruction);
    if (!instruction) {
        body->failed = true;
        return NULL;
    }
    instruction->original = IL_INSERTED;
    instruction->depth = IL_DEPTH_UNKNOWN;
    return instruction;
}

struct il_switch *il_list_new_switch(struct il_body *body, uint32_t count)
{
    struct il_switch *table = NULL;
    if (!body->failed && count <= IL_MAX_CODE / 4)
        table = arena_alloc(&body->arena, sizeof(*table) + count * sizeof(table->targets[0]));
    if (!table) {
        body->failed = true;
        return NULL;
    }
    table->count = count;
    return table;
}

void il_list_link(struct il_body *body, struct il_instruction *where,
                  struct il_instruction *instruction)
{
    instruction->next = where;
    instruction->previous = where ? where->previous : body->last;
    if (instruction->previous)
        instruction->previous->next = instruction;
    else
        body->first = instruction;
    if (where)
        where->previous = instruction;
    else
        body->last = instruction;
    body->count++;
}

struct il_clause *il_list_new_clause(struct il_body *body)
{
    struct il_clause *clause = NULL;
    if (!body->failed && body->clause_count < IL_MAX_CLAUSES)
        clause = arena_new(&body->arena, struct il_clause);
    if (!clause)
        body->failed = true;
    return clause;
}

static uint32_t operand_size(const struct il_instruction *instruction, uint32_t operand)
{
    switch (operand) {
    case IL_OPERAND_NONE:
        return 0;
    case IL_OPERAND_I1:
    case IL_OPERAND_U1:
    case IL_OPERAND_VAR1:
        return 1;
    case IL_OPERAND_VAR2:
        return 2;
    case IL_OPERAND_I8:
    case IL_OPERAND_R8:
        return 8;
    case IL_OPERAND_SWITCH:
        return 4 + (instruction->table ? instruction->table->count * 4 : 0);
    default:
        return 4; /* I4, R4, tokens, and branches, which are written long */
    }
}

uint32_t il_instruction_size(const struct il_instruction *instruction)
{
    const struct il_opcode_info *info = il_list_info(instruction);
    return il_opcode_size(instruction->opcode) +
           (info ? operand_size(instruction, info->operand) : 0);
}

void il_body_layout(struct il_body *body)
{
    uint32_t offset = 0;
    for (struct il_instruction *at = body->first; at; at = at->next) {
        at->opcode = (uint16_t)il_opcode_long_branch(at->opcode);
        at->offset = offset;
        offset += il_instruction_size(at);
    }
    body->code_size = offset;
}

static bool is_set(const struct il_instruction *at)
{
    uint32_t operand = il_list_info(at)->operand;
    if (il_operand_is_branch(operand))
        return at->target != NULL;
    if (operand != IL_OPERAND_SWITCH)
        return true;
    for (uint32_t i = 0; at->table && i < at->table->count; i++)
        if (!at->table->targets[i])
            return false;
    return at->table != NULL;
}

const struct il_instruction *il_list_unset(const struct il_body *body)
{
    const struct il_instruction *at = body->first;
    while (at && is_set(at))
        at = at->next;
    return at;
}

uint32_t il_map_append(const struct il_body *body, struct buffer *buffer)
{
    uint32_t count = 0;
    for (const struct il_instruction *at = body->first; at; at = at->next) {
        if (at->original == IL_INSERTED)
            continue;
        struct il_map_entry entry = {at->original, at->offset, 1};
        if (!buffer_append(buffer, &entry, sizeof(entry)))
            return 0;
        count++;
    }
    return count;
}
