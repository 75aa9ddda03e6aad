/*
 * Built by musl-gcc: loads librejig.so the way a runtime does, asks it for its objects, and
 * unloads it. Usage: musl_load LIBRARY
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#include "abi_profiler.h"
#include "wire_message.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why ? why : "?");
    return 1;
}

int main(int argc, char **argv)
{
    static const union {
        uint8_t bytes[16];
        struct GUID guid;
    } agent = {WIRE_AGENT_CLSID_BYTES};
    static const struct GUID factory_id = {1, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
    static const struct GUID callback_id = {
        0x8a8cc829, 0xccf2, 0x49fe, {0xbb, 0xae, 0x0f, 0x02, 0x22, 0x28, 0x07, 0x1a}};
    void *object = NULL;
    if (argc != 2)
        return fail("usage", "musl_load LIBRARY");
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail("dlopen", dlerror());
    HRESULT(*entry)
    (const struct GUID *, const struct GUID *, void **) =
        (HRESULT(*)(const struct GUID *, const struct GUID *, void **))dlsym(library,
                                                                             "DllGetClassObject");
    if (!entry)
        return fail("dlsym", dlerror());
    if (entry(&agent.guid, &factory_id, &object) != S_OK)
        return fail("DllGetClassObject", "refused");
    struct IClassFactory *factory = object;
    if (factory->vtbl->CreateInstance(factory, NULL, &callback_id, &object) != S_OK)
        return fail("CreateInstance", "refused");
    struct ICorProfilerCallback11 *callback = object;
    BOOL only = 1;
    if (callback->vtbl->LoadAsNotificationOnly(callback, &only) != S_OK || only)
        return fail("LoadAsNotificationOnly", "wrong answer");
    /* Client data that is not ours: refused without a look at anything else. */
    if (callback->vtbl->InitializeForAttach(callback, NULL, "x", 1) !=
        CORPROF_E_PROFILER_CANCEL_ACTIVATION)
        return fail("InitializeForAttach", "did not refuse");
    callback->vtbl->Release(callback);
    if (dlclose(library) != 0)
        return fail("dlclose", dlerror());
    puts("loaded, asked and unloaded");
    return 0;
}
