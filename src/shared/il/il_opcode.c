#include "il_opcode.h"

#include <stddef.h>

/* One-byte instructions in the first half, two-byte ones in the second. */
static const struct il_opcode_info table[512] = {
#define V IL_VARIES
#define IL_OPCODE(name, text_, value, operand_, pops_, pushes_, flow_)                             \
    [(value) > 0xff ? 0x100 + ((value)&0xff) : (value)] = {.text = (text_),                        \
                                                           .operand = IL_OPERAND_##operand_,       \
                                                           .flow = IL_FLOW_##flow_,                \
                                                           .pops = (pops_),                        \
                                                           .pushes = (pushes_)},
#include "il_opcode.def"
#undef IL_OPCODE
#undef V
};

const struct il_opcode_info *il_opcode_info(uint32_t opcode)
{
    const struct il_opcode_info *info = NULL;
    if (opcode <= 0xff)
        info = &table[opcode];
    else if (opcode >> 8 == CEE_PREFIX1)
        info = &table[0x100 + (opcode & 0xff)];
    return info && info->text ? info : NULL;
}

uint32_t il_opcode_long_branch(uint32_t opcode)
{
    if (opcode >= CEE_BR_S && opcode <= CEE_BLT_UN_S)
        return opcode - CEE_BR_S + CEE_BR;
    return opcode == CEE_LEAVE_S ? CEE_LEAVE : opcode;
}
