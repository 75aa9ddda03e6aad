#include "base_reader.h"

#include <string.h>

static const uint8_t nothing[1];

void reader_init(struct reader *reader, const void *data, size_t length)
{
    memset(reader, 0, sizeof(*reader));
    reader->data = data && length ? data : nothing;
    reader->length = data ? length : 0;
}

bool reader_failed(const struct reader *reader)
{
    return reader->failed;
}

size_t reader_left(const struct reader *reader)
{
    return reader->length - reader->position;
}

uint64_t reader_offset(const struct reader *reader)
{
    return reader->base + reader->position;
}

static void fail(struct reader *reader)
{
    reader->position = reader->length;
    reader->failed = true;
}

void reader_seek(struct reader *reader, size_t position)
{
    if (reader->failed)
        return;
    if (position > reader->length)
        fail(reader);
    else
        reader->position = position;
}

void reader_skip(struct reader *reader, size_t count)
{
    if (count > reader_left(reader))
        fail(reader);
    else
        reader->position += count;
}

void reader_align(struct reader *reader, size_t alignment)
{
    size_t over = reader->position & (alignment - 1);
    if (over)
        reader_skip(reader, alignment - over);
}

const uint8_t *reader_bytes(struct reader *reader, size_t length)
{
    if (reader->failed || length > reader_left(reader)) {
        fail(reader);
        return NULL;
    }
    const uint8_t *bytes = reader->data + reader->position;
    reader->position += length;
    return bytes;
}

bool reader_copy(struct reader *reader, void *to, size_t length)
{
    const uint8_t *bytes = reader_bytes(reader, length);
    if (!bytes)
        return false;
    if (length > 0)
        memcpy(to, bytes, length);
    return true;
}

static uint64_t read_integer(struct reader *reader, size_t width)
{
    const uint8_t *bytes = reader_bytes(reader, width);
    if (!bytes)
        return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)read_integer(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)read_integer(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)read_integer(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return read_integer(reader, 8);
}

int8_t reader_i8(struct reader *reader)
{
    return (int8_t)read_integer(reader, 1);
}

int16_t reader_i16(struct reader *reader)
{
    return (int16_t)read_integer(reader, 2);
}

int32_t reader_i32(struct reader *reader)
{
    return (int32_t)read_integer(reader, 4);
}

int64_t reader_i64(struct reader *reader)
{
    return (int64_t)read_integer(reader, 8);
}

const char *reader_text(struct reader *reader, size_t *length)
{
    if (length)
        *length = 0;
    const uint8_t *start = reader->data + reader->position;
    const uint8_t *end = NULL;
    if (!reader->failed && reader_left(reader) > 0)
        end = memchr(start, 0, reader_left(reader));
    if (!end) {
        fail(reader);
        return NULL;
    }
    size_t bytes = (size_t)(end - start);
    reader->position += bytes + 1;
    if (length)
        *length = bytes;
    return (const char *)start;
}

struct reader reader_window(const struct reader *reader, size_t offset, size_t length)
{
    struct reader window;
    bool inside = offset <= reader->length && length <= reader->length - offset;
    reader_init(&window, inside ? reader->data + offset : NULL, inside ? length : 0);
    window.base = reader->base + offset;
    window.failed = !inside;
    return window;
}

/* Returns the value and, in *bits, how many bits its form holds; 0 bits: malformed. */
static uint32_t read_compressed(struct reader *reader, unsigned *bits)
{
    uint32_t first = reader_u8(reader);
    *bits = 0;
    if (reader->failed)
        return 0;
    if ((first & 0x80) == 0) {
        *bits = 7;
        return first;
    }
    if ((first & 0xc0) == 0x80) {
        uint32_t second = reader_u8(reader);
        *bits = 14;
        return (first & 0x3f) << 8 | second;
    }
    if ((first & 0xe0) == 0xc0) {
        const uint8_t *rest = reader_bytes(reader, 3);
        *bits = 29;
        if (!rest)
            return 0;
        return (first & 0x1f) << 24 | (uint32_t)rest[0] << 16 | (uint32_t)rest[1] << 8 | rest[2];
    }
    fail(reader);
    return 0;
}

uint32_t reader_compressed_u32(struct reader *reader)
{
    unsigned bits;
    uint32_t value = read_compressed(reader, &bits);
    return reader->failed ? 0 : value;
}

/* The sign bit stands in the lowest place, the number was rotated left by one. */
int32_t reader_compressed_i32(struct reader *reader)
{
    unsigned bits;
    uint32_t value = read_compressed(reader, &bits);
    if (reader->failed)
        return 0;
    uint32_t magnitude = value >> 1;
    return (value & 1) ? (int32_t)magnitude - (int32_t)(1u << (bits - 1)) : (int32_t)magnitude;
}
