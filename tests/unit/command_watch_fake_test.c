// uses: command script output target metadata wire clr
// sanitize: address,undefined thread
/* The whole CLI against a fake agent: what it prints, its exit codes, and what a hostile agent
 * can do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "command_run.h"

/* ---- a session that goes well ---- */

static const struct fake_value place_values[] = {
    {"order.Id", ELEMENT_TYPE_I4, 0, "int"},
    {"order.Customer.Name", ELEMENT_TYPE_STRING, 0, "string"},
    {"state", ELEMENT_TYPE_I4, 0x5000, "OrderState"},
};

static void answer_state(struct fake *fake, uint64_t id)
{
    struct buffer frame;
    size_t mark;
    if (id == 0x5000) {
        mark = fake_type_begin(&frame, id, "OrderState", WIRE_TYPE_ENUM);
        tlv_put_u32(&frame, WIRE_TYPE_ELEMENT, ELEMENT_TYPE_I4);
        size_t member = tlv_begin(&frame, WIRE_TYPE_MEMBER);
        tlv_put_text(&frame, WIRE_MEMBER_NAME, "Closed");
        tlv_put_u64(&frame, WIRE_MEMBER_VALUE, 2);
        tlv_end(&frame, member);
    } else if (id == 0x6000) {
        mark = fake_type_begin(&frame, id, "TimeoutException", WIRE_TYPE_EXCEPTION);
        fake_put_field(&frame, "_message", 16, ELEMENT_TYPE_STRING, 0, "string");
    } else {
        mark = fake_type_begin(&frame, id, "", WIRE_TYPE_UNKNOWN);
    }
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

static void write_calls(struct fake *fake)
{
    struct fake_record record;
    uint64_t now = clock_monotonic();
    fake_begin(&record, WIRE_RECORD_ENTER, 0, 1, now);
    fake_scalar(&record, 0, ELEMENT_TYPE_I4, 1042);
    fake_string(&record, 1, 0, 0, "ACME");
    fake_scalar(&record, 2, ELEMENT_TYPE_I4, 2);
    fake_end(fake, 0, &record);
    fake_begin(&record, WIRE_RECORD_RETURN, 0, 1, now + 2410331);
    fake_end(fake, 0, &record);

    fake_begin(&record, WIRE_RECORD_ENTER, 0, 2, now + 3000000);
    fake_scalar(&record, 0, ELEMENT_TYPE_I4, 1043);
    struct wire_value null = {.kind = WIRE_VALUE_NULL_PATH, .slot = 1};
    fake_value(&record, null, NULL, NULL, 0);
    fake_end(fake, 0, &record);
    fake_begin(&record, WIRE_RECORD_THROW, 0, 2, now + 3870000);
    uint8_t object[24] = {0};
    object[8] = 1; /* _message is not null */
    struct wire_value exception = {.kind = WIRE_VALUE_OBJECT, .slot = WIRE_SLOT_EXCEPTION};
    struct wire_typed typed = {.type = 0x6000};
    fake_value(&record, exception, &typed, object, sizeof object);
    fake_string(&record, WIRE_SLOT_CHILD, 0, 8, "no answer from stock");
    fake_end(fake, 0, &record);
}

/* A method that matched and is not probed: told before the session is ready. */
static void refuse(struct fake *fake, const char *name, const char *reason)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_REFUSED);
    tlv_put_text(&frame, WIRE_REFUSED_NAME, name);
    tlv_put_text(&frame, WIRE_REFUSED_REASON, reason);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

static void scenario_calls(struct fake *fake)
{
    fake_take_plan(fake);
    refuse(fake, "Shop.OrderService.Native", "it has no IL\x1b[31m");
    if (fake->plan.probe_count != 1 || fake->plan.probes[0].value_count > 3)
        _exit(50);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.OrderService.Place", WIRE_METHOD_PLAIN, place_values, 3);
    fake_session(fake, 1);
    write_calls(fake);
    fake_add(fake, 0, WIRE_COUNTER_FILTERED, 4);
    fake_add(fake, 0, WIRE_COUNTER_FILTERED, 5);
    if (fake_serve(fake, answer_state))
        fake_ended(fake, 13);
    fake_serve(fake, NULL);
}

static void test_text(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_calls);
    pid_text(pid, fake);
    const char *words[] = {"watch",
                           pid,
                           "Shop.OrderService.Place",
                           "order.Id, order.Customer.Name, state",
                           "--if",
                           "order.Total > 100",
                           "--limit",
                           "2",
                           NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_contains(run.out, "  Shop.OrderService.Place   2.41 ms   order.Id=1042  "
                             "order.Customer.Name=\"ACME\"  state=Closed\n");
    assert_contains(run.out, "  Shop.OrderService.Place   870 µs    order.Id=1043  "
                             "order.Customer.Name=null  threw TimeoutException: \"no answer from "
                             "stock\"\n");
    assert_contains(run.out, "  t100  ");
    assert_contains(run.err, "probing 1 method in pid ");
    assert_contains(run.err, "  not probed: Shop.OrderService.Native: it has no IL?[31m\n");
    assert_contains(run.err, "2 shown of 11 calls (9 filtered out), 0 lost · reverted 13 methods · "
                             "the agent sleeps in pid ");
    assert_contains(run.err, "stays in it");
}

static void test_json(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_calls);
    pid_text(pid, fake);
    const char *words[] = {"watch",
                           "-p",
                           pid,
                           "Shop.OrderService.Place",
                           "order.Id, order.Customer.Name, state",
                           "--limit=2",
                           "--json",
                           NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_memory_equal(run.out, "{\"type\":\"start\",", 16);
    assert_contains(run.out, "{\"type\":\"refused\",");
    assert_contains(run.out, "\"code\":\"residue\",\"text\":\"until pid ");
    assert_contains(run.out, "\"method\":\"Shop.OrderService.Native\",\"reason\":\"it has no "
                             "IL?[31m\",\"withdrawn\":false}\n");
    assert_contains(run.out, "\"method\":\"Shop.OrderService.Place\",\"elapsed_ns\":2410331,"
                             "\"values\":{\"order.Id\":1042,\"order.Customer.Name\":\"ACME\","
                             "\"state\":\"Closed\"}}\n");
    assert_contains(run.out,
                    "\"threw\":{\"type\":\"TimeoutException\",\"message\":\"no answer from "
                    "stock\"}");
    assert_contains(run.out, "\"calls\":11,\"shown\":2,\"filtered\":9,\"lost\":0,\"dropped\":0,"
                             "\"after_limit\":0,\"open\":0,\"reverted\":13}\n");
}

static void test_interrupt(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        char pid[16];
        pid_t fake = fake_fork(scenario_calls);
        pid_text(pid, fake);
        const char *words[] = {"watch", pid, "A.B", "x, y, z", NULL};
        run_rejig(&run, words, 600, signals[i]);
        end_fake(fake);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "2 shown of 11 calls (9 filtered out), 0 lost");
    }
}

static void test_duration(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_calls);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "A.B", "x, y, z", "--duration", "400ms", "--json", NULL};
    uint64_t began = clock_monotonic();
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_true(clock_monotonic() - began < 3000000000ull);
    assert_contains(run.out, "\"reason\":\"duration\"");
}

/* ---- async, iterators, open calls ---- */

static void scenario_kinds(struct fake *fake)
{
    static const struct fake_value none[1];
    struct fake_record record;
    uint64_t now = clock_monotonic();
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.PlaceAsync", WIRE_METHOD_ASYNC, none, 0);
    fake_method(fake, 1, "Shop.Lines", WIRE_METHOD_ITERATOR, none, 0);
    fake_method(fake, 2, "Shop.Stuck", WIRE_METHOD_PLAIN, none, 0);
    fake_session(fake, 3);
    /* completes on another thread, told before the suspension */
    fake_begin(&record, WIRE_RECORD_ASYNC_RETURN, 0, 0, now + 5000000);
    fake_key(&record, 77);
    fake_end(fake, 1, &record);
    poll(NULL, 0, 30);
    fake_begin(&record, WIRE_RECORD_ENTER, 0, 1, now);
    fake_end(fake, 0, &record);
    fake_begin(&record, WIRE_RECORD_SUSPENDED, 0, 1, now + 1000000);
    fake_key(&record, 77);
    fake_end(fake, 0, &record);
    /* completes after it */
    fake_begin(&record, WIRE_RECORD_ENTER, 0, 2, now + 6000000);
    fake_end(fake, 0, &record);
    fake_begin(&record, WIRE_RECORD_SUSPENDED, 0, 2, now + 6100000);
    fake_key(&record, 78);
    fake_end(fake, 0, &record);
    fake_begin(&record, WIRE_RECORD_ASYNC_THROW, 0, 0, now + 13000000);
    fake_key(&record, 78);
    fake_end(fake, 1, &record);
    /* an enumeration of two; its end is told twice */
    static const enum wire_record_kind kinds[] = {
        WIRE_RECORD_ITERATOR_START, WIRE_RECORD_ITERATOR_ITEM, WIRE_RECORD_ITERATOR_ITEM,
        WIRE_RECORD_ITERATOR_END, WIRE_RECORD_ITERATOR_END};
    for (size_t i = 0; i < 5; i++) {
        fake_begin(&record, kinds[i], 1, 4242, now + 20000000 + i);
        fake_end(fake, 0, &record);
    }
    /* never returns */
    fake_begin(&record, WIRE_RECORD_ENTER, 2, 9, now);
    fake_end(fake, 2, &record);
    if (fake_serve(fake, NULL))
        fake_ended(fake, 4);
    fake_serve(fake, NULL);
}

static void test_kinds(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_kinds);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "Shop.*", "--limit", "3", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_contains(run.out, "Shop.PlaceAsync   5.00 ms\n");
    assert_contains(run.out, "Shop.PlaceAsync   7.00 ms  threw\n");
    assert_contains(run.out, "2 items\n");
    assert_contains(run.err, "1 call has entered and not returned:");
    assert_contains(run.err, "t102  Shop.Stuck");
    assert_contains(run.err, "3 shown of 4 calls, 0 lost");
}

static void scenario_stuck(struct fake *fake)
{
    static const struct fake_value none[1];
    struct fake_record record;
    uint64_t now = clock_monotonic();
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.Stuck", WIRE_METHOD_PLAIN, none, 0);
    fake_session(fake, 1);
    for (uint64_t call = 1; call <= 1210; call++) {
        fake_begin(&record, WIRE_RECORD_ENTER, 0, call, now);
        fake_end(fake, 0, &record);
    }
    if (fake_serve(fake, NULL))
        fake_ended(fake, 1);
    fake_serve(fake, NULL);
}

static void test_many_open(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_stuck);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "Shop.*", "--duration", "1s", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_contains(run.err, "1,210 calls have entered and not returned:");
    assert_contains(run.err, "  … and 1,200 more");
}

/* ---- sums ---- */

static unsigned long long number_of(const char *line, const char *name)
{
    char field[64];
    unsigned long long value = 0;
    snprintf(field, sizeof field, "\"%s\":", name);
    const char *at = strstr(line, field);
    if (!at || sscanf(at + strlen(field), "%llu", &value) != 1)
        fail_msg("no number '%s' in %s", name, line);
    return value;
}

/* 4 come back (one by an exception), 2 never do, 1 is filtered there; where 3 are lost, it is of
 * one only the end. */
static void some_calls(struct fake *fake, unsigned lost)
{
    static const struct fake_value none[1];
    struct fake_record record;
    uint64_t now = clock_monotonic();
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.Find", WIRE_METHOD_PLAIN, none, 0);
    fake_session(fake, 1);
    unsigned entered = 6 + (lost ? 1 : 0);
    for (unsigned i = 1; i <= entered; i++) {
        fake_begin(&record, WIRE_RECORD_ENTER, 0, i, now + i);
        fake_end(fake, 0, &record);
    }
    for (unsigned i = entered; i > entered - 4; i--) {
        fake_begin(&record, i == entered ? WIRE_RECORD_THROW : WIRE_RECORD_RETURN, 0, i, now + 100);
        fake_end(fake, 0, &record);
    }
    fake_add(fake, 0, WIRE_COUNTER_FILTERED, 1);
    fake_add(fake, 0, WIRE_COUNTER_LOST, lost);
    if (fake_serve(fake, NULL))
        fake_ended(fake, 1);
    fake_serve(fake, NULL);
}

static void scenario_lossy(struct fake *fake)
{
    some_calls(fake, 3);
}

static void scenario_lossless(struct fake *fake)
{
    some_calls(fake, 0);
}

static const char *end_of(const char *out)
{
    const char *end = strstr(out, "{\"type\":\"end\"");
    if (!end)
        fail_msg("no end in %s", out);
    return end;
}

static void assert_sums(const char *end)
{
    assert_int_equal(number_of(end, "calls"),
                     number_of(end, "shown") + number_of(end, "filtered") + number_of(end, "lost") +
                         number_of(end, "dropped") + number_of(end, "after_limit") +
                         number_of(end, "open"));
}

static void run_sums(struct run *run, fake_scenario *scenario, const char *option,
                     const char *value)
{
    char pid[16];
    pid_t fake = fake_fork(scenario);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid,    "Shop.Find", "--json", "--duration",
                           "400ms", option, value,       NULL};
    run_rejig(run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run->code, 0);
    assert_sums(end_of(run->out));
}

/* docs/json.md: what `calls` is made of. */
static void test_sums(void **state)
{
    (void)state;
    struct run run;
    run_sums(&run, scenario_lossless, NULL, NULL);
    const char *end = end_of(run.out);
    assert_int_equal(number_of(end, "calls"), 7);
    assert_int_equal(number_of(end, "shown"), 4);
    assert_int_equal(number_of(end, "open"), 2);
    assert_null(strstr(end, "open_or_lost"));

    run_sums(&run, scenario_lossy, NULL, NULL);
    end = end_of(run.out);
    assert_int_equal(number_of(end, "calls"), 8);
    assert_int_equal(number_of(end, "shown"), 4);
    assert_int_equal(number_of(end, "lost"), 3);
    assert_int_equal(number_of(end, "open"), 0);
    assert_int_equal(number_of(end, "open_or_lost"), 3);

    run_sums(&run, scenario_lossless, "--on", "throw");
    end = end_of(run.out);
    assert_int_equal(number_of(end, "shown"), 1);
    assert_int_equal(number_of(end, "filtered"), 4);
    assert_int_equal(number_of(end, "calls"), 7);

    run_sums(&run, scenario_lossless, "--limit", "1");
    end = end_of(run.out);
    assert_int_equal(number_of(end, "shown"), 1);
    assert_int_equal(number_of(end, "after_limit"), 3);
    assert_int_equal(number_of(end, "calls"), 7);
}

/* ---- volume ---- */

#define FLOOD_CALLS 300000u

static void scenario_flood(struct fake *fake)
{
    static const struct fake_value values[] = {{"i", ELEMENT_TYPE_I4, 0, "int"}};
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Hot.Loop", WIRE_METHOD_PLAIN, values, 1);
    fake_session(fake, 1);
    for (uint32_t i = 0; i < FLOOD_CALLS; i++) {
        struct fake_record record;
        uint64_t now = clock_monotonic();
        uint32_t slot = i & 3;
        fake_begin(&record, WIRE_RECORD_ENTER, 0, i + 1, now);
        fake_scalar(&record, 0, ELEMENT_TYPE_I4, i);
        bool entered = fake_end(fake, slot, &record);
        fake_begin(&record, WIRE_RECORD_RETURN, 0, i + 1, now + 50);
        if (!entered || !fake_end(fake, slot, &record))
            fake_add(fake, 0, WIRE_COUNTER_LOST, 1);
    }
    if (fake_serve(fake, NULL))
        fake_ended(fake, 1);
    fake_serve(fake, NULL);
}

static void test_flood(void **state)
{
    (void)state;
    struct run run;
    char pid[16], path[] = "/tmp/command_watch_fake_XXXXXX";
    int fd = mkstemp(path);
    pid_t fake = fake_fork(scenario_flood);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid,  "Hot.Loop",   "i",      "--json",
                           "-o",    path, "--duration", "2500ms", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    FILE *file = fdopen(fd, "r");
    char line[4096];
    unsigned long long printed = 0, lost = 0, shown = 0, calls = 0;
    while (fgets(line, sizeof line, file)) {
        printed += strncmp(line, "{\"type\":\"call\"", 14) == 0;
        if (strncmp(line, "{\"type\":\"end\"", 13) == 0) {
            shown = number_of(line, "shown");
            lost = number_of(line, "lost");
            calls = number_of(line, "calls");
        }
    }
    fclose(file);
    unlink(path);
    assert_int_equal(printed, shown);
    assert_int_equal(shown + lost, FLOOD_CALLS);
    assert_int_equal(calls, FLOOD_CALLS);
}

/* Nobody reads our output: the rings are drained all the same, and what is dropped is said. */
static void test_blocked_output(void **state)
{
    (void)state;
    char pid[16], err[1 << 14];
    int ends[2], status;
    pid_t fake = fake_fork(scenario_flood);
    pid_text(pid, fake);
    assert_int_equal(pipe(ends), 0);
    FILE *out = fdopen(ends[1], "w"), *errors = tmpfile();
    const char *words[] = {"watch", pid, "Hot.Loop", "i", "--json", NULL};
    pid_t rejig = start_rejig(words, out, errors);
    fclose(out);
    poll(NULL, 0, 2500);
    kill(rejig, SIGTERM);
    /* the last line waits two seconds for the reader; a second signal gives the output up */
    poll(NULL, 0, 3000);
    kill(rejig, SIGTERM);
    uint64_t began = clock_monotonic();
    waitpid(rejig, &status, 0);
    assert_true(clock_monotonic() - began < 3000000000ull);
    close(ends[0]);
    end_fake(fake);
    read_back(errors, err, sizeof err);
    assert_true(WIFEXITED(status));
    assert_contains(err, " of 300,000 calls, ");
    assert_contains(err, "reverted 1 method");
}

static fake_scenario scenario_count;

/* Nobody may take what is not written for what did not happen. */
static void test_full_disk(void **state)
{
    (void)state;
    static const char *const commands[][2] = {
        {"watch", NULL}, {"watch", "--json"}, {"count", NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        char pid[16];
        pid_t fake = fake_fork(i < 2 ? scenario_calls : scenario_count);
        pid_text(pid, fake);
        const char *words[] = {commands[i][0], pid,         "A.B",        i < 2 ? "x, y, z" : "C.D",
                               "-o",           "/dev/full", "--duration", "2s",
                               commands[i][1], NULL};
        run_rejig(&run, words, 0, 0);
        end_fake(fake);
        assert_int_equal(run.code, 1);
        assert_contains(run.err, "rejig: cannot write '/dev/full': No space left on device");
        assert_contains(run.err, " · reverted ");
    }
}

/* ---- ends and errors ---- */

static void scenario_death(struct fake *fake)
{
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.OrderService.Place", WIRE_METHOD_PLAIN, place_values, 3);
    fake_session(fake, 1);
    poll(NULL, 0, 100);
    write_calls(fake);
    unlink(fake_path);
    _exit(7);
}

static void test_death(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_death);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "A.B", "x, y, z", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_contains(run.out, "order.Id=1042");
    assert_contains(run.out, "order.Id=1043");
    assert_contains(run.err, "2 shown of 2 calls, 0 lost · pid ");
    assert_contains(run.err, " has ended\n");
}

static void scenario_refuses(struct fake *fake)
{
    struct buffer frame;
    struct error error;
    fake_take_plan(fake);
    error_init(&error);
    error_set_at(&error, STATUS_USAGE, 6, "'order.Totl': Order has no field or property 'Totl'");
    error_hint(&error, "Order has Id, Customer, Lines, Total");
    buffer_init(&frame, 0);
    wire_put_error(&frame, &error);
    fake_send(fake, &frame, -1);
    fake_serve(fake, NULL);
}

static void test_agent_error(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_refuses);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "A.B", "order.Id", "--if", "order.Totl > 100", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 2);
    assert_string_equal(run.out, "");
    assert_string_equal(run.err, "rejig: 'order.Totl': Order has no field or property 'Totl'\n"
                                 "  order.Totl > 100\n"
                                 "        ^^^^\n"
                                 "hint: Order has Id, Customer, Lines, Total\n");
}

static void scenario_mismatch(struct fake *fake)
{
    struct buffer frame;
    struct error error;
    fake_take_plan(fake);
    const struct plan_node *node = &fake->plan.probes[0].nodes[2];
    error_init(&error);
    error_set_at(&error, STATUS_USAGE, node->column, "'i': int cannot be compared with a text");
    buffer_init(&frame, 0);
    wire_put_error(&frame, &error);
    fake_send(fake, &frame, -1);
    fake_serve(fake, NULL);
}

/* It is the constant that does not fit, and the second one. */
static void test_marks_constant(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_mismatch);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "A.B", "i", "--if", "i > 10 && i == \"a b\"", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 2);
    assert_string_equal(run.err, "rejig: 'i': int cannot be compared with a text\n"
                                 "  i > 10 && i == \"a b\"\n"
                                 "                 ^^^^^\n");
}

static void scenario_no_match(struct fake *fake)
{
    struct buffer frame;
    struct error error;
    fake_take_plan(fake);
    error_init(&error);
    error_set(&error, STATUS_USAGE, "no method matches 'A.B'");
    error_hint(&error, "nearest: A.C");
    buffer_init(&frame, 0);
    wire_put_error(&frame, &error);
    fake_send(fake, &frame, -1);
    fake_serve(fake, NULL);
}

static void test_no_match(void **state)
{
    (void)state;
    struct run run;
    char pid[16], wanted[256];
    pid_t fake = fake_fork(scenario_no_match);
    pid_text(pid, fake);
    const char *words[] = {"watch", pid, "A.B", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 2);
    snprintf(wanted, sizeof wanted,
             "rejig: no method matches 'A.B' in pid %s\n"
             "hint: nearest: A.C; --wait waits for modules that load later\n",
             pid);
    assert_string_equal(run.err, wanted);
}

static void scenario_waits(struct fake *fake)
{
    struct buffer frame;
    fake_take_plan(fake);
    fake_make_file(fake, true);
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_SESSION);
    tlv_put_u32(&frame, WIRE_SESSION_METHODS, 0);
    tlv_put_u32(&frame, WIRE_SESSION_MODULES_PENDING, 1);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, fake->memory);
    if (fake_serve(fake, NULL))
        fake_ended(fake, 0);
    fake_serve(fake, NULL);
}

static void test_says_what_it_waits_for(void **state)
{
    (void)state;
    static const char *const commands[] = {"watch", "count"};
    for (size_t i = 0; i < 2; i++) {
        struct run run;
        char pid[16];
        pid_t fake = fake_fork(scenario_waits);
        pid_text(pid, fake);
        const char *words[] = {commands[i], pid, "Late.Double", "--wait", "-d", "200ms", NULL};
        run_rejig(&run, words, 0, 0);
        end_fake(fake);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "probing no method yet in pid ");
        assert_contains(run.err, ": waits for a module that holds 'Late.Double' · ");
        assert_contains(run.err, "(no method has matched 'Late.Double')\n");

        pid_t other = fake_fork(scenario_waits);
        pid_text(pid, other);
        const char *json[] = {commands[i], pid,     "Late.Double", "--wait",
                              "-d",        "200ms", "--json",      NULL};
        run_rejig(&run, json, 0, 0);
        end_fake(other);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "probing no method yet in pid "); /* as without --json */
        assert_contains(run.out, "\"code\":\"unmatched\",\"text\":\"no method has matched "
                                 "'Late.Double'\"}\n{\"type\":\"end\",");
    }
}

/* ---- an agent that is not ready for us ---- */

static void send_away(int listener)
{
    uint64_t until = clock_monotonic() + 1700000000ull;
    while (clock_monotonic() < until) {
        struct pollfd waiting = {.fd = listener, .events = POLLIN};
        if (poll(&waiting, 1, 20) > 0)
            close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    }
}

static void come_late(int listener)
{
    (void)listener;
    poll(NULL, 0, 1700);
}

static void do_something_else(int listener)
{
    (void)listener;
    prctl(PR_SET_NAME, "rejig-agent"); /* its thread is there: it works */
    poll(NULL, 0, 2600);
}

static void scenario_status(struct fake *fake)
{
    struct reader payload;
    struct buffer frame;
    if (fake_receive(fake, &payload, -1) != WIRE_MSG_STATUS)
        _exit(52);
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_STATUS);
    tlv_put_text(&frame, WIRE_STATUS_VERSION, "0.3");
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
    fake_receive(fake, &payload, -1);
}

static void run_beside(struct run *run, void (*prelude)(int listener), fake_scenario *scenario,
                       const char *command, const char *pattern)
{
    char pid[16], wait[64];
    fake_prelude = prelude;
    pid_t fake = fake_fork(scenario);
    fake_prelude = NULL;
    pid_text(pid, fake);
    const char *words[] = {command, pid, pattern, pattern ? "--limit=2" : NULL, NULL};
    run_rejig(run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run->code, 0);
    snprintf(wait, sizeof wait, "(waiting for pid %s ", pid);
    assert_contains(run->err, wait);
    assert_contains(run->err, ", 1 s so far: ");
    assert_null(strstr(run->err, ", 5 s so far: "));
}

/* After more than a second every command says what it waits for. */
static void test_waits_are_said(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, send_away, scenario_calls, "watch", "A.B");
    assert_contains(run.err, "its agent waits for another rejig that began to attach");
    run_beside(&run, come_late, scenario_calls, "watch", "A.B");
    assert_contains(run.err, "its agent waits for another rejig that began to attach");
    run_beside(&run, do_something_else, scenario_status, "status", NULL);
    assert_contains(run.err, "its agent has not answered yet; it may be busy");
    assert_contains(run.out, ": agent 0.3, 0 sessions now");
    run_beside(&run, do_something_else, scenario_status, "doctor", NULL);
    assert_contains(run.out,
                    "  busy  profiler slot: ours, and our agent is busy: it listens and has "
                    "not answered yet\n        try again: ");
    assert_contains(run.out, "\nrejig can probe this process once its agent is no longer busy: try "
                             "again\n");
}

static void test_no_wait_no_word(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_status);
    pid_text(pid, fake);
    const char *words[] = {"status", pid, NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_string_equal(run.err, "");
}

/* ---- count ---- */

static void scenario_count(struct fake *fake)
{
    static const struct fake_value none[1];
    fake_take_plan(fake);
    if (fake->plan.probe_count != 2 || fake->plan.probes[1].action != PLAN_COUNT)
        _exit(51);
    fake_make_file(fake, true);
    fake_method(fake, 0, "Shop.Find", WIRE_METHOD_PLAIN, none, 0);
    fake_method(fake, 1, "Shop.Save", WIRE_METHOD_PLAIN, none, 0);
    fake_session(fake, 2);
    fake_add(fake, 0, WIRE_COUNTER_CALLS, 18203);
    fake_add(fake, 1, WIRE_COUNTER_CALLS, 41);
    if (fake_serve(fake, NULL)) {
        fake_add(fake, 1, WIRE_COUNTER_CALLS, 1); /* before the end is said: it counts */
        fake_ended(fake, 2);
    }
    fake_serve(fake, NULL);
}

static void test_count(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_count);
    pid_text(pid, fake);
    const char *words[] = {"count", pid, "Shop.Find", "Shop.Save", "--duration", "300ms", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_string_equal(run.out, "Shop.Find                        18203 calls\n"
                                 "Shop.Save                           42 calls\n");
    assert_contains(run.err, "probing 2 methods in pid ");
    assert_contains(run.err, "18,245 calls counted · reverted 2 methods");
}

static void test_count_json(void **state)
{
    (void)state;
    struct run run;
    char pid[16];
    pid_t fake = fake_fork(scenario_count);
    pid_text(pid, fake);
    const char *words[] = {"count", pid, "Shop.Find", "Shop.Save", "-d", "300ms", "--json", NULL};
    run_rejig(&run, words, 0, 0);
    end_fake(fake);
    assert_int_equal(run.code, 0);
    assert_contains(run.out, "\"method\":\"Shop.Find\",\"count\":18203}\n");
    assert_contains(run.out, "\"method\":\"Shop.Save\",\"count\":42}\n");
}

/* ---- hostile agents ---- */

static void scenario_no_seal(struct fake *fake)
{
    fake_take_plan(fake);
    fake_make_file(fake, false);
    fake_session(fake, 1);
    fake_serve(fake, NULL);
}

static void scenario_bad_chunk(struct fake *fake)
{
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_session(fake, 1);
    struct wire_chunk *chunk = fake_take_chunk(fake, 0);
    atomic_store(&chunk->written, WIRE_CHUNK_BYTES + 8);
    fake_serve(fake, NULL);
}

static void scenario_bad_record(struct fake *fake)
{
    uint64_t garbage[4] = {0xffffffffffffffffull, 1, 2, 3};
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_session(fake, 1);
    fake_write(fake, 0, garbage, sizeof garbage);
    fake_serve(fake, NULL);
}

static void scenario_bad_layout(struct fake *fake)
{
    fake_take_plan(fake);
    fake_make_file(fake, true);
    ((struct wire_file *)fake->file)->chunk_count = 0x7fffffff;
    fake_session(fake, 1);
    fake_serve(fake, NULL);
}

static void scenario_no_file(struct fake *fake)
{
    fake_take_plan(fake);
    fake->memory = -1;
    fake_session(fake, 1);
    fake_serve(fake, NULL);
}

static void scenario_noise(struct fake *fake)
{
    struct buffer frame;
    fake_take_plan(fake);
    buffer_init(&frame, 0);
    for (int i = 0; i < 4000; i++)
        buffer_append_u8(&frame, (uint8_t)(i * 7 + 3));
    fake_send(fake, &frame, -1);
    fake_serve(fake, NULL);
}

static void scenario_hangs_up(struct fake *fake)
{
    fake_take_plan(fake);
    fake_make_file(fake, true);
    fake_session(fake, 1);
    poll(NULL, 0, 50);
    close(fake->fd);
    poll(NULL, 0, 5000);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        fake_scenario *scenario;
        const char *says;
    } cases[] = {
        {scenario_no_seal, "not sealed against shrinking"},
        {scenario_bad_chunk, "chunk 0 says that 32776 bytes are written"},
        {scenario_bad_record, "no record at offset 64 of chunk 0"},
        {scenario_bad_layout, "its layout"},
        {scenario_no_file, "sent no memory file"},
        {scenario_noise, "rejig: "},
        {scenario_hangs_up, "hung up"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        char pid[16];
        pid_t fake = fake_fork(cases[i].scenario);
        pid_text(pid, fake);
        const char *words[] = {"watch", pid, "A.B", "--duration", "3s", NULL};
        run_rejig(&run, words, 0, 0);
        end_fake(fake);
        assert_contains(run.err, cases[i].says);
        assert_int_equal(run.code, 3); /* what is in the target cannot be used */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_many_open),
        cmocka_unit_test(test_blocked_output),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_agent_error),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_count_json),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_marks_constant),
        cmocka_unit_test(test_waits_are_said),
        cmocka_unit_test(test_no_wait_no_word),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_no_match),
        cmocka_unit_test(test_says_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
