/*
 * r2r_callers: methods that call a method, found by their IL. For what no ReadyToRun image
 * records: a method marked [System.Runtime.Versioning.NonVersionable] is inlined into the code
 * of any image, so every method with a call site of it may hold a copy, and so may the callers
 * of those callers that are marked themselves.
 *
 * Call sites are call, callvirt, newobj, ldftn, ldvirtftn and jmp, by MethodDef, MemberRef or
 * MethodSpec. A reference is the method's where type, name and signature are equal by name; the
 * assembly that a reference names may forward its types, so assemblies are not compared here.
 *
 * No allocation; untrusted bytes; any thread.
 */
#ifndef R2R_CALLERS_H
#define R2R_CALLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_resolve.h"

/* A method by what it is called: equal in every image that names it. Borrowed from `image`. */
struct r2r_callee {
    const struct metadata_image *image; /* that defines it */
    mdToken method;                     /* MethodDef */
    struct metadata_identity type;
    const char *name;
    struct reader signature;
};
enum status r2r_callee_init(struct r2r_callee *callee, const struct metadata_image *image,
                            mdToken method, struct error *error);

/* The method itself is marked. (On a type the attribute speaks of its layout alone: methods of such
 * types are recorded as any others.) */
bool r2r_is_non_versionable(const struct metadata_image *image, mdToken method);
/* Marked [Intrinsic]: the compilers may expand it themselves: no copy of its IL, no call. */
bool r2r_is_intrinsic(const struct metadata_image *image, mdToken method);

/* True where a MethodDef, MemberRef or MethodSpec of `image` names the callee. A MethodDef does so
 * in the callee's own image alone (or another copy of it, by its version id). */
bool r2r_callee_matches(const struct r2r_callee *callee, const struct metadata_image *image,
                        mdToken token);
/* The MethodDef of `image` that has this type, name and signature (the latter in terms of
 * `from`); nil: none. */
mdToken r2r_find_method(const struct metadata_image *image, const struct metadata_identity *type,
                        const char *name, const struct metadata_image *from,
                        struct reader signature);
/* Two method signatures, each in terms of its image: equal types by name. */
bool r2r_signature_equal(const struct metadata_image *a, struct reader left,
                         const struct metadata_image *b, struct reader right);

/* Visits the call sites in `image` of the tokens in `callees` (tokens of `image`: MethodDef,
 * MemberRef, MethodSpec; ascending): the method that has it, in ascending order, and the position
 * of the token in the list. A method with several call sites is told several times. False stops.
 * Bodies that cannot be read are left out and counted in *unreadable (may be NULL). */
typedef bool (*r2r_caller_visit)(void *context, mdToken caller, size_t position);
void r2r_callers_walk(const struct metadata_image *image, const mdToken *callees, size_t count,
                      r2r_caller_visit visit, void *context, size_t *unreadable);

#endif
