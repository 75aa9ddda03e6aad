#include "metadata_image.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "clr_flags.h"
#include "metadata_internal.h"
#include "metadata_tables.h"

#define DOS_MAGIC      0x5a4d
#define PE_MAGIC       0x00004550
#define PE32_MAGIC     0x010b
#define PE32PLUS_MAGIC 0x020b
#define R2R_MAGIC      0x00525452 /* 'RTR' and a NUL */
#define COR20_BYTES    72

#define R2R_FLAG_COMPONENT 0x20

enum pe_directory {
    DIRECTORY_EXPORT = 0,
    DIRECTORY_DEBUG = 6,
    DIRECTORY_COR20 = 14,
};

enum debug_type {
    DEBUG_CODEVIEW = 2,
    DEBUG_EMBEDDED_PDB = 17,
};

#define CODEVIEW_MAGIC    0x53445352 /* 'RSDS' */
#define CODEVIEW_PORTABLE 0x504d     /* minor version of the entry */
#define EMBEDDED_MAGIC    0x4244504d /* 'MPDB' */
#define DEBUG_ENTRY_BYTES 28
#define DEBUG_MAX_ENTRIES 64

static struct metadata_directory read_directory(struct reader *reader)
{
    struct metadata_directory directory;
    directory.rva = reader_u32(reader);
    directory.size = reader_u32(reader);
    return directory;
}

static enum status read_sections(struct metadata_image *image, struct reader *reader,
                                 struct error *error)
{
    if (image->section_count > METADATA_MAX_SECTIONS)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader),
                            "the image has %u sections, more than a PE file may have",
                            image->section_count);
    for (uint32_t i = 0; i < image->section_count; i++) {
        struct metadata_section *section = &image->sections[i];
        reader_skip(reader, 8); /* name */
        section->virtual_size = reader_u32(reader);
        section->rva = reader_u32(reader);
        section->file_size = reader_u32(reader);
        section->file_offset = reader_u32(reader);
        reader_skip(reader, 16);
    }
    if (reader_failed(reader))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(reader),
                            "the image ends inside its section headers");
    return STATUS_OK;
}

/* The optional header: sizes and the directories that we need. */
static enum status read_optional(struct metadata_image *image, struct reader *reader,
                                 struct error *error)
{
    size_t start = reader->position;
    uint16_t magic = reader_u16(reader);
    if (magic != PE32_MAGIC && magic != PE32PLUS_MAGIC)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)(reader->base + start),
                            "not a PE image: optional header of kind 0x%x", magic);
    image->pe32_plus = magic == PE32PLUS_MAGIC;
    reader_seek(reader, start + 56);
    image->image_size = reader_u32(reader);
    image->header_size = reader_u32(reader);
    reader_seek(reader, start + (image->pe32_plus ? 108 : 92));
    uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count && i <= DIRECTORY_COR20; i++) {
        struct metadata_directory directory = read_directory(reader);
        if (i == DIRECTORY_EXPORT)
            image->export_directory = directory;
        else if (i == DIRECTORY_DEBUG)
            image->debug_directory = directory;
        else if (i == DIRECTORY_COR20)
            image->cor20 = directory;
    }
    return STATUS_OK;
}

static enum status read_pe(struct metadata_image *image, struct error *error)
{
    struct reader reader = image->bytes;
    if (reader_u16(&reader) != DOS_MAGIC)
        return error_set_at(error, STATUS_MALFORMED, 0, "not a PE image: no MZ at its start");
    reader_seek(&reader, 0x3c);
    uint32_t start = reader_u32(&reader);
    reader_seek(&reader, start);
    if (reader_u32(&reader) != PE_MAGIC)
        return error_set_at(error, STATUS_MALFORMED, start, "not a PE image: no PE signature");
    image->machine = reader_u16(&reader);
    image->section_count = reader_u16(&reader);
    reader_skip(&reader, 12);
    uint16_t optional_size = reader_u16(&reader);
    reader_skip(&reader, 2);
    size_t optional = reader.position;
    enum status status = read_optional(image, &reader, error);
    if (status)
        return status;
    reader_seek(&reader, optional + optional_size);
    return read_sections(image, &reader, error);
}

static enum status read_cor20(struct metadata_image *image, struct metadata_directory *metadata,
                              struct error *error)
{
    if (image->cor20.rva == 0)
        return error_set(error, STATUS_UNSUPPORTED, "not a .NET image: it has no CLI header");
    struct reader reader = metadata_image_window(image, image->cor20.rva, COR20_BYTES);
    reader_skip(&reader, 8);
    *metadata = read_directory(&reader);
    image->cor_flags = reader_u32(&reader);
    image->entry_point = reader_u32(&reader);
    image->resources = read_directory(&reader);
    reader_skip(&reader, 32);
    image->native_header = read_directory(&reader);
    if (reader_failed(&reader))
        return error_set_at(error, STATUS_MALFORMED, image->cor20.rva,
                            "the CLI header at RVA 0x%x is not in the image", image->cor20.rva);
    return STATUS_OK;
}

static void read_r2r(struct metadata_image *image)
{
    if (image->native_header.rva == 0)
        return;
    struct reader reader = metadata_image_window(image, image->native_header.rva, 16);
    uint32_t magic = reader_u32(&reader);
    uint16_t major = reader_u16(&reader);
    uint16_t minor = reader_u16(&reader);
    uint32_t flags = reader_u32(&reader);
    if (reader_failed(&reader) || magic != R2R_MAGIC)
        return;
    image->precompiled = true;
    image->r2r_major = major;
    image->r2r_minor = minor;
    image->r2r_flags = flags;
    image->composite_component = flags & R2R_FLAG_COMPONENT;
}

enum status metadata_image_open(struct metadata_image *image, const void *bytes, size_t length,
                                bool mapped, struct error *error)
{
    memset(image, 0, sizeof(*image));
    reader_init(&image->bytes, bytes, length);
    image->mapped = mapped;
    struct metadata_directory metadata = {0};
    enum status status = read_pe(image, error);
    if (!status)
        status = read_cor20(image, &metadata, error);
    if (status)
        return status;
    read_r2r(image);
    struct reader root = metadata_image_window(image, metadata.rva, metadata.size);
    if (reader_failed(&root))
        return error_set_at(error, STATUS_MALFORMED, metadata.rva,
                            "the metadata (%u bytes at RVA 0x%x) is not in the image",
                            metadata.size, metadata.rva);
    return metadata_root_read(image, root, error);
}

enum status metadata_image_open_root(struct metadata_image *image, const void *bytes, size_t length,
                                     struct error *error)
{
    memset(image, 0, sizeof(*image));
    reader_init(&image->bytes, bytes, length);
    return metadata_root_read(image, image->bytes, error);
}

/* From an RVA to the end of what holds it, in bytes of this layout. */
static bool find_rva(const struct metadata_image *image, uint32_t rva, uint64_t *start,
                     uint64_t *left)
{
    if (rva < image->header_size) {
        *start = rva;
        *left = image->header_size - rva;
        return true;
    }
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct metadata_section *section = &image->sections[i];
        uint32_t size = section->file_size;
        if (image->mapped && section->virtual_size)
            size = section->virtual_size;
        if (rva < section->rva || rva - section->rva >= size)
            continue;
        uint32_t inside = rva - section->rva;
        *start = image->mapped ? rva : (uint64_t)section->file_offset + inside;
        *left = size - inside;
        return true;
    }
    return false;
}

struct reader metadata_image_window(const struct metadata_image *image, uint32_t rva,
                                    uint32_t length)
{
    uint64_t start = 0, left = 0;
    if (!find_rva(image, rva, &start, &left) || length > left)
        return reader_window(&image->bytes, SIZE_MAX, 1);
    return reader_window(&image->bytes, start, length);
}

struct reader metadata_image_window_rest(const struct metadata_image *image, uint32_t rva)
{
    uint64_t start = 0, left = 0;
    if (!find_rva(image, rva, &start, &left) || start > image->bytes.length)
        return reader_window(&image->bytes, SIZE_MAX, 1);
    if (left > image->bytes.length - start)
        left = image->bytes.length - start;
    return reader_window(&image->bytes, start, left);
}

/* Skips the sections behind the code (II.25.4.5). */
static void skip_sections(struct reader *reader)
{
    uint8_t kind;
    do {
        reader_align(reader, 4);
        kind = reader_u8(reader);
        uint32_t size = reader_u8(reader);
        size |= (uint32_t)reader_u8(reader) << 8;
        size |= (uint32_t)reader_u8(reader) << 16;
        if (!(kind & CorILMethod_Sect_FatFormat))
            size &= 0xff;
        /* A section that claims less than its own head would loop for ever. */
        reader_skip(reader, size > 4 ? size - 4 : 0);
    } while ((kind & CorILMethod_Sect_MoreSects) && !reader_failed(reader));
}

enum status metadata_image_body(const struct metadata_image *image, uint32_t rva,
                                struct reader *body, struct error *error)
{
    if (rva == 0)
        return error_set(error, STATUS_NOT_FOUND, "the method has no body");
    struct reader window = metadata_image_window_rest(image, rva);
    struct reader reader = window;
    uint8_t first = reader_u8(&reader);
    if ((first & 3) == CorILMethod_TinyFormat) { /* two bits; the others are its size */
        reader_skip(&reader, first >> 2);
    } else if ((first & CorILMethod_FormatMask) == CorILMethod_FatFormat) {
        uint32_t header = (uint32_t)(reader_u8(&reader) >> 4) * 4;
        reader_skip(&reader, 2);
        uint32_t code = reader_u32(&reader);
        reader_seek(&reader, header);
        reader_skip(&reader, code);
        if (header < 12)
            reader_seek(&reader, SIZE_MAX);
        if (first & CorILMethod_MoreSects)
            skip_sections(&reader);
    } else {
        reader_seek(&reader, SIZE_MAX);
    }
    if (reader_failed(&reader))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)window.base,
                            "the method body at RVA 0x%x is malformed", rva);
    *body = reader_window(&window, 0, reader.position);
    return STATUS_OK;
}

static struct reader debug_data(const struct metadata_image *image, uint32_t size, uint32_t rva,
                                uint32_t file_offset)
{
    if (!image->mapped)
        return reader_window(&image->bytes, file_offset, size);
    if (rva == 0)
        return reader_window(&image->bytes, SIZE_MAX, 1);
    return metadata_image_window(image, rva, size);
}

static void read_codeview(struct metadata_debug *debug, struct reader data, uint32_t stamp,
                          uint16_t minor)
{
    if (reader_u32(&data) != CODEVIEW_MAGIC || !reader_copy(&data, debug->pdb_guid, 16))
        return;
    reader_u32(&data); /* age */
    const char *path = reader_text(&data, NULL);
    debug->pdb_path = path ? path : "";
    debug->pdb_stamp = stamp;
    debug->portable = minor == CODEVIEW_PORTABLE;
    debug->has_codeview = true;
}

void metadata_image_debug(const struct metadata_image *image, struct metadata_debug *debug)
{
    memset(debug, 0, sizeof(*debug));
    debug->pdb_path = "";
    reader_init(&debug->embedded, NULL, 0);
    struct reader entries =
        metadata_image_window(image, image->debug_directory.rva, image->debug_directory.size);
    for (int i = 0; i < DEBUG_MAX_ENTRIES && reader_left(&entries) >= DEBUG_ENTRY_BYTES; i++) {
        reader_skip(&entries, 4);
        uint32_t stamp = reader_u32(&entries);
        reader_skip(&entries, 2);
        uint16_t minor = reader_u16(&entries);
        uint32_t type = reader_u32(&entries);
        uint32_t size = reader_u32(&entries);
        uint32_t rva = reader_u32(&entries);
        uint32_t file_offset = reader_u32(&entries);
        struct reader data = debug_data(image, size, rva, file_offset);
        if (type == DEBUG_CODEVIEW && !debug->has_codeview) {
            read_codeview(debug, data, stamp, minor);
        } else if (type == DEBUG_EMBEDDED_PDB && reader_u32(&data) == EMBEDDED_MAGIC) {
            debug->embedded_size = reader_u32(&data);
            debug->embedded = reader_window(&data, data.position, reader_left(&data));
        }
    }
}

const uint8_t *metadata_image_mvid(const struct metadata_image *image)
{
    return metadata_guid(image, metadata_cell(image, CLR_TABLE_Module, 1, METADATA_MODULE_MVID));
}

const char *metadata_image_assembly(const struct metadata_image *image)
{
    return metadata_cell_text(image, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_NAME);
}

const char *metadata_image_module(const struct metadata_image *image)
{
    return metadata_cell_text(image, CLR_TABLE_Module, 1, METADATA_MODULE_NAME);
}

void metadata_image_assembly_version(const struct metadata_image *image, char *text, size_t size)
{
    snprintf(text, size, "%u.%u.%u.%u",
             metadata_cell(image, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_MAJOR),
             metadata_cell(image, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_MINOR),
             metadata_cell(image, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_BUILD),
             metadata_cell(image, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_REVISION));
}

/* R2R images carry the machine XORed with a number of their operating system, so that a
 * loader of another system refuses them. */
static const struct {
    uint16_t machine;
    const char *name;
} platforms[] = {
    {0x8664, "windows-x64"},          {0xaa64, "windows-arm64"},
    {0x01c4, "windows-arm"},          {0x8664 ^ 0x7b79, "linux-x64"},
    {0xaa64 ^ 0x7b79, "linux-arm64"}, {0x01c4 ^ 0x7b79, "linux-arm"},
    {0x8664 ^ 0x4644, "osx-x64"},     {0xaa64 ^ 0x4644, "osx-arm64"},
    {0x8664 ^ 0xadc4, "freebsd-x64"}, {0xaa64 ^ 0xadc4, "freebsd-arm64"},
};

const char *metadata_image_platform(const struct metadata_image *image)
{
    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
        if (platforms[i].machine == image->machine)
            return platforms[i].name;
    return image->machine == 0x014c && !image->precompiled ? "any" : "unknown";
}
