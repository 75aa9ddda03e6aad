#include "entry_agent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_clock.h"
#include "entry_environment.h"
#include "entry_worker.h"
#include "recompile.h"
#include "recompile_cached.h"
#include "session.h"
#include "session_log.h"
#include "wire_message.h"

/* Bits for a session that probes; the same attached and started. JIT_COMPILATION is needed
 * for ReJITCompilationStarted and -Finished, the only signs of a body that cannot be compiled;
 * without it requests were at times never honoured (dotnet/runtime#87418). STACK_SNAPSHOT calls
 * nobody: it permits recompile_frames to walk stacks. None of them changes the code that the
 * program's own methods are compiled to. */
#define PROBE_EVENTS                                                                               \
    (COR_PRF_ENABLE_REJIT | COR_PRF_MONITOR_MODULE_LOADS | COR_PRF_MONITOR_JIT_COMPILATION |       \
     COR_PRF_ENABLE_STACK_SNAPSHOT)
/* Started under us only: the runtime refuses them to what is attached. */
#define START_EVENTS (COR_PRF_MONITOR_CACHE_SEARCHES | COR_PRF_MONITOR_FUNCTION_UNLOADS)
#define LIST_EVENTS  COR_PRF_MONITOR_MODULE_LOADS

#define SHUTDOWN_WAIT_NS UINT64_C(500000000)

struct agent {
    struct ICorProfilerInfo15 *info; /* one reference */
    uint32_t info_slots;             /* of the interface that the runtime granted */
    struct session_engine *engine;
    struct worker worker;
    bool list_only;
    _Atomic bool started;
    _Atomic(struct recompile *) recompile;
};

static struct agent agent;

struct recompile *entry_recompile(void)
{
    return atomic_load_explicit(&agent.recompile, memory_order_acquire);
}

bool entry_started(void)
{
    return atomic_load_explicit(&agent.started, memory_order_relaxed);
}

/* The highest interface there is: lower ones are its leading slots. */
static bool take_info(struct IUnknown *unknown)
{
    static const struct GUID *const wanted[] = {
        &IID_ICorProfilerInfo15, &IID_ICorProfilerInfo14, &IID_ICorProfilerInfo13,
        &IID_ICorProfilerInfo12, &IID_ICorProfilerInfo11, &IID_ICorProfilerInfo10,
        &IID_ICorProfilerInfo9,  &IID_ICorProfilerInfo8,  &IID_ICorProfilerInfo7,
        &IID_ICorProfilerInfo6,  &IID_ICorProfilerInfo5};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        void *object = NULL;
        if (!hresult_failed(unknown->vtbl->QueryInterface(unknown, wanted[i], &object)) && object) {
            agent.info = object;
            agent.info_slots = abi_interface_slots(wanted[i]);
            return true;
        }
    }
    return false;
}

/* As if we had never been here. The worker is not running. */
static void undo(void)
{
    struct recompile *recompile = atomic_exchange(&agent.recompile, NULL);
    session_engine_free(agent.engine);
    recompile_free(recompile);
    session_log_release();
    if (agent.info)
        agent.info->vtbl->Release(agent.info);
    agent.engine = NULL;
    agent.info = NULL;
    agent.list_only = false;
    atomic_store(&agent.started, false);
}

static enum status build(const struct wire_client_data *data, struct error *error)
{
    struct recompile *recompile = NULL;
    enum status status = recompile_new(agent.info, &recompile, error);
    if (status != STATUS_OK)
        return status;
    atomic_store_explicit(&agent.recompile, recompile, memory_order_release);
    if (agent.started)
        status = recompile_cached_begin(recompile, RECOMPILE_CACHED_LEVELS, error);
    if (status != STATUS_OK)
        return status;
    status = session_engine_new(recompile, agent.info, data->directory, agent.started,
                                &agent.engine, error);
    if (status == STATUS_OK && agent.list_only)
        session_engine_list_only(agent.engine);
    return status;
}

/* Meant for this process, and in time. */
static bool is_ours(const struct wire_client_data *data)
{
    return data->pid == (uint32_t)getpid() && clock_boottime() < data->deadline;
}

static enum status meet(const struct wire_client_data *data, struct error *error)
{
    enum status status =
        session_engine_wait_first(agent.engine, data->nonce, data->deadline, data->parent, error);
    if (status == STATUS_OK && agent.started)
        status = session_engine_wait_plan(agent.engine, data->deadline, data->parent, error);
    return status;
}

/* Everything up to the point where the worker takes over. */
static HRESULT settle_in(const struct wire_client_data *data)
{
    const uint32_t events = agent.list_only ? LIST_EVENTS
                            : agent.started ? PROBE_EVENTS | START_EVENTS
                                            : PROBE_EVENTS;
    if (build(data, NULL) != STATUS_OK || meet(data, NULL) != STATUS_OK)
        return CORPROF_E_PROFILER_CANCEL_ACTIVATION;
    const HRESULT result = agent.info->vtbl->SetEventMask2(agent.info, events, 0);
    if (hresult_failed(result))
        return result;
    if (!worker_start(&agent.worker, agent.engine, agent.list_only ? agent.info : NULL))
        return CORPROF_E_PROFILER_CANCEL_ACTIVATION;
    return S_OK;
}

HRESULT entry_attach(struct IUnknown *info, const void *client_data, uint32_t client_bytes)
{
    struct wire_client_data data;
    if (entry_recompile() ||
        wire_client_data_get(client_data, client_bytes, &data, NULL) != STATUS_OK ||
        !is_ours(&data) || !take_info(info))
        return CORPROF_E_PROFILER_CANCEL_ACTIVATION;
    agent.list_only = data.mode == WIRE_ATTACH_LIST;
    const HRESULT result = settle_in(&data);
    if (hresult_failed(result))
        undo();
    return result;
}

void entry_attach_complete(void)
{
    worker_open_gate(&agent.worker);
}

HRESULT entry_start(struct IUnknown *info)
{
    struct wire_client_data data;
    if (entry_recompile() || !take_info(info))
        return CORPROF_E_PROFILER_CANCEL_ACTIVATION;
    const bool asked = environment_take(agent.info, agent.info_slots, &data);
    if (!asked || !is_ours(&data)) {
        undo();
        return CORPROF_E_PROFILER_CANCEL_ACTIVATION;
    }
    atomic_store(&agent.started, true);
    const HRESULT result = settle_in(&data);
    if (hresult_failed(result))
        undo();
    else
        worker_open_gate(&agent.worker);
    return result;
}

void entry_shutdown(void)
{
    if (!agent.engine || agent.list_only)
        return;
    atomic_store(&agent.started, false); /* nobody files claims any more */
    session_engine_stop(agent.engine);
    /* The process ends: what the worker cannot finish in time goes with it. The engine is not
     * freed: other threads still run, and may be asked for the IL of a method. */
    if (worker_wait(&agent.worker, SHUTDOWN_WAIT_NS))
        worker_join(&agent.worker);
}

void entry_detached(void)
{
    worker_join(&agent.worker);
    undo();
}
