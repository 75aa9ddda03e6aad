/*
 * base_buffer: a growing array of bytes, also used to build text.
 *
 * Owner: whoever holds the struct; buffer_release frees. Failure is sticky: when memory
 * runs out or the limit is reached, the buffer keeps what it had, further appends do
 * nothing, and buffer_failed() answers true: so a writer checks once at its end.
 * Not for two threads at once.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;   /* may be NULL while length is 0 */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* length never grows over this; 0: BUFFER_DEFAULT_LIMIT */
    bool failed;
};

#define BUFFER_DEFAULT_LIMIT ((size_t)256 << 20)

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_release(struct buffer *buffer);
/* Empties without freeing; forgets a failure. */
void buffer_clear(struct buffer *buffer);
bool buffer_failed(const struct buffer *buffer);
/* Makes room for `bytes` more and returns where they go (length is not moved), or NULL. */
void *buffer_reserve(struct buffer *buffer, size_t bytes);
/* Appends; returns where the copy stands (valid until the next append), or NULL. */
void *buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_append_zeros(struct buffer *buffer, size_t count);
/* Little-endian integers. */
void buffer_append_u8(struct buffer *buffer, uint8_t value);
void buffer_append_u16(struct buffer *buffer, uint16_t value);
void buffer_append_u32(struct buffer *buffer, uint32_t value);
void buffer_append_u64(struct buffer *buffer, uint64_t value);
/* Text, without a terminator. */
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_append_vformat(struct buffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/* Puts a NUL behind the content (not counted in length) and returns it as C text;
 * "" where the buffer is empty or failed to grow. */
const char *buffer_text(struct buffer *buffer);
/* Drops `count` bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t count);

#endif
