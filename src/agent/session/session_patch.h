/*
 * session_patch: a literal of the plan meets what a method returns. Private to this room.
 *
 * The rules are C#'s for a constant in a return statement, and a little wider where nothing is
 * lost: a number without suffix takes the method's type, an enum takes a number.
 */
#ifndef SESSION_PATCH_H
#define SESSION_PATCH_H

#include "session_binder.h"

/* Fills site->literal. STATUS_USAGE: the literal is not what the method returns (the hint says
 * what would be); STATUS_UNSUPPORTED: no literal will do for this method, or another session
 * changes it already. */
enum status bind_patch(struct binder *binder, struct session_site *site, struct error *error);

#endif
