// uses: target base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "target_parse.h"

#define TEXT(text) (text), sizeof(text) - 1

static const char plain_stat[] =
    "7913 (dotnet) S 1 7910 2296 0 -1 4194304 1663 0 3 0 3 0 0 0 20 0 8 0 169369 53749485568 7511 "
    "18446744073709551615 94439375764400 94439375807920 140736384726464 0 0 0 0 4102 148728\n";

static void stat_of_a_plain_process(void **state)
{
    (void)state;
    struct target_stat stat;
    assert_true(target_parse_stat(TEXT(plain_stat), &stat));
    assert_string_equal(stat.comm, "dotnet");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.parent, 1);
    assert_int_equal(stat.start, 169369);
}

static void stat_with_a_spiteful_name(void **state)
{
    (void)state;
    static const char text[] = "12 (a) S 99 (b\n) t 5 7910 2296 0 -1 4194304 1663 0 3 0 3 0 0 0 20 "
                               "0 8 0 777 1 2\n";
    struct target_stat stat;
    assert_true(target_parse_stat(TEXT(text), &stat));
    assert_string_equal(stat.comm, "a) S 99 (b?");
    assert_int_equal(stat.state, 't');
    assert_int_equal(stat.parent, 5);
    assert_int_equal(stat.start, 777);
}

static void every_cut_of_stat_is_refused(void **state)
{
    (void)state;
    struct target_stat stat;
    size_t start = (size_t)(strstr(plain_stat, "169369") - plain_stat);
    for (size_t length = 0; length <= start; length++) {
        char *copy = malloc(length + 1); /* exact, so that a sanitizer sees a step too far */
        memcpy(copy, plain_stat, length);
        assert_false(target_parse_stat(copy, length, &stat));
        free(copy);
    }
    assert_false(target_parse_stat(TEXT("nonsense"), &stat));
    assert_false(target_parse_stat(TEXT("1 2)(x) S 1"), &stat));
}

static void status_ids_and_namespaces(void **state)
{
    (void)state;
    static const char text[] = "Name:\tShop\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\n"
                               "Ngid:\t0\nPid:\t4711\nPPid:\t1\nTracerPid:\t88\n"
                               "Uid:\t1000\t1001\t1000\t1000\nGid:\t100\t101\t100\t100\n"
                               "Groups:\t4 24 27 \nNStgid:\t4711\t12\t1\nNSpid:\t4711\t12\t1\n";
    struct target_status status;
    assert_true(target_parse_status(TEXT(text), &status));
    assert_int_equal(status.tgid, 4711);
    assert_int_equal(status.own_pid, 1);
    assert_int_equal(status.pid_depth, 3);
    assert_int_equal(status.uid, 1001);
    assert_int_equal(status.gid, 101);
    assert_int_equal(status.tracer, 88);
    assert_int_equal(status.group_count, 3);
    assert_int_equal(status.groups[2], 27);
}

static void status_of_an_old_kernel_and_cut_ones(void **state)
{
    (void)state;
    struct target_status status;
    assert_true(target_parse_status(TEXT("Tgid:\t5\nUid:\t1\t2\t3\t4\nGroups:\t\n"), &status));
    assert_int_equal(status.own_pid, 5);
    assert_int_equal(status.pid_depth, 1);
    assert_int_equal(status.group_count, 0);
    assert_false(target_parse_status(TEXT("Tgid:\t5\n"), &status));
    assert_false(target_parse_status(TEXT("Uid:\t1\t2\t3\t4\n"), &status));
    assert_false(target_parse_status(TEXT("Tgid:\t5\nUid:\t1\n"), &status));
    assert_false(target_parse_status(TEXT(""), &status));
}

static void more_groups_than_fit(void **state)
{
    (void)state;
    char text[4096] = "Tgid:\t5\nUid:\t1\t2\t3\t4\nGroups:\t";
    for (int i = 0; i < 200; i++)
        strcat(text, "9 ");
    struct target_status status;
    assert_true(target_parse_status(text, strlen(text), &status));
    assert_int_equal(status.group_count, TARGET_GROUPS_MAX);
}

static void maps_name_files(void **state)
{
    (void)state;
    static const char text[] =
        "5581-5582 r--p 00000000 fe:00 12 /usr/share/dotnet/dotnet\n"
        "7f00-7f01 rw-p 00000000 00:00 0 \n"
        "7f02-7f03 r-xp 00001000 fe:00 77                         /a b/libcoreclr.so (deleted)\n"
        "7f04-7f05 rw-p 00000000 00:00 0                          [heap]\n"
        "garbage\n"
        "7f06-7f07 r-xs 00000000 00:01 9 /with\\012line\\134x\n"
        "7f08-7f09 r-xp 00000000 00:01 9 /unfinished";
    struct target_mapping mapping;
    size_t cursor = 0;
    assert_true(target_parse_maps(TEXT(text), &cursor, &mapping));
    assert_string_equal(mapping.path, "/usr/share/dotnet/dotnet");
    assert_false(mapping.executable);
    assert_int_equal(mapping.device_major, 0xfe);
    assert_int_equal(mapping.inode, 12);
    assert_true(target_parse_maps(TEXT(text), &cursor, &mapping));
    assert_string_equal(mapping.path, "/a b/libcoreclr.so");
    assert_true(mapping.executable && mapping.deleted);
    assert_true(target_parse_maps(TEXT(text), &cursor, &mapping));
    assert_string_equal(mapping.path, "/with\nline\\x");
    assert_false(mapping.deleted);
    assert_true(target_parse_maps(TEXT(text), &cursor, &mapping));
    assert_string_equal(mapping.path, "/unfinished");
    assert_false(target_parse_maps(TEXT(text), &cursor, &mapping));
    assert_false(target_parse_maps(TEXT(text), &cursor, &mapping));
}

static void maps_pass_over_what_is_too_long(void **state)
{
    (void)state;
    char text[3000] = "7f02-7f03 r-xp 00001000 fe:00 77 /";
    memset(text + strlen(text), 'x', 2000);
    strcat(text, "\n7f02-7f03 r-xp 00001000 fe:00 78 /short\n"
                 "fffffffffffffffff-1 r-xp 00001000 fe:00 79 /overflow\n");
    struct target_mapping mapping;
    size_t cursor = 0;
    assert_true(target_parse_maps(text, strlen(text), &cursor, &mapping));
    assert_string_equal(mapping.path, "/short");
    assert_false(target_parse_maps(text, strlen(text), &cursor, &mapping));
}

static void versions_from_paths(void **state)
{
    (void)state;
    char version[32];
    assert_true(
        target_parse_version("/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so",
                             version, sizeof version));
    assert_string_equal(version, "10.0.12");
    assert_true(target_parse_version("/x/Microsoft.NETCore.App/11.0.0-rc.1/libcoreclr.so", version,
                                     sizeof version));
    assert_string_equal(version, "11.0.0-rc.1");
    assert_false(target_parse_version("/srv/Shop/libcoreclr.so", version, sizeof version));
    assert_false(target_parse_version("/libcoreclr.so", version, sizeof version));
    assert_false(target_parse_version("libcoreclr.so", version, sizeof version));
    assert_false(
        target_parse_version("/Microsoft.NETCore.App/x/libcoreclr.so", version, sizeof version));
    assert_false(target_parse_version("/Microsoft.NETCore.App/10.0.12/libcoreclr.so", version, 4));
}

static void environment_of_a_process(void **state)
{
    (void)state;
    static const char block[] = "PATH=/bin\0TMPDIR=/a\0TMPDIR=/b\0EMPTY=\0TMPDIRX=no\0UNFINISHED=1";
    size_t length = sizeof block - 1;
    assert_string_equal(target_parse_environment(block, length, "TMPDIR"), "/a");
    assert_string_equal(target_parse_environment(block, length, "EMPTY"), "");
    assert_null(target_parse_environment(block, length, "TMP"));
    assert_null(target_parse_environment(block, length, "UNFINISHED"));
    assert_string_equal(target_parse_environment(block, length + 1, "UNFINISHED"), "1");
    assert_null(target_parse_environment(block, 0, "PATH"));
}

static void settings_have_two_spellings(void **state)
{
    (void)state;
    static const char both[] = "COMPlus_EnableDiagnostics=0\0DOTNET_EnableDiagnostics=1";
    static const char old[] = "COMPlus_EnableDiagnostics=0";
    assert_string_equal(target_parse_setting(both, sizeof both, "EnableDiagnostics"), "1");
    assert_string_equal(target_parse_setting(old, sizeof old, "EnableDiagnostics"), "0");
    assert_null(target_parse_setting(old, sizeof old, "Other"));
    assert_true(target_setting_is_zero("0"));
    assert_true(target_setting_is_zero("0x0"));
    assert_true(target_setting_is_zero("00"));
    assert_false(target_setting_is_zero("1"));
    assert_false(target_setting_is_zero("a"));
    assert_false(target_setting_is_zero(""));
    assert_false(target_setting_is_zero("0 no"));
    assert_false(target_setting_is_zero(NULL));
}

static void command_lines(void **state)
{
    (void)state;
    char text[32];
    target_parse_command(TEXT("dotnet\0Shop.dll\0--x\0\0"), text, sizeof text);
    assert_string_equal(text, "dotnet Shop.dll --x");
    target_parse_command(TEXT("a\033[2Jb"), text, sizeof text);
    assert_string_equal(text, "a?[2Jb");
    target_parse_command(TEXT("0123456789üüüüüüüüüüüüüüüüüüüüüü"), text, sizeof text);
    assert_true(strlen(text) < sizeof text);
    assert_string_equal(text + strlen(text) - 3, "…");
    assert_string_equal(text, "0123456789üüüüüüüüü…");
    target_parse_command("", 0, text, sizeof text);
    assert_string_equal(text, "");
}

static const char *assembly(const char *block, size_t length, const char *executable)
{
    static char name[64];
    target_parse_assembly(block, length, executable, name, sizeof name);
    return name;
}

static void entry_assemblies(void **state)
{
    (void)state;
    static const char dotnet[] = "/usr/share/dotnet/dotnet";
    assert_string_equal(assembly(TEXT("dotnet\0/srv/Shop.dll\0x.dll\0"), dotnet), "Shop");
    assert_string_equal(assembly(TEXT("dotnet\0exec\0Shop.Api.dll\0"), dotnet), "Shop.Api");
    assert_string_equal(
        assembly(TEXT("dotnet\0exec\0--runtimeconfig\0a.json\0--depsfile\0d\0S.DLL\0"), dotnet),
        "S");
    assert_string_equal(assembly(TEXT("dotnet\0--roll-forward\0Major\0S.dll\0"), dotnet), "S");
    assert_string_equal(assembly(TEXT("dotnet\0build\0x.dll\0"), dotnet), "dotnet");
    assert_string_equal(assembly(TEXT("dotnet\0"), dotnet), "dotnet");
    assert_string_equal(assembly(TEXT("./Billing.Web\0--urls\0x\0"), "/srv/Billing.Web"),
                        "Billing.Web");
    assert_string_equal(assembly(TEXT("/bin/Shop\0"), ""), "Shop");
    assert_string_equal(assembly(TEXT("dotnet\0Shop.dll\0"), ""), "Shop");
    assert_string_equal(assembly("", 0, ""), "");
}

static void time_namespaces(void **state)
{
    (void)state;
    static const char text[] = "monotonic           0         0\nboottime     -86400 250000000\n";
    assert_int_equal(target_parse_offset(TEXT(text), "boottime"),
                     -86400 * 1000000000ll + 250000000);
    assert_int_equal(target_parse_offset(TEXT(text), "monotonic"), 0);
    assert_int_equal(target_parse_offset(TEXT("boottime x"), "boottime"), 0);
    assert_int_equal(target_parse_offset(TEXT("boottime 9999999999999999 0"), "boottime"), 0);
}

static void containers_of_several_makers(void **state)
{
    (void)state;
#define ID "3f2a9c0000000000000000000000000000000000000000000000000000000001"
    char id[16];
    static const char docker[] = "0::/system.slice/docker-" ID ".scope\n";
    static const char old[] = "12:pids:/docker/" ID "\n11:cpu:/x\n";
    static const char pod[] = "0::/kubepods/burstable/pod12ab/cri-containerd-" ID ".scope";
    assert_true(target_parse_container(TEXT(docker), id, sizeof id));
    assert_string_equal(id, "3f2a9c000000");
    assert_true(target_parse_container(TEXT(old), id, sizeof id));
    assert_true(target_parse_container(TEXT(pod), id, sizeof id));
    assert_true(target_parse_container(TEXT(ID), id, sizeof id));
    assert_false(target_parse_container(TEXT("0::/user.slice/user-1000.slice\n"), id, sizeof id));
    assert_false(target_parse_container(TEXT(ID "0"), id, sizeof id));
    assert_false(target_parse_container(TEXT(ID), id, 12));
    assert_false(target_parse_container("", 0, id, sizeof id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_of_a_plain_process),
        cmocka_unit_test(stat_with_a_spiteful_name),
        cmocka_unit_test(every_cut_of_stat_is_refused),
        cmocka_unit_test(status_ids_and_namespaces),
        cmocka_unit_test(status_of_an_old_kernel_and_cut_ones),
        cmocka_unit_test(more_groups_than_fit),
        cmocka_unit_test(maps_name_files),
        cmocka_unit_test(maps_pass_over_what_is_too_long),
        cmocka_unit_test(versions_from_paths),
        cmocka_unit_test(environment_of_a_process),
        cmocka_unit_test(settings_have_two_spellings),
        cmocka_unit_test(command_lines),
        cmocka_unit_test(entry_assemblies),
        cmocka_unit_test(time_namespaces),
        cmocka_unit_test(containers_of_several_makers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
