#include <string.h>

#include "clr_element.h"
#include "output_escape.h"
#include "output_known.h"
#include "output_number.h"
#include "output_value.h"

bool value_element_is_signed(uint8_t element)
{
    return element == ELEMENT_TYPE_I1 || element == ELEMENT_TYPE_I2 || element == ELEMENT_TYPE_I4 ||
           element == ELEMENT_TYPE_I8 || element == ELEMENT_TYPE_I;
}

uint64_t value_load(uint8_t element, const uint8_t *bytes)
{
    uint64_t bits = known_load(bytes, clr_element_size(element), value_element_is_signed(element));
    if (element == ELEMENT_TYPE_R4) {
        float narrow;
        uint32_t low = (uint32_t)bits;
        memcpy(&narrow, &low, sizeof narrow);
        double wide = (double)narrow;
        memcpy(&bits, &wide, sizeof bits);
    }
    return bits;
}

void value_write_word(struct value_writer *writer, const char *text)
{
    if (writer->json)
        escape_json(writer->out, text);
    else
        buffer_append_text(writer->out, text);
}

void value_write_units(struct value_writer *writer, const uint8_t *utf16, size_t units, bool cut,
                       char quote)
{
    struct buffer *out = writer->out;
    buffer_append_u8(out, writer->json ? '"' : (uint8_t)quote);
    if (writer->json)
        escape_json_utf16(out, utf16, units);
    else
        escape_text_utf16(out, utf16, units);
    if (cut && writer->json)
        buffer_append_text(out, "…");
    buffer_append_u8(out, writer->json ? '"' : (uint8_t)quote);
    if (cut && !writer->json)
        buffer_append_text(out, "…");
    writer->cut |= cut;
}

static void write_double(struct value_writer *writer, uint64_t bits, bool is_float)
{
    char text[NUMBER_TEXT];
    double value;
    memcpy(&value, &bits, sizeof value);
    size_t length = number_double(text, value, is_float);
    bool is_number = value == value && value - value == 0; /* not NaN, not infinite */
    if (is_number)
        buffer_append(writer->out, text, length);
    else
        value_write_word(writer, text);
}

static void write_address(struct value_writer *writer, uint64_t bits)
{
    char text[20] = "0x";
    size_t digits = 1;
    while (digits < 16 && bits >> (4 * digits))
        digits++;
    for (size_t i = 0; i < digits; i++)
        text[2 + i] = "0123456789abcdef"[bits >> (4 * (digits - 1 - i)) & 15];
    text[2 + digits] = '\0';
    value_write_word(writer, text);
}

void value_write_scalar(struct value_writer *writer, uint8_t element, uint64_t bits)
{
    char text[NUMBER_TEXT];
    uint8_t unit[2] = {(uint8_t)bits, (uint8_t)(bits >> 8)};
    switch (element) {
    case ELEMENT_TYPE_BOOLEAN:
        buffer_append_text(writer->out, bits & 0xff ? "true" : "false");
        return;
    case ELEMENT_TYPE_CHAR:
        value_write_units(writer, unit, 1, false, '\'');
        return;
    case ELEMENT_TYPE_R4:
    case ELEMENT_TYPE_R8:
        write_double(writer, bits, element == ELEMENT_TYPE_R4);
        return;
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_FNPTR:
    case ELEMENT_TYPE_BYREF:
        write_address(writer, bits);
        return;
    default:
        break;
    }
    size_t length = value_element_is_signed(element) || element == 0
                        ? number_i64(text, (int64_t)bits)
                        : number_u64(text, bits);
    buffer_append(writer->out, text, length);
}

static const struct type_member *member_of(const struct type_info *type, uint64_t value)
{
    for (uint32_t i = 0; i < type->member_count; i++)
        if (type->members[i].value == value)
            return &type->members[i];
    return NULL;
}

/* Of the members whose bits are all in `rest`: the one with the highest value. */
static const struct type_member *highest_within(const struct type_info *type, uint64_t rest)
{
    const struct type_member *best = NULL;
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct type_member *member = &type->members[i];
        if (member->value != 0 && (member->value & ~rest) == 0 &&
            (!best || member->value > best->value))
            best = member;
    }
    return best;
}

#define FLAGS_MAX 64

static bool write_flags(struct value_writer *writer, const struct type_info *type, uint64_t bits)
{
    const struct type_member *parts[FLAGS_MAX];
    size_t count = 0;
    for (uint64_t rest = bits; rest && count < FLAGS_MAX;) {
        const struct type_member *member = highest_within(type, rest);
        if (!member)
            return false;
        parts[count++] = member;
        rest &= ~member->value;
    }
    if (count == 0)
        return false;
    if (writer->json)
        buffer_append_u8(writer->out, '"');
    for (size_t i = count; i-- > 0;) {
        if (writer->json)
            escape_json_utf8(writer->out, parts[i]->name, strlen(parts[i]->name));
        else
            buffer_append_text(writer->out, parts[i]->name);
        if (i > 0)
            buffer_append_text(writer->out, writer->json ? ", " : " | ");
    }
    if (writer->json)
        buffer_append_u8(writer->out, '"');
    return true;
}

void value_write_enum(struct value_writer *writer, const struct type_info *type, uint64_t bits)
{
    const struct type_member *member = member_of(type, bits);
    if (member)
        value_write_word(writer, member->name);
    else if (!type->flags || !write_flags(writer, type, bits))
        value_write_scalar(writer, type->element, bits);
}
