/*
 * il_stack: how deep the evaluation stack is at each instruction.
 *
 * Calls pop and push as their signatures say, which only metadata know: the caller gives
 * them through struct il_effects. Code that no path reaches keeps IL_DEPTH_UNKNOWN and does
 * not count.
 */
#ifndef IL_STACK_H
#define IL_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base_error.h"
#include "il_body.h"

/* A method signature, as far as the stack is concerned. */
struct il_call {
    uint32_t arguments; /* all of this call, `this` included where the signature has one */
    bool returns;       /* something else than void */
};

struct il_effects {
    /* Of call, callvirt, newobj and calli: the token is that of the
     * instruction (method; StandAloneSig for calli). False: not known, which fails the
     * analysis with STATUS_UNSUPPORTED. */
    bool (*call)(void *context, uint32_t opcode, mdToken token, struct il_call *call);
    void *context;
    bool method_returns; /* the method itself returns something else than void */
};

/* What one instruction pops and pushes; false where the effects are not known. */
bool il_stack_effect(const struct il_instruction *instruction, const struct il_effects *effects,
                     uint32_t *pops, uint32_t *pushes);

/* Sets the depth of every reached instruction, and raises max_stack to the greatest one (it
 * never sinks: code that is not reached may need what was there).
 * STATUS_MALFORMED where two paths disagree or the stack runs empty (the offset in the
 * error and the message name the instruction, as laid out), STATUS_UNSUPPORTED, STATUS_MEMORY. */
enum status il_stack_compute(struct il_body *body, const struct il_effects *effects,
                             struct error *error);

/* The cheap way, where the woven code is known to need at most `by` on top of anything. */
void il_stack_raise(struct il_body *body, uint32_t by);

#endif
