/* How the runtime brings a profiler in and lets it go. */
#include "standin_state.h"
#include "wire_message.h"

static HRESULT make_callback(struct standin *standin, standin_entry *entry)
{
    static const union {
        uint8_t bytes[16];
        struct GUID guid;
    } agent = {WIRE_AGENT_CLSID_BYTES};
    void *factory_object = NULL, *object = NULL;
    HRESULT result = entry(&agent.guid, &IID_IClassFactory, &factory_object);
    if (hresult_failed(result))
        return result;
    struct IClassFactory *factory = factory_object;
    result = factory->vtbl->CreateInstance(factory, NULL, &IID_ICorProfilerCallback2, &object);
    factory->vtbl->Release(factory);
    if (hresult_failed(result))
        return result;
    /* Then it asks for the higher ones, from the top. */
    struct ICorProfilerCallback11 *callback = object;
    void *higher = NULL;
    result = callback->vtbl->QueryInterface(callback, &IID_ICorProfilerCallback11, &higher);
    callback->vtbl->Release(callback);
    if (hresult_failed(result))
        return result;
    standin->owns_callback = true;
    standin_set_callback(standin, higher);
    return S_OK;
}

static void drop_callback(struct standin *standin)
{
    struct ICorProfilerCallback11 *callback = standin->callback;
    standin_set_callback(standin, NULL);
    standin->owns_callback = false;
    callback->vtbl->Release(callback);
}

HRESULT standin_attach(struct standin *standin, standin_entry *entry, const void *client_data,
                       uint32_t client_bytes)
{
    HRESULT result = make_callback(standin, entry);
    if (hresult_failed(result))
        return result;
    struct ICorProfilerCallback11 *callback = standin->callback;
    standin->attached = true;
    result = callback->vtbl->InitializeForAttach(callback, (struct IUnknown *)&standin->info,
                                                 (void *)(uintptr_t)client_data, client_bytes);
    if (hresult_failed(result))
        drop_callback(standin);
    else
        callback->vtbl->ProfilerAttachComplete(callback);
    return result;
}

HRESULT standin_start(struct standin *standin, standin_entry *entry)
{
    HRESULT result = make_callback(standin, entry);
    if (hresult_failed(result))
        return result;
    struct ICorProfilerCallback11 *callback = standin->callback;
    result = callback->vtbl->Initialize(callback, (struct IUnknown *)&standin->info);
    if (hresult_failed(result))
        drop_callback(standin);
    return result;
}

void standin_shutdown(struct standin *standin)
{
    if (standin->callback)
        standin->callback->vtbl->Shutdown(standin->callback);
}

bool standin_detach(struct standin *standin)
{
    if (!atomic_load(&standin->detach_wanted))
        return false;
    struct ICorProfilerCallback11 *callback = standin->callback;
    callback->vtbl->ProfilerDetachSucceeded(callback);
    drop_callback(standin);
    atomic_store(&standin->detach_wanted, false);
    return true;
}

uint32_t standin_event_mask(struct standin *standin)
{
    pthread_mutex_lock(&standin->lock);
    const uint32_t events = standin->events;
    pthread_mutex_unlock(&standin->lock);
    return events;
}
