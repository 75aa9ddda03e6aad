/*
 * output_types: the target's types, as WIRE_MSG_TYPE describes them: how bytes become values.
 *
 * Keys are ClassIDs. An id that is met and not known is wanted: the session asks the agent for
 * it once. Texts are untrusted, offsets are checked where they are used. Not for two threads.
 */
#ifndef OUTPUT_TYPES_H
#define OUTPUT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_error.h"
#include "base_map.h"
#include "base_reader.h"
#include "wire_message.h"

struct type_field {
    const char *name;
    const char *declared;
    uint64_t type; /* of value types and enums; 0 for references */
    uint32_t offset;
    uint8_t element;
    bool hidden;
};

struct type_member {
    const char *name;
    uint64_t value;
};

struct type_info {
    uint64_t id;
    const char *name;      /* List<Line> */
    const char *full_name; /* with namespace */
    uint64_t item;
    uint64_t base;
    uint32_t size;
    enum wire_type_kind kind;
    uint8_t element;
    bool flags;    /* [Flags] enum */
    bool complete; /* the types of all that lies inside its values are known, too */
    uint32_t field_count;
    const struct type_field *fields;
    uint32_t member_count;
    const struct type_member *members;
};

struct types {
    struct arena arena;
    struct map known; /* id -> struct type_info * */
    struct map asked; /* id -> 0: not asked yet, 1: asked */
    uint64_t *wanted; /* not asked yet */
    size_t wanted_count, wanted_capacity;
    uint64_t generation; /* grows with each type that comes in */
};

void types_init(struct types *types);
void types_release(struct types *types);
/* Takes a TYPE message. */
enum status types_add(struct types *types, struct reader payload, struct error *error);
/* NULL: not known (yet). Valid until types_release. */
const struct type_info *types_find(const struct types *types, uint64_t id);
/* As types_find, and wants the type where it is not known. id 0: NULL. */
const struct type_info *types_need(struct types *types, uint64_t id);
/* Wants the type and all that lie inside its values; true where one is not known yet. */
bool types_need_whole(struct types *types, uint64_t id);
/* Appends one WANT_TYPE message for all that is wanted; false where nothing is. */
bool types_put_wanted(struct types *types, struct buffer *frames);
/* The field of that name (any letter case of the first), or NULL. */
const struct type_field *type_field_named(const struct type_info *type, const char *name);

#endif
