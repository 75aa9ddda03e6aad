#include "metadata_names.h"

#include <string.h>

#include "clr_flags.h"
#include "metadata_internal.h"
#include "metadata_resolve.h"

/* A lambda in an async local function in an async lambda …: state machines within each other. */
#define MAX_KICKOFFS 8

static const char *method_name(const struct metadata_image *image, mdToken method)
{
    return metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(method),
                              METADATA_METHOD_DEF_NAME);
}

static const char *type_name(const struct metadata_image *image, mdToken type)
{
    return metadata_cell_text(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_NAME);
}

static const struct {
    enum metadata_method_kind kind;
    const char *attribute;
} state_machines[] = {
    {METADATA_METHOD_ASYNC, "System.Runtime.CompilerServices.AsyncStateMachineAttribute"},
    {METADATA_METHOD_ITERATOR, "System.Runtime.CompilerServices.IteratorStateMachineAttribute"},
    {METADATA_METHOD_ASYNC_ITERATOR,
     "System.Runtime.CompilerServices.AsyncIteratorStateMachineAttribute"},
};

/* The type that a state machine attribute names: as a rule nested in the method's own. */
static mdToken named_type(const struct metadata_image *image, mdToken owner, mdToken attribute)
{
    struct reader value = metadata_attribute_value(image, attribute);
    const char *text;
    size_t length;
    if (!metadata_attribute_text(&value, &text, &length))
        return mdTokenNil;
    size_t start = length;
    while (start > 0 && text[start - 1] != '+')
        start--;
    mdToken type = metadata_find_nested(image, owner, text + start, length - start);
    char name[1024];
    if (type != mdTokenNil || length >= sizeof(name))
        return type;
    memcpy(name, text, length);
    name[length] = 0;
    name[strcspn(name, ",")] = 0;
    return metadata_find_type_text(image, name);
}

/* Kind, state machine type and MoveNext of a kickoff. */
static void find_state_machine(const struct metadata_image *image, struct metadata_method *method)
{
    struct metadata_rows rows = metadata_attributes(image, method->token);
    if (metadata_rows_next(image, &rows) == mdTokenNil)
        return;
    for (size_t i = 0; i < sizeof(state_machines) / sizeof(state_machines[0]); i++) {
        mdToken attribute =
            metadata_attribute_find(image, method->token, state_machines[i].attribute);
        if (attribute == mdTokenNil)
            continue;
        method->state_machine = named_type(image, method->type, attribute);
        method->move_next = metadata_find_method(image, method->state_machine, "MoveNext");
        if (method->move_next != mdTokenNil)
            method->kind = state_machines[i].kind;
        return;
    }
}

/* Every .NET compiler marks accessors as special names and begins them so. */
static enum metadata_accessor accessor_kind(const char *name, uint32_t flags)
{
    static const struct {
        const char *prefix;
        enum metadata_accessor accessor;
    } prefixes[] = {
        {"get_", METADATA_ACCESSOR_GET},     {"set_", METADATA_ACCESSOR_SET},
        {"add_", METADATA_ACCESSOR_ADD},     {"remove_", METADATA_ACCESSOR_REMOVE},
        {"raise_", METADATA_ACCESSOR_OTHER},
    };
    if (!(flags & mdSpecialName))
        return METADATA_ACCESSOR_NONE;
    name = metadata_last_part(name);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
            return prefixes[i].accessor;
    return METADATA_ACCESSOR_NONE;
}

static bool is_generic(const struct metadata_image *image, mdToken owner)
{
    struct metadata_rows rows = metadata_generic_params(image, owner);
    return metadata_rows_next(image, &rows) != mdTokenNil;
}

static void read_flags(const struct metadata_image *image, struct metadata_method *method)
{
    uint32_t row = token_rid(method->token);
    method->rva = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA);
    method->flags =
        (uint16_t)metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS);
    method->impl_flags =
        (uint16_t)metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
    method->has_il = method->rva != 0 && clr_method_has_il(method->flags, method->impl_flags);
    method->is_static = method->flags & mdStatic;
    method->is_abstract = method->flags & mdAbstract;
    method->is_pinvoke = method->flags & mdPinvokeImpl;
    method->is_runtime =
        (method->impl_flags & miInternalCall) || (method->impl_flags & miCodeTypeMask) == miRuntime;
    method->runtime_async = method->impl_flags & miAsync;
}

enum status metadata_method_describe(const struct metadata_image *image, mdToken token,
                                     struct metadata_method *method, struct error *error)
{
    memset(method, 0, sizeof(*method));
    method->token = token;
    method->name = "";
    if (token_table(token) != CLR_TABLE_MethodDef || !metadata_token_exists(image, token))
        return error_set(error, STATUS_NOT_FOUND, "method 0x%08x does not exist in '%s'", token,
                         metadata_image_module(image));
    method->type = metadata_owner(image, token);
    method->name = method_name(image, token);
    read_flags(image, method);
    method->is_constructor = strcmp(method->name, ".ctor") == 0;
    method->is_static_constructor = strcmp(method->name, ".cctor") == 0;
    method->generic_method = is_generic(image, token);
    method->generic_type = is_generic(image, method->type);
    method->value_type = metadata_type_is_value_type(image, method->type);
    method->accessor = accessor_kind(method->name, method->flags);
    find_state_machine(image, method);
    return STATUS_OK;
}

enum status metadata_method_signature(const struct metadata_image *image, mdToken method,
                                      struct arena *arena, struct meta_signature *signature,
                                      struct error *error)
{
    if (token_table(method) != CLR_TABLE_MethodDef || !metadata_token_exists(image, method))
        return error_set(error, STATUS_NOT_FOUND, "method 0x%08x does not exist in '%s'", method,
                         metadata_image_module(image));
    return metadata_signature_method(metadata_cell_blob(image, CLR_TABLE_MethodDef,
                                                        token_rid(method),
                                                        METADATA_METHOD_DEF_SIGNATURE),
                                     arena, signature, error);
}

static mdToken state_machine_of(const struct metadata_image *image, mdToken owner, mdToken method)
{
    struct metadata_method described = {.token = method, .type = owner};
    find_state_machine(image, &described);
    return described.state_machine;
}

/* Type names cannot hold dots: those of an explicit implementation became dashes. */
static bool same_source(const char *name, const struct metadata_generated_name *source)
{
    size_t i = 0;
    for (; i < source->source_length && name[i]; i++)
        if (name[i] != source->source[i] && (name[i] != '.' || source->source[i] != '-'))
            return false;
    return i == source->source_length && !name[i];
}

mdToken metadata_kickoff(const struct metadata_image *image, mdToken move_next_or_type)
{
    mdToken type = move_next_or_type;
    if (token_table(type) == CLR_TABLE_MethodDef) {
        if (strcmp(method_name(image, type), "MoveNext") != 0)
            return mdTokenNil;
        type = metadata_owner(image, type);
    }
    struct metadata_generated_name source = metadata_generated_parse(type_name(image, type));
    mdToken owner = metadata_enclosing(image, type);
    if (source.kind != METADATA_GENERATED_STATE_MACHINE || owner == mdTokenNil)
        return mdTokenNil;
    struct metadata_rows rows = metadata_type_methods(image, owner);
    for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (same_source(method_name(image, method), &source) &&
            state_machine_of(image, owner, method) == type)
            return method;
    return mdTokenNil;
}

bool metadata_builder(const struct metadata_image *image, mdToken state_machine,
                      struct buffer *name, mdToken *field)
{
    struct arena arena;
    struct meta_type *type = NULL;
    struct metadata_identity identity;
    *field = metadata_find_field(image, state_machine, "<>t__builder");
    if (*field == mdTokenNil)
        *field = metadata_find_field(image, state_machine, "$Builder");
    if (*field == mdTokenNil)
        return false;
    arena_init(&arena, METADATA_SIGNATURE_ARENA);
    struct reader blob =
        metadata_cell_blob(image, CLR_TABLE_Field, token_rid(*field), METADATA_FIELD_SIGNATURE);
    bool found = metadata_signature_field(blob, &arena, &type, NULL) == STATUS_OK;
    const struct meta_type *plain = found ? metadata_type_plain(type) : NULL;
    if (plain && plain->element == ELEMENT_TYPE_GENERICINST)
        plain = plain->inner;
    found = plain && metadata_identify(image, plain->token, &identity, NULL) == STATUS_OK;
    if (found && name)
        metadata_identity_print(&identity, name);
    arena_release(&arena);
    return found;
}

static bool is_compiler_type(const struct metadata_image *image, mdToken type)
{
    enum metadata_generated kind = metadata_generated_parse(type_name(image, type)).kind;
    return kind == METADATA_GENERATED_CLOSURE || kind == METADATA_GENERATED_STATE_MACHINE;
}

mdToken metadata_source_type(const struct metadata_image *image, mdToken type)
{
    for (int depth = 0; depth < METADATA_MAX_NESTING && is_compiler_type(image, type); depth++) {
        mdToken enclosing = metadata_enclosing(image, type);
        if (enclosing == mdTokenNil)
            break;
        type = enclosing;
    }
    return type;
}

/* Place, or the Main of <Main>$. */
static void append_source(struct buffer *text, const char *source, size_t length)
{
    if (metadata_text_is(source, length, "<Main>$"))
        buffer_append_text(text, "Main");
    else
        metadata_append(text, source, length);
}

static void print_generics(const struct metadata_image *image, mdToken method, struct buffer *text)
{
    struct metadata_rows rows = metadata_generic_params(image, method);
    const char *separator = "<";
    for (mdToken row; (row = metadata_rows_next(image, &rows)) != mdTokenNil; separator = ", ") {
        buffer_append_text(text, separator);
        metadata_generic_name(image, method,
                              metadata_cell(image, CLR_TABLE_GenericParam, token_rid(row),
                                            METADATA_GENERIC_PARAM_NUMBER),
                              text);
    }
    if (separator[0] == ',')
        buffer_append_text(text, ">");
}

/* Type and method, in the words of the source. */
static void print_name(const struct metadata_image *image, mdToken method, struct buffer *text)
{
    const char *name = method_name(image, method);
    struct metadata_generated_name parsed = metadata_generated_parse(name);
    mdToken type = metadata_owner(image, method);
    bool nested_code =
        parsed.kind == METADATA_GENERATED_LAMBDA || parsed.kind == METADATA_GENERATED_LOCAL;
    if (nested_code)
        type = metadata_source_type(image, type);
    if (type != token_make(CLR_TABLE_TypeDef, 1)) { /* <Module> holds global functions */
        metadata_type_print_name(image, type, text);
        buffer_append_text(text, ".");
    }
    if (nested_code || parsed.kind == METADATA_GENERATED_TOP_LEVEL)
        append_source(text, parsed.source, parsed.source_length);
    else
        buffer_append_text(text, name);
    if (parsed.kind == METADATA_GENERATED_LAMBDA)
        buffer_append_text(text, "+lambda");
    if (parsed.kind == METADATA_GENERATED_LOCAL) {
        buffer_append_text(text, "+");
        metadata_append(text, parsed.local, parsed.local_length);
    }
    print_generics(image, method, text);
}

/* "out ", "in ", "ref readonly " or "ref ": the parameter's own words for a reference. */
static const char *reference_word(const struct metadata_image *image, mdToken method,
                                  const struct meta_type *type, uint32_t sequence)
{
    mdToken param = metadata_method_param(image, method, sequence);
    uint32_t flags = metadata_cell(image, CLR_TABLE_Param, token_rid(param), METADATA_PARAM_FLAGS);
    bool in = metadata_type_has_modifier(image, type, "System.Runtime.InteropServices.InAttribute");
    if (sequence == 0)
        return in ? "ref readonly " : "ref ";
    if ((flags & (pdIn | pdOut)) == pdOut)
        return "out ";
    if (!in && (flags & (pdIn | pdOut)) != pdIn)
        return "ref ";
    bool located = metadata_attribute_find(
        image, param, "System.Runtime.CompilerServices.RequiresLocationAttribute");
    return located ? "ref readonly " : "in ";
}

static void print_parameter(const struct metadata_image *image, mdToken method,
                            const struct meta_type *type, uint32_t sequence, struct buffer *text)
{
    struct metadata_scope scope = {metadata_owner(image, method), method};
    const struct meta_type *plain = metadata_type_plain(type);
    if (plain && plain->element == ELEMENT_TYPE_BYREF) {
        buffer_append_text(text, reference_word(image, method, type, sequence));
        plain = plain->inner;
    }
    metadata_type_print(image, plain, scope, METADATA_PRINT_SHORT, text);
}

static void print_parameters(const struct metadata_image *image, mdToken method,
                             enum metadata_name_style style, struct buffer *text)
{
    struct arena arena;
    struct meta_signature signature;
    arena_init(&arena, METADATA_SIGNATURE_ARENA);
    buffer_append_text(text, "(");
    if (metadata_method_signature(image, method, &arena, &signature, NULL) != STATUS_OK) {
        buffer_append_text(text, "?");
        signature.parameter_count = 0;
    }
    for (uint32_t i = 0; i < signature.parameter_count && !buffer_failed(text); i++) {
        if (i > 0)
            buffer_append_text(text, ", ");
        print_parameter(image, method, signature.parameters[i], i + 1, text);
        const char *name = metadata_param_name(image, method, i + 1);
        if (style == METADATA_NAME_PARAMS && name[0]) {
            buffer_append_text(text, " ");
            buffer_append_text(text, name);
        }
    }
    buffer_append_text(text, ")");
    arena_release(&arena);
}

mdToken metadata_source_method(const struct metadata_image *image, mdToken method)
{
    for (int depth = 0; depth < MAX_KICKOFFS; depth++) {
        mdToken kickoff = metadata_kickoff(image, method);
        if (kickoff == mdTokenNil)
            break;
        method = kickoff;
    }
    return method;
}

void metadata_method_print(const struct metadata_image *image, mdToken method,
                           enum metadata_name_style style, struct buffer *text)
{
    if (token_table(method) != CLR_TABLE_MethodDef || !metadata_token_exists(image, method)) {
        buffer_append_format(text, "method 0x%08x", method);
        return;
    }
    method = metadata_source_method(image, method);
    print_name(image, method, text);
    if (style != METADATA_NAME_PLAIN)
        print_parameters(image, method, style, text);
}

void metadata_method_print_result(const struct metadata_image *image, mdToken method,
                                  struct buffer *text)
{
    struct arena arena;
    struct meta_signature signature;
    arena_init(&arena, METADATA_SIGNATURE_ARENA);
    if (metadata_method_signature(image, method, &arena, &signature, NULL) == STATUS_OK)
        print_parameter(image, method, signature.result, 0, text);
    else
        buffer_append_text(text, "?");
    arena_release(&arena);
}
