/*
 * session_members: declared types across modules, and the members that a path can step to.
 * Metadata only: nothing here asks the runtime. Any agent thread.
 *
 * No code of the target is run to show a value, so a step leads to a field: by its name, by the
 * name of the auto-property that it backs, or by that of a property whose getter does nothing
 * but return it (read from the getter's IL).
 */
#ifndef SESSION_MEMBERS_H
#define SESSION_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "clr_token.h"
#include "metadata_signature.h"
#include "recompile_modules.h"

struct session_scope; /* remembers which reference means which definition */

/* `modules` is borrowed. NULL when out of memory. */
struct session_scope *session_scope_new(struct modules *modules);
void session_scope_free(struct session_scope *scope);
/* References that could not be followed may be now. */
void session_scope_forget(struct session_scope *scope);

/* A type, where it is defined. */
struct type_definition {
    const struct module *module;
    mdToken type; /* TypeDef */
};
/* What a TypeDef, TypeRef or TypeSpec (its generic definition) of a module means. False: the
 * module that defines it is not loaded or cannot be read. */
bool type_definition_find(struct session_scope *scope, const struct module *module, mdToken token,
                          struct type_definition *definition);
/* By reflection's name ("System.Nullable`1") in the core library. */
bool type_definition_core(struct session_scope *scope, const char *full_name,
                          struct type_definition *definition);
/* Its full name as in metadata: Namespace.Outer+Inner`1. Nested ones with their outer types. */
void type_definition_print(const struct type_definition *definition, struct buffer *text);
bool type_definition_is(const struct type_definition *definition, const char *full_name);

/* A type as declared somewhere: a signature's type in the scope of its module, with what stands
 * for the type parameters in it. */
struct declared {
    const struct module *module;
    const struct meta_type *type;
    const struct declared *arguments;
    uint32_t argument_count;
};

static inline struct declared declared_of(const struct module *module, const struct meta_type *type,
                                          const struct declared *arguments, uint32_t count)
{
    return (struct declared){module, type, arguments, count};
}

enum declared_kind {
    DECLARED_UNKNOWN = 0, /* its module cannot be read */
    DECLARED_PRIMITIVE,   /* element says which */
    DECLARED_STRING,
    DECLARED_ENUM,
    DECLARED_STRUCT,
    DECLARED_CLASS,
    DECLARED_INTERFACE, /* also object: what stands behind it is known at run time only */
    DECLARED_ARRAY,
    DECLARED_PARAMETER, /* a type parameter */
    DECLARED_POINTER,
};

/* Seen through modifiers, byrefs and type parameters that are known. */
struct declared_view {
    enum declared_kind kind;
    uint8_t element;
    bool byref;
    struct declared plain;             /* the type itself */
    struct type_definition definition; /* ENUM, STRUCT, CLASS, INTERFACE: where known */
    const struct declared *arguments;  /* of the definition's own type parameters */
    uint32_t argument_count;
    bool nullable;     /* Nullable<T>: plain is it; arguments[0] is T */
    const char *known; /* full name of a STRUCT or CLASS of the core library that has a meaning of
                          its own (System.Decimal, System.TimeSpan...), else NULL */
};
/* Allocates on the arena; false when out of memory. */
bool declared_see(struct session_scope *scope, const struct declared *declared, struct arena *arena,
                  struct declared_view *view);

/* True where all that loading the type needs (bases, interfaces, value types of fields) stands in
 * modules that are loaded: then loading it loads no assembly and calls nobody back. */
bool type_definition_closed(struct session_scope *scope, const struct type_definition *definition,
                            struct arena *arena);

/* The declared type of a type's own `this`. */
bool declared_self(const struct type_definition *definition, struct arena *arena,
                   struct declared *declared);

enum member_answer {
    MEMBER_FOUND = 0,
    MEMBER_NONE,     /* neither the type nor its bases have it */
    MEMBER_COMPUTED, /* a property that runs code */
    MEMBER_OPEN,     /* it may exist: a base class or the type itself cannot be read */
    MEMBER_STATIC,   /* a static field */
};
struct member {
    const char *name;     /* of the field as the recorder's layouts name it; on the arena */
    struct declared type; /* what it holds */
    uint32_t hidden;      /* fields of that name in the base classes of the one that has it */
};
/* The member `name` of a type, its base classes included. */
enum member_answer member_find(struct session_scope *scope, const struct declared_view *view,
                               const char *name, struct arena *arena, struct member *member);
/* Appends what there is: "Id, Customer, Lines": the type's own members first, then inherited
 * ones, at most `most`. Nothing where nothing is known. */
void member_list(struct session_scope *scope, const struct declared_view *view, struct arena *arena,
                 size_t most, struct buffer *text);

/* The field that a property's getter returns and does nothing else; mdTokenNil: it does more. */
mdToken member_trivial_getter(const struct metadata_image *image, mdToken type, mdToken property);
/* A field's name in the words of the source, copied into `name`; false where the compiler alone
 * knows it (then its metadata name is copied). */
bool member_field_name(const struct metadata_image *image, mdToken field, char *name, size_t size);

#endif
