/*
 * wire_message: the control messages between CLI and agent, over a unix stream socket.
 *
 * The agent listens on DIR/rejig-<pid>-<start>-socket, DIR being the folder of the
 * target's diagnostics socket, pid the target's pid in its own pid namespace and start
 * field 22 of its stat; mode 0600; the peer's uid must be the target's or 0.
 *
 * Framing: struct wire_frame, then `length` bytes of TLV fields (wire_tlv.h). At most
 * WIRE_FRAME_MAX bytes; more, or a wrong magic, ends the connection. One connection is one
 * session at most; its lease is the connection itself: when it closes, for whatever reason,
 * the session ends, its methods are reverted and its memory goes.
 *
 * Order: CLI HELLO -> agent HELLO (or ERROR) -> one of
 *   PLAN   -> agent: METHOD... REFUSED... COVERED... COVERAGE, SESSION (with the memory file as
 *             SCM_RIGHTS), then any of METHOD, TYPE, NOTICE, STATE, GOVERNED until END is asked or
 * the lease ends -> COVERED... COVERAGE, ENDED ASK_COVERAGE -> COVERED... COVERAGE LIST   -> agent:
 * LISTED... DONE STATUS -> agent: STATUS LOG    -> agent: LOG RESET  -> agent: DONE (sessions of
 * the list ended) Whatever fails is answered by ERROR, which ends the exchange.
 *
 * A number in a comment behind a tag: u = u32 or u64, t = UTF-8 text, b = bytes,
 * m = nested fields, * = may come several times.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "wire_tlv.h"

#define WIRE_FRAME_MAGIC 0x474a5257u /* "WRJG" */
#define WIRE_FRAME_MAX   (4u << 20)

struct wire_frame {
    uint32_t magic;
    uint16_t type; /* enum wire_message_type */
    uint16_t reserved;
    uint32_t length; /* of what follows */
};

/* Client data of AttachProfiler and, hex-coded, of REJIG_START (see entry): little-endian.
 * The agent goes on only if a CLI that says this nonce connects before the deadline. */
struct wire_client_data {
    uint32_t magic; /* WIRE_FRAME_MAGIC */
    uint16_t major;
    uint16_t minor;
    uint64_t nonce[2];
    uint64_t deadline; /* CLOCK_BOOTTIME, nanoseconds (not in a time namespace: then relative
                          to it all the same, because the CLI reads the target's offset) */
    uint32_t mode;     /* enum wire_attach_mode */
    uint32_t pid;      /* the process that is meant, as it sees itself: the agent goes on only
                          there, so that processes which merely inherited REJIG_START do not */
    uint32_t parent;   /* REJIG_START: pid of the CLI; once getppid() is another the CLI is gone,
                          and waiting for it ends. 0: do not look */
    uint32_t reserved;
    char directory[104]; /* where the socket goes, as the target sees it; terminated */
};
_Static_assert(sizeof(struct wire_client_data) == 152, "wire layout");

/* The agent's class id, as AttachProfiler's 16 bytes (a GUID in memory order) and as
 * CORECLR_PROFILER spells it. */
#define WIRE_AGENT_CLSID_TEXT "{F3D1B7C4-6A52-4E0B-9C2D-5B8E7A91C04F}"
#define WIRE_AGENT_CLSID_BYTES                                                                     \
    {                                                                                              \
        0xc4, 0xb7, 0xd1, 0xf3, 0x52, 0x6a, 0x0b, 0x4e, 0x9c, 0x2d, 0x5b, 0x8e, 0x7a, 0x91, 0xc0,  \
            0x4f                                                                                   \
    }

/* A program started under us carries these four; the agent removes all of them. */
#define WIRE_START_VARIABLE   "REJIG_START" /* wire_client_data in lower-case hex */
#define WIRE_START_ENABLE     "CORECLR_ENABLE_PROFILING"
#define WIRE_START_CLSID      "CORECLR_PROFILER"
#define WIRE_START_PATH       "CORECLR_PROFILER_PATH_64"
#define WIRE_START_HEX_LENGTH (2 * sizeof(struct wire_client_data))

enum wire_attach_mode {
    WIRE_ATTACH_PROBE = 1, /* ENABLE_REJIT: the agent stays until the process ends */
    WIRE_ATTACH_LIST = 2,  /* no ReJIT: detaches wholly after the connection ends */
};

enum wire_message_type {
    /* CLI -> agent */
    WIRE_MSG_HELLO = 1, /* both ways */
    WIRE_MSG_PLAN = 2,  /* wire_plan.h */
    WIRE_MSG_END = 3,   /* end my session and say what was reverted */
    WIRE_MSG_WANT_TYPE = 4,
    WIRE_MSG_LIST = 5,
    WIRE_MSG_STATUS = 6, /* both ways */
    WIRE_MSG_LOG = 7,    /* both ways */
    WIRE_MSG_RESET = 8,
    WIRE_MSG_ASK_STATE = 9,     /* send STATE now */
    WIRE_MSG_ASK_COVERAGE = 10, /* send COVERAGE now */

    /* agent -> CLI */
    WIRE_MSG_ERROR = 64,
    WIRE_MSG_SESSION = 65,
    WIRE_MSG_METHOD = 66,
    WIRE_MSG_REFUSED = 67,
    WIRE_MSG_TYPE = 68,
    WIRE_MSG_NOTICE = 69,
    WIRE_MSG_STATE = 70,
    WIRE_MSG_ENDED = 71,
    WIRE_MSG_LISTED = 72,
    WIRE_MSG_DONE = 73,
    WIRE_MSG_COVERED = 74,
    WIRE_MSG_COVERAGE = 75,
    WIRE_MSG_GOVERNED = 76,
};

/* HELLO (both ways) */
enum wire_hello {
    WIRE_HELLO_MAJOR = 1,    /* u */
    WIRE_HELLO_MINOR = 2,    /* u */
    WIRE_HELLO_VERSION = 3,  /* t  program version of the sender */
    WIRE_HELLO_NONCE = 4,    /* b16  CLI only, on the attach that it asked for; else absent */
    WIRE_HELLO_RUNTIME = 5,  /* t  agent: "10.0.12" as the runtime's information says */
    WIRE_HELLO_CLOCK = 6,    /* u  agent: enum wire_clock */
    WIRE_HELLO_TICKS = 7,    /* u  agent: a moment in ticks ... */
    WIRE_HELLO_REALTIME = 8, /* u  ... and in CLOCK_REALTIME nanoseconds */
    WIRE_HELLO_RATE = 9,     /* u  agent: ticks per 2^20 nanoseconds (8 bytes) */
    WIRE_HELLO_FIRST = 10,   /* u  agent: 1: no session has recompiled anything here before */
    WIRE_HELLO_STARTED = 11, /* u  agent: 1: the process was started under us */
};

/* ERROR: the session or question is over. */
enum wire_error {
    WIRE_ERROR_STATUS = 1,  /* u  enum status */
    WIRE_ERROR_MESSAGE = 2, /* t */
    WIRE_ERROR_HINT = 3,    /* t */
    WIRE_ERROR_OFFSET = 4,  /* u  error.offset; absent: -1. Of a name in VALUES or --if: the
                               column of the step at fault (plan_path.column and on) */
};

/* SESSION: in force; carries the memory file as its one descriptor. */
enum wire_session {
    WIRE_SESSION_ID = 1,              /* u */
    WIRE_SESSION_METHODS = 2,         /* u  methods probed */
    WIRE_SESSION_REFUSED = 3,         /* u  methods refused */
    WIRE_SESSION_MODULES_PENDING = 4, /* u  patterns or parts of them wait for modules to load */
    WIRE_SESSION_INLINERS_BY_RUNTIME = 5, /* u  1: RequestReJITWithInliners is in use */
    WIRE_SESSION_MAY_MISS = 6,            /* t* what may be missed, a sentence each */
    WIRE_SESSION_MODULES = 7,             /* u  modules looked through */
};

/* METHOD: one probed method; numbers are per session, dense, in order. Sent before any
 * record names its site. */
enum wire_method {
    WIRE_METHOD_SITE = 1,      /* u */
    WIRE_METHOD_NAME = 2,      /* t  Namespace.Type.Method, source name for async and iterators */
    WIRE_METHOD_SIGNATURE = 3, /* t  (int, string) */
    WIRE_METHOD_MODULE = 4,    /* t  file name of the module */
    WIRE_METHOD_TOKEN = 5,     /* u */
    WIRE_METHOD_KIND = 6,      /* u  enum wire_method_kind */
    WIRE_METHOD_VALUE = 7,     /* m* the values, slot 0 first */
    WIRE_METHOD_PROBE = 8,     /* u  index of the plan's probe that it belongs to */
    WIRE_METHOD_NOTE = 9,      /* t* what the user should know of it */
    WIRE_METHOD_RESULT =
        10, /* m  type of the result (wire_method_value without label); void: absent */
};

enum wire_method_kind {
    WIRE_METHOD_PLAIN = 0,
    WIRE_METHOD_ASYNC = 1,       /* Task, Task<T>: until completion */
    WIRE_METHOD_ASYNC_FIRST = 2, /* until the first await */
    WIRE_METHOD_ITERATOR = 3,
};

enum wire_method_value {
    WIRE_VALUE_LABEL = 1,     /* t  as the user wrote it: order.Customer.Name */
    WIRE_VALUE_ELEMENT = 2,   /* u  declared ELEMENT_TYPE_* */
    WIRE_VALUE_TYPE = 3,      /* u  ClassID of the declared type where known (enums, structs) */
    WIRE_VALUE_TYPE_NAME = 4, /* t  declared type as C# text */
    WIRE_VALUE_AT_EXIT = 5,   /* u  1: read at exit */
};

/* REFUSED: a method that matched and is not probed. */
enum wire_refused {
    WIRE_REFUSED_NAME = 1,   /* t */
    WIRE_REFUSED_REASON = 2, /* t */
    WIRE_REFUSED_LATER = 3,  /* u  1: was probed, and is withdrawn now */
    WIRE_REFUSED_SITE = 4,   /* u  with LATER */
};

/* WANT_TYPE */
enum wire_want {
    WIRE_WANT_ID = 1, /* u* */
};

/* TYPE: how to read values of one type. An id asked for is always answered, unknown ones
 * with KIND WIRE_TYPE_UNKNOWN. Types of fields come before or after; ask for what lacks. */
enum wire_type {
    WIRE_TYPE_ID = 1,      /* u  ClassID */
    WIRE_TYPE_NAME = 2,    /* t  C# name without namespace, generic arguments filled in */
    WIRE_TYPE_KIND = 3,    /* u  enum wire_type_kind */
    WIRE_TYPE_ELEMENT = 4, /* u  ELEMENT_TYPE_* of primitives, enums (underlying), array items */
    WIRE_TYPE_ITEM = 5,    /* u  ClassID of array items or of Nullable's T, where known */
    WIRE_TYPE_BASE = 6,    /* u  ClassID of the base class */
    WIRE_TYPE_SIZE = 7,    /* u  bytes: value types unboxed, objects behind the method table word,
                              array items */
    WIRE_TYPE_FIELD = 8,   /* m* instance fields, the base classes' first */
    WIRE_TYPE_MEMBER = 9,  /* m* enum members */
    WIRE_TYPE_FULL_NAME = 10, /* t  with namespace */
    WIRE_TYPE_FLAGS = 11,     /* u  1: [Flags] enum */
};
enum wire_type_kind {
    WIRE_TYPE_UNKNOWN = 0,
    WIRE_TYPE_CLASS = 1,
    WIRE_TYPE_STRUCT = 2,
    WIRE_TYPE_ENUM = 3,
    WIRE_TYPE_PRIMITIVE = 4,
    WIRE_TYPE_STRING = 5,
    WIRE_TYPE_ARRAY = 6,
    WIRE_TYPE_LIST = 7,      /* List<T>: fields _items and _size */
    WIRE_TYPE_NULLABLE = 8,  /* fields hasValue and value */
    WIRE_TYPE_DECIMAL = 9,   /* flags, hi32, lo64 */
    WIRE_TYPE_DATETIME = 10, /* _dateData */
    WIRE_TYPE_TIMESPAN = 11, /* _ticks */
    WIRE_TYPE_GUID = 12,
    WIRE_TYPE_EXCEPTION = 13, /* fields _message, _innerException, _HResult among others */
    WIRE_TYPE_TUPLE = 14,     /* ValueTuple and Tuple: fields Item1... */
    WIRE_TYPE_SPAN = 15,      /* Span, ReadOnlySpan: _reference, _length */
    WIRE_TYPE_DELEGATE = 16,
    WIRE_TYPE_DATETIMEOFFSET = 17,
    WIRE_TYPE_DATEONLY = 18,
    WIRE_TYPE_TIMEONLY = 19,
    WIRE_TYPE_DICTIONARY = 20, /* fields _entries, _count, _freeCount; entries: next (below -1: not
                                  in use), key, value */
    WIRE_TYPE_SET = 21,        /* HashSet: the same, without keys */
    WIRE_TYPE_KINDS            /* one more than the last */
};
enum wire_type_field {
    WIRE_FIELD_NAME = 1,     /* t  an auto-property's backing field: the property's name */
    WIRE_FIELD_OFFSET = 2,   /* u  classes: from the object's start (the method table is at 0);
                                value types: from the value's first byte */
    WIRE_FIELD_ELEMENT = 3,  /* u  ELEMENT_TYPE_* */
    WIRE_FIELD_TYPE = 4,     /* u  ClassID of value types and enums; 0 for references */
    WIRE_FIELD_DECLARED = 5, /* t  declared type as C# text */
    WIRE_FIELD_HIDDEN = 6,   /* u  1: compiler-generated, or of a base class: shown on request */
};
enum wire_type_member {
    WIRE_MEMBER_NAME = 1,  /* t */
    WIRE_MEMBER_VALUE = 2, /* u  bits, extended to 64 by the underlying type's signedness */
};

/* NOTICE: something happened that the user should read. */
enum wire_notice {
    WIRE_NOTICE_TEXT = 1, /* t */
    WIRE_NOTICE_CODE = 2, /* t  a stable word for --json: "module-loaded", "withdrawn", ... */
};

/* GOVERNED: what the budget does to one method, on change. An agent that does not know this message
 * has no budget. */
enum wire_governed {
    WIRE_GOVERNED_SITE = 1,    /* u */
    WIRE_GOVERNED_STATE = 2,   /* u  enum wire_governed_state */
    WIRE_GOVERNED_ONE_IN = 3,  /* u  SAMPLED: one call of how many is recorded */
    WIRE_GOVERNED_COST = 4,    /* u  millionths of a core that all of its calls would cost (PAUSED:
                                  their counting) */
    WIRE_GOVERNED_CALLS = 5,   /* u  calls a second */
    WIRE_GOVERNED_BY_RATE = 6, /* u  1: because of the records a second, not of the time */
    WIRE_GOVERNED_FROM = 7,    /* u  PAUSED, RESUMED: CLOCK_REALTIME ns of the gap's begin */
    WIRE_GOVERNED_TO = 8,      /* u  RESUMED: ... and of its end */
    WIRE_GOVERNED_RETRY = 9,   /* u  PAUSED: ns until it is tried again */
};
enum wire_governed_state {
    WIRE_GOVERNED_WHOLE = 0,   /* every call is recorded again */
    WIRE_GOVERNED_SAMPLED = 1, /* some are; all are counted */
    WIRE_GOVERNED_PAUSED = 2,  /* the method runs its own code: nothing is counted from FROM on */
    WIRE_GOVERNED_RESUMED = 3, /* all are counted again from TO on */
};

/* STATE: totals; sent on change (at most 5 a second) and on request. */
enum wire_state {
    WIRE_STATE_METHODS = 1,  /* u  methods probed */
    WIRE_STATE_COMPILED = 2, /* u  of them: rewritten body in use (asked for by the runtime) */
    WIRE_STATE_INLINERS = 3, /* u  inliners recompiled for us */
    WIRE_STATE_PENDING = 4,  /* u  patterns that match nothing yet */
    WIRE_STATE_FAILED = 5,   /* u  methods whose rewrite failed */
};

/* COVERAGE: which callers of the session's methods are seen, which are not: looked up when the
 * session begins, when it ends by END, and when asked for. An agent that does not know this
 * message sends none. */
enum wire_coverage {
    WIRE_COVERAGE_PRECOMPILED =
        1,                      /* u  precompiled callers that hold an inlined copy, recompiled */
    WIRE_COVERAGE_BY_IL = 2,    /* u  of them: found by their IL (a NonVersionable method) */
    WIRE_COVERAGE_SWITCHED = 3, /* u  of them: run their new code already; the others have not been
                                   called since */
    WIRE_COVERAGE_JIT = 4,      /* u  JIT-compiled callers that have switched so far */
    WIRE_COVERAGE_FOLLOWS = 5,  /* u  1: JIT-compiled callers are followed at all */
    WIRE_COVERAGE_PENDING = 6,  /* u  gaps that are pending: modules not loaded yet */
    WIRE_COVERAGE_IMPOSSIBLE = 7,  /* u  gaps for which nothing can be done */
    WIRE_COVERAGE_GAP = 8,         /* m* the first of both */
    WIRE_COVERAGE_MORE_GAPS = 9,   /* u  gaps that are not listed */
    WIRE_COVERAGE_INTRINSICS = 10, /* u  methods that are JIT intrinsics */
    WIRE_COVERAGE_THREADS = 11,    /* u  threads of the target, where their stacks were looked at */
    WIRE_COVERAGE_LOOKED = 12,     /* u  of them: looked at within the time allowed */
    WIRE_COVERAGE_PAUSE = 13,      /* u  ns that the target stood still for it */
    WIRE_COVERAGE_FRAME = 14,      /* m* threads inside old code */
    WIRE_COVERAGE_MORE_FRAMES = 15, /* u */
    WIRE_COVERAGE_FINAL = 16,       /* u  1: the session ends */
    WIRE_COVERAGE_WHY = 17,         /* t  why threads were not looked at */
};
enum wire_gap {
    WIRE_GAP_KIND = 1,    /* u  enum wire_gap_kind */
    WIRE_GAP_SUBJECT = 2, /* t  a module or method */
    WIRE_GAP_REASON = 3,  /* t */
};
enum wire_gap_kind {
    WIRE_GAP_PENDING = 1,
    WIRE_GAP_IMPOSSIBLE = 2,
};
enum wire_frame_field {
    WIRE_FRAME_THREAD = 1,  /* u  operating system's id, in the target's pid namespace */
    WIRE_FRAME_METHOD = 2,  /* t  whose old code it runs */
    WIRE_FRAME_INLINEE = 3, /* t  the probed method of which that code may hold a copy; absent: the
                               method itself is probed, or it is not told */
    WIRE_FRAME_CERTAIN = 4, /* u  0: that code may hold a copy, as far as its IL tells */
};

/* COVERED: one caller that was recompiled; only for plans with `explain`. */
enum wire_covered {
    WIRE_COVERED_NAME = 1,     /* t  Namespace.Type.Method(int, string) */
    WIRE_COVERED_MODULE = 2,   /* t  file name */
    WIRE_COVERED_INLINEE = 3,  /* t  the probed method of which it holds a copy; absent: not told */
    WIRE_COVERED_SOURCE = 4,   /* u  enum wire_covered_source */
    WIRE_COVERED_SWITCHED = 5, /* u  1: it runs its new code */
};
enum wire_covered_source {
    WIRE_COVERED_TABLE = 1,   /* its image's table of inlining */
    WIRE_COVERED_IL = 2,      /* a call site in its IL */
    WIRE_COVERED_RUNTIME = 4, /* the runtime's enumeration */
    WIRE_COVERED_JIT = 8,     /* the runtime's JIT */
};

/* ENDED */
enum wire_ended {
    WIRE_ENDED_REVERTED = 1, /* u  methods reverted, inliners included */
    WIRE_ENDED_REASON = 2,   /* t  absent: asked for */
    WIRE_ENDED_FAILED = 3,   /* u  methods that could not be reverted */
};

/* LIST: patterns; answered by LISTED messages, then DONE. */
enum wire_list {
    WIRE_LIST_PATTERN = 1,   /* t* */
    WIRE_LIST_LIMIT = 2,     /* u */
    WIRE_LIST_SKIP_FILE = 3, /* t*  modules that the CLI has read by itself (file paths) */
};
enum wire_listed {
    WIRE_LISTED_NAME = 1,
    WIRE_LISTED_SIGNATURE = 2, /* t  (Order order, CancellationToken token) */
    WIRE_LISTED_MODULE = 3,
    WIRE_LISTED_TOKEN = 4,
    WIRE_LISTED_FLAGS = 5,  /* u  enum wire_listed_flag */
    WIRE_LISTED_RESULT = 6, /* t  type of the result; absent: none, or not told */
};
enum wire_listed_flag {
    WIRE_LISTED_GENERIC = 1,
    WIRE_LISTED_ASYNC = 2,
    WIRE_LISTED_ITERATOR = 4,
    WIRE_LISTED_NO_IL = 8,
    WIRE_LISTED_PRECOMPILED = 16,
    WIRE_LISTED_DYNAMIC = 32,
};

/* STATUS: answered with one STATUS message. */
enum wire_status {
    WIRE_STATUS_VERSION = 1,       /* t */
    WIRE_STATUS_IDLE = 2,          /* u  nanoseconds since the last session ended; absent: never */
    WIRE_STATUS_SESSION = 3,       /* m* */
    WIRE_STATUS_MEMORY = 4,        /* u  bytes that the agent holds besides rings */
    WIRE_STATUS_SESSIONS_EVER = 5, /* u */
    WIRE_STATUS_RESIDUE = 6,       /* u  methods whose revert is still open */
    WIRE_STATUS_START = 7,         /* m  the process was started under us; else absent */
    WIRE_STATUS_RECOMPILED = 8,    /* u  methods that are recompiled because of us, callers too */
};
enum wire_status_start {
    WIRE_START_FUNCTIONS = 1,  /* u  precompiled functions that the runtime has asked us about */
    WIRE_START_COMPILED = 2,   /* u  of them: compiled instead */
    WIRE_START_DUPLICATES = 3, /* u  questions answered before, and answered the same again */
    WIRE_START_OVERFLOWED = 4, /* u  questions beyond the memory for answers */
    WIRE_START_MODULES = 5,    /* u  modules whose load waited for their probes */
    WIRE_START_LONGEST = 6,    /* u  ns, the longest wait */
    WIRE_START_LATE = 7,       /* u  modules that ran before their probes were in place */
};
enum wire_status_session {
    WIRE_STATUS_SESSION_ID = 1,       /* u */
    WIRE_STATUS_SESSION_UID = 2,      /* u  of the CLI */
    WIRE_STATUS_SESSION_PID = 3,      /* u  of the CLI, as the target's pid namespace sees it */
    WIRE_STATUS_SESSION_AGE = 4,      /* u  ns */
    WIRE_STATUS_SESSION_METHODS = 5,  /* u */
    WIRE_STATUS_SESSION_COMMAND = 6,  /* t  what the CLI was told to do */
    WIRE_STATUS_SESSION_COVERAGE = 7, /* m  as COVERAGE, without FRAME */
    WIRE_STATUS_SESSION_BUDGET = 8,   /* u  millionths of a core; 0: off; absent: not known */
    WIRE_STATUS_SESSION_COST = 9,     /* u  ... that its probes take now */
    WIRE_STATUS_SESSION_SAMPLED = 10, /* u  methods of which not every call is recorded now */
    WIRE_STATUS_SESSION_PAUSED = 11,  /* u  methods that are not counted now */
    WIRE_STATUS_SESSION_BODIES = 12,  /* u  method bodies that its methods stand for: an async
                                         method is two */
    WIRE_STATUS_SESSION_WOVEN = 13,   /* u  of them: rewritten, as the runtime asked for them */
    WIRE_STATUS_SESSION_COMPILED = 14, /* u  of them: and compiled by it without an error */
    WIRE_STATUS_SESSION_WITHDRAWN = 15, /* u  methods that could not be rewritten or compiled */
};

/* LOG */
enum wire_log {
    WIRE_LOG_LINE = 1, /* m* oldest first */
};
enum wire_log_line {
    WIRE_LOG_TIME = 1, /* u  CLOCK_REALTIME ns */
    WIRE_LOG_TEXT = 2, /* t */
};

/* RESET: end sessions. */
enum wire_reset {
    WIRE_RESET_ALL_USERS = 1, /* u  1: others' sessions too (uid 0 only, or one's own process) */
};

/* Frames. wire_frame_begin appends a head; wire_frame_end writes the length into it. */
size_t wire_frame_begin(struct buffer *buffer, enum wire_message_type type);
void wire_frame_end(struct buffer *buffer, size_t mark);
/* Looks at the front of the received bytes: STATUS_OK and a window on the payload and the whole
 * frame's size; STATUS_NOT_FOUND: incomplete, read more; STATUS_PEER: not of this contract. */
enum status wire_frame_take(const struct buffer *received, uint16_t *type, struct reader *payload,
                            size_t *whole, struct error *error);

/* Is this a client data of ours? Checks magic, major number and that the directory is
 * terminated; STATUS_PEER otherwise. `bytes` need no alignment. */
enum status wire_client_data_get(const void *bytes, size_t length, struct wire_client_data *data,
                                 struct error *error);
/* REJIG_START's text: WIRE_START_HEX_LENGTH characters and a NUL. Async-signal-safe. */
void wire_start_put(char *to, const struct wire_client_data *data);
enum status wire_start_get(const char *text, struct wire_client_data *data, struct error *error);

/* rejig-<pid>-<start>-socket; pid and start as the target sees itself. False: did not fit. */
bool wire_socket_name(char *to, size_t size, uint64_t pid, uint64_t start);

/* ERROR messages from and to struct error. An unknown status becomes STATUS_PEER. */
void wire_put_error(struct buffer *buffer, const struct error *error);
void wire_get_error(struct reader payload, struct error *error);

#endif
