/*
 * session_types: what stands behind a ClassID: name, kind, fields, enum members, layout. Makes
 * struct layout for the recorder and TYPE messages for CLIs, from the runtime's answers and our
 * metadata reader.
 *
 * DANGER, which shapes this room (clr-facts.md, section 13): asking the runtime for the class of
 * a token loads the type where it is not loaded yet, and on a thread of our own that can crash
 * the target. So a ClassID comes from one of three: the first word of an object; a value type's
 * field of a type that is loaded (then it is loaded too; reference types among its type
 * arguments are asked for as the shared form); or, in GetReJITParameters, anything at all.
 * And a number that a CLI says is believed only if it was told to a CLI or met by a probe before.
 *
 * Threads: any agent thread that may ask the runtime; the caches have a mutex, which is not held
 * while the runtime is asked.
 */
#ifndef SESSION_TYPES_H
#define SESSION_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "recorder_layout.h"
#include "session_members.h"

struct ICorProfilerInfo15;
struct session_types;

struct session_types *session_types_new(struct modules *modules, struct session_scope *scope,
                                        struct ICorProfilerInfo15 *info);
void session_types_free(struct session_types *types);

enum types_mode {
    TYPES_LOADED = 0, /* the worker: the type is known to be loaded */
    TYPES_ANY = 1,    /* inside GetReJITParameters: it may be loaded now */
};

/* The ClassID of a declared type; 0: not to be had (open generic types, arrays as arguments). */
uint64_t session_types_class(struct session_types *types, const struct declared *declared,
                             enum types_mode mode);

/* The layout of a ClassID, resolved and published where it is not known yet. NULL: it cannot be
 * resolved now. */
const struct layout *session_types_layout(struct session_types *types, uint64_t id);
/* Of a value type as declared. */
const struct layout *session_types_layout_of(struct session_types *types,
                                             const struct declared *declared, enum types_mode mode);
/* What probes need from the first: String, Exception. */
void session_types_prepare(struct session_types *types);

/* Appends a TYPE message; for an id that nobody was told of, one of kind UNKNOWN. */
void session_types_put(struct session_types *types, uint64_t id, struct buffer *out);
/* C# name. `full`: with the namespace. */
void session_types_print(struct session_types *types, uint64_t id, bool full, struct buffer *text);

/* Worker, every few ms while sessions exist: resolves what probes asked for, at most `most`.
 * Returns how many there were. */
size_t session_types_work(struct session_types *types, size_t most);

/* Types are told to CLIs before they ask, because the target may end before they can: those that
 * became known after the first `*seen` (which is moved), as TYPE messages; at most the last 256. */
void session_types_put_fresh(struct session_types *types, uint64_t *seen, struct buffer *out);
uint64_t session_types_fresh(struct session_types *types);
/* The type will be met by a session: counts as fresh. */
void session_types_renew(struct session_types *types, uint64_t id);

/* A module's types cannot be asked about any more. */
void session_types_unload(struct session_types *types, uint64_t module);
size_t session_types_memory(const struct session_types *types);

#endif
