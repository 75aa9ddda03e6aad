// uses: target wire clr base
/* The way to an agent, with runtimes and agents of every kind of bad manners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#include "base_clock.h"
#include "target_attach.h"
#include "target_standin.h"
#include "target_state.h"

static char folder[64];
static pid_t pid;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/rejig-attach-XXXXXX");
    pid = -1;
    /* The file that it is asked to load; nobody really loads it. */
    setenv("REJIG_AGENT", "/proc/self/exe", 1);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (pid > 0)
        standin_end(pid);
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
    return rmdir(folder);
}

static struct target_process begin(const char *part, char *variable)
{
    struct target_process process;
    pid = standin_run(part, folder, variable);
    assert_true(pid > 0);
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_int_equal(process.kind, TARGET_KIND_CORECLR);
    return process;
}

static enum status open_link(const struct target_process *process, unsigned timeout_ms,
                             struct target_link *link, struct error *error)
{
    error_init(error);
    return target_open(process, WIRE_ATTACH_PROBE, timeout_ms, link, error);
}

static void it_attaches(void **state)
{
    (void)state;
    struct target_link link, second;
    struct error error;
    struct target_process process = begin("ready", NULL);
    assert_int_equal(open_link(&process, 2000, &link, &error), STATUS_OK);
    assert_true(link.attached);
    assert_int_equal(link.pid, pid);
    assert_string_equal(link.hello.version, "0.3");
    /* The same old picture again: the agent is there now. */
    assert_int_equal(open_link(&process, 2000, &second, &error), STATUS_OK);
    assert_false(second.attached);
    assert_string_equal(standin_requests(folder), "01 "); /* one AttachProfiler in all */
    target_link_close(&link);
    target_link_close(&second);
}

static void a_sleeping_agent_is_only_met(void **state)
{
    (void)state;
    struct target_link link;
    struct target_verdict verdict;
    struct error error;
    struct target_process process = begin("asleep", NULL);
    target_state_of(&process, &verdict);
    assert_int_equal(verdict.state, TARGET_ASLEEP);
    assert_string_equal(verdict.note, "agent 0.3, last used 12 min ago");
    assert_int_equal(open_link(&process, 2000, &link, &error), STATUS_OK);
    assert_false(link.attached);
    assert_string_equal(standin_requests(folder), "");
    target_link_close(&link);
    error_init(&error);
    assert_int_equal(target_attach(&process, WIRE_ATTACH_PROBE, 500, &link, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "has an agent already"));
    assert_string_equal(standin_requests(folder), "");
}

static void an_agent_in_use(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = begin("in-use", NULL);
    target_state_of(&process, &verdict);
    assert_int_equal(verdict.state, TARGET_IN_USE);
    assert_string_equal(verdict.note, "agent 0.3, 1 session");
}

static void an_agent_of_another_wire(void **state)
{
    (void)state;
    struct target_link link;
    struct target_verdict verdict;
    struct error error;
    struct target_process process = begin("other-wire", NULL);
    assert_int_equal(open_link(&process, 2000, &link, &error), STATUS_TARGET);
    assert_string_equal(error.hint, "use rejig 0.3 for this process until it is restarted");
    target_state_of(&process, &verdict);
    assert_int_equal(verdict.state, TARGET_MUTE);
    assert_string_equal(standin_requests(folder), "");
}

static void refused(const char *part, const char *words)
{
    struct target_link link;
    struct error error;
    struct target_process process = begin(part, NULL);
    uint64_t begun = clock_monotonic();
    assert_int_equal(open_link(&process, 300, &link, &error), STATUS_TARGET);
    if (strstr(error.message, words) == NULL)
        print_error("%s: %s\n", part, error.message);
    assert_non_null(strstr(error.message, words));
    assert_int_equal(link.fd, -1);
    assert_true(clock_monotonic() - begun < 3 * 1000000000ull);
}

#define REFUSAL(name, part, words)                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        refused(part, words);                                                                      \
    }

REFUSAL(the_slot_is_taken, "taken", "another profiler holds the only profiler slot")
REFUSAL(the_agent_went_away, "cancel", "saw no waiting rejig")
REFUSAL(the_library_cannot_be_loaded, "no-library", "cannot load the agent's file")
REFUSAL(a_runtime_that_waits_to_be_let_go, "suspended", "has not started yet")
REFUSAL(any_other_refusal_has_its_words, "refuses", "0x80131384")
REFUSAL(a_runtime_that_is_silent, "silent", "does not answer")
REFUSAL(an_agent_that_never_listens, "deaf", "socket does not appear")
REFUSAL(an_agent_that_is_mute, "mute-agent", "does not answer")
REFUSAL(a_target_that_dies, "dies", "ended while rejig attached")
REFUSAL(a_socket_of_somebody_else, "impostor", "belongs to pid")

static void what_is_no_runtime_at_all(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_process process = begin("garbage", NULL);
    assert_int_equal(open_link(&process, 300, &link, &error), STATUS_PEER);
    assert_non_null(strstr(error.message, "not of the diagnostics protocol"));
}

static void a_runtime_that_hangs_up(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_process process = begin("closes", NULL);
    assert_int_equal(open_link(&process, 300, &link, &error), STATUS_PEER);
    assert_non_null(strstr(error.message, "without an answer"));
}

static void sent_away_by_an_agent_it_comes_again(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_process process = begin("busy-agent", NULL);
    assert_int_equal(open_link(&process, 2000, &link, &error), STATUS_OK);
    target_link_close(&link);
}

static void a_busy_agent_is_no_refusal(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_verdict verdict;
    struct target_process process = begin("busy", NULL);
    error_init(&error);
    target_state_within(&process, 100 * 1000000ull, &verdict);
    assert_int_equal(verdict.state, TARGET_BUSY);
    assert_true(target_state_can_probe(verdict.state));
    assert_string_equal(target_state_name(verdict.state), "busy");
    assert_int_equal(target_connect(&process, 600, &link, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "is busy: no answer for 1 s"));
    assert_string_equal(error.hint,
                        "try again: it may be at work on very many methods for another session");
    assert_null(target_attach_waits());
    assert_string_equal(standin_requests(folder), ""); /* nothing is asked of the runtime */
}

static void an_agent_that_waits_for_its_rejig(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_verdict verdict;
    struct target_process process = begin("waiting", NULL);
    error_init(&error);
    target_state_within(&process, 100 * 1000000ull, &verdict);
    assert_int_equal(verdict.state, TARGET_BUSY);
    assert_non_null(strstr(verdict.hint, "waits for another rejig that began to attach"));
    assert_int_equal(target_connect_patiently(&process, 200, &link, &error), STATUS_TARGET);
    assert_non_null(strstr(error.hint, "waits for another rejig that began to attach"));
}

static void a_stopped_target_hears_nothing(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_process process = begin("ready", NULL);
    kill(pid, SIGSTOP);
    usleep(20000);
    assert_int_equal(open_link(&process, 300, &link, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "stopped"));
    kill(pid, SIGCONT);
    usleep(50000);
    assert_string_equal(standin_requests(folder), ""); /* nor later */
}

static void a_switched_off_target_hears_nothing(void **state)
{
    (void)state;
    static char profiler[] = "DOTNET_EnableDiagnostics_Profiler=0",
                rejit[] = "DOTNET_ProfApi_RejitOnAttach=0",
                reload[] = "DOTNET_MODIFIABLE_ASSEMBLIES=debug";
    char *const variables[] = {profiler, rejit, reload};
    for (size_t i = 0; i < 3; i++) {
        struct target_link link;
        struct error error;
        struct target_process process = begin("ready", variables[i]);
        assert_int_equal(open_link(&process, 300, &link, &error), STATUS_TARGET);
        assert_non_null(strstr(error.message, variables[i]));
        assert_string_equal(standin_requests(folder), "");
        standin_end(pid);
        pid = -1;
    }
}

static void a_listing_needs_no_rejit(void **state)
{
    (void)state;
    static char rejit[] = "DOTNET_ProfApi_RejitOnAttach=0";
    struct target_link link;
    struct target_process process = begin("ready", rejit);
    assert_int_equal(target_open(&process, WIRE_ATTACH_LIST, 2000, &link, NULL), STATUS_OK);
    target_link_close(&link);
}

static void another_process_with_the_pid(void **state)
{
    (void)state;
    struct target_link link;
    struct error error;
    struct target_process process = begin("ready", NULL);
    process.start--;
    assert_int_equal(open_link(&process, 300, &link, &error), STATUS_TARGET);
    assert_string_equal(standin_requests(folder), "");
}

static void the_doctor_measures(void **state)
{
    (void)state;
    struct target_process process = begin("ready", NULL);
    struct target_checks checks;
    process.version[0] = '\0';
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_READY);
    bool answers = false;
    for (size_t i = 0; i < checks.count; i++) {
        assert_int_equal(checks.items[i].answer, TARGET_CHECK_OK);
        answers |= strstr(checks.items[i].text, "diagnostics socket answers in ") != NULL;
    }
    assert_true(answers);
    assert_string_equal(process.version, "10.0.12");
    assert_string_equal(process.assembly, "Shop");
    assert_string_equal(standin_requests(folder), "08 04 "); /* two ProcessInfo, nothing else */
}

static void the_doctor_of_an_old_runtime(void **state)
{
    (void)state;
    struct target_process process = begin("old", NULL);
    struct target_checks checks;
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_READY);
    assert_string_equal(standin_requests(folder), "08 04 00 ");
}

static void the_doctor_finds_it_silent(void **state)
{
    (void)state;
    struct target_process process = begin("silent", NULL);
    struct target_checks checks;
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_SILENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **arguments)
{
    standin_main(count, arguments);
    const struct CMUnitTest tests[] = {
        TEST(it_attaches),
        TEST(a_sleeping_agent_is_only_met),
        TEST(an_agent_in_use),
        TEST(an_agent_of_another_wire),
        TEST(the_slot_is_taken),
        TEST(the_agent_went_away),
        TEST(the_library_cannot_be_loaded),
        TEST(a_runtime_that_waits_to_be_let_go),
        TEST(any_other_refusal_has_its_words),
        TEST(a_runtime_that_is_silent),
        TEST(an_agent_that_never_listens),
        TEST(an_agent_that_is_mute),
        TEST(a_target_that_dies),
        TEST(a_socket_of_somebody_else),
        TEST(what_is_no_runtime_at_all),
        TEST(a_runtime_that_hangs_up),
        TEST(sent_away_by_an_agent_it_comes_again),
        TEST(a_busy_agent_is_no_refusal),
        TEST(an_agent_that_waits_for_its_rejig),
        TEST(a_stopped_target_hears_nothing),
        TEST(a_switched_off_target_hears_nothing),
        TEST(a_listing_needs_no_rejit),
        TEST(another_process_with_the_pid),
        TEST(the_doctor_measures),
        TEST(the_doctor_of_an_old_runtime),
        TEST(the_doctor_finds_it_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
