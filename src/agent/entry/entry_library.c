/*
 * The library's only exported symbol, and the class factory behind it.
 */
#include <stdatomic.h>

#include "abi_unknown.h"
#include "entry_callback.h"
#include "wire_message.h"

static HRESULT factory_query(struct IClassFactory *self, const struct GUID *iid, void **object)
{
    if (!object)
        return E_POINTER;
    const bool mine = abi_guid_equal(iid, &IID_IUnknown) || abi_guid_equal(iid, &IID_IClassFactory);
    *object = mine ? self : NULL;
    return mine ? S_OK : E_NOINTERFACE;
}

/* Static: references need no counting. */
static uint32_t factory_reference(struct IClassFactory *self)
{
    (void)self;
    return 1;
}

static HRESULT factory_create(struct IClassFactory *self, struct IUnknown *outer,
                              const struct GUID *iid, void **object)
{
    (void)self;
    if (!object)
        return E_POINTER;
    *object = NULL;
    return outer ? CLASS_E_NOAGGREGATION : callback_query(iid, object);
}

static HRESULT factory_lock(struct IClassFactory *self, BOOL lock)
{
    (void)self;
    (void)lock;
    return S_OK;
}

static const struct IClassFactoryVtbl factory_table = {
    .QueryInterface = factory_query,
    .AddRef = factory_reference,
    .Release = factory_reference,
    .CreateInstance = factory_create,
    .LockServer = factory_lock,
};
static struct IClassFactory factory = {&factory_table};

__attribute__((visibility("default"))) HRESULT
DllGetClassObject(const struct GUID *class_id, const struct GUID *iid, void **object);

HRESULT DllGetClassObject(const struct GUID *class_id, const struct GUID *iid, void **object)
{
    static const union {
        uint8_t bytes[16];
        struct GUID guid;
    } ours = {WIRE_AGENT_CLSID_BYTES};
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (!abi_guid_equal(class_id, &ours.guid))
        return CLASS_E_CLASSNOTAVAILABLE;
    return factory_query(&factory, iid, object);
}
