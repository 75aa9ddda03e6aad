/*
 * recorder_capture: copying values out of the target, by value and bounded, without running
 * any of its code; and evaluating conditions on them.
 *
 * A capture program is what a site reads at one moment (entry or exit). Programs and
 * conditions are immutable and made by the session room from the user's words; names of
 * fields are interned (recorder_layout.h), so that following `order.Customer.Name` is: look
 * up the object's method table, find the field by its name id, add the offset.
 */
#ifndef RECORDER_CAPTURE_H
#define RECORDER_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder_layout.h"

struct capture_limits {
    uint32_t depth;      /* levels of fields below a value */
    uint32_t max_items;  /* of arrays and lists */
    uint32_t max_string; /* UTF-16 units */
    uint32_t max_bytes;  /* of one record */
};

/* How the woven code passes a value: the same as weave.h's enum weave_pass. */
enum capture_pass {
    CAPTURE_SCALAR = 1,    /* the value, sign- or zero-extended to 64 bits */
    CAPTURE_DOUBLE = 2,    /* bits of the value as a double */
    CAPTURE_REFERENCE = 3, /* an object's address, or 0 */
    CAPTURE_ADDRESS = 4, /* the address of a value (value type, T, what a byref points to), or 0 */
};

#define CAPTURE_MAX_STEPS 16

/* capture_value.hidden: the most derived class's field. */
#define CAPTURE_NEAREST 0xffu

/* capture_value.value: not among the woven values, but the exception of recorder_throw (and
 * async_throw, iterator_throw); a null reference where the call returned. */
#define CAPTURE_EXCEPTION 0xffffu

struct capture_value {
    uint16_t slot;   /* wire_value.slot */
    uint16_t value;  /* index among the values that the woven call passes */
    uint8_t pass;    /* enum capture_pass */
    uint8_t element; /* declared ELEMENT_TYPE_*; behind an ADDRESS: of what stands there */
    uint8_t show;    /* 1: as a whole, limits.depth levels deep; 0: the value and its type only */
    uint8_t step_count;
    uint32_t size;  /* ADDRESS: bytes of the value where layout is NULL */
    uint8_t result; /* 1: the method's result, which a throw does not have: skipped there (a
                       comparison with it is false) */
    uint8_t reserved[3];
    /* ADDRESS of a value type: how to read it; NULL: not known, raw bytes only */
    const struct layout *layout;
    /* ADDRESS of a generic T, where value types and references cannot be told apart when the
     * method is woven: resolved per native body by the caller's address (recorder_instance.h) */
    bool by_instance;
    uint8_t generic_kind;   /* by_instance: 0 a type parameter of the type, 1 of the method */
    uint16_t generic_index; /* by_instance: its number */
    uint32_t steps[CAPTURE_MAX_STEPS]; /* layout_name ids of the path's fields */
    uint8_t hidden[CAPTURE_MAX_STEPS]; /* fields of the same name that base classes have: it hides
                                          them, and a layout has them before it */
};

struct capture_program {
    uint32_t count;
    const struct capture_value *values;
};

enum capture_test {
    CAPTURE_AND = 1,
    CAPTURE_OR,
    CAPTURE_NOT,
    CAPTURE_LEAF,
};

enum capture_compare {
    CAPTURE_EQ = 1,
    CAPTURE_NE,
    CAPTURE_LT,
    CAPTURE_LE,
    CAPTURE_GT,
    CAPTURE_GE,
};

enum capture_operand {
    CAPTURE_OPERAND_NULL = 1, /* == and != with null */
    CAPTURE_OPERAND_SIGNED,   /* integer; also bool, char, enums of signed types, TimeSpan ticks */
    CAPTURE_OPERAND_UNSIGNED,
    CAPTURE_OPERAND_DOUBLE,
    CAPTURE_OPERAND_DECIMAL, /* 96-bit magnitude, scale, sign: .NET's own layout rules */
    CAPTURE_OPERAND_STRING,  /* ordinal, UTF-16 */
    CAPTURE_OPERAND_ELAPSED, /* compares the call's ticks with `ticks` */
};

/* Prefix order, as plan_node. A leaf compares a value with a constant. A null on the way, a
 * missing field or a type that does not fit makes a comparison false (and != of null true only
 * where the path itself ends in null). Numbers compare by value whatever their types: an int
 * field against a decimal constant, too. */
struct capture_node {
    uint8_t test;               /* enum capture_test */
    uint8_t compare;            /* enum capture_compare */
    uint8_t operand;            /* enum capture_operand */
    uint8_t at_exit;            /* 1: reads ret, ex or elapsed: known at exit only */
    uint32_t right;             /* AND, OR: index of the second child */
    uint32_t leaf;              /* LEAF: its number, 0.. (at most 63) */
    struct capture_value value; /* LEAF but ELAPSED: where to read (slot unused) */
    int64_t integer;            /* SIGNED, UNSIGNED (bits) */
    double real;                /* DOUBLE; the other numbers too, as an approximation */
    uint64_t decimal_low;       /* DECIMAL, and SIGNED/UNSIGNED constants as decimals too */
    uint32_t decimal_high;
    uint8_t decimal_scale;
    uint8_t decimal_negative;
    uint64_t ticks;       /* ELAPSED */
    const uint16_t *text; /* STRING */
    uint32_t text_units;
};

struct capture_condition {
    uint32_t count;
    uint32_t has_exit; /* 1: a leaf is at_exit */
    const struct capture_node *nodes;
};

#endif
