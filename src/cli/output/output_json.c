/* The --json stream: one object a line; the fields are documented in docs/json.md. */
#include <string.h>

#include "output_escape.h"
#include "output_print.h"

/* `field` with its comma and quotes: ,"pid": */
static void put_u64(struct buffer *out, const char *field, uint64_t value)
{
    char text[NUMBER_TEXT];
    buffer_append_text(out, field);
    buffer_append(out, text, number_u64(text, value));
}

static void put_text(struct buffer *out, const char *field, const char *value)
{
    buffer_append_text(out, field);
    escape_json(out, value);
}

static void put_bool(struct buffer *out, const char *field, bool value)
{
    buffer_append_text(out, field);
    buffer_append_text(out, value ? "true" : "false");
}

static void put_time(struct printer *printer, uint64_t realtime)
{
    struct buffer *out = sink_buffer(printer->sink);
    char text[NUMBER_TEXT];
    size_t length = number_time_iso(&printer->number_clock, text, realtime);
    buffer_append_text(out, ",\"time\":\"");
    buffer_append(out, text, length);
    buffer_append_u8(out, '"');
}

static struct buffer *begin(struct printer *printer, const char *head)
{
    struct buffer *out = sink_buffer(printer->sink);
    buffer_append_text(out, head);
    put_time(printer, clock_realtime());
    put_u64(out, ",\"pid\":", printer->pid);
    return out;
}

static void finish(struct buffer *out)
{
    buffer_append(out, "}\n", 2);
}

/* ---- calls ---- */

/* Writes one value; true where it was cut. */
static bool put_value(struct printer *printer, uint16_t slot, const struct method_value *label)
{
    const struct value_list *list;
    const struct value *value = print_slot(printer, slot, &list);
    struct value_writer writer = print_writer(printer, list);
    if (value)
        value_write(&writer, value, label);
    else
        buffer_append_text(writer.out, "null");
    return writer.cut;
}

static bool has_slot(const struct printer *printer, uint16_t slot)
{
    const struct value_list *list;
    return print_slot(printer, slot, &list) != NULL;
}

/* The labels of values that were cut are collected as bits; beyond 64 values the last stands
 * for the others. */
static uint64_t put_values(struct printer *printer, const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    uint64_t cut = 0;
    bool first = true;
    buffer_append_text(out, ",\"values\":{");
    for (uint32_t i = 0; i < method->value_count; i++) {
        if (!has_slot(printer, (uint16_t)i))
            continue;
        if (!first)
            buffer_append_u8(out, ',');
        first = false;
        escape_json(out, method->values[i].label);
        buffer_append_u8(out, ':');
        if (put_value(printer, (uint16_t)i, &method->values[i]))
            cut |= 1ull << (i < 63 ? i : 63);
    }
    buffer_append_u8(out, '}');
    return cut;
}

static void put_cut(struct buffer *out, const struct method *method, uint64_t cut, bool result)
{
    bool first = true;
    if (!cut && !result)
        return;
    buffer_append_text(out, ",\"cut\":[");
    for (uint32_t i = 0; i < method->value_count && i < 64; i++) {
        if (!(cut >> i & 1))
            continue;
        if (!first)
            buffer_append_u8(out, ',');
        first = false;
        escape_json(out, method->values[i].label);
    }
    if (result)
        buffer_append_text(out, first ? "\"return\"" : ",\"return\"");
    buffer_append_u8(out, ']');
}

static void put_threw(struct printer *printer, const struct call *call)
{
    if (call->outcome != CALL_THREW)
        return;
    buffer_append_text(sink_buffer(printer->sink), ",\"threw\":");
    put_value(printer, WIRE_SLOT_EXCEPTION, NULL);
}

static void put_outcome(struct printer *printer, const struct call *call)
{
    struct buffer *out = sink_buffer(printer->sink);
    if (call->timed)
        put_u64(out, ",\"elapsed_ns\":", print_elapsed_ns(printer, call));
    if (call->iterator)
        put_u64(out, ",\"items\":", call->items);
    if (call->outcome == CALL_FIRST_AWAIT)
        put_bool(out, ",\"first_await\":", true);
    if (call->cut)
        put_bool(out, ",\"record_cut\":", true);
}

void json_call(struct printer *printer, const struct call *call, const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    buffer_append_text(out, "{\"type\":\"call\"");
    put_time(printer, clock_line_realtime(&printer->clock, call->start));
    put_u64(out, ",\"pid\":", printer->pid);
    put_u64(out, ",\"thread\":", call->thread);
    put_text(out, ",\"method\":", method->name);
    if (method->overloaded)
        put_text(out, ",\"signature\":", method->signature);
    put_outcome(printer, call);
    uint64_t cut = put_values(printer, method);
    bool result_cut = false;
    if (has_slot(printer, WIRE_SLOT_RESULT)) {
        buffer_append_text(out, ",\"return\":");
        result_cut =
            put_value(printer, WIRE_SLOT_RESULT, method->has_result ? &method->result : NULL);
    }
    put_threw(printer, call);
    put_cut(out, method, cut, result_cut);
    finish(out);
}

/* ---- coverage ---- */

static void put_coverage(struct buffer *out, const struct coverage *coverage)
{
    if (!coverage || !coverage->known)
        return;
    buffer_append_text(out, ",\"coverage\":{");
    coverage_json_numbers(out, coverage);
    buffer_append_u8(out, '}');
}

void json_coverage(struct printer *printer, const struct coverage *coverage)
{
    struct buffer *out = begin(printer, "{\"type\":\"coverage\"");
    put_bool(out, ",\"final\":", coverage->final);
    buffer_append_u8(out, ',');
    coverage_json_numbers(out, coverage);
    coverage_json_lists(out, coverage);
    finish(out);
}

void json_covered(struct printer *printer, const struct covered *covered, bool final)
{
    struct buffer *out = begin(printer, "{\"type\":\"covered\"");
    put_bool(out, ",\"final\":", final);
    put_text(out, ",\"method\":", covered->name);
    put_text(out, ",\"module\":", covered->module);
    if (covered->inlinee[0])
        put_text(out, ",\"inlinee\":", covered->inlinee);
    buffer_append_text(out, ",\"how\":");
    covered_json_how(out, covered->sources);
    put_bool(out, ",\"switched\":", covered->switched);
    finish(out);
}

/* ---- the rest of the stream ---- */

void json_start(struct printer *printer, const struct print_start *start)
{
    struct buffer *out = begin(printer, "{\"type\":\"start\"");
    put_text(out, ",\"name\":", start->name);
    put_text(out, ",\"runtime\":", start->runtime);
    put_text(out, ",\"rejig\":", REJIG_VERSION);
    put_text(out, ",\"command\":", start->command);
    put_u64(out, ",\"methods\":", start->methods);
    put_u64(out, ",\"refused\":", start->refused);
    put_u64(out, ",\"pending\":", start->pending);
    put_u64(out, ",\"ready_ns\":", start->attach_ns);
    put_bool(out, ",\"attached\":", start->attached);
    put_text(out, ",\"clock\":", start->clock);
    if (start->action) {
        put_text(out, ",\"action\":", start->action);
        put_text(out, ",\"value\":", start->value);
        put_u64(out, ",\"duration_ns\":", start->duration_ns);
    }
    put_coverage(out, start->coverage);
    finish(out);
}

static const char *kind_name(enum wire_method_kind kind)
{
    switch (kind) {
    case WIRE_METHOD_ASYNC:
        return "async";
    case WIRE_METHOD_ASYNC_FIRST:
        return "async-first-await";
    case WIRE_METHOD_ITERATOR:
        return "iterator";
    default:
        return "plain";
    }
}

void json_method(struct printer *printer, const struct method *method)
{
    struct buffer *out = begin(printer, "{\"type\":\"method\"");
    put_text(out, ",\"method\":", method->name);
    put_text(out, ",\"signature\":", method->signature);
    put_text(out, ",\"module\":", method->module);
    put_u64(out, ",\"token\":", method->token);
    put_text(out, ",\"kind\":", kind_name(method->kind));
    if (method->note_count) {
        buffer_append_text(out, ",\"notes\":[");
        for (uint32_t i = 0; i < method->note_count; i++)
            put_text(out, i ? "," : "", method->notes[i]);
        buffer_append_u8(out, ']');
    }
    finish(out);
}

void json_refused(struct printer *printer, const char *method, const char *reason, bool later)
{
    struct buffer *out = begin(printer, "{\"type\":\"refused\"");
    put_text(out, ",\"method\":", method);
    put_text(out, ",\"reason\":", reason);
    put_bool(out, ",\"withdrawn\":", later);
    finish(out);
}

void json_notice(struct printer *printer, const char *code, const char *text)
{
    struct buffer *out = begin(printer, "{\"type\":\"notice\"");
    put_text(out, ",\"code\":", code);
    put_text(out, ",\"text\":", text);
    finish(out);
}

void json_drop(struct printer *printer, const char *where, uint64_t count, uint64_t total)
{
    struct buffer *out = begin(printer, "{\"type\":\"drop\"");
    put_text(out, ",\"where\":", where);
    put_u64(out, ",\"count\":", count);
    put_u64(out, ",\"total\":", total);
    finish(out);
}

void json_open_call(struct printer *printer, const struct method *method, uint32_t thread,
                    uint64_t age_ns)
{
    struct buffer *out = begin(printer, "{\"type\":\"open\"");
    put_u64(out, ",\"thread\":", thread);
    put_text(out, ",\"method\":", method->name);
    put_u64(out, ",\"age_ns\":", age_ns);
    finish(out);
}

void json_count(struct printer *printer, const struct method *method, uint64_t count)
{
    struct buffer *out = begin(printer, "{\"type\":\"count\"");
    put_text(out, ",\"method\":", method->name);
    if (method->overloaded)
        put_text(out, ",\"signature\":", method->signature);
    put_u64(out, ",\"count\":", count);
    finish(out);
}

static void put_sums(struct buffer *out, const struct print_end *end)
{
    put_u64(out, ",\"calls\":", end->calls);
    put_u64(out, ",\"shown\":", end->shown);
    put_u64(out, ",\"filtered\":", end->filtered);
    put_u64(out, ",\"lost\":", end->lost);
    put_u64(out, ",\"dropped\":", end->dropped);
    put_u64(out, ",\"after_limit\":", end->after_limit);
    put_u64(out, ",\"open\":", end->open);
    if (end->open_or_lost)
        put_u64(out, ",\"open_or_lost\":", end->open_or_lost);
}

void json_end(struct printer *printer, const struct print_end *end)
{
    struct buffer *out = begin(printer, "{\"type\":\"end\"");
    put_text(out, ",\"reason\":", end->reason);
    if (end->action)
        put_text(out, ",\"action\":", end->action);
    else
        put_sums(out, end);
    if (end->reverted_known)
        put_u64(out, ",\"reverted\":", end->reverted);
    if (end->coverage && end->coverage->final)
        put_coverage(out, end->coverage);
    finish(out);
}
