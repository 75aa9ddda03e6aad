/* Iterators: one enumeration is one call. Its key is the identity hash of the state machine,
 * which stays the same wherever a collection moves the object. */
#include "weave_state.h"

static void emit_key(struct weave_point *point)
{
    struct weave *weave = point->weave;
    weave_emit(point, il_code_ldarg(0));
    weave_emit(point, il_code_token(CEE_CALL, weave_get_hash_code(weave)));
    weave_emit_op(point, CEE_CONV_I8);
    weave_emit(point, il_code_stloc(weave_local_long(weave, &weave->key_local)));
}

static void check_iterator(struct weave *weave)
{
    if (!weave->has_this || weave->value_this)
        weave_fail(weave, STATUS_UNSUPPORTED, "the iterator is no object");
}

/* State 0 is that of an enumeration that has not begun. */
static void emit_start(struct weave *weave)
{
    struct weave_values values = {.list = weave->request->enter,
                                  .count = weave->request->enter_count};
    struct weave_point point = weave_before(weave, weave->first, IL_STAY);
    emit_key(&point);
    weave_emit(&point, il_code_ldarg(0));
    weave_emit(&point, il_code_token(CEE_LDFLD, weave->state_field));
    weave_emit_branch(&point, CEE_BRTRUE, weave->first);
    weave_call(&point, WEAVE_ENTRY_ITERATOR_START, &values);
}

void weave_iterator_move_next(struct weave *weave)
{
    check_iterator(weave);
    weave->state_field = weave_field_of_machine(weave, WEAVE_FIELD_STATE);
    if (weave->state_field == mdTokenNil)
        weave_fail(weave, STATUS_UNSUPPORTED, "no state of an iterator is found in its IL");
    if (!weave->result || weave->result->element != ELEMENT_TYPE_BOOLEAN)
        weave_fail(weave, STATUS_UNSUPPORTED, "the method is no iterator's MoveNext");
    weave_values_check(weave, weave->request->enter, weave->request->enter_count, true);
    weave_exits_prepare(weave);
    if (weave->status != STATUS_OK)
        return;
    emit_start(weave);
    struct weave_guard guard = {0};
    /* Told in the first pass: in the second one the iterator's own fault block disposes of it,
     * which would look like an enumeration that was left early. */
    weave_guard_filter(weave, &guard, true);
    struct weave_point exit = weave_at_end(weave);
    if (weave->returns > 0)
        weave_call(&exit, WEAVE_ENTRY_ITERATOR_NEXT, NULL);
    weave_emit_return(&exit);
    weave_guard_close(weave, &guard, exit.first);
}

void weave_iterator_dispose(struct weave *weave)
{
    check_iterator(weave);
    if (weave->status != STATUS_OK)
        return;
    struct weave_point point = weave_before(weave, weave->first, IL_STAY);
    emit_key(&point);
    weave_call(&point, WEAVE_ENTRY_ITERATOR_END, NULL);
}
