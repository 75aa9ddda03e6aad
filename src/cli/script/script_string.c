/* Text and characters with the escapes of C#. */
#include <string.h>

#include "base_buffer.h"
#include "base_utf16.h"
#include "script_lexer.h"

static enum status fault(const struct script_lexer *lexer, size_t column, const char *reason,
                         struct error *error)
{
    return error_set_at(error, STATUS_USAGE, (int64_t)column, "'%s': %s", lexer->text, reason);
}

static char peek(const struct script_lexer *lexer, size_t ahead)
{
    size_t at = lexer->position + ahead;
    return at < lexer->length ? lexer->text[at] : '\0';
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Reads `least` to `most` hexadecimal digits; -1 where there are fewer. */
static int64_t scan_hex(struct script_lexer *lexer, int least, int most)
{
    int64_t value = 0;
    int count = 0;
    for (; count < most && hex_value(peek(lexer, 0)) >= 0; count++)
        value = value * 16 + hex_value(lexer->text[lexer->position++]);
    return count >= least ? value : -1;
}

static void put_unit(struct buffer *units, uint32_t unit)
{
    buffer_append_u16(units, (uint16_t)unit);
}

static bool put_scalar(struct buffer *units, int64_t value)
{
    if (value < 0 || value > 0x10ffff)
        return false;
    if (value < 0x10000) {
        put_unit(units, (uint32_t)value);
    } else {
        put_unit(units, 0xd800u + (uint32_t)((value - 0x10000) >> 10));
        put_unit(units, 0xdc00u + (uint32_t)((value - 0x10000) & 0x3ff));
    }
    return true;
}

/* The escape behind a backslash. */
static bool scan_escape(struct script_lexer *lexer, struct buffer *units)
{
    static const char names[] = "'\"\\0abefnrtv";
    static const char values[] = "'\"\\\0\a\b\x1b\f\n\r\t\v";
    char byte = peek(lexer, 0);
    if (byte == '\0')
        return false;
    lexer->position++;
    if (byte == 'u')
        return put_scalar(units, scan_hex(lexer, 4, 4));
    if (byte == 'U')
        return put_scalar(units, scan_hex(lexer, 8, 8));
    if (byte == 'x')
        return put_scalar(units, scan_hex(lexer, 1, 4));
    const char *name = strchr(names, byte);
    if (!name)
        return false;
    put_unit(units, (unsigned char)values[name - names]);
    return true;
}

static enum status scan_quoted(struct script_lexer *lexer, char quote, bool verbatim,
                               struct buffer *units, struct error *error)
{
    size_t opened = lexer->position++;
    while (lexer->position < lexer->length) {
        char byte = lexer->text[lexer->position];
        if (byte == quote && verbatim && peek(lexer, 1) == quote) {
            put_unit(units, (unsigned char)quote);
            lexer->position += 2;
        } else if (byte == quote) {
            lexer->position++;
            return STATUS_OK;
        } else if (byte == '\\' && !verbatim) {
            size_t at = lexer->position++;
            if (!scan_escape(lexer, units))
                return fault(lexer, at, "this escape is not one of C#", error);
        } else {
            size_t from = lexer->position++;
            while (((unsigned char)peek(lexer, 0) & 0xc0) == 0x80)
                lexer->position++;
            utf16_append_from_utf8(units, lexer->text + from, lexer->position - from);
        }
    }
    return fault(lexer, opened, "the closing quote is missing", error);
}

static enum status as_char(const struct script_lexer *lexer, struct script_token *token,
                           const struct buffer *units, struct error *error)
{
    if (units->length != 2) {
        enum status status =
            fault(lexer, token->column, "a char is one UTF-16 unit between single quotes", error);
        error_hint(error, "text stands between double quotes: \"ACME\"");
        return status;
    }
    token->kind = SCRIPT_CHAR;
    token->low = (uint64_t)units->data[0] | (uint64_t)units->data[1] << 8;
    return STATUS_OK;
}

static enum status as_text(struct script_lexer *lexer, struct script_token *token,
                           const struct buffer *units, struct error *error)
{
    struct buffer utf8;
    buffer_init(&utf8, 0);
    utf16_append_utf8(&utf8, units->data, units->length / 2);
    enum status status = STATUS_OK;
    token->kind = SCRIPT_STRING;
    if (memchr(buffer_text(&utf8), '\0', utf8.length))
        status = fault(lexer, token->column, "text with a NUL character cannot be compared", error);
    else
        token->text = arena_copy_text(lexer->arena, buffer_text(&utf8), utf8.length);
    if (status == STATUS_OK && (!token->text || buffer_failed(&utf8)))
        status = error_set(error, STATUS_MEMORY, "out of memory");
    buffer_release(&utf8);
    return status;
}

enum status script_next_units(struct script_lexer *lexer, char *quote, struct buffer *units,
                              struct error *error)
{
    bool verbatim = peek(lexer, 0) == '@';
    if (verbatim)
        lexer->position++;
    *quote = peek(lexer, 0);
    return scan_quoted(lexer, *quote, verbatim, units, error);
}

enum status script_next_string(struct script_lexer *lexer, struct script_token *token,
                               struct error *error)
{
    struct buffer units;
    char quote;
    buffer_init(&units, 0);
    enum status status = script_next_units(lexer, &quote, &units, error);
    if (status == STATUS_OK)
        status = quote == '\'' ? as_char(lexer, token, &units, error)
                               : as_text(lexer, token, &units, error);
    buffer_release(&units);
    return status;
}
