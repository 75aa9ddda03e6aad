/*
 * output_join: records become calls.
 *
 * ENTER is kept (a copy) until the record that ends its call comes: RETURN or THROW by call
 * number, ASYNC_* by the key that SUSPENDED gave (either may come first), iterators by their
 * number. What is left at the end is a call that has not returned.
 *
 * Where the agent lost a RETURN, its ENTER would stay for ever: a thread's calls end in the
 * reverse order of their beginning, so when an outer call ends, what lies above it on that
 * thread and is not suspended has ended too, and goes. Memory is bounded by JOIN_MAX calls;
 * beyond it the older half is forgotten, and those calls come out without their entry.
 */
#ifndef OUTPUT_JOIN_H
#define OUTPUT_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_map.h"
#include "output_rings.h"

#define JOIN_MAX (1u << 20)

enum call_outcome {
    CALL_RETURNED,
    CALL_THREW,
    CALL_ENTERED,     /* --on enter: nothing more is known */
    CALL_FIRST_AWAIT, /* followed until its first await only */
    CALL_ITERATED,    /* an enumeration that came to its end */
};

/* One line of output. Borrowed: valid during the callback only. */
struct call {
    uint32_t site;
    uint32_t thread; /* where it began, or where its only record comes from */
    enum call_outcome outcome;
    bool timed;       /* start and elapsed are known */
    uint64_t start;   /* ticks; where not timed, the moment of the record */
    uint64_t elapsed; /* ticks */
    uint64_t items;   /* ITERATED, and iterators that threw */
    bool iterator;
    bool cut;             /* a record's byte bound was reached */
    const uint8_t *entry; /* values read at entry */
    size_t entry_bytes;
    const uint8_t *exit; /* values read at exit */
    size_t exit_bytes;
};

typedef void (*join_done)(void *context, const struct call *call);

struct join_open {
    uint64_t call;
    uint32_t site;
    uint32_t thread;
    uint64_t start; /* ticks */
    bool suspended;
};

struct join_entry;

struct join {
    join_done done;
    void *context;
    struct join_entry *entries;
    uint32_t capacity, count;
    uint32_t free_entry;  /* head of the chain of free ones, UINT32_MAX: none */
    struct map calls;     /* call number -> entry */
    struct map keys;      /* key of a suspended call -> entry */
    struct map early;     /* key -> entry that holds a completion which came first */
    struct map threads;   /* slot -> newest open entry of that thread */
    struct map iterators; /* site and key -> entry */
    uint64_t forgotten;   /* entries that went by JOIN_MAX */
};

void join_init(struct join *join, join_done done, void *context);
void join_release(struct join *join);
/* Takes one record; may call `done`. False when out of memory. */
bool join_take(struct join *join, const struct ring_record *record);
/* Open calls, in no order; start with *cursor = 0. */
bool join_next_open(const struct join *join, uint32_t *cursor, struct join_open *open);

#endif
