/*
 * entry_worker: the agent's one thread.
 *
 * It is made while the runtime is still asking whether we want to be here, so that a failure
 * can be told; it stands at a gate until the runtime says that the profiler is in place.
 */
#ifndef ENTRY_WORKER_H
#define ENTRY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ICorProfilerInfo15;
struct session_engine;

struct worker {
    pthread_t thread;
    bool made;
    struct session_engine *engine;
    struct ICorProfilerInfo15 *detach; /* to be asked for the detach behind the last connection */
    _Atomic uint32_t gate;             /* 1: go; futex */
    _Atomic uint32_t done;             /* 1: the engine has returned; futex */
};

/* `detach`: NULL for an agent that stays. False: the target has no thread left for us. */
bool worker_start(struct worker *worker, struct session_engine *engine,
                  struct ICorProfilerInfo15 *detach);
void worker_open_gate(struct worker *worker);
/* Until the engine has returned; false where that takes longer, or there is no worker. */
bool worker_wait(struct worker *worker, uint64_t nanoseconds);
void worker_join(struct worker *worker);

#endif
