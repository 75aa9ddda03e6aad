/*
 * r2r_methods: which methods have precompiled code in an image: MethodDefs by the table of
 * entry points (section 103), and instantiations of generic ones by a hash table that is
 * walked whole (section 109; generics are compiled into the image that needs them, which
 * need not be the one that defines them).
 *
 * No allocation; untrusted bytes; any thread.
 */
#ifndef R2R_METHODS_H
#define R2R_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"
#include "clr_token.h"
#include "r2r_image.h"

/* The core of an assembly's own image, or of a component: whose MethodDef is meant. *function
 * (where not NULL) is the row in the table of runtime functions. */
bool r2r_method_has_code(const struct r2r_image *r2r, const struct r2r_core *core, mdToken method,
                         uint32_t *function);

/* Visits all MethodDefs with code in ascending order; false stops. */
typedef bool (*r2r_method_visit)(void *context, mdToken method, uint32_t function);
enum status r2r_methods_walk(const struct r2r_image *r2r, const struct r2r_core *core,
                             r2r_method_visit visit, void *context, struct error *error);

/* Bits of r2r_instance.flags. */
enum r2r_signature_flag {
    R2R_SIGNATURE_UNBOXING = 0x01,
    R2R_SIGNATURE_INSTANTIATING = 0x02,
    R2R_SIGNATURE_INSTANTIATION = 0x04,
    R2R_SIGNATURE_SLOT = 0x08,
    R2R_SIGNATURE_MEMBER_REF = 0x10,
    R2R_SIGNATURE_CONSTRAINED = 0x20,
    R2R_SIGNATURE_OWNER_TYPE = 0x40,
    R2R_SIGNATURE_UPDATE_CONTEXT = 0x80,
    R2R_SIGNATURE_ASYNC_VARIANT = 0x100,
};

/* A method as signatures of these images write it. */
struct r2r_instance {
    uint32_t flags;        /* enum r2r_signature_flag */
    uint32_t module;       /* module index in whose terms token and types stand */
    mdToken token;         /* MethodDef, or MemberRef with that flag */
    bool has_owner;        /* type signature of the owner's instantiation */
    mdToken owner_type;    /* its definition: TypeDef, TypeRef, TypeSpec of `module`, or nil */
    struct reader owner;   /* ECMA-335 types, with 0x3f MODULE index before types of others */
    uint32_t arguments;    /* of the method itself */
    struct reader generic; /* that many type signatures */
    uint32_t function;     /* row in the table of runtime functions */
};
typedef bool (*r2r_instance_visit)(void *context, const struct r2r_instance *instance);
enum status r2r_instances_walk(const struct r2r_image *r2r, r2r_instance_visit visit, void *context,
                               struct error *error);

/* Reads flags, token, owner and arguments of a method signature; moves the reader behind it.
 * `module` is the index in force before it. `function` is left 0. */
enum status r2r_instance_read(struct reader *signature, uint32_t module,
                              struct r2r_instance *instance, struct error *error);

#endif
