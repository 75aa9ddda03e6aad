#include "weave_state.h"

#include <string.h>

#include "il_stack.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"

void weave_append_compressed(struct buffer *blob, uint32_t value)
{
    if (value < 0x80) {
        buffer_append_u8(blob, (uint8_t)value);
    } else if (value < 0x4000) {
        buffer_append_u8(blob, (uint8_t)(0x80 | value >> 8));
        buffer_append_u8(blob, (uint8_t)value);
    } else {
        buffer_append_u8(blob, (uint8_t)(0xc0 | value >> 24));
        buffer_append_u8(blob, (uint8_t)(value >> 16));
        buffer_append_u8(blob, (uint8_t)(value >> 8));
        buffer_append_u8(blob, (uint8_t)value);
    }
}

void weave_append_type_token(struct buffer *blob, mdToken token)
{
    weave_append_compressed(blob, token_to_type_def_or_ref(token));
}

static void know(struct weave *weave, mdToken token, uint32_t arguments, bool returns)
{
    if (weave->known_count < WEAVE_MAX_TOKENS)
        weave->known[weave->known_count++] =
            (struct weave_known){.token = token, .arguments = arguments, .returns = returns};
}

/* ---- tokens of our own -------------------------------------------------------------------- */

mdToken weave_taken(struct weave *weave, enum status status, const struct error *error,
                    mdToken token, uint32_t tables, const char *what)
{
    if (status != STATUS_OK)
        weave_fail_with(weave, status, error);
    else if (!(token_rid(token) != 0 && token_table(token) < 32 &&
               (tables >> token_table(token) & 1)))
        weave_fail(weave, STATUS_BUG, "0x%08x is no token of %s", token, what);
    return token;
}

mdToken weave_core_type(struct weave *weave, const char *name_space, const char *name)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    if (weave->status != STATUS_OK)
        return mdTokenNil;
    const enum status status = tokens->core_type(tokens->context, name_space, name, &token, &error);
    return weave_taken(weave, status, &error, token,
                       1u << CLR_TABLE_TypeRef | 1u << CLR_TABLE_TypeDef, name);
}

static mdToken core_method(struct weave *weave, mdToken type, const char *name,
                           const uint8_t *signature, size_t length)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    if (weave->status != STATUS_OK)
        return mdTokenNil;
    const enum status status =
        tokens->core_method(tokens->context, type, name, signature, length, &token, &error);
    return weave_taken(weave, status, &error, token,
                       1u << CLR_TABLE_MemberRef | 1u << CLR_TABLE_MethodDef, name);
}

mdToken weave_task_get_id(struct weave *weave)
{
    static const uint8_t signature[] = {IMAGE_CEE_CS_CALLCONV_HASTHIS, 0, ELEMENT_TYPE_I4};
    if (weave->task_get_id != mdTokenNil)
        return weave->task_get_id;
    mdToken task = weave_core_type(weave, "System.Threading.Tasks", "Task");
    weave->task_get_id = core_method(weave, task, "get_Id", signature, sizeof signature);
    know(weave, weave->task_get_id, 1, true);
    return weave->task_get_id;
}

mdToken weave_get_hash_code(struct weave *weave)
{
    static const uint8_t signature[] = {IMAGE_CEE_CS_CALLCONV_DEFAULT, 1, ELEMENT_TYPE_I4,
                                        ELEMENT_TYPE_OBJECT};
    mdToken helpers = weave_core_type(weave, "System.Runtime.CompilerServices", "RuntimeHelpers");
    mdToken method = core_method(weave, helpers, "GetHashCode", signature, sizeof signature);
    know(weave, method, 1, true);
    return method;
}

mdToken weave_decimal_new(struct weave *weave)
{
    static const uint8_t signature[] = {IMAGE_CEE_CS_CALLCONV_HASTHIS,
                                        5,
                                        ELEMENT_TYPE_VOID,
                                        ELEMENT_TYPE_I4,
                                        ELEMENT_TYPE_I4,
                                        ELEMENT_TYPE_I4,
                                        ELEMENT_TYPE_BOOLEAN,
                                        ELEMENT_TYPE_U1};
    mdToken decimal = weave_core_type(weave, "System", "Decimal");
    mdToken method = core_method(weave, decimal, ".ctor", signature, sizeof signature);
    know(weave, method, 6, false);
    return method;
}

mdToken weave_nullable_new(struct weave *weave, mdToken type)
{
    static const uint8_t signature[] = {IMAGE_CEE_CS_CALLCONV_HASTHIS, 1, ELEMENT_TYPE_VOID,
                                        ELEMENT_TYPE_VAR, 0};
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    if (weave->status != STATUS_OK)
        return mdTokenNil;
    const enum status status =
        tokens->member(tokens->context, type, ".ctor", signature, sizeof signature, &token, &error);
    weave_taken(weave, status, &error, token, 1u << CLR_TABLE_MemberRef, "a constructor");
    know(weave, token, 2, false);
    return token;
}

/* The signature of a calli without GC transition: clr-facts of the project, and ECMA-335
 * II.23.2.3 with the modifiers that name the conventions in front of the return type. */
static mdToken call_signature(struct weave *weave, uint8_t returns, uint32_t count)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    if (weave->call_conv_cdecl == mdTokenNil) {
        weave->call_conv_cdecl =
            weave_core_type(weave, "System.Runtime.CompilerServices", "CallConvCdecl");
        weave->call_conv_suppress = weave_core_type(weave, "System.Runtime.CompilerServices",
                                                    "CallConvSuppressGCTransition");
    }
    if (weave->status != STATUS_OK)
        return mdTokenNil;
    struct buffer blob;
    buffer_init(&blob, 256);
    buffer_append_u8(&blob, IMAGE_CEE_CS_CALLCONV_UNMANAGED);
    weave_append_compressed(&blob, count);
    buffer_append_u8(&blob, ELEMENT_TYPE_CMOD_OPT);
    weave_append_type_token(&blob, weave->call_conv_cdecl);
    buffer_append_u8(&blob, ELEMENT_TYPE_CMOD_OPT);
    weave_append_type_token(&blob, weave->call_conv_suppress);
    buffer_append_u8(&blob, returns);
    for (uint32_t i = 0; i < count; i++)
        buffer_append_u8(&blob, ELEMENT_TYPE_I8);
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    enum status status =
        buffer_failed(&blob)
            ? error_set(&error, STATUS_MEMORY, "no memory for a signature")
            : tokens->signature(tokens->context, blob.data, blob.length, &token, &error);
    buffer_release(&blob);
    if (status != STATUS_OK)
        weave_fail_with(weave, status, &error);
    else if (!token_is(token, CLR_TABLE_StandAloneSig))
        weave_fail(weave, STATUS_BUG, "0x%08x is no token of a signature", token);
    return token;
}

mdToken weave_call_token(struct weave *weave, uint8_t returns, uint32_t count)
{
    for (uint32_t i = 0; i < weave->call_count; i++)
        if (weave->calls[i].returns == returns && weave->calls[i].count == count)
            return weave->calls[i].token;
    mdToken token = call_signature(weave, returns, count);
    if (weave->call_count < WEAVE_MAX_TOKENS) {
        weave->calls[weave->call_count].token = token;
        weave->calls[weave->call_count].returns = returns;
        weave->calls[weave->call_count++].count = (uint8_t)count;
    }
    know(weave, token, count, returns != ELEMENT_TYPE_VOID);
    return token;
}

/* ---- what calls do to the stack ----------------------------------------------------------- */

static bool read_modifiers(struct reader *blob)
{
    for (;;) {
        size_t at = blob->position;
        uint8_t element = reader_u8(blob);
        if (element != ELEMENT_TYPE_CMOD_REQD && element != ELEMENT_TYPE_CMOD_OPT) {
            reader_seek(blob, at);
            return !reader_failed(blob);
        }
        reader_compressed_u32(blob);
    }
}

static bool read_call(struct reader blob, struct il_call *call)
{
    uint8_t convention = reader_u8(&blob);
    if (convention & IMAGE_CEE_CS_CALLCONV_GENERIC)
        reader_compressed_u32(&blob);
    uint32_t count = reader_compressed_u32(&blob);
    if (!read_modifiers(&blob))
        return false;
    uint8_t element = reader_u8(&blob);
    if (reader_failed(&blob) || count > 0xffff)
        return false;
    bool implicit_this = (convention & IMAGE_CEE_CS_CALLCONV_HASTHIS) &&
                         !(convention & IMAGE_CEE_CS_CALLCONV_EXPLICITTHIS);
    call->arguments = count + (implicit_this ? 1 : 0);
    call->returns = element != ELEMENT_TYPE_VOID;
    return true;
}

static bool standalone_call(struct weave *weave, mdToken token, struct il_call *call)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    if (metadata_token_exists(weave->request->image, token))
        return read_call(metadata_cell_blob(weave->request->image, CLR_TABLE_StandAloneSig,
                                            token_rid(token), METADATA_STAND_ALONE_SIG_SIGNATURE),
                         call);
    const uint8_t *bytes;
    size_t length;
    if (!tokens->signature_blob ||
        tokens->signature_blob(tokens->context, token, &bytes, &length, NULL) != STATUS_OK)
        return false;
    struct reader blob;
    reader_init(&blob, bytes, length);
    return read_call(blob, call);
}

bool weave_effect(void *context, uint32_t opcode, mdToken token, struct il_call *call)
{
    struct weave *weave = context;
    for (uint32_t i = 0; i < weave->known_count; i++) {
        if (weave->known[i].token == token) {
            call->arguments = weave->known[i].arguments;
            call->returns = weave->known[i].returns;
            return true;
        }
    }
    if (opcode == CEE_CALLI)
        return token_is(token, CLR_TABLE_StandAloneSig) && standalone_call(weave, token, call);
    struct metadata_member member;
    if (metadata_member_read(weave->request->image, token, &member, NULL) != STATUS_OK ||
        member.is_field)
        return false;
    return read_call(member.signature, call);
}
