#include "session_unread.h"

#include <string.h>

#include "session_log.h"

#define TRY_EVERY_NS UINT64_C(2000000000)
#define NAMES        3

/* "A.dll (why), B.dll (why) and 4 more" */
struct naming {
    struct buffer text;
    uint32_t named, more;
};

static void name_module(struct naming *naming, const struct module *module)
{
    if (naming->named == NAMES) {
        naming->more++;
        return;
    }
    buffer_append_format(&naming->text, "%s%s (%s)", naming->named++ > 0 ? ", " : "",
                         module->name[0] != '\0' ? module->name : "a module without a name",
                         module->unreadable);
}

static const char *name_end(struct naming *naming)
{
    if (naming->more > 0)
        buffer_append_format(&naming->text, " and %u more", naming->more);
    return buffer_text(&naming->text);
}

/* The first waiting pattern that could mean methods of the module; NULL: none. */
static const char *waits_for(const struct session *session, const struct module *module)
{
    for (uint32_t i = 0; i < session->plan.probe_count; i++)
        if (session->matched[i] == 0 &&
            metadata_pattern_allows_module(session->patterns[i], module->name))
            return metadata_pattern_text(session->patterns[i]);
    return NULL;
}

static void put_notice(struct session *session, const char *pattern, const char *names)
{
    struct buffer *out = &session->connection->out;
    struct buffer text;
    buffer_init(&text, 4096);
    buffer_append_format(&text, "cannot be read, and may hold '%s': %s", pattern, names);
    size_t mark = wire_frame_begin(out, WIRE_MSG_NOTICE);
    tlv_put_text(out, WIRE_NOTICE_TEXT, buffer_text(&text));
    tlv_put_text(out, WIRE_NOTICE_CODE, "unread");
    wire_frame_end(out, mark);
    session_log("session %llu: %s", (unsigned long long)session->id, buffer_text(&text));
    buffer_release(&text);
}

/* Names what this session has not been told of. */
static void tell(struct session *session)
{
    struct modules *modules = session->engine->modules;
    struct naming naming = {0};
    const char *pattern = NULL;
    uint32_t cursor = 0;
    buffer_init(&naming.text, 2048);
    for (const struct module *module; (module = modules_next(modules, &cursor)) != NULL;) {
        const char *waiting = module->image == NULL ? waits_for(session, module) : NULL;
        if (waiting == NULL || map_has(&session->unread_told, module->id) ||
            !map_put(&session->unread_told, module->id, 1))
            continue;
        if (pattern == NULL)
            pattern = waiting;
        name_module(&naming, module);
    }
    if (pattern != NULL)
        put_notice(session, pattern, name_end(&naming));
    buffer_release(&naming.text);
}

void session_unread_tick(struct session_engine *engine, uint64_t now)
{
    if (engine->sessions == NULL || now < engine->unread_time + TRY_EVERY_NS)
        return;
    engine->unread_time = now;
    recompile_read_again(engine->recompile);
    for (struct session *session = engine->sessions; session != NULL; session = session->next)
        if (now >= session->began + TRY_EVERY_NS)
            tell(session);
}

void session_unread_hint(const struct session *session, uint32_t probe, struct error *error)
{
    const struct metadata_pattern *pattern = session->patterns[probe];
    const bool names_module = strchr(metadata_pattern_text(pattern), '!') != NULL;
    struct naming naming = {0};
    char before[ERROR_HINT_BYTES];
    uint32_t cursor = 0;
    buffer_init(&naming.text, ERROR_HINT_BYTES * 2);
    for (const struct module *module;
         (module = modules_next(session->engine->modules, &cursor)) != NULL;)
        if (module->image == NULL && (module->unread || names_module) &&
            metadata_pattern_allows_module(pattern, module->name))
            name_module(&naming, module);
    if (naming.named > 0 && error != NULL) {
        memcpy(before, error->hint, sizeof before);
        error_hint(error, "cannot be read, and may hold it: %s%s%s", name_end(&naming),
                   before[0] != '\0' ? "; " : "", before);
    }
    buffer_release(&naming.text);
}
