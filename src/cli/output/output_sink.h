/*
 * output_sink: where lines go, without ever holding up the drain of the rings.
 *
 * A thread of its own writes; the caller appends to a buffer and hands it over. Where the
 * reader of our output is slow or stuck, up to SINK_MAX_BYTES wait; beyond that sink_full tells
 * the caller to drop and count. One caller thread.
 */
#ifndef OUTPUT_SINK_H
#define OUTPUT_SINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"

#define SINK_MAX_BYTES ((size_t)64 << 20)

struct sink {
    int fd;
    bool own_fd;
    bool terminal;
    struct buffer filling; /* the caller's */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock: */
    struct buffer writing; /* not empty: the thread is at it */
    bool stop;
    bool abandon; /* do not finish what is left */
    int failure;  /* errno of a write that failed; EPIPE: the reader has gone */
};

/* `fd` stays the caller's, unless own_fd: then sink_close closes it. */
enum status sink_open(struct sink *sink, int fd, bool own_fd, struct error *error);
/* Where to append. */
struct buffer *sink_buffer(struct sink *sink);
/* Too much is waiting: drop what could be appended. */
bool sink_full(const struct sink *sink);
/* Hands over what was appended, if the thread is free to take it. */
void sink_flush(struct sink *sink);
/* Waits until everything is written, at most so long; false: not yet, or a failure. */
bool sink_settle(struct sink *sink, unsigned timeout_ms);
/* errno of a failed write; 0: none. */
int sink_failure(struct sink *sink);
/* Writes what is left (not where `abandon`) and ends the thread. False: bytes were not
 * written. */
bool sink_close(struct sink *sink, bool abandon);

#endif
