/*
 * recompile_frames_calls: whether a method's native code may hold an inlined copy of a method that
 * is looked for: its IL calls it, directly or through at most two others that may be inlined in
 * their turn. For the files of this room.
 *
 * Not followed: calls by an interface, a base class or a delegate. What no compiler inlines
 * (NoInlining, no IL, more IL than the JIT's largest bound) is left out.
 *
 * Threads: worker only.
 */
#ifndef RECOMPILE_FRAMES_CALLS_H
#define RECOMPILE_FRAMES_CALLS_H

#include "recompile_search.h"

struct calls {
    struct recompile *recompile;
    const struct search *wanted; /* its groups */
    struct map known;            /* methods looked through already, at depth 0 */
    uint32_t budget;             /* call sites that may still be looked at: some 2 us each */
    uint32_t unread;             /* methods that were left out, or not looked through to the end */
};

void calls_init(struct calls *calls, struct recompile *recompile, const struct search *wanted);
void calls_release(struct calls *calls);
/* The first of the methods that it reaches. False: none, or the budget is used up. */
bool calls_reach(struct calls *calls, const struct module_entry *entry, mdToken method,
                 struct method_key *reached);

#endif
