/*
 * clr_element: the bytes that signatures are made of (ECMA-335 II.23.1.16 and II.23.2),
 * with names as in Microsoft's corhdr.h. Pure data; any thread.
 */
#ifndef CLR_ELEMENT_H
#define CLR_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* ROW(name, value, bytes: size of a primitive value on a 64-bit machine or 0,
 *     keyword of C# or NULL) */
#define CLR_ELEMENTS(ROW)                                                                          \
    ROW(ELEMENT_TYPE_END, 0x00, 0, NULL)                                                           \
    ROW(ELEMENT_TYPE_VOID, 0x01, 0, "void")                                                        \
    ROW(ELEMENT_TYPE_BOOLEAN, 0x02, 1, "bool")                                                     \
    ROW(ELEMENT_TYPE_CHAR, 0x03, 2, "char")                                                        \
    ROW(ELEMENT_TYPE_I1, 0x04, 1, "sbyte")                                                         \
    ROW(ELEMENT_TYPE_U1, 0x05, 1, "byte")                                                          \
    ROW(ELEMENT_TYPE_I2, 0x06, 2, "short")                                                         \
    ROW(ELEMENT_TYPE_U2, 0x07, 2, "ushort")                                                        \
    ROW(ELEMENT_TYPE_I4, 0x08, 4, "int")                                                           \
    ROW(ELEMENT_TYPE_U4, 0x09, 4, "uint")                                                          \
    ROW(ELEMENT_TYPE_I8, 0x0a, 8, "long")                                                          \
    ROW(ELEMENT_TYPE_U8, 0x0b, 8, "ulong")                                                         \
    ROW(ELEMENT_TYPE_R4, 0x0c, 4, "float")                                                         \
    ROW(ELEMENT_TYPE_R8, 0x0d, 8, "double")                                                        \
    ROW(ELEMENT_TYPE_STRING, 0x0e, 0, "string")                                                    \
    ROW(ELEMENT_TYPE_PTR, 0x0f, 8, NULL)                                                           \
    ROW(ELEMENT_TYPE_BYREF, 0x10, 0, NULL)                                                         \
    ROW(ELEMENT_TYPE_VALUETYPE, 0x11, 0, NULL)                                                     \
    ROW(ELEMENT_TYPE_CLASS, 0x12, 0, NULL)                                                         \
    ROW(ELEMENT_TYPE_VAR, 0x13, 0, NULL)                                                           \
    ROW(ELEMENT_TYPE_ARRAY, 0x14, 0, NULL)                                                         \
    ROW(ELEMENT_TYPE_GENERICINST, 0x15, 0, NULL)                                                   \
    ROW(ELEMENT_TYPE_TYPEDBYREF, 0x16, 0, NULL)                                                    \
    ROW(ELEMENT_TYPE_I, 0x18, 8, "nint")                                                           \
    ROW(ELEMENT_TYPE_U, 0x19, 8, "nuint")                                                          \
    ROW(ELEMENT_TYPE_FNPTR, 0x1b, 8, NULL)                                                         \
    ROW(ELEMENT_TYPE_OBJECT, 0x1c, 0, "object")                                                    \
    ROW(ELEMENT_TYPE_SZARRAY, 0x1d, 0, NULL)                                                       \
    ROW(ELEMENT_TYPE_MVAR, 0x1e, 0, NULL)                                                          \
    ROW(ELEMENT_TYPE_CMOD_REQD, 0x1f, 0, NULL)                                                     \
    ROW(ELEMENT_TYPE_CMOD_OPT, 0x20, 0, NULL)                                                      \
    ROW(ELEMENT_TYPE_INTERNAL, 0x21, 0, NULL)                                                      \
    ROW(ELEMENT_TYPE_CMOD_INTERNAL, 0x22, 0, NULL)                                                 \
    ROW(ELEMENT_TYPE_MODIFIER, 0x40, 0, NULL)                                                      \
    ROW(ELEMENT_TYPE_SENTINEL, 0x41, 0, NULL)                                                      \
    ROW(ELEMENT_TYPE_PINNED, 0x45, 0, NULL)

enum clr_element {
#define ROW(name, value, bytes, keyword) name = value,
    CLR_ELEMENTS(ROW)
#undef ROW
};

/* First byte of a signature: its kind in the low four bits, and these flags. */
enum clr_calling_convention {
    IMAGE_CEE_CS_CALLCONV_DEFAULT = 0x00,
    IMAGE_CEE_CS_CALLCONV_C = 0x01,
    IMAGE_CEE_CS_CALLCONV_STDCALL = 0x02,
    IMAGE_CEE_CS_CALLCONV_THISCALL = 0x03,
    IMAGE_CEE_CS_CALLCONV_FASTCALL = 0x04,
    IMAGE_CEE_CS_CALLCONV_VARARG = 0x05,
    IMAGE_CEE_CS_CALLCONV_FIELD = 0x06,
    IMAGE_CEE_CS_CALLCONV_LOCAL_SIG = 0x07,
    IMAGE_CEE_CS_CALLCONV_PROPERTY = 0x08,
    IMAGE_CEE_CS_CALLCONV_UNMANAGED = 0x09, /* the real one stands in modopts */
    IMAGE_CEE_CS_CALLCONV_GENERICINST = 0x0a,
    IMAGE_CEE_CS_CALLCONV_NATIVEVARARG = 0x0b,
    IMAGE_CEE_CS_CALLCONV_MASK = 0x0f,
    IMAGE_CEE_CS_CALLCONV_GENERIC = 0x10, /* a count of type parameters follows */
    IMAGE_CEE_CS_CALLCONV_HASTHIS = 0x20,
    IMAGE_CEE_CS_CALLCONV_EXPLICITTHIS = 0x40,
};

/* Kinds in the values of custom attributes (ECMA-335 II.23.3). */
enum clr_serialization {
    SERIALIZATION_TYPE_TYPE = 0x50,
    SERIALIZATION_TYPE_TAGGED_OBJECT = 0x51,
    SERIALIZATION_TYPE_FIELD = 0x53,
    SERIALIZATION_TYPE_PROPERTY = 0x54,
    SERIALIZATION_TYPE_ENUM = 0x55,
};

/* "ELEMENT_TYPE_I4"; "?" for a value that has no name. */
const char *clr_element_name(uint32_t element);
/* "int"; NULL where C# has no keyword for it. */
const char *clr_element_keyword(uint32_t element);
/* "System.Int32"; NULL where no type of the core library is meant by the element alone. */
const char *clr_element_full_name(uint32_t element);
/* The element that stands for a type of the core library; 0: none does. */
uint8_t clr_element_named(const char *full_name);
/* Bytes of a value of a primitive, pointer or native-sized type on a 64-bit machine; else 0. */
uint32_t clr_element_size(uint32_t element);

#endif
