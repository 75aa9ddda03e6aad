/* Types as C# text. */
#include <string.h>

#include "metadata_internal.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_signature.h"

/* Deep instances print in full; what a hostile blob could blow up is cut here. */
#define MAX_PRINTED (64 * 1024)

struct printer {
    const struct metadata_image *image;
    struct metadata_scope scope;
    enum metadata_print style;
    struct buffer *text;
    size_t end; /* of text: nothing is printed behind it */
};

static void print_type(struct printer *printer, const struct meta_type *type);

/* Types of namespace System that C# has a word for. */
static const struct {
    const char *name;
    const char *keyword;
} keywords[] = {
    {"Boolean", "bool"},  {"Char", "char"},     {"SByte", "sbyte"},     {"Byte", "byte"},
    {"Int16", "short"},   {"UInt16", "ushort"}, {"Int32", "int"},       {"UInt32", "uint"},
    {"Int64", "long"},    {"UInt64", "ulong"},  {"Single", "float"},    {"Double", "double"},
    {"String", "string"}, {"Object", "object"}, {"Decimal", "decimal"}, {"Void", "void"},
    {"IntPtr", "nint"},   {"UIntPtr", "nuint"},
};

const char *metadata_keyword(const char *system_name)
{
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strcmp(keywords[i].name, system_name) == 0)
            return keywords[i].keyword;
    return NULL;
}

static bool is_system(const struct metadata_identity *identity, const char *name)
{
    return identity->depth == 1 && strcmp(identity->name_space, "System") == 0 &&
           (!name || strcmp(identity->names[0], name) == 0);
}

static void print_list(struct printer *printer, struct meta_type *const *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_text(printer->text, ", ");
        print_type(printer, types[i]);
    }
}

void metadata_generic_name(const struct metadata_image *image, mdToken owner, uint32_t number,
                           struct buffer *text)
{
    struct metadata_rows rows = metadata_generic_params(image, owner);
    for (mdToken row; (row = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        uint32_t rid = token_rid(row);
        if (metadata_cell(image, CLR_TABLE_GenericParam, rid, METADATA_GENERIC_PARAM_NUMBER) !=
            number)
            continue;
        const char *name =
            metadata_cell_text(image, CLR_TABLE_GenericParam, rid, METADATA_GENERIC_PARAM_NAME);
        if (name[0]) {
            buffer_append_text(text, name);
            return;
        }
    }
    buffer_append_format(text, "%s%u", token_table(owner) == CLR_TABLE_MethodDef ? "!!" : "!",
                         number);
}

/* Where the arguments of a generic type come from as its names are printed. */
struct arguments {
    struct meta_type *const *types; /* an instance's arguments, or */
    mdToken names;                  /* the TypeDef whose parameters' names stand for them */
    uint32_t count;
    uint32_t next;
};

static void print_arguments(struct printer *printer, struct arguments *arguments, uint32_t count)
{
    if (count > arguments->count - arguments->next)
        count = arguments->count - arguments->next;
    if (count == 0)
        return;
    buffer_append_text(printer->text, "<");
    for (uint32_t i = 0; i < count; i++, arguments->next++) {
        if (i > 0)
            buffer_append_text(printer->text, ", ");
        if (arguments->types)
            print_type(printer, arguments->types[arguments->next]);
        else
            metadata_generic_name(printer->image, arguments->names, arguments->next, printer->text);
    }
    buffer_append_text(printer->text, ">");
}

static void print_names(struct printer *printer, const struct metadata_identity *identity,
                        struct arguments *arguments)
{
    if (printer->style == METADATA_PRINT_NAMESPACE && identity->name_space[0]) {
        buffer_append_text(printer->text, identity->name_space);
        buffer_append_text(printer->text, ".");
    }
    for (uint32_t i = 0; i < identity->depth; i++) {
        struct metadata_type_word word = metadata_type_word(identity->names[i]);
        if (i > 0)
            buffer_append_text(printer->text, "+");
        metadata_append(printer->text, word.text, word.length);
        print_arguments(printer, arguments, i + 1 < identity->depth ? word.arity : UINT32_MAX);
    }
}

static void print_token(struct printer *printer, mdToken token, struct arguments *arguments)
{
    struct metadata_identity identity;
    if (metadata_identify(printer->image, token, &identity, NULL)) {
        buffer_append_text(printer->text, "?");
        return;
    }
    const char *keyword = is_system(&identity, NULL) ? metadata_keyword(identity.names[0]) : NULL;
    if (keyword)
        buffer_append_text(printer->text, keyword);
    else
        print_names(printer, &identity, arguments);
}

static bool is_value_tuple(const struct metadata_image *image, const struct meta_type *type)
{
    struct metadata_identity identity;
    return type->element == ELEMENT_TYPE_GENERICINST && type->argument_count >= 2 &&
           metadata_identify(image, type->inner->token, &identity, NULL) == STATUS_OK &&
           is_system(&identity, NULL) && strncmp(identity.names[0], "ValueTuple`", 11) == 0;
}

/* The eighth argument of a long tuple is a tuple with the rest. */
static void print_tuple(struct printer *printer, const struct meta_type *type)
{
    buffer_append_text(printer->text, "(");
    while (type->argument_count == 8 && is_value_tuple(printer->image, type->arguments[7])) {
        print_list(printer, type->arguments, 7);
        buffer_append_text(printer->text, ", ");
        type = type->arguments[7];
    }
    /* The rest of one single item stands in a ValueTuple of one. */
    const struct meta_type *last =
        type->argument_count == 8 ? metadata_type_plain(type->arguments[7]) : NULL;
    if (last && last->element == ELEMENT_TYPE_GENERICINST && last->argument_count == 1) {
        print_list(printer, type->arguments, 7);
        buffer_append_text(printer->text, ", ");
        print_type(printer, last->arguments[0]);
    } else {
        print_list(printer, type->arguments, type->argument_count);
    }
    buffer_append_text(printer->text, ")");
}

static void print_instance(struct printer *printer, const struct meta_type *type)
{
    struct metadata_identity identity;
    if (is_value_tuple(printer->image, type)) {
        print_tuple(printer, type);
        return;
    }
    if (type->argument_count == 1 &&
        metadata_identify(printer->image, type->inner->token, &identity, NULL) == STATUS_OK &&
        is_system(&identity, "Nullable`1")) {
        print_type(printer, type->arguments[0]);
        buffer_append_text(printer->text, "?");
        return;
    }
    struct arguments arguments = {type->arguments, mdTokenNil, type->argument_count, 0};
    print_token(printer, type->inner->token, &arguments);
}

static bool is_array(const struct meta_type *type)
{
    return type->element == ELEMENT_TYPE_SZARRAY || type->element == ELEMENT_TYPE_ARRAY;
}

/* int[][,]: C# writes the outermost rank first. */
static void print_array(struct printer *printer, const struct meta_type *type)
{
    const struct meta_type *element = type;
    while (is_array(element))
        element = metadata_type_plain(element->inner);
    print_type(printer, element);
    for (; is_array(type); type = metadata_type_plain(type->inner)) {
        buffer_append_text(printer->text, "[");
        for (uint32_t i = 1; type->element == ELEMENT_TYPE_ARRAY && i < type->number; i++)
            buffer_append_text(printer->text, ",");
        buffer_append_text(printer->text, "]");
    }
}

static void print_function(struct printer *printer, const struct meta_signature *function)
{
    bool managed = (function->convention & IMAGE_CEE_CS_CALLCONV_MASK) == 0;
    buffer_append_text(printer->text, managed ? "delegate*<" : "delegate* unmanaged<");
    print_list(printer, function->parameters, function->parameter_count);
    if (function->parameter_count > 0)
        buffer_append_text(printer->text, ", ");
    print_type(printer, function->result);
    buffer_append_text(printer->text, ">");
}

static void print_type(struct printer *printer, const struct meta_type *type)
{
    struct arguments none = {0};
    type = metadata_type_plain(type);
    if (!type || printer->text->length >= printer->end)
        return;
    switch (type->element) {
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE:
        print_token(printer, type->token, &none);
        break;
    case ELEMENT_TYPE_GENERICINST:
        print_instance(printer, type);
        break;
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_ARRAY:
        print_array(printer, type);
        break;
    case ELEMENT_TYPE_BYREF:
        buffer_append_text(printer->text, "ref ");
        print_type(printer, type->inner);
        break;
    case ELEMENT_TYPE_PTR:
        print_type(printer, type->inner);
        buffer_append_text(printer->text, "*");
        break;
    case ELEMENT_TYPE_VAR:
        metadata_generic_name(printer->image, printer->scope.type, type->number, printer->text);
        break;
    case ELEMENT_TYPE_MVAR:
        metadata_generic_name(printer->image,
                              printer->scope.method ? printer->scope.method : mdtMethodDef,
                              type->number, printer->text);
        break;
    case ELEMENT_TYPE_FNPTR:
        print_function(printer, type->function);
        break;
    case ELEMENT_TYPE_TYPEDBYREF:
        buffer_append_text(printer->text, "TypedReference");
        break;
    default:
        buffer_append_text(printer->text, clr_element_keyword(type->element));
    }
}

void metadata_type_print(const struct metadata_image *image, const struct meta_type *type,
                         struct metadata_scope scope, enum metadata_print style,
                         struct buffer *text)
{
    struct printer printer = {image, scope, style, text, text->length + MAX_PRINTED};
    print_type(&printer, type);
}

static uint32_t generic_count(const struct metadata_image *image, mdToken owner)
{
    struct metadata_rows rows = metadata_generic_params(image, owner);
    uint32_t count = 0;
    while (metadata_rows_next(image, &rows) != mdTokenNil)
        count++;
    return count;
}

static void print_spec(struct printer *printer, mdToken token)
{
    struct arena arena;
    struct meta_type *type;
    struct reader blob = metadata_cell_blob(printer->image, CLR_TABLE_TypeSpec, token_rid(token),
                                            METADATA_TYPE_SPEC_SIGNATURE);
    arena_init(&arena, METADATA_SIGNATURE_ARENA);
    if (metadata_signature_type(blob, &arena, &type, NULL) == STATUS_OK)
        print_type(printer, type);
    else
        buffer_append_text(printer->text, "?");
    arena_release(&arena);
}

void metadata_token_print(const struct metadata_image *image, mdToken token,
                          struct metadata_scope scope, enum metadata_print style,
                          struct buffer *text)
{
    struct printer printer = {image, scope, style, text, text->length + MAX_PRINTED};
    struct arguments arguments = {0};
    if (token_table(token) == CLR_TABLE_TypeSpec) {
        print_spec(&printer, token);
        return;
    }
    if (token_table(token) == CLR_TABLE_TypeDef) {
        arguments.names = token;
        arguments.count = generic_count(image, token);
    }
    print_token(&printer, token, &arguments);
}

void metadata_type_print_name(const struct metadata_image *image, mdToken type, struct buffer *text)
{
    struct metadata_scope scope = {type, mdTokenNil};
    struct printer printer = {image, scope, METADATA_PRINT_NAMESPACE, text,
                              text->length + MAX_PRINTED};
    struct arguments arguments = {NULL, type, generic_count(image, type), 0};
    struct metadata_identity identity;
    if (metadata_identify(image, type, &identity, NULL) == STATUS_OK)
        print_names(&printer, &identity, &arguments);
    else
        buffer_append_text(text, "?");
}
