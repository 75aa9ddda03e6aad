/* What the agent says during a session. */
#include <string.h>

#include "base_text.h"
#include "command_plan.h"
#include "command_session.h"

static void take_session(struct session *session, struct reader payload)
{
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        uint32_t number = tlv_u32(&field);
        switch (field.tag) {
        case WIRE_SESSION_METHODS:
            session->methods = number;
            break;
        case WIRE_SESSION_REFUSED:
            session->refused = number;
            break;
        case WIRE_SESSION_MODULES_PENDING:
            session->modules_pending = session->pending = number;
            break;
        case WIRE_SESSION_INLINERS_BY_RUNTIME:
            session->inliners_by_runtime = number != 0;
            break;
        case WIRE_SESSION_MODULES:
            session->modules = number;
            break;
        case WIRE_SESSION_MAY_MISS:
            if (session->may_miss_count < SESSION_REFUSED_SHOWN)
                session->may_miss[session->may_miss_count++] =
                    methods_text(&session->arena, &field);
            break;
        default:
            break;
        }
    }
}

static void take_refused(struct session *session, struct reader payload)
{
    const char *name = "", *reason = "";
    bool later = false;
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_REFUSED_NAME)
            name = methods_text(&session->arena, &field);
        else if (field.tag == WIRE_REFUSED_REASON)
            reason = methods_text(&session->arena, &field);
        else if (field.tag == WIRE_REFUSED_LATER)
            later = tlv_u32(&field) != 0;
    }
    if (session->json)
        json_refused(&session->printer, name, reason, later);
    if (session->rings || later) {
        bool changes = session->context->hooks != NULL;
        if (later)
            command_say("rejig: the %s %s was withdrawn: %s", changes ? "change of" : "probe on",
                        name, reason);
        else
            command_say("rejig: %s is not %s: %s", name, changes ? "changed" : "probed", reason);
    } else {
        if (session->refused < SESSION_REFUSED_SHOWN)
            session->refusals[session->refused] = (struct session_refused){name, reason};
    }
    session->refused++;
}

static void take_notice(struct session *session, struct reader payload)
{
    const char *text = "", *code = "notice";
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_NOTICE_TEXT)
            text = methods_text(&session->arena, &field);
        else if (field.tag == WIRE_NOTICE_CODE)
            code = methods_text(&session->arena, &field);
    }
    if (strcmp(code, "module-loaded") == 0)
        session->coverage.wanted = true;
    if (session->json)
        json_notice(&session->printer, code, text);
    command_say("(%s)", text);
}

static void take_state(struct session *session, struct reader payload)
{
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        uint32_t number = tlv_u32(&field);
        if (field.tag == WIRE_STATE_METHODS)
            session->methods = number;
        else if (field.tag == WIRE_STATE_COMPILED)
            session->compiled = number;
        else if (field.tag == WIRE_STATE_INLINERS) {
            session->coverage.wanted |= number != session->inliners;
            session->inliners = number;
        } else if (field.tag == WIRE_STATE_PENDING)
            session->pending = number;
        else if (field.tag == WIRE_STATE_FAILED)
            session->failed = number;
    }
}

static void take_ended(struct session *session, struct reader payload)
{
    struct tlv field;
    session->ended_known = true;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_ENDED_REVERTED)
            session->reverted = tlv_u32(&field);
        else if (field.tag == WIRE_ENDED_FAILED)
            session->revert_failed = tlv_u32(&field);
        else if (field.tag == WIRE_ENDED_REASON)
            tlv_copy_text(&field, session->ended_reason, sizeof session->ended_reason);
    }
    if (session->end == SESSION_RUNS)
        session->end = SESSION_ENDED;
}

static enum status take_method(struct session *session, struct reader payload, struct error *error)
{
    struct method *method;
    enum status status = methods_add(&session->printer.methods, payload, &method, error);
    if (status == STATUS_OK && session->json && session->rings)
        json_method(&session->printer, method);
    return status;
}

/* The agent knows the nearest names; which process the user meant, and the option for a module
 * that is not there yet, are ours. */
static void name_the_wait(const struct session *session, struct error *error)
{
    static const char nothing[] = "no method matches '";
    char message[ERROR_MESSAGE_BYTES], hint[ERROR_HINT_BYTES];
    if (!error || strncmp(error->message, nothing, sizeof nothing - 1) != 0)
        return;
    text_copy(message, sizeof message, error->message);
    text_copy(hint, sizeof hint, error->hint);
    error_set(error, error->status, "%s in pid %d", message, (int)session->process.pid);
    error_hint(error, "%.300s%s--wait waits for modules that load later", hint,
               hint[0] ? "; " : "");
}

enum status session_take(struct session *session, uint16_t type, struct reader payload,
                         struct error *error)
{
    switch (type) {
    case WIRE_MSG_METHOD:
        return take_method(session, payload, error);
    case WIRE_MSG_TYPE:
        return types_add(&session->printer.types, payload, error);
    case WIRE_MSG_SESSION:
        take_session(session, payload);
        return STATUS_OK;
    case WIRE_MSG_REFUSED:
        take_refused(session, payload);
        return STATUS_OK;
    case WIRE_MSG_NOTICE:
        take_notice(session, payload);
        return STATUS_OK;
    case WIRE_MSG_STATE:
        take_state(session, payload);
        return STATUS_OK;
    case WIRE_MSG_COVERED:
        session_coverage_take_row(session, payload);
        return STATUS_OK;
    case WIRE_MSG_COVERAGE:
        session_coverage_take(session, payload);
        return STATUS_OK;
    case WIRE_MSG_ENDED:
        take_ended(session, payload);
        return STATUS_OK;
    case WIRE_MSG_ERROR: {
        struct error said;
        error_init(&said);
        wire_get_error(payload, &said);
        if (error)
            *error = said;
        command_plan_locate(session->context, &session->plan, error);
        name_the_wait(session, error);
        return said.status == STATUS_OK ? STATUS_PEER : said.status;
    }
    default: /* of a later minor version */
        return STATUS_OK;
    }
}
