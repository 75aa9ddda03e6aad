/*
 * recompile_internal: between the files of this room only.
 *
 * Locks, in the order in which they may be taken:
 *   modules.collect   the runtime's memory of a module is being read; a module cannot finish
 *                     unloading meanwhile
 *   modules.lock      the table of modules
 *   recompile.lock    methods, claims, notes, totals
 *   recompile.emit    calls of the metadata interfaces, and the token caches
 * The runtime is never called with modules.lock or recompile.lock held: it may call back.
 */
#ifndef RECOMPILE_INTERNAL_H
#define RECOMPILE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "abi_metadata.h"
#include "abi_profiler.h"
#include "base_arena.h"
#include "base_map.h"
#include "metadata_image.h"
#include "recompile.h"
#include "recompile_cached.h"
#include "recompile_memory.h"
#include "recompile_versions.h"
#include "weave.h"

#define RECOMPILE_TENANTS 8

struct composites;
struct recompile_found;
struct module_tokens;

/* ---- modules ---- */

struct module_entry {
    struct module public;         /* first: a struct module is its entry */
    struct metadata_image *image; /* what public.image points at */
    uint8_t *copy;                /* collectible modules: image on memory of our own */
    char *path;
    struct module_tokens *tokens; /* lazily; under recompile.emit */
    bool announced;               /* tenants know it; worker */
    _Atomic bool filed;           /* and have made their claims */
};

/* Modules that are gone stay readable until so many others have gone after them. */
#define MODULES_GRAVES 256

struct modules {
    pthread_mutex_t collect;
    pthread_mutex_t lock;
    struct module_entry **entries; /* grown by the worker under the lock, read by it without */
    uint32_t count;
    uint32_t capacity;
    struct map by_id;   /* ModuleID -> the living entry */
    struct map leaving; /* ModuleIDs that may not be asked about any more; under collect */
    struct module_entry *graves[MODULES_GRAVES];
    uint32_t next_grave;
    struct memory_map memory; /* empty, or no older than the modules that are being read */
    uint32_t unread;          /* modules that are; worker */
    uint64_t asked_again;     /* clock_monotonic of recompile_read_again; worker */
    bool modifiable;          /* DOTNET_MODIFIABLE_ASSEMBLIES=debug */
};

enum status modules_init(struct modules *modules);
void modules_release(struct modules *modules);
/* Worker. Reads what the runtime says of the module, and its image. Answers the entry, an
 * existing one too; NULL when out of memory or the runtime does not know it. */
struct module_entry *modules_add(struct modules *modules, struct ICorProfilerInfo15 *info,
                                 uint64_t id);
/* Worker, under modules.collect: reads a module anew that could not be read. NULL: neither can it
 * now. Else its entry, which has taken the place of `entry` (gone). */
struct module_entry *modules_read_again(struct modules *modules, struct ICorProfilerInfo15 *info,
                                        struct module_entry *entry);
/* Worker: takes the image and the id away from a module that has been unloaded, and the module
 * out of the table. */
void modules_forget(struct modules *modules, struct module_entry *entry);
struct module_entry *modules_entry(struct modules *modules, uint64_t id);

/* recompile_image.c: opens the image that stands at `base`. Worker, under modules.collect. On
 * failure public.unreadable says why. */
void module_image_open(struct modules *modules, struct module_entry *entry, const uint8_t *base,
                       uint32_t flags);
/* How far the image at `base` reaches; false where it cannot be read (*why, or NULL). */
bool module_image_bounds(struct modules *modules, const uint8_t *base, bool flat, uint64_t *length,
                         const char **why);

/* ---- methods ---- */

struct method_entry {
    struct method_key key;
    uint32_t claims;     /* bit n: tenant n */
    uint32_t generation; /* claimed: of the oldest claim. Else: when it was last asked for */
    bool inliner;        /* recompiled for the sake of others: original IL, no claim */
    bool asked;          /* GetReJITParameters has come for the present claims or request */
    bool compiled;       /* and the body was compiled; tenants know */
    bool reverting;      /* the runtime has refused the revert so far */
    bool following;      /* stands in recompile.follow */
    bool restored;       /* inliner: it was claimed, and was requested again with its own IL */
    uint8_t sources;     /* inliner: enum recompile_source */
};

/* Open addressing over (module, method). Under recompile.lock. */
struct method_table {
    struct method_entry **slots;
    size_t capacity;
    size_t count;
};

struct method_entry *method_table_find(const struct method_table *table, struct method_key key);
/* Finds or makes; NULL when out of memory. */
struct method_entry *method_table_add(struct method_table *table, struct method_key key);
/* Frees the entry. */
void method_table_remove(struct method_table *table, struct method_key key);
struct method_entry *method_table_next(const struct method_table *table, size_t *cursor);
void method_table_release(struct method_table *table);

/* ---- notes: what callbacks leave for the worker ---- */

enum note_kind {
    NOTE_MODULE_LOADED = 1,
    NOTE_MODULE_UNLOADING,
    NOTE_MODULE_LATE,  /* it runs, and its claims were not filed yet */
    NOTE_COMPILED,     /* a claimed method's body has been compiled */
    NOTE_FAILED,       /* by the runtime: `result`, all tenants */
    NOTE_WEAVE_FAILED, /* by tenants `claims`: `reason` */
    NOTE_NOTHING,      /* wakes the worker, or was withdrawn */
};

struct note {
    enum note_kind kind;
    struct method_key key; /* .module alone for modules */
    uint32_t claims;
    HRESULT result;
    char *reason; /* malloc'd, or NULL */
};

struct notes {
    struct note *list;
    size_t count;
    size_t capacity;
    bool lost; /* out of memory: modules are enumerated anew */
};

/* A growing list of methods in the shape of the runtime's requests. */
struct method_batch {
    ModuleID *modules;
    mdToken *methods;
    uint32_t count;
    uint32_t capacity;
};
bool method_batch_add(struct method_batch *batch, struct method_key key);
void method_batch_release(struct method_batch *batch);

struct recompile {
    struct ICorProfilerInfo15 *info;
    struct recompile_version version;
    bool follows;
    const char *follows_why;

    struct modules modules;
    bool enumerated;

    pthread_mutex_t lock;
    struct method_table methods;
    uint32_t claimed; /* methods with claims */
    uint32_t failed;
    uint32_t generation;
    bool leftovers; /* inliners without any claim, or refused reverts, may stand in the table */
    struct notes notes;
    struct method_batch follow; /* claimed; inliners not requested yet */
    struct recompile_pace pace; /* worker only */
    bool pace_ready;
    struct composites *composites; /* recompile_composite.c; worker */
    struct recompile_found *found; /* recompile_inliners.c; NULL: nothing is kept; worker */
    bool unresolved; /* an image names inliners of an assembly that is not loaded; worker */
    HRESULT inliners_refused; /* the last request of precompiled inliners that failed; worker */
    struct map compiling;     /* FunctionID -> ReJITID that is being compiled for the first time */

    struct tenant *tenants[RECOMPILE_TENANTS];
    uint32_t tenant_count;

    pthread_mutex_t emit;

    int event;
    _Atomic uint32_t filed;  /* moves when modules have been announced; futex */
    _Atomic uint32_t waited; /* time-outs of recompile_wait_for_module since the worker moved */
    _Atomic uint32_t waiters;
    _Atomic uint64_t waits, longest_wait, late; /* see recompile_cached_figures */

    struct recompile_cached *cached; /* NULL: not started under us */
};

/* Any thread. Takes `reason` over. */
void recompile_note(struct recompile *recompile, struct note note);
/* Under recompile->lock. */
void recompile_note_locked(struct recompile *recompile, struct note note);

/* recompile_wait.c: worker: modules have been filed; whoever waits looks again. */
void recompile_tell_filed(struct recompile *recompile);

/* recompile_cached.c */
void recompile_cached_end(struct recompile *recompile);
/* The same as _add and _remove for claims, of a batch. */
void recompile_cached_claim(struct recompile *recompile, const struct method_batch *batch);
void recompile_cached_release(struct recompile *recompile, const struct method_batch *batch);

/* recompile_request.c: worker, without locks. */
HRESULT recompile_request(struct recompile *recompile, struct method_batch *batch);
/* Requests a claim: small batches with their inliners, big ones plainly, to be followed. */
HRESULT recompile_request_claim(struct recompile *recompile, struct method_batch *batch);
/* Requests the inliners of some methods more; true: there are more to do. */
bool recompile_follow(struct recompile *recompile);
/* Reverts; what the runtime refuses stays in the table as `reverting`, everything else is
 * removed from it unless it has claims again. Answers how many run their own code. */
size_t recompile_revert(struct recompile *recompile, struct method_batch *batch);

/* recompile_release.c: methods that have lost their last claim. Answers how many run their
 * own IL again. Worker, without locks. */
size_t recompile_let_go(struct recompile *recompile, struct method_batch *released,
                        uint32_t generation);

/* recompile_tokens.c: the tokens of a module; made on first use. Any agent thread. */
enum status recompile_tokens(struct recompile *recompile, struct module_entry *entry,
                             const struct weave_tokens **tokens, struct error *error);
void recompile_tokens_free(struct module_tokens *tokens);

/* recompile_map.c: pairs of `first` sent on through `second`; malloc'd, *count as of first. */
struct recompile_il_map *recompile_map_compose(const struct recompile_il_map *first,
                                               size_t first_count,
                                               const struct recompile_il_map *second,
                                               size_t second_count);

#endif
