#include "recompile_versions.h"

#include <stddef.h>

#include "abi_profiler.h"

struct version_row {
    uint16_t major;
    uint16_t minor;
    bool inliners;
    const char *why;
};

static const struct version_row version_rows[] = {
    {8, 0, true, NULL},
    {9, 0, true, NULL},
    {10, 0, true, NULL},
};

static const char too_old[] =
    "callers that hold an inlined copy in JIT-compiled code are missed: this runtime is older "
    "than .NET 8 and cannot be asked for them";
static const char not_measured[] =
    "callers that hold an inlined copy in JIT-compiled code are missed: this version of rejig "
    "does not know this runtime";

struct recompile_version recompile_version_ask(struct ICorProfilerInfo15 *info)
{
    struct recompile_version version = {0};
    uint32_t type = 0;
    uint16_t instance = 0, qfe = 0;
    const HRESULT result =
        info->vtbl->GetRuntimeInformation(info, &instance, &type, &version.major, &version.minor,
                                          &version.build, &qfe, 0, NULL, NULL);
    if (hresult_failed(result))
        return (struct recompile_version){0};
    version.core = type == 2; /* COR_PRF_CORE_CLR */
    return version;
}

bool recompile_version_follows(struct recompile_version version, const char **why)
{
    *why = NULL;
    for (size_t i = 0; version.core && i < sizeof(version_rows) / sizeof(version_rows[0]); i++) {
        const struct version_row *row = &version_rows[i];
        if (row->major == version.major && row->minor == version.minor) {
            *why = row->why;
            return row->inliners;
        }
    }
    *why = version.core && version.major < 8 ? too_old : not_measured;
    return false;
}
