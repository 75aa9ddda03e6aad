#include "metadata_signature.h"

#include <string.h>

#include "metadata_internal.h"
#include "metadata_resolve.h"

struct parser {
    struct reader reader;
    struct arena *arena;
    struct error *error;
    enum status status; /* sticky: the first failure */
    size_t claimed;     /* parts counted so far: each takes a byte of its own */
};

static struct meta_type *read_type(struct parser *parser, unsigned depth);

static void fail_at(struct parser *parser, uint64_t offset, const char *reason, uint32_t value)
{
    if (parser->status)
        return;
    parser->status = error_set_at(parser->error, STATUS_MALFORMED, (int64_t)offset,
                                  "malformed signature: %s (0x%x)", reason, value);
}

static void *allocate(struct parser *parser, size_t count, size_t size)
{
    void *memory = arena_alloc_array(parser->arena, count ? count : 1, size);
    if (!memory && !parser->status)
        parser->status = error_set(parser->error, STATUS_MEMORY, "no memory for a signature");
    return memory;
}

/* A count of things that take at least one byte each. */
static uint32_t read_count(struct parser *parser)
{
    uint64_t at = reader_offset(&parser->reader);
    uint32_t count = reader_compressed_u32(&parser->reader);
    parser->claimed += count;
    if (count > reader_left(&parser->reader) || parser->claimed > parser->reader.length) {
        fail_at(parser, at, "it claims more parts than it has bytes", count);
        return 0;
    }
    return count;
}

static mdToken read_token(struct parser *parser)
{
    uint64_t at = reader_offset(&parser->reader);
    uint32_t coded = reader_compressed_u32(&parser->reader);
    mdToken token = token_from_type_def_or_ref(coded);
    if (token_is_nil(token))
        fail_at(parser, at, "a type token that names nothing", coded);
    return token;
}

static void read_types(struct parser *parser, struct meta_type **types, uint32_t count,
                       unsigned depth)
{
    for (uint32_t i = 0; i < count && !parser->status; i++)
        types[i] = read_type(parser, depth);
}

/* Rank, then sizes and lower bounds, which are of no interest to a reader of names. */
static uint32_t read_array_shape(struct parser *parser)
{
    uint64_t at = reader_offset(&parser->reader);
    uint32_t rank = reader_compressed_u32(&parser->reader);
    if (rank == 0 || rank > METADATA_MAX_RANK)
        fail_at(parser, at, "an array of such a rank", rank);
    uint32_t sizes = read_count(parser);
    for (uint32_t i = 0; i < sizes; i++)
        reader_compressed_u32(&parser->reader);
    uint32_t bounds = read_count(parser);
    for (uint32_t i = 0; i < bounds; i++)
        reader_compressed_i32(&parser->reader);
    return rank;
}

static void read_instance(struct parser *parser, struct meta_type *type, unsigned depth)
{
    uint64_t at = reader_offset(&parser->reader);
    type->inner = read_type(parser, depth);
    if (type->inner && type->inner->element != ELEMENT_TYPE_CLASS &&
        type->inner->element != ELEMENT_TYPE_VALUETYPE)
        fail_at(parser, at, "a generic instance of something else than a type",
                type->inner->element);
    uint32_t count = read_count(parser);
    type->arguments = allocate(parser, count, sizeof(*type->arguments));
    if (!type->arguments)
        return;
    read_types(parser, type->arguments, count, depth);
    type->argument_count = count;
}

static void read_signature(struct parser *parser, struct meta_signature *signature, unsigned depth);

static void read_function(struct parser *parser, struct meta_type *type, unsigned depth)
{
    type->function = allocate(parser, 1, sizeof(*type->function));
    if (type->function)
        read_signature(parser, type->function, depth);
}

static void read_rest(struct parser *parser, struct meta_type *type, unsigned depth)
{
    switch (type->element) {
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE:
        type->token = read_token(parser);
        break;
    case ELEMENT_TYPE_CMOD_REQD:
    case ELEMENT_TYPE_CMOD_OPT:
        type->token = read_token(parser);
        type->inner = read_type(parser, depth);
        break;
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_BYREF:
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_PINNED:
        type->inner = read_type(parser, depth);
        break;
    case ELEMENT_TYPE_ARRAY:
        type->inner = read_type(parser, depth);
        type->number = read_array_shape(parser);
        break;
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
        type->number = reader_compressed_u32(&parser->reader);
        break;
    case ELEMENT_TYPE_GENERICINST:
        read_instance(parser, type, depth);
        break;
    case ELEMENT_TYPE_FNPTR:
        read_function(parser, type, depth);
        break;
    default:
        if (type->element != ELEMENT_TYPE_TYPEDBYREF && !clr_element_keyword(type->element))
            fail_at(parser, reader_offset(&parser->reader) - 1, "no such element type",
                    type->element);
    }
}

static struct meta_type *read_type(struct parser *parser, unsigned depth)
{
    if (parser->status)
        return NULL;
    struct reader *reader = &parser->reader;
    if (depth >= METADATA_MAX_TYPE_DEPTH) {
        fail_at(parser, reader_offset(reader), "types nested too deep", depth);
        return NULL;
    }
    struct meta_type *type = allocate(parser, 1, sizeof(*type));
    if (!type)
        return NULL;
    struct reader start = *reader;
    type->element = reader_u8(reader);
    if (reader_failed(reader))
        fail_at(parser, reader_offset(reader), "it ends too early", 0);
    else
        read_rest(parser, type, depth + 1);
    if (reader_failed(reader))
        fail_at(parser, reader_offset(reader), "it ends too early", 0);
    if (parser->status)
        return NULL;
    type->raw_length = (uint32_t)(reader->position - start.position);
    type->raw = reader_bytes(&start, type->raw_length);
    return type;
}

static void read_parameters(struct parser *parser, struct meta_signature *signature, unsigned depth)
{
    signature->required_count = signature->parameter_count;
    for (uint32_t i = 0; i < signature->parameter_count && !parser->status; i++) {
        struct reader peek = parser->reader;
        if (reader_u8(&peek) == ELEMENT_TYPE_SENTINEL) {
            parser->reader = peek;
            signature->required_count = i;
        }
        signature->parameters[i] = read_type(parser, depth);
    }
}

/* A method, property or unmanaged call site, from its convention byte on. */
static void read_signature(struct parser *parser, struct meta_signature *signature, unsigned depth)
{
    signature->convention = reader_u8(&parser->reader);
    if (signature->convention & IMAGE_CEE_CS_CALLCONV_GENERIC)
        signature->generic_count = reader_compressed_u32(&parser->reader);
    uint32_t count = read_count(parser);
    signature->result = read_type(parser, depth);
    signature->parameters = allocate(parser, count, sizeof(*signature->parameters));
    if (!signature->parameters || parser->status)
        return;
    signature->parameter_count = count;
    read_parameters(parser, signature, depth);
}

static struct parser begin(struct reader blob, struct arena *arena, struct error *error)
{
    struct parser parser = {.reader = blob, .arena = arena, .error = error};
    return parser;
}

static enum status finish(struct parser *parser)
{
    if (!parser->status && reader_left(&parser->reader) > 0)
        fail_at(parser, reader_offset(&parser->reader), "bytes behind its end",
                (uint32_t)reader_left(&parser->reader));
    return parser->status;
}

static uint32_t kind_of(struct reader blob)
{
    return reader_u8(&blob) & IMAGE_CEE_CS_CALLCONV_MASK;
}

static bool is_method(uint32_t kind)
{
    return kind <= IMAGE_CEE_CS_CALLCONV_VARARG || kind == IMAGE_CEE_CS_CALLCONV_UNMANAGED ||
           kind == IMAGE_CEE_CS_CALLCONV_NATIVEVARARG;
}

static enum status parse_signature(struct reader blob, bool expected, struct arena *arena,
                                   struct meta_signature *signature, struct error *error)
{
    memset(signature, 0, sizeof(*signature));
    struct parser parser = begin(blob, arena, error);
    if (!expected)
        fail_at(&parser, reader_offset(&blob), "it is of another kind", kind_of(blob));
    else
        read_signature(&parser, signature, 0);
    return finish(&parser);
}

enum status metadata_signature_method(struct reader blob, struct arena *arena,
                                      struct meta_signature *signature, struct error *error)
{
    return parse_signature(blob, is_method(kind_of(blob)), arena, signature, error);
}

enum status metadata_signature_property(struct reader blob, struct arena *arena,
                                        struct meta_signature *signature, struct error *error)
{
    return parse_signature(blob, kind_of(blob) == IMAGE_CEE_CS_CALLCONV_PROPERTY, arena, signature,
                           error);
}

enum status metadata_signature_field(struct reader blob, struct arena *arena,
                                     struct meta_type **type, struct error *error)
{
    struct parser parser = begin(blob, arena, error);
    *type = NULL;
    if (kind_of(blob) != IMAGE_CEE_CS_CALLCONV_FIELD)
        fail_at(&parser, reader_offset(&blob), "it is of another kind", kind_of(blob));
    reader_u8(&parser.reader);
    *type = read_type(&parser, 0);
    return finish(&parser);
}

/* Locals and instantiations: a kind byte, a count, types. */
static enum status parse_list(struct reader blob, uint32_t kind, struct arena *arena,
                              struct meta_signature *signature, struct error *error)
{
    memset(signature, 0, sizeof(*signature));
    struct parser parser = begin(blob, arena, error);
    signature->convention = reader_u8(&parser.reader);
    if ((signature->convention & IMAGE_CEE_CS_CALLCONV_MASK) != kind)
        fail_at(&parser, reader_offset(&blob), "it is of another kind", signature->convention);
    uint32_t count = read_count(&parser);
    signature->parameters = allocate(&parser, count, sizeof(*signature->parameters));
    if (signature->parameters)
        read_types(&parser, signature->parameters, count, 0);
    if (!parser.status)
        signature->parameter_count = signature->required_count = count;
    return finish(&parser);
}

enum status metadata_signature_locals(struct reader blob, struct arena *arena,
                                      struct meta_signature *signature, struct error *error)
{
    return parse_list(blob, IMAGE_CEE_CS_CALLCONV_LOCAL_SIG, arena, signature, error);
}

enum status metadata_signature_instantiation(struct reader blob, struct arena *arena,
                                             struct meta_signature *signature, struct error *error)
{
    return parse_list(blob, IMAGE_CEE_CS_CALLCONV_GENERICINST, arena, signature, error);
}

enum status metadata_signature_standalone(struct reader blob, struct arena *arena,
                                          struct meta_signature *signature, struct error *error)
{
    uint32_t kind = kind_of(blob);
    if (kind == IMAGE_CEE_CS_CALLCONV_LOCAL_SIG)
        return metadata_signature_locals(blob, arena, signature, error);
    if (kind != IMAGE_CEE_CS_CALLCONV_FIELD)
        return metadata_signature_method(blob, arena, signature, error);
    memset(signature, 0, sizeof(*signature));
    signature->convention = (uint8_t)kind;
    return metadata_signature_field(blob, arena, &signature->result, error);
}

enum status metadata_signature_type(struct reader blob, struct arena *arena,
                                    struct meta_type **type, struct error *error)
{
    struct parser parser = begin(blob, arena, error);
    *type = read_type(&parser, 0);
    return finish(&parser);
}

const struct meta_type *metadata_type_plain(const struct meta_type *type)
{
    while (type && (type->element == ELEMENT_TYPE_CMOD_REQD ||
                    type->element == ELEMENT_TYPE_CMOD_OPT || type->element == ELEMENT_TYPE_PINNED))
        type = type->inner;
    return type;
}

bool metadata_type_has_modifier(const struct metadata_image *image, const struct meta_type *type,
                                const char *full_name)
{
    for (; type; type = type->inner) {
        bool modifier =
            type->element == ELEMENT_TYPE_CMOD_REQD || type->element == ELEMENT_TYPE_CMOD_OPT;
        if (modifier && metadata_type_is(image, type->token, full_name))
            return true;
        if (!modifier && type->element != ELEMENT_TYPE_BYREF &&
            type->element != ELEMENT_TYPE_PINNED)
            return false;
    }
    return false;
}
