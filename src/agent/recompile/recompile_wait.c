/* The one place where the target waits for us: a module that loads, for its claims. */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base_clock.h"
#include "recompile_internal.h"

#define WAIT_FOR_MODULE_NS UINT64_C(50000000)
#define WAIT_GIVE_UP       4 /* time-outs while the worker did not move: it is stuck or gone */

void recompile_tell_filed(struct recompile *recompile)
{
    atomic_fetch_add(&recompile->filed, 1);
    atomic_store(&recompile->waited, 0);
    if (atomic_load(&recompile->waiters))
        syscall(SYS_futex, &recompile->filed, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static bool is_filed(struct recompile *recompile, uint64_t module)
{
    struct module_entry *entry = modules_entry(&recompile->modules, module);
    return entry && atomic_load(&entry->filed);
}

/* False: not filed in time. */
static bool wait_until(struct recompile *recompile, uint64_t module, uint64_t end)
{
    for (;;) {
        const uint32_t seen = atomic_load(&recompile->filed);
        if (is_filed(recompile, module))
            return true;
        const uint64_t now = clock_monotonic();
        if (now >= end)
            return false;
        const struct timespec left = {.tv_nsec = (long)(end - now)};
        syscall(SYS_futex, &recompile->filed, FUTEX_WAIT_PRIVATE, seen, &left, NULL, 0);
    }
}

static void keep_longest(struct recompile *recompile, uint64_t took)
{
    uint64_t longest = atomic_load(&recompile->longest_wait);
    while (took > longest &&
           !atomic_compare_exchange_weak(&recompile->longest_wait, &longest, took))
        ;
}

void recompile_wait_for_module(struct recompile *recompile, uint64_t module)
{
    const uint64_t start = clock_monotonic();
    const bool patient = atomic_load(&recompile->waited) < WAIT_GIVE_UP;
    atomic_fetch_add(&recompile->waiters, 1);
    const bool filed = wait_until(recompile, module, patient ? start + WAIT_FOR_MODULE_NS : start);
    atomic_fetch_sub(&recompile->waiters, 1);
    atomic_fetch_add(&recompile->waits, 1);
    keep_longest(recompile, clock_monotonic() - start);
    if (filed)
        return;
    atomic_fetch_add(&recompile->late, 1);
    if (patient)
        atomic_fetch_add(&recompile->waited, 1);
    recompile_note(recompile, (struct note){.kind = NOTE_MODULE_LATE, .key = {.module = module}});
}
