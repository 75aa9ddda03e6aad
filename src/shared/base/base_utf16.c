#include "base_utf16.h"

#include <stdbool.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

static uint32_t unit_at(const uint8_t *bytes, size_t index)
{
    return (uint32_t)bytes[2 * index] | (uint32_t)bytes[2 * index + 1] << 8;
}

/* The character at *index, which moves behind it. */
static uint32_t next_utf16(const uint8_t *bytes, size_t units, size_t *index)
{
    uint32_t unit = unit_at(bytes, (*index)++);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit > 0xdbff || *index >= units)
        return REPLACEMENT;
    uint32_t low = unit_at(bytes, *index);
    if (low < 0xdc00 || low > 0xdfff)
        return REPLACEMENT;
    (*index)++;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t encode_utf8(char to[4], uint32_t character)
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    to[0] = (char)(leads[length] | character);
    return length;
}

void utf16_append_utf8(struct buffer *buffer, const void *utf16, size_t units)
{
    for (size_t at = 0; at < units;) {
        char character[4];
        size_t length = encode_utf8(character, next_utf16(utf16, units, &at));
        buffer_append(buffer, character, length);
    }
}

size_t utf16_to_utf8(char *to, size_t size, const void *utf16, size_t units)
{
    size_t written = 0;
    if (!size)
        return 0;
    for (size_t at = 0; at < units;) {
        char character[4];
        size_t length = encode_utf8(character, next_utf16(utf16, units, &at));
        if (length >= size - written)
            break;
        memcpy(to + written, character, length);
        written += length;
    }
    to[written] = 0;
    return written;
}

/* What a lead byte promises: how many bytes follow, and the range of the first of them
 * (narrower than 80..bf where overlong forms, surrogates or > 10ffff begin). */
struct lead {
    unsigned follow;
    uint8_t low, high;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte >= 0xc2 && byte <= 0xdf)
        return (struct lead){1, 0x80, 0xbf};
    if (byte >= 0xe0 && byte <= 0xef)
        return (struct lead){2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte >= 0xf0 && byte <= 0xf4)
        return (struct lead){3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

/* The character at *index, which moves behind it; a malformed sequence is one U+FFFD for
 * its longest part that could have begun a character. */
static uint32_t next_utf8(const uint8_t *text, size_t length, size_t *index)
{
    uint8_t first = text[(*index)++];
    if (first < 0x80)
        return first;
    struct lead lead = lead_of(first);
    if (!lead.follow)
        return REPLACEMENT;
    uint32_t character = first & (0x3fu >> lead.follow);
    for (unsigned i = 0; i < lead.follow; i++) {
        uint8_t low = i ? 0x80 : lead.low, high = i ? 0xbf : lead.high;
        if (*index >= length || text[*index] < low || text[*index] > high)
            return REPLACEMENT;
        character = character << 6 | (text[(*index)++] & 0x3fu);
    }
    return character;
}

static size_t encode_utf16(uint16_t to[2], uint32_t character)
{
    if (character < 0x10000) {
        to[0] = (uint16_t)character;
        return 1;
    }
    character -= 0x10000;
    to[0] = (uint16_t)(0xd800 + (character >> 10));
    to[1] = (uint16_t)(0xdc00 + (character & 0x3ff));
    return 2;
}

size_t utf16_append_from_utf8(struct buffer *buffer, const char *text, size_t length)
{
    size_t units = 0;
    for (size_t at = 0; at < length;) {
        uint16_t pair[2];
        size_t count = encode_utf16(pair, next_utf8((const uint8_t *)text, length, &at));
        for (size_t i = 0; i < count; i++)
            buffer_append_u16(buffer, pair[i]);
        units += count;
    }
    return units;
}

size_t utf16_from_utf8(uint16_t *to, size_t units, const char *text)
{
    size_t written = 0, length = strlen(text);
    if (!units)
        return 0;
    for (size_t at = 0; at < length;) {
        uint16_t pair[2];
        size_t count = encode_utf16(pair, next_utf8((const uint8_t *)text, length, &at));
        if (count >= units - written)
            break;
        memcpy(to + written, pair, count * sizeof(*pair));
        written += count;
    }
    to[written] = 0;
    return written;
}
