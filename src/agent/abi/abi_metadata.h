/*
 * abi_metadata: the runtime's metadata interfaces, as ICorProfilerInfo::GetModuleMetaData
 * hands them out. We read metadata by ourselves (room metadata); these serve to add to it:
 * signatures, type and member references in the scope of a module. Open with ABI_OF_WRITE.
 *
 * Threads: not inside a probe; several threads at once only where the runtime's own lock is
 * known to be taken (recompile serialises its calls per process).
 */
#ifndef ABI_METADATA_H
#define ABI_METADATA_H

#include "abi_unknown.h"

struct IMetaDataEmit2;
struct IMetaDataImport2;
struct IMetaDataAssemblyEmit;
struct IMetaDataAssemblyImport;

struct IMetaDataEmit2Vtbl {
#define ABI_METHOD(result, slot, name, ...) ABI_MEMBER(IMetaDataEmit2, result, name, __VA_ARGS__)
#include "abi_metadata_emit.def"
};
struct IMetaDataEmit2 {
    const struct IMetaDataEmit2Vtbl *vtbl;
};

struct IMetaDataImport2Vtbl {
#define ABI_METHOD(result, slot, name, ...) ABI_MEMBER(IMetaDataImport2, result, name, __VA_ARGS__)
#include "abi_metadata_import.def"
};
struct IMetaDataImport2 {
    const struct IMetaDataImport2Vtbl *vtbl;
};

struct IMetaDataAssemblyEmitVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(IMetaDataAssemblyEmit, result, name, __VA_ARGS__)
#include "abi_metadata_assembly_emit.def"
};
struct IMetaDataAssemblyEmit {
    const struct IMetaDataAssemblyEmitVtbl *vtbl;
};

struct IMetaDataAssemblyImportVtbl {
#define ABI_METHOD(result, slot, name, ...)                                                        \
    ABI_MEMBER(IMetaDataAssemblyImport, result, name, __VA_ARGS__)
#include "abi_metadata_assembly_import.def"
};
struct IMetaDataAssemblyImport {
    const struct IMetaDataAssemblyImportVtbl *vtbl;
};

#endif
