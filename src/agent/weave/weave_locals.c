#include "weave_state.h"

#include "clr_token.h"
#include "metadata_tables.h"

#define WEAVE_MAX_LOCALS          0xfffeu
#define WEAVE_MAX_LOCAL_SIGNATURE (1u << 20)

/* The blob of the method's own locals: from the image, or for what was added while the
 * program runs from whoever gave us that token. */
static struct reader locals_blob(struct weave *weave)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = weave->il.locals;
    struct reader blob;
    reader_init(&blob, NULL, 0);
    if (metadata_token_exists(weave->request->image, token) &&
        token_is(token, CLR_TABLE_StandAloneSig))
        return metadata_cell_blob(weave->request->image, CLR_TABLE_StandAloneSig, token_rid(token),
                                  METADATA_STAND_ALONE_SIG_SIGNATURE);
    const uint8_t *bytes = NULL;
    size_t length = 0;
    struct error error;
    error_init(&error);
    if (!tokens->signature_blob)
        weave_fail(weave, STATUS_MALFORMED, "local signature 0x%08x is not in the module", token);
    else {
        enum status status =
            tokens->signature_blob(tokens->context, token, &bytes, &length, &error);
        if (status != STATUS_OK)
            weave_fail_with(weave, status, &error);
        else
            reader_init(&blob, bytes, length);
    }
    return blob;
}

void weave_locals_open(struct weave *weave)
{
    buffer_init(&weave->local_types, WEAVE_MAX_LOCAL_SIGNATURE);
    if (token_is_nil(weave->il.locals))
        return;
    struct reader blob = locals_blob(weave);
    uint8_t convention = reader_u8(&blob);
    weave->own_locals = reader_compressed_u32(&blob);
    if (reader_failed(&blob) || convention != IMAGE_CEE_CS_CALLCONV_LOCAL_SIG ||
        weave->own_locals > WEAVE_MAX_LOCALS) {
        weave_fail(weave, STATUS_MALFORMED, "local signature 0x%08x is none", weave->il.locals);
        return;
    }
    size_t left = reader_left(&blob);
    buffer_append(&weave->local_types, reader_bytes(&blob, left), left);
    weave->local_count = weave->own_locals;
}

uint32_t weave_local_new(struct weave *weave, const uint8_t *type, size_t length)
{
    if (weave->local_count >= WEAVE_MAX_LOCALS) {
        weave_fail(weave, STATUS_UNSUPPORTED, "the method has too many locals");
        return 0;
    }
    buffer_append(&weave->local_types, type, length);
    return weave->local_count++;
}

static uint32_t local_once(struct weave *weave, uint32_t *local, const uint8_t *type, size_t length)
{
    if (*local == WEAVE_NO_LOCAL)
        *local = weave_local_new(weave, type, length);
    return *local;
}

uint32_t weave_local_long(struct weave *weave, uint32_t *local)
{
    static const uint8_t type[] = {ELEMENT_TYPE_I8};
    return local_once(weave, local, type, sizeof type);
}

uint32_t weave_local_result(struct weave *weave, const struct meta_type *type)
{
    return local_once(weave, &weave->result_local, type->raw, type->raw_length);
}

static const uint8_t pinned_object[] = {ELEMENT_TYPE_PINNED, ELEMENT_TYPE_OBJECT};
static const uint8_t pinned_byref[] = {ELEMENT_TYPE_PINNED, ELEMENT_TYPE_BYREF, ELEMENT_TYPE_U1};
static const uint8_t real[] = {ELEMENT_TYPE_R8};

uint32_t weave_local_exception(struct weave *weave)
{
    return local_once(weave, &weave->exception_local, pinned_object, sizeof pinned_object);
}

static uint32_t pool_take(struct weave *weave, struct weave_pool *pool, uint32_t number,
                          const uint8_t *type, size_t length)
{
    if (number > WEAVE_MAX_VALUES) {
        weave_fail(weave, STATUS_BUG, "more than %d values at once", WEAVE_MAX_VALUES);
        return 0;
    }
    while (pool->count <= number)
        pool->index[pool->count++] = weave_local_new(weave, type, length);
    return pool->index[number];
}

uint32_t weave_pool_object(struct weave *weave, uint32_t number)
{
    return pool_take(weave, &weave->objects, number, pinned_object, sizeof pinned_object);
}

uint32_t weave_pool_byref(struct weave *weave, uint32_t number)
{
    return pool_take(weave, &weave->byrefs, number, pinned_byref, sizeof pinned_byref);
}

uint32_t weave_pool_double(struct weave *weave, uint32_t number)
{
    return pool_take(weave, &weave->doubles, number, real, sizeof real);
}

void weave_locals_close(struct weave *weave)
{
    if (weave->status != STATUS_OK || weave->local_count == weave->own_locals)
        return;
    const struct weave_tokens *tokens = weave->request->tokens;
    struct buffer blob;
    buffer_init(&blob, WEAVE_MAX_LOCAL_SIGNATURE + 16);
    buffer_append_u8(&blob, IMAGE_CEE_CS_CALLCONV_LOCAL_SIG);
    weave_append_compressed(&blob, weave->local_count);
    buffer_append(&blob, weave->local_types.data, weave->local_types.length);
    struct error error;
    error_init(&error);
    if (buffer_failed(&blob) || buffer_failed(&weave->local_types)) {
        weave_fail(weave, STATUS_MEMORY, "no memory for the local signature");
    } else {
        mdToken token = mdTokenNil;
        enum status status =
            tokens->signature(tokens->context, blob.data, blob.length, &token, &error);
        if (status != STATUS_OK)
            weave_fail_with(weave, status, &error);
        else if (!token_is(token, CLR_TABLE_StandAloneSig))
            weave_fail(weave, STATUS_BUG, "0x%08x is no token of a signature", token);
        else
            weave->il.locals = token;
    }
    buffer_release(&blob);
}
