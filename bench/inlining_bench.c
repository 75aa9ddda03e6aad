/*
 * inlining_bench: how long it takes to read the inlining tables of whole folders of images.
 *
 *   inlining_bench ROUNDS FOLDER...
 *
 * Each round reads every image twice: cold, after the kernel was told to drop the pages of those
 * files (posix_fadvise; no other cache of the machine is touched), and warm. Reading is what the
 * agent and the command line do: open, map, parse the headers, visit every pair. One JSON object
 * for each pass is printed; memory is what the process has allocated besides (nothing) and the
 * bytes of the tables.
 */
#include <fcntl.h>
#include <glob.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_clock.h"
#include "r2r_inlining.h"

struct pass {
    size_t images, files, malformed;
    struct r2r_inlining_count count;
    size_t table_bytes;
    uint64_t began, nanoseconds;
};

static bool visit(void *context, const struct r2r_pair *pair)
{
    *(uint64_t *)context += pair->inliner.token;
    return true;
}

static size_t bytes_of_tables(const struct r2r_image *r2r)
{
    static const enum r2r_section_type types[] = {R2R_SECTION_INLINING, R2R_SECTION_INLINING2,
                                                  R2R_SECTION_CROSS_MODULE_INLINING};
    size_t bytes = 0;
    struct reader section;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (r2r_section(r2r, &r2r->core, types[i], &section))
            bytes += section.length;
    return bytes;
}

static void read_image(const void *bytes, size_t length, struct pass *pass)
{
    static struct metadata_image image;
    static struct r2r_image r2r;
    static uint64_t sum;
    struct r2r_inlining_count count = {0};
    if (metadata_image_open(&image, bytes, length, false, NULL) != STATUS_OK ||
        r2r_image_open(&r2r, &image, NULL) != STATUS_OK)
        return;
    pass->images++;
    pass->malformed += r2r_inlining_walk(&r2r, visit, &sum, &count, NULL) != STATUS_OK;
    pass->count.inlinees += count.inlinees;
    pass->count.pairs += count.pairs;
    pass->table_bytes += bytes_of_tables(&r2r);
}

static void read_file(const char *path, struct pass *pass)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size == 0) {
        if (fd >= 0)
            close(fd);
        return;
    }
    size_t length = (size_t)stat.st_size;
    void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return;
    /* A few pages of many: the kernel's reading ahead would fetch ten times as much. */
    madvise(bytes, length, MADV_RANDOM);
    pass->files++;
    read_image(bytes, length, pass);
    munmap(bytes, length);
}

static void drop(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

static void run(const glob_t *files, bool cold)
{
    struct pass pass = {0};
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; cold && i < files->gl_pathc; i++)
        drop(files->gl_pathv[i]);
    pass.began = clock_monotonic();
    for (size_t i = 0; i < files->gl_pathc; i++)
        read_file(files->gl_pathv[i], &pass);
    pass.nanoseconds = clock_monotonic() - pass.began;
    printf("{\"cold\":%s,\"ms\":%.3f,\"files\":%zu,\"images\":%zu,\"inlinees\":%zu,\"pairs\":%zu,"
           "\"malformed\":%zu,\"table_bytes\":%zu,\"allocated\":%zu}\n",
           cold ? "true" : "false", (double)pass.nanoseconds / 1e6, pass.files, pass.images,
           pass.count.inlinees, pass.count.pairs, pass.malformed, pass.table_bytes,
           mallinfo2().uordblks - before);
}

int main(int argc, char **argv)
{
    long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    glob_t files = {0};
    if (rounds < 1) {
        fprintf(stderr, "usage: inlining_bench ROUNDS FOLDER...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        char pattern[4096];
        snprintf(pattern, sizeof(pattern), "%s/*.dll", argv[i]);
        glob(pattern, i > 2 ? GLOB_APPEND : 0, NULL, &files);
    }
    run(&files, false);
    for (long i = 0; i < rounds; i++) {
        run(&files, true);
        run(&files, false);
    }
    globfree(&files);
    return 0;
}
