/* The coverage statement in words. Looks: ux.md. */
#include <string.h>
#include <unistd.h>

#include "command_columns.h"
#include "command_coverage.h"
#include "command_session.h"
#include "wire_message.h"

#define REASONS_TOLD  5u
#define SUBJECTS_TOLD 3u
#define FRAMES_TOLD   2u
#define NAME_COLUMNS  16u /* a name is never cut to less */

#define SEEN     "  seen      "
#define PENDING  "  pending   "
#define NOT_SEEN "  not seen  "

static void begin_part(struct buffer *out)
{
    if (out->length)
        buffer_append_text(out, "; ");
}

/* "1,204 modules" */
static void append_count(struct buffer *out, uint64_t count, const char *what)
{
    char text[NUMBER_TEXT];
    number_grouped(text, count);
    buffer_append_format(out, "%s %s%s", text, what, count == 1 ? "" : "s");
}

static void append_number(struct buffer *out, uint64_t value)
{
    char text[NUMBER_TEXT];
    number_grouped(text, value);
    buffer_append_text(out, text);
}

static void append_looked(struct buffer *out, const struct coverage *coverage)
{
    append_number(out, coverage->looked);
    buffer_append_text(out, " of ");
    append_count(out, coverage->threads, "thread");
    buffer_append_text(out, " looked at");
}

bool coverage_incomplete(const struct coverage *coverage)
{
    return coverage->known && (coverage->impossible > 0 || coverage_frames(coverage) > 0 ||
                               coverage->looked < coverage->threads);
}

/* ---- parts of a line ---- */

static void append_callers(struct buffer *out, const struct coverage *coverage)
{
    if (coverage->precompiled) {
        begin_part(out);
        buffer_append_u8(out, '+');
        append_count(out, coverage->precompiled, "precompiled caller");
        buffer_append_format(out, " that hold%s an inlined copy",
                             coverage->precompiled == 1 ? "s" : "");
    }
    if (!coverage->follows || (coverage->precompiled == 0 && coverage->jit == 0))
        return;
    begin_part(out);
    buffer_append_format(out, "JIT-compiled %s switch at their next call",
                         coverage->precompiled ? "ones" : "callers");
    if (coverage->jit) {
        buffer_append_text(out, ", ");
        append_number(out, coverage->jit);
        buffer_append_text(out, " so far");
    }
}

void coverage_append_parts(struct buffer *out, const struct coverage *coverage)
{
    append_callers(out, coverage);
    if (coverage->pending) {
        begin_part(out);
        append_count(out, coverage->pending, "module");
        buffer_append_text(out, " pending");
    }
    const uint32_t frames = coverage_frames(coverage);
    if (coverage->impossible) {
        begin_part(out);
        append_number(out, coverage->impossible);
        buffer_append_text(out, " cannot be seen");
    }
    if (frames) {
        begin_part(out);
        append_count(out, frames, "frame");
        buffer_append_text(out, " still in old code");
    }
    if (coverage->impossible || frames)
        buffer_append_text(out, ": --explain");
    if (coverage->looked < coverage->threads) {
        begin_part(out);
        append_looked(out, coverage);
    }
}

/* "12 precompiled callers, 9 of them called since": called is who has run its new code. */
static void append_switched(struct buffer *out, const struct coverage *coverage)
{
    const uint32_t all = coverage->precompiled;
    const uint32_t called = coverage->switched < all ? coverage->switched : all;
    append_count(out, all, "precompiled caller");
    if (all == 1) {
        buffer_append_text(out, called ? ", called since" : ", not called since");
    } else if (called == all || called == 0) {
        buffer_append_format(out, ", %s called since", called ? "all" : "none");
    } else {
        buffer_append_text(out, ", ");
        append_number(out, called);
        buffer_append_text(out, " of them called since");
    }
}

void coverage_append_final(struct buffer *out, const struct coverage *coverage)
{
    if (coverage->precompiled) {
        begin_part(out);
        append_switched(out, coverage);
    }
    if (coverage->jit) {
        begin_part(out);
        append_count(out, coverage->jit, "JIT-compiled caller");
    }
    if (coverage->pending) {
        begin_part(out);
        append_count(out, coverage->pending, "module");
        buffer_append_text(out, " not loaded");
    }
    if (coverage->impossible) {
        begin_part(out);
        append_number(out, coverage->impossible);
        buffer_append_text(out, " could not be seen");
    }
    if (coverage_frames(coverage)) {
        begin_part(out);
        append_count(out, coverage_frames(coverage), "frame");
        buffer_append_text(out, " in old code to the end");
    }
}

void coverage_append_silence(struct buffer *out, const struct coverage *coverage)
{
    if (coverage->pending) {
        buffer_append_text(out, "; ");
        append_count(out, coverage->pending, "module");
        buffer_append_format(out, " that could call it %s not loaded yet",
                             coverage->pending == 1 ? "is" : "are");
    }
    if (coverage->precompiled) {
        buffer_append_text(out, "; ");
        append_switched(out, coverage);
    }
    if (coverage->impossible) {
        buffer_append_text(out, "; ");
        append_number(out, coverage->impossible);
        buffer_append_text(out, " cannot be seen (--explain)");
    }
    for (uint32_t i = 0; i < coverage->frame_count && i < FRAMES_TOLD; i++)
        buffer_append_format(out, "; %s, on thread %u, is still inside its old code",
                             coverage->frames[i].method, coverage->frames[i].thread);
}

/* ---- lines ---- */

static void append_by_il(struct buffer *out, const struct coverage *coverage)
{
    buffer_append_text(out, SEEN);
    if (coverage->by_il < coverage->precompiled)
        append_number(out, coverage->by_il);
    else
        buffer_append_text(out, "all");
    buffer_append_text(out, " of them found by their IL (NonVersionable: no image records where "
                            "such a method is inlined)\n");
}

void coverage_append_seen(struct buffer *out, const struct coverage *coverage)
{
    if (coverage->precompiled) {
        buffer_append_text(out, SEEN);
        append_switched(out, coverage);
        buffer_append_text(out, "\n");
        if (coverage->by_il)
            append_by_il(out, coverage);
    }
    if (!coverage->follows)
        return;
    buffer_append_text(out, SEEN "JIT-compiled callers, from their next call on");
    if (coverage->jit) {
        buffer_append_text(out, ": ");
        append_number(out, coverage->jit);
        buffer_append_text(out, " so far");
    }
    buffer_append_text(out, "\n");
}

static void append_frame(struct buffer *out, const struct coverage_frame *frame)
{
    buffer_append_format(out, NOT_SEEN "%s on ", frame->method);
    if (frame->thread)
        buffer_append_format(out, "thread %u", frame->thread);
    else
        buffer_append_text(out, "some thread");
    buffer_append_text(out, ": inside its old code since before the probe");
    if (frame->inlinee[0])
        buffer_append_format(out, ", which may hold a copy of %s", frame->inlinee);
    buffer_append_u8(out, '\n');
}

static void append_more(struct buffer *out, uint64_t more, const char *what)
{
    if (!more)
        return;
    buffer_append_text(out, NOT_SEEN "… and ");
    append_count(out, more, what);
    buffer_append_text(out, " more\n");
}

static void append_gaps(struct buffer *out, const struct coverage *coverage, bool impossible)
{
    for (uint32_t i = 0; i < coverage->gap_count; i++) {
        const struct coverage_gap *gap = &coverage->gaps[i];
        if (gap->impossible == impossible)
            buffer_append_format(out, "%s%s: %s\n", impossible ? NOT_SEEN : PENDING, gap->subject,
                                 gap->reason);
    }
}

void coverage_append_unseen(struct buffer *out, const struct coverage *coverage)
{
    append_gaps(out, coverage, false);
    append_gaps(out, coverage, true);
    append_more(out, coverage->more_gaps, "gap");
    for (uint32_t i = 0; i < coverage->frame_count; i++)
        append_frame(out, &coverage->frames[i]);
    append_more(out, coverage->more_frames, "frame");
    if (coverage->threads) {
        char pause[NUMBER_TEXT];
        number_duration(pause, coverage->pause_ns);
        buffer_append_text(out, "  ");
        append_looked(out, coverage);
        buffer_append_format(out, " (paused %s)%s%s\n", pause, coverage->why[0] ? ": " : "",
                             coverage->why);
    } else if (coverage->why[0]) {
        buffer_append_format(out, "  no thread looked at: %s\n", coverage->why);
    }
}

/* ---- the callers ---- */

static void append_how(struct buffer *out, uint32_t sources)
{
    static const struct {
        uint32_t source;
        const char *words;
    } ways[] = {{WIRE_COVERED_TABLE, "by its image's table"},
                {WIRE_COVERED_IL, "by its IL"},
                {WIRE_COVERED_RUNTIME, "by the runtime"},
                {WIRE_COVERED_JIT, "by the JIT"}};
    const char *between = "";
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (sources & ways[i].source) {
            buffer_append_format(out, "%s%s", between, ways[i].words);
            between = " and ";
        }
}

/* What is left of `columns` when *excess of them have to go. */
static size_t shorten(size_t columns, size_t *excess)
{
    size_t most = columns > NAME_COLUMNS ? columns - NAME_COLUMNS : 0;
    size_t gone = *excess < most ? *excess : most;
    *excess -= gone;
    return columns - gone;
}

void coverage_append_row(struct buffer *out, const struct covered *covered, bool several,
                         unsigned width)
{
    static const char copy[] = "  holds a copy of ";
    struct buffer tail;
    several = several && covered->inlinee[0];
    buffer_init(&tail, 0);
    buffer_append_text(&tail, "  ");
    append_how(&tail, covered->sources);
    buffer_append_text(&tail,
                       covered->switched ? "; running its new code\n" : "; not called since\n");
    size_t name = columns_of(covered->name), inlinee = columns_of(covered->inlinee);
    size_t whole = sizeof SEEN + name + columns_of(covered->module) + tail.length +
                   (several ? sizeof copy - 1 + inlinee : 0);
    size_t excess = width && whole > width ? whole - width : 0;
    if (excess && several)
        inlinee = shorten(inlinee, &excess);
    name = shorten(name, &excess);
    buffer_append_text(out, SEEN);
    columns_append_cut(out, covered->name, name);
    buffer_append_format(out, "  %s", covered->module);
    if (several) {
        buffer_append_text(out, copy);
        columns_append_cut(out, covered->inlinee, inlinee);
    }
    buffer_append_text(out, buffer_text(&tail));
    buffer_release(&tail);
}

/* ---- under the first line ---- */

/* Gaps that are to be told: for good, and not told before. */
struct fresh {
    bool gaps[COVERAGE_GAPS_KEPT];
};

static bool told_by_agent(const struct session *session, const struct coverage_gap *gap)
{
    for (uint32_t i = 0; i < session->may_miss_count; i++)
        if (strstr(session->may_miss[i], gap->reason))
            return true;
    return false;
}

static bool has_gap(const struct coverage *coverage, const struct coverage_gap *gap)
{
    for (uint32_t i = 0; coverage && i < coverage->gap_count; i++)
        if (strcmp(coverage->gaps[i].subject, gap->subject) == 0 &&
            strcmp(coverage->gaps[i].reason, gap->reason) == 0)
            return true;
    return false;
}

static bool same_reason(const struct coverage *coverage, uint32_t a, uint32_t b)
{
    return strcmp(coverage->gaps[a].reason, coverage->gaps[b].reason) == 0;
}

/* The subjects of one reason, named once: at the first gap that has it. */
static bool append_reason(struct buffer *out, const struct coverage *coverage,
                          const struct fresh *fresh, uint32_t first)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < first; i++)
        if (fresh->gaps[i] && same_reason(coverage, i, first))
            return false;
    buffer_append_text(out, NOT_SEEN);
    for (uint32_t i = first; i < coverage->gap_count; i++) {
        if (!fresh->gaps[i] || !same_reason(coverage, i, first))
            continue;
        if (count < SUBJECTS_TOLD)
            buffer_append_format(out, "%s%s", count ? ", " : "", coverage->gaps[i].subject);
        count++;
    }
    if (count > SUBJECTS_TOLD)
        buffer_append_format(out, " and %u more", count - SUBJECTS_TOLD);
    buffer_append_format(out, ": %s\n", coverage->gaps[first].reason);
    return true;
}

void coverage_append_short(struct buffer *out, const struct session *session,
                           const struct coverage *before)
{
    const struct coverage *coverage = &session->coverage.said;
    struct fresh fresh;
    uint32_t told = 0;
    for (uint32_t i = 0; i < coverage->gap_count; i++) {
        const struct coverage_gap *gap = &coverage->gaps[i];
        fresh.gaps[i] = gap->impossible && !has_gap(before, gap) && !told_by_agent(session, gap);
    }
    for (uint32_t i = 0; i < coverage->gap_count && told < REASONS_TOLD; i++)
        if (fresh.gaps[i])
            told += append_reason(out, coverage, &fresh, i);
}

static void append_rows(struct buffer *out, const struct session_coverage *coverage)
{
    buffer_append(out, coverage->rows.data, coverage->rows.length);
    if (coverage->rows_left_out) {
        buffer_append_text(out, SEEN "… and ");
        append_count(out, coverage->rows_left_out, "caller");
        buffer_append_text(out, " more (--json lists them)\n");
    }
}

void coverage_tell(struct session *session)
{
    struct session_coverage *coverage = &session->coverage;
    struct buffer out;
    buffer_init(&out, 0);
    if (!session->plan.explain) {
        coverage_append_short(&out, session, NULL);
    } else if (!coverage->said.known) {
        buffer_append_text(&out, "  the agent there is of an older rejig, which does not tell what "
                                 "it sees of callers\n");
    } else {
        coverage_append_seen(&out, &coverage->said);
        append_rows(&out, coverage);
        coverage_append_unseen(&out, &coverage->said);
    }
    if (out.length)
        command_write(STDERR_FILENO, &out, NULL);
    buffer_release(&out);
    buffer_release(&coverage->rows);
}
