/*
 * session_symbols: the portable pdb of a module, read into memory for as long as a pattern needs
 * its lines. Worker thread.
 */
#ifndef SESSION_SYMBOLS_H
#define SESSION_SYMBOLS_H

#include "base_buffer.h"
#include "metadata_pdb.h"
#include "recompile_modules.h"

#define SYMBOLS_MAX_BYTES ((size_t)64 << 20)

struct session_symbols {
    struct buffer bytes;
    struct metadata_pdb pdb;
};

/* Embedded, or the file beside the module or where its debug directory says. False: there is
 * none that was made for this build. Release it in any case. */
bool session_symbols_open(struct session_symbols *symbols, const struct module *module);
void session_symbols_release(struct session_symbols *symbols);

#endif
