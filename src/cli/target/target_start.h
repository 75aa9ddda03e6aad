/*
 * target_start: a program started under us, the agent in it from its first moment.
 *
 * The program keeps stdin, stdout, stderr and the terminal, and runs on, unprobed, if we are
 * killed at any moment. Only the started process itself is probed (exec keeps its pid; children
 * that inherit the variables before the agent takes them out are told another pid).
 */
#ifndef TARGET_START_H
#define TARGET_START_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base_error.h"
#include "target_link.h"
#include "target_process.h"

/* Exit codes of ours where there is no program's own. */
#define TARGET_EXIT_NOT_FOUND   127
#define TARGET_EXIT_NOT_STARTED 125

/* What signals were to us before we changed anything: the program gets the same. */
struct target_signals {
    sigset_t mask;
    sigset_t ignored;
};
/* Call first thing in main. */
void target_signals_remember(struct target_signals *signals);

struct target_started {
    pid_t pid;
    int pidfd; /* readable once it has ended; -1: the kernel has none */
    bool ended;
    int code; /* ended: exit code, 128 + n for signal n */
    uint64_t nonce[2];
    uint64_t deadline; /* CLOCK_MONOTONIC: until then the agent waits for us */
    char folder[104];  /* of the agent's socket */
};

/* Starts argv[0] (looked up in PATH) with our variables. `signals` NULL: defaults. On an error
 * *code is what rejig should exit with (127, 125) and nothing runs. Refuses where the
 * environment holds another profiler, or switches profilers off. */
enum status target_start(char *const argv[], const struct target_signals *signals,
                         struct target_started *started, int *code, struct error *error);
/* Waits for the agent and greets it. STATUS_NOT_FOUND: the program ended before a runtime
 * started in it (`ended` and `code` are set); STATUS_TIMEOUT: no runtime started in it. The
 * program runs on in every case. `stop` (may be NULL): gives up with STATUS_LIMIT once it is
 * not 0 (set by a signal handler). */
enum status target_start_link(struct target_started *started, const volatile sig_atomic_t *stop,
                              struct target_link *link, struct error *error);
/* Waits for the end (milliseconds; negative: without limit). False: still running, at the end of
 * the time or because a signal came. */
bool target_start_wait(struct target_started *started, int timeout_ms);
/* Closes the descriptor; the program runs on. */
void target_start_release(struct target_started *started);

#endif
