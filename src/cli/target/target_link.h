/*
 * target_link: a connection to our agent in a target, after the exchange of HELLOs.
 *
 * The connection is the lease: target_link_close, or the end of this process, ends the
 * session over there. One thread at a time. The other side is a stranger's process: frames
 * are bounded and checked, descriptors that nobody asked for are closed.
 */
#ifndef TARGET_LINK_H
#define TARGET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "target_hold.h"
#include "target_process.h"
#include "wire_message.h"

struct target_hello {
    uint32_t major, minor;
    char version[32]; /* of the agent */
    char runtime[48];
    uint32_t clock;           /* enum wire_clock */
    uint64_t ticks, realtime; /* one moment in both */
    uint64_t rate;            /* ticks per 2^20 ns */
    bool first;               /* nothing has been recompiled in this process before */
    bool started;             /* it was started under us */
};

struct target_link {
    int fd; /* -1: closed; non-blocking */
    pid_t pid;
    struct target_hello hello;
    bool attached;          /* the agent was loaded for this link */
    struct buffer received; /* what has come and is not taken yet */
    size_t taken;           /* bytes at its front that the caller still borrows */
    int passed;             /* descriptor that came along and is not taken yet; -1: none */
    bool hung_up;           /* STATUS_PEER because the other side closed; stays after close */
};

void target_link_init(struct target_link *link);
void target_link_close(struct target_link *link);

/* Sends whole frames (one or several). `deadline`: CLOCK_MONOTONIC ns, 0: no limit. */
enum status target_link_send(struct target_link *link, const struct buffer *frames,
                             uint64_t deadline, struct error *error);
/* A message without fields. */
enum status target_link_send_empty(struct target_link *link, enum wire_message_type type,
                                   uint64_t deadline, struct error *error);
/* The next frame; `payload` is valid until the next call. With deadline 0 it does not wait:
 * STATUS_NOT_FOUND: nothing whole is there. STATUS_TIMEOUT at the deadline, STATUS_PEER:
 * nonsense or the end of the connection. ERROR frames are handed out like any other. */
enum status target_link_receive(struct target_link *link, uint64_t deadline, uint16_t *type,
                                struct reader *payload, struct error *error);
/* The descriptor that came with the frames so far (SESSION's memory file), now the caller's;
 * -1: none came. */
int target_link_take_descriptor(struct target_link *link);

/* --- the agent's socket --- */

/* One attempt to connect to the agent's socket in `folder` (as the target sees it), with the
 * check that the peer is the held process. STATUS_NOT_FOUND: not there (yet). */
enum status target_link_try(const struct target_process *process, const struct target_hold *hold,
                            const char *folder, int *fd, struct error *error);
/* HELLO both ways on a connected socket, which the link owns from here on. `nonce` NULL: a
 * sleeping agent. STATUS_TARGET with the version to use where the wire's major differs. */
enum status target_link_greet(struct target_link *link, int fd, pid_t pid, const uint64_t nonce[2],
                              uint64_t deadline, struct error *error);

/* Has the agent in that process begun its work? Until then (its thread is not there) it keeps the
 * slot for the rejig that attached it, answers nobody else, and goes away at the deadline where
 * that rejig was killed. True also where that cannot be seen. */
bool target_agent_works(pid_t pid);

/* What an agent says of itself. */
struct target_agent {
    char version[32];
    unsigned sessions; /* now */
    bool used;         /* idle is known */
    uint64_t idle;     /* ns since the last session ended */
};
/* Connects, asks STATUS, closes. `deadline`: CLOCK_MONOTONIC ns. */
enum status target_link_ask(const struct target_process *process, uint64_t deadline,
                            struct target_agent *agent, struct error *error);

#endif
