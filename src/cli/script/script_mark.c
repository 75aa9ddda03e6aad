#include <string.h>

#include "script_expression.h"

/* Characters, not bytes: what a terminal counts as columns for most scripts. */
static size_t columns(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* A text in quotes, to its end. */
static size_t quoted_length(const char *text)
{
    size_t length = 1;
    while (text[length] && text[length] != text[0])
        length += text[length] == '\\' && text[length + 1] ? 2 : 1;
    return text[length] ? length + 1 : 1;
}

/* A name, a number or a text in quotes; else one character. */
static size_t word_length(const char *text)
{
    size_t length = text[0] == '-';
    bool number = text[length] >= '0' && text[length] <= '9';
    if (text[0] == '"' || text[0] == '\'')
        return quoted_length(text);
    while (script_is_name_byte(text[length]) || (number && text[length] == '.'))
        length++;
    return length ? length : 1;
}

void script_mark(struct buffer *out, const char *text, int64_t offset)
{
    size_t length = strlen(text);
    if (length == 0 || offset < 0 || (uint64_t)offset > length)
        return;
    buffer_append_text(out, "  ");
    for (size_t i = 0; i < length; i++)
        buffer_append_u8(out, (unsigned char)text[i] < ' ' ? ' ' : (uint8_t)text[i]);
    buffer_append_text(out, "\n  ");
    for (size_t i = columns(text, (size_t)offset); i > 0; i--)
        buffer_append_u8(out, ' ');
    const char *word = text + offset;
    for (size_t i =
             columns(word, word_length(word) < length - (size_t)offset ? word_length(word)
                                                                       : length - (size_t)offset);
         i > 1; i--)
        buffer_append_u8(out, '^');
    buffer_append_text(out, "^\n");
}
