/*
 * command_columns: texts in columns. A column is a character, as most terminals count them; a
 * name that is too long for its column is cut in the middle.
 */
#ifndef COMMAND_COLUMNS_H
#define COMMAND_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base_buffer.h"

size_t columns_of(const char *text);
/* Filled up with blanks to `width`; longer texts stay as they are. */
void columns_append_padded(struct buffer *out, const char *text, size_t width, bool right);
/* At most `width` columns: Shop.…Service.Place. Less than 8 are not asked for: then it is not cut.
 */
void columns_append_cut(struct buffer *out, const char *text, size_t width);

#endif
