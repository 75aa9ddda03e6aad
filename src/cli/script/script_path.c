/* Paths, the list of VALUES, and what the parsers share. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script_expression.h"

void script_parser_init(struct script_parser *parser, const char *text, struct arena *arena,
                        struct error *error)
{
    *parser = (struct script_parser){.error = error};
    script_lexer_init(&parser->lexer, text, arena);
    if (strlen(text) > PLAN_MAX_TEXT)
        script_fault(parser, 0, "the expression is longer than %d bytes", PLAN_MAX_TEXT);
    script_advance(parser);
}

void script_advance(struct script_parser *parser)
{
    if (parser->status != STATUS_OK) {
        parser->token.kind = SCRIPT_END;
        return;
    }
    parser->status = script_next(&parser->lexer, &parser->token, parser->error);
    if (parser->status != STATUS_OK)
        parser->token.kind = SCRIPT_END;
}

void script_fault(struct script_parser *parser, uint32_t column, const char *format, ...)
{
    if (parser->status != STATUS_OK)
        return;
    char text[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    parser->status = error_set_at(parser->error, STATUS_USAGE, column, "%s", text);
    parser->token.kind = SCRIPT_END;
}

bool script_at_word(const struct script_parser *parser, const char *word)
{
    const struct script_token *token = &parser->token;
    return token->kind == SCRIPT_NAME && !token->verbatim && strcmp(token->text, word) == 0;
}

static enum plan_root root_of(const struct script_token *token)
{
    static const struct {
        const char *word;
        enum plan_root root;
    } roots[] = {{"this", PLAN_ROOT_THIS},
                 {"ret", PLAN_ROOT_RET},
                 {"ex", PLAN_ROOT_EX},
                 {"elapsed", PLAN_ROOT_ELAPSED}};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
        if (!token->verbatim && strcmp(token->text, roots[i].word) == 0)
            return roots[i].root;
    return PLAN_ROOT_NAME;
}

static void expect_name(struct script_parser *parser)
{
    if (parser->token.kind == SCRIPT_NAME)
        return;
    if (parser->token.kind == SCRIPT_END)
        script_fault(parser, parser->token.column, "'%s': a name is missing at the end",
                     parser->lexer.text);
    else
        script_fault(parser, parser->token.column, "'%s': a name is expected here",
                     parser->lexer.text);
}

static void add_step(struct script_parser *parser, struct plan_path *path)
{
    if (path->step_count == PLAN_MAX_STEPS)
        script_fault(parser, parser->token.column, "'%s': a path has at most %d names",
                     parser->lexer.text, PLAN_MAX_STEPS);
    else
        path->steps[path->step_count++] = parser->token.text;
}

void script_parse_path(struct script_parser *parser, struct plan_path *path)
{
    struct arena *arena = parser->lexer.arena;
    uint32_t from = parser->token.column;
    expect_name(parser);
    if (parser->status != STATUS_OK)
        return;
    path->column = from;
    path->steps = arena_new_array(arena, PLAN_MAX_STEPS, const char *);
    if (!path->steps) {
        parser->status = error_set(parser->error, STATUS_MEMORY, "out of memory");
        return;
    }
    path->root = root_of(&parser->token);
    if (path->root == PLAN_ROOT_NAME)
        add_step(parser, path);
    uint32_t to = parser->token.column + parser->token.length;
    script_advance(parser);
    while (parser->token.kind == SCRIPT_DOT) {
        script_advance(parser);
        expect_name(parser);
        if (parser->status != STATUS_OK)
            return;
        add_step(parser, path);
        to = parser->token.column + parser->token.length;
        script_advance(parser);
    }
    if (path->root == PLAN_ROOT_ELAPSED && path->step_count)
        script_fault(parser, from, "'%s': elapsed is a duration and has no fields",
                     parser->lexer.text);
    path->text = arena_copy_text(arena, parser->lexer.text + from, to - from);
    if (!path->text && parser->status == STATUS_OK)
        parser->status = error_set(parser->error, STATUS_MEMORY, "out of memory");
}

static void parse_list(struct script_parser *parser, struct plan_path *values, uint32_t *count)
{
    for (;;) {
        if (*count == PLAN_MAX_VALUES) {
            script_fault(parser, parser->token.column, "more than %d values", PLAN_MAX_VALUES);
            return;
        }
        script_parse_path(parser, &values[(*count)++]);
        if (parser->token.kind != SCRIPT_COMMA)
            break;
        script_advance(parser);
    }
    if (parser->status == STATUS_OK && parser->token.kind != SCRIPT_END) {
        script_fault(parser, parser->token.column, "'%s': a comma is expected between values",
                     parser->lexer.text);
        error_hint(parser->error, "VALUES are paths: 'order.Id, ret.Total'; conditions go to --if");
    }
}

enum status script_parse_values(struct arena *arena, const char *text, struct plan_path **values,
                                uint32_t *count, struct error *error)
{
    struct script_parser parser;
    struct plan_path *found = arena_new_array(arena, PLAN_MAX_VALUES, struct plan_path);
    uint32_t found_count = 0;
    if (!found)
        return error_set(error, STATUS_MEMORY, "out of memory");
    script_parser_init(&parser, text, arena, error);
    parse_list(&parser, found, &found_count);
    if (parser.status != STATUS_OK)
        return parser.status;
    *values = found;
    *count = found_count;
    return STATUS_OK;
}
