/*
 * script_literal: what a patched method gives, as the user writes it: a constant of C#.
 *
 *   literal = [ "void" ] | "default" | "null" | "true" | "false" | [ "-" ] NUMBER
 *           | "text" | @"text" | 'c' | NAME { "." NAME } { "|" NAME { "." NAME } }
 *   NUMBER  = decimal, 0x and 0b digits with underscores; fraction and exponent; the suffixes
 *             u, l, ul, f, d, m
 *
 * What a number's type is and which enum a name belongs to is settled by the agent, which knows
 * what the method returns (wire_plan.h).
 */
#ifndef SCRIPT_LITERAL_H
#define SCRIPT_LITERAL_H

#include "base_arena.h"
#include "base_error.h"
#include "wire_plan.h"

/* Everything lives in the arena. STATUS_USAGE with the column as offset. */
enum status script_parse_literal(struct arena *arena, const char *text, struct plan_literal *to,
                                 struct error *error);

#endif
