/*
 * contract_profiler: a profiler of the tests' own, driven from outside by orders, so that a test
 * can ask the real runtime anything that an interface promises, and look at what it answers.
 *
 * It is loaded at the start of a program (CORECLR_*; it finds its test through the variable
 * CONTRACT_SOCKET) or by attach (the socket's path is the client data). It connects to that unix
 * socket inside Initialize or InitializeForAttach, and obeys one order a line, answered by one
 * line of JSON: on the runtime's own thread until the order "go", on a thread of its own from
 * then on. Callbacks become notes that the test reads; rules (order "when") say what is to be
 * done inside a callback: wait, answer, give IL, or obey an order there and then.
 *
 * CONTRACT_CALLBACK=n: the callback object has ICorProfilerCallback1 to n only.
 *
 * Threads: notes and rules are guarded; an order may be obeyed on any thread.
 */
#ifndef CONTRACT_PROFILER_H
#define CONTRACT_PROFILER_H

#include <stdbool.h>
#include <stdio.h>

#include "abi_metadata.h"
#include "abi_profiler.h"

/* The runtime's side; NULL before Initialize. */
extern struct ICorProfilerInfo15 *contract_info;

/* ---- contract_callback.c ---- */

/* The callback object, one reference more; E_NOINTERFACE above CONTRACT_CALLBACK. */
HRESULT contract_callback(const struct GUID *iid, void **object);

/* ---- contract_notes.c: what has happened ---- */

struct note {
    const char *kind; /* the callback's name */
    ModuleID module;
    mdToken token;
    FunctionID function;
    uint64_t value; /* ReJITID, caller, reason, search result */
    HRESULT result;
    char *text; /* what an order inside the callback has answered; owned by the note */
    /* Filled when it is added. */
    int thread;
    uint64_t nanoseconds;
};

void note_add(struct note note);
/* A JSON array of those from `first` on whose kinds are in `kinds` (all where that is empty). */
void notes_write(FILE *out, size_t first, char **kinds, int count);
size_t notes_count(void);

/* ---- contract_rules.c: what is done inside callbacks ---- */

struct occasion {
    struct note note;
    BOOL *answer;                                /* of a search, of an inlining */
    struct ICorProfilerFunctionControl *control; /* in GetReJITParameters */
    HRESULT *result;                             /* what the callback itself answers */
};

/* Notes it, and does what the rules for it say. No lock is held meanwhile. */
void occasion_handle(struct occasion occasion);
/* when KIND WHERE ACTION ...; false: not understood. WHERE: "*", MODULE:TOKEN (0: any) or
 * "~TEXT" in the module's path. ACTION: "hold GATE [TIMES]", "answer 0|1 [TIMES]", "body HEX",
 * "flags N", "map OLD:NEW,...", "result HRESULT", "do ORDER". */
bool rule_add(char **words, int count);
void rules_forget(void);
void gate_open(const char *name);
/* Nothing waits any more: the test has gone. */
void gates_end(void);

/* ---- contract_orders.c ---- */

/* Connects, and obeys on this thread until "go"; then a thread of its own goes on. */
HRESULT orders_begin(const char *socket_path);
/* Obeys one order; its answer is to be freed. */
char *order_obey(const char *text);

struct order {
    char **words; /* the order's own name first */
    int count;
    FILE *out;
};
/* contract_methods.c and contract_inliners.c; false: not one of theirs. */
bool methods_order(const struct order *order);
bool inliners_order(const struct order *order);

/* The word as a number; 0 where there is none. */
uint64_t order_number(const struct order *order, int word);
void order_result(const struct order *order, HRESULT result);

#endif
