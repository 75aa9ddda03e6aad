/*
 * output_method: the session's probed methods, as WIRE_MSG_METHOD describes them.
 *
 * Sites are dense numbers, so this is an array by site. Texts are untrusted: control characters
 * are replaced when they come in. Owner of everything: struct methods.
 */
#ifndef OUTPUT_METHOD_H
#define OUTPUT_METHOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_error.h"
#include "base_map.h"
#include "base_reader.h"
#include "wire_message.h"

struct method_value {
    const char *label; /* as the user wrote it, or the parameter's name */
    const char *declared;
    uint64_t type; /* ClassID; 0: unknown */
    uint8_t element;
    bool at_exit;
};

struct method {
    bool known;
    uint32_t site;
    const char *name;
    const char *signature;
    const char *module;
    uint32_t token;
    uint32_t probe;
    enum wire_method_kind kind;
    uint32_t value_count;
    const struct method_value *values;
    bool overloaded; /* another probed method has the same name */
    bool has_result;
    struct method_value result;
    uint32_t note_count;
    const char **notes;
    /* What the CLI itself counts. */
    uint64_t shown;
    uint64_t rejected; /* by conditions that the CLI judges */
};

struct methods {
    struct arena arena;
    struct method *items;
    uint32_t count; /* one behind the highest site */
    uint32_t capacity;
    size_t widest;           /* of the names, in bytes */
    struct text_map by_name; /* name -> site of the first that had it */
};

#define METHODS_MAX (1u << 20)

void methods_init(struct methods *methods);
void methods_release(struct methods *methods);
/* Takes a METHOD message. *added (may be NULL): the new one, valid until the next add. */
enum status methods_add(struct methods *methods, struct reader payload, struct method **added,
                        struct error *error);
/* NULL for a site that was never announced. Valid until the next add. */
struct method *methods_get(struct methods *methods, uint32_t site);

/* A text field as C text on the arena, control characters replaced by '?'; never NULL. */
const char *methods_text(struct arena *arena, const struct tlv *field);

#endif
