/*
 * command_coverage: the coverage statement: which callers of the probed methods are seen, which
 * are pending, which cannot be. In words (command_coverage_text.c); as JSON: output_coverage.h.
 *
 * The agent tells it as a session begins and ends, and when asked. An agent that is too old to
 * tell it is never asked, and nothing is said of it.
 */
#ifndef COMMAND_COVERAGE_H
#define COMMAND_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_reader.h"
#include "output_coverage.h"

struct session;

/* What a session keeps of it. */
struct session_coverage {
    struct coverage said; /* the last that was told */
    struct buffer rows;   /* --explain: the callers, in words, until they are printed */
    uint64_t rows_left_out;
    struct buffer
        last_row;      /* the agent tells a caller once for each of its calls: once is enough */
    uint64_t asked_at; /* 0: never */
    bool asked;        /* ... and not answered yet */
    bool wanted;       /* something has changed: ask again */
};
void session_coverage_init(struct session_coverage *coverage);
void session_coverage_release(struct session_coverage *coverage);

/* ---- messages ---- */

void session_coverage_take(struct session *session, struct reader payload);
void session_coverage_take_row(struct session *session, struct reader payload);
/* Asks where something has changed, or `anyway`; at most once a second. */
void session_coverage_ask(struct session *session, uint64_t now, bool anyway);

/* ---- words ---- */

/* "+12 precompiled callers that hold an inlined copy; 2 modules pending": "; " in front where
 * `out` holds something. */
void coverage_append_parts(struct buffer *out, const struct coverage *coverage);
/* What the last line says of it: "12 precompiled callers, 9 of them called since"; in the same
 * way. */
void coverage_append_final(struct buffer *out, const struct coverage *coverage);
/* For the explanation of silence; each part begins with "; ". */
void coverage_append_silence(struct buffer *out, const struct coverage *coverage);
/* Something cannot be seen at all. */
bool coverage_incomplete(const struct coverage *coverage);
/* What is seen, a line each. */
void coverage_append_seen(struct buffer *out, const struct coverage *coverage);
/* What is pending and what is not seen, a line each, and how many threads were looked at. */
void coverage_append_unseen(struct buffer *out, const struct coverage *coverage);
/* One caller; on a terminal (`width`) names are cut so that it is one line. `several`: it is
 * told of which method it holds a copy. */
void coverage_append_row(struct buffer *out, const struct covered *covered, bool several,
                         unsigned width);
/* What is not seen, in short: a line for each reason, but for what `before` (NULL: nothing) had
 * told already. */
void coverage_append_short(struct buffer *out, const struct session *session,
                           const struct coverage *before);
/* The lines under a session's first one: what is not seen, in short, or all of it where --explain
 * asks. */
void coverage_tell(struct session *session);

#endif
