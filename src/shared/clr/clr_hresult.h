/*
 * clr_hresult: the results of the runtime's calls, as names and in words.
 *
 * The constants are the rows of clr_hresult.def, of type int32_t like HRESULT itself;
 * negative ones are failures. No code is shown to a user without its words. Any thread.
 */
#ifndef CLR_HRESULT_H
#define CLR_HRESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t HRESULT;

enum clr_hresult {
#define CLR_HRESULT(name, value, meaning) name = (int32_t)value##u,
#include "clr_hresult.def"
#undef CLR_HRESULT
};

static inline bool hresult_failed(HRESULT result)
{
    return result < 0;
}

/* "CORPROF_E_DATAINCOMPLETE"; NULL where the code is not in the table. */
const char *hresult_name(HRESULT result);
/* In our words; never NULL ("unknown result"). */
const char *hresult_meaning(HRESULT result);
/* "0x80131351 CORPROF_E_DATAINCOMPLETE: the data are ..." into `to`, terminated; returns it. */
const char *hresult_text(HRESULT result, char *to, size_t size);

#define HRESULT_TEXT_BYTES 192

#endif
