/* Opening a session: options, output, link, plan, until the probes are in force. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base_clock.h"
#include "command_hooks.h"
#include "command_session_inside.h"
#include "command_wait.h"
#include "target_attach.h"

#define ARENA_LIMIT   ((size_t)256 << 20)
#define NS_PER_MS     1000000ull
#define READY_TIMEOUT 60000000000ull
#define SEND_TIMEOUT  5000000000ull

/* Set by Ctrl-C and its like while we are still opening; later a signalfd takes them. */
volatile sig_atomic_t session_stop;

static void note_stop(int number)
{
    (void)number;
    session_stop = 1;
}

static void ending_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static void catch_early_signals(void)
{
    struct sigaction action = {.sa_handler = note_stop};
    sigset_t set;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    ending_signals(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void session_open_signals(struct session *session)
{
    sigset_t set;
    ending_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- opening ---- */

static enum status take_options(struct session *session, struct error *error)
{
    const struct command_line *line = session->context->line;
    enum status status =
        command_number(line, OPTION_LIMIT, 1, UINT64_MAX, &session->printer.limit, error);
    if (status == STATUS_OK)
        status = command_duration(line, OPTION_DURATION, &session->duration_ns, error);
    session->json = session->printer.json = command_has(line, OPTION_JSON);
    if (status == STATUS_OK && session->json && line->program &&
        !command_has(line, OPTION_OUTPUT)) {
        error_set(error, STATUS_USAGE, "--json with -- PROGRAM needs -o FILE");
        error_hint(error, "stdout and stderr belong to the program");
        return STATUS_USAGE;
    }
    return status;
}

static enum status open_output(struct session *session, struct error *error)
{
    int fd;
    bool own;
    int otherwise = session->context->line->program ? STDERR_FILENO : STDOUT_FILENO;
    enum status status = command_open_output(session->context->line, otherwise, &fd, &own, error);
    if (status != STATUS_OK)
        return status;
    unsigned rows;
    command_terminal_size(fd, &session->printer.width, &rows);
    session->printer.colour = command_colours(fd) && !session->json;
    session->printer.limit_lines = isatty(fd) == 1 && !session->json;
    session->printer.sink = &session->sink;
    return sink_open(&session->sink, fd, own, error);
}

static enum status start_program(struct session *session, struct command_wait *wait,
                                 struct error *error)
{
    struct command_context *context = session->context;
    int code = TARGET_EXIT_NOT_STARTED;
    enum status status =
        target_start(context->line->program, &context->signals, &session->started, &code, error);
    if (status != STATUS_OK) {
        context->exit_code = code;
        return status;
    }
    session->has_program = true;
    session->process.pid = session->started.pid;
    command_wait_begin(wait, &session->process, "no runtime has started in it yet");
    status = target_start_link(&session->started, &session_stop, &session->link, error);
    struct error ignored;
    error_init(&ignored);
    if (target_process_read(session->started.pid, &session->process, &ignored) != STATUS_OK)
        session->process.pid = session->started.pid;
    return status;
}

static enum status open_link(struct session *session, struct command_wait *wait,
                             struct error *error)
{
    enum status status;
    if (session->context->line->program) {
        status = start_program(session, wait, error);
    } else {
        status = command_find_target(session->context->line, &session->process, error);
        if (status == STATUS_OK) {
            command_wait_begin(wait, &session->process, "the runtime has not answered yet");
            status = target_open(&session->process, WIRE_ATTACH_PROBE, 0, &session->link, error);
        }
    }
    command_wait_for(wait, "its agent looks for the methods and prepares them");
    session->connected = status == STATUS_OK;
    session->printer.pid = (uint32_t)session->process.pid;
    return status;
}

static void start_clock(struct session *session)
{
    const struct target_hello *hello = &session->link.hello;
    double rate = hello->rate ? 1048576.0 / (double)hello->rate : 1.0;
    session->printer.clock = (struct clock_line){.origin_ticks = hello->ticks,
                                                 .origin_realtime = hello->realtime,
                                                 .nanoseconds_per_tick = rate};
}

static enum status send_plan(struct session *session, struct error *error)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_PLAN);
    wire_plan_put(&frame, &session->plan);
    wire_frame_end(&frame, mark);
    enum status status = STATUS_OK;
    if (buffer_failed(&frame) || frame.length > WIRE_FRAME_MAX)
        status = error_set(error, STATUS_USAGE, "the probes are too large for one plan");
    if (status == STATUS_OK)
        status = target_link_send(&session->link, &frame, clock_monotonic() + SEND_TIMEOUT, error);
    buffer_release(&frame);
    return status;
}

static enum status open_rings(struct session *session, struct error *error)
{
    int fd = target_link_take_descriptor(&session->link);
    if (fd < 0)
        return error_set(error, STATUS_PEER, "the agent sent no memory file");
    enum status status = rings_open(&session->rings, fd, error);
    close(fd);
    return status;
}

/* Receives until the session is in force. */
static enum status await_session(struct session *session, struct error *error)
{
    uint64_t deadline = clock_monotonic() + READY_TIMEOUT;
    for (;;) {
        uint16_t type = 0;
        struct reader payload;
        uint64_t now = clock_monotonic();
        if (session_stop)
            return error_set(error, STATUS_LIMIT, "stopped before the probes were in force");
        if (now > deadline)
            return error_set(error, STATUS_TIMEOUT, "the agent did not answer within 60 s");
        enum status status =
            target_link_receive(&session->link, now + 100 * NS_PER_MS, &type, &payload, error);
        if (status == STATUS_TIMEOUT)
            continue;
        if (status == STATUS_OK)
            status = session_take(session, type, payload, error);
        if (status != STATUS_OK)
            return status;
        if (type == WIRE_MSG_SESSION)
            return open_rings(session, error);
        if (type == WIRE_MSG_ENDED)
            return error_set(error, STATUS_PEER, "the agent ended the session: %s",
                             session->ended_reason);
    }
}

/* The stream begins with `start`, whatever the agent said before it was ready. */
static void write_json_start(struct session *session)
{
    struct buffer *out = sink_buffer(&session->sink);
    struct buffer early = *out;
    buffer_init(out, early.limit);
    struct print_start start = {
        .name = session->process.name,
        .runtime = session->link.hello.runtime,
        .command = session->context->line->whole,
        .methods = session->methods,
        .refused = session->refused,
        .pending = session->modules_pending,
        .attach_ns = session->ready - session->began,
        .attached = session->link.attached,
        .clock = session->link.hello.clock == WIRE_CLOCK_TSC ? "tsc" : "clock_gettime",
        .action = session->context->hooks ? session->context->hooks->action : NULL,
        .value = session->plan.probes[0].literal.text,
        .duration_ns = session->duration_ns,
        .coverage = &session->coverage.said,
    };
    json_start(&session->printer, &start);
    for (uint32_t i = 0; i < session->printer.methods.count; i++) {
        struct method *method = methods_get(&session->printer.methods, i);
        if (method)
            json_method(&session->printer, method);
    }
    for (uint32_t i = 0; i < session->may_miss_count; i++)
        json_notice(&session->printer, "may-miss", session->may_miss[i]);
    if (early.length)
        buffer_append(out, early.data, early.length);
    buffer_release(&early);
}

enum status session_open(struct session *session, struct command_context *context,
                         session_planner *make_plan, struct error *error)
{
    struct command_wait wait = {0};
    memset(session, 0, sizeof *session);
    session->context = context;
    session->signals = -1;
    session->began = clock_monotonic();
    arena_init(&session->arena, ARENA_LIMIT);
    target_link_init(&session->link);
    printer_init(&session->printer);
    session_coverage_init(&session->coverage);
    join_init(&session->join, printer_call, &session->printer);
    enum status status = take_options(session, error);
    if (status == STATUS_OK)
        status = make_plan(context, &session->arena, &session->plan, error);
    if (status != STATUS_OK)
        return status;
    session->printer.plan = &session->plan;
    status = open_output(session, error);
    if (status != STATUS_OK)
        return status;
    catch_early_signals();
    status = open_link(session, &wait, error);
    if (status == STATUS_OK && context->hooks)
        status = context->hooks->before(session, error);
    if (status == STATUS_OK)
        status = send_plan(session, error);
    if (status == STATUS_OK)
        status = await_session(session, error);
    command_wait_end(&wait);
    if (status != STATUS_OK)
        return status;
    start_clock(session);
    session->ready = session->last_event = clock_monotonic();
    if (session->methods) /* else the first ones that come are asked about at once */
        session->coverage.asked_at = session->ready;
    if (context->hooks)
        status = context->hooks->in_force(session, error);
    if (status != STATUS_OK)
        return status;
    if (session->json)
        write_json_start(session);
    report_first(session);
    return STATUS_OK;
}
