/* The slot checks of all interfaces, and the methods' names. */
#include "abi_metadata.h"
#include "abi_profiler.h"

#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(ICorProfilerInfo15, slot, name)
#include "abi_info.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(ICorProfilerCallback11, slot, name)
#include "abi_callback.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(ICorProfilerFunctionControl, slot, name)
#include "abi_function_control.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(IClassFactory, slot, name)
#include "abi_class_factory.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(ICorProfilerModuleEnum, slot, name)
#include "abi_enum.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(IMetaDataEmit2, slot, name)
#include "abi_metadata_emit.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(IMetaDataImport2, slot, name)
#include "abi_metadata_import.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(IMetaDataAssemblyEmit, slot, name)
#include "abi_metadata_assembly_emit.def"
#define ABI_METHOD(result, slot, name, ...) ABI_AT_SLOT(IMetaDataAssemblyImport, slot, name)
#include "abi_metadata_assembly_import.def"

/* Slots that stand fixed in other people's binaries: a shifted table would pass the checks
 * above if its numbers had shifted with it. */
#define AT(object, slot, name)                                                                     \
    _Static_assert(offsetof(struct object##Vtbl, name) == (slot) * sizeof(void *), #name)
AT(ICorProfilerInfo15, 36, DoStackSnapshot);
AT(ICorProfilerInfo15, 57, EnumJITedFunctions);
AT(ICorProfilerInfo15, 73, RequestReJIT);
AT(ICorProfilerInfo15, 96, RequestReJITWithInliners);
AT(ICorProfilerInfo15, 114, EnumerateGCHeapObjects);
AT(ICorProfilerCallback11, 14, ModuleLoadFinished);
AT(ICorProfilerCallback11, 80, InitializeForAttach);
AT(ICorProfilerCallback11, 84, GetReJITParameters);
AT(ICorProfilerCallback11, 97, LoadAsNotificationOnly);
_Static_assert(sizeof(struct ICorProfilerInfo15Vtbl) == ABI_INFO_SLOTS * sizeof(void *), "Info");
_Static_assert(sizeof(struct ICorProfilerCallback11Vtbl) == ABI_CALLBACK_SLOTS * sizeof(void *),
               "Callback");
_Static_assert(sizeof(struct IMetaDataEmit2Vtbl) == 60 * sizeof(void *), "Emit");
_Static_assert(sizeof(struct IMetaDataImport2Vtbl) == 73 * sizeof(void *), "Import");

static const char *const callback_names[] = {
#define ABI_METHOD(result, slot, name, ...) [slot] = #name,
#include "abi_callback.def"
};

static const char *const info_names[] = {
#define ABI_METHOD(result, slot, name, ...) [slot] = #name,
#include "abi_info.def"
};

const char *abi_callback_name(uint32_t slot)
{
    return slot < ABI_CALLBACK_SLOTS ? callback_names[slot] : NULL;
}

const char *abi_info_name(uint32_t slot)
{
    return slot < ABI_INFO_SLOTS ? info_names[slot] : NULL;
}
