/*
 * target_descend: whom a process has started.
 */
#ifndef TARGET_DESCEND_H
#define TARGET_DESCEND_H

#include <stddef.h>
#include <sys/types.h>

/* The processes that descend from `ancestor` at this moment, .NET or not; at most `room`. Who has
 * lost a parent between them does not any more. Cheap enough to be asked many times a second where
 * the kernel lists a thread's children (CONFIG_PROC_CHILDREN); else all of /proc is read. */
size_t target_descendants(pid_t ancestor, pid_t *pids, size_t room);

#endif
