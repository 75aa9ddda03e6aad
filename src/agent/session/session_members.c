#include "session_members.h"

#include <string.h>

#include "base_text.h"
#include "clr_flags.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"

#define MAX_BASES 64
#define MAX_NAME  256

/* ---- what loading a type would pull in ---- */

static uint32_t field_flags(const struct metadata_image *image, mdToken field)
{
    return metadata_cell(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_FLAGS);
}

#define CLOSED_DEPTH 12

static bool token_closed(struct session_scope *scope, const struct module *module, mdToken token,
                         struct arena *arena, int depth);

static bool signature_closed(struct session_scope *scope, const struct module *module,
                             const struct meta_type *type, struct arena *arena, int depth)
{
    type = metadata_type_plain(type);
    if (type->element == ELEMENT_TYPE_VALUETYPE)
        return token_closed(scope, module, type->token, arena, depth + 1);
    if (type->element != ELEMENT_TYPE_GENERICINST)
        return true;
    for (uint32_t i = 0; i < type->argument_count; i++) {
        const struct meta_type *argument = metadata_type_plain(type->arguments[i]);
        struct type_definition definition;
        if ((argument->element == ELEMENT_TYPE_CLASS ||
             argument->element == ELEMENT_TYPE_VALUETYPE) &&
            !type_definition_find(scope, module, argument->token, &definition))
            return false;
    }
    return type->inner == NULL || type->inner->element != ELEMENT_TYPE_VALUETYPE ||
           token_closed(scope, module, type->inner->token, arena, depth + 1);
}

static bool fields_closed(struct session_scope *scope, const struct type_definition *definition,
                          struct arena *arena, int depth)
{
    const struct metadata_image *image = definition->module->image;
    struct metadata_rows rows = metadata_type_fields(image, definition->type);
    for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        struct meta_type *type = NULL;
        /* An enum's members are of its own type. */
        if (field_flags(image, field) & fdLiteral)
            continue;
        if (metadata_signature_field(metadata_cell_blob(image, CLR_TABLE_Field, token_rid(field),
                                                        METADATA_FIELD_SIGNATURE),
                                     arena, &type, NULL) != STATUS_OK ||
            !signature_closed(scope, definition->module, type, arena, depth))
            return false;
    }
    return true;
}

static bool token_closed(struct session_scope *scope, const struct module *module, mdToken token,
                         struct arena *arena, int depth)
{
    struct type_definition at;
    if (depth > CLOSED_DEPTH || !type_definition_find(scope, module, token, &at))
        return false;
    /* The core library is whole. */
    if (strcmp(metadata_image_assembly(at.module->image), "System.Private.CoreLib") == 0)
        return true;
    const struct metadata_image *image = at.module->image;
    struct metadata_rows rows = metadata_type_interfaces(image, at.type);
    for (mdToken row; (row = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (!token_closed(scope, at.module,
                          metadata_cell_token(image, CLR_TABLE_InterfaceImpl, token_rid(row),
                                              METADATA_INTERFACE_IMPL_INTERFACE),
                          arena, depth + 1))
            return false;
    mdToken base = metadata_type_base(image, at.type);
    return (base == mdTokenNil || token_closed(scope, at.module, base, arena, depth + 1)) &&
           fields_closed(scope, &at, arena, depth);
}

bool type_definition_closed(struct session_scope *scope, const struct type_definition *definition,
                            struct arena *arena)
{
    return definition->module != NULL && definition->module->image != NULL &&
           token_closed(scope, definition->module, definition->type, arena, 0);
}
/* ---- members ---- */

bool member_field_name(const struct metadata_image *image, mdToken field, char *name, size_t size)
{
    const char *raw =
        metadata_cell_text(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_NAME);
    const char *start;
    size_t length;
    bool source = metadata_field_source_name(raw, &start, &length);
    if (!source) {
        text_copy(name, size, raw);
        return false;
    }
    if (length >= size)
        length = size - 1;
    memcpy(name, start, length);
    name[length] = '\0';
    /* Tuple<...> keeps Item1 in m_Item1. */
    if (strncmp(name, "m_Item", 6) == 0 && name[6] >= '1' && name[6] <= '9')
        memmove(name, name + 2, strlen(name + 2) + 1);
    return true;
}

/* The getter of a property; mdTokenNil: it has none. */
static mdToken property_getter(const struct metadata_image *image, mdToken property)
{
    struct metadata_rows rows = metadata_accessors(image, property);
    for (mdToken row; (row = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (metadata_cell(image, CLR_TABLE_MethodSemantics, token_rid(row),
                          METADATA_METHOD_SEMANTICS_SEMANTICS) &
            msGetter)
            return metadata_cell_token(image, CLR_TABLE_MethodSemantics, token_rid(row),
                                       METADATA_METHOD_SEMANTICS_METHOD);
    return mdTokenNil;
}

/* The FieldDef of `type` that an ldfld's token names. */
static mdToken own_field(const struct metadata_image *image, mdToken type, mdToken token)
{
    if (token_table(token) == CLR_TABLE_Field)
        return metadata_owner(image, token) == type ? token : mdTokenNil;
    struct metadata_member member;
    if (token_table(token) != CLR_TABLE_MemberRef ||
        metadata_member_read(image, token, &member, NULL) != STATUS_OK || !member.is_field)
        return mdTokenNil;
    struct metadata_identity parent, self;
    if (metadata_identify(image, member.parent, &parent, NULL) != STATUS_OK ||
        metadata_identify(image, type, &self, NULL) != STATUS_OK ||
        !metadata_identity_equal(&parent, &self, true))
        return mdTokenNil;
    return metadata_find_field(image, type, member.name);
}

/* ldarg.0; ldfld FIELD; ret: as release builds write it, and as debug builds do (a nop first,
 * the value through a local and an empty branch). */
static bool getter_code(struct reader body, uint32_t *token)
{
    uint8_t head = reader_u8(&body);
    uint32_t length = head >> 2;
    if ((head & CorILMethod_FormatMask) == CorILMethod_FatFormat) {
        reader_skip(&body, 3); /* flags and size, stack */
        length = reader_u32(&body);
        reader_skip(&body, 4);
    } else if ((head & CorILMethod_FormatMask) != CorILMethod_TinyFormat) {
        return false;
    }
    bool debug = length == 12;
    if (length != 7 && !debug)
        return false;
    if (debug && reader_u8(&body) != 0x00)
        return false;
    uint8_t load_this = reader_u8(&body), load_field = reader_u8(&body);
    if (load_this != 0x02 || load_field != 0x7b)
        return false;
    *token = reader_u32(&body);
    static const uint8_t end[] = {0x0a, 0x2b, 0x00, 0x06, 0x2a};
    for (size_t i = debug ? 0 : 4; i < sizeof end; i++)
        if (reader_u8(&body) != end[i])
            return false;
    return !reader_failed(&body);
}

mdToken member_trivial_getter(const struct metadata_image *image, mdToken type, mdToken property)
{
    mdToken getter = property_getter(image, property);
    if (getter == mdTokenNil)
        return mdTokenNil;
    uint32_t row = token_rid(getter);
    if (metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS) & mdStatic)
        return mdTokenNil;
    struct reader body;
    uint32_t token;
    if (metadata_image_body(image,
                            metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA),
                            &body, NULL) != STATUS_OK ||
        !getter_code(body, &token))
        return mdTokenNil;
    return own_field(image, type, token);
}

static bool name_field(const struct declared_view *view, mdToken field, struct arena *arena,
                       struct member *member)
{
    const struct metadata_image *image = view->definition.module->image;
    char name[MAX_NAME];
    member_field_name(image, field, name, sizeof name);
    member->name = arena_copy_text(arena, name, strlen(name));
    struct meta_type *type = NULL;
    if (member->name == NULL ||
        metadata_signature_field(
            metadata_cell_blob(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_SIGNATURE),
            arena, &type, NULL) != STATUS_OK)
        return false;
    member->type =
        declared_of(view->definition.module, type, view->arguments, view->argument_count);
    return true;
}

static enum member_answer property_find(const struct declared_view *view, const char *name,
                                        struct arena *arena, struct member *member)
{
    const struct metadata_image *image = view->definition.module->image;
    struct metadata_rows rows = metadata_type_properties(image, view->definition.type);
    for (mdToken property; (property = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        if (strcmp(metadata_cell_text(image, CLR_TABLE_Property, token_rid(property),
                                      METADATA_PROPERTY_NAME),
                   name) != 0)
            continue;
        mdToken field = member_trivial_getter(image, view->definition.type, property);
        if (field == mdTokenNil || (field_flags(image, field) & fdStatic))
            return MEMBER_COMPUTED;
        return name_field(view, field, arena, member) ? MEMBER_FOUND : MEMBER_OPEN;
    }
    return MEMBER_NONE;
}

static enum member_answer own_member(const struct declared_view *view, const char *name,
                                     struct arena *arena, struct member *member)
{
    const struct metadata_image *image = view->definition.module->image;
    struct metadata_rows rows = metadata_type_fields(image, view->definition.type);
    char field_name[MAX_NAME];
    bool is_static = false;
    for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        member_field_name(image, field, field_name, sizeof field_name);
        if (strcmp(field_name, name) != 0)
            continue;
        if (!(field_flags(image, field) & fdStatic))
            return name_field(view, field, arena, member) ? MEMBER_FOUND : MEMBER_OPEN;
        is_static = true;
    }
    enum member_answer answer = property_find(view, name, arena, member);
    return answer == MEMBER_NONE && is_static ? MEMBER_STATIC : answer;
}

/* The view of the base class; false: there is none, and *open tells that it cannot be read. */
static bool base_view(struct session_scope *scope, const struct declared_view *view,
                      struct arena *arena, struct declared_view *base, bool *open)
{
    const struct metadata_image *image = view->definition.module->image;
    mdToken token = metadata_type_base(image, view->definition.type);
    *open = false;
    if (token == mdTokenNil)
        return false;
    struct meta_type *type = NULL;
    if (token_table(token) == CLR_TABLE_TypeSpec) {
        if (metadata_signature_type(metadata_cell_blob(image, CLR_TABLE_TypeSpec, token_rid(token),
                                                       METADATA_TYPE_SPEC_SIGNATURE),
                                    arena, &type, NULL) != STATUS_OK)
            type = NULL;
    } else if ((type = arena_new(arena, struct meta_type)) != NULL) {
        type->element = ELEMENT_TYPE_CLASS;
        type->token = token;
    }
    struct declared declared =
        declared_of(view->definition.module, type, view->arguments, view->argument_count);
    *open = type == NULL || !declared_see(scope, &declared, arena, base) ||
            base->definition.module == NULL;
    /* Object comes as an interface: it has no fields. */
    return !*open && base->kind != DECLARED_INTERFACE;
}

/* Names that the recorder's layouts give to what is no field of that name. */
static enum member_answer special_member(const struct declared_view *view, const char *name,
                                         struct member *member)
{
    static const struct meta_type int_type = {.element = ELEMENT_TYPE_I4};
    static const struct meta_type bool_type = {.element = ELEMENT_TYPE_BOOLEAN};
    static const struct meta_type string_type = {.element = ELEMENT_TYPE_STRING};
    bool length = strcmp(name, "Length") == 0;
    if (view->kind == DECLARED_STRING || view->kind == DECLARED_ARRAY) {
        *member = (struct member){"Length", declared_of(view->plain.module, &int_type, NULL, 0), 0};
        return length ? MEMBER_FOUND : MEMBER_NONE;
    }
    if (view->nullable && strcmp(name, "HasValue") == 0) {
        *member =
            (struct member){"HasValue", declared_of(view->plain.module, &bool_type, NULL, 0), 0};
        return MEMBER_FOUND;
    }
    if (view->nullable && strcmp(name, "Value") == 0 && view->argument_count == 1) {
        *member = (struct member){"Value", view->arguments[0], 0};
        return MEMBER_FOUND;
    }
    if (view->known != NULL && strcmp(view->known, "System.Exception") == 0 &&
        strcmp(name, "Message") == 0) {
        *member =
            (struct member){"Message", declared_of(view->plain.module, &string_type, NULL, 0), 0};
        return MEMBER_FOUND;
    }
    return MEMBER_OPEN;
}

/* In how many base classes is a field of that name hidden? */
static uint32_t count_hidden(struct session_scope *scope, const struct declared_view *view,
                             const char *name, struct arena *arena)
{
    struct declared_view at = *view, base;
    uint32_t count = 0;
    bool open;
    for (int i = 0; i < MAX_BASES && base_view(scope, &at, arena, &base, &open); i++) {
        struct member member;
        if (base.kind != DECLARED_CLASS || base.definition.module == NULL)
            break;
        count += own_member(&base, name, arena, &member) == MEMBER_FOUND;
        at = base;
    }
    return count;
}

enum member_answer member_find(struct session_scope *scope, const struct declared_view *view,
                               const char *name, struct arena *arena, struct member *member)
{
    struct declared_view at = *view;
    enum member_answer kept = MEMBER_NONE;
    if (view->kind == DECLARED_PRIMITIVE || view->kind == DECLARED_ENUM)
        return MEMBER_NONE;
    for (int i = 0; i < MAX_BASES; i++) {
        enum member_answer answer = special_member(&at, name, member);
        if (answer != MEMBER_OPEN)
            return answer;
        if ((at.kind != DECLARED_CLASS && at.kind != DECLARED_STRUCT) ||
            at.definition.module == NULL)
            return MEMBER_OPEN;
        answer = own_member(&at, name, arena, member);
        if (answer == MEMBER_FOUND)
            member->hidden = count_hidden(scope, &at, member->name, arena);
        if (answer == MEMBER_FOUND || answer == MEMBER_OPEN)
            return answer;
        if (answer != MEMBER_NONE && kept == MEMBER_NONE)
            kept = answer;
        struct declared_view base;
        bool open;
        if (!base_view(scope, &at, arena, &base, &open))
            return kept != MEMBER_NONE ? kept : open ? MEMBER_OPEN : MEMBER_NONE;
        at = base;
    }
    return MEMBER_OPEN;
}

static bool list_name(struct buffer *text, const char *name, size_t *count, size_t most)
{
    if (*count == most)
        buffer_append_text(text, ", …");
    if (*count >= most)
        return false;
    if ((*count)++ > 0)
        buffer_append_text(text, ", ");
    buffer_append_text(text, name);
    return true;
}

static void list_own(const struct declared_view *view, struct buffer *text, size_t *count,
                     size_t most)
{
    const struct metadata_image *image = view->definition.module->image;
    struct metadata_rows rows = metadata_type_fields(image, view->definition.type);
    char name[MAX_NAME];
    for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        if (field_flags(image, field) & fdStatic)
            continue;
        if (member_field_name(image, field, name, sizeof name) &&
            !list_name(text, name, count, most))
            return;
    }
    rows = metadata_type_properties(image, view->definition.type);
    for (mdToken property; (property = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        const char *property_name = metadata_cell_text(image, CLR_TABLE_Property,
                                                       token_rid(property), METADATA_PROPERTY_NAME);
        mdToken field = member_trivial_getter(image, view->definition.type, property);
        if (field == mdTokenNil || (field_flags(image, field) & fdStatic))
            continue;
        member_field_name(image, field, name, sizeof name);
        if (strcmp(name, property_name) != 0 && !list_name(text, property_name, count, most))
            return;
    }
}

void member_list(struct session_scope *scope, const struct declared_view *view, struct arena *arena,
                 size_t most, struct buffer *text)
{
    struct declared_view at = *view;
    size_t count = 0;
    if (view->kind == DECLARED_STRING || view->kind == DECLARED_ARRAY) {
        buffer_append_text(text, "Length");
        return;
    }
    if (view->nullable) {
        buffer_append_text(text, "HasValue, Value");
        return;
    }
    for (int i = 0; i < MAX_BASES && count <= most; i++) {
        if ((at.kind != DECLARED_CLASS && at.kind != DECLARED_STRUCT) ||
            at.definition.module == NULL)
            return;
        if (at.known != NULL && strcmp(at.known, "System.Exception") == 0)
            list_name(text, "Message", &count, most);
        list_own(&at, text, &count, most);
        struct declared_view base;
        bool open;
        if (!base_view(scope, &at, arena, &base, &open))
            return;
        at = base;
    }
}
