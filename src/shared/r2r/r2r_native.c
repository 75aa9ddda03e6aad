#include "r2r_native.h"

#include <string.h>

#define BLOCK      16 /* elements of an array that share one index */
#define BLOCK_BITS 4

void r2r_stream_init(struct r2r_stream *stream, struct reader reader)
{
    stream->reader = reader;
    stream->at = stream->length = 0;
    stream->failed = reader_failed(&reader);
}

uint64_t r2r_stream_offset(const struct r2r_stream *stream)
{
    return reader_offset(&stream->reader) - (stream->length - stream->at);
}

/* Keeps what is left and reads as much as fits behind it. */
static void read_ahead(struct r2r_stream *stream)
{
    uint32_t kept = stream->length - stream->at;
    size_t more = reader_left(&stream->reader);
    if (kept > 0)
        memmove(stream->ahead, stream->ahead + stream->at, kept);
    if (more > R2R_STREAM_BYTES - kept)
        more = R2R_STREAM_BYTES - kept;
    reader_copy(&stream->reader, stream->ahead + kept, more);
    stream->at = 0;
    stream->length = kept + (uint32_t)more;
    memset(stream->ahead + stream->length, 0, 4);
}

/* A number in its bytes, of which five may be looked at; *size is how many it takes, 0 where its
 * form is none of the five. The top of what is returned is filled with zeros; *bits count. */
static uint32_t decode(const uint8_t *bytes, uint32_t *size, unsigned *bits)
{
    uint32_t first = bytes[0];
    uint32_t four =
        first | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if ((first & 15) == 15) {
        *size = first & 16 ? 0 : 5;
        *bits = 32;
        return four >> 8 | (uint32_t)bytes[4] << 24;
    }
    *size = (uint32_t)__builtin_ctz(~first) + 1;
    *bits = 7 * *size;
    return (four & (UINT32_MAX >> (32 - 8 * *size))) >> *size;
}

uint32_t r2r_stream_slow(struct r2r_stream *stream)
{
    uint32_t size;
    unsigned bits;
    if (stream->length - stream->at < 5)
        read_ahead(stream);
    uint32_t value = decode(stream->ahead + stream->at, &size, &bits);
    if (size == 0 || size > stream->length - stream->at) {
        stream->failed = true;
        stream->at = stream->length;
        return 0;
    }
    stream->at += size;
    return stream->failed ? 0 : value;
}

/* As many of `size` bytes at `position` as there are, and zeros behind them. */
static uint32_t peek(const struct reader *reader, size_t position, uint8_t *bytes, size_t size)
{
    struct reader at = *reader;
    memset(bytes, 0, size);
    if (position > at.length)
        return 0;
    reader_seek(&at, position);
    if (size > reader_left(&at))
        size = reader_left(&at);
    reader_copy(&at, bytes, size);
    return (uint32_t)size;
}

static uint32_t read_native(struct reader *reader, unsigned *bits)
{
    uint8_t bytes[8];
    uint32_t size, there = peek(reader, reader->position, bytes, 5);
    uint32_t value = decode(bytes, &size, bits);
    if (size == 0 || size > there || reader_failed(reader)) {
        reader_skip(reader, SIZE_MAX);
        return 0;
    }
    reader_skip(reader, size);
    return value;
}

uint32_t r2r_native_u32(struct reader *reader)
{
    unsigned bits;
    return read_native(reader, &bits);
}

static int32_t extend(uint32_t value, unsigned bits)
{
    if (bits < 32 && value >> (bits - 1))
        value |= UINT32_MAX << bits;
    return (int32_t)value;
}

static uint32_t read_index(struct reader *reader, uint32_t width)
{
    if (width == 1)
        return reader_u8(reader);
    return width == 2 ? reader_u16(reader) : reader_u32(reader);
}

enum status r2r_table_open(struct r2r_table *table, struct reader section, const char *name,
                           struct error *error)
{
    *table = (struct r2r_table){.data = section, .name = name};
    uint8_t head = reader_u8(&section);
    uint32_t shift = head >> 2, width = head & 3;
    table->base = section.position;
    if (reader_failed(&section) || width == 3 || shift > 30)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)table->data.base,
                            "%s: its hash table begins with 0x%02x", name, head);
    table->index_width = 1u << width;
    table->bucket_count = 1u << shift;
    if (((uint64_t)table->bucket_count + 1) * table->index_width > reader_left(&section))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)table->data.base,
                            "%s: a table of %u buckets does not fit its %zu bytes", name,
                            table->bucket_count, table->data.length);
    return STATUS_OK;
}

/* Moves to the next bucket that holds entries; false at the end of the table. */
static enum status enter_bucket(struct r2r_table *table, struct error *error)
{
    while (table->position >= table->end) {
        struct reader index = table->data;
        if (table->bucket == table->bucket_count)
            return STATUS_NOT_FOUND;
        reader_seek(&index, table->base + (size_t)table->bucket * table->index_width);
        uint64_t offset = reader_offset(&index);
        size_t start = table->base + read_index(&index, table->index_width);
        size_t end = table->base + read_index(&index, table->index_width);
        if (reader_failed(&index) || start < table->end || end < start || end > table->data.length)
            return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                                "%s: bucket %u does not follow the one before it", table->name,
                                table->bucket);
        table->position = start;
        table->end = end;
        table->bucket++;
    }
    return STATUS_OK;
}

enum status r2r_table_next(struct r2r_table *table, struct reader *payload, struct error *error)
{
    uint8_t bytes[8];
    uint32_t size;
    unsigned bits;
    enum status status = enter_bucket(table, error);
    if (status)
        return status;
    /* The low byte of the hash, and where the entry stands, counted from that number. */
    uint32_t there = peek(&table->data, table->position, bytes, 6);
    int64_t from = (int64_t)table->position + 1;
    int64_t to = decode(bytes + 1, &size, &bits);
    to = from + extend((uint32_t)to, bits);
    if (size == 0 || size + 1 > there || to < 0 || (uint64_t)to >= table->data.length)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)table->data.base + from,
                            "%s: an entry of bucket %u leads out of the table", table->name,
                            table->bucket - 1);
    table->position += size + 1;
    *payload = table->data;
    reader_seek(payload, (size_t)to);
    return STATUS_OK;
}

enum status r2r_array_open(struct r2r_array *array, struct reader section, const char *name,
                           struct error *error)
{
    *array = (struct r2r_array){.data = section};
    uint32_t head = r2r_native_u32(&section);
    array->count = head >> 2;
    array->index_width = (head & 3) == 0 ? 1 : (head & 3) == 1 ? 2 : 4;
    array->base = section.position;
    uint64_t blocks = ((uint64_t)array->count + BLOCK - 1) / BLOCK;
    if (reader_failed(&section) || blocks * array->index_width > reader_left(&section))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)array->data.base,
                            "%s: an array of %u elements does not fit its %zu bytes", name,
                            array->count, array->data.length);
    return STATUS_OK;
}

/* One level of the tree over a block. True: found, or to be looked for one level down. */
static bool descend(struct reader *at, uint32_t index, uint32_t bit, bool *leaf)
{
    size_t start = at->position;
    uint32_t value = r2r_native_u32(at);
    *leaf = false;
    if ((index & bit) && (value & 2)) {
        reader_seek(at, start + (value >> 2));
        return true;
    }
    if (!(index & bit) && (value & 1))
        return true;
    *leaf = true;
    return (value & 3) == 0 && (value >> 2) == (index & (BLOCK - 1));
}

enum status r2r_array_find(const struct r2r_array *array, uint32_t index, struct reader *element,
                           struct error *error)
{
    if (index >= array->count)
        return STATUS_NOT_FOUND;
    struct reader at = array->data;
    reader_seek(&at, array->base + (size_t)(index / BLOCK) * array->index_width);
    uint64_t offset = reader_offset(&at);
    size_t block = array->base + read_index(&at, array->index_width);
    reader_seek(&at, block);
    bool found = true, leaf = false;
    for (uint32_t level = BLOCK_BITS; level-- > 0 && found && !leaf;)
        found = descend(&at, index, 1u << level, &leaf);
    if (reader_failed(&at))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                            "the array's element %u leads out of its section", index);
    *element = at;
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}
