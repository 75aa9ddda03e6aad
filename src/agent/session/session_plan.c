#include "session_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_map.h"
#include "clr_flags.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_bind.h"
#include "session_breath.h"
#include "session_log.h"
#include "session_symbols.h"
#include "session_unread.h"
#include "session_weave.h"

#define REFUSED_TOLD  200u /* more are only counted, but where the plan says `explain` */
#define NEAREST_NAMES 3
#define PATCH_TOLD    16

struct match {
    const struct module *module;
    uint32_t probe;
    mdToken method;
};

struct matches {
    struct match *items;
    size_t count, room; /* count goes on where room ends at the limit */
    size_t limit;
    const struct module *module;
    uint32_t probe;
    uint64_t place;   /* of the probe, in the upper half: each place in a method is another */
    uint32_t found;   /* by the pattern at hand, what another one has found first included */
    struct map *seen; /* methods of the module that an earlier pattern has found; NULL: none can */
    bool failed;
};

/* ---- finding ---- */

static bool match_found(void *context, mdToken method)
{
    struct matches *matches = context;
    matches->found++;
    if (matches->seen != NULL) {
        const uint64_t key = matches->place | method;
        if (map_has(matches->seen, key))
            return true;
        matches->failed = matches->failed || !map_put(matches->seen, key, matches->probe);
    }
    if (matches->count >= matches->limit) {
        matches->count++;
        return true;
    }
    if (matches->count == matches->room) {
        size_t room = matches->room == 0 ? 16 : matches->room * 2;
        struct match *grown = realloc(matches->items, room * sizeof *grown);
        if (grown == NULL) {
            matches->failed = true;
            return false;
        }
        matches->items = grown;
        matches->room = room;
    }
    matches->items[matches->count++] = (struct match){matches->module, matches->probe, method};
    return true;
}

static void pattern_in_module(const struct metadata_pattern *pattern, const struct module *module,
                              struct map *words, metadata_pattern_found found, void *context)
{
    if (module->image == NULL || !metadata_pattern_allows_module(pattern, module->name) ||
        !metadata_pattern_may_match(pattern, module->image, words))
        return;
    if (!metadata_pattern_needs_lines(pattern)) {
        metadata_pattern_match(pattern, module->image, NULL, found, context, NULL);
        return;
    }
    struct session_symbols symbols;
    if (session_symbols_open(&symbols, module))
        metadata_pattern_match(pattern, module->image, &symbols.pdb, found, context, NULL);
    session_symbols_release(&symbols);
}

static uint64_t place_key(const struct plan_probe *probe)
{
    return (uint64_t)(probe->place << 30 | (probe->offset & 0x3fffffff)) << 32;
}

/* A method that several patterns match is probed once, for the first of them. */
static void find_in_module(struct session *session, const struct module *module,
                           struct matches *matches)
{
    struct map seen, words;
    map_init(&seen);
    map_init(&words);
    matches->module = module;
    matches->seen = session->plan.probe_count > 1 ? &seen : NULL;
    for (uint32_t i = 0; i < session->plan.probe_count; i++) {
        matches->found = 0;
        matches->probe = i;
        matches->place = place_key(&session->plan.probes[i]);
        pattern_in_module(session->patterns[i], module, &words, match_found, matches);
        session->matched[i] += matches->found;
    }
    matches->seen = NULL;
    map_release(&words);
    map_release(&seen);
}

/* ---- one match becomes a site ---- */

static void print_method(const struct match *match, struct buffer *text)
{
    metadata_method_print(match->module->image, match->method, METADATA_NAME_TYPES, text);
}

static enum status never_woven(const struct module *module, mdToken method, struct error *error)
{
    mdToken owner = metadata_owner(module->image, method);
    struct metadata_identity identity;
    if (metadata_identify(module->image, owner, &identity, NULL) != STATUS_OK)
        return STATUS_OK;
    struct buffer type;
    buffer_init(&type, 4096);
    for (uint32_t i = 0; i < identity.depth; i++)
        buffer_append_format(&type, "%s%s", i > 0 ? "+" : "", identity.names[i]);
    enum status status =
        weave_never(identity.name_space, buffer_text(&type),
                    metadata_cell_text(module->image, CLR_TABLE_MethodDef, token_rid(method),
                                       METADATA_METHOD_DEF_NAME),
                    error);
    buffer_release(&type);
    return status;
}

static enum status no_body(const struct metadata_method *method, struct error *error)
{
    return error_set(error, STATUS_UNSUPPORTED, "%s",
                     method->is_abstract  ? "it is abstract: probe the methods that implement it"
                     : method->is_pinvoke ? "it is native code (DllImport)"
                                          : "the runtime itself supplies its code");
}

/* May this method carry a probe at all? */
static enum status may_probe(struct session_engine *engine, const struct module *module,
                             mdToken token, struct error *error)
{
    enum status status = never_woven(module, token, error);
    return status != STATUS_OK ? status
                               : recompile_method_refusal(engine->recompile, module, token, error);
}

static bool add_site(struct session *session, struct session_site *site)
{
    if (session->site_count == session->site_room) {
        uint32_t room = session->site_room == 0 ? 8 : session->site_room * 2;
        struct session_site **grown = realloc(session->sites, room * sizeof *grown);
        if (grown == NULL)
            return false;
        session->sites = grown;
        session->site_room = room;
    }
    site->number = session->site_count;
    session->sites[session->site_count++] = site;
    return true;
}

static enum status probe_match(struct session *session, const struct match *match,
                               struct buffer *messages, struct error *error)
{
    struct session_engine *engine = session->engine;
    struct metadata_method method;
    enum status status =
        metadata_method_describe(match->module->image, match->method, &method, error);
    if (status == STATUS_OK && !method.has_il)
        status = no_body(&method, error);
    if (status == STATUS_OK)
        status = may_probe(engine, match->module, match->method, error);
    if (status != STATUS_OK)
        return status;
    struct buffer fields;
    struct session_site *site;
    buffer_init(&fields, WIRE_FRAME_MAX / 4);
    status = session_bind(session, match->probe, match->module, &method, &site, &fields, error);
    for (uint32_t i = 0; status == STATUS_OK && i < site->key_count; i++)
        if (site->keys[i].method != match->method)
            status = may_probe(engine, match->module, site->keys[i].method, error);
    if (status == STATUS_OK && (buffer_failed(&fields) || !add_site(session, site)))
        status = error_set(error, STATUS_MEMORY, "out of memory");
    if (status == STATUS_OK) {
        size_t mark = wire_frame_begin(messages, WIRE_MSG_METHOD);
        tlv_put_u32(messages, WIRE_METHOD_SITE, site->number);
        tlv_put_u32(messages, WIRE_METHOD_PROBE, site->probe);
        buffer_append(messages, fields.data, fields.length);
        wire_frame_end(messages, mark);
    }
    buffer_release(&fields);
    return status;
}

static void put_refused(struct session *session, const struct match *match,
                        const struct error *error, struct buffer *messages)
{
    if (session->refused++ >= REFUSED_TOLD && !session->plan.explain)
        return;
    struct buffer name;
    buffer_init(&name, 4096);
    print_method(match, &name);
    size_t mark = wire_frame_begin(messages, WIRE_MSG_REFUSED);
    tlv_put_text(messages, WIRE_REFUSED_NAME, buffer_text(&name));
    tlv_put_text(messages, WIRE_REFUSED_REASON, error->message);
    wire_frame_end(messages, mark);
    buffer_release(&name);
}

static bool ends_session(enum status status)
{
    return status == STATUS_MEMORY || status == STATUS_LIMIT || status == STATUS_PEER ||
           status == STATUS_BUG;
}

/* A plan that changes what methods do, instead of looking on. */
static bool is_patch(const struct session *session)
{
    return session->plan.probe_count > 0 && session->plan.probes[0].action == PLAN_PATCH;
}

/* Names which method it is about, where the words of the plan were not at fault. */
static void name_subject(const struct session *session, const struct match *match,
                         struct error *error)
{
    if (error->status == STATUS_USAGE)
        return;
    struct buffer name;
    buffer_init(&name, 4096);
    print_method(match, &name);
    error_prefix(error, "'%s' cannot be %s: ", buffer_text(&name),
                 is_patch(session) ? "changed" : "probed");
    error->status = STATUS_USAGE;
    buffer_release(&name);
}

/* All matches become sites, or are refused. *first_error is that of the first refusal. */
static enum status probe_matches(struct session *session, const struct matches *matches,
                                 struct buffer *messages, struct error *first_error)
{
    size_t count = matches->count < matches->limit ? matches->count : matches->limit;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct error error;
        error_init(&error);
        enum status status = session_breath(session->engine)
                                 ? probe_match(session, &matches->items[i], messages, &error)
                                 : error_set(&error, STATUS_PEER, "nobody waits for it any more");
        if (status == STATUS_OK)
            continue;
        if (ends_session(status)) {
            *first_error = error;
            return status;
        }
        put_refused(session, &matches->items[i], &error, messages);
        if (!any) {
            *first_error = error;
            name_subject(session, &matches->items[i], first_error);
        }
        any = true;
    }
    return STATUS_OK;
}

/* ---- the first resolution ---- */

static enum status parse_patterns(struct session *session, struct error *error)
{
    uint32_t count = session->plan.probe_count;
    if (count == 0)
        return error_set(error, STATUS_PEER, "the plan has no probes");
    session->patterns = arena_new_array(&session->arena, count, const struct metadata_pattern *);
    session->matched = arena_new_array(&session->arena, count, uint32_t);
    if (session->patterns == NULL || session->matched == NULL)
        return error_set(error, STATUS_MEMORY, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        enum status status = metadata_pattern_parse(session->plan.probes[i].pattern,
                                                    &session->arena, &session->patterns[i], error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status no_match(struct session *session, uint32_t probe, struct error *error)
{
    struct modules *modules = session->engine->modules;
    uint32_t room = modules_count(modules), count = 0, cursor = 0;
    const struct metadata_image **images = calloc(room + 1u, sizeof *images);
    struct buffer text;
    error_set(error, STATUS_USAGE, "no method matches '%s'", session->plan.probes[probe].pattern);
    if (images == NULL)
        return STATUS_USAGE;
    for (const struct module *m; (m = modules_next(modules, &cursor)) != NULL && count < room;)
        if (m->image != NULL)
            images[count++] = m->image;
    buffer_init(&text, ERROR_HINT_BYTES * 2);
    metadata_pattern_nearest(session->patterns[probe], images, count, NEAREST_NAMES, &text);
    if (text.length > 0)
        error_hint(error, "nearest: %s", buffer_text(&text));
    session_unread_hint(session, probe, error);
    buffer_release(&text);
    free(images);
    return STATUS_USAGE;
}

/* A patch that meets more methods than it may change, and which these are, as far as there is
 * room for their names. */
static enum status too_many_to_change(const struct session *session, const struct matches *matches,
                                      struct error *error)
{
    struct buffer names;
    size_t kept = matches->count < matches->limit ? matches->count : matches->limit, told = 0;
    buffer_init(&names, ERROR_MESSAGE_BYTES);
    for (; told < kept && names.length < ERROR_MESSAGE_BYTES / 2; told++) {
        buffer_append_text(&names, told > 0 ? "\n  " : "  ");
        print_method(&matches->items[told], &names);
    }
    if (told < matches->count)
        buffer_append_format(&names, "\n  … and %zu more", matches->count - told);
    error_set(error, STATUS_USAGE, "'%s' matches %zu methods, and %u may be changed:\n%s",
              session->plan.probes[0].pattern, matches->count, session->plan.max_methods,
              buffer_text(&names));
    error_hint(error, "name one with its parameters, or give --max-methods %zu to change them all",
               matches->count);
    buffer_release(&names);
    return STATUS_USAGE;
}

static enum status check_counts(struct session *session, const struct matches *matches,
                                struct error *error)
{
    if (matches->failed)
        return error_set(error, STATUS_MEMORY, "out of memory");
    for (uint32_t i = 0; i < session->plan.probe_count && !session->plan.allow_empty; i++)
        if (session->matched[i] == 0)
            return no_match(session, i, error);
    if (matches->count > session->plan.max_methods && is_patch(session))
        return too_many_to_change(session, matches, error);
    if (matches->count > session->plan.max_methods) {
        const char *pattern =
            session->plan.probe_count == 1 ? session->plan.probes[0].pattern : NULL;
        error_set(error, STATUS_USAGE, "%s%s%s %zu methods, and the limit is %u",
                  pattern == NULL ? "the patterns match" : "'", pattern == NULL ? "" : pattern,
                  pattern == NULL ? "" : "' matches", matches->count, session->plan.max_methods);
        error_hint(error, "narrow it, or raise --max-methods");
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

enum status session_plan_resolve(struct session *session, struct buffer *messages,
                                 struct error *error)
{
    enum status status = parse_patterns(session, error);
    if (status != STATUS_OK)
        return status;
    recompile_read_again(session->engine->recompile);
    /* Those that a patch may not change are named, so more are kept. */
    struct matches matches = {.limit = is_patch(session) && session->plan.max_methods < PATCH_TOLD
                                           ? PATCH_TOLD
                                           : session->plan.max_methods};
    uint32_t cursor = 0;
    for (const struct module *module;
         (module = modules_next(session->engine->modules, &cursor)) != NULL;) {
        session->modules_seen++;
        find_in_module(session, module, &matches);
        session_breath(session->engine);
    }
    status = check_counts(session, &matches, error);
    struct error first;
    error_init(&first);
    if (status == STATUS_OK) {
        status = probe_matches(session, &matches, messages, &first);
        bool none = matches.count > 0 && session->site_count == 0;
        if (status != STATUS_OK || none) {
            if (error != NULL)
                *error = first;
            status = first.status;
        }
    }
    free(matches.items);
    return status;
}

enum status session_plan_claim(struct session *session, uint32_t first, struct error *error)
{
    size_t count = 0;
    struct method_key *keys =
        calloc((session->site_count - first) * (size_t)SESSION_SITE_KEYS + 1, sizeof *keys);
    enum status status = keys == NULL ? STATUS_MEMORY : STATUS_OK;
    for (uint32_t i = first; i < session->site_count && status == STATUS_OK; i++) {
        for (uint32_t j = 0; j < session->sites[i]->key_count; j++)
            keys[count++] = session->sites[i]->keys[j];
        /* From here on the site may be woven: another session's request can ask for the IL of
         * the same method at any time. */
        if (!session_weave_add(session->sites[i]))
            status = STATUS_MEMORY;
    }
    if (status != STATUS_OK)
        error_set(error, status, "out of memory");
    else if (count > 0)
        status = recompile_claim(session->engine->recompile, &session->engine->tenant, keys, count,
                                 error);
    free(keys);
    return status;
}

/* ---- later modules ---- */

static void put_notice(struct buffer *out, const char *code, const char *text)
{
    size_t mark = wire_frame_begin(out, WIRE_MSG_NOTICE);
    tlv_put_text(out, WIRE_NOTICE_TEXT, text);
    tlv_put_text(out, WIRE_NOTICE_CODE, code);
    wire_frame_end(out, mark);
}

static void tell_limit(struct session *session, struct buffer *out, size_t left_out)
{
    char text[256];
    if (session->limit_told)
        return;
    session->limit_told = true;
    snprintf(text, sizeof text, "%zu %smethod%s match%s and %s not %s (--max-methods %u)", left_out,
             is_patch(session) && session->site_count == 0 ? "" : "more ", left_out == 1 ? "" : "s",
             left_out == 1 ? "es" : "", left_out == 1 ? "is" : "are",
             is_patch(session) ? "changed" : "probed", session->plan.max_methods);
    put_notice(out, "limit", text);
}

static void tell_module(struct session *session, const struct module *module, uint32_t count)
{
    char text[512];
    snprintf(text, sizeof text, "%s was loaded: %u more method%s %s", module->name, count,
             count == 1 ? " is" : "s are", is_patch(session) ? "changed" : "probed");
    put_notice(&session->connection->out, "module-loaded", text);
}

/* METHOD messages of a module's matches. A module may have tens of thousands of methods. */
static void probe_module(struct session *session, const struct matches *matches)
{
    struct session_connection *connection = session->connection;
    struct buffer messages;
    struct error error;
    error_init(&error);
    buffer_init(&messages, SESSION_MESSAGES_MAX);
    enum status status = probe_matches(session, matches, &messages, &error);
    session_connection_queue(connection, &messages);
    if (status != STATUS_OK)
        put_notice(&connection->out, "limit", error.message);
    else if (buffer_failed(&messages))
        connection->out.failed = true; /* a site without its METHOD must not be heard of */
    buffer_release(&messages);
}

void session_plan_module(struct session *session, const struct module *module)
{
    uint32_t first = session->site_count;
    uint32_t left = session->plan.max_methods > first ? session->plan.max_methods - first : 0;
    struct matches matches = {.limit = left};
    struct error error;
    error_init(&error);
    session->modules_seen++;
    find_in_module(session, module, &matches);
    if (matches.count > left)
        tell_limit(session, &session->connection->out,
                   is_patch(session) ? matches.count : matches.count - left);
    /* Which of several is meant is not guessed. */
    if (matches.count <= left || !is_patch(session))
        probe_module(session, &matches);
    free(matches.items);
    uint32_t count = session->site_count - first;
    if (count == 0)
        return;
    if (session_plan_claim(session, first, &error) != STATUS_OK)
        put_notice(&session->connection->out, "failed", error.message);
    else if (session->announced)
        tell_module(session, module, count);
}

void session_plan_late(struct session *session, const struct module *module)
{
    char text[512];
    bool any = false;
    for (uint32_t i = 0; i < session->site_count && !any; i++)
        for (uint32_t j = 0; j < session->sites[i]->key_count; j++)
            any |= session->sites[i]->keys[j].module == module->id;
    if (!any)
        return;
    snprintf(text, sizeof text,
             "%s ran before its probes were in place: its first calls may be missing",
             module->name);
    put_notice(&session->connection->out, "first-calls", text);
}

/* ---- what is not known ---- */

uint32_t session_plan_pending(const struct session *session)
{
    uint32_t pending = 0;
    for (uint32_t i = 0; i < session->plan.probe_count; i++)
        pending += session->matched[i] == 0;
    return pending;
}

void session_plan_may_miss(struct session *session, struct buffer *message)
{
    const char *why = NULL;
    bool follows = recompile_follows_inliners(session->engine->recompile, &why);
    tlv_put_u32(message, WIRE_SESSION_INLINERS_BY_RUNTIME, follows);
    if (!follows) {
        char text[512];
        snprintf(text, sizeof text,
                 "calls from JIT-compiled code that holds an inlined copy are not seen%s%s",
                 why == NULL ? "" : ": ", why == NULL ? "" : why);
        tlv_put_text(message, WIRE_SESSION_MAY_MISS, text);
    }
}
