/*
 * base_text: what C's own string functions lack. No allocation, no locale.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* Whole-text numbers, no white space, no sign for u64; false where anything else stands. */
bool text_to_u64(const char *text, uint64_t *value);
bool text_to_i64(const char *text, int64_t *value);
/* Copies, always terminates, returns whether it fitted; cuts at a whole UTF-8 character. */
bool text_copy(char *to, size_t size, const char *from);
/* Edit distance (insert, delete, replace, swap of neighbours) of at most 128-byte texts,
 * without regard to ASCII case; for "nearest" hints. */
unsigned text_distance(const char *a, const char *b);
/* snprintf-append: writes at to + *length within size, moves *length, always terminated. */
void text_append(char *to, size_t size, size_t *length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
