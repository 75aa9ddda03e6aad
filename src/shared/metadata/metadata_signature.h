/*
 * metadata_signature: signatures (ECMA-335 II.23.2) as trees of types, and as C# text.
 *
 * Trees live on the caller's arena and borrow the blob. Depth is bounded
 * (METADATA_MAX_TYPE_DEPTH), counts are bounded by the bytes that are there: a hostile blob
 * costs no more than its own size times a constant. Errors: STATUS_MALFORMED with the offset
 * within the image, STATUS_MEMORY.
 */
#ifndef METADATA_SIGNATURE_H
#define METADATA_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "clr_element.h"
#include "clr_token.h"
#include "metadata_image.h"

#define METADATA_MAX_TYPE_DEPTH 64
#define METADATA_MAX_RANK       32

struct meta_signature;

/* One node. Which fields are set depends on `element`:
 *   primitives, STRING, OBJECT, VOID, TYPEDBYREF, I, U   nothing else
 *   CLASS, VALUETYPE                          token
 *   PTR, BYREF, SZARRAY, PINNED               inner
 *   ARRAY                                     inner, number (rank)
 *   VAR, MVAR                                 number
 *   GENERICINST                               inner (CLASS or VALUETYPE), arguments
 *   FNPTR                                     function
 *   CMOD_REQD, CMOD_OPT                       token, inner */
struct meta_type {
    uint8_t element; /* enum clr_element */
    mdToken token;   /* TypeDef, TypeRef or TypeSpec */
    uint32_t number;
    uint32_t argument_count;
    struct meta_type *inner;
    struct meta_type **arguments;
    struct meta_signature *function;
    const uint8_t *raw; /* the bytes of this type within its blob, borrowed */
    uint32_t raw_length;
};

/* A method, property, call site or local signature. */
struct meta_signature {
    uint8_t convention; /* the first byte: enum clr_calling_convention */
    uint32_t generic_count;
    uint32_t parameter_count;
    uint32_t required_count;       /* parameters before the sentinel of a vararg call */
    struct meta_type *result;      /* NULL for locals */
    struct meta_type **parameters; /* or the locals */
};

/* Each reads one whole blob. */
enum status metadata_signature_method(struct reader blob, struct arena *arena,
                                      struct meta_signature *signature, struct error *error);
enum status metadata_signature_field(struct reader blob, struct arena *arena,
                                     struct meta_type **type, struct error *error);
enum status metadata_signature_property(struct reader blob, struct arena *arena,
                                        struct meta_signature *signature, struct error *error);
enum status metadata_signature_locals(struct reader blob, struct arena *arena,
                                      struct meta_signature *signature, struct error *error);
/* A StandAloneSig of any kind: method (calli), locals or field. */
enum status metadata_signature_standalone(struct reader blob, struct arena *arena,
                                          struct meta_signature *signature, struct error *error);
/* A TypeSpec, or any bare type; trailing bytes are an error. */
enum status metadata_signature_type(struct reader blob, struct arena *arena,
                                    struct meta_type **type, struct error *error);
/* A MethodSpec's instantiation: the arguments come back as parameters. */
enum status metadata_signature_instantiation(struct reader blob, struct arena *arena,
                                             struct meta_signature *signature, struct error *error);

/* The type without modifiers and PINNED around it. Never NULL for a type that is not. */
const struct meta_type *metadata_type_plain(const struct meta_type *type);
/* True where the outermost modifiers (below a byref too) name the type, e.g.
 * "System.Runtime.InteropServices.InAttribute". */
bool metadata_type_has_modifier(const struct metadata_image *image, const struct meta_type *type,
                                const char *full_name);

/* Who gives !0 and !!0 their names; nil tokens print as !0 and !!0. */
struct metadata_scope {
    mdToken type;   /* TypeDef */
    mdToken method; /* MethodDef */
};

enum metadata_print {
    METADATA_PRINT_SHORT = 0,     /* List<Order> */
    METADATA_PRINT_NAMESPACE = 1, /* System.Collections.Generic.List<Shop.Order> */
};

/* Appends C# text: int, string, List<Order>, (int, string), T, int?, int[,], ref int, byte*,
 * Outer+Inner, delegate*<int, void>. Modifiers and pinned are left out. */
void metadata_type_print(const struct metadata_image *image, const struct meta_type *type,
                         struct metadata_scope scope, enum metadata_print style,
                         struct buffer *text);
/* The same for a TypeDef, TypeRef or TypeSpec token, with the names of its own generic
 * parameters for a TypeDef: Repository<T>. */
void metadata_token_print(const struct metadata_image *image, mdToken token,
                          struct metadata_scope scope, enum metadata_print style,
                          struct buffer *text);

#endif
