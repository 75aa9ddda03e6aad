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

#include "target_find.h"

static struct target_process items[6];
static const struct target_list all = {.items = items, .count = 6};

static void add(int index, int pid, const char *comm, const char *file, const char *assembly)
{
    struct target_process *item = &items[index];
    item->pid = pid;
    item->kind = TARGET_KIND_CORECLR;
    snprintf(item->comm, sizeof item->comm, "%s", comm);
    snprintf(item->file, sizeof item->file, "%s", file);
    snprintf(item->assembly, sizeof item->assembly, "%s", assembly);
    snprintf(item->name, sizeof item->name, "%s", assembly);
    snprintf(item->command, sizeof item->command, "%s --of %d", file, pid);
}

static int set_up(void **state)
{
    (void)state;
    add(0, 10, "dotnet", "dotnet", "Shop");
    add(1, 11, "Billing", "Billing", "Billing");
    add(2, 12, "dotnet", "dotnet", "Reports");
    add(3, 13, "dotnet", "dotnet", "Reports");
    add(4, 14, ".NET Worker", "worker", "Worker");
    add(5, 15, "shop", "shop", "shop");
    return 0;
}

static enum status find(const char *name, int *pid, struct error *error)
{
    struct target_process process = {0};
    enum status status = target_find_among(&all, name, &process, NULL, error);
    *pid = process.pid;
    return status;
}

static void names_of_all_kinds(void **state)
{
    (void)state;
    int pid;
    assert_int_equal(find("Shop", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 10);
    assert_int_equal(find("Billing", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 11);
    assert_int_equal(find("worker", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 14);
    assert_int_equal(find(".NET Worker", &pid, NULL), STATUS_OK);
    assert_int_equal(find("Billing.dll", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 11);
}

static void case_counts_unless_nothing_matches(void **state)
{
    (void)state;
    int pid;
    assert_int_equal(find("shop", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 15);
    assert_int_equal(find("BILLING", &pid, NULL), STATUS_OK);
    assert_int_equal(pid, 11);
    assert_int_equal(find("SHOP", &pid, NULL), STATUS_USAGE);
}

static void several_are_listed(void **state)
{
    (void)state;
    struct error error;
    struct target_process process;
    struct target_list matches;
    error_init(&error);
    assert_int_equal(target_find_among(&all, "Reports", &process, &matches, &error), STATUS_USAGE);
    assert_int_equal(matches.count, 2);
    assert_int_equal(matches.items[0].pid, 12);
    assert_int_equal(matches.items[1].pid, 13);
    assert_non_null(strstr(error.message, "2 processes are called 'Reports'"));
    assert_non_null(strstr(error.message, "12  dotnet --of 12"));
    assert_non_null(strstr(error.message, "13  dotnet --of 13"));
    target_list_release(&matches);
    assert_int_equal(target_find_among(&all, "dotnet", &process, &matches, &error), STATUS_USAGE);
    assert_int_equal(matches.count, 3);
    target_list_release(&matches);
}

static void the_nearest_are_hinted(void **state)
{
    (void)state;
    struct error error;
    int pid;
    error_init(&error);
    assert_int_equal(find("Biling", &pid, &error), STATUS_TARGET);
    assert_string_equal(error.message, "no .NET process is called 'Biling'");
    assert_string_equal(error.hint, "nearest: Billing (pid 11)");
    assert_int_equal(find("Zanzibar.Frontend", &pid, &error), STATUS_TARGET);
    assert_non_null(strstr(error.hint, "rejig ps"));
    const struct target_list none = {0};
    struct target_process process;
    assert_int_equal(target_find_among(&none, "x", &process, NULL, &error), STATUS_TARGET);
    assert_non_null(strstr(error.hint, "no .NET process is running"));
}

static void the_dead_have_no_name(void **state)
{
    (void)state;
    int pid;
    items[1].run = TARGET_RUN_ZOMBIE;
    assert_int_equal(find("Billing", &pid, NULL), STATUS_TARGET);
    items[1].run = TARGET_RUN_RUNNING;
}

static void pids_as_words(void **state)
{
    (void)state;
    struct target_process process;
    struct error error;
    char self[16], parent[16];
    error_init(&error);
    assert_int_equal(target_find("0", &process, NULL, &error), STATUS_USAGE);
    assert_int_equal(target_find("99999999999999999999999", &process, NULL, &error), STATUS_USAGE);
    assert_int_equal(target_find("999999999999", &process, NULL, &error), STATUS_TARGET);
    assert_int_equal(target_find("2147483647", &process, NULL, &error), STATUS_TARGET);
    assert_string_equal(error.message, "there is no process with pid 2147483647");
    assert_int_equal(target_find_pid("12x", &process, &error), STATUS_USAGE);
    assert_int_equal(target_find("", &process, NULL, &error), STATUS_USAGE);
    snprintf(self, sizeof self, "%d", (int)getpid());
    assert_int_equal(target_find(self, &process, NULL, &error), STATUS_TARGET);
    snprintf(parent, sizeof parent, "%d", (int)getppid());
    if (getppid() > 1) {
        assert_int_equal(target_find(parent, &process, NULL, &error), STATUS_OK);
        assert_int_equal(process.pid, getppid());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_all_kinds),
        cmocka_unit_test(case_counts_unless_nothing_matches),
        cmocka_unit_test(several_are_listed),
        cmocka_unit_test(the_nearest_are_hinted),
        cmocka_unit_test(the_dead_have_no_name),
        cmocka_unit_test(pids_as_words),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
