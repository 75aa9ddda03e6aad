#include "metadata_tables.h"

#include <string.h>

#include "metadata_internal.h"

static const struct metadata_column_schema schema[METADATA_TABLE_COUNT][METADATA_MAX_COLUMNS] = {
#define ARGUMENT_U16(argument)    0
#define ARGUMENT_U32(argument)    0
#define ARGUMENT_STRING(argument) 0
#define ARGUMENT_GUID(argument)   0
#define ARGUMENT_BLOB(argument)   0
#define ARGUMENT_ROW(argument)    CLR_TABLE_##argument
#define ARGUMENT_CODED(argument)  METADATA_CODED_##argument
#define METADATA_COLUMN(table, position, name, kind, argument)                                     \
    [CLR_TABLE_##table][position] = {METADATA_KIND_##kind, ARGUMENT_##kind(argument)},
#include "metadata_tables.def"
};

static const uint8_t coded_bits[METADATA_CODED_COUNT] = {
#define METADATA_CODED(name, bits) [METADATA_CODED_##name] = bits,
#include "metadata_tables.def"
};

/* Table + 1, so that what is not named stays 0. */
static const uint8_t coded_tables[METADATA_CODED_COUNT][32] = {
#define METADATA_TAG(coded, tag, table) [METADATA_CODED_##coded][tag] = CLR_TABLE_##table + 1,
#include "metadata_tables.def"
};

const struct metadata_column_schema *metadata_column_schema(uint32_t table, uint32_t column)
{
    if (table >= METADATA_TABLE_COUNT || column >= METADATA_MAX_COLUMNS)
        return NULL;
    const struct metadata_column_schema *found = &schema[table][column];
    return found->kind == METADATA_KIND_NONE ? NULL : found;
}

uint32_t metadata_coded_bits(uint32_t coded)
{
    return coded_bits[coded];
}

int metadata_coded_table(uint32_t coded, uint32_t tag)
{
    return tag < 32 ? (int)coded_tables[coded][tag] - 1 : -1;
}

uint32_t metadata_row_count(const struct metadata_image *image, uint32_t table)
{
    return table < METADATA_TABLE_COUNT ? image->tables[table].rows : 0;
}

uint32_t metadata_cell(const struct metadata_image *image, uint32_t table, uint32_t row,
                       uint32_t column)
{
    if (table >= METADATA_TABLE_COUNT || column >= METADATA_MAX_COLUMNS)
        return 0;
    const struct metadata_table *found = &image->tables[table];
    if (row == 0 || row > found->rows || found->width[column] == 0)
        return 0;
    struct reader reader = found->data;
    reader_seek(&reader, (size_t)(row - 1) * found->row_size + found->offset[column]);
    return found->width[column] == 2 ? reader_u16(&reader) : reader_u32(&reader);
}

static mdToken decode(const struct metadata_column_schema *column, uint32_t value)
{
    if (column->kind == METADATA_KIND_ROW)
        return value ? token_make(column->argument, value) : mdTokenNil;
    if (column->kind != METADATA_KIND_CODED)
        return mdTokenNil;
    uint32_t bits = coded_bits[column->argument];
    int table = metadata_coded_table(column->argument, value & ((1u << bits) - 1));
    uint32_t row = value >> bits;
    return table < 0 || row == 0 ? mdTokenNil : token_make((uint32_t)table, row);
}

mdToken metadata_cell_token(const struct metadata_image *image, uint32_t table, uint32_t row,
                            uint32_t column)
{
    const struct metadata_column_schema *found = metadata_column_schema(table, column);
    return found ? decode(found, metadata_cell(image, table, row, column)) : mdTokenNil;
}

uint32_t metadata_encode(uint32_t coded, mdToken token)
{
    for (uint32_t tag = 0; tag < 32; tag++)
        if (coded_tables[coded][tag] == token_table(token) + 1)
            return token_rid(token) << coded_bits[coded] | tag;
    return 0;
}

const char *metadata_string(const struct metadata_image *image, uint32_t index)
{
    /* The heap ends with a NUL (metadata_root.c), so any byte in it begins a text. */
    struct reader reader = image->strings;
    reader_seek(&reader, index);
    const uint8_t *text = reader_bytes(&reader, 1);
    return text ? (const char *)text : "";
}

struct reader metadata_blob(const struct metadata_image *image, uint32_t index)
{
    struct reader reader = image->blobs;
    if (index == 0)
        return reader_window(&reader, 0, 0);
    reader_seek(&reader, index);
    uint32_t length = reader_compressed_u32(&reader);
    if (reader_failed(&reader))
        return reader_window(&image->blobs, SIZE_MAX, 1);
    return reader_window(&reader, reader.position, length);
}

const uint8_t *metadata_guid(const struct metadata_image *image, uint32_t index)
{
    struct reader reader = image->guids;
    if (index == 0)
        return NULL;
    reader_seek(&reader, (size_t)(index - 1) * 16);
    return reader_bytes(&reader, 16);
}

struct reader metadata_user_string(const struct metadata_image *image, mdToken token)
{
    struct reader reader = image->user_strings;
    reader_seek(&reader, token_rid(token));
    uint32_t length = reader_compressed_u32(&reader);
    if (reader_failed(&reader) || length == 0)
        return reader_window(&image->user_strings, 0, 0);
    return reader_window(&reader, reader.position, length & ~1u);
}

const char *metadata_cell_text(const struct metadata_image *image, uint32_t table, uint32_t row,
                               uint32_t column)
{
    return metadata_string(image, metadata_cell(image, table, row, column));
}

struct reader metadata_cell_blob(const struct metadata_image *image, uint32_t table, uint32_t row,
                                 uint32_t column)
{
    return metadata_blob(image, metadata_cell(image, table, row, column));
}

bool metadata_token_exists(const struct metadata_image *image, mdToken token)
{
    return token_rid(token) != 0 &&
           token_rid(token) <= metadata_row_count(image, token_table(token));
}
