#include "session_lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "session_coverage.h"
#include "session_log.h"
#include "session_plan.h"
#include "session_weave.h"

#define STATE_EVERY UINT64_C(200000000)  /* ns: at most five a second */
#define LIMIT_GRACE UINT64_C(2000000000) /* the CLI ends it by itself before */
#define TEND_EVERY  UINT64_C(1000000000)
/* A program that is starting has other uses for its time than memory for records to come; and
 * one that only counts writes none. */
#define GROW_AFTER  UINT64_C(200000000) /* ns */
#define COUNT_BYTES UINT64_C(524288)

/* ---- begin ---- */

static struct session *session_new(struct session_engine *engine,
                                   struct session_connection *connection)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->engine = engine;
    session->connection = connection;
    session->began = clock_monotonic();
    session->id = ++engine->sessions_ever;
    session->types_seen = session_types_fresh(engine->types);
    arena_init(&session->arena, SESSION_ARENA_MAX);
    map_init(&session->unread_told);
    return session;
}

static void session_unlink(struct session *session)
{
    struct session **at = &session->engine->sessions;
    while (*at != NULL && *at != session)
        at = &(*at)->next;
    if (*at != NULL)
        *at = session->next;
}

/* The rest of a session that nobody probes for any more. */
static void session_dispose(struct session *session)
{
    session_unlink(session);
    if (session->connection != NULL)
        session->connection->session = NULL;
    const bool out = session->recorder == NULL || recorder_session_end(session->recorder);
    for (uint32_t i = 0; i < session->site_count; i++)
        free((char *)(uintptr_t)session->sites[i]->reason);
    free(session->sites);
    free(session->binder);
    map_release(&session->unread_told);
    if (out)
        arena_release(&session->arena);
    else
        session_log("session %llu: a thread stands still inside a probe; %zu bytes stay for it",
                    (unsigned long long)session->id, session->arena.total);
    free(session);
}

static bool writes_records(const struct plan *plan)
{
    bool writes = false;
    for (uint32_t i = 0; i < plan->probe_count; i++)
        writes |= plan->probes[i].action != PLAN_COUNT;
    return writes;
}

static enum status make_recorder(struct session *session, int *fd, struct error *error)
{
    const struct plan *plan = &session->plan;
    const struct capture_limits limits = {
        .depth = plan->depth,
        .max_items = plan->max_items,
        .max_string = plan->max_string,
        .max_bytes = plan->max_bytes,
    };
    const uint64_t bytes = writes_records(plan) ? plan->ring_bytes : COUNT_BYTES;
    return recorder_session_new(bytes, plan->max_methods, &limits, &session->recorder, fd, error);
}

static void put_session(struct session *session, int fd)
{
    struct session_connection *connection = session->connection;
    struct buffer *out = &connection->out;
    session_connection_pass(connection, fd);
    size_t mark = wire_frame_begin(out, WIRE_MSG_SESSION);
    tlv_put_u64(out, WIRE_SESSION_ID, session->id);
    tlv_put_u32(out, WIRE_SESSION_METHODS, session->site_count);
    tlv_put_u32(out, WIRE_SESSION_REFUSED, session->refused);
    tlv_put_u32(out, WIRE_SESSION_MODULES_PENDING, session_plan_pending(session));
    tlv_put_u32(out, WIRE_SESSION_MODULES, session->modules_seen);
    session_plan_may_miss(session, out);
    wire_frame_end(out, mark);
    session->announced = true;
}

static enum status start_session(struct session *session, struct reader payload,
                                 struct error *error)
{
    struct session_engine *engine = session->engine;
    struct buffer messages;
    int fd = -1;
    enum status status = wire_plan_get(payload, &session->arena, &session->plan, error);
    if (status != STATUS_OK)
        return status;
    buffer_init(&messages, SESSION_MESSAGES_MAX);
    session_types_prepare(engine->types);
    status = session_plan_resolve(session, &messages, error);
    if (status == STATUS_OK && buffer_failed(&messages))
        status = error_set(error, STATUS_LIMIT, "too many methods to tell of (--max-methods)");
    if (status == STATUS_LIMIT && error != NULL)
        status = error->status = STATUS_USAGE; /* the command asks for too much */
    if (status == STATUS_OK)
        status = make_recorder(session, &fd, error);
    if (status == STATUS_OK)
        status = session_plan_claim(session, 0, error);
    if (status == STATUS_OK) {
        session_coverage_put(session, &messages, false);
        session_connection_queue(session->connection, &messages);
        put_session(session, fd);
        session->growing = true;
    } else if (fd >= 0) {
        close(fd);
    }
    buffer_release(&messages);
    return status;
}

enum status session_lease_begin(struct session_engine *engine,
                                struct session_connection *connection, struct reader payload,
                                struct error *error)
{
    struct session *session = session_new(engine, connection);
    if (session == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    enum status status = start_session(session, payload, error);
    if (status != STATUS_OK) {
        session_log("a plan of pid %u failed: %s", connection->pid,
                    error == NULL ? "" : error->message);
        session->connection = NULL;
        session_lease_end(session, "the plan failed");
        return status;
    }
    session->next = engine->sessions;
    engine->sessions = session;
    connection->session = session;
    session_log("session %llu of pid %u: %u methods, %u refused: %.80s",
                (unsigned long long)session->id, connection->pid, session->site_count,
                session->refused, session->plan.command == NULL ? "" : session->plan.command);
    return STATUS_OK;
}

/* ---- end ---- */

/* Takes claims back where no other session probes the method; where one does, the method is
 * requested again, because its probes have changed. */
static size_t release_keys(struct session_engine *engine, const struct method_key *keys,
                           size_t count, size_t *failed)
{
    struct method_key *gone = calloc(count + 1, sizeof *gone);
    struct method_key *shared = calloc(count + 1, sizeof *shared);
    size_t gone_count = 0, shared_count = 0, reverted = 0;
    struct error error;
    error_init(&error);
    *failed = 0;
    for (size_t i = 0; gone != NULL && shared != NULL && i < count; i++) {
        if (session_weave_count(engine, keys[i]) > 0)
            shared[shared_count++] = keys[i];
        else
            gone[gone_count++] = keys[i];
    }
    if (gone == NULL || shared == NULL ||
        (gone_count > 0 && recompile_release(engine->recompile, &engine->tenant, gone, gone_count,
                                             &reverted, &error) != STATUS_OK)) {
        *failed = gone_count > reverted ? gone_count - reverted : 0;
        engine->residue += (uint32_t)*failed;
        session_log("%zu methods could not be reverted: %s", *failed, error.message);
    }
    if (shared_count > 0)
        recompile_claim(engine->recompile, &engine->tenant, shared, shared_count, NULL);
    free(gone);
    free(shared);
    return reverted;
}

static int compare_keys(const void *a, const void *b)
{
    const struct method_key *x = a, *y = b;
    if (x->module != y->module)
        return x->module < y->module ? -1 : 1;
    return x->method < y->method ? -1 : x->method > y->method;
}

static size_t unique_keys(struct method_key *keys, size_t count)
{
    size_t kept = 0;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_keys(&keys[kept - 1], &keys[i]) != 0)
            keys[kept++] = keys[i];
    return kept;
}

static size_t revert_session(struct session *session, size_t *failed)
{
    size_t count = 0, reverted = 0;
    struct method_key *keys =
        calloc((size_t)session->site_count * SESSION_SITE_KEYS + 1, sizeof *keys);
    *failed = 0;
    session_weave_remove(session);
    for (uint32_t i = 0; keys != NULL && i < session->site_count; i++)
        for (uint32_t j = 0; j < session->sites[i]->key_count; j++)
            keys[count++] = session->sites[i]->keys[j];
    if (keys != NULL && count > 0)
        reverted = release_keys(session->engine, keys, unique_keys(keys, count), failed);
    free(keys);
    return reverted;
}

static void put_ended(struct session_connection *connection, size_t reverted, size_t failed,
                      const char *reason)
{
    struct buffer *out = &connection->out;
    size_t mark = wire_frame_begin(out, WIRE_MSG_ENDED);
    tlv_put_u64(out, WIRE_ENDED_REVERTED, reverted);
    tlv_put_u64(out, WIRE_ENDED_FAILED, failed);
    tlv_put_text(out, WIRE_ENDED_REASON, reason);
    wire_frame_end(out, mark);
}

void session_lease_end(struct session *session, const char *reason)
{
    struct session_engine *engine = session->engine;
    struct session_connection *connection = session->connection;
    if (reason == NULL && connection != NULL && !connection->gone)
        session_coverage_queue(session, true);
    size_t failed, reverted = revert_session(session, &failed);
    uint64_t id = session->id;
    bool announced = session->announced;
    session_dispose(session);
    engine->last_end = clock_monotonic();
    if (announced)
        session_log("session %llu ended (%s): %zu methods reverted", (unsigned long long)id,
                    reason == NULL ? "asked for" : reason, reverted);
    if (connection != NULL && !connection->gone)
        put_ended(connection, reverted, failed, reason);
}

void session_lease_limits(struct session_engine *engine, uint64_t now)
{
    for (struct session *session = engine->sessions, *next; session != NULL; session = next) {
        const uint64_t limit = session->plan.time_limit, age = now - session->began;
        next = session->next;
        if (limit != 0 && now > session->began && age > limit && age - limit > LIMIT_GRACE)
            session_lease_end(session, "its time limit is over");
    }
}

/* ---- state ---- */

static void state_now(struct session *session, uint32_t state[4])
{
    memset(state, 0, 4 * sizeof *state);
    pthread_mutex_lock(&session->engine->mutex);
    for (uint32_t i = 0; i < session->site_count; i++) {
        const struct session_site *site = session->sites[i];
        state[0] += !site->withdrawn;
        state[1] += site->compiled && !site->withdrawn;
        state[3] += site->withdrawn;
    }
    pthread_mutex_unlock(&session->engine->mutex);
    struct recompile_totals totals;
    memset(&totals, 0, sizeof totals);
    recompile_totals(session->engine->recompile, &totals);
    state[2] = totals.inliners;
}

static void put_state(struct session *session, const uint32_t state[4])
{
    struct buffer *out = &session->connection->out;
    size_t mark = wire_frame_begin(out, WIRE_MSG_STATE);
    tlv_put_u32(out, WIRE_STATE_METHODS, state[0]);
    tlv_put_u32(out, WIRE_STATE_COMPILED, state[1]);
    tlv_put_u32(out, WIRE_STATE_INLINERS, state[2]);
    tlv_put_u32(out, WIRE_STATE_PENDING, session_plan_pending(session));
    tlv_put_u32(out, WIRE_STATE_FAILED, state[3]);
    wire_frame_end(out, mark);
    memcpy(session->state_last, state, sizeof session->state_last);
}

void session_lease_state(struct session *session)
{
    uint32_t state[4];
    state_now(session, state);
    put_state(session, state);
}

bool session_lease_grows(const struct session *session, uint64_t now)
{
    return session->growing && (!session->engine->started || now >= session->began + GROW_AFTER ||
                                recorder_session_scarce(session->recorder));
}

bool session_lease_tick(struct session *session, uint64_t now)
{
    if (session_lease_grows(session, now))
        session->growing = recorder_session_grow(session->recorder);
    /* What nobody has asked for yet is only told to a reader who keeps up: thousands of types are
     * met at once where everything is probed. The CLI asks for those that it lacks. */
    if (session_connection_queued(session->connection) <= SESSION_OUT_PAUSE)
        session_types_put_fresh(session->engine->types, &session->types_seen,
                                &session->connection->out);
    if (now >= session->tend_time + TEND_EVERY) {
        session->tend_time = now;
        recorder_session_tend(session->recorder);
    }
    if (now >= session->state_time + STATE_EVERY) {
        uint32_t state[4];
        session->state_time = now;
        state_now(session, state);
        if (memcmp(state, session->state_last, sizeof state) != 0)
            put_state(session, state);
    }
    return session->growing;
}

/* ---- withdrawn sites ---- */

static void tell_withdrawn(struct session *session, struct session_site *site)
{
    struct buffer *out = &session->connection->out;
    size_t mark = wire_frame_begin(out, WIRE_MSG_REFUSED);
    tlv_put_text(out, WIRE_REFUSED_NAME, site->name);
    tlv_put_text(out, WIRE_REFUSED_REASON, site->reason == NULL ? "out of memory" : site->reason);
    tlv_put_u32(out, WIRE_REFUSED_LATER, 1);
    tlv_put_u32(out, WIRE_REFUSED_SITE, site->number);
    wire_frame_end(out, mark);
    session_log("the probe on %s is withdrawn: %s", site->name == NULL ? "?" : site->name,
                site->reason == NULL ? "out of memory" : site->reason);
    if (site->handle != 0)
        recorder_site_retire(session->recorder, site->handle);
}

void session_lease_failures(struct session_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    bool any = engine->failures;
    engine->failures = false;
    pthread_mutex_unlock(&engine->mutex);
    for (struct session *session = engine->sessions; any && session != NULL;
         session = session->next)
        for (uint32_t i = 0; i < session->site_count; i++) {
            struct session_site *site = session->sites[i];
            pthread_mutex_lock(&engine->mutex);
            bool tell = site->withdrawn && !site->told;
            site->told |= tell;
            pthread_mutex_unlock(&engine->mutex);
            if (tell)
                tell_withdrawn(session, site);
        }
}
