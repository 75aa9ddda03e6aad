/*
 * recorder_exception: where an exception keeps its message, for exceptions of every type.
 *
 * System.Exception's own fields stand at the same offsets in all its subclasses, so the first
 * layout of an exception that becomes known tells them for those whose layout is not known yet.
 * 0: not known. Any thread.
 */
#ifndef RECORDER_EXCEPTION_H
#define RECORDER_EXCEPTION_H

#include <stddef.h>
#include <stdint.h>

uint32_t exception_message_offset(void);
uint32_t exception_inner_offset(void);

/* Bytes that names, layouts and instances hold. */
size_t layout_memory(void);

#endif
