/*
 * session: the probe engine. It talks to CLIs over the control socket, turns their plans into
 * claims on methods, binds the users' names to parameters and fields, and takes everything back
 * when a CLI's connection ends. First tenant of recompile.
 *
 * One engine per process. Threads: session_engine_new, _wait_first and _wait_plan are called
 * one after the other by whichever thread loads the agent; session_engine_run only by the worker
 * thread, after them; session_engine_stop from any thread; session_engine_free when run has
 * returned (or was never called). The tenant's weave callback comes on threads of the target.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base_error.h"

struct ICorProfilerInfo15;
struct recompile;
struct session_engine;

/* Opens the listening socket DIRECTORY/rejig-<pid>-<start>-socket (mode 0600, close-on-exec; a
 * stale one of the same name is replaced) and registers the engine as tenant of `recompile`.
 * `started`: the process was started under us. recompile and info are borrowed until free. */
enum status session_engine_new(struct recompile *recompile, struct ICorProfilerInfo15 *info,
                               const char *directory, bool started, struct session_engine **out,
                               struct error *error);

/* Attached in order to list only (WIRE_ATTACH_LIST): plans are refused, and session_engine_run
 * returns when the last connection has ended. Call it right after session_engine_new. */
void session_engine_list_only(struct session_engine *engine);

/* Accepts connections until one says the nonce; others wait until session_engine_run.
 * `deadline`: CLOCK_BOOTTIME nanoseconds; beyond it STATUS_TIMEOUT. `parent`: pid of the CLI
 * that started us; when getppid() is another the wait ends with STATUS_PEER; 0: do not look. */
enum status session_engine_wait_first(struct session_engine *engine, const uint64_t nonce[2],
                                      uint64_t deadline, uint32_t parent, struct error *error);

/* Started under us: returns once the PLAN of that CLI has come in whole (run works it off), or
 * STATUS_PEER when its connection has ended, or STATUS_TIMEOUT. */
enum status session_engine_wait_plan(struct session_engine *engine, uint64_t deadline,
                                     uint32_t parent, struct error *error);

/* The worker's loop; returns after session_engine_stop, or as session_engine_list_only says. The
 * socket's file is gone then. */
void session_engine_run(struct session_engine *engine);

/* Async-signal-safe. The sessions are ended by run, before it returns. */
void session_engine_stop(struct session_engine *engine);

/* Removes the socket's file. */
void session_engine_free(struct session_engine *engine);

#endif
