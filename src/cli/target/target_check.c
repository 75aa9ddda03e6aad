/* `rejig doctor`: the same questions as target_state_of, each with its answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "target_ipc.h"
#include "target_link.h"
#include "target_place.h"
#include "target_state.h"

#define ASK_MS 2000u

static struct target_check *add(struct target_checks *checks, enum target_answer answer,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));

static struct target_check *add(struct target_checks *checks, enum target_answer answer,
                                const char *format, ...)
{
    size_t last = TARGET_CHECKS_MAX - 1;
    struct target_check *check = &checks->items[checks->count < last ? checks->count++ : last];
    va_list arguments;
    memset(check, 0, sizeof *check);
    check->answer = answer;
    va_start(arguments, format);
    vsnprintf(check->text, sizeof check->text, format, arguments);
    va_end(arguments);
    return check;
}

static void set_hint(struct target_check *check, const char *hint)
{
    text_copy(check->hint, sizeof check->hint, hint);
}

/* The verdict's state was named as a check of its own: its words are the line's. */
static void add_verdict(struct target_checks *checks)
{
    const struct target_verdict *verdict = &checks->verdict;
    set_hint(add(checks, TARGET_CHECK_NO, "%s", verdict->reason), verdict->hint);
}

static bool check_rights(const struct target_process *process, struct target_checks *checks)
{
    if (checks->verdict.state == TARGET_OTHER_USER) {
        add_verdict(checks);
        return false;
    }
    if (process->uid == geteuid())
        add(checks, TARGET_CHECK_OK, "same user (uid %u)", (unsigned)process->uid);
    else
        add(checks, TARGET_CHECK_OK, "its user is '%s' (uid %u), and we may look into it",
            process->user[0] == '\0' ? "?" : process->user, (unsigned)process->uid);
    return true;
}

static bool check_runtime(const struct target_process *process, struct target_checks *checks)
{
    enum target_state state = checks->verdict.state;
    if (state == TARGET_NOT_DOTNET || state == TARGET_AOT || state == TARGET_OLD ||
        state == TARGET_OTHER_MACHINE || state == TARGET_ENDED) {
        add_verdict(checks);
        return false;
    }
    add(checks, TARGET_CHECK_OK, "CoreCLR %s%s",
        process->version[0] == '\0' ? "of unknown version" : process->version,
        process->single_file      ? ", in a single-file program"
        : process->self_contained ? ", self-contained"
                                  : "");
    return true;
}

static bool check_running(struct target_checks *checks)
{
    if (checks->verdict.state == TARGET_STOPPED) {
        add_verdict(checks);
        return false;
    }
    add(checks, TARGET_CHECK_OK, "it runs, not stopped and not held by a debugger");
    return true;
}

static void check_container(const struct target_process *process, struct target_checks *checks)
{
    if (process->container && process->own_pid != (uint64_t)process->pid)
        add(checks, TARGET_CHECK_OK, "it lives in a container%s%s, as pid %llu",
            process->container_id[0] == '\0' ? "" : " ", process->container_id,
            (unsigned long long)process->own_pid);
    else if (process->other_view)
        add(checks, TARGET_CHECK_OK, "it sees other folders than we (mount namespace)");
}

static void check_switches(const struct target_process *process, struct target_checks *checks)
{
    if (process->off[0] != '\0')
        set_hint(add(checks, TARGET_CHECK_NO, "diagnostics are switched off by %s", process->off),
                 "restart it without that setting");
    else
        add(checks, TARGET_CHECK_OK, "diagnostics are not switched off");
}

static void take_info(struct target_process *process, const struct target_info *info)
{
    if (info->version[0] != '\0')
        text_copy(process->version, sizeof process->version, info->version);
    if (info->architecture[0] != '\0')
        text_copy(process->architecture, sizeof process->architecture, info->architecture);
    if (info->assembly[0] != '\0') {
        text_copy(process->assembly, sizeof process->assembly, info->assembly);
        text_copy(process->name, sizeof process->name, info->assembly);
    }
}

static void silent(struct target_checks *checks, const struct error *error)
{
    struct target_verdict *verdict = &checks->verdict;
    struct target_check *check =
        add(checks, TARGET_CHECK_NO, "diagnostics socket: %s", error->message);
    set_hint(check, "its diagnostics thread is busy or stuck; try again, or restart the process");
    if (target_state_can_probe(verdict->state)) {
        verdict->state = TARGET_SILENT;
        text_copy(verdict->reason, sizeof verdict->reason, error->message);
        text_copy(verdict->hint, sizeof verdict->hint, check->hint);
    }
}

static void check_socket(struct target_process *process, const struct target_hold *hold,
                         struct target_checks *checks)
{
    struct target_info info;
    struct error error;
    error_init(&error);
    if (process->socket[0] == '\0' && checks->verdict.state == TARGET_NO_SOCKET) {
        add_verdict(checks);
        return;
    }
    if (process->socket[0] == '\0') {
        add(checks, process->off_socket ? TARGET_CHECK_NO : TARGET_CHECK_UNKNOWN,
            "there is no diagnostics socket in '%s'", process->folder);
        return;
    }
    if (target_ipc_info(process, hold, ASK_MS, &info, &error) != STATUS_OK) {
        silent(checks, &error);
        return;
    }
    add(checks, TARGET_CHECK_OK, "diagnostics socket answers in %.1f ms",
        (double)info.answered_in / 1e6);
    take_info(process, &info);
}

static void check_place(const struct target_process *process, const struct target_hold *hold,
                        struct target_checks *checks)
{
    char where[TARGET_PATH_BYTES];
    struct error error;
    error_init(&error);
    if (target_place_probe(process, hold, where, sizeof where, &error) == STATUS_OK) {
        add(checks, TARGET_CHECK_OK, "it can load the agent: %.200s", where);
        return;
    }
    set_hint(add(checks, TARGET_CHECK_NO, "%s", error.message), error.hint);
    if (checks->verdict.state == TARGET_READY) {
        checks->verdict.state = TARGET_NO_PLACE;
        text_copy(checks->verdict.reason, sizeof checks->verdict.reason, error.message);
        text_copy(checks->verdict.hint, sizeof checks->verdict.hint, error.hint);
    }
}

static void check_rejit(const struct target_process *process, struct target_checks *checks)
{
    if (process->rejit_off[0] == '\0')
        add(checks, TARGET_CHECK_OK, "ReJIT on attach is not switched off");
    else
        set_hint(add(checks, TARGET_CHECK_NO, "ReJIT on attach is switched off by %s",
                     process->rejit_off),
                 "restart it without that setting, or start it under rejig");
    if (process->hot_reload[0] == '\0')
        add(checks, TARGET_CHECK_OK, "no hot reload");
    else
        set_hint(add(checks, TARGET_CHECK_NO,
                     "hot reload: %s; the runtime ignores requests to recompile there",
                     process->hot_reload),
                 "start it without: dotnet run, or dotnet watch --no-hot-reload");
}

static void check_slot(const struct target_process *process, struct target_checks *checks)
{
    const struct target_verdict *verdict = &checks->verdict;
    if (verdict->state == TARGET_ASLEEP || verdict->state == TARGET_IN_USE)
        add(checks, TARGET_CHECK_OK, "profiler slot: ours (%s)", verdict->note);
    else if (verdict->state == TARGET_BUSY)
        set_hint(add(checks, TARGET_CHECK_BUSY, "profiler slot: ours, and %s", verdict->reason),
                 verdict->hint);
    else if (verdict->state == TARGET_MUTE)
        set_hint(add(checks, TARGET_CHECK_NO, "profiler slot: ours, but %s", verdict->reason),
                 verdict->hint);
    else if (process->slot == TARGET_SLOT_OTHER)
        set_hint(add(checks, TARGET_CHECK_NO, "profiler slot: taken%s by %s",
                     process->profiler_at_start ? " at start" : "", process->profiler),
                 "a process has one slot for its life: restart it without that profiler");
    else if (process->slot == TARGET_SLOT_FREE)
        add(checks, TARGET_CHECK_OK, "profiler slot: free");
    else
        add(checks, TARGET_CHECK_UNKNOWN, "profiler slot: its maps cannot be read");
}

void target_check_all(struct target_process *process, struct target_checks *checks)
{
    struct target_hold hold;
    memset(checks, 0, sizeof *checks);
    if (target_process_hold(process, &hold, NULL) != STATUS_OK) {
        checks->verdict.state = TARGET_ENDED;
        text_copy(checks->verdict.reason, sizeof checks->verdict.reason, "it has ended");
        add_verdict(checks);
        return;
    }
    target_state_within(process, ASK_MS * UINT64_C(1000000), &checks->verdict);
    if (check_rights(process, checks) && check_runtime(process, checks) && check_running(checks)) {
        check_container(process, checks);
        check_switches(process, checks);
        check_socket(process, &hold, checks);
        check_rejit(process, checks);
        check_slot(process, checks);
        if (checks->verdict.state != TARGET_ASLEEP && checks->verdict.state != TARGET_IN_USE &&
            checks->verdict.state != TARGET_BUSY)
            check_place(process, &hold, checks);
    }
    target_hold_close(&hold);
}
