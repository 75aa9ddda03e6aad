/* il_walk: the flow analysis that il_stack and il_check share. Not for other rooms. */
#ifndef IL_WALK_H
#define IL_WALK_H

#include "il_stack.h"

/* Lays the body out and walks every way through it, from its first instruction and from
 * every handler. Afterwards the depth of what is reached is set, of the rest
 * IL_DEPTH_UNKNOWN; *greatest is the deepest. Without effects every depth is 0 and only
 * says that the instruction is reached: follow with il_walk_forget. */
enum status il_walk(struct il_body *body, const struct il_effects *effects, uint32_t *greatest,
                    struct error *error);
void il_walk_forget(struct il_body *body);

/* Whether control may go to the next instruction. */
static inline bool il_flows_on(enum il_flow flow)
{
    return flow == IL_FLOW_NEXT || flow == IL_FLOW_CALL || flow == IL_FLOW_CONDITION ||
           flow == IL_FLOW_PREFIX;
}

#endif
