// uses: target wire clr base
/* Answers of a runtime that is not one: whatever comes over a diagnostics socket. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_all(struct reader payload)
{
    static const enum target_ipc_command commands[] = {
        TARGET_IPC_PROCESS_INFO, TARGET_IPC_PROCESS_INFO2, TARGET_IPC_PROCESS_INFO3};
    struct target_info info;
    struct buffer text;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        memset(&info, 0, sizeof info);
        if (target_ipc_take_info(payload, commands[i], &info, NULL) == STATUS_OK &&
            strlen(info.version) >= sizeof info.version)
            abort();
    }
    buffer_init(&text, 1 << 16);
    target_ipc_take_environment(payload, &text, NULL);
    buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer received;
    struct reader payload;
    struct error error;
    uint32_t hresult;
    error_init(&error);
    buffer_init(&received, 0);
    buffer_append(&received, data, size);
    if (target_ipc_take(&received, &payload, &hresult, &error) == STATUS_OK) {
        if (reader_left(&payload) > size)
            abort();
        take_all(payload);
    }
    reader_init(&payload, received.data, received.length);
    take_all(payload);
    buffer_release(&received);
    return 0;
}
