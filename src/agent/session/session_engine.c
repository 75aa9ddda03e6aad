#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base_clock.h"
#include "recompile_cached.h"
#include "session_answer.h"
#include "session_breath.h"
#include "session_lease.h"
#include "session_log.h"
#include "session_plan.h"
#include "session_runtime.h"
#include "session_unread.h"
#include "session_weave.h"

#define REVERT_MS       1000 /* asleep, with a revert that the runtime has refused */
#define TICK_MS         5    /* while sessions exist: probes may have asked for types */
#define PARENT_TICK_MS  50   /* while waiting: is the CLI that started us still there? */
#define GREETING_TIME   UINT64_C(10000000000) /* ns until a connection has said HELLO */
#define FINISH_TIME     UINT64_C(5000000000)  /* ns for the last words of a connection */
#define TYPES_PER_TICK  64
#define FRAMES_PER_TURN 64 /* of one connection, so that none holds up the others */

/* ---- made and gone ---- */

static void tenant_failed(void *context, struct method_key key, const char *reason)
{
    session_weave_failed(context, key, reason);
}

static void tenant_compiled(void *context, struct method_key key)
{
    session_weave_compiled(context, key);
}

static void tenant_module_loaded(void *context, const struct module *module)
{
    struct session_engine *engine = context;
    session_scope_forget(engine->scope);
    for (struct session *s = engine->sessions; s != NULL; s = s->next)
        session_plan_module(s, module);
}

static void tenant_module_late(void *context, const struct module *module)
{
    struct session_engine *engine = context;
    session_log("%s ran before its probes were in place", module->name);
    for (struct session *s = engine->sessions; s != NULL; s = s->next)
        session_plan_late(s, module);
}

static void tenant_module_unloading(void *context, const struct module *module)
{
    struct session_engine *engine = context;
    session_scope_forget(engine->scope);
    session_types_unload(engine->types, module->id);
    if (module->collectible)
        instance_forget_collectible();
}

static void tenant_breathe(void *context)
{
    session_breath(context);
}

static enum status engine_parts(struct session_engine *engine, const char *directory,
                                struct error *error)
{
    enum status status = recorder_init(error);
    if (status == STATUS_OK)
        status = layout_init(error);
    if (status != STATUS_OK)
        return status;
    engine->scope = session_scope_new(engine->modules);
    engine->types = engine->scope == NULL
                        ? NULL
                        : session_types_new(engine->modules, engine->scope, engine->info);
    engine->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->types == NULL || engine->stop_fd < 0)
        return error_set(error, STATUS_MEMORY, "out of memory or descriptors");
    status = session_socket_open(&engine->socket, directory, error);
    /* Last: a tenant stays known for as long as recompile lives. */
    return status == STATUS_OK ? recompile_add_tenant(engine->recompile, &engine->tenant, error)
                               : status;
}

enum status session_engine_new(struct recompile *recompile, struct ICorProfilerInfo15 *info,
                               const char *directory, bool started, struct session_engine **out,
                               struct error *error)
{
    *out = NULL;
    struct session_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    engine->recompile = recompile;
    engine->modules = recompile_modules(recompile);
    engine->info = info;
    engine->started = started;
    engine->stop_fd = engine->socket.fd = -1;
    engine->first_monotonic = clock_monotonic();
    engine->first_ticks = clock_tsc();
    engine->tenant = (struct tenant){
        .name = "probes",
        .context = engine,
        .weave = session_weave_method,
        .compiled = tenant_compiled,
        .failed = tenant_failed,
        .module_loaded = tenant_module_loaded,
        .module_unloading = tenant_module_unloading,
        .breathe = tenant_breathe,
        .module_late = tenant_module_late,
    };
    pthread_mutex_init(&engine->mutex, NULL);
    map_init(&engine->woven);
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        engine->connections[i].fd = engine->connections[i].passed_fd = -1;
    runtime_version(info, engine->version, sizeof engine->version);
    enum status status = engine_parts(engine, directory, error);
    if (status != STATUS_OK) {
        session_engine_free(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

void session_engine_list_only(struct session_engine *engine)
{
    engine->list_only = true;
}

void session_engine_stop(struct session_engine *engine)
{
    uint64_t one = 1;
    int kept = errno;
    atomic_store(&engine->stopped, true);
    ssize_t written = write(engine->stop_fd, &one, sizeof one);
    (void)written;
    errno = kept;
}

void session_engine_free(struct session_engine *engine)
{
    if (engine == NULL)
        return;
    while (engine->sessions != NULL)
        session_lease_end(engine->sessions, "the agent ends");
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        session_connection_close(&engine->connections[i]);
    session_socket_close(&engine->socket);
    if (engine->stop_fd >= 0)
        close(engine->stop_fd);
    session_types_free(engine->types);
    session_scope_free(engine->scope);
    map_release(&engine->woven);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

/* ---- figures ---- */

double session_engine_rate(const struct session_engine *engine)
{
    if (recorder_clock() != WIRE_CLOCK_TSC)
        return 1.0;
    uint64_t ticks = clock_tsc() - engine->first_ticks;
    uint64_t time = clock_monotonic() - engine->first_monotonic;
    return time == 0 || ticks == 0 ? 1.0 : (double)ticks / (double)time;
}

size_t session_engine_memory(const struct session_engine *engine)
{
    size_t bytes = sizeof *engine + recorder_memory() + session_types_memory(engine->types);
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0)
            bytes += session_connection_memory(&engine->connections[i]);
    for (const struct session *s = engine->sessions; s != NULL; s = s->next)
        bytes += sizeof *s + s->arena.total + s->site_room * sizeof *s->sites;
    struct recompile_cached_figures cached;
    recompile_cached_figures(engine->recompile, &cached);
    return bytes + cached.bytes + session_log_count() * SESSION_LOG_BYTES;
}

/* ---- connections ---- */

static void refuse_connection(int fd, uint32_t uid, uint32_t pid)
{
    struct session_connection connection;
    struct error error;
    session_connection_open(&connection, fd, uid, pid);
    error_init(&error);
    error_set(&error, STATUS_LIMIT, "the agent has %d connections already",
              SESSION_MAX_CONNECTIONS);
    session_answer_error(&connection, &error);
    session_connection_send(&connection);
    session_connection_close(&connection);
}

void session_engine_accept(struct session_engine *engine)
{
    uint32_t uid = 0, pid = 0, refused = UINT32_MAX;
    for (int turn = 0; turn < SESSION_MAX_CONNECTIONS; turn++) {
        int fd = session_socket_accept(&engine->socket, &uid, &pid, &refused);
        uint64_t now = clock_monotonic();
        if (fd < 0 && refused == UINT32_MAX)
            return;
        if (fd < 0) {
            /* Not a line each: a stranger could flush the log so. */
            if (now - engine->last_refusal_log > GREETING_TIME || engine->last_refusal_log == 0)
                session_log("a connection of user %u was refused", refused);
            engine->last_refusal_log = now;
            continue;
        }
        int free_place = -1;
        for (int i = 0; i < SESSION_MAX_CONNECTIONS && free_place < 0; i++)
            if (engine->connections[i].fd < 0)
                free_place = i;
        if (free_place < 0) {
            refuse_connection(fd, uid, pid);
            continue;
        }
        session_connection_open(&engine->connections[free_place], fd, uid, pid);
        engine->had_connection = true;
    }
}

static void drop_connection(struct session_engine *engine, struct session_connection *connection)
{
    (void)engine;
    if (connection->session != NULL)
        session_lease_end(connection->session,
                          connection->why == NULL ? "its connection ended" : connection->why);
    session_connection_close(connection);
}

/* All whole frames that are here, as far as the answers are read. */
static void work_off_frames(struct session_engine *engine, struct session_connection *connection)
{
    for (int i = 0; i < FRAMES_PER_TURN && !connection->closing && !connection->gone; i++) {
        uint16_t type;
        struct reader payload;
        size_t whole;
        struct error error;
        error_init(&error);
        if (session_connection_queued(connection) > SESSION_OUT_PAUSE)
            return;
        enum status status = session_connection_frame(connection, &type, &payload, &whole, &error);
        if (status == STATUS_NOT_FOUND)
            return;
        if (status != STATUS_OK) {
            session_answer_error(connection, &error);
            return;
        }
        engine->serving = connection;
        session_answer(engine, connection, type, payload);
        engine->serving = NULL;
        /* A finished connection has forgotten its input. */
        if (!connection->closing)
            session_connection_done(connection, whole);
        session_connection_send(connection);
    }
}

/* A whole frame waits although nothing new may come in: work_off_frames stopped early. */
static bool frame_waits(const struct session_connection *connection)
{
    uint16_t type;
    struct reader payload;
    size_t whole;
    struct session_connection copy = *connection;
    return !connection->closing && !connection->gone &&
           session_connection_queued(connection) <= SESSION_OUT_PAUSE &&
           session_connection_frame(&copy, &type, &payload, &whole, NULL) == STATUS_OK;
}

static bool is_overdue(const struct session_connection *connection, uint64_t now)
{
    if (connection->closing)
        return now > connection->closing_since + FINISH_TIME;
    return !connection->greeted && now > connection->opened + GREETING_TIME;
}

/* ---- the loop ---- */

struct turn {
    struct pollfd polls[3 + SESSION_MAX_CONNECTIONS];
    int places[3 + SESSION_MAX_CONNECTIONS]; /* index of the connection */
    nfds_t count;
};

static short wanted_events(const struct session_connection *connection)
{
    short events = 0;
    /* Somebody who does not read is not listened to. */
    if (session_connection_queued(connection) <= SESSION_OUT_PAUSE)
        events |= POLLIN;
    if (session_connection_queued(connection) > 0)
        events |= POLLOUT;
    return events;
}

static void fill_turn(struct session_engine *engine, struct turn *turn, bool with_recompile)
{
    turn->polls[0] = (struct pollfd){.fd = engine->stop_fd, .events = POLLIN};
    turn->polls[1] = (struct pollfd){.fd = engine->socket.fd, .events = POLLIN};
    turn->polls[2] = (struct pollfd){.fd = with_recompile ? recompile_event(engine->recompile) : -1,
                                     .events = POLLIN};
    turn->count = 3;
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++) {
        if (engine->connections[i].fd < 0)
            continue;
        turn->places[turn->count] = i;
        turn->polls[turn->count++] = (struct pollfd){
            .fd = engine->connections[i].fd, .events = wanted_events(&engine->connections[i])};
    }
}

/* Receives and sends as poll has told; the end of a stream counts at once, whatever is queued. */
static void serve_streams(struct session_engine *engine, struct turn *turn)
{
    for (nfds_t i = 3; i < turn->count; i++) {
        struct session_connection *connection = &engine->connections[turn->places[i]];
        short events = turn->polls[i].revents;
        if (connection->fd < 0)
            continue;
        if (events & POLLOUT)
            session_connection_send(connection);
        if (events & POLLIN)
            session_connection_receive(connection);
        else if (events & (POLLHUP | POLLERR | POLLNVAL)) {
            if (connection->why == NULL)
                connection->why = "it closed the connection";
            connection->gone = true;
        }
    }
}

static bool engine_busy(struct session_engine *engine)
{
    bool busy = false;
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0 && frame_waits(&engine->connections[i]))
            busy = true;
    for (struct session *s = engine->sessions; s != NULL; s = s->next)
        busy |= session_lease_grows(s, clock_monotonic());
    return busy;
}

static int turn_timeout(struct session_engine *engine)
{
    if (engine_busy(engine))
        return 0;
    if (engine->sessions != NULL)
        return TICK_MS;
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0)
            return 1000;
    return recompile_reverts_open(engine->recompile) ? REVERT_MS : -1;
}

static void serve_all(struct session_engine *engine)
{
    uint64_t now = clock_monotonic();
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++) {
        struct session_connection *connection = &engine->connections[i];
        if (connection->fd < 0)
            continue;
        work_off_frames(engine, connection);
        if (connection->gone || is_overdue(connection, now))
            drop_connection(engine, connection);
    }
    session_lease_failures(engine);
    session_lease_limits(engine, now);
    for (struct session *s = engine->sessions; s != NULL; s = s->next)
        session_lease_tick(s, now);
    session_unread_tick(engine, now);
    if (engine->sessions != NULL)
        session_types_work(engine->types, TYPES_PER_TICK);
    /* What the ticks and callbacks have queued. */
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0)
            session_connection_send(&engine->connections[i]);
}

static bool list_finished(const struct session_engine *engine)
{
    if (!engine->list_only || !engine->had_connection)
        return false;
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0)
            return false;
    return true;
}

static void pump(struct session_engine *engine)
{
    struct recompile_pace pace;
    recompile_pump(engine->recompile);
    if (recompile_take_pace(engine->recompile, &pace))
        session_log("requested %u methods in %.1f ms, their inliners in %.1f ms", pace.methods,
                    (double)pace.request_ns / 1e6, (double)pace.follow_ns / 1e6);
}

void session_engine_run(struct session_engine *engine)
{
    struct turn turn;
    /* Started under us, the plan is here already, and is worked off before the first module is
     * filed: filed means that its claims are made. */
    if (engine->started)
        serve_all(engine);
    pump(engine);
    while (!atomic_load(&engine->stopped)) {
        serve_all(engine);
        if (list_finished(engine))
            break;
        fill_turn(engine, &turn, true);
        int ready = poll(turn.polls, turn.count, turn_timeout(engine));
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && (turn.polls[1].revents & POLLIN))
            session_engine_accept(engine);
        if (ready > 0)
            serve_streams(engine, &turn);
        if (ready <= 0 || (turn.polls[2].revents & POLLIN))
            pump(engine);
    }
    /* The target waits a moment for us: what its last calls have met is told. */
    if (engine->sessions != NULL)
        session_types_work(engine->types, 16 * TYPES_PER_TICK);
    for (struct session *s = engine->sessions; s != NULL; s = s->next)
        session_lease_tick(s, clock_monotonic());
    while (engine->sessions != NULL)
        session_lease_end(engine->sessions, "the process ends");
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0)
            session_connection_send(&engine->connections[i]);
    session_socket_close(&engine->socket);
}

/* ---- before the worker runs ---- */

/* HELLO of one connection: is it the one that is waited for? Others keep theirs for later. */
static struct session_connection *find_chosen(struct session_engine *engine,
                                              const uint64_t nonce[2])
{
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++) {
        struct session_connection *connection = &engine->connections[i];
        uint16_t type;
        struct reader payload;
        size_t whole;
        uint64_t said[2];
        if (connection->fd < 0 || connection->gone || connection->greeted)
            continue;
        enum status status = session_connection_frame(connection, &type, &payload, &whole, NULL);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND)
            connection->gone = true; /* speaks something else */
        if (status != STATUS_OK || type != WIRE_MSG_HELLO || !session_answer_nonce(payload, said) ||
            said[0] != nonce[0] || said[1] != nonce[1])
            continue;
        session_answer(engine, connection, type, payload);
        if (!connection->closing)
            session_connection_done(connection, whole);
        session_connection_send(connection);
        connection->chosen = connection->greeted;
        return connection;
    }
    return NULL;
}

/* One turn of waiting: streams are read, nothing is worked off. */
static enum status wait_turn(struct session_engine *engine, uint64_t deadline, uint32_t parent,
                             struct error *error)
{
    struct turn turn;
    uint64_t now = clock_boottime();
    if (atomic_load(&engine->stopped))
        return error_set(error, STATUS_PEER, "the agent was stopped");
    if (parent != 0 && (uint32_t)getppid() != parent)
        return error_set(error, STATUS_PEER, "the program that started this one is gone");
    if (now >= deadline)
        return error_set(error, STATUS_TIMEOUT, "no rejig has connected in time");
    uint64_t left = (deadline - now) / 1000000 + 1;
    int limit = parent != 0 ? PARENT_TICK_MS : 1000;
    fill_turn(engine, &turn, false);
    int ready = poll(turn.polls, turn.count, left < (uint64_t)limit ? (int)left : limit);
    if (ready > 0 && (turn.polls[1].revents & POLLIN))
        session_engine_accept(engine);
    if (ready > 0)
        serve_streams(engine, &turn);
    return STATUS_OK;
}

static void drop_gone(struct session_engine *engine)
{
    for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        if (engine->connections[i].fd >= 0 && engine->connections[i].gone &&
            !engine->connections[i].chosen)
            session_connection_close(&engine->connections[i]);
}

enum status session_engine_wait_first(struct session_engine *engine, const uint64_t nonce[2],
                                      uint64_t deadline, uint32_t parent, struct error *error)
{
    for (;;) {
        struct session_connection *chosen = find_chosen(engine, nonce);
        drop_gone(engine);
        if (chosen != NULL && chosen->chosen)
            return STATUS_OK;
        if (chosen != NULL)
            return error_set(error, STATUS_PEER, "the rejig that attached is of another version");
        enum status status = wait_turn(engine, deadline, parent, error);
        if (status != STATUS_OK)
            return status;
    }
}

enum status session_engine_wait_plan(struct session_engine *engine, uint64_t deadline,
                                     uint32_t parent, struct error *error)
{
    for (;;) {
        struct session_connection *chosen = NULL;
        for (int i = 0; i < SESSION_MAX_CONNECTIONS; i++)
            if (engine->connections[i].fd >= 0 && engine->connections[i].chosen)
                chosen = &engine->connections[i];
        uint16_t type;
        struct reader payload;
        size_t whole;
        if (chosen == NULL || chosen->gone)
            return error_set(error, STATUS_PEER, "rejig has gone");
        enum status status = session_connection_frame(chosen, &type, &payload, &whole, error);
        if (status != STATUS_NOT_FOUND)
            return status; /* whatever it is: run answers it */
        status = wait_turn(engine, deadline, parent, error);
        if (status != STATUS_OK)
            return status;
    }
}
