/*
 * wire_tlv: the encoding of control messages: fields of {u16 tag, u16 zero, u32 length,
 * bytes}, nested by putting fields into a field's bytes. A reader skips tags that it does
 * not know: that is how minor versions differ. No alignment, no padding.
 *
 * Writing never fails in between (see base_buffer); reading is bounds-checked.
 */
#ifndef WIRE_TLV_H
#define WIRE_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_reader.h"

void tlv_put_u32(struct buffer *buffer, uint16_t tag, uint32_t value);
void tlv_put_u64(struct buffer *buffer, uint16_t tag, uint64_t value);
void tlv_put_text(struct buffer *buffer, uint16_t tag, const char *text); /* NULL: nothing */
void tlv_put_bytes(struct buffer *buffer, uint16_t tag, const void *bytes, size_t length);
/* Opens a nested field; give the answer to tlv_end. */
size_t tlv_begin(struct buffer *buffer, uint16_t tag);
void tlv_end(struct buffer *buffer, size_t mark);

struct tlv {
    uint16_t tag;
    struct reader value; /* a window on the field's bytes */
};

/* The next field of a message or nested field; false at its end or where malformed (then
 * reader->failed). */
bool tlv_next(struct reader *reader, struct tlv *field);
/* Integers are accepted in 4 and 8 bytes; anything else, and for tlv_u32 what does not fit,
 * is 0. */
uint64_t tlv_u64(const struct tlv *field);
uint32_t tlv_u32(const struct tlv *field);
/* Borrowed, not terminated; checks nothing about its characters. */
const char *tlv_text(const struct tlv *field, size_t *length);
/* Copies as C text, NULs inside replaced by '?', cut to size. */
void tlv_copy_text(const struct tlv *field, char *to, size_t size);
/* malloc'd copy as C text; NULL when out of memory. */
char *tlv_dup_text(const struct tlv *field);

#endif
