/* One call as the lines that a person reads; looks: ux.md, "watch". */
#include <string.h>

#include "output_print.h"

#define LABEL_WIDTH_LEAST 8
#define LABEL_WIDTH_MOST  32
#define NAME_WIDTH_MOST   64

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void pad(struct buffer *out, size_t from, size_t to)
{
    for (; from < to; from++)
        buffer_append_u8(out, ' ');
}

static void style(const struct printer *printer, const char *code)
{
    if (printer->colour)
        buffer_append_format(sink_buffer(printer->sink), "\033[%sm", code);
}

/* Bytes of the first (or last) `characters` characters of a UTF-8 text. */
static size_t front_bytes(const char *text, size_t characters)
{
    size_t at = 0;
    while (text[at] && characters > 0) {
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
        characters--;
    }
    return at;
}

/* A name cut in its middle to at most `most` columns. */
static void append_cut(struct buffer *out, const char *name, size_t most)
{
    size_t width = width_of(name);
    if (width <= most || most < 8) {
        buffer_append_text(out, name);
        return;
    }
    size_t front = (most - 1) / 3;
    size_t back = most - 1 - front;
    buffer_append(out, name, front_bytes(name, front));
    buffer_append_text(out, "…");
    buffer_append_text(out, name + front_bytes(name, width - back));
}

static void append_name(struct printer *printer, const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    size_t most = printer->width ? printer->width / 2 : 4096;
    size_t widest = printer->methods.widest;
    size_t name = width_of(method->name);
    size_t signature = method->overloaded ? width_of(method->signature) : 0;
    if (most < 24)
        most = 24;
    if (widest > NAME_WIDTH_MOST)
        widest = NAME_WIDTH_MOST;
    if (widest > most)
        widest = most;
    style(printer, "1");
    append_cut(out, method->name, most);
    style(printer, "0");
    if (method->overloaded)
        append_cut(out, method->signature, name < most ? most - name + 8 : 8);
    pad(out, name + signature, widest);
}

/* 14:03:11.482  t23  Shop.OrderService.Place   2.41 ms */
static void append_head(struct printer *printer, const struct call *call,
                        const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    char text[NUMBER_TEXT];
    uint64_t realtime = clock_line_realtime(&printer->clock, call->start);
    style(printer, "2");
    buffer_append(out, text, number_time_local(&printer->number_clock, text, realtime));
    buffer_append_text(out, "  t");
    size_t digits = number_u64(text, call->thread);
    buffer_append(out, text, digits);
    style(printer, "0");
    pad(out, digits, 5);
    buffer_append_text(out, "  ");
    append_name(printer, method);
    if (!call->timed)
        return;
    buffer_append_text(out, "   ");
    number_duration(text, print_elapsed_ns(printer, call));
    buffer_append_text(out, text);
    pad(out, width_of(text), 7);
}

static void trim_spaces(struct buffer *out)
{
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->length--;
}

static void append_value(struct printer *printer, uint16_t slot, const struct method_value *label)
{
    const struct value_list *list;
    const struct value *value = print_slot(printer, slot, &list);
    struct value_writer writer = print_writer(printer, list);
    if (value)
        value_write(&writer, value, label);
    printer->cut += writer.cut;
}

static bool has_slot(const struct printer *printer, uint16_t slot)
{
    const struct value_list *list;
    return print_slot(printer, slot, &list) != NULL;
}

static void append_threw(struct printer *printer, const struct call *call)
{
    struct buffer *out = sink_buffer(printer->sink);
    if (call->outcome != CALL_THREW)
        return;
    buffer_append_text(out, "  ");
    style(printer, "31");
    buffer_append_text(out, "threw");
    style(printer, "0");
    if (has_slot(printer, WIRE_SLOT_EXCEPTION)) {
        buffer_append_u8(out, ' ');
        append_value(printer, WIRE_SLOT_EXCEPTION, NULL);
    }
}

static void append_remarks(struct printer *printer, const struct call *call)
{
    struct buffer *out = sink_buffer(printer->sink);
    char count[NUMBER_TEXT];
    if (call->iterator) {
        number_grouped(count, call->items);
        buffer_append_format(out, "  %s item%s", count, call->items == 1 ? "" : "s");
    }
    if (call->outcome == CALL_FIRST_AWAIT)
        buffer_append_text(out, "  (until the first await)");
    if (call->cut)
        buffer_append_text(out, "  … (--max-bytes)");
}

static size_t label_width(const struct method *method)
{
    size_t width = LABEL_WIDTH_LEAST;
    for (uint32_t i = 0; i < method->value_count; i++)
        if (width_of(method->values[i].label) > width)
            width = width_of(method->values[i].label);
    return width < LABEL_WIDTH_MOST ? width : LABEL_WIDTH_MOST;
}

static void append_row(struct printer *printer, const char *label, size_t width, uint16_t slot,
                       const struct method_value *declared)
{
    struct buffer *out = sink_buffer(printer->sink);
    if (!has_slot(printer, slot))
        return;
    buffer_append_text(out, "\n  ");
    buffer_append_text(out, label);
    pad(out, width_of(label), width);
    buffer_append_text(out, "  ");
    append_value(printer, slot, declared);
}

/* Everything, a row each. */
static void append_rows(struct printer *printer, const struct call *call,
                        const struct method *method)
{
    size_t width = label_width(method);
    for (uint32_t i = 0; i < method->value_count; i++)
        append_row(printer, method->values[i].label, width, (uint16_t)i, &method->values[i]);
    append_row(printer, "return", width, WIRE_SLOT_RESULT,
               method->has_result ? &method->result : NULL);
    if (call->outcome == CALL_THREW)
        append_row(printer, "threw", width, WIRE_SLOT_EXCEPTION, NULL);
}

static void append_labelled(struct printer *printer, const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    buffer_append_u8(out, ' ');
    for (uint32_t i = 0; i < method->value_count; i++) {
        if (!has_slot(printer, (uint16_t)i))
            continue;
        buffer_append_text(out, "  ");
        buffer_append_text(out, method->values[i].label);
        buffer_append_u8(out, '=');
        append_value(printer, (uint16_t)i, &method->values[i]);
    }
}

static bool shows_all(const struct printer *printer, const struct method *method)
{
    return printer->plan && method->probe < printer->plan->probe_count &&
           printer->plan->probes[method->probe].show_all;
}

void text_call(struct printer *printer, const struct call *call, const struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    append_head(printer, call, method);
    if (shows_all(printer, method)) {
        trim_spaces(out);
        if (call->outcome == CALL_THREW && !has_slot(printer, WIRE_SLOT_EXCEPTION))
            append_threw(printer, call);
        append_remarks(printer, call);
        append_rows(printer, call, method);
    } else {
        append_labelled(printer, method);
        append_threw(printer, call);
        append_remarks(printer, call);
    }
    trim_spaces(out);
    buffer_append_u8(out, '\n');
}
