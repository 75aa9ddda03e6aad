/*
 * recompile_modules: the modules that the target has loaded, each with our own metadata
 * reader over the loaded image.
 *
 * Filled by EnumModules on the worker, then by the load callbacks. Owned by struct recompile;
 * a struct module stays valid while the module is loaded; an unloaded one is marked gone, its
 * image released behind the tenants' module_unloading, and the struct itself freed when 256
 * others have gone after it. A module that could not be read and is read later is another struct
 * module from then on. Worker thread, and inside GetReJITParameters for the module at hand
 * (module_find takes the table's mutex).
 */
#ifndef RECOMPILE_MODULES_H
#define RECOMPILE_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct metadata_image;
struct modules;

struct module {
    uint64_t id;                        /* ModuleID */
    uint64_t assembly;                  /* AssemblyID */
    const char *path;                   /* as the runtime tells it; "" where loaded from bytes */
    const char *name;                   /* file name: Shop.dll */
    const struct metadata_image *image; /* NULL: cannot be read, see unreadable */
    const char *unreadable;             /* why, else NULL */
    bool unread;                        /* that may pass: see recompile_read_again */
    bool dynamic;                       /* Reflection.Emit: no image */
    bool collectible;
    bool precompiled; /* ReadyToRun code inside */
    bool edit_and_continue;
    bool gone;
    bool late; /* it ran before its claims were filed: first calls may be missing */
};

/* Iterates: *cursor = 0 first; NULL at the end. Modules that are gone are left out. */
const struct module *modules_next(const struct modules *modules, uint32_t *cursor);
const struct module *modules_find(struct modules *modules, uint64_t id);
/* By simple assembly name ("System.Private.CoreLib"); the first one loaded. */
const struct module *modules_by_assembly(struct modules *modules, const char *name);
uint32_t modules_count(const struct modules *modules);

#endif
