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
int32_t r2r_native_i32(struct reader *reader);

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
