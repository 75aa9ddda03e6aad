// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// The modules of the target: found, announced, read where they stand, refused, unloaded; and
// which memory may be read at all.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "metadata_resolve.h"
#include "recompile_harness.h"
#include "recompile_internal.h"

/* The runtime tells no image of one module. */
static ModuleID hidden;
static HRESULT (*told)(struct ICorProfilerInfo15 *, ModuleID, const uint8_t **, uint32_t,
                       uint32_t *, WCHAR *, AssemblyID *, uint32_t *);
static HRESULT forbidden(struct ICorProfilerInfo15 *self, ModuleID id, const uint8_t **base,
                         uint32_t units, uint32_t *length, WCHAR *name, AssemblyID *assembly,
                         uint32_t *flags)
{
    const HRESULT result = told(self, id, base, units, length, name, assembly, flags);
    if (id == hidden)
        *base = NULL;
    return result;
}

static void modules_are_found_and_announced(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    struct modules *modules = recompile_modules(harness_recompile);
    assert_int_equal(modules_count(modules), 2);
    assert_int_equal(bench.a.loaded, 2);
    const struct module *core = modules_by_assembly(modules, "System.Private.CoreLib");
    assert_non_null(core);
    assert_int_equal(core->id, bench.core);
    assert_string_equal(core->name, "System.Private.CoreLib.dll");
    assert_int_equal(core->path[0], '/');
    assert_true(core->precompiled);
    assert_false(core->dynamic || core->collectible || core->edit_and_continue || core->gone);
    assert_ptr_equal(modules_find(modules, bench.core), core);
    assert_null(modules_find(modules, 4711));
    assert_null(modules_by_assembly(modules, "Nobody"));

    /* The event says that there is work, and the pump takes it. */
    struct pollfd wait = {.fd = recompile_event(harness_recompile), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 0), 0);
    const ModuleID late = harness_load(bench.standin, "System.Collections.dll", 0);
    assert_int_equal(poll(&wait, 1, 0), 1);
    recompile_pump(harness_recompile);
    assert_int_equal(poll(&wait, 1, 0), 0);
    assert_int_equal(bench.a.loaded, 3);
    assert_int_equal(bench.b.loaded, 3);
    /* Not from disk: no path, but a name. */
    assert_string_equal(modules_find(modules, late)->path, "");
    assert_string_equal(modules_find(modules, late)->name, "System.Collections.dll");

    uint32_t cursor = 0, seen = 0;
    while (modules_next(modules, &cursor))
        seen++;
    assert_int_equal(seen, 3);
    harness_down(&bench);
}

static void what_cannot_be_recompiled_says_why(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    harness_up(&bench);
    struct modules *modules = recompile_modules(harness_recompile);
    const struct module *linq = modules_find(modules, bench.linq);
    const struct module *core = modules_find(modules, bench.core);
    assert_int_equal(recompile_method_refusal(harness_recompile, linq, bench.any.method, &error),
                     STATUS_OK);
    assert_int_equal(recompile_method_refusal(harness_recompile, linq, 0x0600ffff, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(recompile_method_refusal(harness_recompile, linq, 0x02000002, &error),
                     STATUS_NOT_FOUND);
    /* Without IL: part of the runtime, abstract. */
    const mdToken internal = standin_method(bench.standin, bench.core, "System.String", ".ctor");
    assert_int_equal(recompile_method_refusal(harness_recompile, core, internal, &error),
                     STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "part of the runtime"));
    const mdToken abstract =
        standin_method(bench.standin, bench.core, "System.IO.Stream", "get_CanRead");
    assert_int_equal(recompile_method_refusal(harness_recompile, core, abstract, &error),
                     STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "abstract"));

    const ModuleID dynamic =
        harness_load(bench.standin, "System.Collections.dll", COR_PRF_MODULE_DYNAMIC);
    const ModuleID collectible =
        harness_load(bench.standin, "System.Memory.dll", COR_PRF_MODULE_COLLECTIBLE);
    recompile_pump(harness_recompile);
    assert_null(modules_find(modules, dynamic)->image);
    assert_int_equal(recompile_method_refusal(harness_recompile, modules_find(modules, dynamic),
                                              0x06000001, &error),
                     STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "Reflection.Emit"));
    assert_non_null(modules_find(modules, collectible)->image);
    assert_int_equal(recompile_method_refusal(harness_recompile, modules_find(modules, collectible),
                                              0x06000001, &error),
                     STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "collectible"));
    harness_down(&bench);
}

/* The image of a module that can go is a copy: reading it while the runtime unmaps is safe. */
static void unloading_takes_the_image_away(void **state)
{
    struct bench bench;
    struct error error;
    (void)state;
    harness_up(&bench);
    struct modules *modules = recompile_modules(harness_recompile);
    const ModuleID id =
        harness_load(bench.standin, "System.Collections.dll", COR_PRF_MODULE_COLLECTIBLE);
    recompile_pump(harness_recompile);
    const struct module *module = modules_find(modules, id);
    standin_unload(bench.standin, id);
    assert_string_equal(metadata_image_assembly(module->image), "System.Collections");
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.unloading, 1);
    assert_true(module->gone);
    assert_null(module->image);
    assert_null(modules_find(modules, id));
    assert_int_equal(modules_count(modules), 2);
    assert_int_equal(recompile_method_refusal(harness_recompile, module, 0x06000001, &error),
                     STATUS_NOT_FOUND);
    harness_down(&bench);
}

/* Loaded and gone before the worker has looked: it must not look any more. */
static void gone_before_it_was_seen(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    const ModuleID id =
        harness_load(bench.standin, "System.Collections.dll", COR_PRF_MODULE_COLLECTIBLE);
    standin_unload(bench.standin, id);
    recompile_pump(harness_recompile);
    assert_int_equal(bench.a.loaded, 2);
    assert_int_equal(bench.a.unloading, 0);
    harness_down(&bench);
}

/* The image of a module may come into reach later: it is tried at later module loads, and when
 * somebody asks, and announced then. */
static void what_cannot_be_read_is_read_later(void **state)
{
    struct bench bench;
    (void)state;
    harness_up(&bench);
    struct modules *modules = recompile_modules(harness_recompile);
    for (int by_load = 0; by_load < 2; by_load++) {
        const uint32_t loaded = bench.a.loaded, count = modules_count(modules);
        const ModuleID id = harness_load(
            bench.standin, by_load ? "System.Memory.dll" : "System.Collections.dll", 0);
        if (!by_load) {
            told = standin_table(bench.standin)->GetModuleInfo2;
            standin_table(bench.standin)->GetModuleInfo2 = forbidden;
        }
        hidden = id;
        recompile_pump(harness_recompile);
        const struct module *before = modules_find(modules, id);
        assert_null(before->image);
        assert_true(before->unread);
        assert_non_null(before->unreadable);
        assert_int_equal(bench.a.loaded, loaded + 1);
        recompile_read_again(harness_recompile);
        assert_ptr_equal(modules_find(modules, id), before);
        assert_int_equal(bench.a.loaded, loaded + 1);

        hidden = 0;
        if (by_load) {
            usleep(150000);
            harness_load(bench.standin, "System.Xml.dll", 0);
            recompile_pump(harness_recompile);
        } else {
            recompile_read_again(harness_recompile);
        }
        const struct module *after = modules_find(modules, id);
        assert_non_null(after->image);
        assert_false(after->unread);
        assert_null(after->unreadable);
        assert_true(before->gone);
        assert_int_equal(bench.a.loaded, loaded + 2 + (uint32_t)by_load);
        assert_int_equal(modules_count(modules), count + 1 + (uint32_t)by_load);
    }
    harness_down(&bench);
}

/* ---- started under us: the loading thread waits for the claims ---- */

struct pump {
    _Atomic bool stop;
    unsigned delay_us;
};

static void *pump_thread(void *argument)
{
    struct pump *pump = argument;
    while (!atomic_load(&pump->stop)) {
        struct pollfd wait = {.fd = recompile_event(harness_recompile), .events = POLLIN};
        poll(&wait, 1, 5);
        usleep(pump->delay_us);
        recompile_pump(harness_recompile);
    }
    return NULL;
}

static struct method_key late_key;
static _Atomic bool late_claimed; /* late_key may be read */
static void claim_late(struct marker *marker, const struct module *module)
{
    struct error error;
    late_key = (struct method_key){
        .module = module->id,
        .method = metadata_find_method(
            module->image,
            metadata_find_type_text(module->image, "System.Collections.Generic.Stack`1"), "Push"),
    };
    recompile_claim(harness_recompile, &marker->tenant, &late_key, 1, &error);
    atomic_store(&late_claimed, true);
}

/* False: the machine was so busy that the worker did not come to its turn in time. */
static bool loads_in_time(void)
{
    struct bench bench;
    struct pump pump = {.delay_us = 2000};
    pthread_t thread;
    harness_up(&bench);
    bench.a.on_loaded = claim_late;
    atomic_store(&late_claimed, false);
    pthread_create(&thread, NULL, pump_thread, &pump);
    const ModuleID module = harness_load(bench.standin, "System.Collections.dll", 0);
    recompile_wait_for_module(harness_recompile, module);
    /* The claim is made: the very first call runs the woven body. */
    const bool asked = atomic_load(&late_claimed) && harness_call(&bench, late_key).asked;
    atomic_store(&pump.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(late_key.module, module);
    assert_int_equal(harness_release(&bench.a, late_key), 1);
    harness_down(&bench);
    return asked;
}

static void a_loading_thread_waits_for_claims(void **state)
{
    bool in_time = false;
    (void)state;
    for (int i = 0; i < 20 && !in_time; i++)
        in_time = loads_in_time();
    assert_true(in_time);
}

static void a_stuck_worker_is_not_waited_for(void **state)
{
    struct bench bench;
    struct timespec before, after;
    (void)state;
    harness_up(&bench);
    const ModuleID module = harness_load(bench.standin, "System.Collections.dll", 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 50; i++)
        recompile_wait_for_module(harness_recompile, module);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const double seconds =
        (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    assert_true(seconds > 0.19 && seconds < 1.0);
    harness_down(&bench);
}

/* ---- readable memory ---- */

static void maps_are_read_as_the_kernel_writes_them(void **state)
{
    static const char text[] = "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/dbus-daemon\n"
                               "00452000-00460000 r--p 00052000 08:02 173521 /usr/bin/dbus-daemon\n"
                               "00651000-00652000 ---p 00051000 08:02 173521 /usr/bin/dbus-daemon\n"
                               "00652000-00655000 rw-p 00052000 08:02 173521 /usr/bin/dbus-daemon\n"
                               "7fffb2d48000-7fffb2d49000 r-xp 00000000 00:00 0 [vdso]\n";
    struct memory_map map = {0};
    (void)state;
    assert_int_equal(memory_map_parse(&map, text, sizeof(text) - 1, NULL), STATUS_OK);
    assert_int_equal(map.count, 3);
    assert_int_equal(memory_map_extent(&map, 0x400000), 0x60000);
    assert_int_equal(memory_map_extent(&map, 0x45ffff), 1);
    assert_int_equal(memory_map_extent(&map, 0x460000), 0);
    assert_int_equal(memory_map_extent(&map, 0x651fff), 0);
    assert_int_equal(memory_map_extent(&map, 0x652000), 0x3000);
    assert_int_equal(memory_map_extent(&map, 0), 0);
    assert_int_equal(memory_map_extent(&map, UINT64_MAX), 0);
    static const char *const bad[] = {"x", "1-", "1-2", "2-1 r", "-1 r--p\n", "1-2r--p\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(memory_map_parse(&map, bad[i], strlen(bad[i]), NULL), STATUS_MALFORMED);
        assert_int_equal(map.count, 0);
    }
    assert_int_equal(memory_map_parse(&map, "", 0, NULL), STATUS_OK);
    memory_map_release(&map);
}

/* The kernel writes the list piece by piece: what changes in between is told twice, or in part. */
static void a_map_that_changes_while_it_is_read(void **state)
{
    struct memory_map map = {0};
    (void)state;
    /* The second mapping has been joined with the first, the third has grown downwards. */
    static const char joined[] = "1000-3000 r--p\n1000-5000 r--p\n4000-8000 ---p\n8000-9000 r--p\n"
                                 "7000-a000 r--p\n2000-3000 r--p\n";
    assert_int_equal(memory_map_parse(&map, joined, sizeof(joined) - 1, NULL), STATUS_OK);
    assert_int_equal(map.count, 2);
    assert_int_equal(memory_map_extent(&map, 0x1000), 0x4000);
    assert_int_equal(memory_map_extent(&map, 0x5000), 0);
    assert_int_equal(memory_map_extent(&map, 0x7000), 0);
    assert_int_equal(memory_map_extent(&map, 0x8000), 0x2000);
    memory_map_release(&map);
}

static _Atomic bool churning;
static void *churn(void *arena)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (unsigned seed = 1; atomic_load(&churning); seed = seed * 1103515245u + 12345) {
        mprotect((uint8_t *)arena + (seed >> 8) % 4000 * page, (1 + (seed >> 24) % 60) * page,
                 seed >> 5 & 1 ? PROT_READ | PROT_WRITE : PROT_NONE);
    }
    return NULL;
}

/* No reading fails because other threads map and unmap, and what stands still is always there. */
static void a_map_is_read_while_others_map(void **state)
{
    enum { STILL = 200 };
    struct memory_map map = {0};
    pthread_t thread;
    uint8_t *still[STILL];
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *arena =
        mmap(NULL, 4096 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (int i = 0; i < STILL; i++)
        still[i] = mmap(NULL, 2 * page, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    atomic_store(&churning, true);
    pthread_create(&thread, NULL, churn, arena);
    for (int round = 0; round < 400; round++) {
        assert_int_equal(memory_map_read(&map, NULL), STATUS_OK);
        for (int i = 0; i < STILL; i++)
            assert_true(memory_map_extent(&map, (uintptr_t)still[i]) >= 2 * page);
    }
    atomic_store(&churning, false);
    pthread_join(thread, NULL);
    for (int i = 0; i < STILL; i++)
        munmap(still[i], 2 * page);
    munmap(arena, 4096 * page);
    memory_map_release(&map);
}

/* Where an image is mapped now, something shorter may have stood when the map was read. */
static void an_old_map_does_not_cut_an_image_off(void **state)
{
    char path[4096];
    struct modules modules = {0};
    uint64_t length = 0, whole = 0;
    const char *why = NULL;
    (void)state;
    assert_true(standin_framework_file(path, sizeof(path), "System.Linq.dll"));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const size_t bytes = (size_t)lseek(fd, 0, SEEK_END), page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *place = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    modules_init(&modules);
    for (size_t before = 0; before <= 2; before++) {
        assert_int_equal(mprotect(place, bytes, PROT_NONE), 0);
        if (before)
            assert_int_equal(mprotect(place, before * page, PROT_READ), 0);
        assert_int_equal(memory_map_read(&modules.memory, NULL), STATUS_OK);
        assert_int_equal(memory_map_extent(&modules.memory, (uintptr_t)place), before * page);
        assert_ptr_equal(mmap(place, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0), place);
        assert_true(module_image_bounds(&modules, place, true, &length, &why));
        assert_true(length > 2 * page && length <= bytes);
        assert_true(before == 0 || length == whole);
        whole = length;
    }
    /* Cut off indeed. */
    assert_int_equal(mprotect(place + 4 * page, bytes - 4 * page, PROT_NONE), 0);
    memory_map_release(&modules.memory);
    assert_false(module_image_bounds(&modules, place, true, &length, &why));
    assert_non_null(strstr(why, "beyond readable memory"));
    modules_release(&modules);
    munmap(place, bytes);
    close(fd);
}

static void our_own_memory_is_known(void **state)
{
    struct memory_map map = {0};
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
    assert_int_equal(memory_map_read(&map, NULL), STATUS_OK);
    for (int part = 0; part < 2; part++) {
        assert_int_equal(memory_map_extent(&map, (uintptr_t)memory), page);
        assert_int_equal(memory_map_extent(&map, (uintptr_t)memory + page), 0);
        assert_true(memory_map_extent(&map, (uintptr_t)memory + 2 * page) >= page);
        /* The same of a part alone. */
        assert_int_equal(memory_map_look(&map, (uintptr_t)memory, 3 * page, NULL), STATUS_OK);
    }
    assert_int_equal(memory_map_look(&map, (uintptr_t)memory, 1, NULL), STATUS_OK);
    assert_int_equal(memory_map_extent(&map, (uintptr_t)memory), page);
    assert_int_equal(memory_map_look(&map, UINT64_C(4096), 1, NULL), STATUS_OK);
    assert_int_equal(memory_map_extent(&map, UINT64_C(4096)), 0);
    munmap(memory, 3 * page);
    memory_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_found_and_announced),
        cmocka_unit_test(what_cannot_be_recompiled_says_why),
        cmocka_unit_test(unloading_takes_the_image_away),
        cmocka_unit_test(gone_before_it_was_seen),
        cmocka_unit_test(a_loading_thread_waits_for_claims),
        cmocka_unit_test(a_stuck_worker_is_not_waited_for),
        cmocka_unit_test(maps_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(a_map_that_changes_while_it_is_read),
        cmocka_unit_test(a_map_is_read_while_others_map),
        cmocka_unit_test(an_old_map_does_not_cut_an_image_off),
        cmocka_unit_test(our_own_memory_is_known),
        cmocka_unit_test(what_cannot_be_read_is_read_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
