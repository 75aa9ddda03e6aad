#include "r2r_methods.h"

#include <string.h>

#include "r2r_native.h"
#include "r2r_signature.h"

#define METHODS_NAME   "section 103 (method entry points)"
#define INSTANCES_NAME "section 109 (instance entry points)"
/* Signatures of different entries may share bytes; no compiler shares them so often. */
#define SHARING 16

/* The number of an entry point: the row of the runtime function, above one or two bits that say
 * where its fixups stand. */
static uint32_t read_function(struct reader *reader)
{
    uint32_t value = r2r_native_u32(reader);
    if (!(value & 1))
        return value >> 1;
    if (value & 2)
        r2r_native_u32(reader); /* how far back they stand */
    return value >> 2;
}

bool r2r_method_has_code(const struct r2r_image *r2r, const struct r2r_core *core, mdToken method,
                         uint32_t *function)
{
    struct reader section, element;
    struct r2r_array array;
    if (!token_is(method, CLR_TABLE_MethodDef) ||
        !r2r_section(r2r, core, R2R_SECTION_METHOD_ENTRY_POINTS, &section) ||
        r2r_array_open(&array, section, METHODS_NAME, NULL) != STATUS_OK ||
        r2r_array_find(&array, token_rid(method) - 1, &element, NULL) != STATUS_OK)
        return false;
    uint32_t row = read_function(&element);
    if (function)
        *function = row;
    return !reader_failed(&element);
}

enum status r2r_methods_walk(const struct r2r_image *r2r, const struct r2r_core *core,
                             r2r_method_visit visit, void *context, struct error *error)
{
    struct reader section, element;
    struct r2r_array array;
    if (!r2r_section(r2r, core, R2R_SECTION_METHOD_ENTRY_POINTS, &section))
        return STATUS_OK;
    enum status status = r2r_array_open(&array, section, METHODS_NAME, error);
    for (uint32_t i = 0; status == STATUS_OK && i < array.count && i < CLR_RID_MAX; i++) {
        status = r2r_array_find(&array, i, &element, error);
        if (status == STATUS_NOT_FOUND) {
            status = STATUS_OK;
            continue;
        }
        if (status != STATUS_OK)
            break;
        uint64_t offset = reader_offset(&element);
        uint32_t function = read_function(&element);
        if (reader_failed(&element))
            status = error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                                  METHODS_NAME ": the entry of method %u is cut off", i + 1);
        else if (!visit(context, token_make(CLR_TABLE_MethodDef, i + 1), function))
            break;
    }
    return status;
}

/* What stands between two positions of a reader. */
static struct reader between(const struct reader *reader, size_t start)
{
    return reader_window(reader, start, reader_failed(reader) ? 0 : reader->position - start);
}

static void read_owner(struct reader *signature, struct r2r_instance *instance)
{
    size_t start = signature->position;
    instance->has_owner = true;
    r2r_skip_type(signature, &instance->module, &instance->owner_type);
    instance->owner = between(signature, start);
}

static void read_arguments(struct reader *signature, struct r2r_instance *instance)
{
    instance->arguments = reader_compressed_u32(signature);
    size_t start = signature->position;
    if (instance->arguments > reader_left(signature))
        reader_skip(signature, SIZE_MAX);
    for (uint32_t i = 0; i < instance->arguments && !reader_failed(signature); i++)
        r2r_skip_type(signature, NULL, NULL);
    instance->generic = between(signature, start);
}

enum status r2r_instance_read(struct reader *signature, uint32_t module,
                              struct r2r_instance *instance, struct error *error)
{
    uint64_t offset = reader_offset(signature);
    memset(instance, 0, sizeof(*instance));
    reader_init(&instance->owner, NULL, 0);
    reader_init(&instance->generic, NULL, 0);
    instance->flags = reader_compressed_u32(signature);
    instance->module = module;
    if (instance->flags & R2R_SIGNATURE_UPDATE_CONTEXT)
        instance->module = reader_compressed_u32(signature);
    if (instance->flags & R2R_SIGNATURE_OWNER_TYPE)
        read_owner(signature, instance);
    uint32_t row = reader_compressed_u32(signature);
    bool reference = instance->flags & R2R_SIGNATURE_MEMBER_REF;
    if (!(instance->flags & R2R_SIGNATURE_SLOT))
        instance->token = token_make(reference ? CLR_TABLE_MemberRef : CLR_TABLE_MethodDef, row);
    if (instance->flags & R2R_SIGNATURE_INSTANTIATION)
        read_arguments(signature, instance);
    if (instance->flags & R2R_SIGNATURE_CONSTRAINED)
        r2r_skip_type(signature, NULL, NULL);
    if (reader_failed(signature) || row > CLR_RID_MAX)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)offset,
                            "the signature of a precompiled method is malformed");
    return STATUS_OK;
}

enum status r2r_instances_walk(const struct r2r_image *r2r, r2r_instance_visit visit, void *context,
                               struct error *error)
{
    struct reader section, payload;
    struct r2r_table table;
    if (!r2r_section(r2r, &r2r->core, R2R_SECTION_INSTANCE_ENTRY_POINTS, &section))
        return STATUS_OK;
    enum status status = r2r_table_open(&table, section, INSTANCES_NAME, error);
    size_t left = section.length * SHARING;
    while (status == STATUS_OK && (status = r2r_table_next(&table, &payload, error)) == STATUS_OK) {
        struct r2r_instance instance;
        size_t start = payload.position;
        status = r2r_instance_read(&payload, 0, &instance, error);
        if (status != STATUS_OK)
            break;
        instance.function = read_function(&payload);
        size_t used = payload.position - start;
        if (reader_failed(&payload) || used > left)
            return error_set_at(error, STATUS_MALFORMED, (int64_t)(payload.base + start),
                                INSTANCES_NAME ": the entry is cut off or shared too often");
        left -= used;
        if (!visit(context, &instance))
            return STATUS_OK;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
