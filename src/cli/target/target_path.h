/*
 * target_path: paths of a target, opened inside its root (/proc/PID/root).
 *
 * No path leaves that root. What is written never goes through a symlink; folders that are only
 * looked into may be reached through one that stays inside (a TMPDIR below /var/run), because
 * there the peer's pid proves the socket. openat2(2) where the kernel has it, else a walk
 * component by component.
 */
#ifndef TARGET_PATH_H
#define TARGET_PATH_H

#include <stdbool.h>

#include "base_error.h"
#include "target_hold.h"

/* The target's root folder (O_PATH); -1 with errno set. */
int target_path_root(const struct target_hold *hold);
/* Opens an absolute path of the target with `flags` (O_CLOEXEC is added); -1 with errno set.
 * A symlink anywhere is ELOOP. */
int target_path_open(int root, const char *path, int flags);
/* A folder to look into (O_PATH); symlinks inside the root are followed. */
int target_path_folder(int root, const char *path);
/* The walk that stands in for openat2, for tests. */
int target_path_walk(int root, const char *path, int flags);

#endif
