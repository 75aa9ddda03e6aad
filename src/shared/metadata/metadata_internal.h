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

/* metadata_resolve.c */
mdToken metadata_find_nested(const struct metadata_image *image, mdToken enclosing,
                             const char *name, size_t length);

/* metadata_generated.c: a type's own name as the source has it: without the arity behind its
 * backtick and without the mangling of file-local types. */
struct metadata_type_word {
    const char *text;
    size_t length;
    uint32_t arity;
};
struct metadata_type_word metadata_type_word(const char *name);
const char *metadata_file_local(const char *name);

/* Bytes that one signature's tree may take. */
#define METADATA_SIGNATURE_ARENA ((size_t)16 << 20)

/* metadata_print.c: "int" for "Int32" and so on; NULL. The name of a generic parameter, or
 * !0, !!0. */
const char *metadata_keyword(const char *system_name);
void metadata_generic_name(const struct metadata_image *image, mdToken owner, uint32_t number,
                           struct buffer *text);

/* metadata_names.c: the type that the source shows around code of closures and state
 * machines; the kickoff of a MoveNext (any other method: itself). */
mdToken metadata_source_type(const struct metadata_image *image, mdToken type);
mdToken metadata_source_method(const struct metadata_image *image, mdToken method);
/* metadata_generated.c: behind the last dot outside of <>: Place of Shop.IOrders<T>.Place. */
const char *metadata_last_part(const char *name);

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
