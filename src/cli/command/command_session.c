#include "command_session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "command_session_inside.h"

#define NS_PER_S     1000000000ull
#define END_TIMEOUT  (5 * NS_PER_S)
#define SILENCE      (5 * NS_PER_S)
#define BUSY_WAIT_MS 2
#define IDLE_WAIT_MS 10
#define FLOOD_BYTES  ((size_t)256 << 10) /* more than this in one round: no pause */

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
            session_stop = 2;
    }
    if (session_stop && session->end == SESSION_RUNS)
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
        unsigned rows;
        session->last_check = now;
        command_terminal_size(session->sink.fd, &session->printer.width, &rows);
        anchor_clock(session);
        tell_losses(session);
        if (rings_ended(session->rings) && !session->connected)
            session->end = session->end == SESSION_RUNS ? SESSION_ENDED : session->end;
    }
    children_look(session, now);
    const bool silent = !session->silence_told && !session->tick;
    /* Half a second early: so that the explanation of silence has its answer. */
    session_coverage_ask(session, now,
                         silent && now - session->last_event >= SILENCE - NS_PER_S / 2);
    if (silent && now - session->last_event >= SILENCE) {
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
    else if (sink_failure(&session->sink) != 0)
        session->end =
            sink_failure(&session->sink) == EPIPE ? SESSION_READER_GONE : SESSION_NO_OUTPUT;
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
           clock_monotonic() < deadline && session_stop < 2) {
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
    session_open_signals(session);
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
    session_stop = 0;
    if (session->signals < 0)
        session_open_signals(session);
    while (!target_start_wait(&session->started, 100)) {
        enum session_end end = session->end;
        take_signals(session);
        session->end = end;
        if (session_stop == 2)
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
        if (session_stop == 2 || (session_stop && session->signals < 0))
            break;
    }
    sink_close(sink, true);
}

/* The last bytes, too, have gone out; else the whole command has failed: what it calls shown is
 * not there. */
static enum status end_output(struct session *session, struct error *error)
{
    if (session->sink.running)
        write_rest(session);
    int failure = session->sink.failure;
    if (failure == 0 || failure == EPIPE || failure == ECANCELED)
        return STATUS_OK;
    const char *path = session->context->line->values[OPTION_OUTPUT];
    error_set(error, STATUS_IO,
              "cannot write %s%s%s: %s; what is missing there is counted as shown", path ? "'" : "",
              path ? path : "the output", path ? "'" : "", strerror(failure));
    return STATUS_IO;
}

static void release(struct session *session)
{
    target_link_close(&session->link);
    if (session->signals >= 0)
        close(session->signals);
    rings_close(session->rings);
    join_release(&session->join);
    session_coverage_release(&session->coverage);
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
    if (opened != STATUS_OK && session_stop) {
        command_say("(stopped before anything was in force)");
        status = STATUS_OK;
    } else if (opened == STATUS_OK) {
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
    enum status written = end_output(session, &later);
    if (written != STATUS_OK && session->has_program)
        command_print_error(&later, NULL);
    else if (written != STATUS_OK && status == STATUS_OK) {
        status = written;
        *error = later;
    }
    release(session);
    return status;
}
