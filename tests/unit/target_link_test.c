// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_clock.h"
#include "target_link.h"
#include "target_socket.h"
#include "wire_record.h"

#define SOON (clock_monotonic() + 50 * 1000000ull)

/* The other end of a link: bytes laid in beforehand, as a hostile agent would. */
static int agent;

static enum status greet(struct target_link *link, const struct buffer *answer, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return STATUS_BUG;
    agent = ends[1];
    if (send(agent, answer->data, answer->length, 0) != (ssize_t)answer->length)
        return STATUS_BUG;
    return target_link_greet(link, ends[0], 4711, NULL, SOON, error);
}

static void put_hello(struct buffer *buffer, uint32_t major, const char *version)
{
    size_t mark = wire_frame_begin(buffer, WIRE_MSG_HELLO);
    tlv_put_u32(buffer, WIRE_HELLO_MAJOR, major);
    tlv_put_u32(buffer, WIRE_HELLO_MINOR, 7);
    tlv_put_text(buffer, WIRE_HELLO_VERSION, version);
    tlv_put_text(buffer, WIRE_HELLO_RUNTIME, "10.0.12");
    tlv_put_u32(buffer, WIRE_HELLO_CLOCK, WIRE_CLOCK_TSC);
    tlv_put_u64(buffer, WIRE_HELLO_TICKS, 123);
    tlv_put_u64(buffer, WIRE_HELLO_RATE, 2 << 20);
    tlv_put_u32(buffer, WIRE_HELLO_FIRST, 1);
    tlv_put_text(buffer, 999, "what a later minor adds");
    wire_frame_end(buffer, mark);
}

static void a_friendly_agent(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer answer;
    buffer_init(&answer, 0);
    put_hello(&answer, WIRE_MAJOR, "0.9");
    assert_int_equal(greet(&link, &answer, NULL), STATUS_OK);
    assert_string_equal(link.hello.version, "0.9");
    assert_string_equal(link.hello.runtime, "10.0.12");
    assert_int_equal(link.hello.minor, 7);
    assert_int_equal(link.hello.clock, WIRE_CLOCK_TSC);
    assert_int_equal(link.hello.ticks, 123);
    assert_true(link.hello.first);
    assert_false(link.hello.started);

    /* What we said: a HELLO with our version and no nonce. */
    struct buffer said;
    struct reader payload;
    struct tlv field;
    uint16_t type;
    size_t whole;
    buffer_init(&said, 0);
    ssize_t count = recv(agent, buffer_reserve(&said, 4096), 4096, 0);
    assert_true(count > 0);
    said.length = (size_t)count;
    assert_int_equal(wire_frame_take(&said, &type, &payload, &whole, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_HELLO);
    bool major = false;
    while (tlv_next(&payload, &field)) {
        major |= field.tag == WIRE_HELLO_MAJOR && tlv_u32(&field) == WIRE_MAJOR;
        assert_int_not_equal(field.tag, WIRE_HELLO_NONCE);
    }
    assert_true(major);
    buffer_release(&said);
    target_link_close(&link);
    close(agent);
    buffer_release(&answer);
}

static void another_major_names_the_version_to_use(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer answer;
    struct error error;
    error_init(&error);
    buffer_init(&answer, 0);
    put_hello(&answer, WIRE_MAJOR + 1, "7.1");
    assert_int_equal(greet(&link, &answer, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "7.1"));
    assert_non_null(strstr(error.hint, "use rejig 7.1"));
    assert_int_equal(link.fd, -1);
    close(agent);
    buffer_release(&answer);
}

static void an_error_is_handed_on(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer answer;
    struct error sent, got;
    error_init(&sent);
    error_set(&sent, STATUS_LIMIT, "too many sessions");
    buffer_init(&answer, 0);
    wire_put_error(&answer, &sent);
    assert_int_equal(greet(&link, &answer, &got), STATUS_LIMIT);
    assert_string_equal(got.message, "too many sessions");
    close(agent);
    buffer_release(&answer);
}

static void garbage_and_silence(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer answer;
    buffer_init(&answer, 0);
    buffer_append_text(&answer, "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_int_equal(greet(&link, &answer, NULL), STATUS_PEER);
    close(agent);
    buffer_clear(&answer);
    assert_int_equal(greet(&link, &answer, NULL), STATUS_TIMEOUT);
    close(agent);
    put_hello(&answer, WIRE_MAJOR, "0.9");
    answer.length -= 3; /* half a message, then silence */
    assert_int_equal(greet(&link, &answer, NULL), STATUS_TIMEOUT);
    close(agent);
    buffer_clear(&answer);
    wire_frame_end(&answer, wire_frame_begin(&answer, WIRE_MSG_SESSION));
    assert_int_equal(greet(&link, &answer, NULL), STATUS_PEER);
    close(agent);
    buffer_clear(&answer);
    buffer_append_u32(&answer, WIRE_FRAME_MAGIC);
    buffer_append_u32(&answer, WIRE_MSG_HELLO);
    buffer_append_u32(&answer, 0xfffffff0);
    assert_int_equal(greet(&link, &answer, NULL), STATUS_PEER);
    close(agent);
    buffer_release(&answer);
}

static void a_closed_connection_is_the_end(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer answer;
    uint16_t type;
    struct reader payload;
    buffer_init(&answer, 0);
    put_hello(&answer, WIRE_MAJOR, "0.9");
    assert_int_equal(greet(&link, &answer, NULL), STATUS_OK);
    assert_int_equal(target_link_receive(&link, 0, &type, &payload, NULL), STATUS_NOT_FOUND);
    assert_int_equal(target_link_receive(&link, SOON, &type, &payload, NULL), STATUS_TIMEOUT);
    close(agent);
    assert_int_equal(target_link_receive(&link, SOON, &type, &payload, NULL), STATUS_PEER);
    assert_int_equal(target_link_send_empty(&link, WIRE_MSG_END, SOON, NULL), STATUS_PEER);
    target_link_close(&link);
    target_link_close(&link); /* harmless */
    buffer_release(&answer);
}

static void send_with_descriptors(const struct buffer *frame, const int *fds, size_t count)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(8 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = frame->data, .iov_len = frame->length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    assert_int_equal(sendmsg(agent, &message, 0), frame->length);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void one_descriptor_is_kept_and_the_rest_closed(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer frame;
    uint16_t type;
    struct reader payload;
    struct stat here, there;
    buffer_init(&frame, 0);
    put_hello(&frame, WIRE_MAJOR, "0.9");
    assert_int_equal(greet(&link, &frame, NULL), STATUS_OK);
    int fds[3] = {open("/proc/self/status", O_RDONLY), open("/dev/null", O_RDONLY),
                  open("/dev/zero", O_RDONLY)};
    int before = open_descriptors();
    buffer_clear(&frame);
    wire_frame_end(&frame, wire_frame_begin(&frame, WIRE_MSG_SESSION));
    assert_int_equal(target_link_take_descriptor(&link), -1);
    send_with_descriptors(&frame, fds, 3);
    send_with_descriptors(&frame, fds + 1, 2);
    assert_int_equal(target_link_receive(&link, SOON, &type, &payload, NULL), STATUS_OK);
    assert_int_equal(target_link_receive(&link, SOON, &type, &payload, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_SESSION);
    int passed = target_link_take_descriptor(&link);
    assert_true(passed >= 0);
    assert_true((fcntl(passed, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fstat(passed, &here), 0);
    assert_int_equal(fstat(fds[0], &there), 0);
    assert_true(here.st_ino == there.st_ino && here.st_dev == there.st_dev);
    assert_int_equal(open_descriptors(), before + 1);
    assert_int_equal(target_link_take_descriptor(&link), -1);
    close(passed);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    target_link_close(&link);
    close(agent);
    buffer_release(&frame);
}

static void large_frames_cross(void **state)
{
    (void)state;
    struct target_link link;
    struct buffer frame;
    uint16_t type;
    struct reader payload;
    buffer_init(&frame, 0);
    put_hello(&frame, WIRE_MAJOR, "0.9");
    assert_int_equal(greet(&link, &frame, NULL), STATUS_OK);
    buffer_clear(&frame);
    for (int i = 0; i < 3; i++) {
        size_t mark = wire_frame_begin(&frame, WIRE_MSG_NOTICE);
        buffer_append_zeros(&frame, 300000);
        wire_frame_end(&frame, mark);
    }
    size_t sent = 0;
    for (int i = 0; i < 3; i++) {
        enum status status = STATUS_NOT_FOUND;
        while (status == STATUS_NOT_FOUND) {
            ssize_t count =
                sent < frame.length ? send(agent, frame.data + sent, frame.length - sent, 0) : 0;
            sent += count > 0 ? (size_t)count : 0;
            status = target_link_receive(&link, 0, &type, &payload, NULL);
        }
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(reader_left(&payload), 300000);
    }
    target_link_close(&link);
    close(agent);
    buffer_release(&frame);
}

/* --- the socket itself --- */

static void only_the_right_process_may_listen(void **state)
{
    (void)state;
    char name[] = "/tmp/rejig-link-XXXXXX";
    assert_non_null(mkdtemp(name));
    int folder = open(name, O_PATH | O_DIRECTORY), fd;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", name);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(target_socket_connect(folder, "s", getpid(), SOON, &fd, NULL),
                     STATUS_NOT_FOUND); /* nobody listens yet */
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(target_socket_connect(folder, "none", getpid(), SOON, &fd, NULL),
                     STATUS_NOT_FOUND);
    struct error error;
    error_init(&error);
    assert_int_equal(target_socket_connect(folder, "s", getpid() + 1, SOON, &fd, &error),
                     STATUS_TARGET);
    assert_non_null(strstr(error.message, "belongs to pid"));
    assert_int_equal(fd, -1);
    /* The queue holds one, the refused one above: nobody accepts. */
    assert_int_equal(target_socket_connect(folder, "s", getpid(), SOON, &fd, NULL), STATUS_TIMEOUT);
    close(accept(listener, NULL, NULL));
    assert_int_equal(target_socket_connect(folder, "s", getpid(), SOON, &fd, NULL), STATUS_OK);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    close(fd);
    close(listener);
    unlinkat(folder, "s", 0);
    close(folder);
    rmdir(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_friendly_agent),
        cmocka_unit_test(another_major_names_the_version_to_use),
        cmocka_unit_test(an_error_is_handed_on),
        cmocka_unit_test(garbage_and_silence),
        cmocka_unit_test(a_closed_connection_is_the_end),
        cmocka_unit_test(one_descriptor_is_kept_and_the_rest_closed),
        cmocka_unit_test(large_frames_cross),
        cmocka_unit_test(only_the_right_process_may_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
