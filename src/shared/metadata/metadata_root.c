/* The metadata root, its streams and the layout of the tables (ECMA-335 II.24.2). */
#include <string.h>

#include "base_text.h"
#include "metadata_internal.h"

#define ROOT_MAGIC      0x424a5342 /* 'BSJB' */
#define MAX_VERSION     255
#define MAX_STREAM_NAME 32
#define MAX_STREAMS     64
#define MAX_ROWS        0x00ffffffu
#define PDB_FIRST_TABLE 0x30

enum heap_size {
    HEAP_STRING_WIDE = 0x01,
    HEAP_GUID_WIDE = 0x02,
    HEAP_BLOB_WIDE = 0x04,
    HEAP_EXTRA_DATA = 0x40,
};

struct layout {
    struct reader tables; /* the #~ or #- stream */
    bool minimal_delta;   /* #JTD: all indices take four bytes */
    uint8_t heaps;
    /* What sizes of indices follow: the tables' own counts, and in a pdb those of the image
     * that it belongs to. */
    uint32_t counts[METADATA_TABLE_COUNT];
};

/* Every index into the heap then begins a text that ends within it. */
static struct reader to_last_nul(struct reader heap)
{
    size_t length = heap.length;
    for (; length > 0; length--) {
        struct reader last = reader_window(&heap, length - 1, 1);
        if (reader_u8(&last) == 0)
            break;
    }
    return reader_window(&heap, 0, length);
}

static void take_stream(struct metadata_image *image, struct layout *layout, const char *name,
                        struct reader stream)
{
    if (strcmp(name, "#~") == 0 || strcmp(name, "#-") == 0) {
        layout->tables = stream;
        image->uncompressed = name[1] == '-';
    } else if (strcmp(name, "#Strings") == 0) {
        image->strings = to_last_nul(stream);
    } else if (strcmp(name, "#US") == 0) {
        image->user_strings = stream;
    } else if (strcmp(name, "#Blob") == 0) {
        image->blobs = stream;
    } else if (strcmp(name, "#GUID") == 0) {
        image->guids = stream;
    } else if (strcmp(name, "#Pdb") == 0) {
        image->pdb = stream;
    } else if (strcmp(name, "#JTD") == 0) {
        layout->minimal_delta = true;
    }
}

static enum status read_streams(struct metadata_image *image, struct layout *layout,
                                struct reader *reader, struct error *error)
{
    reader_u16(reader); /* flags */
    uint16_t count = reader_u16(reader);
    if (count > MAX_STREAMS)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader) - 2,
                            "the metadata claims %u streams", count);
    for (uint16_t i = 0; i < count; i++) {
        uint64_t at = reader_offset(reader);
        uint32_t offset = reader_u32(reader);
        uint32_t size = reader_u32(reader);
        size_t length = 0;
        const char *name = reader_text(reader, &length);
        reader_align(reader, 4);
        struct reader stream = reader_window(reader, offset, size);
        if (!name || length >= MAX_STREAM_NAME || reader_failed(&stream))
            return error_set_at(error, STATUS_MALFORMED, (int64_t)at,
                                "stream %u of the metadata is not within it", i);
        take_stream(image, layout, name, stream);
    }
    return STATUS_OK;
}

/* 2 or 4 bytes for an index into tables whose biggest has `rows` rows. */
static uint8_t index_width(const struct layout *layout, uint32_t rows, uint32_t tag_bits)
{
    return layout->minimal_delta || rows >= 1u << (16 - tag_bits) ? 4 : 2;
}

static uint8_t coded_width(const struct layout *layout, uint32_t coded)
{
    uint32_t most = 0, bits = metadata_coded_bits(coded);
    for (uint32_t tag = 0; tag < 1u << bits; tag++) {
        int table = metadata_coded_table(coded, tag);
        if (table >= 0 && layout->counts[table] > most)
            most = layout->counts[table];
    }
    return index_width(layout, most, bits);
}

static uint8_t column_width(const struct layout *layout,
                            const struct metadata_column_schema *column)
{
    uint8_t heaps = layout->minimal_delta ? 0xff : layout->heaps;
    switch (column->kind) {
    case METADATA_KIND_U16:
        return 2;
    case METADATA_KIND_STRING:
        return heaps & HEAP_STRING_WIDE ? 4 : 2;
    case METADATA_KIND_GUID:
        return heaps & HEAP_GUID_WIDE ? 4 : 2;
    case METADATA_KIND_BLOB:
        return heaps & HEAP_BLOB_WIDE ? 4 : 2;
    case METADATA_KIND_ROW:
        return index_width(layout, layout->counts[column->argument], 0);
    case METADATA_KIND_CODED:
        return coded_width(layout, column->argument);
    default:
        return 4;
    }
}

static void lay_out_columns(const struct layout *layout, uint32_t number,
                            struct metadata_table *table)
{
    const struct metadata_column_schema *column;
    uint32_t offset = 0;
    for (uint32_t i = 0; (column = metadata_column_schema(number, i)); i++) {
        table->offset[i] = (uint8_t)offset;
        table->width[i] = column_width(layout, column);
        offset += table->width[i];
    }
    table->row_size = (uint16_t)offset;
}

static enum status lay_out_tables(struct metadata_image *image, struct layout *layout,
                                  struct reader *reader, struct error *error)
{
    for (uint32_t i = 0; i < METADATA_TABLE_COUNT; i++) {
        struct metadata_table *table = &image->tables[i];
        lay_out_columns(layout, i, table);
        uint64_t bytes = (uint64_t)table->rows * table->row_size;
        table->data = reader_window(reader, reader->position, bytes);
        if (reader_failed(&table->data))
            return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader),
                                "table %s with %u rows leaves the metadata", clr_table_name(i),
                                table->rows);
        reader_skip(reader, bytes);
    }
    return STATUS_OK;
}

static enum status read_row_counts(struct metadata_image *image, struct layout *layout,
                                   struct reader *reader, uint64_t valid, uint64_t sorted,
                                   struct error *error)
{
    for (uint32_t i = 0; i < METADATA_TABLE_COUNT; i++) {
        if (!(valid >> i & 1))
            continue;
        uint32_t rows = reader_u32(reader);
        if (rows > MAX_ROWS || !metadata_column_schema(i, 0))
            return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader) - 4,
                                "table 0x%02x with %u rows is none that metadata has", i, rows);
        image->tables[i].rows = rows;
        image->tables[i].sorted = sorted >> i & 1;
        layout->counts[i] = rows;
    }
    return STATUS_OK;
}

/* In a pdb, indices into the image's tables are as wide as the image's own row counts say. */
static enum status read_pdb_counts(const struct metadata_image *image, struct layout *layout,
                                   struct error *error)
{
    struct reader reader = image->pdb;
    reader_skip(&reader, 24); /* id and entry point */
    uint64_t referenced = reader_u64(&reader);
    for (uint32_t i = 0; i < PDB_FIRST_TABLE; i++) {
        if (!(referenced >> i & 1))
            continue;
        uint32_t rows = reader_u32(&reader);
        if (rows <= MAX_ROWS)
            layout->counts[i] = rows;
    }
    if (reader_failed(&reader))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)image->pdb.base,
                            "the #Pdb stream is cut off");
    return STATUS_OK;
}

static enum status read_tables(struct metadata_image *image, struct layout *layout,
                               struct error *error)
{
    struct reader *reader = &layout->tables;
    reader_skip(reader, 6);
    layout->heaps = reader_u8(reader);
    reader_skip(reader, 1);
    uint64_t valid = reader_u64(reader);
    uint64_t sorted = reader_u64(reader);
    enum status status = read_row_counts(image, layout, reader, valid, sorted, error);
    if (!status && image->pdb.length > 0)
        status = read_pdb_counts(image, layout, error);
    if (status)
        return status;
    if (layout->heaps & HEAP_EXTRA_DATA)
        reader_skip(reader, 4);
    if (reader_failed(reader))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader),
                            "the table stream of the metadata is cut off");
    return lay_out_tables(image, layout, reader, error);
}

enum status metadata_root_read(struct metadata_image *image, struct reader root,
                               struct error *error)
{
    struct layout layout;
    memset(&layout, 0, sizeof(layout));
    image->root = root;
    image->version = "";
    reader_init(&image->strings, NULL, 0);
    image->user_strings = image->blobs = image->guids = image->pdb = image->strings;
    for (uint32_t i = 0; i < METADATA_TABLE_COUNT; i++)
        reader_init(&image->tables[i].data, NULL, 0);

    struct reader reader = root;
    if (reader_u32(&reader) != ROOT_MAGIC)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)root.base,
                            "not metadata: no BSJB signature");
    reader_skip(&reader, 8);
    uint32_t version_length = reader_u32(&reader);
    struct reader version = reader_window(&reader, reader.position, version_length);
    if (version_length > MAX_VERSION + 1 || !(image->version = reader_text(&version, NULL))) {
        image->version = "";
        return error_set_at(error, STATUS_MALFORMED, (int64_t)root.base + 12,
                            "the metadata's version text is malformed");
    }
    reader_skip(&reader, version_length);
    reader_align(&reader, 4);
    enum status status = read_streams(image, &layout, &reader, error);
    if (status)
        return status;
    if (layout.tables.length == 0)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)root.base,
                            "the metadata has no tables");
    return read_tables(image, &layout, error);
}
