/*
 * target_inside: the steps of target_process_read, a file each (target_settings.c,
 * target_maps.c, target_folder.c). For this room alone.
 */
#ifndef TARGET_INSIDE_H
#define TARGET_INSIDE_H

#include "base_buffer.h"
#include "target_hold.h"
#include "target_process.h"

/* What environ says: settings, TMPDIR. `block` is NUL-separated. */
void target_inside_environment(struct target_process *process, const char *block, size_t length);

/* What maps says: the runtime, whose library is in the profiler slot. `root` is the target's
 * root folder (-1: not to be had), `block` its environment. */
void target_inside_maps(struct target_process *process, const struct target_hold *hold, int root,
                        const char *maps, size_t length, const struct buffer *environment);

/* Sockets in the target's folders: the runtime's and our agent's. */
void target_inside_sockets(struct target_process *process, int root);

#endif
