/*
 * entry_agent: the agent's life: how it comes into a process, its one worker thread, how it
 * goes.
 *
 * Attached (AttachProfiler with client data): entry_attach waits, on the runtime's diagnostics
 * thread, for the CLI that says the nonce. Without it, or with anything else at fault, all is
 * undone and the runtime is told to forget us (CORPROF_E_PROFILER_CANCEL_ACTIVATION), so that
 * the process's only profiler slot stays free. ReJIT is switched on last, because from then on
 * the agent can never leave.
 *
 * Started under us (REJIG_START and the profiler variables): entry_start takes the variables
 * out of the program's environment, waits for the CLI and its plan, and lets the program run.
 * If the CLI is gone the program runs on without us.
 *
 * Attached in order to list (WIRE_ATTACH_LIST): no ReJIT; when the last connection has ended
 * the worker asks to be detached, and the runtime unloads the library: no thread, no key, no
 * mapping of ours stays.
 *
 * The worker: named "rejig-agent", every signal blocked, a stack of 256 KiB; it runs
 * session_engine_run and nothing else.
 *
 * Threads: each function on whatever thread the runtime calls back on; the runtime calls
 * Initialize, InitializeForAttach, ProfilerAttachComplete, Shutdown and
 * ProfilerDetachSucceeded one after the other, never at once.
 */
#ifndef ENTRY_AGENT_H
#define ENTRY_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi_profiler.h"

struct recompile;

HRESULT entry_attach(struct IUnknown *info, const void *client_data, uint32_t client_bytes);
void entry_attach_complete(void);
HRESULT entry_start(struct IUnknown *info);
void entry_shutdown(void);
void entry_detached(void);

/* Where callbacks go; NULL before the agent lives and after it has gone. */
struct recompile *entry_recompile(void);
/* Started under us: module loads wait for their claims. */
bool entry_started(void);

#endif
