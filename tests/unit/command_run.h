/*
 * The CLI in a child of the test, a fake agent (command_fake_agent.h) beside it: what it prints
 * and its exit code. Included after cmocka.h.
 */
#ifndef COMMAND_RUN_H
#define COMMAND_RUN_H

#include "command_context.h"
#include "command_fake_agent.h"

#define RUN_UNUSED    __attribute__((unused))
#define MAX_ARGUMENTS 24

struct run {
    int code;
    char out[1 << 16];
    char err[1 << 17];
};

RUN_UNUSED static void read_back(FILE *file, char *to, size_t size)
{
    rewind(file);
    size_t length = fread(to, 1, size - 1, file);
    to[length] = '\0';
    fclose(file);
}

/* Runs rejig in a child, its output in files; `signal_after_ms` 0: none. */
RUN_UNUSED static pid_t start_rejig(const char *const *words, FILE *out, FILE *err)
{
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[MAX_ARGUMENTS + 2] = {(char *)"rejig"};
        int argc = 1;
        for (; words[argc - 1] && argc <= MAX_ARGUMENTS; argc++)
            argv[argc] = strdup(words[argc - 1]);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        _exit(command_main(argc, argv));
    }
    return pid;
}

RUN_UNUSED static void run_rejig(struct run *run, const char *const *words, int stop_after_ms,
                                 int signal)
{
    FILE *out = tmpfile(), *err = tmpfile();
    int status;
    pid_t pid = start_rejig(words, out, err);
    if (stop_after_ms) {
        poll(NULL, 0, stop_after_ms);
        kill(pid, signal);
    }
    waitpid(pid, &status, 0);
    run->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_back(out, run->out, sizeof run->out);
    read_back(err, run->err, sizeof run->err);
    if (strstr(run->err, "runtime error:") || strstr(run->err, "Sanitizer"))
        fail_msg("%s", run->err);
}

RUN_UNUSED static void end_fake(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(fake_path);
}

RUN_UNUSED static void pid_text(char *to, pid_t pid)
{
    snprintf(to, 16, "%d", (int)pid);
}

RUN_UNUSED static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

#endif
