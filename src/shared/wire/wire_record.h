/*
 * wire_record: the memory file that the agent makes for one session, and the records in it.
 *
 * The agent makes the file (memfd, close-on-exec, allocated up front, sealed against
 * resizing) and passes it to the CLI over the control socket; both map it shared. It is
 * the hot way: woven IL writes records, the CLI drains them; nobody waits for anybody.
 *
 * Neither side believes the other: the agent keeps every offset and count that it uses in
 * memory of its own and masks every index that it reads from the file; the CLI copies a
 * record before it checks and uses it.
 *
 * Layout: struct wire_file at 0; counters at counters_offset; chunks at chunks_offset.
 *
 *   counters: uint64_t [shards][sites][WIRE_COUNTERS], added to by the target's threads
 *             (a thread always uses the same shard), summed by the CLI. `sites` is a multiple
 *             of WIRE_SITES_UNIT and counters_offset of 128, so that two shards never meet in
 *             one pair of cache lines.
 *   sampled:  uint64_t [shards][sites] at sampled_offset (0: none): calls that the governor left
 * out and that no other counter has; the same threads add to the same shards. chunks:   chunk_count
 * chunks of chunk_bytes each. A chunk that is free has its bit set in wire_file.free_chunks. A
 * thread of the target takes a chunk (clears the bit), appends records to it, and when it is full,
 * or the thread or session ends, marks it WIRE_CHUNK_FULL and takes the next. The CLI drains what
 * is written of every chunk that is not free; a full and drained one it frees (state to
 * WIRE_CHUNK_FREE, then sets the bit). Of one thread's chunks, the lower sequence is the older.
 *
 * A ring of design.md is thus the chain of chunks of one thread: all threads share the
 * session's memory, one hot thread may use nearly all of it, a thousand idle ones none.
 * Where no chunk is free the record is dropped and counted (WIRE_COUNTER_LOST).
 * The agent allocates the later chunks only after the session is ready: until then their bits
 * are clear and their state is WIRE_CHUNK_FREE. A chunk whose bit is clear and whose state is
 * WIRE_CHUNK_FREE holds nothing: it is not there yet, or just being opened.
 *
 * All integers are little-endian; all structures are multiples of 8 bytes and aligned.
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdatomic.h>
#include <stdint.h>

/* The wire contract's version. Another major number: refused with the CLI version to use.
 * A higher minor number adds what the other side may ignore. */
#define WIRE_MAJOR 1
#define WIRE_MINOR 1

#define WIRE_FILE_MAGIC 0x4b4e495247494a52ull /* "RJIGRINK" */

#define WIRE_CHUNK_BYTES 32768u /* header included */
#define WIRE_CHUNKS_MAX  4096u  /* 128 MiB */
#define WIRE_SHARDS      16u
#define WIRE_SITES_UNIT  16u

enum wire_clock {
    WIRE_CLOCK_TSC = 1,       /* raw rdtsc ticks */
    WIRE_CLOCK_MONOTONIC = 2, /* clock_gettime(CLOCK_MONOTONIC), nanoseconds */
};

/* Per site and shard. */
enum wire_counter {
    WIRE_COUNTER_CALLS,    /* count probes: every call; others: the agent's own, see recorder.h */
    WIRE_COUNTER_FILTERED, /* watch: calls that the condition rejected */
    WIRE_COUNTER_LOST,     /* watch: calls of which a record was dropped (one per call): no
                              ENTER, or an ENTER and no exit; also calls whose condition could
                              not be judged because a type was not known yet */
    WIRE_COUNTERS,
    WIRE_COUNTER_SAMPLED = WIRE_COUNTERS, /* watch: calls left out because of the budget; in the
                                             file's other table */
};

struct wire_file {
    uint64_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t header_bytes; /* sizeof(struct wire_file) of the writer */
    uint64_t file_bytes;
    uint32_t shards;
    uint32_t sites; /* capacity: most methods that this session can probe */
    uint64_t counters_offset;
    uint32_t chunk_count;
    uint32_t chunk_bytes;
    uint64_t chunks_offset;
    uint32_t clock;         /* enum wire_clock */
    _Atomic uint32_t ended; /* 1: the agent writes no more records */
    /* Of the chunks, how many (from the first) are there: the others hold nothing yet, and to
     * look at one would cost a page. 0: an agent that does not say; all of them may be. */
    _Atomic uint32_t ready_chunks;
    uint32_t reserved_word;
    uint64_t sampled_offset;
    uint64_t reserved[6];
    _Atomic uint64_t free_chunks[WIRE_CHUNKS_MAX / 64]; /* bit n of word n/64: chunk n is free */
};

enum wire_chunk_state {
    WIRE_CHUNK_FREE = 0,
    WIRE_CHUNK_OPEN = 1, /* one thread of the target appends to it */
    WIRE_CHUNK_FULL = 2, /* nobody appends any more; the CLI frees it once drained */
};

/* Head of a chunk; records follow behind it without gaps. */
struct wire_chunk {
    _Atomic uint32_t state;
    _Atomic uint32_t written; /* bytes of the chunk that hold whole records, head included */
    uint32_t thread;          /* operating system's thread id in the target's pid namespace */
    uint32_t slot;            /* the agent's number of that thread; with sequence an order */
    uint64_t sequence;
    uint64_t reserved[5];
};

enum wire_record_kind {
    WIRE_RECORD_PAD = 0,    /* nothing; skip */
    WIRE_RECORD_ENTER = 1,  /* a call began; values read at entry */
    WIRE_RECORD_RETURN = 2, /* it returned; values read at exit */
    WIRE_RECORD_THROW = 3,  /* it was left by an exception; the value in slot WIRE_SLOT_EXCEPTION */
    /* Async methods by source name: ENTER comes from the method itself. Where it completes
     * before its first suspension, RETURN or THROW carry its call number. Else the method
     * emits SUSPENDED, and the completion is ASYNC_*, from whichever thread, both with the
     * Task.Id in the `key` value; either may come first. */
    WIRE_RECORD_SUSPENDED = 4,
    WIRE_RECORD_ASYNC_RETURN = 5,
    WIRE_RECORD_ASYNC_THROW = 6,
    /* Iterators: call is the enumeration's key; with the site it is unique while the enumeration
     * is open, and START begins anew. END may come twice (the last MoveNext, and Dispose), and
     * ITEM and END come also for enumerations whose START the condition rejected. */
    WIRE_RECORD_ITERATOR_START = 7,
    WIRE_RECORD_ITERATOR_ITEM = 8,
    WIRE_RECORD_ITERATOR_END = 9,
    WIRE_RECORD_ITERATOR_THROW = 10,
    /* One record for a whole call: `--on enter`, and exits whose ENTER was not wanted: those
     * carry WIRE_SLOT_ELAPSED, and WIRE_SLOT_EXCEPTION where the call was left by one. */
    WIRE_RECORD_EVENT = 11,
    /* What a call that is asynchronous shows where its completion cannot be followed
     * (ValueTask, custom builders): the moment of the first await. */
    WIRE_RECORD_FIRST_AWAIT = 12,
};

enum wire_record_flag {
    WIRE_RECORD_CUT = 1, /* the record's byte bound was reached: values are missing */
};

/* The other bits of the flags of what begins a call (ENTER, ITERATOR_START, EVENT): it stands for
 * 1 << (flags >> WIRE_RECORD_SAMPLED_SHIFT) calls of its method, the others are left out. */
#define WIRE_RECORD_SAMPLED_SHIFT 3
#define WIRE_RECORD_SAMPLED_MOST  31u

struct wire_record {
    uint16_t size; /* whole record in units of 8 bytes */
    uint8_t kind;  /* enum wire_record_kind */
    uint8_t flags; /* enum wire_record_flag */
    uint32_t site; /* number of the probed method within the session, see WIRE_MSG_METHOD */
    uint64_t call; /* joins the records of one call; never 0, never used twice in a session.
                      ASYNC_*: 0 where only the key is known */
    uint64_t time; /* wire_file.clock */
    /* values follow */
};

#define WIRE_RECORD_MAX_BYTES                                                                      \
    8192u /* default bound of one record: --max-bytes moves it, up to                              \
             a quarter of a chunk */

enum wire_value_kind {
    WIRE_VALUE_SCALAR = 1, /* payload: 8 bytes, little-endian, extended to 64 bits by the
                              signedness of `element`; r4 and r8: the bits of the double */
    WIRE_VALUE_BYTES = 2,  /* a value type: struct wire_typed, then its bytes (field offsets
                              from 0). Enums and primitives behind a path that have a type; boxed
                              values, too */
    WIRE_VALUE_OBJECT = 3, /* struct wire_typed, then the object's bytes behind the method
                              table word: field offset o stands at byte o - 8. Below the depth
                              shown only its type (CUT), but lists with their bytes, arrays with
                              their length, exceptions with their message */
    WIRE_VALUE_STRING = 4, /* struct wire_typed (total: its length in UTF-16 units), then units */
    WIRE_VALUE_ARRAY = 5,  /* struct wire_typed (total: its length), then element bytes. Child of
                              a list: total is the list's count; of a span: type 0, the span's
                              type says what the items are; of a dictionary or set: the first
                              entries that are in use (entries behind them that say they are
                              not: skip), total is how many there are */
    WIRE_VALUE_NULL = 6,   /* a null reference (or byref); no payload */
    WIRE_VALUE_NULL_PATH = 7,  /* a reference before the path's end was null; no payload */
    WIRE_VALUE_NO_FIELD = 8,   /* the object's own type has no such field; typed: which type */
    WIRE_VALUE_UNRESOLVED = 9, /* the type's layout was not known yet: what stands behind it could
                                  not be followed. Typed, and raw bytes as for OBJECT */
    WIRE_VALUE_KEY = 10,       /* payload: 8 bytes: Task.Id, or an iterator's key */
    WIRE_VALUE_ITEMS = 11,     /* payload: 8 bytes: a count */
};

enum wire_value_flag {
    WIRE_VALUE_CUT = 1, /* fewer bytes, units or items than there are (option named by the CLI) */
};

#define WIRE_SLOT_RESULT    0xfff0u /* the default view's "return" */
#define WIRE_SLOT_EXCEPTION 0xfff1u
#define WIRE_SLOT_KEY       0xfff2u
/* SCALAR: async calls whose condition reads ret, ex or elapsed cannot be judged where they end
 * (another thread, no start time at hand): ENTER carries the results of the condition's leaves
 * that are known then (bit n: leaf n in prefix order), the completion those of the others;
 * leaves on `elapsed` are left to the CLI, which judges the whole condition. */
#define WIRE_SLOT_TESTS   0xfff3u
#define WIRE_SLOT_ELAPSED 0xfff4u /* SCALAR in an EVENT at exit: ticks since the call began */
#define WIRE_SLOT_CHILD                                                                            \
    0xffffu /* not a root: hangs below `parent`. A reference in a payload                          \
             that is not null and has no child was left out (CUT) */

/* Head of a value. Children follow their parents, in any depth-first order. */
struct wire_value {
    uint8_t kind;    /* enum wire_value_kind */
    uint8_t flags;   /* enum wire_value_flag */
    uint8_t element; /* ELEMENT_TYPE_* where known, else 0 */
    uint8_t reserved;
    uint16_t slot; /* index of the value expression (WIRE_MSG_METHOD lists them), or WIRE_SLOT_* */
    uint16_t parent; /* WIRE_SLOT_CHILD: ordinal of the parent value within the record */
    uint32_t at;     /* WIRE_SLOT_CHILD: offset in the parent's payload data (behind its
                        wire_typed) of the reference that leads here */
    uint32_t length; /* bytes of payload behind this head; the next value starts at the next
                        multiple of 8 */
};

struct wire_typed {
    uint64_t type;  /* ClassID; names and fields by WIRE_MSG_TYPE. 0: unknown */
    uint32_t total; /* full length of strings and arrays; else 0 */
    uint32_t reserved;
};

_Static_assert(sizeof(struct wire_chunk) == 64, "wire layout");
_Static_assert(sizeof(struct wire_record) == 24, "wire layout");
_Static_assert(sizeof(struct wire_value) == 16, "wire layout");
_Static_assert(sizeof(struct wire_typed) == 16, "wire layout");

#endif
