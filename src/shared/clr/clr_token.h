/*
 * clr_token: metadata tokens and the numbers of the metadata tables.
 *
 * A token is a table number in its highest byte and a row, counted from 1, in the rest
 * (ECMA-335 II.22; portable pdb tables: the Portable PDB format document). Names of the
 * token kinds as in Microsoft's corhdr.h. Pure functions on values; any thread.
 */
#ifndef CLR_TOKEN_H
#define CLR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t mdToken;

#define CLR_TABLES(ROW)                                                                            \
    ROW(Module, 0x00)                                                                              \
    ROW(TypeRef, 0x01)                                                                             \
    ROW(TypeDef, 0x02)                                                                             \
    ROW(FieldPtr, 0x03)                                                                            \
    ROW(Field, 0x04)                                                                               \
    ROW(MethodPtr, 0x05)                                                                           \
    ROW(MethodDef, 0x06)                                                                           \
    ROW(ParamPtr, 0x07)                                                                            \
    ROW(Param, 0x08)                                                                               \
    ROW(InterfaceImpl, 0x09)                                                                       \
    ROW(MemberRef, 0x0a)                                                                           \
    ROW(Constant, 0x0b)                                                                            \
    ROW(CustomAttribute, 0x0c)                                                                     \
    ROW(FieldMarshal, 0x0d)                                                                        \
    ROW(DeclSecurity, 0x0e)                                                                        \
    ROW(ClassLayout, 0x0f)                                                                         \
    ROW(FieldLayout, 0x10)                                                                         \
    ROW(StandAloneSig, 0x11)                                                                       \
    ROW(EventMap, 0x12)                                                                            \
    ROW(EventPtr, 0x13)                                                                            \
    ROW(Event, 0x14)                                                                               \
    ROW(PropertyMap, 0x15)                                                                         \
    ROW(PropertyPtr, 0x16)                                                                         \
    ROW(Property, 0x17)                                                                            \
    ROW(MethodSemantics, 0x18)                                                                     \
    ROW(MethodImpl, 0x19)                                                                          \
    ROW(ModuleRef, 0x1a)                                                                           \
    ROW(TypeSpec, 0x1b)                                                                            \
    ROW(ImplMap, 0x1c)                                                                             \
    ROW(FieldRVA, 0x1d)                                                                            \
    ROW(ENCLog, 0x1e)                                                                              \
    ROW(ENCMap, 0x1f)                                                                              \
    ROW(Assembly, 0x20)                                                                            \
    ROW(AssemblyProcessor, 0x21)                                                                   \
    ROW(AssemblyOS, 0x22)                                                                          \
    ROW(AssemblyRef, 0x23)                                                                         \
    ROW(AssemblyRefProcessor, 0x24)                                                                \
    ROW(AssemblyRefOS, 0x25)                                                                       \
    ROW(File, 0x26)                                                                                \
    ROW(ExportedType, 0x27)                                                                        \
    ROW(ManifestResource, 0x28)                                                                    \
    ROW(NestedClass, 0x29)                                                                         \
    ROW(GenericParam, 0x2a)                                                                        \
    ROW(MethodSpec, 0x2b)                                                                          \
    ROW(GenericParamConstraint, 0x2c)                                                              \
    ROW(Document, 0x30)                                                                            \
    ROW(MethodDebugInformation, 0x31)                                                              \
    ROW(LocalScope, 0x32)                                                                          \
    ROW(LocalVariable, 0x33)                                                                       \
    ROW(LocalConstant, 0x34)                                                                       \
    ROW(ImportScope, 0x35)                                                                         \
    ROW(StateMachineMethod, 0x36)                                                                  \
    ROW(CustomDebugInformation, 0x37)

/* CLR_TABLE_TypeDef and so on. */
enum clr_table {
#define ROW(name, number) CLR_TABLE_##name = number,
    CLR_TABLES(ROW)
#undef ROW
        CLR_TABLE_COUNT = 0x40,  /* the format has bits for 64 tables */
    CLR_TABLE_UserString = 0x70, /* not a table: an offset into the #US heap */
};

enum clr_token_kind {
    mdtModule = 0x00000000,
    mdtTypeRef = 0x01000000,
    mdtTypeDef = 0x02000000,
    mdtFieldDef = 0x04000000,
    mdtMethodDef = 0x06000000,
    mdtParamDef = 0x08000000,
    mdtInterfaceImpl = 0x09000000,
    mdtMemberRef = 0x0a000000,
    mdtCustomAttribute = 0x0c000000,
    mdtPermission = 0x0e000000,
    mdtSignature = 0x11000000,
    mdtEvent = 0x14000000,
    mdtProperty = 0x17000000,
    mdtMethodImpl = 0x19000000,
    mdtModuleRef = 0x1a000000,
    mdtTypeSpec = 0x1b000000,
    mdtAssembly = 0x20000000,
    mdtAssemblyRef = 0x23000000,
    mdtFile = 0x26000000,
    mdtExportedType = 0x27000000,
    mdtManifestResource = 0x28000000,
    mdtGenericParam = 0x2a000000,
    mdtMethodSpec = 0x2b000000,
    mdtGenericParamConstraint = 0x2c000000,
    mdtString = 0x70000000,
};

#define mdTokenNil  ((mdToken)0)
#define CLR_RID_MAX 0x00ffffffu

static inline mdToken token_make(uint32_t table, uint32_t rid)
{
    return table << 24 | (rid & CLR_RID_MAX);
}

static inline uint32_t token_table(mdToken token)
{
    return token >> 24;
}

/* The row, counted from 1; 0: a nil token of its table. */
static inline uint32_t token_rid(mdToken token)
{
    return token & CLR_RID_MAX;
}

static inline bool token_is_nil(mdToken token)
{
    return token_rid(token) == 0;
}

static inline bool token_is(mdToken token, uint32_t table)
{
    return token_table(token) == table && token_rid(token) != 0;
}

/* "TypeDef"; "UserString" for 0x70; "?" for a number that no table has. */
const char *clr_table_name(uint32_t table);

/* Coded indices of signatures and tables: TypeDefOrRef (ECMA-335 II.23.2.8), two tag bits.
 * mdTokenNil where the tag is the unused one. */
mdToken token_from_type_def_or_ref(uint32_t coded);
/* 0xffffffff where the token is of another table. */
uint32_t token_to_type_def_or_ref(mdToken token);

#endif
