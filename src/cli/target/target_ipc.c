#include "target_ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_clock.h"
#include "clr_hresult.h"
#include "target_path.h"
#include "target_socket.h"

#define ANSWER_LIMIT       ((size_t)8 << 20)
#define LISTEN_PATIENCE_MS 50

enum status target_ipc_send(int fd, const struct buffer *request, uint64_t deadline,
                            struct error *error)
{
    if (!target_socket_wait(fd, POLLOUT, deadline))
        return error_set(error, STATUS_TIMEOUT, "the diagnostics socket takes nothing");
    ssize_t count;
    do
        count = send(fd, request->data, request->length, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)request->length)
        return STATUS_OK;
    /* At most 64 KiB into a fresh socket: the kernel takes all of it or nothing. */
    return error_set(error, STATUS_PEER, "sending to the diagnostics socket: %s",
                     count < 0 ? strerror(errno) : "cut short");
}

/* One read of what there is. STATUS_NOT_FOUND: the end of the stream. */
static enum status read_some(int fd, struct buffer *received, uint64_t deadline,
                             struct error *error)
{
    if (!target_socket_wait(fd, POLLIN, deadline))
        return error_set(error, STATUS_TIMEOUT, "the runtime does not answer");
    void *at = buffer_reserve(received, 4096);
    if (at == NULL)
        return error_set(error, STATUS_PEER, "the runtime's answer is larger than %zu bytes",
                         ANSWER_LIMIT);
    ssize_t count = recv(fd, at, 4096, 0);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return STATUS_OK;
    if (count < 0)
        return error_set(error, STATUS_PEER, "reading the runtime's answer: %s", strerror(errno));
    received->length += (size_t)count;
    return count == 0 ? STATUS_NOT_FOUND : STATUS_OK;
}

enum status target_ipc_receive(int fd, struct buffer *received, struct reader *payload,
                               uint32_t *hresult, uint64_t deadline, struct error *error)
{
    for (;;) {
        enum status status = target_ipc_take(received, payload, hresult, error);
        if (status != STATUS_NOT_FOUND)
            return status;
        status = read_some(fd, received, deadline, error);
        if (status == STATUS_NOT_FOUND)
            return error_set(error, STATUS_PEER,
                             "the runtime closed the diagnostics connection without an answer");
        if (status != STATUS_OK)
            return status;
    }
}

enum status target_ipc_connect(const struct target_process *process, const struct target_hold *hold,
                               uint64_t deadline, int *fd, struct error *error)
{
    *fd = -1;
    if (process->socket[0] == '\0')
        return error_set(error, STATUS_NOT_FOUND, "no diagnostics socket in '%s'", process->folder);
    int root = target_path_root(hold);
    int folder = root < 0 ? -1 : target_path_folder(root, process->folder);
    int reason = errno;
    if (root >= 0)
        close(root);
    if (folder < 0)
        return error_set(error, STATUS_PERMISSION, "'%s' of pid %d cannot be opened: %s",
                         process->folder, (int)hold->pid, strerror(reason));
    /* Between bind and listen the socket is there and refuses: a runtime that starts. */
    enum status status;
    int patience = LISTEN_PATIENCE_MS;
    while ((status = target_socket_connect(folder, process->socket, hold->pid, deadline, fd,
                                           error)) == STATUS_NOT_FOUND &&
           patience-- > 0 && target_socket_left(deadline) != 0)
        poll(NULL, 0, 1);
    close(folder);
    if (status == STATUS_NOT_FOUND)
        return error_set(error, STATUS_TARGET, "nobody listens on its diagnostics socket '%s'",
                         process->socket);
    return status;
}

/* Connects, asks, and leaves the whole answer in `received`; the socket stays open in *fd. */
static enum status ask(const struct target_process *process, const struct target_hold *hold,
                       const struct buffer *request, uint64_t deadline, int *fd,
                       struct buffer *received, struct reader *payload, uint32_t *hresult,
                       struct error *error)
{
    *hresult = 0;
    enum status status = target_ipc_connect(process, hold, deadline, fd, error);
    if (status == STATUS_OK)
        status = target_ipc_send(*fd, request, deadline, error);
    if (status == STATUS_OK)
        status = target_ipc_receive(*fd, received, payload, hresult, deadline, error);
    return status;
}

static enum status ask_info(const struct target_process *process, const struct target_hold *hold,
                            enum target_ipc_command command, uint64_t deadline,
                            struct target_info *info, uint32_t *hresult, struct error *error)
{
    struct buffer request, received;
    struct reader payload;
    int fd = -1;
    buffer_init(&request, 0);
    buffer_init(&received, ANSWER_LIMIT);
    target_ipc_put(&request, command, NULL, 0);
    enum status status =
        ask(process, hold, &request, deadline, &fd, &received, &payload, hresult, error);
    if (status == STATUS_OK)
        status = target_ipc_take_info(payload, command, info, error);
    if (fd >= 0)
        close(fd);
    buffer_release(&request);
    buffer_release(&received);
    return status;
}

enum status target_ipc_info(const struct target_process *process, const struct target_hold *hold,
                            unsigned timeout_ms, struct target_info *info, struct error *error)
{
    static const enum target_ipc_command commands[] = {
        TARGET_IPC_PROCESS_INFO3, TARGET_IPC_PROCESS_INFO2, TARGET_IPC_PROCESS_INFO};
    uint64_t deadline = clock_monotonic() + (uint64_t)timeout_ms * 1000000;
    enum status status = STATUS_OK;
    uint32_t hresult = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        uint64_t begun = clock_monotonic();
        memset(info, 0, sizeof *info);
        status = ask_info(process, hold, commands[i], deadline, info, &hresult, error);
        info->answered_in = clock_monotonic() - begun;
        if (status != STATUS_TARGET && status != STATUS_PEER)
            return status; /* an older runtime refuses what it does not know */
    }
    /* .NET Core 3.1 knows none of them: it answers, and says nothing of itself. */
    return (HRESULT)hresult == CORDIAGIPC_E_UNKNOWN_COMMAND ? STATUS_OK : status;
}

enum status target_ipc_environment(const struct target_process *process,
                                   const struct target_hold *hold, unsigned timeout_ms,
                                   struct buffer *to, struct error *error)
{
    struct buffer request, received;
    struct reader payload;
    uint64_t deadline = clock_monotonic() + (uint64_t)timeout_ms * 1000000;
    uint32_t hresult;
    int fd = -1;
    buffer_init(&request, 0);
    buffer_init(&received, ANSWER_LIMIT);
    target_ipc_put(&request, TARGET_IPC_ENVIRONMENT, NULL, 0);
    enum status status =
        ask(process, hold, &request, deadline, &fd, &received, &payload, &hresult, error);
    size_t head = received.length;
    if (status == STATUS_OK) { /* u32 bytes that follow the answer, u16 zero */
        size_t expected = reader_u32(&payload);
        head = 20 + 6;
        while (status == STATUS_OK && received.length < head + expected)
            status = read_some(fd, &received, deadline, error);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK; /* what is missing shows in the parse */
    }
    if (status == STATUS_OK) {
        struct reader all, stream;
        reader_init(&all, received.data, received.length);
        stream = reader_window(&all, head, received.length < head ? 0 : received.length - head);
        status = target_ipc_take_environment(stream, to, error);
    }
    if (fd >= 0)
        close(fd);
    buffer_release(&request);
    buffer_release(&received);
    return status;
}
