/* il_list: what the files of this room share about the list itself. Not for other rooms. */
#ifndef IL_LIST_H
#define IL_LIST_H

#include "il_body.h"

/* Bounds what a body may take of memory: IL_MAX_INSTRUCTIONS and their switch tables. */
#define IL_MEMORY_LIMIT ((size_t)16 << 20)

/* A zeroed instruction that is not in the list yet; NULL where the body fails by it. */
struct il_instruction *il_list_new(struct il_body *body);
/* A table of `count` empty targets; NULL where the body fails by it. */
struct il_switch *il_list_new_switch(struct il_body *body, uint32_t count);
/* Links before `where`; NULL: at the end. */
void il_list_link(struct il_body *body, struct il_instruction *where,
                  struct il_instruction *instruction);
/* Makes room for one clause more, empty and not in the table yet; NULL as above. */
struct il_clause *il_list_new_clause(struct il_body *body);

/* The first branch or switch with a target that was never set; NULL: all are. */
const struct il_instruction *il_list_unset(const struct il_body *body);

/* Whether a clause's flags say exactly one kind. */
bool il_list_is_clause_kind(uint32_t flags);

/* The offset of a boundary: that of its instruction, or the end of the code. */
static inline uint32_t il_list_offset(const struct il_body *body,
                                      const struct il_instruction *boundary)
{
    return boundary ? boundary->offset : body->code_size;
}

static inline const struct il_opcode_info *il_list_info(const struct il_instruction *instruction)
{
    return il_opcode_info(instruction->opcode);
}

#endif
