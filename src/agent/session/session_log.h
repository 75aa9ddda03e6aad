/*
 * session_log: the agent's last 256 messages, in memory, read by `rejig status --log`.
 *
 * A ring of fixed lines, allocated on the first message (about 52 KiB). Any thread of the agent;
 * not from entry points of the recorder (it takes a mutex).
 */
#ifndef SESSION_LOG_H
#define SESSION_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"

#define SESSION_LOG_LINES 256
#define SESSION_LOG_BYTES 192

/* Adds one line; a text that is too long is cut at a whole character. */
void session_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines that are held now. */
size_t session_log_count(void);
/* Line `index`, 0 the oldest; false where there is none. */
bool session_log_get(size_t index, uint64_t *realtime, char text[SESSION_LOG_BYTES]);
/* Appends a whole LOG message. */
void session_log_put(struct buffer *out);
/* Forgets everything and gives the memory back. */
void session_log_release(void);

#endif
