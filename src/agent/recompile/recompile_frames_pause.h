/*
 * recompile_frames_pause: the pause of recompile_frames: all threads stand still, their stacks are
 * copied, they run on. For the files of this room.
 *
 * What is called between SuspendRuntime and ResumeRuntime (measured on 10.0.12, attached, on our
 * own native thread; [S] read in the runtime's source):
 *   EnumThreads      works then: the suspension holds the lock that it needs [S], and while that
 *                    is held no thread object can be freed. Enumerated before, an object of a
 *                    thread that has ended meanwhile would be dangling.
 *   GetThreadInfo    the OS id: no lock [S].
 *   DoStackSnapshot  S_OK, also for a thread without managed frames, or E_FAIL there.
 *   GetFunctionInfo  no lock [S]; only then is a FunctionID sure to be alive: a dynamic method's,
 *                    or one of a collectible assembly, may be freed as soon as its frame is gone.
 * Not called there: GetFunctionFromIP3, GetReJITIDs, GetCodeInfo2: they take locks of the runtime
 * that a thread may stand still with.
 *
 * Threads: worker only.
 */
#ifndef RECOMPILE_FRAMES_PAUSE_H
#define RECOMPILE_FRAMES_PAUSE_H

#include <stdbool.h>

#include "abi_profiler.h"
#include "recompile_frames.h"

#define PAUSE_FRAMES    65536u
#define PAUSE_DEEPEST   16384u /* of one thread: others are to have their turn */
#define PAUSE_FUNCTIONS 16384u /* a power of two; half of it is used */
#define PAUSE_THREADS   8192u

struct pause_frame {
    uint64_t ip;
    uint32_t function; /* index of pause.functions */
    uint32_t thread;   /* index of pause.threads */
};

/* id 0: a free place of the table. token 0: nothing that can be claimed. */
struct pause_function {
    FunctionID id;
    ModuleID module;
    mdToken token;
};

/* About 1.6 MB. */
struct pause {
    struct pause_frame frames[PAUSE_FRAMES];
    struct pause_function functions[PAUSE_FUNCTIONS];
    ThreadID threads[PAUSE_THREADS];
    uint32_t os_threads[PAUSE_THREADS]; /* 0: not said */
    uint32_t frame_count, function_count, thread_count;
    uint32_t looked;               /* threads that were walked to their end */
    uint64_t ns;                   /* from before SuspendRuntime until after ResumeRuntime */
    uint64_t suspend_ns;           /* of it: SuspendRuntime */
    enum recompile_frames_end end; /* the first reason not to have looked at all */
    HRESULT result;
    /* While it lasts. */
    struct ICorProfilerInfo15 *info;
    uint64_t deadline;
    uint32_t thread;      /* at hand */
    uint32_t first_frame; /* of it */
    bool stop;            /* no time or no room for another one */
};

/* NULL: out of memory. Its pages are there: none is asked for in the pause. */
struct pause *pause_new(void);
void pause_free(struct pause *pause);
/* As new, for another run. */
void pause_clear(struct pause *pause);
void pause_run(struct pause *pause, struct ICorProfilerInfo15 *info);

#endif
