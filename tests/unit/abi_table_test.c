// uses: abi
// The tables of the profiler interfaces: slots, names, ids, and what the row macros make.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "abi_metadata.h"
#include "abi_profiler.h"

static void names_stand_at_their_slots(void **state)
{
    (void)state;
    assert_string_equal(abi_callback_name(0), "QueryInterface");
    assert_string_equal(abi_callback_name(3), "Initialize");
    assert_string_equal(abi_callback_name(25), "JITCachedFunctionSearchStarted");
    assert_string_equal(abi_callback_name(84), "GetReJITParameters");
    assert_string_equal(abi_callback_name(97), "LoadAsNotificationOnly");
    assert_null(abi_callback_name(98));
    assert_string_equal(abi_info_name(73), "RequestReJIT");
    assert_string_equal(abi_info_name(114), "EnumerateGCHeapObjects");
    assert_null(abi_info_name(115));
    for (uint32_t slot = 0; slot < ABI_CALLBACK_SLOTS; slot++)
        assert_non_null(abi_callback_name(slot));
    for (uint32_t slot = 0; slot < ABI_INFO_SLOTS; slot++)
        assert_non_null(abi_info_name(slot));
}

static void ids_know_their_interfaces(void **state)
{
    (void)state;
    static const struct GUID callback2 = {
        0x8a8cc829, 0xccf2, 0x49fe, {0xbb, 0xae, 0x0f, 0x02, 0x22, 0x28, 0x07, 0x1a}};
    static const struct GUID nobody = {1, 2, 3, {4}};
    assert_true(abi_guid_equal(&callback2, &IID_ICorProfilerCallback2));
    assert_string_equal(abi_interface_name(&callback2), "ICorProfilerCallback2");
    assert_int_equal(abi_interface_slots(&callback2), 80);
    assert_int_equal(abi_interface_slots(&IID_ICorProfilerInfo4), 81);
    assert_int_equal(abi_interface_slots(&IID_IMetaDataEmit2), 60);
    assert_null(abi_interface_name(&nobody));
    assert_int_equal(abi_interface_slots(&nobody), 0);
}

/* No id stands twice: a slip of the pen would make two interfaces one. */
static void ids_differ(void **state)
{
    (void)state;
    static const struct GUID *const all[] = {
#define ABI_INTERFACE(name, slots, ...) &IID_##name,
#include "abi_interfaces.def"
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(abi_guid_equal(all[i], all[j]));
    }
}

/* A forwarder made of the rows alone, for methods of 0, 1 and 12 parameters: each argument
 * arrives where it belongs. */
static uintptr_t seen[12];

static HRESULT see_event(struct ICorProfilerCallback11 *self, EVENTPIPE_PROVIDER provider,
                         uint32_t id, uint32_t version, uint32_t metadata_size,
                         const uint8_t *metadata, uint32_t data_size, const uint8_t *data,
                         const struct GUID *activity, const struct GUID *related, ThreadID thread,
                         uint32_t frame_count, uintptr_t *frames)
{
    (void)self;
    const uintptr_t values[12] = {provider,
                                  id,
                                  version,
                                  metadata_size,
                                  (uintptr_t)metadata,
                                  data_size,
                                  (uintptr_t)data,
                                  (uintptr_t)activity,
                                  (uintptr_t)related,
                                  thread,
                                  frame_count,
                                  (uintptr_t)frames};
    memcpy(seen, values, sizeof(seen));
    return 7;
}

static HRESULT see_shutdown(struct ICorProfilerCallback11 *self)
{
    (void)self;
    seen[0] = 4711;
    return 8;
}

static const struct ICorProfilerCallback11Vtbl target_vtable = {
    .Shutdown = see_shutdown,
    .EventPipeEventDelivered = see_event,
};
static struct ICorProfilerCallback11 target = {&target_vtable};

#define ABI_METHOD(result, slot, name, ...)                                                        \
    static __attribute__((unused)) result forward_##name(                                          \
        struct ICorProfilerCallback11 *self __VA_OPT__(, ABI_PARAMETERS(__VA_ARGS__)))             \
    {                                                                                              \
        (void)self;                                                                                \
        return target.vtbl->name(&target __VA_OPT__(, ABI_ARGUMENTS(__VA_ARGS__)));                \
    }
#include "abi_callback.def"

static void rows_make_forwarders(void **state)
{
    (void)state;
    assert_int_equal(forward_Shutdown(NULL), 8);
    assert_int_equal(seen[0], 4711);
    assert_int_equal(forward_EventPipeEventDelivered(
                         NULL, 1, 2, 3, 4, (const uint8_t *)5, 6, (const uint8_t *)7,
                         (const struct GUID *)8, (const struct GUID *)9, 10, 11, (uintptr_t *)12),
                     7);
    for (uintptr_t i = 0; i < 12; i++)
        assert_int_equal(seen[i], i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_at_their_slots),
        cmocka_unit_test(ids_know_their_interfaces),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(rows_make_forwarders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
