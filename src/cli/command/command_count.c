/* count: exact counts, made in the target; a live table. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "command_columns.h"
#include "command_plan.h"
#include "command_session.h"

#define NS_PER_S 1000000000ull

struct row {
    const struct method *method;
    uint64_t count;
    uint64_t before; /* at the last table */
};

struct counting {
    struct session session; /* first: the tick gets its address */
    uint64_t interval_ns;
    uint64_t last_table, before_last;
    unsigned drawn; /* lines of the table that stands on the terminal */
    uint64_t *before;
    uint32_t before_count;
};

static int by_count(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->method->name, y->method->name);
}

/* All methods, most called first; NULL when out of memory. */
static struct row *make_rows(struct counting *counting, uint32_t *count)
{
    struct methods *methods = &counting->session.printer.methods;
    struct row *rows = calloc(methods->count ? methods->count : 1, sizeof *rows);
    *count = 0;
    for (uint32_t site = 0; rows && site < methods->count; site++) {
        struct method *method = methods_get(methods, site);
        if (method)
            rows[(*count)++] = (struct row){
                .method = method,
                .count = rings_counter(counting->session.rings, site, WIRE_COUNTER_CALLS),
                .before = site < counting->before_count ? counting->before[site] : 0,
            };
    }
    if (rows)
        qsort(rows, *count, sizeof *rows, by_count);
    return rows;
}

static void keep_counts(struct counting *counting, const struct row *rows, uint32_t count)
{
    uint32_t sites = counting->session.printer.methods.count;
    uint64_t *before = realloc(counting->before, (sites ? sites : 1) * sizeof *before);
    if (!before)
        return;
    counting->before = before;
    counting->before_count = sites;
    memset(before, 0, (sites ? sites : 1) * sizeof *before);
    for (uint32_t i = 0; i < count; i++)
        before[rows[i].method->site] = rows[i].count;
}

static void format_count(const struct counting *counting, char to[NUMBER_TEXT], uint64_t value)
{
    if (counting->session.printer.limit_lines)
        number_grouped(to, value);
    else
        number_u64(to, value);
}

static size_t name_columns(const struct counting *counting)
{
    size_t widest = counting->session.printer.methods.widest;
    size_t most = counting->session.printer.width;
    if (most && widest + 34 > most)
        widest = most > 58 ? most - 34 : 24;
    return widest < 24 ? 24 : widest;
}

static void append_name(struct buffer *out, const struct method *method, size_t width)
{
    char name[1024];
    snprintf(name, sizeof name, "%s%s", method->name, method->overloaded ? method->signature : "");
    if (columns_of(name) > width)
        columns_append_cut(out, name, width);
    else
        columns_append_padded(out, name, width, false);
}

static void append_row(const struct counting *counting, struct buffer *out, const struct row *row,
                       uint64_t since, size_t width)
{
    char text[NUMBER_TEXT];
    append_name(out, row->method, width);
    format_count(counting, text, row->count);
    columns_append_padded(out, text, 14, true);
    buffer_append_text(out, row->count == 1 ? " call " : " calls");
    if (since > 0) {
        format_count(counting, text,
                     (uint64_t)((double)(row->count - row->before) * 1e9 / (double)since + 0.5));
        columns_append_padded(out, text, 11, true);
        buffer_append_text(out, "/s");
    }
    buffer_append_u8(out, '\n');
}

/* `since`: time of the rates; 0: totals only. */
static unsigned append_table(struct counting *counting, struct buffer *out, const struct row *rows,
                             uint32_t count, uint64_t since)
{
    unsigned columns, terminal_rows;
    size_t width = name_columns(counting);
    uint32_t shown = count;
    command_terminal_size(counting->session.sink.fd, &columns, &terminal_rows);
    if (since > 0 && terminal_rows > 4 && shown > terminal_rows - 3)
        shown = terminal_rows - 3;
    /* At the end a terminal is spared what was never called; files and pipes get all. */
    while (since == 0 && terminal_rows > 0 && shown > 1 && rows[shown - 1].count == 0)
        shown--;
    for (uint32_t i = 0; i < shown; i++)
        append_row(counting, out, &rows[i], since, width);
    if (shown < count)
        buffer_append_format(out, "… %u more method%s%s\n", count - shown,
                             count - shown == 1 ? "" : "s",
                             since > 0 ? "" : ", not called (-o FILE has all)");
    return shown + (shown < count);
}

/* Over the table that stands there. */
static void erase_table(struct counting *counting, struct buffer *out)
{
    if (counting->drawn)
        buffer_append_format(out, "\033[%uA\033[J", counting->drawn);
    counting->drawn = 0;
}

static void draw(struct session *session, uint64_t now)
{
    struct counting *counting = (struct counting *)session;
    struct buffer *out = sink_buffer(&session->sink);
    uint32_t count;
    if (now - counting->last_table < counting->interval_ns || session->json)
        return;
    struct row *rows = make_rows(counting, &count);
    if (!rows)
        return;
    if (session->printer.limit_lines) {
        erase_table(counting, out);
        counting->drawn = append_table(counting, out, rows, count, now - counting->last_table);
    } else {
        append_table(counting, out, rows, count, now - counting->last_table);
        buffer_append_u8(out, '\n');
    }
    keep_counts(counting, rows, count);
    counting->last_table = now;
    free(rows);
}

/* The exact totals, once nobody counts any more. */
static void write_totals(struct counting *counting)
{
    struct session *session = &counting->session;
    struct buffer *out = sink_buffer(&session->sink);
    uint32_t count;
    struct row *rows = make_rows(counting, &count);
    if (!rows)
        return;
    if (session->json) {
        for (uint32_t i = 0; i < count; i++)
            json_count(&session->printer, rows[i].method, rows[i].count);
    } else {
        erase_table(counting, out);
        append_table(counting, out, rows, count, 0);
    }
    free(rows);
}

static enum status run_count(struct session *session, struct error *error)
{
    struct counting *counting = (struct counting *)session;
    counting->last_table = session->ready;
    session->tick = draw;
    enum status status = session_run(session, error);
    write_totals(counting);
    sink_flush(&session->sink);
    return status;
}

enum status count_run(struct command_context *context, struct error *error)
{
    struct counting *counting = calloc(1, sizeof *counting);
    if (!counting)
        return error_set(error, STATUS_MEMORY, "out of memory");
    enum status status = session_open(&counting->session, context, command_plan_count, error);
    if (status == STATUS_OK) {
        counting->interval_ns = counting->session.printer.limit_lines ? NS_PER_S : 10 * NS_PER_S;
        status = command_duration(context->line, OPTION_INTERVAL, &counting->interval_ns, error);
    }
    status = session_conduct(&counting->session, status, error, run_count);
    free(counting->before);
    free(counting);
    return status;
}
