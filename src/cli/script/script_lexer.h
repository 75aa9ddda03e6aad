/*
 * script_lexer: the words of the user's expressions: VALUES and --if.
 *
 * C# lexical rules as far as expressions of paths and constants need them, plus durations
 * (5ms). Every token knows its column (bytes from the text's start), so that messages can
 * point at it. Text is UTF-8; decoded strings live in the arena.
 */
#ifndef SCRIPT_LEXER_H
#define SCRIPT_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"

enum script_token_kind {
    SCRIPT_END,
    SCRIPT_NAME,
    SCRIPT_NUMBER,   /* digits * 10^-scale; minutes: written with the suffix m */
    SCRIPT_DOUBLE,   /* with an exponent, f or d, or beyond the decimal range */
    SCRIPT_DURATION, /* low: nanoseconds */
    SCRIPT_STRING,
    SCRIPT_CHAR, /* low: UTF-16 unit */
    SCRIPT_DOT,  /* . and ?. */
    SCRIPT_COMMA,
    SCRIPT_OPEN,
    SCRIPT_CLOSE,
    SCRIPT_MINUS,
    SCRIPT_NOT,
    SCRIPT_AND,
    SCRIPT_OR,
    SCRIPT_EQ,
    SCRIPT_NE,
    SCRIPT_LT,
    SCRIPT_LE,
    SCRIPT_GT,
    SCRIPT_GE,
};

struct script_token {
    enum script_token_kind kind;
    uint32_t column;
    uint32_t length; /* in the text */
    bool verbatim;   /* NAME: written as @name, never a keyword */
    bool minutes;    /* NUMBER with the suffix m: a decimal, or minutes beside a duration */
    uint32_t scale;
    uint64_t low, high; /* NUMBER: 128-bit magnitude */
    double real;        /* NUMBER, DOUBLE */
    const char *text;   /* NAME without @; STRING decoded; numbers as written without suffix */
};

struct script_lexer {
    const char *text;
    size_t length;
    size_t position;
    struct arena *arena;
};

void script_lexer_init(struct script_lexer *lexer, const char *text, struct arena *arena);
/* The next token; SCRIPT_END at the end, again and again. Errors: STATUS_USAGE with the
 * column as offset. */
enum status script_next(struct script_lexer *lexer, struct script_token *token,
                        struct error *error);

/* script_number.c: a number with suffix or unit at the lexer's position. */
enum status script_next_number(struct script_lexer *lexer, struct script_token *token,
                               struct error *error);
/* script_string.c: what stands between the quotes at the lexer's position, as UTF-16 with lone
 * surrogates and NULs as they are. */
enum status script_next_units(struct script_lexer *lexer, char *quote, struct buffer *units,
                              struct error *error);
/* script_string.c: "text", @"text" and 'c' at the lexer's position. */
enum status script_next_string(struct script_lexer *lexer, struct script_token *token,
                               struct error *error);

/* A letter, digit, _ or part of a character beyond ASCII. */
bool script_is_name_byte(char byte);

#endif
