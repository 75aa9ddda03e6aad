// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_clock.h"
#include "target_start.h"
#include "wire_record.h"

/* Any file serves as "the agent": no runtime loads it here. */
static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"CORECLR_ENABLE_PROFILING", "DOTNET_EnableDiagnostics",
                                        "DOTNET_EnableDiagnostics_Profiler", "TMPDIR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("PATH", "/usr/bin:/bin", 1); /* folders that everybody may search */
    return setenv("REJIG_AGENT", "/bin/sh", 1);
}

static enum status start(const char *script, struct target_started *started, int *code,
                         struct error *error)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    char *copy = strdup(script);
    char *const arguments[] = {shell, option, copy, NULL};
    enum status status = target_start(arguments, NULL, started, code, error);
    free(copy);
    return status;
}

static int code_of(const char *script)
{
    struct target_started started;
    int code;
    assert_int_equal(start(script, &started, &code, NULL), STATUS_OK);
    assert_true(target_start_wait(&started, -1));
    assert_true(target_start_wait(&started, 0));
    target_start_release(&started);
    return started.code;
}

static void exit_codes(void **state)
{
    (void)state;
    assert_int_equal(code_of("exit 0"), 0);
    assert_int_equal(code_of("exit 7"), 7);
    assert_int_equal(code_of("kill -TERM $$"), 128 + SIGTERM);
    assert_int_equal(code_of("kill -KILL $$"), 128 + SIGKILL);
}

static void what_cannot_be_started(void **state)
{
    (void)state;
    static char name[] = "no-such-program-of-rejig", folder[] = "/tmp";
    char *const missing[] = {name, NULL}, *const not_a_program[] = {folder, NULL};
    struct target_started started;
    struct error error;
    int code;
    error_init(&error);
    assert_int_equal(target_start(missing, NULL, &started, &code, &error), STATUS_NOT_FOUND);
    assert_int_equal(code, 127);
    assert_string_equal(error.message, "'no-such-program-of-rejig' cannot be started: there is no "
                                       "such program");
    assert_int_equal(target_start(not_a_program, NULL, &started, &code, &error), STATUS_NOT_FOUND);
    assert_int_equal(code, 127);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
}

static void environments_that_speak_against_it(void **state)
{
    (void)state;
    struct target_started started;
    struct error error;
    int code;
    error_init(&error);
    setenv("CORECLR_ENABLE_PROFILING", "1", 1);
    setenv("CORECLR_PROFILER_PATH", "/opt/other.so", 1);
    assert_int_equal(start("exit 0", &started, &code, &error), STATUS_UNSUPPORTED);
    assert_int_equal(code, 125);
    assert_non_null(strstr(error.message, "/opt/other.so"));
    unsetenv("CORECLR_ENABLE_PROFILING");
    unsetenv("CORECLR_PROFILER_PATH");
    setenv("DOTNET_EnableDiagnostics_Profiler", "0", 1);
    assert_int_equal(start("exit 0", &started, &code, &error), STATUS_UNSUPPORTED);
    unsetenv("DOTNET_EnableDiagnostics_Profiler");
    setenv("REJIG_AGENT", "/no/such/agent.so", 1);
    assert_int_equal(start("exit 0", &started, &code, &error), STATUS_NOT_FOUND);
    assert_int_equal(code, 125);
    setenv("REJIG_AGENT", "/bin/sh", 1);
    assert_int_equal(start("exit 0", &started, &code, &error), STATUS_OK);
    assert_true(target_start_wait(&started, -1));
    target_start_release(&started);
}

static void the_variables_of_the_program(void **state)
{
    (void)state;
    char path[] = "/tmp/rejig-start-XXXXXX", text[4096], script[256];
    close(mkstemp(path));
    snprintf(script, sizeof script,
             "echo $$ $CORECLR_ENABLE_PROFILING $CORECLR_PROFILER $CORECLR_PROFILER_PATH_64 "
             "$REJIG_START >%s",
             path);
    setenv("REJIG_START", "an old one", 1);
    assert_int_equal(code_of(script), 0);
    unsetenv("REJIG_START");
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    unlink(path);
    int pid;
    char enabled[8], clsid[64], agent[64], hex[512];
    assert_int_equal(sscanf(text, "%d %7s %63s %63s %511s", &pid, enabled, clsid, agent, hex), 5);
    assert_string_equal(enabled, "1");
    assert_string_equal(clsid, WIRE_AGENT_CLSID_TEXT);
    struct wire_client_data data;
    assert_int_equal(wire_start_get(hex, &data, NULL), STATUS_OK);
    assert_int_equal(data.pid, pid);
    assert_int_equal(data.parent, getpid());
    assert_int_equal(data.mode, WIRE_ATTACH_PROBE);
    assert_string_equal(data.directory, "/tmp");
    assert_true(data.deadline > clock_boottime());
}

static void the_folder_of_the_socket(void **state)
{
    (void)state;
    struct target_started started;
    int code;
    setenv("TMPDIR", "/dev/shm", 1);
    assert_int_equal(start("exit 0", &started, &code, NULL), STATUS_OK);
    assert_string_equal(started.folder, "/dev/shm");
    assert_true(target_start_wait(&started, -1));
    target_start_release(&started);
    setenv("TMPDIR", "/no/such/folder", 1);
    assert_int_equal(start("exit 0", &started, &code, NULL), STATUS_OK);
    assert_string_equal(started.folder, "/tmp");
    assert_true(target_start_wait(&started, -1));
    target_start_release(&started);
    unsetenv("TMPDIR");
}

static void signals_are_as_they_were(void **state)
{
    (void)state;
    static char shell[] = "/bin/sh", option[] = "-c", script[] = "kill -INT $$; exit 9";
    char *const arguments[] = {shell, option, script, NULL};
    struct target_signals signals;
    struct target_started started;
    int code;
    target_signals_remember(&signals);
    void (*before)(int) = signal(SIGINT, SIG_IGN); /* the CLI's own business */
    assert_int_equal(target_start(arguments, &signals, &started, &code, NULL), STATUS_OK);
    assert_true(target_start_wait(&started, -1));
    assert_int_equal(started.code, 128 + SIGINT);
    target_start_release(&started);
    target_signals_remember(&signals); /* as under nohup: ignored from the beginning */
    assert_int_equal(target_start(arguments, &signals, &started, &code, NULL), STATUS_OK);
    assert_true(target_start_wait(&started, -1));
    assert_int_equal(started.code, 9);
    target_start_release(&started);
    signal(SIGINT, before);
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    struct target_started started;
    int code;
    assert_int_equal(start("exec sleep 60", &started, &code, NULL), STATUS_OK);
    uint64_t begun = clock_monotonic();
    assert_false(target_start_wait(&started, 30));
    assert_true(clock_monotonic() - begun >= 30 * 1000000ull);
    kill(started.pid, SIGKILL);
    assert_true(target_start_wait(&started, -1));
    assert_int_equal(started.code, 128 + SIGKILL);
    target_start_release(&started);
}

static void a_program_without_a_runtime(void **state)
{
    (void)state;
    struct target_started started;
    struct target_link link;
    struct error error;
    int code;
    error_init(&error);
    assert_int_equal(start("exit 3", &started, &code, NULL), STATUS_OK);
    assert_int_equal(target_start_link(&started, NULL, &link, &error), STATUS_NOT_FOUND);
    assert_true(started.ended);
    assert_int_equal(started.code, 3);
    assert_int_equal(link.fd, -1);
    target_start_release(&started);

    volatile sig_atomic_t stop = 1;
    assert_int_equal(start("exec sleep 60", &started, &code, NULL), STATUS_OK);
    assert_int_equal(target_start_link(&started, &stop, &link, &error), STATUS_LIMIT);
    stop = 0;
    started.deadline = clock_monotonic() + 20 * 1000000;
    assert_int_equal(target_start_link(&started, &stop, &link, &error), STATUS_TIMEOUT);
    assert_false(started.ended); /* it runs on */
    kill(started.pid, SIGKILL);
    assert_true(target_start_wait(&started, -1));
    target_start_release(&started);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(what_cannot_be_started),
        cmocka_unit_test(environments_that_speak_against_it),
        cmocka_unit_test(the_variables_of_the_program),
        cmocka_unit_test(the_folder_of_the_socket),
        cmocka_unit_test(signals_are_as_they_were),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(a_program_without_a_runtime),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
