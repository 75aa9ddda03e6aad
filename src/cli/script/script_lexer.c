#include "script_lexer.h"

#include <string.h>

void script_lexer_init(struct script_lexer *lexer, const char *text, struct arena *arena)
{
    *lexer = (struct script_lexer){.text = text, .length = strlen(text), .arena = arena};
}

bool script_is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || (unsigned char)byte >= 0x80;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static char peek(const struct script_lexer *lexer, size_t ahead)
{
    size_t at = lexer->position + ahead;
    return at < lexer->length ? lexer->text[at] : '\0';
}

struct spelling {
    const char *text;
    enum script_token_kind kind;
};

/* Longer spellings first: the first that fits is taken. */
static const struct spelling spellings[] = {
    {"?.", SCRIPT_DOT},  {"&&", SCRIPT_AND}, {"||", SCRIPT_OR},   {"==", SCRIPT_EQ},
    {"!=", SCRIPT_NE},   {"<=", SCRIPT_LE},  {">=", SCRIPT_GE},   {".", SCRIPT_DOT},
    {",", SCRIPT_COMMA}, {"(", SCRIPT_OPEN}, {")", SCRIPT_CLOSE}, {"-", SCRIPT_MINUS},
    {"!", SCRIPT_NOT},   {"<", SCRIPT_LT},   {">", SCRIPT_GT},
};

static bool next_symbol(struct script_lexer *lexer, struct script_token *token)
{
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        size_t length = strlen(spellings[i].text);
        if (strncmp(lexer->text + lexer->position, spellings[i].text, length) == 0) {
            token->kind = spellings[i].kind;
            lexer->position += length;
            return true;
        }
    }
    return false;
}

static enum status next_name(struct script_lexer *lexer, struct script_token *token,
                             struct error *error)
{
    token->kind = SCRIPT_NAME;
    token->verbatim = peek(lexer, 0) == '@';
    if (token->verbatim)
        lexer->position++;
    size_t start = lexer->position;
    while (script_is_name_byte(peek(lexer, 0)))
        lexer->position++;
    token->text = arena_copy_text(lexer->arena, lexer->text + start, lexer->position - start);
    if (!token->text)
        return error_set(error, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}

static enum status unknown_character(const struct script_lexer *lexer, struct error *error)
{
    char byte = peek(lexer, 0);
    enum status status = error_set_at(error, STATUS_USAGE, (int64_t)lexer->position,
                                      "'%s': nothing can begin with '%c' here", lexer->text, byte);
    if (byte == '=')
        error_hint(error, "to compare, write ==");
    else if (byte == '&' || byte == '|')
        error_hint(error, "conditions are joined by && and ||");
    else if (byte == '[')
        error_hint(error, "items are shown as a whole; a path names parameters, fields and "
                          "properties: order.Customer.Name");
    return status;
}

static enum status scan(struct script_lexer *lexer, struct script_token *token, struct error *error)
{
    char byte = peek(lexer, 0);
    if (byte == '"' || byte == '\'' || (byte == '@' && peek(lexer, 1) == '"'))
        return script_next_string(lexer, token, error);
    if (is_digit(byte) || (byte == '.' && is_digit(peek(lexer, 1))))
        return script_next_number(lexer, token, error);
    if (script_is_name_byte(byte) || (byte == '@' && script_is_name_byte(peek(lexer, 1))))
        return next_name(lexer, token, error);
    if (next_symbol(lexer, token))
        return STATUS_OK;
    return unknown_character(lexer, error);
}

enum status script_next(struct script_lexer *lexer, struct script_token *token, struct error *error)
{
    while (lexer->position < lexer->length && strchr(" \t\r\n", lexer->text[lexer->position]))
        lexer->position++;
    *token = (struct script_token){.column = (uint32_t)lexer->position};
    if (lexer->position >= lexer->length)
        return STATUS_OK;
    enum status status = scan(lexer, token, error);
    token->length = (uint32_t)(lexer->position - token->column);
    return status;
}
