#include "output_escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static uint32_t unit_at(const uint8_t *utf16, size_t index)
{
    return (uint32_t)utf16[2 * index] | (uint32_t)utf16[2 * index + 1] << 8;
}

/* The character at *index, which moves behind it; lone surrogates come as they are. */
static uint32_t next_character(const uint8_t *utf16, size_t units, size_t *index)
{
    uint32_t unit = unit_at(utf16, (*index)++);
    if (unit < 0xd800 || unit > 0xdbff || *index >= units)
        return unit;
    uint32_t low = unit_at(utf16, *index);
    if (low < 0xdc00 || low > 0xdfff)
        return unit;
    (*index)++;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static void put_utf8(struct buffer *out, uint32_t c)
{
    uint8_t bytes[4];
    size_t count = 0;
    if (c < 0x80) {
        bytes[count++] = (uint8_t)c;
    } else if (c < 0x800) {
        bytes[count++] = (uint8_t)(0xc0 | c >> 6);
        bytes[count++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[count++] = (uint8_t)(0xe0 | c >> 12);
        bytes[count++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[count++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        bytes[count++] = (uint8_t)(0xf0 | c >> 18);
        bytes[count++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        bytes[count++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[count++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    buffer_append(out, bytes, count);
}

static void put_unicode_escape(struct buffer *out, uint32_t c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};
    buffer_append(out, text, sizeof text);
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xd800 && c <= 0xdfff;
}

/* C1 controls, line separators, marks of direction and of no width. */
static bool is_unsafe(uint32_t c)
{
    return (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           is_surrogate(c);
}

/* The length of the run of plain ASCII from `index` on, copied to `out`. */
static size_t copy_plain(struct buffer *out, const uint8_t *utf16, size_t units, size_t index)
{
    char run[256];
    size_t count = 0;
    while (index + count < units && count < sizeof run) {
        uint32_t unit = unit_at(utf16, index + count);
        if (unit < 0x20 || unit > 0x7e || unit == '"' || unit == '\\')
            break;
        run[count++] = (char)unit;
    }
    if (count)
        buffer_append(out, run, count);
    return count;
}

static bool put_short_escape(struct buffer *out, uint32_t c, const char *characters,
                             const char *letters)
{
    const char *found = c < 0x80 && c ? strchr(characters, (int)c) : NULL;
    if (!found)
        return false;
    char text[2] = {'\\', letters[found - characters]};
    buffer_append(out, text, 2);
    return true;
}

void escape_text_utf16(struct buffer *out, const uint8_t *utf16, size_t units)
{
    for (size_t index = 0; index < units;) {
        index += copy_plain(out, utf16, units, index);
        if (index >= units)
            return;
        uint32_t c = next_character(utf16, units, &index);
        if (put_short_escape(out, c, "\"\\\n\r\t", "\"\\nrt"))
            continue;
        if (c == 0)
            buffer_append(out, "\\0", 2);
        else if (c < 0x20 || is_unsafe(c))
            put_unicode_escape(out, c);
        else
            put_utf8(out, c);
    }
}

static void put_json_character(struct buffer *out, uint32_t c)
{
    if (put_short_escape(out, c, "\"\\\n\r\t\b\f", "\"\\nrtbf"))
        return;
    if (c < 0x20 || c == 0x7f)
        put_unicode_escape(out, c);
    else
        put_utf8(out, is_surrogate(c) ? 0xfffd : c);
}

void escape_json_utf16(struct buffer *out, const uint8_t *utf16, size_t units)
{
    for (size_t index = 0; index < units;) {
        index += copy_plain(out, utf16, units, index);
        if (index < units)
            put_json_character(out, next_character(utf16, units, &index));
    }
}

/* The UTF-8 sequence at the text's front: its bytes, 0 where it is malformed. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                    : (at[0] & 0xf0) == 0xe0        ? 3
                    : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                    : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((length == 3 && ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f))) ||
        (length == 4 && ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))))
        return 0;
    return length;
}

void escape_json_utf8(struct buffer *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t run = i;
        while (run < length && at[run] >= 0x20 && at[run] < 0x7f && at[run] != '"' &&
               at[run] != '\\')
            run++;
        buffer_append(out, at + i, run - i);
        i = run;
        if (i == length)
            return;
        size_t bytes = sequence_length(at + i, length - i);
        if (bytes > 1)
            buffer_append(out, at + i, bytes);
        else
            put_json_character(out, bytes == 1 ? at[i] : 0xfffd);
        i += bytes ? bytes : 1;
    }
}

void escape_json(struct buffer *out, const char *text)
{
    buffer_append_u8(out, '"');
    escape_json_utf8(out, text, strlen(text));
    buffer_append_u8(out, '"');
}
