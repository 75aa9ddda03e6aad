#include "r2r_signature.h"

#include "clr_element.h"

#define MAX_DEPTH      64
#define MAX_DIMENSIONS 32

static void fail(struct reader *reader)
{
    reader_skip(reader, SIZE_MAX);
}

struct skip {
    struct reader *reader;
    uint32_t module;
    mdToken definition;
    bool outermost; /* nothing but modules and GENERICINST so far */
};

static void skip_type(struct skip *skip, unsigned depth);

static void skip_array(struct skip *skip, unsigned depth)
{
    struct reader *reader = skip->reader;
    skip_type(skip, depth);
    reader_compressed_u32(reader); /* rank */
    for (int list = 0; list < 2; list++) {
        uint32_t count = reader_compressed_u32(reader);
        if (count > MAX_DIMENSIONS)
            fail(reader);
        for (uint32_t i = 0; i < count && !reader_failed(reader); i++)
            reader_compressed_u32(reader); /* sizes; lower bounds are as long, though signed */
    }
}

static void skip_function(struct skip *skip, unsigned depth)
{
    struct reader *reader = skip->reader;
    uint8_t convention = reader_u8(reader);
    if (convention & IMAGE_CEE_CS_CALLCONV_GENERIC)
        reader_compressed_u32(reader);
    uint32_t count = reader_compressed_u32(reader);
    if (count > reader_left(reader))
        fail(reader);
    for (uint32_t i = 0; i <= count && !reader_failed(reader); i++)
        skip_type(skip, depth);
}

static void skip_instance(struct skip *skip, unsigned depth)
{
    struct reader *reader = skip->reader;
    bool outermost = skip->outermost;
    skip_type(skip, depth);
    skip->outermost = false;
    uint32_t count = reader_compressed_u32(reader);
    if (count > reader_left(reader))
        fail(reader);
    for (uint32_t i = 0; i < count && !reader_failed(reader); i++)
        skip_type(skip, depth);
    skip->outermost = outermost;
}

static void skip_module(struct skip *skip, unsigned depth)
{
    uint32_t module = reader_compressed_u32(skip->reader);
    if (skip->outermost)
        skip->module = module;
    skip_type(skip, depth);
}

static void skip_inner(struct skip *skip, unsigned depth)
{
    skip->outermost = false;
    skip_type(skip, depth);
}

static void skip_type(struct skip *skip, unsigned depth)
{
    struct reader *reader = skip->reader;
    if (depth > MAX_DEPTH || reader_failed(reader)) {
        fail(reader);
        return;
    }
    uint8_t element = reader_u8(reader);
    switch (element) {
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE: {
        mdToken token = token_from_type_def_or_ref(reader_compressed_u32(reader));
        if (skip->outermost)
            skip->definition = token;
        return;
    }
    case R2R_ELEMENT_MODULE:
        skip_module(skip, depth + 1);
        return;
    case ELEMENT_TYPE_GENERICINST:
        skip_instance(skip, depth + 1);
        return;
    case ELEMENT_TYPE_CMOD_REQD:
    case ELEMENT_TYPE_CMOD_OPT:
        reader_compressed_u32(reader);
        skip_type(skip, depth + 1);
        return;
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_BYREF:
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_PINNED:
    case ELEMENT_TYPE_SENTINEL:
    case R2R_ELEMENT_NATIVE:
        skip_inner(skip, depth + 1);
        return;
    case ELEMENT_TYPE_ARRAY:
        skip->outermost = false;
        skip_array(skip, depth + 1);
        return;
    case ELEMENT_TYPE_FNPTR:
        skip->outermost = false;
        skip_function(skip, depth + 1);
        return;
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
    case R2R_ELEMENT_VAR:
        reader_compressed_u32(reader);
        return;
    case R2R_ELEMENT_CANONICAL:
    case ELEMENT_TYPE_TYPEDBYREF:
    case ELEMENT_TYPE_I:
    case ELEMENT_TYPE_U:
    case ELEMENT_TYPE_OBJECT:
        return;
    default:
        if (element < ELEMENT_TYPE_VOID || element > ELEMENT_TYPE_STRING)
            fail(reader);
    }
}

void r2r_skip_type(struct reader *reader, uint32_t *module, mdToken *definition)
{
    struct skip skip = {.reader = reader, .module = module ? *module : 0, .outermost = true};
    skip_type(&skip, 0);
    if (module)
        *module = skip.module;
    if (definition)
        *definition = skip.definition;
}
