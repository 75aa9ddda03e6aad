/*
 * command_session: one session on one target, from the plan to the last line. What `watch` and
 * `count` have in common; they differ in what a tick and the end do.
 *
 * One thread (the sink has its own). The connection is the lease: whatever happens here, the
 * target is as it was once session_close has returned or this process is gone.
 */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "command_children.h"
#include "command_context.h"
#include "command_coverage.h"
#include "output_join.h"
#include "output_print.h"
#include "output_rings.h"
#include "output_sink.h"
#include "target_link.h"
#include "target_process.h"
#include "target_start.h"
#include "wire_plan.h"

enum session_end {
    SESSION_RUNS,
    SESSION_STOPPED,      /* Ctrl-C, SIGTERM, SIGHUP */
    SESSION_LIMIT,        /* --limit */
    SESSION_DURATION,     /* --duration */
    SESSION_READER_GONE,  /* nobody reads our output any more */
    SESSION_NO_OUTPUT,    /* our output cannot be written: a full disk */
    SESSION_TARGET_ENDED, /* the process has ended */
    SESSION_ENDED,        /* the agent ended it: reset, or a reason it gave */
    SESSION_FAILED,
};

struct session_refused {
    const char *name;
    const char *reason;
};
#define SESSION_REFUSED_SHOWN 10

struct session {
    struct command_context *context;
    struct arena arena;
    struct plan plan;
    struct target_process process;
    struct target_started started;
    bool has_program;
    struct children children; /* of the program */
    struct target_link link;
    struct printer printer;
    struct sink sink;
    struct join join;
    struct rings *rings;
    bool json;
    int signals;                                         /* signalfd; -1: not yet */
    void (*tick)(struct session *session, uint64_t now); /* may be NULL */

    uint64_t duration_ns; /* 0: none */
    uint64_t began;       /* monotonic: when the command began */
    uint64_t ready;       /* ... and when the probes were in force */
    enum session_end end;
    bool connected;

    /* what the agent said */
    uint32_t methods, refused, modules_pending, modules;
    bool inliners_by_runtime;
    struct session_refused refusals[SESSION_REFUSED_SHOWN];
    const char *may_miss[SESSION_REFUSED_SHOWN];
    uint32_t may_miss_count;
    uint32_t compiled, inliners, pending, failed; /* STATE */
    struct session_coverage coverage;
    bool ended_known;
    uint32_t reverted, revert_failed;
    char ended_reason[256];

    /* the loop's own */
    size_t last_bytes;
    unsigned idle_rounds;
    uint64_t last_event, last_shown, last_check;
    bool silence_told;
    uint64_t lost_told, dropped_told;
    bool end_sent;
};

/* Opens output and link, sends the plan, waits until it is in force, prints the first line.
 * The plan is made by `make_plan`. session_conduct must follow. */
typedef enum status session_planner(struct command_context *context, struct arena *arena,
                                    struct plan *plan, struct error *error);
enum status session_open(struct session *session, struct command_context *context,
                         session_planner *make_plan, struct error *error);
/* Drains and prints until something ends it; then ends the session over there and drains what
 * is left. session->end says why. */
enum status session_run(struct session *session, struct error *error);
/* All that follows session_open, whatever it answered (`opened`): runs, prints the last line,
 * waits for -- PROGRAM, releases. Answers the whole command's status. */
typedef enum status session_runner(struct session *session, struct error *error);
enum status session_conduct(struct session *session, enum status opened, struct error *error,
                            session_runner *run);

/* Sums of counters over all methods. */
uint64_t session_sum(const struct session *session, enum wire_counter counter);

/* command_report.c: the lines to stderr. */
void report_first(struct session *session);
void report_silence(struct session *session);
void report_last(struct session *session);
const char *report_end_word(enum session_end end);
/* command_session_message.c: takes one frame of the agent. */
enum status session_take(struct session *session, uint16_t type, struct reader payload,
                         struct error *error);

#endif
