/* Types as the user writes them in a pattern's parameter list, against a signature's. */
#include <string.h>

#include "metadata_internal.h"
#include "metadata_pattern_parts.h"
#include "metadata_resolve.h"

#define MAX_DEPTH  16
#define MAX_LENGTH 1024

static const char type_hint[] = "parameters are types as C# writes them: (int, List<Order>, ref "
                                "string[]), * for any type, .. for any further parameters";

static enum status parse_type(const struct pattern_parser *parser, struct pattern_text text,
                              unsigned depth, struct type_text **type);

static struct pattern_text cut(const char *from, const char *to)
{
    return pattern_trim((struct pattern_text){from, (size_t)(to - from)});
}

static enum status new_node(const struct pattern_parser *parser, enum type_text_kind kind,
                            struct type_text **type)
{
    *type = arena_new(parser->arena, struct type_text);
    if (!*type)
        return error_set(parser->error, STATUS_MEMORY, "no memory for a pattern");
    (*type)->kind = kind;
    (*type)->arity = ARITY_ANY;
    return STATUS_OK;
}

/* "int, List<string>" into types. */
static enum status parse_types(const struct pattern_parser *parser, struct pattern_text list,
                               unsigned depth, struct type_text ***types, uint32_t *count)
{
    const char *end = list.at + list.length;
    size_t room = 1;
    *count = 0;
    for (const char *at = list.at; (at = pattern_span(at, end, ",")) < end; at++)
        room++;
    *types = arena_new_array(parser->arena, room, struct type_text *);
    if (!*types)
        return error_set(parser->error, STATUS_MEMORY, "no memory for a pattern");
    for (const char *at = list.at; *count < room; at++) {
        const char *stop = pattern_span(at, end, ",");
        enum status status = parse_type(parser, cut(at, stop), depth, &(*types)[*count]);
        if (status)
            return status;
        ++*count;
        at = stop;
    }
    return STATUS_OK;
}

static bool drop_word(struct pattern_text *text, const char *word)
{
    size_t length = strlen(word);
    if (text->length <= length || memcmp(text->at, word, length) != 0 || text->at[length] != ' ')
        return false;
    *text = cut(text->at + length, text->at + text->length);
    return true;
}

/* ref, out, in; params and the like say nothing about the type. */
static bool drop_modifiers(struct pattern_text *text)
{
    bool reference = false, more = true;
    while (more) {
        bool by = drop_word(text, "ref") || drop_word(text, "out") || drop_word(text, "in");
        reference |= by;
        more = by || drop_word(text, "params") || drop_word(text, "this") ||
               drop_word(text, "scoped") || drop_word(text, "readonly") ||
               drop_word(text, "class") || drop_word(text, "valuetype") || drop_word(text, "value");
    }
    return reference;
}

/* "Order order": the name behind the type is of no interest. */
static struct pattern_text drop_name(struct pattern_text text)
{
    const char *end = text.at + text.length;
    const char *space = pattern_span(text.at, end, " \t");
    return cut(text.at, space);
}

/* The '[' of a rank at the text's end, as in int[,]; NULL: something else stands there. */
static const char *rank_at_end(struct pattern_text text)
{
    const char *at = text.at + text.length - 1;
    if (*at != ']')
        return NULL;
    while (at > text.at && (at[-1] == ',' || at[-1] == ' ' || at[-1] == '*'))
        at--;
    return at > text.at && at[-1] == '[' ? at - 1 : NULL;
}

/* The '<' that the last '>' closes, where the text ends with one; NULL. */
static const char *last_arguments(struct pattern_text text)
{
    int depth = 0;
    for (const char *at = text.at + text.length; at > text.at;) {
        at--;
        depth += *at == '>';
        depth -= *at == '<';
        if (depth == 0)
            return at > text.at && *at == '<' ? at : NULL;
    }
    return NULL;
}

/* Outer<int>.Inner: arguments of the types around are read and not compared. */
static bool balanced(struct pattern_text name)
{
    int depth = 0;
    for (size_t i = 0; i < name.length && depth >= 0; i++)
        depth += (name.at[i] == '<') - (name.at[i] == '>');
    return depth == 0;
}

static enum status parse_name(const struct pattern_parser *parser, struct pattern_text text,
                              unsigned depth, struct type_text **type)
{
    enum status status = new_node(parser, TYPE_TEXT_NAME, type);
    if (status)
        return status;
    const char *end = text.at + text.length;
    const char *open = last_arguments(text);
    (*type)->name = text;
    if (open) {
        (*type)->name = cut(text.at, open);
        status = parse_types(parser, cut(open + 1, end - 1), depth + 1, &(*type)->arguments,
                             &(*type)->argument_count);
        (*type)->arity = (int)(*type)->argument_count;
        return status;
    }
    const char *tick = memrchr(text.at, '`', text.length);
    if (tick && tick + 1 < end) {
        (*type)->arity = 0;
        for (const char *at = tick + 1;
             at < end && *at >= '0' && *at <= '9' && (*type)->arity < 1000; at++)
            (*type)->arity = (*type)->arity * 10 + (*at - '0');
        (*type)->name = cut(text.at, tick);
    }
    if ((*type)->name.length == 0 || !balanced((*type)->name))
        return pattern_fail(parser, text.at, type_hint, "a parameter type cannot be read");
    return STATUS_OK;
}

static enum status parse_suffix(const struct pattern_parser *parser, struct pattern_text text,
                                enum type_text_kind kind, size_t length, unsigned depth,
                                struct type_text **type)
{
    enum status status = new_node(parser, kind, type);
    if (status)
        return status;
    text.length -= length;
    return parse_type(parser, pattern_trim(text), depth + 1, &(*type)->inner);
}

/* int[][,]: the first rank is the outermost. */
static enum status parse_array(const struct pattern_parser *parser, struct pattern_text text,
                               unsigned depth, struct type_text **type)
{
    const char *first = text.at + text.length;
    const char *end = first;
    struct pattern_text rest = text;
    const char *open;
    while (rest.length > 0 && (open = rank_at_end(rest)) != NULL) {
        first = open;
        rest = cut(rest.at, open);
    }
    struct type_text **to = type;
    for (const char *at = first; at < end;) {
        const char *stop = pattern_span(at + 1, end, "]");
        enum status status = new_node(parser, TYPE_TEXT_ARRAY, to);
        if (status)
            return status;
        (*to)->rank = 1;
        for (const char *comma = at; comma < stop; comma++)
            (*to)->rank += *comma == ',';
        to = &(*to)->inner;
        at = stop + 1;
        while (at < end && *at == ' ')
            at++;
    }
    return parse_type(parser, rest, depth + 1, to);
}

static enum status parse_tuple(const struct pattern_parser *parser, struct pattern_text text,
                               unsigned depth, struct type_text **type)
{
    enum status status = new_node(parser, TYPE_TEXT_TUPLE, type);
    if (status)
        return status;
    return parse_types(parser, cut(text.at + 1, text.at + text.length - 1), depth + 1,
                       &(*type)->arguments, &(*type)->argument_count);
}

static enum status parse_type(const struct pattern_parser *parser, struct pattern_text text,
                              unsigned depth, struct type_text **type)
{
    const char *start = text.at;
    if (depth > MAX_DEPTH)
        return pattern_fail(parser, start, type_hint, "parameter types nested too deep");
    if (drop_modifiers(&text)) {
        enum status status = new_node(parser, TYPE_TEXT_REFERENCE, type);
        return status ? status : parse_type(parser, text, depth + 1, &(*type)->inner);
    }
    text = drop_name(text);
    if (text.length == 0)
        return pattern_fail(parser, start, type_hint, "a parameter type is missing");
    if (metadata_text_is(text.at, text.length, "*"))
        return new_node(parser, TYPE_TEXT_ANY, type);
    switch (text.at[text.length - 1]) {
    case '?':
        return parse_suffix(parser, text, TYPE_TEXT_NULLABLE, 1, depth, type);
    case '&':
        return parse_suffix(parser, text, TYPE_TEXT_REFERENCE, 1, depth, type);
    case '*':
        return parse_suffix(parser, text, TYPE_TEXT_POINTER, 1, depth, type);
    case ')':
        if (text.at[0] == '(' && text.length > 2)
            return parse_tuple(parser, text, depth, type);
        return pattern_fail(parser, start, type_hint, "a parameter type cannot be read");
    case ']':
        if (rank_at_end(text))
            return parse_array(parser, text, depth, type);
        return pattern_fail(parser, start, type_hint, "a parameter type cannot be read");
    default:
        return parse_name(parser, text, depth, type);
    }
}

enum status type_text_parse_list(const struct pattern_parser *parser, struct pattern_text list)
{
    struct metadata_pattern *pattern = parser->pattern;
    list = pattern_trim(list);
    pattern->has_parameters = true;
    if (list.length >= 2 && memcmp(list.at + list.length - 2, "..", 2) == 0) {
        pattern->more_parameters = true;
        list = cut(list.at, list.at + list.length - 2);
        if (list.length > 0 && list.at[list.length - 1] != ',')
            return pattern_fail(parser, list.at + list.length, type_hint,
                                "a comma is missing before the ..");
        if (list.length > 0)
            list = cut(list.at, list.at + list.length - 1);
    }
    if (list.length == 0)
        return STATUS_OK;
    return parse_types(parser, list, 0, &pattern->parameters, &pattern->parameter_count);
}

/* Whether the user's Order, Shop.Order or Outer+Inner is an end of Shop.Outer.Inner. */
static bool name_matches(struct pattern_text name, char *full, size_t length)
{
    char wanted[MAX_LENGTH];
    int depth = 0;
    size_t count = 0;
    if (name.length >= sizeof(wanted))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        depth += name.at[i] == '<';
        if (depth == 0)
            wanted[count++] = name.at[i] == '+' ? '.' : name.at[i];
        depth -= name.at[i] == '>';
    }
    struct pattern_text normal = {wanted, count};
    name.length = count;
    if (memchr(wanted, '*', name.length)) {
        const char *dot = memrchr(full, '.', length);
        size_t start = dot ? (size_t)(dot - full) + 1 : 0;
        return pattern_glob(normal, full, length) ||
               pattern_glob(normal, full + start, length - start);
    }
    if (length < name.length || memcmp(full + length - name.length, wanted, name.length) != 0)
        return false;
    return length == name.length || full[length - name.length - 1] == '.';
}

/* Namespace.Outer.Inner, without arities. */
static size_t full_name(const struct metadata_identity *identity, char *full, size_t size)
{
    size_t length = 0;
    const char *dot = "";
    if (identity->name_space[0]) {
        length = strnlen(identity->name_space, size);
        if (length == size)
            return 0;
        memcpy(full, identity->name_space, length);
        dot = ".";
    }
    for (uint32_t i = 0; i < identity->depth; i++, dot = ".") {
        struct metadata_type_word word = metadata_type_word(identity->names[i]);
        if (length + word.length + 2 > size)
            return 0;
        if (dot[0])
            full[length++] = '.';
        memcpy(full + length, word.text, word.length);
        length += word.length;
    }
    return length;
}

static bool identity_matches(const struct type_text *text, const struct metadata_identity *identity)
{
    char full[MAX_LENGTH];
    size_t length = full_name(identity, full, sizeof(full));
    if (name_matches(text->name, full, length))
        return true;
    if (identity->depth != 1 || strcmp(identity->name_space, "System") != 0)
        return false;
    const char *keyword = metadata_keyword(identity->names[0]);
    return keyword && metadata_text_is(text->name.at, text->name.length, keyword);
}

/* int as the user may write it: int, Int32, System.Int32, int32. */
static bool primitive_matches(const struct type_text *text, uint8_t element)
{
    static const struct {
        uint8_t element;
        const char *clr;
        const char *il;
    } names[] = {
        {ELEMENT_TYPE_VOID, "System.Void", "void"},
        {ELEMENT_TYPE_BOOLEAN, "System.Boolean", "bool"},
        {ELEMENT_TYPE_CHAR, "System.Char", "char"},
        {ELEMENT_TYPE_I1, "System.SByte", "int8"},
        {ELEMENT_TYPE_U1, "System.Byte", "uint8"},
        {ELEMENT_TYPE_I2, "System.Int16", "int16"},
        {ELEMENT_TYPE_U2, "System.UInt16", "uint16"},
        {ELEMENT_TYPE_I4, "System.Int32", "int32"},
        {ELEMENT_TYPE_U4, "System.UInt32", "uint32"},
        {ELEMENT_TYPE_I8, "System.Int64", "int64"},
        {ELEMENT_TYPE_U8, "System.UInt64", "uint64"},
        {ELEMENT_TYPE_R4, "System.Single", "float32"},
        {ELEMENT_TYPE_R8, "System.Double", "float64"},
        {ELEMENT_TYPE_STRING, "System.String", "string"},
        {ELEMENT_TYPE_OBJECT, "System.Object", "object"},
        {ELEMENT_TYPE_I, "System.IntPtr", "IntPtr"},
        {ELEMENT_TYPE_U, "System.UIntPtr", "UIntPtr"},
        {ELEMENT_TYPE_TYPEDBYREF, "System.TypedReference", "typedref"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char full[32];
        if (names[i].element != element)
            continue;
        size_t length = strlen(names[i].clr);
        memcpy(full, names[i].clr, length);
        const char *keyword = clr_element_keyword(element);
        return name_matches(text->name, full, length) ||
               metadata_text_is(text->name.at, text->name.length, names[i].il) ||
               (keyword && pattern_glob(text->name, keyword, strlen(keyword)));
    }
    return false;
}

static bool parameter_matches(const struct type_text *text, const struct metadata_image *image,
                              const struct meta_type *type, struct metadata_scope scope)
{
    struct buffer name;
    buffer_init(&name, 0);
    bool of_method = type->element == ELEMENT_TYPE_MVAR;
    metadata_generic_name(image, of_method ? scope.method : scope.type, type->number, &name);
    bool same = pattern_glob(text->name, buffer_text(&name), name.length);
    buffer_release(&name);
    return same;
}

static bool instance_matches(const struct type_text *text, const struct metadata_image *image,
                             const struct meta_type *type, struct metadata_scope scope,
                             unsigned depth)
{
    struct metadata_identity identity;
    if (metadata_identify(image, type->inner->token, &identity, NULL) ||
        !identity_matches(text, &identity))
        return false;
    /* Arguments of the types around a nested one stand before its own. */
    uint32_t own = metadata_type_word(identity.names[identity.depth - 1]).arity;
    if (text->arity == ARITY_ANY)
        return true;
    if ((uint32_t)text->arity != own || own > type->argument_count)
        return false;
    for (uint32_t i = 0; i < text->argument_count; i++)
        if (!type_text_matches(text->arguments[i], image,
                               type->arguments[type->argument_count - own + i], scope, depth + 1))
            return false;
    return true;
}

static bool named_matches(const struct type_text *text, const struct metadata_image *image,
                          const struct meta_type *type, struct metadata_scope scope, unsigned depth)
{
    struct metadata_identity identity;
    switch (type->element) {
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE:
        return text->argument_count == 0 &&
               metadata_identify(image, type->token, &identity, NULL) == STATUS_OK &&
               identity_matches(text, &identity);
    case ELEMENT_TYPE_GENERICINST:
        return instance_matches(text, image, type, scope, depth);
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
        return text->argument_count == 0 && parameter_matches(text, image, type, scope);
    default:
        return text->argument_count == 0 && primitive_matches(text, type->element);
    }
}

static bool is_system_generic(const struct metadata_image *image, const struct meta_type *type,
                              const char *prefix)
{
    struct metadata_identity identity;
    return type->element == ELEMENT_TYPE_GENERICINST &&
           metadata_identify(image, type->inner->token, &identity, NULL) == STATUS_OK &&
           identity.depth == 1 && strcmp(identity.name_space, "System") == 0 &&
           strncmp(identity.names[0], prefix, strlen(prefix)) == 0;
}

/* Tuples of more than seven items hold the rest as another tuple. */
static bool tuple_matches(const struct type_text *text, const struct metadata_image *image,
                          const struct meta_type *type, struct metadata_scope scope, unsigned depth)
{
    uint32_t item = 0;
    while (type && is_system_generic(image, type, "ValueTuple`")) {
        uint32_t own = type->argument_count < 8 ? type->argument_count : 7;
        for (uint32_t i = 0; i < own; i++, item++)
            if (item >= text->argument_count ||
                !type_text_matches(text->arguments[item], image, type->arguments[i], scope,
                                   depth + 1))
                return false;
        if (type->argument_count < 8)
            return item == text->argument_count;
        type = metadata_type_plain(type->arguments[7]);
    }
    return false;
}

bool type_text_matches(const struct type_text *text, const struct metadata_image *image,
                       const struct meta_type *type, struct metadata_scope scope, unsigned depth)
{
    type = metadata_type_plain(type);
    if (text->kind == TYPE_TEXT_ANY || !type || depth > METADATA_MAX_TYPE_DEPTH)
        return text->kind == TYPE_TEXT_ANY;
    switch (text->kind) {
    case TYPE_TEXT_NAME:
        return named_matches(text, image, type, scope, depth);
    case TYPE_TEXT_TUPLE:
        return tuple_matches(text, image, type, scope, depth);
    case TYPE_TEXT_ARRAY:
        if (type->element != (text->rank == 1 ? ELEMENT_TYPE_SZARRAY : ELEMENT_TYPE_ARRAY) ||
            (text->rank > 1 && type->number != text->rank))
            return false;
        break;
    case TYPE_TEXT_POINTER:
        if (type->element != ELEMENT_TYPE_PTR)
            return false;
        break;
    case TYPE_TEXT_REFERENCE:
        if (type->element != ELEMENT_TYPE_BYREF)
            return false;
        break;
    default: /* nullable: a value type is wrapped, on a reference type ? is only a remark */
        if (is_system_generic(image, type, "Nullable`"))
            return type->argument_count == 1 &&
                   type_text_matches(text->inner, image, type->arguments[0], scope, depth + 1);
        return type->element != ELEMENT_TYPE_VALUETYPE && !clr_element_size(type->element) &&
               type_text_matches(text->inner, image, type, scope, depth + 1);
    }
    return type_text_matches(text->inner, image, type->inner, scope, depth + 1);
}
