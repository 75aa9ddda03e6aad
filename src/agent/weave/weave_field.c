/* Fields of the method's own type, as its code may name them. */
#include "weave_state.h"

#include <string.h>

#include "metadata_resolve.h"
#include "metadata_tables.h"

/* True where the TypeSpec is the type's own instantiation: Own<!0, !1, ...>. */
static bool is_own_instance(struct weave *weave, mdToken parent)
{
    if (!token_is(parent, CLR_TABLE_TypeSpec))
        return false;
    struct reader blob = metadata_cell_blob(weave->request->image, CLR_TABLE_TypeSpec,
                                            token_rid(parent), METADATA_TYPE_SPEC_SIGNATURE);
    if (reader_u8(&blob) != ELEMENT_TYPE_GENERICINST)
        return false;
    reader_u8(&blob); /* CLASS or VALUETYPE */
    if (token_from_type_def_or_ref(reader_compressed_u32(&blob)) != weave->type)
        return false;
    uint32_t count = reader_compressed_u32(&blob);
    for (uint32_t i = 0; i < count && !reader_failed(&blob); i++)
        if (reader_u8(&blob) != ELEMENT_TYPE_VAR || reader_compressed_u32(&blob) != i)
            return false;
    return !reader_failed(&blob);
}

/* The name of the field that the token stands for, where it is one of the method's own type;
 * else NULL. */
static const char *own_field_name(struct weave *weave, mdToken token)
{
    struct metadata_member member;
    if (metadata_member_read(weave->request->image, token, &member, NULL) != STATUS_OK ||
        !member.is_field)
        return NULL;
    if (member.parent != weave->type && !is_own_instance(weave, member.parent))
        return NULL;
    return member.name;
}

static bool uses_field(const struct il_instruction *instruction)
{
    const struct il_opcode_info *info = il_opcode_info(instruction->opcode);
    return info && info->operand == IL_OPERAND_FIELD;
}

bool weave_field_is(const char *name, enum weave_machine_field field)
{
    static const char *const names[][2] = {
        [WEAVE_FIELD_STATE] = {"<>1__state", "$State"},
        [WEAVE_FIELD_BUILDER] = {"<>t__builder", "$Builder"},
    };
    return strcmp(name, names[field][0]) == 0 || strcmp(name, names[field][1]) == 0;
}

mdToken weave_field_of_machine(struct weave *weave, enum weave_machine_field field)
{
    for (struct il_instruction *i = weave->first; i; i = i->next) {
        if (!uses_field(i))
            continue;
        const char *used = own_field_name(weave, i->token);
        if (used && weave_field_is(used, field))
            return i->token;
    }
    return mdTokenNil;
}

/* The token of the first instruction of the body that uses the field. */
static mdToken field_used(struct weave *weave, const char *name)
{
    for (struct il_instruction *i = weave->first; i; i = i->next) {
        if (!uses_field(i))
            continue;
        const char *used = own_field_name(weave, i->token);
        if (used && strcmp(used, name) == 0)
            return i->token;
    }
    return mdTokenNil;
}

/* Any method of the type that uses the field has had such a reference written. */
static mdToken find_reference(struct weave *weave, const char *name)
{
    const struct metadata_image *image = weave->request->image;
    uint32_t rows = metadata_row_count(image, CLR_TABLE_MemberRef);
    for (uint32_t row = 1; row <= rows; row++) {
        mdToken parent =
            metadata_cell_token(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_CLASS);
        if (!token_is(parent, CLR_TABLE_TypeSpec))
            continue;
        const char *other =
            metadata_cell_text(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_NAME);
        mdToken token = token_make(CLR_TABLE_MemberRef, row);
        if (strcmp(other, name) == 0 && own_field_name(weave, token))
            return token;
    }
    return mdTokenNil;
}

mdToken weave_field_reference(struct weave *weave, mdToken field)
{
    const struct metadata_image *image = weave->request->image;
    if (!token_is(field, CLR_TABLE_Field) || metadata_owner(image, field) != weave->type ||
        !weave->has_this)
        return mdTokenNil;
    struct metadata_rows generics = metadata_generic_params(image, weave->type);
    if (metadata_rows_next(image, &generics) == mdTokenNil)
        return field;
    const char *name =
        metadata_cell_text(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_NAME);
    mdToken used = field_used(weave, name);
    return used != mdTokenNil ? used : find_reference(weave, name);
}

const struct meta_type *weave_field_type(struct weave *weave, mdToken field)
{
    struct metadata_member member;
    struct meta_type *type = NULL;
    struct error error;
    error_init(&error);
    enum status status = metadata_member_read(weave->request->image, field, &member, &error);
    if (status == STATUS_OK)
        status = metadata_signature_field(member.signature, &weave->arena, &type, &error);
    if (status != STATUS_OK) {
        weave_fail_with(weave, status, &error);
        return NULL;
    }
    return metadata_type_plain(type);
}
