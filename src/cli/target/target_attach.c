#include "target_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "clr_hresult.h"
#include "target_ipc.h"
#include "target_place.h"
#include "target_socket.h"
#include "target_state.h"
#include "wire_record.h"

static const char sent_away[] =
    "its agent waits for another rejig that began to attach (10 s at most, where that was killed)";

/* One attach on its way. */
struct attach {
    const struct target_process *process;
    const struct target_hold *hold;
    uint64_t deadline; /* CLOCK_MONOTONIC */
    struct wire_client_data data;
    struct target_place place;
    int ipc;
    struct buffer received; /* of ipc */
    bool answered;          /* the runtime has */
    enum status answer;     /* what it said */
    uint32_t hresult;
    struct error answer_error;
};

/* One process attaches to one target at a time. */
static const char *_Atomic waits;
static _Atomic pid_t greeted; /* while waits is not_answered */

static const char not_answered[] = "its agent has not answered yet; it may be busy";

const char *target_attach_waits(void)
{
    const char *now = atomic_load(&waits);
    return now == not_answered && !target_agent_works(atomic_load(&greeted)) ? sent_away : now;
}

enum status target_busy_error(pid_t pid, uint64_t waited_ns, struct error *error)
{
    bool works = target_agent_works(pid);
    error_set(error, STATUS_TARGET, "the agent in pid %d is busy: no answer for %llu s", (int)pid,
              (unsigned long long)((waited_ns + 500000000) / 1000000000));
    error_hint(error, "try again: %s",
               works ? "it may be at work on very many methods for another session" : sent_away);
    return STATUS_TARGET;
}

static uint64_t deadline_in(unsigned timeout_ms)
{
    return clock_monotonic() +
           (uint64_t)(timeout_ms == 0 ? TARGET_ATTACH_TIMEOUT_MS : timeout_ms) * 1000000;
}

static enum status fill_client_data(struct attach *attach, enum wire_attach_mode mode,
                                    struct error *error)
{
    struct wire_client_data *data = &attach->data;
    memset(data, 0, sizeof *data);
    data->magic = WIRE_FRAME_MAGIC;
    data->major = WIRE_MAJOR;
    data->minor = WIRE_MINOR;
    data->mode = mode;
    data->pid = (uint32_t)attach->process->own_pid;
    uint64_t left = attach->deadline - clock_monotonic();
    data->deadline = (uint64_t)((int64_t)clock_boottime() + attach->process->boot_offset) + left;
    if (getrandom(data->nonce, sizeof data->nonce, 0) != (ssize_t)sizeof data->nonce)
        return error_set(error, STATUS_IO, "no random numbers to be had: %s", strerror(errno));
    if (!text_copy(data->directory, sizeof data->directory, attach->process->folder))
        return error_set(error, STATUS_TARGET, "its TMPDIR '%s' is too long",
                         attach->process->folder);
    return STATUS_OK;
}

/* The last look before something is sent: what is queued to a stopped process would be done
 * whenever it goes on. */
static enum status still_runs(const struct attach *attach, struct error *error)
{
    struct target_stat stat;
    enum status status = target_hold_state(attach->hold, &stat, error);
    if (status == STATUS_OK && (stat.state == 'T' || stat.state == 't'))
        status =
            error_set(error, STATUS_TARGET, "pid %d was stopped meanwhile", (int)attach->hold->pid);
    return status;
}

static enum status send_request(struct attach *attach, struct error *error)
{
    static const uint8_t clsid[16] = WIRE_AGENT_CLSID_BYTES;
    struct buffer request;
    buffer_init(&request, 0);
    int left = target_socket_left(attach->deadline);
    enum status status = target_ipc_put_attach(&request, (uint32_t)left, clsid, attach->place.path,
                                               &attach->data, sizeof attach->data, error);
    if (status == STATUS_OK)
        status = target_ipc_connect(attach->process, attach->hold, attach->deadline, &attach->ipc,
                                    error);
    if (status == STATUS_OK)
        status = still_runs(attach, error);
    if (status == STATUS_OK)
        status = target_ipc_send(attach->ipc, &request, attach->deadline, error);
    buffer_release(&request);
    return status;
}

/* Takes the runtime's answer if it comes until `deadline`. */
static void hear_answer(struct attach *attach, uint64_t deadline)
{
    struct reader payload;
    struct error error;
    error_init(&error);
    enum status status = target_ipc_receive(attach->ipc, &attach->received, &payload,
                                            &attach->hresult, deadline, &error);
    if (status == STATUS_TIMEOUT)
        return;
    attach->answered = true;
    attach->answer = status;
    attach->answer_error = error;
    if (status == STATUS_OK && reader_left(&payload) >= 4)
        attach->hresult = reader_u32(&payload);
}

/* Another profiler has the slot: its file stands in the target's maps. */
static enum status slot_taken(const struct attach *attach, struct error *error)
{
    struct target_process now;
    bool named = target_process_read_held(attach->hold, &now, NULL) == STATUS_OK &&
                 now.slot == TARGET_SLOT_OTHER;
    error_set(error, STATUS_TARGET,
              "cannot attach to pid %d: another profiler holds the only profiler slot%s%s",
              (int)attach->hold->pid, named ? ": " : "", named ? now.profiler : "");
    error_hint(error, "a process has one slot for its life: restart it without that profiler");
    return STATUS_TARGET;
}

static enum status ended_meanwhile(const struct attach *attach, struct error *error)
{
    return error_set(error, STATUS_TARGET, "pid %d ended while rejig attached to it",
                     (int)attach->hold->pid);
}

/* A dying process closes its sockets a moment before its end can be seen. */
static bool is_dying(const struct attach *attach, int milliseconds)
{
    for (int i = 0; i < milliseconds; i++) {
        if (target_hold_ended(attach->hold))
            return true;
        poll(NULL, 0, 1);
    }
    return target_hold_ended(attach->hold);
}

static enum status refused(const struct attach *attach, struct error *error)
{
    const struct error *answer = &attach->answer_error;
    enum status status = STATUS_TARGET;
    switch ((HRESULT)attach->hresult) {
    case CORPROF_E_PROFILER_ALREADY_ACTIVE:
        return slot_taken(attach, error);
    case CORPROF_E_PROFILER_CANCEL_ACTIVATION:
        error_set(error, status, "the agent in pid %d went away again: it saw no waiting rejig",
                  (int)attach->hold->pid);
        error_hint(error, "try again: the machine may be busy");
        return status;
    case CORPROF_E_NOT_YET_AVAILABLE:
        error_set(error, status,
                  "cannot attach to pid %d: its runtime has not started yet: it waits for a "
                  "diagnostics tool to let it go on",
                  (int)attach->hold->pid);
        error_hint(error, "let that tool resume it (DOTNET_DefaultDiagnosticPortSuspend), or "
                          "start it under rejig instead");
        return status;
    case HRESULT_ERROR_MOD_NOT_FOUND:
        error_set(error, status, "pid %d cannot load the agent's file '%s'", (int)attach->hold->pid,
                  attach->place.path);
        error_hint(error, "%s", "is it readable for that user and on a mount that is not noexec?");
        return status;
    default:
        break;
    }
    if (answer->status == STATUS_PEER && is_dying(attach, 100))
        return ended_meanwhile(attach, error);
    status = answer->status == STATUS_OK ? STATUS_TARGET : answer->status;
    error_set(error, status, "cannot attach to pid %d: %s", (int)attach->hold->pid,
              answer->message[0] == '\0' ? "the runtime refuses" : answer->message);
    return status;
}

static enum status too_late(const struct attach *attach, struct error *error)
{
    struct target_stat stat;
    if (target_hold_ended(attach->hold) ||
        target_hold_state(attach->hold, &stat, NULL) != STATUS_OK)
        return ended_meanwhile(attach, error);
    error_set(error, STATUS_TARGET, "pid %d does not answer: %s", (int)attach->hold->pid,
              attach->answered ? "the agent is loaded, and its socket does not appear"
              : stat.state == 'T' || stat.state == 't'
                  ? "it was stopped meanwhile; the agent it may load then goes away by itself"
                  : "the runtime's diagnostics thread is busy or stuck");
    return STATUS_TARGET;
}

/* Until the agent's socket is there: it appears some milliseconds after the request. */
static enum status wait_for_socket(struct attach *attach, int *fd, struct error *error)
{
    for (;;) {
        enum status status =
            target_link_try(attach->process, attach->hold, attach->data.directory, fd, error);
        if (status == STATUS_OK || (status != STATUS_NOT_FOUND && status != STATUS_TIMEOUT))
            return status;
        if (attach->answered && attach->answer != STATUS_OK)
            return refused(attach, error);
        if (clock_monotonic() >= attach->deadline || target_hold_ended(attach->hold))
            return too_late(attach, error);
        atomic_store(&waits, attach->answered ? "the agent is loaded and does not listen yet"
                                              : "the runtime has not answered yet; it may be busy");
        if (attach->answered)
            poll(NULL, 0, 1);
        else
            hear_answer(attach, clock_monotonic() + 1000000);
    }
}

/* Did another rejig attach at the same time? Then its agent serves us too. */
static bool other_was_first(const struct attach *attach)
{
    return attach->answer == STATUS_TARGET &&
           (HRESULT)attach->hresult == CORPROF_E_PROFILER_ALREADY_ACTIVE;
}

/* The agent has said HELLO; the runtime must agree that it stays. */
static enum status confirm(struct attach *attach, struct target_link *link, struct error *error)
{
    if (!attach->answered)
        hear_answer(attach, attach->deadline);
    if (!attach->answered)
        return too_late(attach, error);
    if (attach->answer != STATUS_OK && !other_was_first(attach))
        return refused(attach, error);
    link->attached = attach->answer == STATUS_OK;
    return STATUS_OK;
}

/* One connection and its HELLO. STATUS_PEER: closed without an answer. */
static enum status try_agent(struct attach *attach, struct target_link *link, struct error *error)
{
    int fd;
    enum status status = wait_for_socket(attach, &fd, error);
    if (status != STATUS_OK)
        return status;
    status =
        target_link_greet(link, fd, attach->hold->pid, attach->data.nonce, attach->deadline, error);
    if (status == STATUS_OK) {
        status = confirm(attach, link, error);
        if (status != STATUS_OK)
            target_link_close(link);
        return status;
    }
    if (status == STATUS_PEER && !attach->answered) /* the runtime's word tells more */
        hear_answer(attach, clock_monotonic() + 100 * 1000000ull);
    if (status == STATUS_PEER && attach->answered && attach->answer != STATUS_OK)
        return refused(attach, error);
    return status == STATUS_TIMEOUT ? too_late(attach, error) : status;
}

/* Two rejigs at once: an agent that waits for the other one may send us away until it has been
 * met. So a connection that is closed without an answer is tried again, for a second. */
static enum status meet_agent(struct attach *attach, struct target_link *link, struct error *error)
{
    uint64_t patience = 0;
    for (;;) {
        enum status status = try_agent(attach, link, error);
        bool refusal = attach->answered && attach->answer != STATUS_OK;
        if (status != STATUS_PEER || refusal)
            return status;
        if (is_dying(attach, 5))
            return ended_meanwhile(attach, error);
        atomic_store(&waits, sent_away);
        uint64_t now = clock_monotonic();
        patience = patience == 0 ? now + 1000000000 : patience;
        if (now >= patience || now >= attach->deadline)
            return status;
    }
}

static enum status attach_held(const struct target_process *process, const struct target_hold *hold,
                               enum wire_attach_mode mode, uint64_t deadline,
                               struct target_link *link, bool *taken, struct error *error)
{
    struct attach attach = {.process = process, .hold = hold, .deadline = deadline, .ipc = -1};
    attach.place.folder = -1;
    buffer_init(&attach.received, 4096);
    error_init(&attach.answer_error);
    enum status status = fill_client_data(&attach, mode, error);
    if (status == STATUS_OK)
        status = target_place_agent(process, hold, &attach.place, error);
    if (status == STATUS_OK)
        status = send_request(&attach, error);
    if (status == STATUS_OK)
        status = meet_agent(&attach, link, error);
    *taken = status != STATUS_OK && other_was_first(&attach);
    target_place_remove(&attach.place);
    if (attach.ipc >= 0)
        close(attach.ipc);
    buffer_release(&attach.received);
    return status;
}

/* The process of the picture, taken anew and held. */
static enum status retake(const struct target_process *picture, struct target_process *process,
                          struct target_hold *hold, struct error *error)
{
    enum status status = target_process_hold(picture, hold, error);
    if (status != STATUS_OK)
        return status;
    status = target_process_read_held(hold, process, error);
    if (status != STATUS_OK)
        target_hold_close(hold);
    return status;
}

static bool can_attach(enum target_state state, enum wire_attach_mode mode)
{
    return state == TARGET_READY ||
           (mode == WIRE_ATTACH_LIST && (state == TARGET_REJIT_OFF || state == TARGET_HOT_RELOAD));
}

/* *taken: another profiler was there when the request came, perhaps another rejig's agent. */
static enum status attach_picture(const struct target_process *picture, enum wire_attach_mode mode,
                                  unsigned timeout_ms, struct target_link *link, bool *taken,
                                  struct error *error)
{
    struct target_process process;
    struct target_verdict verdict;
    struct target_hold hold;
    uint64_t deadline = deadline_in(timeout_ms);
    enum status status = retake(picture, &process, &hold, error);
    if (status != STATUS_OK)
        return status;
    target_state_of(&process, &verdict);
    if (can_attach(verdict.state, mode))
        status = attach_held(&process, &hold, mode, deadline, link, taken, error);
    else if (verdict.state == TARGET_ASLEEP || verdict.state == TARGET_IN_USE ||
             verdict.state == TARGET_BUSY) {
        *taken = true;
        status = error_set(error, STATUS_TARGET, "pid %d has an agent already", (int)process.pid);
    } else {
        /* loaded since the first look: another rejig's, which will listen in a moment */
        *taken = verdict.state == TARGET_MUTE && process.agent_socket[0] == '\0';
        status = target_state_error(&process, &verdict, error);
    }
    target_hold_close(&hold);
    return status;
}

enum status target_attach(const struct target_process *process, enum wire_attach_mode mode,
                          unsigned timeout_ms, struct target_link *link, struct error *error)
{
    bool taken = false;
    target_link_init(link);
    return attach_picture(process, mode, timeout_ms, link, &taken, error);
}

static enum status connect_held(const struct target_process *process,
                                const struct target_hold *hold, uint64_t deadline,
                                struct target_link *link, struct error *error)
{
    int fd;
    if (process->agent_socket[0] == '\0')
        return error_set(error, STATUS_NOT_FOUND, "no agent sleeps in pid %d", (int)process->pid);
    uint64_t began = clock_monotonic();
    atomic_store(&greeted, process->pid);
    if (atomic_load(&waits) != sent_away)
        atomic_store(&waits, not_answered);
    enum status status = target_link_try(process, hold, process->agent_folder, &fd, error);
    if (status == STATUS_OK)
        status = target_link_greet(link, fd, process->pid, NULL, deadline, error);
    if (status == STATUS_TIMEOUT)
        return target_busy_error(process->pid, clock_monotonic() - began, error);
    return status;
}

static enum status connect_once(const struct target_process *picture, unsigned timeout_ms,
                                struct target_link *link, struct error *error)
{
    struct target_process process;
    struct target_hold hold;
    uint64_t deadline = deadline_in(timeout_ms);
    target_link_init(link);
    enum status status = retake(picture, &process, &hold, error);
    if (status != STATUS_OK)
        return status;
    if (process.run != TARGET_RUN_RUNNING) {
        struct target_verdict verdict;
        target_state_of(&process, &verdict);
        status = target_state_error(&process, &verdict, error);
    } else {
        status = connect_held(&process, &hold, deadline, link, error);
    }
    target_hold_close(&hold);
    return status;
}

enum status target_connect(const struct target_process *picture, unsigned timeout_ms,
                           struct target_link *link, struct error *error)
{
    enum status status = connect_once(picture, timeout_ms, link, error);
    atomic_store(&waits, NULL);
    return status;
}

/* Our agent is loaded and has no socket: another rejig's on its way in, or one that only listed
 * methods on its way out. Waits until it is one or the other; true: it listens. */
static bool agent_listens(const struct target_process *picture)
{
    struct target_process process;
    atomic_store(&waits, "its agent is loaded and does not listen yet");
    for (int i = 0; i < 600; i++) {
        if (target_process_read(picture->pid, &process, NULL) != STATUS_OK ||
            process.start != picture->start || process.slot != TARGET_SLOT_AGENT)
            return false;
        if (process.agent_socket[0] != '\0')
            return true;
        poll(NULL, 0, 5);
    }
    return false;
}

/* Where a rejig was killed while it attached, the agent waits for it until its deadline, and sends
 * everybody else away so long. */
static enum status connect_patiently(const struct target_process *process, unsigned timeout_ms,
                                     struct target_link *link, struct error *error)
{
    uint64_t deadline = deadline_in(timeout_ms) + 1000000000;
    for (;;) {
        enum status status = connect_once(process, timeout_ms, link, error);
        bool away = status == STATUS_PEER && link->hung_up;
        bool again = away || (status == STATUS_NOT_FOUND && agent_listens(process));
        if (away)
            atomic_store(&waits, sent_away);
        if (!again || clock_monotonic() >= deadline)
            return status;
        poll(NULL, 0, 20);
    }
}

enum status target_connect_patiently(const struct target_process *process, unsigned timeout_ms,
                                     struct target_link *link, struct error *error)
{
    enum status status = connect_patiently(process, timeout_ms, link, error);
    atomic_store(&waits, NULL);
    return status;
}

enum status target_open(const struct target_process *process, enum wire_attach_mode mode,
                        unsigned timeout_ms, struct target_link *link, struct error *error)
{
    bool taken = false;
    target_link_init(link);
    if (process->hot_reload[0] != '\0' && mode == WIRE_ATTACH_PROBE) {
        struct target_verdict verdict;
        target_state_of(process, &verdict);
        return target_state_error(process, &verdict, error);
    }
    enum status status = connect_patiently(process, timeout_ms, link, error);
    if (status == STATUS_NOT_FOUND)
        status = attach_picture(process, mode, timeout_ms, link, &taken, error);
    if (taken && agent_listens(process))
        status = connect_patiently(process, timeout_ms, link, error);
    atomic_store(&waits, NULL);
    return status;
}
