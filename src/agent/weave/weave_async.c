/* Async methods of the C# and the Visual Basic compiler: the method itself makes a state machine
 * and starts it; the machine's MoveNext completes the Task through its builder. */
#include "weave_state.h"

#include <string.h>

#include "metadata_resolve.h"

/* ---- key: Task.Id ----------------------------------------------------------------------- */

static uint32_t local_task(struct weave *weave)
{
    if (weave->task_local == WEAVE_NO_LOCAL) {
        struct buffer type;
        buffer_init(&type, 16);
        buffer_append_u8(&type, ELEMENT_TYPE_CLASS);
        weave_append_type_token(&type, weave_core_type(weave, "System.Threading.Tasks", "Task"));
        weave->task_local = weave_local_new(weave, type.data, type.length);
        buffer_release(&type);
    }
    return weave->task_local;
}

/* From a builder's address on the stack to the Task in it. The offset is that of a private
 * field: reached through the address, which no access check concerns. */
static void emit_task_of_builder(struct weave_point *point)
{
    if (point->weave->request->task_offset != 0) {
        weave_emit(point, il_code_ldc_i4((int32_t)point->weave->request->task_offset));
        weave_emit_op(point, CEE_CONV_I);
        weave_emit_op(point, CEE_ADD);
    }
    weave_emit_op(point, CEE_LDIND_REF);
    weave_emit(point, il_code_stloc(local_task(point->weave)));
}

/* key = task.Id */
static void emit_key_of_task(struct weave_point *point, struct il_code load_task)
{
    struct weave *weave = point->weave;
    weave_emit(point, load_task);
    weave_emit(point, il_code_token(CEE_CALL, weave_task_get_id(weave)));
    weave_emit_op(point, CEE_CONV_I8);
    weave_emit(point, il_code_stloc(weave_local_long(weave, &weave->key_local)));
}

/* ---- builders ---------------------------------------------------------------------------- */

/* The types that complete a Task of their own, and nothing else. */
static bool is_builder(const struct metadata_image *image, mdToken type)
{
    static const char *const names[] = {
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1",
        "System.Runtime.CompilerServices.AsyncVoidMethodBuilder",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (metadata_type_is(image, type, names[i]))
            return true;
    return false;
}

enum completion {
    COMPLETION_NONE,
    COMPLETION_RESULT,
    COMPLETION_EXCEPTION,
};

static enum completion completion_of(struct weave *weave, const struct il_instruction *instruction)
{
    struct metadata_member member;
    const struct metadata_image *image = weave->request->image;
    if (instruction->opcode != CEE_CALL ||
        metadata_member_read(image, instruction->token, &member, NULL) != STATUS_OK ||
        member.is_field)
        return COMPLETION_NONE;
    bool result = strcmp(member.name, "SetResult") == 0;
    if (!result && strcmp(member.name, "SetException") != 0)
        return COMPLETION_NONE;
    if (!is_builder(image, member.parent))
        return COMPLETION_NONE;
    return result ? COMPLETION_RESULT : COMPLETION_EXCEPTION;
}

/* ---- MoveNext ---------------------------------------------------------------------------- */

/* The builder's generic argument is what SetResult takes. */
static bool open_machine(struct weave *weave)
{
    weave->state_field = weave_field_of_machine(weave, WEAVE_FIELD_STATE);
    weave->builder_field = weave_field_of_machine(weave, WEAVE_FIELD_BUILDER);
    if (!weave->has_this || weave->state_field == mdTokenNil ||
        weave->builder_field == mdTokenNil) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "no state machine of a known compiler is found in the method's IL");
        return false;
    }
    const struct meta_type *type = weave_field_type(weave, weave->builder_field);
    if (!type)
        return false;
    const struct meta_type *definition =
        type->element == ELEMENT_TYPE_GENERICINST ? type->inner : type;
    if (!definition || definition->element != ELEMENT_TYPE_VALUETYPE ||
        !is_builder(weave->request->image, definition->token)) {
        weave_fail(weave, STATUS_UNSUPPORTED, "the method's builder is not one of Task or Task<T>");
        return false;
    }
    bool generic = type->element == ELEMENT_TYPE_GENERICINST && type->argument_count == 1;
    weave->result = generic ? metadata_type_plain(type->arguments[0]) : NULL;
    return true;
}

static void emit_first(struct weave *weave)
{
    struct weave_point point = weave_before(weave, weave->first, IL_STAY);
    weave_emit_long(&point, 0);
    weave_emit(&point, il_code_stloc(weave_local_long(weave, &weave->call_local)));
    weave_emit(&point, il_code_ldarg(0));
    weave_emit(&point, il_code_token(CEE_LDFLD, weave->state_field));
    weave_emit_op(&point, CEE_LDC_I4_M1);
    weave_emit_branch(&point, CEE_BNE_UN, weave->first);
    weave_call(&point, WEAVE_ENTRY_ASYNC_FIRST, NULL);
}

/* In front of SetResult or SetException, what they take being on the stack: a copy is kept,
 * the rest of the stack stays as it is. */
static void emit_completion(struct weave *weave, struct il_instruction *call,
                            enum completion completion)
{
    struct weave_point point = weave_before(weave, il_with_prefixes(call), IL_MOVE_BRANCHES);
    if (completion == COMPLETION_EXCEPTION) {
        weave_emit_op(&point, CEE_DUP);
        weave_emit(&point, il_code_stloc(weave_local_exception(weave)));
    } else if (weave->result) {
        weave_emit_op(&point, CEE_DUP);
        weave_emit(&point, il_code_stloc(weave->result_local));
    }
    weave_emit_long(&point, 0);
    weave_emit(&point, il_code_stloc(weave_local_long(weave, &weave->key_local)));
    weave_emit(&point, il_code_ldarg(0));
    weave_emit(&point, il_code_token(CEE_LDFLDA, weave->builder_field));
    emit_task_of_builder(&point);
    weave_emit(&point, il_code_ldloc(local_task(weave)));
    struct il_instruction *none = weave_emit_branch(&point, CEE_BRFALSE, NULL);
    emit_key_of_task(&point, il_code_ldloc(local_task(weave)));
    weave_emit_op(&point, CEE_LDNULL);
    weave_emit(&point, il_code_stloc(local_task(weave)));
    struct weave_point told = weave_before(weave, point.where, IL_STAY);
    struct weave_values values = {.list = weave->request->exit,
                                  .count = weave->request->exit_count};
    if (completion == COMPLETION_EXCEPTION)
        weave_call(&told, WEAVE_ENTRY_ASYNC_THROW, NULL);
    else
        weave_call(&told, WEAVE_ENTRY_ASYNC_RETURN, &values);
    il_set_target(&weave->il, none, told.first);
}

static bool check_result(struct weave *weave)
{
    for (uint32_t i = 0; i < weave->request->exit_count; i++) {
        if (weave->request->exit[i].source == WEAVE_ARGUMENT) {
            weave_fail(weave, STATUS_BUG, "value %u: an async method completes without arguments",
                       i);
            return false;
        }
    }
    weave_values_check(weave, weave->request->exit, weave->request->exit_count, false);
    return weave->status == STATUS_OK;
}

void weave_async_move_next(struct weave *weave)
{
    if (!open_machine(weave) || !check_result(weave))
        return;
    if (weave->result)
        weave_local_result(weave, weave->result);
    uint32_t completions = 0;
    struct il_instruction *next;
    struct il_instruction *end = weave->last->next;
    for (struct il_instruction *i = weave->first; i && i != end; i = next) {
        next = i->next;
        enum completion completion = completion_of(weave, i);
        if (completion == COMPLETION_NONE)
            continue;
        emit_completion(weave, i, completion);
        completions++;
    }
    if (completions == 0)
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "no completion of a Task is found in the method's IL");
    emit_first(weave);
}

/* ---- the method itself --------------------------------------------------------------------- */

static bool returns_task(struct weave *weave)
{
    const struct meta_type *type = weave->result;
    const struct meta_type *definition =
        type->element == ELEMENT_TYPE_GENERICINST ? type->inner : type;
    return definition && definition->element == ELEMENT_TYPE_CLASS &&
           (metadata_type_is(weave->request->image, definition->token,
                             "System.Threading.Tasks.Task") ||
            metadata_type_is(weave->request->image, definition->token,
                             "System.Threading.Tasks.Task`1"));
}

static bool loads_local(const struct il_instruction *instruction)
{
    switch (instruction->opcode) {
    case CEE_LDLOC_0:
    case CEE_LDLOC_1:
    case CEE_LDLOC_2:
    case CEE_LDLOC_3:
    case CEE_LDLOC_S:
    case CEE_LDLOC:
    case CEE_LDLOCA_S:
    case CEE_LDLOCA:
        return true;
    default:
        return false;
    }
}

/* async void: where the body takes the builder of its own state machine: the first of the two
 * instructions `ldloc(a) machine; ldflda <>t__builder`. */
static struct il_instruction *find_builder(struct weave *weave)
{
    for (struct il_instruction *i = weave->first; i; i = i->next) {
        struct metadata_member member;
        if (i->opcode != CEE_LDFLDA || !i->previous || !loads_local(i->previous))
            continue;
        if (metadata_member_read(weave->request->image, i->token, &member, NULL) == STATUS_OK &&
            member.is_field && weave_field_is(member.name, WEAVE_FIELD_BUILDER))
            return i->previous;
    }
    return NULL;
}

static struct il_code code_of(const struct il_instruction *instruction)
{
    return (struct il_code){.opcode = instruction->opcode, .integer = instruction->integer};
}

/* At the return: a call that has not completed is handed over to its Task: the one returned,
 * or (async void) that of the builder. */
static void emit_suspended(struct weave_point *point, const struct il_instruction *builder)
{
    struct weave *weave = point->weave;
    struct il_instruction *done[3];
    weave_emit(point, il_code_ldloc(weave_local_long(weave, &weave->call_local)));
    done[0] = weave_emit_branch(point, CEE_BRFALSE, NULL);
    weave_call(point, WEAVE_ENTRY_KEY_WANTED, NULL);
    done[1] = weave_emit_branch(point, CEE_BRFALSE, NULL);
    if (builder) {
        weave_emit(point, code_of(builder));
        weave_emit(point, code_of(builder->next));
        emit_task_of_builder(point);
    }
    struct il_code load = il_code_ldloc(builder ? local_task(weave) : weave->result_local);
    weave_emit(point, load);
    done[2] = weave_emit_branch(point, CEE_BRFALSE, NULL);
    emit_key_of_task(point, load);
    weave_call(point, WEAVE_ENTRY_SUSPENDED, NULL);
    struct weave_point after = weave_at_end(weave);
    weave_emit_return(&after);
    for (uint32_t i = 0; i < 3; i++)
        il_set_target(&weave->il, done[i], after.first);
}

void weave_kickoff(struct weave *weave)
{
    const struct il_instruction *builder = NULL;
    if (weave->result && !returns_task(weave)) {
        weave_fail(weave, STATUS_UNSUPPORTED, "the method returns neither Task nor Task<T>");
        return;
    }
    if (!weave->result && !(builder = find_builder(weave))) {
        weave_fail(weave, STATUS_UNSUPPORTED,
                   "no state machine of a known compiler is found in the method's IL");
        return;
    }
    weave_values_check(weave, weave->request->enter, weave->request->enter_count, true);
    weave_exits_prepare(weave);
    if (weave->status != STATUS_OK)
        return;
    weave_enter(weave);
    struct weave_guard guard = {0};
    weave_guard_fault(weave, &guard, WEAVE_ENTRY_THROW_UNKNOWN, NULL);
    struct weave_point exit = weave_at_end(weave);
    emit_suspended(&exit, builder);
    weave_guard_close(weave, &guard, exit.first);
}
