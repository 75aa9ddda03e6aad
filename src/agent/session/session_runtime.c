#include "session_runtime.h"

#include <stdlib.h>
#include <string.h>

#include "abi_profiler.h"
#include "base_utf16.h"

/* IsArrayClass says S_FALSE to what is none. */
#define S_OK 0

static bool failed(HRESULT result)
{
    return result < 0;
}

bool runtime_class_read(struct ICorProfilerInfo15 *info, uint64_t id, struct runtime_class *class)
{
    memset(class, 0, sizeof *class);
    ModuleID module = 0;
    ClassID parent = 0;
    ClassID arguments[RUNTIME_MAX_ARGUMENTS] = {0};
    uint32_t count = 0;
    mdToken type = 0;
    if (info == NULL || id == 0 ||
        failed(info->vtbl->GetClassIDInfo2(info, (ClassID)id, &module, &type, &parent,
                                           RUNTIME_MAX_ARGUMENTS, &count, arguments)) ||
        module == 0 || type == 0)
        return false;
    class->module = module;
    class->type = type;
    class->parent = parent;
    class->argument_count = count < RUNTIME_MAX_ARGUMENTS ? count : RUNTIME_MAX_ARGUMENTS;
    for (uint32_t i = 0; i < class->argument_count; i++)
        class->arguments[i] = arguments[i];
    return true;
}

bool runtime_array_read(struct ICorProfilerInfo15 *info, uint64_t id, struct runtime_array *array)
{
    memset(array, 0, sizeof *array);
    uint32_t element = 0, rank = 0;
    ClassID item = 0;
    if (info == NULL || id == 0 ||
        info->vtbl->IsArrayClass(info, (ClassID)id, &element, &item, &rank) != S_OK)
        return false;
    array->element = (uint8_t)element;
    array->item = item;
    array->rank = rank;
    return rank > 0;
}

bool runtime_layout_read(struct ICorProfilerInfo15 *info, uint64_t id,
                         struct runtime_offset **offsets, uint32_t *count, uint32_t *size)
{
    *offsets = NULL;
    *count = *size = 0;
    if (info == NULL || id == 0 ||
        failed(info->vtbl->GetClassLayout(info, (ClassID)id, NULL, 0, count, size)))
        return false;
    if (*count == 0)
        return true;
    uint32_t room = *count, got = 0;
    struct COR_FIELD_OFFSET *fields = calloc(room, sizeof *fields);
    *offsets = calloc(room, sizeof **offsets);
    bool done = fields != NULL && *offsets != NULL &&
                !failed(info->vtbl->GetClassLayout(info, (ClassID)id, fields, room, &got, size));
    *count = done && got < room ? got : done ? room : 0;
    for (uint32_t i = 0; i < *count; i++)
        (*offsets)[i] = (struct runtime_offset){fields[i].ridOfField, fields[i].ulOffset};
    free(fields);
    if (!done) {
        free(*offsets);
        *offsets = NULL;
    }
    return done;
}

uint64_t runtime_class_of(struct ICorProfilerInfo15 *info, uint64_t module, uint32_t type)
{
    ClassID id = 0;
    if (info == NULL || failed(info->vtbl->GetClassFromToken(info, (ModuleID)module, type, &id)))
        return 0;
    return id;
}

uint64_t runtime_class_of_instance(struct ICorProfilerInfo15 *info, uint64_t module, uint32_t type,
                                   const uint64_t *arguments, uint32_t count)
{
    ClassID id = 0, ids[RUNTIME_MAX_ARGUMENTS];
    if (info == NULL || count > RUNTIME_MAX_ARGUMENTS)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i] == 0)
            return 0;
        ids[i] = (ClassID)arguments[i];
    }
    if (failed(info->vtbl->GetClassFromTokenAndTypeArgs(info, (ModuleID)module, type, count, ids,
                                                        &id)))
        return 0;
    return id;
}

bool runtime_string_read(struct ICorProfilerInfo15 *info, uint32_t *length_at, uint32_t *text_at)
{
    return info != NULL && !failed(info->vtbl->GetStringLayout2(info, length_at, text_at));
}

bool runtime_function_at(struct ICorProfilerInfo15 *info, uint64_t address,
                         struct runtime_function *function)
{
    memset(function, 0, sizeof *function);
    FunctionID id = 0;
    ReJITID rejit = 0;
    ClassID class_id = 0, arguments[RUNTIME_MAX_ARGUMENTS] = {0};
    ModuleID module = 0;
    mdToken token = 0;
    uint32_t count = 0;
    if (info == NULL ||
        failed(info->vtbl->GetFunctionFromIP3(info, (uint8_t *)(uintptr_t)address, &id, &rejit)) ||
        failed(info->vtbl->GetFunctionInfo2(info, id, 0, &class_id, &module, &token,
                                            RUNTIME_MAX_ARGUMENTS, &count, arguments)))
        return false;
    function->class_id = class_id;
    function->module = module;
    function->method = token;
    function->argument_count = count < RUNTIME_MAX_ARGUMENTS ? count : RUNTIME_MAX_ARGUMENTS;
    for (uint32_t i = 0; i < function->argument_count; i++)
        function->arguments[i] = arguments[i];
    return true;
}

void runtime_version(struct ICorProfilerInfo15 *info, char *text, size_t size)
{
    uint16_t clr = 0, major = 0, minor = 0, build = 0, fix = 0;
    uint32_t kind = 0, length = 0;
    WCHAR version[64] = {0};
    text[0] = '\0';
    if (info == NULL || failed(info->vtbl->GetRuntimeInformation(
                            info, &clr, &kind, &major, &minor, &build, &fix, 64, &length, version)))
        return;
    size_t units = 0;
    while (units < 64 && version[units] != 0)
        units++;
    utf16_to_utf8(text, size, version, units);
}
