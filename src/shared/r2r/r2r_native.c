#include "r2r_native.h"

#define BLOCK      16 /* elements of an array that share one index */
#define BLOCK_BITS 4

static uint32_t fail(struct reader *reader)
{
    reader_skip(reader, SIZE_MAX);
    return 0;
}

/* The low bits of the first byte say how many bytes there are; the rest is the number. The top
 * of what is returned is filled with zeros; *bits says how many count. */
static uint32_t read_native(struct reader *reader, unsigned *bits)
{
    uint32_t first = reader_u8(reader);
    *bits = 32;
    if (!(first & 1)) {
        *bits = 7;
        return first >> 1;
    }
    if (!(first & 2)) {
        *bits = 14;
        return (first | (uint32_t)reader_u8(reader) << 8) >> 2;
    }
    if (!(first & 4)) {
        *bits = 21;
        return (first | (uint32_t)reader_u16(reader) << 8) >> 3;
    }
    if (!(first & 8)) {
        uint32_t low = reader_u16(reader);
        *bits = 28;
        return (first | low << 8 | (uint32_t)reader_u8(reader) << 24) >> 4;
    }
    return first & 16 ? fail(reader) : reader_u32(reader);
}

uint32_t r2r_native_u32(struct reader *reader)
{
    unsigned bits;
    uint32_t value = read_native(reader, &bits);
    return reader_failed(reader) ? 0 : value;
}

int32_t r2r_native_i32(struct reader *reader)
{
    unsigned bits;
    uint32_t value = read_native(reader, &bits);
    if (reader_failed(reader))
        return 0;
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
    enum status status = enter_bucket(table, error);
    if (status)
        return status;
    struct reader entry = table->data;
    reader_seek(&entry, table->position);
    reader_u8(&entry); /* the low byte of the hash */
    int64_t from = (int64_t)entry.position;
    uint64_t offset = reader_offset(&entry);
    int64_t to = from + r2r_native_i32(&entry);
    if (reader_failed(&entry) || to < 0 || (uint64_t)to >= table->data.length)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                            "%s: an entry of bucket %u leads out of the table", table->name,
                            table->bucket - 1);
    table->position = entry.position;
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
