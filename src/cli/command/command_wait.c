#include "command_wait.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "command_context.h"
#include "target_attach.h"

#define FIRST_S 1  /* the first line after that long */
#define NEXT_S  4  /* the next one later by so much, and from there twice as long each, ... */
#define MOST_S  60 /* ... but for this */

static void say(struct command_wait *wait, unsigned seconds)
{
    const char *why = target_attach_waits();
    if (!why)
        why = atomic_load(&wait->why);
    command_say("(waiting for %s, %u s so far: %s)", wait->subject, seconds, why);
}

static void *tell(void *context)
{
    struct command_wait *wait = context;
    struct timespec next;
    unsigned seconds = FIRST_S, step = NEXT_S;
    clock_gettime(CLOCK_MONOTONIC, &next);
    next.tv_sec += FIRST_S;
    pthread_mutex_lock(&wait->lock);
    while (!wait->over) {
        if (pthread_cond_timedwait(&wait->changed, &wait->lock, &next) != ETIMEDOUT || wait->over)
            continue;
        say(wait, seconds);
        seconds += step;
        next.tv_sec += step;
        step = 2 * step < MOST_S ? 2 * step : MOST_S;
    }
    pthread_mutex_unlock(&wait->lock);
    return NULL;
}

static bool start(struct command_wait *wait)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool fine = pthread_create(&wait->thread, NULL, tell, wait) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fine;
}

void command_wait_begin(struct command_wait *wait, const struct target_process *process,
                        const char *why)
{
    pthread_condattr_t monotonic;
    memset(wait, 0, sizeof *wait);
    atomic_init(&wait->why, why);
    command_target_text(process, wait->subject, sizeof wait->subject);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    wait->running = start(wait);
    if (!wait->running) {
        pthread_cond_destroy(&wait->changed);
        pthread_mutex_destroy(&wait->lock);
    }
}

void command_wait_for(struct command_wait *wait, const char *why)
{
    atomic_store(&wait->why, why);
}

void command_wait_end(struct command_wait *wait)
{
    if (!wait->running)
        return;
    pthread_mutex_lock(&wait->lock);
    wait->over = true;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->lock);
    pthread_join(wait->thread, NULL);
    pthread_cond_destroy(&wait->changed);
    pthread_mutex_destroy(&wait->lock);
    wait->running = false;
}
