/*
 * metadata_internal: between the files of this room only.
 */
#ifndef METADATA_INTERNAL_H
#define METADATA_INTERNAL_H

#include "base_buffer.h"
#include "metadata_image.h"
#include "metadata_tables.h"

/* metadata_root.c: reads the root and lays out the tables; `root` is the window on them. */
enum status metadata_root_read(struct metadata_image *image, struct reader root,
                               struct error *error);

/* metadata_tables.c: coded indices (enum metadata_coded_name). The table of an unused tag: -1. */
uint32_t metadata_coded_bits(uint32_t coded);
int metadata_coded_table(uint32_t coded, uint32_t tag);
/* The value that a column of this coded index holds for the token; 0: it cannot. */
uint32_t metadata_encode(uint32_t coded, mdToken token);

enum metadata_column_kind {
    METADATA_KIND_NONE = 0,
    METADATA_KIND_U16,
    METADATA_KIND_U32,
    METADATA_KIND_STRING,
    METADATA_KIND_GUID,
    METADATA_KIND_BLOB,
    METADATA_KIND_ROW,
    METADATA_KIND_CODED,
};
struct metadata_column_schema {
    uint8_t kind;     /* enum metadata_column_kind */
    uint8_t argument; /* a table, or a coded index */
};
/* NULL behind the last column, and for tables that nobody knows. */
const struct metadata_column_schema *metadata_column_schema(uint32_t table, uint32_t column);

enum metadata_coded_name {
#define METADATA_CODED(name, bits) METADATA_CODED_##name,
#include "metadata_tables.def"
    METADATA_CODED_COUNT,
};

static inline bool metadata_text_is(const char *text, size_t length, const char *other)
{
    size_t i = 0;
    while (i < length && other[i] && text[i] == other[i])
        i++;
    return i == length && !other[i];
}

static inline void metadata_append(struct buffer *text, const char *from, size_t length)
{
    if (length > 0)
        buffer_append(text, from, length);
}

#endif
