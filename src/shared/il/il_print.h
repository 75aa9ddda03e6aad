/*
 * il_print: a body as text, one line an instruction, for `rejig il` and for debugging.
 *
 *     IL_0000  ldarg.1
 *     IL_0001  brfalse IL_000d
 *     IL_0006  call 0x0a000012             <- or the name, where a namer is given
 */
#ifndef IL_PRINT_H
#define IL_PRINT_H

#include <stdbool.h>

#include "base_buffer.h"
#include "il_body.h"

struct il_namer {
    /* Appends what the token means; false: nothing appended, the number is printed. */
    bool (*name)(void *context, uint32_t opcode, mdToken token, struct buffer *buffer);
    void *context;
};

enum il_print_columns {
    IL_PRINT_PLAIN = 0,
    IL_PRINT_DEPTH = 1,    /* stack depth before the instruction, where known */
    IL_PRINT_ORIGINAL = 2, /* the offset in the original, `+` for inserted code */
};

/* One line, without a line feed. namer may be NULL. */
void il_print_instruction(const struct il_instruction *instruction, const struct il_namer *namer,
                          unsigned columns, struct buffer *buffer);

/* The whole body: header, instructions with marks where blocks begin and end, clauses. */
void il_print_body(const struct il_body *body, const struct il_namer *namer, unsigned columns,
                   struct buffer *buffer);

#endif
