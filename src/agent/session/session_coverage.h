/*
 * session_coverage: what a session tells of its coverage (wire_message.h, COVERAGE): looked up
 * anew each time, milliseconds. Worker.
 */
#ifndef SESSION_COVERAGE_H
#define SESSION_COVERAGE_H

#include <stdbool.h>

#include "base_buffer.h"

struct session;

/* COVERED messages, where the plan asks for them, and COVERAGE. */
void session_coverage_put(struct session *session, struct buffer *out, bool final);
/* The same to the session's connection, whatever its length: with `explain` it names tens of
 * thousands of callers where every method of a big module is probed. */
void session_coverage_queue(struct session *session, bool final);
/* The numbers and the first gaps, as a field of STATUS. */
void session_coverage_put_status(struct session *session, struct buffer *out);

#endif
