// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "target_state.h"

/* A picture in which nothing stands against a probe. */
static struct target_process fine_process(void)
{
    struct target_process process = {.pid = 0x7ffffff0,
                                     .own_pid = 0x7ffffff0,
                                     .start = 1,
                                     .kind = TARGET_KIND_CORECLR,
                                     .slot = TARGET_SLOT_FREE,
                                     .up_time = 100 * 1000000000ull};
    process.uid = geteuid();
    strcpy(process.user, "me");
    strcpy(process.name, "Shop");
    strcpy(process.version, "10.0.12");
    strcpy(process.folder, "/tmp");
    strcpy(process.socket, "dotnet-diagnostic-1-1-socket");
    return process;
}

static enum target_state state_of(const struct target_process *process,
                                  struct target_verdict *verdict)
{
    target_state_of(process, verdict);
    assert_int_equal(target_state_can_probe(verdict->state), verdict->state == TARGET_READY);
    assert_true(verdict->state == TARGET_READY || verdict->reason[0] != '\0');
    return verdict->state;
}

static void nothing_against_it(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    assert_int_equal(state_of(&process, &verdict), TARGET_READY);
    assert_string_equal(verdict.note, "");
    assert_string_equal(verdict.reason, "");
}

static void each_reason_by_itself(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    process.kind = TARGET_KIND_AOT;
    assert_int_equal(state_of(&process, &verdict), TARGET_AOT);
    process.kind = TARGET_KIND_OTHER;
    assert_int_equal(state_of(&process, &verdict), TARGET_NOT_DOTNET);
    process = fine_process();
    process.run = TARGET_RUN_STOPPED;
    assert_int_equal(state_of(&process, &verdict), TARGET_STOPPED);
    process.run = TARGET_RUN_TRACED;
    assert_int_equal(state_of(&process, &verdict), TARGET_STOPPED);
    assert_non_null(strstr(verdict.reason, "debugger"));
    process.run = TARGET_RUN_ZOMBIE;
    assert_int_equal(state_of(&process, &verdict), TARGET_ENDED);
    process = fine_process();
    strcpy(process.off, "DOTNET_EnableDiagnostics=0");
    assert_int_equal(state_of(&process, &verdict), TARGET_OFF);
    assert_string_equal(verdict.note, "DOTNET_EnableDiagnostics=0");
    process = fine_process();
    strcpy(process.rejit_off, "DOTNET_ProfApi_RejitOnAttach=0");
    assert_int_equal(state_of(&process, &verdict), TARGET_REJIT_OFF);
    process = fine_process();
    strcpy(process.hot_reload, "dotnet watch");
    assert_int_equal(state_of(&process, &verdict), TARGET_HOT_RELOAD);
    process = fine_process();
    strcpy(process.version, "2.1.30");
    assert_int_equal(state_of(&process, &verdict), TARGET_OLD);
    process = fine_process();
    strcpy(process.architecture, "s390x");
    assert_int_equal(state_of(&process, &verdict), TARGET_OTHER_MACHINE);
}

static void a_taken_slot_names_its_file(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    process.slot = TARGET_SLOT_OTHER;
    strcpy(process.profiler, "/opt/dd/Datadog.Tracer.Native.so");
    assert_int_equal(state_of(&process, &verdict), TARGET_TAKEN);
    assert_string_equal(verdict.note, "profiler slot: Datadog.Tracer.Native.so");
    assert_non_null(strstr(verdict.reason, "/opt/dd/Datadog.Tracer.Native.so"));
    process.slot = TARGET_SLOT_AGENT;
    assert_int_equal(state_of(&process, &verdict), TARGET_MUTE);
}

static void why_there_is_no_socket(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    process.pid = getpid(); /* its folder is looked up */
    struct target_process self;
    assert_int_equal(target_process_read(getpid(), &self, NULL), STATUS_OK);
    process.start = self.start;
    process.socket[0] = '\0';
    assert_int_equal(state_of(&process, &verdict), TARGET_NO_SOCKET);
    assert_non_null(strstr(verdict.reason, "no diagnostics socket of it in '/tmp'"));
    process.up_time = 1000;
    assert_int_equal(state_of(&process, &verdict), TARGET_NO_SOCKET);
    assert_non_null(strstr(verdict.reason, "just started"));
    strcpy(process.folder, "/no/such/folder");
    assert_int_equal(state_of(&process, &verdict), TARGET_NO_SOCKET);
    assert_non_null(strstr(verdict.reason, "'/no/such/folder' does not exist"));
    memset(process.folder, 'x', 90);
    process.folder[0] = '/';
    process.folder[90] = '\0';
    assert_int_equal(state_of(&process, &verdict), TARGET_NO_SOCKET);
    assert_non_null(strstr(verdict.reason, "too long"));
}

static void other_users(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    process.uid = geteuid() + 1;
    strcpy(process.user, "www-data");
    process.limited = true;
    assert_int_equal(state_of(&process, &verdict), TARGET_OTHER_USER);
    if (geteuid() != 0) {
        assert_string_equal(verdict.note, "www-data");
        assert_string_equal(verdict.reason, "it belongs to user 'www-data'");
        assert_string_equal(verdict.hint, "run as www-data or as root");
    }
    process.limited = false;
    assert_int_equal(state_of(&process, &verdict),
                     geteuid() == 0 ? TARGET_READY : TARGET_OTHER_USER);
}

static void hot_reload_counts_before_an_agent(void **state)
{
    (void)state;
    struct target_verdict verdict;
    struct target_process process = fine_process();
    strcpy(process.hot_reload, "dotnet watch");
    strcpy(process.agent_socket, "rejig-1-1-socket");
    strcpy(process.agent_folder, "/tmp");
    process.slot = TARGET_SLOT_AGENT;
    assert_int_equal(state_of(&process, &verdict), TARGET_HOT_RELOAD);
}

static void verdicts_become_errors(void **state)
{
    (void)state;
    struct target_process process = fine_process();
    struct target_verdict verdict = {.state = TARGET_OTHER_USER,
                                     .reason = "it belongs to user 'www-data'",
                                     .hint = "run as www-data or as root"};
    struct error error;
    error_init(&error);
    process.pid = 7310;
    assert_int_equal(target_state_error(&process, &verdict, &error), STATUS_TARGET);
    assert_string_equal(error.message, "cannot attach to pid 7310: it belongs to user 'www-data'");
    assert_string_equal(error.hint, "run as www-data or as root");
}

static void every_state_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < TARGET_STATES; i++) {
        assert_non_null(target_state_name((enum target_state)i));
        assert_true(strlen(target_state_name((enum target_state)i)) <= 13);
    }
    assert_string_equal(target_state_name(TARGET_STATES), "unknown");
    assert_true(target_state_can_probe(TARGET_ASLEEP));
    assert_true(target_state_can_probe(TARGET_IN_USE));
    assert_false(target_state_can_probe(TARGET_MUTE));
}

static const struct target_check *check_with(const struct target_checks *checks, const char *text)
{
    for (size_t i = 0; i < checks->count; i++)
        if (strstr(checks->items[i].text, text) != NULL)
            return &checks->items[i];
    return NULL;
}

static void the_doctor_sees_that_we_are_not_dotnet(void **state)
{
    (void)state;
    struct target_process process;
    struct target_checks checks;
    assert_int_equal(target_process_read(getpid(), &process, NULL), STATUS_OK);
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_NOT_DOTNET);
    assert_int_equal(checks.count, 2);
    assert_int_equal(check_with(&checks, "same user")->answer, TARGET_CHECK_OK);
    assert_int_equal(check_with(&checks, "not a .NET process")->answer, TARGET_CHECK_NO);
}

static void the_doctor_goes_on_after_a_no(void **state)
{
    (void)state;
    struct target_process process = fine_process(), self;
    struct target_checks checks;
    assert_int_equal(target_process_read(getpid(), &self, NULL), STATUS_OK);
    process.pid = getpid();
    process.start = self.start;
    strcpy(process.off, "DOTNET_EnableDiagnostics=0");
    process.off_socket = true;
    process.socket[0] = '\0';
    process.slot = TARGET_SLOT_OTHER;
    process.profiler_at_start = true;
    strcpy(process.profiler, "/x/other.so");
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_TAKEN);
    assert_int_equal(check_with(&checks, "switched off by DOTNET_Enable")->answer, TARGET_CHECK_NO);
    assert_int_equal(check_with(&checks, "no diagnostics socket")->answer, TARGET_CHECK_NO);
    const struct target_check *slot = check_with(&checks, "profiler slot");
    assert_string_equal(slot->text, "profiler slot: taken at start by /x/other.so");
    assert_true(slot->hint[0] != '\0');
    assert_int_equal(check_with(&checks, "no hot reload")->answer, TARGET_CHECK_OK);
}

static void the_doctor_of_a_dead_process(void **state)
{
    (void)state;
    struct target_process process = fine_process();
    struct target_checks checks;
    target_check_all(&process, &checks);
    assert_int_equal(checks.verdict.state, TARGET_ENDED);
    assert_int_equal(checks.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_against_it),
        cmocka_unit_test(each_reason_by_itself),
        cmocka_unit_test(a_taken_slot_names_its_file),
        cmocka_unit_test(why_there_is_no_socket),
        cmocka_unit_test(other_users),
        cmocka_unit_test(hot_reload_counts_before_an_agent),
        cmocka_unit_test(verdicts_become_errors),
        cmocka_unit_test(every_state_has_a_name),
        cmocka_unit_test(the_doctor_sees_that_we_are_not_dotnet),
        cmocka_unit_test(the_doctor_goes_on_after_a_no),
        cmocka_unit_test(the_doctor_of_a_dead_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
