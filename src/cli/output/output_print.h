/*
 * output_print: from calls to lines: text for people, one JSON object a line for programs.
 *
 * A printer has the tables (methods, types), the plan that was sent, the clock, and a sink. A
 * call whose types are not known yet waits, and so do the calls behind it, at most
 * PRINT_WAIT_NS; then it is printed with what is known. Conditions that only the CLI can judge
 * are judged here. One thread.
 */
#ifndef OUTPUT_PRINT_H
#define OUTPUT_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_clock.h"
#include "output_coverage.h"
#include "output_join.h"
#include "output_method.h"
#include "output_number.h"
#include "output_sink.h"
#include "output_types.h"
#include "output_value.h"
#include "wire_plan.h"

#define PRINT_WAIT_NS        200000000ull
#define PRINT_LINES_A_SECOND 100
#define PRINT_VALUE_PARTS    20000

struct print_waiting;

struct printer {
    /* set by the owner before the first call */
    struct sink *sink;
    struct methods methods;
    struct types types;
    const struct plan *plan;
    struct clock_line clock;
    uint32_t pid;
    bool json;
    bool colour;
    bool limit_lines; /* a terminal: at most PRINT_LINES_A_SECOND */
    unsigned width;   /* of the terminal; 0: not one */
    uint64_t limit;   /* calls to show; 0: all */

    /* what has been */
    uint64_t shown;
    uint64_t rejected;  /* by conditions judged here */
    uint64_t unprinted; /* on a terminal, beyond the lines a second */
    uint64_t dropped;   /* our own output was blocked */
    uint64_t unknown;   /* calls of sites that were never announced */
    uint64_t over_limit;
    uint64_t cut; /* values of which not all was shown */

    /* private */
    struct number_clock number_clock;
    struct value_list entry, exit;
    struct print_waiting *first, *last;
    size_t waiting_bytes;
    uint64_t second; /* monotonic second of the lines counted below */
    unsigned lines;
    uint64_t held_back; /* lines of this second not printed */
};

void printer_init(struct printer *printer);
void printer_release(struct printer *printer);

/* The join's callback: context is the printer. */
void printer_call(void *context, const struct call *call);
/* Prints what waits and may be printed now (`all`: whatever waits). */
void printer_flush_waiting(struct printer *printer, uint64_t now, bool all);
/* Says what was held back in a second that is over. `final`: in this one, too. */
void printer_flush_held_back(struct printer *printer, uint64_t now, bool final);
/* The limit is reached. */
bool printer_done(const struct printer *printer);

/* ---- what else stands in a --json stream ---- */

struct print_start {
    const char *name;
    const char *runtime;
    const char *command;
    uint32_t methods, refused, pending;
    uint64_t attach_ns;
    bool attached;
    const char *clock;
    const char *action; /* of a command that changes the target: "patch"; else NULL */
    const char *value;  /* ... what is given instead */
    uint64_t duration_ns;
    const struct coverage *coverage; /* NULL, or not known: left out */
};
void json_start(struct printer *printer, const struct print_start *start);
void json_method(struct printer *printer, const struct method *method);
void json_refused(struct printer *printer, const char *method, const char *reason, bool later);
void json_notice(struct printer *printer, const char *code, const char *text);
void json_drop(struct printer *printer, const char *where, uint64_t count, uint64_t total);
void json_open_call(struct printer *printer, const struct method *method, uint32_t thread,
                    uint64_t age_ns);
void json_count(struct printer *printer, const struct method *method, uint64_t count);
/* calls = shown + filtered + lost + dropped + after_limit + open (on a terminal, and those that
 * were not printed there). */
struct print_end {
    const char *action; /* as in print_start: then there are no calls to tell of */
    const char *reason; /* stopped, limit, duration, target-ended, ended, failed */
    uint64_t calls, shown, filtered, lost, dropped, after_limit, open;
    uint64_t open_or_lost; /* in place of `open` where calls were lost; not among `calls` */
    uint64_t reverted;
    bool reverted_known;
    const struct coverage *coverage; /* as in print_start; left out where it is not the final one */
};
void json_end(struct printer *printer, const struct print_end *end);
void json_coverage(struct printer *printer, const struct coverage *coverage);
void json_covered(struct printer *printer, const struct covered *covered, bool final);

/* ---- for the files of this room: one call, its value lists parsed ---- */
void text_call(struct printer *printer, const struct call *call, const struct method *method);
void json_call(struct printer *printer, const struct call *call, const struct method *method);
/* What the call shows in that slot: the exit's value before the entry's; NULL: none. */
const struct value *print_slot(const struct printer *printer, uint16_t slot,
                               const struct value_list **list);
struct value_writer print_writer(struct printer *printer, const struct value_list *list);
uint64_t print_elapsed_ns(const struct printer *printer, const struct call *call);

#endif
