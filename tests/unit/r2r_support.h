/*
 * r2r_support: images for the tests of the room r2r: those of the installed runtime, and those that
 * tests/apps/images makes (REJIG_IMAGES names the folder; a machine without NuGet lacks some, which
 * skips).
 */
#ifndef R2R_SUPPORT_H
#define R2R_SUPPORT_H

#include "metadata_support.h"
#include "r2r_callers.h"
#include "r2r_image.h"
#include "r2r_inlining.h"
#include "r2r_methods.h"

struct precompiled {
    struct opened file;
    struct r2r_image r2r;
};

static inline void open_precompiled(struct precompiled *image, const char *path)
{
    struct error error;
    error_init(&error);
    open_file(&image->file, path);
    if (r2r_image_open(&image->r2r, &image->file.image, &error) != STATUS_OK)
        fail_msg("%s: %s", path, error.message);
}

static inline void close_precompiled(struct precompiled *image)
{
    close_file(&image->file);
}

static inline bool file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

/* The path of an image of tests/apps/images; NULL (and the reason printed) where it is missing. */
static inline const char *made_image(const char *name)
{
    static char path[2048];
    const char *folder = getenv("REJIG_IMAGES");
    if (!folder)
        fail_msg("REJIG_IMAGES is not set: run the tests through ctest");
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (file_exists(path))
        return path;
    printf("SKIPPED %s: it could not be made (see *.missing in %s)\n", name, folder);
    return NULL;
}

/* In a test: opens a made image, or skips the test. */
#define OPEN_MADE(image, name)                                                                     \
    do {                                                                                           \
        const char *made_path = made_image(name);                                                  \
        if (!made_path)                                                                            \
            skip();                                                                                \
        open_precompiled((image), made_path);                                                      \
    } while (0)

/* The only method of that name, or of that name and number of parameters. */
static inline mdToken method_with(const struct metadata_image *image, const char *type,
                                  const char *name, uint32_t parameters)
{
    mdToken owner = metadata_find_type_text(image, type);
    struct metadata_rows rows = metadata_type_methods(image, owner);
    for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        uint32_t row = token_rid(method);
        struct reader signature =
            metadata_cell_blob(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_SIGNATURE);
        uint8_t convention = reader_u8(&signature);
        if (convention & 0x10)
            reader_compressed_u32(&signature);
        if (reader_compressed_u32(&signature) == parameters &&
            strcmp(metadata_cell_text(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_NAME),
                   name) == 0)
            return method;
    }
    fail_msg("no method %s.%s with %u parameters", type, name, parameters);
    return mdTokenNil;
}

static inline bool every_pair(void *context, const struct r2r_pair *pair)
{
    (void)context;
    (void)pair;
    return true;
}

#endif
