/*
 * base_utf16: between UTF-16 (metadata, strings of the target; little-endian, possibly
 * with lone surrogates) and UTF-8 (everything of ours). Lone surrogates and malformed
 * UTF-8 become U+FFFD.
 */
#ifndef BASE_UTF16_H
#define BASE_UTF16_H

#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"

/* Appends `units` UTF-16 code units, read byte by byte (no alignment needed). */
void utf16_append_utf8(struct buffer *buffer, const void *utf16, size_t units);
/* As above into a fixed array, cut at a whole character, terminated. Returns bytes written
 * without the terminator. */
size_t utf16_to_utf8(char *to, size_t size, const void *utf16, size_t units);
/* Appends `text` as UTF-16LE without a terminator; returns the units appended. */
size_t utf16_append_from_utf8(struct buffer *buffer, const char *text, size_t length);
/* Into a fixed array of units, terminated; returns units without the terminator. */
size_t utf16_from_utf8(uint16_t *to, size_t units, const char *text);

#endif
