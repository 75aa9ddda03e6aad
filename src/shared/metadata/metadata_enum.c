/* Enums: members and their values (ECMA-335 II.14.3, II.22.9). */
#include <inttypes.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_internal.h"
#include "metadata_resolve.h"

static uint32_t field_cell(const struct metadata_image *image, mdToken field, uint32_t column)
{
    return metadata_cell(image, CLR_TABLE_Field, token_rid(field), column);
}

uint8_t metadata_enum_element(const struct metadata_image *image, mdToken type)
{
    if (!metadata_type_is_enum(image, type))
        return 0;
    struct metadata_rows rows = metadata_type_fields(image, type);
    for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        if (field_cell(image, field, METADATA_FIELD_FLAGS) & fdStatic)
            continue;
        struct reader blob =
            metadata_cell_blob(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_SIGNATURE);
        reader_u8(&blob);
        uint8_t element = reader_u8(&blob);
        return clr_element_size(element) ? element : 0;
    }
    return 0;
}

/* A constant's value by its own element type, sign-extended. */
static uint64_t constant_value(const struct metadata_image *image, uint32_t row)
{
    struct reader blob =
        metadata_cell_blob(image, CLR_TABLE_Constant, row, METADATA_CONSTANT_VALUE);
    switch (metadata_cell(image, CLR_TABLE_Constant, row, METADATA_CONSTANT_TYPE) & 0xff) {
    case ELEMENT_TYPE_I1:
        return (uint64_t)(int64_t)reader_i8(&blob);
    case ELEMENT_TYPE_BOOLEAN:
    case ELEMENT_TYPE_U1:
        return reader_u8(&blob);
    case ELEMENT_TYPE_I2:
        return (uint64_t)(int64_t)reader_i16(&blob);
    case ELEMENT_TYPE_CHAR:
    case ELEMENT_TYPE_U2:
        return reader_u16(&blob);
    case ELEMENT_TYPE_I4:
        return (uint64_t)(int64_t)reader_i32(&blob);
    case ELEMENT_TYPE_U4:
        return reader_u32(&blob);
    default:
        return reader_u64(&blob);
    }
}

bool metadata_enum_next(const struct metadata_image *image, mdToken type,
                        struct metadata_enum_cursor *cursor, struct metadata_enum_member *member)
{
    if (!cursor->begun) {
        cursor->rows = metadata_type_fields(image, type);
        cursor->begun = true;
    }
    for (mdToken field; (field = metadata_rows_next(image, &cursor->rows)) != mdTokenNil;) {
        uint32_t constant = 0;
        if (field_cell(image, field, METADATA_FIELD_FLAGS) & fdLiteral)
            constant = metadata_constant(image, field);
        if (constant == 0)
            continue;
        member->name =
            metadata_cell_text(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_NAME);
        member->value = constant_value(image, constant);
        return true;
    }
    return false;
}

static const char *exact_member(const struct metadata_image *image, mdToken type, uint64_t value)
{
    struct metadata_enum_cursor cursor = {0};
    struct metadata_enum_member member;
    while (metadata_enum_next(image, type, &cursor, &member))
        if (member.value == value)
            return member.name;
    return NULL;
}

/* The member with the highest value whose bits are all within `left`. */
static bool biggest_part(const struct metadata_image *image, mdToken type, uint64_t left,
                         struct metadata_enum_member *best)
{
    struct metadata_enum_cursor cursor = {0};
    struct metadata_enum_member member;
    best->value = 0;
    while (metadata_enum_next(image, type, &cursor, &member))
        if ((member.value & ~left) == 0 && member.value > best->value)
            *best = member;
    return best->value != 0;
}

/* Names from the highest bits down cover the value, and are told from the lowest up, as
 * Enum.ToString does. */
static bool print_flags(const struct metadata_image *image, mdToken type, uint64_t value,
                        struct buffer *text)
{
    const char *names[64];
    int count = 0;
    struct metadata_enum_member part;
    for (uint64_t left = value; left != 0; left &= ~part.value) {
        if (count == 64 || !biggest_part(image, type, left, &part))
            return false;
        names[count++] = part.name;
    }
    while (count-- > 0) {
        buffer_append_text(text, names[count]);
        if (count > 0)
            buffer_append_text(text, " | ");
    }
    return true;
}

static bool is_signed(uint8_t element)
{
    return element == ELEMENT_TYPE_I1 || element == ELEMENT_TYPE_I2 || element == ELEMENT_TYPE_I4 ||
           element == ELEMENT_TYPE_I8 || element == ELEMENT_TYPE_I;
}

static void print_number(uint8_t element, uint64_t value, struct buffer *text)
{
    if (is_signed(element))
        buffer_append_format(text, "%" PRId64, (int64_t)value);
    else
        buffer_append_format(text, "%" PRIu64, value);
}

void metadata_enum_print(const struct metadata_image *image, mdToken type, uint64_t value,
                         struct buffer *text)
{
    const char *name = exact_member(image, type, value);
    if (name)
        buffer_append_text(text, name);
    else if (value == 0 ||
             metadata_attribute_find(image, type, "System.FlagsAttribute") == mdTokenNil ||
             !print_flags(image, type, value, text))
        print_number(metadata_enum_element(image, type), value, text);
}

bool metadata_enum_value(const struct metadata_image *image, mdToken type, const char *name,
                         uint64_t *value)
{
    struct metadata_enum_cursor cursor = {0};
    struct metadata_enum_member member;
    while (metadata_enum_next(image, type, &cursor, &member))
        if (strcmp(member.name, name) == 0) {
            *value = member.value;
            return true;
        }
    return false;
}
