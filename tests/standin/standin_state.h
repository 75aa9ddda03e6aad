/* standin_state: between the files of the stand-in only. */
#ifndef STANDIN_STATE_H
#define STANDIN_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "metadata_image.h"
#include "standin.h"

struct standin_module;

enum method_state { METHOD_OWN, METHOD_REQUESTED, METHOD_ACTIVE };

struct version {
    struct version *older;
    ReJITID rejit;
    uint8_t *il; /* NULL: the method's own */
    size_t il_length;
    struct COR_IL_MAP *map;
    uint32_t map_count;
    bool compiled;
};

struct standin_method {
    struct standin_module *module;
    mdToken token;
    enum method_state state;
    bool silent;              /* requested without callback */
    struct version *versions; /* newest first */
    struct standin_method **inliners;
    uint32_t inliner_count;
    struct standin_method *next; /* of the module */
};

/* What GetModuleMetaData hands out: three faces of one object. */
struct face {
    const void *vtbl;
    struct standin_module *module;
};

struct added {
    struct added *next;
    uint32_t token;
    uint32_t length;
    uint8_t bytes[];
};

struct standin_module {
    struct standin *standin;
    uint8_t *data;
    size_t size;
    char *path;
    uint32_t flags;
    struct metadata_image image;
    bool gone;
    struct standin_method *methods;
    struct face emit, assembly_emit, import;
    struct added *added;
    uint32_t added_count[256]; /* by table */
    struct standin_module *next;
};

struct image_inlining {
    struct COR_PRF_METHOD inliner, inlinee;
    char *needs;
    struct image_inlining *next;
};

/* ---- threads and native code ---- */

struct native_body {
    struct standin_method *method;
    ReJITID version;
    uintptr_t start;
    struct native_body *older;
};

struct standin_thread {
    uint32_t os;
    uintptr_t *ips; /* the oldest first */
    uint32_t count;
};

/* There is one at a time: no allocation while suspended. */
struct thread_enum {
    struct ICorProfilerThreadEnum face; /* first */
    struct standin *standin;
    uint32_t next;
    bool taken;
};

struct stacks {
    struct native_body *bodies;
    uintptr_t next_start;
    struct standin_thread **threads;
    uint32_t thread_count;
    struct thread_enum enumerator;
    uint64_t suspend_ns, frame_ns, resume_ns;
    _Atomic bool suspended;
};

struct fault {
    bool armed;
    ModuleID module;
    mdToken method;
    HRESULT result;
    uint32_t times;
};

struct standin {
    struct ICorProfilerInfo15 info; /* first */
    struct ICorProfilerInfo15Vtbl table;
    pthread_mutex_t lock;
    pthread_mutex_t jit; /* one compilation at a time, as the runtime's own lock per version */
    struct ICorProfilerCallback11 *callback;
    bool owns_callback;
    uint16_t version[3];
    struct standin_module *modules;
    struct image_inlining *image_inlinings;
    bool attached;
    struct standin_counts counts;
    ReJITID next_rejit;
    struct fault faults[STANDIN_FAULTS];
    struct stacks stacks;
    uint32_t events;
    _Atomic bool detach_wanted;
    _Atomic int references;
};

/* Under the lock. */
bool standin_faulty(struct standin *standin, enum standin_fault kind, ModuleID module,
                    mdToken method, HRESULT *result);
struct standin_method *standin_find(struct standin_module *module, mdToken token);
struct standin_module *standin_module_of(struct standin *standin, ModuleID id);

/* standin_metadata.c: the face for an interface id, one reference more; NULL: not of ours. */
void *standin_metadata(struct standin_module *module, const struct GUID *iid);
void standin_metadata_release(struct standin_module *module);

/* standin_rejit.c */
HRESULT standin_request(struct standin *standin, uint32_t count, ModuleID *modules,
                        mdToken *methods, bool inliners, bool callbacks);
HRESULT standin_revert(struct standin *standin, uint32_t count, ModuleID *modules, mdToken *methods,
                       HRESULT *results);

/* standin_inliners.c */
HRESULT standin_enumerate_inliners(struct standin *standin, ModuleID inliner_module,
                                   struct COR_PRF_METHOD inlinee, BOOL *incomplete,
                                   struct ICorProfilerMethodEnum **enumerator);
void standin_inliners_free(struct standin *standin);

/* standin_stacks.c */
void standin_stacks_free(struct standin *standin);
/* A call that takes locks of the runtime is made. */
void standin_locks(struct standin *standin);
#define STANDIN_SELF struct ICorProfilerInfo15 *self
HRESULT standin_SuspendRuntime(STANDIN_SELF);
HRESULT standin_ResumeRuntime(STANDIN_SELF);
HRESULT standin_EnumThreads(STANDIN_SELF, struct ICorProfilerThreadEnum **enumerator);
HRESULT standin_GetCurrentThreadID(STANDIN_SELF, ThreadID *thread);
HRESULT standin_GetThreadInfo(STANDIN_SELF, ThreadID thread, uint32_t *os_thread);
HRESULT standin_DoStackSnapshot(STANDIN_SELF, ThreadID thread, StackSnapshotCallback *callback,
                                uint32_t flags, void *client_data, uint8_t *context,
                                uint32_t context_size);
HRESULT standin_GetFunctionFromIP3(STANDIN_SELF, const uint8_t *ip, FunctionID *function,
                                   ReJITID *rejit);
HRESULT standin_GetReJITIDs(STANDIN_SELF, FunctionID function, uint32_t capacity, uint32_t *count,
                            ReJITID *rejits);
HRESULT standin_GetNativeCodeStartAddresses(STANDIN_SELF, FunctionID function, ReJITID rejit,
                                            uint32_t capacity, uint32_t *count,
                                            uintptr_t *addresses);
HRESULT standin_GetCodeInfo4(STANDIN_SELF, uintptr_t code_start, uint32_t capacity, uint32_t *count,
                             struct COR_PRF_CODE_INFO *code);
HRESULT standin_GetFunctionFromToken(STANDIN_SELF, ModuleID module, mdToken token,
                                     FunctionID *function);

extern const struct ICorProfilerInfo15Vtbl standin_info_table;

/* Rows of methods that do nothing: standin_quiet_<result>. */
#define STANDIN_QUIET_HRESULT  return E_NOTIMPL
#define STANDIN_QUIET_uint32_t return 1
#define STANDIN_QUIET_BOOL     return 0
#define STANDIN_QUIET_void     return

/* on_<Name> where HANDLED_<Name> is defined as "~,", else quiet_<Name>. */
#define STANDIN_PICK(name)                STANDIN_PICK_SECOND(HANDLED_##name on_##name, quiet_##name, )
#define STANDIN_PICK_SECOND(...)          STANDIN_PICK_SECOND_OF(__VA_ARGS__)
#define STANDIN_PICK_SECOND_OF(a, b, ...) b

#endif
