// uses: command script output target metadata wire clr
// sanitize: address,undefined thread
/* The coverage statement, as the CLI tells it: what a fake agent says in, lines and JSON out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/ioctl.h>

#include "command_run.h"

/* ---- what the agent says ---- */

struct told {
    uint32_t precompiled, by_il, switched, jit, pending, impossible, threads, looked;
    bool final;
};

static size_t begin_coverage(struct buffer *frame, const struct told *told)
{
    buffer_init(frame, 0);
    size_t mark = wire_frame_begin(frame, WIRE_MSG_COVERAGE);
    tlv_put_u32(frame, WIRE_COVERAGE_PRECOMPILED, told->precompiled);
    tlv_put_u32(frame, WIRE_COVERAGE_BY_IL, told->by_il);
    tlv_put_u32(frame, WIRE_COVERAGE_SWITCHED, told->switched);
    tlv_put_u32(frame, WIRE_COVERAGE_JIT, told->jit);
    tlv_put_u32(frame, WIRE_COVERAGE_FOLLOWS, 1);
    tlv_put_u32(frame, WIRE_COVERAGE_PENDING, told->pending);
    tlv_put_u32(frame, WIRE_COVERAGE_IMPOSSIBLE, told->impossible);
    if (told->threads) {
        tlv_put_u32(frame, WIRE_COVERAGE_THREADS, told->threads);
        tlv_put_u32(frame, WIRE_COVERAGE_LOOKED, told->looked);
        tlv_put_u64(frame, WIRE_COVERAGE_PAUSE, 412345);
    }
    if (told->final)
        tlv_put_u32(frame, WIRE_COVERAGE_FINAL, 1);
    return mark;
}

static void end_coverage(struct fake *fake, struct buffer *frame, size_t mark)
{
    wire_frame_end(frame, mark);
    fake_send(fake, frame, -1);
}

static void put_gap(struct buffer *frame, enum wire_gap_kind kind, const char *subject,
                    const char *reason)
{
    size_t mark = tlv_begin(frame, WIRE_COVERAGE_GAP);
    tlv_put_u32(frame, WIRE_GAP_KIND, kind);
    tlv_put_text(frame, WIRE_GAP_SUBJECT, subject);
    tlv_put_text(frame, WIRE_GAP_REASON, reason);
    tlv_end(frame, mark);
}

static void put_frame(struct buffer *frame, uint32_t thread, const char *method,
                      const char *inlinee)
{
    size_t mark = tlv_begin(frame, WIRE_COVERAGE_FRAME);
    tlv_put_u32(frame, WIRE_FRAME_THREAD, thread);
    tlv_put_text(frame, WIRE_FRAME_METHOD, method);
    tlv_put_text(frame, WIRE_FRAME_INLINEE, inlinee);
    tlv_end(frame, mark);
}

static void send_numbers(struct fake *fake, const struct told *told)
{
    struct buffer frame;
    size_t mark = begin_coverage(&frame, told);
    end_coverage(fake, &frame, mark);
}

static void send_covered(struct fake *fake, const char *name, const char *inlinee, uint32_t source,
                         bool switched)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_COVERED);
    tlv_put_text(&frame, WIRE_COVERED_NAME, name);
    tlv_put_text(&frame, WIRE_COVERED_MODULE, "Shop.dll");
    tlv_put_text(&frame, WIRE_COVERED_INLINEE, inlinee);
    tlv_put_u32(&frame, WIRE_COVERED_SOURCE, source);
    tlv_put_u32(&frame, WIRE_COVERED_SWITCHED, switched);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

static void begin_session(struct fake *fake, uint32_t methods)
{
    static const struct fake_value none[1];
    static const char *const names[] = {"Shop.Pricing.Discount", "Shop.Pricing.Round"};
    fake_take_plan(fake);
    fake_make_file(fake, true);
    for (uint32_t i = 0; i < methods; i++)
        fake_method(fake, i, names[i], WIRE_METHOD_PLAIN, none, 0);
}

static void end_session(struct fake *fake, const struct told *final)
{
    if (fake_serve(fake, NULL)) {
        send_numbers(fake, final);
        fake_ended(fake, 1 + final->precompiled + final->jit);
    }
    fake_serve(fake, NULL);
}

#define RUN_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void run_beside(struct run *run, fake_scenario *scenario, const char *const *words)
{
    const char *all[MAX_ARGUMENTS] = {words[0]};
    char pid[16];
    pid_t fake = fake_fork(scenario);
    pid_text(pid, fake);
    all[1] = pid;
    for (size_t i = 1; words[i]; i++)
        all[i + 1] = words[i];
    run_rejig(run, all, 0, 0);
    end_fake(fake);
    assert_int_equal(run->code, 0);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

/* ---- the two lines ---- */

static void scenario_numbers(struct fake *fake)
{
    begin_session(fake, 1);
    send_numbers(fake, &(struct told){.precompiled = 1212, .switched = 3, .jit = 5, .pending = 2});
    fake_session(fake, 1);
    end_session(
        fake,
        &(struct told){.precompiled = 1212, .switched = 9, .jit = 6, .pending = 1, .final = true});
}

static void test_numbers(void **state)
{
    (void)state;
    struct run run;
    static const char *const commands[] = {"watch", "count"};
    for (size_t i = 0; i < 2; i++) {
        run_beside(&run, scenario_numbers, RUN_WORDS(commands[i], "A.B", "-d", "200ms"));
        assert_contains(run.err,
                        " (+1,212 precompiled callers that hold an inlined copy; JIT-compiled ones "
                        "switch at their next call, 5 so far; 2 modules pending) · ");
        assert_contains(run.err, " · reverted 1,219 methods (1,212 precompiled callers, 9 of them "
                                 "called since; 6 JIT-compiled callers; 1 module not loaded) · the "
                                 "agent sleeps in pid ");
        assert_lacks(run.err, "  seen");
        assert_lacks(run.err, "cannot be seen");
        assert_lacks(run.err, "by now");
    }
}

static void scenario_one(struct fake *fake)
{
    begin_session(fake, 1);
    send_numbers(fake, &(struct told){.precompiled = 1, .pending = 1});
    fake_session(fake, 1);
    end_session(fake, &(struct told){.precompiled = 1, .switched = 1, .final = true});
}

static void scenario_nothing(struct fake *fake)
{
    begin_session(fake, 1);
    send_numbers(fake, &(struct told){0});
    fake_session(fake, 1);
    end_session(fake, &(struct told){.jit = 1, .final = true});
}

static void test_few(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_one, RUN_WORDS("watch", "A.B", "-d", "200ms"));
    assert_contains(run.err,
                    " (+1 precompiled caller that holds an inlined copy; JIT-compiled ones "
                    "switch at their next call; 1 module pending) · ");
    assert_contains(run.err, " · reverted 2 methods (1 precompiled caller, called since) · ");
    run_beside(&run, scenario_nothing, RUN_WORDS("watch", "A.B", "-d", "200ms"));
    assert_lacks(run.err, "(+");
    assert_lacks(run.err, "JIT-compiled ones");
    assert_contains(run.err, " · reverted 2 methods (1 JIT-compiled caller) · ");
}

/* ---- what is not seen ---- */

#define INTRINSIC "it is a JIT intrinsic"

static void put_all(struct buffer *frame)
{
    static const char *const modules[] = {"A.dll", "B.dll", "C.dll", "D.dll"};
    put_gap(frame, WIRE_GAP_PENDING, "Shop.Reports", "it is not loaded yet");
    for (size_t i = 0; i < 4; i++)
        put_gap(frame, WIRE_GAP_IMPOSSIBLE, modules[i], "it is collectible");
    put_gap(frame, WIRE_GAP_IMPOSSIBLE, "System.Span<T>.get_Item(int)", INTRINSIC);
    tlv_put_u32(frame, WIRE_COVERAGE_INTRINSICS, 1);
    put_frame(frame, 1, "Shop.Program.Main", NULL);
    put_frame(frame, 0, "Shop.Loop.Run", "Shop.Pricing.Discount");
    tlv_put_text(frame, WIRE_COVERAGE_WHY, "the time for it was over");
}

static const struct told all_told = {.precompiled = 3,
                                     .by_il = 1,
                                     .switched = 1,
                                     .jit = 1,
                                     .pending = 1,
                                     .impossible = 5,
                                     .threads = 14,
                                     .looked = 9};

static void scenario_gaps(struct fake *fake)
{
    struct buffer frame;
    struct told final = all_told;
    begin_session(fake, 2);
    const uint32_t copies = fake->plan.explain ? 1 : 0;
    for (uint32_t i = 0; i < copies; i++) {
        send_covered(fake, "Shop.Report.Total(int)", "Shop.Pricing.Discount", WIRE_COVERED_TABLE,
                     true);
        send_covered(fake, "Shop.Report.Lines()", "Shop.Pricing.Round", WIRE_COVERED_IL, false);
        send_covered(fake, "Shop.Report.Lines()", "Shop.Pricing.Round", WIRE_COVERED_IL, false);
        send_covered(fake, "Shop.Report.Sum\x1b[2J()", "Shop.Pricing.Round",
                     WIRE_COVERED_TABLE | WIRE_COVERED_RUNTIME, false);
        send_covered(fake, "Shop.Late.Go()", NULL, WIRE_COVERED_JIT, true);
    }
    size_t mark = begin_coverage(&frame, &all_told);
    put_all(&frame);
    end_coverage(fake, &frame, mark);
    fake_session(fake, 2);
    if (fake_serve(fake, NULL)) {
        if (copies)
            send_covered(fake, "Shop.Report.Total(int)", "Shop.Pricing.Discount",
                         WIRE_COVERED_TABLE, true);
        final.switched = 3;
        final.final = true;
        mark = begin_coverage(&frame, &final);
        put_all(&frame);
        end_coverage(fake, &frame, mark);
        fake_ended(fake, 6);
    }
    fake_serve(fake, NULL);
}

static void test_gaps(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_gaps, RUN_WORDS("count", "A.B", "-d", "200ms"));
    assert_contains(run.err, "; 1 module pending; 5 cannot be seen; 2 frames still in old code: "
                             "--explain; 9 of 14 threads looked at) · ");
    assert_contains(run.err, "  not seen  A.dll, B.dll, C.dll and 1 more: it is collectible\n"
                             "  not seen  System.Span<T>.get_Item(int): it is a JIT intrinsic\n");
    assert_lacks(run.err, "on thread");
    assert_lacks(run.err, "  seen ");
    assert_lacks(run.err, "INCOMPLETE");
    assert_contains(run.err, "(3 precompiled callers, all called since; 1 JIT-compiled caller; 1 "
                             "module not loaded; 5 could not be seen; 2 frames in old code to "
                             "the end)");
}

static void test_explain(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_gaps, RUN_WORDS("watch", "A.B", "--explain", "-d", "200ms"));
    assert_contains(run.err, ": INCOMPLETE · ");
    assert_lacks(run.err, "--explain");
    assert_contains(
        run.err,
        "  seen      3 precompiled callers, 1 of them called since\n"
        "  seen      1 of them found by their IL (NonVersionable: no image records where such a "
        "method is inlined)\n"
        "  seen      JIT-compiled callers, from their next call on: 1 so far\n"
        "  seen      Shop.Report.Total(int)  Shop.dll  holds a copy of Shop.Pricing.Discount  by "
        "its image's table; running its new code\n"
        "  seen      Shop.Report.Lines()  Shop.dll  holds a copy of Shop.Pricing.Round  by its IL; "
        "not called since\n"
        "  seen      Shop.Report.Sum?[2J()  Shop.dll  holds a copy of Shop.Pricing.Round  by its "
        "image's table and by the runtime; not called since\n"
        "  seen      Shop.Late.Go()  Shop.dll  by the JIT; running its new code\n"
        "  pending   Shop.Reports: it is not loaded yet\n"
        "  not seen  A.dll: it is collectible\n"
        "  not seen  B.dll: it is collectible\n"
        "  not seen  C.dll: it is collectible\n"
        "  not seen  D.dll: it is collectible\n"
        "  not seen  System.Span<T>.get_Item(int): it is a JIT intrinsic\n"
        "  not seen  Shop.Program.Main on thread 1: inside its old code since before the probe\n"
        "  not seen  Shop.Loop.Run on some thread: inside its old code since before the probe, "
        "which may hold a copy of Shop.Pricing.Discount\n"
        "  9 of 14 threads looked at (paused 412 µs): the time for it was over\n");
    /* the final rows are numbers only */
    const char *first = strstr(run.err, "Shop.Report.Total");
    assert_null(strstr(first + 1, "Shop.Report.Total"));
}

static void test_json(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_gaps,
               RUN_WORDS("watch", "A.B", "--explain", "--json", "-d", "200ms"));
    static const char numbers[] =
        "\"precompiled\":3,\"by_il\":1,\"switched\":1,\"jit\":1,\"follows_jit\":true,\"pending\":1,"
        "\"impossible\":5,\"intrinsics\":1,\"threads\":14,\"looked\":9,\"pause_ns\":412345,"
        "\"inside_old_code\":2,\"not_looked\":\"the time for it was over\"";
    char wanted[1024];
    assert_memory_equal(run.out, "{\"type\":\"start\",", 16);
    snprintf(wanted, sizeof wanted, ",\"coverage\":{%s}}\n{\"type\":\"method\",", numbers);
    assert_contains(run.out, wanted);
    snprintf(wanted, sizeof wanted, ",\"final\":false,%s,\"gaps\":[{\"state\":\"pending\",",
             numbers);
    assert_contains(run.out, wanted);
    assert_contains(run.out, "\"subject\":\"Shop.Reports\",\"reason\":\"it is not loaded yet\"},"
                             "{\"state\":\"impossible\",\"subject\":\"A.dll\",");
    assert_contains(run.out, "],\"frames\":[{\"thread\":1,\"method\":\"Shop.Program.Main\"},"
                             "{\"thread\":0,\"method\":\"Shop.Loop.Run\","
                             "\"inlinee\":\"Shop.Pricing.Discount\"}]}\n");
    assert_contains(run.out, "\"final\":false,\"method\":\"Shop.Report.Lines()\","
                             "\"module\":\"Shop.dll\",\"inlinee\":\"Shop.Pricing.Round\","
                             "\"how\":[\"il\"],\"switched\":false}\n");
    assert_contains(run.out, "\"how\":[\"recorded\",\"runtime\"],");
    assert_contains(run.out, "\"final\":true,\"method\":\"Shop.Report.Total(int)\",");
    assert_contains(run.out, "\"final\":true,\"precompiled\":3,\"by_il\":1,\"switched\":3,");
    assert_contains(run.out, "\"reverted\":6,\"coverage\":{\"precompiled\":3,\"by_il\":1,"
                             "\"switched\":3,");
}

/* ---- a narrow terminal ---- */

static void run_on_terminal(fake_scenario *scenario, const char *const *words, char *err,
                            size_t size)
{
    struct winsize narrow = {.ws_row = 40, .ws_col = 90};
    char name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    assert_int_equal(ptsname_r(master, name, sizeof name), 0);
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0 && ioctl(slave, TIOCSWINSZ, &narrow) == 0);
    const char *all[MAX_ARGUMENTS] = {words[0]};
    char pid[16];
    int status;
    FILE *out = tmpfile(), *terminal = fdopen(slave, "r+");
    pid_t fake = fake_fork(scenario);
    pid_text(pid, fake);
    all[1] = pid;
    for (size_t i = 1; words[i]; i++)
        all[i + 1] = words[i];
    pid_t rejig = start_rejig(all, out, terminal);
    fclose(terminal);
    fclose(out);
    size_t length = 0;
    for (ssize_t got; (got = read(master, err + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    err[length] = '\0';
    close(master);
    waitpid(rejig, &status, 0);
    end_fake(fake);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void scenario_long(struct fake *fake)
{
    begin_session(fake, 2);
    send_covered(
        fake, "Shop.Reporting.Quarterly.ReportBuilder.AppendTotalsOfAllRegions(Region, int, int)",
        "Shop.Reporting.Quarterly.Pricing.DiscountOfRegion(Region)", WIRE_COVERED_TABLE, false);
    send_covered(fake, "A.B()", "C.D()", WIRE_COVERED_IL, true);
    send_numbers(fake, &(struct told){.precompiled = 2, .switched = 1});
    fake_session(fake, 2);
    end_session(fake, &(struct told){.precompiled = 2, .switched = 1, .final = true});
}

static void test_narrow(void **state)
{
    (void)state;
    static char err[1 << 15];
    run_on_terminal(scenario_long, RUN_WORDS("count", "A.B", "--explain", "-d", "200ms"), err,
                    sizeof err);
    /* names are cut in the middle, the rest is whole */
    assert_contains(err, "  seen      Shop.…");
    assert_contains(err, "  Shop.dll  holds a copy of Shop.…");
    assert_contains(err, "  by its image's table; not called since");
    assert_lacks(err, "AppendTotalsOfAllRegions");
    assert_lacks(err, "Pricing.DiscountOfRegion(Region)");
    assert_contains(err,
                    "  seen      A.B()  Shop.dll  holds a copy of C.D()  by its IL; running its "
                    "new code");
}

/* ---- old agents, changes, silence ---- */

/* An old agent would close the connection at a question that it does not know. */
static void scenario_old(struct fake *fake)
{
    struct reader payload;
    begin_session(fake, 1);
    fake_session(fake, 1);
    for (uint16_t type; (type = fake_receive(fake, &payload, -1)) != 0;) {
        if (type == WIRE_MSG_ASK_COVERAGE)
            _exit(60);
        if (type == WIRE_MSG_END)
            fake_ended(fake, 1);
    }
}

static void test_old_agent(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_old, RUN_WORDS("watch", "A.B", "-d", "5200ms", "--json"));
    assert_lacks(run.out, "\"coverage\"");
    assert_lacks(run.err, "caller");
    assert_contains(run.err, "(5 s without an event: Shop.Pricing.Discount was called 0 times)");
    assert_contains(run.err, " · reverted 1 method · the agent sleeps in pid ");
    run_beside(&run, scenario_old, RUN_WORDS("watch", "A.B", "-d", "200ms", "--explain"));
    assert_contains(run.err, "  the agent there is of an older rejig");
}

static void send_notice(struct fake *fake, const char *code)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_NOTICE);
    tlv_put_text(&frame, WIRE_NOTICE_TEXT, "something was loaded");
    tlv_put_text(&frame, WIRE_NOTICE_CODE, code);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

static void send_state(struct fake *fake, uint32_t inliners)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_STATE);
    tlv_put_u32(&frame, WIRE_STATE_METHODS, 1);
    tlv_put_u32(&frame, WIRE_STATE_INLINERS, inliners);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

/* Something happens ten times a second for 2.5 s; then nothing does. The answers differ each
 * time; how often it was asked stands in `jit`. */
static void scenario_changes(struct fake *fake)
{
    struct reader payload;
    struct told told = {.precompiled = 12, .pending = 3};
    begin_session(fake, 1);
    send_numbers(fake, &told);
    fake_session(fake, 1);
    for (int i = 0; i < 25;) {
        uint16_t type = fake_receive(fake, &payload, 100);
        if (type == UINT16_MAX && i % 2)
            send_notice(fake, "module-loaded");
        else if (type == UINT16_MAX)
            send_state(fake, (uint32_t)i + 1);
        i += type == UINT16_MAX;
        if (type == 0)
            _exit(0);
        if (type != WIRE_MSG_ASK_COVERAGE)
            continue;
        told.precompiled++;
        told.jit++;
        told.pending = 2;
        send_covered(fake, "Not.To.Be.Told()", NULL, WIRE_COVERED_TABLE, false);
        send_numbers(fake, &told);
    }
    for (uint16_t type; (type = fake_receive(fake, &payload, -1)) != 0;) {
        told.jit += type == WIRE_MSG_ASK_COVERAGE;
        told.final = type == WIRE_MSG_END;
        if (type == WIRE_MSG_ASK_COVERAGE || type == WIRE_MSG_END)
            send_numbers(fake, &told);
        if (type == WIRE_MSG_END)
            fake_ended(fake, 13);
    }
}

static void test_changes(void **state)
{
    (void)state;
    struct run run;
    unsigned asked = 0;
    run_beside(&run, scenario_changes, RUN_WORDS("watch", "A.B", "-d", "5300ms"));
    assert_contains(run.err, "(by now: +13 precompiled callers that hold an inlined copy; "
                             "JIT-compiled ones switch at their next call, 1 so far; 2 modules "
                             "pending)\n");
    assert_contains(run.err, "(5 s without an event: Shop.Pricing.Discount was called 0 times; 2 "
                             "modules that could call it are not loaded yet; ");
    assert_contains(run.err, " precompiled callers, none called since)\n");
    const char *jit = strstr(run.err, " JIT-compiled callers; 2 modules not loaded)");
    assert_non_null(jit);
    assert_int_equal(sscanf(jit - 1, "%u", &asked), 1);
    /* Two or three while it changed, once or twice for the silence. */
    assert_in_range(asked, 2, 5);
    assert_lacks(run.err, "Not.To.Be.Told");
}

/* Started, or --wait: the first method comes later, and with it what is to be said of it. */
static void scenario_late(struct fake *fake)
{
    static const struct fake_value none[1];
    struct reader payload;
    struct buffer frame;
    fake_take_plan(fake);
    fake_make_file(fake, true);
    send_numbers(fake, &(struct told){0});
    fake_session(fake, 0);
    poll(NULL, 0, 50);
    fake_method(fake, 0, "System.Span<T>.get_Item", WIRE_METHOD_PLAIN, none, 0);
    send_notice(fake, "module-loaded");
    for (uint16_t type; (type = fake_receive(fake, &payload, -1)) != 0;) {
        size_t mark =
            begin_coverage(&frame, &(struct told){.impossible = 1, .final = type == WIRE_MSG_END});
        put_gap(&frame, WIRE_GAP_IMPOSSIBLE, "System.Span<T>.get_Item(int)", INTRINSIC);
        end_coverage(fake, &frame, mark);
        if (type == WIRE_MSG_END)
            fake_ended(fake, 1);
        else
            send_notice(fake, "module-loaded");
    }
}

static void test_late_method(void **state)
{
    (void)state;
    struct run run;
    static const char said[] = "(by now: 1 cannot be seen: --explain)\n"
                               "  not seen  System.Span<T>.get_Item(int): it is a JIT intrinsic\n";
    run_beside(&run, scenario_late, RUN_WORDS("count", "A.B", "--wait", "-d", "1500ms"));
    assert_contains(run.err, said);
    assert_null(strstr(strstr(run.err, said) + sizeof said - 1, "by now")); /* said once */
    assert_contains(run.err, " (1 could not be seen) ");
    run_beside(&run, scenario_late, RUN_WORDS("count", "A.B", "--wait", "-d", "500ms"));
    assert_contains(run.err, said); /* at once, for a program that ends soon */
}

/* ---- hostile agents ---- */

static void scenario_many_gaps(struct fake *fake)
{
    struct buffer frame;
    char subject[32];
    begin_session(fake, 1);
    size_t mark = begin_coverage(&frame, &(struct told){.impossible = 300});
    for (unsigned i = 0; i < 300; i++) {
        snprintf(subject, sizeof subject, "module\n%u\x7f", i);
        put_gap(&frame, WIRE_GAP_IMPOSSIBLE, subject, i % 2 ? subject : "it is so");
    }
    for (unsigned i = 0; i < 300; i++)
        put_frame(&frame, i, "A.B", "C.D");
    tlv_put_u32(&frame, WIRE_COVERAGE_MORE_GAPS, UINT32_MAX);
    tlv_put_u32(&frame, WIRE_COVERAGE_MORE_FRAMES, UINT32_MAX);
    end_coverage(fake, &frame, mark);
    fake_session(fake, 1);
    end_session(fake, &(struct told){.impossible = 300, .final = true});
}

static void scenario_cut(struct fake *fake)
{
    struct buffer frame;
    static const uint8_t cut[] = {WIRE_COVERAGE_GAP, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 1, 0};
    begin_session(fake, 1);
    send_covered(fake, "unasked", NULL, 0xffffffff, true);
    size_t mark = begin_coverage(&frame, &(struct told){.precompiled = UINT32_MAX,
                                                        .by_il = UINT32_MAX,
                                                        .switched = UINT32_MAX,
                                                        .jit = UINT32_MAX,
                                                        .pending = UINT32_MAX,
                                                        .impossible = UINT32_MAX,
                                                        .threads = UINT32_MAX,
                                                        .looked = UINT32_MAX});
    buffer_append(&frame, cut, sizeof cut);
    end_coverage(fake, &frame, mark);
    fake_session(fake, 1);
    /* fields of the wrong size, a nested one that is cut, nothing at all, and again and again */
    for (int i = 0; i < 300; i++) {
        buffer_init(&frame, 0);
        mark = wire_frame_begin(&frame, i % 2 ? WIRE_MSG_COVERAGE : WIRE_MSG_COVERED);
        if (i % 3)
            tlv_put_bytes(&frame, WIRE_COVERAGE_PRECOMPILED, cut, 3);
        if (i % 5)
            tlv_put_bytes(&frame, WIRE_COVERAGE_GAP, cut, sizeof cut);
        if (i % 7)
            tlv_put_bytes(&frame, WIRE_COVERAGE_FRAME, cut, sizeof cut - 1);
        end_coverage(fake, &frame, mark);
    }
    end_session(fake, &(struct told){.precompiled = 1, .switched = 7, .final = true});
}

static void test_hostile(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_many_gaps, RUN_WORDS("count", "A.B", "--explain", "-d", "200ms"));
    assert_contains(run.err, "  not seen  module?0?: it is so\n");
    assert_contains(run.err, "  not seen  module?255?: module?255?\n");
    assert_lacks(run.err, "module?256?");
    assert_contains(run.err, "  not seen  … and 4,294,967,295 gaps more\n");
    assert_contains(run.err, "  not seen  … and 4,294,967,295 frames more\n");
    run_beside(&run, scenario_many_gaps, RUN_WORDS("count", "A.B", "-d", "200ms"));
    assert_contains(run.err,
                    "  not seen  module?0?, module?2?, module?4? and 125 more: it is so\n");
    assert_contains(run.err, "; 4,294,967,295 frames still in old code");
    assert_lacks(run.err, "module?9?"); /* five reasons, no more */
    run_beside(&run, scenario_cut, RUN_WORDS("watch", "A.B", "-d", "300ms"));
    assert_contains(run.err, "(+4,294,967,295 precompiled callers");
    assert_contains(run.err, "(1 precompiled caller, called since)");
    run_beside(&run, scenario_cut, RUN_WORDS("watch", "A.B", "--json", "--explain", "-d", "300ms"));
    assert_contains(run.out, "\"method\":\"unasked\"");
    assert_contains(run.out, "\"how\":[\"recorded\",\"il\",\"runtime\",\"jit\"]");
}

/* ---- status ---- */

static void put_status_session(struct buffer *frame, uint64_t id, bool coverage)
{
    size_t session = tlv_begin(frame, WIRE_STATUS_SESSION);
    tlv_put_u64(frame, WIRE_STATUS_SESSION_ID, id);
    tlv_put_u32(frame, WIRE_STATUS_SESSION_METHODS, 1);
    tlv_put_text(frame, WIRE_STATUS_SESSION_COMMAND, "rejig count 1 A.B");
    if (coverage) {
        size_t mark = tlv_begin(frame, WIRE_STATUS_SESSION_COVERAGE);
        tlv_put_u32(frame, WIRE_COVERAGE_PRECOMPILED, 12);
        tlv_put_u32(frame, WIRE_COVERAGE_FOLLOWS, 1);
        tlv_put_u32(frame, WIRE_COVERAGE_IMPOSSIBLE, 1);
        put_gap(frame, WIRE_GAP_IMPOSSIBLE, "System.Math.Max(int, int)", INTRINSIC);
        tlv_end(frame, mark);
    }
    tlv_end(frame, session);
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
    put_status_session(&frame, 7, true);
    put_status_session(&frame, 8, false); /* an old agent's */
    end_coverage(fake, &frame, mark);
    fake_receive(fake, &payload, -1);
}

static void test_status(void **state)
{
    (void)state;
    struct run run;
    run_beside(&run, scenario_status, RUN_WORDS("status"));
    assert_contains(run.out,
                    "  session 7  pid 0  uid 0  since 0 ns  1 method  rejig count 1 A.B\n"
                    "    +12 precompiled callers that hold an inlined copy; JIT-compiled "
                    "ones switch at their next call; 1 cannot be seen: --explain\n"
                    "  session 8  pid 0  uid 0  since 0 ns  1 method  rejig count 1 A.B\n");
    run_beside(&run, scenario_status, RUN_WORDS("status", "--explain"));
    assert_contains(run.out, "    seen      12 precompiled callers, none called since\n"
                             "    seen      JIT-compiled callers, from their next call on\n"
                             "    not seen  System.Math.Max(int, int): it is a JIT intrinsic\n"
                             "  session 8  ");
    run_beside(&run, scenario_status, RUN_WORDS("status", "--json"));
    assert_contains(run.out, "\"command\":\"rejig count 1 A.B\",\"coverage\":{\"precompiled\":12,");
    assert_contains(run.out,
                    ",\"gaps\":[{\"state\":\"impossible\",\"subject\":\"System.Math.Max(int, "
                    "int)\",\"reason\":\"it is a JIT intrinsic\"}]}},{\"id\":8,");
    assert_contains(run.out, "\"command\":\"rejig count 1 A.B\"}]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_few),
        cmocka_unit_test(test_gaps),        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_json),        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_old_agent),   cmocka_unit_test(test_changes),
        cmocka_unit_test(test_late_method), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
