/*
 * Patterns against the methods of an image.
 *
 * A full name is a row of words: the parts of the namespace, the types around and the type,
 * the method. Which parts of the pattern the words so far can have matched is a set of bits
 * (bit i: the parts before i are done), so a type costs a few steps, and its methods are only
 * looked at where the set says that one more word can end the pattern.
 */
#include <stdlib.h>
#include <string.h>

#include "base_map.h"
#include "clr_flags.h"
#include "metadata_internal.h"
#include "metadata_names.h"
#include "metadata_pattern_parts.h"
#include "metadata_resolve.h"

struct word {
    const char *text;
    size_t length;
    int arity; /* ARITY_ANY: not known yet */
    bool nested;
};

struct matcher {
    const struct metadata_pattern *pattern;
    const struct metadata_image *image;
    const struct metadata_pdb *pdb;
    metadata_pattern_found found;
    void *context;
    struct metadata_pattern_result result;
    struct arena arena;
    uint64_t last;       /* the parts that one more word can end the pattern at */
    uint64_t accept;     /* the bit behind the last part */
    uint32_t name_space; /* whose states are kept: heap index */
    uint64_t name_space_states;
    bool kept;
    bool stopped;
    struct metadata_rows rows; /* the methods of the type at hand */
    uint32_t floor;            /* where the runs of the types before have ended */
};

/* ** may match nothing at all. */
static uint64_t close_over(const struct metadata_pattern *pattern, uint64_t states)
{
    for (uint32_t i = 0; i < pattern->part_count; i++)
        if ((states >> i & 1) && pattern->parts[i].any_depth)
            states |= 1ull << (i + 1);
    return states;
}

static bool arity_fits(int wanted, int arity)
{
    if (wanted == ARITY_ANY || arity == ARITY_ANY)
        return true;
    return wanted == ARITY_GENERIC ? arity > 0 : wanted == arity;
}

static bool part_fits(const struct pattern_part *part, const struct word *word)
{
    if (part->nested && !word->nested)
        return false;
    if (!arity_fits(part->arity, word->arity))
        return false;
    if (part->literal)
        return part->name.length == word->length &&
               memcmp(part->name.at, word->text, word->length) == 0;
    return pattern_glob(part->name, word->text, word->length);
}

static uint64_t step(const struct metadata_pattern *pattern, uint64_t states,
                     const struct word *word)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        if (!(states >> i & 1))
            continue;
        if (pattern->parts[i].any_depth)
            next |= 1ull << i;
        else if (part_fits(&pattern->parts[i], word))
            next |= 1ull << (i + 1);
    }
    return close_over(pattern, next);
}

static uint64_t start_states(const struct metadata_pattern *pattern)
{
    return close_over(pattern, 1);
}

/* Between types and namespaces an unrooted pattern may begin at any word. */
static uint64_t restart(const struct metadata_pattern *pattern, uint64_t states)
{
    return pattern->rooted ? states : states | start_states(pattern);
}

static uint64_t name_space_states(struct matcher *matcher, uint32_t index)
{
    if (matcher->kept && matcher->name_space == index)
        return matcher->name_space_states;
    uint64_t states = start_states(matcher->pattern);
    const char *at = metadata_string(matcher->image, index);
    while (*at) {
        size_t length = strcspn(at, ".");
        struct word word = {at, length, ARITY_ANY, false};
        states = restart(matcher->pattern, step(matcher->pattern, states, &word));
        at += length + (at[length] == '.');
    }
    matcher->name_space = index;
    matcher->name_space_states = states;
    matcher->kept = true;
    return states;
}

static uint64_t type_states(struct matcher *matcher, mdToken type)
{
    mdToken chain[METADATA_MAX_NESTING];
    int depth = 0;
    for (; type != mdTokenNil && depth < METADATA_MAX_NESTING; depth++) {
        chain[depth] = type;
        type = metadata_enclosing(matcher->image, type);
    }
    if (depth == 0)
        return 0;
    uint64_t states = name_space_states(matcher, metadata_cell(matcher->image, CLR_TABLE_TypeDef,
                                                               token_rid(chain[depth - 1]),
                                                               METADATA_TYPE_DEF_NAMESPACE));
    for (int i = depth - 1; i >= 0; i--) {
        struct metadata_type_word name = metadata_type_word(metadata_cell_text(
            matcher->image, CLR_TABLE_TypeDef, token_rid(chain[i]), METADATA_TYPE_DEF_NAME));
        struct word word = {name.text, name.length, (int)name.arity, i < depth - 1};
        states = restart(matcher->pattern, step(matcher->pattern, states, &word));
    }
    return states;
}

static int generic_arity(const struct metadata_image *image, mdToken method)
{
    struct metadata_rows rows = metadata_generic_params(image, method);
    int count = 0;
    while (metadata_rows_next(image, &rows) != mdTokenNil)
        count++;
    return count;
}

static bool arity_matters(const struct metadata_pattern *pattern)
{
    return pattern->parts[pattern->part_count - 1].arity != ARITY_ANY;
}

/* The method's own word, the last of all. */
static bool last_word_fits(struct matcher *matcher, uint64_t states, mdToken method,
                           const char *text, size_t length)
{
    const struct metadata_pattern *pattern = matcher->pattern;
    struct word word = {text, length, ARITY_ANY, true};
    if (!(step(pattern, states, &word) & matcher->accept))
        return false;
    if (!arity_matters(pattern) || pattern->inner != INNER_NONE)
        return true;
    word.arity = generic_arity(matcher->image, method);
    return step(pattern, states, &word) & matcher->accept;
}

/* Shop.IOrders<T>.Place, the name of an explicit implementation, word by word; the namespace
 * of the interface may be left out. */
static bool explicit_name_fits(struct matcher *matcher, uint64_t states, mdToken method,
                               const char *name)
{
    const char *last = metadata_last_part(name);
    uint64_t skipped = matcher->pattern->rooted ? 0 : states;
    for (const char *at = name; at < last;) {
        const char *stop = pattern_span(at, last, ".");
        const char *open = memchr(at, '<', (size_t)(stop - at));
        struct word word = {at, (size_t)((open ? open : stop) - at), open ? 1 : 0, false};
        for (const char *comma = open; comma && comma < stop; comma++)
            word.arity += *comma == ',';
        at = stop + 1;
        states = step(matcher->pattern, states, &word);
        if (at < last) /* the interface itself must be named */
            states |= skipped;
    }
    return last_word_fits(matcher, states, method, last, strlen(last));
}

static bool parameters_fit(struct matcher *matcher, mdToken type, mdToken method)
{
    const struct metadata_pattern *pattern = matcher->pattern;
    struct meta_signature signature;
    struct metadata_scope scope = {type, method};
    if (!pattern->has_parameters)
        return true;
    arena_release(&matcher->arena);
    arena_init(&matcher->arena, METADATA_SIGNATURE_ARENA);
    if (metadata_method_signature(matcher->image, method, &matcher->arena, &signature, NULL))
        return false;
    if (signature.parameter_count < pattern->parameter_count ||
        (signature.parameter_count > pattern->parameter_count && !pattern->more_parameters))
        return false;
    for (uint32_t i = 0; i < pattern->parameter_count; i++)
        if (!type_text_matches(pattern->parameters[i], matcher->image, signature.parameters[i],
                               scope, 0))
            return false;
    return true;
}

static bool state_machine_fits(struct matcher *matcher, mdToken method)
{
    struct pattern_text wanted = matcher->pattern->state_machine;
    struct metadata_method described;
    if (wanted.length == 0)
        return true;
    if (metadata_method_describe(matcher->image, method, &described, NULL) ||
        described.state_machine == mdTokenNil)
        return false;
    struct metadata_type_word name = metadata_type_word(
        metadata_cell_text(matcher->image, CLR_TABLE_TypeDef, token_rid(described.state_machine),
                           METADATA_TYPE_DEF_NAME));
    return name.length == wanted.length && memcmp(name.text, wanted.at, wanted.length) == 0;
}

static void report(struct matcher *matcher, mdToken method)
{
    matcher->result.methods++;
    if (!matcher->found(matcher->context, method))
        matcher->stopped = true;
}

static const char *name_of(const struct metadata_image *image, mdToken method)
{
    return metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(method),
                              METADATA_METHOD_DEF_NAME);
}

static enum metadata_generated generated_kind(const char *name)
{
    /* Most names need no closer look. */
    if (name[0] != '<' && name[0] != '_' && name[0] != '$' && name[0] != 'V')
        return METADATA_GENERATED_NONE;
    return metadata_generated_parse(name).kind;
}

/* The plain reading of a method's name. */
static bool plain_name_fits(struct matcher *matcher, uint64_t states, mdToken method,
                            const char *name)
{
    const struct metadata_pattern *pattern = matcher->pattern;
    if (!pattern->generated && pattern->state_machine.length == 0) {
        /* What the compiler made has no name in the source, but for top-level statements. */
        enum metadata_generated kind = generated_kind(name);
        if (kind != METADATA_GENERATED_NONE && kind != METADATA_GENERATED_TOP_LEVEL)
            return false;
        name = kind == METADATA_GENERATED_TOP_LEVEL ? "Main" : name;
    }
    if ((states & matcher->last) && last_word_fits(matcher, states, method, name, strlen(name)))
        return true;
    if (name[0] == '<' || name[0] == '.' || !strchr(name, '.'))
        return false;
    const struct pattern_part *last = &pattern->parts[pattern->part_count - 1];
    const char *end = metadata_last_part(name);
    if (!last->literal && last_word_fits(matcher, states, method, end, strlen(end)))
        return true;
    /* The type must have taken a part of the pattern, or any IOrders would match here. */
    return explicit_name_fits(matcher, pattern->rooted ? states : states & ~1ull, method, name);
}

/* Behind get_ and the like of a special name; NULL: no accessor. */
static const char *member_of_accessor(const struct metadata_image *image, mdToken method,
                                      const char *name)
{
    static const char *const prefixes[] = {"get_", "set_", "add_", "remove_"};
    uint32_t flags =
        metadata_cell(image, CLR_TABLE_MethodDef, token_rid(method), METADATA_METHOD_DEF_FLAGS);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], length) == 0)
            return flags & mdSpecialName ? name + length : NULL;
    }
    return NULL;
}

/* Where no method has the name: explicit implementations, properties, events. */
static bool second_name_fits(struct matcher *matcher, uint64_t states, mdToken method,
                             const char *name)
{
    if (name[0] == '<' || name[0] == '.')
        return false;
    const char *last = metadata_last_part(name);
    if (last != name && last_word_fits(matcher, states, method, last, strlen(last)))
        return true;
    const char *member = member_of_accessor(matcher->image, method, last);
    return member && last_word_fits(matcher, states, method, member, strlen(member));
}

typedef bool name_reading(struct matcher *matcher, uint64_t states, mdToken method,
                          const char *name);

/* All methods of a type whose name fits by one reading; the answer: whether any did. `loose`:
 * by the name alone. */
static bool match_methods(struct matcher *matcher, mdToken type, uint64_t states,
                          name_reading *fits, bool loose)
{
    const struct metadata_image *image = matcher->image;
    const struct metadata_pattern *pattern = matcher->pattern;
    struct metadata_rows rows = matcher->rows;
    bool any = false;
    size_t before = matcher->result.methods;
    for (mdToken method; !matcher->stopped && (method = metadata_rows_next(image, &rows));) {
        if (!fits(matcher, states, method, name_of(image, method)))
            continue;
        any = true;
        if (loose || (state_machine_fits(matcher, method) && parameters_fit(matcher, type, method)))
            report(matcher, method);
    }
    if (any && !loose && pattern->lenient && matcher->result.methods == before &&
        pattern->parts[pattern->part_count - 1].literal)
        match_methods(matcher, type, states, fits, true);
    return any;
}

static bool is_generated_type(const struct metadata_image *image, mdToken type)
{
    const char *name =
        metadata_cell_text(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_NAME);
    return generated_kind(metadata_file_local(name)) != METADATA_GENERATED_NONE;
}

/* Whether the type took all that the pattern says of types. */
static bool has_type(const struct matcher *matcher, uint64_t states)
{
    return states & matcher->last & ~start_states(matcher->pattern);
}

static void match_type(struct matcher *matcher, mdToken type)
{
    const struct metadata_pattern *pattern = matcher->pattern;
    if (!pattern->generated && is_generated_type(matcher->image, type))
        return;
    uint64_t states = type_states(matcher, type);
    const struct pattern_part *last = &pattern->parts[pattern->part_count - 1];
    matcher->result.types += has_type(matcher, states);
    /* More words than one can only come from explicit implementations. */
    if (!(states & matcher->last) && (pattern->part_count < 3 || !(states & ~1ull)))
        return;
    if (!match_methods(matcher, type, states, plain_name_fits, false) && last->literal &&
        (states & matcher->last))
        match_methods(matcher, type, states, second_name_fits, false);
}

/* Whether the source line stands in the method's own code. */
static bool holds_line(struct matcher *matcher, mdToken method)
{
    struct metadata_points points;
    struct metadata_point point;
    struct metadata_method described;
    if (matcher->pattern->inner_line == 0)
        return true;
    if (metadata_method_describe(matcher->image, method, &described, NULL) == STATUS_OK &&
        described.move_next != mdTokenNil)
        method = described.move_next;
    metadata_points_begin(matcher->pdb, method, &points);
    while (metadata_points_next(&points, &point))
        if (point.line <= matcher->pattern->inner_line &&
            matcher->pattern->inner_line <= point.end_line)
            return true;
    return false;
}

static bool inner_fits(const struct metadata_pattern *pattern,
                       const struct metadata_generated_name *name)
{
    if (name->kind == METADATA_GENERATED_LAMBDA)
        return pattern->inner == INNER_LAMBDA || pattern->inner == INNER_ANY;
    return name->kind == METADATA_GENERATED_LOCAL &&
           (pattern->inner == INNER_ANY ||
            (pattern->inner == INNER_LOCAL &&
             pattern_glob(pattern->inner_name, name->local, name->local_length)));
}

/* The method around a lambda or local function, by any of its names. */
static bool around_fits(struct matcher *matcher, uint64_t states, mdToken method,
                        const struct metadata_generated_name *name)
{
    static const char *const prefixes[] = {"get_", "set_", "add_", "remove_"};
    char around[512];
    if (name->source_length >= sizeof(around))
        return false;
    memcpy(around, name->source, name->source_length);
    around[name->source_length] = 0;
    if (strcmp(around, "<Main>$") == 0)
        strcpy(around, "Main");
    const char *last = metadata_last_part(around);
    if (last_word_fits(matcher, states, method, around, strlen(around)) ||
        last_word_fits(matcher, states, method, last, strlen(last)))
        return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(last, prefixes[i], length) == 0)
            return last_word_fits(matcher, states, method, last + length, strlen(last + length));
    }
    return false;
}

static void match_inner(struct matcher *matcher, mdToken type)
{
    const struct metadata_image *image = matcher->image;
    struct metadata_rows rows = matcher->rows;
    uint64_t states = 0;
    bool known = false;
    if (!is_generated_type(image, type)) {
        states = type_states(matcher, type);
        known = true;
        matcher->result.types += has_type(matcher, states);
    }
    for (mdToken method; !matcher->stopped && (method = metadata_rows_next(image, &rows));) {
        const char *name = name_of(image, method);
        if (name[0] != '<')
            continue;
        struct metadata_generated_name parsed = metadata_generated_parse(name);
        if (!inner_fits(matcher->pattern, &parsed))
            continue;
        if (!known)
            states = type_states(matcher, metadata_source_type(image, type));
        known = true;
        if (around_fits(matcher, states, method, &parsed) &&
            parameters_fit(matcher, type, method) && holds_line(matcher, method))
            report(matcher, method);
    }
}

static int by_token(const void *a, const void *b)
{
    mdToken left = *(const mdToken *)a, right = *(const mdToken *)b;
    return left < right ? -1 : left > right;
}

static void match_line(struct matcher *matcher)
{
    const struct metadata_pattern *pattern = matcher->pattern;
    mdToken methods[64];
    bool file_known = false;
    size_t room = sizeof(methods) / sizeof(methods[0]);
    size_t count =
        metadata_pdb_methods_at(matcher->pdb, matcher->image, pattern->file.at,
                                pattern->file.length, pattern->line, methods, room, &file_known);
    matcher->result.types += file_known;
    if (count > room)
        count = room;
    qsort(methods, count, sizeof(methods[0]), by_token);
    for (size_t i = 0; i < count && !matcher->stopped; i++)
        report(matcher, methods[i]);
}

static struct matcher begin(const struct metadata_pattern *pattern,
                            const struct metadata_image *image, const struct metadata_pdb *pdb,
                            metadata_pattern_found found, void *context)
{
    struct matcher matcher = {
        .pattern = pattern, .image = image, .pdb = pdb, .found = found, .context = context};
    arena_init(&matcher.arena, METADATA_SIGNATURE_ARENA);
    matcher.accept = 1ull << pattern->part_count;
    for (uint32_t i = pattern->part_count; i-- > 0;) {
        matcher.last |= 1ull << i;
        if (!pattern->parts[i].any_depth)
            break;
    }
    matcher.result.excluded =
        !metadata_pattern_allows_module(pattern, metadata_image_module(image)) &&
        !metadata_pattern_allows_module(pattern, metadata_image_assembly(image));
    matcher.result.no_lines = metadata_pattern_needs_lines(pattern) && !pdb;
    return matcher;
}

static bool has_wildcards(const struct metadata_pattern *pattern)
{
    if (pattern->file.length > 0)
        return false;
    for (uint32_t i = 0; i + 1 < pattern->part_count; i++)
        if (!pattern->parts[i].literal)
            return true;
    return pattern->part_count < 2;
}

static void finish(struct matcher *matcher, struct metadata_pattern_result *result)
{
    arena_release(&matcher->arena);
    matcher->result.elsewhere = matcher->result.methods == 0 && !matcher->result.excluded &&
                                (matcher->result.types == 0 || has_wildcards(matcher->pattern));
    if (result)
        *result = matcher->result;
}

static void match_one_type(struct matcher *matcher, mdToken type)
{
    /* Types whose runs overlap (in a malformed image) get what is left: so every method is
     * looked at once, whatever the image says. */
    matcher->rows = metadata_type_methods(matcher->image, type);
    if (matcher->rows.next < matcher->floor)
        matcher->rows.next = matcher->floor;
    if (matcher->floor < matcher->rows.end)
        matcher->floor = matcher->rows.end;
    if (matcher->pattern->inner == INNER_NONE)
        match_type(matcher, type);
    else
        match_inner(matcher, type);
}

/* Whether a name of the image is this word, or has it as a part of its own: Shop, Shop.Orders,
 * List`1, IOrders<T>.Place. */
static bool heap_has(const struct reader *heap, struct pattern_text word)
{
    for (struct reader rest = *heap; rest.length > 0;) {
        const uint8_t *hit = memmem(rest.data, rest.length, word.at, word.length);
        if (!hit)
            return false;
        const size_t behind = (size_t)(hit - rest.data) + word.length;
        rest = reader_window(&rest, behind, rest.length - behind);
        if (rest.length == 0 || rest.data[0] == 0 || strchr("`.<", rest.data[0]))
            return true;
    }
    return false;
}

static bool known_word(const struct metadata_image *image, struct pattern_text word,
                       struct map *known)
{
    const uint64_t key = map_hash_bytes(word.at, word.length);
    uint64_t has = 0;
    if (map_get(known, key, &has))
        return has;
    has = heap_has(&image->strings, word);
    map_put(known, key, has); /* or the next look is as long */
    return has;
}

bool metadata_pattern_may_match(const struct metadata_pattern *pattern,
                                const struct metadata_image *image, struct map *known)
{
    bool may = true;
    /* The type's word first: it is the rarest. */
    for (uint32_t i = pattern->part_count; may && !pattern->generated && i-- > 0;) {
        const struct pattern_part *part = &pattern->parts[i];
        if (i + 1 < pattern->part_count && part->literal && !part->any_depth &&
            part->name.length > 0)
            may = known_word(image, part->name, known);
    }
    return may;
}

void metadata_pattern_match(const struct metadata_pattern *pattern,
                            const struct metadata_image *image, const struct metadata_pdb *pdb,
                            metadata_pattern_found found, void *context,
                            struct metadata_pattern_result *result)
{
    struct matcher matcher = begin(pattern, image, pdb, found, context);
    uint32_t types = metadata_row_count(image, CLR_TABLE_TypeDef);
    if (!matcher.result.excluded && !matcher.result.no_lines) {
        if (pattern->file.length > 0)
            match_line(&matcher);
        for (uint32_t row = 1; pattern->part_count > 0 && row <= types && !matcher.stopped; row++)
            match_one_type(&matcher, token_make(CLR_TABLE_TypeDef, row));
    }
    finish(&matcher, result);
}

struct wanted {
    mdToken method;
    bool found;
};

static bool compare_token(void *context, mdToken method)
{
    struct wanted *wanted = context;
    wanted->found |= wanted->method == method;
    return !wanted->found;
}

bool metadata_pattern_matches(const struct metadata_pattern *pattern,
                              const struct metadata_image *image, const struct metadata_pdb *pdb,
                              mdToken method)
{
    struct wanted wanted = {method, false};
    struct matcher matcher = begin(pattern, image, pdb, compare_token, &wanted);
    mdToken type = metadata_owner(image, method);
    if (!matcher.result.excluded && !matcher.result.no_lines && type != mdTokenNil) {
        if (pattern->file.length > 0)
            match_line(&matcher);
        else
            match_one_type(&matcher, type);
    }
    finish(&matcher, NULL);
    return wanted.found;
}
