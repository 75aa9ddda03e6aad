#include "base_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_COMPARED 128

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), end = strlen(suffix);
    return end <= length && memcmp(text + length - end, suffix, end) == 0;
}

bool text_to_u64(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool text_to_i64(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    uint64_t magnitude;
    if (!text_to_u64(text + negative, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* The longest length <= `length` that ends at a whole UTF-8 character of text. */
static size_t whole_characters(const char *text, size_t length)
{
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

bool text_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    bool fits = length < size;
    if (!size)
        return false;
    if (!fits)
        length = whole_characters(from, size - 1);
    memcpy(to, from, length);
    to[length] = 0;
    return fits;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    size_t a_length = strnlen(a, LONGEST_COMPARED), b_length = strnlen(b, LONGEST_COMPARED);
    unsigned rows[3][LONGEST_COMPARED + 1];
    unsigned *before = rows[0], *previous = rows[1], *current = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        current[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *reused = before;
        before = previous;
        previous = current;
        current = reused;
        current[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            unsigned best = previous[j - 1] + !same;
            best = smaller(best, smaller(previous[j], current[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                best = smaller(best, before[j - 2] + 1);
            current[j] = best;
        }
    }
    return current[b_length];
}

void text_append(char *to, size_t size, size_t *length, const char *format, ...)
{
    if (*length >= size)
        return;
    size_t room = size - *length;
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(to + *length, room, format, arguments);
    va_end(arguments);
    if (needed < 0) {
        to[*length] = 0;
        return;
    }
    *length += (size_t)needed < room ? (size_t)needed : room - 1;
}
