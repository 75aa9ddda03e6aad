/*
 * command_wait: whatever takes longer than a second says so, and why, on stderr.
 *
 *     (waiting for pid 4711 Shop, 1 s so far: its agent has not answered yet; it may be busy)
 *
 * The lines come from a thread of its own, as the wait itself is in a system call somewhere; it
 * takes no signals. Where no thread is to be had there are no lines.
 */
#ifndef COMMAND_WAIT_H
#define COMMAND_WAIT_H

#include <pthread.h>
#include <stdbool.h>

#include "target_process.h"

struct command_wait {
    bool running;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;               /* guarded by lock */
    char subject[160];       /* "pid 4711 Shop" */
    const char *_Atomic why; /* where target_attach_waits knows no better; static text */
};

/* `why`: what is waited for, as a clause; static. */
void command_wait_begin(struct command_wait *wait, const struct target_process *process,
                        const char *why);
/* The next thing that is waited for. */
void command_wait_for(struct command_wait *wait, const char *why);
/* Harmless when called twice, or on one that is all zeros. Nothing is printed after it. */
void command_wait_end(struct command_wait *wait);

#endif
