/*
 * recorder_object: reading the target's objects in place.
 *
 * An object is reached by the address of its first word, the method table's address; the words
 * behind are its data. The runtime does not move or free it while the probe lasts. How long an
 * object really is says its method table (32 bits at 4: base size; low 16 bits at 0: bytes of a
 * component, where bit 31 is set) together with its length word: nothing is ever read beyond.
 */
#ifndef RECORDER_OBJECT_H
#define RECORDER_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "clr_element.h"

#define OBJECT_HEAD       8u /* bytes of the method table word */
#define STRING_LENGTH_AT  8u /* what a string's layout says, for those that are declared so */
#define STRING_UNITS_AT   12u
#define VECTOR_LENGTH_AT  8u /* arrays of one dimension */
#define VECTOR_ITEMS_AT   16u
#define OBJECT_BASE_EXTRA 16u /* base size counts the method table word and the sync block */

static inline uint64_t memory_u64(uint64_t address)
{
    uint64_t value;
    memcpy(&value, (const void *)(uintptr_t)address, sizeof value);
    return value;
}

static inline uint32_t memory_u32(uint64_t address)
{
    uint32_t value;
    memcpy(&value, (const void *)(uintptr_t)address, sizeof value);
    return value;
}

/* The ClassID: the garbage collector borrows the low bits. */
static inline uint64_t object_type(uint64_t object)
{
    return memory_u64(object) & ~7ull;
}

/* Bytes of one component of an array or string; 0: neither. */
static inline uint32_t object_component(uint64_t object)
{
    uint32_t flags = memory_u32(object_type(object));
    return flags >> 31 ? flags & 0xffff : 0;
}

/* Bytes that may be read behind the method table word. */
static inline uint64_t object_bytes(uint64_t object)
{
    uint64_t base = memory_u32(object_type(object) + 4);
    uint64_t bytes = base < OBJECT_BASE_EXTRA ? 0 : base - OBJECT_BASE_EXTRA;
    uint32_t component = object_component(object);
    if (component != 0) {
        bytes += (uint64_t)component * memory_u32(object + STRING_LENGTH_AT);
    }
    return bytes;
}

/* Declared types whose values are references to objects; anything not known to be one is not. */
static inline bool element_is_reference(uint8_t element)
{
    return element == ELEMENT_TYPE_CLASS || element == ELEMENT_TYPE_STRING ||
           element == ELEMENT_TYPE_OBJECT || element == ELEMENT_TYPE_SZARRAY ||
           element == ELEMENT_TYPE_ARRAY;
}

/* Bytes of a primitive; 0: not one. */
static inline uint32_t element_bytes(uint8_t element)
{
    switch (element) {
    case ELEMENT_TYPE_BOOLEAN:
    case ELEMENT_TYPE_I1:
    case ELEMENT_TYPE_U1:
        return 1;
    case ELEMENT_TYPE_CHAR:
    case ELEMENT_TYPE_I2:
    case ELEMENT_TYPE_U2:
        return 2;
    case ELEMENT_TYPE_I4:
    case ELEMENT_TYPE_U4:
    case ELEMENT_TYPE_R4:
        return 4;
    case ELEMENT_TYPE_I8:
    case ELEMENT_TYPE_U8:
    case ELEMENT_TYPE_R8:
    case ELEMENT_TYPE_I:
    case ELEMENT_TYPE_U:
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_FNPTR:
        return 8;
    default:
        return 0;
    }
}

/* A primitive in memory as wire_value_kind SCALAR has it: extended to 64 bits, r4 as a double. */
static inline uint64_t element_load(uint8_t element, uint64_t address)
{
    const void *at = (const void *)(uintptr_t)address;
    uint64_t bits = 0;
    float single;
    double real;
    memcpy(&bits, at, element_bytes(element));
    switch (element) {
    case ELEMENT_TYPE_I1:
        return (uint64_t)(int64_t)(int8_t)bits;
    case ELEMENT_TYPE_I2:
        return (uint64_t)(int64_t)(int16_t)bits;
    case ELEMENT_TYPE_I4:
        return (uint64_t)(int64_t)(int32_t)bits;
    case ELEMENT_TYPE_R4:
        memcpy(&single, at, sizeof single);
        real = single;
        memcpy(&bits, &real, sizeof bits);
        return bits;
    default:
        return bits;
    }
}

#endif
