/*
 * r2r_inlining: who holds an inlined copy of whom, as a ReadyToRun image records it.
 *
 * Three encodings, told apart by their section: 110 (.NET Core 3.1), 114 (.NET 5 to 7, and the
 * components of composites) and 119 (.NET 8 and later). An image may have several; a composite
 * has one 114 for each component and one 119 for all. The walk visits every pair of every table
 * once, in the order of the file, without looking anything up by hash: the compilers' hash of
 * methods of nested types is not the one that the runtime looks up.
 *
 * WHAT NO IMAGE RECORDS: methods marked [NonVersionable] (they are inlined across all images by
 * design, and neither as inlinee nor as inliner are they written down; r2r_callers.h finds
 * their callers by their IL) and what the compilers expand by themselves (intrinsics such as
 * String.Length and Math.Sqrt, visible nowhere but at their call sites).
 * A recorded inliner's own copies are recorded too: inlining is transitive in the tables (A into
 * B into C gives A-B, B-C and A-C).
 *
 * The visitor is the caller's; no allocation. Any thread.
 */
#ifndef R2R_INLINING_H
#define R2R_INLINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_resolve.h"
#include "r2r_image.h"

enum r2r_method_kind {
    R2R_METHOD_DEFINED = 0, /* a MethodDef of a module */
    R2R_METHOD_IMPORTED,    /* of a module outside of the version bubble: by an import of its IL */
};
struct r2r_method {
    enum r2r_method_kind kind;
    uint32_t module; /* DEFINED: module index, 0: the image's own assembly (r2r_module_resolve) */
    mdToken token;   /* DEFINED: MethodDef */
    uint32_t import; /* IMPORTED: row in the IL-body imports (r2r_import_read) */
};

struct r2r_pair {
    struct r2r_method inlinee, inliner;
    uint16_t table;  /* enum r2r_section_type: INLINING, INLINING2, CROSS_MODULE_INLINING */
    uint64_t offset; /* of the inlinee's entry, within the image's bytes */
    bool first;      /* the first pair of its entry */
};
/* False stops the walk. */
typedef bool (*r2r_pair_visit)(void *context, const struct r2r_pair *pair);

struct r2r_inlining_count {
    size_t inlinees; /* entries */
    size_t pairs;
};

/* Visits all pairs. `count` may be NULL. An image without any table: STATUS_OK, no pairs.
 * STATUS_MALFORMED: the offset and the rule; pairs before it have been visited. */
enum status r2r_inlining_walk(const struct r2r_image *r2r, r2r_pair_visit visit, void *context,
                              struct r2r_inlining_count *count, struct error *error);

/* True where the image has a table of inlining at all: code without one tells nothing of what
 * it inlined. */
bool r2r_inlining_recorded(const struct r2r_image *r2r);

/* An imported method, resolved as far as one image goes. Two forms: a MethodDef of a module
 * (is_definition), or a reference by name. */
struct r2r_import {
    uint32_t module; /* module index in whose terms the token stands */
    mdToken token;   /* MethodDef of that module, or MemberRef of `image` */
    bool is_definition;
    const struct metadata_image *image; /* SELF's or the manifest; NULL: another file's */
    /* Where image is there; all borrowed from it: */
    struct metadata_identity type; /* its assembly "" means: the assembly of `module` */
    const char *name;
    struct reader signature; /* MethodDefSig or MethodRefSig, tokens of `image` */
};

/* IL-body imports: the import section whose signatures begin with 0x35 or 0x36 (with or
 * without 0x80): its type number is 7 by the document and 0 in what compilers write. */
uint32_t r2r_import_count(const struct r2r_image *r2r);
enum status r2r_import_read(const struct r2r_image *r2r, uint32_t row, struct r2r_import *import,
                            struct error *error);

#endif
