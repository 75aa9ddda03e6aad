/*
 * recompile_frames: which threads are, at this moment, inside a frame that runs native code from
 * before the present claims, of a method that is claimed itself or that holds an inlined copy of
 * one. Such a frame keeps its old code until it returns: what it does until then goes unseen.
 *
 * The runtime is suspended for the look: every thread of the program that runs managed code stands
 * still. Between SuspendRuntime and ResumeRuntime nothing of ours is locked, allocated or logged;
 * no new thread is begun with once RECOMPILE_FRAMES_LOOK_NS of the pause have passed, and a walk
 * that is still under way then is ended, so that the pause stays under RECOMPILE_FRAMES_PAUSE_NS
 * whatever the number of threads. ResumeRuntime is called once for each SuspendRuntime that
 * succeeded, on every path. What the frames mean is found out behind it.
 *
 * What tells old code from new (measured on the worker after attach, 8.0.31, 9.0.22, 10.0.12):
 *   - GetFunctionFromIP3 answers for any body: precompiled, Tier0, Tier1, on-stack replacement,
 *     recompiled; the ReJITID is that of the version, also in on-stack replacement of a recompiled
 *     one; 0: the method's own IL. 0.2 to 1.5 us.
 *   - GetReJITIDs lists the versions whose IL has been asked for, 0 among them; a request that
 *     waits for the next call is not listed. GetCodeInfo2 speaks of the own IL's first body only.
 *   - GetNativeCodeStartAddresses lists the bodies of one version: of version 0 the first one made
 *     first, then on-stack replacement and higher tiers; of others the newest first.
 *   - Which methods the JIT has inlined a claimed one into is told by no call: it is known of a
 *     method that has been called since the claim, and guessed (MAYBE) of one that has not.
 * The length: 206 threads 0.7 to 1.3 ms, 507 threads 1.7 ms, a frame 0.3 us. Where the machine has
 * more threads to run than processors, SuspendRuntime alone takes several ms, as it does for the
 * runtime's own collections; the look is then over before it has begun, and tried again.
 *
 * Threads: worker only, without locks.
 */
#ifndef RECOMPILE_FRAMES_H
#define RECOMPILE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "clr_hresult.h"
#include "recompile.h"

#define RECOMPILE_FRAMES_MAX      32u
#define RECOMPILE_FRAMES_LOOK_NS  UINT64_C(8000000)
#define RECOMPILE_FRAMES_PAUSE_NS UINT64_C(10000000)

enum recompile_frame_kind {
    RECOMPILE_FRAME_CLAIMED = 1, /* one of the methods: this call of it ends unseen */
    RECOMPILE_FRAME_COPY,  /* holds an inlined copy: by its image's table, or because the runtime
                              has named it an inliner */
    RECOMPILE_FRAME_MAYBE, /* may hold one: optimised code whose IL calls the method, directly or
                              through at most two others that are small (calls by an interface,
                              a base class or a delegate are not followed) */
};

/* One method on one thread's stack, however often it stands there. */
struct recompile_frame {
    uint32_t thread; /* its OS id, in the target's own pid namespace; 0: the runtime did not say */
    enum recompile_frame_kind kind;
    struct method_key method;
    struct method_key inlinee; /* which of the methods; module 0: CLAIMED, or not known */
};

enum recompile_frames_end {
    RECOMPILE_FRAMES_WHOLE = 0, /* every thread was looked at */
    RECOMPILE_FRAMES_TIME,      /* the time for the pause was over */
    RECOMPILE_FRAMES_ROOM,      /* more frames or threads than there is memory set aside for */
    RECOMPILE_FRAMES_THREADS,   /* stacks that the runtime could not walk: `result`, of one */
    RECOMPILE_FRAMES_REFUSED,   /* the runtime refused to be suspended, or to name its threads:
                                   `result` */
    RECOMPILE_FRAMES_MEMORY,    /* the agent has none */
    RECOMPILE_FRAMES_STUCK,     /* ResumeRuntime refused: `result`. Never seen */
};

struct recompile_frames {
    struct recompile_frame list[RECOMPILE_FRAMES_MAX];
    uint32_t count;
    uint32_t more;            /* that found no place in the list */
    uint32_t looked, threads; /* "looked of threads looked at" */
    /* From before SuspendRuntime until after ResumeRuntime, the longest of several; 0: none.
     * Threads stand still for all of it at most: suspend_ns, which the runtime needs to stop them
     * all, has its own waiting in it, as for a collection that goes on. */
    uint64_t pause_ns;
    uint64_t suspend_ns; /* of that pause */
    uint32_t unread; /* methods on stacks whose calls were not all looked at for MAYBE: too many */
    enum recompile_frames_end end; /* why not all threads */
    HRESULT result;
};

/* Looks for frames that matter to these methods, which are claimed. After the claim's requests
 * (recompile_claim; recompile_totals.following 0). */
void recompile_frames_look(struct recompile *recompile, const struct method_key *keys, size_t count,
                           struct recompile_frames *out);

/* "the time for it was over (10 ms)", for the user; "" where all was looked at. */
const char *recompile_frames_why(const struct recompile_frames *frames, char *text, size_t size);

#endif
