/*
 * target_find: from the user's words to a process.
 */
#ifndef TARGET_FIND_H
#define TARGET_FIND_H

#include <stddef.h>

#include "base_error.h"
#include "target_process.h"

struct target_list {
    struct target_process *items; /* by pid; owned by the list */
    size_t count;
};

/* Every .NET process that we may see, the caller itself left out. */
enum status target_find_all(struct target_list *list, struct error *error);
void target_list_release(struct target_list *list);

/*
 * TARGET as the user wrote it: digits are a pid, all else a name: the process name (comm or
 * executable, ".dll" and ".exe" allowed behind it) or that of the entry assembly. Case counts
 * unless nothing matches with it.
 *   STATUS_TARGET: no such process; the hint names the nearest.
 *   STATUS_USAGE: several; the message has the list, one a line, and `matches` (where not
 *   NULL) holds them; release it in every case.
 * A pid is taken whatever it is: target_state says whether it is .NET.
 */
enum status target_find(const char *text, struct target_process *process,
                        struct target_list *matches, struct error *error);
/* The same, where the option said which it is (-p, -n). */
enum status target_find_pid(const char *text, struct target_process *process, struct error *error);
enum status target_find_name(const char *text, struct target_process *process,
                             struct target_list *matches, struct error *error);

/* Name resolution among a given list (for tests and callers that have one). */
enum status target_find_among(const struct target_list *all, const char *name,
                              struct target_process *process, struct target_list *matches,
                              struct error *error);

#endif
