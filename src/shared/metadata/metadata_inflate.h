/*
 * metadata_inflate: raw deflate (RFC 1951), for pdbs that are embedded in their image.
 * Bounded: never writes more than `limit` bytes. No tables outlive the call; any thread.
 */
#ifndef METADATA_INFLATE_H
#define METADATA_INFLATE_H

#include <stddef.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"

/* Appends what `packed` holds to `out`. STATUS_MALFORMED with the offset, also where more than
 * `limit` bytes would come out; STATUS_MEMORY. */
enum status metadata_inflate(struct reader packed, size_t limit, struct buffer *out,
                             struct error *error);

#endif
