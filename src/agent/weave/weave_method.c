#include "weave.h"

#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "il_check.h"
#include "il_stack.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "weave_state.h"

#define WEAVE_ARENA_LIMIT (4u << 20)
#define WEAVE_BODY_LIMIT  (8u << 20)

/* What woven code may need on top of the method's own stack, where that cannot be computed:
 * a builder and its argument below, four fixed arguments, five values and their address. */
#define WEAVE_STACK_NEEDED 16

/* ---- before ------------------------------------------------------------------------------ */

/* The type without its outer modifiers, which mean nothing for a local; NULL for void. */
static const struct meta_type *result_type(const struct meta_type *type)
{
    if (!type)
        return NULL;
    type = metadata_type_plain(type);
    return type->element == ELEMENT_TYPE_VOID ? NULL : type;
}

static bool is_task(const struct metadata_image *image, mdToken type)
{
    static const char *const names[] = {
        "System.Threading.Tasks.Task",
        "System.Threading.Tasks.Task`1",
        "System.Threading.Tasks.ValueTask",
        "System.Threading.Tasks.ValueTask`1",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (metadata_type_is(image, type, names[i]))
            return true;
    return false;
}

/* Where the runtime itself suspends a method, `ret` takes what the Task is to hold; its own
 * helpers of that kind return something else than a Task, as it is. */
static const struct meta_type *unwrapped_result(const struct metadata_image *image,
                                                const struct meta_type *type)
{
    type = result_type(type);
    bool generic = type && type->element == ELEMENT_TYPE_GENERICINST && type->argument_count == 1;
    const struct meta_type *definition = generic ? type->inner : type;
    if (!definition ||
        (definition->element != ELEMENT_TYPE_CLASS &&
         definition->element != ELEMENT_TYPE_VALUETYPE) ||
        !is_task(image, definition->token))
        return type;
    return generic ? result_type(type->arguments[0]) : NULL;
}

static void open_method(struct weave *weave)
{
    const struct metadata_image *image = weave->request->image;
    mdToken method = weave->request->method;
    struct error error;
    error_init(&error);
    weave->type = metadata_owner(image, method);
    enum status status =
        token_is(method, CLR_TABLE_MethodDef)
            ? metadata_method_signature(image, method, &weave->arena, &weave->signature, &error)
            : error_set(&error, STATUS_BUG, "0x%08x is no method", method);
    if (status != STATUS_OK) {
        weave_fail_with(weave, status, &error);
        return;
    }
    uint32_t row = token_rid(method);
    uint32_t impl = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
    const char *name =
        metadata_cell_text(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_NAME);
    uint8_t convention = weave->signature.convention;
    if (convention & IMAGE_CEE_CS_CALLCONV_EXPLICITTHIS)
        weave_fail(weave, STATUS_UNSUPPORTED, "the method's signature has an explicit 'this'");
    weave->has_this = convention & IMAGE_CEE_CS_CALLCONV_HASTHIS;
    weave->value_this = weave->has_this && metadata_type_is_value_type(image, weave->type);
    weave->constructor = weave->has_this && strcmp(name, ".ctor") == 0;
    weave->result = impl & miAsync ? unwrapped_result(image, weave->signature.result)
                                   : result_type(weave->signature.result);
    weave->returns_value = weave->result != NULL;
}

static void open_body(struct weave *weave)
{
    struct error error;
    error_init(&error);
    enum status status =
        il_body_parse(&weave->il, weave->request->body, weave->request->body_length, &error);
    if (status != STATUS_OK) {
        weave_fail_with(weave, status, &error);
        return;
    }
    weave->first = weave->il.first;
    weave->last = weave->il.last;
    if (!weave->first)
        weave_fail(weave, STATUS_MALFORMED, "the method's body is empty");
    for (struct il_instruction *i = weave->first; i; i = i->next) {
        weave->returns += i->opcode == CEE_RET;
        weave->jumps |= i->opcode == CEE_JMP;
        weave->tails |= i->opcode == CEE_TAILCALL;
    }
    weave_locals_open(weave);
}

static void weave_open(struct weave *weave, const struct weave_request *request)
{
    memset(weave, 0, sizeof *weave);
    weave->request = request;
    error_init(&weave->error);
    arena_init(&weave->arena, WEAVE_ARENA_LIMIT);
    il_body_init(&weave->il);
    buffer_init(&weave->local_types, 0);
    weave->call_local = WEAVE_NO_LOCAL;
    weave->key_local = WEAVE_NO_LOCAL;
    weave->result_local = WEAVE_NO_LOCAL;
    weave->exception_local = WEAVE_NO_LOCAL;
    weave->task_local = WEAVE_NO_LOCAL;
    open_method(weave);
    /* Of a body that is replaced nothing is looked at. */
    if (weave->status == STATUS_OK && request->kind != WEAVE_REPLACE)
        open_body(weave);
}

static void weave_release(struct weave *weave)
{
    buffer_release(&weave->local_types);
    il_body_release(&weave->il);
    arena_release(&weave->arena);
}

static void weave_kind(struct weave *weave)
{
    switch (weave->request->kind) {
    case WEAVE_COUNT:
        weave_count(weave);
        return;
    case WEAVE_ENTER:
        weave_enter(weave);
        return;
    case WEAVE_CALL:
        weave_calls(weave);
        return;
    case WEAVE_ASYNC_KICKOFF:
        weave_kickoff(weave);
        return;
    case WEAVE_ASYNC_MOVE_NEXT:
        weave_async_move_next(weave);
        return;
    case WEAVE_ITERATOR_MOVE_NEXT:
        weave_iterator_move_next(weave);
        return;
    case WEAVE_ITERATOR_DISPOSE:
        weave_iterator_dispose(weave);
        return;
    case WEAVE_REPLACE:
        weave_replace(weave);
        return;
    case WEAVE_COUNT_LINE:
        weave_count_line(weave);
        return;
    case WEAVE_ENTER_LINE:
        weave_enter_line(weave);
        return;
    }
    weave_fail(weave, STATUS_BUG, "%d is no kind of probe", (int)weave->request->kind);
}

/* ---- after --------------------------------------------------------------------------------- */

/* The whole body is checked as the runtime would see it. Where it calls what this module's
 * metadata do not know (another profiler's additions), the depth of the stack cannot be
 * followed, and the rest is checked alone. */
static void check_body(struct weave *weave)
{
    struct error error;
    error_init(&error);
    uint32_t own = weave->il.max_stack;
    struct il_effects effects = {
        .call = weave_effect, .context = weave, .method_returns = weave->returns_value};
    if (weave->il.failed) {
        weave_fail(weave, STATUS_LIMIT, "the method is too large to be rewritten");
        return;
    }
    enum status status = il_stack_compute(&weave->il, &effects, &error);
    if (status == STATUS_UNSUPPORTED) {
        weave->il.max_stack = own;
        il_stack_raise(&weave->il, WEAVE_STACK_NEEDED);
        status = il_check(&weave->il, NULL, &error);
    } else if (status == STATUS_OK) {
        if (weave->il.max_stack < own)
            weave->il.max_stack = own;
        status = il_check(&weave->il, &effects, &error);
    }
    if (status != STATUS_OK)
        weave_fail_with(weave, status, &error);
}

static void take_map(struct weave *weave, struct weave_result *result)
{
    struct buffer entries;
    buffer_init(&entries, 0);
    uint32_t count = il_map_append(&weave->il, &entries);
    if (count == 0 && weave->request->kind == WEAVE_REPLACE) {
        /* Nothing of the old body is left: its beginning is the new one's. */
        const struct il_map_entry begin = {.accurate = 1};
        buffer_append(&entries, &begin, sizeof begin);
        count = 1;
    }
    struct weave_map_entry *map = count ? calloc(count, sizeof *map) : NULL;
    if (buffer_failed(&entries) || !map) {
        free(map);
        weave_fail(weave, STATUS_MEMORY, "no memory for the map of offsets");
    } else {
        const struct il_map_entry *from = (const struct il_map_entry *)(void *)entries.data;
        for (uint32_t i = 0; i < count; i++)
            map[i] = (struct weave_map_entry){from[i].old_offset, from[i].new_offset};
        result->map = map;
        result->map_count = count;
    }
    buffer_release(&entries);
}

static void take_body(struct weave *weave, struct weave_result *result)
{
    struct error error;
    error_init(&error);
    buffer_init(&result->body, WEAVE_BODY_LIMIT);
    enum status status = il_body_write(&weave->il, &result->body, &error);
    if (status != STATUS_OK)
        weave_fail_with(weave, status, &error);
    else
        take_map(weave, result);
}

enum status weave_method(const struct weave_request *request, struct weave_result *result,
                         struct error *error)
{
    struct weave weave;
    memset(result, 0, sizeof *result);
    weave_open(&weave, request);
    if (weave.status == STATUS_OK)
        weave_kind(&weave);
    weave_locals_close(&weave);
    if (weave.status == STATUS_OK)
        check_body(&weave);
    if (weave.status == STATUS_OK)
        take_body(&weave, result);
    enum status status = weave.status;
    if (status != STATUS_OK) {
        weave_result_release(result);
        if (error)
            *error = weave.error;
    }
    weave_release(&weave);
    return status;
}

void weave_result_release(struct weave_result *result)
{
    buffer_release(&result->body);
    free(result->map);
    memset(result, 0, sizeof *result);
}
