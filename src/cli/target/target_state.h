/*
 * target_state: may this process be probed, and if not, why not and what to do.
 */
#ifndef TARGET_STATE_H
#define TARGET_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "target_process.h"

enum target_state {
    TARGET_READY,      /* can be attached */
    TARGET_ASLEEP,     /* our agent is there, without a session */
    TARGET_IN_USE,     /* our agent is there, with sessions (more are welcome) */
    TARGET_BUSY,       /* our agent listens and has not answered in time */
    TARGET_MUTE,       /* our agent is loaded and does not listen, or is of another version */
    TARGET_TAKEN,      /* another profiler has the slot */
    TARGET_OTHER_USER, /* not ours, and we are not root */
    TARGET_OFF,        /* diagnostics are switched off */
    TARGET_REJIT_OFF,  /* DOTNET_ProfApi_RejitOnAttach=0 */
    TARGET_HOT_RELOAD, /* under edit-and-continue: requests would be ignored in silence */
    TARGET_STOPPED,    /* stopped, traced */
    TARGET_ENDED,      /* a zombie, or gone */
    TARGET_AOT,        /* NativeAOT: no IL, no JIT */
    TARGET_NOT_DOTNET,
    TARGET_NO_SOCKET,     /* .NET without a diagnostics socket: bad TMPDIR, or still starting */
    TARGET_SILENT,        /* the socket is there and does not answer (target_check_all only) */
    TARGET_OLD,           /* a runtime that cannot be attached to */
    TARGET_OTHER_MACHINE, /* not the agent's processor architecture */
    TARGET_NO_PLACE,      /* nowhere to put the agent's file so that it can load it, or no such
                             file (target_check_all only) */
    TARGET_STATES,
};

struct target_verdict {
    enum target_state state;
    char note[160];   /* short, for ps: "profiler slot: X.so", "www-data"; empty: nothing */
    char reason[400]; /* why not, as a clause: "it belongs to user 'www-data'"; empty when ready */
    char hint[320];
};

/* "ready", "asleep", "in use", "taken", "other user", ...; never NULL. */
const char *target_state_name(enum target_state state);
/* Can a session be opened (attached to, or through the agent that is there; where that is busy,
 * later)? */
bool target_state_can_probe(enum target_state state);

/* The verdict from the picture alone, but for a question to an agent of ours that sleeps
 * there (at most 200 ms; sends nothing to the runtime). For ps. */
void target_state_of(const struct target_process *process, struct target_verdict *verdict);
/* The same with more patience for that agent. */
void target_state_within(const struct target_process *process, uint64_t patience_ns,
                         struct target_verdict *verdict);

/* As an error: "cannot attach to pid 7310: it belongs to user 'www-data'", STATUS_TARGET. */
enum status target_state_error(const struct target_process *process,
                               const struct target_verdict *verdict, struct error *error);

enum target_answer {
    TARGET_CHECK_OK,
    TARGET_CHECK_NO,
    TARGET_CHECK_BUSY, /* not now: try again */
    TARGET_CHECK_UNKNOWN,
};

struct target_check {
    enum target_answer answer;
    char text[256];
    char hint[320]; /* empty: none */
};

#define TARGET_CHECKS_MAX 16

struct target_checks {
    struct target_check items[TARGET_CHECKS_MAX];
    size_t count;
    struct target_verdict verdict; /* of all together */
};

/* `rejig doctor`: every precondition in order, really measured (asks ProcessInfo over the
 * diagnostics socket and an agent of ours over its own; attaches nothing, writes nothing).
 * Fills what /proc did not tell into *process (version, architecture, assembly). */
void target_check_all(struct target_process *process, struct target_checks *checks);

#endif
