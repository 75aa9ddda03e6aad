#include "session_weave.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "il_body.h"
#include "session_log.h"
#include "session_prefetch.h"

/* ---- the map ---- */

static uint64_t key_hash(struct method_key key)
{
    return map_hash(key.module) ^ key.method;
}

static bool key_equal(struct method_key a, struct method_key b)
{
    return a.module == b.module && a.method == b.method;
}

static struct session_woven *woven_find(struct session_engine *engine, struct method_key key)
{
    uint64_t value;
    if (!map_get(&engine->woven, key_hash(key), &value))
        return NULL;
    struct session_woven *woven = (struct session_woven *)(uintptr_t)value;
    while (woven != NULL && !key_equal(woven->key, key))
        woven = woven->next;
    return woven;
}

static struct session_woven *woven_make(struct session_engine *engine, struct method_key key)
{
    struct session_woven *woven = woven_find(engine, key);
    if (woven != NULL)
        return woven;
    uint64_t first = 0;
    map_get(&engine->woven, key_hash(key), &first);
    woven = calloc(1, sizeof *woven);
    if (woven == NULL)
        return NULL;
    woven->key = key;
    woven->next = (struct session_woven *)(uintptr_t)first;
    if (!map_put(&engine->woven, key_hash(key), (uint64_t)(uintptr_t)woven)) {
        free(woven);
        return NULL;
    }
    return woven;
}

static void woven_drop(struct session_engine *engine, struct session_woven *woven)
{
    uint64_t hash = key_hash(woven->key), value;
    if (!map_get(&engine->woven, hash, &value))
        return;
    struct session_woven *first = (struct session_woven *)(uintptr_t)value;
    if (first == woven) {
        if (woven->next == NULL)
            map_remove(&engine->woven, hash);
        else
            map_put(&engine->woven, hash, (uint64_t)(uintptr_t)woven->next);
    } else {
        while (first != NULL && first->next != woven)
            first = first->next;
        if (first != NULL)
            first->next = woven->next;
    }
    free(woven->sites);
    free(woven);
}

/* The order of weaving: what replaces the body, then by session, then by site. */
static bool woven_before(const struct session_woven_site *a, const struct session_woven_site *b)
{
    bool a_replaces = a->kind == WEAVE_REPLACE, b_replaces = b->kind == WEAVE_REPLACE;
    if (a_replaces != b_replaces)
        return a_replaces;
    if (a->site->session != b->site->session)
        return a->site->session->id < b->site->session->id;
    return a->site->number < b->site->number;
}

static bool woven_insert(struct session_woven *woven, struct session_site *site,
                         enum weave_kind kind)
{
    if (woven->count == woven->room) {
        uint32_t room = woven->room == 0 ? 1 : woven->room * 2;
        struct session_woven_site *grown = realloc(woven->sites, room * sizeof *grown);
        if (grown == NULL)
            return false;
        woven->sites = grown;
        woven->room = room;
    }
    uint32_t at = woven->count;
    const struct session_woven_site added = {site, kind};
    while (at > 0 && woven_before(&added, &woven->sites[at - 1])) {
        woven->sites[at] = woven->sites[at - 1];
        at--;
    }
    woven->sites[at] = added;
    woven->count++;
    woven->handed = woven->compiled = false; /* it is asked for again */
    return true;
}

static void woven_remove(struct session_engine *engine, struct session_site *site,
                         struct method_key key)
{
    struct session_woven *woven = woven_find(engine, key);
    if (woven == NULL)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < woven->count; i++)
        if (woven->sites[i].site != site)
            woven->sites[kept++] = woven->sites[i];
    woven->count = kept;
    if (kept == 0)
        woven_drop(engine, woven);
}

bool session_weave_add(struct session_site *site)
{
    struct session_engine *engine = site->session->engine;
    bool done = true;
    pthread_mutex_lock(&engine->mutex);
    for (uint32_t i = 0; i < site->key_count && done; i++) {
        struct session_woven *woven = woven_make(engine, site->keys[i]);
        done = woven != NULL && woven_insert(woven, site, site->weaves[i]);
    }
    for (uint32_t i = 0; i < site->key_count && !done; i++)
        woven_remove(engine, site, site->keys[i]);
    pthread_mutex_unlock(&engine->mutex);
    return done;
}

void session_weave_remove(struct session *session)
{
    struct session_engine *engine = session->engine;
    pthread_mutex_lock(&engine->mutex);
    session->dead = true;
    for (uint32_t i = 0; i < session->site_count; i++)
        for (uint32_t j = 0; j < session->sites[i]->key_count; j++)
            woven_remove(engine, session->sites[i], session->sites[i]->keys[j]);
    pthread_mutex_unlock(&engine->mutex);
    /* A callback takes microseconds, seldom milliseconds. */
    while (atomic_load(&session->busy) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

uint32_t session_weave_count(struct session_engine *engine, struct method_key key)
{
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    uint32_t count = woven == NULL ? 0 : woven->count;
    pthread_mutex_unlock(&engine->mutex);
    return count;
}

uint64_t session_weave_replaced(struct session_engine *engine, struct method_key key)
{
    uint64_t session = 0;
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    for (uint32_t i = 0; woven != NULL && i < woven->count; i++)
        if (woven->sites[i].kind == WEAVE_REPLACE && !woven->sites[i].site->withdrawn)
            session = woven->sites[i].site->session->id;
    pthread_mutex_unlock(&engine->mutex);
    return session;
}

/* ---- withdrawal ---- */

void session_site_withdraw(struct session_site *site, const char *reason)
{
    if (site->withdrawn)
        return;
    site->withdrawn = true;
    site->reason = strdup(reason);
    site->session->engine->failures = true;
}

void session_weave_failed(struct session_engine *engine, struct method_key key, const char *reason)
{
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    for (uint32_t i = 0; woven != NULL && i < woven->count; i++)
        session_site_withdraw(woven->sites[i].site, reason);
    pthread_mutex_unlock(&engine->mutex);
}

void session_weave_compiled(struct session_engine *engine, struct method_key key)
{
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    if (woven != NULL)
        woven->compiled = true;
    for (uint32_t i = 0; woven != NULL && i < woven->count; i++)
        woven->sites[i].site->compiled = true;
    pthread_mutex_unlock(&engine->mutex);
}

/* Each body once, whatever number of the session's sites it carries: for the first of them. */
static void count_body(const struct session_woven *woven, const struct session_site *site,
                       struct session_weave_figures *figures)
{
    uint32_t i = 0;
    while (i < woven->count && woven->sites[i].site->session != site->session)
        i++;
    if (i == woven->count || woven->sites[i].site != site)
        return;
    figures->bodies++;
    figures->woven += woven->handed;
    figures->compiled += woven->handed && woven->compiled;
}

void session_weave_figures(struct session *session, struct session_weave_figures *figures)
{
    struct session_engine *engine = session->engine;
    memset(figures, 0, sizeof *figures);
    pthread_mutex_lock(&engine->mutex);
    for (uint32_t i = 0; i < session->site_count; i++) {
        const struct session_site *site = session->sites[i];
        figures->withdrawn += site->withdrawn;
        for (uint32_t j = 0; j < site->key_count; j++) {
            const struct session_woven *woven = woven_find(engine, site->keys[j]);
            if (woven != NULL)
                count_body(woven, site, figures);
        }
    }
    pthread_mutex_unlock(&engine->mutex);
}

/* ---- making a site ready on the thread that compiles its method ---- */

/* Where the Task stands in a builder: first, or inside the builder that this one wraps. */
static uint32_t builder_task_offset(struct session_engine *engine, const struct session_site *site)
{
    if (site->builder.type == NULL)
        return 0;
    const struct layout *layout = session_types_layout_of(engine->types, &site->builder, TYPES_ANY);
    uint32_t task = layout_name("m_task"), inner = layout_name("_builder");
    for (uint32_t i = 0; layout != NULL && i < layout->field_count; i++) {
        if (layout->fields[i].name == task && task != 0)
            return layout->fields[i].offset;
        if (layout->fields[i].name == inner && inner != 0)
            return layout->fields[i].offset; /* whose Task comes first in turn */
    }
    return 0;
}

/* Resolves the types that the site's values are declared with and registers it with the recorder.
 * The runtime is asked without the mutex. */
static uint64_t site_ready(struct session_engine *engine, struct session_site *site,
                           struct error *error)
{
    pthread_mutex_lock(&engine->mutex);
    uint64_t handle = site->handle;
    bool resolved = site->resolved;
    pthread_mutex_unlock(&engine->mutex);
    if (handle != 0)
        return handle;

    const struct layout **layouts = calloc(site->pending_count + 1u, sizeof *layouts);
    if (layouts == NULL) {
        error_set(error, STATUS_MEMORY, "out of memory");
        return 0;
    }
    for (uint32_t i = 0; i < site->pending_count && !resolved; i++)
        layouts[i] = session_types_layout_of(engine->types, &site->pending[i].type, TYPES_ANY);
    uint32_t task_offset = resolved ? 0 : builder_task_offset(engine, site);
    uint32_t budget = PREFETCH_TYPES;
    for (uint32_t i = 0; i < site->expected_count && !resolved; i++)
        session_prefetch(engine->types, engine->scope, &site->expected[i], site->expected_depth,
                         &budget);

    pthread_mutex_lock(&engine->mutex);
    if (!site->resolved) {
        for (uint32_t i = 0; i < site->pending_count; i++) {
            site->pending[i].value->layout = layouts[i];
            if (layouts[i] == NULL)
                continue;
            site->pending[i].value->size = layouts[i]->size;
            session_types_renew(engine->types, layouts[i]->type);
        }
        site->task_offset = task_offset;
        site->resolved = true;
    }
    if (site->handle == 0) {
        struct recorder_site_spec spec = {
            .kind = site->recorder_kind,
            .number = site->number,
            .enter = site->enter,
            .exit = site->exit,
            .condition = site->condition,
        };
        if (recorder_site_add(site->session->recorder, &spec, &site->handle, error) != STATUS_OK)
            site->handle = 0;
    }
    handle = site->handle;
    pthread_mutex_unlock(&engine->mutex);
    free(layouts);
    return handle;
}

/* ---- the callback ---- */

static const struct weave_entry_points entry_points = {
    .enter = (const void *)recorder_enter,
    .stage = (const void *)recorder_stage,
    .return_ = (const void *)recorder_return,
    .throw_ = (const void *)recorder_throw,
    .count = (const void *)recorder_count,
    .suspended_key_wanted = (const void *)recorder_suspended_key_wanted,
    .suspended = (const void *)recorder_suspended,
    .async_first = (const void *)recorder_async_first,
    .async_return = (const void *)recorder_async_return,
    .async_throw = (const void *)recorder_async_throw,
    .iterator_start = (const void *)recorder_iterator_start,
    .iterator_next = (const void *)recorder_iterator_next,
    .iterator_throw = (const void *)recorder_iterator_throw,
};

/* The offset in the newest body of what stood at `offset` in the one before. */
static uint32_t map_offset(const struct weave_result *result, uint32_t offset)
{
    uint32_t mapped = offset;
    for (size_t i = 0; i < result->map_count && result->map[i].old_offset <= offset; i++)
        mapped = result->map[i].new_offset + (offset - result->map[i].old_offset);
    return mapped;
}

/* The same by the whole map of a body. `nearest`: of the instruction at or before the offset. */
static uint32_t map_offset_of(const struct recompile_il_map *map, size_t count, uint32_t offset,
                              bool nearest)
{
    uint32_t mapped = offset;
    for (size_t i = 0; i < count && map[i].old_offset <= offset; i++)
        mapped = map[i].new_offset + (nearest ? 0 : offset - map[i].old_offset);
    return mapped;
}

/* body->map becomes: from the offsets of body->il to those of the newest body. */
static bool map_compose(struct recompile_body *body, const struct weave_result *result)
{
    if (body->map == NULL) {
        body->map = calloc(result->map_count + 1, sizeof *body->map);
        if (body->map == NULL)
            return false;
        for (size_t i = 0; i < result->map_count; i++)
            body->map[i] =
                (struct recompile_il_map){result->map[i].old_offset, result->map[i].new_offset};
        body->map_count = result->map_count;
        return true;
    }
    for (size_t i = 0; i < body->map_count; i++)
        body->map[i].new_offset = map_offset(result, body->map[i].new_offset);
    return true;
}

static bool is_exit_key(enum weave_kind kind)
{
    return kind == WEAVE_CALL || kind == WEAVE_ASYNC_MOVE_NEXT;
}

static bool is_enter_key(enum weave_kind kind)
{
    return kind == WEAVE_ENTER || kind == WEAVE_CALL || kind == WEAVE_ASYNC_KICKOFF ||
           kind == WEAVE_ITERATOR_MOVE_NEXT || kind == WEAVE_ENTER_LINE;
}

static uint32_t code_size(const uint8_t *body, size_t length)
{
    struct il_body il;
    if (il_body_parse(&il, body, length, NULL) != STATUS_OK)
        return 0;
    uint32_t size = il.code_size;
    il_body_release(&il);
    return size;
}

/* Where a probe that stands at an offset of the method's own body stands in the newest one: what
 * was woven before has moved it. */
static void place_line(const struct recompile_body *body, const struct session_site *site,
                       struct weave_request *request)
{
    const struct plan_probe *probe = &site->session->plan.probes[site->probe];
    request->line = probe->offset;
    request->line_nearest = probe->place == PLAN_AT_PERCENT;
    if (probe->place == PLAN_AT_PERCENT)
        request->line =
            (uint32_t)((uint64_t)code_size(body->il, body->il_length) * probe->offset / 100);
    if (body->out.length > 0 && body->map != NULL)
        request->line =
            map_offset_of(body->map, body->map_count, request->line, request->line_nearest);
}

/* One probe onto the newest body. */
static enum status weave_site(struct session_engine *engine, struct recompile_body *body,
                              struct session_site *site, enum weave_kind kind, struct error *error)
{
    uint64_t handle = site_ready(engine, site, error);
    if (handle == 0)
        return error->status == STATUS_OK ? error_set(error, STATUS_BUG, "no handle")
                                          : error->status;
    bool fresh = body->out.length == 0;
    struct weave_request request = {
        .image = body->module->image,
        .method = body->key.method,
        .body = fresh ? body->il : body->out.data,
        .body_length = fresh ? body->il_length : body->out.length,
        .kind = kind,
        .handle = handle,
        .entry_points = &entry_points,
        .tokens = body->tokens,
        .enter_count = is_enter_key(kind) ? site->enter_count : 0,
        .enter = site->enter_values,
        .exit_count = is_exit_key(kind) ? site->exit_count : 0,
        .exit = site->exit_values,
        .task_offset = site->task_offset,
        .literal = site->literal,
        .drop_tail = site->session->plan.drop_tail,
    };
    if (kind == WEAVE_COUNT_LINE || kind == WEAVE_ENTER_LINE)
        place_line(body, site, &request);
    struct weave_result result;
    memset(&result, 0, sizeof result);
    enum status status = weave_method(&request, &result, error);
    if (status != STATUS_OK)
        return status;
    if (map_compose(body, &result)) {
        buffer_release(&body->out);
        body->out = result.body;
        memset(&result.body, 0, sizeof result.body);
    } else {
        status = error_set(error, STATUS_MEMORY, "out of memory");
    }
    weave_result_release(&result);
    return status;
}

/* A copy of the method's sites, each one's session marked busy. */
static struct session_woven_site *woven_take(struct session_engine *engine, struct method_key key,
                                             uint32_t *count)
{
    struct session_woven_site *sites = NULL;
    *count = 0;
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    if (woven != NULL)
        sites = calloc(woven->count, sizeof *sites);
    for (uint32_t i = 0; sites != NULL && i < woven->count; i++) {
        if (woven->sites[i].site->withdrawn || woven->sites[i].site->session->dead)
            continue;
        sites[(*count)++] = woven->sites[i];
        atomic_fetch_add(&woven->sites[i].site->session->busy, 1);
    }
    pthread_mutex_unlock(&engine->mutex);
    return sites;
}

static void weave_handed(struct session_engine *engine, struct method_key key)
{
    pthread_mutex_lock(&engine->mutex);
    struct session_woven *woven = woven_find(engine, key);
    if (woven != NULL)
        woven->handed = true;
    pthread_mutex_unlock(&engine->mutex);
}

enum status session_weave_method(void *context, struct recompile_body *body, struct error *error)
{
    struct session_engine *engine = context;
    struct error local;
    struct error *reason = error == NULL ? &local : error;
    uint32_t count, woven = 0;
    struct session_woven_site *sites = woven_take(engine, body->key, &count);
    error_init(reason);
    for (uint32_t i = 0; i < count; i++) {
        error_init(&local);
        if (weave_site(engine, body, sites[i].site, sites[i].kind, &local) == STATUS_OK) {
            woven++;
        } else {
            pthread_mutex_lock(&engine->mutex);
            session_site_withdraw(sites[i].site, local.message);
            pthread_mutex_unlock(&engine->mutex);
            if (reason != &local)
                *reason = local;
        }
        atomic_fetch_sub(&sites[i].site->session->busy, 1);
    }
    free(sites);
    if (woven > 0) {
        weave_handed(engine, body->key);
        return STATUS_OK;
    }
    if (count == 0)
        return error_set(error, STATUS_NOT_FOUND, "nobody probes the method any more");
    return reason->status;
}
