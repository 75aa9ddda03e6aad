#include "target_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "target_link.h"
#include "target_path.h"

#define ASK_NS          (200 * 1000000ull)
#define YOUNG_NS        (2 * 1000000000ull)
#define SOCKET_PATH_MAX 107u /* sun_path without its NUL */

#if defined(__x86_64__)
#define OWN_ARCHITECTURE "x64"
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE "arm64"
#else
#define OWN_ARCHITECTURE ""
#endif

const char *target_state_name(enum target_state state)
{
    static const char *const names[TARGET_STATES] = {
        [TARGET_READY] = "ready",
        [TARGET_ASLEEP] = "asleep",
        [TARGET_IN_USE] = "in use",
        [TARGET_BUSY] = "busy",
        [TARGET_MUTE] = "mute",
        [TARGET_TAKEN] = "taken",
        [TARGET_OTHER_USER] = "other user",
        [TARGET_OFF] = "off",
        [TARGET_REJIT_OFF] = "rejit off",
        [TARGET_HOT_RELOAD] = "hot reload",
        [TARGET_STOPPED] = "stopped",
        [TARGET_ENDED] = "ended",
        [TARGET_AOT] = "aot",
        [TARGET_NOT_DOTNET] = "not .NET",
        [TARGET_NO_SOCKET] = "no socket",
        [TARGET_SILENT] = "silent",
        [TARGET_OLD] = "too old",
        [TARGET_OTHER_MACHINE] = "other machine",
        [TARGET_NO_PLACE] = "no place",
    };
    return (unsigned)state < TARGET_STATES ? names[state] : "unknown";
}

bool target_state_can_probe(enum target_state state)
{
    return state == TARGET_READY || state == TARGET_ASLEEP || state == TARGET_IN_USE ||
           state == TARGET_BUSY;
}

static void conclude(struct target_verdict *verdict, enum target_state state, const char *reason,
                     const char *hint)
{
    verdict->state = state;
    text_copy(verdict->reason, sizeof verdict->reason, reason);
    text_copy(verdict->hint, sizeof verdict->hint, hint);
}

/* snprintf where a cut is fine. */
static void put(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to, size, format, arguments);
    va_end(arguments);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* --- one reason each; true: it applies --- */

static bool is_other_user(const struct target_process *process, struct target_verdict *verdict)
{
    uid_t self = geteuid();
    if (self == 0 && !process->limited)
        return false;
    if (process->kind == TARGET_KIND_OTHER && !process->limited)
        return false;
    if (process->uid == self && !process->limited)
        return false;
    verdict->state = TARGET_OTHER_USER;
    if (process->uid != self && self != 0) {
        text_copy(verdict->note, sizeof verdict->note, process->user);
        put(verdict->reason, sizeof verdict->reason, "it belongs to user '%s'", process->user);
        put(verdict->hint, sizeof verdict->hint, "run as %s%s", process->user,
            process->uid == 0 ? "" : " or as root");
    } else {
        text_copy(verdict->note, sizeof verdict->note, "not ours to look into");
        conclude(verdict, TARGET_OTHER_USER,
                 "the kernel does not let us look into it (it has more rights than we, or is "
                 "shielded)",
                 self == 0 ? "rejig needs the capability SYS_PTRACE for it; in a container: "
                             "--cap-add SYS_PTRACE, or run rejig outside"
                           : "run as root");
    }
    return true;
}

static bool is_not_running(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->run == TARGET_RUN_ZOMBIE)
        conclude(verdict, TARGET_ENDED, "it has ended (its parent has not fetched it yet)", "");
    else if (process->run == TARGET_RUN_STOPPED)
        conclude(verdict, TARGET_STOPPED, "it is stopped (SIGSTOP)",
                 "let it go on: kill -CONT its pid");
    else if (process->run == TARGET_RUN_TRACED)
        conclude(verdict, TARGET_STOPPED, "a debugger holds it", "let the debugger go on or leave");
    return process->run != TARGET_RUN_RUNNING;
}

static bool is_no_runtime(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->kind == TARGET_KIND_AOT)
        conclude(verdict, TARGET_AOT,
                 "it is compiled ahead of time (NativeAOT): there is no IL and no JIT in it",
                 "publish it without PublishAot, or use perf or gdb");
    else if (process->kind == TARGET_KIND_OTHER)
        conclude(verdict, TARGET_NOT_DOTNET, "it is not a .NET process",
                 "rejig ps lists those that are");
    return process->kind != TARGET_KIND_CORECLR;
}

static bool is_hot_reload(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->hot_reload[0] == '\0')
        return false;
    verdict->state = TARGET_HOT_RELOAD;
    text_copy(verdict->note, sizeof verdict->note, process->hot_reload);
    put(verdict->reason, sizeof verdict->reason,
        "it runs under hot reload (%s), where the runtime ignores requests to recompile",
        process->hot_reload);
    text_copy(verdict->hint, sizeof verdict->hint,
              "start it without: dotnet run, or dotnet watch --no-hot-reload");
    return true;
}

static void age_text(uint64_t ns, char *to, size_t size)
{
    uint64_t seconds = ns / 1000000000;
    if (seconds < 120)
        snprintf(to, size, "%llu s", (unsigned long long)seconds);
    else if (seconds < 7200)
        snprintf(to, size, "%llu min", (unsigned long long)(seconds / 60));
    else if (seconds < 172800)
        snprintf(to, size, "%llu h", (unsigned long long)(seconds / 3600));
    else
        snprintf(to, size, "%llu days", (unsigned long long)(seconds / 86400));
}

static void note_agent(const struct target_agent *agent, struct target_verdict *verdict)
{
    char age[32];
    if (agent->sessions > 0) {
        verdict->state = TARGET_IN_USE;
        put(verdict->note, sizeof verdict->note, "agent %s, %u session%s", agent->version,
            agent->sessions, agent->sessions == 1 ? "" : "s");
        return;
    }
    verdict->state = TARGET_ASLEEP;
    age_text(agent->idle, age, sizeof age);
    if (agent->used)
        put(verdict->note, sizeof verdict->note, "agent %s, last used %s ago", agent->version, age);
    else
        put(verdict->note, sizeof verdict->note, "agent %s, not used yet", agent->version);
}

static bool has_agent(const struct target_process *process, uint64_t patience_ns,
                      struct target_verdict *verdict)
{
    struct error error;
    struct target_agent agent;
    error_init(&error);
    if (process->agent_socket[0] == '\0')
        return false;
    enum status status = target_link_ask(process, clock_monotonic() + patience_ns, &agent, &error);
    if (status == STATUS_OK) {
        note_agent(&agent, verdict);
        return true;
    }
    if (status == STATUS_NOT_FOUND)
        return false; /* left behind by nobody: the name holds this very start time */
    if (status == STATUS_TIMEOUT) {
        conclude(verdict, TARGET_BUSY, "our agent is busy: it listens and has not answered yet",
                 target_agent_works(process->pid)
                     ? "try again: it may be at work on very many methods for another session"
                     : "try again: it waits for another rejig that began to attach (10 s at most, "
                       "where that was killed)");
        text_copy(verdict->note, sizeof verdict->note, "our agent is busy");
        return true;
    }
    conclude(verdict, TARGET_MUTE, error.message, error.hint);
    text_copy(verdict->note, sizeof verdict->note, "our agent does not answer");
    return true;
}

static bool is_taken(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->slot == TARGET_SLOT_AGENT) {
        conclude(verdict, TARGET_MUTE, "rejig's agent is loaded in it and does not listen",
                 "wait a second and try again; else restart the process");
        text_copy(verdict->note, sizeof verdict->note, "our agent does not answer");
    } else if (process->slot == TARGET_SLOT_OTHER) {
        verdict->state = TARGET_TAKEN;
        put(verdict->note, sizeof verdict->note, "profiler slot: %s", file_name(process->profiler));
        put(verdict->reason, sizeof verdict->reason,
            "another profiler has the only profiler slot: %s", process->profiler);
        text_copy(verdict->hint, sizeof verdict->hint,
                  "a process has one slot for its life: restart it without that profiler");
    }
    return process->slot == TARGET_SLOT_AGENT || process->slot == TARGET_SLOT_OTHER;
}

static bool is_off(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->off[0] == '\0')
        return false;
    verdict->state = TARGET_OFF;
    text_copy(verdict->note, sizeof verdict->note, process->off);
    put(verdict->reason, sizeof verdict->reason, "diagnostics are switched off in it by %s",
        process->off);
    text_copy(verdict->hint, sizeof verdict->hint, "restart it without that setting");
    return true;
}

static bool is_unfit(const struct target_process *process, struct target_verdict *verdict)
{
    long major = strtol(process->version, NULL, 10);
    if (process->version[0] != '\0' && major < 3) {
        verdict->state = TARGET_OLD;
        put(verdict->reason, sizeof verdict->reason,
            "its runtime %s cannot be attached to (.NET Core 3.1 and later can)", process->version);
        return true;
    }
    if (process->architecture[0] != '\0' && OWN_ARCHITECTURE[0] != '\0' &&
        strcmp(process->architecture, OWN_ARCHITECTURE) != 0) {
        verdict->state = TARGET_OTHER_MACHINE;
        put(verdict->reason, sizeof verdict->reason, "it is linux-%s, and the agent linux-%s",
            process->architecture, OWN_ARCHITECTURE);
        return true;
    }
    return false;
}

static bool folder_exists(const struct target_process *process)
{
    struct target_hold hold;
    if (target_process_hold(process, &hold, NULL) != STATUS_OK)
        return true;
    int root = target_path_root(&hold);
    int folder = root < 0 ? -1 : target_path_folder(root, process->folder);
    bool exists = folder >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != EINVAL);
    if (folder >= 0)
        close(folder);
    if (root >= 0)
        close(root);
    target_hold_close(&hold);
    return exists;
}

static bool folder_too_long(const struct target_process *process)
{
    char name[96];
    int length =
        snprintf(name, sizeof name, "/dotnet-diagnostic-%llu-%llu-socket",
                 (unsigned long long)process->own_pid, (unsigned long long)process->own_start);
    return strlen(process->folder) + (size_t)length > SOCKET_PATH_MAX;
}

static bool has_no_socket(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->socket[0] != '\0')
        return false;
    verdict->state = TARGET_NO_SOCKET;
    const char *trouble = folder_too_long(process)  ? "is too long for a socket"
                          : !folder_exists(process) ? "does not exist"
                                                    : NULL;
    if (trouble != NULL) {
        put(verdict->note, sizeof verdict->note, "its TMPDIR %s", trouble);
        put(verdict->reason, sizeof verdict->reason,
            "the runtime could make no diagnostics socket: its TMPDIR '%.200s' %s", process->folder,
            trouble);
        text_copy(verdict->hint, sizeof verdict->hint, "restart it with another TMPDIR");
    } else if (process->up_time < YOUNG_NS) {
        text_copy(verdict->note, sizeof verdict->note, "starting");
        conclude(verdict, TARGET_NO_SOCKET, "it has only just started and has no socket yet",
                 "try again in a second");
    } else {
        put(verdict->reason, sizeof verdict->reason,
            "there is no diagnostics socket of it in '%.200s'", process->folder);
        text_copy(verdict->hint, sizeof verdict->hint,
                  "somebody may have cleaned the folder: the socket comes back with a restart");
    }
    return true;
}

static bool is_rejit_off(const struct target_process *process, struct target_verdict *verdict)
{
    if (process->rejit_off[0] == '\0')
        return false;
    verdict->state = TARGET_REJIT_OFF;
    text_copy(verdict->note, sizeof verdict->note, process->rejit_off);
    put(verdict->reason, sizeof verdict->reason,
        "recompiling after attach is switched off in it by %s", process->rejit_off);
    text_copy(verdict->hint, sizeof verdict->hint,
              "restart it without that setting, or start it under rejig: rejig watch … -- PROGRAM");
    return true;
}

void target_state_of(const struct target_process *process, struct target_verdict *verdict)
{
    target_state_within(process, ASK_NS, verdict);
}

void target_state_within(const struct target_process *process, uint64_t patience_ns,
                         struct target_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    if (process->run == TARGET_RUN_ZOMBIE && is_not_running(process, verdict))
        return;
    if (is_other_user(process, verdict) || is_no_runtime(process, verdict) ||
        is_not_running(process, verdict) || is_hot_reload(process, verdict) ||
        has_agent(process, patience_ns, verdict) || is_taken(process, verdict) ||
        is_off(process, verdict) || is_unfit(process, verdict) || has_no_socket(process, verdict) ||
        is_rejit_off(process, verdict))
        return;
    verdict->state = TARGET_READY;
}

enum status target_state_error(const struct target_process *process,
                               const struct target_verdict *verdict, struct error *error)
{
    error_set(error, STATUS_TARGET, "cannot attach to pid %d: %s", (int)process->pid,
              verdict->reason[0] == '\0' ? target_state_name(verdict->state) : verdict->reason);
    if (verdict->hint[0] != '\0')
        error_hint(error, "%s", verdict->hint);
    return STATUS_TARGET;
}
