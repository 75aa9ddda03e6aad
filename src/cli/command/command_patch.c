/* patch: a method gives another result, for a while. */
#include <stdlib.h>
#include <string.h>

#include "base_clock.h"
#include "command_audit.h"
#include "command_hooks.h"
#include "command_plan.h"
#include "command_session.h"

#define NS_PER_S       1000000000ull
#define DURATION_USUAL (600 * NS_PER_S)
#define METHODS_TOLD   10

struct patching {
    struct session session; /* first: the hooks get its address */
    struct audit audit;
    uint32_t written;   /* methods whose change stands in the audit log */
    bool requested;     /* so does the request */
    bool in_force;      /* once it has been */
    struct error later; /* what went wrong while the change was in force */
};

static struct patching *patching_of(struct session *session)
{
    return (struct patching *)session;
}

static const char *value_of(const struct session *session)
{
    const char *text = session->plan.probes[0].literal.text;
    return text[0] ? text : "void";
}

/* ---- the audit log ---- */

static enum status write_entry(struct patching *patching, const char *event, const char *method,
                               const char *result, struct error *error)
{
    const struct audit_entry entry = {
        .event = event,
        .action = "patch",
        .process = &patching->session.process,
        .method = method,
        .value = value_of(&patching->session),
        .duration_ns = patching->session.duration_ns,
        .result = result,
    };
    return audit_write(&patching->audit, &entry, error);
}

/* A line for each method that `from` does not count yet. */
static enum status write_methods(struct patching *patching, uint32_t from, const char *event,
                                 const char *result, struct error *error)
{
    struct methods *methods = &patching->session.printer.methods;
    enum status status = STATUS_OK;
    for (uint32_t i = from; i < methods->count && status == STATUS_OK; i++) {
        const struct method *method = methods_get(methods, i);
        struct buffer name;
        if (!method)
            continue;
        buffer_init(&name, 0);
        buffer_append_format(&name, "%s%s", method->name, method->signature);
        status = write_entry(patching, event, buffer_text(&name), result, error);
        buffer_release(&name);
    }
    return status;
}

static enum status write_changes(struct patching *patching, struct error *error)
{
    uint32_t from = patching->written;
    patching->written = patching->session.printer.methods.count;
    return write_methods(patching, from, "change", "in force", error);
}

/* ---- the moments of a session ---- */

/* The line that says what is wanted stands before anything is done. */
static enum status before(struct session *session, struct error *error)
{
    struct patching *patching = patching_of(session);
    if (!session->duration_ns)
        session->duration_ns = DURATION_USUAL;
    session->plan.time_limit = session->duration_ns;
    enum status status =
        write_entry(patching, "request", session->plan.probes[0].pattern, "not yet known", error);
    patching->requested = status == STATUS_OK;
    return status;
}

static enum status in_force(struct session *session, struct error *error)
{
    struct patching *patching = patching_of(session);
    patching->in_force = true;
    return write_changes(patching, error);
}

/* "10 min" where it is a round one. */
static void append_limit(struct buffer *out, uint64_t nanoseconds)
{
    static const struct {
        uint64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    char text[NUMBER_TEXT];
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (nanoseconds && nanoseconds % (units[i].seconds * NS_PER_S) == 0) {
            number_u64(text, nanoseconds / (units[i].seconds * NS_PER_S));
            buffer_append_format(out, "%s %s", text, units[i].unit);
            return;
        }
    number_duration(text, nanoseconds);
    buffer_append_text(out, text);
}

static void tell_methods(struct session *session)
{
    struct methods *methods = &session->printer.methods;
    uint32_t told = 0;
    for (uint32_t i = 0; i < methods->count && told < METHODS_TOLD; i++) {
        const struct method *method = methods_get(methods, i);
        const char *value = value_of(session);
        if (!method)
            continue;
        told++;
        if (strcmp(value, "void") == 0)
            command_say("  %s%s does nothing", method->name, method->signature);
        else
            command_say("  %s%s gives %s", method->name, method->signature, value);
    }
    if (session->methods > told)
        command_say("  … and %u more", session->methods - told);
}

static void first(struct session *session)
{
    struct buffer line;
    buffer_init(&line, 0);
    buffer_append_text(&line, "changed ");
    report_in_force(session, &line);
    buffer_append_text(&line, " · back in ");
    append_limit(&line, session->duration_ns);
    buffer_append_format(&line, " or at %s · written to the audit log",
                         session->has_program ? "the program's end" : "Ctrl-C");
    command_say("%s", buffer_text(&line));
    buffer_release(&line);
    tell_methods(session);
}

static const char *result_of(const struct session *session, struct buffer *room)
{
    if (session->end == SESSION_TARGET_ENDED || (session->has_program && session->started.ended))
        return "the process has ended";
    if (!session->ended_known)
        return "the connection was lost: the process takes it back by itself";
    buffer_append_format(room, "taken back (%s)", report_end_word(session->end));
    if (session->revert_failed)
        buffer_append_format(room, ", but %u methods could not be", session->revert_failed);
    return buffer_text(room);
}

static void last(struct session *session, struct buffer *line)
{
    struct patching *patching = patching_of(session);
    bool gone = session->end == SESSION_TARGET_ENDED || !session->ended_known;
    char took[NUMBER_TEXT];
    struct buffer room;
    buffer_init(&room, 0);
    write_methods(patching, 0, "take-back", result_of(session, &room), &patching->later);
    buffer_release(&room);
    number_duration(took, clock_monotonic() - session->ready);
    if (session->printer.methods.count == 0)
        buffer_append_text(line, "nothing was changed");
    else
        buffer_append_format(line, gone ? "the change lasted %s" : "taken back after %s", took);
}

static const struct command_hooks hooks = {
    .action = "patch", .before = before, .in_force = in_force, .first = first, .last = last};

/* ---- the run ---- */

/* Methods of modules that have loaded since, and changes that could not be made. */
static void tick(struct session *session, uint64_t now)
{
    struct patching *patching = patching_of(session);
    (void)now;
    if (session->end != SESSION_RUNS)
        return;
    if (patching->written < session->printer.methods.count &&
        write_changes(patching, &patching->later) != STATUS_OK)
        session->end = SESSION_FAILED;
    else if (session->failed && session->methods == 0)
        session->end = SESSION_FAILED;
}

static enum status run(struct session *session, struct error *error)
{
    struct patching *patching = patching_of(session);
    session->tick = tick;
    enum status status = session_run(session, error);
    if (status == STATUS_OK && patching->later.status != STATUS_OK) {
        *error = patching->later;
        status = error->status;
    } else if (status == STATUS_OK && session->end == SESSION_FAILED) {
        status = error_set(error, STATUS_UNSUPPORTED, "nothing is changed in pid %d any more",
                           (int)session->process.pid);
    }
    return status;
}

/* Before anything is started or looked for: may it be done, is it clear, and can it be written
 * down? */
static enum status check(struct command_context *context, struct audit *audit, struct error *error)
{
    struct arena arena;
    struct plan plan;
    if (!command_has(context->line, OPTION_ALLOW_CHANGES)) {
        error_set(error, STATUS_USAGE,
                  "rejig patch changes what the program does, and was not told that it may");
        error_hint(error, "add --allow-changes where that is meant");
        return STATUS_USAGE;
    }
    arena_init(&arena, 0);
    enum status status = command_plan_patch(context, &arena, &plan, error);
    arena_release(&arena);
    return status == STATUS_OK ? audit_open(audit, error) : status;
}

/* What was asked for did not come into force, or not to stay. */
static void write_refusal(struct patching *patching, const char *why)
{
    struct error ignored;
    error_init(&ignored);
    struct buffer result;
    buffer_init(&result, 0);
    buffer_append_format(&result, "%s%s", patching->in_force ? "taken back: " : "", why);
    if (patching->in_force)
        write_methods(patching, 0, "take-back", buffer_text(&result), &ignored);
    else
        write_entry(patching, "refused", patching->session.plan.probes[0].pattern,
                    buffer_text(&result), &ignored);
    buffer_release(&result);
}

enum status patch_run(struct command_context *context, struct error *error)
{
    struct patching *patching = calloc(1, sizeof *patching);
    if (!patching)
        return error_set(error, STATUS_MEMORY, "out of memory");
    error_init(&patching->later);
    audit_init(&patching->audit);
    context->hooks = &hooks;
    enum status status = check(context, &patching->audit, error);
    if (status != STATUS_OK) {
        free(patching);
        return status;
    }
    status = session_open(&patching->session, context, command_plan_patch, error);
    if (status != STATUS_OK && patching->requested)
        write_refusal(patching, error->message);
    status = session_conduct(&patching->session, status, error, run);
    if (status == STATUS_OK && patching->later.status != STATUS_OK) {
        *error = patching->later;
        status = error->status;
    }
    audit_close(&patching->audit);
    free(patching);
    return status;
}
