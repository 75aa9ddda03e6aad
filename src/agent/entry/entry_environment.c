#include "entry_environment.h"

#include <stdlib.h>

#include "abi_profiler.h"
#include "base_utf16.h"
#include "wire_message.h"

static const char *const names[] = {WIRE_START_VARIABLE, WIRE_START_ENABLE, WIRE_START_CLSID,
                                    WIRE_START_PATH};

bool environment_take(struct ICorProfilerInfo15 *info, uint32_t info_slots,
                      struct wire_client_data *data)
{
    const char *text = getenv(WIRE_START_VARIABLE);
    if (!text)
        return false;
    const bool good = wire_start_get(text, data, NULL) == STATUS_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        WCHAR name[64];
        utf16_from_utf8(name, sizeof(name) / sizeof(name[0]), names[i]);
        if (info_slots >= abi_interface_slots(&IID_ICorProfilerInfo11))
            info->vtbl->SetEnvironmentVariable(info, name, NULL);
        unsetenv(names[i]);
    }
    return good;
}
