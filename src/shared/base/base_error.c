#include "base_error.h"

#include <stdio.h>
#include <string.h>

#undef error_set
#undef error_set_at

static const char ellipsis[] = "\xe2\x80\xa6";

/* Cuts `text`, whose last byte was lost, at a whole character and marks the cut. */
static void mark_cut(char *text, size_t size)
{
    size_t end = size - sizeof(ellipsis);
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, ellipsis, sizeof(ellipsis));
}

__attribute__((format(printf, 3, 0))) static void format_cut(char *to, size_t size,
                                                             const char *format, va_list arguments)
{
    int needed = vsnprintf(to, size, format, arguments);
    if (needed < 0)
        to[0] = 0;
    else if ((size_t)needed >= size)
        mark_cut(to, size);
}

void error_init(struct error *error)
{
    if (!error)
        return;
    error->status = STATUS_OK;
    error->offset = -1;
    error->message[0] = 0;
    error->hint[0] = 0;
}

/* The arguments may point into *error, so the text is made beside it. */
__attribute__((format(printf, 4, 0))) static void
fill(struct error *error, enum status status, int64_t offset, const char *format, va_list arguments)
{
    char text[ERROR_MESSAGE_BYTES];
    format_cut(text, sizeof(text), format, arguments);
    error->status = status;
    error->offset = offset;
    memcpy(error->message, text, sizeof(text));
    error->hint[0] = 0;
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, status, -1, format, arguments);
        va_end(arguments);
    }
    return status;
}

enum status error_set_at(struct error *error, enum status status, int64_t offset,
                         const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, status, offset, format, arguments);
        va_end(arguments);
    }
    return status;
}

void error_hint(struct error *error, const char *format, ...)
{
    if (!error)
        return;
    char text[ERROR_HINT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    format_cut(text, sizeof(text), format, arguments);
    va_end(arguments);
    memcpy(error->hint, text, sizeof(text));
}

void error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return;
    char text[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    format_cut(text, sizeof(text), format, arguments);
    va_end(arguments);

    size_t prefix = strlen(text), rest = strlen(error->message);
    bool cut = prefix + rest >= sizeof(text);
    size_t room = sizeof(text) - 1 - prefix;
    memcpy(text + prefix, error->message, cut ? room : rest);
    text[prefix + (cut ? room : rest)] = 0;
    if (cut)
        mark_cut(text, sizeof(text));
    memcpy(error->message, text, sizeof(text));
}

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_MALFORMED:
        return "malformed";
    case STATUS_UNSUPPORTED:
        return "not supported";
    case STATUS_USAGE:
        return "wrong usage";
    case STATUS_TARGET:
        return "target refused";
    case STATUS_PERMISSION:
        return "permission denied";
    case STATUS_LIMIT:
        return "limit reached";
    case STATUS_MEMORY:
        return "out of memory";
    case STATUS_IO:
        return "input/output failed";
    case STATUS_TIMEOUT:
        return "timed out";
    case STATUS_PEER:
        return "other side failed";
    case STATUS_BUG:
        return "internal error";
    }
    return "unknown status";
}
