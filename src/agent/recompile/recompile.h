/*
 * recompile: claims of tenants become requests to the CLR, and are taken back.
 *
 * A claim is one tenant's wish to have one method recompiled with its change. The first claim
 * of a method requests its ReJIT, further ones request it again (the runtime then asks for the
 * IL anew), the last release reverts it. Nothing is ever requested from a callback or on a
 * thread of the target: callers run on the agent's worker thread.
 *
 * At the method's next call the CLR asks for IL (GetReJITParameters, on that thread): the
 * original body goes through each claiming tenant's weave() in turn, and the result in with
 * its IL map. Where a tenant fails, its change is left out, its failed() is told, and the
 * others' changes stand. GetReJITParameters without a claim gives the original IL and files
 * the method for revert.
 *
 * Inliners: where the runtime's version is safe for it (recompile_versions.c) claims are made
 * through RequestReJITWithInliners, so that JIT-compiled methods which hold an inlined copy
 * are recompiled too (that takes the runtime 10 to 200 us a method: of a big batch the methods
 * themselves are requested first, and followed bit by bit in recompile_pump; a method that was
 * called in between is woven twice). Inliners that the runtime names are remembered, given their
 * original IL, and reverted behind the last claim that needs them, inlinee first.
 *
 * Threads: recompile_claim, _release, _pump: worker only. recompile_on_*: from callbacks, any
 * thread; they only note. tenant callbacks: weave on the target's thread inside
 * GetReJITParameters (it may lock, allocate and take milliseconds: only callers of that
 * method wait); all others on the worker inside recompile_pump.
 */
#ifndef RECOMPILE_H
#define RECOMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "recompile_modules.h"

struct recompile;
struct tenant;
struct weave_tokens;

/* One (module, methodDef). Module ids are the CLR's. */
struct method_key {
    uint64_t module;
    uint32_t method;
    uint32_t reserved;
};

struct recompile_il_map {
    uint32_t old_offset;
    uint32_t new_offset;
};

/* A body on its way through the tenants. */
struct recompile_body {
    struct method_key key;
    const struct module *module;
    const struct weave_tokens *tokens; /* of weave.h, for this module */
    const uint8_t *il;                 /* body so far: header, code, sections */
    size_t il_length;
    /* What weave() fills when it answers STATUS_OK: the new body, owned by the caller
     * afterwards; and the map from offsets of `il` (malloc'd, may be NULL). */
    struct buffer out;
    struct recompile_il_map *map;
    size_t map_count;
};

struct tenant {
    const char *name;
    void *context;
    enum status (*weave)(void *context, struct recompile_body *body, struct error *error);
    /* The rewritten body was compiled for the first time. */
    void (*compiled)(void *context, struct method_key key);
    /* Not installed, or refused by the runtime: the method runs its original IL (or the other
     * tenants' changes) again. */
    void (*failed)(void *context, struct method_key key, const char *reason);
    /* A module has been loaded (or could not be read so far, and has been now) or goes. */
    void (*module_loaded)(void *context, const struct module *module);
    void (*module_unloading)(void *context, const struct module *module);
    /* Its code was let run before module_loaded had returned: first calls may be missing. */
    void (*module_late)(void *context, const struct module *module);
    /* Between the parts of a long request, no lock held: a moment for what does not wait. May be
     * NULL, and must not claim, release or pump. */
    void (*breathe)(void *context);
};

struct recompile_totals {
    uint32_t methods;   /* recompiled for whatever reason, reverts that are open too */
    uint32_t claimed;   /* methods with claims */
    uint32_t compiled;  /* of them, asked for by the runtime since */
    uint32_t inliners;  /* recompiled because of them */
    uint32_t reverting; /* reverts that are still open */
    uint32_t failed;
    uint32_t following; /* methods whose inliners are still to be requested */
};

/* `info` is the runtime's ICorProfilerInfo4 or later (abi_profiler.h); `inliners` whether
 * RequestReJITWithInliners may be used at all. */
struct ICorProfilerInfo15;
enum status recompile_new(struct ICorProfilerInfo15 *info, struct recompile **out,
                          struct error *error);
void recompile_free(struct recompile *recompile);

struct modules *recompile_modules(struct recompile *recompile);
/* 1: inlined copies in JIT-compiled code are followed; 0: not, and *why (static text) says it. */
bool recompile_follows_inliners(const struct recompile *recompile, const char **why);

enum status recompile_add_tenant(struct recompile *recompile, struct tenant *tenant,
                                 struct error *error);

/* Claims `count` methods for the tenant in one batch. A method that the tenant has claimed
 * already is requested again (its probes have changed). Methods that cannot be recompiled
 * (no IL, collectible, dynamic module, edit-and-continue) should not come here: see
 * recompile_method_refusal. */
enum status recompile_claim(struct recompile *recompile, struct tenant *tenant,
                            const struct method_key *keys, size_t count, struct error *error);
/* Takes claims back. *reverted counts methods and inliners that run their own code again. */
enum status recompile_release(struct recompile *recompile, struct tenant *tenant,
                              const struct method_key *keys, size_t count, size_t *reverted,
                              struct error *error);
/* STATUS_OK or why this method cannot be recompiled, for the user. */
enum status recompile_method_refusal(struct recompile *recompile, const struct module *module,
                                     uint32_t method, struct error *error);

void recompile_totals(struct recompile *recompile, struct recompile_totals *totals);

/* How long the last big claim took the runtime: for the log and the benches. */
struct recompile_pace {
    uint32_t methods;
    uint64_t request_ns; /* RequestReJIT */
    uint64_t follow_ns;  /* RequestReJITWithInliners of all of them, behind it */
};
/* True once, when the last big claim's inliners have all been requested. Worker. */
bool recompile_take_pace(struct recompile *recompile, struct recompile_pace *pace);

/* Worker: works off what callbacks have noted (modules, errors, late inliners, reverts). */
void recompile_pump(struct recompile *recompile);
/* Worker: reverts that the runtime has refused, or that found no memory, are still open: worth a
 * pump after a while, even when no callback has noted anything. */
bool recompile_reverts_open(struct recompile *recompile);
/* Worker: modules whose images could not be read are tried once more; those that can be read now
 * are announced. At module loads it happens by itself. */
void recompile_read_again(struct recompile *recompile);
/* An eventfd that is readable while recompile_pump has work. */
int recompile_event(struct recompile *recompile);

/* From callbacks. */
struct ICorProfilerFunctionControl;
void recompile_on_module_loaded(struct recompile *recompile, uint64_t module);
void recompile_on_module_unloading(struct recompile *recompile, uint64_t module);
int32_t recompile_on_parameters(struct recompile *recompile, uint64_t module, uint32_t method,
                                struct ICorProfilerFunctionControl *control);
void recompile_on_started(struct recompile *recompile, uint64_t function, uint64_t rejit);
void recompile_on_finished(struct recompile *recompile, uint64_t function, uint64_t rejit,
                           int32_t result);
void recompile_on_error(struct recompile *recompile, uint64_t module, uint32_t method,
                        uint64_t function, int32_t result);
/* Started under us, inside ModuleLoadFinished: blocks the loading thread until the worker has
 * filed the module's claims, at most 50 ms. Beyond that, or where the worker has not moved for
 * several modules, the module runs at once and is `late`: tenants are told (module_late). */
void recompile_wait_for_module(struct recompile *recompile, uint64_t module);

#endif
