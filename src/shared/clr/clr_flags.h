/*
 * clr_flags: the bits of the metadata and of the profiler's calls, named as Microsoft
 * names them (ECMA-335 II.23.1; corhdr.h, cor.h and corprof.idl of dotnet/runtime).
 * Pure data.
 */
#ifndef CLR_FLAGS_H
#define CLR_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

/* TypeDef.Flags, ExportedType.Flags */
enum clr_type_attributes {
    tdVisibilityMask = 0x00000007,
    tdNotPublic = 0x00000000,
    tdPublic = 0x00000001,
    tdNestedPublic = 0x00000002,
    tdNestedPrivate = 0x00000003,
    tdNestedFamily = 0x00000004,
    tdNestedAssembly = 0x00000005,
    tdNestedFamANDAssem = 0x00000006,
    tdNestedFamORAssem = 0x00000007,
    tdLayoutMask = 0x00000018,
    tdAutoLayout = 0x00000000,
    tdSequentialLayout = 0x00000008,
    tdExplicitLayout = 0x00000010,
    tdClassSemanticsMask = 0x00000020,
    tdClass = 0x00000000,
    tdInterface = 0x00000020,
    tdAbstract = 0x00000080,
    tdSealed = 0x00000100,
    tdSpecialName = 0x00000400,
    tdRTSpecialName = 0x00000800,
    tdImport = 0x00001000,
    tdSerializable = 0x00002000,
    tdWindowsRuntime = 0x00004000,
    tdStringFormatMask = 0x00030000,
    tdAnsiClass = 0x00000000,
    tdUnicodeClass = 0x00010000,
    tdAutoClass = 0x00020000,
    tdCustomFormatClass = 0x00030000,
    tdHasSecurity = 0x00040000,
    tdBeforeFieldInit = 0x00100000,
    tdForwarder = 0x00200000,
};

/* MethodDef.Flags */
enum clr_method_attributes {
    mdMemberAccessMask = 0x0007,
    mdPrivateScope = 0x0000,
    mdPrivate = 0x0001,
    mdFamANDAssem = 0x0002,
    mdAssem = 0x0003,
    mdFamily = 0x0004,
    mdFamORAssem = 0x0005,
    mdPublic = 0x0006,
    mdUnmanagedExport = 0x0008,
    mdStatic = 0x0010,
    mdFinal = 0x0020,
    mdVirtual = 0x0040,
    mdHideBySig = 0x0080,
    mdVtableLayoutMask = 0x0100,
    mdReuseSlot = 0x0000,
    mdNewSlot = 0x0100,
    mdCheckAccessOnOverride = 0x0200,
    mdAbstract = 0x0400,
    mdSpecialName = 0x0800,
    mdRTSpecialName = 0x1000,
    mdPinvokeImpl = 0x2000,
    mdHasSecurity = 0x4000,
    mdRequireSecObject = 0x8000,
};

/* MethodDef.ImplFlags */
enum clr_method_impl {
    miCodeTypeMask = 0x0003,
    miIL = 0x0000,
    miNative = 0x0001,
    miOPTIL = 0x0002,
    miRuntime = 0x0003,
    miManagedMask = 0x0004,
    miManaged = 0x0000,
    miUnmanaged = 0x0004,
    miNoInlining = 0x0008,
    miForwardRef = 0x0010,
    miSynchronized = 0x0020,
    miNoOptimization = 0x0040,
    miPreserveSig = 0x0080,
    miAggressiveInlining = 0x0100,
    miAggressiveOptimization = 0x0200,
    miInternalCall = 0x1000,
    miAsync = 0x2000, /* the runtime itself suspends and resumes the method (.NET 11) */
};

/* Field.Flags */
enum clr_field_attributes {
    fdFieldAccessMask = 0x0007,
    fdPrivateScope = 0x0000,
    fdPrivate = 0x0001,
    fdFamANDAssem = 0x0002,
    fdAssembly = 0x0003,
    fdFamily = 0x0004,
    fdFamORAssem = 0x0005,
    fdPublic = 0x0006,
    fdStatic = 0x0010,
    fdInitOnly = 0x0020,
    fdLiteral = 0x0040,
    fdNotSerialized = 0x0080,
    fdHasFieldRVA = 0x0100,
    fdSpecialName = 0x0200,
    fdRTSpecialName = 0x0400,
    fdHasFieldMarshal = 0x1000,
    fdPinvokeImpl = 0x2000,
    fdHasDefault = 0x8000,
};

/* Param.Flags */
enum clr_param_attributes {
    pdIn = 0x0001,
    pdOut = 0x0002,
    pdOptional = 0x0010,
    pdHasDefault = 0x1000,
    pdHasFieldMarshal = 0x2000,
};

/* MethodSemantics.Semantics */
enum clr_method_semantics {
    msSetter = 0x0001,
    msGetter = 0x0002,
    msOther = 0x0004,
    msAddOn = 0x0008,
    msRemoveOn = 0x0010,
    msFire = 0x0020,
};

/* GenericParam.Flags */
enum clr_generic_param_attributes {
    gpVarianceMask = 0x0003,
    gpCovariant = 0x0001,
    gpContravariant = 0x0002,
    gpReferenceTypeConstraint = 0x0004,
    gpNotNullableValueTypeConstraint = 0x0008,
    gpDefaultConstructorConstraint = 0x0010,
    gpAllowByRefLike = 0x0020,
};

/* The first byte or word of a method body (ECMA-335 II.25.4). */
enum clr_method_header {
    CorILMethod_FormatMask = 0x3,
    CorILMethod_TinyFormat = 0x2,
    CorILMethod_FatFormat = 0x3,
    CorILMethod_MoreSects = 0x8,
    CorILMethod_InitLocals = 0x10,
};

/* The first byte of a section behind the code. */
enum clr_method_section {
    CorILMethod_Sect_EHTable = 0x1,
    CorILMethod_Sect_OptILTable = 0x2,
    CorILMethod_Sect_KindMask = 0x3f,
    CorILMethod_Sect_FatFormat = 0x40,
    CorILMethod_Sect_MoreSects = 0x80,
};

enum clr_exception_clause {
    COR_ILEXCEPTION_CLAUSE_NONE = 0x0, /* catch of a type */
    COR_ILEXCEPTION_CLAUSE_FILTER = 0x1,
    COR_ILEXCEPTION_CLAUSE_FINALLY = 0x2,
    COR_ILEXCEPTION_CLAUSE_FAULT = 0x4,
    COR_ILEXCEPTION_CLAUSE_DUPLICATED = 0x8,
};

/* SetEventMask, and the low word of SetEventMask2. */
enum clr_event_mask {
    COR_PRF_MONITOR_NONE = 0x00000000,
    COR_PRF_MONITOR_FUNCTION_UNLOADS = 0x00000001,
    COR_PRF_MONITOR_CLASS_LOADS = 0x00000002,
    COR_PRF_MONITOR_MODULE_LOADS = 0x00000004,
    COR_PRF_MONITOR_ASSEMBLY_LOADS = 0x00000008,
    COR_PRF_MONITOR_APPDOMAIN_LOADS = 0x00000010,
    COR_PRF_MONITOR_JIT_COMPILATION = 0x00000020,
    COR_PRF_MONITOR_EXCEPTIONS = 0x00000040,
    COR_PRF_MONITOR_GC = 0x00000080,
    COR_PRF_MONITOR_OBJECT_ALLOCATED = 0x00000100,
    COR_PRF_MONITOR_THREADS = 0x00000200,
    COR_PRF_MONITOR_REMOTING = 0x00000400,
    COR_PRF_MONITOR_CODE_TRANSITIONS = 0x00000800,
    COR_PRF_MONITOR_ENTERLEAVE = 0x00001000,
    COR_PRF_MONITOR_CCW = 0x00002000,
    COR_PRF_MONITOR_REMOTING_COOKIE = 0x00004400,
    COR_PRF_MONITOR_REMOTING_ASYNC = 0x00008400,
    COR_PRF_MONITOR_SUSPENDS = 0x00010000,
    COR_PRF_MONITOR_CACHE_SEARCHES = 0x00020000,
    COR_PRF_ENABLE_REJIT = 0x00040000,
    COR_PRF_ENABLE_INPROC_DEBUGGING = 0x00080000,
    COR_PRF_ENABLE_JIT_MAPS = 0x00100000,
    COR_PRF_DISABLE_INLINING = 0x00200000,
    COR_PRF_DISABLE_OPTIMIZATIONS = 0x00400000,
    COR_PRF_ENABLE_OBJECT_ALLOCATED = 0x00800000,
    COR_PRF_MONITOR_CLR_EXCEPTIONS = 0x01000000,
    COR_PRF_ENABLE_FUNCTION_ARGS = 0x02000000,
    COR_PRF_ENABLE_FUNCTION_RETVAL = 0x04000000,
    COR_PRF_ENABLE_FRAME_INFO = 0x08000000,
    COR_PRF_ENABLE_STACK_SNAPSHOT = 0x10000000,
    COR_PRF_USE_PROFILE_IMAGES = 0x20000000,
    COR_PRF_DISABLE_TRANSPARENCY_CHECKS_UNDER_FULL_TRUST = 0x40000000,
};
#define COR_PRF_DISABLE_ALL_NGEN_IMAGES 0x80000000u

/* The high word of SetEventMask2. */
enum clr_high_event_mask {
    COR_PRF_HIGH_MONITOR_NONE = 0x000,
    COR_PRF_HIGH_ADD_ASSEMBLY_REFERENCES = 0x001,
    COR_PRF_HIGH_IN_MEMORY_SYMBOLS_UPDATED = 0x002,
    COR_PRF_HIGH_MONITOR_DYNAMIC_FUNCTION_UNLOADS = 0x004,
    COR_PRF_HIGH_DISABLE_TIERED_COMPILATION = 0x008,
    COR_PRF_HIGH_BASIC_GC = 0x010,
    COR_PRF_HIGH_MONITOR_GC_MOVED_OBJECTS = 0x020,
    COR_PRF_HIGH_MONITOR_LARGEOBJECT_ALLOCATED = 0x040,
    COR_PRF_HIGH_MONITOR_EVENT_PIPE = 0x080,
    COR_PRF_HIGH_MONITOR_PINNEDOBJECT_ALLOCATED = 0x100,
};

/* DoStackSnapshot. */
enum clr_snapshot_info {
    COR_PRF_SNAPSHOT_DEFAULT = 0,
    COR_PRF_SNAPSHOT_REGISTER_CONTEXT = 1,
};

/* GetModuleMetaData, IMetaDataDispenser::OpenScope. Measured on a loaded module: to emit,
 * pass ofWrite alone. */
enum clr_open_flags {
    ofRead = 0x00000000,
    ofWrite = 0x00000001,
    ofReadWriteMask = 0x00000001,
    ofCopyMemory = 0x00000002,
    ofReadOnly = 0x00000010,
    ofTakeOwnership = 0x00000020,
    ofNoTypeLib = 0x00000080,
    ofCheckIntegrity = 0x00000800,
    ofNoTransform = 0x00001000,
};

/* RequestReJITWithInliners. Measured: the first is always required. */
enum clr_rejit_flags {
    COR_PRF_REJIT_BLOCK_INLINING = 0x1,
    COR_PRF_REJIT_INLINING_CALLBACKS = 0x2,
};

/* ICorProfilerFunctionControl::SetCodegenFlags */
enum clr_codegen_flags {
    COR_PRF_CODEGEN_DISABLE_INLINING = 0x1,
    COR_PRF_CODEGEN_DISABLE_ALL_OPTIMIZATIONS = 0x2,
};

/* GetModuleInfo2 */
enum clr_module_flags {
    COR_PRF_MODULE_DISK = 0x01,
    COR_PRF_MODULE_NGEN = 0x02,
    COR_PRF_MODULE_DYNAMIC = 0x04,
    COR_PRF_MODULE_COLLECTIBLE = 0x08,
    COR_PRF_MODULE_RESOURCE = 0x10,
    COR_PRF_MODULE_FLAT_LAYOUT = 0x20,
    COR_PRF_MODULE_WINDOWS_RUNTIME = 0x40,
};

/* JITCachedFunctionSearchFinished */
enum clr_cache_search {
    COR_PRF_CACHED_FUNCTION_FOUND = 0,
    COR_PRF_CACHED_FUNCTION_NOT_FOUND = 1,
};

/* True where the method has a body of IL that a probe could be woven into: neither
 * abstract, nor native, nor supplied by the runtime. (An RVA of 0 still says no.) */
static inline bool clr_method_has_il(uint32_t flags, uint32_t impl_flags)
{
    return !(flags & (mdAbstract | mdPinvokeImpl)) && (impl_flags & miCodeTypeMask) == miIL &&
           !(impl_flags & (miInternalCall | miUnmanaged));
}

#endif
