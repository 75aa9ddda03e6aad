/*
 * il_opcode: what is known of every instruction of the CLR (ECMA-335 III): pure data from
 * il_opcode.def. Any thread.
 */
#ifndef IL_OPCODE_H
#define IL_OPCODE_H

#include <stdbool.h>
#include <stdint.h>

/* CEE_NOP = 0x00 ... CEE_CEQ = 0xfe01 ...: the bytes as they stand in the code. */
enum il_opcode {
#define IL_OPCODE(name, text, value, operand, pops, pushes, flow) name = value,
#include "il_opcode.def"
#undef IL_OPCODE
    CEE_PREFIX1 = 0xfe, /* the first byte of the two-byte ones */
};

enum il_operand {
    IL_OPERAND_NONE,
    IL_OPERAND_I1,      /* int8, sign-extended */
    IL_OPERAND_U1,      /* uint8 (an alignment) */
    IL_OPERAND_I4,      /* int32 */
    IL_OPERAND_I8,      /* int64 */
    IL_OPERAND_R4,      /* the bits of a float */
    IL_OPERAND_R8,      /* the bits of a double */
    IL_OPERAND_VAR1,    /* index of an argument or local, one byte */
    IL_OPERAND_VAR2,    /* the same, two bytes */
    IL_OPERAND_BRANCH1, /* target, one signed byte from the next instruction */
    IL_OPERAND_BRANCH4, /* target, int32 from the next instruction */
    IL_OPERAND_SWITCH,  /* count, and that many int32 from the next instruction */
    IL_OPERAND_METHOD,  /* tokens from here on */
    IL_OPERAND_FIELD,
    IL_OPERAND_TYPE,
    IL_OPERAND_STRING,
    IL_OPERAND_SIGNATURE,
    IL_OPERAND_TOKEN, /* of a type, method or field */
};

enum il_flow {
    IL_FLOW_NEXT,
    IL_FLOW_CALL,      /* next, after other code ran */
    IL_FLOW_BRANCH,    /* to the target always */
    IL_FLOW_CONDITION, /* to a target or next */
    IL_FLOW_LEAVE,     /* to the target, out of protected blocks, with an empty stack */
    IL_FLOW_RETURN,    /* out of the method: ret, jmp */
    IL_FLOW_THROW,     /* throw, rethrow */
    IL_FLOW_END,       /* of a handler or filter: endfinally (also written endfault), endfilter */
    IL_FLOW_PREFIX,    /* belongs to the instruction that follows */
};

#define IL_VARIES (-1)

struct il_opcode_info {
    const char *text; /* "ldarg.0" */
    uint8_t operand;  /* enum il_operand */
    uint8_t flow;     /* enum il_flow */
    int8_t pops;      /* or IL_VARIES: call, calli, callvirt, newobj, ret */
    int8_t pushes;    /* or IL_VARIES: call, calli, callvirt */
};

/* NULL where the value is not an instruction. */
const struct il_opcode_info *il_opcode_info(uint32_t opcode);

/* 1 or 2. */
static inline uint32_t il_opcode_size(uint32_t opcode)
{
    return opcode > 0xff ? 2 : 1;
}

static inline bool il_operand_is_token(uint32_t operand)
{
    return operand >= IL_OPERAND_METHOD;
}

static inline bool il_operand_is_branch(uint32_t operand)
{
    return operand == IL_OPERAND_BRANCH1 || operand == IL_OPERAND_BRANCH4;
}

/* br.s -> br and so on; any other opcode as it is. */
uint32_t il_opcode_long_branch(uint32_t opcode);

#endif
