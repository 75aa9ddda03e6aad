#include "session_connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_clock.h"
#include "wire_message.h"

#define READ_BYTES ((size_t)64 << 10)

void session_connection_open(struct session_connection *c, int fd, uint32_t uid, uint32_t pid)
{
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->uid = uid;
    c->pid = pid;
    c->opened = clock_monotonic();
    c->passed_fd = -1;
    buffer_init(&c->in, WIRE_FRAME_MAX + sizeof(struct wire_frame) + READ_BYTES);
    buffer_init(&c->out, SESSION_OUT_MAX);
}

void session_connection_close(struct session_connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->passed_fd >= 0)
        close(c->passed_fd);
    buffer_release(&c->in);
    buffer_release(&c->out);
    memset(c, 0, sizeof *c);
    c->fd = c->passed_fd = -1;
}

static void connection_end(struct session_connection *c, const char *why)
{
    if (!c->gone)
        c->why = why;
    c->gone = true;
}

void session_connection_receive(struct session_connection *c)
{
    if (c->gone)
        return;
    if (c->taken > 0) {
        buffer_consume(&c->in, c->taken);
        c->taken = 0;
    }
    size_t want = c->greeted ? READ_BYTES : SESSION_IN_FIRST;
    void *to = buffer_reserve(&c->in, want);
    if (to == NULL) {
        connection_end(c, "it sent more than a message may hold");
        return;
    }
    ssize_t got = recv(c->fd, to, want, MSG_DONTWAIT);
    if (got > 0) {
        /* A client that has been answered for good may still talk; nobody listens. */
        if (!c->closing)
            c->in.length += (size_t)got;
    } else if (got == 0) {
        connection_end(c, "it closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
        connection_end(c, "the connection broke");
    }
}

enum status session_connection_frame(struct session_connection *c, uint16_t *type,
                                     struct reader *payload, size_t *whole, struct error *error)
{
    struct buffer rest = c->in;
    rest.data = c->in.data == NULL ? NULL : c->in.data + c->taken;
    rest.length = c->in.length - c->taken;
    enum status status = wire_frame_take(&rest, type, payload, whole, error);
    if (status == STATUS_NOT_FOUND && !c->greeted && rest.length >= SESSION_IN_FIRST)
        return error_set(error, STATUS_PEER, "the first message is too long");
    return status;
}

void session_connection_done(struct session_connection *c, size_t whole)
{
    c->taken += whole;
    if (c->taken >= c->in.length) {
        c->taken = 0;
        /* A plan may have been megabytes: it is not kept for the life of a lease. */
        if (c->in.capacity > READ_BYTES * 2) {
            size_t limit = c->in.limit;
            buffer_release(&c->in);
            buffer_init(&c->in, limit);
        } else {
            buffer_clear(&c->in);
        }
    }
}

void session_connection_pass(struct session_connection *c, int fd)
{
    if (c->passed_fd >= 0)
        close(c->passed_fd);
    c->passed_fd = fd;
    c->passed_at = c->out.length;
}

/* One sendmsg of out[sent, end), with the descriptor where it is due. */
static ssize_t send_part(struct session_connection *c)
{
    size_t end = c->out.length;
    bool due = c->passed_fd >= 0 && c->passed_at == c->sent;
    if (c->passed_fd >= 0 && c->passed_at > c->sent)
        end = c->passed_at;
    struct iovec part = {c->out.data + c->sent, end - c->sent};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    if (due) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &c->passed_fd, sizeof(int));
    }
    ssize_t sent = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0 && due) {
        close(c->passed_fd);
        c->passed_fd = -1;
    }
    return sent;
}

/* Drops what is gone, and the memory of a queue that was long. */
static void queue_compact(struct session_connection *c)
{
    if (c->sent < c->out.length && c->sent < c->out.length / 2)
        return;
    if (c->passed_fd >= 0)
        c->passed_at -= c->sent;
    if (c->sent >= c->out.length && c->out.capacity > READ_BYTES) {
        buffer_release(&c->out);
        buffer_init(&c->out, SESSION_OUT_MAX);
    } else {
        buffer_consume(&c->out, c->sent);
    }
    c->sent = 0;
}

void session_connection_send(struct session_connection *c)
{
    if (!c->gone && buffer_failed(&c->out))
        connection_end(c, "it did not read what it had asked for");
    while (!c->gone && c->sent < c->out.length) {
        ssize_t sent = send_part(c);
        if (sent > 0)
            c->sent += (size_t)sent;
        else if (sent < 0 && errno == EINTR)
            continue;
        else if (sent < 0 && errno == EAGAIN)
            break;
        else
            connection_end(c, "the connection broke");
    }
    if (c->sent > 0)
        queue_compact(c);
    if (c->closing && c->out.length == 0)
        connection_end(c, "all is said");
}

void session_connection_queue(struct session_connection *c, const struct buffer *frames)
{
    size_t needed = c->out.length + frames->length + SESSION_OUT_MAX / 2;
    if (needed > c->out.limit)
        c->out.limit = needed;
    if (frames->length > 0)
        buffer_append(&c->out, frames->data, frames->length);
}

size_t session_connection_queued(const struct session_connection *c)
{
    return c->out.length - c->sent;
}

void session_connection_finish(struct session_connection *c)
{
    if (!c->closing)
        c->closing_since = clock_monotonic();
    c->closing = true;
    buffer_clear(&c->in);
    c->taken = 0;
}

size_t session_connection_memory(const struct session_connection *c)
{
    return c->in.capacity + c->out.capacity;
}
