/*
 * metadata_pattern_parts: a parsed pattern as the files of metadata_pattern share it.
 * Texts point into one copy of the user's text.
 */
#ifndef METADATA_PATTERN_PARTS_H
#define METADATA_PATTERN_PARTS_H

#include "base_arena.h"
#include "metadata_pattern.h"
#include "metadata_signature.h"

#define ARITY_ANY     (-1) /* Repository */
#define ARITY_GENERIC (-2) /* Repository<**>: one parameter or more */

struct pattern_text {
    const char *at;
    size_t length;
};

struct pattern_part {
    struct pattern_text name; /* may hold * */
    bool any_depth;           /* ** */
    bool literal;             /* the name holds no * */
    bool nested;              /* stood behind a '+' */
    int arity;
};

enum type_text_kind {
    TYPE_TEXT_ANY = 0, /* * */
    TYPE_TEXT_NAME,    /* Shop.Order, List<int>, List`1 */
    TYPE_TEXT_TUPLE,   /* (int, string) */
    TYPE_TEXT_ARRAY,
    TYPE_TEXT_POINTER,
    TYPE_TEXT_REFERENCE, /* ref, out, in; Int32& */
    TYPE_TEXT_NULLABLE,
};

struct type_text {
    enum type_text_kind kind;
    struct pattern_text name;
    int arity;
    uint32_t rank;
    uint32_t argument_count;
    struct type_text **arguments; /* of a generic name or tuple */
    struct type_text *inner;
};

enum pattern_inner {
    INNER_NONE = 0,
    INNER_LAMBDA,
    INNER_LOCAL, /* the local's name, may hold * */
    INNER_ANY,   /* +* */
};

struct metadata_pattern {
    const char *text;

    struct pattern_text module; /* length 0: any */
    uint32_t part_count;
    struct pattern_part parts[METADATA_PATTERN_MAX_PARTS];
    bool rooted;    /* the first part is the first of the full name: stack traces */
    bool generated; /* names that only the compiler writes are asked for */
    struct pattern_text state_machine; /* <PlaceAsync>d__5: of which the kickoff is meant */

    enum pattern_inner inner;
    struct pattern_text inner_name;
    uint32_t inner_line; /* 0: all */

    bool has_parameters;
    bool more_parameters; /* .. at the end */
    bool lenient;         /* where no overload fits the parameters, all do: stack traces */
    uint32_t parameter_count;
    struct type_text **parameters;

    struct pattern_text file; /* length 0: no FILE:LINE */
    uint32_t line;
};

/* What the parser of a pattern carries. */
struct pattern_parser {
    const char *start; /* of the copy */
    int64_t lead;      /* bytes of white space before it in the user's text */
    struct arena *arena;
    struct error *error;
    struct metadata_pattern *pattern;
};

/* Usage error at a place of the copy. */
enum status pattern_fail(const struct pattern_parser *parser, const char *at, const char *hint,
                         const char *reason);
/* Text with * against text. */
bool pattern_glob(struct pattern_text glob, const char *text, size_t length);
bool pattern_glob_any_case(struct pattern_text glob, const char *text, size_t length);
/* The end of the text that begins at `from`: the first of `stops` outside of <>, () and []. */
const char *pattern_span(const char *from, const char *end, const char *stops);
struct pattern_text pattern_trim(struct pattern_text text);

/* metadata_type_text.c */
enum status type_text_parse_list(const struct pattern_parser *parser, struct pattern_text list);
bool type_text_matches(const struct type_text *text, const struct metadata_image *image,
                       const struct meta_type *type, struct metadata_scope scope, unsigned depth);

#endif
