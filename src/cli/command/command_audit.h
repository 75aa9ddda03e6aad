/*
 * command_audit: the audit log of this user: what was changed in which process, and when it was
 * taken back.
 *
 * $XDG_STATE_HOME/rejig/audit.log (~/.local/state/rejig/audit.log), mode 0600; one JSON object a
 * line, appended by one write each, so that several rejigs may write at once; never shortened or
 * rewritten by us. docs/safety.md says what stands in a line.
 */
#ifndef COMMAND_AUDIT_H
#define COMMAND_AUDIT_H

#include <stdint.h>

#include "base_error.h"
#include "output_number.h"
#include "target_process.h"

struct audit {
    int fd; /* -1: not open */
    char path[TARGET_PATH_BYTES];
    struct number_clock clock;
    uint64_t started; /* of the target, wall clock; 0: not looked up yet */
};

struct audit_entry {
    const char *event;  /* request, change, take-back, refused */
    const char *action; /* patch */
    const struct target_process *process;
    const char *method;
    const char *value;
    uint64_t duration_ns;
    const char *result;
};

void audit_init(struct audit *audit);
/* Opens it, making it and its folders. STATUS_IO, with a hint. */
enum status audit_open(struct audit *audit, struct error *error);
/* Appends one line, and waits until it is on the disk. STATUS_IO. */
enum status audit_write(struct audit *audit, const struct audit_entry *entry, struct error *error);
void audit_close(struct audit *audit);

#endif
