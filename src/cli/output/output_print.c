#include "output_print.h"

#include <stdlib.h>
#include <string.h>

#include "output_judge.h"
#include "output_known.h"

#define WAITING_MAX_BYTES ((size_t)32 << 20)

/* A call that waits for its types; the bytes of its values follow the struct. */
struct print_waiting {
    struct print_waiting *next;
    uint64_t deadline; /* monotonic */
    size_t bytes;
    struct call call;
};

void printer_init(struct printer *printer)
{
    memset(printer, 0, sizeof *printer);
    methods_init(&printer->methods);
    types_init(&printer->types);
}

void printer_release(struct printer *printer)
{
    while (printer->first) {
        struct print_waiting *next = printer->first->next;
        free(printer->first);
        printer->first = next;
    }
    methods_release(&printer->methods);
    types_release(&printer->types);
}

uint64_t print_elapsed_ns(const struct printer *printer, const struct call *call)
{
    return clock_line_duration(&printer->clock, call->elapsed);
}

const struct value *print_slot(const struct printer *printer, uint16_t slot,
                               const struct value_list **list)
{
    const struct value *value = value_list_slot(&printer->exit, slot);
    *list = &printer->exit;
    if (!value) {
        value = value_list_slot(&printer->entry, slot);
        *list = &printer->entry;
    }
    return value;
}

struct value_writer print_writer(struct printer *printer, const struct value_list *list)
{
    return (struct value_writer){
        .out = sink_buffer(printer->sink),
        .types = &printer->types,
        .list = list,
        .json = printer->json,
        .depth = printer->plan ? printer->plan->depth : 1,
        .budget = PRINT_VALUE_PARTS,
    };
}

bool printer_done(const struct printer *printer)
{
    return printer->limit != 0 && printer->shown >= printer->limit;
}

/* ---- conditions ---- */

static uint64_t tests_of(const struct value_list *list)
{
    const struct value *value = value_list_slot(list, WIRE_SLOT_TESTS);
    return value && value->kind == WIRE_VALUE_SCALAR ? known_load(value->data, 8, false) : 0;
}

static bool moment_fits(const struct plan_probe *probe, const struct call *call)
{
    if (probe->moment == PLAN_ON_RETURN)
        return call->outcome != CALL_THREW;
    if (probe->moment == PLAN_ON_THROW)
        return call->outcome == CALL_THREW;
    return true;
}

/* Is the call one to show? Counts those that --if or --on leaves out. */
static bool wanted(struct printer *printer, const struct call *call, struct method *method)
{
    if (!printer->plan || method->probe >= printer->plan->probe_count)
        return true;
    const struct plan_probe *probe = &printer->plan->probes[method->probe];
    bool judged = value_list_slot(&printer->entry, WIRE_SLOT_TESTS) ||
                  value_list_slot(&printer->exit, WIRE_SLOT_TESTS);
    bool holds = !judged || !judge_needed(probe) ||
                 judge_condition(probe, tests_of(&printer->entry) | tests_of(&printer->exit),
                                 print_elapsed_ns(printer, call));
    if (holds && moment_fits(probe, call))
        return true;
    printer->rejected++;
    method->rejected++;
    return false;
}

/* ---- lines a second ---- */

void printer_flush_held_back(struct printer *printer, uint64_t now, bool final)
{
    char count[NUMBER_TEXT];
    if (now / 1000000000ull == printer->second && !final)
        return;
    if (printer->held_back) {
        number_grouped(count, printer->held_back);
        buffer_append_format(sink_buffer(printer->sink), "  +%s more\n", count);
        printer->held_back = 0;
    }
    printer->second = now / 1000000000ull;
    printer->lines = 0;
}

/* May a call's lines be printed on this terminal now? */
static bool line_allowed(struct printer *printer)
{
    if (!printer->limit_lines)
        return true;
    uint64_t now = clock_monotonic();
    if (now / 1000000000ull != printer->second)
        printer_flush_held_back(printer, now, false);
    if (printer->lines < PRINT_LINES_A_SECOND)
        return true;
    printer->held_back++;
    printer->unprinted++;
    return false;
}

static unsigned count_lines(const struct buffer *buffer, size_t from)
{
    unsigned lines = 0;
    for (size_t i = from; i < buffer->length; i++)
        lines += buffer->data[i] == '\n';
    return lines;
}

/* ---- printing ---- */

static void print(struct printer *printer, const struct call *call, struct method *method)
{
    struct buffer *out = sink_buffer(printer->sink);
    size_t before = out->length;
    printer->shown++;
    method->shown++;
    if (sink_full(printer->sink)) {
        printer->dropped++;
        return;
    }
    if (!line_allowed(printer))
        return;
    if (printer->json)
        json_call(printer, call, method);
    else
        text_call(printer, call, method);
    if (printer->limit_lines)
        printer->lines += count_lines(out, before < out->length ? before : out->length);
}

static bool parse(struct printer *printer, const struct call *call)
{
    bool entry = value_list_parse(&printer->entry, call->entry, call->entry_bytes);
    bool exit = value_list_parse(&printer->exit, call->exit, call->exit_bytes);
    return entry && exit;
}

static bool needs_types(struct printer *printer, const struct method *method)
{
    bool missing = value_list_need_types(&printer->entry, &printer->types);
    missing |= value_list_need_types(&printer->exit, &printer->types);
    for (uint32_t i = 0; i < method->value_count; i++)
        if (method->values[i].type)
            missing |= types_need_whole(&printer->types, method->values[i].type);
    if (method->has_result && method->result.type)
        missing |= types_need_whole(&printer->types, method->result.type);
    return missing;
}

static bool enqueue(struct printer *printer, const struct call *call)
{
    size_t bytes = call->entry_bytes + call->exit_bytes;
    if (printer->waiting_bytes + bytes > WAITING_MAX_BYTES)
        return false;
    struct print_waiting *waiting = malloc(sizeof *waiting + bytes);
    if (!waiting)
        return false;
    uint8_t *copy = (uint8_t *)(waiting + 1);
    *waiting = (struct print_waiting){
        .deadline = clock_monotonic() + PRINT_WAIT_NS, .bytes = bytes, .call = *call};
    if (call->entry_bytes)
        memcpy(copy, call->entry, call->entry_bytes);
    if (call->exit_bytes)
        memcpy(copy + call->entry_bytes, call->exit, call->exit_bytes);
    waiting->call.entry = copy;
    waiting->call.exit = copy + call->entry_bytes;
    if (printer->last)
        printer->last->next = waiting;
    else
        printer->first = waiting;
    printer->last = waiting;
    printer->waiting_bytes += bytes + sizeof *waiting;
    return true;
}

void printer_flush_waiting(struct printer *printer, uint64_t now, bool all)
{
    while (printer->first) {
        struct print_waiting *waiting = printer->first;
        struct method *method = methods_get(&printer->methods, waiting->call.site);
        parse(printer, &waiting->call);
        bool missing = method && needs_types(printer, method);
        if (missing && !all && waiting->deadline > now)
            return;
        if (method && !printer_done(printer))
            print(printer, &waiting->call, method);
        else if (method)
            printer->over_limit++;
        printer->first = waiting->next;
        if (!printer->first)
            printer->last = NULL;
        printer->waiting_bytes -= waiting->bytes + sizeof *waiting;
        free(waiting);
    }
}

void printer_call(void *context, const struct call *call)
{
    struct printer *printer = context;
    struct method *method = methods_get(&printer->methods, call->site);
    if (!method) {
        printer->unknown++;
        return;
    }
    if (printer_done(printer)) {
        printer->over_limit++;
        return;
    }
    parse(printer, call);
    if (!wanted(printer, call, method))
        return;
    if ((printer->first || needs_types(printer, method)) && enqueue(printer, call))
        return;
    print(printer, call, method);
}
