/*
 * target_socket: unix stream sockets with a deadline on everything.
 *
 * All descriptors are close-on-exec and non-blocking. Deadlines are CLOCK_MONOTONIC ns;
 * 0 means without limit. For this room alone.
 */
#ifndef TARGET_SOCKET_H
#define TARGET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base_error.h"

/* Connects to the socket `name` in the opened folder (any length of its path), and checks that
 * the process which listens there is `pid`. STATUS_NOT_FOUND: no socket, or nobody behind it;
 * STATUS_PERMISSION; STATUS_TARGET: somebody else's socket; STATUS_TIMEOUT. */
enum status target_socket_connect(int folder, const char *name, pid_t pid, uint64_t deadline,
                                  int *fd, struct error *error);
/* Waits until `events` (POLLIN, POLLOUT) or the end of the connection. False at the deadline. */
bool target_socket_wait(int fd, short events, uint64_t deadline);
/* Milliseconds to the deadline for poll(2), rounded up; -1: no limit. */
int target_socket_left(uint64_t deadline);

#endif
