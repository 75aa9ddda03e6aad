/*
 * recompile_cached: started under us, which functions of precompiled images are compiled
 * instead of taken from the image (ICorProfilerCallback::JITCachedFunctionSearchStarted).
 *
 * Why: the image's code of an inliner holds a copy of the claimed method in which no probe
 * stands. A function that is compiled at its first call calls the claimed method, and so the
 * first call is seen. Methods with claims, and the inliners that are named here, are
 * compiled; everything else keeps its precompiled code, so that the start stays fast.
 *
 * What this does not replace: the runtime asks only before it takes a function from an image
 * for the first time. Code that runs already, and methods that ReJIT has been requested for (they
 * are not looked up any more), need RequestReJIT all the same.
 *
 * The answer: the first one for a FunctionID is stored and repeated to every duplicate (several
 * threads may look up one function at once), whatever is claimed or released meanwhile, until
 * the function is unloaded. Storage is bounded (RECOMPILE_CACHED_LEVELS: 260,000 functions in
 * 2 MiB, in steps of which the first is 16 KiB). A function that finds no place any more is
 * answered from the methods that were marked at the moment when that happened first: that never
 * changes, so that duplicates hear the same there, too; what is marked later is then not
 * compiled instead, and `overflowed` says so.
 *
 * Marks are an immutable table, swapped by one atomic pointer; a reader counts itself in while it
 * looks, and a table that was swapped out is freed when nobody is counted in.
 *
 * Threads: _begin before the event mask is set; _add, _remove, _forget: worker only;
 * recompile_on_*: any thread, without a lock (the first look-up of a step allocates it);
 * _figures: worker.
 */
#ifndef RECOMPILE_CACHED_H
#define RECOMPILE_CACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "recompile.h"

#define RECOMPILE_CACHED_LEVELS 7

/* Why a method is to be compiled: it is, as long as one of them holds. */
enum recompile_cached_why {
    RECOMPILE_CACHED_CLAIM = 1,   /* kept by recompile itself */
    RECOMPILE_CACHED_INLINER = 2, /* its image's code holds a copy of a claimed method */
};

/* The process was started under us. Without this call everything below does nothing and every
 * function is taken from its image. `levels`: RECOMPILE_CACHED_LEVELS, or fewer in tests. */
enum status recompile_cached_begin(struct recompile *recompile, uint32_t levels,
                                   struct error *error);

/* Marks methods, all of one call at once. What is marked before the note of a module's load has
 * been worked off counts from the first call in that module on (recompile_wait_for_module).
 * STATUS_MEMORY: none of them is marked. */
enum status recompile_cached_add(struct recompile *recompile, const struct method_key *keys,
                                 size_t count, enum recompile_cached_why why);
/* Takes marks away: functions that have not been looked up yet come from their images again. */
void recompile_cached_remove(struct recompile *recompile, const struct method_key *keys,
                             size_t count, enum recompile_cached_why why);
/* Whether the method is marked, for whatever reason. Worker. */
bool recompile_cached_marked(const struct recompile *recompile, struct method_key key);
/* The module is gone, and its id may be used again. */
void recompile_cached_forget(struct recompile *recompile, uint64_t module);

/* JITCachedFunctionSearchStarted: true: take the image's code; false: compile. */
bool recompile_on_search(struct recompile *recompile, uint64_t function);
/* FunctionUnloadStarted: its id may be used again. */
void recompile_on_function_unloading(struct recompile *recompile, uint64_t function);

struct recompile_cached_figures {
    bool begun;
    uint32_t marked;     /* methods, now */
    uint64_t searched;   /* functions looked up, each counted once */
    uint64_t compiled;   /* of them: answered "compile" */
    uint64_t duplicates; /* look-ups that were told an answer that stood already */
    uint64_t overflowed; /* look-ups without a place for their answer */
    uint64_t waits;      /* modules whose load waited for the worker */
    uint64_t longest_ns; /* the longest of these waits */
    uint64_t late;       /* modules that ran before their claims were filed */
    uint64_t bytes;      /* memory of marks and answers */
};
void recompile_cached_figures(const struct recompile *recompile,
                              struct recompile_cached_figures *figures);

#endif
