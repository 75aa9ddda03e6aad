/*
 * r2r_forge: ReadyToRun images that no compiler writes: a header, its list of sections and their
 * bytes, without a PE file around (addresses are offsets). For tests and fuzz targets.
 */
#ifndef R2R_FORGE_H
#define R2R_FORGE_H

#include <stdlib.h>
#include <string.h>

#include "base_buffer.h"
#include "metadata_image.h"
#include "metadata_tables.h"
#include "r2r_image.h"

struct forged {
    struct buffer bytes;
    struct metadata_image image;
    struct r2r_image r2r;
    uint32_t count;
};

#define FORGE_MOST_SECTIONS 8
#define FORGE_HEADER        16
#define FORGE_FIRST         (FORGE_HEADER + FORGE_MOST_SECTIONS * 12)

static inline void forge_begin(struct forged *forged, uint16_t major, uint32_t flags)
{
    memset(forged, 0, sizeof(*forged));
    buffer_init(&forged->bytes, 0);
    buffer_append(&forged->bytes, "RTR", 4);
    buffer_append_u16(&forged->bytes, major);
    buffer_append_u16(&forged->bytes, 0);
    buffer_append_u32(&forged->bytes, flags);
    buffer_append_u32(&forged->bytes, 0);
    buffer_append_zeros(&forged->bytes, FORGE_MOST_SECTIONS * 12);
}

static inline void forge_put(struct forged *forged, size_t offset, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    memcpy(forged->bytes.data + offset, bytes, 4);
}

/* Returns the section's address. */
static inline uint32_t forge_section(struct forged *forged, uint32_t type, const void *bytes,
                                     size_t length)
{
    size_t row = FORGE_HEADER + (size_t)forged->count * 12;
    uint32_t rva = (uint32_t)forged->bytes.length;
    if (length > 0)
        buffer_append(&forged->bytes, bytes, length);
    forge_put(forged, row, type);
    forge_put(forged, row + 4, rva);
    forge_put(forged, row + 8, (uint32_t)length);
    forge_put(forged, 12, ++forged->count);
    return rva;
}

/* As metadata_image_open would leave it: everything in the "header", so RVAs are offsets. */
static inline void forge_image(struct metadata_image *image, const uint8_t *bytes, size_t length)
{
    metadata_image_open_root(image, bytes, 0, NULL); /* fails: no metadata */
    reader_init(&image->bytes, bytes, length);
    image->header_size = (uint32_t)length;
    image->native_header.size = FORGE_HEADER;
    image->native_header.rva = 0;
    struct reader header = image->bytes;
    reader_skip(&header, 4);
    image->r2r_major = reader_u16(&header);
    image->r2r_minor = reader_u16(&header);
    image->r2r_flags = reader_u32(&header);
    image->precompiled = true;
}

/* `methods` is how many MethodDefs the assembly is said to have. */
static inline enum status forge_open(struct forged *forged, uint32_t methods, struct error *error)
{
    forge_image(&forged->image, forged->bytes.data, forged->bytes.length);
    forged->image.tables[CLR_TABLE_MethodDef].rows = methods;
    return r2r_image_open(&forged->r2r, &forged->image, error);
}

static inline void forge_end(struct forged *forged)
{
    buffer_release(&forged->bytes);
}

#endif
