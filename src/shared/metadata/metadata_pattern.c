/* The text of a pattern into parts. */
#include "metadata_pattern.h"

#include <string.h>

#include "metadata_internal.h"
#include "metadata_names.h"
#include "metadata_pattern_parts.h"

#define GRAMMAR_HINT                                                                               \
    "write Namespace.Type.Method, with * within a part and ** for any number of parts"
#define MAX_LINE 0xfffffe

enum status pattern_fail(const struct pattern_parser *parser, const char *at, const char *hint,
                         const char *reason)
{
    enum status status =
        error_set_at(parser->error, STATUS_USAGE, parser->lead + (at - parser->start),
                     "pattern '%s': %s", parser->pattern->text, reason);
    error_hint(parser->error, "%s", hint);
    return status;
}

static char any_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool glob(struct pattern_text pattern, const char *text, size_t length, bool fold)
{
    size_t p = 0, t = 0, star = SIZE_MAX, back = 0;
    while (t < length) {
        bool same = p < pattern.length && (pattern.at[p] == text[t] ||
                                           (fold && any_case(pattern.at[p]) == any_case(text[t])));
        if (p < pattern.length && pattern.at[p] == '*') {
            star = p++;
            back = t;
        } else if (same) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.at[p] == '*')
        p++;
    return p == pattern.length;
}

bool pattern_glob(struct pattern_text pattern, const char *text, size_t length)
{
    return glob(pattern, text, length, false);
}

bool pattern_glob_any_case(struct pattern_text pattern, const char *text, size_t length)
{
    return glob(pattern, text, length, true);
}

const char *pattern_span(const char *from, const char *end, const char *stops)
{
    int depth = 0;
    for (; from < end; from++) {
        if (depth == 0 && strchr(stops, *from))
            return from;
        if (*from == '<' || *from == '(' || *from == '[')
            depth++;
        else if ((*from == '>' || *from == ')' || *from == ']') && depth > 0)
            depth--;
    }
    return end;
}

struct pattern_text pattern_trim(struct pattern_text text)
{
    while (text.length > 0 && strchr(" \t\r\n", text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && strchr(" \t\r\n", text.at[text.length - 1]))
        text.length--;
    return text;
}

static struct pattern_text between(const char *from, const char *to)
{
    struct pattern_text text = {from, (size_t)(to - from)};
    return text;
}

static bool ends_with(struct pattern_text text, const char *suffix)
{
    size_t length = strlen(suffix);
    return text.length >= length && memcmp(text.at + text.length - length, suffix, length) == 0;
}

static bool parse_line(struct pattern_text digits, uint32_t *line)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || value > MAX_LINE)
            return false;
        value = value * 10 + (uint32_t)(digits.at[i] - '0');
    }
    *line = value;
    return digits.length > 0 && value > 0 && value <= MAX_LINE;
}

/* How many arguments stand in "T, U"; "" as C# writes List<>, is one. */
static int count_arguments(struct pattern_text list)
{
    const char *end = list.at + list.length;
    struct pattern_text only = pattern_trim(list);
    if (metadata_text_is(only.at, only.length, "**") ||
        metadata_text_is(only.at, only.length, ".."))
        return ARITY_GENERIC;
    int count = 1;
    for (const char *at = list.at; (at = pattern_span(at, end, ",")) < end; at++)
        count++;
    return count;
}

/* Cuts the arity off a part: Name<T>, Name[T], Name`1. */
static enum status cut_arity(const struct pattern_parser *parser, struct pattern_part *part)
{
    struct pattern_text *name = &part->name;
    const char *end = name->at + name->length;
    part->arity = ARITY_ANY;
    if (name->length > 1 && (end[-1] == '>' || end[-1] == ']')) {
        char opening = end[-1] == '>' ? '<' : '[';
        int depth = 0;
        const char *open = end;
        while (open > name->at) {
            open--;
            depth += *open == end[-1];
            depth -= *open == opening;
            if (depth == 0)
                break;
        }
        /* <Main> and the like are names of the compiler, not arguments. */
        if (open > name->at && depth == 0) {
            part->arity = count_arguments(between(open + 1, end - 1));
            name->length = (size_t)(open - name->at);
        }
    } else {
        struct metadata_type_word word;
        char copy[512];
        if (name->length < sizeof(copy) && memchr(name->at, '`', name->length)) {
            memcpy(copy, name->at, name->length);
            copy[name->length] = 0;
            word = metadata_type_word(copy);
            part->arity = word.length < name->length ? (int)word.arity : ARITY_ANY;
            name->length = word.length;
        }
    }
    bool generated = name->length > 0 && name->at[0] == '<';
    if (!generated && memchr(name->at, '<', name->length))
        return pattern_fail(parser, name->at, "close the type arguments: Repository<T>",
                            "a '<' without its '>'");
    return STATUS_OK;
}

static enum status add_part(const struct pattern_parser *parser, struct pattern_part part)
{
    struct metadata_pattern *pattern = parser->pattern;
    if (pattern->part_count == METADATA_PATTERN_MAX_PARTS)
        return pattern_fail(parser, part.name.at, GRAMMAR_HINT, "it has too many parts");
    part.literal = !part.any_depth && !memchr(part.name.at, '*', part.name.length);
    pattern->generated |= part.name.length > 0 && part.name.at[0] == '<';
    pattern->parts[pattern->part_count++] = part;
    return STATUS_OK;
}

/* One part between separators; **X is any number of parts and then one like *X. */
static enum status read_part(const struct pattern_parser *parser, struct pattern_text text,
                             bool nested)
{
    struct pattern_part part = {.name = text, .nested = nested, .arity = ARITY_ANY};
    struct pattern_part deep = {.name = {text.at, 2}, .any_depth = true, .arity = ARITY_ANY};
    if (text.length == 0)
        return pattern_fail(parser, text.at, GRAMMAR_HINT, "a part of it is empty");
    if (text.length >= 2 && memcmp(text.at, "**", 2) == 0) {
        enum status status = add_part(parser, deep);
        if (status || text.length == 2)
            return status;
        part.name = between(text.at + 1, text.at + text.length);
        part.nested = false;
    }
    enum status status = cut_arity(parser, &part);
    if (status)
        return status;
    if (part.name.length < text.length &&
        metadata_text_is(part.name.at, part.name.length, "this")) {
        part.name = (struct pattern_text){"Item", 4}; /* an indexer, as C# writes it */
        part.arity = ARITY_ANY;
    }
    for (size_t i = 0; i + 1 < part.name.length; i++)
        if (memcmp(part.name.at + i, "**", 2) == 0)
            return pattern_fail(
                parser, part.name.at + i,
                "** begins a part, as in Shop.**Repository.*; within one part use *",
                "** stands inside a part");
    const char *bad = pattern_span(part.name.at, part.name.at + part.name.length, " \t,;:()");
    if (bad < part.name.at + part.name.length)
        return pattern_fail(parser, bad, GRAMMAR_HINT, "a character that no name has");
    return add_part(parser, part);
}

static enum status split_path(const struct pattern_parser *parser, struct pattern_text path)
{
    struct pattern_text constructor = {NULL, 0};
    if (ends_with(path, "..ctor"))
        constructor = between(path.at + path.length - 5, path.at + path.length);
    else if (ends_with(path, "..cctor"))
        constructor = between(path.at + path.length - 6, path.at + path.length);
    else if (metadata_text_is(path.at, path.length, ".ctor") ||
             metadata_text_is(path.at, path.length, ".cctor"))
        return read_part(parser, path, false);
    const char *end = constructor.at ? constructor.at - 1 : path.at + path.length;
    const char *from = path.at;
    bool nested = false;
    while (true) {
        const char *stop = pattern_span(from, end, ".+");
        enum status status = read_part(parser, between(from, stop), nested);
        if (status)
            return status;
        if (stop == end)
            break;
        nested = *stop == '+';
        from = stop + 1;
    }
    return constructor.at ? read_part(parser, constructor, false) : STATUS_OK;
}

static bool is_state_machine(struct pattern_text name)
{
    char copy[512];
    if (name.length == 0 || name.at[0] != '<' || name.length >= sizeof(copy))
        return false;
    memcpy(copy, name.at, name.length);
    copy[name.length] = 0;
    return metadata_generated_parse(copy).kind == METADATA_GENERATED_STATE_MACHINE;
}

/* <PlaceAsync>d__5.MoveNext: the method around it whose state machine that is. The number may
 * be that of another build, so the name stays as what else to go by; in the name of an explicit
 * implementation the dots became dashes, which leaves the number alone. */
static void lead_to_kickoff(struct metadata_pattern *pattern)
{
    uint32_t count = pattern->part_count;
    if (count < 2)
        return;
    struct pattern_part *last = &pattern->parts[count - 1];
    struct pattern_part *before = &pattern->parts[count - 2];
    if (!metadata_text_is(last->name.at, last->name.length, "MoveNext") ||
        !is_state_machine(before->name))
        return;
    const char *end = memrchr(before->name.at, '>', before->name.length);
    pattern->state_machine = before->name;
    pattern->lenient = true;
    before->name = between(before->name.at + 1, end);
    before->literal = !memchr(before->name.at, '-', before->name.length);
    if (!before->literal)
        before->name = (struct pattern_text){"*", 1};
    before->nested = false;
    before->arity = ARITY_ANY;
    pattern->part_count--;
    pattern->has_parameters = false;
}

/* The last '+' behind the last '.', outside of brackets. */
static const char *find_inner(struct pattern_text path)
{
    const char *end = path.at + path.length, *inner = NULL;
    for (const char *at = path.at; (at = pattern_span(at, end, ".+")) < end; at++)
        inner = *at == '+' ? at : NULL;
    return inner;
}

static enum status read_inner(const struct pattern_parser *parser, struct pattern_text text)
{
    static const char hint[] = "write Type.Method+lambda, Type.Method+lambda@LINE or "
                               "Type.Method+LocalFunction";
    struct metadata_pattern *pattern = parser->pattern;
    const char *end = text.at + text.length;
    const char *line = memchr(text.at, '@', text.length);
    struct pattern_text name = between(text.at, line ? line : end);
    struct pattern_part part = {.name = name};
    if (name.length == 0)
        return pattern_fail(parser, text.at, hint, "nothing follows the '+'");
    enum status status = cut_arity(parser, &part);
    if (status)
        return status;
    pattern->inner_name = part.name;
    pattern->inner = INNER_LOCAL;
    if (metadata_text_is(name.at, name.length, "lambda"))
        pattern->inner = INNER_LAMBDA;
    else if (metadata_text_is(name.at, name.length, "*"))
        pattern->inner = INNER_ANY;
    if (line && !parse_line(between(line + 1, end), &pattern->inner_line))
        return pattern_fail(parser, line, hint, "what follows the '@' is no line number");
    return STATUS_OK;
}

static enum status read_path(const struct pattern_parser *parser, struct pattern_text path)
{
    const char *inner = parser->pattern->rooted ? NULL : find_inner(path);
    /* Outer+Inner..ctor has its '+' before the type's last dot. */
    if (inner) {
        enum status status = read_inner(parser, between(inner + 1, path.at + path.length));
        if (status)
            return status;
        path = between(path.at, inner);
    }
    enum status status = split_path(parser, path);
    if (!status)
        lead_to_kickoff(parser->pattern);
    return status;
}

/* Where the parameter list of a whole pattern begins: the '(' that its last ')' closes. */
static const char *open_parenthesis(struct pattern_text text)
{
    int depth = 0;
    for (const char *at = text.at + text.length; at > text.at;) {
        at--;
        depth += *at == ')';
        depth -= *at == '(';
        if (depth == 0)
            return at;
    }
    return NULL;
}

/* Debuggers write App.dll!Type.Method(int id) Line 12. */
static struct pattern_text without_line(struct pattern_text text)
{
    const char *line = memmem(text.at, text.length, ") Line ", 7);
    return line ? between(text.at, line + 1) : text;
}

static enum status read_method(const struct pattern_parser *parser, struct pattern_text text)
{
    static const char hint[] = "parameters stand in parentheses at the end: Type.Method(int, "
                               "string), () for none, (..) for any";
    struct metadata_pattern *pattern = parser->pattern;
    text = without_line(text);
    const char *end = text.at + text.length;
    const char *bang = pattern_span(text.at, end, "!");
    if (bang < end) {
        pattern->module = between(text.at, bang);
        if (bang == text.at)
            return pattern_fail(parser, bang, "write App.dll!Type.Method",
                                "no module stands before the '!'");
        text = between(bang + 1, end);
    }
    if (ends_with(text, ")")) {
        const char *open = open_parenthesis(text);
        if (!open)
            return pattern_fail(parser, end - 1, hint, "a ')' without its '('");
        enum status status = type_text_parse_list(parser, between(open + 1, end - 1));
        if (status)
            return status;
        text = pattern_trim(between(text.at, open));
    } else if (memchr(text.at, '(', text.length)) {
        return pattern_fail(parser, memchr(text.at, '(', text.length), hint,
                            "a '(' without its ')' at the end");
    }
    return read_path(parser, text);
}

/* at Type.Method(Type name, …) in FILE:line N */
static enum status read_trace(const struct pattern_parser *parser, struct pattern_text text)
{
    struct metadata_pattern *pattern = parser->pattern;
    if (text.length > 3 && memcmp(text.at, "at ", 3) == 0)
        text = pattern_trim(between(text.at + 3, text.at + text.length));
    const char *end = text.at + text.length;
    const char *open = memchr(text.at, '(', text.length);
    pattern->rooted = true;
    pattern->lenient = true;
    if (!open)
        return read_path(parser, between(text.at, pattern_span(text.at, end, " ")));
    const char *close = pattern_span(open + 1, end, ")");
    if (close == end)
        return pattern_fail(parser, open, "paste the whole line of the stack trace",
                            "a '(' without its ')'");
    enum status status = type_text_parse_list(parser, between(open + 1, close));
    return status ? status : read_path(parser, between(text.at, open));
}

static bool contains(struct pattern_text text, const char *word)
{
    return memmem(text.at, text.length, word, strlen(word)) != NULL;
}

static bool is_trace(struct pattern_text text)
{
    return (text.length > 3 && memcmp(text.at, "at ", 3) == 0) ||
           (contains(text, ") in ") && contains(text, ":line "));
}

/* Orders.cs:45, /src/Orders.cs:line 45 */
static bool read_file_line(struct metadata_pattern *pattern, struct pattern_text text)
{
    const char *colon = memrchr(text.at, ':', text.length);
    if (!colon || colon == text.at || memchr(text.at, '(', text.length))
        return false;
    struct pattern_text digits = between(colon + 1, text.at + text.length);
    if (digits.length > 5 && memcmp(digits.at, "line ", 5) == 0)
        digits = between(digits.at + 5, text.at + text.length);
    if (!parse_line(digits, &pattern->line))
        return false;
    pattern->file = between(text.at, colon);
    return true;
}

enum status metadata_pattern_parse(const char *text, struct arena *arena,
                                   const struct metadata_pattern **pattern, struct error *error)
{
    size_t length = strlen(text);
    if (length > METADATA_PATTERN_MAX_TEXT)
        return error_set(error, STATUS_USAGE, "a pattern of %zu bytes is too long", length);
    struct metadata_pattern *parsed = arena_new(arena, struct metadata_pattern);
    char *copy = arena_copy_text(arena, text, length);
    if (!parsed || !copy)
        return error_set(error, STATUS_MEMORY, "no memory for a pattern");
    parsed->text = copy;
    *pattern = parsed;
    struct pattern_text whole = pattern_trim(between(copy, copy + length));
    struct pattern_parser parser = {whole.at, whole.at - copy, arena, error, parsed};
    if (whole.length == 0)
        return pattern_fail(&parser, whole.at, GRAMMAR_HINT, "it is empty");
    if (is_trace(whole))
        return read_trace(&parser, whole);
    if (read_file_line(parsed, whole))
        return STATUS_OK;
    return read_method(&parser, whole);
}

const char *metadata_pattern_text(const struct metadata_pattern *pattern)
{
    return pattern->text;
}

bool metadata_pattern_needs_lines(const struct metadata_pattern *pattern)
{
    return pattern->file.length > 0 || pattern->inner_line > 0;
}

static struct pattern_text without_extension(struct pattern_text name)
{
    if (name.length > 4 && (glob((struct pattern_text){"*.dll", 5}, name.at, name.length, true) ||
                            glob((struct pattern_text){"*.exe", 5}, name.at, name.length, true)))
        name.length -= 4;
    return name;
}

bool metadata_pattern_allows_module(const struct metadata_pattern *pattern, const char *module)
{
    if (pattern->module.length == 0)
        return true;
    const char *base = module;
    for (const char *at = module; *at; at++)
        if (*at == '/' || *at == '\\')
            base = at + 1;
    struct pattern_text name = without_extension(between(base, base + strlen(base)));
    return pattern_glob_any_case(without_extension(pattern->module), name.at, name.length);
}
