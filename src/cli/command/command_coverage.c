/* What the agent says of a session's coverage, and asking for it. */
#include "command_coverage.h"

#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "command_session.h"

#define NS_PER_S   1000000000ull
#define ROWS_BYTES ((size_t)16 << 20)

void session_coverage_init(struct session_coverage *coverage)
{
    memset(coverage, 0, sizeof *coverage);
    coverage_init(&coverage->said);
    buffer_init(&coverage->rows, ROWS_BYTES);
    buffer_init(&coverage->last_row, 0);
}

void session_coverage_release(struct session_coverage *coverage)
{
    coverage_release(&coverage->said);
    buffer_release(&coverage->rows);
    buffer_release(&coverage->last_row);
}

/* More callers, or more that is not seen: worth a line. What is pending comes and goes. */
static void tell_change(const struct session *session, const struct coverage *before)
{
    const struct coverage *now = &session->coverage.said;
    struct buffer out;
    if (now->precompiled <= before->precompiled && now->impossible <= before->impossible)
        return;
    buffer_init(&out, 0);
    coverage_append_parts(&out, now);
    command_say("(by now: %s)", buffer_text(&out));
    buffer_clear(&out);
    coverage_append_short(&out, session, before);
    command_write(STDERR_FILENO, &out, NULL);
    buffer_release(&out);
}

void session_coverage_take(struct session *session, struct reader payload)
{
    struct session_coverage *coverage = &session->coverage;
    struct coverage before = coverage->said;
    coverage_init(&coverage->said);
    coverage_take(&coverage->said, payload);
    if (session->json)
        json_coverage(&session->printer, &coverage->said);
    buffer_clear(&coverage->last_row);
    if (session->rings && !coverage->said.final) { /* else the first line tells it, or the last */
        coverage->asked = false;
        tell_change(session, &before);
    }
    coverage_release(&before);
}

static bool is_last_row(struct session_coverage *coverage, const struct buffer *row)
{
    if (row->length == coverage->last_row.length &&
        memcmp(row->data, coverage->last_row.data, row->length) == 0)
        return true;
    buffer_clear(&coverage->last_row);
    buffer_append(&coverage->last_row, row->data, row->length);
    return false;
}

static void take_row(struct session *session, const struct covered *covered)
{
    struct session_coverage *coverage = &session->coverage;
    struct buffer row;
    unsigned width, height;
    command_terminal_size(STDERR_FILENO, &width, &height);
    buffer_init(&row, 0);
    coverage_append_row(&row, covered, session->printer.methods.count > 1, width);
    if (!is_last_row(coverage, &row)) {
        if (session->json && !sink_full(&session->sink))
            json_covered(&session->printer, covered, session->rings != NULL);
        if (!session->rings && coverage->rows.length + row.length <= ROWS_BYTES)
            buffer_append(&coverage->rows, row.data, row.length);
        else if (!session->rings)
            coverage->rows_left_out++;
    }
    buffer_release(&row);
}

void session_coverage_take_row(struct session *session, struct reader payload)
{
    struct covered covered;
    struct arena arena;
    if (session->coverage.asked)
        return; /* the numbers alone are wanted in between */
    arena_init(&arena, 0);
    covered_take(&arena, payload, &covered);
    take_row(session, &covered);
    arena_release(&arena);
}

void session_coverage_ask(struct session *session, uint64_t now, bool anyway)
{
    struct session_coverage *coverage = &session->coverage;
    const bool may = coverage->said.known && session->connected && !coverage->asked;
    if (!may || !(coverage->wanted || anyway) ||
        (coverage->asked_at && now - coverage->asked_at < NS_PER_S) ||
        (session->printer.methods.count == 0 && !anyway))
        return;
    coverage->wanted = false;
    coverage->asked_at = now;
    coverage->asked = target_link_send_empty(&session->link, WIRE_MSG_ASK_COVERAGE, now + NS_PER_S,
                                             NULL) == STATUS_OK;
}
