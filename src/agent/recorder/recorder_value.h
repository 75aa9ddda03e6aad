/*
 * recorder_value: writing values, with what hangs below them, as wire_record.h lays them out.
 *
 * A writer is a stretch of memory that may be shared with a hostile peer: it is written and never
 * read back. What does not fit is left out and `cut` is set; what has been written is whole.
 * `at` and `end` are 8-aligned.
 */
#ifndef RECORDER_VALUE_H
#define RECORDER_VALUE_H

#include "recorder_place.h"
#include "wire_record.h"

struct value_writer {
    uint8_t *at;
    uint8_t *end;
    uint32_t count; /* values written: the next one's ordinal */
    bool cut;
    uint8_t nesting;
    const struct capture_limits *limits;
};

/* All values of a program. */
void value_program(struct value_writer *writer, const struct capture_program *program,
                   const struct capture_source *source);
/* SCALAR, KEY, ITEMS: 8 bytes of payload. */
void value_bits(struct value_writer *writer, enum wire_value_kind kind, uint8_t element,
                uint16_t slot, uint64_t bits);
/* An exception in WIRE_SLOT_EXCEPTION: its type and message, and its inner exception's; 0: NULL.
 */
void value_exception(struct value_writer *writer, uint64_t object);

#endif
