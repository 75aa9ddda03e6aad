/*
 * command_modules: the managed images that a target has mapped, read from their files.
 *
 * Files are found by the target's maps and opened inside its root, copied into memory, and
 * parsed as what they are: untrusted bytes.
 */
#ifndef COMMAND_MODULES_H
#define COMMAND_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "metadata_image.h"
#include "metadata_pdb.h"
#include "target_process.h"

struct module {
    char path[TARGET_PATH_BYTES]; /* as the target sees it */
    const char *file;             /* file name within path */
    struct buffer bytes;
    struct metadata_image image;
    bool pdb_looked_for;
    bool has_pdb;
    struct buffer pdb_bytes;
    struct metadata_pdb pdb;
};

struct modules {
    int root; /* the target's root folder */
    struct module **items;
    size_t count, capacity;
    size_t unreadable; /* mapped files that could not be read */
};

enum status modules_open(struct modules *modules, const struct target_process *process,
                         struct error *error);
void modules_release(struct modules *modules);
/* The module's symbols, embedded or beside it; NULL: none. */
const struct metadata_pdb *modules_pdb(struct modules *modules, struct module *module);

#endif
