/* From bytes to a body: ECMA-335 II.25.4 (headers, sections) and III (instructions). */
#include <stdlib.h>

#include "base_reader.h"
#include "clr_flags.h"
#include "il_list.h"

#define FAT_HEADER_WORDS 3
#define SMALL_CLAUSE     12
#define FAT_CLAUSE       24

struct parse {
    struct il_body *body;
    struct reader whole; /* from the header on */
    struct reader code;
    bool more_sections;
    struct il_instruction **at; /* by code offset; NULL inside an instruction */
    struct error *error;
};

static enum status malformed(struct parse *parse, uint64_t offset, const char *reason)
{
    return error_set_at(parse->error, STATUS_MALFORMED, (int64_t)offset, "method body: %s", reason);
}

static enum status out_of_memory(struct parse *parse)
{
    return error_set(parse->error, STATUS_MEMORY, "method body: out of memory");
}

static enum status too_long(struct parse *parse, uint64_t offset, const char *reason)
{
    return error_set_at(parse->error, STATUS_LIMIT, (int64_t)offset, "method body: %s", reason);
}

static enum status parse_fat_header(struct parse *parse, uint32_t *code_size)
{
    struct reader *whole = &parse->whole;
    uint32_t flags = reader_u16(whole);
    uint32_t max_stack = reader_u16(whole);
    *code_size = reader_u32(whole);
    mdToken locals = reader_u32(whole);
    if (reader_failed(whole))
        return malformed(parse, reader_offset(whole), "ends inside its header");
    if (flags >> 12 != FAT_HEADER_WORDS)
        return malformed(parse, 0, "its header says a size that is not three words");
    if (locals && !token_is(locals, CLR_TABLE_StandAloneSig))
        return malformed(parse, 8, "its local variables are not a signature token");
    parse->body->max_stack = max_stack;
    parse->body->locals = locals;
    parse->body->init_locals = (flags & CorILMethod_InitLocals) != 0;
    parse->more_sections = (flags & CorILMethod_MoreSects) != 0;
    return STATUS_OK;
}

static enum status parse_header(struct parse *parse)
{
    struct reader peek = parse->whole;
    uint32_t first = reader_u8(&peek), code_size;
    if (reader_failed(&peek))
        return malformed(parse, 0, "is empty");
    if ((first & CorILMethod_FormatMask) == CorILMethod_TinyFormat) {
        reader_skip(&parse->whole, 1);
        code_size = first >> 2;
        parse->body->was_tiny = true;
    } else if ((first & CorILMethod_FormatMask) == CorILMethod_FatFormat) {
        enum status status = parse_fat_header(parse, &code_size);
        if (status != STATUS_OK)
            return status;
    } else {
        return malformed(parse, 0, "begins with neither a tiny nor a fat header");
    }
    if (code_size == 0)
        return malformed(parse, reader_offset(&parse->whole), "has no code");
    if (code_size > reader_left(&parse->whole))
        return malformed(parse, reader_offset(&parse->whole), "ends inside its code");
    if (code_size > IL_MAX_CODE)
        return too_long(parse, reader_offset(&parse->whole), "more than 1 MiB of code");
    parse->code = reader_window(&parse->whole, parse->whole.position, code_size);
    reader_skip(&parse->whole, code_size);
    parse->body->code_size = code_size;
    return STATUS_OK;
}

/* Branches get the code offset of their target for now, switches an empty table. */
static bool parse_operand(struct parse *parse, struct il_instruction *to, uint32_t operand)
{
    struct reader *code = &parse->code;
    switch (operand) {
    case IL_OPERAND_NONE:
        break;
    case IL_OPERAND_I1:
        to->integer = reader_i8(code);
        break;
    case IL_OPERAND_U1:
    case IL_OPERAND_VAR1:
        to->integer = reader_u8(code);
        break;
    case IL_OPERAND_VAR2:
        to->integer = reader_u16(code);
        break;
    case IL_OPERAND_I4:
        to->integer = reader_i32(code);
        break;
    case IL_OPERAND_R4:
        to->integer = reader_u32(code);
        break;
    case IL_OPERAND_I8:
    case IL_OPERAND_R8:
        to->integer = reader_i64(code);
        break;
    case IL_OPERAND_BRANCH1:
        to->integer = reader_i8(code);
        to->integer += (int64_t)code->position;
        break;
    case IL_OPERAND_BRANCH4:
        to->integer = reader_i32(code);
        to->integer += (int64_t)code->position;
        break;
    case IL_OPERAND_SWITCH: {
        uint32_t count = reader_u32(code);
        if (count > reader_left(code) / 4) {
            code->failed = true;
            return true;
        }
        to->table = il_list_new_switch(parse->body, count);
        reader_skip(code, (size_t)count * 4);
        return to->table != NULL;
    }
    default:
        to->token = reader_u32(code);
    }
    return true;
}

static enum status parse_instruction(struct parse *parse)
{
    struct reader *code = &parse->code;
    size_t start = code->position;
    uint64_t offset = reader_offset(code);
    uint32_t opcode = reader_u8(code);
    if (opcode == CEE_PREFIX1)
        opcode = opcode << 8 | reader_u8(code);
    const struct il_opcode_info *info = il_opcode_info(opcode);
    if (reader_failed(code))
        return malformed(parse, offset, "ends inside an instruction");
    if (!info)
        return malformed(parse, offset, "unknown instruction");
    if (parse->body->count >= IL_MAX_INSTRUCTIONS)
        return too_long(parse, offset, "more than 65,536 instructions");
    struct il_instruction *instruction = il_list_new(parse->body);
    if (!instruction)
        return out_of_memory(parse);
    instruction->opcode = (uint16_t)opcode;
    instruction->original = (uint32_t)start;
    instruction->offset = (uint32_t)start;
    if (!parse_operand(parse, instruction, info->operand))
        return out_of_memory(parse);
    if (reader_failed(code))
        return malformed(parse, offset, "ends inside an instruction");
    il_list_link(parse->body, NULL, instruction);
    parse->at[start] = instruction;
    return STATUS_OK;
}

static struct il_instruction *target_at(struct parse *parse, int64_t offset)
{
    if (offset < 0 || offset >= (int64_t)parse->body->code_size)
        return NULL;
    struct il_instruction *target = parse->at[offset];
    if (target)
        target->is_target = true;
    return target;
}

/* The offsets of a switch are read a second time, now that their instructions are known. */
static bool resolve_switch(struct parse *parse, struct il_instruction *instruction)
{
    struct reader code = reader_window(&parse->code, 0, parse->code.length);
    struct il_switch *table = instruction->table;
    reader_seek(&code, instruction->original + 5);
    int64_t base = (int64_t)code.position + (int64_t)table->count * 4;
    for (uint32_t i = 0; i < table->count; i++) {
        table->targets[i] = target_at(parse, base + reader_i32(&code));
        if (!table->targets[i])
            return false;
    }
    return true;
}

static enum status resolve_targets(struct parse *parse)
{
    for (struct il_instruction *at = parse->body->first; at; at = at->next) {
        uint32_t operand = il_list_info(at)->operand;
        bool resolved = true;
        if (il_operand_is_branch(operand)) {
            struct il_instruction *target = target_at(parse, at->integer);
            at->target = target;
            resolved = target != NULL;
        } else if (operand == IL_OPERAND_SWITCH) {
            resolved = resolve_switch(parse, at);
        }
        if (!resolved)
            return malformed(parse, parse->code.base + at->original,
                             "a branch leads to no instruction");
    }
    return STATUS_OK;
}

struct raw_clause {
    uint32_t flags, try_start, try_length, handler_start, handler_length, last;
};

static struct raw_clause read_clause(struct reader *reader, bool fat)
{
    struct raw_clause raw;
    raw.flags = fat ? reader_u32(reader) : reader_u16(reader);
    raw.try_start = fat ? reader_u32(reader) : reader_u16(reader);
    raw.try_length = fat ? reader_u32(reader) : reader_u8(reader);
    raw.handler_start = fat ? reader_u32(reader) : reader_u16(reader);
    raw.handler_length = fat ? reader_u32(reader) : reader_u8(reader);
    raw.last = reader_u32(reader);
    return raw;
}

/* The boundary at a code offset; the end of the code is NULL. */
static bool boundary_at(struct parse *parse, uint64_t offset, struct il_instruction **boundary)
{
    *boundary = NULL;
    if (offset == parse->body->code_size)
        return true;
    if (offset < parse->body->code_size)
        *boundary = parse->at[offset];
    return *boundary != NULL;
}

static bool fill_clause(struct parse *parse, const struct raw_clause *raw, struct il_clause *clause)
{
    uint64_t try_end = (uint64_t)raw->try_start + raw->try_length;
    uint64_t handler_end = (uint64_t)raw->handler_start + raw->handler_length;
    clause->flags = raw->flags;
    if (!boundary_at(parse, raw->try_start, &clause->try_first) ||
        !boundary_at(parse, try_end, &clause->try_end) ||
        !boundary_at(parse, raw->handler_start, &clause->handler_first) ||
        !boundary_at(parse, handler_end, &clause->handler_end))
        return false;
    if (raw->flags & COR_ILEXCEPTION_CLAUSE_FILTER) {
        if (!boundary_at(parse, raw->last, &clause->filter_first) || !clause->filter_first)
            return false;
    } else {
        clause->type = raw->last;
    }
    return clause->try_first && clause->handler_first;
}

static enum status parse_clause(struct parse *parse, bool fat, struct il_clause **last)
{
    uint64_t offset = reader_offset(&parse->whole);
    struct raw_clause raw = read_clause(&parse->whole, fat);
    if (reader_failed(&parse->whole))
        return malformed(parse, offset, "ends inside its exception clauses");
    if (!il_list_is_clause_kind(raw.flags))
        return malformed(parse, offset, "unknown kind of exception clause");
    if (parse->body->clause_count >= IL_MAX_CLAUSES)
        return too_long(parse, offset, "more than 4,096 exception clauses");
    struct il_clause *clause = il_list_new_clause(parse->body);
    if (!clause)
        return out_of_memory(parse);
    if (!fill_clause(parse, &raw, clause))
        return malformed(parse, offset,
                         "a block of an exception clause begins or ends at no "
                         "instruction");
    if (*last)
        (*last)->next = clause;
    else
        parse->body->clauses = clause;
    *last = clause;
    parse->body->clause_count++;
    return STATUS_OK;
}

static enum status parse_section(struct parse *parse, struct il_clause **last)
{
    struct reader *whole = &parse->whole;
    reader_align(whole, 4);
    size_t start = whole->position;
    uint32_t head = reader_u32(whole);
    if (reader_failed(whole))
        return malformed(parse, reader_offset(whole), "ends before its exception clauses");
    bool fat = (head & CorILMethod_Sect_FatFormat) != 0;
    uint32_t size = fat ? head >> 8 : (head >> 8 & 0xff);
    parse->more_sections = (head & CorILMethod_Sect_MoreSects) != 0;
    if ((head & CorILMethod_Sect_KindMask) == CorILMethod_Sect_EHTable) {
        /* Some writers count the four bytes of the head, some do not: the division hides it. */
        for (uint32_t left = size / (fat ? FAT_CLAUSE : SMALL_CLAUSE); left > 0; left--) {
            enum status status = parse_clause(parse, fat, last);
            if (status != STATUS_OK)
                return status;
        }
    }
    if (start + size > whole->position)
        reader_skip(whole, start + size - whole->position);
    if (reader_failed(whole))
        return malformed(parse, reader_offset(whole), "ends inside a section");
    return STATUS_OK;
}

static enum status parse_all(struct parse *parse)
{
    enum status status = parse_header(parse);
    if (status != STATUS_OK)
        return status;
    parse->at = calloc(parse->body->code_size, sizeof(struct il_instruction *));
    if (!parse->at)
        return out_of_memory(parse);
    while (status == STATUS_OK && reader_left(&parse->code) > 0)
        status = parse_instruction(parse);
    if (status == STATUS_OK)
        status = resolve_targets(parse);
    struct il_clause *last = NULL;
    while (status == STATUS_OK && parse->more_sections)
        status = parse_section(parse, &last);
    free(parse->at);
    parse->body->parsed_size = parse->whole.position;
    return status;
}

enum status il_body_parse(struct il_body *body, const void *bytes, size_t length,
                          struct error *error)
{
    struct parse parse = {.body = body, .error = error};
    il_body_init(body);
    reader_init(&parse.whole, bytes, length);
    enum status status = parse_all(&parse);
    if (status != STATUS_OK)
        il_body_release(body);
    return status;
}
