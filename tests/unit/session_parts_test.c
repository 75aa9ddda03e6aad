// uses: session recorder recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// The log, the listening socket, and one connection with whatever stands at its other end.
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_clock.h"
#include "session_connection.h"
#include "session_log.h"
#include "session_socket.h"
#include "wire_message.h"

/* ---- the log ---- */

static void test_log(void **state)
{
    char text[SESSION_LOG_BYTES];
    uint64_t time, before = clock_realtime();
    (void)state;
    session_log_release();
    assert_int_equal(session_log_count(), 0);
    assert_false(session_log_get(0, &time, text));
    session_log("first %d", 1);
    assert_true(session_log_get(0, &time, text));
    assert_string_equal(text, "first 1");
    assert_in_range(time, before, clock_realtime());
    /* The oldest go. */
    for (int i = 0; i < SESSION_LOG_LINES + 10; i++)
        session_log("line %d", i);
    assert_int_equal(session_log_count(), SESSION_LOG_LINES);
    assert_true(session_log_get(0, &time, text));
    assert_string_equal(text, "line 10");
    assert_true(session_log_get(SESSION_LOG_LINES - 1, &time, text));
    assert_string_equal(text, "line 265");
    /* Cut at a whole character. */
    char longest[600];
    for (size_t i = 0; i + 3 < sizeof longest; i += 3)
        memcpy(longest + i, "\xe2\x82\xac", 3);
    longest[597] = '\0';
    session_log("%s", longest);
    assert_true(session_log_get(SESSION_LOG_LINES - 1, &time, text));
    assert_int_equal(strlen(text) % 3, 0);
    assert_in_range(strlen(text), SESSION_LOG_BYTES - 4, SESSION_LOG_BYTES - 1);
    session_log_release();
    assert_int_equal(session_log_count(), 0);
}

static void *log_much(void *unused)
{
    for (int i = 0; i < 2000; i++)
        session_log("thread line %d", i);
    return unused;
}

static void test_log_threads(void **state)
{
    pthread_t threads[3];
    struct buffer out;
    (void)state;
    buffer_init(&out, 0);
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, log_much, NULL);
    for (int i = 0; i < 20; i++) {
        buffer_clear(&out);
        session_log_put(&out);
        assert_false(buffer_failed(&out));
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(session_log_count(), SESSION_LOG_LINES);
    session_log_release();
    buffer_release(&out);
}

/* ---- the socket ---- */

static void test_socket(void **state)
{
    char directory[] = "/tmp/rejig-parts-XXXXXX", expected[200];
    struct session_socket first, second;
    struct stat file;
    uint64_t start;
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(session_socket_start_time(&start, NULL), STATUS_OK);
    assert_int_equal(session_socket_open(&first, directory, NULL), STATUS_OK);
    snprintf(expected, sizeof expected, "%s/rejig-%d-%llu-socket", directory, getpid(),
             (unsigned long long)start);
    assert_string_equal(first.path, expected);
    assert_int_equal(lstat(first.path, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_true(fcntl(first.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(first.fd, F_GETFL) & O_NONBLOCK);
    /* A stale one is replaced; its owner then leaves ours alone. */
    assert_int_equal(session_socket_open(&second, directory, NULL), STATUS_OK);
    session_socket_close(&first);
    assert_int_equal(lstat(second.path, &file), 0);

    uint32_t uid = 7, pid = 0, refused;
    assert_int_equal(session_socket_accept(&second, &uid, &pid, &refused), -1);
    assert_int_equal(refused, UINT32_MAX);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, second.path, sizeof second.path);
    int peer = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    int accepted = session_socket_accept(&second, &uid, &pid, &refused);
    assert_int_not_equal(accepted, -1);
    assert_int_equal(uid, geteuid());
    assert_int_equal(pid, getpid());
    assert_true(fcntl(accepted, F_GETFD) & FD_CLOEXEC);
    close(accepted);
    close(peer);
    session_socket_close(&second);
    session_socket_close(&second);
    assert_int_equal(rmdir(directory), 0);
}

static void test_socket_refused(void **state)
{
    struct session_socket socket;
    struct error error;
    char longest[120];
    (void)state;
    error_init(&error);
    assert_int_equal(session_socket_open(&socket, "/nonexistent/folder", &error), STATUS_IO);
    assert_int_equal(socket.fd, -1);
    assert_non_null(strstr(error.message, "/nonexistent/folder"));
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(session_socket_open(&socket, longest, &error), STATUS_TARGET);
    session_socket_close(&socket);
}

/* ---- a connection ---- */

struct ends {
    struct session_connection connection;
    int peer;
};

static int up(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    session_connection_open(&ends->connection, pair[0], 1, 2);
    ends->peer = pair[1];
    *state = ends;
    return 0;
}

static int down(void **state)
{
    struct ends *ends = *state;
    session_connection_close(&ends->connection);
    if (ends->peer >= 0)
        close(ends->peer);
    free(ends);
    return 0;
}

static void test_frames_in_pieces(void **state)
{
    struct ends *ends = *state;
    struct session_connection *c = &ends->connection;
    struct buffer stream;
    uint16_t type;
    struct reader payload;
    size_t whole;
    buffer_init(&stream, 0);
    for (uint32_t i = 0; i < 3; i++) {
        size_t mark = wire_frame_begin(&stream, WIRE_MSG_STATUS);
        tlv_put_u32(&stream, 1, i);
        wire_frame_end(&stream, mark);
    }
    uint32_t seen = 0;
    for (size_t i = 0; i < stream.length; i++) {
        assert_int_equal(send(ends->peer, stream.data + i, 1, 0), 1);
        session_connection_receive(c);
        while (session_connection_frame(c, &type, &payload, &whole, NULL) == STATUS_OK) {
            struct tlv field;
            assert_int_equal(type, WIRE_MSG_STATUS);
            assert_true(tlv_next(&payload, &field));
            assert_int_equal(tlv_u32(&field), seen);
            session_connection_done(c, whole);
            assert_int_equal((i + 1) % (stream.length / 3), 0);
            seen++;
        }
    }
    assert_int_equal(seen, 3);
    assert_false(c->gone);
    /* Three at once. */
    assert_int_equal(send(ends->peer, stream.data, stream.length, 0), stream.length);
    session_connection_receive(c);
    for (; session_connection_frame(c, &type, &payload, &whole, NULL) == STATUS_OK; seen++)
        session_connection_done(c, whole);
    assert_int_equal(seen, 6);
    buffer_release(&stream);
}

static void test_peer_gone(void **state)
{
    struct ends *ends = *state;
    close(ends->peer);
    ends->peer = -1;
    session_connection_receive(&ends->connection);
    assert_true(ends->connection.gone);
    assert_non_null(ends->connection.why);
    /* Sending to nobody kills nobody. */
    ends->connection.gone = false;
    buffer_append_text(&ends->connection.out, "hello");
    session_connection_send(&ends->connection);
    assert_true(ends->connection.gone);
}

/* The descriptor comes once, and not before the byte that it was put in front of. */
static void test_descriptor(void **state)
{
    struct ends *ends = *state;
    struct session_connection *c = &ends->connection;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    buffer_append_text(&c->out, "before");
    session_connection_pass(c, pipes[0]);
    buffer_append_text(&c->out, "with");
    session_connection_send(c);
    assert_int_equal(session_connection_queued(c), 0);
    assert_int_equal(c->passed_fd, -1);
    assert_int_equal(fcntl(pipes[0], F_GETFD), -1); /* ours no more */
    char bytes[64];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    size_t total = 0;
    uint32_t descriptors = 0;
    while (total < 10) {
        struct iovec room = {bytes, sizeof bytes};
        struct msghdr message = {.msg_iov = &room,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};
        ssize_t got = recvmsg(ends->peer, &message, 0);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        assert_true(got > 0);
        total += (size_t)got;
        if (head == NULL)
            continue;
        int fd;
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
        assert_int_equal(write(pipes[1], "x", 1), 1);
        assert_int_equal(read(fd, bytes, 1), 1);
        close(fd);
        descriptors++;
        assert_true(total > 6); /* not before its byte */
    }
    assert_int_equal(total, 10);
    assert_int_equal(descriptors, 1);
    close(pipes[1]);
}

/* Who does not read is cut off at the bound, and not before. */
static void test_slow_reader(void **state)
{
    struct ends *ends = *state;
    struct session_connection *c = &ends->connection;
    static const uint8_t block[65536];
    size_t appended = 0;
    while (!c->gone && appended < 4 * SESSION_OUT_MAX) {
        buffer_append(&c->out, block, sizeof block);
        appended += sizeof block;
        session_connection_send(c);
    }
    assert_true(c->gone);
    assert_in_range(appended, SESSION_OUT_MAX, 2 * SESSION_OUT_MAX);
    assert_in_range(session_connection_memory(c), 0, 3 * SESSION_OUT_MAX);
}

static void test_finish(void **state)
{
    struct ends *ends = *state;
    struct session_connection *c = &ends->connection;
    char bytes[16];
    buffer_append_text(&c->out, "last");
    session_connection_finish(c);
    assert_false(c->gone);
    /* What the peer still says is not kept. */
    assert_int_equal(send(ends->peer, "more", 4, 0), 4);
    session_connection_receive(c);
    assert_int_equal(c->in.length, 0);
    session_connection_send(c);
    assert_true(c->gone);
    assert_int_equal(recv(ends->peer, bytes, sizeof bytes, 0), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_threads),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_socket_refused),
        cmocka_unit_test_setup_teardown(test_frames_in_pieces, up, down),
        cmocka_unit_test_setup_teardown(test_peer_gone, up, down),
        cmocka_unit_test_setup_teardown(test_descriptor, up, down),
        cmocka_unit_test_setup_teardown(test_slow_reader, up, down),
        cmocka_unit_test_setup_teardown(test_finish, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
