/*
 * session_socket: the agent's listening unix socket.
 *
 * DIRECTORY/rejig-<pid>-<start>-socket, mode 0600 from the moment it exists, close-on-exec,
 * non-blocking. Peers must run as the target's effective user or as root.
 */
#ifndef SESSION_SOCKET_H
#define SESSION_SOCKET_H

#include <stdint.h>

#include "base_error.h"

struct session_socket {
    int fd;          /* -1: closed */
    uint64_t device; /* of the file that we made: another one of this name is not removed */
    uint64_t inode;
    char path[108]; /* as in sockaddr_un */
};

/* This process as it sees itself: field 22 of its stat. */
enum status session_socket_start_time(uint64_t *start, struct error *error);

/* Replaces a file of the same name: pid and start time make it ours, from an agent that has gone.
 * On failure socket->fd is -1. */
enum status session_socket_open(struct session_socket *socket, const char *directory,
                                struct error *error);
/* Closes and removes the file. */
void session_socket_close(struct session_socket *socket);

/* The next peer: a non-blocking descriptor, -1 where there is none now. A peer of another user is
 * closed and *refused_uid (else UINT32_MAX) says which. */
int session_socket_accept(struct session_socket *socket, uint32_t *uid, uint32_t *pid,
                          uint32_t *refused_uid);

#endif
