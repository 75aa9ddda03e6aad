// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "target_path.h"

/* A root with  etc/name, deep/in/side, out -> /etc, up -> .., alias -> deep/in, loop -> loop */
static char folder[] = "/tmp/rejig-path-XXXXXX";
static int root;

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || (root = open(folder, O_PATH | O_DIRECTORY)) < 0)
        return -1;
    int fd = -1;
    if (mkdirat(root, "etc", 0755) != 0 || mkdirat(root, "deep", 0755) != 0 ||
        mkdirat(root, "deep/in", 0755) != 0 || mkdirat(root, "deep/in/side", 0755) != 0 ||
        symlinkat("/etc", root, "out") != 0 || symlinkat("..", root, "up") != 0 ||
        symlinkat("deep/in", root, "alias") != 0 || symlinkat("loop", root, "loop") != 0 ||
        symlinkat("name", root, "etc/link") != 0 ||
        (fd = openat(root, "etc/name", O_CREAT | O_WRONLY, 0644)) < 0)
        return -1;
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"out", "up", "alias", "loop", "etc/link", "etc/name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlinkat(root, names[i], 0);
    unlinkat(root, "deep/in/side", AT_REMOVEDIR);
    unlinkat(root, "deep/in", AT_REMOVEDIR);
    unlinkat(root, "deep", AT_REMOVEDIR);
    unlinkat(root, "etc", AT_REMOVEDIR);
    close(root);
    return rmdir(folder);
}

typedef int opener(int at, const char *path, int flags);

static int opens(opener *open_path, const char *path, int flags)
{
    errno = 0;
    int fd = open_path(root, path, flags);
    if (fd < 0)
        return errno;
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    return 0;
}

static bool is_ours(const char *path)
{
    struct stat here, there;
    int fd = target_path_open(root, path, O_RDONLY);
    bool same = fd >= 0 && fstat(fd, &here) == 0 && fstatat(root, "etc/name", &there, 0) == 0 &&
                here.st_ino == there.st_ino && here.st_dev == there.st_dev;
    if (fd >= 0)
        close(fd);
    return same;
}

static void both_ways_agree(opener *open_path)
{
    assert_int_equal(opens(open_path, "/etc/name", O_RDONLY), 0);
    assert_int_equal(opens(open_path, "//etc//name", O_RDONLY), 0);
    assert_int_equal(opens(open_path, "/deep/in/side", O_PATH | O_DIRECTORY), 0);
    assert_int_equal(opens(open_path, "/deep/in/side/", O_PATH | O_DIRECTORY), 0);
    assert_int_equal(opens(open_path, "/", O_PATH | O_DIRECTORY), 0);
    assert_int_equal(opens(open_path, "/etc/none", O_RDONLY), ENOENT);
    assert_int_equal(opens(open_path, "/none/name", O_RDONLY), ENOENT);
    assert_int_equal(opens(open_path, "/etc/link", O_RDONLY), ELOOP);
    assert_int_equal(opens(open_path, "/etc/link", O_PATH), ELOOP);
    assert_int_equal(opens(open_path, "/out/passwd", O_RDONLY), ELOOP);
    assert_int_equal(opens(open_path, "/out", O_PATH | O_DIRECTORY), ELOOP);
    assert_int_equal(opens(open_path, "/up/x", O_RDONLY), ELOOP);
    assert_int_equal(opens(open_path, "/loop", O_RDONLY), ELOOP);
    assert_int_not_equal(opens(open_path, "/etc/name/x", O_RDONLY), 0);
}

static void strictly_by_the_kernel(void **state)
{
    (void)state;
    both_ways_agree(target_path_open);
    assert_true(is_ours("/etc/name"));
    assert_true(is_ours("/../../etc/name")); /* the root is its own parent */
    assert_int_equal(opens(target_path_open, "etc/name", O_RDONLY), EINVAL);
}

static void strictly_by_the_walk(void **state)
{
    (void)state;
    both_ways_agree(target_path_walk);
    assert_int_equal(opens(target_path_walk, "/deep/../etc/name", O_RDONLY), EXDEV);
    char longer[400] = "/";
    memset(longer + 1, 'x', 300);
    assert_int_equal(opens(target_path_walk, longer, O_RDONLY), ENAMETOOLONG);
}

static bool folder_is(const char *path, const char *real)
{
    struct stat here, there;
    int fd = target_path_folder(root, path);
    bool same = fd >= 0 && fstat(fd, &here) == 0 && fstatat(root, real, &there, 0) == 0 &&
                here.st_ino == there.st_ino;
    if (fd >= 0)
        close(fd);
    return same;
}

static void folders_to_look_into_may_be_links_inside(void **state)
{
    (void)state;
    assert_true(folder_is("/alias/side", "deep/in/side"));
    assert_true(folder_is("/out", "etc")); /* the root's own etc, not ours */
    assert_true(folder_is("/up/up/etc", "etc"));
    assert_true(target_path_folder(root, "/loop") < 0);
    assert_true(target_path_folder(root, "/etc/name") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strictly_by_the_kernel),
        cmocka_unit_test(strictly_by_the_walk),
        cmocka_unit_test(folders_to_look_into_may_be_links_inside),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
