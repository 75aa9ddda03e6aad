#include "target_link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base_clock.h"
#include "target_path.h"
#include "target_socket.h"
#include "wire_record.h"

#define READ_STEP 65536u

void target_link_init(struct target_link *link)
{
    memset(link, 0, sizeof *link);
    link->fd = link->passed = -1;
    buffer_init(&link->received, WIRE_FRAME_MAX + sizeof(struct wire_frame) + 2 * READ_STEP);
}

void target_link_close(struct target_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    if (link->passed >= 0)
        close(link->passed);
    link->fd = link->passed = -1;
    link->taken = 0;
    buffer_release(&link->received);
}

int target_link_take_descriptor(struct target_link *link)
{
    int fd = link->passed;
    link->passed = -1;
    return fd;
}

static enum status gone(struct target_link *link, struct error *error)
{
    link->hung_up = true;
    return error_set(error, STATUS_PEER, "the agent in pid %d closed the connection",
                     (int)link->pid);
}

enum status target_link_send(struct target_link *link, const struct buffer *frames,
                             uint64_t deadline, struct error *error)
{
    if (buffer_failed(frames))
        return error_set(error, STATUS_LIMIT, "the message is larger than %u bytes",
                         WIRE_FRAME_MAX);
    size_t done = 0;
    while (done < frames->length) {
        ssize_t count = send(link->fd, frames->data + done, frames->length - done, MSG_NOSIGNAL);
        if (count >= 0) {
            done += (size_t)count;
        } else if (errno == EAGAIN) {
            if (!target_socket_wait(link->fd, POLLOUT, deadline))
                return error_set(error, STATUS_TIMEOUT, "the agent in pid %d does not listen",
                                 (int)link->pid);
        } else if (errno != EINTR) {
            return gone(link, error);
        }
    }
    return STATUS_OK;
}

enum status target_link_send_empty(struct target_link *link, enum wire_message_type type,
                                   uint64_t deadline, struct error *error)
{
    struct buffer frame;
    buffer_init(&frame, 64);
    wire_frame_end(&frame, wire_frame_begin(&frame, type));
    enum status status = target_link_send(link, &frame, deadline, error);
    buffer_release(&frame);
    return status;
}

/* Keeps the first descriptor that came along, closes all others. */
static void keep_descriptors(struct target_link *link, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (link->passed < 0)
                link->passed = fd;
            else
                close(fd);
        }
    }
}

/* Takes in what there is. STATUS_NOT_FOUND: nothing now. */
static enum status take_in(struct target_link *link, struct error *error)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(16 * sizeof(int))];
    } control;
    void *at = buffer_reserve(&link->received, READ_STEP);
    if (at == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    struct iovec part = {.iov_base = at, .iov_len = READ_STEP};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t count = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR)
        return STATUS_OK;
    if (count < 0 && errno == EAGAIN)
        return STATUS_NOT_FOUND;
    if (count < 0)
        return gone(link, error);
    keep_descriptors(link, &message);
    link->received.length += (size_t)count;
    return count == 0 ? gone(link, error) : STATUS_OK;
}

enum status target_link_receive(struct target_link *link, uint64_t deadline, uint16_t *type,
                                struct reader *payload, struct error *error)
{
    size_t whole;
    buffer_consume(&link->received, link->taken);
    link->taken = 0;
    for (;;) {
        enum status status = wire_frame_take(&link->received, type, payload, &whole, error);
        if (status == STATUS_OK)
            link->taken = whole;
        if (status != STATUS_NOT_FOUND)
            return status;
        status = take_in(link, error);
        if (status == STATUS_NOT_FOUND && deadline == 0)
            return STATUS_NOT_FOUND;
        if (status == STATUS_NOT_FOUND && !target_socket_wait(link->fd, POLLIN, deadline))
            return error_set(error, STATUS_TIMEOUT, "the agent in pid %d does not answer",
                             (int)link->pid);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND)
            return status;
    }
}

enum status target_link_try(const struct target_process *process, const struct target_hold *hold,
                            const char *folder, int *fd, struct error *error)
{
    char name[64];
    *fd = -1;
    if (!wire_socket_name(name, sizeof name, process->own_pid, process->own_start))
        return error_set(error, STATUS_BUG, "the socket's name does not fit");
    int root = target_path_root(hold);
    int directory = root < 0 ? -1 : target_path_folder(root, folder);
    int reason = errno;
    if (root >= 0)
        close(root);
    if (directory < 0)
        return error_set(error, STATUS_NOT_FOUND, "'%s' of pid %d cannot be opened: %s", folder,
                         (int)hold->pid, strerror(reason));
    uint64_t soon = clock_monotonic() + 1000000;
    enum status status = target_socket_connect(directory, name, hold->pid, soon, fd, error);
    close(directory);
    return status;
}

/* --- HELLO --- */

static void put_hello(struct buffer *frame, const uint64_t nonce[2])
{
    size_t mark = wire_frame_begin(frame, WIRE_MSG_HELLO);
    tlv_put_u32(frame, WIRE_HELLO_MAJOR, WIRE_MAJOR);
    tlv_put_u32(frame, WIRE_HELLO_MINOR, WIRE_MINOR);
    tlv_put_text(frame, WIRE_HELLO_VERSION, REJIG_VERSION);
    if (nonce != NULL)
        tlv_put_bytes(frame, WIRE_HELLO_NONCE, nonce, 16);
    wire_frame_end(frame, mark);
}

static void take_hello(struct reader payload, struct target_hello *hello)
{
    struct tlv field;
    memset(hello, 0, sizeof *hello);
    while (tlv_next(&payload, &field)) {
        switch (field.tag) {
        case WIRE_HELLO_MAJOR:
            hello->major = tlv_u32(&field);
            break;
        case WIRE_HELLO_MINOR:
            hello->minor = tlv_u32(&field);
            break;
        case WIRE_HELLO_VERSION:
            tlv_copy_text(&field, hello->version, sizeof hello->version);
            break;
        case WIRE_HELLO_RUNTIME:
            tlv_copy_text(&field, hello->runtime, sizeof hello->runtime);
            break;
        case WIRE_HELLO_CLOCK:
            hello->clock = tlv_u32(&field);
            break;
        case WIRE_HELLO_TICKS:
            hello->ticks = tlv_u64(&field);
            break;
        case WIRE_HELLO_REALTIME:
            hello->realtime = tlv_u64(&field);
            break;
        case WIRE_HELLO_RATE:
            hello->rate = tlv_u64(&field);
            break;
        case WIRE_HELLO_FIRST:
            hello->first = tlv_u64(&field) == 1;
            break;
        case WIRE_HELLO_STARTED:
            hello->started = tlv_u64(&field) == 1;
            break;
        default:
            break;
        }
    }
}

static enum status other_version(const struct target_link *link, struct error *error)
{
    const char *version = link->hello.version[0] == '\0' ? "another version" : link->hello.version;
    error_set(error, STATUS_TARGET,
              "the agent in pid %d is of rejig %s (wire %u), which this rejig %s (wire %u) does "
              "not understand",
              (int)link->pid, version, link->hello.major, REJIG_VERSION, WIRE_MAJOR);
    error_hint(error, "use rejig %s for this process until it is restarted", version);
    return STATUS_TARGET;
}

static enum status exchange_hello(struct target_link *link, const uint64_t nonce[2],
                                  uint64_t deadline, struct error *error)
{
    struct buffer frame;
    struct reader payload;
    uint16_t type;
    buffer_init(&frame, 4096);
    put_hello(&frame, nonce);
    enum status status = target_link_send(link, &frame, deadline, error);
    buffer_release(&frame);
    if (status == STATUS_OK)
        status = target_link_receive(link, deadline, &type, &payload, error);
    if (status != STATUS_OK)
        return status;
    if (type == WIRE_MSG_ERROR) {
        struct error answer;
        wire_get_error(payload, &answer);
        if (error != NULL)
            *error = answer;
        return answer.status;
    }
    if (type != WIRE_MSG_HELLO)
        return error_set(error, STATUS_PEER, "the agent in pid %d answers HELLO with message %u",
                         (int)link->pid, type);
    take_hello(payload, &link->hello);
    return link->hello.major == WIRE_MAJOR ? STATUS_OK : other_version(link, error);
}

enum status target_link_greet(struct target_link *link, int fd, pid_t pid, const uint64_t nonce[2],
                              uint64_t deadline, struct error *error)
{
    target_link_init(link);
    link->fd = fd;
    link->pid = pid;
    enum status status = exchange_hello(link, nonce, deadline, error);
    if (status != STATUS_OK)
        target_link_close(link);
    return status;
}

/* --- who does not answer --- */

static bool is_agent_thread(int tasks, const char *thread)
{
    static const char name[] = "rejig-agent\n";
    char path[288], comm[32];
    snprintf(path, sizeof path, "%s/comm", thread);
    int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, comm, sizeof comm);
    if (fd >= 0)
        close(fd);
    return count == (ssize_t)(sizeof name - 1) && memcmp(comm, name, sizeof name - 1) == 0;
}

bool target_agent_works(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return true;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(tasks)) != NULL;)
        found = entry->d_name[0] != '.' && is_agent_thread(dirfd(tasks), entry->d_name);
    closedir(tasks);
    return found;
}

/* --- STATUS --- */

static void take_status(struct reader payload, struct target_agent *agent)
{
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_STATUS_VERSION) {
            tlv_copy_text(&field, agent->version, sizeof agent->version);
        } else if (field.tag == WIRE_STATUS_IDLE) {
            agent->used = true;
            agent->idle = tlv_u64(&field);
        } else if (field.tag == WIRE_STATUS_SESSION) {
            agent->sessions++;
        }
    }
}

static enum status connect_agent(const struct target_process *process, int *fd, struct error *error)
{
    struct target_hold hold;
    enum status status = target_process_hold(process, &hold, error);
    if (status != STATUS_OK)
        return status;
    status = target_link_try(process, &hold, process->agent_folder, fd, error);
    target_hold_close(&hold);
    return status;
}

enum status target_link_ask(const struct target_process *process, uint64_t deadline,
                            struct target_agent *agent, struct error *error)
{
    struct target_link link;
    struct reader payload;
    uint16_t type = 0;
    int fd;
    memset(agent, 0, sizeof *agent);
    enum status status = connect_agent(process, &fd, error);
    if (status == STATUS_OK)
        status = target_link_greet(&link, fd, process->pid, NULL, deadline, error);
    if (status != STATUS_OK)
        return status;
    memcpy(agent->version, link.hello.version, sizeof agent->version);
    status = target_link_send_empty(&link, WIRE_MSG_STATUS, deadline, error);
    if (status == STATUS_OK)
        status = target_link_receive(&link, deadline, &type, &payload, error);
    if (status == STATUS_OK && type == WIRE_MSG_STATUS)
        take_status(payload, agent);
    else if (status == STATUS_OK)
        status = error_set(error, STATUS_PEER, "the agent in pid %d does not say its status",
                           (int)process->pid);
    target_link_close(&link);
    return status;
}
