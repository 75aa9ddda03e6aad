/* IL-body imports: methods of other modules whose IL was inlined, and is compared before the code
 * is used. */
#include <string.h>

#include "base_text.h"
#include "metadata_tables.h"
#include "r2r_inlining.h"
#include "r2r_methods.h"
#include "r2r_signature.h"

#define SECTION_BYTES 20

struct import_section {
    uint32_t size;
    uint8_t entry_size;
    uint32_t signatures; /* RVA of that many RVAs */
};

static struct import_section read_section(struct reader *imports)
{
    struct import_section section;
    reader_skip(imports, 4); /* where the values stand */
    section.size = reader_u32(imports);
    reader_skip(imports, 3); /* flags, type */
    section.entry_size = reader_u8(imports);
    section.signatures = reader_u32(imports);
    reader_skip(imports, 4);
    return section;
}

static bool begins_with_il_body(const struct r2r_image *r2r, struct reader signatures)
{
    struct reader signature = metadata_image_window_rest(r2r->image, reader_u32(&signatures));
    uint8_t kind = reader_u8(&signature) & ~R2R_FIXUP_MODULE_OVERRIDE;
    return !reader_failed(&signature) &&
           (kind == R2R_FIXUP_CHECK_IL_BODY || kind == R2R_FIXUP_VERIFY_IL_BODY);
}

void r2r_imports_find(struct r2r_image *r2r)
{
    struct reader imports;
    if (!r2r_section(r2r, &r2r->core, R2R_SECTION_IMPORTS, &imports))
        return;
    while (reader_left(&imports) >= SECTION_BYTES) {
        struct import_section section = read_section(&imports);
        uint32_t count = section.entry_size ? section.size / section.entry_size : 0;
        if (count == 0 || section.signatures == 0 || count > UINT32_MAX / 4)
            continue;
        struct reader signatures = metadata_image_window(r2r->image, section.signatures, count * 4);
        if (reader_failed(&signatures) || !begins_with_il_body(r2r, signatures))
            continue;
        r2r->import_count = count;
        r2r->import_signatures = signatures;
        return;
    }
}

uint32_t r2r_import_count(const struct r2r_image *r2r)
{
    return r2r->import_count;
}

/* Kind, module, the IL and what it refers to. */
static uint32_t skip_body(struct reader *signature)
{
    uint32_t module = 0;
    if (reader_u8(signature) & R2R_FIXUP_MODULE_OVERRIDE)
        module = reader_compressed_u32(signature);
    reader_skip(signature, reader_compressed_u32(signature));
    uint32_t types = reader_compressed_u32(signature);
    for (uint32_t i = 0; i < types && !reader_failed(signature); i++)
        r2r_skip_type(signature, NULL, NULL);
    return module;
}

/* A reference of the manifest may name its assembly by a ModuleRef: "System.Private.CoreLib", or
 * "#:5", which is module index 5. */
static const char *assembly_of(const struct r2r_image *r2r, const struct metadata_image *image,
                               mdToken type)
{
    uint64_t index;
    for (int depth = 0; depth < METADATA_MAX_NESTING && token_table(type) == CLR_TABLE_TypeRef;
         depth++)
        type =
            metadata_cell_token(image, CLR_TABLE_TypeRef, token_rid(type), METADATA_TYPE_REF_SCOPE);
    if (token_table(type) != CLR_TABLE_ModuleRef)
        return "";
    const char *name =
        metadata_cell_text(image, CLR_TABLE_ModuleRef, token_rid(type), METADATA_MODULE_REF_NAME);
    if (name[0] != '#' || name[1] != ':')
        return name;
    return text_to_u64(name + 2, &index) && index <= UINT32_MAX
               ? r2r_module_resolve(r2r, (uint32_t)index).name
               : "";
}

static enum status name_import(const struct r2r_image *r2r, struct r2r_import *import,
                               struct error *error)
{
    struct metadata_member member;
    enum status status = metadata_member_read(import->image, import->token, &member, error);
    if (status == STATUS_OK)
        status = metadata_identify(import->image, member.parent, &import->type, error);
    if (status != STATUS_OK)
        return status;
    if (!import->type.assembly[0])
        import->type.assembly = assembly_of(r2r, import->image, member.parent);
    import->name = member.name;
    import->signature = member.signature;
    return STATUS_OK;
}

enum status r2r_import_read(const struct r2r_image *r2r, uint32_t row, struct r2r_import *import,
                            struct error *error)
{
    struct r2r_instance instance;
    memset(import, 0, sizeof(*import));
    import->name = import->type.assembly = import->type.name_space = "";
    reader_init(&import->signature, NULL, 0);
    if (row >= r2r->import_count)
        return error_set(error, STATUS_NOT_FOUND, "the image has no IL-body import %u", row);
    struct reader place = r2r->import_signatures;
    reader_seek(&place, (size_t)row * 4);
    uint64_t offset = reader_offset(&place);
    struct reader signature = metadata_image_window_rest(r2r->image, reader_u32(&place));
    uint32_t module = skip_body(&signature);
    if (reader_failed(&signature))
        return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                            "IL-body import %u has no whole signature", row);
    enum status status = r2r_instance_read(&signature, module, &instance, error);
    if (status != STATUS_OK)
        return status;
    import->module = instance.module;
    import->token = instance.token;
    import->is_definition = !(instance.flags & R2R_SIGNATURE_MEMBER_REF);
    struct r2r_module found = r2r_module_resolve(r2r, instance.module);
    if (found.kind == R2R_MODULE_SELF)
        import->image = r2r->image;
    else if (found.kind == R2R_MODULE_MANIFEST)
        import->image = &r2r->manifest;
    return import->image ? name_import(r2r, import, error) : STATUS_OK;
}
