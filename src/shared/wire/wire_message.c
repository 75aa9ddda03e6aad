#include "wire_message.h"

#include <stdio.h>
#include <string.h>

#include "wire_record.h"

size_t wire_frame_begin(struct buffer *buffer, enum wire_message_type type)
{
    size_t mark = buffer->length;
    buffer_append_u32(buffer, WIRE_FRAME_MAGIC);
    buffer_append_u16(buffer, (uint16_t)type);
    buffer_append_u16(buffer, 0);
    buffer_append_u32(buffer, 0);
    return mark;
}

void wire_frame_end(struct buffer *buffer, size_t mark)
{
    if (buffer_failed(buffer) || buffer->length < mark + sizeof(struct wire_frame))
        return;
    size_t length = buffer->length - mark - sizeof(struct wire_frame);
    if (length > WIRE_FRAME_MAX) {
        buffer->failed = true;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        buffer->data[mark + 8 + i] = (uint8_t)(length >> (8 * i));
}

enum status wire_frame_take(const struct buffer *received, uint16_t *type, struct reader *payload,
                            size_t *whole, struct error *error)
{
    struct reader reader;
    reader_init(&reader, received->data, received->length);
    uint32_t magic = reader_u32(&reader);
    *type = reader_u16(&reader);
    uint16_t reserved = reader_u16(&reader);
    uint32_t length = reader_u32(&reader);
    if (reader_failed(&reader))
        return STATUS_NOT_FOUND;
    if (magic != WIRE_FRAME_MAGIC || reserved != 0)
        return error_set(error, STATUS_PEER, "the other side does not speak rejig's protocol");
    if (length > WIRE_FRAME_MAX)
        return error_set(error, STATUS_PEER, "a message of %u bytes is over the bound of %u",
                         length, WIRE_FRAME_MAX);
    if (length > reader_left(&reader))
        return STATUS_NOT_FOUND;
    *payload = reader_window(&reader, sizeof(struct wire_frame), length);
    *whole = sizeof(struct wire_frame) + length;
    return STATUS_OK;
}

enum status wire_client_data_get(const void *bytes, size_t length, struct wire_client_data *data,
                                 struct error *error)
{
    memset(data, 0, sizeof *data);
    if (bytes == NULL || length < sizeof *data)
        return error_set(error, STATUS_PEER, "client data of %zu bytes is too short", length);
    struct reader reader;
    reader_init(&reader, bytes, length);
    data->magic = reader_u32(&reader);
    data->major = reader_u16(&reader);
    data->minor = reader_u16(&reader);
    data->nonce[0] = reader_u64(&reader);
    data->nonce[1] = reader_u64(&reader);
    data->deadline = reader_u64(&reader);
    data->mode = reader_u32(&reader);
    data->pid = reader_u32(&reader);
    data->parent = reader_u32(&reader);
    data->reserved = reader_u32(&reader);
    reader_copy(&reader, data->directory, sizeof data->directory);
    if (reader_failed(&reader) || data->magic != WIRE_FRAME_MAGIC)
        return error_set(error, STATUS_PEER, "client data is not rejig's");
    if (data->major != WIRE_MAJOR)
        return error_set(error, STATUS_PEER, "client data of wire version %u.%u, not %u.%u",
                         data->major, data->minor, WIRE_MAJOR, WIRE_MINOR);
    if (memchr(data->directory, '\0', sizeof data->directory) == NULL)
        return error_set(error, STATUS_PEER, "client data names no folder");
    return STATUS_OK;
}

void wire_start_put(char *to, const struct wire_client_data *data)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = (const uint8_t *)data;
    for (size_t i = 0; i < sizeof *data; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
    to[WIRE_START_HEX_LENGTH] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

enum status wire_start_get(const char *text, struct wire_client_data *data, struct error *error)
{
    uint8_t bytes[sizeof *data];
    memset(data, 0, sizeof *data);
    if (strlen(text) != WIRE_START_HEX_LENGTH)
        return error_set(error, STATUS_PEER, WIRE_START_VARIABLE " has %zu characters, not %zu",
                         strlen(text), WIRE_START_HEX_LENGTH);
    for (size_t i = 0; i < sizeof bytes; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return error_set(error, STATUS_PEER, WIRE_START_VARIABLE " is not hexadecimal");
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return wire_client_data_get(bytes, sizeof bytes, data, error);
}

bool wire_socket_name(char *to, size_t size, uint64_t pid, uint64_t start)
{
    int length = snprintf(to, size, "rejig-%llu-%llu-socket", (unsigned long long)pid,
                          (unsigned long long)start);
    return length > 0 && (size_t)length < size;
}

void wire_put_error(struct buffer *buffer, const struct error *error)
{
    size_t mark = wire_frame_begin(buffer, WIRE_MSG_ERROR);
    tlv_put_u32(buffer, WIRE_ERROR_STATUS, (uint32_t)error->status);
    tlv_put_text(buffer, WIRE_ERROR_MESSAGE, error->message);
    if (error->hint[0] != '\0')
        tlv_put_text(buffer, WIRE_ERROR_HINT, error->hint);
    if (error->offset >= 0)
        tlv_put_u64(buffer, WIRE_ERROR_OFFSET, (uint64_t)error->offset);
    wire_frame_end(buffer, mark);
}

void wire_get_error(struct reader payload, struct error *error)
{
    if (error == NULL)
        return;
    struct tlv field;
    error_init(error);
    error->status = STATUS_PEER;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_ERROR_STATUS) {
            uint32_t status = tlv_u32(&field);
            if (status > STATUS_OK && status <= STATUS_BUG)
                error->status = (enum status)status;
        } else if (field.tag == WIRE_ERROR_MESSAGE) {
            tlv_copy_text(&field, error->message, sizeof error->message);
        } else if (field.tag == WIRE_ERROR_HINT) {
            tlv_copy_text(&field, error->hint, sizeof error->hint);
        } else if (field.tag == WIRE_ERROR_OFFSET) {
            error->offset = (int64_t)tlv_u64(&field);
        }
    }
    if (error->message[0] == '\0')
        error_set(error, STATUS_PEER, "the other side gave up without a reason");
}
