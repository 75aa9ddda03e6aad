/*
 * r2r_native: the "native format" of the tables in ReadyToRun images: integers of one to five
 * bytes, hash tables walked whole, sparse arrays (ReadyToRun format document, Native Format).
 * For the files of this room.
 *
 * Hostile tables cannot make a walk longer than the table: buckets must follow one another, as
 * every compiler writes them, so each entry is met once.
 */
#ifndef R2R_NATIVE_H
#define R2R_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"

/* 0 and a failed reader where the form is none of the five. */
uint32_t r2r_native_u32(struct reader *reader);

/* Many unsigned integers in a row: read ahead in pieces, because a table holds hundreds of
 * thousands. */
#define R2R_STREAM_BYTES 32
struct r2r_stream {
    struct reader reader; /* behind what was read ahead */
    uint32_t at, length;
    bool failed;
    uint8_t ahead[R2R_STREAM_BYTES + 4]; /* the last four are zeros: a number may end there */
};
void r2r_stream_init(struct r2r_stream *stream, struct reader reader);
uint32_t r2r_stream_slow(struct r2r_stream *stream);
/* 0 and a failed stream at the end, and where the form is none of the five. Inline for the short
 * forms: most numbers are differences of rows. */
static inline uint32_t r2r_stream_next(struct r2r_stream *stream)
{
    if (stream->length - stream->at < 2)
        return r2r_stream_slow(stream);
    uint32_t first = stream->ahead[stream->at];
    if (!(first & 1)) {
        stream->at++;
        return first >> 1;
    }
    if (first & 2)
        return r2r_stream_slow(stream);
    uint32_t second = stream->ahead[stream->at + 1];
    stream->at += 2;
    return (first | second << 8) >> 2;
}
/* The offset of the next number, as reader_offset. */
uint64_t r2r_stream_offset(const struct r2r_stream *stream);

/* A hash table that is being walked. */
struct r2r_table {
    struct reader data; /* the section; entries point anywhere in it */
    const char *name;   /* of the section, for messages */
    uint32_t bucket_count;
    uint32_t index_width; /* 1, 2 or 4 */
    uint32_t bucket;      /* the next to be entered */
    size_t base;          /* of offsets in the table */
    size_t position, end; /* within the bucket at hand */
};
enum status r2r_table_open(struct r2r_table *table, struct reader section, const char *name,
                           struct error *error);
/* STATUS_OK: *payload stands at an entry's content, its window the section. STATUS_NOT_FOUND:
 * no more. STATUS_MALFORMED. */
enum status r2r_table_next(struct r2r_table *table, struct reader *payload, struct error *error);

/* A sparse array: element `index` stands where *element is put. */
struct r2r_array {
    struct reader data;
    uint32_t count;
    uint32_t index_width;
    size_t base;
};
enum status r2r_array_open(struct r2r_array *array, struct reader section, const char *name,
                           struct error *error);
/* STATUS_NOT_FOUND: the array has no such element. */
enum status r2r_array_find(const struct r2r_array *array, uint32_t index, struct reader *element,
                           struct error *error);

#endif
