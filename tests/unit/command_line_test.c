// uses: command script output target metadata wire clr
// sanitize: address,undefined
/* Command lines: who is the target, what is an option, what is refused; and the pages made from
 * the same table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command_help.h"
#include "command_line.h"
#include "command_plan.h"

static struct command_line line;
static struct error error;

static enum status parse(const char *const *words)
{
    static char copies[24][256];
    static char *argv[26];
    int argc = 1;
    argv[0] = copies[0];
    strcpy(copies[0], "rejig");
    for (; words[argc - 1]; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    error_init(&error);
    return command_line_parse(argc, argv, &line, &error);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void test_targets(void **state)
{
    (void)state;
    assert_int_equal(PARSE("watch", "4711", "A.B", "x, y"), STATUS_OK);
    assert_string_equal(line.target, "4711");
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.arguments[0], "A.B");
    assert_string_equal(line.arguments[1], "x, y");
    assert_int_equal(PARSE("watch", "-p", "4711", "A.B"), STATUS_OK);
    assert_null(line.target);
    assert_string_equal(line.values[OPTION_PROCESS_ID], "4711");
    assert_string_equal(line.arguments[0], "A.B");
    assert_int_equal(PARSE("watch", "A.B", "--name=Shop"), STATUS_OK);
    assert_string_equal(line.values[OPTION_NAME], "Shop");
    assert_int_equal(line.argument_count, 1);
    assert_int_equal(PARSE("status"), STATUS_OK);
    assert_null(line.target);
    assert_int_equal(PARSE("status", "Shop"), STATUS_OK);
    assert_string_equal(line.target, "Shop");
}

static void test_program(void **state)
{
    (void)state;
    assert_int_equal(
        PARSE("watch", "A.B", "x", "--limit", "3", "--", "dotnet", "app.dll", "--if", "--", "-p"),
        STATUS_OK);
    assert_null(line.target);
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.values[OPTION_LIMIT], "3");
    assert_null(line.values[OPTION_IF]);
    assert_string_equal(line.program[0], "dotnet");
    assert_string_equal(line.program[2], "--if");
    assert_string_equal(line.program[3], "--");
    assert_string_equal(line.program[4], "-p");
    assert_null(line.program[5]);
    assert_int_equal(PARSE("watch", "A.B", "--"), STATUS_USAGE);
    assert_int_equal(PARSE("ps", "--", "x"), STATUS_USAGE);
    assert_string_equal(error.message, "rejig ps starts no program");
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("watch", "--if", "x > 1", "4711", "--json", "A.B", "-l", "5", "-d30s",
                           "--also", "C.D", "--also=E.F", "--values=-x"),
                     STATUS_OK);
    assert_string_equal(line.target, "4711");
    assert_string_equal(line.values[OPTION_IF], "x > 1");
    assert_string_equal(line.values[OPTION_LIMIT], "5");
    assert_string_equal(line.values[OPTION_DURATION], "30s");
    assert_string_equal(line.values[OPTION_VALUES], "-x");
    assert_true(command_has(&line, OPTION_JSON));
    assert_int_equal(line.also_count, 2);
    assert_string_equal(line.also[1], "E.F");
    uint64_t ns = 0, limit = 0;
    assert_int_equal(command_duration(&line, OPTION_DURATION, &ns, &error), STATUS_OK);
    assert_int_equal(ns, 30000000000);
    assert_int_equal(command_number(&line, OPTION_LIMIT, 1, 10, &limit, &error), STATUS_OK);
    assert_int_equal(limit, 5);
    assert_int_equal(command_number(&line, OPTION_LIMIT, 6, 10, &limit, &error), STATUS_USAGE);
    assert_int_equal(PARSE("watch", "1", "x", "--limit", "-5"), STATUS_OK);
    assert_int_equal(command_number(&line, OPTION_LIMIT, 1, 10, &limit, &error), STATUS_USAGE);
    assert_string_equal(line.whole, "rejig watch 1 x --limit -5");
}

static void expect_usage(const char *message, const char *hint)
{
    assert_string_equal(error.message, message);
    assert_string_equal(error.hint, hint);
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("wach"), STATUS_USAGE);
    expect_usage("'wach' is not a command", "did you mean 'rejig watch'?");
    assert_int_equal(PARSE("frobnicate"), STATUS_USAGE);
    expect_usage("'frobnicate' is not a command", "rejig help lists the commands");
    assert_int_equal(PARSE("watch"), STATUS_USAGE);
    assert_int_equal(PARSE("watch", "-p", "1", "-n", "x", "A.B"), STATUS_USAGE);
    expect_usage("the target is given twice: by -p and by -n",
                 "TARGET as the first word, or -p, or -n, or -- PROGRAM");
    assert_int_equal(PARSE("watch", "-p", "1", "A.B", "--", "x"), STATUS_USAGE);
    assert_int_equal(PARSE("watch", "-n", "x", "A.B", "--", "x"), STATUS_USAGE);
    assert_int_equal(PARSE("watch", "4711", "A.B", "--", "x"), STATUS_USAGE);
    expect_usage("the target is given twice: by 4711 and by -- PROGRAM",
                 "TARGET as the first word, or -p, or -n, or -- PROGRAM");
    assert_int_equal(PARSE("watch", "1", "x", "--frob"), STATUS_USAGE);
    expect_usage("rejig watch has no option '--frob'", "rejig watch --help lists them");
    assert_int_equal(PARSE("watch", "1", "x", "-z"), STATUS_USAGE);
    expect_usage("rejig watch has no option '-z'", "rejig watch --help lists them");
    assert_int_equal(PARSE("watch", "1", "x", "--limit"), STATUS_USAGE);
    expect_usage("'--limit' needs an argument", "rejig watch --help lists them");
    assert_int_equal(PARSE("watch", "1", "x", "--json=3"), STATUS_USAGE);
    expect_usage("'--json=3' takes no argument", "rejig watch --help lists them");
    assert_int_equal(PARSE("ps", "--limit", "3"), STATUS_USAGE); /* an option of others */
    assert_int_equal(PARSE("count", "1", "x", "--if", "y"), STATUS_USAGE);
}

static void test_help_words(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    assert_int_equal(parse(none), STATUS_OK);
    assert_int_equal(line.id, COMMAND_HELP);
    assert_int_equal(PARSE("--help"), STATUS_OK);
    assert_int_equal(line.id, COMMAND_HELP);
    assert_int_equal(PARSE("-V"), STATUS_OK);
    assert_int_equal(line.id, COMMAND_VERSION);
    assert_int_equal(PARSE("watch", "--help"), STATUS_OK); /* without a target */
    assert_true(line.help);
    assert_int_equal(PARSE("help", "watch"), STATUS_OK);
    assert_string_equal(line.arguments[0], "watch");
}

/* ---- plans ---- */

static enum status plan_of(struct plan *plan, struct arena *arena)
{
    struct command_context context = {.line = &line};
    error_init(&error);
    arena_init(arena, 0);
    return line.id == COMMAND_COUNT ? command_plan_count(&context, arena, plan, &error)
                                    : command_plan_watch(&context, arena, plan, &error);
}

static void test_plan(void **state)
{
    (void)state;
    struct arena arena;
    struct plan plan;
    PARSE("watch", "1", "A.B", "order.Id", "--also", "C.D", "--if", "x > 1", "--on", "throw",
          "--depth", "3", "--max-items", "5", "--ring-size", "64", "--wait");
    assert_int_equal(plan_of(&plan, &arena), STATUS_OK);
    assert_int_equal(plan.probe_count, 2);
    assert_string_equal(plan.probes[1].pattern, "C.D");
    assert_int_equal(plan.probes[1].value_count, 1);
    assert_int_equal(plan.probes[1].node_count, 1);
    assert_int_equal(plan.probes[0].moment, PLAN_ON_THROW);
    assert_int_equal(plan.probes[0].action, PLAN_WATCH);
    assert_false(plan.probes[0].show_all);
    assert_int_equal(plan.depth, 3);
    assert_int_equal(plan.max_items, 5);
    assert_int_equal(plan.ring_bytes, 64u << 20);
    assert_true(plan.allow_empty);
    arena_release(&arena);
    PARSE("watch", "1", "A.B");
    assert_int_equal(plan_of(&plan, &arena), STATUS_OK);
    assert_true(plan.probes[0].show_all);
    assert_false(plan.allow_empty);
    arena_release(&arena);
    PARSE("count", "1", "A.B", "C.*");
    assert_int_equal(plan_of(&plan, &arena), STATUS_OK);
    assert_int_equal(plan.probe_count, 2);
    assert_int_equal(plan.probes[1].action, PLAN_COUNT);
    arena_release(&arena);
    PARSE("watch", "A.B", "--", "x");
    assert_int_equal(plan_of(&plan, &arena), STATUS_OK);
    assert_true(plan.allow_empty);
    arena_release(&arena);
}

static void expect_bad_plan(const char *part)
{
    struct arena arena;
    struct plan plan;
    assert_int_equal(plan_of(&plan, &arena), STATUS_USAGE);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    arena_release(&arena);
}

static void test_bad_plans(void **state)
{
    (void)state;
    PARSE("watch", "1");
    expect_bad_plan("needs a pattern");
    PARSE("watch", "1", "A.B", "x", "y");
    expect_bad_plan("'y' is one word too many");
    PARSE("watch", "1", "A.B", "x", "--values", "y");
    expect_bad_plan("VALUES are given twice");
    PARSE("watch", "1", "A.B", "--on", "leave");
    expect_bad_plan("enter, return or throw");
    PARSE("watch", "1", "A.B", "ret", "--on", "enter");
    expect_bad_plan("'ret' is not known yet");
    PARSE("watch", "1", "A.B", "--if", "elapsed > 5ms", "--on=enter");
    expect_bad_plan("'elapsed' is not known yet");
    PARSE("watch", "1", "A.B", "--depth", "17");
    expect_bad_plan("a number from 0 to 16");
    PARSE("watch", "1", "A.B", "--max-bytes", "9000");
    expect_bad_plan("a number from 512 to 8192");
    PARSE("watch", "1", "A.B", "--max-bytes", "511");
    expect_bad_plan("a number from 512 to 8192");
    PARSE("watch", "1", "A.B", "x..y");
    expect_bad_plan("a name is expected");
    PARSE("watch", "1", "A.B", "--if", "x >");
    expect_bad_plan("ends too early");
}

/* ---- pages ---- */

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void test_pages(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    help_overview(&out);
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        assert_true(count_of(buffer_text(&out), command_rows[i].name) >= 1);
    buffer_clear(&out);
    help_man(&out, "9.9");
    assert_non_null(strstr(buffer_text(&out), ".TH REJIG 1 \"\" \"rejig 9.9\""));
    assert_int_equal(count_of(buffer_text(&out), "\n.SS rejig "), COMMAND_COUNT_OF);
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        struct buffer page;
        buffer_init(&page, 0);
        help_command(&page, &command_rows[i]);
        for (size_t j = 0; command_rows[i].options[j] != OPTION_NONE; j++) {
            char option[64];
            snprintf(option, sizeof option, "--%s", option_rows[command_rows[i].options[j]].name);
            assert_int_equal(count_of(buffer_text(&page), option) >= 1, 1);
        }
        char *text = strdup(buffer_text(&page));
        for (char *row = strtok(text, "\n"); row; row = strtok(NULL, "\n"))
            assert_true(strlen(row) <= 80);
        free(text);
        buffer_release(&page);
    }
    buffer_clear(&out);
    help_bash(&out);
    help_zsh(&out);
    help_fish(&out);
    for (size_t i = 1; i < OPTION_COUNT; i++)
        if (i != OPTION_HELP && i != OPTION_VERSION)
            assert_true(count_of(buffer_text(&out), option_rows[i].name) >= 3);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),    cmocka_unit_test(test_program),
        cmocka_unit_test(test_options),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_help_words), cmocka_unit_test(test_plan),
        cmocka_unit_test(test_bad_plans),  cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
