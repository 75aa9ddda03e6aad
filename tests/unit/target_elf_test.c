// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "target_elf.h"

#define HEADER   64u
#define SECTIONS 3u /* null, dynsym, strtab */

static void put(uint8_t *bytes, size_t at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[at + i] = (uint8_t)(value >> (8 * i));
}

/* A library with two symbols: "here" is defined, "there" imported; and a version mark. */
static size_t build(uint8_t *bytes)
{
    static const char strings[] = "\0here\0there";
    static const char mark[] = "@(#)Version none @(#)Version 10.0.1226.42308 @";
    size_t symbols = HEADER + SECTIONS * 64, texts = symbols + 3 * 24;
    memset(bytes, 0, 1024);
    memcpy(bytes,
           "\x7f"
           "ELF\x02\x01\x01",
           7);
    put(bytes, 18, 62, 2);
    put(bytes, 40, HEADER, 8);
    put(bytes, 58, 64, 2);
    put(bytes, 60, SECTIONS, 2);
    put(bytes, HEADER + 64 + 4, 11, 4);
    put(bytes, HEADER + 64 + 24, symbols, 8);
    put(bytes, HEADER + 64 + 32, 3 * 24, 8);
    put(bytes, HEADER + 64 + 40, 2, 4);
    put(bytes, HEADER + 128 + 4, 3, 4);
    put(bytes, HEADER + 128 + 24, texts, 8);
    put(bytes, HEADER + 128 + 32, sizeof strings, 8);
    put(bytes, symbols + 24, 1, 4);
    put(bytes, symbols + 24 + 6, 1, 2);
    put(bytes, symbols + 48, 6, 4);
    memcpy(bytes + texts, strings, sizeof strings);
    memcpy(bytes + 600, mark, sizeof mark);
    return 700;
}

static int file_of(const uint8_t *bytes, size_t length)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    return fd >= 0 && write(fd, bytes, length) == (ssize_t)length ? fd : -1;
}

static const char *const names[] = {"here", "there", "nowhere"};

static void only_what_is_defined_counts(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    int fd = file_of(bytes, build(bytes));
    assert_int_equal(target_elf_exports(fd, names, 3), 1);
    assert_string_equal(target_elf_architecture(fd), "x64");
    close(fd);
}

static void marks_of_versions(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    char version[32];
    int fd = file_of(bytes, build(bytes));
    assert_true(target_elf_runtime_version(fd, version, sizeof version));
    assert_string_equal(version, "10.0.12");
    close(fd);
    assert_true(target_elf_mark_version("8.0.3126.1 @", 12, version, sizeof version));
    assert_string_equal(version, "8.0.31");
    assert_false(target_elf_mark_version("4.700.20.11803", 14, version, sizeof version));
    assert_false(target_elf_mark_version("10.0.", 5, version, sizeof version));
    assert_false(target_elf_mark_version("10.0.12345678901.", 17, version, sizeof version));
    assert_false(target_elf_mark_version("", 0, version, sizeof version));
}

static void a_mark_across_two_reads(void **state)
{
    (void)state;
    static const char mark[] = "@(#)Version 9.0.2226.1 @";
    char version[32];
    int fd = memfd_create("elf", MFD_CLOEXEC);
    for (size_t cut = 1; cut < sizeof mark; cut++) {
        off_t at = (1 << 18) - (off_t)cut;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(ftruncate(fd, 1 << 19), 0);
        assert_int_equal(pwrite(fd, mark, sizeof mark, at), sizeof mark);
        assert_true(target_elf_runtime_version(fd, version, sizeof version));
        assert_string_equal(version, "9.0.22");
    }
    close(fd);
}

static void every_forgery_is_survived(void **state)
{
    (void)state;
    uint8_t good[1024], bytes[1024];
    size_t length = build(good);
    for (size_t at = 0; at < 360; at++)
        for (unsigned bit = 0; bit < 8; bit += 7) {
            memcpy(bytes, good, length);
            bytes[at] ^= (uint8_t)(1u << bit);
            int fd = file_of(bytes, length);
            (void)target_elf_exports(fd, names, 3);
            (void)target_elf_architecture(fd);
            close(fd);
        }
    for (size_t cut = 0; cut < 400; cut += 3) {
        int fd = file_of(good, cut);
        uint32_t found = target_elf_exports(fd, names, 3);
        assert_true(found == 0 || cut >= HEADER + SECTIONS * 64 + 3 * 24 + 12);
        close(fd);
    }
}

static void our_own_program(void **state)
{
    (void)state;
    static const char *const none[] = {"DllGetClassObject"};
    int fd = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(target_elf_exports(fd, none, 1), 0);
#if defined(__x86_64__)
    assert_string_equal(target_elf_architecture(fd), "x64");
#endif
    close(fd);
    assert_string_equal(target_elf_architecture(-1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_defined_counts),
        cmocka_unit_test(marks_of_versions),
        cmocka_unit_test(a_mark_across_two_reads),
        cmocka_unit_test(every_forgery_is_survived),
        cmocka_unit_test(our_own_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
