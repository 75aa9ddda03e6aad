/*
 * recorder_layout: what the probe knows of the target's types, readable without a lock.
 *
 * The map from ClassID (the first word of an object, low 3 bits masked) to struct layout is
 * open addressing over atomic pointers, grown by publishing a bigger table (old tables are
 * kept: readers may still be in them; their sum is bounded by twice the newest).
 * Layouts are immutable after publishing and live until the process ends (a type costs about
 * 100 bytes + 24 a field; capped, see layout_publish).
 *
 * Exceptions: "_message" and "_innerException" are followed wherever an exception is shown; the
 * first layout of kind WIRE_TYPE_EXCEPTION with such a field tells their offsets for all, so
 * publish System.Exception's before the first probe, and String's.
 * Kind WIRE_TYPE_UNKNOWN may be published for a type that cannot be resolved: it is not asked
 * for again.
 *
 * A probe that meets an unknown type calls layout_want: it goes into a small lock-free set
 * that the worker empties (layout_next_wanted) and resolves; the value is marked
 * WIRE_VALUE_UNRESOLVED meanwhile.
 */
#ifndef RECORDER_LAYOUT_H
#define RECORDER_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base_error.h"

struct layout;

/* `element` of fields, items and values behind an address: CLASS, STRING, OBJECT, SZARRAY and
 * ARRAY are references, and nothing else is followed as one (a constructed generic class must be
 * given as CLASS); VALUETYPE with its layout; primitives by themselves. */
struct layout_field {
    uint32_t name;   /* layout_name id; backing fields have their property's */
    uint32_t offset; /* from the object's start (classes) or the value's first byte (value types) */
    uint8_t element; /* ELEMENT_TYPE_* */
    uint8_t
        hidden; /* of a base class, or compiler-generated: not followed by "show", only by paths */
    uint16_t reserved;
    uint32_t size;             /* bytes */
    const struct layout *type; /* value types and enums: theirs, NULL where unknown */
};

struct layout {
    uint64_t type;    /* ClassID */
    uint8_t kind;     /* enum wire_type_kind */
    uint8_t element;  /* primitives, enums: ELEMENT_TYPE_*; arrays, spans, lists: of the items */
    uint8_t is_value; /* value type */
    uint8_t reserved;
    uint32_t size;      /* value types: bytes; objects: bytes behind the method table word */
    uint32_t item_size; /* arrays, spans; lists: 0 where it is not known */
    uint32_t items_at;  /* lists: offset of _items; dictionaries, sets: of _entries; arrays,
                           strings: of the first item; spans: of the reference to the first item */
    uint32_t count_at;  /* lists: offset of _size; dictionaries, sets: of _count; arrays, strings,
                           spans: of the length */
    uint32_t value_at;  /* nullable: offset of value (hasValue is at 0); dictionaries, sets: of
                           _freeCount */
    uint32_t next_name; /* dictionaries, sets: layout_name of the entries' field that is below -1
                           in an entry that is not in use */
    const struct layout *item; /* arrays, spans and lists of value types; nullable: of T */
    uint32_t field_count;
    struct layout_field fields[];
};

enum status layout_init(struct error *error);

/* Interns a field name; 0 when out of memory or over the cap (64K names). Agent threads. */
uint32_t layout_name(const char *name);

/* Any thread, also in a probe. NULL: not known. */
const struct layout *layout_find(uint64_t type);

/* Makes a layout known; takes ownership of the malloc'd block. Where the type is known already
 * the block is freed and the known one returned. NULL: over the cap of 4 MiB (the block is
 * freed): the type stays unresolved. Agent threads (worker, GetReJITParameters). */
const struct layout *layout_publish(struct layout *layout);

/* The type is unloaded, and its ClassID may come to mean another one: from now on it is not known
 * (and may be published anew). What was known is kept for readers that are at it. Agent threads,
 * before the runtime frees the type (ClassUnloadStarted, ModuleUnloadStarted). */
void layout_forget(uint64_t type);

/* In a probe. */
void layout_want(uint64_t type);
/* Worker: takes one wanted type out of the set; false: none. */
bool layout_next_wanted(uint64_t *type);

/* Native bodies of generic methods: which type stands for T. The probe looks its caller's
 * return address up; where unknown it calls instance_want and shows raw bytes. */
struct instance {
    uint64_t address;              /* any return address inside the native body */
    uint32_t type_count;           /* the type's arguments */
    uint32_t method_count;         /* the method's arguments */
    bool collectible;              /* an argument's module can be unloaded, and the body with it */
    uint32_t generation;           /* of this room: how often such a module had gone before */
    const struct layout *types[8]; /* the type's first, then the method's; NULL: a reference */
    uint32_t unknown; /* bit n: types[n] is not known, and may be a value type: raw bytes only.
                         A value type without a layout must have its bit set: taken for a
                         reference it would bring the target down */
};
const struct instance *instance_find(uint64_t address);
void instance_want(uint64_t address);
bool instance_next_wanted(uint64_t *address);
/* A module that can be unloaded goes, and native bodies with it; other code may come to stand at
 * their addresses. The instances that may be concerned are not found any more (and may be
 * published anew); they are kept for readers that are at them. Worker. */
void instance_forget_collectible(void);
/* Takes ownership of the malloc'd block. Capped at 64K entries; over it the block is freed. */
void instance_publish(struct instance *instance);
/* Forgets all: each session has native bodies of its own, which the next one does not meet again.
 * No session is live, and no thread is in a probe. Worker. */
void instance_forget_all(void);

#endif
