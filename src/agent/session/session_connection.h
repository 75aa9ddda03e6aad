/*
 * session_connection: one CLI at the other end of a non-blocking stream: whole frames in, frames
 * out, both bounded. The peer may be hostile: it can make its own connection end, and nothing
 * else. Worker thread only.
 */
#ifndef SESSION_CONNECTION_H
#define SESSION_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"

#define SESSION_OUT_MAX      ((size_t)8 << 20)  /* a reader that lets more pile up is cut off */
#define SESSION_OUT_PAUSE    ((size_t)1 << 20)  /* above it nothing more is read from the peer */
#define SESSION_MESSAGES_MAX ((size_t)64 << 20) /* METHOD messages of a plan or of a module */
#define SESSION_IN_FIRST     ((size_t)4 << 10)  /* a frame before HELLO is no longer than this */

struct session;

struct session_connection {
    int fd; /* -1: free */
    uint32_t uid, pid;
    uint64_t opened; /* clock_monotonic */
    bool greeted;    /* HELLO has come */
    bool chosen;     /* said the nonce of the attach */
    bool closing;    /* what is queued goes out, then it ends */
    uint64_t closing_since;
    bool gone;       /* ended: nothing can be sent any more */
    const char *why; /* it ended, for the log; static text */
    struct buffer in;
    size_t taken; /* bytes of `in` that have been worked off */
    struct buffer out;
    size_t sent;   /* bytes of `out` that are gone */
    int passed_fd; /* to go out with the byte at passed_at; -1: none */
    size_t passed_at;
    struct session *session; /* its session, or NULL */
};

/* Takes fd over. */
void session_connection_open(struct session_connection *connection, int fd, uint32_t uid,
                             uint32_t pid);
/* Closes and frees; the struct can be opened again. */
void session_connection_close(struct session_connection *connection);

/* Reads what is there (a bounded amount). End of stream and errors set `gone`. */
void session_connection_receive(struct session_connection *connection);
/* The next whole frame: STATUS_OK; STATUS_NOT_FOUND: none yet; STATUS_PEER: the peer speaks
 * something else. The payload is valid until session_connection_done. */
enum status session_connection_frame(struct session_connection *connection, uint16_t *type,
                                     struct reader *payload, size_t *whole, struct error *error);
/* Drops a frame that has been worked off. */
void session_connection_done(struct session_connection *connection, size_t whole);

/* Frames are appended to connection->out; this hands descriptor `fd` (owned by the connection
 * from now on) out with the byte that is appended next. One at a time. */
void session_connection_pass(struct session_connection *connection, int fd);
/* Appends frames that a session has asked for by their number (METHOD): they have room beyond what
 * a slow reader is allowed otherwise. */
void session_connection_queue(struct session_connection *connection, const struct buffer *frames);
/* Sends what can be sent now. Over SESSION_OUT_MAX the connection is gone. */
void session_connection_send(struct session_connection *connection);
size_t session_connection_queued(const struct session_connection *connection);
/* No more input; gone once the queue is empty. */
void session_connection_finish(struct session_connection *connection);
/* Bytes of memory held. */
size_t session_connection_memory(const struct session_connection *connection);

#endif
