/*
 * A session engine for tests of recompile and entry on the real runtime, in place of room
 * session: no socket, no wire. The folder that the client data names holds
 *
 *     claims     a line a method: "Assembly Namespace.Type Method count|pass|bad|refuse|mark"
 *                (mark: no claim; not taken from its image, recompile_cached.h)
 *     release    once it exists, every claim is taken back; once it is gone, made again
 *     release-first  the oldest claim is taken back, and the file removed
 *     tick       while it exists, the count of calls is logged
 *     look       who runs old code is logged, and the file removed
 *     stop       once it exists, the engine returns
 *     log        written by this engine, a line an event
 *
 * Not for use in a target that matters: files instead of a socket, stdio.
 */
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_clock.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "recompile.h"
#include "recompile_cached.h"
#include "recompile_frames.h"
#include "session.h"
#include "session_log.h"
#include "weave.h"

#define MAX_METHODS 50000

enum change { CHANGE_PASS, CHANGE_COUNT, CHANGE_BAD, CHANGE_REFUSE, CHANGE_MARK };

struct wanted {
    char assembly[128], type[256], method[128];
    enum change change;
    uint32_t matched;
};

struct session_engine {
    struct recompile *recompile;
    char directory[104];
    bool list_only;
    _Atomic bool stop;
    struct wanted wanted[64];
    uint32_t wanted_count;
    struct method_key keys[MAX_METHODS];
    enum change changes[MAX_METHODS];
    uint32_t key_count;
    pthread_mutex_t lock;
    struct tenant tenant;
    uint32_t claimed_from; /* keys before it have been claimed */
};

static _Atomic uint64_t calls;

static void count_call(uint64_t handle)
{
    (void)handle;
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

static void say(struct session_engine *engine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct session_engine *engine, const char *format, ...)
{
    char path[160], line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    snprintf(path, sizeof(path), "%s/log", engine->directory);
    FILE *file = fopen(path, "ae");
    if (!file)
        return;
    fprintf(file, "%.6f %s\n", (double)clock_monotonic() / 1e9, line);
    fclose(file);
}

void session_log_release(void)
{
}

static enum change change_of(struct session_engine *engine, struct method_key key)
{
    enum change change = CHANGE_PASS;
    pthread_mutex_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->key_count; i++) {
        if (engine->keys[i].module == key.module && engine->keys[i].method == key.method)
            change = engine->changes[i];
    }
    pthread_mutex_unlock(&engine->lock);
    return change;
}

static enum status count_calls(struct recompile_body *body, struct error *error)
{
    const struct weave_entry_points points = {.count = (const void *)count_call};
    const struct weave_request request = {.image = body->module->image,
                                          .method = body->key.method,
                                          .body = body->il,
                                          .body_length = body->il_length,
                                          .kind = WEAVE_COUNT,
                                          .handle = 1,
                                          .entry_points = &points,
                                          .tokens = body->tokens};
    struct weave_result result;
    const enum status status = weave_method(&request, &result, error);
    if (status != STATUS_OK)
        return status;
    body->out = result.body;
    body->map = malloc((result.map_count + 1) * sizeof(*body->map));
    body->map_count = result.map_count;
    for (size_t i = 0; body->map && i < result.map_count; i++)
        body->map[i] =
            (struct recompile_il_map){result.map[i].old_offset, result.map[i].new_offset};
    free(result.map);
    return STATUS_OK;
}

static enum status weave_body(void *context, struct recompile_body *body, struct error *error)
{
    struct session_engine *engine = context;
    static const uint8_t bad[] = {0x02 | 1 << 2, 0x26}; /* tiny header, pop of an empty stack */
    switch (change_of(engine, body->key)) {
    case CHANGE_REFUSE:
        return error_set(error, STATUS_UNSUPPORTED, "refused by the test");
    case CHANGE_BAD:
        buffer_append(&body->out, bad, sizeof(bad));
        return STATUS_OK;
    case CHANGE_COUNT:
        return count_calls(body, error);
    case CHANGE_PASS:
    case CHANGE_MARK:
        break;
    }
    buffer_append(&body->out, body->il, body->il_length);
    return STATUS_OK;
}

static void on_compiled(void *context, struct method_key key)
{
    say(context, "compiled %08x in %llx", key.method, (unsigned long long)key.module);
}

static void on_failed(void *context, struct method_key key, const char *reason)
{
    say(context, "failed %08x %s", key.method, reason);
}

static void match_type(struct session_engine *engine, struct wanted *wanted,
                       const struct module *module, mdToken type)
{
    struct metadata_rows rows = metadata_type_methods(module->image, type);
    for (mdToken method; (method = metadata_rows_next(module->image, &rows)) != mdTokenNil;) {
        struct error error;
        const char *name = metadata_cell_text(module->image, CLR_TABLE_MethodDef, token_rid(method),
                                              METADATA_METHOD_DEF_NAME);
        if (strcmp(wanted->method, "*") != 0 && strcmp(name, wanted->method) != 0)
            continue;
        if (recompile_method_refusal(engine->recompile, module, method, &error) != STATUS_OK) {
            if (strcmp(wanted->method, "*") != 0)
                say(engine, "refusal %s: %s", name, error.message);
            continue;
        }
        if (wanted->change == CHANGE_MARK) {
            const struct method_key key = {.module = module->id, .method = method};
            recompile_cached_add(engine->recompile, &key, 1, RECOMPILE_CACHED_INLINER);
            continue;
        }
        if (engine->key_count == MAX_METHODS)
            return;
        pthread_mutex_lock(&engine->lock);
        engine->keys[engine->key_count] =
            (struct method_key){.module = module->id, .method = method};
        engine->changes[engine->key_count++] = wanted->change;
        pthread_mutex_unlock(&engine->lock);
        wanted->matched++;
    }
}

static void match(struct session_engine *engine, struct wanted *wanted, const struct module *module)
{
    if (!module->image || strcmp(metadata_image_assembly(module->image), wanted->assembly) != 0)
        return;
    if (strcmp(wanted->type, "*") != 0) {
        const mdToken type = metadata_find_type_text(module->image, wanted->type);
        if (!token_is_nil(type))
            match_type(engine, wanted, module, type);
        return;
    }
    const uint32_t types = metadata_row_count(module->image, CLR_TABLE_TypeDef);
    for (uint32_t row = 1; row <= types; row++)
        match_type(engine, wanted, module, token_make(CLR_TABLE_TypeDef, row));
}

static void claim_new(struct session_engine *engine)
{
    struct error error;
    const uint32_t count = engine->key_count - engine->claimed_from;
    if (!count)
        return;
    const uint64_t before = clock_monotonic();
    const enum status status = recompile_claim(engine->recompile, &engine->tenant,
                                               engine->keys + engine->claimed_from, count, &error);
    say(engine, "claimed %u methods in %.3f ms: %s", count,
        (double)(clock_monotonic() - before) / 1e6, status == STATUS_OK ? "ok" : error.message);
    engine->claimed_from = engine->key_count;
}

static void on_module(void *context, const struct module *module)
{
    struct session_engine *engine = context;
    say(engine, "module %s %s%s%s%s%s%s", *module->path ? module->path : "-", module->name,
        module->precompiled ? " precompiled" : "", module->dynamic ? " dynamic" : "",
        module->collectible ? " collectible" : "", module->edit_and_continue ? " enc" : "",
        module->unreadable ? module->unreadable : "");
    for (uint32_t i = 0; i < engine->wanted_count; i++)
        match(engine, &engine->wanted[i], module);
    claim_new(engine);
}

static void on_unloading(void *context, const struct module *module)
{
    say(context, "unloading %s", module->name);
}

static void read_claims(struct session_engine *engine)
{
    char path[160], change[16];
    snprintf(path, sizeof(path), "%s/claims", engine->directory);
    FILE *file = fopen(path, "re");
    while (file && engine->wanted_count < 64) {
        struct wanted *wanted = &engine->wanted[engine->wanted_count];
        if (fscanf(file, "%127s %255s %127s %15s", wanted->assembly, wanted->type, wanted->method,
                   change) != 4)
            break;
        wanted->change = strcmp(change, "count") == 0    ? CHANGE_COUNT
                         : strcmp(change, "bad") == 0    ? CHANGE_BAD
                         : strcmp(change, "refuse") == 0 ? CHANGE_REFUSE
                         : strcmp(change, "mark") == 0   ? CHANGE_MARK
                                                         : CHANGE_PASS;
        engine->wanted_count++;
    }
    if (file)
        fclose(file);
}

enum status session_engine_new(struct recompile *recompile, struct ICorProfilerInfo15 *info,
                               const char *directory, bool started, struct session_engine **out,
                               struct error *error)
{
    const char *why = NULL;
    struct session_engine *engine = calloc(1, sizeof(*engine));
    (void)info;
    if (!engine)
        return error_set(error, STATUS_MEMORY, "out of memory");
    pthread_mutex_init(&engine->lock, NULL);
    engine->recompile = recompile;
    snprintf(engine->directory, sizeof(engine->directory), "%s", directory);
    engine->tenant = (struct tenant){.name = "test",
                                     .context = engine,
                                     .weave = weave_body,
                                     .compiled = on_compiled,
                                     .failed = on_failed,
                                     .module_loaded = on_module,
                                     .module_unloading = on_unloading};
    read_claims(engine);
    const bool follows = recompile_follows_inliners(recompile, &why);
    say(engine, "new%s: follows inliners %d %s", started ? " started" : "", follows,
        why ? why : "");
    *out = engine;
    return recompile_add_tenant(recompile, &engine->tenant, error);
}

void session_engine_list_only(struct session_engine *engine)
{
    engine->list_only = true;
}

static bool there(struct session_engine *engine, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", engine->directory, name);
    return access(path, F_OK) == 0;
}

enum status session_engine_wait_first(struct session_engine *engine, const uint64_t nonce[2],
                                      uint64_t deadline, uint32_t parent, struct error *error)
{
    (void)nonce;
    (void)parent;
    while (there(engine, "wait")) {
        if (clock_boottime() > deadline)
            return error_set(error, STATUS_TIMEOUT, "no CLI");
        poll(NULL, 0, 5);
    }
    return there(engine, "nobody") ? error_set(error, STATUS_TIMEOUT, "no CLI") : STATUS_OK;
}

enum status session_engine_wait_plan(struct session_engine *engine, uint64_t deadline,
                                     uint32_t parent, struct error *error)
{
    (void)engine;
    (void)deadline;
    (void)parent;
    (void)error;
    return STATUS_OK;
}

static void release_all(struct session_engine *engine)
{
    size_t reverted = 0;
    struct error error;
    struct recompile_totals totals;
    recompile_totals(engine->recompile, &totals);
    say(engine, "totals claimed %u compiled %u inliners %u reverting %u failed %u", totals.claimed,
        totals.compiled, totals.inliners, totals.reverting, totals.failed);
    error_init(&error);
    const uint64_t before = clock_monotonic();
    recompile_release(engine->recompile, &engine->tenant, engine->keys, engine->key_count,
                      &reverted, &error);
    say(engine, "released: %zu reverted in %.3f ms %s calls %llu", reverted,
        (double)(clock_monotonic() - before) / 1e6, error.message, (unsigned long long)calls);
    engine->key_count = engine->claimed_from = 0;
}

static const char *name_of(struct session_engine *engine, struct method_key key)
{
    const struct module *module =
        key.module ? modules_find(recompile_modules(engine->recompile), key.module) : NULL;
    return module && module->image
               ? metadata_cell_text(module->image, CLR_TABLE_MethodDef, token_rid(key.method),
                                    METADATA_METHOD_DEF_NAME)
               : "-";
}

static void look(struct session_engine *engine)
{
    static const char *const kinds[] = {"-", "claimed", "copy", "maybe"};
    struct recompile_frames frames;
    char why[256];
    recompile_frames_look(engine->recompile, engine->keys, engine->key_count, &frames);
    for (uint32_t i = 0; i < frames.count; i++)
        say(engine, "frame %u %s %s %s", frames.list[i].thread, kinds[frames.list[i].kind],
            name_of(engine, frames.list[i].method), name_of(engine, frames.list[i].inlinee));
    say(engine, "looked %u threads %u frames %u more %u pause %llu suspend %llu %s", frames.looked,
        frames.threads, frames.count, frames.more, (unsigned long long)frames.pause_ns,
        (unsigned long long)frames.suspend_ns, recompile_frames_why(&frames, why, sizeof(why)));
}

/* The oldest claim alone; the others stay. */
static void release_first(struct session_engine *engine)
{
    size_t reverted = 0;
    struct error error;
    recompile_release(engine->recompile, &engine->tenant, engine->keys, 1, &reverted, &error);
    pthread_mutex_lock(&engine->lock);
    memmove(engine->keys, engine->keys + 1, (engine->key_count - 1) * sizeof(engine->keys[0]));
    memmove(engine->changes, engine->changes + 1,
            (engine->key_count - 1) * sizeof(engine->changes[0]));
    engine->key_count--;
    engine->claimed_from--;
    pthread_mutex_unlock(&engine->lock);
    say(engine, "released the first: %zu restored", reverted);
}

void session_engine_run(struct session_engine *engine)
{
    bool released = false;
    say(engine, "run");
    while (!atomic_load(&engine->stop) && !there(engine, "stop")) {
        struct pollfd wait = {.fd = recompile_event(engine->recompile), .events = POLLIN};
        poll(&wait, 1, 10);
        recompile_pump(engine->recompile);
        if (there(engine, "release-first") && engine->key_count) {
            release_first(engine);
            char path[160];
            snprintf(path, sizeof(path), "%s/release-first", engine->directory);
            unlink(path);
        }
        if (there(engine, "look")) {
            look(engine);
            char path[160];
            snprintf(path, sizeof(path), "%s/look", engine->directory);
            unlink(path);
        }
        if (there(engine, "tick"))
            say(engine, "tick %llu", (unsigned long long)atomic_load(&calls));
        if (!released && there(engine, "release")) {
            released = true;
            release_all(engine);
        }
        if (released && !there(engine, "release")) {
            released = false;
            say(engine, "again");
            uint32_t cursor = 0;
            const struct module *module;
            while ((module = modules_next(recompile_modules(engine->recompile), &cursor))) {
                for (uint32_t i = 0; i < engine->wanted_count; i++)
                    match(engine, &engine->wanted[i], module);
            }
            claim_new(engine);
        }
    }
    struct recompile_totals totals;
    recompile_totals(engine->recompile, &totals);
    struct recompile_cached_figures cached;
    recompile_cached_figures(engine->recompile, &cached);
    say(engine, "cached searched %llu compiled %llu duplicates %llu late %llu",
        (unsigned long long)cached.searched, (unsigned long long)cached.compiled,
        (unsigned long long)cached.duplicates, (unsigned long long)cached.late);
    say(engine, "end claimed %u inliners %u reverting %u calls %llu", totals.claimed,
        totals.inliners, totals.reverting, (unsigned long long)calls);
}

void session_engine_stop(struct session_engine *engine)
{
    atomic_store(&engine->stop, true);
}

void session_engine_free(struct session_engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}
