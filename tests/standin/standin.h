/*
 * standin: a runtime of the tests' own, so that the agent's rooms, or the whole agent, run in
 * one process without .NET, under sanitizers, and meet every failure that the real one can
 * answer with.
 *
 * It implements as much of ICorProfilerInfo15 as the agent calls (everything else answers
 * E_NOTIMPL; a test may put functions of its own into standin_table()): modules are real files,
 * mapped flat; RequestReJIT marks methods, and the next standin_call() of one asks for its IL
 * (GetReJITParameters) on the thread that calls, compiles it in name (ReJITCompilationStarted,
 * -Finished) and answers the IL in use; RequestReJITWithInliners follows the inlinings that
 * the test has declared. Revert, errors, unloading and detaching as measured on 10.0.
 *
 * Threads: everything may be called on any thread; no lock is held while calling back.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_metadata.h"
#include "abi_profiler.h"

struct standin;

struct standin *standin_new(void);
/* Checks nothing; the caller asserts with standin_counts first. */
void standin_free(struct standin *standin);

struct ICorProfilerInfo15 *standin_info(struct standin *standin);
/* This object's own copy of the vtable: a test may replace members before threads run. */
struct ICorProfilerInfo15Vtbl *standin_table(struct standin *standin);
/* What GetRuntimeInformation says; 10.0.12 unless set. */
void standin_set_version(struct standin *standin, uint16_t major, uint16_t minor, uint16_t build);
/* Where callbacks go; borrowed. NULL: nowhere. */
void standin_set_callback(struct standin *standin, struct ICorProfilerCallback11 *callback);

/* ---- modules ---- */

/* Finds a file of the framework that is installed ("System.Linq.dll"); false: none. */
bool standin_framework_file(char *path, size_t size, const char *name);
/* Maps the file; flags as GetModuleInfo2 tells them, FLAT_LAYOUT is added. 0: cannot be read. */
ModuleID standin_load(struct standin *standin, const char *path, uint32_t flags);
/* ModuleUnloadStarted, then the memory goes: whoever reads it afterwards crashes. */
void standin_unload(struct standin *standin, ModuleID id);
/* A method by type ("System.Linq.Enumerable") and name; its first overload. 0: none. */
mdToken standin_method(struct standin *standin, ModuleID id, const char *type, const char *name);

/* ---- methods ---- */

/* The method's FunctionID, as callbacks and GetFunctionInfo have it. */
FunctionID standin_function(struct standin *standin, ModuleID module, mdToken method);

/* `inliner` holds an inlined copy of `inlinee` in its own code. */
void standin_inlines(struct standin *standin, ModuleID inliner_module, mdToken inliner,
                     ModuleID inlinee_module, mdToken inlinee);

/* The image of `inliner`, a method of a module that was loaded with COR_PRF_MODULE_NGEN, holds an
 * inlined copy of `inlinee`: EnumNgenModuleMethodsInliningThisMethod tells so. `needs`: a file
 * ("System.Linq.dll") until which is loaded this inliner is left out, and incompleteData TRUE;
 * NULL: none. */
void standin_image_inlines(struct standin *standin, ModuleID inliner_module, mdToken inliner,
                           ModuleID inlinee_module, mdToken inlinee, const char *needs);

struct standin_use {
    bool asked;        /* GetReJITParameters was called by this call */
    bool recompiled;   /* not the method's own code */
    bool failed;       /* the call threw: the body could not be compiled */
    ReJITID rejit;     /* 0: own code */
    const uint8_t *il; /* in use; the method's own where nothing was set. Until standin_free */
    size_t il_length;
    uint32_t map_count; /* entries of the IL map that came with it */
    const struct COR_IL_MAP *map;
};
/* The program calls the method, on this thread. */
struct standin_use standin_call(struct standin *standin, ModuleID module, mdToken token);
/* A ReJIT that nobody asked for: as where an inlining races with a request. */
void standin_request_by_itself(struct standin *standin, ModuleID module, mdToken method);

/* ---- threads and their stacks ---- */

/* A managed thread; its ThreadID. `os`: what GetThreadInfo says. */
ThreadID standin_thread(struct standin *standin, uint32_t os);
/* One more native body of that version (0: the method's own code) of the method; an address in it.
 * As the runtime tells them: of version 0 the first one first, all others newest first. */
uintptr_t standin_body(struct standin *standin, ModuleID module, mdToken method, ReJITID version);
/* The thread enters a frame: DoStackSnapshot tells it before those of earlier calls. 0: a frame of
 * native code. */
void standin_enter(struct standin *standin, ThreadID thread, uintptr_t ip);
/* What SuspendRuntime, one frame of a walk, and ResumeRuntime take. */
void standin_pace(struct standin *standin, uint64_t suspend_ns, uint64_t frame_ns,
                  uint64_t resume_ns);
bool standin_suspended(struct standin *standin);

struct standin_counts {
    uint32_t requests;      /* methods named in RequestReJIT and -WithInliners */
    uint32_t reverts;       /* methods named in RequestRevert */
    uint32_t parameters;    /* GetReJITParameters */
    uint32_t enumerations;  /* EnumNgenModuleMethodsInliningThisMethod */
    uint32_t recompiled;    /* methods that do not run their own code, or will not at their
                               next call */
    uint32_t interfaces;    /* references of metadata objects that were not given back */
    uint32_t tokens;        /* added to metadata */
    uint32_t assembly_refs; /* of them */
    uint32_t suspends;      /* SuspendRuntime that succeeded */
    uint32_t resumes;       /* ResumeRuntime that succeeded */
    uint32_t forbidden;     /* calls, while suspended, that take locks of the runtime; and
                               ResumeRuntime while not */
};
struct standin_counts standin_counts(struct standin *standin);

/* ---- failures ---- */

enum standin_fault {
    STANDIN_NO_FAULT = 0,
    STANDIN_FAIL_REQUEST,    /* RequestReJIT as a whole */
    STANDIN_FAIL_REVERT,     /* RequestRevert's answer for a method */
    STANDIN_FAIL_ERROR,      /* S_OK, and ReJITError at the method's next call */
    STANDIN_FAIL_SET_BODY,   /* SetILFunctionBody */
    STANDIN_FAIL_COMPILE,    /* compilation begins and is never finished: the call throws */
    STANDIN_FAIL_FINISHED,   /* ReJITCompilationFinished with the result */
    STANDIN_FAIL_BODY,       /* GetILFunctionBody */
    STANDIN_FAIL_METADATA,   /* GetModuleMetaData */
    STANDIN_FAIL_EMIT,       /* whatever adds to metadata */
    STANDIN_FAIL_EVENT_MASK, /* SetEventMask2 */
    STANDIN_FAIL_SUSPEND,    /* SuspendRuntime */
    STANDIN_FAIL_RESUME,     /* ResumeRuntime: all stay suspended */
    STANDIN_FAIL_THREADS,    /* EnumThreads */
    STANDIN_FAIL_NEXT,       /* the threads' enumerator's Next */
    STANDIN_FAIL_OS_THREAD,  /* GetThreadInfo */
    STANDIN_FAIL_WALK,       /* DoStackSnapshot, `method`: the thread's OS id */
    STANDIN_FAIL_WALK_END,   /* the same, behind its frames */
    STANDIN_FAIL_FUNCTION,   /* GetFunctionInfo */
    STANDIN_FAIL_IP,         /* GetFunctionFromIP3 */
    STANDIN_FAIL_VERSIONS,   /* GetReJITIDs */
    STANDIN_FAIL_STARTS,     /* GetNativeCodeStartAddresses */
    STANDIN_FAIL_CODE,       /* GetCodeInfo4 */
    STANDIN_FAULTS,
};
/* From now on; module or method 0: any. `times`: how often, 0: for ever. One fault per kind. */
void standin_fail(struct standin *standin, enum standin_fault kind, ModuleID module, mdToken method,
                  HRESULT result, uint32_t times);
void standin_mend(struct standin *standin, enum standin_fault kind);

/* ---- the whole agent ---- */

typedef HRESULT standin_entry(const struct GUID *class_id, const struct GUID *iid, void **object);

/* As AttachProfiler does it: class factory, callback, InitializeForAttach, and where that
 * succeeds ProfilerAttachComplete. The answer is InitializeForAttach's. */
HRESULT standin_attach(struct standin *standin, standin_entry *entry, const void *client_data,
                       uint32_t client_bytes);
/* As at the start of a process: Initialize. */
HRESULT standin_start(struct standin *standin, standin_entry *entry);
/* Shutdown. */
void standin_shutdown(struct standin *standin);
/* The agent has asked to be detached: does it (ProfilerDetachSucceeded), and answers true. */
bool standin_detach(struct standin *standin);
uint32_t standin_event_mask(struct standin *standin);

#endif
