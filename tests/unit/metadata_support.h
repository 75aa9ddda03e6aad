/*
 * metadata_support: assemblies for the tests of the room metadata: those of the installed
 * runtime (found through `dotnet --list-runtimes`) and the library of tests/apps/patterns,
 * which CTest builds before (REJIG_PATTERNS names the folder).
 */
#ifndef METADATA_SUPPORT_H
#define METADATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metadata_image.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"

struct opened {
    uint8_t *bytes;
    size_t length;
    struct metadata_image image;
};

static inline uint8_t *read_whole_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s does not exist: run the tests through ctest, which builds it", path);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    fclose(file);
    return bytes;
}

static inline void open_file(struct opened *opened, const char *path)
{
    struct error error;
    error_init(&error);
    opened->bytes = read_whole_file(path, &opened->length);
    if (metadata_image_open(&opened->image, opened->bytes, opened->length, false, &error))
        fail_msg("%s: %s", path, error.message);
}

static inline void close_file(struct opened *opened)
{
    free(opened->bytes);
    opened->bytes = NULL;
}

/* The newest installed runtime's file of that name; valid until the next call. */
static inline const char *framework_file(const char *name)
{
    static char folder[1024], path[2048];
    char line[1024], version[128], where[512];
    if (folder[0] == 0) {
        FILE *list = popen("dotnet --list-runtimes", "r");
        assert_non_null(list);
        while (fgets(line, sizeof(line), list))
            if (sscanf(line, "Microsoft.NETCore.App %127s [%511[^]]]", version, where) == 2)
                snprintf(folder, sizeof(folder), "%s/%s", where, version);
        pclose(list);
        if (folder[0] == 0)
            fail_msg("no .NET runtime is installed");
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline const char *patterns_file(const char *name)
{
    static char path[2048];
    const char *folder = getenv("REJIG_PATTERNS");
    if (!folder)
        fail_msg("REJIG_PATTERNS is not set: run the tests through ctest");
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* The number of the line of Orders.cs that ends with "line: NAME". */
static inline uint32_t source_line(const char *name)
{
    char path[2048], line[1024], mark[256];
    uint32_t number = 0;
    const char *folder = getenv("REJIG_PATTERNS_SOURCE");
    assert_non_null(folder);
    snprintf(path, sizeof(path), "%s/Orders.cs", folder);
    snprintf(mark, sizeof(mark), "line: %s\n", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        number++;
        char *found = strstr(line, mark);
        if (found && strcmp(found, mark) == 0) {
            fclose(file);
            return number;
        }
    }
    fail_msg("no line '%s' in %s", name, path);
    return 0;
}

static inline mdToken find_method(const struct metadata_image *image, const char *type,
                                  const char *name)
{
    mdToken found = metadata_find_type_text(image, type);
    if (found == mdTokenNil)
        fail_msg("no type %s", type);
    mdToken method = metadata_find_method(image, found, name);
    if (method == mdTokenNil)
        fail_msg("no method %s.%s", type, name);
    return method;
}

#endif
