/* Values of the target as int64 arguments of a native call. */
#include "weave_state.h"

#include "metadata_tables.h"

enum place {
    PLACE_ARGUMENT,
    PLACE_RESULT,
    PLACE_FIELD,
    PLACE_NONE, /* not there: zero */
};

struct operand {
    enum place place;
    uint32_t index; /* argument or local */
    mdToken field;  /* as this method names it */
    uint8_t element;
    bool holds_address; /* a byref, or `this` of a value type */
    enum weave_pass pass;
};

static enum weave_pass pass_of(const struct meta_type *type)
{
    bool value = type->element == ELEMENT_TYPE_GENERICINST && type->inner &&
                 type->inner->element == ELEMENT_TYPE_VALUETYPE;
    return weave_pass_of(type->element, value);
}

static void operand_of_type(struct operand *operand, const struct meta_type *type)
{
    if (!type)
        return;
    type = metadata_type_plain(type);
    operand->element = type->element;
    operand->holds_address = type->element == ELEMENT_TYPE_BYREF;
    operand->pass = pass_of(type);
}

static void operand_of_argument(struct weave *weave, uint32_t index, struct operand *operand)
{
    operand->place = PLACE_ARGUMENT;
    operand->index = index;
    if (weave->has_this && index == 0) {
        operand->element = weave->value_this ? ELEMENT_TYPE_BYREF : ELEMENT_TYPE_CLASS;
        operand->holds_address = weave->value_this;
        operand->pass = weave->value_this ? WEAVE_PASS_ADDRESS : WEAVE_PASS_REFERENCE;
        return;
    }
    uint32_t number = index - (weave->has_this ? 1 : 0);
    if (number < weave->signature.parameter_count)
        operand_of_type(operand, weave->signature.parameters[number]);
}

/* pass stays 0 where there is no such value, or none that can be shown. */
static struct operand operand_of(struct weave *weave, const struct weave_value *value)
{
    struct operand operand = {.place = PLACE_NONE};
    switch (value->source) {
    case WEAVE_ARGUMENT:
        operand_of_argument(weave, value->index, &operand);
        break;
    case WEAVE_RESULT:
        operand.place = PLACE_RESULT;
        operand.index = weave->result_local;
        operand_of_type(&operand, weave->result);
        break;
    case WEAVE_FIELD:
        operand.place = PLACE_FIELD;
        operand.field = weave_field_reference(weave, value->token);
        if (operand.field != mdTokenNil)
            operand_of_type(&operand, weave_field_type(weave, value->token));
        break;
    }
    return operand;
}

static void check_one(struct weave *weave, const struct weave_value *value, uint32_t number,
                      bool at_entry)
{
    struct operand operand = operand_of(weave, value);
    if (at_entry && value->source == WEAVE_RESULT) {
        weave_fail(weave, STATUS_BUG, "value %u: there is no result at entry", number);
    } else if (at_entry && value->source == WEAVE_ARGUMENT && weave->has_this &&
               weave->constructor && value->index == 0) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "'this' of a constructor is not initialised at entry");
        error_hint(&weave->error, "read it at the return");
    } else if (value->source == WEAVE_FIELD && operand.field == mdTokenNil) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "the field 0x%08x cannot be named in the method's generic type", value->token);
    } else if (operand.pass == 0) {
        weave_fail(weave, STATUS_UNSUPPORTED, "value %u is of a kind that cannot be shown", number);
    } else if (operand.pass != value->pass) {
        weave_fail(weave, STATUS_BUG, "value %u is not passed in the way %d", number,
                   (int)value->pass);
    }
}

void weave_values_check(struct weave *weave, const struct weave_value *values, uint32_t count,
                        bool at_entry)
{
    if (count > WEAVE_MAX_VALUES) {
        weave_fail(weave, STATUS_LIMIT, "%u values are more than the %d that a probe can read",
                   count, WEAVE_MAX_VALUES);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        check_one(weave, &values[i], i, at_entry);
}

static void emit_load(struct weave_point *point, const struct operand *operand)
{
    switch (operand->place) {
    case PLACE_ARGUMENT:
        weave_emit(point, il_code_ldarg(operand->index));
        break;
    case PLACE_RESULT:
        weave_emit(point, il_code_ldloc(operand->index));
        break;
    default:
        weave_emit(point, il_code_ldarg(0));
        weave_emit(point, il_code_token(CEE_LDFLD, operand->field));
        break;
    }
}

static bool is_signed(uint8_t element)
{
    return element == ELEMENT_TYPE_I1 || element == ELEMENT_TYPE_I2 || element == ELEMENT_TYPE_I4 ||
           element == ELEMENT_TYPE_I8 || element == ELEMENT_TYPE_I;
}

static void push_double(struct weave_point *point, uint32_t slot)
{
    uint32_t local = weave_pool_double(point->weave, slot);
    weave_emit_op(point, CEE_CONV_R8);
    weave_emit(point, il_code_stloc(local));
    weave_emit(point, il_code_ldloca(local));
    weave_emit_op(point, CEE_CONV_U);
    weave_emit_op(point, CEE_LDIND_I8);
}

static void push_pinned(struct weave_point *point, uint32_t local, enum il_opcode conversion)
{
    weave_emit(point, il_code_stloc(local));
    weave_emit(point, il_code_ldloc(local));
    weave_emit_op(point, conversion);
    weave_emit_op(point, CEE_CONV_U8);
}

/* Arguments and locals stand on the stack, where nothing moves; what a byref or an object
 * holds may be moved by a collection, and is pinned. */
static void push_address(struct weave_point *point, const struct operand *operand,
                         struct weave_pins *pins)
{
    if (operand->holds_address) {
        emit_load(point, operand);
        push_pinned(point, weave_pool_byref(point->weave, pins->byrefs++), CEE_CONV_U);
    } else if (operand->place == PLACE_FIELD) {
        weave_emit(point, il_code_ldarg(0));
        weave_emit(point, il_code_token(CEE_LDFLDA, operand->field));
        push_pinned(point, weave_pool_byref(point->weave, pins->byrefs++), CEE_CONV_U);
    } else {
        weave_emit(point, operand->place == PLACE_ARGUMENT ? il_code_ldarga(operand->index)
                                                           : il_code_ldloca(operand->index));
        weave_emit_op(point, CEE_CONV_U);
        weave_emit_op(point, CEE_CONV_U8);
    }
}

void weave_value_push(struct weave_point *point, const struct weave_value *value, bool thrown,
                      uint32_t slot, struct weave_pins *pins)
{
    struct operand operand = operand_of(point->weave, value);
    if (thrown && operand.place == PLACE_RESULT)
        operand.place = PLACE_NONE;
    if (operand.place == PLACE_NONE) {
        weave_emit_long(point, 0);
        return;
    }
    switch (value->pass) {
    case WEAVE_PASS_SCALAR:
        emit_load(point, &operand);
        weave_emit_op(point, is_signed(operand.element) ? CEE_CONV_I8 : CEE_CONV_U8);
        break;
    case WEAVE_PASS_DOUBLE:
        emit_load(point, &operand);
        push_double(point, slot);
        break;
    case WEAVE_PASS_REFERENCE:
        emit_load(point, &operand);
        push_pinned(point, weave_pool_object(point->weave, pins->objects++), CEE_CONV_I);
        break;
    case WEAVE_PASS_ADDRESS:
        push_address(point, &operand, pins);
        break;
    }
}

void weave_pins_clear(struct weave_point *point, const struct weave_pins *pins)
{
    for (uint32_t i = 0; i < pins->objects; i++) {
        weave_emit_op(point, CEE_LDNULL);
        weave_emit(point, il_code_stloc(weave_pool_object(point->weave, i)));
    }
    for (uint32_t i = 0; i < pins->byrefs; i++) {
        weave_emit_op(point, CEE_LDC_I4_0);
        weave_emit_op(point, CEE_CONV_U);
        weave_emit(point, il_code_stloc(weave_pool_byref(point->weave, i)));
    }
}
