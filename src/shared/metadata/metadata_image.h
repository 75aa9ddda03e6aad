/*
 * metadata_image: a .NET image on untrusted bytes, found and bounded (ECMA-335 II.24, II.25;
 * PE format document; ReadyToRun format document).
 *
 * Two layouts: flat (the file as on disk) and mapped (sections stand at their RVAs, as the
 * runtime maps precompiled images; the gaps between sections may be unmapped memory and are
 * never touched). Opening reads the headers, the stream directory and the row counts;
 * it allocates nothing. The image borrows the bytes: they must outlive it and not change.
 * After opening it is read-only, so any number of threads may use it.
 *
 * A portable pdb is the same thing without the PE file around: metadata_image_open_root.
 */
#ifndef METADATA_IMAGE_H
#define METADATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "base_reader.h"

#define METADATA_MAX_SECTIONS 96
#define METADATA_TABLE_COUNT  64
#define METADATA_MAX_COLUMNS  9

struct metadata_section {
    uint32_t rva;
    uint32_t virtual_size;
    uint32_t file_offset;
    uint32_t file_size;
};

struct metadata_directory {
    uint32_t rva;
    uint32_t size;
};

/* Where the columns of one table stand in this image; see metadata_tables.h for access. */
struct metadata_table {
    struct reader data; /* rows * row_size bytes */
    uint32_t rows;
    uint16_t row_size;
    bool sorted; /* by its key column, checked by nobody: look-ups fall back where it lies */
    uint8_t offset[METADATA_MAX_COLUMNS];
    uint8_t width[METADATA_MAX_COLUMNS]; /* 2 or 4 */
};

/* The CodeView entry and the embedded pdb of the debug directory. */
struct metadata_debug {
    bool has_codeview;
    bool portable;        /* the CodeView entry speaks of a portable pdb */
    uint8_t pdb_guid[16]; /* with pdb_stamp: must equal the pdb's own id */
    uint32_t pdb_stamp;
    const char *pdb_path;   /* as the compiler wrote it, borrowed; "" where there is none */
    struct reader embedded; /* raw deflate; empty where there is none */
    uint32_t embedded_size; /* of the inflated pdb */
};

struct metadata_image {
    struct reader bytes;
    bool mapped;

    /* PE; all zero for a bare metadata root */
    uint16_t machine; /* as it stands: XORed with the system's value in R2R images */
    bool pe32_plus;
    uint32_t image_size;
    uint32_t header_size;
    uint32_t section_count;
    struct metadata_section sections[METADATA_MAX_SECTIONS];
    struct metadata_directory export_directory;
    struct metadata_directory debug_directory;

    /* COR20 header (II.25.3.3) */
    struct metadata_directory cor20;
    uint32_t cor_flags;
    uint32_t entry_point; /* a MethodDef or File token, 0 for libraries */
    struct metadata_directory resources;
    struct metadata_directory native_header; /* ManagedNativeHeader */

    /* ReadyToRun: the image holds precompiled code. A component of a composite image counts:
     * its code stands in the composite file. */
    bool precompiled;
    bool composite_component;
    uint16_t r2r_major, r2r_minor;
    uint32_t r2r_flags;

    /* metadata root (II.24.2) */
    struct reader root;
    const char *version;   /* "v4.0.30319", "PDB v1.0"; borrowed, at most 255 bytes */
    struct reader strings; /* ends with a NUL, or is empty */
    struct reader user_strings;
    struct reader blobs;
    struct reader guids;
    struct reader pdb; /* the #Pdb stream of a portable pdb */
    bool uncompressed; /* #-: tables need not be sorted, *Ptr tables may be there */
    struct metadata_table tables[METADATA_TABLE_COUNT];
};

/* Opens a PE file. `length`: of the file, or of the mapped image in memory. The error's
 * offset is that of the offending byte within `bytes`. STATUS_UNSUPPORTED: a PE file
 * without a COR20 header. */
enum status metadata_image_open(struct metadata_image *image, const void *bytes, size_t length,
                                bool mapped, struct error *error);

/* Opens bytes that begin with a metadata root: a portable pdb, or metadata alone. */
enum status metadata_image_open_root(struct metadata_image *image, const void *bytes, size_t length,
                                     struct error *error);

/* `length` bytes at an RVA, all of one section; an empty, failed reader where they are not. */
struct reader metadata_image_window(const struct metadata_image *image, uint32_t rva,
                                    uint32_t length);
/* From an RVA to the end of its section. */
struct reader metadata_image_window_rest(const struct metadata_image *image, uint32_t rva);

/* The whole body of a method (II.25.4): header, code, and extra sections where it has them.
 * STATUS_NOT_FOUND where rva is 0. */
enum status metadata_image_body(const struct metadata_image *image, uint32_t rva,
                                struct reader *body, struct error *error);

/* Always succeeds; what cannot be read is absent. */
void metadata_image_debug(const struct metadata_image *image, struct metadata_debug *debug);

/* The module's version id: 16 bytes, borrowed; NULL where there is none. */
const uint8_t *metadata_image_mvid(const struct metadata_image *image);
/* Name of the assembly ("System.Private.CoreLib"), "" for a netmodule; of the module
 * ("System.Private.CoreLib.dll"). Borrowed, never NULL. */
const char *metadata_image_assembly(const struct metadata_image *image);
const char *metadata_image_module(const struct metadata_image *image);
/* "10.0.0.0" into text. */
void metadata_image_assembly_version(const struct metadata_image *image, char *text, size_t size);
/* "linux-x64", "any" for plain IL; never NULL. */
const char *metadata_image_platform(const struct metadata_image *image);

#endif
