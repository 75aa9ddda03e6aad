#include "wire_tlv.h"

#include <stdlib.h>
#include <string.h>

#define TLV_HEAD_BYTES 8u

static void put_head(struct buffer *buffer, uint16_t tag, size_t length)
{
    if (length > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    buffer_append_u16(buffer, tag);
    buffer_append_u16(buffer, 0);
    buffer_append_u32(buffer, (uint32_t)length);
}

void tlv_put_u32(struct buffer *buffer, uint16_t tag, uint32_t value)
{
    put_head(buffer, tag, sizeof value);
    buffer_append_u32(buffer, value);
}

void tlv_put_u64(struct buffer *buffer, uint16_t tag, uint64_t value)
{
    put_head(buffer, tag, sizeof value);
    buffer_append_u64(buffer, value);
}

void tlv_put_text(struct buffer *buffer, uint16_t tag, const char *text)
{
    if (text != NULL)
        tlv_put_bytes(buffer, tag, text, strlen(text));
}

void tlv_put_bytes(struct buffer *buffer, uint16_t tag, const void *bytes, size_t length)
{
    put_head(buffer, tag, length);
    if (length > 0 && !buffer_failed(buffer))
        buffer_append(buffer, bytes, length);
}

size_t tlv_begin(struct buffer *buffer, uint16_t tag)
{
    size_t mark = buffer->length;
    put_head(buffer, tag, 0);
    return mark;
}

void tlv_end(struct buffer *buffer, size_t mark)
{
    if (buffer_failed(buffer) || buffer->length < mark + TLV_HEAD_BYTES)
        return;
    size_t length = buffer->length - mark - TLV_HEAD_BYTES;
    if (length > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        buffer->data[mark + 4 + i] = (uint8_t)(length >> (8 * i));
}

bool tlv_next(struct reader *reader, struct tlv *field)
{
    memset(field, 0, sizeof *field);
    if (reader_failed(reader) || reader_left(reader) == 0)
        return false;
    field->tag = reader_u16(reader);
    uint16_t zero = reader_u16(reader);
    uint32_t length = reader_u32(reader);
    if (!reader_failed(reader) && (zero != 0 || length > reader_left(reader)))
        reader->failed = true;
    if (reader_failed(reader))
        return false;
    field->value = reader_window(reader, reader->position, length);
    reader_skip(reader, length);
    return true;
}

uint64_t tlv_u64(const struct tlv *field)
{
    struct reader value = field->value;
    switch (reader_left(&value)) {
    case 4:
        return reader_u32(&value);
    case 8:
        return reader_u64(&value);
    default:
        return 0;
    }
}

uint32_t tlv_u32(const struct tlv *field)
{
    uint64_t value = tlv_u64(field);
    return value > UINT32_MAX ? 0 : (uint32_t)value;
}

const char *tlv_text(const struct tlv *field, size_t *length)
{
    struct reader value = field->value;
    size_t left = reader_left(&value);
    const uint8_t *bytes = reader_bytes(&value, left);
    *length = bytes == NULL ? 0 : left;
    return bytes == NULL ? "" : (const char *)bytes;
}

static void copy_without_nuls(char *to, const char *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = from[i] == '\0' ? '?' : from[i];
    to[length] = '\0';
}

void tlv_copy_text(const struct tlv *field, char *to, size_t size)
{
    if (size == 0)
        return;
    size_t length;
    const char *text = tlv_text(field, &length);
    if (length >= size) {
        length = size - 1;
        /* Not into the middle of a UTF-8 character. */
        while (length > 0 && ((uint8_t)text[length] & 0xc0) == 0x80)
            length--;
    }
    copy_without_nuls(to, text, length);
}

char *tlv_dup_text(const struct tlv *field)
{
    size_t length;
    const char *text = tlv_text(field, &length);
    char *copy = malloc(length + 1);
    if (copy != NULL)
        copy_without_nuls(copy, text, length);
    return copy;
}
