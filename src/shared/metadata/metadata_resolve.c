#include "metadata_resolve.h"

#include <string.h>

#include "clr_flags.h"
#include "metadata_internal.h"

/* The generic definition or element type that a TypeSpec stands for. */
static mdToken spec_token(const struct metadata_image *image, mdToken spec)
{
    struct reader blob = metadata_cell_blob(image, CLR_TABLE_TypeSpec, token_rid(spec),
                                            METADATA_TYPE_SPEC_SIGNATURE);
    for (int depth = 0; depth < METADATA_MAX_TYPE_DEPTH; depth++) {
        switch (reader_u8(&blob)) {
        case ELEMENT_TYPE_GENERICINST:
        case ELEMENT_TYPE_PTR:
        case ELEMENT_TYPE_BYREF:
        case ELEMENT_TYPE_SZARRAY:
        case ELEMENT_TYPE_ARRAY:
            continue;
        case ELEMENT_TYPE_CMOD_REQD:
        case ELEMENT_TYPE_CMOD_OPT:
            reader_compressed_u32(&blob);
            continue;
        case ELEMENT_TYPE_CLASS:
        case ELEMENT_TYPE_VALUETYPE:
            return token_from_type_def_or_ref(reader_compressed_u32(&blob));
        default:
            return mdTokenNil;
        }
    }
    return mdTokenNil;
}

struct type_row {
    const char *name;
    const char *name_space;
    mdToken around; /* the enclosing type, or where an outermost type comes from */
};

static bool read_type_row(const struct metadata_image *image, mdToken token, struct type_row *row)
{
    uint32_t rid = token_rid(token);
    if (!metadata_token_exists(image, token))
        return false;
    switch (token_table(token)) {
    case CLR_TABLE_TypeDef:
        row->name = metadata_cell_text(image, CLR_TABLE_TypeDef, rid, METADATA_TYPE_DEF_NAME);
        row->name_space =
            metadata_cell_text(image, CLR_TABLE_TypeDef, rid, METADATA_TYPE_DEF_NAMESPACE);
        row->around = metadata_enclosing(image, token);
        return true;
    case CLR_TABLE_TypeRef:
        row->name = metadata_cell_text(image, CLR_TABLE_TypeRef, rid, METADATA_TYPE_REF_NAME);
        row->name_space =
            metadata_cell_text(image, CLR_TABLE_TypeRef, rid, METADATA_TYPE_REF_NAMESPACE);
        row->around = metadata_cell_token(image, CLR_TABLE_TypeRef, rid, METADATA_TYPE_REF_SCOPE);
        return true;
    case CLR_TABLE_ExportedType:
        row->name =
            metadata_cell_text(image, CLR_TABLE_ExportedType, rid, METADATA_EXPORTED_TYPE_NAME);
        row->name_space = metadata_cell_text(image, CLR_TABLE_ExportedType, rid,
                                             METADATA_EXPORTED_TYPE_NAMESPACE);
        row->around = metadata_cell_token(image, CLR_TABLE_ExportedType, rid,
                                          METADATA_EXPORTED_TYPE_IMPLEMENTATION);
        return true;
    default:
        return false;
    }
}

static const char *scope_assembly(const struct metadata_image *image, mdToken scope)
{
    if (token_table(scope) == CLR_TABLE_AssemblyRef)
        return metadata_cell_text(image, CLR_TABLE_AssemblyRef, token_rid(scope),
                                  METADATA_ASSEMBLY_REF_NAME);
    return "";
}

enum status metadata_identify(const struct metadata_image *image, mdToken token,
                              struct metadata_identity *identity, struct error *error)
{
    struct type_row row;
    memset(identity, 0, sizeof(*identity));
    identity->assembly = identity->name_space = "";
    if (token_table(token) == CLR_TABLE_TypeSpec)
        token = spec_token(image, token);
    const char *inner_first[METADATA_MAX_NESTING] = {0};
    while (identity->depth < METADATA_MAX_NESTING && read_type_row(image, token, &row)) {
        inner_first[identity->depth++] = row.name;
        identity->name_space = row.name_space;
        token = row.around;
    }
    if (identity->depth == 0 || token_table(token) == CLR_TABLE_TypeRef ||
        token_table(token) == CLR_TABLE_TypeDef)
        return error_set(error, STATUS_MALFORMED, "type token 0x%08x leads nowhere", token);
    for (uint32_t i = 0; i < identity->depth; i++)
        identity->names[i] = inner_first[identity->depth - 1 - i];
    identity->assembly = scope_assembly(image, token);
    return STATUS_OK;
}

bool metadata_identity_equal(const struct metadata_identity *a, const struct metadata_identity *b,
                             bool with_assembly)
{
    if (a->depth != b->depth || strcmp(a->name_space, b->name_space) != 0)
        return false;
    for (uint32_t i = 0; i < a->depth; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return !with_assembly || strcmp(a->assembly, b->assembly) == 0;
}

void metadata_identity_print(const struct metadata_identity *identity, struct buffer *text)
{
    if (identity->name_space[0]) {
        buffer_append_text(text, identity->name_space);
        buffer_append_text(text, ".");
    }
    for (uint32_t i = 0; i < identity->depth; i++) {
        if (i > 0)
            buffer_append_text(text, "+");
        buffer_append_text(text, identity->names[i]);
    }
}

static mdToken find_outermost(const struct metadata_image *image, const char *name_space,
                              const char *name)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_TypeDef);
    for (uint32_t row = 1; row <= rows; row++) {
        uint32_t flags = metadata_cell(image, CLR_TABLE_TypeDef, row, METADATA_TYPE_DEF_FLAGS);
        if ((flags & tdVisibilityMask) >= tdNestedPublic)
            continue;
        if (strcmp(metadata_cell_text(image, CLR_TABLE_TypeDef, row, METADATA_TYPE_DEF_NAME),
                   name) == 0 &&
            strcmp(metadata_cell_text(image, CLR_TABLE_TypeDef, row, METADATA_TYPE_DEF_NAMESPACE),
                   name_space) == 0)
            return token_make(CLR_TABLE_TypeDef, row);
    }
    return mdTokenNil;
}

static mdToken find_nested(const struct metadata_image *image, mdToken enclosing, const char *name,
                           size_t length)
{
    struct metadata_rows rows = metadata_type_nested(image, enclosing);
    for (mdToken row; (row = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        mdToken type = metadata_cell_token(image, CLR_TABLE_NestedClass, token_rid(row),
                                           METADATA_NESTED_CLASS_NESTED);
        const char *found =
            metadata_cell_text(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_NAME);
        if (metadata_text_is(name, length, found))
            return type;
    }
    return mdTokenNil;
}

mdToken metadata_find_nested(const struct metadata_image *image, mdToken enclosing,
                             const char *name, size_t length)
{
    return find_nested(image, enclosing, name, length);
}

mdToken metadata_find_type(const struct metadata_image *image,
                           const struct metadata_identity *identity)
{
    if (identity->depth == 0)
        return mdTokenNil;
    mdToken type = find_outermost(image, identity->name_space, identity->names[0]);
    for (uint32_t i = 1; i < identity->depth && type != mdTokenNil; i++)
        type = find_nested(image, type, identity->names[i], strlen(identity->names[i]));
    return type;
}

/* Cuts "Shop.Outer`1+Inner" into terminated pieces within `pieces`. */
static bool cut_name(const char *full_name, char *pieces, size_t size,
                     struct metadata_identity *identity)
{
    size_t length = strlen(full_name);
    memset(identity, 0, sizeof(*identity));
    identity->assembly = identity->name_space = "";
    if (length + 1 > size)
        return false;
    memcpy(pieces, full_name, length + 1);
    char *plus = strchr(pieces, '+');
    if (plus)
        *plus = 0;
    char *dot = strrchr(pieces, '.');
    identity->names[identity->depth++] = dot ? dot + 1 : pieces;
    if (dot) {
        *dot = 0;
        identity->name_space = pieces;
    }
    while (plus && identity->depth < METADATA_MAX_NESTING) {
        char *name = plus + 1;
        plus = strchr(name, '+');
        if (plus)
            *plus = 0;
        identity->names[identity->depth++] = name;
    }
    return !plus;
}

mdToken metadata_find_type_text(const struct metadata_image *image, const char *full_name)
{
    char pieces[1024];
    struct metadata_identity identity;
    if (!cut_name(full_name, pieces, sizeof(pieces), &identity))
        return mdTokenNil;
    return metadata_find_type(image, &identity);
}

const char *metadata_find_forward(const struct metadata_image *image,
                                  const struct metadata_identity *identity)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_ExportedType);
    for (uint32_t row = 1; row <= rows && identity->depth > 0; row++) {
        struct type_row type;
        if (read_type_row(image, token_make(CLR_TABLE_ExportedType, row), &type) &&
            token_table(type.around) == CLR_TABLE_AssemblyRef &&
            strcmp(type.name, identity->names[0]) == 0 &&
            strcmp(type.name_space, identity->name_space) == 0)
            return scope_assembly(image, type.around);
    }
    return NULL;
}

mdToken metadata_find_type_ref(const struct metadata_image *image, const char *name_space,
                               const char *name)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_TypeRef);
    for (uint32_t row = 1; row <= rows; row++) {
        mdToken token = token_make(CLR_TABLE_TypeRef, row);
        struct type_row type;
        if (read_type_row(image, token, &type) && strcmp(type.name, name) == 0 &&
            strcmp(type.name_space, name_space) == 0 &&
            token_table(type.around) != CLR_TABLE_TypeRef)
            return token;
    }
    return mdTokenNil;
}

mdToken metadata_find_assembly_ref(const struct metadata_image *image, const char *name)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_AssemblyRef);
    for (uint32_t row = 1; row <= rows; row++)
        if (strcmp(
                metadata_cell_text(image, CLR_TABLE_AssemblyRef, row, METADATA_ASSEMBLY_REF_NAME),
                name) == 0)
            return token_make(CLR_TABLE_AssemblyRef, row);
    return mdTokenNil;
}

static mdToken find_named(const struct metadata_image *image, struct metadata_rows rows,
                          uint32_t column, const char *name)
{
    for (mdToken token; (token = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (strcmp(metadata_cell_text(image, token_table(token), token_rid(token), column), name) ==
            0)
            return token;
    return mdTokenNil;
}

mdToken metadata_find_method(const struct metadata_image *image, mdToken type, const char *name)
{
    return find_named(image, metadata_type_methods(image, type), METADATA_METHOD_DEF_NAME, name);
}

mdToken metadata_find_field(const struct metadata_image *image, mdToken type, const char *name)
{
    return find_named(image, metadata_type_fields(image, type), METADATA_FIELD_NAME, name);
}

bool metadata_type_is(const struct metadata_image *image, mdToken token, const char *full_name)
{
    struct type_row row;
    if (token_table(token) == CLR_TABLE_TypeSpec)
        token = spec_token(image, token);
    if (!read_type_row(image, token, &row))
        return false;
    if (token_table(row.around) == CLR_TABLE_TypeRef ||
        token_table(row.around) == CLR_TABLE_TypeDef)
        return false;
    size_t length = strlen(row.name_space);
    if (length == 0)
        return strcmp(row.name, full_name) == 0;
    return strncmp(row.name_space, full_name, length) == 0 && full_name[length] == '.' &&
           strcmp(row.name, full_name + length + 1) == 0;
}

static enum status read_member_ref(const struct metadata_image *image, uint32_t row,
                                   struct metadata_member *member)
{
    member->parent =
        metadata_cell_token(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_CLASS);
    member->name = metadata_cell_text(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_NAME);
    member->signature =
        metadata_cell_blob(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_SIGNATURE);
    struct reader peek = member->signature;
    member->is_field =
        (reader_u8(&peek) & IMAGE_CEE_CS_CALLCONV_MASK) == IMAGE_CEE_CS_CALLCONV_FIELD;
    return STATUS_OK;
}

enum status metadata_member_read(const struct metadata_image *image, mdToken token,
                                 struct metadata_member *member, struct error *error)
{
    memset(member, 0, sizeof(*member));
    member->name = "";
    if (token_table(token) == CLR_TABLE_MethodSpec && metadata_token_exists(image, token))
        token = metadata_cell_token(image, CLR_TABLE_MethodSpec, token_rid(token),
                                    METADATA_METHOD_SPEC_METHOD);
    uint32_t row = token_rid(token), table = token_table(token);
    if (!metadata_token_exists(image, token) ||
        (table != CLR_TABLE_MemberRef && table != CLR_TABLE_MethodDef && table != CLR_TABLE_Field))
        return error_set(error, STATUS_MALFORMED, "member token 0x%08x names nothing", token);
    if (table == CLR_TABLE_MemberRef)
        return read_member_ref(image, row, member);
    member->parent = metadata_owner(image, token);
    member->is_field = table == CLR_TABLE_Field;
    member->name = metadata_cell_text(
        image, table, row, member->is_field ? METADATA_FIELD_NAME : METADATA_METHOD_DEF_NAME);
    member->signature = metadata_cell_blob(image, table, row,
                                           member->is_field ? METADATA_FIELD_SIGNATURE
                                                            : METADATA_METHOD_DEF_SIGNATURE);
    return STATUS_OK;
}

/* The type of the attribute: the parent of its constructor. */
static mdToken attribute_type(const struct metadata_image *image, uint32_t row)
{
    mdToken constructor =
        metadata_cell_token(image, CLR_TABLE_CustomAttribute, row, METADATA_CUSTOM_ATTRIBUTE_TYPE);
    if (token_table(constructor) == CLR_TABLE_MethodDef)
        return metadata_owner(image, constructor);
    return metadata_cell_token(image, CLR_TABLE_MemberRef, token_rid(constructor),
                               METADATA_MEMBER_REF_CLASS);
}

mdToken metadata_attribute_find(const struct metadata_image *image, mdToken token,
                                const char *full_name)
{
    struct metadata_rows rows = metadata_attributes(image, token);
    for (mdToken attribute; (attribute = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (metadata_type_is(image, attribute_type(image, token_rid(attribute)), full_name))
            return attribute;
    return mdTokenNil;
}

struct reader metadata_attribute_value(const struct metadata_image *image, mdToken attribute)
{
    struct reader value = metadata_cell_blob(image, CLR_TABLE_CustomAttribute, token_rid(attribute),
                                             METADATA_CUSTOM_ATTRIBUTE_VALUE);
    if (reader_u16(&value) != 1)
        return reader_window(&value, 0, 0);
    return reader_window(&value, value.position, reader_left(&value));
}

bool metadata_attribute_text(struct reader *value, const char **text, size_t *length)
{
    struct reader peek = *value;
    *text = "";
    *length = 0;
    if (reader_u8(&peek) == 0xff || reader_failed(&peek)) { /* null */
        *value = peek;
        return false;
    }
    *length = reader_compressed_u32(value);
    const uint8_t *bytes = reader_bytes(value, *length);
    if (!bytes) {
        *length = 0;
        return false;
    }
    *text = (const char *)bytes;
    return true;
}

mdToken metadata_type_base(const struct metadata_image *image, mdToken type)
{
    return metadata_cell_token(image, CLR_TABLE_TypeDef, token_rid(type),
                               METADATA_TYPE_DEF_EXTENDS);
}

bool metadata_type_is_enum(const struct metadata_image *image, mdToken type)
{
    return metadata_type_is(image, metadata_type_base(image, type), "System.Enum");
}

bool metadata_type_is_value_type(const struct metadata_image *image, mdToken type)
{
    mdToken base = metadata_type_base(image, type);
    if (metadata_type_is(image, base, "System.Enum"))
        return true;
    /* System.Enum itself extends ValueType and is a class. */
    return metadata_type_is(image, base, "System.ValueType") &&
           !metadata_type_is(image, type, "System.Enum");
}

bool metadata_type_is_interface(const struct metadata_image *image, mdToken type)
{
    return metadata_cell(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_FLAGS) &
           tdInterface;
}

bool metadata_type_is_delegate(const struct metadata_image *image, mdToken type)
{
    return metadata_type_is(image, metadata_type_base(image, type), "System.MulticastDelegate");
}
