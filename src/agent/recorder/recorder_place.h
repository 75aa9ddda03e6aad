/*
 * recorder_place: where a capture value ends up when its path is followed through the target's
 * memory; shared by capture and conditions.
 */
#ifndef RECORDER_PLACE_H
#define RECORDER_PLACE_H

#include "recorder_capture.h"

/* What an entry point was called with. */
struct capture_source {
    const int64_t *own; /* values 0..own_count-1: the entry point's parameters */
    uint32_t own_count;
    const int64_t *staged; /* the values behind them, at their own index */
    int64_t exception;     /* object, or 0 */
    bool thrown;           /* there is no result */
    uint64_t caller;       /* return address of the woven call */
};

enum place_kind {
    PLACE_SCALAR,    /* bits, element */
    PLACE_VALUE,     /* address, layout (NULL: unknown), size, element 0: a value type in memory */
    PLACE_REFERENCE, /* address of an object, never 0; element as declared */
    PLACE_NULL,      /* the path's end is null; element as declared, or 0 */
    PLACE_NULL_PATH, /* a reference before the end is null */
    PLACE_NO_FIELD,  /* type has no such field */
    PLACE_UNKNOWN_OBJECT, /* address: an object of a type not known yet; steps were left */
    PLACE_UNKNOWN_VALUE,  /* address, size: a value of a type not known; steps were left */
    PLACE_NOTHING,        /* a result where there is none: nothing is written */
};

struct place {
    enum place_kind kind;
    uint8_t element;
    uint64_t bits;
    uint64_t address;
    uint64_t type;
    uint32_t size;
    const struct layout *layout;
};

/* Follows the value's path. Asks for layouts that are wanted (layout_want, instance_want). Of
 * *place only the members that its kind names are set. */
void place_find(const struct capture_value *value, const struct capture_source *source,
                struct place *place);

/* The layout of an object; asks for it where it is not known. NULL: not known. */
const struct layout *place_layout(uint64_t object);

/* Bytes that the field takes up in memory. */
uint64_t place_field_bytes(const struct layout_field *field);

/* Nullable<T> whose T is known. */
bool place_is_nullable(const struct layout *layout);

/* Looks through Nullable<T> and at primitives that have a layout: becomes the place of T's value,
 * or PLACE_NULL. Other places stay as they are. */
void place_unwrap(struct place *place);

#endif
