// uses: standin entry recompile weave wire metadata il clr abi base
// The agent's life on the stand-in runtime: attach, start, list and detach, and everything that
// makes it refuse and leave no trace. The session engine is one of the test's own.
// (Built again under sanitizers by tests/standin/CMakeLists.txt.)
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_clock.h"
#include "recompile.h"
#include "session.h"
#include "session_log.h"
#include "standin.h"
#include "wire_message.h"
#include "wire_record.h"

HRESULT DllGetClassObject(const struct GUID *class_id, const struct GUID *iid, void **object);

/* ---- a session engine that does what the test says ---- */

static struct {
    enum status new_answer, first_answer, plan_answer;
    char directory[104];
    bool started, list_only, nonce_seen;
    uint32_t parent;
    _Atomic int living, running, plans;
    _Atomic bool finish;
    char name[16];
    bool signals_blocked;
    struct recompile *recompile;
} fake;

struct session_engine {
    _Atomic bool stop;
};

static enum status no_weave(void *context, struct recompile_body *body, struct error *error)
{
    (void)context;
    (void)body;
    return error_set(error, STATUS_UNSUPPORTED, "nothing is woven here");
}

static _Atomic uint32_t modules_announced;
static void announced(void *context, const struct module *module)
{
    (void)context;
    (void)module;
    atomic_fetch_add(&modules_announced, 1);
}
static struct tenant tenant = {.name = "fake", .weave = no_weave, .module_loaded = announced};

enum status session_engine_new(struct recompile *recompile, struct ICorProfilerInfo15 *info,
                               const char *directory, bool started, struct session_engine **engine,
                               struct error *error)
{
    assert_non_null(info);
    *engine = NULL;
    if (fake.new_answer != STATUS_OK)
        return fake.new_answer;
    fake.recompile = recompile;
    fake.started = started;
    snprintf(fake.directory, sizeof(fake.directory), "%s", directory);
    *engine = calloc(1, sizeof(struct session_engine));
    atomic_fetch_add(&fake.living, 1);
    return recompile_add_tenant(recompile, &tenant, error);
}

void session_engine_list_only(struct session_engine *engine)
{
    (void)engine;
    fake.list_only = true;
}

enum status session_engine_wait_first(struct session_engine *engine, const uint64_t nonce[2],
                                      uint64_t deadline, uint32_t parent, struct error *error)
{
    (void)engine;
    (void)error;
    fake.nonce_seen = nonce[0] == 11 && nonce[1] == 22 && deadline > clock_boottime();
    fake.parent = parent;
    return fake.first_answer;
}

enum status session_engine_wait_plan(struct session_engine *engine, uint64_t deadline,
                                     uint32_t parent, struct error *error)
{
    (void)engine;
    (void)deadline;
    (void)parent;
    (void)error;
    atomic_fetch_add(&fake.plans, 1);
    return fake.plan_answer;
}

void session_engine_run(struct session_engine *engine)
{
    sigset_t mask;
    prctl(PR_GET_NAME, fake.name);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    fake.signals_blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT) &&
                           sigismember(&mask, SIGRTMIN + 1);
    atomic_fetch_add(&fake.running, 1);
    while (!atomic_load(&engine->stop) && !atomic_load(&fake.finish)) {
        recompile_pump(fake.recompile);
        usleep(500);
    }
    atomic_fetch_sub(&fake.running, 1);
}

void session_engine_stop(struct session_engine *engine)
{
    atomic_store(&engine->stop, true);
}

void session_engine_free(struct session_engine *engine)
{
    if (engine)
        atomic_fetch_sub(&fake.living, 1);
    free(engine);
}

void session_log_release(void)
{
}

/* ---- helpers ---- */

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void *nothing(void *argument)
{
    return argument;
}

/* Sanitizers start a thread of their own with a program's first one. */
static void first_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, nothing, NULL);
    pthread_join(thread, NULL);
}

/* A thread that has been joined may stand in /proc for a moment still. */
static int threads_settled(int wanted)
{
    for (int i = 0; i < 200 && threads() != wanted; i++)
        usleep(1000);
    return threads();
}

static void wait_for(_Atomic int *value, int wanted)
{
    for (int i = 0; i < 5000 && atomic_load(value) != wanted; i++)
        usleep(1000);
    assert_int_equal(atomic_load(value), wanted);
}

static struct wire_client_data client_data(enum wire_attach_mode mode)
{
    return (struct wire_client_data){.magic = WIRE_FRAME_MAGIC,
                                     .major = WIRE_MAJOR,
                                     .minor = WIRE_MINOR,
                                     .nonce = {11, 22},
                                     .deadline = clock_boottime() + UINT64_C(10000000000),
                                     .mode = mode,
                                     .pid = (uint32_t)getpid(),
                                     .parent = 0,
                                     .directory = "/some/where"};
}

static HRESULT attach(struct standin *standin, const struct wire_client_data *data)
{
    return standin_attach(standin, DllGetClassObject, data, sizeof(*data));
}

static int reset(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    atomic_store(&modules_announced, 0);
    return 0;
}

/* The agent is a singleton that stays for ever once it probes; a process of its own for each
 * such test. Answers the child's exit code. */
static void in_a_process_of_its_own(void (*test)(void))
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        test();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* ---- the objects ---- */

static void the_library_knows_itself_only(void **state)
{
    static const union {
        uint8_t bytes[16];
        struct GUID guid;
    } agent = {WIRE_AGENT_CLSID_BYTES};
    void *object = (void *)1;
    (void)state;
    assert_int_equal(DllGetClassObject(&IID_IUnknown, &IID_IClassFactory, &object),
                     CLASS_E_CLASSNOTAVAILABLE);
    assert_null(object);
    assert_int_equal(DllGetClassObject(&agent.guid, &IID_ICorProfilerInfo, &object), E_NOINTERFACE);
    assert_int_equal(DllGetClassObject(&agent.guid, &IID_IClassFactory, NULL), E_POINTER);
    assert_int_equal(DllGetClassObject(&agent.guid, &IID_IClassFactory, &object), S_OK);
    struct IClassFactory *factory = object;
    assert_int_equal(factory->vtbl->CreateInstance(factory, (struct IUnknown *)factory,
                                                   &IID_ICorProfilerCallback2, &object),
                     CLASS_E_NOAGGREGATION);
    assert_int_equal(factory->vtbl->CreateInstance(factory, NULL, &IID_ICorProfilerInfo, &object),
                     E_NOINTERFACE);
    assert_int_equal(
        factory->vtbl->CreateInstance(factory, NULL, &IID_ICorProfilerCallback2, &object), S_OK);
    struct ICorProfilerCallback11 *callback = object;
    static const struct GUID *const all[] = {&IID_IUnknown,
                                             &IID_ICorProfilerCallback,
                                             &IID_ICorProfilerCallback2,
                                             &IID_ICorProfilerCallback3,
                                             &IID_ICorProfilerCallback4,
                                             &IID_ICorProfilerCallback5,
                                             &IID_ICorProfilerCallback6,
                                             &IID_ICorProfilerCallback7,
                                             &IID_ICorProfilerCallback8,
                                             &IID_ICorProfilerCallback9,
                                             &IID_ICorProfilerCallback10,
                                             &IID_ICorProfilerCallback11};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(callback->vtbl->QueryInterface(callback, all[i], &object), S_OK);
        assert_ptr_equal(object, callback);
        assert_int_equal(callback->vtbl->Release(callback), 1);
    }
    assert_int_equal(callback->vtbl->QueryInterface(callback, &IID_ICorProfilerInfo, &object),
                     E_NOINTERFACE);
    assert_null(object);
    assert_int_equal(callback->vtbl->AddRef(callback), 2);
    assert_int_equal(callback->vtbl->Release(callback), 1);
    assert_int_equal(callback->vtbl->Release(callback), 0);
}

/* Every slot of the vtable can be called; before the agent lives nothing happens. */
static void quiet_callbacks_answer(void **state)
{
    static const union {
        uint8_t bytes[16];
        struct GUID guid;
    } agent = {WIRE_AGENT_CLSID_BYTES};
    void *object = NULL;
    BOOL decision = 77;
    (void)state;
    DllGetClassObject(&agent.guid, &IID_IClassFactory, &object);
    struct IClassFactory *factory = object;
    factory->vtbl->CreateInstance(factory, NULL, &IID_ICorProfilerCallback11, &object);
    struct ICorProfilerCallback11 *callback = object;
    void *const *slots = (void *const *)callback->vtbl;
    for (uint32_t i = 0; i < ABI_CALLBACK_SLOTS; i++)
        assert_non_null(slots[i]);
    /* The runtime's decisions stay what they are. */
    assert_int_equal(callback->vtbl->JITInlining(callback, 1, 2, &decision), S_OK);
    assert_int_equal(decision, 77);
    assert_int_equal(callback->vtbl->JITCachedFunctionSearchStarted(callback, 1, &decision), S_OK);
    assert_int_equal(decision, 77);
    assert_int_equal(callback->vtbl->LoadAsNotificationOnly(callback, &decision), S_OK);
    assert_int_equal(decision, 0);
    assert_int_equal(callback->vtbl->ModuleLoadFinished(callback, 1, S_OK), S_OK);
    assert_int_equal(callback->vtbl->GetReJITParameters(callback, 1, 2, NULL), S_OK);
    assert_int_equal(callback->vtbl->Shutdown(callback), S_OK);
    callback->vtbl->Release(callback);
}

/* ---- refusals: the slot stays free, nothing of ours is left ---- */

static void check_refused(const struct wire_client_data *data, uint32_t bytes)
{
    struct standin *standin = standin_new();
    const int before = threads();
    assert_int_equal(standin_attach(standin, DllGetClassObject, data, bytes),
                     CORPROF_E_PROFILER_CANCEL_ACTIVATION);
    assert_int_equal(fake.living, 0);
    assert_int_equal(threads_settled(before), before);
    assert_int_equal(standin_event_mask(standin), 0);
    standin_free(standin);
}

static void attach_is_refused(void **state)
{
    (void)state;
    struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    check_refused(&data, sizeof(data) - 1);
    check_refused(NULL, 0);
    data.magic++;
    check_refused(&data, sizeof(data));
    data = client_data(WIRE_ATTACH_PROBE);
    data.pid++;
    check_refused(&data, sizeof(data));
    data = client_data(WIRE_ATTACH_PROBE);
    data.deadline = clock_boottime() - 1;
    check_refused(&data, sizeof(data));
    data = client_data(WIRE_ATTACH_PROBE);
    fake.new_answer = STATUS_IO;
    check_refused(&data, sizeof(data));
    fake.new_answer = STATUS_OK;
    fake.first_answer = STATUS_TIMEOUT;
    check_refused(&data, sizeof(data));
}

static void rejit_switched_off_is_told(void **state)
{
    (void)state;
    struct standin *standin = standin_new();
    const struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    standin_fail(standin, STANDIN_FAIL_EVENT_MASK, 0, 0, CORPROF_E_REJIT_NOT_ENABLED, 0);
    assert_int_equal(attach(standin, &data), CORPROF_E_REJIT_NOT_ENABLED);
    assert_int_equal(fake.living, 0);
    standin_free(standin);
}

/* ---- attached to list: the agent goes without a trace, and can come again ---- */

static void list_and_detach(void **state)
{
    (void)state;
    const int before = threads();
    for (int round = 0; round < 3; round++) {
        struct standin *standin = standin_new();
        const struct wire_client_data data = client_data(WIRE_ATTACH_LIST);
        char path[4096];
        reset(NULL);
        assert_int_equal(attach(standin, &data), S_OK);
        assert_true(fake.list_only && !fake.started && fake.nonce_seen);
        assert_string_equal(fake.directory, "/some/where");
        assert_int_equal(standin_event_mask(standin), COR_PRF_MONITOR_MODULE_LOADS);
        wait_for(&fake.running, 1);
        assert_string_equal(fake.name, "rejig-agent");
        assert_true(fake.signals_blocked);
        assert_true(standin_framework_file(path, sizeof(path), "System.Linq.dll"));
        assert_int_not_equal(standin_load(standin, path, COR_PRF_MODULE_DISK), 0);
        for (int i = 0; i < 2000 && !atomic_load(&modules_announced); i++)
            usleep(1000);
        assert_int_equal(atomic_load(&modules_announced), 1);
        assert_false(standin_detach(standin));
        atomic_store(&fake.finish, true);
        bool detached = false;
        for (int i = 0; i < 2000 && !detached; i++) {
            usleep(1000);
            detached = standin_detach(standin);
        }
        assert_true(detached);
        assert_int_equal(fake.living, 0);
        assert_int_equal(threads_settled(before), before);
        standin_free(standin);
    }
}

/* ---- attached to probe: it stays ---- */

static void probe_life(void)
{
    struct standin *standin = standin_new();
    const struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    CHECK(attach(standin, &data) == S_OK);
    CHECK(!fake.list_only && !fake.started);
    CHECK(standin_event_mask(standin) == 0x10040024);
    CHECK(atomic_load(&fake.plans) == 0);
    for (int i = 0; i < 2000 && !atomic_load(&fake.running); i++)
        usleep(1000);
    CHECK(atomic_load(&fake.running) == 1);
    /* A second one is turned away, the first lives on. */
    CHECK(attach(standin, &data) == CORPROF_E_PROFILER_CANCEL_ACTIVATION);
    CHECK(atomic_load(&fake.living) == 1);
}

static void attach_to_probe(void **state)
{
    (void)state;
    in_a_process_of_its_own(probe_life);
}

static void shutdown_life(void)
{
    struct standin *standin = standin_new();
    const struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    CHECK(attach(standin, &data) == S_OK);
    standin_shutdown(standin);
    CHECK(atomic_load(&fake.running) == 0);
    /* Callbacks may come after it: what they lead to is still there. */
    CHECK(atomic_load(&fake.living) == 1);
    char path[4096];
    CHECK(standin_framework_file(path, sizeof(path), "System.Linq.dll"));
    CHECK(standin_load(standin, path, COR_PRF_MODULE_DISK) != 0);
    standin_shutdown(standin);
}

static void shutdown_ends_the_worker(void **state)
{
    (void)state;
    in_a_process_of_its_own(shutdown_life);
}

/* ---- started under us ---- */

static void set_start(const struct wire_client_data *data)
{
    char hex[WIRE_START_HEX_LENGTH + 1];
    wire_start_put(hex, data);
    setenv(WIRE_START_VARIABLE, hex, 1);
    setenv(WIRE_START_ENABLE, "1", 1);
    setenv(WIRE_START_CLSID, WIRE_AGENT_CLSID_TEXT, 1);
    setenv(WIRE_START_PATH, "/some/librejig.so", 1);
}

static bool variables_gone(void)
{
    return !getenv(WIRE_START_VARIABLE) && !getenv(WIRE_START_ENABLE) &&
           !getenv(WIRE_START_CLSID) && !getenv(WIRE_START_PATH);
}

static void start_life(void)
{
    struct standin *standin = standin_new();
    struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    char path[4096];
    data.parent = 4711;
    set_start(&data);
    CHECK(standin_start(standin, DllGetClassObject) == S_OK);
    CHECK(variables_gone());
    CHECK(fake.started && fake.nonce_seen && fake.parent == 4711);
    CHECK(atomic_load(&fake.plans) == 1);
    /* As attached, and the two that only a program started under us may have. */
    CHECK(standin_event_mask(standin) == 0x10060025);
    /* A module load waits until tenants know the module. */
    CHECK(standin_framework_file(path, sizeof(path), "System.Linq.dll"));
    CHECK(standin_load(standin, path, COR_PRF_MODULE_DISK) != 0);
    CHECK(atomic_load(&modules_announced) == 1);
    standin_shutdown(standin);
}

static void start_under_us(void **state)
{
    (void)state;
    in_a_process_of_its_own(start_life);
}

static void check_start_refused(const struct wire_client_data *data)
{
    struct standin *standin = standin_new();
    if (data)
        set_start(data);
    assert_int_equal(standin_start(standin, DllGetClassObject),
                     CORPROF_E_PROFILER_CANCEL_ACTIVATION);
    assert_true(!data || variables_gone());
    assert_int_equal(fake.living, 0);
    assert_int_equal(standin_event_mask(standin), 0);
    standin_free(standin);
}

static void start_is_refused(void **state)
{
    (void)state;
    struct wire_client_data data = client_data(WIRE_ATTACH_PROBE);
    check_start_refused(NULL);
    data.pid++; /* merely inherited */
    check_start_refused(&data);
    data = client_data(WIRE_ATTACH_PROBE);
    data.deadline = 1;
    check_start_refused(&data);
    data = client_data(WIRE_ATTACH_PROBE);
    fake.first_answer = STATUS_PEER;
    check_start_refused(&data);
    fake.first_answer = STATUS_OK;
    fake.plan_answer = STATUS_PEER; /* the CLI was killed before its plan was whole */
    check_start_refused(&data);
}

int main(void)
{
    first_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_library_knows_itself_only, reset),
        cmocka_unit_test_setup(quiet_callbacks_answer, reset),
        cmocka_unit_test_setup(attach_is_refused, reset),
        cmocka_unit_test_setup(rejit_switched_off_is_told, reset),
        cmocka_unit_test_setup(list_and_detach, reset),
        cmocka_unit_test_setup(attach_to_probe, reset),
        cmocka_unit_test_setup(shutdown_ends_the_worker, reset),
        cmocka_unit_test_setup(start_under_us, reset),
        cmocka_unit_test_setup(start_is_refused, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
