// uses: target wire clr base
/* Placing the agent's file for "targets" that are this very process under another picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target_place.h"

static char folder[] = "/tmp/rejig-place-XXXXXX";
static char agent[128], temporary[128];
static struct target_hold hold;
static struct target_process process;

static time_t later; /* s that the clock is put forward: a file's ctime cannot be set back */

/* In place of the C library's. */
time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += later;
    if (to != NULL)
        *to = now.tv_sec;
    return now.tv_sec;
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool fine = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && fine;
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(agent, sizeof agent, "%s/librejig.so", folder);
    snprintf(temporary, sizeof temporary, "%s/tmp", folder);
    chmod(folder, 0755);
    if (mkdir(temporary, 0777) != 0 || chmod(temporary, 0777) != 0 ||
        !write_file(agent, "an agent\n") || setenv("REJIG_AGENT", agent, 1) != 0)
        return -1;
    return target_hold_open(&hold, getpid(), NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    target_hold_close(&hold);
    unlink(agent);
    rmdir(temporary);
    return rmdir(folder);
}

static int set_up_process(void **state)
{
    (void)state;
    chmod(agent, 0644);
    chmod(folder, 0755);
    if (target_process_read_held(&hold, &process, NULL) != STATUS_OK)
        return -1;
    snprintf(process.folder, sizeof process.folder, "%s", temporary);
    process.folder_set = true;
    return 0;
}

static unsigned files_in(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    if (directory != NULL)
        closedir(directory);
    return count;
}

static void where_the_agent_is(void **state)
{
    (void)state;
    char path[TARGET_PATH_BYTES];
    struct error error;
    error_init(&error);
    assert_int_equal(target_agent_file(path, sizeof path, NULL), STATUS_OK);
    assert_string_equal(path, agent);
    setenv("REJIG_AGENT", "/no/such/file", 1);
    assert_int_equal(target_agent_file(path, sizeof path, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, "/no/such/file"));
    setenv("REJIG_AGENT", folder, 1); /* a folder is no file */
    assert_int_equal(target_agent_file(path, sizeof path, &error), STATUS_NOT_FOUND);
    setenv("REJIG_AGENT", agent, 1);
}

static void seen_and_readable_it_stays_where_it_is(void **state)
{
    (void)state;
    struct target_place place;
    assert_int_equal(target_place_agent(&process, &hold, &place, NULL), STATUS_OK);
    assert_string_equal(place.path, agent);
    assert_int_equal(place.folder, -1);
    assert_int_equal(files_in(temporary), 0);
    target_place_remove(&place);
    assert_int_equal(access(agent, F_OK), 0);
}

/* A user who is nobody to the files' modes. */
static void become_stranger(void)
{
    process.uid = 54321;
    process.gid = 54321;
    process.group_count = 0;
}

static void check_copy(struct target_place *place)
{
    struct stat stat;
    char text[32] = "";
    assert_int_equal(target_place_agent(&process, &hold, place, NULL), STATUS_OK);
    assert_true(place->folder >= 0);
    assert_memory_equal(place->path, temporary, strlen(temporary));
    assert_int_equal(lstat(place->path, &stat), 0);
    assert_true(S_ISREG(stat.st_mode));
    assert_int_equal(stat.st_mode & 0777, 0644);
    int fd = open(place->path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 9);
    assert_string_equal(text, "an agent\n");
    close(fd);
}

static void a_copy_for_whom_it_is_hidden(void **state)
{
    (void)state;
    struct target_place place, second;
    char where[TARGET_PATH_BYTES];
    become_stranger();
    chmod(agent, 0600);
    assert_int_equal(target_place_probe(&process, &hold, where, sizeof where, NULL), STATUS_OK);
    assert_non_null(strstr(where, temporary));
    assert_int_equal(files_in(temporary), 0); /* the probe writes nothing */
    check_copy(&place);
    check_copy(&second); /* the name is taken: another one */
    assert_string_not_equal(place.path, second.path);
    assert_int_equal(files_in(temporary), 2);
    target_place_remove(&place);
    target_place_remove(&place); /* harmless */
    target_place_remove(&second);
    assert_int_equal(files_in(temporary), 0);
}

static void what_lies_there_is_never_used(void **state)
{
    (void)state;
    struct target_place place, planted;
    become_stranger();
    chmod(agent, 0600);
    check_copy(&planted);
    char path[TARGET_PATH_BYTES];
    snprintf(path, sizeof path, "%s", planted.path);
    target_place_remove(&planted);
    char victim[160];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    assert_int_equal(symlink(victim, path), 0); /* the name is easy to guess */
    check_copy(&place);
    assert_string_not_equal(place.path, path);
    assert_int_equal(access(victim, F_OK), -1);
    target_place_remove(&place);
    unlink(path);
}

static void plant(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", temporary, name);
    assert_true(write_file(path, "left\n"));
}

static void what_a_killed_one_left_goes(void **state)
{
    (void)state;
    static const char *const old[] = {"rejig-0123456789abcdef.so",
                                      "rejig-0123456789abcdef-89abcdef.so"};
    static const char *const kept[] = {"rejig-0123456789abcde.so",   "rejig-0123456789ABCDEF.so",
                                       "rejig-0123456789abcdef-.so", "rejig-0123456789abcdef.so.1",
                                       "rejig-0123456789abcdeg.so",  "rejig-.so"};
    struct target_place place;
    char path[256], link[256];
    become_stranger();
    chmod(agent, 0600);
    for (size_t i = 0; i < 2; i++)
        plant(path, sizeof path, old[i]);
    for (size_t i = 0; i < 6; i++)
        plant(path, sizeof path, kept[i]);
    check_copy(&place); /* they are young: another rejig may be about to have them loaded */
    target_place_remove(&place);
    assert_int_equal(files_in(temporary), 8);

    later = 61;
    snprintf(link, sizeof link, "%s/rejig-1111111111111111.so", temporary);
    assert_int_equal(symlink(agent, link), 0);
    check_copy(&place);
    later = 0;
    target_place_remove(&place);
    assert_int_equal(files_in(temporary), 7);
    assert_int_equal(access(agent, F_OK), 0);
    unlink(link);
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", temporary, kept[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void no_copy_through_a_symlink(void **state)
{
    (void)state;
    struct target_place place;
    char link[160];
    become_stranger();
    chmod(agent, 0600);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(temporary, link), 0);
    snprintf(process.folder, sizeof process.folder, "%s", link);
    assert_int_equal(target_place_agent(&process, &hold, &place, NULL), STATUS_OK);
    assert_null(strstr(place.path, link)); /* the next folder, /tmp */
    assert_int_equal(files_in(temporary), 0);
    target_place_remove(&place);
    unlink(link);
}

static void folders_closed_to_the_target(void **state)
{
    (void)state;
    struct target_place place;
    become_stranger();
    chmod(agent, 0600);
    chmod(temporary, 0700);
    assert_int_equal(target_place_agent(&process, &hold, &place, NULL), STATUS_OK);
    assert_memory_not_equal(place.path, temporary, strlen(temporary));
    target_place_remove(&place);
    chmod(temporary, 0777);
}

static void no_copy_where_the_target_could_not_write(void **state)
{
    (void)state;
    struct target_place place;
    become_stranger();
    chmod(agent, 0600);
    chmod(temporary, 0755); /* as TMPDIR=/etc/cron.d would be */
    assert_int_equal(target_place_agent(&process, &hold, &place, NULL), STATUS_OK);
    assert_memory_not_equal(place.path, temporary, strlen(temporary));
    assert_int_equal(files_in(temporary), 0);
    target_place_remove(&place);
    chmod(temporary, 0777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_agent_is),
        cmocka_unit_test_setup(seen_and_readable_it_stays_where_it_is, set_up_process),
        cmocka_unit_test_setup(a_copy_for_whom_it_is_hidden, set_up_process),
        cmocka_unit_test_setup(what_lies_there_is_never_used, set_up_process),
        cmocka_unit_test_setup(what_a_killed_one_left_goes, set_up_process),
        cmocka_unit_test_setup(no_copy_through_a_symlink, set_up_process),
        cmocka_unit_test_setup(folders_closed_to_the_target, set_up_process),
        cmocka_unit_test_setup(no_copy_where_the_target_could_not_write, set_up_process),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
