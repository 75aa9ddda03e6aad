/*
 * recorder: what woven IL calls, and what stands behind those calls.
 *
 * Rules for everything reached from an entry point (recorder_enter and its like): called on
 * any managed thread in cooperative mode, without a GC transition. No lock, no allocation,
 * no unbounded loop, no system call but clock_gettime where the tsc is not usable, what a
 * thread's first probe needs (below), and the copy of a span's items (recorder_span.h); objects
 * are reached only through the pinned references that the woven code passes, and only while
 * the call lasts. Whatever cannot be done is dropped and counted.
 *
 * Words: a *site* is one probed method of one session; woven code names it by its *handle*,
 * generation << 32 | index. Retiring a site raises its generation, so that old code which
 * still runs somewhere (a call blocked for hours) finds its handle void and does nothing,
 * also when the index has been given to another site. Handles are never 0.
 *
 * Quiescence: each entry point marks its thread busy with plain stores; recorder_session_end
 * retires, issues a process-wide barrier (membarrier, else the mprotect trick), and waits
 * until no thread that was busy then is still in that same call; only then memory is
 * unmapped. That wait is bounded (1 s): beyond it the mapping stays and is counted.
 *
 * Call numbers: (slot of the thread + 1) << 48 | a counter of that slot, which goes on when
 * another thread gets the slot: never used twice.
 *
 * Memory: the site table and thread table are address ranges reserved once and touched on
 * use. A thread's first probe takes a slot (gettid and one mprotect, once; pthread_setspecific
 * allocates where the process has more than 32 keys); its exit gives the slot back and closes
 * its open chunks. All functions besides the entry points: agent's worker
 * thread or, where said, inside GetReJITParameters; they may take the recorder's mutex.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "recorder_capture.h"
#include "wire_record.h"

#define RECORDER_MAX_SESSIONS 16
#define RECORDER_MAX_SITES    (1u << 20)
#define RECORDER_MAX_THREADS  65535u /* at a time */
/* Values that one call of an entry point can carry; more are staged before. */
#define RECORDER_ENTER_VALUES 5
#define RECORDER_EXIT_VALUES  4
#define RECORDER_STAGE_VALUES 5
/* Most values in all of one entry or exit. */
#define RECORDER_MAX_VALUES 96

/* ---- Entry points of woven IL. `v*` beyond what the site's program reads are not looked at,
 * so the woven call site may pass fewer. A value is what weave.h's weave_pass says. ---- */

/* Begins a call. Returns its number, or 0: not recorded (filtered, dropped, site void);
 * woven code passes the answer to the exits, which do nothing for 0. `on enter` sites: writes
 * their EVENT record and returns 0. */
uint64_t recorder_enter(uint64_t handle, int64_t v0, int64_t v1, int64_t v2, int64_t v3,
                        int64_t v4);
/* Values first..first+4 for the next enter or exit of this thread (index below
 * RECORDER_MAX_VALUES); the next entry point call then carries the values from 0 on as far as
 * its own parameters go, and takes the staged ones for the rest. */
void recorder_stage(uint64_t first, int64_t v0, int64_t v1, int64_t v2, int64_t v3, int64_t v4);
void recorder_return(uint64_t handle, uint64_t call, int64_t v0, int64_t v1, int64_t v2,
                     int64_t v3);
/* exception: the pinned exception object, or 0 where unknown. v*: byref values at exit. */
void recorder_throw(uint64_t handle, uint64_t call, int64_t exception, int64_t v0, int64_t v1,
                    int64_t v2);
void recorder_count(uint64_t handle);

/* Async by source name. The method itself calls recorder_enter, and before its own return
 * recorder_suspended_key_wanted: 1 where the call has not completed yet, and then
 * recorder_suspended with Task.Id. The state machine's MoveNext calls recorder_async_first when
 * it starts from state -1: the number of the call that is being started on this thread, once;
 * and before SetResult/SetException recorder_async_return/throw with that number (0 in later
 * segments) and Task.Id (0 in the first segment, where there is no Task yet). */
int32_t recorder_suspended_key_wanted(uint64_t handle, uint64_t call);
void recorder_suspended(uint64_t handle, uint64_t call, int64_t key);
uint64_t recorder_async_first(uint64_t handle);
void recorder_async_return(uint64_t handle, uint64_t call, int64_t key, int64_t v0, int64_t v1);
void recorder_async_throw(uint64_t handle, uint64_t call, int64_t key, int64_t exception);

/* Iterators: woven into the state machine's MoveNext and Dispose. `key` identifies the
 * enumeration while it is open (RuntimeHelpers.GetHashCode of the state machine object).
 * start: values are the parameters as hoisted into fields. */
void recorder_iterator_start(uint64_t handle, int64_t key, int64_t v0, int64_t v1, int64_t v2,
                             int64_t v3);
/* more: 1 an item is there, 0 the end. */
void recorder_iterator_next(uint64_t handle, int64_t key, int64_t more);
void recorder_iterator_throw(uint64_t handle, int64_t key, int64_t exception);

/* ---- The agent's side ---- */

/* Once per process, before any other call; repeated calls answer STATUS_OK. Takes nothing from
 * the process that would outlive the library: the tables' address ranges and the thread-specific
 * key come with the first session. */
enum status recorder_init(struct error *error);
enum wire_clock recorder_clock(void);
/* Bytes that the recorder holds besides the sessions' memory files (resident estimate). */
size_t recorder_memory(void);

struct recorder_session;

/* Makes the memory file: *fd is owned by the caller (to be passed on and closed). `sites`
 * bounds the session's sites. */
enum status recorder_session_new(uint64_t ring_bytes, uint32_t sites,
                                 const struct capture_limits *limits,
                                 struct recorder_session **session, int *fd, struct error *error);
/* A new session's file holds its first 4 MiB only, so that it is ready in 1 ms (fallocate costs
 * 0.25 ms a MiB). Allocates 2 MiB more each time; false: all of it is there, or the system
 * gives no more (then the session lives with fewer chunks). Worker, until false, soon after the
 * session was announced to the CLI. */
bool recorder_session_grow(struct recorder_session *session);
/* More than half of the chunks that are allocated are in use. Worker. */
bool recorder_session_scarce(struct recorder_session *session);
/* Where chunks get scarce, takes those away from threads that have written nothing since the last
 * time, so that idle threads hold none. Worker, about once a second. */
void recorder_session_tend(struct recorder_session *session);
/* Retires all its sites, waits for quiescence, marks the file ended, unmaps, frees. False: a
 * thread is stuck inside a probe (stopped by a debugger, say); the memory goes when a later
 * session begins and that thread is out, and the session's programs and conditions must stay
 * valid for ever. */
bool recorder_session_end(struct recorder_session *session);

enum recorder_site_kind {
    RECORDER_SITE_COUNT = 1,
    RECORDER_SITE_CALL,      /* ENTER, then RETURN or THROW */
    RECORDER_SITE_ON_ENTER,  /* EVENT at entry */
    RECORDER_SITE_ON_RETURN, /* EVENT at the return: the entry's values, then the exit's, then
                                WIRE_SLOT_ELAPSED; a call that throws is counted as filtered */
    RECORDER_SITE_ON_THROW,  /* the same the other way round, with WIRE_SLOT_EXCEPTION */
    RECORDER_SITE_ASYNC,
    RECORDER_SITE_ASYNC_FIRST, /* as CALL, but the exit is FIRST_AWAIT */
    RECORDER_SITE_ITERATOR,
};

/* What a site does; immutable once added. */
struct recorder_site_spec {
    enum recorder_site_kind kind;
    uint32_t number;                     /* WIRE_METHOD_SITE */
    const struct capture_program *enter; /* may be NULL: nothing to read */
    const struct capture_program *exit;
    const struct capture_condition *condition; /* NULL: all calls */
};

/* Adds a site. The spec is copied; programs and condition must stay valid until
 * recorder_session_end(session) has returned (use the session's arena). Any agent thread. */
enum status recorder_site_add(struct recorder_session *session,
                              const struct recorder_site_spec *spec, uint64_t *handle,
                              struct error *error);
void recorder_site_retire(struct recorder_session *session, uint64_t handle);

/* ---- The governor's: what the probes do and cost, and how many calls are recorded. Worker. ----
 *
 * Every call that begins while its site is valid is in one counter of its site: WIRE_COUNTER_CALLS
 * (recorded; of count sites: all), FILTERED, LOST or SAMPLED; but for a call whose beginning was
 * recorded and whose end was lost, which is in two, and for held calls that are still inside. */

/* From now on one of 1 << shift calls that its condition lets pass is recorded, as a whole, and
 * says so (WIRE_RECORD_SAMPLED_SHIFT); the others are counted. 0: all. Calls that are inside stay
 * what they are. shift: at most WIRE_RECORD_SAMPLED_MOST. */
void recorder_site_sample(struct recorder_session *session, uint64_t handle, uint32_t shift);
/* Records of its calls go by the fast path, which recorder_costs.call is measured on. */
bool recorder_site_is_fast(struct recorder_session *session, uint64_t handle);
/* Ticks spent beyond the fast path, from those events that were timed: [0] on what was recorded,
 * [1] on the rest (conditions). Only grows. */
void recorder_site_spent(struct recorder_session *session, uint64_t handle, uint64_t spent[2]);

struct recorder_figures {
    uint64_t counters[WIRE_COUNTERS + 1]; /* by enum wire_counter */
};
/* Of the sites 0 to count - 1. */
void recorder_session_figures(const struct recorder_session *session,
                              struct recorder_figures *figures, uint32_t count);

/* Ticks in the entry points, enter and exit together; all 0: could not be measured. */
struct recorder_costs {
    double count;
    double call;     /* without a value */
    double left_out; /* a call that is not recorded */
};
/* Measures by calling the entry points some hundred times: some 20 us. Before anybody knows of the
 * session, which is as new afterwards. */
void recorder_session_calibrate(struct recorder_session *session, struct recorder_costs *costs);

#endif
