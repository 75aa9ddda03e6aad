/* The one change of behaviour: a body of our own that returns a literal and does nothing else. */
#include <string.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "weave_state.h"

/* ---- tokens --------------------------------------------------------------------------- */

/* A token for a value type, a reference type or a type parameter, as declared. */
static mdToken type_spec(struct weave *weave, const uint8_t *blob, size_t length)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    if (weave->status != STATUS_OK)
        return mdTokenNil;
    const enum status status = tokens->type_spec(tokens->context, blob, length, &token, &error);
    return weave_taken(weave, status, &error, token, 1u << CLR_TABLE_TypeSpec, "a type");
}

static mdToken type_token(struct weave *weave, const struct meta_type *type)
{
    if (type->element == ELEMENT_TYPE_VALUETYPE || type->element == ELEMENT_TYPE_CLASS)
        return type->token;
    return type_spec(weave, type->raw, type->raw_length);
}

/* The type that owns the method, as its own code names it. */
static mdToken own_type_token(struct weave *weave)
{
    const struct metadata_image *image = weave->request->image;
    struct metadata_rows rows = metadata_generic_params(image, weave->type);
    uint32_t parameters = 0;
    while (metadata_rows_next(image, &rows) != mdTokenNil)
        parameters++;
    if (parameters == 0)
        return weave->type;
    struct buffer blob;
    buffer_init(&blob, 4096);
    buffer_append_u8(&blob, ELEMENT_TYPE_GENERICINST);
    buffer_append_u8(&blob, ELEMENT_TYPE_VALUETYPE);
    weave_append_type_token(&blob, weave->type);
    weave_append_compressed(&blob, parameters);
    for (uint32_t i = 0; i < parameters; i++) {
        buffer_append_u8(&blob, ELEMENT_TYPE_VAR);
        weave_append_compressed(&blob, i);
    }
    mdToken token = mdTokenNil;
    if (buffer_failed(&blob))
        weave_fail(weave, STATUS_MEMORY, "no memory for a signature");
    else
        token = type_spec(weave, blob.data, blob.length);
    buffer_release(&blob);
    return token;
}

static mdToken user_string(struct weave *weave, const struct weave_literal *literal)
{
    const struct weave_tokens *tokens = weave->request->tokens;
    mdToken token = mdTokenNil;
    struct error error;
    error_init(&error);
    enum status status =
        tokens->user_string(tokens->context, literal->units, literal->unit_count, &token, &error);
    if (status != STATUS_OK)
        weave_fail_with(weave, status, &error);
    return token;
}

/* ---- the result ----------------------------------------------------------------------- */

/* A local that nobody has written: all zero, whatever its type. No token is needed for it. */
static void load_default(struct weave_point *point)
{
    struct weave *weave = point->weave;
    weave->il.init_locals = true;
    weave_emit(point, il_code_ldloc(weave_local_result(weave, weave->result)));
}

static void load_decimal(struct weave_point *point, const struct weave_literal *literal)
{
    weave_emit(point, il_code_ldc_i4((int32_t)(uint32_t)literal->bits));
    weave_emit(point, il_code_ldc_i4((int32_t)(uint32_t)(literal->bits >> 32)));
    weave_emit(point, il_code_ldc_i4((int32_t)literal->high));
    weave_emit(point, il_code_ldc_i4(literal->negative));
    weave_emit(point, il_code_ldc_i4(literal->scale));
    weave_emit(point, il_code_token(CEE_NEWOBJ, weave_decimal_new(point->weave)));
}

static void load_literal(struct weave_point *point, const struct weave_literal *literal)
{
    switch (literal->kind) {
    case WEAVE_LITERAL_NOTHING:
        return;
    case WEAVE_LITERAL_DEFAULT:
        load_default(point);
        return;
    case WEAVE_LITERAL_INT32:
        weave_emit(point, il_code_ldc_i4((int32_t)(uint32_t)literal->bits));
        return;
    case WEAVE_LITERAL_INT64:
        weave_emit_long(point, (int64_t)literal->bits);
        return;
    case WEAVE_LITERAL_NATIVE:
        weave_emit_long(point, (int64_t)literal->bits);
        weave_emit_op(point, CEE_CONV_I);
        return;
    case WEAVE_LITERAL_FLOAT:
        weave_emit(point, il_code_integer(CEE_LDC_R4, (int64_t)literal->bits));
        return;
    case WEAVE_LITERAL_DOUBLE:
        weave_emit(point, il_code_integer(CEE_LDC_R8, (int64_t)literal->bits));
        return;
    case WEAVE_LITERAL_DECIMAL:
        load_decimal(point, literal);
        return;
    case WEAVE_LITERAL_STRING:
        weave_emit(point, il_code_token(CEE_LDSTR, user_string(point->weave, literal)));
        return;
    }
    weave_fail(point->weave, STATUS_BUG, "%d is no kind of literal", (int)literal->kind);
}

/* newobj Nullable<T>::.ctor(!0) */
static void wrap_nullable(struct weave_point *point)
{
    struct weave *weave = point->weave;
    if (weave->result->element != ELEMENT_TYPE_GENERICINST) {
        weave_fail(weave, STATUS_BUG, "the method returns no Nullable");
        return;
    }
    mdToken type = type_spec(weave, weave->result->raw, weave->result->raw_length);
    weave_emit(point, il_code_token(CEE_NEWOBJ, weave_nullable_new(weave, type)));
}

/* ---- what the caller expects to be written ---------------------------------------------- */

static enum il_opcode store_opcode(uint8_t element)
{
    switch (element) {
    case ELEMENT_TYPE_BOOLEAN:
    case ELEMENT_TYPE_I1:
    case ELEMENT_TYPE_U1:
        return CEE_STIND_I1;
    case ELEMENT_TYPE_CHAR:
    case ELEMENT_TYPE_I2:
    case ELEMENT_TYPE_U2:
        return CEE_STIND_I2;
    case ELEMENT_TYPE_I4:
    case ELEMENT_TYPE_U4:
    case ELEMENT_TYPE_R4: /* zero has the same bits */
        return CEE_STIND_I4;
    case ELEMENT_TYPE_I8:
    case ELEMENT_TYPE_U8:
    case ELEMENT_TYPE_R8:
        return CEE_STIND_I8;
    default:
        return CEE_STIND_I;
    }
}

/* Writes the default of `type` where argument `number` points. */
static void write_default(struct weave_point *point, uint32_t number, const struct meta_type *type)
{
    weave_emit(point, il_code_ldarg(number));
    switch (type->element) {
    case ELEMENT_TYPE_VALUETYPE:
    case ELEMENT_TYPE_GENERICINST:
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
        weave_emit(point, il_code_token(CEE_INITOBJ, type_token(point->weave, type)));
        return;
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_STRING:
    case ELEMENT_TYPE_OBJECT:
    case ELEMENT_TYPE_ARRAY:
    case ELEMENT_TYPE_SZARRAY:
        weave_emit_op(point, CEE_LDNULL);
        weave_emit_op(point, CEE_STIND_REF);
        return;
    case ELEMENT_TYPE_TYPEDBYREF:
        weave_fail(point->weave, STATUS_UNSUPPORTED, "it has an out parameter of an odd type");
        return;
    default:
        break;
    }
    enum il_opcode store = store_opcode(type->element);
    if (store == CEE_STIND_I8) {
        weave_emit_long(point, 0);
    } else {
        weave_emit(point, il_code_ldc_i4(0));
        if (store == CEE_STIND_I)
            weave_emit_op(point, CEE_CONV_I);
    }
    weave_emit_op(point, store);
}

static bool is_out(struct weave *weave, uint32_t number)
{
    const struct metadata_image *image = weave->request->image;
    mdToken row = metadata_method_param(image, weave->request->method, number);
    if (row == mdTokenNil)
        return false;
    uint32_t flags = metadata_cell(image, CLR_TABLE_Param, token_rid(row), METADATA_PARAM_FLAGS);
    return (flags & pdOut) && !(flags & pdIn);
}

static void write_outs(struct weave_point *point)
{
    struct weave *weave = point->weave;
    for (uint32_t i = 0; i < weave->signature.parameter_count; i++) {
        const struct meta_type *type = metadata_type_plain(weave->signature.parameters[i]);
        if (type->element == ELEMENT_TYPE_BYREF && is_out(weave, i + 1))
            write_default(point, i + weave->has_this, metadata_type_plain(type->inner));
    }
}

/* The constructor of a value type has all of `this` to write. */
static void write_this(struct weave_point *point)
{
    struct weave *weave = point->weave;
    if (!weave->constructor || !weave->value_this)
        return;
    weave_emit(point, il_code_ldarg(0));
    weave_emit(point, il_code_token(CEE_INITOBJ, own_type_token(weave)));
}

void weave_replace(struct weave *weave)
{
    const struct weave_literal *literal = weave->request->literal;
    struct weave_point point = weave_at_end(weave);
    if (!literal || (literal->kind == WEAVE_LITERAL_NOTHING) != (weave->result == NULL)) {
        weave_fail(weave, STATUS_BUG, "the literal is not what the method returns");
        return;
    }
    if (weave->result && weave->result->element == ELEMENT_TYPE_BYREF) {
        weave_fail(weave, STATUS_UNSUPPORTED, "the method returns a reference to a variable");
        return;
    }
    write_this(&point);
    write_outs(&point);
    load_literal(&point, literal);
    if (literal->nullable && literal->kind != WEAVE_LITERAL_DEFAULT)
        wrap_nullable(&point);
    weave_emit_op(&point, CEE_RET);
}
