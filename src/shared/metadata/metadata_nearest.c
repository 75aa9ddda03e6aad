/* "Did you mean": the names that are nearest to a pattern which matched nothing. */
#include <string.h>

#include "base_text.h"
#include "metadata_internal.h"
#include "metadata_names.h"
#include "metadata_pattern_parts.h"
#include "metadata_resolve.h"

#define MAX_SUGGESTIONS 8
#define NAME_BYTES      129 /* text_distance looks at no more than 128 */
#define FAR             1000

struct suggestion {
    unsigned score;
    const struct metadata_image *image;
    mdToken method;
};

struct search {
    const struct metadata_pattern *pattern;
    const struct metadata_image *image;
    char method[NAME_BYTES];
    char type[NAME_BYTES]; /* "": the pattern names none */
    bool any_type;         /* the type part holds * */
    struct pattern_text type_glob;
    char name_space[2 * NAME_BYTES]; /* the literal parts before the type */
    size_t most;
    size_t count;
    struct suggestion best[MAX_SUGGESTIONS];
};

static void copy_part(char *to, size_t size, struct pattern_text from)
{
    size_t length = from.length < size ? from.length : size - 1;
    memcpy(to, from.at, length);
    to[length] = 0;
}

/* How wrong a name of this length may be and still be meant. */
static unsigned allowed(const char *name)
{
    return (unsigned)(strlen(name) / 3) + 1;
}

static unsigned distance(const char *wanted, const char *found, size_t length)
{
    char name[NAME_BYTES];
    size_t wanted_length = strlen(wanted);
    size_t apart = length > wanted_length ? length - wanted_length : wanted_length - length;
    unsigned limit = allowed(wanted);
    if (length >= sizeof(name) || apart > limit)
        return FAR;
    memcpy(name, found, length);
    name[length] = 0;
    unsigned answer = text_distance(wanted, name);
    return answer > limit ? FAR : answer;
}

/* Takes method, type and namespace out of the pattern's parts. */
static bool prepare(struct search *search)
{
    const struct metadata_pattern *pattern = search->pattern;
    uint32_t last = pattern->part_count;
    if (last == 0 || pattern->parts[last - 1].any_depth || !pattern->parts[last - 1].literal)
        return false;
    copy_part(search->method, sizeof(search->method), pattern->parts[last - 1].name);
    if (last < 2)
        return true;
    const struct pattern_part *type = &pattern->parts[last - 2];
    search->any_type = !type->literal;
    search->type_glob = type->name;
    copy_part(search->type, sizeof(search->type), type->name);
    size_t length = 0;
    for (uint32_t i = 0; i + 2 < last; i++)
        if (pattern->parts[i].literal)
            text_append(search->name_space, sizeof(search->name_space), &length, "%s%.*s",
                        length ? "." : "", (int)pattern->parts[i].name.length,
                        pattern->parts[i].name.at);
    return true;
}

static unsigned type_distance(const struct search *search, struct metadata_type_word word)
{
    if (search->type[0] == 0)
        return 0;
    if (search->any_type)
        return search->type_glob.length < 1 ||
                       pattern_glob(search->type_glob, word.text, word.length)
                   ? 0
                   : FAR;
    return distance(search->type, word.text, word.length);
}

/* Of what stands before the type, as far as the user wrote it; at most 15. */
static unsigned name_space_distance(const struct search *search, mdToken type)
{
    struct metadata_identity identity;
    if (search->name_space[0] == 0 ||
        metadata_identify(search->image, type, &identity, NULL) != STATUS_OK)
        return 0;
    size_t wanted = strlen(search->name_space), found = strlen(identity.name_space);
    const char *tail = identity.name_space;
    if (found > wanted && identity.name_space[found - wanted - 1] == '.')
        tail += found - wanted;
    unsigned answer = text_distance(search->name_space, tail);
    return answer < 15 ? answer : 15;
}

static void keep(struct search *search, unsigned score, mdToken method)
{
    size_t at = search->count;
    while (at > 0 && search->best[at - 1].score > score)
        at--;
    if (at >= search->most)
        return;
    if (search->count < search->most)
        search->count++;
    for (size_t i = search->count - 1; i > at; i--)
        search->best[i] = search->best[i - 1];
    search->best[at] = (struct suggestion){score, search->image, method};
}

static unsigned method_distance(const struct search *search, const char *name)
{
    const char *last = metadata_last_part(name);
    size_t length = strlen(last);
    unsigned best = distance(search->method, last, length);
    if (length > 4 && (memcmp(last, "get_", 4) == 0 || memcmp(last, "set_", 4) == 0)) {
        unsigned member = distance(search->method, last + 4, length - 4);
        best = member < best ? member : best;
    }
    return best;
}

static void search_type(struct search *search, mdToken type)
{
    const struct metadata_image *image = search->image;
    struct metadata_type_word word = metadata_type_word(
        metadata_cell_text(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_NAME));
    unsigned apart = word.text[0] == '<' ? FAR : type_distance(search, word);
    if (apart == FAR)
        return;
    unsigned around = name_space_distance(search, type);
    struct metadata_rows rows = metadata_type_methods(image, type);
    for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        const char *name = metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(method),
                                              METADATA_METHOD_DEF_NAME);
        unsigned own = name[0] == '<' ? FAR : method_distance(search, name);
        unsigned hidden = metadata_last_part(name) != name; /* explicit implementations last */
        if (own != FAR)
            keep(search, (apart + own) * 32 + around * 2 + hidden, method);
    }
}

void metadata_pattern_nearest(const struct metadata_pattern *pattern,
                              const struct metadata_image *const *images, size_t count, size_t most,
                              struct buffer *text)
{
    struct search search = {.pattern = pattern};
    search.most = most < MAX_SUGGESTIONS ? most : MAX_SUGGESTIONS;
    if (search.most == 0 || !prepare(&search))
        return;
    for (size_t i = 0; i < count; i++) {
        search.image = images[i];
        uint32_t types = metadata_row_count(images[i], CLR_TABLE_TypeDef);
        for (uint32_t row = 1; row <= types; row++)
            search_type(&search, token_make(CLR_TABLE_TypeDef, row));
    }
    for (size_t i = 0; i < search.count; i++) {
        if (i > 0)
            buffer_append_text(text, ", ");
        metadata_method_print(search.best[i].image, search.best[i].method, METADATA_NAME_TYPES,
                              text);
    }
}
