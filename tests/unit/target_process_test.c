// uses: target wire clr base
/* Real processes of this test's own: children that sleep, stop, die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "target_process.h"
#include "target_state.h"

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return pid;
}

static void finish(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static enum target_run run_of(pid_t pid)
{
    struct target_process process;
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    return process.run;
}

/* The kernel changes the state a moment after the signal. */
static bool becomes(pid_t pid, enum target_run run)
{
    for (int i = 0; i < 1000; i++) {
        if (run_of(pid) == run)
            return true;
        usleep(1000);
    }
    return false;
}

static void a_plain_child(void **state)
{
    (void)state;
    struct target_process process;
    pid_t pid = sleeper();
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_int_equal(process.pid, pid);
    assert_int_equal(process.parent, getpid());
    assert_int_equal(process.uid, geteuid());
    assert_int_equal(process.kind, TARGET_KIND_OTHER);
    assert_false(process.container);
    assert_false(target_process_is_dotnet(&process));
    assert_string_equal(process.comm, "target_process_");
    assert_string_equal(process.file, "target_process_test");
    assert_string_equal(process.name, "target_process_test");
    assert_true(process.up_time < 60 * 1000000000ull);
    assert_true(process.start > 0);
    finish(pid);
}

static void states_of_a_process(void **state)
{
    (void)state;
    struct target_process process;
    struct target_verdict verdict;
    pid_t pid = sleeper();
    assert_true(becomes(pid, TARGET_RUN_RUNNING));
    kill(pid, SIGSTOP);
    assert_true(becomes(pid, TARGET_RUN_STOPPED));
    kill(pid, SIGCONT);
    assert_true(becomes(pid, TARGET_RUN_RUNNING));
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
        waitpid(pid, NULL, 0);
        assert_true(becomes(pid, TARGET_RUN_TRACED));
        ptrace(PTRACE_DETACH, pid, 0, 0);
    }
    kill(pid, SIGKILL);
    assert_true(becomes(pid, TARGET_RUN_ZOMBIE));
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    target_state_of(&process, &verdict);
    assert_int_equal(verdict.state, TARGET_ENDED);
    waitpid(pid, NULL, 0);
    struct error error;
    error_init(&error);
    assert_int_equal(target_process_read(pid, &process, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "there is no process with pid"));
}

static void a_hold_outlives_the_pid(void **state)
{
    (void)state;
    struct target_hold hold;
    struct target_stat stat;
    struct target_process process;
    pid_t pid = sleeper();
    assert_int_equal(target_hold_open(&hold, pid, NULL), STATUS_OK);
    assert_int_equal(target_process_read_held(&hold, &process, NULL), STATUS_OK);
    assert_false(target_hold_ended(&hold));
    finish(pid);
    assert_true(target_hold_ended(&hold));
    assert_int_equal(target_hold_state(&hold, &stat, NULL), STATUS_TARGET);
    assert_int_equal(target_process_read_held(&hold, &process, NULL), STATUS_TARGET);
    target_hold_close(&hold);
    target_hold_close(&hold); /* harmless */
}

static void another_process_with_the_same_pid(void **state)
{
    (void)state;
    struct target_process process;
    struct target_hold hold;
    struct error error;
    error_init(&error);
    pid_t pid = sleeper();
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_int_equal(target_process_hold(&process, &hold, NULL), STATUS_OK);
    target_hold_close(&hold);
    process.start--; /* as if the picture were of an earlier owner of the pid */
    assert_int_equal(target_process_hold(&process, &hold, &error), STATUS_TARGET);
    assert_non_null(strstr(error.message, "has ended"));
    finish(pid);
}

static void what_is_no_process(void **state)
{
    (void)state;
    struct target_hold hold;
    assert_int_equal(target_hold_open(&hold, 0, NULL), STATUS_TARGET);
    assert_int_equal(target_hold_open(&hold, -5, NULL), STATUS_TARGET);
    assert_int_equal(target_hold_open(&hold, 0x7fffffff, NULL), STATUS_TARGET);
}

static void reading_is_bounded(void **state)
{
    (void)state;
    struct target_hold hold;
    struct buffer text;
    buffer_init(&text, 0);
    assert_int_equal(target_hold_open(&hold, getpid(), NULL), STATUS_OK);
    assert_int_equal(target_hold_read(&hold, "maps", 100, &text, NULL), STATUS_OK);
    assert_int_equal(text.length, 100);
    assert_int_equal(target_hold_read(&hold, "no-such-file", 100, &text, NULL), STATUS_NOT_FOUND);
    target_hold_close(&hold);
    buffer_release(&text);
}

/* A child that replaces itself by a program whose environment is `variable`. */
static pid_t with_variable(const char *variable)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        char copy[512];
        snprintf(copy, sizeof copy, "%s", variable);
        char *const variables[] = {copy, NULL};
        static char sleep_name[] = "sleep", sleep_time[] = "60";
        char *const arguments[] = {sleep_name, sleep_time, NULL};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execve("/bin/sleep", arguments, variables);
        _exit(1);
    }
    char byte;
    close(ends[1]);
    ssize_t ignored = read(ends[0], &byte, 1); /* ends with the exec */
    (void)ignored;
    close(ends[0]);
    return pid;
}

static void settings_from_the_environment(void **state)
{
    (void)state;
    struct target_process process;
    pid_t pid = with_variable("DOTNET_EnableDiagnostics_IPC=0");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.off, "DOTNET_EnableDiagnostics_IPC=0");
    assert_true(process.off_socket);
    finish(pid);
    pid = with_variable("COMPlus_EnableDiagnostics_Profiler=0x0");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.off, "COMPlus_EnableDiagnostics_Profiler=0x0");
    assert_false(process.off_socket);
    finish(pid);
    pid = with_variable("DOTNET_MODIFIABLE_ASSEMBLIES=Debug");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.hot_reload, "DOTNET_MODIFIABLE_ASSEMBLIES=debug");
    finish(pid);
    pid = with_variable("DOTNET_ProfApi_RejitOnAttach=0");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.rejit_off, "DOTNET_ProfApi_RejitOnAttach=0");
    finish(pid);
    pid = with_variable("TMPDIR=/somewhere/else");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.folder, "/somewhere/else");
    assert_true(process.folder_set);
    assert_string_equal(process.off, "");
    assert_string_equal(process.hot_reload, "");
    finish(pid);
    char expected[1024];
    assert_non_null(getcwd(expected, sizeof expected - 20));
    strcat(expected, "/here/or");
    pid = with_variable("TMPDIR=here/or");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.folder, expected);
    finish(pid);
    pid = with_variable("TMPDIR=");
    assert_int_equal(target_process_read(pid, &process, NULL), STATUS_OK);
    assert_string_equal(process.folder, "/tmp");
    assert_false(process.folder_set);
    finish(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_child),
        cmocka_unit_test(states_of_a_process),
        cmocka_unit_test(a_hold_outlives_the_pid),
        cmocka_unit_test(another_process_with_the_same_pid),
        cmocka_unit_test(what_is_no_process),
        cmocka_unit_test(reading_is_bounded),
        cmocka_unit_test(settings_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
