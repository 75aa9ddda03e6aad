/*
 * script_expression: VALUES and --if, from the user's text to the plan's syntax.
 *
 *   values     = path { "," path }
 *   path       = ( NAME | "@" NAME | "this" | "ret" | "ex" | "elapsed" ) { ("." | "?.") NAME }
 *   condition  = both { "||" both }          both = term { "&&" term }
 *   term       = "!" term | "(" condition ")" | path | path OP constant | constant OP path
 *              | path "is" [ "not" ] constant
 *   OP         = == != < <= > >=
 *   constant   = [ "-" ] NUMBER | DURATION | "text" | 'c' | true | false | null | NAME {"." NAME}
 *
 * Where both sides of OP are names, the left is the path and the right an enum member; the
 * other way round where the right one is this, ret, ex or elapsed, or where only the right one
 * begins with a small letter (OrderState.Closed == order.State). 100m is the decimal 100,
 * beside elapsed 100 minutes.
 *
 * All results live in the arena and hold no pointer into the given text. Errors:
 * STATUS_USAGE, with the column as offset.
 */
#ifndef SCRIPT_EXPRESSION_H
#define SCRIPT_EXPRESSION_H

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "script_lexer.h"
#include "wire_plan.h"

enum status script_parse_values(struct arena *arena, const char *text, struct plan_path **values,
                                uint32_t *count, struct error *error);
enum status script_parse_condition(struct arena *arena, const char *text, struct plan_node **nodes,
                                   uint32_t *count, struct error *error);

/* The two lines that show where in `text` an error stands: the text, indented by two, and
 * ^^^^ under the word at `offset`. Nothing for an empty text or an offset outside it. */
void script_mark(struct buffer *out, const char *text, int64_t offset);

/* A parser's state, shared by the files of this room. */
struct script_parser {
    struct script_lexer lexer;
    struct script_token token; /* the one looked at */
    struct error *error;
    enum status status; /* sticky */
};

void script_parser_init(struct script_parser *parser, const char *text, struct arena *arena,
                        struct error *error);
/* Takes the token looked at. */
void script_advance(struct script_parser *parser);
/* Sets the error, with its place, where none is set yet. */
void script_fault(struct script_parser *parser, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void script_parse_path(struct script_parser *parser, struct plan_path *path);
/* The word at the token looked at is this keyword (never a verbatim @word). */
bool script_at_word(const struct script_parser *parser, const char *word);

#endif
