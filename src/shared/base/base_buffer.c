#include "base_buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void buffer_init(struct buffer *buffer, size_t limit)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->limit = limit ? limit : BUFFER_DEFAULT_LIMIT;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->length = 0;
    buffer->capacity = 0;
    buffer->failed = false;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

bool buffer_failed(const struct buffer *buffer)
{
    return buffer->failed;
}

static size_t buffer_limit(const struct buffer *buffer)
{
    return buffer->limit ? buffer->limit : BUFFER_DEFAULT_LIMIT;
}

/* One byte more than asked is always kept, for the terminator of buffer_text. */
static bool grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity <= needed) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void *buffer_reserve(struct buffer *buffer, size_t bytes)
{
    if (buffer->failed)
        return NULL;
    size_t limit = buffer_limit(buffer);
    if (buffer->length > limit || bytes > limit - buffer->length) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->length + bytes;
    if (needed >= buffer->capacity && !grow(buffer, needed)) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->length;
}

void *buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    void *to = buffer_reserve(buffer, length);
    if (!to)
        return NULL;
    if (length > 0)
        memcpy(to, bytes, length);
    buffer->length += length;
    return to;
}

void buffer_append_zeros(struct buffer *buffer, size_t count)
{
    void *to = buffer_reserve(buffer, count);
    if (!to)
        return;
    memset(to, 0, count);
    buffer->length += count;
}

static void append_integer(struct buffer *buffer, uint64_t value, size_t width)
{
    uint8_t *to = buffer_reserve(buffer, width);
    if (!to)
        return;
    for (size_t i = 0; i < width; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    buffer->length += width;
}

void buffer_append_u8(struct buffer *buffer, uint8_t value)
{
    append_integer(buffer, value, 1);
}

void buffer_append_u16(struct buffer *buffer, uint16_t value)
{
    append_integer(buffer, value, 2);
}

void buffer_append_u32(struct buffer *buffer, uint32_t value)
{
    append_integer(buffer, value, 4);
}

void buffer_append_u64(struct buffer *buffer, uint64_t value)
{
    append_integer(buffer, value, 8);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buffer_append_vformat(buffer, format, arguments);
    va_end(arguments);
}

void buffer_append_vformat(struct buffer *buffer, const char *format, va_list arguments)
{
    if (buffer->failed)
        return;
    va_list again;
    va_copy(again, arguments);
    size_t room = buffer->capacity - buffer->length;
    int needed =
        vsnprintf(room ? (char *)buffer->data + buffer->length : NULL, room, format, arguments);
    if (needed < 0) {
        buffer->failed = true;
    } else if (buffer_reserve(buffer, (size_t)needed)) {
        if ((size_t)needed >= room)
            vsnprintf((char *)buffer->data + buffer->length, (size_t)needed + 1, format, again);
        buffer->length += (size_t)needed;
    }
    va_end(again);
}

const char *buffer_text(struct buffer *buffer)
{
    if (buffer->length == 0)
        return "";
    if (buffer->length >= buffer->capacity && !grow(buffer, buffer->length)) {
        buffer->failed = true;
        return "";
    }
    buffer->data[buffer->length] = 0;
    return (const char *)buffer->data;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    if (count >= buffer->length) {
        buffer->length = 0;
        return;
    }
    buffer->length -= count;
    memmove(buffer->data, buffer->data + count, buffer->length);
}
