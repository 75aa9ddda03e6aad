// uses: standin session recorder recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// The whole engine on the stand-in runtime: sessions, leases, several CLIs, and hostile ones.
#include "session_harness.h"

#include "base_utf16.h"
#include "recompile_internal.h"

static int up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage_up(stage);
    *state = stage;
    return 0;
}

static int up_running(void **state)
{
    up(state);
    stage_run(*state);
    return 0;
}

static int down(void **state)
{
    stage_down(*state);
    free(*state);
    return 0;
}

#define SETUP                                                                                      \
    struct stage *stage = *state;                                                                  \
    struct buffer fields;                                                                          \
    struct client client;                                                                          \
    buffer_init(&fields, 0)

#define DONE                                                                                       \
    client_close(&client);                                                                         \
    buffer_release(&fields)

/* ---- one session ---- */

static void test_hello(void **state)
{
    SETUP;
    client_connect(stage, &client);
    assert_int_equal(client_hello(&client, &fields, 1, NULL), WIRE_MSG_HELLO);
    assert_int_equal(field_number(&fields, WIRE_HELLO_MAJOR), 1);
    assert_string_equal(field_text(&fields, WIRE_HELLO_VERSION), REJIG_VERSION);
    assert_int_equal(field_number(&fields, WIRE_HELLO_FIRST), 1);
    assert_int_equal(field_number(&fields, WIRE_HELLO_STARTED), 0);
    uint64_t rate = field_number(&fields, WIRE_HELLO_RATE);
    if (field_number(&fields, WIRE_HELLO_CLOCK) == WIRE_CLOCK_MONOTONIC)
        assert_int_equal(rate, 1 << 20);
    else
        assert_in_range(rate, 1 << 18, UINT64_C(100) << 20); /* 0.25 to 100 GHz */
    uint64_t realtime = field_number(&fields, WIRE_HELLO_REALTIME);
    assert_in_range(clock_realtime() - realtime, 0, UINT64_C(10000000000));
    DONE;
}

static void test_version(void **state)
{
    SETUP;
    client_connect(stage, &client);
    assert_int_equal(client_hello(&client, &fields, 2, NULL), WIRE_MSG_ERROR);
    assert_int_equal(client.error.status, STATUS_TARGET);
    assert_non_null(strstr(client.error.message, "speaks protocol 1, not 2"));
    assert_non_null(strstr(client.error.hint, "use rejig " REJIG_VERSION));
    assert_int_equal(client_next(&client, &fields), 0);
    DONE;
}

static void test_session(void **state)
{
    SETUP;
    struct buffer method;
    uint32_t methods;
    buffer_init(&method, 0);
    client_greet(stage, &client, &fields);
    assert_int_equal(client_probe(&client, "System.Linq.Enumerable.Count(IEnumerable<*>)",
                                  PLAN_WATCH, &fields, &methods, &method),
                     WIRE_MSG_SESSION);
    assert_int_equal(methods, 1);
    assert_string_equal(field_text(&method, WIRE_METHOD_NAME),
                        "System.Linq.Enumerable.Count<TSource>");
    assert_string_equal(field_text(&method, WIRE_METHOD_SIGNATURE), "(IEnumerable<TSource>)");
    assert_string_equal(field_text(&method, WIRE_METHOD_MODULE), "System.Linq.dll");
    assert_int_equal(field_number(&method, WIRE_METHOD_SITE), 0);
    assert_int_equal(field_number(&method, WIRE_METHOD_KIND), WIRE_METHOD_PLAIN);
    assert_int_equal(field_number(&fields, WIRE_SESSION_METHODS), 1);
    assert_int_equal(field_number(&fields, WIRE_SESSION_MODULES), 2);
    assert_int_not_equal(client.passed, -1);
    assert_int_equal(client.coverages, 1);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_PRECOMPILED), 0);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_SWITCHED), 0);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_FOLLOWS), 1);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_FINAL), UINT64_MAX);
    struct stat file;
    assert_int_equal(fstat(client.passed, &file), 0);
    assert_true(file.st_size > (off_t)PLAN_MIN_RING_BYTES);

    mdToken token = (mdToken)field_number(&method, WIRE_METHOD_TOKEN);
    assert_true(standin_call(stage->standin, stage->linq, token).recompiled);
    client_send(&client, WIRE_MSG_ASK_STATE, NULL);
    for (uint32_t compiled = 0; compiled != 1;) {
        uint16_t type = client_next(&client, &fields);
        if (type == WIRE_MSG_TYPE)
            continue;
        assert_int_equal(type, WIRE_MSG_STATE);
        assert_int_equal(field_number(&fields, WIRE_STATE_METHODS), 1);
        compiled = (uint32_t)field_number(&fields, WIRE_STATE_COMPILED);
    }
    client_send(&client, WIRE_MSG_END, NULL);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_ENDED);
    assert_int_equal(field_number(&fields, WIRE_ENDED_REVERTED), 1);
    assert_int_equal(field_number(&fields, WIRE_ENDED_FAILED), 0);
    assert_int_equal(client.coverages, 2);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_FINAL), 1);
    assert_false(standin_call(stage->standin, stage->linq, token).recompiled);
    buffer_release(&method);
    DONE;
}

/* A constructor of a nested type that others of its image hold copies of: the runtime's own
 * enumeration finds none of them. */
static void test_coverage(void **state)
{
    SETUP;
    struct plan plan;
    struct plan_probe probe;
    uint64_t rows = 0;
    uint16_t type;
    client_greet(stage, &client, &fields);
    plan_one(&plan, &probe, "System.Linq.Enumerable+Concat2Iterator<*>..ctor", PLAN_COUNT);
    plan.explain = true;
    client_plan(&client, &plan);
    while ((type = client_answer(&client, &fields)) != WIRE_MSG_SESSION) {
        assert_true(type == WIRE_MSG_METHOD || type == WIRE_MSG_COVERED);
        if (type != WIRE_MSG_COVERED)
            continue;
        rows++;
        assert_string_equal(field_text(&fields, WIRE_COVERED_MODULE), "System.Linq.dll");
        assert_non_null(strstr(field_text(&fields, WIRE_COVERED_NAME), "System.Linq."));
        assert_non_null(
            strstr(field_text(&fields, WIRE_COVERED_INLINEE), "Concat2Iterator<TSource>..ctor("));
        assert_int_equal(field_number(&fields, WIRE_COVERED_SOURCE), WIRE_COVERED_TABLE);
        assert_int_equal(field_number(&fields, WIRE_COVERED_SWITCHED), 0);
    }
    assert_true(rows > 0);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_PRECOMPILED), rows);
    assert_int_equal(field_number(&client.coverage, WIRE_COVERAGE_SWITCHED), 0);
    client_send(&client, WIRE_MSG_END, NULL);
    while ((type = client_answer(&client, &fields)) == WIRE_MSG_COVERED)
        continue;
    assert_int_equal(type, WIRE_MSG_ENDED);
    assert_int_equal(field_number(&fields, WIRE_ENDED_REVERTED), 1 + rows);
    assert_int_equal(client.coverages, 2);
    DONE;
}

/* The lease is the connection: however it ends, the methods are their own again. */
static void test_lease(void **state)
{
    SETUP;
    uint32_t methods;
    client_greet(stage, &client, &fields);
    assert_int_equal(
        client_probe(&client, "System.Linq.Enumerable.Any", PLAN_COUNT, &fields, &methods, NULL),
        WIRE_MSG_SESSION);
    assert_int_equal(methods, 2);
    assert_true(stage_call(stage, "Any"));
    uint64_t before = clock_monotonic();
    client_close(&client);
    WAIT_FOR(standin_counts(stage->standin).recompiled == 0);
    assert_true(clock_monotonic() - before < UINT64_C(1000000000));
    assert_false(stage_call(stage, "Any"));
    /* The engine works on. */
    client_greet(stage, &client, &fields);
    client_send(&client, WIRE_MSG_STATUS, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_STATUS);
    assert_int_equal(field_number(&fields, WIRE_STATUS_SESSIONS_EVER), 1);
    assert_int_not_equal(field_number(&fields, WIRE_STATUS_IDLE), UINT64_MAX);
    assert_int_equal(field_number(&fields, WIRE_STATUS_SESSION), UINT64_MAX);
    client_send(&client, WIRE_MSG_LOG, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_LOG);
    assert_true(fields.length > 100);
    DONE;
}

/* Two CLIs on one method: each has its probe in it, and one's end leaves the other's. */
static void test_two_sessions(void **state)
{
    SETUP;
    struct client other;
    uint32_t methods;
    const char *pattern = "System.Linq.Enumerable.Any(IEnumerable<*>)";
    client_greet(stage, &client, &fields);
    client_greet(stage, &other, &fields);
    assert_int_equal(client_probe(&client, pattern, PLAN_COUNT, &fields, &methods, NULL),
                     WIRE_MSG_SESSION);
    mdToken token = stage->engine->sessions->sites[0]->keys[0].method;
    size_t one = standin_call(stage->standin, stage->linq, token).il_length;
    assert_int_equal(client_probe(&other, pattern, PLAN_COUNT, &fields, &methods, NULL),
                     WIRE_MSG_SESSION);
    size_t two = standin_call(stage->standin, stage->linq, token).il_length;
    assert_true(two > one);
    client_close(&client);
    WAIT_FOR(standin_call(stage->standin, stage->linq, token).il_length == one);
    client_send(&other, WIRE_MSG_END, NULL);
    assert_int_equal(client_answer(&other, &fields), WIRE_MSG_ENDED);
    assert_false(standin_call(stage->standin, stage->linq, token).recompiled);
    client = other;
    DONE;
}

static void test_reset(void **state)
{
    SETUP;
    struct client other;
    uint32_t methods;
    client_greet(stage, &client, &fields);
    client_greet(stage, &other, &fields);
    assert_int_equal(
        client_probe(&client, "System.Linq.Enumerable.Any", PLAN_COUNT, &fields, &methods, NULL),
        WIRE_MSG_SESSION);
    client_send(&other, WIRE_MSG_STATUS, NULL);
    assert_int_equal(client_next(&other, &fields), WIRE_MSG_STATUS);
    struct tlv nested = field_find(&fields, WIRE_STATUS_SESSION);
    struct buffer session = {.data = (uint8_t *)(uintptr_t)nested.value.data,
                             .length = nested.value.length};
    assert_int_equal(field_number(&session, WIRE_STATUS_SESSION_METHODS), 2);
    assert_int_equal(field_number(&session, WIRE_STATUS_SESSION_PID), getpid());
    assert_int_equal(field_number(&session, WIRE_STATUS_SESSION_UID), geteuid());
    assert_string_equal(field_text(&session, WIRE_STATUS_SESSION_COMMAND), "a test");
    client_send(&other, WIRE_MSG_RESET, NULL);
    assert_int_equal(client_next(&other, &fields), WIRE_MSG_DONE);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_ENDED);
    assert_string_equal(field_text(&fields, WIRE_ENDED_REASON), "ended by 'rejig reset'");
    assert_int_equal(client_next(&client, &fields), 0);
    assert_int_equal(standin_counts(stage->standin).recompiled, 0);
    client_close(&other);
    DONE;
}

/* ---- plans that cannot be ---- */

static void fails(struct stage *stage, const char *pattern, uint32_t max_methods,
                  enum status status, const char *message, const char *hint)
{
    struct client client;
    struct buffer fields;
    struct plan plan;
    struct plan_probe probe;
    buffer_init(&fields, 0);
    client_greet(stage, &client, &fields);
    plan_one(&plan, &probe, pattern, PLAN_WATCH);
    plan.max_methods = max_methods;
    client_plan(&client, &plan);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_ERROR);
    assert_string_equal(client.error.message, message);
    if (hint != NULL)
        assert_non_null(strstr(client.error.hint, hint));
    assert_int_equal(client.error.status, status);
    assert_int_equal(client_next(&client, &fields), 0);
    assert_int_equal(standin_counts(stage->standin).recompiled, 0);
    client_close(&client);
    buffer_release(&fields);
}

static void test_refused_plans(void **state)
{
    struct stage *stage = *state;
    fails(stage, "System.Linq.Enumerable.Cuont", 10, STATUS_USAGE,
          "no method matches 'System.Linq.Enumerable.Cuont'", "System.Linq.Enumerable.Count");
    fails(stage, "System.Linq.Enumerable.Count", 1, STATUS_USAGE,
          "'System.Linq.Enumerable.Count' matches 2 methods, and the limit is 1", "--max-methods");
    fails(stage, "System.Collections.IEnumerator.MoveNext", 10, STATUS_USAGE,
          "'System.Collections.IEnumerator.MoveNext()' cannot be probed: it is abstract: probe "
          "the methods that implement it",
          NULL);
}

static void test_never_woven(void **state)
{
    SETUP;
    uint32_t methods;
    client_greet(stage, &client, &fields);
    assert_int_equal(client_probe(&client, "System.Threading.Thread.PollGC", PLAN_COUNT, &fields,
                                  &methods, NULL),
                     WIRE_MSG_ERROR);
    assert_non_null(strstr(client.error.message, "PollGC"));
    assert_int_equal(client.error.status, STATUS_USAGE);
    DONE;
}

/* A method that turns out not to bear its probe is withdrawn, and said to be. */
static void test_withdrawn(void **state)
{
    SETUP;
    uint32_t methods;
    client_greet(stage, &client, &fields);
    assert_int_equal(client_probe(&client, "System.Linq.Enumerable.Any(IEnumerable<*>)", PLAN_COUNT,
                                  &fields, &methods, NULL),
                     WIRE_MSG_SESSION);
    mdToken token = stage->engine->sessions->sites[0]->keys[0].method;
    standin_fail(stage->standin, STANDIN_FAIL_SET_BODY, 0, 0, E_FAIL, 1);
    standin_call(stage->standin, stage->linq, token);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_REFUSED);
    assert_int_equal(field_number(&fields, WIRE_REFUSED_LATER), 1);
    assert_int_equal(field_number(&fields, WIRE_REFUSED_SITE), 0);
    assert_true(strlen(field_text(&fields, WIRE_REFUSED_REASON)) > 5);
    DONE;
}

/* ---- modules that load later ---- */

static void test_later_module(void **state)
{
    SETUP;
    struct plan plan;
    struct plan_probe probe;
    client_greet(stage, &client, &fields);
    plan_one(&plan, &probe, "System.Net.Http.HttpMethod.Parse", PLAN_WATCH);
    plan.allow_empty = true;
    client_plan(&client, &plan);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_SESSION);
    assert_int_equal(field_number(&fields, WIRE_SESSION_METHODS), 0);
    assert_int_equal(field_number(&fields, WIRE_SESSION_MODULES_PENDING), 1);
    ModuleID http = harness_load(stage->standin, "System.Net.Http.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_METHOD);
    assert_string_equal(field_text(&fields, WIRE_METHOD_NAME), "System.Net.Http.HttpMethod.Parse");
    mdToken token = (mdToken)field_number(&fields, WIRE_METHOD_TOKEN);
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_NOTICE);
    assert_string_equal(field_text(&fields, WIRE_NOTICE_CODE), "module-loaded");
    assert_string_equal(field_text(&fields, WIRE_NOTICE_TEXT),
                        "System.Net.Http.dll was loaded: 1 more method is probed");
    assert_true(standin_call(stage->standin, http, token).recompiled);
    DONE;
}

/* The runtime tells no image of System.Net.Http.dll, while this is set. */
static _Atomic bool hides;
static HRESULT (*tells)(struct ICorProfilerInfo15 *, ModuleID, const uint8_t **, uint32_t,
                        uint32_t *, WCHAR *, AssemblyID *, uint32_t *);
static HRESULT hide_http(struct ICorProfilerInfo15 *self, ModuleID id, const uint8_t **base,
                         uint32_t units, uint32_t *length, WCHAR *name, AssemblyID *assembly,
                         uint32_t *flags)
{
    char text[1024] = "";
    const HRESULT result = tells(self, id, base, units, length, name, assembly, flags);
    if (hresult_failed(result))
        return result;
    utf16_to_utf8(text, sizeof text, name, *length - 1);
    if (atomic_load(&hides) && strstr(text, "System.Net.Http.dll") != NULL)
        *base = NULL;
    return result;
}

/* What cannot be read is named where a pattern waits, or matched nothing, and tried again. */
static void test_unread_module(void **state)
{
    SETUP;
    struct plan plan;
    struct plan_probe probe;
    uint32_t methods;
    struct ICorProfilerInfo15Vtbl *table = standin_table(stage->standin);
    tells = table->GetModuleInfo2;
    atomic_store(&hides, true);
    table->GetModuleInfo2 = hide_http;
    stage_run(stage);
    client_greet(stage, &client, &fields);
    plan_one(&plan, &probe, "System.Net.Http.HttpMethod.Parse", PLAN_WATCH);
    plan.allow_empty = true;
    client_plan(&client, &plan);
    assert_int_equal(client_answer(&client, &fields), WIRE_MSG_SESSION);
    harness_load(stage->standin, "System.Net.Http.dll", COR_PRF_MODULE_DISK);
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_NOTICE);
    assert_string_equal(field_text(&fields, WIRE_NOTICE_CODE), "unread");
    assert_string_equal(field_text(&fields, WIRE_NOTICE_TEXT),
                        "cannot be read, and may hold 'System.Net.Http.HttpMethod.Parse': "
                        "System.Net.Http.dll (it has no image)");

    /* Somebody else who does not wait. */
    struct client other;
    client_connect(stage, &other);
    assert_int_equal(client_hello(&other, &fields, WIRE_MAJOR, NULL), WIRE_MSG_HELLO);
    assert_int_equal(client_probe(&other, "System.Net.Http.HttpMethod.Parse", PLAN_COUNT, &fields,
                                  &methods, NULL),
                     WIRE_MSG_ERROR);
    assert_non_null(strstr(field_text(&fields, WIRE_ERROR_HINT),
                           "may hold it: System.Net.Http.dll (it has no image)"));
    client_close(&other);

    /* It comes into reach. */
    atomic_store(&hides, false);
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_METHOD);
    assert_string_equal(field_text(&fields, WIRE_METHOD_NAME), "System.Net.Http.HttpMethod.Parse");
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_NOTICE);
    assert_string_equal(field_text(&fields, WIRE_NOTICE_CODE), "module-loaded");
    DONE;
}

static void note_late(ModuleID module)
{
    recompile_note(harness_recompile,
                   (struct note){.kind = NOTE_MODULE_LATE, .key = {.module = module}});
}

/* A module that ran before it was looked through: told where a probe stands in it. */
static void test_late_module(void **state)
{
    SETUP;
    uint32_t methods;
    client_greet(stage, &client, &fields);
    assert_int_equal(client_probe(&client, "System.Linq.Enumerable.Any(IEnumerable<*>)", PLAN_COUNT,
                                  &fields, &methods, NULL),
                     WIRE_MSG_SESSION);
    note_late(stage->core);
    note_late(stage->linq);
    assert_int_equal(client_news(&client, &fields), WIRE_MSG_NOTICE);
    assert_string_equal(field_text(&fields, WIRE_NOTICE_CODE), "first-calls");
    assert_string_equal(field_text(&fields, WIRE_NOTICE_TEXT),
                        "System.Linq.dll ran before its probes were in place: its first calls may "
                        "be missing");
    DONE;
}

/* ---- lists ---- */

static void test_list(void **state)
{
    SETUP;
    client_greet(stage, &client, &fields);
    buffer_clear(&fields);
    tlv_put_text(&fields, WIRE_LIST_PATTERN, "System.Linq.Enumerable.Any");
    tlv_put_u32(&fields, WIRE_LIST_LIMIT, 100);
    client_send(&client, WIRE_MSG_LIST, &fields);
    uint32_t count = 0;
    uint16_t type;
    while ((type = client_next(&client, &fields)) == WIRE_MSG_LISTED) {
        assert_string_equal(field_text(&fields, WIRE_LISTED_NAME),
                            "System.Linq.Enumerable.Any<TSource>");
        assert_true(field_number(&fields, WIRE_LISTED_FLAGS) & WIRE_LISTED_GENERIC);
        assert_string_equal(field_text(&fields, WIRE_LISTED_SIGNATURE),
                            count == 0 ? "(IEnumerable<TSource> source)"
                                       : "(IEnumerable<TSource> source, Func<TSource, bool> "
                                         "predicate)");
        assert_string_equal(field_text(&fields, WIRE_LISTED_RESULT), "bool");
        count++;
    }
    assert_int_equal(type, WIRE_MSG_DONE);
    assert_int_equal(count, 2);
    DONE;
}

/* ---- hostile and broken clients ---- */

/* The engine answers an honest client as ever. */
static void still_works(struct stage *stage)
{
    struct client client;
    struct buffer fields;
    buffer_init(&fields, 0);
    client_greet(stage, &client, &fields);
    client_close(&client);
    buffer_release(&fields);
}

static void test_garbage(void **state)
{
    SETUP;
    client_connect(stage, &client);
    client_send_bytes(&client, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    assert_int_equal(client.error.status, STATUS_PEER);
    assert_int_equal(client_next(&client, &fields), 0);
    client_close(&client);
    /* A length beyond the bound; and a first message that is only announced. */
    client_connect(stage, &client);
    struct wire_frame frame = {WIRE_FRAME_MAGIC, WIRE_MSG_HELLO, 0, WIRE_FRAME_MAX + 1};
    client_send_bytes(&client, &frame, sizeof frame);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    client_close(&client);
    client_connect(stage, &client);
    frame.length = WIRE_FRAME_MAX;
    client_send_bytes(&client, &frame, sizeof frame);
    char filler[8192];
    memset(filler, 7, sizeof filler);
    client_send_bytes(&client, filler, sizeof filler);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    assert_string_equal(client.error.message, "the first message is too long");
    client_close(&client);
    /* Half a message, then silence and the end. */
    client_connect(stage, &client);
    client_send_bytes(&client, &frame, 7);
    still_works(stage);
    DONE;
}

static void test_out_of_order(void **state)
{
    SETUP;
    uint32_t methods;
    client_connect(stage, &client);
    client_send(&client, WIRE_MSG_STATUS, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    assert_string_equal(client.error.message, "the first message is no HELLO");
    client_close(&client);

    client_greet(stage, &client, &fields);
    client_send(&client, WIRE_MSG_END, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    client_close(&client);

    client_greet(stage, &client, &fields);
    client_send(&client, (enum wire_message_type)60000, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    client_close(&client);

    /* A second plan ends the connection, and with it the first. */
    client_greet(stage, &client, &fields);
    assert_int_equal(
        client_probe(&client, "System.Linq.Enumerable.Any", PLAN_COUNT, &fields, &methods, NULL),
        WIRE_MSG_SESSION);
    assert_int_equal(
        client_probe(&client, "System.Linq.Enumerable.All", PLAN_COUNT, &fields, &methods, NULL),
        WIRE_MSG_ERROR);
    WAIT_FOR(standin_counts(stage->standin).recompiled == 0);
    client_close(&client);

    /* A plan that is none. */
    client_greet(stage, &client, &fields);
    buffer_clear(&fields);
    buffer_append_text(&fields, "\x09\x00\x00\x00\xff\xff\xff\x7f");
    client_send(&client, WIRE_MSG_PLAN, &fields);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_ERROR);
    DONE;
}

/* An id that nobody was told of is never handed to the runtime. */
static void test_unknown_types(void **state)
{
    SETUP;
    client_greet(stage, &client, &fields);
    buffer_clear(&fields);
    const uint64_t ids[] = {0, 1, 0xdeadbeef, UINT64_MAX};
    for (size_t i = 0; i < 4; i++)
        tlv_put_u64(&fields, WIRE_WANT_ID, ids[i]);
    client_send(&client, WIRE_MSG_WANT_TYPE, &fields);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(client_next(&client, &fields), WIRE_MSG_TYPE);
        assert_int_equal(field_number(&fields, WIRE_TYPE_ID), ids[i]);
        assert_int_equal(field_number(&fields, WIRE_TYPE_KIND), WIRE_TYPE_UNKNOWN);
    }
    DONE;
}

static void test_too_many_connections(void **state)
{
    struct stage *stage = *state;
    struct client clients[SESSION_MAX_CONNECTIONS];
    struct client late;
    struct buffer fields;
    buffer_init(&fields, 0);
    for (size_t i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        client_greet(stage, &clients[i], &fields);
    client_connect(stage, &late);
    assert_int_equal(client_next(&late, &fields), WIRE_MSG_ERROR);
    assert_int_equal(late.error.status, STATUS_LIMIT);
    client_close(&late);
    for (size_t i = 0; i < SESSION_MAX_CONNECTIONS; i++)
        client_close(&clients[i]);
    usleep(50000);
    still_works(stage);
    buffer_release(&fields);
}

/* Asks for more than it reads: the agent's memory stays small, and others are served. */
static void test_slow_reader(void **state)
{
    SETUP;
    client_greet(stage, &client, &fields);
    struct buffer wants;
    buffer_init(&wants, 0);
    for (uint64_t i = 0; i < 20000; i++)
        tlv_put_u64(&wants, WIRE_WANT_ID, i);
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_WANT_TYPE);
    buffer_append(&frame, wants.data, wants.length);
    wire_frame_end(&frame, mark);
    for (int i = 0; i < 40; i++)
        for (size_t sent = 0; sent < frame.length;) {
            ssize_t n = send(client.fd, frame.data + sent, frame.length - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n <= 0)
                goto full; /* the agent has stopped listening */
            sent += (size_t)n;
        }
full:
    still_works(stage);
    struct client other;
    client_greet(stage, &other, &fields);
    client_send(&other, WIRE_MSG_STATUS, NULL);
    assert_int_equal(client_next(&other, &fields), WIRE_MSG_STATUS);
    assert_in_range(field_number(&fields, WIRE_STATUS_MEMORY), 1, 24 << 20);
    client_close(&other);
    buffer_release(&wants);
    buffer_release(&frame);
    DONE;
}

/* ---- before the worker runs ---- */

static void *connect_with_nonce(void *argument)
{
    struct stage *stage = argument;
    struct client wrong, right;
    struct buffer fields;
    const uint64_t nonce[2] = {1, 2}, other[2] = {1, 3};
    buffer_init(&fields, 0);
    client_connect(stage, &wrong);
    client_connect(stage, &right);
    tlv_put_u32(&fields, WIRE_HELLO_MAJOR, 1);
    tlv_put_bytes(&fields, WIRE_HELLO_NONCE, other, 16);
    client_send(&wrong, WIRE_MSG_HELLO, &fields);
    assert_int_equal(client_hello(&right, &fields, 1, nonce), WIRE_MSG_HELLO);
    struct plan plan;
    struct plan_probe probe;
    usleep(20000);
    plan_one(&plan, &probe, "System.Linq.Enumerable.Any", PLAN_COUNT);
    client_plan(&right, &plan);
    /* The other one is answered too, once the worker runs. */
    assert_int_equal(client_next(&wrong, &fields), WIRE_MSG_HELLO);
    uint16_t type;
    while ((type = client_answer(&right, &fields)) == WIRE_MSG_METHOD)
        ;
    assert_int_equal(type, WIRE_MSG_SESSION);
    client_close(&wrong);
    client_close(&right);
    buffer_release(&fields);
    return NULL;
}

static void test_wait_first(void **state)
{
    struct stage *stage = *state;
    pthread_t thread;
    struct error error;
    const uint64_t nonce[2] = {1, 2};
    uint64_t deadline = clock_boottime() + UINT64_C(10000000000);
    error_init(&error);
    assert_int_equal(pthread_create(&thread, NULL, connect_with_nonce, stage), 0);
    assert_int_equal(session_engine_wait_first(stage->engine, nonce, deadline, 0, &error),
                     STATUS_OK);
    assert_null(stage->engine->sessions);
    assert_int_equal(session_engine_wait_plan(stage->engine, deadline, 0, &error), STATUS_OK);
    assert_null(stage->engine->sessions);
    stage_run(stage);
    pthread_join(thread, NULL);
}

static void test_wait_in_vain(void **state)
{
    struct stage *stage = *state;
    struct error error;
    const uint64_t nonce[2] = {1, 2};
    error_init(&error);
    uint64_t now = clock_boottime();
    assert_int_equal(session_engine_wait_first(stage->engine, nonce, now + 30000000, 0, &error),
                     STATUS_TIMEOUT);
    assert_in_range(clock_boottime() - now, 30000000, 2000000000);
    /* Whoever started us is gone: no need to wait for it. */
    assert_int_equal(session_engine_wait_first(stage->engine, nonce,
                                               clock_boottime() + UINT64_C(60000000000),
                                               (uint32_t)getpid(), &error),
                     STATUS_PEER);
    assert_int_equal(session_engine_wait_plan(stage->engine, clock_boottime() + 1000000, 0, &error),
                     STATUS_PEER);
}

static void test_list_only(void **state)
{
    SETUP;
    uint32_t methods;
    session_engine_list_only(stage->engine);
    stage_run(stage);
    client_greet(stage, &client, &fields);
    assert_int_equal(
        client_probe(&client, "System.Linq.Enumerable.Any", PLAN_COUNT, &fields, &methods, NULL),
        WIRE_MSG_ERROR);
    DONE;
    pthread_join(stage->worker, NULL); /* by itself */
    stage->running = false;
}

/* Threads of the program call while sessions come and go. */
static atomic_bool storm_over;

static void *storm_call(void *argument)
{
    struct stage *stage = argument;
    while (!atomic_load(&storm_over)) {
        stage_call(stage, "Any");
        stage_call(stage, "All");
    }
    return NULL;
}

static void test_storm(void **state)
{
    SETUP;
    pthread_t threads[3];
    uint32_t methods;
    atomic_store(&storm_over, false);
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, storm_call, stage);
    for (int i = 0; i < 30; i++) {
        struct client second;
        client_greet(stage, &client, &fields);
        client_greet(stage, &second, &fields);
        assert_int_equal(
            client_probe(&client, "System.Linq.Enumerable.A*", PLAN_WATCH, &fields, &methods, NULL),
            WIRE_MSG_SESSION);
        assert_int_equal(client_probe(&second, "System.Linq.Enumerable.Any", PLAN_COUNT, &fields,
                                      &methods, NULL),
                         WIRE_MSG_SESSION);
        usleep(2000);
        client_close(i % 2 ? &client : &second);
        usleep(1000);
        client_close(i % 2 ? &second : &client);
    }
    atomic_store(&storm_over, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    WAIT_FOR(standin_counts(stage->standin).recompiled == 0);
    client.fd = -1;
    buffer_release(&fields);
}

/* ---- a plan on a whole program ---- */

/* The runtime takes its time, until a question is answered that was asked in the meantime. */
static struct slow {
    HRESULT (*request)(struct ICorProfilerInfo15 *, uint32_t, ModuleID *, mdToken *);
    atomic_uint calls, methods, most;
    atomic_bool asked, answered, in_time;
} slow;

/* However busy the machine is. */
#define WAIT_LONG(condition)                                                                       \
    for (int wait_long = 0; wait_long < 12000 && !(condition); wait_long++)                        \
    usleep(5000)

static HRESULT slow_request(struct ICorProfilerInfo15 *self, uint32_t count, ModuleID *modules,
                            mdToken *methods)
{
    atomic_fetch_add(&slow.calls, 1);
    atomic_fetch_add(&slow.methods, count);
    if (count > atomic_load(&slow.most))
        atomic_store(&slow.most, count);
    if (atomic_load(&slow.calls) == 2) {
        WAIT_LONG(atomic_load(&slow.asked));
        usleep(100000); /* so that the agent looks at its sockets again before the next part */
    } else if (atomic_load(&slow.calls) == 3) {
        WAIT_LONG(atomic_load(&slow.answered));
        atomic_store(&slow.in_time, atomic_load(&slow.answered));
    }
    return slow.request(self, count, modules, methods);
}

static void test_questions_meanwhile(void **state)
{
    SETUP;
    struct client other;
    struct plan plan;
    struct plan_probe probe;
    uint16_t type;
    memset(&slow, 0, sizeof slow);
    slow.request = standin_table(stage->standin)->RequestReJIT;
    standin_table(stage->standin)->RequestReJIT = slow_request;
    stage_run(stage);
    client_greet(stage, &client, &fields);
    client_greet(stage, &other, &fields);
    plan_one(&plan, &probe, "System.Private.CoreLib.dll!System.Runtime.Intrinsics.**", PLAN_COUNT);
    plan.max_methods = 100000;
    client_plan(&client, &plan);
    WAIT_LONG(atomic_load(&slow.calls) == 2);
    client_send(&other, WIRE_MSG_STATUS, NULL);
    atomic_store(&slow.asked, true);
    assert_int_equal(client_next(&other, &fields), WIRE_MSG_STATUS);
    atomic_store(&slow.answered, true);
    while ((type = client_answer(&client, &fields)) == WIRE_MSG_METHOD || type == WIRE_MSG_REFUSED)
        ;
    assert_int_equal(type, WIRE_MSG_SESSION);
    assert_true(atomic_load(&slow.in_time));
    assert_in_range(atomic_load(&slow.most), 1000, 8192);
    assert_true(atomic_load(&slow.methods) >= field_number(&fields, WIRE_SESSION_METHODS));
    client_close(&other);
    DONE;
    WAIT_LONG(standin_counts(stage->standin).recompiled == 0);
    assert_int_equal(standin_counts(stage->standin).recompiled, 0);
}

/* Nobody waits for the plan any more: it is given up, and nothing is recompiled for it. */
static void test_hung_up_meanwhile(void **state)
{
    SETUP;
    struct plan plan;
    struct plan_probe probe;
    memset(&slow, 0, sizeof slow);
    slow.request = standin_table(stage->standin)->RequestReJIT;
    standin_table(stage->standin)->RequestReJIT = slow_request;
    client_connect(stage, &client);
    buffer_clear(&fields);
    tlv_put_u32(&fields, WIRE_HELLO_MAJOR, 1);
    client_send(&client, WIRE_MSG_HELLO, &fields);
    plan_one(&plan, &probe, "System.Private.CoreLib.dll!System.Runtime.Intrinsics.**", PLAN_COUNT);
    plan.max_methods = 100000;
    client_plan(&client, &plan);
    client_close(&client); /* before the agent has even begun */
    stage_run(stage);
    client_greet(stage, &client, &fields);
    client_send(&client, WIRE_MSG_STATUS, NULL);
    assert_int_equal(client_next(&client, &fields), WIRE_MSG_STATUS);
    assert_int_equal(field_number(&fields, WIRE_STATUS_SESSION), UINT64_MAX);
    assert_int_equal(atomic_load(&slow.calls), 0);
    DONE;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hello, up_running, down),
        cmocka_unit_test_setup_teardown(test_version, up_running, down),
        cmocka_unit_test_setup_teardown(test_session, up_running, down),
        cmocka_unit_test_setup_teardown(test_coverage, up_running, down),
        cmocka_unit_test_setup_teardown(test_lease, up_running, down),
        cmocka_unit_test_setup_teardown(test_two_sessions, up_running, down),
        cmocka_unit_test_setup_teardown(test_reset, up_running, down),
        cmocka_unit_test_setup_teardown(test_refused_plans, up_running, down),
        cmocka_unit_test_setup_teardown(test_never_woven, up_running, down),
        cmocka_unit_test_setup_teardown(test_withdrawn, up_running, down),
        cmocka_unit_test_setup_teardown(test_later_module, up_running, down),
        cmocka_unit_test_setup_teardown(test_unread_module, up, down),
        cmocka_unit_test_setup_teardown(test_late_module, up_running, down),
        cmocka_unit_test_setup_teardown(test_list, up_running, down),
        cmocka_unit_test_setup_teardown(test_garbage, up_running, down),
        cmocka_unit_test_setup_teardown(test_out_of_order, up_running, down),
        cmocka_unit_test_setup_teardown(test_unknown_types, up_running, down),
        cmocka_unit_test_setup_teardown(test_too_many_connections, up_running, down),
        cmocka_unit_test_setup_teardown(test_slow_reader, up_running, down),
        cmocka_unit_test_setup_teardown(test_wait_first, up, down),
        cmocka_unit_test_setup_teardown(test_wait_in_vain, up, down),
        cmocka_unit_test_setup_teardown(test_list_only, up, down),
        cmocka_unit_test_setup_teardown(test_storm, up_running, down),
        cmocka_unit_test_setup_teardown(test_questions_meanwhile, up, down),
        cmocka_unit_test_setup_teardown(test_hung_up_meanwhile, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
