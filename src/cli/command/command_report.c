/* The lines to stderr that begin, explain and end a session. Looks: ux.md. */
#include <string.h>

#include "base_clock.h"
#include "command_hooks.h"
#include "command_session.h"

#define OPEN_SHOWN 10

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

const char *report_end_word(enum session_end end)
{
    switch (end) {
    case SESSION_STOPPED:
        return "stopped";
    case SESSION_LIMIT:
        return "limit";
    case SESSION_DURATION:
        return "duration";
    case SESSION_READER_GONE:
        return "reader-gone";
    case SESSION_NO_OUTPUT:
        return "no-output";
    case SESSION_TARGET_ENDED:
        return "target-ended";
    case SESSION_ENDED:
        return "ended";
    default:
        return "failed";
    }
}

static bool is_count(const struct session *session)
{
    return session->plan.probe_count > 0 && session->plan.probes[0].action == PLAN_COUNT;
}

/* ---- the first line ---- */

static void tell_refusals(const struct session *session)
{
    const char *done = session->context->hooks ? "changed" : "probed";
    uint32_t shown =
        session->refused < SESSION_REFUSED_SHOWN ? session->refused : SESSION_REFUSED_SHOWN;
    for (uint32_t i = 0; i < shown; i++)
        if (session->refusals[i].name)
            command_say("  not %s: %s: %s", done, session->refusals[i].name,
                        session->refusals[i].reason);
    if (session->refused > shown)
        command_say("  … and %u more are not %s (--json lists them)", session->refused - shown,
                    done);
}

static void tell_notes(const struct session *session)
{
    unsigned told = 0;
    for (uint32_t i = 0; i < session->printer.methods.count && told < OPEN_SHOWN; i++) {
        const struct method *method = &session->printer.methods.items[i];
        for (uint32_t j = 0; method->known && j < method->note_count && told < OPEN_SHOWN; j++) {
            command_say("  %s: %s", method->name, method->notes[j]);
            told++;
        }
    }
}

static void tell_residue(struct session *session)
{
    char text[160];
    snprintf(text, sizeof text,
             "until pid %d ends our sleeping library stays in it, and its only profiler slot stays "
             "taken",
             (int)session->process.pid);
    bool first = session->link.hello.first && !session->has_program;
    if (first && session->json)
        json_notice(&session->printer, "residue", text);
    if (first)
        command_say("  %s (said once)", text);
    if (session->link.hello.clock == WIRE_CLOCK_MONOTONIC)
        command_say("  times are read by clock_gettime: this machine does not keep time by the "
                    "tsc");
}

/* What is in force besides the methods themselves, and what is not. --explain has a line for each
 * gap: then one word is enough here. */
static void append_parts(const struct session *session, struct buffer *out)
{
    const struct coverage *coverage = &session->coverage.said;
    const bool incomplete = session->plan.explain && coverage_incomplete(coverage);
    const uint32_t waiting = session->modules_pending;
    struct buffer parts;
    buffer_init(&parts, 0);
    if (!incomplete)
        coverage_append_parts(&parts, coverage);
    if (waiting)
        buffer_append_format(&parts, "%s%u pattern%s wait%s for modules to load",
                             parts.length ? "; " : "", waiting, plural(waiting),
                             waiting == 1 ? "s" : "");
    if (parts.length)
        buffer_append_format(out, " (%s)", buffer_text(&parts));
    if (incomplete)
        buffer_append_text(out, ": INCOMPLETE");
    buffer_release(&parts);
}

/* "3 methods in pid 4711 Shop (1 pattern waits for modules to load)"; where nothing is there yet,
 * what is waited for. */
void report_in_force(const struct session *session, struct buffer *out)
{
    char target[160], methods[NUMBER_TEXT];
    uint32_t waiting = session->modules_pending;
    command_target_text(&session->process, target, sizeof target);
    if (session->methods == 0 && waiting == 1 && session->plan.probe_count == 1) {
        buffer_append_format(out, "no method yet in %s: waits for a module that holds '%s'", target,
                             session->plan.probes[0].pattern);
        return;
    }
    number_grouped(methods, session->methods);
    buffer_append_format(out, "%s method%s%s in %s", session->methods ? methods : "no",
                         session->methods ? plural(session->methods) : "",
                         session->methods == 0 && waiting ? " yet" : "", target);
    append_parts(session, out);
}

static void tell_probes(struct session *session)
{
    char took[NUMBER_TEXT];
    struct buffer subject;
    number_duration(took, session->ready - session->began);
    buffer_init(&subject, 0);
    report_in_force(session, &subject);
    command_say("probing %s · %s · %s", buffer_text(&subject), took,
                session->has_program ? "the program's end ends" : "Ctrl-C ends");
    buffer_release(&subject);
}

void report_first(struct session *session)
{
    if (session->context->hooks)
        session->context->hooks->first(session);
    else
        tell_probes(session);
    coverage_tell(session);
    tell_refusals(session);
    for (uint32_t i = 0; i < session->may_miss_count; i++)
        command_say("  may be missed: %s", session->may_miss[i]);
    tell_notes(session);
    tell_residue(session);
}

/* ---- silence ---- */

static unsigned count_open(const struct session *session, uint64_t *oldest)
{
    struct join_open open;
    uint32_t cursor = 0;
    unsigned count = 0;
    *oldest = UINT64_MAX;
    while (join_next_open(&session->join, &cursor, &open)) {
        count++;
        if (open.start < *oldest)
            *oldest = open.start;
    }
    return count;
}

static uint64_t age_of(const struct session *session, uint64_t start)
{
    uint64_t began = clock_line_realtime(&session->printer.clock, start);
    uint64_t now = clock_realtime();
    return now > began ? now - began : 0;
}

static void append_number(struct buffer *out, uint64_t value)
{
    char text[NUMBER_TEXT];
    number_grouped(text, value);
    buffer_append_text(out, text);
}

static void append_subject(const struct session *session, struct buffer *out)
{
    if (session->methods == 1 && session->printer.methods.count >= 1 &&
        session->printer.methods.items[0].known)
        buffer_append_text(out, session->printer.methods.items[0].name);
    else {
        append_number(out, session->methods);
        buffer_append_format(out, " method%s", plural(session->methods));
    }
}

static void append_calls(const struct session *session, struct buffer *out)
{
    uint64_t oldest;
    uint64_t filtered = session_sum(session, WIRE_COUNTER_FILTERED) + session->printer.rejected;
    unsigned open = count_open(session, &oldest);
    if (session->methods == 0) {
        buffer_append_text(out, "no method is probed yet");
        return;
    }
    append_subject(session, out);
    buffer_append_text(out, session->methods == 1 ? " was called " : " were called ");
    append_number(out, session->printer.shown + filtered + open);
    buffer_append_text(out, " times");
    if (filtered) {
        buffer_append_text(out, ", ");
        append_number(out, filtered);
        buffer_append_text(out, " of them rejected by --if");
    }
    if (open) {
        char age[NUMBER_TEXT];
        number_duration(age, age_of(session, oldest));
        buffer_append_text(out, ", ");
        append_number(out, open);
        buffer_append_format(out, " have not returned (the oldest for %s)", age);
    }
}

static void append_state(const struct session *session, struct buffer *out)
{
    if (session->pending)
        buffer_append_format(out, "; %u pattern%s wait%s for modules that are not loaded yet",
                             session->pending, plural(session->pending),
                             session->pending == 1 ? "s" : "");
    if (session->failed)
        buffer_append_format(out, "; %u could not be rewritten", session->failed);
    if (session->coverage.said.known && session->methods)
        coverage_append_silence(out, &session->coverage.said);
    else if (!session->inliners_by_runtime && session->methods)
        buffer_append_text(out, "; callers that hold an inlined copy may be missed");
}

void report_silence(struct session *session)
{
    struct buffer out;
    buffer_init(&out, 0);
    buffer_append_text(&out, "5 s without an event: ");
    append_calls(session, &out);
    append_state(session, &out);
    if (session->json)
        json_notice(&session->printer, "silence", buffer_text(&out));
    command_say("(%s)", buffer_text(&out));
    buffer_release(&out);
}

/* ---- the last line ---- */

static void tell_open(struct session *session)
{
    struct join_open open;
    uint32_t cursor = 0;
    uint64_t oldest;
    unsigned count = count_open(session, &oldest), shown = 0;
    if (count == 0)
        return;
    bool lost = session_sum(session, WIRE_COUNTER_LOST) > 0;
    char whole[NUMBER_TEXT];
    number_grouped(whole, count);
    command_say("%s call%s entered and not returned%s:", whole, count == 1 ? " has" : "s have",
                lost ? ", or their end is among the lost" : "");
    while (join_next_open(&session->join, &cursor, &open)) {
        struct method *method = methods_get(&session->printer.methods, open.site);
        char age[NUMBER_TEXT];
        if (!method)
            continue;
        number_duration(age, age_of(session, open.start));
        if (session->json)
            json_open_call(&session->printer, method, open.thread, age_of(session, open.start));
        if (shown++ < OPEN_SHOWN)
            command_say("  t%u  %s   for %s%s", open.thread, method->name, age,
                        open.suspended ? " (awaiting)" : "");
    }
    if (count > OPEN_SHOWN) {
        char more[NUMBER_TEXT];
        number_grouped(more, count - OPEN_SHOWN);
        command_say("  … and %s more", more);
    }
}

/* " (12 precompiled callers, 9 of them called since)" */
static void append_coverage(const struct session *session, struct buffer *out)
{
    struct buffer parts;
    if (!session->coverage.said.final)
        return;
    buffer_init(&parts, 0);
    coverage_append_final(&parts, &session->coverage.said);
    if (parts.length)
        buffer_append_format(out, " (%s)", buffer_text(&parts));
    buffer_release(&parts);
}

static void append_taken_back(const struct session *session, struct buffer *out)
{
    if (session->end == SESSION_TARGET_ENDED || (session->has_program && session->started.ended)) {
        buffer_append_format(out, " · pid %d has ended", (int)session->process.pid);
        return;
    }
    if (!session->ended_known) {
        buffer_append_format(out, " · pid %d reverts by itself: the connection is closed",
                             (int)session->process.pid);
        return;
    }
    buffer_append_text(out, " · reverted ");
    append_number(out, session->reverted);
    buffer_append_format(out, " method%s", plural(session->reverted));
    if (session->revert_failed)
        buffer_append_format(out, ", %u could not be", session->revert_failed);
    append_coverage(session, out);
    if (session->end == SESSION_ENDED && session->ended_reason[0])
        buffer_append_format(out, " (%s)", session->ended_reason);
    buffer_append_format(out, " · the agent sleeps in pid %d", (int)session->process.pid);
}

static void append_watched(const struct session *session, const struct print_end *end,
                           struct buffer *out)
{
    bool conditional = end->filtered > 0 || session->plan.probes[0].node_count > 0;
    append_number(out, end->shown);
    buffer_append_text(out, " shown of ");
    append_number(out, end->calls);
    buffer_append_format(out, " call%s", plural(end->calls));
    if (conditional) {
        buffer_append_text(out, " (");
        append_number(out, end->filtered);
        buffer_append_text(out, " filtered out)");
    }
    buffer_append_text(out, ", ");
    append_number(out, end->lost);
    buffer_append_text(out, " lost");
    if (end->lost)
        buffer_append_text(out, " (--ring-size)");
    if (session->printer.unprinted) {
        buffer_append_text(out, ", ");
        append_number(out, session->printer.unprinted);
        buffer_append_text(out, " more than a terminal takes (-o FILE gets all)");
    }
    if (end->dropped) {
        buffer_append_text(out, ", ");
        append_number(out, end->dropped);
        buffer_append_text(out, " dropped because our own output was blocked");
    }
}

/* Each call is in one of the sums. Only where calls were lost, those that are open cannot be told
 * from those whose end is lost: the agent has counted the latter, so neither is added again. */
static struct print_end totals(struct session *session)
{
    const struct printer *printer = &session->printer;
    uint64_t oldest;
    struct print_end end = {
        .action = session->context->hooks ? session->context->hooks->action : NULL,
        .reason = report_end_word(session->end),
        .shown = printer->shown - printer->unprinted - printer->dropped,
        .filtered = session_sum(session, WIRE_COUNTER_FILTERED) + printer->rejected,
        .lost = session_sum(session, WIRE_COUNTER_LOST),
        .dropped = printer->dropped,
        .after_limit = printer->over_limit,
        .reverted = session->reverted,
        .reverted_known = session->ended_known,
        .coverage = &session->coverage.said,
    };
    unsigned open = count_open(session, &oldest);
    *(end.lost ? &end.open_or_lost : &end.open) = open;
    end.calls = end.shown + printer->unprinted + end.filtered + end.lost + end.dropped +
                end.after_limit + end.open;
    if (is_count(session))
        end.calls = session_sum(session, WIRE_COUNTER_CALLS);
    return end;
}

/* A zero is not left unexplained. */
static void tell_unmatched(struct session *session)
{
    struct buffer out;
    buffer_init(&out, 0);
    buffer_append_text(&out, "no method has matched ");
    for (uint32_t i = 0; i < session->plan.probe_count && i < OPEN_SHOWN; i++)
        buffer_append_format(&out, "%s'%s'", i ? ", " : "", session->plan.probes[i].pattern);
    if (session->plan.probe_count > OPEN_SHOWN)
        buffer_append_format(&out, " … %u more patterns", session->plan.probe_count - OPEN_SHOWN);
    if (session->json)
        json_notice(&session->printer, "unmatched", buffer_text(&out));
    command_say("(%s)", buffer_text(&out));
    buffer_release(&out);
}

void report_last(struct session *session)
{
    struct print_end end = totals(session);
    struct buffer out;
    if (!is_count(session))
        tell_open(session);
    if (session->methods == 0)
        tell_unmatched(session);
    if (session->json)
        json_end(&session->printer, &end);
    sink_settle(&session->sink, 2000);
    buffer_init(&out, 0);
    if (session->context->hooks) {
        session->context->hooks->last(session, &out);
    } else if (is_count(session)) {
        append_number(&out, end.calls);
        buffer_append_format(&out, " call%s counted", plural(end.calls));
    } else {
        append_watched(session, &end, &out);
    }
    append_taken_back(session, &out);
    if (session->printer.cut)
        command_say("(where values end in …, --depth, --max-items and --max-string show more)");
    command_say("%s", buffer_text(&out));
    buffer_release(&out);
}
