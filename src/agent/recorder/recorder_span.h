/*
 * recorder_span: copying what a span points at, and looking whether a value is there at all.
 *
 * Unlike all other references, a span or a reference to a value may point at memory that is not the
 * runtime's and may be gone (at an exit, say, after the method freed it). So the kernel copies: an
 * address that is not there is an answer, not a fault. The one system call in a probe besides the
 * clock.
 */
#ifndef RECORDER_SPAN_H
#define RECORDER_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool span_copy(void *to, uint64_t from, size_t bytes);

#endif
