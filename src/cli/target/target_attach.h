/*
 * target_attach: a link to the agent in a process: the one that sleeps there, or a new one.
 *
 * Nothing is sent to a process that a check refuses, and every step is against the same
 * process: hold, socket peer and start time are compared.
 */
#ifndef TARGET_ATTACH_H
#define TARGET_ATTACH_H

#include <stdint.h>

#include "base_error.h"
#include "target_link.h"
#include "target_process.h"
#include "wire_message.h"

#define TARGET_ATTACH_TIMEOUT_MS 10000u

/* To the agent if there is one, else attaches one. `process` may be a picture some seconds
 * old: it is taken anew. STATUS_TARGET: refused, with reason and way out. `timeout_ms` 0: the
 * default. The link's hello tells about first use; `attached` whether it was loaded just now. */
enum status target_open(const struct target_process *process, enum wire_attach_mode mode,
                        unsigned timeout_ms, struct target_link *link, struct error *error);

/* Straight to a sleeping agent. STATUS_NOT_FOUND: none is there. STATUS_TARGET with
 * target_busy_error's words: it does not answer in time. */
enum status target_connect(const struct target_process *picture, unsigned timeout_ms,
                           struct target_link *link, struct error *error);
/* The same; and an agent that sends us away, because it waits for another rejig, or whose socket
 * is about to appear, is tried again, until `timeout_ms` and a second are over. */
enum status target_connect_patiently(const struct target_process *process, unsigned timeout_ms,
                                     struct target_link *link, struct error *error);

/* "the agent in pid 4711 is busy: no answer for 10 s", and to try again; STATUS_TARGET. */
enum status target_busy_error(pid_t pid, uint64_t waited_ns, struct error *error);

/* What the functions above are waiting for at this moment, as a clause for whoever shows
 * progress from another thread; NULL: nothing. Static text. */
const char *target_attach_waits(void);

/* Loads the agent into a process that has none. */
enum status target_attach(const struct target_process *process, enum wire_attach_mode mode,
                          unsigned timeout_ms, struct target_link *link, struct error *error);

#endif
