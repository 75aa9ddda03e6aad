#include "entry_worker.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi_profiler.h"
#include "base_clock.h"
#include "session.h"

#define STACK_BYTES ((size_t)256 << 10)
/* What the runtime waits before it looks whether nobody runs our code any more. */
#define DETACH_MILLISECONDS 100

static void raise_flag(_Atomic uint32_t *flag)
{
    atomic_store(flag, 1);
    syscall(SYS_futex, flag, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    prctl(PR_SET_NAME, "rejig-agent");
    while (!atomic_load(&worker->gate))
        syscall(SYS_futex, &worker->gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    session_engine_run(worker->engine);
    raise_flag(&worker->done);
    /* The runtime unloads the library some time after this call; it first tells us so, and
     * then this thread is waited for. */
    if (worker->detach)
        worker->detach->vtbl->RequestProfilerDetach(worker->detach, DETACH_MILLISECONDS);
    return NULL;
}

bool worker_start(struct worker *worker, struct session_engine *engine,
                  struct ICorProfilerInfo15 *detach)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    worker->engine = engine;
    worker->detach = detach;
    atomic_store(&worker->gate, 0);
    atomic_store(&worker->done, 0);
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* The thread inherits the mask: no signal of the target's ever runs on it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    worker->made = pthread_create(&worker->thread, &attributes, run, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return worker->made;
}

void worker_open_gate(struct worker *worker)
{
    raise_flag(&worker->gate);
}

bool worker_wait(struct worker *worker, uint64_t nanoseconds)
{
    const uint64_t end = clock_monotonic() + nanoseconds;
    while (worker->made && !atomic_load(&worker->done)) {
        const uint64_t now = clock_monotonic();
        if (now >= end)
            return false;
        const struct timespec left = {.tv_sec = (time_t)((end - now) / 1000000000),
                                      .tv_nsec = (long)((end - now) % 1000000000)};
        syscall(SYS_futex, &worker->done, FUTEX_WAIT_PRIVATE, 0, &left, NULL, 0);
    }
    return worker->made;
}

void worker_join(struct worker *worker)
{
    if (worker->made)
        pthread_join(worker->thread, NULL);
    worker->made = false;
}
