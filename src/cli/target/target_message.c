/* The bytes of the diagnostics protocol: no descriptors here. */
#include <string.h>

#include "base_text.h"
#include "base_utf16.h"
#include "clr_hresult.h"
#include "target_ipc.h"

#define HEAD_BYTES 20u

static const char magic[14] = "DOTNET_IPC_V1";

static void put_head(struct buffer *buffer, unsigned command, size_t length)
{
    buffer_append(buffer, magic, sizeof magic);
    buffer_append_u16(buffer, (uint16_t)(HEAD_BYTES + length));
    buffer_append_u8(buffer, (uint8_t)(command >> 8));
    buffer_append_u8(buffer, (uint8_t)command);
    buffer_append_u16(buffer, 0);
}

void target_ipc_put(struct buffer *buffer, enum target_ipc_command command, const void *payload,
                    size_t length)
{
    put_head(buffer, command, length);
    if (length > 0)
        buffer_append(buffer, payload, length);
}

enum status target_ipc_put_attach(struct buffer *buffer, uint32_t timeout_ms,
                                  const uint8_t clsid[16], const char *path,
                                  const void *client_data, size_t length, struct error *error)
{
    struct buffer payload;
    buffer_init(&payload, (size_t)1 << 20);
    buffer_append_u32(&payload, timeout_ms);
    buffer_append(&payload, clsid, 16);
    size_t mark = payload.length;
    buffer_append_u32(&payload, 0);
    size_t units = utf16_append_from_utf8(&payload, path, strlen(path)) + 1;
    buffer_append_u16(&payload, 0);
    buffer_append_u32(&payload, (uint32_t)length);
    buffer_append(&payload, client_data, length);
    enum status status = STATUS_OK;
    if (buffer_failed(&payload)) {
        status = error_set(error, STATUS_MEMORY, "out of memory");
    } else if (payload.length + HEAD_BYTES > UINT16_MAX) {
        status = error_set(error, STATUS_LIMIT, "the request is longer than 65,535 bytes");
    } else {
        for (size_t i = 0; i < 4; i++)
            payload.data[mark + i] = (uint8_t)(units >> (8 * i));
        target_ipc_put(buffer, TARGET_IPC_ATTACH_PROFILER, payload.data, payload.length);
    }
    buffer_release(&payload);
    return status;
}

enum status target_ipc_take(const struct buffer *received, struct reader *payload,
                            uint32_t *hresult, struct error *error)
{
    struct reader reader;
    *hresult = 0;
    reader_init(&reader, received->data, received->length);
    const uint8_t *begin = reader_bytes(&reader, sizeof magic);
    if (begin == NULL)
        return STATUS_NOT_FOUND;
    if (memcmp(begin, magic, sizeof magic) != 0)
        return error_set(error, STATUS_PEER, "the answer is not of the diagnostics protocol");
    uint16_t whole = reader_u16(&reader);
    unsigned command = (unsigned)reader_u8(&reader) << 8;
    command |= reader_u8(&reader);
    reader_u16(&reader);
    if (reader_failed(&reader))
        return STATUS_NOT_FOUND;
    if (whole < HEAD_BYTES)
        return error_set(error, STATUS_PEER, "the runtime's answer has an impossible size");
    if (received->length < whole)
        return STATUS_NOT_FOUND;
    *payload = reader_window(&reader, HEAD_BYTES, whole - HEAD_BYTES);
    if (command == TARGET_IPC_OK)
        return STATUS_OK;
    if (command != TARGET_IPC_ERROR || reader_left(payload) < 4)
        return error_set(error, STATUS_PEER, "the runtime's answer is of an unknown kind");
    struct reader code = *payload;
    *hresult = reader_u32(&code);
    char text[HRESULT_TEXT_BYTES];
    return error_set(error, STATUS_TARGET, "the runtime answers %s",
                     hresult_text((HRESULT)*hresult, text, sizeof text));
}

/* A string of the protocol; nothing is written where it is malformed. */
static void take_text(struct reader *reader, char *to, size_t size)
{
    uint32_t units = reader_u32(reader);
    if (units > reader_left(reader) / 2)
        reader->failed = true;
    if (units == 0 || reader_failed(reader))
        return;
    const uint8_t *bytes = reader_bytes(reader, (size_t)units * 2);
    if (bytes != NULL)
        utf16_to_utf8(to, size, bytes, units - 1);
    for (char *c = to; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
}

enum status target_ipc_take_info(struct reader payload, enum target_ipc_command command,
                                 struct target_info *info, struct error *error)
{
    if (command == TARGET_IPC_PROCESS_INFO3)
        reader_u32(&payload); /* version of the structure: later ones append */
    info->pid = reader_u64(&payload);
    reader_copy(&payload, info->cookie, sizeof info->cookie);
    take_text(&payload, info->command, sizeof info->command);
    take_text(&payload, info->os, sizeof info->os);
    take_text(&payload, info->architecture, sizeof info->architecture);
    if (command != TARGET_IPC_PROCESS_INFO) {
        take_text(&payload, info->assembly, sizeof info->assembly);
        take_text(&payload, info->version, sizeof info->version);
        info->version[strcspn(info->version, "+ ")] = '\0';
    }
    if (command == TARGET_IPC_PROCESS_INFO3)
        take_text(&payload, info->rid, sizeof info->rid);
    if (reader_failed(&payload))
        return error_set(error, STATUS_PEER, "the runtime's answer to ProcessInfo is malformed");
    return STATUS_OK;
}

enum status target_ipc_take_environment(struct reader stream, struct buffer *to,
                                        struct error *error)
{
    uint32_t count = reader_u32(&stream);
    for (uint32_t i = 0; i < count && !reader_failed(&stream); i++) {
        uint32_t units = reader_u32(&stream);
        if (units > reader_left(&stream) / 2)
            stream.failed = true;
        const uint8_t *bytes = reader_bytes(&stream, (size_t)units * 2);
        if (bytes == NULL || reader_failed(&stream))
            break;
        if (units > 0)
            utf16_append_utf8(to, bytes, units - 1);
        buffer_append_u8(to, 0);
    }
    if (reader_failed(&stream))
        return error_set(error, STATUS_PEER, "the runtime's environment answer is malformed");
    return buffer_failed(to) ? error_set(error, STATUS_MEMORY, "out of memory") : STATUS_OK;
}
