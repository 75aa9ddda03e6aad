#include "r2r_callers.h"

#include <string.h>

#include "clr_element.h"
#include "clr_flags.h"
#include "il_opcode.h"
#include "metadata_tables.h"

#define MAX_DEPTH 64

enum status r2r_callee_init(struct r2r_callee *callee, const struct metadata_image *image,
                            mdToken method, struct error *error)
{
    struct metadata_member member;
    memset(callee, 0, sizeof(*callee));
    callee->image = image;
    callee->method = method;
    enum status status = metadata_member_read(image, method, &member, error);
    if (status == STATUS_OK)
        status = metadata_identify(image, member.parent, &callee->type, error);
    if (status != STATUS_OK)
        return status;
    callee->name = member.name;
    callee->signature = member.signature;
    return STATUS_OK;
}

bool r2r_is_non_versionable(const struct metadata_image *image, mdToken method)
{
    return metadata_attribute_find(
               image, method, "System.Runtime.Versioning.NonVersionableAttribute") != mdTokenNil;
}

bool r2r_is_intrinsic(const struct metadata_image *image, mdToken method)
{
    return metadata_attribute_find(
               image, method, "System.Runtime.CompilerServices.IntrinsicAttribute") != mdTokenNil;
}

/* ---- signatures of two images side by side ---- */

struct side {
    const struct metadata_image *image;
    struct reader reader;
};

static bool types_equal(struct side *a, struct side *b, unsigned depth);

static bool same_number(struct side *a, struct side *b, uint32_t *number)
{
    *number = reader_compressed_u32(&a->reader);
    return *number == reader_compressed_u32(&b->reader) && !reader_failed(&a->reader) &&
           !reader_failed(&b->reader);
}

static bool same_token(struct side *a, struct side *b)
{
    mdToken left = token_from_type_def_or_ref(reader_compressed_u32(&a->reader));
    mdToken right = token_from_type_def_or_ref(reader_compressed_u32(&b->reader));
    struct metadata_identity one, other;
    if (a->image == b->image && left == right)
        return true;
    return metadata_identify(a->image, left, &one, NULL) == STATUS_OK &&
           metadata_identify(b->image, right, &other, NULL) == STATUS_OK &&
           metadata_identity_equal(&one, &other, false);
}

static bool lists_equal(struct side *a, struct side *b, uint32_t count, unsigned depth)
{
    for (uint32_t i = 0; i < count; i++)
        if (!types_equal(a, b, depth))
            return false;
    return true;
}

static bool functions_equal(struct side *a, struct side *b, unsigned depth)
{
    uint32_t count, generics;
    uint8_t convention = reader_u8(&a->reader);
    if (convention != reader_u8(&b->reader) || reader_failed(&a->reader))
        return false;
    if ((convention & IMAGE_CEE_CS_CALLCONV_GENERIC) && !same_number(a, b, &generics))
        return false;
    return same_number(a, b, &count) && lists_equal(a, b, 1, depth) &&
           lists_equal(a, b, count, depth);
}

static bool arrays_equal(struct side *a, struct side *b, unsigned depth)
{
    uint32_t rank, count, number;
    if (!types_equal(a, b, depth) || !same_number(a, b, &rank))
        return false;
    for (int list = 0; list < 2; list++) {
        if (!same_number(a, b, &count))
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (!same_number(a, b, &number))
                return false;
    }
    return true;
}

static bool types_equal(struct side *a, struct side *b, unsigned depth)
{
    uint8_t element = reader_u8(&a->reader);
    uint32_t count;
    if (element != reader_u8(&b->reader) || reader_failed(&a->reader) ||
        reader_failed(&b->reader) || depth > MAX_DEPTH)
        return false;
    switch (element) {
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE:
        return same_token(a, b);
    case ELEMENT_TYPE_CMOD_REQD:
    case ELEMENT_TYPE_CMOD_OPT:
        return same_token(a, b) && types_equal(a, b, depth + 1);
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_BYREF:
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_PINNED:
    case ELEMENT_TYPE_SENTINEL:
        return types_equal(a, b, depth + 1);
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
        return same_number(a, b, &count);
    case ELEMENT_TYPE_GENERICINST:
        return types_equal(a, b, depth + 1) && same_number(a, b, &count) &&
               lists_equal(a, b, count, depth + 1);
    case ELEMENT_TYPE_ARRAY:
        return arrays_equal(a, b, depth + 1);
    case ELEMENT_TYPE_FNPTR:
        return functions_equal(a, b, depth + 1);
    default:
        return true;
    }
}

bool r2r_signature_equal(const struct metadata_image *a, struct reader left,
                         const struct metadata_image *b, struct reader right)
{
    struct side one = {a, left}, other = {b, right};
    if (reader_failed(&left) || reader_failed(&right))
        return false;
    return functions_equal(&one, &other, 0);
}

/* ---- methods by name ---- */

/* The image itself, or another copy of it (loaded, and its file). */
static bool same_image(const struct metadata_image *a, const struct metadata_image *b)
{
    const uint8_t *left = metadata_image_mvid(a), *right = metadata_image_mvid(b);
    return a == b || (left && right && memcmp(left, right, 16) == 0);
}

bool r2r_callee_matches(const struct r2r_callee *callee, const struct metadata_image *image,
                        mdToken token)
{
    struct metadata_member member;
    struct metadata_identity type;
    if (token_table(token) == CLR_TABLE_MethodSpec)
        token = metadata_cell_token(image, CLR_TABLE_MethodSpec, token_rid(token),
                                    METADATA_METHOD_SPEC_METHOD);
    if (token_table(token) == CLR_TABLE_MethodDef)
        return token == callee->method && same_image(image, callee->image);
    if (metadata_member_read(image, token, &member, NULL) != STATUS_OK || member.is_field ||
        strcmp(member.name, callee->name) != 0)
        return false;
    if (token_table(member.parent) == CLR_TABLE_MethodDef) /* a vararg call site */
        return member.parent == callee->method && same_image(image, callee->image);
    if (metadata_identify(image, member.parent, &type, NULL) != STATUS_OK ||
        !metadata_identity_equal(&type, &callee->type, false))
        return false;
    return r2r_signature_equal(image, member.signature, callee->image, callee->signature);
}

mdToken r2r_find_method(const struct metadata_image *image, const struct metadata_identity *type,
                        const char *name, const struct metadata_image *from,
                        struct reader signature)
{
    mdToken owner = metadata_find_type(image, type);
    if (owner == mdTokenNil)
        return mdTokenNil;
    struct metadata_rows rows = metadata_type_methods(image, owner);
    for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        uint32_t row = token_rid(method);
        if (strcmp(metadata_cell_text(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_NAME),
                   name) != 0)
            continue;
        struct reader own =
            metadata_cell_blob(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_SIGNATURE);
        if (r2r_signature_equal(image, own, from, signature))
            return method;
    }
    return mdTokenNil;
}

/* ---- call sites ---- */

static bool calls(uint32_t opcode)
{
    return opcode == CEE_CALL || opcode == CEE_CALLVIRT || opcode == CEE_NEWOBJ ||
           opcode == CEE_LDFTN || opcode == CEE_LDVIRTFTN || opcode == CEE_JMP;
}

static void skip_operand(struct reader *code, uint32_t operand)
{
    static const uint8_t sizes[] = {
        [IL_OPERAND_I1] = 1,      [IL_OPERAND_U1] = 1,     [IL_OPERAND_I4] = 4,
        [IL_OPERAND_I8] = 8,      [IL_OPERAND_R4] = 4,     [IL_OPERAND_R8] = 8,
        [IL_OPERAND_VAR1] = 1,    [IL_OPERAND_VAR2] = 2,   [IL_OPERAND_BRANCH1] = 1,
        [IL_OPERAND_BRANCH4] = 4, [IL_OPERAND_METHOD] = 4, [IL_OPERAND_FIELD] = 4,
        [IL_OPERAND_TYPE] = 4,    [IL_OPERAND_STRING] = 4, [IL_OPERAND_SIGNATURE] = 4,
        [IL_OPERAND_TOKEN] = 4,
    };
    if (operand == IL_OPERAND_SWITCH)
        reader_skip(code, (size_t)reader_u32(code) * 4);
    else if (operand < sizeof(sizes))
        reader_skip(code, sizes[operand]);
}

/* The token of the next call; nil at the end, or where the code is malformed. */
static mdToken next_call(struct reader *code)
{
    while (reader_left(code) > 0 && !reader_failed(code)) {
        uint32_t opcode = reader_u8(code);
        if (opcode == CEE_PREFIX1)
            opcode = opcode << 8 | reader_u8(code);
        const struct il_opcode_info *info = il_opcode_info(opcode);
        if (!info)
            reader_skip(code, SIZE_MAX);
        else if (calls(opcode))
            return reader_u32(code);
        else
            skip_operand(code, info->operand);
    }
    return mdTokenNil;
}

/* The instructions of a body: behind its header, without its extra sections. */
static struct reader code_of(struct reader body)
{
    uint8_t first = reader_u8(&body);
    if ((first & 3) == CorILMethod_TinyFormat)
        return reader_window(&body, 1, first >> 2);
    uint32_t header = (uint32_t)(reader_u8(&body) >> 4) * 4;
    reader_skip(&body, 2);
    uint32_t size = reader_u32(&body);
    return reader_window(&body, header, size);
}

struct callers {
    const mdToken *callees;
    size_t count;
    r2r_caller_visit visit;
    void *context;
};

/* The position of a token in an ascending list; `count`: it is not there. */
static size_t position_of(const struct callers *callers, mdToken token)
{
    size_t low = 0, high = callers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (callers->callees[middle] < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low < callers->count && callers->callees[low] == token ? low : callers->count;
}

static bool visit_calls(const struct callers *callers, mdToken method, struct reader code)
{
    mdToken token;
    while ((token = next_call(&code)) != mdTokenNil) {
        size_t position = position_of(callers, token);
        if (position == callers->count)
            continue;
        if (!callers->visit(callers->context, method, position))
            return false;
    }
    return true;
}

void r2r_callers_walk(const struct metadata_image *image, const mdToken *callees, size_t count,
                      r2r_caller_visit visit, void *context, size_t *unreadable)
{
    struct callers callers = {callees, count, visit, context};
    uint32_t rows = metadata_row_count(image, CLR_TABLE_MethodDef);
    if (unreadable)
        *unreadable = 0;
    for (uint32_t row = 1; row <= rows && count > 0; row++) {
        uint32_t flags = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS);
        uint32_t impl =
            metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
        uint32_t rva = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA);
        struct reader body;
        if (rva == 0 || !clr_method_has_il(flags, impl))
            continue;
        if (metadata_image_body(image, rva, &body, NULL) != STATUS_OK) {
            if (unreadable)
                ++*unreadable;
            continue;
        }
        if (!visit_calls(&callers, token_make(CLR_TABLE_MethodDef, row), code_of(body)))
            return;
    }
}
