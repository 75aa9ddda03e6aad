/* The library's way in: class factory, and what a program's managed code may call. */
#include <stdlib.h>

#include "contract_profiler.h"

static HRESULT factory_query(struct IClassFactory *self, const struct GUID *iid, void **object)
{
    const bool mine = abi_guid_equal(iid, &IID_IUnknown) || abi_guid_equal(iid, &IID_IClassFactory);
    *object = mine ? self : NULL;
    return mine ? S_OK : E_NOINTERFACE;
}

static uint32_t factory_reference(struct IClassFactory *self)
{
    (void)self;
    return 1;
}

static HRESULT factory_create(struct IClassFactory *self, struct IUnknown *outer,
                              const struct GUID *iid, void **object)
{
    (void)self;
    (void)outer;
    return contract_callback(iid, object);
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

/* Any class id is ours: nobody else's library is named by the tests. */
__attribute__((visibility("default"))) HRESULT
DllGetClassObject(const struct GUID *class_id, const struct GUID *iid, void **object);

HRESULT DllGetClassObject(const struct GUID *class_id, const struct GUID *iid, void **object)
{
    (void)class_id;
    return factory_query(&factory, iid, object);
}

/* Called by the program itself: the rules for "ProgramCall" are done on a managed thread. */
__attribute__((visibility("default"))) void contract_program_call(void);

void contract_program_call(void)
{
    occasion_handle((struct occasion){.note = {.kind = "ProgramCall"}});
}
