/*
 * The names that compilers make up. C#: <source>kind… (Roslyn, GeneratedNames). Visual Basic:
 * VB$StateMachine_5_Place and the like, where lambdas do not say whose they are.
 */
#include <string.h>

#include "metadata_internal.h"
#include "metadata_names.h"
#include "metadata_resolve.h"

/* Behind the '>' that closes the '<' at the name's start; NULL: no such name. */
static const char *closing(const char *name)
{
    int depth = 0;
    for (const char *at = name; *at; at++) {
        depth += *at == '<';
        depth -= *at == '>';
        if (depth == 0)
            return at + 1;
    }
    return NULL;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* <>…: what has no name in the source. */
static enum metadata_generated nameless_kind(const char *suffix)
{
    if (suffix[0] == 'c' && (suffix[1] == 0 || suffix[1] == '_' || suffix[1] == '`'))
        return METADATA_GENERATED_CLOSURE;
    if (strcmp(suffix, "4__this") == 0)
        return METADATA_GENERATED_THIS;
    if (strcmp(suffix, "1__state") == 0)
        return METADATA_GENERATED_STATE;
    if (strcmp(suffix, "t__builder") == 0)
        return METADATA_GENERATED_BUILDER;
    if (strcmp(suffix, "2__current") == 0)
        return METADATA_GENERATED_CURRENT;
    return METADATA_GENERATED_OTHER;
}

static enum metadata_generated named_kind(const char *suffix)
{
    if (begins(suffix, "b__"))
        return METADATA_GENERATED_LAMBDA;
    if (begins(suffix, "g__"))
        return METADATA_GENERATED_LOCAL;
    if (suffix[0] == 'd' && (suffix[1] == 0 || suffix[1] == '`' || begins(suffix + 1, "__")))
        return METADATA_GENERATED_STATE_MACHINE;
    if (strcmp(suffix, "k__BackingField") == 0 || strcmp(suffix, "i__Field") == 0)
        return METADATA_GENERATED_BACKING_FIELD;
    if (begins(suffix, "5__"))
        return METADATA_GENERATED_HOISTED;
    if (strcmp(suffix, "P") == 0)
        return METADATA_GENERATED_PARAMETER;
    return METADATA_GENERATED_OTHER;
}

static void set_source(struct metadata_generated_name *parsed, enum metadata_generated kind,
                       const char *source)
{
    parsed->kind = kind;
    parsed->source = source;
    parsed->source_length = strcspn(source, "$");
}

static void parse_visual_basic(const char *name, struct metadata_generated_name *parsed)
{
    static const char machine[] = "VB$StateMachine_", local[] = "$VB$Local_",
                      kept[] = "$VB$ResumableLocal_";
    if (begins(name, machine)) {
        const char *number = name + sizeof(machine) - 1;
        const char *source = number + strspn(number, "0123456789");
        parsed->kind = METADATA_GENERATED_STATE_MACHINE;
        parsed->source = source + (source[0] == '_');
        parsed->source_length = strcspn(parsed->source, "`");
    } else if (begins(name, local)) {
        set_source(parsed, METADATA_GENERATED_HOISTED, name + sizeof(local) - 1);
    } else if (begins(name, kept)) {
        set_source(parsed, METADATA_GENERATED_HOISTED, name + sizeof(kept) - 1);
    } else if (begins(name, "_Closure$__")) {
        parsed->kind = METADATA_GENERATED_CLOSURE;
    } else if (strcmp(name, "$VB$Me") == 0) {
        parsed->kind = METADATA_GENERATED_THIS;
    } else if (strcmp(name, "$State") == 0) {
        parsed->kind = METADATA_GENERATED_STATE;
    } else if (strcmp(name, "$Builder") == 0) {
        parsed->kind = METADATA_GENERATED_BUILDER;
    } else if (begins(name, "_Lambda$__") || begins(name, "$VB$") || begins(name, "$A")) {
        parsed->kind = METADATA_GENERATED_OTHER;
    }
}

struct metadata_generated_name metadata_generated_parse(const char *name)
{
    struct metadata_generated_name parsed = {METADATA_GENERATED_NONE, name, strlen(name), "", 0};
    if (name[0] == 'V' || name[0] == '$' || name[0] == '_')
        parse_visual_basic(name, &parsed);
    if (name[0] != '<')
        return parsed;
    parsed.kind = METADATA_GENERATED_OTHER;
    const char *suffix = closing(name);
    if (!suffix)
        return parsed;
    size_t length = (size_t)(suffix - name) - 2;
    if (length == 0) {
        parsed.kind = nameless_kind(suffix);
        return parsed;
    }
    parsed.kind = named_kind(suffix);
    if (metadata_text_is(name + 1, length, "Main") && strcmp(suffix, "$") == 0)
        parsed.kind = METADATA_GENERATED_TOP_LEVEL;
    if (parsed.kind == METADATA_GENERATED_OTHER)
        return parsed;
    parsed.source = name + 1;
    parsed.source_length = length;
    if (parsed.kind == METADATA_GENERATED_LOCAL) {
        parsed.local = suffix + 3;
        parsed.local_length = strcspn(parsed.local, "|");
    }
    return parsed;
}

bool metadata_field_source_name(const char *name, const char **start, size_t *length)
{
    struct metadata_generated_name parsed = metadata_generated_parse(name);
    *start = parsed.source;
    *length = parsed.source_length;
    if (parsed.kind == METADATA_GENERATED_THIS) {
        *start = "this";
        *length = 4;
    }
    return parsed.kind == METADATA_GENERATED_NONE || parsed.kind == METADATA_GENERATED_THIS ||
           parsed.kind == METADATA_GENERATED_BACKING_FIELD ||
           parsed.kind == METADATA_GENERATED_HOISTED || parsed.kind == METADATA_GENERATED_PARAMETER;
}

static mdToken find_field_by_source(const struct metadata_image *image, mdToken type,
                                    const char *name, size_t length)
{
    struct metadata_rows rows = metadata_type_fields(image, type);
    for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        const char *start;
        size_t found;
        const char *text =
            metadata_cell_text(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_NAME);
        if (metadata_field_source_name(text, &start, &found) && found == length &&
            memcmp(start, name, length) == 0)
            return field;
    }
    return mdTokenNil;
}

mdToken metadata_find_source_field(const struct metadata_image *image, mdToken type,
                                   const char *name, size_t length)
{
    char basic[256] = "_"; /* _Customer is what Visual Basic calls its backing field */
    mdToken field = find_field_by_source(image, type, name, length);
    if (field != mdTokenNil || length + 2 > sizeof(basic))
        return field;
    memcpy(basic + 1, name, length);
    return find_field_by_source(image, type, basic, length + 1);
}

/* <Orders>F<64 hex digits>__Receipt: a type that is local to its file. */
const char *metadata_file_local(const char *name)
{
    if (name[0] != '<')
        return name;
    const char *suffix = closing(name);
    if (!suffix || suffix[0] != 'F')
        return name;
    size_t digits = strspn(suffix + 1, "0123456789ABCDEFabcdef");
    const char *rest = suffix + 1 + digits;
    return digits >= 8 && rest[0] == '_' && rest[1] == '_' && rest[2] ? rest + 2 : name;
}

const char *metadata_last_part(const char *name)
{
    const char *last = name;
    int depth = 0;
    if (name[0] == '.') /* .ctor, .cctor */
        return name;
    for (const char *at = name; *at; at++) {
        depth += *at == '<';
        depth -= *at == '>' && depth > 0;
        if (*at == '.' && depth == 0)
            last = at + 1;
    }
    return last;
}

static size_t arity_suffix(const char *name, size_t length, uint32_t *arity)
{
    size_t digits = length;
    *arity = 0;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
        digits--;
    if (digits == length || length - digits > 4 || digits < 2 || name[digits - 1] != '`')
        return length;
    for (size_t i = digits; i < length; i++)
        *arity = *arity * 10 + (uint32_t)(name[i] - '0');
    return digits - 1;
}

struct metadata_type_word metadata_type_word(const char *name)
{
    struct metadata_type_word word;
    word.text = metadata_file_local(name);
    word.length = arity_suffix(word.text, strlen(word.text), &word.arity);
    return word;
}
