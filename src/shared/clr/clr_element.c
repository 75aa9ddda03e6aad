#include "clr_element.h"

#include <stddef.h>
#include <string.h>

static const char *const full_names[] = {
    [ELEMENT_TYPE_BOOLEAN] = "System.Boolean", [ELEMENT_TYPE_CHAR] = "System.Char",
    [ELEMENT_TYPE_I1] = "System.SByte",        [ELEMENT_TYPE_U1] = "System.Byte",
    [ELEMENT_TYPE_I2] = "System.Int16",        [ELEMENT_TYPE_U2] = "System.UInt16",
    [ELEMENT_TYPE_I4] = "System.Int32",        [ELEMENT_TYPE_U4] = "System.UInt32",
    [ELEMENT_TYPE_I8] = "System.Int64",        [ELEMENT_TYPE_U8] = "System.UInt64",
    [ELEMENT_TYPE_R4] = "System.Single",       [ELEMENT_TYPE_R8] = "System.Double",
    [ELEMENT_TYPE_STRING] = "System.String",   [ELEMENT_TYPE_I] = "System.IntPtr",
    [ELEMENT_TYPE_U] = "System.UIntPtr",       [ELEMENT_TYPE_OBJECT] = "System.Object",
};
#define FULL_NAMES (sizeof full_names / sizeof *full_names)

const char *clr_element_name(uint32_t element)
{
    switch (element) {
#define ROW(name, value, bytes, keyword)                                                           \
    case value:                                                                                    \
        return #name;
        CLR_ELEMENTS(ROW)
#undef ROW
    default:
        return "?";
    }
}

const char *clr_element_keyword(uint32_t element)
{
    switch (element) {
#define ROW(name, value, bytes, keyword)                                                           \
    case value:                                                                                    \
        return keyword;
        CLR_ELEMENTS(ROW)
#undef ROW
    default:
        return NULL;
    }
}

uint32_t clr_element_size(uint32_t element)
{
    switch (element) {
#define ROW(name, value, bytes, keyword)                                                           \
    case value:                                                                                    \
        return bytes;
        CLR_ELEMENTS(ROW)
#undef ROW
    default:
        return 0;
    }
}

const char *clr_element_full_name(uint32_t element)
{
    return element < FULL_NAMES ? full_names[element] : NULL;
}

uint8_t clr_element_named(const char *full_name)
{
    for (uint8_t element = 0; element < FULL_NAMES; element++)
        if (full_names[element] != NULL && strcmp(full_names[element], full_name) == 0)
            return element;
    return 0;
}
