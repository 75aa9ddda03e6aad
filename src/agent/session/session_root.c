#include <stdio.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_binder.h"

#define LISTED_MEMBERS 24

/* ---- messages ---- */

/* Where the name of a step begins in the path's text: names are joined by '.' or '?.'; indices
 * and the like do not occur. */
static uint32_t step_column(const struct plan_path *path, uint32_t step)
{
    /* Roots but NAME stand in the text and not among the steps. */
    uint32_t skip = step + (path->root == PLAN_ROOT_NAME ? 0 : 1);
    const char *at = path->text;
    if (step >= path->step_count || at == NULL)
        return path->column;
    for (; skip > 0; skip--) {
        const char *dot = strchr(at, '.');
        if (dot == NULL)
            return path->column;
        at = dot + 1;
    }
    while (*at == ' ')
        at++;
    return path->column + (uint32_t)(at - path->text);
}

enum status bind_fail(const struct plan_path *path, uint32_t step, struct error *error,
                      const char *format, ...)
{
    char reason[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set_at(error, STATUS_USAGE, step_column(path, step), "'%s': %s", path->text,
                        reason);
}

const char *bind_type_text(struct binder *b, const struct declared *declared)
{
    struct buffer text;
    buffer_init(&text, 512);
    if (declared->type != NULL && declared->module != NULL && declared->module->image != NULL) {
        /* Names of type parameters are known for the method's own module only. */
        struct metadata_scope scope = {0};
        if (declared->module == b->module)
            scope = (struct metadata_scope){b->method->type, b->method->token};
        metadata_type_print(declared->module->image, declared->type, scope, METADATA_PRINT_SHORT,
                            &text);
    }
    const char *copy = arena_copy_text(b->scratch, buffer_text(&text), text.length);
    buffer_release(&text);
    return copy == NULL || copy[0] == '\0' ? "it" : copy;
}

static const char *method_name(struct binder *b)
{
    return b->method->name;
}

const char *bind_parameter_name(struct binder *b, uint32_t number, char *room, size_t size)
{
    const char *name = metadata_param_name(b->image, b->method->token, number);
    if (name[0] != '\0')
        return name;
    snprintf(room, size, "arg%u", number);
    return room;
}

static void hint_roots(struct binder *b, struct error *error)
{
    struct buffer text;
    char room[16];
    buffer_init(&text, ERROR_HINT_BYTES * 2);
    if (b->signature.parameter_count == 0) {
        buffer_append_format(&text, "%s has no parameters", method_name(b));
    } else {
        buffer_append_format(&text, "%s has the parameter%s ", method_name(b),
                             b->signature.parameter_count == 1 ? "" : "s");
        for (uint32_t i = 1; i <= b->signature.parameter_count; i++)
            buffer_append_format(&text, "%s%s", i > 1 ? ", " : "",
                                 bind_parameter_name(b, i, room, sizeof room));
    }
    struct bind_root self;
    struct declared_view view;
    if (!b->method->is_static && bind_this(b, &self) &&
        declared_see(b->scope, &self.type, b->scratch, &view)) {
        struct buffer members;
        buffer_init(&members, ERROR_HINT_BYTES);
        member_list(b->scope, &view, b->scratch, LISTED_MEMBERS, &members);
        if (members.length > 0)
            buffer_append_format(&text, "; this has %s", buffer_text(&members));
        buffer_release(&members);
    }
    error_hint(error, "%s", buffer_text(&text));
    buffer_release(&text);
}

/* ---- roots ---- */

uint8_t bind_element(const struct declared *declared)
{
    if (declared->type == NULL)
        return 0;
    const struct meta_type *type = metadata_type_plain(declared->type);
    if (type->element == ELEMENT_TYPE_GENERICINST && type->inner != NULL)
        return type->inner->element;
    return type->element;
}

enum weave_pass bind_pass(const struct meta_type *type)
{
    type = metadata_type_plain(type);
    bool value_instance = type->element == ELEMENT_TYPE_GENERICINST && type->inner != NULL &&
                          type->inner->element == ELEMENT_TYPE_VALUETYPE;
    return weave_pass_of(type->element, value_instance);
}

/* The field in which an iterator keeps a parameter or `this`. */
static bool hoisted_field(struct binder *b, const char *name, mdToken *token)
{
    char original[256];
    *token = metadata_find_field(b->image, b->method->state_machine, name);
    if (*token == mdTokenNil) {
        snprintf(original, sizeof original, "<>3__%s", name);
        *token = metadata_find_field(b->image, b->method->state_machine, original);
    }
    return *token != mdTokenNil;
}

static bool hoisted_root(struct binder *b, const char *name, struct bind_root *root)
{
    mdToken token;
    struct meta_type *type = NULL;
    if (!hoisted_field(b, name, &token) ||
        metadata_signature_field(metadata_cell_blob(b->image, CLR_TABLE_Field, token_rid(token),
                                                    METADATA_FIELD_SIGNATURE),
                                 b->keep, &type, NULL) != STATUS_OK)
        return false;
    root->value = (struct weave_value){WEAVE_FIELD, 0, token, bind_pass(type)};
    root->type = (struct declared){b->module, type, NULL, 0};
    return true;
}

bool bind_parameter(struct binder *b, uint32_t number, struct bind_root *root)
{
    memset(root, 0, sizeof *root);
    root->at_exit = b->all_at_exit;
    if (b->kind == WIRE_METHOD_ITERATOR)
        return hoisted_root(b, metadata_param_name(b->image, b->method->token, number), root);
    const struct meta_type *type = b->signature.parameters[number - 1];
    uint16_t index = (uint16_t)(number - 1 + (b->method->is_static ? 0 : 1));
    root->value = (struct weave_value){WEAVE_ARGUMENT, index, 0, bind_pass(type)};
    root->type = (struct declared){b->module, type, NULL, 0};
    return true;
}

bool bind_this(struct binder *b, struct bind_root *root)
{
    memset(root, 0, sizeof *root);
    /* Before its base has been constructed `this` may not be looked at. */
    root->at_exit = b->all_at_exit || b->method->is_constructor;
    if (b->method->is_static)
        return false;
    if (b->kind == WIRE_METHOD_ITERATOR)
        return hoisted_root(b, "<>4__this", root);
    struct type_definition owner = {b->module, b->method->type};
    root->value = (struct weave_value){
        WEAVE_ARGUMENT, 0, 0, b->method->value_type ? WEAVE_PASS_ADDRESS : WEAVE_PASS_REFERENCE};
    return declared_self(&owner, b->keep, &root->type);
}

static enum status name_root(struct binder *b, const struct plan_path *path, struct bind_root *root,
                             struct error *error)
{
    const char *name = path->step_count > 0 ? path->steps[0] : "";
    for (uint32_t i = 1; i <= b->signature.parameter_count; i++) {
        if (strcmp(metadata_param_name(b->image, b->method->token, i), name) != 0)
            continue;
        if (!bind_parameter(b, i, root))
            return bind_fail(path, 0, error, "the iterator %s does not keep '%s'", method_name(b),
                             name);
        root->first_step = 1;
        return STATUS_OK;
    }
    /* No parameter: a member of this. */
    struct declared_view view;
    struct member member;
    if (bind_this(b, root) && declared_see(b->scope, &root->type, b->scratch, &view)) {
        enum member_answer answer = member_find(b->scope, &view, name, b->scratch, &member);
        if (answer == MEMBER_FOUND)
            return STATUS_OK;
        if (answer == MEMBER_COMPUTED)
            return bind_fail(path, 0, error,
                             "the property '%s' runs code, which is not done to show a value",
                             name);
        if (answer == MEMBER_STATIC)
            return bind_fail(path, 0, error, "the field '%s' is static", name);
    }
    bind_fail(path, 0, error, "%s has no parameter '%s'", method_name(b), name);
    hint_roots(b, error);
    return STATUS_USAGE;
}

static enum status ret_root(struct binder *b, const struct plan_path *path, struct bind_root *root,
                            struct error *error)
{
    if (!b->exits)
        return bind_fail(path, path->step_count, error, "there is no result at entry");
    if (b->kind == WIRE_METHOD_ITERATOR)
        return bind_fail(path, path->step_count, error,
                         "%s is an iterator: its items are counted, not shown", method_name(b));
    if (b->kind == WIRE_METHOD_ASYNC_FIRST)
        return bind_fail(path, path->step_count, error,
                         "the result of %s is not known at its first await", method_name(b));
    if (!b->has_result)
        return bind_fail(path, path->step_count, error, "%s returns nothing", method_name(b));
    root->kind = BIND_RET;
    root->at_exit = true;
    root->type = b->result;
    root->value = (struct weave_value){WEAVE_RESULT, 0, 0, bind_pass(b->result.type)};
    return STATUS_OK;
}

static enum status exception_root(struct binder *b, const struct plan_path *path,
                                  struct bind_root *root, struct error *error)
{
    if (!b->exits)
        return bind_fail(path, path->step_count, error, "there is no exception at entry");
    root->kind = BIND_EXCEPTION;
    root->at_exit = true;
    root->value.pass = WEAVE_PASS_REFERENCE;
    struct type_definition definition;
    if (!type_definition_core(b->scope, "System.Exception", &definition))
        return STATUS_OK; /* its type stays open */
    return declared_self(&definition, b->keep, &root->type)
               ? STATUS_OK
               : error_set(error, STATUS_MEMORY, "out of memory");
}

enum status bind_root_find(struct binder *b, const struct plan_path *path, struct bind_root *root,
                           struct error *error)
{
    memset(root, 0, sizeof *root);
    switch (path->root) {
    case PLAN_ROOT_NAME:
        return name_root(b, path, root, error);
    case PLAN_ROOT_THIS:
        if (bind_this(b, root))
            return STATUS_OK;
        if (!b->method->is_static)
            return bind_fail(path, path->step_count, error, "the iterator %s does not keep 'this'",
                             method_name(b));
        return bind_fail(path, path->step_count, error, "%s is static: it has no 'this'",
                         method_name(b));
    case PLAN_ROOT_RET:
        return ret_root(b, path, root, error);
    case PLAN_ROOT_EX:
        return exception_root(b, path, root, error);
    case PLAN_ROOT_ELAPSED:
        if (!b->exits)
            return bind_fail(path, path->step_count, error, "no time has passed at entry");
        if (path->step_count > 0)
            return bind_fail(path, 0, error, "'elapsed' has no members");
        root->kind = BIND_ELAPSED;
        root->at_exit = true;
        return STATUS_OK;
    default:
        return error_set(error, STATUS_PEER, "the plan names a root %u", path->root);
    }
}

/* ---- paths ---- */

static enum status step_failure(struct binder *b, const struct plan_path *path, uint32_t step,
                                const struct declared_view *view, enum member_answer answer,
                                struct error *error)
{
    const char *type = bind_type_text(b, &view->plain);
    const char *name = path->steps[step];
    if (answer == MEMBER_COMPUTED) {
        bind_fail(path, step, error,
                  "the property '%s' of %s runs code, which is not done to show a value", name,
                  type);
    } else if (answer == MEMBER_STATIC) {
        bind_fail(path, step, error, "the field '%s' of %s is static", name, type);
    } else {
        bind_fail(path, step, error, "%s has no field or property '%s'", type, name);
    }
    struct buffer members;
    buffer_init(&members, ERROR_HINT_BYTES);
    member_list(b->scope, view, b->scratch, LISTED_MEMBERS, &members);
    if (members.length > 0)
        error_hint(error, "%s has %s", type, buffer_text(&members));
    buffer_release(&members);
    return STATUS_USAGE;
}

/* Which exceptions are thrown is known when they are: what all of them have not, one may have.
 * Those that have no such field say so then. */
static bool is_thrown(const struct bind_root *root, const struct declared_view *view)
{
    return root->kind == BIND_EXCEPTION && view->known != NULL &&
           strcmp(view->known, "System.Exception") == 0;
}

static enum status bind_steps(struct binder *b, const struct plan_path *path,
                              const struct bind_root *root, struct capture_value *value,
                              struct declared_view *leaf, struct error *error)
{
    struct declared at = root->type;
    bool open = at.type == NULL;
    if (path->step_count - root->first_step > CAPTURE_MAX_STEPS)
        return bind_fail(path, path->step_count, error, "more than %d steps", CAPTURE_MAX_STEPS);
    memset(leaf, 0, sizeof *leaf);
    if (!open && !declared_see(b->scope, &at, b->scratch, leaf))
        return error_set(error, STATUS_MEMORY, "out of memory");
    for (uint32_t i = root->first_step; i < path->step_count; i++) {
        const char *name = path->steps[i];
        struct member member = {.name = name};
        if (!open) {
            enum member_answer answer = member_find(b->scope, leaf, name, b->scratch, &member);
            if (answer == MEMBER_OPEN || (answer == MEMBER_NONE && is_thrown(root, leaf)))
                open = true;
            else if (answer != MEMBER_FOUND)
                return step_failure(b, path, i, leaf, answer, error);
        }
        if (open) {
            member.name = name;
            member.hidden = CAPTURE_NEAREST;
        }
        value->hidden[value->step_count] =
            (uint8_t)(member.hidden > CAPTURE_NEAREST ? CAPTURE_NEAREST : member.hidden);
        value->steps[value->step_count] = layout_name(member.name);
        if (value->steps[value->step_count++] == 0)
            return error_set(error, STATUS_LIMIT, "too many names of fields in the target");
        memset(leaf, 0, sizeof *leaf);
        if (!open && !declared_see(b->scope, &member.type, b->scratch, leaf))
            return error_set(error, STATUS_MEMORY, "out of memory");
    }
    return STATUS_OK;
}

/* The index of a woven value in its moment; it is added where it is not read yet. */
static int moment_index(struct bind_moment *moment, const struct bind_root *root)
{
    if (root->kind == BIND_RET) {
        moment->result = true;
        return (int)BIND_RESULT;
    }
    if (root->kind == BIND_EXCEPTION)
        return (int)CAPTURE_EXCEPTION;
    for (uint32_t i = 0; i < moment->value_count; i++) {
        const struct weave_value *known = &moment->values[i];
        if (known->source == root->value.source && known->index == root->value.index &&
            known->token == root->value.token)
            return (int)i;
    }
    /* One place stays free for the result. */
    if (moment->value_count + 1 >= RECORDER_MAX_VALUES)
        return -1;
    moment->values[moment->value_count] = root->value;
    moment->types[moment->value_count] = root->type;
    return (int)moment->value_count++;
}

bool bind_whole(struct binder *b, const struct bind_root *root, struct capture_value *value,
                struct declared_view *leaf)
{
    memset(value, 0, sizeof *value);
    memset(leaf, 0, sizeof *leaf);
    if (root->type.type != NULL && !declared_see(b->scope, &root->type, b->scratch, leaf))
        return false;
    if (root->value.pass == 0)
        return false;
    int index = moment_index(root->at_exit ? &b->exit : &b->enter, root);
    if (index < 0)
        return false;
    value->value = (uint16_t)index;
    value->pass = (uint8_t)root->value.pass;
    value->result = root->kind == BIND_RET;
    value->element = root->kind == BIND_EXCEPTION ? ELEMENT_TYPE_CLASS
                     : leaf->plain.type == NULL   ? bind_element(&root->type)
                                                  : bind_element(&leaf->plain);
    return true;
}

enum status bind_path(struct binder *b, const struct plan_path *path, const struct bind_root *root,
                      struct capture_value *value, struct declared_view *leaf, struct error *error)
{
    if (!bind_whole(b, root, value, leaf))
        return bind_fail(path, path->step_count, error,
                         root->value.pass == 0 ? "a value of this type cannot be handed out"
                                               : "more than %d values",
                         RECORDER_MAX_VALUES - 1);
    return bind_steps(b, path, root, value, leaf, error);
}

/* ---- types that wait for the rewrite ---- */

/* Is the type parameter said to be a class? */
static bool is_class_parameter(struct binder *b, mdToken owner, uint32_t number)
{
    struct metadata_rows rows = metadata_generic_params(b->image, owner);
    for (mdToken row; (row = metadata_rows_next(b->image, &rows)) != mdTokenNil;)
        if (metadata_cell(b->image, CLR_TABLE_GenericParam, token_rid(row),
                          METADATA_GENERIC_PARAM_NUMBER) == number)
            return metadata_cell(b->image, CLR_TABLE_GenericParam, token_rid(row),
                                 METADATA_GENERIC_PARAM_FLAGS) &
                   gpReferenceTypeConstraint;
    return false;
}

static void settle_parameter(struct binder *b, struct capture_value *value,
                             const struct meta_type *type, const struct bind_root *root)
{
    bool of_method = type->element == ELEMENT_TYPE_MVAR;
    /* A field of a state machine speaks of the machine's own type parameters. */
    mdToken owner = of_method ? b->method->token : b->method->type;
    if (root->value.source == WEAVE_FIELD)
        owner = b->method->state_machine;
    if (is_class_parameter(b, owner, type->number)) {
        value->element = ELEMENT_TYPE_CLASS;
        return;
    }
    value->by_instance = true;
    value->generic_kind = of_method ? 1 : 0;
    value->generic_index = (uint16_t)type->number;
    /* The result of an async method is read in its state machine's MoveNext, a method of a type
     * that has the kickoff's type parameters first and then those of its method. */
    if (of_method && root->kind == BIND_RET && b->kind == WIRE_METHOD_ASYNC) {
        value->generic_kind = 0;
        value->generic_index = (uint16_t)(type->number + b->type_parameters);
    }
}

/* A class whose layout is to be known before the first call. */
static void expect_class(struct binder *b, const struct capture_value *value,
                         const struct bind_root *root)
{
    struct declared_view view;
    uint32_t depth = value->step_count > b->plan->depth ? value->step_count : b->plan->depth;
    if (b->expected_count == BIND_MAX_EXPECTED || root->type.type == NULL ||
        !declared_see(b->scope, &root->type, b->scratch, &view) || view.plain.type == NULL ||
        (view.kind != DECLARED_CLASS && view.kind != DECLARED_STRUCT))
        return;
    b->expected[b->expected_count++] =
        (struct declared){view.plain.module, metadata_type_plain(view.plain.type), NULL, 0};
    if (depth > b->expected_depth)
        b->expected_depth = depth;
}

bool bind_settle(struct binder *b, struct capture_value *value, const struct bind_root *root)
{
    expect_class(b, value, root);
    if (value->pass != CAPTURE_ADDRESS || root->type.type == NULL)
        return true;
    struct declared_view view;
    if (!declared_see(b->scope, &root->type, b->scratch, &view) || view.plain.type == NULL)
        return false;
    const struct meta_type *type = metadata_type_plain(view.plain.type);
    uint8_t element = bind_element(&view.plain);
    value->element = element;
    if (element == ELEMENT_TYPE_VAR || element == ELEMENT_TYPE_MVAR) {
        settle_parameter(b, value, type, root);
        return true;
    }
    value->size = clr_element_size(element);
    if (element != ELEMENT_TYPE_VALUETYPE)
        return true;
    struct session_pending *pending = &b->pending[b->pending_count];
    if (b->pending_count == sizeof b->pending / sizeof *b->pending)
        return false;
    /* Views live on the scratch arena; the type itself on the session's. */
    pending->value = value;
    pending->type = (struct declared){view.plain.module, type, NULL, 0};
    b->pending_count++;
    return true;
}
