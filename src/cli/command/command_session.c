#include "command_session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "target_attach.h"

#define NS_PER_MS       1000000ull
#define NS_PER_S        1000000000ull
#define READY_TIMEOUT   (60 * NS_PER_S)
#define END_TIMEOUT     (5 * NS_PER_S)
#define SILENCE         (5 * NS_PER_S)
#define BUSY_WAIT_MS    2
#define IDLE_WAIT_MS    10
#define FLOOD_BYTES     ((size_t)256 << 10) /* more than this in one round: no pause */
#define CLOCK_ANCHOR_NS NS_PER_S

/* Set by Ctrl-C and its like while we are still opening; later a signalfd takes them. */
static volatile sig_atomic_t stop_wanted;

static void note_stop(int number)
{
    (void)number;
    stop_wanted = 1;
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

static void open_signals(struct session *session)
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

static enum status start_program(struct session *session, struct error *error)
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
    status = target_start_link(&session->started, &stop_wanted, &session->link, error);
    struct error ignored;
    error_init(&ignored);
    if (target_process_read(session->started.pid, &session->process, &ignored) != STATUS_OK)
        session->process.pid = session->started.pid;
    return status;
}

static enum status open_link(struct session *session, struct error *error)
{
    enum status status;
    if (session->context->line->program) {
        status = start_program(session, error);
    } else {
        status = command_find_target(session->context->line, &session->process, error);
        if (status == STATUS_OK)
            status = target_open(&session->process, WIRE_ATTACH_PROBE, 0, &session->link, error);
    }
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
        status = target_link_send(&session->link, &frame, clock_monotonic() + END_TIMEOUT, error);
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
        if (stop_wanted)
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

static void write_json_start(struct session *session)
{
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
    };
    json_start(&session->printer, &start);
    for (uint32_t i = 0; i < session->printer.methods.count; i++) {
        struct method *method = methods_get(&session->printer.methods, i);
        if (method)
            json_method(&session->printer, method);
    }
    for (uint32_t i = 0; i < session->may_miss_count; i++)
        json_notice(&session->printer, "may-miss", session->may_miss[i]);
}

enum status session_open(struct session *session, struct command_context *context,
                         session_planner *make_plan, struct error *error)
{
    memset(session, 0, sizeof *session);
    session->context = context;
    session->signals = -1;
    session->began = clock_monotonic();
    arena_init(&session->arena, 0);
    target_link_init(&session->link);
    printer_init(&session->printer);
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
    status = open_link(session, error);
    if (status == STATUS_OK)
        status = send_plan(session, error);
    if (status == STATUS_OK)
        status = await_session(session, error);
    if (status != STATUS_OK)
        return status;
    start_clock(session);
    session->ready = session->last_event = clock_monotonic();
    if (session->json)
        write_json_start(session);
    report_first(session);
    return STATUS_OK;
}

/* ---- the loop ---- */

uint64_t session_sum(const struct session *session, enum wire_counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; session->rings && i < session->printer.methods.count; i++)
        sum += rings_counter(session->rings, i, counter);
    return sum;
}

/* The tsc's rate was measured over moments only; as we have the same counter, the line is
 * anchored anew every second, and its slope becomes exact. */
static void anchor_clock(struct session *session)
{
    struct clock_line *line = &session->printer.clock;
    const struct target_hello *hello = &session->link.hello;
    if (rings_clock(session->rings) != WIRE_CLOCK_TSC || !clock_tsc_usable())
        return;
    uint64_t ticks = clock_tsc();
    uint64_t realtime = clock_realtime();
    uint64_t distance = realtime - hello->realtime;
    if (ticks <= hello->ticks || realtime <= hello->realtime || distance < NS_PER_S)
        return;
    double slope = (double)distance / (double)(ticks - hello->ticks);
    double change = slope / line->nanoseconds_per_tick;
    if (change < 0.999 || change > 1.001)
        return; /* the wall clock was set, or it is not one counter */
    *line = (struct clock_line){
        .origin_ticks = ticks, .origin_realtime = realtime, .nanoseconds_per_tick = slope};
}

static enum status drain(struct session *session, bool final, struct error *error)
{
    struct ring_record record;
    enum status status = rings_collect(session->rings, final, &session->last_bytes, error);
    while (status == STATUS_OK) {
        status = rings_next(session->rings, &record, error);
        if (status == STATUS_OK && !join_take(&session->join, &record))
            return error_set(error, STATUS_MEMORY, "no memory to join the calls");
        if (session->sink.filling.length > ((size_t)1 << 20))
            sink_flush(&session->sink);
    }
    if (status != STATUS_NOT_FOUND)
        return status;
    session->idle_rounds = session->last_bytes ? 0 : session->idle_rounds + 1;
    return STATUS_OK;
}

static void send_wanted(struct session *session)
{
    struct buffer frames;
    buffer_init(&frames, 0);
    if (session->connected && types_put_wanted(&session->printer.types, &frames) &&
        target_link_send(&session->link, &frames, clock_monotonic() + NS_PER_S, NULL) != STATUS_OK)
        session->printer.types.wanted_count = 0;
    buffer_release(&frames);
}

/* All frames that are there. A connection that ends ends the session; so does nonsense. */
static enum status receive(struct session *session, struct error *error)
{
    while (session->connected) {
        uint16_t type;
        struct reader payload;
        struct error trouble;
        error_init(&trouble);
        enum status status = target_link_receive(&session->link, 0, &type, &payload, &trouble);
        if (status == STATUS_NOT_FOUND)
            return STATUS_OK;
        if (status != STATUS_OK) {
            session->connected = false;
            if (session->end == SESSION_RUNS && !session->ended_known)
                session->end = SESSION_TARGET_ENDED; /* looked into in finish */
            text_copy(session->ended_reason, sizeof session->ended_reason, trouble.message);
            return STATUS_OK;
        }
        status = session_take(session, type, payload, error);
        if (status != STATUS_OK) {
            session->end = SESSION_FAILED;
            return status;
        }
    }
    return STATUS_OK;
}

static void take_signals(struct session *session)
{
    struct signalfd_siginfo info;
    while (session->signals >= 0 && read(session->signals, &info, sizeof info) == sizeof info) {
        /* With -- PROGRAM Ctrl-C is the program's; its end ends us. */
        if (info.ssi_signo == SIGINT && session->has_program)
            continue;
        if (session->end == SESSION_RUNS)
            session->end = SESSION_STOPPED;
        else
            stop_wanted = 2;
    }
    if (stop_wanted && session->end == SESSION_RUNS)
        session->end = SESSION_STOPPED;
}

static void tell_losses(struct session *session)
{
    uint64_t lost = session_sum(session, WIRE_COUNTER_LOST);
    uint64_t dropped = session->printer.dropped;
    if (session->json && lost > session->lost_told)
        json_drop(&session->printer, "target", lost - session->lost_told, lost);
    if (session->json && dropped > session->dropped_told && !sink_full(&session->sink))
        json_drop(&session->printer, "output", dropped - session->dropped_told, dropped);
    session->lost_told = lost;
    if (!sink_full(&session->sink))
        session->dropped_told = dropped;
}

/* What happens once a second and when an event is missing. */
static void look_around(struct session *session, uint64_t now)
{
    if (session->printer.shown != session->last_shown) {
        session->last_shown = session->printer.shown;
        session->last_event = now;
        session->silence_told = false;
    }
    if (now - session->last_check >= NS_PER_S) {
        session->last_check = now;
        anchor_clock(session);
        tell_losses(session);
        if (rings_ended(session->rings) && !session->connected)
            session->end = session->end == SESSION_RUNS ? SESSION_ENDED : session->end;
    }
    if (!session->silence_told && now - session->last_event >= SILENCE && !session->tick) {
        session->silence_told = true;
        report_silence(session);
    }
}

static void check_end(struct session *session, uint64_t now)
{
    if (session->end != SESSION_RUNS)
        return;
    if (printer_done(&session->printer))
        session->end = SESSION_LIMIT;
    else if (session->duration_ns && now - session->ready >= session->duration_ns)
        session->end = SESSION_DURATION;
    else if (sink_failure(&session->sink) == EPIPE)
        session->end = SESSION_READER_GONE;
}

static int pause_ms(const struct session *session)
{
    if (session->last_bytes > FLOOD_BYTES)
        return 0;
    unsigned pause = BUSY_WAIT_MS + session->idle_rounds / 4;
    return pause < IDLE_WAIT_MS ? (int)pause : IDLE_WAIT_MS;
}

static void pause_until_news(struct session *session)
{
    struct pollfd fds[2] = {{.fd = session->connected ? session->link.fd : -1, .events = POLLIN},
                            {.fd = session->signals, .events = POLLIN}};
    int timeout = pause_ms(session);
    if (timeout > 0)
        poll(fds, 2, timeout);
}

static enum status step(struct session *session, struct error *error)
{
    enum status status = drain(session, false, error);
    uint64_t now = clock_monotonic();
    if (status != STATUS_OK) {
        session->end = SESSION_FAILED;
        return status;
    }
    send_wanted(session);
    status = receive(session, error);
    printer_flush_waiting(&session->printer, now, false);
    if (session->printer.limit_lines)
        printer_flush_held_back(&session->printer, now, false);
    if (session->tick)
        session->tick(session, now);
    sink_flush(&session->sink);
    take_signals(session);
    look_around(session, now);
    check_end(session, now);
    return status;
}

/* Asks for the end and drains until it is said. */
static enum status end_session(struct session *session, struct error *error)
{
    uint64_t deadline = clock_monotonic() + END_TIMEOUT;
    enum status status = STATUS_OK;
    if (session->connected && !session->ended_known)
        target_link_send_empty(&session->link, WIRE_MSG_END, deadline, NULL);
    while (session->connected && !session->ended_known && status == STATUS_OK &&
           clock_monotonic() < deadline && stop_wanted < 2) {
        status = drain(session, false, error);
        if (status == STATUS_OK)
            status = receive(session, error);
        printer_flush_waiting(&session->printer, clock_monotonic(), false);
        sink_flush(&session->sink);
        take_signals(session);
        if (!session->ended_known)
            pause_until_news(session);
    }
    if (status == STATUS_OK)
        status = drain(session, true, error);
    tell_losses(session);
    printer_flush_waiting(&session->printer, clock_monotonic(), true);
    printer_flush_held_back(&session->printer, clock_monotonic(), true);
    return status;
}

enum status session_run(struct session *session, struct error *error)
{
    enum status status = STATUS_OK;
    open_signals(session);
    while (session->end == SESSION_RUNS && status == STATUS_OK) {
        status = step(session, error);
        if (session->end == SESSION_RUNS && status == STATUS_OK)
            pause_until_news(session);
    }
    if (status == STATUS_OK)
        status = end_session(session, error);
    return status;
}

/* ---- the end ---- */

/* The connection has ended: is the process gone, or did the agent hang up? */
static bool process_is_gone(struct session *session)
{
    struct target_hold hold;
    if (session->has_program && target_start_wait(&session->started, 200))
        return true;
    for (int i = 0; i < 20; i++) {
        if (target_process_hold(&session->process, &hold, NULL) != STATUS_OK)
            return true;
        bool ended = target_hold_ended(&hold);
        target_hold_close(&hold);
        if (ended)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static void wait_for_program(struct session *session)
{
    stop_wanted = 0;
    if (session->signals < 0)
        open_signals(session);
    while (!target_start_wait(&session->started, 100)) {
        enum session_end end = session->end;
        take_signals(session);
        session->end = end;
        if (stop_wanted == 2)
            return;
    }
    session->context->exit_code = session->started.code;
}

/* The last line, after a session that ran. */
static enum status finish(struct session *session, struct error *error)
{
    enum status status = STATUS_OK;
    if (session->end == SESSION_TARGET_ENDED && !process_is_gone(session)) {
        session->end = SESSION_FAILED;
        status = error_set(error, STATUS_PEER, "the agent in pid %d hung up: %s",
                           (int)session->process.pid, session->ended_reason);
        error_hint(error, "rejig status %d --log tells its last messages",
                   (int)session->process.pid);
    }
    if (session->end == SESSION_ENDED && process_is_gone(session))
        session->end = SESSION_TARGET_ENDED;
    report_last(session);
    return status;
}

/* Until our reader has taken all that is left; a second signal gives it up. */
static void write_rest(struct session *session)
{
    struct sink *sink = &session->sink;
    while (!sink_settle(sink, 100) && sink_failure(sink) == 0) {
        take_signals(session);
        if (stop_wanted == 2 || (stop_wanted && session->signals < 0))
            break;
    }
    sink_close(sink, true);
}

static void release(struct session *session)
{
    target_link_close(&session->link);
    if (session->sink.running)
        write_rest(session);
    if (session->signals >= 0)
        close(session->signals);
    rings_close(session->rings);
    join_release(&session->join);
    printer_release(&session->printer);
    if (session->has_program)
        target_start_release(&session->started);
    arena_release(&session->arena);
}

enum status session_conduct(struct session *session, enum status opened, struct error *error,
                            session_runner *run)
{
    enum status status = opened;
    struct error later;
    error_init(&later);
    if (opened == STATUS_OK) {
        status = run(session, error);
        enum status finished = finish(session, &later);
        if (status == STATUS_OK && finished != STATUS_OK) {
            status = finished;
            *error = later;
        }
    }
    target_link_close(&session->link);
    if (session->has_program) {
        /* The program runs on whatever became of us: say it now, and hand its code on. */
        if (status != STATUS_OK)
            command_print_error(error, session->context->marked);
        sink_flush(&session->sink);
        wait_for_program(session);
        status = STATUS_OK;
    }
    release(session);
    return status;
}
