#include "script_literal.h"

#include <stdlib.h>
#include <string.h>

#include "script_lexer.h"

#define DECIMAL_SCALE 28
#define EXPONENT_MAX  9999

struct literal {
    struct arena *arena;
    const char *text; /* as given */
    size_t at, end;   /* what is left of it */
    struct plan_literal *to;
    struct error *error;
};

static enum status fault(const struct literal *literal, size_t column, const char *reason)
{
    return error_set_at(literal->error, STATUS_USAGE, (int64_t)column, "'%s': %s", literal->text,
                        reason);
}

static enum status no_memory(const struct literal *literal)
{
    return error_set(literal->error, STATUS_MEMORY, "out of memory");
}

static char peek(const struct literal *literal, size_t ahead)
{
    return literal->at + ahead < literal->end ? literal->text[literal->at + ahead] : '\0';
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---- numbers ---- */

struct number {
    unsigned base;
    unsigned __int128 magnitude;
    bool over; /* beyond 96 bits */
    bool point, exponent;
    int places;   /* digits behind the point */
    int power;    /* of the exponent */
    char *digits; /* without underscores, for strtod */
    size_t length;
};

static unsigned digit_value(char byte)
{
    if (is_digit(byte))
        return (unsigned)(byte - '0');
    char small = (char)(byte | 0x20);
    return small >= 'a' && small <= 'f' ? (unsigned)(small - 'a' + 10) : 99;
}

static void add_digit(struct number *number, unsigned digit)
{
    const unsigned __int128 most = ((unsigned __int128)1 << 96) - 1;
    if (number->over || number->magnitude > (most - digit) / number->base)
        number->over = true;
    else
        number->magnitude = number->magnitude * number->base + digit;
}

/* Underscores stand between digits, several if you like. */
static bool is_separator(const struct literal *literal, unsigned base)
{
    size_t ahead = 0;
    while (peek(literal, ahead) == '_')
        ahead++;
    return ahead > 0 && digit_value(peek(literal, ahead)) < base;
}

static size_t scan_digits(struct literal *literal, struct number *number)
{
    size_t count = 0;
    for (;; literal->at++) {
        char byte = peek(literal, 0);
        if (byte == '_' && is_separator(literal, number->base))
            continue;
        if (digit_value(byte) >= number->base)
            return count;
        number->digits[number->length++] = byte;
        add_digit(number, digit_value(byte));
        number->places += number->point;
        count++;
    }
}

static void scan_exponent(struct literal *literal, struct number *number)
{
    bool sign = peek(literal, 1) == '-' || peek(literal, 1) == '+';
    if ((peek(literal, 0) | 0x20) != 'e' || !is_digit(peek(literal, 1 + sign)))
        return;
    bool negative = peek(literal, 1) == '-';
    number->exponent = true;
    for (int i = 0; i <= sign; i++)
        number->digits[number->length++] = peek(literal, (size_t)i);
    literal->at += 1u + sign;
    for (; is_digit(peek(literal, 0)); literal->at++) {
        number->digits[number->length++] = peek(literal, 0);
        if (number->power < EXPONENT_MAX)
            number->power = number->power * 10 + (peek(literal, 0) - '0');
    }
    if (negative)
        number->power = -number->power;
}

static enum status scan_number(struct literal *literal, struct number *number)
{
    char mark = peek(literal, 0) == '0' ? (char)(peek(literal, 1) | 0x20) : '\0';
    size_t began = literal->at;
    number->base = mark == 'x' ? 16 : mark == 'b' ? 2 : 10;
    if (number->base != 10) {
        literal->at += 2;
        return scan_digits(literal, number) > 0 ? STATUS_OK
                                                : fault(literal, began, "this is no number");
    }
    scan_digits(literal, number);
    if (peek(literal, 0) == '.' && is_digit(peek(literal, 1))) {
        number->digits[number->length++] = '.';
        literal->at++;
        number->point = true;
        scan_digits(literal, number);
    }
    scan_exponent(literal, number);
    return STATUS_OK;
}

static bool suffix_bits(const char *text, size_t length, uint32_t *bits)
{
    static const struct {
        const char *text;
        uint32_t bits;
    } rows[] = {
        {"", 0},
        {"u", PLAN_SUFFIX_U},
        {"l", PLAN_SUFFIX_L},
        {"ul", PLAN_SUFFIX_U | PLAN_SUFFIX_L},
        {"lu", PLAN_SUFFIX_U | PLAN_SUFFIX_L},
        {"f", PLAN_SUFFIX_F},
        {"d", PLAN_SUFFIX_D},
        {"m", PLAN_SUFFIX_M},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t j = 0;
        while (j < length && rows[i].text[j] != '\0' && (text[j] | 0x20) == rows[i].text[j])
            j++;
        if (j == length && rows[i].text[j] == '\0') {
            *bits = rows[i].bits;
            return true;
        }
    }
    return false;
}

static enum status scan_suffix(struct literal *literal, const struct number *number)
{
    size_t began = literal->at;
    uint32_t whole = PLAN_SUFFIX_U | PLAN_SUFFIX_L;
    while (script_is_name_byte(peek(literal, 0)))
        literal->at++;
    bool known = suffix_bits(literal->text + began, literal->at - began, &literal->to->suffix);
    if (!known || (number->base != 10 && (literal->to->suffix & ~whole))) {
        fault(literal, began, "this is no suffix of a number");
        error_hint(literal->error, "u, l, ul, f, d and m are");
        return STATUS_USAGE;
    }
    if ((literal->to->suffix & whole) && (number->point || number->exponent))
        return fault(literal, began, "u and l belong to whole numbers");
    return STATUS_OK;
}

/* As a decimal: 96 bits and the places of the point; false where it would have to be rounded. */
static bool as_decimal(struct number *number)
{
    int scale = number->places - number->power;
    while (scale < 0 && !number->over && number->magnitude != 0) {
        add_digit(number, 0);
        scale++;
    }
    while (scale > DECIMAL_SCALE && !number->over && number->magnitude % 10 == 0 &&
           number->magnitude != 0) {
        number->magnitude /= 10;
        scale--;
    }
    if (number->magnitude == 0 && !number->over)
        scale = scale < 0 ? 0 : scale > DECIMAL_SCALE ? DECIMAL_SCALE : scale;
    number->places = scale;
    return !number->over && scale >= 0 && scale <= DECIMAL_SCALE;
}

static enum status fill_number(struct literal *literal, struct number *number, size_t began)
{
    struct plan_literal *to = literal->to;
    const uint32_t real = PLAN_SUFFIX_F | PLAN_SUFFIX_D | PLAN_SUFFIX_M;
    number->digits[number->length] = '\0';
    bool whole = !number->point && !number->exponent && !(to->suffix & real);
    to->kind = whole ? PLAN_LITERAL_INTEGER : PLAN_LITERAL_REAL;
    to->real = number->base == 10 ? strtod(number->digits, NULL) : (double)number->magnitude;
    to->single = number->base == 10 ? strtof(number->digits, NULL) : (float)number->magnitude;
    if (to->negative) {
        to->real = -to->real;
        to->single = -to->single;
    }
    if (whole && (number->over || number->magnitude >> 64 != 0)) {
        fault(literal, began, "this is too large for any integer");
        error_hint(literal->error, "a decimal ends in m, a double in d");
        return STATUS_USAGE;
    }
    to->decimal = !whole && as_decimal(number);
    to->scale = to->decimal ? (uint32_t)number->places : 0;
    if (whole || to->decimal) {
        to->low = (uint64_t)number->magnitude;
        to->high = (uint64_t)(number->magnitude >> 64);
    }
    return STATUS_OK;
}

static enum status parse_number(struct literal *literal)
{
    size_t began = literal->at;
    struct number number = {.digits =
                                arena_alloc_array(literal->arena, literal->end - began + 1, 1)};
    if (!number.digits)
        return no_memory(literal);
    enum status status = scan_number(literal, &number);
    if (status == STATUS_OK)
        status = scan_suffix(literal, &number);
    if (status == STATUS_OK)
        status = fill_number(literal, &number, began);
    return status;
}

/* ---- texts and characters ---- */

static enum status take_char(struct literal *literal, const struct buffer *units, size_t began)
{
    if (units->length != 2) {
        fault(literal, began, "a char is one UTF-16 unit between single quotes");
        error_hint(literal->error, "text stands between double quotes: '\"text\"'");
        return STATUS_USAGE;
    }
    literal->to->kind = PLAN_LITERAL_CHAR;
    literal->to->low = (uint64_t)units->data[0] | (uint64_t)units->data[1] << 8;
    return STATUS_OK;
}

static enum status take_text(struct literal *literal, const struct buffer *units, size_t began)
{
    size_t count = units->length / 2;
    uint16_t *copy = arena_new_array(literal->arena, count + 1, uint16_t);
    if (!copy)
        return no_memory(literal);
    if (count > PLAN_MAX_UNITS)
        return fault(literal, began, "the text is too long");
    for (size_t i = 0; i < count; i++)
        copy[i] = (uint16_t)(units->data[2 * i] | units->data[2 * i + 1] << 8);
    literal->to->kind = PLAN_LITERAL_STRING;
    literal->to->units = copy;
    literal->to->unit_count = (uint32_t)count;
    return STATUS_OK;
}

static enum status parse_quoted(struct literal *literal)
{
    struct script_lexer lexer;
    struct buffer units;
    size_t began = literal->at;
    char quote;
    script_lexer_init(&lexer, literal->text, literal->arena);
    lexer.position = began;
    buffer_init(&units, 0);
    enum status status = script_next_units(&lexer, &quote, &units, literal->error);
    if (status == STATUS_OK && buffer_failed(&units))
        status = no_memory(literal);
    if (status == STATUS_OK)
        status =
            quote == '\'' ? take_char(literal, &units, began) : take_text(literal, &units, began);
    literal->at = lexer.position;
    buffer_release(&units);
    return status;
}

/* ---- words ---- */

static void skip_spaces(struct literal *literal)
{
    while (is_space(peek(literal, 0)))
        literal->at++;
}

static bool is_word(const struct literal *literal, const char *word)
{
    size_t length = strlen(word);
    return literal->end - literal->at == length &&
           memcmp(literal->text + literal->at, word, length) == 0;
}

static bool parse_keyword(struct literal *literal)
{
    static const struct {
        const char *word;
        uint32_t kind;
        uint64_t low;
    } rows[] = {
        {"", PLAN_LITERAL_NOTHING, 0},  {"void", PLAN_LITERAL_NOTHING, 0},
        {"null", PLAN_LITERAL_NULL, 0}, {"default", PLAN_LITERAL_DEFAULT, 0},
        {"true", PLAN_LITERAL_BOOL, 1}, {"false", PLAN_LITERAL_BOOL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!is_word(literal, rows[i].word))
            continue;
        literal->to->kind = rows[i].kind;
        literal->to->low = rows[i].low;
        literal->at = literal->end;
        return true;
    }
    return false;
}

/* NAME { "." NAME }; nested types may be written with + too. */
static enum status parse_name(struct literal *literal)
{
    for (;;) {
        size_t began = literal->at;
        if (is_digit(peek(literal, 0)) || !script_is_name_byte(peek(literal, 0)))
            return fault(literal, began,
                         "a value or the name of an enum's member is expected here");
        while (script_is_name_byte(peek(literal, 0)))
            literal->at++;
        if (peek(literal, 0) != '.' && peek(literal, 0) != '+')
            return STATUS_OK;
        literal->at++;
    }
}

static enum status parse_names(struct literal *literal)
{
    for (;;) {
        enum status status = parse_name(literal);
        skip_spaces(literal);
        if (status != STATUS_OK || peek(literal, 0) != '|') {
            literal->to->kind = PLAN_LITERAL_NAME;
            return status;
        }
        literal->at++;
        skip_spaces(literal);
    }
}

/* ---- the whole ---- */

static enum status parse(struct literal *literal)
{
    if (parse_keyword(literal))
        return STATUS_OK;
    if (peek(literal, 0) == '"' || peek(literal, 0) == '\'' ||
        (peek(literal, 0) == '@' && peek(literal, 1) == '"'))
        return parse_quoted(literal);
    if (peek(literal, 0) == '-') {
        literal->to->negative = 1;
        literal->at++;
        skip_spaces(literal);
        if (!is_digit(peek(literal, 0)) && peek(literal, 0) != '.')
            return fault(literal, literal->at, "a number is expected behind -");
    }
    if (is_digit(peek(literal, 0)) || (peek(literal, 0) == '.' && is_digit(peek(literal, 1))))
        return parse_number(literal);
    return parse_names(literal);
}

enum status script_parse_literal(struct arena *arena, const char *text, struct plan_literal *to,
                                 struct error *error)
{
    struct literal literal = {
        .arena = arena, .text = text, .end = strlen(text), .to = to, .error = error};
    *to = (struct plan_literal){0};
    if (literal.end > PLAN_MAX_TEXT)
        return error_set(error, STATUS_USAGE, "the value is longer than %d bytes", PLAN_MAX_TEXT);
    while (literal.end > 0 && is_space(text[literal.end - 1]))
        literal.end--;
    skip_spaces(&literal);
    to->text = arena_copy_text(arena, text + literal.at, literal.end - literal.at);
    if (!to->text)
        return no_memory(&literal);
    enum status status = parse(&literal);
    skip_spaces(&literal);
    if (status == STATUS_OK && literal.at < literal.end)
        status = fault(&literal, literal.at, "the value should end here");
    return status;
}
