/*
 * session_answer: what the agent answers to each message. Worker thread; before it runs also the
 * thread that waits for the first HELLO.
 */
#ifndef SESSION_ANSWER_H
#define SESSION_ANSWER_H

#include "session_model.h"

/* Works off one frame. Failures are answered by ERROR and the connection finishes. */
void session_answer(struct session_engine *engine, struct session_connection *connection,
                    uint16_t type, struct reader payload);
/* The nonce of a HELLO; false where it says none. */
bool session_answer_nonce(struct reader payload, uint64_t nonce[2]);
/* Queues an ERROR and finishes the connection. */
void session_answer_error(struct session_connection *connection, const struct error *error);

#endif
