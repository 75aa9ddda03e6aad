#include "clr_element.h"

#include <stddef.h>

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
