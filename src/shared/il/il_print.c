#include "il_print.h"

#include <inttypes.h>
#include <string.h>

#include "clr_flags.h"
#include "il_list.h"
#include "il_region.h"

static void print_target(const struct il_instruction *target, struct buffer *buffer)
{
    if (target)
        buffer_append_format(buffer, "IL_%04x", target->offset);
    else
        buffer_append_text(buffer, "(not set)");
}

static void print_switch(const struct il_instruction *instruction, struct buffer *buffer)
{
    buffer_append_text(buffer, "(");
    for (uint32_t i = 0; instruction->table && i < instruction->table->count; i++) {
        if (i)
            buffer_append_text(buffer, ", ");
        print_target(instruction->table->targets[i], buffer);
    }
    buffer_append_text(buffer, ")");
}

static void print_token(const struct il_instruction *instruction, const struct il_namer *namer,
                        struct buffer *buffer)
{
    if (namer && namer->name(namer->context, instruction->opcode, instruction->token, buffer))
        return;
    buffer_append_format(buffer, "0x%08x", instruction->token);
}

static void print_real(const struct il_instruction *instruction, bool is_double,
                       struct buffer *buffer)
{
    double value;
    float narrow;
    uint32_t bits = (uint32_t)instruction->integer;
    if (is_double)
        memcpy(&value, &instruction->integer, sizeof(value));
    else {
        memcpy(&narrow, &bits, sizeof(narrow));
        value = (double)narrow;
    }
    buffer_append_format(buffer, is_double ? "%.17g" : "%.9g", value);
}

static void print_operand(const struct il_instruction *instruction, uint32_t operand,
                          const struct il_namer *namer, struct buffer *buffer)
{
    if (operand == IL_OPERAND_NONE)
        return;
    buffer_append_text(buffer, " ");
    if (il_operand_is_branch(operand))
        print_target(instruction->target, buffer);
    else if (operand == IL_OPERAND_SWITCH)
        print_switch(instruction, buffer);
    else if (operand == IL_OPERAND_R4 || operand == IL_OPERAND_R8)
        print_real(instruction, operand == IL_OPERAND_R8, buffer);
    else if (il_operand_is_token(operand))
        print_token(instruction, namer, buffer);
    else
        buffer_append_format(buffer, "%" PRId64, instruction->integer);
}

void il_print_instruction(const struct il_instruction *instruction, const struct il_namer *namer,
                          unsigned columns, struct buffer *buffer)
{
    const struct il_opcode_info *info = il_list_info(instruction);
    buffer_append_format(buffer, "IL_%04x  ", instruction->offset);
    if (columns & IL_PRINT_ORIGINAL) {
        if (instruction->original == IL_INSERTED)
            buffer_append_text(buffer, "+     ");
        else
            buffer_append_format(buffer, "%04x  ", instruction->original);
    }
    if (columns & IL_PRINT_DEPTH) {
        if (instruction->depth == IL_DEPTH_UNKNOWN)
            buffer_append_text(buffer, " -  ");
        else
            buffer_append_format(buffer, "%2d  ", instruction->depth);
    }
    if (!info) {
        buffer_append_format(buffer, "0x%02x", instruction->opcode);
        return;
    }
    buffer_append_text(buffer, info->text);
    print_operand(instruction, info->operand, namer, buffer);
}

static void print_header(const struct il_body *body, struct buffer *buffer)
{
    buffer_append_format(buffer, "code %u bytes, stack %u", body->code_size, body->max_stack);
    if (body->locals)
        buffer_append_format(buffer, ", locals 0x%08x%s", body->locals,
                             body->init_locals ? " init" : "");
    buffer_append_text(buffer, "\n");
}

static void print_clause(const struct il_body *body, const struct il_clause *clause,
                         const struct il_namer *namer, struct buffer *buffer)
{
    const char *kind = "catch";
    if (clause->flags & COR_ILEXCEPTION_CLAUSE_FILTER)
        kind = "filter";
    else if (clause->flags & COR_ILEXCEPTION_CLAUSE_FINALLY)
        kind = "finally";
    else if (clause->flags & COR_ILEXCEPTION_CLAUSE_FAULT)
        kind = "fault";
    buffer_append_format(buffer, "try IL_%04x..IL_%04x %s", il_list_offset(body, clause->try_first),
                         il_list_offset(body, clause->try_end), kind);
    if ((clause->flags & COR_ILEXCEPTION_CLAUSE_FILTER) && clause->filter_first)
        buffer_append_format(buffer, " IL_%04x", clause->filter_first->offset);
    if (clause->type) {
        buffer_append_text(buffer, " ");
        if (!namer || !namer->name(namer->context, CEE_CASTCLASS, clause->type, buffer))
            buffer_append_format(buffer, "0x%08x", clause->type);
    }
    buffer_append_format(buffer, " handler IL_%04x..IL_%04x\n",
                         il_list_offset(body, clause->handler_first),
                         il_list_offset(body, clause->handler_end));
}

#define DEEPEST_INDENT 32

static uint32_t depth_of(const struct il_region *region)
{
    return region ? region->depth : 0;
}

static void indent(uint32_t depth, struct buffer *buffer)
{
    if (depth > DEEPEST_INDENT)
        depth = DEEPEST_INDENT;
    buffer_append_format(buffer, "%*s", (int)depth * 2, "");
}

/* The braces between two instructions: first what ends, then what begins, outer ones first. */
static void print_marks(const struct il_region *from, const struct il_region *to, uint32_t offset,
                        struct buffer *buffer)
{
    while (from && from->end <= offset) {
        from = from->parent;
        indent(depth_of(from), buffer);
        buffer_append_text(buffer, "}\n");
    }
    for (uint32_t depth = depth_of(from); depth < depth_of(to); depth++) {
        const struct il_region *open = to;
        while (open->depth > depth + 1)
            open = open->parent;
        indent(depth, buffer);
        buffer_append_format(buffer, "%s {\n", il_region_kind_name(open->kind));
    }
}

static void print_lines(const struct il_body *body, const struct il_regions *regions,
                        const struct il_namer *namer, unsigned columns, struct buffer *buffer)
{
    const struct il_region *open = NULL;
    for (const struct il_instruction *at = body->first; at; at = at->next) {
        const struct il_region *region = il_region_at(regions, at->offset);
        if (region != open)
            print_marks(open, region, at->offset, buffer);
        open = region;
        indent(depth_of(region), buffer);
        il_print_instruction(at, namer, columns, buffer);
        buffer_append_text(buffer, "\n");
    }
    print_marks(open, NULL, body->code_size, buffer);
}

void il_print_body(const struct il_body *body, const struct il_namer *namer, unsigned columns,
                   struct buffer *buffer)
{
    struct il_regions regions = {0};
    struct il_segment whole = {0};
    struct il_regions none = {.segments = &whole, .segment_count = 1};
    print_header(body, buffer);
    /* Blocks that do not nest are not drawn; the table below shows them as they are. */
    bool nested = il_regions_build(&regions, body, NULL) == STATUS_OK;
    print_lines(body, nested ? &regions : &none, namer, columns, buffer);
    if (nested)
        il_regions_release(&regions);
    for (const struct il_clause *at = body->clauses; at; at = at->next)
        print_clause(body, at, namer, buffer);
}
