// uses: standin session recorder recompile weave wire metadata il clr abi base
// Whatever a client may say: streams of bytes, and frames of any type with any payload, to an
// engine on the stand-in runtime with one real module. Plans that are fine become sessions, so
// that what follows meets one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session_answer.h"
#include "session_lease.h"
#include "standin.h"
#include "wire_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct session_engine *engine;
static struct recompile *recompile;
static char directory[] = "/tmp/rejig-fuzz-XXXXXX";

static void leave(void)
{
    session_engine_free(engine);
    rmdir(directory);
}

static void set_up(void)
{
    char path[4096];
    struct standin *standin = standin_new();
    if (!standin_framework_file(path, sizeof path, "System.Linq.dll") ||
        standin_load(standin, path, COR_PRF_MODULE_DISK) == 0 || mkdtemp(directory) == NULL ||
        recompile_new(standin_info(standin), &recompile, NULL) != STATUS_OK ||
        session_engine_new(recompile, standin_info(standin), directory, false, &engine, NULL) !=
            STATUS_OK)
        abort();
    recompile_pump(recompile);
    atexit(leave);
}

/* Everything that the engine has said is read and thrown away. */
static void drain(struct session_connection *connection, int peer)
{
    char bytes[65536];
    session_connection_send(connection);
    while (recv(peer, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        session_connection_send(connection);
}

/* The bytes as they come over the socket. */
static void stream(struct session_connection *connection, int peer, const uint8_t *data,
                   size_t size)
{
    for (size_t sent = 0; sent < size && !connection->gone && !connection->closing;) {
        size_t part = size - sent < 1000 ? size - sent : 1000;
        if (send(peer, data + sent, part, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)part)
            break;
        sent += part;
        session_connection_receive(connection);
        uint16_t type;
        struct reader payload;
        size_t whole;
        while (!connection->closing && !connection->gone) {
            enum status status =
                session_connection_frame(connection, &type, &payload, &whole, NULL);
            if (status == STATUS_NOT_FOUND)
                break;
            if (status != STATUS_OK) {
                connection->gone = true;
                break;
            }
            session_answer(engine, connection, type, payload);
            if (!connection->closing)
                session_connection_done(connection, whole);
        }
        drain(connection, peer);
    }
}

/* Frames that are whole: a type, a length and a payload each. */
static void frames(struct session_connection *connection, int peer, const uint8_t *data,
                   size_t size)
{
    connection->greeted = true;
    while (size >= 3 && !connection->closing && !connection->gone) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        struct reader payload;
        if (length > size - 3)
            length = size - 3;
        reader_init(&payload, data + 3, length);
        session_answer(engine, connection, data[0] % 12, payload);
        drain(connection, peer);
        data += 3 + length;
        size -= 3 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    struct session_connection connection;
    if (engine == NULL)
        set_up();
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        return 0;
    session_connection_open(&connection, pair[0], 0, 1);
    if (data[0] & 1)
        stream(&connection, pair[1], data + 1, size - 1);
    else
        frames(&connection, pair[1], data + 1, size - 1);
    if (connection.session != NULL)
        session_lease_end(connection.session, "the input ends");
    session_connection_close(&connection);
    close(pair[1]);
    recompile_pump(recompile);
    return 0;
}
