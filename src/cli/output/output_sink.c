#include "output_sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WRITE_BYTES ((size_t)256 << 10)
#define PIPE_BYTES  ((size_t)4096)

/* Waits for room with a look at `abandon` now and then; false: give up. */
static bool wait_for_room(struct sink *sink)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = sink->fd, .events = POLLOUT};
        int ready = poll(&poll_fd, 1, 100);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
        pthread_mutex_lock(&sink->lock);
        bool abandon = sink->abandon;
        pthread_mutex_unlock(&sink->lock);
        if (abandon)
            return false;
    }
}

/* 0, or errno. Small pieces, because poll promises room for no more, and a write that
 * blocks could not be given up. */
static int write_out(struct sink *sink, const uint8_t *bytes, size_t length, bool small)
{
    while (length > 0) {
        size_t most = small ? PIPE_BYTES : WRITE_BYTES;
        if (!wait_for_room(sink))
            return ECANCELED;
        ssize_t written = write(sink->fd, bytes, length < most ? length : most);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return errno;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static void *run(void *context)
{
    struct sink *sink = context;
    bool regular = lseek(sink->fd, 0, SEEK_CUR) >= 0;
    pthread_mutex_lock(&sink->lock);
    for (;;) {
        while (sink->writing.length == 0 && !sink->stop)
            pthread_cond_wait(&sink->changed, &sink->lock);
        if (sink->writing.length == 0)
            break;
        bool skip = sink->failure != 0;
        pthread_mutex_unlock(&sink->lock);
        int failure =
            skip ? 0 : write_out(sink, sink->writing.data, sink->writing.length, !regular);
        pthread_mutex_lock(&sink->lock);
        if (failure)
            sink->failure = failure;
        buffer_clear(&sink->writing);
        pthread_cond_broadcast(&sink->changed);
    }
    pthread_mutex_unlock(&sink->lock);
    return NULL;
}

enum status sink_open(struct sink *sink, int fd, bool own_fd, struct error *error)
{
    pthread_condattr_t attributes;
    *sink = (struct sink){.fd = fd, .own_fd = own_fd, .terminal = isatty(fd) == 1};
    buffer_init(&sink->filling, SINK_MAX_BYTES * 2);
    buffer_init(&sink->writing, SINK_MAX_BYTES * 2);
    pthread_mutex_init(&sink->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sink->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    /* Signals are the caller's: the thread starts with all of them blocked. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return error_set(error, STATUS_IO, "cannot start the thread that writes: %s",
                         strerror(failure));
    sink->running = true;
    return STATUS_OK;
}

struct buffer *sink_buffer(struct sink *sink)
{
    return &sink->filling;
}

bool sink_full(const struct sink *sink)
{
    return sink->filling.length > SINK_MAX_BYTES;
}

/* Under the lock. */
static void hand_over(struct sink *sink)
{
    if (sink->filling.length == 0 || sink->writing.length > 0)
        return;
    struct buffer keep = sink->writing;
    sink->writing = sink->filling;
    sink->filling = keep;
    pthread_cond_broadcast(&sink->changed);
}

void sink_flush(struct sink *sink)
{
    if (sink->filling.length == 0)
        return;
    pthread_mutex_lock(&sink->lock);
    hand_over(sink);
    pthread_mutex_unlock(&sink->lock);
}

static struct timespec moment_in(unsigned milliseconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += milliseconds / 1000;
    moment.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    return moment;
}

bool sink_settle(struct sink *sink, unsigned timeout_ms)
{
    struct timespec end = moment_in(timeout_ms);
    bool waiting = true;
    pthread_mutex_lock(&sink->lock);
    hand_over(sink);
    while ((sink->writing.length > 0 || sink->filling.length > 0) && !sink->failure && waiting) {
        waiting = pthread_cond_timedwait(&sink->changed, &sink->lock, &end) == 0;
        hand_over(sink);
    }
    bool settled = sink->writing.length == 0 && sink->filling.length == 0 && !sink->failure;
    pthread_mutex_unlock(&sink->lock);
    return settled;
}

int sink_failure(struct sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    int failure = sink->failure;
    pthread_mutex_unlock(&sink->lock);
    return failure;
}

bool sink_close(struct sink *sink, bool abandon)
{
    if (!sink->running)
        return true;
    bool written = abandon ? sink_settle(sink, 0) : true;
    while (!abandon && !sink_settle(sink, 60000) && !sink_failure(sink))
        continue;
    pthread_mutex_lock(&sink->lock);
    sink->stop = true;
    sink->abandon = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    pthread_join(sink->thread, NULL);
    written = written && sink->failure == 0;
    buffer_release(&sink->filling);
    buffer_release(&sink->writing);
    pthread_mutex_destroy(&sink->lock);
    pthread_cond_destroy(&sink->changed);
    if (sink->own_fd)
        close(sink->fd);
    sink->running = false;
    return written;
}
