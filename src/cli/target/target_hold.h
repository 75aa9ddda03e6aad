/*
 * target_hold: one process, held fast against pid reuse.
 *
 * The descriptor of /proc/PID stays that of this very process: once it is gone, reads
 * through it fail, even where the pid has been given to another. Everything that rejig
 * learns of a process goes through it, and a pidfd beside it (kernels from 5.3) tells the end.
 */
#ifndef TARGET_HOLD_H
#define TARGET_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base_buffer.h"
#include "base_error.h"
#include "target_parse.h"

struct target_hold {
    pid_t pid;
    int directory;  /* /proc/PID; -1: not open */
    int pidfd;      /* -1: the kernel has none */
    uint64_t start; /* field 22 of stat */
};

/* STATUS_TARGET where there is no such process. Threads (a tid that is no pid) are refused. */
enum status target_hold_open(struct target_hold *hold, pid_t pid, struct error *error);
void target_hold_close(struct target_hold *hold);
/* Reads /proc/PID/`name`, at most `limit` bytes (what is longer is cut). STATUS_NOT_FOUND where
 * the process has gone, STATUS_PERMISSION where it is not for us. */
enum status target_hold_read(const struct target_hold *hold, const char *name, size_t limit,
                             struct buffer *to, struct error *error);
/* The state right now; STATUS_TARGET where the process is gone or another has its pid. */
enum status target_hold_state(const struct target_hold *hold, struct target_stat *stat,
                              struct error *error);
/* True once the process has ended (a zombie has). */
bool target_hold_ended(const struct target_hold *hold);

#endif
