/*
 * metadata_pdb: portable pdbs (the Portable PDB format document): which method holds a
 * source line, and where a method stands in its source.
 *
 * The pdb is a file beside the dll (or where its CodeView entry points) or embedded in the
 * image as raw deflate, which metadata_pdb_inflate unpacks. Windows pdbs are not read.
 * The pdb borrows its bytes. Any thread.
 */
#ifndef METADATA_PDB_H
#define METADATA_PDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "clr_token.h"
#include "metadata_image.h"

struct metadata_pdb {
    struct metadata_image image; /* its tables 0x30… */
    uint8_t guid[16];
    uint32_t stamp;
};

/* STATUS_UNSUPPORTED: a Windows pdb; STATUS_MALFORMED otherwise. */
enum status metadata_pdb_open(struct metadata_pdb *pdb, const void *bytes, size_t length,
                              struct error *error);
/* STATUS_NOT_FOUND where the pdb was made for another build of the image. */
enum status metadata_pdb_check(const struct metadata_pdb *pdb, const struct metadata_image *image,
                               struct error *error);
/* Unpacks the embedded pdb (at most 256 MiB) into `out`. STATUS_NOT_FOUND: none embedded. */
enum status metadata_pdb_inflate(const struct metadata_image *image, struct buffer *out,
                                 struct error *error);

/* One sequence point; hidden ones (line 0xfeefee) are left out of all walks. */
struct metadata_point {
    uint32_t il_offset;
    uint32_t document; /* a row of CLR_TABLE_Document */
    uint32_t line, end_line;
    uint16_t column, end_column;
};
struct metadata_points {
    struct reader blob;
    bool begun;
    bool first_visible;
    struct metadata_point at;
};
/* The points of a method (its own IL: of MoveNext for async methods) in IL order. */
void metadata_points_begin(const struct metadata_pdb *pdb, mdToken method,
                           struct metadata_points *points);
bool metadata_points_next(struct metadata_points *points, struct metadata_point *point);

/* Appends the path of a document as the compiler wrote it. */
void metadata_document_print(const struct metadata_pdb *pdb, uint32_t document,
                             struct buffer *text);
/* Whether the document's path ends with `file` at a '/' or '\' boundary. */
bool metadata_document_matches(const struct metadata_pdb *pdb, uint32_t document, const char *file,
                               size_t length);

/* First visible line of a method, in whichever of kickoff and MoveNext has lines. False: none. */
bool metadata_pdb_first_line(const struct metadata_pdb *pdb, const struct metadata_image *image,
                             mdToken method, uint32_t *document, uint32_t *line);

/* The methods that hold FILE:LINE: whose lines are around it, of nested ones (a lambda in a
 * method) the innermost; several where lambdas share a line. MoveNext is told as its kickoff.
 * Returns how many there are, writes at most `room`. 0 with *file_known: the file is there,
 * the line holds no code. */
size_t metadata_pdb_methods_at(const struct metadata_pdb *pdb, const struct metadata_image *image,
                               const char *file, size_t file_length, uint32_t line,
                               mdToken *methods, size_t room, bool *file_known);

#endif
