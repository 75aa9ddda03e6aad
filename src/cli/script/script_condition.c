/* Conditions: recursive descent into a tree, then the plan's prefix order. */
#include <string.h>

#include "script_expression.h"

#define MAX_NESTING 64

struct tree {
    struct plan_node node;
    struct tree *left, *right;
};

/* One side of a comparison, before it is known to be the path or the constant. */
struct side {
    bool is_name; /* a path, or an enum member */
    bool verbatim;
    uint32_t column;
    bool minutes;
    struct plan_path path;
    struct plan_constant constant;
};

struct condition {
    struct script_parser parser;
    unsigned nesting;
    unsigned count;
};

static struct tree *parse_or(struct condition *condition);

static struct tree *new_tree(struct condition *condition, enum plan_node_kind kind, uint32_t column)
{
    struct tree *tree = arena_new(condition->parser.lexer.arena, struct tree);
    if (!tree) {
        condition->parser.status =
            error_set(condition->parser.error, STATUS_MEMORY, "out of memory");
        return NULL;
    }
    if (++condition->count > PLAN_MAX_NODES)
        script_fault(&condition->parser, column, "the condition has more than %d parts",
                     PLAN_MAX_NODES);
    tree->node.kind = kind;
    tree->node.column = column;
    return tree;
}

static void constant_from(struct plan_constant *constant, const struct script_token *token,
                          bool negative)
{
    static const uint8_t kinds[] = {
        [SCRIPT_NUMBER] = PLAN_CONSTANT_NUMBER,     [SCRIPT_DOUBLE] = PLAN_CONSTANT_DOUBLE,
        [SCRIPT_DURATION] = PLAN_CONSTANT_DURATION, [SCRIPT_STRING] = PLAN_CONSTANT_STRING,
        [SCRIPT_CHAR] = PLAN_CONSTANT_CHAR,
    };
    *constant = (struct plan_constant){
        .kind = kinds[token->kind],
        .scale = token->scale,
        .negative = negative,
        .low = token->low,
        .high = token->high,
        .real = negative ? -token->real : token->real,
        .text = token->text,
    };
}

static void parse_number_side(struct script_parser *parser, struct side *side)
{
    bool negative = parser->token.kind == SCRIPT_MINUS;
    if (negative)
        script_advance(parser);
    enum script_token_kind kind = parser->token.kind;
    if (negative && kind != SCRIPT_NUMBER && kind != SCRIPT_DOUBLE) {
        script_fault(parser, parser->token.column, "'%s': a number is expected behind -",
                     parser->lexer.text);
        return;
    }
    side->minutes = parser->token.minutes;
    constant_from(&side->constant, &parser->token, negative);
    script_advance(parser);
}

static bool word_constant(struct script_parser *parser, struct plan_constant *constant)
{
    if (script_at_word(parser, "null"))
        constant->kind = PLAN_CONSTANT_NULL;
    else if (script_at_word(parser, "true") || script_at_word(parser, "false"))
        constant->kind = PLAN_CONSTANT_BOOL;
    else
        return false;
    constant->low = parser->token.text[0] == 't';
    script_advance(parser);
    return true;
}

static void parse_side(struct script_parser *parser, struct side *side)
{
    *side = (struct side){.column = parser->token.column};
    switch (parser->token.kind) {
    case SCRIPT_NAME:
        if (word_constant(parser, &side->constant))
            return;
        side->is_name = true;
        side->verbatim = parser->token.verbatim;
        script_parse_path(parser, &side->path);
        return;
    case SCRIPT_MINUS:
    case SCRIPT_NUMBER:
    case SCRIPT_DOUBLE:
    case SCRIPT_DURATION:
    case SCRIPT_STRING:
    case SCRIPT_CHAR:
        parse_number_side(parser, side);
        return;
    case SCRIPT_END:
        script_fault(parser, parser->token.column, "'%s': the condition ends too early",
                     parser->lexer.text);
        return;
    default:
        script_fault(parser, parser->token.column, "'%s': a value or constant is expected here",
                     parser->lexer.text);
        return;
    }
}

static bool small_first(const struct plan_path *path)
{
    char first = path->step_count ? path->steps[0][0] : '\0';
    return first >= 'a' && first <= 'z';
}

/* Names on both sides: true where the right one is the path. */
static bool right_is_path(const struct side *left, const struct side *right)
{
    if (right->path.root != PLAN_ROOT_NAME || right->verbatim)
        return left->path.root == PLAN_ROOT_NAME && !left->verbatim;
    return left->path.root == PLAN_ROOT_NAME && !left->verbatim && !small_first(&left->path) &&
           small_first(&right->path);
}

static void swap_sides(struct side *left, struct side *right)
{
    struct side keep = *left;
    *left = *right;
    *right = keep;
}

static enum plan_node_kind mirrored(enum plan_node_kind kind)
{
    switch (kind) {
    case PLAN_NODE_LT:
        return PLAN_NODE_GT;
    case PLAN_NODE_LE:
        return PLAN_NODE_GE;
    case PLAN_NODE_GT:
        return PLAN_NODE_LT;
    case PLAN_NODE_GE:
        return PLAN_NODE_LE;
    default:
        return kind;
    }
}

static void name_constant(struct script_parser *parser, struct side *side)
{
    bool path = side->path.root != PLAN_ROOT_NAME || side->verbatim ||
                (side->path.step_count > 1 && small_first(&side->path));
    if (path) {
        script_fault(parser, side->column, "'%s': one side of a comparison must be a constant",
                     parser->lexer.text);
        error_hint(parser->error, "two values of a call cannot be compared with each other yet");
        return;
    }
    side->constant = (struct plan_constant){.kind = PLAN_CONSTANT_NAME, .text = side->path.text};
}

/* elapsed goes with durations only; 1m beside it is a minute. */
static void check_elapsed(struct script_parser *parser, const struct side *path,
                          struct side *constant)
{
    if (path->path.root != PLAN_ROOT_ELAPSED)
        return;
    struct plan_constant *value = &constant->constant;
    if (value->kind == PLAN_CONSTANT_NUMBER && constant->minutes && !value->negative) {
        double nanoseconds = value->real * 60e9 + 0.5;
        *value = (struct plan_constant){
            .kind = PLAN_CONSTANT_DURATION,
            .low = nanoseconds < 9e18 ? (uint64_t)nanoseconds : (uint64_t)INT64_MAX,
            .text = value->text,
        };
    }
    if (value->kind != PLAN_CONSTANT_DURATION) {
        script_fault(parser, constant->column, "'%s': elapsed is compared with a duration",
                     parser->lexer.text);
        error_hint(parser->error, "write the unit: elapsed > 5ms");
    }
}

static void check_order(struct script_parser *parser, enum plan_node_kind kind,
                        const struct side *constant)
{
    uint32_t value = constant->constant.kind;
    if (kind == PLAN_NODE_EQ || kind == PLAN_NODE_NE)
        return;
    if (value == PLAN_CONSTANT_NULL || value == PLAN_CONSTANT_BOOL)
        script_fault(parser, constant->column, "'%s': null, true and false have no order",
                     parser->lexer.text);
}

static struct tree *make_comparison(struct condition *condition, struct side *left,
                                    enum plan_node_kind kind, struct side *right)
{
    struct script_parser *parser = &condition->parser;
    if (!left->is_name && !right->is_name && parser->status == STATUS_OK) {
        script_fault(parser, left->column, "'%s': two constants are compared", parser->lexer.text);
        return NULL;
    }
    if (!left->is_name || (right->is_name && right_is_path(left, right))) {
        swap_sides(left, right);
        kind = mirrored(kind);
    }
    if (right->is_name)
        name_constant(parser, right);
    check_elapsed(parser, left, right);
    check_order(parser, kind, right);
    struct tree *tree = new_tree(condition, kind, right->column);
    if (tree) {
        tree->node.path = left->path;
        tree->node.constant = right->constant;
    }
    return tree;
}

static enum plan_node_kind comparison_at(const struct script_token *token)
{
    switch (token->kind) {
    case SCRIPT_EQ:
        return PLAN_NODE_EQ;
    case SCRIPT_NE:
        return PLAN_NODE_NE;
    case SCRIPT_LT:
        return PLAN_NODE_LT;
    case SCRIPT_LE:
        return PLAN_NODE_LE;
    case SCRIPT_GT:
        return PLAN_NODE_GT;
    case SCRIPT_GE:
        return PLAN_NODE_GE;
    default:
        return 0;
    }
}

/* A path alone: == true. */
static struct tree *make_truth(struct condition *condition, struct side *side)
{
    struct script_parser *parser = &condition->parser;
    struct side yes = {.constant = {.kind = PLAN_CONSTANT_BOOL, .low = 1}, .column = side->column};
    if (!side->is_name || side->path.root == PLAN_ROOT_ELAPSED) {
        script_fault(parser, side->column, "'%s': this is not a condition", parser->lexer.text);
        error_hint(parser->error, "compare it: order.Total > 100, elapsed > 5ms");
        return NULL;
    }
    return make_comparison(condition, side, PLAN_NODE_EQ, &yes);
}

static struct tree *parse_comparison(struct condition *condition)
{
    struct script_parser *parser = &condition->parser;
    struct side left, right;
    parse_side(parser, &left);
    enum plan_node_kind kind = comparison_at(&parser->token);
    bool is = script_at_word(parser, "is");
    if (parser->status != STATUS_OK)
        return NULL;
    if (!kind && !is)
        return make_truth(condition, &left);
    script_advance(parser);
    if (is) {
        kind = script_at_word(parser, "not") ? PLAN_NODE_NE : PLAN_NODE_EQ;
        if (kind == PLAN_NODE_NE)
            script_advance(parser);
    }
    parse_side(parser, &right);
    return make_comparison(condition, &left, kind, &right);
}

static void refuse_comparison(struct script_parser *parser)
{
    if (comparison_at(&parser->token))
        script_fault(parser, parser->token.column,
                     "'%s': a condition cannot be compared, only a value", parser->lexer.text);
}

static struct tree *parse_term(struct condition *condition)
{
    struct script_parser *parser = &condition->parser;
    struct tree *tree = NULL;
    uint32_t column = parser->token.column;
    if (parser->token.kind != SCRIPT_NOT && parser->token.kind != SCRIPT_OPEN)
        return parse_comparison(condition);
    if (++condition->nesting > MAX_NESTING) {
        script_fault(parser, column, "the condition is nested deeper than %d", MAX_NESTING);
        return NULL;
    }
    if (parser->token.kind == SCRIPT_NOT) {
        script_advance(parser);
        tree = new_tree(condition, PLAN_NODE_NOT, column);
        struct tree *inner = parse_term(condition);
        if (tree)
            tree->left = inner;
    } else {
        script_advance(parser);
        tree = parse_or(condition);
        if (parser->status == STATUS_OK && parser->token.kind != SCRIPT_CLOSE)
            script_fault(parser, column, "'%s': the closing parenthesis is missing",
                         parser->lexer.text);
        script_advance(parser);
        refuse_comparison(parser);
    }
    condition->nesting--;
    return tree;
}

static struct tree *parse_joined(struct condition *condition, enum script_token_kind operator,
                                 enum plan_node_kind kind,
                                 struct tree *(*parse_part)(struct condition *condition))
{
    struct tree *left = parse_part(condition);
    while (condition->parser.token.kind == operator) {
        struct tree *tree = new_tree(condition, kind, condition->parser.token.column);
        script_advance(&condition->parser);
        struct tree *right = parse_part(condition);
        if (!tree || condition->parser.status != STATUS_OK)
            return NULL;
        tree->left = left;
        tree->right = right;
        left = tree;
    }
    return left;
}

static struct tree *parse_and(struct condition *condition)
{
    return parse_joined(condition, SCRIPT_AND, PLAN_NODE_AND, parse_term);
}

static struct tree *parse_or(struct condition *condition)
{
    return parse_joined(condition, SCRIPT_OR, PLAN_NODE_OR, parse_and);
}

/* Depth is bounded by PLAN_MAX_NODES. */
static void flatten(const struct tree *tree, struct plan_node *nodes, uint32_t *count)
{
    uint32_t index = (*count)++;
    nodes[index] = tree->node;
    if (tree->left)
        flatten(tree->left, nodes, count);
    if (tree->right) {
        nodes[index].right = *count;
        flatten(tree->right, nodes, count);
    }
}

enum status script_parse_condition(struct arena *arena, const char *text, struct plan_node **nodes,
                                   uint32_t *count, struct error *error)
{
    struct condition condition = {0};
    struct script_parser *parser = &condition.parser;
    script_parser_init(parser, text, arena, error);
    struct tree *tree = parse_or(&condition);
    if (parser->status == STATUS_OK && parser->token.kind != SCRIPT_END) {
        script_fault(parser, parser->token.column, "'%s': the condition should end here", text);
        error_hint(error, "conditions are joined by && and ||");
    }
    if (parser->status != STATUS_OK)
        return parser->status;
    struct plan_node *flat = arena_new_array(arena, condition.count, struct plan_node);
    if (!flat || !tree)
        return error_set(error, STATUS_MEMORY, "out of memory");
    *count = 0;
    flatten(tree, flat, count);
    *nodes = flat;
    return STATUS_OK;
}
