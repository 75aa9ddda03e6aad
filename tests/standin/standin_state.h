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
