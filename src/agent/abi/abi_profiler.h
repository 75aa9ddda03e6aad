/*
 * abi_profiler: the profiler's side of the CLR (ICorProfilerInfo1..15), the CLR's side of a
 * profiler (ICorProfilerCallback1..11), and the small objects that pass between them.
 *
 * The highest interface of a family stands for all: lower ones are its leading slots. A
 * runtime older than the highest hands out an object whose vtable is shorter, so a method
 * above the version that QueryInterface has granted must not be called
 * (abi_interface_slots() of the id granted bounds the slots there are).
 *
 * Threads: Info methods may be called on any thread, each with the conditions that
 * clr-facts.md, sections 1 and 13, lists.
 */
#ifndef ABI_PROFILER_H
#define ABI_PROFILER_H

#include "abi_unknown.h"

struct ICorProfilerInfo15;
struct ICorProfilerCallback11;
struct ICorProfilerFunctionControl;
struct ICorProfilerModuleEnum;
struct ICorProfilerThreadEnum;
struct ICorProfilerFunctionEnum;
struct ICorProfilerMethodEnum;

struct ICorProfilerInfo15Vtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerInfo15, result, name, __VA_ARGS__)
#include "abi_info.def"
};
struct ICorProfilerInfo15 {
    const struct ICorProfilerInfo15Vtbl *vtbl;
};

struct ICorProfilerCallback11Vtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerCallback11, result, name, __VA_ARGS__)
#include "abi_callback.def"
};
struct ICorProfilerCallback11 {
    const struct ICorProfilerCallback11Vtbl *vtbl;
};

struct ICorProfilerFunctionControlVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerFunctionControl, result, name, __VA_ARGS__)
#include "abi_function_control.def"
};
struct ICorProfilerFunctionControl {
    const struct ICorProfilerFunctionControlVtbl *vtbl;
};

struct ICorProfilerModuleEnumVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerModuleEnum, result, name, __VA_ARGS__)
#define ABI_ENUM_ITEM ModuleID
#include "abi_enum.def"
};
struct ICorProfilerModuleEnum {
    const struct ICorProfilerModuleEnumVtbl *vtbl;
};

struct ICorProfilerThreadEnumVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerThreadEnum, result, name, __VA_ARGS__)
#define ABI_ENUM_ITEM ThreadID
#include "abi_enum.def"
};
struct ICorProfilerThreadEnum {
    const struct ICorProfilerThreadEnumVtbl *vtbl;
};

struct ICorProfilerFunctionEnumVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerFunctionEnum, result, name, __VA_ARGS__)
#define ABI_ENUM_ITEM struct COR_PRF_FUNCTION
#include "abi_enum.def"
};
struct ICorProfilerFunctionEnum {
    const struct ICorProfilerFunctionEnumVtbl *vtbl;
};

struct ICorProfilerMethodEnumVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(ICorProfilerMethodEnum, result, name, __VA_ARGS__)
#define ABI_ENUM_ITEM struct COR_PRF_METHOD
#include "abi_enum.def"
};
struct ICorProfilerMethodEnum {
    const struct ICorProfilerMethodEnumVtbl *vtbl;
};

#define ABI_INFO_SLOTS     115u
#define ABI_CALLBACK_SLOTS 98u

/* "GetReJITParameters" for slot 84, for the log; NULL beyond the last slot. */
const char *abi_callback_name(uint32_t slot);
/* "RequestReJIT" for slot 73. */
const char *abi_info_name(uint32_t slot);

#endif
