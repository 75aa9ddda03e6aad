/*
 * target_standin: a process that looks like .NET to the target room: it maps a file called
 * libcoreclr.so, listens on a diagnostics socket in its TMPDIR, and plays the runtime and the
 * agent as badly as its test wants. It is the test's own program, started again.
 *
 * Every request that reaches its diagnostics socket appends a byte to TMPDIR/requests.
 */
#ifndef TARGET_STANDIN_H
#define TARGET_STANDIN_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_utf16.h"
#include "target_ipc.h"
#include "target_parse.h"
#include "wire_message.h"
#include "wire_record.h"

struct standin {
    const char *part; /* which role it plays */
    char folder[96];
    uint64_t start;
    int runtime;  /* listening; the runtime's */
    int agent;    /* listening; ours. -1: none yet */
    unsigned met; /* connections to the agent so far */
};

static bool plays(const struct standin *standin, const char *part)
{
    return strcmp(standin->part, part) == 0;
}

static int standin_listen(const struct standin *standin, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", standin->folder, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (length < 0 || (size_t)length >= sizeof address.sun_path ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        _exit(90);
    return fd;
}

static void standin_open_agent(struct standin *standin)
{
    char name[64];
    if (!wire_socket_name(name, sizeof name, (uint64_t)getpid(), standin->start))
        _exit(91);
    if (!plays(standin, "impostor")) {
        standin->agent = standin_listen(standin, name);
        return;
    }
    if (fork() == 0) { /* somebody else listens under our name */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        standin_listen(standin, name);
        for (;;)
            pause();
    }
}

static void standin_send(int fd, const struct buffer *buffer)
{
    ssize_t ignored = send(fd, buffer->data, buffer->length, MSG_NOSIGNAL);
    (void)ignored;
}

static void standin_error(int fd, uint32_t code)
{
    struct buffer answer;
    uint8_t bytes[4] = {(uint8_t)code, (uint8_t)(code >> 8), (uint8_t)(code >> 16),
                        (uint8_t)(code >> 24)};
    buffer_init(&answer, 0);
    target_ipc_put(&answer, TARGET_IPC_ERROR, bytes, sizeof bytes);
    standin_send(fd, &answer);
    buffer_release(&answer);
}

static void standin_ok(int fd)
{
    struct buffer answer;
    buffer_init(&answer, 0);
    target_ipc_put(&answer, TARGET_IPC_OK, "\0\0\0\0", 4);
    standin_send(fd, &answer);
    buffer_release(&answer);
}

/* --- the agent's part --- */

/* One frame of the CLI, whole; 0: closed. */
static uint16_t standin_frame(int fd, struct buffer *received)
{
    uint16_t type;
    struct reader payload;
    size_t whole;
    while (wire_frame_take(received, &type, &payload, &whole, NULL) == STATUS_NOT_FOUND) {
        void *at = buffer_reserve(received, 4096);
        ssize_t count = at == NULL ? 0 : recv(fd, at, 4096, 0);
        if (count <= 0)
            return 0;
        received->length += (size_t)count;
    }
    buffer_consume(received, whole);
    return type;
}

static void standin_answer(const struct standin *standin, int fd, uint16_t type)
{
    struct buffer answer;
    buffer_init(&answer, 0);
    size_t mark =
        wire_frame_begin(&answer, type == WIRE_MSG_STATUS ? WIRE_MSG_STATUS : WIRE_MSG_HELLO);
    if (type == WIRE_MSG_STATUS) {
        tlv_put_text(&answer, WIRE_STATUS_VERSION, "0.3");
        tlv_put_u64(&answer, WIRE_STATUS_IDLE, 720 * 1000000000ull);
        if (plays(standin, "in-use"))
            tlv_end(&answer, tlv_begin(&answer, WIRE_STATUS_SESSION));
    } else {
        tlv_put_u32(&answer, WIRE_HELLO_MAJOR, plays(standin, "other-wire") ? 9 : WIRE_MAJOR);
        tlv_put_text(&answer, WIRE_HELLO_VERSION, "0.3");
    }
    wire_frame_end(&answer, mark);
    standin_send(fd, &answer);
    buffer_release(&answer);
}

static void standin_meet(struct standin *standin)
{
    struct buffer received;
    uint16_t type;
    int fd = accept(standin->agent, NULL, NULL);
    buffer_init(&received, 0);
    if (plays(standin, "mute-agent"))
        pause();
    if (plays(standin, "busy") || plays(standin, "waiting"))
        return; /* the connection stays open */
    if (plays(standin, "busy-agent") && standin->met++ == 0)
        close(fd);
    else if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while ((type = standin_frame(fd, &received)) != 0)
            standin_answer(standin, fd, type);
        _exit(0);
    } else
        close(fd);
}

/* --- the runtime's part --- */

static void standin_attach(struct standin *standin, int fd)
{
    if (plays(standin, "taken"))
        standin_error(fd, 0x8013136a);
    else if (plays(standin, "cancel"))
        standin_error(fd, 0x80131375);
    else if (plays(standin, "no-library"))
        standin_error(fd, 0x8007007e);
    else if (plays(standin, "suspended"))
        standin_error(fd, 0x8013135b);
    else if (plays(standin, "refuses"))
        standin_error(fd, 0x80131384);
    else if (plays(standin, "dies"))
        kill(getpid(), SIGKILL);
    else if (plays(standin, "closes"))
        close(fd);
    else if (plays(standin, "garbage"))
        standin_send(fd, &(struct buffer){.data = (uint8_t *)(uintptr_t) "HTTP/1.1 400 Bad\r\n\r\n",
                                          .length = 20});
    else if (plays(standin, "deaf"))
        standin_ok(fd); /* and no agent appears */
    else if (!plays(standin, "silent")) {
        standin_open_agent(standin);
        if (!plays(standin, "mute-agent"))
            standin_ok(fd);
    }
}

static void standin_info(int fd)
{
    static const char *const texts[] = {"dotnet Shop.dll", "Linux", "x64", "Shop", "10.0.12+x"};
    struct buffer payload, answer;
    buffer_init(&payload, 0);
    buffer_init(&answer, 0);
    buffer_append_u64(&payload, (uint64_t)getpid());
    buffer_append_zeros(&payload, 16);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_append_u32(&payload, (uint32_t)strlen(texts[i]) + 1);
        utf16_append_from_utf8(&payload, texts[i], strlen(texts[i]));
        buffer_append_u16(&payload, 0);
    }
    target_ipc_put(&answer, TARGET_IPC_OK, payload.data, payload.length);
    standin_send(fd, &answer);
    buffer_release(&payload);
    buffer_release(&answer);
}

static void standin_request(struct standin *standin)
{
    uint8_t head[20], rest[65536];
    char path[128];
    int fd = accept(standin->runtime, NULL, NULL);
    if (recv(fd, head, sizeof head, MSG_WAITALL) != (ssize_t)sizeof head)
        return;
    size_t left = (size_t)(head[14] | head[15] << 8) - sizeof head;
    if (left > 0 && recv(fd, rest, left, MSG_WAITALL) != (ssize_t)left)
        return;
    snprintf(path, sizeof path, "%s/requests", standin->folder);
    int note = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (write(note, head + 17, 1) != 1)
        _exit(92);
    close(note);
    if (plays(standin, "silent"))
        return; /* the connection stays open */
    if (head[16] == 3)
        standin_attach(standin, fd);
    else if (head[17] == 8 || plays(standin, "old"))
        standin_error(fd, 0x80131385); /* a runtime that knows ProcessInfo2 only */
    else
        standin_info(fd);
    if (!plays(standin, "mute-agent"))
        close(fd);
}

static void standin_map(const struct standin *standin, const char *name)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", standin->folder, name);
    int fd = open(path, O_RDWR | O_CREAT, 0755);
    if (fd < 0 || ftruncate(fd, 4096) != 0 ||
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        _exit(93);
    close(fd);
}

/* main calls this first: true (never returns) where the program is a stand-in. */
static void standin_main(int count, char **arguments)
{
    struct standin standin = {.agent = -1};
    struct target_stat stat;
    char text[1024], name[96];
    if (count != 3 || strcmp(arguments[1], "stand-in") != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    standin.part = arguments[2];
    snprintf(standin.folder, sizeof standin.folder, "%s", getenv("TMPDIR"));
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t length = read(fd, text, sizeof text);
    close(fd);
    if (length <= 0 || !target_parse_stat(text, (size_t)length, &stat))
        _exit(94);
    standin.start = stat.start;
    standin_map(&standin, "libcoreclr.so");
    if (plays(&standin, "busy"))
        prctl(PR_SET_NAME, "rejig-agent");
    if (plays(&standin, "asleep") || plays(&standin, "busy") || plays(&standin, "waiting") ||
        plays(&standin, "in-use") || plays(&standin, "other-wire"))
        standin_open_agent(&standin);
    snprintf(name, sizeof name, "dotnet-diagnostic-%d-%llu-socket", (int)getpid(),
             (unsigned long long)stat.start);
    standin.runtime = standin_listen(&standin, name);
    for (;;) {
        struct pollfd polls[2] = {{.fd = standin.runtime, .events = POLLIN},
                                  {.fd = standin.agent, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0)
            continue;
        if (polls[1].revents & POLLIN)
            standin_meet(&standin);
        if (polls[0].revents & POLLIN)
            standin_request(&standin);
    }
}

/* --- for the tests --- */

/* Starts one in `folder` and waits until its diagnostics socket is there. `variable`: one more
 * for its environment, or NULL. */
static pid_t standin_run(const char *part, const char *folder, char *variable)
{
    char temporary[128], program[64] = "Shop", mode[] = "stand-in", role[32];
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", folder);
    snprintf(role, sizeof role, "%s", part);
    char *const arguments[] = {program, mode, role, NULL};
    char *const variables[] = {temporary, variable, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execve("/proc/self/exe", arguments, variables);
        _exit(95);
    }
    char path[64];
    snprintf(path, sizeof path, "dotnet-diagnostic-%d-", (int)pid);
    for (int i = 0; i < 2000; i++) {
        struct target_process process;
        if (target_process_read(pid, &process, NULL) == STATUS_OK && process.socket[0] != '\0')
            return pid;
        usleep(1000);
    }
    return -1;
}

static void standin_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The commands that have reached its diagnostics socket; text in a static array. */
static const char *standin_requests(const char *folder)
{
    static char hex[64];
    char path[128];
    uint8_t bytes[16];
    snprintf(path, sizeof path, "%s/requests", folder);
    int fd = open(path, O_RDONLY);
    ssize_t count = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    hex[0] = '\0';
    for (ssize_t i = 0; i < count; i++)
        snprintf(hex + 3 * i, sizeof hex - (size_t)(3 * i), "%02x ", bytes[i]);
    if (fd >= 0)
        close(fd);
    return hex;
}

#endif
