/*
 * abi_table: how a row of a .def file becomes C.
 *
 * A .def file holds one row per method of an interface, in vtable order, the slots inherited
 * from IUnknown first:
 *
 *     ABI_METHOD(result type, slot, Name, type, name, type, name, ...)
 *
 * Whoever includes the file defines ABI_METHOD before it (the file undefines it at its end),
 * and makes of each row what it needs: a vtable member, a check, a stub, a name, a forwarder.
 * ABI_PARAMETERS turns the pairs of a row into a parameter list, ABI_ARGUMENTS into the names
 * alone; both are empty for a method without parameters. At most 20 pairs.
 */
#ifndef ABI_TABLE_H
#define ABI_TABLE_H

/* Scans its arguments often enough for 20 turns of a list macro. */
#define ABI_SCAN(...)   ABI_SCAN3(ABI_SCAN3(ABI_SCAN3(__VA_ARGS__)))
#define ABI_SCAN3(...)  ABI_SCAN2(ABI_SCAN2(ABI_SCAN2(__VA_ARGS__)))
#define ABI_SCAN2(...)  ABI_SCAN1(ABI_SCAN1(ABI_SCAN1(__VA_ARGS__)))
#define ABI_SCAN1(...)  __VA_ARGS__
#define ABI_PARENTHESES ()

#define ABI_PARAMETERS(...) __VA_OPT__(ABI_SCAN(ABI_PARAMETER(__VA_ARGS__)))
#define ABI_PARAMETER(type, name, ...)                                                             \
    type name __VA_OPT__(, ABI_PARAMETER_AGAIN ABI_PARENTHESES(__VA_ARGS__))
#define ABI_PARAMETER_AGAIN() ABI_PARAMETER

#define ABI_ARGUMENTS(...) __VA_OPT__(ABI_SCAN(ABI_ARGUMENT(__VA_ARGS__)))
#define ABI_ARGUMENT(type, name, ...)                                                              \
    name __VA_OPT__(, ABI_ARGUMENT_AGAIN ABI_PARENTHESES(__VA_ARGS__))
#define ABI_ARGUMENT_AGAIN() ABI_ARGUMENT

/* A member of a vtable for objects of struct `object`. */
#define ABI_MEMBER(object, result, name, ...)                                                      \
    result (*name)(struct object * self __VA_OPT__(, ABI_PARAMETERS(__VA_ARGS__)));

/* The slot check: member `name` stands at its slot. */
#define ABI_AT_SLOT(object, slot, name)                                                            \
    _Static_assert(offsetof(struct object##Vtbl, name) == (slot) * sizeof(void (*)(void)),         \
                   #object "." #name " is not at slot " #slot);

#endif
