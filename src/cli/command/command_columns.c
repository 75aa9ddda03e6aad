#include "command_columns.h"

#include <string.h>

#define CUT_MIN 8u

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += !continues(*text);
    return columns;
}

/* Bytes of the first `columns` characters. */
static size_t bytes_of(const char *text, size_t columns)
{
    size_t at = 0;
    while (text[at] && columns > 0) {
        for (at++; continues(text[at]); at++)
            ;
        columns--;
    }
    return at;
}

void columns_append_padded(struct buffer *out, const char *text, size_t width, bool right)
{
    size_t columns = columns_of(text);
    for (size_t i = columns; right && i < width; i++)
        buffer_append_u8(out, ' ');
    buffer_append_text(out, text);
    for (size_t i = columns; !right && i < width; i++)
        buffer_append_u8(out, ' ');
}

void columns_append_cut(struct buffer *out, const char *text, size_t width)
{
    size_t columns = columns_of(text);
    if (columns <= width || width < CUT_MIN) {
        buffer_append_text(out, text);
        return;
    }
    size_t front = (width - 1) / 3, back = width - 1 - front;
    buffer_append(out, text, bytes_of(text, front));
    buffer_append_text(out, "…");
    buffer_append_text(out, text + bytes_of(text, columns - back));
}
