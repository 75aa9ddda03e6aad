/*
 * output_coverage: what the agent says of a session's coverage (wire_message.h, COVERAGE and
 * COVERED), taken in and given out as JSON. Nothing here believes the agent: texts are made
 * harmless, lists are kept up to a bound and counted beyond it.
 *
 * The texts live in the struct's own arena and end with the next coverage_take.
 */
#ifndef OUTPUT_COVERAGE_H
#define OUTPUT_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_reader.h"

#define COVERAGE_GAPS_KEPT   256u
#define COVERAGE_FRAMES_KEPT 64u

struct coverage_gap {
    bool impossible; /* else pending */
    const char *subject, *reason;
};

/* A thread that is inside code from before the probe. */
struct coverage_frame {
    uint32_t thread;
    const char *method;
    const char *inlinee; /* of which that code may hold a copy; "": the method itself is probed */
};

struct coverage {
    bool known; /* the agent has told; an old one does not */
    bool final; /* told as the session ended */
    bool follows;
    uint32_t precompiled, by_il, switched, jit;
    uint32_t pending, impossible, intrinsics;
    uint32_t threads, looked; /* 0 of 0: no stack was looked at */
    uint64_t pause_ns;
    const char *why; /* threads were not looked at; "" */
    struct coverage_gap *gaps;
    struct coverage_frame *frames;
    uint32_t gap_count, more_gaps, frame_count, more_frames;
    struct arena arena;
};

void coverage_init(struct coverage *coverage);
void coverage_release(struct coverage *coverage);
/* Takes the fields of a COVERAGE message in place of what was known. */
void coverage_take(struct coverage *coverage, struct reader message);
/* Threads inside old code. */
uint32_t coverage_frames(const struct coverage *coverage);

/* A caller that was recompiled. */
struct covered {
    const char *name, *module;
    const char *inlinee; /* "": not told */
    uint32_t sources;    /* bits of enum wire_covered_source */
    bool switched;
};
void covered_take(struct arena *arena, struct reader message, struct covered *covered);

/* The numbers as JSON fields, without braces: "precompiled":12,"by_il":0,... */
void coverage_json_numbers(struct buffer *out, const struct coverage *coverage);
/* Gaps and frames as JSON fields, each with its comma in front; nothing where there are none. */
void coverage_json_lists(struct buffer *out, const struct coverage *coverage);
/* ["recorded","il"] */
void covered_json_how(struct buffer *out, uint32_t sources);

#endif
