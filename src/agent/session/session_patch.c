#include "session_patch.h"

#include <float.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "session_weave.h"

#define MAX_MEMBERS 64

/* One literal on its way into one method. */
struct patch {
    struct binder *binder;
    const struct plan_literal *from;
    struct weave_literal *to;
    struct declared_view view; /* of what is returned; a Nullable's T */
    const char *type;          /* as users read it */
    const char *method;
};

/* ---- refusals ---- */

/* "'1.5' is no int, which Shop.Pricing.Count returns" */
static enum status mismatch(const struct patch *patch, struct error *error)
{
    const char *text = patch->from->text;
    if (text[0] == '\0')
        return error_set(error, STATUS_USAGE, "%s returns %s, and no value is given", patch->method,
                         patch->type);
    return error_set(error, STATUS_USAGE, "'%s' is no %s, which %s returns", text, patch->type,
                     patch->method);
}

static enum status only_default(const struct patch *patch, bool null, struct error *error)
{
    mismatch(patch, error);
    error_hint(error, null ? "it can be null" : "it can be default");
    return STATUS_USAGE;
}

static enum status out_of_range(const struct patch *patch, struct error *error)
{
    return error_set(error, STATUS_USAGE, "'%s' does not fit into %s, which %s returns",
                     patch->from->text, patch->type, patch->method);
}

/* ---- integers ---- */

struct integer_row {
    uint8_t element;
    uint8_t bits;
    bool is_signed;
    const char *range;
};

static const struct integer_row integer_rows[] = {
    {ELEMENT_TYPE_I1, 8, true, "-128 to 127"},
    {ELEMENT_TYPE_U1, 8, false, "0 to 255"},
    {ELEMENT_TYPE_I2, 16, true, "-32768 to 32767"},
    {ELEMENT_TYPE_U2, 16, false, "0 to 65535"},
    {ELEMENT_TYPE_I4, 32, true, "-2147483648 to 2147483647"},
    {ELEMENT_TYPE_U4, 32, false, "0 to 4294967295"},
    {ELEMENT_TYPE_I8, 64, true, "-9223372036854775808 to 9223372036854775807"},
    {ELEMENT_TYPE_U8, 64, false, "0 to 18446744073709551615"},
    {ELEMENT_TYPE_I, 8 * sizeof(void *), true, "the size of a pointer"},
    {ELEMENT_TYPE_U, 8 * sizeof(void *), false, "the size of a pointer, from 0"},
};

static const struct integer_row *integer_row(uint8_t element)
{
    for (size_t i = 0; i < sizeof integer_rows / sizeof *integer_rows; i++)
        if (integer_rows[i].element == element)
            return &integer_rows[i];
    return NULL;
}

static bool suffix_fits(uint32_t suffix, uint8_t element)
{
    switch (suffix) {
    case 0:
        return true;
    case PLAN_SUFFIX_U:
        return element == ELEMENT_TYPE_U4 || element == ELEMENT_TYPE_I8 ||
               element == ELEMENT_TYPE_U8 || element == ELEMENT_TYPE_U;
    case PLAN_SUFFIX_L:
        return element == ELEMENT_TYPE_I8 || element == ELEMENT_TYPE_U8;
    default:
        return element == ELEMENT_TYPE_U8;
    }
}

static enum status take_integer(struct patch *patch, const struct integer_row *row,
                                struct error *error)
{
    const struct plan_literal *from = patch->from;
    uint64_t top = row->is_signed ? UINT64_C(1) << (row->bits - 1) : UINT64_MAX >> (64 - row->bits);
    bool fits = row->is_signed ? from->low < top || (from->negative && from->low == top)
                               : from->low <= top && (!from->negative || from->low == 0);
    if (!fits) {
        out_of_range(patch, error);
        error_hint(error, "its range is %s", row->range);
        return STATUS_USAGE;
    }
    patch->to->bits = from->negative ? 0 - from->low : from->low;
    patch->to->kind = row->element == ELEMENT_TYPE_I || row->element == ELEMENT_TYPE_U
                          ? WEAVE_LITERAL_NATIVE
                      : row->bits == 64 ? WEAVE_LITERAL_INT64
                                        : WEAVE_LITERAL_INT32;
    return STATUS_OK;
}

static enum status integer_literal(struct patch *patch, const struct integer_row *row,
                                   struct error *error)
{
    const struct plan_literal *from = patch->from;
    bool wide_enough = row->bits > 16 || row->element == ELEMENT_TYPE_U2;
    if (from->kind == PLAN_LITERAL_INTEGER && suffix_fits(from->suffix, row->element))
        return take_integer(patch, row, error);
    if (from->kind == PLAN_LITERAL_CHAR && wide_enough)
        return take_integer(patch, row, error);
    mismatch(patch, error);
    if (from->kind == PLAN_LITERAL_INTEGER)
        error_hint(error, "leave out the suffix");
    else
        error_hint(error, "a whole number is expected: 42, 0x2A");
    return STATUS_USAGE;
}

/* ---- bool, char, floats ---- */

static enum status bool_literal(struct patch *patch, struct error *error)
{
    if (patch->from->kind != PLAN_LITERAL_BOOL) {
        mismatch(patch, error);
        error_hint(error, "true or false is expected");
        return STATUS_USAGE;
    }
    patch->to->kind = WEAVE_LITERAL_INT32;
    patch->to->bits = patch->from->low != 0;
    return STATUS_OK;
}

static enum status char_literal(struct patch *patch, struct error *error)
{
    if (patch->from->kind != PLAN_LITERAL_CHAR) {
        mismatch(patch, error);
        error_hint(error, "a char stands between single quotes: \"'x'\"");
        return STATUS_USAGE;
    }
    patch->to->kind = WEAVE_LITERAL_INT32;
    patch->to->bits = patch->from->low;
    return STATUS_OK;
}

static bool is_number(const struct plan_literal *from, uint32_t suffixes)
{
    return from->kind == PLAN_LITERAL_INTEGER || from->kind == PLAN_LITERAL_CHAR ||
           (from->kind == PLAN_LITERAL_REAL && (from->suffix & ~suffixes) == 0);
}

static enum status float_literal(struct patch *patch, struct error *error)
{
    const struct plan_literal *from = patch->from;
    if (!is_number(from, PLAN_SUFFIX_F)) {
        mismatch(patch, error);
        error_hint(error, "a number is expected: 1.5, 1.5f, 1e-3");
        return STATUS_USAGE;
    }
    float value = from->kind == PLAN_LITERAL_CHAR ? (float)from->low : from->single;
    uint32_t bits;
    if (value > FLT_MAX || value < -FLT_MAX)
        return out_of_range(patch, error);
    memcpy(&bits, &value, sizeof bits);
    patch->to->kind = WEAVE_LITERAL_FLOAT;
    patch->to->bits = bits;
    return STATUS_OK;
}

static enum status double_literal(struct patch *patch, struct error *error)
{
    const struct plan_literal *from = patch->from;
    if (!is_number(from, PLAN_SUFFIX_F | PLAN_SUFFIX_D)) {
        mismatch(patch, error);
        error_hint(error, "a number is expected: 1.5, 1e-3");
        return STATUS_USAGE;
    }
    double value = from->kind == PLAN_LITERAL_CHAR ? (double)from->low : from->real;
    if (from->suffix == PLAN_SUFFIX_F)
        value = (double)from->single;
    if (value > DBL_MAX || value < -DBL_MAX)
        return out_of_range(patch, error);
    patch->to->kind = WEAVE_LITERAL_DOUBLE;
    memcpy(&patch->to->bits, &value, sizeof value);
    return STATUS_OK;
}

static enum status primitive_literal(struct patch *patch, struct error *error)
{
    const struct integer_row *row = integer_row(patch->view.element);
    if (row != NULL)
        return integer_literal(patch, row, error);
    switch (patch->view.element) {
    case ELEMENT_TYPE_BOOLEAN:
        return bool_literal(patch, error);
    case ELEMENT_TYPE_CHAR:
        return char_literal(patch, error);
    case ELEMENT_TYPE_R4:
        return float_literal(patch, error);
    case ELEMENT_TYPE_R8:
        return double_literal(patch, error);
    default:
        return only_default(patch, false, error);
    }
}

/* ---- decimals, texts ---- */

static enum status decimal_literal(struct patch *patch, struct error *error)
{
    const struct plan_literal *from = patch->from;
    if (!is_number(from, PLAN_SUFFIX_M)) {
        mismatch(patch, error);
        error_hint(error, "a decimal is expected: 42.5m");
        return STATUS_USAGE;
    }
    if (from->kind == PLAN_LITERAL_REAL && !from->decimal) {
        out_of_range(patch, error);
        error_hint(error, "it holds 28 digits");
        return STATUS_USAGE;
    }
    patch->to->kind = WEAVE_LITERAL_DECIMAL;
    patch->to->bits = from->low;
    patch->to->high = (uint32_t)from->high;
    patch->to->scale = from->kind == PLAN_LITERAL_REAL ? (uint8_t)from->scale : 0;
    patch->to->negative = from->negative != 0;
    return STATUS_OK;
}

static enum status string_literal(struct patch *patch, struct error *error)
{
    const struct plan_literal *from = patch->from;
    if (from->kind != PLAN_LITERAL_STRING) {
        mismatch(patch, error);
        error_hint(error, "text stands between double quotes, and those between single ones for "
                          "the shell: '\"text\"'");
        return STATUS_USAGE;
    }
    patch->to->kind = WEAVE_LITERAL_STRING;
    patch->to->units = from->units;
    patch->to->unit_count = from->unit_count;
    return STATUS_OK;
}

/* ---- enums ---- */

/* Is `prefix` the type's name, or its end from a dot on? Outer.State for Shop.Outer+State. */
static bool names_type(const struct type_definition *definition, const char *prefix, size_t length)
{
    struct buffer text;
    buffer_init(&text, 4096);
    buffer_append_u8(&text, '.');
    type_definition_print(definition, &text);
    const char *whole = buffer_text(&text);
    bool same = text.length > length && whole[text.length - length - 1] != '\0';
    for (size_t i = 0; same && i <= length; i++) {
        char is = whole[text.length - i - 1];
        char wanted = i == length ? '.' : prefix[length - i - 1];
        same = (is == '+' ? '.' : is) == (wanted == '+' ? '.' : wanted);
    }
    buffer_release(&text);
    return same;
}

static enum status no_member(const struct patch *patch, const char *name, struct error *error)
{
    struct metadata_enum_cursor cursor = {.begun = false};
    struct metadata_enum_member member;
    struct buffer text;
    const struct metadata_image *image = patch->view.definition.module->image;
    buffer_init(&text, ERROR_HINT_BYTES * 2);
    while (text.length < ERROR_HINT_BYTES &&
           metadata_enum_next(image, patch->view.definition.type, &cursor, &member))
        buffer_append_format(&text, "%s%s", text.length > 0 ? ", " : "", member.name);
    error_set(error, STATUS_USAGE, "'%s' is no member of %s, which %s returns", name, patch->type,
              patch->method);
    error_hint(error, "%s has %s", patch->type, buffer_text(&text));
    buffer_release(&text);
    return STATUS_USAGE;
}

/* One of the names between the bars: Closed, OrderState.Closed, Shop.OrderState.Closed. */
static enum status enum_member(const struct patch *patch, const char *name, uint64_t *bits,
                               struct error *error)
{
    const struct type_definition *definition = &patch->view.definition;
    const char *dot = strrchr(name, '.');
    const char *member = dot == NULL ? name : dot + 1;
    uint64_t value;
    if ((dot != NULL && !names_type(definition, name, (size_t)(dot - name))) ||
        !metadata_enum_value(definition->module->image, definition->type, member, &value))
        return no_member(patch, name, error);
    *bits |= value;
    return STATUS_OK;
}

static enum status enum_names(struct patch *patch, struct error *error)
{
    const char *at = patch->from->text;
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && at != NULL; i++) {
        const char *bar = strchr(at, '|');
        size_t length = bar == NULL ? strlen(at) : (size_t)(bar - at);
        while (length > 0 && at[0] == ' ')
            at++, length--;
        while (length > 0 && at[length - 1] == ' ')
            length--;
        const char *name = arena_copy_text(patch->binder->scratch, at, length);
        if (name == NULL || i == MAX_MEMBERS)
            return error_set(error, STATUS_LIMIT, "'%s' is too long", patch->from->text);
        status = enum_member(patch, name, &patch->to->bits, error);
        at = bar == NULL ? NULL : bar + 1;
    }
    return status;
}

static enum status enum_literal(struct patch *patch, struct error *error)
{
    const struct plan_literal *from = patch->from;
    const struct metadata_image *image = patch->view.definition.module->image;
    const struct integer_row *row =
        integer_row(metadata_enum_element(image, patch->view.definition.type));
    if (row == NULL)
        return only_default(patch, false, error);
    if (from->kind == PLAN_LITERAL_INTEGER && suffix_fits(from->suffix, row->element))
        return take_integer(patch, row, error);
    if (from->kind != PLAN_LITERAL_NAME) {
        mismatch(patch, error);
        error_hint(error, "a member is expected, written %s.NAME", patch->type);
        return STATUS_USAGE;
    }
    patch->to->kind = row->bits == 64 ? WEAVE_LITERAL_INT64 : WEAVE_LITERAL_INT32;
    return enum_names(patch, error);
}

/* ---- by what is returned ---- */

/* Of a type whose module is not loaded the signature still tells a reference from a value. */
static bool is_reference(const struct patch *patch)
{
    const struct meta_type *type = patch->view.plain.type;
    if (type->element == ELEMENT_TYPE_GENERICINST)
        type = type->inner;
    return type->element == ELEMENT_TYPE_CLASS;
}

static enum status unknown_literal(struct patch *patch, struct error *error)
{
    bool reference = is_reference(patch);
    if (reference && patch->from->kind == PLAN_LITERAL_NULL) {
        patch->to->kind = WEAVE_LITERAL_DEFAULT;
        return STATUS_OK;
    }
    mismatch(patch, error);
    error_hint(error, "it can be %s; the module that defines it is not loaded",
               reference ? "null" : "default");
    return STATUS_USAGE;
}

static enum status typed_literal(struct patch *patch, struct error *error)
{
    bool null = patch->from->kind == PLAN_LITERAL_NULL;
    if (patch->from->kind == PLAN_LITERAL_DEFAULT) {
        patch->to->kind = WEAVE_LITERAL_DEFAULT;
        return STATUS_OK;
    }
    switch (patch->view.kind) {
    case DECLARED_PRIMITIVE:
        return primitive_literal(patch, error);
    case DECLARED_ENUM:
        return enum_literal(patch, error);
    case DECLARED_STRUCT:
        return patch->view.known != NULL && strcmp(patch->view.known, "System.Decimal") == 0
                   ? decimal_literal(patch, error)
                   : only_default(patch, false, error);
    case DECLARED_STRING:
        if (!null)
            return string_literal(patch, error);
        break;
    case DECLARED_CLASS:
    case DECLARED_INTERFACE:
    case DECLARED_ARRAY:
    case DECLARED_POINTER:
        if (!null)
            return only_default(patch, true, error);
        break;
    case DECLARED_PARAMETER:
        return only_default(patch, false, error);
    case DECLARED_UNKNOWN:
        return unknown_literal(patch, error);
    }
    patch->to->kind = WEAVE_LITERAL_DEFAULT;
    return STATUS_OK;
}

/* null is a Nullable's default, and anything else its T. */
static enum status nullable_literal(struct patch *patch, struct error *error)
{
    struct declared inner = patch->view.arguments[0];
    if (patch->from->kind == PLAN_LITERAL_NULL) {
        patch->to->kind = WEAVE_LITERAL_DEFAULT;
        return STATUS_OK;
    }
    if (!declared_see(patch->binder->scope, &inner, patch->binder->scratch, &patch->view))
        return error_set(error, STATUS_MEMORY, "out of memory");
    enum status status = typed_literal(patch, error);
    patch->to->nullable = patch->to->kind != WEAVE_LITERAL_DEFAULT;
    return status;
}

static bool is_task(const struct patch *patch)
{
    static const char *const names[] = {
        "System.Threading.Tasks.Task",
        "System.Threading.Tasks.Task`1",
        "System.Threading.Tasks.ValueTask",
        "System.Threading.Tasks.ValueTask`1",
    };
    const struct meta_type *type = patch->view.plain.type;
    mdToken token = type->element == ELEMENT_TYPE_GENERICINST ? type->inner->token : type->token;
    bool named = type->element == ELEMENT_TYPE_CLASS || type->element == ELEMENT_TYPE_VALUETYPE ||
                 type->element == ELEMENT_TYPE_GENERICINST;
    for (size_t i = 0; named && i < sizeof names / sizeof *names; i++)
        if (metadata_type_is(patch->view.plain.module->image, token, names[i]))
            return true;
    return false;
}

static enum status returned_literal(struct patch *patch, struct error *error)
{
    struct binder *b = patch->binder;
    struct declared result = {b->module, b->signature.result, NULL, 0};
    if (!declared_see(b->scope, &result, b->scratch, &patch->view))
        return error_set(error, STATUS_MEMORY, "out of memory");
    patch->type = bind_type_text(b, &patch->view.plain);
    if (patch->view.byref)
        return error_set(error, STATUS_UNSUPPORTED,
                         "it returns a reference to a variable, and a literal is none");
    if (patch->view.element == ELEMENT_TYPE_TYPEDBYREF)
        return error_set(error, STATUS_UNSUPPORTED, "it returns a typed reference");
    if (is_task(patch)) {
        error_set(error, STATUS_UNSUPPORTED,
                  "it returns a %s, and what a task gives cannot be replaced yet", patch->type);
        error_hint(error, "change a method without a task that it calls");
        return STATUS_UNSUPPORTED;
    }
    if (patch->view.nullable && patch->view.argument_count == 1)
        return nullable_literal(patch, error);
    return typed_literal(patch, error);
}

static enum status void_literal(struct patch *patch, struct error *error)
{
    if (patch->from->kind != PLAN_LITERAL_NOTHING && patch->from->kind != PLAN_LITERAL_DEFAULT) {
        error_set(error, STATUS_USAGE, "'%s' cannot be given: %s returns nothing",
                  patch->from->text, patch->method);
        error_hint(error, "--return void skips what it does");
        return STATUS_USAGE;
    }
    patch->to->kind = WEAVE_LITERAL_NOTHING;
    return STATUS_OK;
}

enum status bind_patch(struct binder *b, struct session_site *site, struct error *error)
{
    const struct meta_type *result = b->signature.result;
    struct weave_literal *literal = arena_new(b->keep, struct weave_literal);
    struct patch patch = {.binder = b,
                          .from = &b->probe->literal,
                          .to = literal,
                          .method = site->name == NULL ? "it" : site->name};
    uint64_t other = session_weave_replaced(b->session->engine, site->keys[0]);
    if (literal == NULL || result == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    if (other != 0) {
        error_set(error, STATUS_UNSUPPORTED, "session %llu changes it already",
                  (unsigned long long)other);
        error_hint(error, "rejig status tells whose it is, rejig reset ends it");
        return STATUS_UNSUPPORTED;
    }
    site->literal = literal;
    return metadata_type_plain(result)->element == ELEMENT_TYPE_VOID
               ? void_literal(&patch, error)
               : returned_literal(&patch, error);
}
