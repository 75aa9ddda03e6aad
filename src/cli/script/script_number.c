/* Numbers: 100, 1_000, 0xFF, 0b11, 120.50, 1e9, with the suffixes of C#, and durations. */
#include <stdlib.h>
#include <string.h>

#include "script_lexer.h"

#define NUMBER_MAX 64

struct number {
    char digits[NUMBER_MAX]; /* as written, without underscores */
    size_t length;
    unsigned __int128 magnitude;
    uint32_t scale;
    bool overflow; /* beyond 96 bits or 28 places: a double then, as in C# */
    bool exponent;
    bool point;
};

static enum status fault(const struct script_lexer *lexer, uint32_t column, const char *reason,
                         struct error *error)
{
    return error_set_at(error, STATUS_USAGE, column, "'%s': %s", lexer->text, reason);
}

static char peek(const struct script_lexer *lexer, size_t ahead)
{
    size_t at = lexer->position + ahead;
    return at < lexer->length ? lexer->text[at] : '\0';
}

static int digit_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return 99;
}

static void keep(struct number *number, char byte)
{
    if (number->length + 1 < NUMBER_MAX)
        number->digits[number->length++] = byte;
    else
        number->overflow = true;
}

static void add_digit(struct number *number, unsigned base, int digit)
{
    const unsigned __int128 most = ((unsigned __int128)1 << 96) - 1;
    if (number->overflow || number->magnitude > (most - (unsigned)digit) / base)
        number->overflow = true;
    else
        number->magnitude = number->magnitude * base + (unsigned)digit;
}

static void scan_digits(struct script_lexer *lexer, struct number *number, unsigned base)
{
    for (;; lexer->position++) {
        char byte = peek(lexer, 0);
        if (byte == '_' && digit_value(peek(lexer, 1)) < (int)base)
            continue;
        if (digit_value(byte) >= (int)base)
            return;
        keep(number, byte);
        add_digit(number, base, digit_value(byte));
        if (number->point)
            number->scale++;
    }
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static void scan_fraction(struct script_lexer *lexer, struct number *number)
{
    if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
        keep(number, '.');
        lexer->position++;
        number->point = true;
        scan_digits(lexer, number, 10);
    }
    size_t sign = peek(lexer, 1) == '-' || peek(lexer, 1) == '+';
    if ((peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') && is_digit(peek(lexer, 1 + sign))) {
        number->exponent = true;
        for (size_t i = 0; i < 1 + sign; i++)
            keep(number, peek(lexer, i));
        lexer->position += 1 + sign;
        while (is_digit(peek(lexer, 0)))
            keep(number, lexer->text[lexer->position++]);
    }
}

struct unit {
    const char *text;
    double nanoseconds;
};

static const struct unit units[] = {
    {"ns", 1},   {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
    {"ms", 1e6}, {"s", 1e9},  {"h", 3600e9},
};

static bool as_duration(struct script_token *token, const char *suffix, size_t length)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].text) != length || memcmp(units[i].text, suffix, length) != 0)
            continue;
        double nanoseconds = token->real * units[i].nanoseconds + 0.5;
        token->kind = SCRIPT_DURATION;
        token->low = nanoseconds < 9e18 ? (uint64_t)nanoseconds : (uint64_t)INT64_MAX;
        return true;
    }
    return false;
}

static bool suffix_is(const char *suffix, size_t length, const char *choices)
{
    char folded[3] = {0};
    if (length == 0 || length > 2)
        return false;
    for (size_t i = 0; i < length; i++)
        folded[i] = (char)(suffix[i] | 0x20);
    for (const char *at = choices; *at; at += strlen(at) + 1)
        if (strcmp(at, folded) == 0)
            return true;
    return false;
}

static enum status apply_suffix(struct script_lexer *lexer, struct script_token *token,
                                const struct number *number, struct error *error)
{
    const char *suffix = lexer->text + lexer->position;
    uint32_t column = (uint32_t)lexer->position;
    while (script_is_name_byte(peek(lexer, 0)))
        lexer->position++;
    size_t length = lexer->position - column;
    if (length == 0 || as_duration(token, suffix, length))
        return STATUS_OK;
    bool whole = !number->point && !number->exponent;
    if (length == 1 && suffix[0] == 'm' && token->kind == SCRIPT_NUMBER)
        token->minutes = true;
    else if (suffix_is(suffix, length, "f\0d\0"))
        token->kind = SCRIPT_DOUBLE;
    else if (!suffix_is(suffix, length, "m\0") &&
             !(whole && suffix_is(suffix, length, "l\0u\0ul\0lu\0"))) {
        enum status status = fault(lexer, column, "this unit or suffix is not known", error);
        error_hint(error, "durations end in ns, us, ms, s, m or h");
        return status;
    }
    return STATUS_OK;
}

static enum status finish(struct script_lexer *lexer, struct script_token *token,
                          struct number *number, bool decimal, struct error *error)
{
    number->digits[number->length] = '\0';
    bool is_double = number->exponent || number->overflow || number->scale > 28;
    token->kind = is_double ? SCRIPT_DOUBLE : SCRIPT_NUMBER;
    token->low = (uint64_t)number->magnitude;
    token->high = (uint64_t)(number->magnitude >> 64);
    token->scale = number->scale;
    token->real = decimal ? strtod(number->digits, NULL) : (double)number->magnitude;
    token->text = arena_copy_text(lexer->arena, number->digits, number->length);
    if (!token->text)
        return error_set(error, STATUS_MEMORY, "out of memory");
    return apply_suffix(lexer, token, number, error);
}

enum status script_next_number(struct script_lexer *lexer, struct script_token *token,
                               struct error *error)
{
    struct number number = {0};
    unsigned base = 10;
    if (peek(lexer, 0) == '0') {
        char mark = (char)(peek(lexer, 1) | 0x20);
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 10;
    }
    if (base != 10) {
        keep(&number, lexer->text[lexer->position]);
        keep(&number, lexer->text[lexer->position + 1]);
        lexer->position += 2;
        scan_digits(lexer, &number, base);
        if (number.length == 2 || number.overflow)
            return fault(lexer, token->column, "not a number", error);
    } else {
        scan_digits(lexer, &number, 10);
        scan_fraction(lexer, &number);
    }
    return finish(lexer, token, &number, base == 10, error);
}
