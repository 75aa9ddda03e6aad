/*
 * session_model: what an engine, a session and a probed method are. Private to this room.
 *
 * Ownership: the engine owns its connections and sessions; a session owns its arena, on which its
 * plan, sites, capture programs and names live until session_end has returned.
 *
 * Threads: everything is the worker's, but for what the tenant's weave callback reads on threads
 * of the target: engine.woven and the sites behind it, under engine.mutex. A callback marks its
 * session busy under the mutex and then works without it; session_end takes the session's sites
 * out of the map and waits until nobody is busy in it.
 */
#ifndef SESSION_MODEL_H
#define SESSION_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base_arena.h"
#include "base_map.h"
#include "metadata_pattern.h"
#include "recompile.h"
#include "recorder.h"
#include "session.h"
#include "session_connection.h"
#include "session_members.h"
#include "session_socket.h"
#include "session_types.h"
#include "weave.h"
#include "wire_message.h"
#include "wire_plan.h"

#define SESSION_MAX_CONNECTIONS 32
#define SESSION_ARENA_MAX       ((size_t)64 << 20)
#define SESSION_SITE_KEYS       3

/* A value type that is to be resolved where its method is rewritten: there, loading it is safe. */
struct session_pending {
    struct capture_value *value;
    struct declared type;
};

/* One probed method of one session. */
struct session_site {
    struct session *session;
    uint32_t number; /* WIRE_METHOD_SITE */
    uint32_t probe;
    enum wire_method_kind kind;
    enum recorder_site_kind recorder_kind;
    /* The methods that are woven for it: itself; for async its MoveNext too; for iterators the
     * state machine's MoveNext and Dispose. */
    uint32_t key_count;
    struct method_key keys[SESSION_SITE_KEYS];
    enum weave_kind weaves[SESSION_SITE_KEYS];
    uint32_t enter_count, exit_count;
    const struct weave_value *enter_values, *exit_values;
    const struct capture_program *enter, *exit;
    const struct capture_condition *condition;
    const struct weave_literal *literal; /* a patch: what the method gives; else NULL */
    uint32_t pending_count;
    struct session_pending *pending;
    /* Classes that its values are declared with; how far their fields are looked at. */
    uint32_t expected_count, expected_depth;
    struct declared *expected;
    struct declared builder; /* async: the state machine's builder field; type NULL: none */
    const char *name;        /* as METHOD says it */
    /* Under engine.mutex: */
    uint64_t handle; /* of the recorder; 0: not added yet */
    uint32_t task_offset;
    bool resolved;
    bool withdrawn; /* failed; told or about to be told to the CLI */
    bool told;
    bool compiled;
    const char *reason; /* of withdrawal; malloc'd */
};

/* A method's sites, in the order in which they are woven: what replaces the body first, so that
 * all others see it, then of older sessions first. */
struct session_woven {
    struct method_key key;
    struct session_woven *next; /* another method with the same hash */
    bool handed;                /* a rewritten body was given to the runtime */
    bool compiled;              /* and is compiled */
    uint32_t count, room;
    struct session_woven_site {
        struct session_site *site;
        enum weave_kind kind;
    } * sites;
};

struct session {
    struct session *next;
    struct session_engine *engine;
    struct session_connection *connection;
    uint64_t id;
    uint64_t began; /* clock_monotonic */
    struct arena arena;
    struct plan plan;
    const struct metadata_pattern **patterns; /* one a probe */
    uint32_t *matched;                        /* methods found, one a probe */
    struct recorder_session *recorder;
    bool growing; /* recorder_session_grow has more to do */
    uint32_t site_count, site_room;
    struct session_site **sites; /* malloc'd; index is the number */
    uint32_t refused;
    uint32_t modules_seen;
    struct map unread_told; /* ids of modules: see session_unread */
    bool limit_told;
    atomic_uint busy;      /* weave callbacks that use it now */
    bool dead;             /* is being ended: no new use */
    bool announced;        /* SESSION has gone out */
    bool old_frames;       /* threads were inside old code, or not all were looked at */
    uint64_t types_seen;   /* see session_types_put_fresh */
    struct binder *binder; /* session_bind's; NULL before the first */
    uint64_t state_time;
    uint64_t tend_time; /* of the last recorder_session_tend */
    uint32_t state_last[4];
};

struct session_engine {
    struct recompile *recompile;
    struct modules *modules;
    struct ICorProfilerInfo15 *info;
    struct tenant tenant;
    struct session_scope *scope;
    struct session_types *types;
    struct session_socket socket;
    int stop_fd;
    atomic_bool stopped;
    bool started, list_only;
    bool had_connection;
    struct session_connection connections[SESSION_MAX_CONNECTIONS];
    struct session_connection *serving; /* whose frame is being answered, or NULL */
    uint64_t breathed;                  /* clock_monotonic of session_breath's last look */
    struct session *sessions;
    uint64_t sessions_ever;
    uint64_t last_end; /* clock_monotonic of the last session's end; 0: none yet */
    uint64_t first_ticks, first_monotonic; /* the clock's rate is measured from here on */
    uint64_t last_refusal_log;
    uint64_t unread_time; /* of the last session_unread_tick that did anything */
    char version[64];     /* of the runtime */
    uint32_t residue;     /* methods that could not be reverted */
    bool failures;        /* a weave callback has withdrawn a site; under mutex */
    pthread_mutex_t mutex;
    struct map woven; /* hash of a method_key -> struct session_woven */
};

/* Ticks of the recorder's clock in one nanosecond. */
double session_engine_rate(const struct session_engine *engine);
/* Takes the peers that wait at the socket, as far as there is place. */
void session_engine_accept(struct session_engine *engine);
/* Bytes that the agent holds besides rings. */
size_t session_engine_memory(const struct session_engine *engine);

#endif
