/*
 * il_check: whether the runtime would take a body, as far as can be told from the body
 * alone. What passes has: every target and boundary set; protected blocks that are in
 * order, not empty, properly nested, inner ones first, with no two kinds on the same try
 * block; no way to fall or branch into or out of a block but those that ECMA-335
 * (I.12.4.2.8, III.1.7) allows; no path that runs off the end; prefixes in front of what
 * they may stand before; and, where effects are given, one stack depth at each instruction
 * that every path agrees on, never below zero, never over max_stack, empty at the entry of
 * try blocks, exactly the result at ret. Types are not checked.
 */
#ifndef IL_CHECK_H
#define IL_CHECK_H

#include "base_error.h"
#include "il_body.h"
#include "il_stack.h"

/* Lays the body out and checks it. effects may be NULL: then without the stack.
 * STATUS_MALFORMED with a message that names the offset as laid out; STATUS_UNSUPPORTED
 * where a call's effect is not known; STATUS_MEMORY. */
enum status il_check(struct il_body *body, const struct il_effects *effects, struct error *error);

#endif
