/*
 * output_known: values of the framework's small structs as the text that .NET gives them under
 * the invariant culture: decimal (120.50, trailing zeros kept), DateTime and DateTimeOffset in
 * ISO 8601 as System.Text.Json writes them (the round-trip form without trailing zeros), TimeSpan
 * and TimeOnly in the constant form "c", Guid in the form "D", DateOnly in "O". A DateTime whose
 * kind is local is given without an offset: the target's time zone is not known here, and nothing
 * is guessed.
 */
#ifndef OUTPUT_KNOWN_H
#define OUTPUT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output_types.h"

#define KNOWN_TEXT 64

/* Writes the text of the value whose bytes these are; 0 where the kind is none of these, or
 * bytes are missing. `type` (may be NULL) tells offsets where layouts differ by version. */
size_t known_text(char to[KNOWN_TEXT], enum wire_type_kind kind, const struct type_info *type,
                  const uint8_t *bytes, size_t length);
/* True for the kinds that known_text writes. */
bool known_kind(enum wire_type_kind kind);
/* Little-endian, `bytes` 1 to 8, extended by the sign where `is_signed`. */
uint64_t known_load(const uint8_t *from, size_t bytes, bool is_signed);

#endif
