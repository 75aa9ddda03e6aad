/*
 * r2r_image: a ReadyToRun image: which precompiled code it holds, for whom, and where its
 * tables stand (ReadyToRun format document; what that document leaves out is measured on the
 * compilers of .NET 3.1 to 10).
 *
 * Three kinds:
 *   - one assembly with its code: most images;
 *   - a composite: one file with the code of several assemblies, its components. It has no
 *     metadata but the manifest (metadata_image_open reads that as the file's own);
 *   - a component: an assembly whose code stands in a composite; it names the file.
 *
 * Opens on a metadata_image, flat or mapped, for any machine and operating system. Untrusted
 * bytes; no allocation, nothing global; the image and its bytes must outlive it. Read-only
 * once open: any thread. The struct is about 8 KiB: not for small stacks.
 */
#ifndef R2R_IMAGE_H
#define R2R_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"
#include "metadata_image.h"

enum r2r_section_type {
    R2R_SECTION_COMPILER = 100,
    R2R_SECTION_IMPORTS = 101,
    R2R_SECTION_RUNTIME_FUNCTIONS = 102,
    R2R_SECTION_METHOD_ENTRY_POINTS = 103,
    R2R_SECTION_INSTANCE_ENTRY_POINTS = 109,
    R2R_SECTION_INLINING = 110,
    R2R_SECTION_MANIFEST = 112,
    R2R_SECTION_INLINING2 = 114,
    R2R_SECTION_COMPONENTS = 115,
    R2R_SECTION_OWNER = 116,
    R2R_SECTION_MANIFEST_MVIDS = 118,
    R2R_SECTION_CROSS_MODULE_INLINING = 119,
};

enum r2r_flag {
    R2R_FLAG_PARTIAL = 0x04,
    R2R_FLAG_EMBEDDED_MSIL = 0x10,
    R2R_FLAG_COMPONENT = 0x20,
    /* Set in every image since .NET 8, also in those of a single assembly. */
    R2R_FLAG_MULTI_MODULE_BUBBLE = 0x40,
    R2R_FLAG_UNRELATED_CODE = 0x80,
};

#define R2R_SECTION_FIRST  100
#define R2R_SECTION_TYPES  32 /* 100 to 131; those that are known end at 123 */
#define R2R_MAX_SECTIONS   256
#define R2R_MAX_COMPONENTS 65536u

/* Flags and sections: of an image, or of one component within a composite. */
struct r2r_core {
    uint32_t flags; /* enum r2r_flag */
    uint32_t count; /* of all sections, of whatever type */
    struct metadata_directory
        places[R2R_SECTION_TYPES]; /* by type - R2R_SECTION_FIRST; RVA 0: none */
};

struct r2r_image {
    const struct metadata_image *image;
    uint16_t major, minor;
    struct r2r_core core;
    bool composite;
    uint32_t component_count; /* of a composite */
    struct reader components;
    bool has_manifest;
    struct metadata_image manifest; /* references beyond those of the assembly's own metadata */
    struct reader manifest_mvids;   /* 16 bytes for each AssemblyRef of the manifest */
    uint32_t import_count;          /* IL-body imports (r2r_inlining.h) */
    struct reader import_signatures;
};

/* STATUS_NOT_FOUND: a .NET image without precompiled code. STATUS_MALFORMED: with the offset
 * of the offending byte within the image's bytes. */
enum status r2r_image_open(struct r2r_image *r2r, const struct metadata_image *image,
                           struct error *error);

/* The first section of that type; false where there is none. STATUS_MALFORMED is said by
 * r2r_image_open already: a section that leaves the image is refused there. */
bool r2r_section(const struct r2r_image *r2r, const struct r2r_core *core,
                 enum r2r_section_type type, struct reader *section);

/* What compiled it, into `text`: "Crossgen2 10.0.1226.42308"; "" where it does not say. */
void r2r_image_compiler(const struct r2r_image *r2r, char *text, size_t size);

/* The file name of the composite that holds a component's code ("app.r2r.dll"); NULL: the
 * image is no component. Borrowed. */
const char *r2r_image_owner(const struct r2r_image *r2r);

/* One component of a composite. */
struct r2r_component {
    uint32_t index;      /* from 0, as in the file's table */
    uint32_t module;     /* module index by which the composite's tables name it */
    const char *name;    /* of the assembly; "" where the manifest does not have it. Borrowed */
    const uint8_t *mvid; /* 16 bytes or NULL. Borrowed */
    struct r2r_core core;
};
enum status r2r_component_read(const struct r2r_image *r2r, uint32_t index,
                               struct r2r_component *component, struct error *error);

/* Tables name assemblies by a module index. */
enum r2r_module_kind {
    R2R_MODULE_UNKNOWN = 0, /* beyond what the image defines */
    R2R_MODULE_SELF,        /* the assembly of the image */
    R2R_MODULE_REFERENCE,   /* an AssemblyRef of the assembly's metadata */
    R2R_MODULE_MANIFEST,    /* the manifest itself (its MemberRefs and TypeRefs) */
    R2R_MODULE_LISTED,      /* an AssemblyRef of the manifest; in a composite also its components */
};
struct r2r_module {
    enum r2r_module_kind kind;
    uint32_t index;
    uint32_t row;        /* of the AssemblyRef; REFERENCE and LISTED */
    const char *name;    /* simple name of the assembly, "" where unknown. Borrowed */
    const uint8_t *mvid; /* 16 bytes; NULL: not told (SELF's own, and LISTED ones). Borrowed */
};
struct r2r_module r2r_module_resolve(const struct r2r_image *r2r, uint32_t index);

/* What the code was compiled for. */
enum r2r_system {
    R2R_SYSTEM_WINDOWS = 0,
    R2R_SYSTEM_LINUX,
    R2R_SYSTEM_OSX,
    R2R_SYSTEM_FREEBSD,
    R2R_SYSTEM_NETBSD,
    R2R_SYSTEM_SUNOS,
    R2R_SYSTEM_UNKNOWN,
};
struct r2r_platform {
    uint16_t machine; /* IMAGE_FILE_MACHINE_x, as on Windows */
    enum r2r_system system;
    const char *machine_name; /* "x64", "arm64", ...; "unknown" */
    const char *system_name;  /* "linux", ...; "unknown" */
};
struct r2r_platform r2r_image_platform(const struct r2r_image *r2r);

#endif
