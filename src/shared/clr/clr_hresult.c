#include "clr_hresult.h"

#include <stdio.h>

const char *hresult_name(HRESULT result)
{
    switch ((int32_t)result) {
#define CLR_HRESULT(name, value, meaning)                                                          \
    case name:                                                                                     \
        return #name;
#include "clr_hresult.def"
#undef CLR_HRESULT
    default:
        return NULL;
    }
}

const char *hresult_meaning(HRESULT result)
{
    switch ((int32_t)result) {
#define CLR_HRESULT(name, value, meaning)                                                          \
    case name:                                                                                     \
        return meaning;
#include "clr_hresult.def"
#undef CLR_HRESULT
    default:
        return "unknown result";
    }
}

const char *hresult_text(HRESULT result, char *to, size_t size)
{
    const char *name = hresult_name(result);
    snprintf(to, size, "0x%08X%s%s: %s", (unsigned)result, name ? " " : "", name ? name : "",
             hresult_meaning(result));
    return to;
}
