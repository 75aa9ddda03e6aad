/*
 * target_place: the agent's file, where the target can load it.
 */
#ifndef TARGET_PLACE_H
#define TARGET_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base_error.h"
#include "target_hold.h"
#include "target_process.h"

/* Our own librejig.so, as a path without symlinks: REJIG_AGENT where set, else beside the
 * program: ../lib/rejig (or lib64, or lib/TRIPLET), its own folder, ../../../lib/rejig (a build
 * folder). STATUS_NOT_FOUND names where it looked. */
enum status target_agent_file(char *to, size_t size, struct error *error);

struct target_place {
    char path[TARGET_PATH_BYTES]; /* as the target sees it: what AttachProfiler is told */
    int folder;                   /* of a copy; -1: none was made */
    char name[64];                /* of the copy in `folder` */
};

/* The file itself where the target sees and may read it, else a copy (0644) in the first folder
 * of its view that is writable and not noexec: its TMPDIR, /tmp, /dev/shm, /var/tmp. Copies that
 * lie in that folder for more than a minute, left by a rejig that was killed, go. */
enum status target_place_agent(const struct target_process *process, const struct target_hold *hold,
                               struct target_place *place, struct error *error);
/* The same answer without writing anything: can it be placed, and where (for doctor)? */
enum status target_place_probe(const struct target_process *process, const struct target_hold *hold,
                               char *where, size_t size, struct error *error);
/* Takes the copy away again: a loaded file is not needed any more. Harmless when called twice. */
void target_place_remove(struct target_place *place);

#endif
