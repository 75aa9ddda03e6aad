/*
 * session_examine: one ClassID looked at in full: what session_types makes layouts and messages
 * from. Private to session_types, session_examine and session_print.
 */
#ifndef SESSION_EXAMINE_H
#define SESSION_EXAMINE_H

#include <pthread.h>

#include "base_map.h"
#include "session_types.h"

#define TYPES_ELEMENTS    32u
#define TYPES_MAX_DEPTH   24
#define TYPES_MAX_KNOWN   65536u
#define TYPES_MAX_BASES   64
#define TYPES_MAX_FIELDS  1024u
#define TYPES_SCRATCH     ((size_t)1 << 20)
#define TYPES_FRESH_COUNT 256u
#define TYPES_GONE        UINT64_MAX /* in `known`: its module is unloaded */

struct session_types {
    struct modules *modules;
    struct session_scope *scope;
    struct ICorProfilerInfo15 *info;
    uint64_t elements[TYPES_ELEMENTS]; /* ClassIDs of the primitives; 0: not asked for yet */
    uint64_t canon;
    pthread_mutex_t mutex;
    struct map known;                  /* ids that a CLI may ask about -> ModuleID */
    uint64_t fresh_total;              /* types that became known, ever */
    uint64_t fresh[TYPES_FRESH_COUNT]; /* the last of them, a ring */
};

struct type_field {
    const char *name;
    uint32_t offset;
    uint32_t size;
    uint8_t element;
    uint64_t type; /* ClassID of value types; else 0 */
    const char *declared;
    bool hidden;
    bool alias; /* a second name for a field: a property that returns it */
    const struct layout *layout;
};

struct type_facts {
    uint64_t id;
    uint64_t module_id;
    const struct module *module; /* NULL for arrays */
    uint32_t token;
    uint8_t kind; /* enum wire_type_kind */
    uint8_t element;
    bool is_value;
    uint32_t size;
    uint64_t item;
    const struct layout *item_layout;
    uint32_t item_size, items_at, count_at, value_at;
    const char *next_name; /* dictionaries, sets: see struct layout */
    uint64_t base;
    const char *name, *full_name;
    uint32_t field_count, field_room;
    struct type_field *fields;
};

/* Asks the runtime; everything hangs on the arena. */
bool types_examine(struct session_types *types, uint64_t id, struct arena *arena,
                   struct type_facts *facts, int depth);
const struct layout *types_layout_depth(struct session_types *types, uint64_t id, int depth);

/* ELEMENT_TYPE_* of a class as a type argument: primitives, STRING, SZARRAY, VALUETYPE (enums
 * too), CLASS; 0: not known. Looks at the class alone, never at its fields. */
uint8_t types_element_of(struct session_types *types, uint64_t id);
uint64_t types_core_class(struct session_types *types, const char *full_name);
bool types_in_core(const struct module *module);
/* The id may be asked about from now on. */
void types_tell(struct session_types *types, uint64_t id, uint64_t module);

#endif
