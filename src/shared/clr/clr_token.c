#include "clr_token.h"

const char *clr_table_name(uint32_t table)
{
    switch (table) {
#define ROW(name, number)                                                                          \
    case number:                                                                                   \
        return #name;
        CLR_TABLES(ROW)
#undef ROW
    case CLR_TABLE_UserString:
        return "UserString";
    default:
        return "?";
    }
}

static const uint32_t type_def_or_ref[] = {CLR_TABLE_TypeDef, CLR_TABLE_TypeRef,
                                           CLR_TABLE_TypeSpec};

mdToken token_from_type_def_or_ref(uint32_t coded)
{
    uint32_t tag = coded & 3;
    return tag < 3 ? token_make(type_def_or_ref[tag], coded >> 2) : mdTokenNil;
}

uint32_t token_to_type_def_or_ref(mdToken token)
{
    for (uint32_t tag = 0; tag < 3; tag++)
        if (type_def_or_ref[tag] == token_table(token))
            return token_rid(token) << 2 | tag;
    return UINT32_MAX;
}
