/*
 * r2r_signature: signatures of fixups and instances, as far as this room needs them
 * (ReadyToRun format document, Fixups; types as in ECMA-335 II.23.2.12 with the additions
 * below). For the files of this room.
 */
#ifndef R2R_SIGNATURE_H
#define R2R_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_reader.h"
#include "clr_token.h"
#include "r2r_image.h"

/* Elements that no ECMA-335 signature has. */
enum r2r_element {
    R2R_ELEMENT_VAR = 0x3b,       /* a type parameter by the row of its GenericParam */
    R2R_ELEMENT_NATIVE = 0x3d,    /* the native form of the value type that follows */
    R2R_ELEMENT_CANONICAL = 0x3e, /* any reference type: code that instances share */
    R2R_ELEMENT_MODULE = 0x3f,    /* a module index, then a type in its terms */
};

enum r2r_fixup {
    R2R_FIXUP_CHECK_IL_BODY = 0x35,
    R2R_FIXUP_VERIFY_IL_BODY = 0x36,
    R2R_FIXUP_MODULE_OVERRIDE = 0x80, /* a module index follows the kind */
};

/* Moves behind one type; the reader fails where it is malformed or nested too deep. Where
 * `definition` is not NULL: the TypeDef, TypeRef or TypeSpec of the outermost type (of a generic
 * instance: its definition), nil where it has none; and *module is changed to the index in
 * whose terms that stands. */
void r2r_skip_type(struct reader *reader, uint32_t *module, mdToken *definition);

/* r2r_imports.c: finds the section of IL-body imports. */
void r2r_imports_find(struct r2r_image *r2r);

#endif
