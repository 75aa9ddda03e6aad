#include "r2r_image.h"

#include <string.h>

#include "metadata_tables.h"
#include "r2r_signature.h"

#define HEADER_BYTES    16
#define ROW_BYTES       12
#define COMPONENT_BYTES 16
#define MVID_BYTES      16

static enum status malformed(struct error *error, uint64_t offset, const char *what)
{
    return error_set_at(error, STATUS_MALFORMED, (int64_t)offset, "ReadyToRun header: %s", what);
}

/* Those that this room reads. A section that nobody asks for may be anything. */
static bool of_interest(uint32_t type)
{
    static const uint8_t types[] = {
        R2R_SECTION_COMPILER,
        R2R_SECTION_IMPORTS,
        R2R_SECTION_METHOD_ENTRY_POINTS,
        R2R_SECTION_INSTANCE_ENTRY_POINTS,
        R2R_SECTION_INLINING,
        R2R_SECTION_MANIFEST,
        R2R_SECTION_INLINING2,
        R2R_SECTION_COMPONENTS,
        R2R_SECTION_OWNER,
        R2R_SECTION_MANIFEST_MVIDS,
        R2R_SECTION_CROSS_MODULE_INLINING,
    };
    return memchr(types, (int)type, sizeof(types)) && type <= UINT8_MAX;
}

/* One row of the list. The first of a type counts. */
static enum status read_row(const struct r2r_image *r2r, struct reader *rows, struct r2r_core *core,
                            struct error *error)
{
    uint64_t offset = reader_offset(rows);
    uint32_t type = reader_u32(rows);
    struct metadata_directory place;
    place.rva = reader_u32(rows);
    place.size = reader_u32(rows);
    if (!of_interest(type))
        return STATUS_OK;
    struct reader window = metadata_image_window(r2r->image, place.rva, place.size);
    if (place.size > 0 && reader_failed(&window))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                            "ReadyToRun header: section %u (%u bytes at RVA 0x%x) is not in the "
                            "image",
                            type, place.size, place.rva);
    struct metadata_directory *known = &core->places[type - R2R_SECTION_FIRST];
    if (known->rva == 0)
        *known = place;
    return STATUS_OK;
}

/* Flags, count and rows, from `rva`. */
static enum status read_core(const struct r2r_image *r2r, uint32_t rva, struct r2r_core *core,
                             struct error *error)
{
    struct reader head = metadata_image_window(r2r->image, rva, 8);
    memset(core, 0, sizeof(*core));
    core->flags = reader_u32(&head);
    core->count = reader_u32(&head);
    if (reader_failed(&head) || rva > UINT32_MAX - 8)
        return malformed(error, rva, "the list of sections is not in the image");
    if (core->count > R2R_MAX_SECTIONS)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)head.base,
                            "ReadyToRun header: %u sections, more than any compiler writes",
                            core->count);
    struct reader rows = metadata_image_window(r2r->image, rva + 8, core->count * ROW_BYTES);
    if (reader_failed(&rows))
        return malformed(error, head.base, "its list of sections leaves the image");
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < core->count && status == STATUS_OK; i++)
        status = read_row(r2r, &rows, core, error);
    return status;
}

bool r2r_section(const struct r2r_image *r2r, const struct r2r_core *core,
                 enum r2r_section_type type, struct reader *section)
{
    uint32_t index = (uint32_t)type - R2R_SECTION_FIRST;
    if (index >= R2R_SECTION_TYPES || core->places[index].rva == 0)
        return false;
    *section = metadata_image_window(r2r->image, core->places[index].rva, core->places[index].size);
    return !reader_failed(section);
}

static enum status open_manifest(struct r2r_image *r2r, struct error *error)
{
    struct reader section;
    if (r2r_section(r2r, &r2r->core, R2R_SECTION_MANIFEST_MVIDS, &section))
        r2r->manifest_mvids = section;
    if (!r2r_section(r2r, &r2r->core, R2R_SECTION_MANIFEST, &section) || section.length == 0)
        return STATUS_OK;
    const uint8_t *bytes = reader_bytes(&section, section.length);
    enum status status = metadata_image_open_root(&r2r->manifest, bytes, section.length, error);
    if (status) {
        if (error && error->offset >= 0)
            error->offset += (int64_t)section.base;
        error_prefix(error, "manifest metadata of the precompiled code: ");
        return status;
    }
    r2r->has_manifest = true;
    return STATUS_OK;
}

static enum status open_components(struct r2r_image *r2r, struct error *error)
{
    if (!r2r_section(r2r, &r2r->core, R2R_SECTION_COMPONENTS, &r2r->components))
        return STATUS_OK;
    r2r->composite = true;
    size_t count = r2r->components.length / COMPONENT_BYTES;
    if (count > R2R_MAX_COMPONENTS)
        return malformed(error, r2r->components.base, "more components than can be");
    r2r->component_count = (uint32_t)count;
    return STATUS_OK;
}

enum status r2r_image_open(struct r2r_image *r2r, const struct metadata_image *image,
                           struct error *error)
{
    memset(r2r, 0, sizeof(*r2r));
    reader_init(&r2r->components, NULL, 0);
    reader_init(&r2r->manifest_mvids, NULL, 0);
    reader_init(&r2r->import_signatures, NULL, 0);
    r2r->image = image;
    r2r->major = image->r2r_major;
    r2r->minor = image->r2r_minor;
    if (!image->precompiled)
        return error_set(error, STATUS_NOT_FOUND, "the image holds no precompiled code");
    if (image->native_header.size < HEADER_BYTES ||
        image->native_header.rva > UINT32_MAX - HEADER_BYTES)
        return malformed(error, image->native_header.rva, "it is too small");
    enum status status = read_core(r2r, image->native_header.rva + 8, &r2r->core, error);
    if (status == STATUS_OK)
        status = open_components(r2r, error);
    if (status == STATUS_OK)
        status = open_manifest(r2r, error);
    if (status == STATUS_OK)
        r2r_imports_find(r2r);
    return status;
}

/* Some compilers end it with a NUL, others do not. */
void r2r_image_compiler(const struct r2r_image *r2r, char *text, size_t size)
{
    struct reader section;
    size_t length = 0;
    if (size == 0)
        return;
    if (r2r_section(r2r, &r2r->core, R2R_SECTION_COMPILER, &section))
        length = section.length < size - 1 ? section.length : size - 1;
    if (length == 0 || !reader_copy(&section, text, length))
        length = 0;
    text[length] = 0;
}

const char *r2r_image_owner(const struct r2r_image *r2r)
{
    struct reader section;
    if (!r2r_section(r2r, &r2r->core, R2R_SECTION_OWNER, &section))
        return NULL;
    const char *text = reader_text(&section, NULL);
    return text && text[0] ? text : NULL;
}

static const char *listed_name(const struct r2r_image *r2r, uint32_t row)
{
    if (!r2r->has_manifest)
        return "";
    return metadata_cell_text(&r2r->manifest, CLR_TABLE_AssemblyRef, row,
                              METADATA_ASSEMBLY_REF_NAME);
}

static const uint8_t *listed_mvid(const struct r2r_image *r2r, uint32_t row)
{
    static const uint8_t none[MVID_BYTES];
    struct reader mvids = r2r->manifest_mvids;
    reader_seek(&mvids, (size_t)(row - 1) * MVID_BYTES);
    const uint8_t *mvid = reader_bytes(&mvids, MVID_BYTES);
    return mvid && memcmp(mvid, none, MVID_BYTES) != 0 ? mvid : NULL;
}

/* AssemblyRefs of the assembly's own metadata stand before the manifest's; a composite has
 * none: what metadata it has is the manifest. */
static uint32_t own_references(const struct r2r_image *r2r)
{
    return r2r->composite ? 0 : metadata_row_count(r2r->image, CLR_TABLE_AssemblyRef);
}

struct r2r_module r2r_module_resolve(const struct r2r_image *r2r, uint32_t index)
{
    uint32_t own = own_references(r2r);
    struct r2r_module module = {.index = index, .name = ""};
    if (index == 0) {
        module.kind = R2R_MODULE_SELF;
        module.name = metadata_image_assembly(r2r->image);
        module.mvid = metadata_image_mvid(r2r->image);
    } else if (index <= own) {
        module.kind = R2R_MODULE_REFERENCE;
        module.row = index;
        module.name = metadata_cell_text(r2r->image, CLR_TABLE_AssemblyRef, index,
                                         METADATA_ASSEMBLY_REF_NAME);
    } else if (index == own + 1) {
        module.kind = r2r->has_manifest ? R2R_MODULE_MANIFEST : R2R_MODULE_UNKNOWN;
    } else if (r2r->has_manifest &&
               index - own - 1 <= metadata_row_count(&r2r->manifest, CLR_TABLE_AssemblyRef)) {
        module.kind = R2R_MODULE_LISTED;
        module.row = index - own - 1;
        module.name = listed_name(r2r, module.row);
        module.mvid = listed_mvid(r2r, module.row);
    }
    return module;
}

enum status r2r_component_read(const struct r2r_image *r2r, uint32_t index,
                               struct r2r_component *component, struct error *error)
{
    if (index >= r2r->component_count)
        return error_set(error, STATUS_NOT_FOUND, "the image has no component %u", index);
    struct reader row = r2r->components;
    reader_seek(&row, (size_t)index * COMPONENT_BYTES + 8);
    uint32_t rva = reader_u32(&row);
    memset(component, 0, sizeof(*component));
    component->index = index;
    component->module = index + 2; /* 0: self, 1: the manifest */
    component->name = listed_name(r2r, index + 1);
    component->mvid = listed_mvid(r2r, index + 1);
    return read_core(r2r, rva, &component->core, error);
}

static const struct {
    uint16_t value;
    const char *name;
} machines[] = {
    {0x8664, "x64"}, {0xaa64, "arm64"},       {0x01c4, "arm"},
    {0x014c, "x86"}, {0x6264, "loongarch64"}, {0x5064, "riscv64"},
};
/* By enum r2r_system. */
static const struct {
    uint16_t value; /* XORed into the machine */
    const char *name;
} systems[] = {
    {0x0000, "windows"}, {0x7b79, "linux"},  {0x4644, "osx"},
    {0xadc4, "freebsd"}, {0x1993, "netbsd"}, {0x1992, "sunos"},
};

struct r2r_platform r2r_image_platform(const struct r2r_image *r2r)
{
    uint16_t stands = r2r->image->machine;
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
        for (size_t j = 0; j < sizeof(machines) / sizeof(machines[0]); j++)
            if ((machines[j].value ^ systems[i].value) == stands)
                return (struct r2r_platform){machines[j].value, (enum r2r_system)i,
                                             machines[j].name, systems[i].name};
    return (struct r2r_platform){stands, R2R_SYSTEM_UNKNOWN, "unknown", "unknown"};
}
