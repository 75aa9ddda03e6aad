/*
 * recompile_coverage: which callers of claimed methods are seen, which are pending, which cannot
 * be.
 *
 * A call goes unseen where the native code that runs holds an inlined copy of the method. So for
 * every method that is claimed, the methods that hold a copy (its inliners) are looked for and
 * recompiled with their own IL:
 *   - in precompiled code: by the tables of inlining of every loaded ReadyToRun image, read by us
 *     (they answer after attach, and for nested types, where the runtime's API does not); started
 *     under us, by the runtime's enumeration where an image cannot be read;
 *   - what no table records: the callers of a [NonVersionable] method, by their IL, and on
 *     through callers that are marked so themselves;
 *   - in JIT-compiled code: the runtime's own list (RequestReJITWithInliners), which names a
 *     method when it is called next.
 * What is left is a gap, with its reason. One method's gap holds up no other's.
 *
 * Threads: worker only.
 */
#ifndef RECOMPILE_COVERAGE_H
#define RECOMPILE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "recompile.h"

/* How an inliner was found. */
enum recompile_source {
    RECOMPILE_SOURCE_TABLE = 1,   /* its image's table of inlining */
    RECOMPILE_SOURCE_IL = 2,      /* a call site in its IL; the inlinee is [NonVersionable] */
    RECOMPILE_SOURCE_RUNTIME = 4, /* EnumNgenModuleMethodsInliningThisMethod */
    RECOMPILE_SOURCE_JIT = 8,     /* the runtime asked for its IL: its JIT inlined a claimed one */
};

enum recompile_gap_kind {
    RECOMPILE_GAP_PENDING = 1, /* looked at again at each module load */
    RECOMPILE_GAP_IMPOSSIBLE,  /* and why */
};

#define RECOMPILE_GAPS_MAX 256u

struct recompile_gap {
    enum recompile_gap_kind kind;
    char subject[96]; /* a module or method */
    char reason[224];
};

struct recompile_gaps {
    struct recompile_gap *list;
    uint32_t count;
    uint32_t more; /* that found no place */
};
void recompile_gaps_release(struct recompile_gaps *gaps);

struct recompile_inliner {
    struct method_key key;
    struct method_key inlinee; /* module 0: not told (JIT) */
    uint32_t sources;          /* enum recompile_source */
    bool switched;             /* its IL has been asked for: it runs new code */
};
/* False stops. */
typedef bool (*recompile_inliner_visit)(void *context, const struct recompile_inliner *inliner);

struct recompile_coverage {
    uint32_t precompiled; /* distinct precompiled inliners of these methods, not claimed */
    uint32_t by_il;       /* of them: found by their IL alone */
    uint32_t switched;    /* of them: running new code already */
    uint32_t jit;         /* JIT-compiled inliners that have switched so far, of all claims */
    uint32_t pending;     /* gaps of that kind */
    uint32_t impossible;
    uint32_t non_versionable; /* of the methods: marked so */
    uint32_t intrinsics;      /* of the methods: the compilers may expand them, unseen */
};

/* Looks up the inliners of these methods anew and counts. `gaps` (may be NULL) is emptied and
 * filled; release it. `visit` (may be NULL) is told every pair. Milliseconds for methods in
 * tables, tens of them for [NonVersionable] ones. */
enum status recompile_coverage(struct recompile *recompile, const struct method_key *keys,
                               size_t count, struct recompile_coverage *coverage,
                               struct recompile_gaps *gaps, recompile_inliner_visit visit,
                               void *context, struct error *error);

#endif
