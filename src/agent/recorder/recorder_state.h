/*
 * recorder_state: what the recorder keeps in memory of its own: thread slots, rings, sites,
 * sessions. Nothing here is ever taken from the memory file.
 *
 * Who may touch what:
 *   slot      its thread, between probe_begin and probe_end; the destructor at the thread's exit.
 *             `busy` is read by recorder_quiesce.
 *   slot.ring its thread, while a site of that session is valid; recorder_session_end clears it
 *             once no thread can be in there.
 *   site      filled under the recorder's mutex before `generation` is published; never changed
 *             while a thread that saw it valid is busy: indices are used again only after
 *             quiescence.
 *   session   likewise; `live` falls before quiescence.
 *
 * An entry point marks its thread busy with a plain store and then looks at the generation.
 * Retiring raises the generation, orders that before every thread's next load (recorder_barrier),
 * and then looks at busy: so either the thread sees the site void, or it is seen busy.
 */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "recorder.h"

#define RECORDER_LINE       64u
#define RECORDER_SLOT_BYTES 4096u  /* of the slot itself */
#define RECORDER_HELD_BYTES 65536u /* behind it: calls held back */
#define RECORDER_SLOW       0xffu  /* in place of a number of values: not for the fast path */
#define RECORDER_FAST       2u     /* most values that the fast path writes */
#define RECORDER_DONE_CALLS 8u
#define RECORDER_TIMED      64u /* of that many events beyond the fast path one is timed */

/* Bytes that the fast path may write behind the cursor. */
#define RECORDER_FAST_BYTES                                                                        \
    (sizeof(struct wire_record) + RECORDER_FAST * (sizeof(struct wire_value) + 8))

/* The worker takes chunks away from threads that write nothing (recorder_session_tend). It asks,
 * sets limit to NULL so that the thread's next record must come past ring_own, orders that before
 * the thread's next look, and takes the chunk if the thread is not busy and has not taken the
 * claim back. */
enum recorder_claim {
    RECORDER_CLAIM_NONE,
    RECORDER_CLAIM_ASKED, /* the thread may take it back */
    RECORDER_CLAIM_TAKEN, /* the worker is closing the chunk: the thread drops what it has */
};

/* One thread's chain of chunks in one session. */
struct recorder_ring {
    uint8_t *cursor;            /* the next record goes here; NULL: no chunk */
    _Atomic(uint8_t *) limit;   /* cursor < limit: the fast path's records fit; NULL: they do not */
    uint8_t *end;               /* of the chunk */
    struct wire_chunk *chunk;   /* NULL: none */
    _Atomic uint64_t *counters; /* of the thread's shard; NULL: not used yet */
    uint64_t seen;              /* recorder_session_tend: the slot's `busy` when it looked last */
    _Atomic uint32_t claim;     /* enum recorder_claim */
    bool full;                  /* the last search for a free chunk was in vain */
    uint32_t looked;            /* ring_still_full: word of the bitmap that comes next */
    uint32_t reserved;
};
_Static_assert(sizeof(struct recorder_ring) == RECORDER_LINE, "one line a ring");

struct recorder_slot {
    _Atomic uint64_t busy; /* odd: the thread is inside an entry point */
    uint64_t calls;        /* the last call number given */
    uint64_t sequence;     /* of the last chunk taken */
    uint32_t index;
    uint32_t thread;         /* operating system's id */
    bool shares_counters;    /* other threads add to the same shard */
    uint32_t held_top;       /* bytes of the held stack in use */
    uint32_t held_last;      /* offset of the newest entry; meaningless while held_top is 0 */
    uint64_t pending_handle; /* async: the method that has been entered and not started yet */
    uint64_t pending_call;
    uint32_t done_next;
    uint32_t turn;   /* sample_takes: where on the circle this thread stands */
    uint32_t events; /* of which every RECORDER_TIMED-th is timed */
    bool wrote;      /* the event at hand has written a record */
    uint64_t
        done[RECORDER_DONE_CALLS]; /* async calls that completed before their method returned */
    int64_t staged[RECORDER_MAX_VALUES];
    struct recorder_ring rings[RECORDER_MAX_SESSIONS] __attribute__((aligned(RECORDER_LINE)));
} __attribute__((aligned(RECORDER_LINE)));
_Static_assert(sizeof(struct recorder_slot) <= RECORDER_SLOT_BYTES, "a slot is a page");

/* All that the fast path needs of a site, in one line. */
struct recorder_site {
    _Atomic uint32_t generation; /* a handle is valid while its upper half equals this */
    uint8_t kind;                /* enum recorder_site_kind */
    uint8_t session;
    /* Scalars of the record at entry, or RECORDER_SLOW; | shift << 8: of 1 << shift calls one is
     * recorded (recorder_site_sample). One word, so that the fast path asks for both at once. */
    _Atomic uint16_t entry;
    uint64_t enter_head; /* the first 8 bytes of the record: size, kind, flags, site number */
    uint64_t exit_head;
    uint32_t enter_value[RECORDER_FAST]; /* ELEMENT_TYPE_* | slot << 16 */
    uint32_t exit_value[RECORDER_FAST];
    uint32_t counters_at; /* bytes from a shard's begin to the site's counters */
    uint16_t ring_at;     /* bytes from a slot's begin to its ring of the session */
    uint8_t exit_values;  /* scalars of the record at exit, or RECORDER_SLOW */
    uint8_t answers;      /* 1: recorder_enter gives the call's number; 0: it gives 0 */
    uint8_t plain;        /* 1: whether a call is recorded is known without looking at it: where
                             there is no room, or it is left out, it is counted, and that is all */
} __attribute__((aligned(RECORDER_LINE)));
_Static_assert(sizeof(struct recorder_site) == RECORDER_LINE, "one line a site");

struct recorder_detail {
    struct recorder_site_spec spec;
    struct recorder_session *session;
    bool held;            /* nothing is written before the exit */
    bool partial;         /* calls may be left out by a condition */
    _Atomic bool sampled; /* calls have been left out by recorder_site_sample */
    bool tests; /* the CLI judges the condition: records carry the results of its leaves */
    struct recorder_detail *next; /* of the session */
    /* Ticks of the events that were timed: of those which wrote a record, and of the others. */
    _Atomic uint64_t spent[2];
};

struct recorder_session {
    bool used;
    bool ending; /* recorder_session_end is at work on it */
    _Atomic bool live;
    uint8_t index;
    struct capture_limits limits;
    uint32_t sites; /* capacity */
    struct wire_file *file;
    size_t file_bytes;
    uint8_t *counters;
    uint8_t *sampled; /* the file's table of calls left out */
    uint8_t *chunks;
    uint32_t chunk_count;
    _Atomic uint32_t chunks_ready; /* allocated so far */
    size_t allocated;              /* bytes of the file, from its start */
    int fd;                        /* own copy, until all is allocated; -1 */
    struct recorder_kept *kept;    /* from the first site that needs it */
    struct recorder_detail *details;
    uint32_t *indices; /* site table indices that it has used */
    uint32_t index_count;
    uint32_t index_capacity;
};

extern __thread struct recorder_slot *recorder_current __attribute__((visibility("hidden")));
extern struct recorder_site *recorder_sites __attribute__((visibility("hidden")));
extern struct recorder_detail **recorder_details __attribute__((visibility("hidden")));
extern struct recorder_session recorder_sessions[RECORDER_MAX_SESSIONS]
    __attribute__((visibility("hidden")));
extern bool recorder_has_tsc __attribute__((visibility("hidden")));

/* ---- recorder_thread.c ---- */

enum status recorder_thread_init(struct error *error);
/* Gives the calling thread a slot; NULL: there is none left. */
struct recorder_slot *recorder_thread_join(void);
/* Gives the calling thread's slot back before the thread's end. */
void recorder_thread_leave(void);
/* The next slot in use, from *cursor on (start with 0); NULL: no more. Worker. */
struct recorder_slot *recorder_thread_next(uint32_t *cursor);
size_t recorder_thread_memory(void);
/* Threads without a slot do what little they can between these two. */
void recorder_stranger_begin(void);
void recorder_stranger_end(void);
/* Every thread's earlier stores are seen by us, our earlier stores by its later loads. */
void recorder_barrier(void);
/* True once no thread is inside an entry point that it had entered before this call. */
bool recorder_quiesce(uint64_t nanoseconds);

/* ---- recorder_site.c ---- */

enum status recorder_site_init(struct error *error);
size_t recorder_site_memory(void);
/* All sites of a session become void; their indices are still taken. Mutex held. */
void recorder_site_retire_all(struct recorder_session *session);
/* After quiescence: gives the indices back. Mutex held. */
void recorder_site_free_all(struct recorder_session *session);

void recorder_lock(void);
void recorder_unlock(void);

/* ---- on the way of every probe ---- */

/* Where recorder_has_tsc. */
static inline uint64_t recorder_tsc(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

static inline uint64_t recorder_now(void)
{
    if (__builtin_expect(recorder_has_tsc, 1)) {
        return recorder_tsc();
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void probe_begin(struct recorder_slot *slot)
{
    uint64_t busy = atomic_load_explicit(&slot->busy, memory_order_relaxed);
    atomic_store_explicit(&slot->busy, busy + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void probe_end(struct recorder_slot *slot)
{
    uint64_t busy = atomic_load_explicit(&slot->busy, memory_order_relaxed);
    atomic_store_explicit(&slot->busy, busy + 1, memory_order_release);
}

static inline struct recorder_site *site_of(uint64_t handle)
{
    return &recorder_sites[(uint32_t)handle];
}

static inline bool site_valid(struct recorder_site *site, uint64_t handle)
{
    return atomic_load_explicit(&site->generation, memory_order_acquire) ==
           (uint32_t)(handle >> 32);
}

#endif
