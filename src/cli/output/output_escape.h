/*
 * output_escape: the target's text, made safe for a terminal or JSON. UTF-16LE in (with lone
 * surrogates, read byte by byte), UTF-8 out.
 */
#ifndef OUTPUT_ESCAPE_H
#define OUTPUT_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"

/* As the inside of a C# literal: \n, \", \u001b; whatever moves a terminal's cursor or turns
 * the direction of writing is escaped. */
void escape_text_utf16(struct buffer *out, const uint8_t *utf16, size_t units);
/* As the inside of a JSON string; lone surrogates become U+FFFD. */
void escape_json_utf16(struct buffer *out, const uint8_t *utf16, size_t units);
/* UTF-8 as the inside of a JSON string; malformed bytes become U+FFFD. */
void escape_json_utf8(struct buffer *out, const char *text, size_t length);
/* A whole JSON string, quotes included. */
void escape_json(struct buffer *out, const char *text);

#endif
