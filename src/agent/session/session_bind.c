#include "session_bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_binder.h"
#include "session_patch.h"

#define SCRATCH_MAX ((size_t)4 << 20)

static enum status out_of_memory(struct error *error)
{
    error_set(error, STATUS_LIMIT, "the session would need more than %zu MiB in the target",
              SESSION_ARENA_MAX >> 20);
    error_hint(error, "narrow the pattern, or count the calls first (rejig count)");
    return STATUS_LIMIT;
}

/* ---- what kind of method, and what is woven for it ---- */

static void add_key(struct binder *b, struct session_site *site, mdToken method,
                    enum weave_kind weave)
{
    site->keys[site->key_count] = (struct method_key){b->module->id, method, 0};
    site->weaves[site->key_count++] = weave;
}

static bool follows_task(const char *builder)
{
    static const char *const names[] = {
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1",
        "System.Runtime.CompilerServices.AsyncVoidMethodBuilder",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], builder) == 0)
            return true;
    return false;
}

/* An async method: until its task completes where the builder makes Tasks. */
static void see_async(struct binder *b, struct session_site *site)
{
    struct buffer name;
    mdToken field = mdTokenNil;
    buffer_init(&name, 1024);
    b->kind = WIRE_METHOD_ASYNC_FIRST;
    if (b->method->move_next != mdTokenNil &&
        metadata_builder(b->image, b->method->state_machine, &name, &field) &&
        follows_task(buffer_text(&name))) {
        struct meta_type *type = NULL;
        b->kind = WIRE_METHOD_ASYNC;
        if (metadata_signature_field(metadata_cell_blob(b->image, CLR_TABLE_Field, token_rid(field),
                                                        METADATA_FIELD_SIGNATURE),
                                     b->keep, &type, NULL) == STATUS_OK)
            site->builder = (struct declared){b->module, type, NULL, 0};
    } else if (name.length > 0) {
        char note[256];
        const char *dot = strrchr(buffer_text(&name), '.');
        snprintf(note, sizeof note, "until the first await: %s makes no Task to follow",
                 dot == NULL ? buffer_text(&name) : dot + 1);
        tlv_put_text(b->message, WIRE_METHOD_NOTE, note);
    }
    buffer_release(&name);
}

static void see_kind(struct binder *b, struct session_site *site)
{
    b->kind = WIRE_METHOD_PLAIN;
    if (b->probe->action != PLAN_WATCH || b->probe->moment == PLAN_ON_ENTER)
        return;
    switch (b->method->kind) {
    case METADATA_METHOD_ASYNC:
        see_async(b, site);
        break;
    case METADATA_METHOD_ITERATOR:
        if (b->method->move_next != mdTokenNil)
            b->kind = WIRE_METHOD_ITERATOR;
        break;
    case METADATA_METHOD_ASYNC_ITERATOR:
        tlv_put_text(b->message, WIRE_METHOD_NOTE,
                     "an asynchronous iterator: shown is the call that makes it");
        break;
    default:
        break;
    }
}

/* What the method is to the user; a count is woven in one way whatever it counts. */
static enum wire_method_kind told_kind(struct binder *b)
{
    if (b->probe->action != PLAN_COUNT)
        return b->kind;
    if (b->method->kind == METADATA_METHOD_ITERATOR)
        return WIRE_METHOD_ITERATOR;
    return b->method->kind == METADATA_METHOD_ASYNC ? WIRE_METHOD_ASYNC : WIRE_METHOD_PLAIN;
}

static mdToken iterator_dispose(struct binder *b)
{
    mdToken machine = b->method->state_machine;
    mdToken token = metadata_find_method(b->image, machine, "System.IDisposable.Dispose");
    return token != mdTokenNil ? token : metadata_find_method(b->image, machine, "Dispose");
}

static void choose_weaves(struct binder *b, struct session_site *site)
{
    mdToken method = b->method->token;
    if (b->probe->action == PLAN_COUNT) {
        site->recorder_kind = RECORDER_SITE_COUNT;
        add_key(b, site, method, b->probe->place == PLAN_AT_ENTRY ? WEAVE_COUNT : WEAVE_COUNT_LINE);
    } else if (b->probe->action == PLAN_PATCH) {
        site->recorder_kind = RECORDER_SITE_COUNT; /* which nobody calls */
        add_key(b, site, method, WEAVE_REPLACE);
    } else if (b->probe->moment == PLAN_ON_ENTER) {
        site->recorder_kind = RECORDER_SITE_ON_ENTER;
        add_key(b, site, method, WEAVE_ENTER);
    } else if (b->kind == WIRE_METHOD_ASYNC) {
        site->recorder_kind = RECORDER_SITE_ASYNC;
        add_key(b, site, method, WEAVE_ASYNC_KICKOFF);
        add_key(b, site, b->method->move_next, WEAVE_ASYNC_MOVE_NEXT);
    } else if (b->kind == WIRE_METHOD_ITERATOR) {
        site->recorder_kind = RECORDER_SITE_ITERATOR;
        add_key(b, site, b->method->move_next, WEAVE_ITERATOR_MOVE_NEXT);
        mdToken dispose = iterator_dispose(b);
        if (dispose != mdTokenNil)
            add_key(b, site, dispose, WEAVE_ITERATOR_DISPOSE);
    } else {
        site->recorder_kind = b->probe->moment == PLAN_ON_RETURN   ? RECORDER_SITE_ON_RETURN
                              : b->probe->moment == PLAN_ON_THROW  ? RECORDER_SITE_ON_THROW
                              : b->kind == WIRE_METHOD_ASYNC_FIRST ? RECORDER_SITE_ASYNC_FIRST
                                                                   : RECORDER_SITE_CALL;
        add_key(b, site, method, WEAVE_CALL);
    }
}

/* What the caller gets: of async methods the task's result. */
static void see_result(struct binder *b)
{
    const struct meta_type *type = b->signature.result;
    b->has_result = false;
    if (type == NULL || !b->exits || b->kind == WIRE_METHOD_ITERATOR ||
        b->kind == WIRE_METHOD_ASYNC_FIRST)
        return;
    const struct meta_type *plain = metadata_type_plain(type);
    if (b->kind == WIRE_METHOD_ASYNC) {
        if (plain->element != ELEMENT_TYPE_GENERICINST || plain->argument_count != 1)
            return;
        type = plain->arguments[0];
    } else if (plain->element == ELEMENT_TYPE_VOID) {
        return;
    }
    b->result = (struct declared){b->module, type, NULL, 0};
    b->has_result = true;
}

/* ---- values ---- */

static void put_value(struct binder *b, uint16_t tag, const char *label,
                      const struct declared *type, bool at_exit)
{
    size_t mark = tlv_begin(b->message, tag);
    tlv_put_text(b->message, WIRE_VALUE_LABEL, label);
    if (type != NULL && type->type != NULL) {
        tlv_put_u32(b->message, WIRE_VALUE_ELEMENT, bind_element(type));
        tlv_put_text(b->message, WIRE_VALUE_TYPE_NAME, bind_type_text(b, type));
    }
    if (at_exit)
        tlv_put_u32(b->message, WIRE_VALUE_AT_EXIT, 1);
    tlv_end(b->message, mark);
}

static struct capture_value *moment_capture(struct bind_moment *moment)
{
    return moment->capture_count == BIND_MAX_CAPTURES ? NULL
                                                      : &moment->captures[moment->capture_count++];
}

/* Files a value under its moment. */
static bool add_capture(struct binder *b, const struct bind_root *root,
                        const struct capture_value *value, uint16_t slot)
{
    struct capture_value *place = moment_capture(root->at_exit ? &b->exit : &b->enter);
    if (place == NULL)
        return false;
    *place = *value;
    place->slot = slot;
    place->show = 1;
    /* What a path leads to is resolved by its object's own type; only values that stand in the
     * frame itself need their declared one. */
    return bind_settle(b, place, root);
}

static enum status explicit_values(struct binder *b, struct error *error)
{
    for (uint32_t i = 0; i < b->probe->value_count; i++) {
        const struct plan_path *path = &b->probe->values[i];
        struct bind_root root;
        enum status status = bind_root_find(b, path, &root, error);
        if (status != STATUS_OK)
            return status;
        if (root.kind == BIND_ELAPSED) {
            put_value(b, WIRE_METHOD_VALUE, path->text, NULL, true);
            continue;
        }
        struct capture_value value;
        struct declared_view leaf;
        status = bind_path(b, path, &root, &value, &leaf, error);
        if (status != STATUS_OK)
            return status;
        if (!add_capture(b, &root, &value, (uint16_t)i))
            return out_of_memory(error);
        put_value(b, WIRE_METHOD_VALUE, path->text, &leaf.plain, root.at_exit);
    }
    return STATUS_OK;
}

static bool whole_value(struct binder *b, const struct bind_root *root, const char *label,
                        uint16_t *slot)
{
    struct capture_value value;
    struct declared_view leaf;
    if (!bind_whole(b, root, &value, &leaf))
        return true; /* of a type that cannot be handed out: left out */
    if (!add_capture(b, root, &value, *slot))
        return false;
    put_value(b, WIRE_METHOD_VALUE, label, &leaf.plain, root->at_exit);
    (*slot)++;
    return true;
}

/* A byref parameter's value at the end; out parameters have one only then. */
static bool parameter_values(struct binder *b, uint32_t number, uint16_t *slot)
{
    char room[16], label[256];
    struct bind_root root;
    const char *name = bind_parameter_name(b, number, room, sizeof room);
    if (!bind_parameter(b, number, &root))
        return true; /* an iterator does not keep it */
    const struct meta_type *type = metadata_type_plain(b->signature.parameters[number - 1]);
    bool byref = type->element == ELEMENT_TYPE_BYREF && root.value.source == WEAVE_ARGUMENT;
    mdToken row = metadata_method_param(b->image, b->method->token, number);
    uint32_t flags = row == mdTokenNil ? 0
                                       : metadata_cell(b->image, CLR_TABLE_Param, token_rid(row),
                                                       METADATA_PARAM_FLAGS);
    bool out = byref && (flags & pdOut) && !(flags & pdIn);
    bool in = byref && (flags & pdIn) && !(flags & pdOut);
    bool later = byref && !in && b->exits && !root.at_exit &&
                 (b->kind == WIRE_METHOD_PLAIN || b->kind == WIRE_METHOD_ASYNC_FIRST);
    if (!(out && later) && !(out && !b->exits) && !whole_value(b, &root, name, slot))
        return false;
    if (!later)
        return true;
    root.at_exit = true;
    snprintf(label, sizeof label, out ? "%s" : "%s at exit", name);
    return whole_value(b, &root, label, slot);
}

static enum status all_values(struct binder *b, struct error *error)
{
    uint16_t slot = 0;
    for (uint32_t i = 1; i <= b->signature.parameter_count; i++) {
        if (b->enter.value_count + 2 >= RECORDER_MAX_VALUES ||
            b->exit.value_count + 2 >= RECORDER_MAX_VALUES) {
            tlv_put_text(b->message, WIRE_METHOD_NOTE, "it has more parameters than are shown");
            break;
        }
        if (!parameter_values(b, i, &slot))
            return out_of_memory(error);
    }
    if (!b->has_result)
        return STATUS_OK;
    struct bind_root root;
    static const struct plan_path path = {.text = "ret", .root = PLAN_ROOT_RET};
    struct capture_value value;
    struct declared_view leaf;
    if (bind_root_find(b, &path, &root, NULL) != STATUS_OK || !bind_whole(b, &root, &value, &leaf))
        return STATUS_OK;
    return add_capture(b, &root, &value, WIRE_SLOT_RESULT) ? STATUS_OK : out_of_memory(error);
}

/* ---- the end: from the binder to the session's arena ---- */

static const struct weave_value *finish_values(struct binder *b, struct bind_moment *moment,
                                               uint32_t *count)
{
    *count = moment->value_count + (moment->result ? 1 : 0);
    struct weave_value *values = arena_new_array(b->keep, *count + 1, struct weave_value);
    if (values == NULL)
        return NULL;
    memcpy(values, moment->values, moment->value_count * sizeof *values);
    if (moment->result) {
        values[moment->value_count] =
            (struct weave_value){WEAVE_RESULT, 0, 0, bind_pass(b->result.type)};
    }
    return values;
}

static void place_result(struct capture_value *value, uint32_t index)
{
    if (value->result && value->value == BIND_RESULT)
        value->value = (uint16_t)index;
}

static bool finish_program(struct binder *b, struct bind_moment *moment,
                           const struct capture_program **program)
{
    *program = NULL;
    if (moment->capture_count == 0)
        return true;
    struct capture_program *made = arena_new(b->keep, struct capture_program);
    struct capture_value *values =
        arena_new_array(b->keep, moment->capture_count, struct capture_value);
    if (made == NULL || values == NULL)
        return false;
    for (uint32_t i = 0; i < moment->capture_count; i++) {
        values[i] = moment->captures[i];
        place_result(&values[i], moment->value_count);
        for (uint32_t j = 0; j < b->pending_count; j++)
            if (b->pending[j].value == &moment->captures[i])
                b->pending[j].value = &values[i];
    }
    *made = (struct capture_program){moment->capture_count, values};
    *program = made;
    return true;
}

static enum status finish(struct binder *b, struct session_site *site,
                          struct capture_condition *condition, struct error *error)
{
    site->enter_values = finish_values(b, &b->enter, &site->enter_count);
    site->exit_values = finish_values(b, &b->exit, &site->exit_count);
    if (site->enter_values == NULL || site->exit_values == NULL ||
        !finish_program(b, &b->enter, &site->enter) || !finish_program(b, &b->exit, &site->exit))
        return out_of_memory(error);
    if (condition != NULL)
        for (uint32_t i = 0; i < condition->count; i++)
            place_result((struct capture_value *)&condition->nodes[i].value, b->exit.value_count);
    site->condition = condition;
    site->pending_count = b->pending_count;
    site->pending = arena_new_array(b->keep, b->pending_count + 1u, struct session_pending);
    if (site->pending == NULL)
        return out_of_memory(error);
    memcpy(site->pending, b->pending, b->pending_count * sizeof *b->pending);
    site->expected = arena_new_array(b->keep, b->expected_count + 1u, struct declared);
    if (site->expected == NULL)
        return out_of_memory(error);
    memcpy(site->expected, b->expected, b->expected_count * sizeof *b->expected);
    site->expected_count = b->expected_count;
    site->expected_depth = b->expected_depth;
    return STATUS_OK;
}

/* ---- the message ---- */

static void put_names(struct binder *b, struct session_site *site)
{
    struct buffer text;
    buffer_init(&text, 0);
    metadata_method_print(b->image, b->method->token, METADATA_NAME_PLAIN, &text);
    const size_t length = text.length;
    if (b->probe->place == PLAN_AT_OFFSET)
        buffer_append_format(&text, "@0x%x", b->probe->offset);
    else if (b->probe->place == PLAN_AT_PERCENT)
        buffer_append_format(&text, "@%u%%", b->probe->offset);
    site->name = arena_copy_text(b->keep, buffer_text(&text), text.length);
    tlv_put_text(b->message, WIRE_METHOD_NAME, buffer_text(&text));
    buffer_clear(&text);
    metadata_method_print(b->image, b->method->token, METADATA_NAME_TYPES, &text);
    const char *whole = buffer_text(&text);
    tlv_put_text(b->message, WIRE_METHOD_SIGNATURE, text.length > length ? whole + length : "()");
    buffer_release(&text);
    tlv_put_text(b->message, WIRE_METHOD_MODULE, b->module->name);
    tlv_put_u32(b->message, WIRE_METHOD_TOKEN, b->method->token);
}

static enum status bind_all(struct binder *b, struct session_site *site, struct error *error)
{
    struct metadata_rows rows = metadata_generic_params(b->image, b->method->type);
    while (metadata_rows_next(b->image, &rows) != mdTokenNil)
        b->type_parameters++;
    put_names(b, site);
    see_kind(b, site);
    b->exits = b->probe->action == PLAN_WATCH && b->probe->moment != PLAN_ON_ENTER;
    b->all_at_exit = b->exits && b->probe->moment != PLAN_ON_CALL &&
                     (b->kind == WIRE_METHOD_PLAIN || b->kind == WIRE_METHOD_ASYNC_FIRST);
    see_result(b);
    site->kind = b->kind;
    tlv_put_u32(b->message, WIRE_METHOD_KIND, told_kind(b));
    choose_weaves(b, site);
    struct capture_condition *condition = NULL;
    enum status status = STATUS_OK;
    if (b->probe->action == PLAN_WATCH) {
        if (b->probe->value_count > 0)
            status = explicit_values(b, error);
        else if (b->probe->show_all)
            status = all_values(b, error);
    } else if (b->probe->action == PLAN_PATCH) {
        status = bind_patch(b, site, error);
    }
    if (status == STATUS_OK)
        status = bind_condition(b, &condition, error);
    if (status == STATUS_OK && b->has_result)
        put_value(b, WIRE_METHOD_RESULT, NULL, &b->result, true);
    return status == STATUS_OK ? finish(b, site, condition, error) : status;
}

static void clear_moment(struct bind_moment *moment)
{
    memset(moment->values, 0, moment->value_count * sizeof *moment->values);
    memset(moment->types, 0, moment->value_count * sizeof *moment->types);
    memset(moment->captures, 0, moment->capture_count * sizeof *moment->captures);
    moment->value_count = moment->capture_count = 0;
    moment->result = false;
}

/* The session's binder, all zero: 70 KB of tables of which a binding uses a few entries, so only
 * those are cleared (ten thousand methods are bound in a plan). NULL: out of memory. */
static struct binder *take_binder(struct session *session)
{
    if (session->binder == NULL)
        return session->binder = calloc(1, sizeof(struct binder));
    struct binder *b = session->binder;
    clear_moment(&b->enter);
    clear_moment(&b->exit);
    memset(b->pending, 0, b->pending_count * sizeof *b->pending);
    memset(b->expected, 0, b->expected_count * sizeof *b->expected);
    b->pending_count = b->expected_count = b->expected_depth = 0;
    b->signature = (struct meta_signature){0};
    b->result = (struct declared){0};
    b->kind = WIRE_METHOD_PLAIN;
    b->all_at_exit = b->exits = b->has_result = false;
    b->type_parameters = 0;
    return b;
}

enum status session_bind(struct session *session, uint32_t probe, const struct module *module,
                         const struct metadata_method *method, struct session_site **out,
                         struct buffer *message, struct error *error)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_MAX);
    struct binder *b = take_binder(session);
    struct session_site *site = arena_new(&session->arena, struct session_site);
    enum status status;
    if (b == NULL || site == NULL) {
        arena_release(&scratch);
        return out_of_memory(error);
    }
    b->session = session;
    b->scope = session->engine->scope;
    b->plan = &session->plan;
    b->probe = &session->plan.probes[probe];
    b->module = module;
    b->image = module->image;
    b->method = method;
    b->keep = &session->arena;
    b->scratch = &scratch;
    b->message = message;
    site->session = session;
    site->probe = probe;
    if (b->probe->action != PLAN_WATCH && b->probe->node_count > 0)
        status = error_set(error, STATUS_USAGE, "a count or a patch takes no condition");
    else
        status = metadata_method_signature(b->image, method->token,
                                           b->probe->action == PLAN_COUNT ? &scratch : b->keep,
                                           &b->signature, error);
    if (status == STATUS_OK)
        status = bind_all(b, site, error);
    /* Rooms below know neither whose memory it was nor what can be done. */
    if (status == STATUS_MEMORY)
        status = out_of_memory(error);
    arena_release(&scratch);
    *out = status == STATUS_OK ? site : NULL;
    return status;
}
