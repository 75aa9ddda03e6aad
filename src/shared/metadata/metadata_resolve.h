/*
 * metadata_resolve: what tokens mean: type references across modules, members, custom
 * attributes, enums, base types. Cross-module steps are the caller's: this room reads one
 * image and says which assembly to look in next. Texts are borrowed from the image.
 */
#ifndef METADATA_RESOLVE_H
#define METADATA_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_signature.h"
#include "metadata_tables.h"

#define METADATA_MAX_NESTING 16

/* The identity of a type, wherever it is defined. */
struct metadata_identity {
    const char *assembly;                    /* "" : this module */
    const char *name_space;                  /* of the outermost type */
    uint32_t depth;                          /* how many names; 1 for a type that is not nested */
    const char *names[METADATA_MAX_NESTING]; /* outermost first, with their `N */
};

/* Of a TypeDef, TypeRef or ExportedType; a TypeSpec gives its generic definition or element.
 * STATUS_MALFORMED for scopes that run in circles or deeper than the bound. */
enum status metadata_identify(const struct metadata_image *image, mdToken token,
                              struct metadata_identity *identity, struct error *error);
bool metadata_identity_equal(const struct metadata_identity *a, const struct metadata_identity *b,
                             bool with_assembly);
/* Namespace.Outer`1+Inner. */
void metadata_identity_print(const struct metadata_identity *identity, struct buffer *text);

/* The TypeDef of that name in this image; nil where it is not defined here. */
mdToken metadata_find_type(const struct metadata_image *image,
                           const struct metadata_identity *identity);
/* By text, as reflection writes it: Shop.Outer`1+Inner. */
mdToken metadata_find_type_text(const struct metadata_image *image, const char *full_name);
/* The assembly that this image forwards the type to (ExportedType); NULL: it does not. */
const char *metadata_find_forward(const struct metadata_image *image,
                                  const struct metadata_identity *identity);
/* A TypeRef to the type, nil where the image has none. */
mdToken metadata_find_type_ref(const struct metadata_image *image, const char *name_space,
                               const char *name);
/* An AssemblyRef by simple name, nil where the image has none. */
mdToken metadata_find_assembly_ref(const struct metadata_image *image, const char *name);
/* The first method or field of a type with that name; nil: none. */
mdToken metadata_find_method(const struct metadata_image *image, mdToken type, const char *name);
mdToken metadata_find_field(const struct metadata_image *image, mdToken type, const char *name);
/* The field behind a property or field name of the source: Customer finds
 * <Customer>k__BackingField too. */
mdToken metadata_find_source_field(const struct metadata_image *image, mdToken type,
                                   const char *name, size_t length);

/* True where the token's full name (TypeDef, TypeRef, TypeSpec of a generic instance) is
 * this text; not for nested types. */
bool metadata_type_is(const struct metadata_image *image, mdToken token, const char *full_name);

struct metadata_member {
    mdToken parent; /* TypeDef, TypeRef, TypeSpec, ModuleRef; MethodDef for vararg sites */
    const char *name;
    struct reader signature;
    bool is_field;
};
/* Of a MethodDef, Field, MemberRef or MethodSpec (its generic method). */
enum status metadata_member_read(const struct metadata_image *image, mdToken token,
                                 struct metadata_member *member, struct error *error);

/* The CustomAttribute token of that attribute type ("System.FlagsAttribute") on the token;
 * nil: it has none. Compares names, not assemblies. */
mdToken metadata_attribute_find(const struct metadata_image *image, mdToken token,
                                const char *full_name);
/* The attribute's value blob, behind its prolog: an empty window where that is missing. */
struct reader metadata_attribute_value(const struct metadata_image *image, mdToken attribute);
/* A SerString (II.23.3) from such a value: borrowed, not terminated. False at null or end. */
bool metadata_attribute_text(struct reader *value, const char **text, size_t *length);

/* What a TypeDef extends: TypeDef, TypeRef or TypeSpec; nil for interfaces and Object. */
mdToken metadata_type_base(const struct metadata_image *image, mdToken type);
bool metadata_type_is_value_type(const struct metadata_image *image, mdToken type);
bool metadata_type_is_enum(const struct metadata_image *image, mdToken type);
bool metadata_type_is_interface(const struct metadata_image *image, mdToken type);
bool metadata_type_is_delegate(const struct metadata_image *image, mdToken type);

/* Enums. The underlying element type (ELEMENT_TYPE_I4, …); 0 where it is no enum. */
uint8_t metadata_enum_element(const struct metadata_image *image, mdToken type);
struct metadata_enum_member {
    const char *name;
    uint64_t value; /* sign-extended where the underlying type is signed */
};
/* Walks the members in the order of their fields; start with a zeroed cursor. */
struct metadata_enum_cursor {
    struct metadata_rows rows;
    bool begun;
};
bool metadata_enum_next(const struct metadata_image *image, mdToken type,
                        struct metadata_enum_cursor *cursor, struct metadata_enum_member *member);
/* Appends "Closed", "Read | Write" for flags, or the number where no member has the value. */
void metadata_enum_print(const struct metadata_image *image, mdToken type, uint64_t value,
                         struct buffer *text);
/* The value of a member's name; false where there is none. */
bool metadata_enum_value(const struct metadata_image *image, mdToken type, const char *name,
                         uint64_t *value);

#endif
