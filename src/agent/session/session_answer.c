#include "session_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base_clock.h"
#include "recompile_cached.h"
#include "session_coverage.h"
#include "session_lease.h"
#include "session_log.h"
#include "session_plan.h"
#include "session_weave.h"
#include "wire_record.h"

#define LIST_MAX_TEXTS 4096u
#define LIST_DEFAULT   100000u
#define LIST_MESSAGES  ((size_t)32 << 20)
#define RATE_SHIFT     20

void session_answer_error(struct session_connection *connection, const struct error *error)
{
    wire_put_error(&connection->out, error);
    session_connection_finish(connection);
}

/* ---- HELLO ---- */

bool session_answer_nonce(struct reader payload, uint64_t nonce[2])
{
    struct tlv field;
    bool found = false;
    while (tlv_next(&payload, &field)) {
        if (field.tag != WIRE_HELLO_NONCE || reader_left(&field.value) != 16)
            continue;
        nonce[0] = reader_u64(&field.value);
        nonce[1] = reader_u64(&field.value);
        found = true;
    }
    return found;
}

static void put_hello(struct session_engine *engine, struct session_connection *connection)
{
    struct buffer *out = &connection->out;
    enum wire_clock clock = recorder_clock();
    uint64_t ticks = clock == WIRE_CLOCK_TSC ? clock_tsc() : clock_monotonic();
    uint64_t realtime = clock_realtime();
    double rate = session_engine_rate(engine) * (double)(1u << RATE_SHIFT);
    size_t mark = wire_frame_begin(out, WIRE_MSG_HELLO);
    tlv_put_u32(out, WIRE_HELLO_MAJOR, WIRE_MAJOR);
    tlv_put_u32(out, WIRE_HELLO_MINOR, WIRE_MINOR);
    tlv_put_text(out, WIRE_HELLO_VERSION, REJIG_VERSION);
    tlv_put_text(out, WIRE_HELLO_RUNTIME, engine->version);
    tlv_put_u32(out, WIRE_HELLO_CLOCK, clock);
    tlv_put_u64(out, WIRE_HELLO_TICKS, ticks);
    tlv_put_u64(out, WIRE_HELLO_REALTIME, realtime);
    tlv_put_u64(out, WIRE_HELLO_RATE, (uint64_t)(rate + 0.5));
    tlv_put_u32(out, WIRE_HELLO_FIRST, engine->sessions_ever == 0);
    tlv_put_u32(out, WIRE_HELLO_STARTED, engine->started);
    wire_frame_end(out, mark);
}

static void answer_hello(struct session_engine *engine, struct session_connection *connection,
                         struct reader payload)
{
    uint32_t major = 0;
    char version[64] = "?";
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_HELLO_MAJOR)
            major = tlv_u32(&field);
        else if (field.tag == WIRE_HELLO_VERSION)
            tlv_copy_text(&field, version, sizeof version);
    }
    if (major != WIRE_MAJOR || reader_failed(&payload)) {
        struct error error;
        error_init(&error);
        error_set(&error, STATUS_TARGET,
                  "the agent in the process is of rejig %s and speaks protocol %u, not %u",
                  REJIG_VERSION, WIRE_MAJOR, major);
        error_hint(&error, "use rejig %s on this process, or restart the process", REJIG_VERSION);
        session_answer_error(connection, &error);
        return;
    }
    connection->greeted = true;
    put_hello(engine, connection);
}

/* ---- LIST ---- */

struct list_request {
    const char **patterns, **skip;
    size_t pattern_count, skip_count;
    uint32_t limit;
};

static bool list_add(const char **texts, size_t *count, const struct tlv *field)
{
    if (*count == LIST_MAX_TEXTS)
        return true;
    texts[*count] = tlv_dup_text(field);
    return texts[*count] != NULL && ++*count > 0;
}

static bool list_parse(struct reader payload, struct list_request *request)
{
    struct tlv field;
    request->limit = LIST_DEFAULT;
    request->patterns = calloc(LIST_MAX_TEXTS, sizeof *request->patterns);
    request->skip = calloc(LIST_MAX_TEXTS, sizeof *request->skip);
    bool fine = request->patterns != NULL && request->skip != NULL;
    while (fine && tlv_next(&payload, &field)) {
        if (field.tag == WIRE_LIST_PATTERN)
            fine = list_add(request->patterns, &request->pattern_count, &field);
        else if (field.tag == WIRE_LIST_SKIP_FILE)
            fine = list_add(request->skip, &request->skip_count, &field);
        else if (field.tag == WIRE_LIST_LIMIT)
            request->limit = tlv_u32(&field);
    }
    return fine;
}

static void list_release(struct list_request *request)
{
    for (size_t i = 0; i < request->pattern_count; i++)
        free((char *)(uintptr_t)request->patterns[i]);
    for (size_t i = 0; i < request->skip_count; i++)
        free((char *)(uintptr_t)request->skip[i]);
    free(request->patterns);
    free(request->skip);
}

static void put_done(struct session_connection *connection)
{
    size_t mark = wire_frame_begin(&connection->out, WIRE_MSG_DONE);
    wire_frame_end(&connection->out, mark);
}

static void answer_list(struct session_engine *engine, struct session_connection *connection,
                        struct reader payload)
{
    struct list_request request = {0};
    struct buffer messages;
    struct error error;
    error_init(&error);
    buffer_init(&messages, LIST_MESSAGES);
    enum status status = STATUS_MEMORY;
    if (list_parse(payload, &request))
        status = session_plan_list(engine, request.patterns, request.pattern_count, request.skip,
                                   request.skip_count, request.limit, &messages, &error);
    else
        error_set(&error, STATUS_MEMORY, "out of memory");
    if (status == STATUS_OK && buffer_failed(&messages))
        status = error_set(&error, STATUS_LIMIT, "the list is too long: narrow the pattern");
    if (status == STATUS_OK) {
        connection->out.limit = SESSION_OUT_MAX + messages.length;
        if (messages.length > 0)
            buffer_append(&connection->out, messages.data, messages.length);
        put_done(connection);
    } else {
        session_answer_error(connection, &error);
    }
    buffer_release(&messages);
    list_release(&request);
}

/* ---- STATUS, RESET, WANT_TYPE ---- */

static void put_start(const struct session_engine *engine, struct buffer *out)
{
    struct recompile_cached_figures figures;
    recompile_cached_figures(engine->recompile, &figures);
    if (!figures.begun)
        return;
    size_t nested = tlv_begin(out, WIRE_STATUS_START);
    tlv_put_u64(out, WIRE_START_FUNCTIONS, figures.searched);
    tlv_put_u64(out, WIRE_START_COMPILED, figures.compiled);
    tlv_put_u64(out, WIRE_START_DUPLICATES, figures.duplicates);
    tlv_put_u64(out, WIRE_START_OVERFLOWED, figures.overflowed);
    tlv_put_u64(out, WIRE_START_MODULES, figures.waits);
    tlv_put_u64(out, WIRE_START_LONGEST, figures.longest_ns);
    tlv_put_u64(out, WIRE_START_LATE, figures.late);
    tlv_end(out, nested);
}

static void put_figures(struct session *session, struct buffer *out)
{
    struct session_weave_figures figures;
    session_weave_figures(session, &figures);
    tlv_put_u32(out, WIRE_STATUS_SESSION_METHODS, session->site_count);
    tlv_put_u32(out, WIRE_STATUS_SESSION_BODIES, figures.bodies);
    tlv_put_u32(out, WIRE_STATUS_SESSION_WOVEN, figures.woven);
    tlv_put_u32(out, WIRE_STATUS_SESSION_COMPILED, figures.compiled);
    tlv_put_u32(out, WIRE_STATUS_SESSION_WITHDRAWN, figures.withdrawn);
}

static void answer_status(struct session_engine *engine, struct session_connection *connection)
{
    struct buffer *out = &connection->out;
    struct recompile_totals totals;
    uint64_t now = clock_monotonic();
    memset(&totals, 0, sizeof totals);
    recompile_totals(engine->recompile, &totals);
    size_t mark = wire_frame_begin(out, WIRE_MSG_STATUS);
    tlv_put_text(out, WIRE_STATUS_VERSION, REJIG_VERSION);
    if (engine->last_end != 0)
        tlv_put_u64(out, WIRE_STATUS_IDLE, engine->sessions == NULL ? now - engine->last_end : 0);
    for (struct session *s = engine->sessions; s != NULL; s = s->next) {
        size_t nested = tlv_begin(out, WIRE_STATUS_SESSION);
        tlv_put_u64(out, WIRE_STATUS_SESSION_ID, s->id);
        tlv_put_u32(out, WIRE_STATUS_SESSION_UID, s->connection->uid);
        tlv_put_u32(out, WIRE_STATUS_SESSION_PID, s->connection->pid);
        tlv_put_u64(out, WIRE_STATUS_SESSION_AGE, now - s->began);
        put_figures(s, out);
        tlv_put_text(out, WIRE_STATUS_SESSION_COMMAND, s->plan.command);
        session_coverage_put_status(s, out);
        tlv_end(out, nested);
    }
    tlv_put_u64(out, WIRE_STATUS_MEMORY, session_engine_memory(engine));
    tlv_put_u64(out, WIRE_STATUS_SESSIONS_EVER, engine->sessions_ever);
    tlv_put_u32(out, WIRE_STATUS_RESIDUE, totals.reverting + engine->residue);
    tlv_put_u32(out, WIRE_STATUS_RECOMPILED, totals.methods);
    put_start(engine, out);
    wire_frame_end(out, mark);
}

/* Every peer is the process's own user or root (session_socket), so each may end all. */
static void answer_reset(struct session_engine *engine, struct session_connection *connection,
                         struct reader payload)
{
    struct tlv field;
    bool all = false;
    while (tlv_next(&payload, &field))
        if (field.tag == WIRE_RESET_ALL_USERS)
            all = tlv_u32(&field) != 0;
    for (struct session *s = engine->sessions, *next; s != NULL; s = next) {
        next = s->next;
        if (!all && s->connection->uid != connection->uid)
            continue;
        struct session_connection *peer = s->connection;
        session_lease_end(s, "ended by 'rejig reset'");
        session_connection_finish(peer);
    }
    put_done(connection);
}

static void answer_types(struct session_engine *engine, struct session_connection *connection,
                         struct reader payload)
{
    struct tlv field;
    /* What probes have met in the last milliseconds is known first. */
    session_types_work(engine->types, 256);
    while (tlv_next(&payload, &field)) {
        if (field.tag != WIRE_WANT_ID)
            continue;
        if (session_connection_queued(connection) > SESSION_OUT_MAX / 2)
            break; /* asks for more than it reads */
        session_types_put(engine->types, tlv_u64(&field), &connection->out);
    }
}

/* ---- PLAN, END ---- */

static void answer_plan(struct session_engine *engine, struct session_connection *connection,
                        struct reader payload)
{
    struct error error;
    error_init(&error);
    if (engine->list_only)
        error_set(&error, STATUS_TARGET, "the agent was attached to list methods only");
    else if (connection->session != NULL)
        error_set(&error, STATUS_PEER, "this connection has a session already");
    else if (session_lease_begin(engine, connection, payload, &error) == STATUS_OK)
        return;
    session_answer_error(connection, &error);
}

static void answer_end(struct session_connection *connection)
{
    struct error error;
    if (connection->session != NULL) {
        session_lease_end(connection->session, NULL);
        return;
    }
    error_init(&error);
    error_set(&error, STATUS_PEER, "this connection has no session");
    session_answer_error(connection, &error);
}

void session_answer(struct session_engine *engine, struct session_connection *connection,
                    uint16_t type, struct reader payload)
{
    struct error error;
    error_init(&error);
    if (type == WIRE_MSG_HELLO && !connection->greeted) {
        answer_hello(engine, connection, payload);
        return;
    }
    if (!connection->greeted) {
        error_set(&error, STATUS_PEER, "the first message is no HELLO");
        session_answer_error(connection, &error);
        return;
    }
    switch (type) {
    case WIRE_MSG_PLAN:
        answer_plan(engine, connection, payload);
        break;
    case WIRE_MSG_END:
        answer_end(connection);
        break;
    case WIRE_MSG_WANT_TYPE:
        answer_types(engine, connection, payload);
        break;
    case WIRE_MSG_LIST:
        answer_list(engine, connection, payload);
        break;
    case WIRE_MSG_STATUS:
        answer_status(engine, connection);
        break;
    case WIRE_MSG_LOG:
        session_log_put(&connection->out);
        break;
    case WIRE_MSG_RESET:
        answer_reset(engine, connection, payload);
        break;
    case WIRE_MSG_ASK_COVERAGE:
        if (connection->session != NULL)
            session_coverage_queue(connection->session, false);
        break;
    case WIRE_MSG_ASK_STATE:
        if (connection->session != NULL)
            session_lease_state(connection->session);
        break;
    default:
        error_set(&error, STATUS_PEER, "message of type %u is not known here", type);
        session_answer_error(connection, &error);
        break;
    }
}
