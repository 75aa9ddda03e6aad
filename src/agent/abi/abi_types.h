/*
 * abi_types: the scalar and structure types that cross the profiler interface, as the CLR
 * lays them out on 64-bit unix (its PAL: LONG and ULONG are 32 bits, WCHAR is UTF-16).
 *
 * Names are the CLR's own, so that what stands here can be compared with its documentation.
 * Source of the facts: the interface definitions corprof.idl and cor.h of the runtime.
 */
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "clr_flags.h"
#include "clr_hresult.h" /* HRESULT */
#include "clr_token.h"   /* mdToken */

typedef int32_t BOOL;
typedef uint16_t WCHAR; /* a UTF-16 code unit */

typedef uintptr_t ProcessID, AssemblyID, AppDomainID, ModuleID, ClassID, ThreadID, ContextID;
typedef uintptr_t FunctionID, ObjectID, GCHandleID, ReJITID, COR_PRF_ELT_INFO;
typedef uintptr_t COR_PRF_FRAME_INFO, EVENTPIPE_PROVIDER, EVENTPIPE_EVENT;
typedef uint64_t EVENTPIPE_SESSION;
typedef void **ObjectHandleID;
typedef void *HCORENUM;

struct GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
};
_Static_assert(sizeof(struct GUID) == 16, "a GUID has no padding");

struct COR_IL_MAP {
    uint32_t oldOffset;
    uint32_t newOffset;
    BOOL fAccurate;
};

struct COR_DEBUG_IL_TO_NATIVE_MAP {
    uint32_t ilOffset; /* or one of the three below */
    uint32_t nativeStartOffset;
    uint32_t nativeEndOffset;
};
#define ABI_IL_NO_MAPPING UINT32_C(0xffffffff)
#define ABI_IL_PROLOG     UINT32_C(0xfffffffe)
#define ABI_IL_EPILOG     UINT32_C(0xfffffffd)

struct COR_FIELD_OFFSET {
    mdToken ridOfField;
    uint32_t ulOffset;
};

struct COR_PRF_CODE_INFO {
    uintptr_t startAddress;
    size_t size;
};

struct COR_PRF_FUNCTION {
    FunctionID functionId;
    ReJITID reJitId;
};

struct COR_PRF_METHOD {
    ModuleID moduleId;
    mdToken methodId;
};
_Static_assert(sizeof(struct COR_PRF_METHOD) == 16, "padded to its alignment");

struct COR_PRF_FUNCTION_ARGUMENT_RANGE {
    uintptr_t startAddress;
    uint32_t length;
};

struct COR_PRF_GC_GENERATION_RANGE {
    uint32_t generation;
    ObjectID rangeStart;
    uintptr_t rangeLength;
    uintptr_t rangeLengthReserved;
};

struct COR_PRF_NONGC_HEAP_RANGE {
    ObjectID rangeStart;
    uintptr_t rangeLength;
    uintptr_t rangeLengthReserved;
};

struct COR_PRF_EX_CLAUSE_INFO {
    uint32_t clauseType;
    uintptr_t programCounter;
    uintptr_t framePointer;
    uintptr_t shadowStackPointer;
};

struct COR_PRF_EVENTPIPE_PROVIDER_CONFIG {
    const WCHAR *providerName;
    uint64_t keywords;
    uint32_t loggingLevel;
    const WCHAR *filterData;
};

struct COR_PRF_EVENTPIPE_PARAM_DESC {
    uint32_t type;
    uint32_t elementType;
    const WCHAR *name;
};

struct COR_PRF_EVENT_DATA {
    uint64_t ptr;
    uint32_t size;
    uint32_t reserved;
};

struct OSINFO {
    uint32_t dwOSPlatformId;
    uint32_t dwOSMajorVersion;
    uint32_t dwOSMinorVersion;
};

struct ASSEMBLYMETADATA {
    uint16_t usMajorVersion;
    uint16_t usMinorVersion;
    uint16_t usBuildNumber;
    uint16_t usRevisionNumber;
    WCHAR *szLocale;
    uint32_t cbLocale;
    uint32_t *rProcessor;
    uint32_t ulProcessor;
    struct OSINFO *rOS;
    uint32_t ulOS;
};
_Static_assert(sizeof(struct ASSEMBLYMETADATA) == 56, "as the runtime's own compiler lays it out");

/* Called once a frame by DoStackSnapshot; anything but S_OK ends the walk. */
typedef HRESULT StackSnapshotCallback(FunctionID function, uintptr_t ip, COR_PRF_FRAME_INFO frame,
                                      uint32_t context_size, uint8_t *context, void *client_data);
typedef BOOL ObjectReferenceCallback(ObjectID root, ObjectID *reference, void *client_data);
typedef BOOL ObjectCallback(ObjectID object, void *state);
/* Enter, leave and tailcall hooks, id mappers, event pipe providers: their shapes matter to
 * whoever implements them only. */
typedef void FunctionHook(void);

#endif
