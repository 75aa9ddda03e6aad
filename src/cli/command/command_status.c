/* status: what rejig has in a process, or in all; reset: end it. */
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_text.h"
#include "command_context.h"
#include "command_coverage.h"
#include "command_wait.h"
#include "output_escape.h"
#include "output_method.h"
#include "output_number.h"
#include "target_attach.h"
#include "target_state.h"

/* An agent that is at work on all methods of a program answers no sooner. */
#define ANSWER_TIMEOUT_NS 30000000000ull
#define ANSWER_TIMEOUT_MS 30000u
#define ALL_TIMEOUT_MS    3000u /* where all processes are asked, for each */
#define BUSY              "its agent has not answered yet; it may be busy"
#define SESSIONS_MAX      64

struct agent_session {
    uint64_t id, uid, pid, age, methods, bodies, woven, compiled, withdrawn;
    const char *command;
    struct coverage coverage;
};

struct agent_status {
    const char *version;
    bool used;
    uint64_t idle, memory, sessions_ever, residue, recompiled;
    bool started;
    uint64_t start[WIRE_START_LATE + 1]; /* by enum wire_status_start */
    struct agent_session sessions[SESSIONS_MAX];
    size_t count;
};

/* ---- asking ---- */

static enum status connect_agent(const struct target_process *process, struct target_link *link,
                                 struct error *error)
{
    enum status status = target_connect_patiently(process, ANSWER_TIMEOUT_MS, link, error);
    if (status == STATUS_NOT_FOUND) {
        error_set(error, STATUS_TARGET, "no agent of rejig is in pid %d %s", (int)process->pid,
                  process->name);
        error_hint(error, "one comes with the first rejig watch or count");
        return STATUS_TARGET;
    }
    return status;
}

/* Sends what stands in `frame` and hands out the first answer of that type. */
static enum status ask(struct target_link *link, const struct buffer *frame, uint16_t wanted,
                       struct reader *payload, struct error *error)
{
    uint64_t deadline = clock_monotonic() + ANSWER_TIMEOUT_NS;
    uint16_t type = 0;
    enum status status = target_link_send(link, frame, deadline, error);
    while (status == STATUS_OK) {
        status = target_link_receive(link, deadline, &type, payload, error);
        if (status == STATUS_OK && type == WIRE_MSG_ERROR) {
            wire_get_error(*payload, error);
            return error && error->status != STATUS_OK ? error->status : STATUS_PEER;
        }
        if (status == STATUS_OK && type == wanted)
            return STATUS_OK;
    }
    if (status == STATUS_TIMEOUT)
        return target_busy_error(link->pid, ANSWER_TIMEOUT_NS, error);
    return status;
}

static enum status ask_empty(struct target_link *link, enum wire_message_type question,
                             uint16_t wanted, struct reader *payload, struct error *error)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    wire_frame_end(&frame, wire_frame_begin(&frame, question));
    enum status status = ask(link, &frame, wanted, payload, error);
    buffer_release(&frame);
    return status;
}

static void get_session(struct arena *arena, struct reader message, struct agent_session *session)
{
    struct tlv field;
    session->command = "";
    coverage_init(&session->coverage);
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_STATUS_SESSION_ID)
            session->id = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_UID)
            session->uid = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_PID)
            session->pid = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_AGE)
            session->age = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_METHODS)
            session->methods = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_BODIES)
            session->bodies = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_WOVEN)
            session->woven = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_COMPILED)
            session->compiled = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_WITHDRAWN)
            session->withdrawn = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSION_COMMAND)
            session->command = methods_text(arena, &field);
        else if (field.tag == WIRE_STATUS_SESSION_COVERAGE)
            coverage_take(&session->coverage, field.value);
    }
}

static void release_status(struct agent_status *status)
{
    for (size_t i = 0; i < status->count; i++)
        coverage_release(&status->sessions[i].coverage);
}

static void get_start(struct reader message, struct agent_status *status)
{
    struct tlv field;
    status->started = true;
    while (tlv_next(&message, &field))
        if (field.tag <= WIRE_START_LATE)
            status->start[field.tag] = tlv_u64(&field);
}

static void get_status(struct arena *arena, struct reader payload, struct agent_status *status)
{
    struct tlv field;
    memset(status, 0, sizeof *status);
    status->version = "";
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_STATUS_VERSION)
            status->version = methods_text(arena, &field);
        else if (field.tag == WIRE_STATUS_IDLE) {
            status->used = true;
            status->idle = tlv_u64(&field);
        } else if (field.tag == WIRE_STATUS_MEMORY)
            status->memory = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_SESSIONS_EVER)
            status->sessions_ever = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_RESIDUE)
            status->residue = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_RECOMPILED)
            status->recompiled = tlv_u64(&field);
        else if (field.tag == WIRE_STATUS_START)
            get_start(field.value, status);
        else if (field.tag == WIRE_STATUS_SESSION && status->count < SESSIONS_MAX)
            get_session(arena, field.value, &status->sessions[status->count++]);
    }
}

/* ---- printing ---- */

/* Below the session's line, so two columns further to the right than where a session is all
 * there is. */
static void append_indented(struct buffer *out, struct buffer *lines)
{
    for (const char *line = buffer_text(lines); *line;) {
        const size_t length = strcspn(line, "\n");
        buffer_append_format(out, "  %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void append_coverage(struct buffer *out, const struct coverage *coverage, bool explain)
{
    struct buffer lines;
    buffer_init(&lines, 0);
    if (explain && coverage->known) {
        coverage_append_seen(&lines, coverage);
        coverage_append_unseen(&lines, coverage);
    } else {
        coverage_append_parts(&lines, coverage);
        if (lines.length)
            buffer_append_text(out, "  ");
    }
    append_indented(out, &lines);
    buffer_release(&lines);
}

static void append_session(struct buffer *out, const struct agent_session *session)
{
    char age[NUMBER_TEXT];
    number_duration(age, session->age);
    buffer_append_format(out, "  session %llu  pid %llu  uid %llu  since %s  %llu method%s  %s\n",
                         (unsigned long long)session->id, (unsigned long long)session->pid,
                         (unsigned long long)session->uid, age,
                         (unsigned long long)session->methods, session->methods == 1 ? "" : "s",
                         session->command);
}

static void append_start(struct buffer *out, const uint64_t *start)
{
    char longest[NUMBER_TEXT];
    number_duration(longest, start[WIRE_START_LONGEST]);
    buffer_append_format(
        out,
        "  started under rejig: %llu of %llu precompiled functions compiled instead, "
        "modules waited at most %s\n",
        (unsigned long long)start[WIRE_START_COMPILED],
        (unsigned long long)start[WIRE_START_FUNCTIONS], longest);
    if (start[WIRE_START_LATE])
        buffer_append_format(out, "  first calls may be missing: %llu module%s ran too soon\n",
                             (unsigned long long)start[WIRE_START_LATE],
                             start[WIRE_START_LATE] == 1 ? "" : "s");
    if (start[WIRE_START_OVERFLOWED])
        buffer_append_text(out, "  first calls from inlined copies may be missing: too many "
                                "precompiled functions\n");
}

static void append_status(struct buffer *out, const struct target_process *process,
                          const struct agent_status *status, bool explain)
{
    char target[160], memory[NUMBER_TEXT], idle[NUMBER_TEXT];
    command_target_text(process, target, sizeof target);
    number_bytes(memory, status->memory);
    buffer_append_format(out, "%s: agent %s, %zu session%s now, %llu ever, %s besides rings\n",
                         target, status->version, status->count, status->count == 1 ? "" : "s",
                         (unsigned long long)status->sessions_ever, memory);
    if (status->started)
        append_start(out, status->start);
    for (size_t i = 0; i < status->count; i++) {
        append_session(out, &status->sessions[i]);
        append_coverage(out, &status->sessions[i].coverage, explain);
    }
    if (status->count == 0 && status->used) {
        number_duration(idle, status->idle);
        buffer_append_format(out, "  asleep, last used %s ago\n", idle);
    }
    if (status->residue)
        buffer_append_format(out, "  %llu method%s still to be reverted\n",
                             (unsigned long long)status->residue,
                             status->residue == 1 ? " is" : "s are");
}

static void json_session(struct buffer *out, const struct agent_session *session)
{
    buffer_append_format(out,
                         "{\"id\":%llu,\"pid\":%llu,\"uid\":%llu,\"age_ns\":%llu,"
                         "\"methods\":%llu,\"bodies\":%llu,\"woven\":%llu,\"compiled\":%llu,"
                         "\"withdrawn\":%llu,\"command\":",
                         (unsigned long long)session->id, (unsigned long long)session->pid,
                         (unsigned long long)session->uid, (unsigned long long)session->age,
                         (unsigned long long)session->methods, (unsigned long long)session->bodies,
                         (unsigned long long)session->woven, (unsigned long long)session->compiled,
                         (unsigned long long)session->withdrawn);
    escape_json(out, session->command);
    if (session->coverage.known) {
        buffer_append_text(out, ",\"coverage\":{");
        coverage_json_numbers(out, &session->coverage);
        coverage_json_lists(out, &session->coverage);
        buffer_append_u8(out, '}');
    }
    buffer_append_u8(out, '}');
}

static void json_start(struct buffer *out, const uint64_t *start)
{
    static const char *const names[] = {[WIRE_START_FUNCTIONS] = "functions",
                                        [WIRE_START_COMPILED] = "compiled",
                                        [WIRE_START_DUPLICATES] = "duplicates",
                                        [WIRE_START_OVERFLOWED] = "overflowed",
                                        [WIRE_START_MODULES] = "modules",
                                        [WIRE_START_LONGEST] = "longest_wait_ns",
                                        [WIRE_START_LATE] = "late"};
    for (uint32_t i = WIRE_START_FUNCTIONS; i <= WIRE_START_LATE; i++)
        buffer_append_format(out, "%s\"%s\":%llu", i == 1 ? ",\"start\":{" : ",", names[i],
                             (unsigned long long)start[i]);
    buffer_append_u8(out, '}');
}

static void json_status(struct buffer *out, const struct target_process *process,
                        const struct agent_status *status)
{
    buffer_append_format(out, "{\"type\":\"status\",\"pid\":%d,\"name\":", (int)process->pid);
    escape_json(out, process->name);
    buffer_append_text(out, ",\"agent\":");
    escape_json(out, status->version);
    buffer_append_format(
        out, ",\"sessions_ever\":%llu,\"memory_bytes\":%llu,\"residue\":%llu,\"recompiled\":%llu",
        (unsigned long long)status->sessions_ever, (unsigned long long)status->memory,
        (unsigned long long)status->residue, (unsigned long long)status->recompiled);
    if (status->used)
        buffer_append_format(out, ",\"idle_ns\":%llu", (unsigned long long)status->idle);
    if (status->started)
        json_start(out, status->start);
    buffer_append_text(out, ",\"sessions\":[");
    for (size_t i = 0; i < status->count; i++) {
        if (i > 0)
            buffer_append_u8(out, ',');
        json_session(out, &status->sessions[i]);
    }
    buffer_append_text(out, "]}\n");
}

static void append_log(struct buffer *out, struct arena *arena, struct reader payload, bool json)
{
    struct number_clock clock = {0};
    struct tlv field, part;
    while (tlv_next(&payload, &field)) {
        uint64_t time = 0;
        const char *text = "";
        char when[NUMBER_TEXT];
        while (field.tag == WIRE_LOG_LINE && tlv_next(&field.value, &part)) {
            if (part.tag == WIRE_LOG_TIME)
                time = tlv_u64(&part);
            else if (part.tag == WIRE_LOG_TEXT)
                text = methods_text(arena, &part);
        }
        number_time_iso(&clock, when, time);
        if (json) {
            buffer_append_format(out, "{\"type\":\"log\",\"time\":\"%s\",\"text\":", when);
            escape_json(out, text);
            buffer_append_text(out, "}\n");
        } else {
            buffer_append_format(out, "%.10s %.12s  %s\n", when, when + 11, text);
        }
    }
}

/* ---- the commands ---- */

static enum status show_one(const struct command_line *line, struct arena *arena,
                            struct buffer *out, struct error *error)
{
    struct target_process process;
    struct target_link link;
    struct agent_status agent;
    struct command_wait wait;
    struct reader payload;
    bool json = command_has(line, OPTION_JSON), log = command_has(line, OPTION_LOG);
    enum status status = command_find_target(line, &process, error);
    if (status != STATUS_OK)
        return status;
    command_wait_begin(&wait, &process, BUSY);
    status = connect_agent(&process, &link, error);
    if (status == STATUS_OK)
        status = ask_empty(&link, log ? WIRE_MSG_LOG : WIRE_MSG_STATUS,
                           log ? WIRE_MSG_LOG : WIRE_MSG_STATUS, &payload, error);
    command_wait_end(&wait);
    if (status == STATUS_OK && log) {
        append_log(out, arena, payload, json);
    } else if (status == STATUS_OK) {
        get_status(arena, payload, &agent);
        if (json)
            json_status(out, &process, &agent);
        else
            append_status(out, &process, &agent, command_has(line, OPTION_EXPLAIN));
        release_status(&agent);
    }
    target_link_close(&link);
    return status;
}

static void show_agent(const struct target_process *process, struct arena *arena,
                       struct buffer *out, const struct command_line *line)
{
    struct target_link link;
    struct agent_status agent;
    struct reader payload;
    struct error error;
    struct command_wait wait;
    error_init(&error);
    command_wait_begin(&wait, process, BUSY);
    enum status status = target_connect(process, ALL_TIMEOUT_MS, &link, &error);
    if (status == STATUS_OK)
        status = ask_empty(&link, WIRE_MSG_STATUS, WIRE_MSG_STATUS, &payload, &error);
    command_wait_end(&wait);
    if (status == STATUS_OK) {
        get_status(arena, payload, &agent);
        if (command_has(line, OPTION_JSON))
            json_status(out, process, &agent);
        else
            append_status(out, process, &agent, command_has(line, OPTION_EXPLAIN));
        release_status(&agent);
    } else if (status != STATUS_NOT_FOUND) {
        command_say("pid %d %s: %s", (int)process->pid, process->name, error.message);
    }
    target_link_close(&link);
}

static enum status show_all(const struct command_line *line, struct arena *arena,
                            struct buffer *out, struct error *error)
{
    struct target_list list = {0};
    enum status status = target_find_all(&list, error);
    for (size_t i = 0; status == STATUS_OK && i < list.count; i++)
        if (list.items[i].slot == TARGET_SLOT_AGENT || list.items[i].agent_socket[0])
            show_agent(&list.items[i], arena, out, line);
    if (status == STATUS_OK && out->length == 0 && !command_has(line, OPTION_JSON))
        command_say("(no process holds an agent of rejig, or none that this user may see)");
    target_list_release(&list);
    return status;
}

enum status status_run(struct command_context *context, struct error *error)
{
    const struct command_line *line = context->line;
    bool all =
        !line->target && !command_has(line, OPTION_PROCESS_ID) && !command_has(line, OPTION_NAME);
    struct arena arena;
    struct buffer out;
    if (line->argument_count > 0)
        return error_set(error, STATUS_USAGE, "rejig status takes one target");
    if (all && command_has(line, OPTION_LOG))
        return error_set(error, STATUS_USAGE, "--log needs a target");
    arena_init(&arena, 0);
    buffer_init(&out, 0);
    enum status status =
        all ? show_all(line, &arena, &out, error) : show_one(line, &arena, &out, error);
    if (status == STATUS_OK)
        status = command_write(STDOUT_FILENO, &out, error);
    buffer_release(&out);
    arena_release(&arena);
    return status;
}

static enum status send_reset(struct target_link *link, bool all_users, struct reader *payload,
                              struct error *error)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_RESET);
    tlv_put_u32(&frame, WIRE_RESET_ALL_USERS, all_users);
    wire_frame_end(&frame, mark);
    enum status status = ask(link, &frame, WIRE_MSG_DONE, payload, error);
    buffer_release(&frame);
    return status;
}

static bool is_ours(const struct agent_session *session, bool all_users)
{
    return all_users || session->uid == (uint64_t)geteuid();
}

static void append_reset(struct buffer *out, const struct target_process *process,
                         const struct agent_status *agent, bool all_users, bool json)
{
    size_t ended = 0;
    for (size_t i = 0; i < agent->count; i++)
        ended += is_ours(&agent->sessions[i], all_users);
    if (json) {
        buffer_append_format(out, "{\"type\":\"reset\",\"pid\":%d,\"ended\":%zu,\"left\":%zu}\n",
                             (int)process->pid, ended, agent->count - ended);
        return;
    }
    for (size_t i = 0; i < agent->count; i++)
        if (is_ours(&agent->sessions[i], all_users))
            append_session(out, &agent->sessions[i]);
    buffer_append_format(out, "%zu session%s on pid %d ended", ended, ended == 1 ? "" : "s",
                         (int)process->pid);
    if (agent->count > ended)
        buffer_append_format(out, ", %zu of other users left (--all-users)", agent->count - ended);
    buffer_append_u8(out, '\n');
}

/* A connection answers one question, so each gets its own. */
static enum status list_and_end(const struct target_process *process, bool all_users,
                                struct arena *arena, struct agent_status *agent,
                                struct error *error)
{
    struct target_link link;
    struct reader payload;
    enum status status = connect_agent(process, &link, error);
    if (status == STATUS_OK)
        status = ask_empty(&link, WIRE_MSG_STATUS, WIRE_MSG_STATUS, &payload, error);
    if (status == STATUS_OK)
        get_status(arena, payload, agent);
    target_link_close(&link);
    if (status == STATUS_OK)
        status = connect_agent(process, &link, error);
    if (status == STATUS_OK)
        status = send_reset(&link, all_users, &payload, error);
    target_link_close(&link);
    return status;
}

static enum status reset(const struct command_line *line, struct arena *arena, struct buffer *out,
                         struct error *error)
{
    struct target_process process;
    struct agent_status agent = {0};
    struct command_wait wait;
    bool all_users = command_has(line, OPTION_ALL_USERS);
    enum status status = command_find_target(line, &process, error);
    if (status != STATUS_OK)
        return status;
    command_wait_begin(&wait, &process, BUSY);
    status = list_and_end(&process, all_users, arena, &agent, error);
    command_wait_end(&wait);
    if (status == STATUS_OK)
        append_reset(out, &process, &agent, all_users, command_has(line, OPTION_JSON));
    release_status(&agent);
    return status;
}

enum status reset_run(struct command_context *context, struct error *error)
{
    struct arena arena;
    struct buffer out;
    if (context->line->argument_count > 0)
        return error_set(error, STATUS_USAGE, "rejig reset takes one target");
    arena_init(&arena, 0);
    buffer_init(&out, 0);
    enum status status = reset(context->line, &arena, &out, error);
    if (status == STATUS_OK)
        status = command_write(STDOUT_FILENO, &out, error);
    buffer_release(&out);
    arena_release(&arena);
    return status;
}
