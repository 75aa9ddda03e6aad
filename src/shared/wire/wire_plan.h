/*
 * wire_plan: a session's probes in the form that the CLI compiles and the agent weaves.
 *
 * The CLI knows the user's words; the agent knows the types: so a plan holds patterns,
 * paths and conditions as checked syntax, and the agent binds their names per method (and
 * answers with what does exist where a name does not).
 *
 * In memory everything hangs on one arena (base_arena.h); wire_plan_get builds it from a
 * message and checks every bound below.
 */
#ifndef WIRE_PLAN_H
#define WIRE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"

#define PLAN_MAX_PROBES 64
#define PLAN_MAX_VALUES 64
#define PLAN_MAX_STEPS  16
#define PLAN_MAX_NODES  128
#define PLAN_MAX_TEXT   4096

/* Bounds of what a plan may ask from the target. */
#define PLAN_MAX_DEPTH      16u
#define PLAN_MAX_ITEMS      10000u
#define PLAN_MAX_STRING     16384u
#define PLAN_MIN_BYTES      512u  /* an exception, what joins records, and some values */
#define PLAN_MAX_BYTES      8192u /* a quarter of a chunk, see wire_record.h */
#define PLAN_MIN_RING_BYTES (128u << 10)
#define PLAN_MAX_RING_BYTES (128u << 20)
#define PLAN_MAX_BUDGET     1000000000u /* a thousand cores */

#define PLAN_BUDGET   50000u  /* the default: 5 % of one core */
#define PLAN_MAX_RATE 500000u /* the default */

enum plan_action {
    PLAN_WATCH = 1, /* a record per call */
    PLAN_COUNT = 2, /* WIRE_COUNTER_CALLS only */
    PLAN_PATCH = 3, /* nothing is recorded: the method gives `literal` and runs nothing else */
};

enum plan_moment {
    PLAN_ON_CALL = 0,   /* enter and exit, joined: the default */
    PLAN_ON_ENTER = 1,  /* one EVENT record at entry */
    PLAN_ON_RETURN = 2, /* values at the moment of return; no line for exceptions */
    PLAN_ON_THROW = 3,  /* left by an exception */
};

enum plan_root {
    PLAN_ROOT_NAME = 1, /* a parameter (or `this`'s member, where no parameter has the name) */
    PLAN_ROOT_THIS = 2,
    PLAN_ROOT_RET = 3,
    PLAN_ROOT_EX = 4,
    PLAN_ROOT_ELAPSED = 5,
};

/* order.Customer.Name: root PLAN_ROOT_NAME, steps[0] "order", then the fields;
 * for the other roots the steps are the fields. */
struct plan_path {
    const char *text; /* as written */
    uint32_t column;  /* of its first byte within the user's text, for messages */
    uint32_t root;    /* enum plan_root */
    uint32_t step_count;
    const char **steps;
};

enum plan_node_kind {
    PLAN_NODE_AND = 1,
    PLAN_NODE_OR = 2,
    PLAN_NODE_NOT = 3,
    PLAN_NODE_EQ = 4, /* path OP constant */
    PLAN_NODE_NE = 5,
    PLAN_NODE_LT = 6,
    PLAN_NODE_LE = 7,
    PLAN_NODE_GT = 8,
    PLAN_NODE_GE = 9,
};

enum plan_constant_kind {
    PLAN_CONSTANT_NULL = 1,
    PLAN_CONSTANT_BOOL = 2,
    PLAN_CONSTANT_NUMBER = 3, /* integer or decimal: digits scaled by 10^-scale */
    PLAN_CONSTANT_DOUBLE = 4, /* with an exponent, or beyond the decimal range */
    PLAN_CONSTANT_STRING = 5,
    PLAN_CONSTANT_NAME = 6,     /* Closed, OrderState.Closed: an enum member */
    PLAN_CONSTANT_DURATION = 7, /* nanoseconds */
    PLAN_CONSTANT_CHAR = 8,
};

struct plan_constant {
    uint32_t kind;
    uint32_t scale;     /* NUMBER: digits behind the point */
    uint32_t negative;  /* NUMBER */
    uint64_t low, high; /* NUMBER: 128-bit magnitude; BOOL, DURATION, CHAR: low */
    double real;        /* NUMBER and DOUBLE */
    const char *text;   /* STRING (UTF-8), NAME; NUMBER and DOUBLE: as written */
};

/* Nodes in prefix order: AND and OR have two children, which follow; NOT one. */
struct plan_node {
    uint32_t kind;
    uint32_t column; /* for messages: of a comparison's constant, else of the operator */
    uint32_t right;  /* AND, OR: index of the second child */
    struct plan_path path;
    struct plan_constant constant;
};

/* What a patched method gives instead of its result: a C# literal, read by the CLI, whose type is
 * settled by the agent, which knows what the method returns. */
enum plan_literal_kind {
    PLAN_LITERAL_NOTHING = 1, /* void: the body is skipped */
    PLAN_LITERAL_DEFAULT = 2,
    PLAN_LITERAL_NULL = 3,
    PLAN_LITERAL_BOOL = 4,    /* low */
    PLAN_LITERAL_INTEGER = 5, /* negative, low, the suffixes U and L; real and single besides */
    PLAN_LITERAL_REAL = 6,    /* real, single; suffix F, D, M or 0; where decimal: 96 bits, scale */
    PLAN_LITERAL_CHAR = 7,    /* low */
    PLAN_LITERAL_STRING = 8,  /* units */
    PLAN_LITERAL_NAME = 9,    /* OrderState.Closed, A | B: members of an enum, in text */
};

enum plan_suffix {
    PLAN_SUFFIX_U = 1,
    PLAN_SUFFIX_L = 2,
    PLAN_SUFFIX_F = 4,
    PLAN_SUFFIX_D = 8,
    PLAN_SUFFIX_M = 16,
};

#define PLAN_MAX_UNITS 4096

struct plan_literal {
    uint32_t kind;     /* enum plan_literal_kind; 0: there is none */
    uint32_t suffix;   /* bits of enum plan_suffix */
    uint32_t negative; /* INTEGER and REAL; real and single have their sign */
    uint32_t decimal;  /* REAL: it is exactly the magnitude high:low times 10^-scale */
    uint32_t scale;    /* 0 to 28 */
    uint64_t low, high;
    double real;
    float single;          /* rounded once, from the text */
    const char *text;      /* as written */
    const uint16_t *units; /* STRING: UTF-16, lone surrogates and NULs as they are */
    uint32_t unit_count;
};

/* Where within the method; only PLAN_COUNT knows other places than its entry. */
enum plan_place {
    PLAN_AT_ENTRY = 0,
    PLAN_AT_OFFSET = 1,  /* `offset`: of an instruction of the IL */
    PLAN_AT_PERCENT = 2, /* the instruction at `offset` hundredths of the IL, 0 to 99 */
};

struct plan_probe {
    uint32_t action; /* enum plan_action */
    uint32_t moment; /* enum plan_moment */
    uint32_t place;  /* enum plan_place */
    uint32_t offset;
    const char *pattern;
    uint32_t value_count; /* 0 with show_all: everything, `depth` levels deep */
    struct plan_path *values;
    bool show_all;
    uint32_t node_count; /* 0: no condition */
    struct plan_node *nodes;
    const char *condition;       /* as written, for messages */
    struct plan_literal literal; /* PATCH */
};

struct plan {
    uint32_t probe_count;
    struct plan_probe *probes;
    uint32_t max_methods;
    uint32_t depth;      /* levels of fields below a value: default 1 */
    uint32_t max_items;  /* of arrays and lists: default 10 */
    uint32_t max_string; /* UTF-16 units: default 256 */
    uint32_t max_bytes;  /* of one record: default WIRE_RECORD_MAX_BYTES */
    uint64_t ring_bytes; /* default 32 MiB */
    bool allow_empty;    /* a pattern that matches nothing waits instead of failing */
    uint64_t time_limit; /* ns; 0: none. The agent itself ends the session soon after */
    uint32_t budget;     /* millionths of one core that the probes may take; 0: no bound */
    uint64_t max_rate;   /* calls recorded a second; 0: no bound */
    bool explain;        /* coverage names each inliner (COVERED), and every refusal is told */
    bool drop_tail;      /* `tail.` is dropped where an exit is to be seen, instead of refusing */
    const char *command; /* what the user typed, for status */
};

void plan_init(struct plan *plan);
/* Appends the fields of a PLAN message. */
void wire_plan_put(struct buffer *buffer, const struct plan *plan);
enum status wire_plan_get(struct reader payload, struct arena *arena, struct plan *plan,
                          struct error *error);

#endif
