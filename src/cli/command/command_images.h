/*
 * command_images: a set of .NET images, from files and folders or from what a target has mapped,
 * in which references from one image to another are followed.
 *
 * Assemblies that are referred to and not there stand in the set by their name alone
 * (metadata NULL), so a method always has its place: struct image_method.
 */
#ifndef COMMAND_IMAGES_H
#define COMMAND_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_map.h"
#include "clr_token.h"
#include "command_modules.h"
#include "metadata_image.h"
#include "r2r_inlining.h"
#include "target_process.h"

struct image {
    char *path;       /* "" of one that is known by its name alone */
    const char *file; /* file name within path */
    const char *name; /* of its assembly */
    struct buffer bytes;
    const struct metadata_image *metadata; /* NULL: not there */
    struct r2r_image *r2r;                 /* NULL: no precompiled code */
    const char *malformed;                 /* why its precompiled code could not be read; NULL */
    bool own;                              /* metadata is ours to free */
    char version[48];                      /* "10.0.12"; "" where it does not say */
    struct map modules;                    /* module index -> image */
    struct map imports;                    /* IL-body import -> method key */
    uint32_t home; /* of a component: the composite's image; else itself. UINT32_MAX: missing */
    uint32_t component; /* its number there */
};

struct images {
    struct image **items;
    size_t count, capacity;
    size_t skipped;    /* files that are no .NET images */
    size_t unreadable; /* files that could not be read */
    size_t precompiled;
    struct modules target;
    bool has_target;
};

void images_init(struct images *images);
void images_release(struct images *images);

/* A file, or every .dll and .exe below a folder. `tell` (may be NULL) is called after each file.
 * STATUS_USAGE: there is no such path, or the file is no .NET image. */
typedef void (*images_progress)(void *context, size_t files);
enum status images_add_path(struct images *images, const char *path, images_progress tell,
                            void *context, struct error *error);
/* What the target has mapped. */
enum status images_add_target(struct images *images, const struct target_process *process,
                              struct error *error);
/* After the last of them: puts them in the order of their names, and finds each component's
 * composite. */
void images_link(struct images *images);

/* A method: image and token in one number. */
static inline uint64_t image_key(uint32_t image, mdToken method)
{
    return (uint64_t)image << 32 | method;
}
static inline uint32_t image_of_key(uint64_t key)
{
    return (uint32_t)(key >> 32);
}
static inline mdToken token_of_key(uint64_t key)
{
    return (mdToken)key;
}

/* The method that a table of `image` names; 0: it leads nowhere. */
uint64_t images_resolve(struct images *images, uint32_t image, const struct r2r_method *method);
/* True where precompiled code of the method is there: its own, or of instances of a generic. */
bool images_has_code(const struct images *images, uint64_t method);
/* "Shop.Order.get_Id()", with types; by token where the image is not there. */
void images_print_method(const struct images *images, uint64_t method, bool types,
                         struct buffer *text);

#endif
