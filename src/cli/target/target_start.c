#include "target_start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "target_place.h"
#include "target_socket.h"
#include "wire_message.h"
#include "wire_record.h"

#define START_TIMEOUT_NS (30 * 1000000000ull)
#define SIGNALS          32

void target_signals_remember(struct target_signals *signals)
{
    sigprocmask(SIG_SETMASK, NULL, &signals->mask);
    sigemptyset(&signals->ignored);
    for (int number = 1; number < SIGNALS; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            sigaddset(&signals->ignored, number);
    }
}

/* --- what stands against it --- */

static const char *setting(const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "DOTNET_%s", name);
    const char *value = getenv(full);
    snprintf(full, sizeof full, "COMPlus_%s", name);
    return value != NULL ? value : getenv(full);
}

static enum status check_environment(struct error *error)
{
    static const char *const switches[] = {"EnableDiagnostics", "EnableDiagnostics_Profiler"};
    const char *enabled = getenv(WIRE_START_ENABLE);
    if (enabled != NULL && enabled[0] != '\0' && !target_setting_is_zero(enabled)) {
        const char *path = getenv(WIRE_START_PATH);
        path = path != NULL ? path : getenv("CORECLR_PROFILER_PATH");
        error_set(error, STATUS_UNSUPPORTED,
                  "the environment starts another profiler with the program: %s",
                  path != NULL ? path : WIRE_START_ENABLE "=1");
        error_hint(error, "a process has one profiler slot: unset %s", WIRE_START_ENABLE);
        return STATUS_UNSUPPORTED;
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (target_setting_is_zero(setting(switches[i]))) {
            error_set(error, STATUS_UNSUPPORTED, "DOTNET_%s=0 keeps profilers out", switches[i]);
            error_hint(error, "unset it for this command");
            return STATUS_UNSUPPORTED;
        }
    const char *mode = setting("MODIFIABLE_ASSEMBLIES");
    if (mode != NULL && strcasecmp(mode, "debug") == 0) {
        error_set(error, STATUS_UNSUPPORTED,
                  "DOTNET_MODIFIABLE_ASSEMBLIES=debug (hot reload): the runtime ignores requests "
                  "to recompile");
        error_hint(error, "unset it for this command");
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

/* The folder of the agent's socket: where the diagnostics socket will be, if it can be there. */
static void choose_folder(char *to, size_t size)
{
    struct stat stat_of;
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] != '/' || strlen(folder) > 64 || stat(folder, &stat_of) != 0 ||
        !S_ISDIR(stat_of.st_mode) || access(folder, W_OK | X_OK) != 0)
        folder = "/tmp";
    text_copy(to, size, folder);
}

/* --- the program's environment --- */

struct start {
    char *const *argv;
    const struct target_signals *signals;
    struct wire_client_data data;
    char **variables;                  /* the program's environment; entries borrowed */
    char path[TARGET_PATH_BYTES + 32]; /* CORECLR_PROFILER_PATH_64=... */
    char hex[sizeof WIRE_START_VARIABLE + WIRE_START_HEX_LENGTH + 1];
    int report; /* write end of the pipe that tells an exec that failed */
};

static bool is_variable(const char *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static enum status build_environment(struct start *start, const char *agent, struct error *error)
{
    static char enable[] = WIRE_START_ENABLE "=1";
    static char clsid[] = WIRE_START_CLSID "=" WIRE_AGENT_CLSID_TEXT;
    size_t count = 0, used = 0;
    while (environ[count] != NULL)
        count++;
    start->variables = calloc(count + 5, sizeof *start->variables);
    if (start->variables == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!is_variable(environ[i], WIRE_START_ENABLE) &&
            !is_variable(environ[i], WIRE_START_CLSID) &&
            !is_variable(environ[i], WIRE_START_PATH) &&
            !is_variable(environ[i], WIRE_START_VARIABLE))
            start->variables[used++] = environ[i];
    snprintf(start->path, sizeof start->path, "%s=%s", WIRE_START_PATH, agent);
    snprintf(start->hex, sizeof start->hex, "%s=", WIRE_START_VARIABLE);
    start->variables[used++] = enable;
    start->variables[used++] = clsid;
    start->variables[used++] = start->path;
    start->variables[used++] = start->hex;
    return STATUS_OK;
}

static enum status fill_client_data(struct start *start, struct target_started *started,
                                    struct error *error)
{
    struct wire_client_data *data = &start->data;
    if (getrandom(started->nonce, sizeof started->nonce, 0) != (ssize_t)sizeof started->nonce)
        return error_set(error, STATUS_IO, "no random numbers to be had: %s", strerror(errno));
    choose_folder(started->folder, sizeof started->folder);
    started->deadline = clock_monotonic() + START_TIMEOUT_NS;
    data->magic = WIRE_FRAME_MAGIC;
    data->major = WIRE_MAJOR;
    data->minor = WIRE_MINOR;
    memcpy(data->nonce, started->nonce, sizeof data->nonce);
    data->deadline = clock_boottime() + START_TIMEOUT_NS;
    data->mode = WIRE_ATTACH_PROBE;
    data->parent = (uint32_t)getpid();
    return text_copy(data->directory, sizeof data->directory, started->folder)
               ? STATUS_OK
               : error_set(error, STATUS_BUG, "the socket's folder is too long");
}

/* --- fork and exec --- */

/* Only async-signal-safe calls from here to exec. */
static void restore_signals(const struct target_signals *signals)
{
    sigset_t mask;
    sigemptyset(&mask);
    for (int number = 1; number < SIGNALS; number++) {
        bool ignore = signals != NULL && sigismember(&signals->ignored, number) == 1;
        struct sigaction action = {.sa_handler = ignore ? SIG_IGN : SIG_DFL};
        sigaction(number, &action, NULL);
    }
    sigprocmask(SIG_SETMASK, signals != NULL ? &signals->mask : &mask, NULL);
}

static _Noreturn void become_program(struct start *start)
{
    restore_signals(start->signals);
    /* exec keeps the pid; children of the program find another one in the variable. */
    start->data.pid = (uint32_t)getpid();
    wire_start_put(start->hex + sizeof WIRE_START_VARIABLE, &start->data);
    execvpe(start->argv[0], start->argv, start->variables);
    int reason = errno;
    ssize_t ignored = write(start->report, &reason, sizeof reason);
    (void)ignored;
    _exit(TARGET_EXIT_NOT_FOUND);
}

static enum status fork_program(struct start *start, struct target_started *started, int *reason,
                                struct error *error)
{
    int ends[2];
    *reason = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, STATUS_IO, "no pipe to be had: %s", strerror(errno));
    start->report = ends[1];
    started->pid = fork();
    if (started->pid == 0)
        become_program(start);
    int trouble = errno;
    close(ends[1]);
    if (started->pid < 0) {
        close(ends[0]);
        return error_set(error, STATUS_IO, "no process to be had: %s", strerror(trouble));
    }
    ssize_t count;
    do
        count = read(ends[0], reason, sizeof *reason);
    while (count < 0 && errno == EINTR);
    close(ends[0]);
    if (count != (ssize_t)sizeof *reason)
        *reason = 0;
    return STATUS_OK;
}

static enum status not_found(const struct start *start, struct target_started *started, int reason,
                             struct error *error)
{
    int ignored;
    while (waitpid(started->pid, &ignored, 0) < 0 && errno == EINTR)
        ;
    started->ended = true;
    started->code = TARGET_EXIT_NOT_FOUND;
    error_set(error, STATUS_NOT_FOUND, "'%s' cannot be started: %s", start->argv[0],
              reason == ENOENT ? "there is no such program" : strerror(reason));
    return STATUS_NOT_FOUND;
}

static enum status check_agent(char *path, size_t size, struct error *error)
{
    struct statvfs mount;
    enum status status = target_agent_file(path, size, error);
    if (status == STATUS_OK && statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
        status = error_set(error, STATUS_IO, "'%s' is on a mount that is noexec", path);
    return status;
}

static enum status launch(struct start *start, struct target_started *started, int *code,
                          struct error *error)
{
    char agent[TARGET_PATH_BYTES];
    int reason;
    enum status status = check_environment(error);
    if (status == STATUS_OK)
        status = check_agent(agent, sizeof agent, error);
    if (status == STATUS_OK)
        status = fill_client_data(start, started, error);
    if (status == STATUS_OK)
        status = build_environment(start, agent, error);
    if (status == STATUS_OK)
        status = fork_program(start, started, &reason, error);
    if (status != STATUS_OK)
        return status;
    if (reason != 0) {
        *code = TARGET_EXIT_NOT_FOUND;
        return not_found(start, started, reason, error);
    }
    started->pidfd = (int)syscall(SYS_pidfd_open, started->pid, 0);
    return STATUS_OK;
}

enum status target_start(char *const argv[], const struct target_signals *signals,
                         struct target_started *started, int *code, struct error *error)
{
    struct start start = {.argv = argv, .signals = signals};
    struct sigaction action;
    *started = (struct target_started){.pidfd = -1};
    *code = TARGET_EXIT_NOT_STARTED;
    /* With SIGCHLD ignored the kernel would throw the exit code away. */
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL);
    enum status status = launch(&start, started, code, error);
    free(start.variables);
    return status;
}

/* --- afterwards --- */

static bool fetch_end(struct target_started *started)
{
    int status;
    if (started->ended)
        return true;
    pid_t pid = waitpid(started->pid, &status, WNOHANG);
    if (pid != started->pid && !(pid < 0 && errno == ECHILD))
        return false;
    started->ended = true;
    started->code = pid < 0               ? 1
                    : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                          : WEXITSTATUS(status);
    return true;
}

bool target_start_wait(struct target_started *started, int timeout_ms)
{
    uint64_t deadline = timeout_ms < 0 ? 0 : clock_monotonic() + (uint64_t)timeout_ms * 1000000;
    while (!fetch_end(started)) {
        int left = target_socket_left(deadline);
        struct pollfd ended = {.fd = started->pidfd, .events = POLLIN};
        if (left == 0)
            return false;
        int step = started->pidfd >= 0 ? left : (left < 0 || left > 5 ? 5 : left);
        if (poll(&ended, started->pidfd >= 0 ? 1 : 0, step) < 0 && errno == EINTR)
            return fetch_end(started); /* the caller looks at what the signal said */
    }
    return true;
}

void target_start_release(struct target_started *started)
{
    if (started->pidfd >= 0)
        close(started->pidfd);
    started->pidfd = -1;
}

static enum status ended_before(const struct target_started *started, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND,
                     "the program ended (exit code %d) before a .NET runtime started in it",
                     started->code);
}

static enum status no_runtime(struct error *error)
{
    error_set(error, STATUS_TIMEOUT,
              "no .NET runtime has started in the program within %d s: it runs on, unprobed",
              (int)(START_TIMEOUT_NS / 1000000000));
    error_hint(error, "only the started process itself is probed, not what it starts: name the "
                      ".NET program itself behind --");
    return STATUS_TIMEOUT;
}

static enum status await_agent(struct target_started *started, const struct target_hold *hold,
                               const struct target_process *process,
                               const volatile sig_atomic_t *stop, int *fd, struct error *error)
{
    for (;;) {
        if (fetch_end(started))
            return ended_before(started, error);
        if (stop != NULL && *stop != 0)
            return error_set(error, STATUS_LIMIT, "asked to end before the runtime started");
        enum status status = target_link_try(process, hold, started->folder, fd, NULL);
        if (status == STATUS_OK)
            return STATUS_OK;
        if (clock_monotonic() >= started->deadline)
            return no_runtime(error);
        poll(NULL, 0, 1);
    }
}

enum status target_start_link(struct target_started *started, const volatile sig_atomic_t *stop,
                              struct target_link *link, struct error *error)
{
    struct target_process process;
    struct target_hold hold;
    int fd;
    target_link_init(link);
    enum status status = target_hold_open(&hold, started->pid, error);
    if (status != STATUS_OK)
        return fetch_end(started) ? ended_before(started, error) : status;
    status = target_process_read_held(&hold, &process, error);
    if (status == STATUS_OK)
        status = await_agent(started, &hold, &process, stop, &fd, error);
    if (status == STATUS_OK)
        status =
            target_link_greet(link, fd, started->pid, started->nonce, started->deadline, error);
    link->attached = status == STATUS_OK;
    target_hold_close(&hold);
    if (status == STATUS_PEER && fetch_end(started))
        status = ended_before(started, error);
    return status;
}
