#include "session_breath.h"

#include <poll.h>

#include "base_clock.h"
#include "session_answer.h"

#define BREATH_NS UINT64_C(50000000)

/* Changes nothing, and is said at once. */
static bool is_question(const struct session_connection *connection, uint16_t type)
{
    return connection->greeted ? type == WIRE_MSG_STATUS || type == WIRE_MSG_LOG
                               : type == WIRE_MSG_HELLO;
}

/* Answers the next frame if it is a question. */
static bool answer_one(struct session_engine *engine, struct session_connection *connection)
{
    uint16_t type;
    struct reader payload;
    size_t whole;
    if (session_connection_frame(connection, &type, &payload, &whole, NULL) != STATUS_OK ||
        !is_question(connection, type))
        return false;
    session_answer(engine, connection, type, payload);
    if (!connection->closing)
        session_connection_done(connection, whole);
    session_connection_send(connection);
    return true;
}

/* Nothing whole is there: what comes next is looked at. */
static bool is_waiting(struct session_connection *connection)
{
    uint16_t type;
    struct reader payload;
    size_t whole;
    return session_connection_frame(connection, &type, &payload, &whole, NULL) == STATUS_NOT_FOUND;
}

static bool is_listening(const struct session_connection *connection)
{
    return connection->fd >= 0 && !connection->gone && !connection->closing &&
           session_connection_queued(connection) <= SESSION_OUT_PAUSE;
}

static void serve(struct session_engine *engine, struct session_connection *connection)
{
    if (!is_listening(connection))
        return;
    if (is_waiting(connection))
        session_connection_receive(connection);
    /* HELLO and one question: the rest has its turn later. */
    for (int i = 0; i < 2 && is_listening(connection); i++)
        if (!answer_one(engine, connection))
            return;
}

static bool has_hung_up(const struct session_connection *connection)
{
    struct pollfd one = {.fd = connection->fd, .events = 0};
    return connection->fd >= 0 && poll(&one, 1, 0) > 0 && (one.revents & (POLLHUP | POLLERR));
}

bool session_breath(struct session_engine *engine)
{
    struct session_connection *serving = engine->serving;
    const uint64_t now = clock_monotonic();
    if (now - engine->breathed >= BREATH_NS) {
        engine->breathed = now;
        session_engine_accept(engine);
        for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
            if (&engine->connections[i] != serving)
                serve(engine, &engine->connections[i]);
        if (serving != NULL && !serving->gone && has_hung_up(serving)) {
            serving->why = "it closed the connection";
            serving->gone = true;
        }
    }
    return serving == NULL || !serving->gone;
}
