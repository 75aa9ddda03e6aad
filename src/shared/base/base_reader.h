/*
 * base_reader: the only way to read untrusted bytes (images, IL, metadata, sockets, files).
 *
 * A reader is a window on bytes that somebody else owns, and a position in it. No read
 * ever leaves the window. Failure is sticky: a read past the end returns 0, puts the
 * position at the end and sets `failed`; so a parser may read a whole structure and check
 * once. All integers are little-endian. Offsets handed out are relative to `base`, the
 * file offset of the window's first byte, so that messages name offsets of the file.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"

struct reader {
    const uint8_t *data;
    size_t length;
    size_t position;
    uint64_t base;
    bool failed;
};

void reader_init(struct reader *reader, const void *data, size_t length);
bool reader_failed(const struct reader *reader);
size_t reader_left(const struct reader *reader);
/* The file offset of the next byte. */
uint64_t reader_offset(const struct reader *reader);
void reader_seek(struct reader *reader, size_t position);
void reader_skip(struct reader *reader, size_t count);
/* Moves to the next multiple of `alignment` (a power of two) counted from the window's start. */
void reader_align(struct reader *reader, size_t alignment);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
int8_t reader_i8(struct reader *reader);
int16_t reader_i16(struct reader *reader);
int32_t reader_i32(struct reader *reader);
int64_t reader_i64(struct reader *reader);
/* The next `length` bytes, or NULL (and failed). Borrowed from the window's owner. */
const uint8_t *reader_bytes(struct reader *reader, size_t length);
bool reader_copy(struct reader *reader, void *to, size_t length);
/* Text up to its NUL, the terminator consumed; NULL where none stands in the window.
 * *length (where not NULL) is without the terminator. Borrowed. */
const char *reader_text(struct reader *reader, size_t *length);
/* A sub-window; an empty, failed one where [offset, offset+length) leaves the window. */
struct reader reader_window(const struct reader *reader, size_t offset, size_t length);
/* ECMA-335 II.23.2 compressed integers. */
uint32_t reader_compressed_u32(struct reader *reader);
int32_t reader_compressed_i32(struct reader *reader);

#endif
