/*
 * abi_unknown: IUnknown and IClassFactory.
 *
 * An object of the interfaces is a struct whose first member points at its vtable; a method
 * is called as object->vtbl->Name(object, ...). What an out-parameter hands over carries one
 * reference, which the receiver gives back with Release.
 */
#ifndef ABI_UNKNOWN_H
#define ABI_UNKNOWN_H

#include "abi_guid.h"
#include "abi_table.h"
#include "abi_types.h"

struct IUnknownVtbl;
struct IUnknown {
    const struct IUnknownVtbl *vtbl;
};
struct IUnknownVtbl {
#define ABI_METHOD(result, slot, name, ...) ABI_MEMBER(IUnknown, result, name, __VA_ARGS__)
#include "abi_unknown.def"
#undef ABI_METHOD
};

struct IClassFactoryVtbl;
struct IClassFactory {
    const struct IClassFactoryVtbl *vtbl;
};
struct IClassFactoryVtbl {
#define ABI_METHOD(result, slot, name, ...) ABI_MEMBER(IClassFactory, result, name, __VA_ARGS__)
#include "abi_class_factory.def"
};

#endif
