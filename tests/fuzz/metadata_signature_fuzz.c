// uses: metadata
/* Signatures of all kinds, and their text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "metadata_signature.h"

static void print(const struct meta_signature *signature, struct buffer *text)
{
    static struct metadata_image nothing;
    metadata_image_open_root(&nothing, "", 0, NULL); /* fails: all that it holds is empty */
    struct metadata_scope scope = {mdTokenNil, mdTokenNil};
    metadata_type_print(&nothing, signature->result, scope, METADATA_PRINT_NAMESPACE, text);
    for (uint32_t i = 0; i < signature->parameter_count; i++)
        metadata_type_print(&nothing, signature->parameters[i], scope, METADATA_PRINT_SHORT, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meta_signature signature = {0};
    struct meta_type *type = NULL;
    struct reader blob;
    struct arena arena;
    struct buffer text;
    struct error error;
    reader_init(&blob, data, size);
    /* 8 bytes a claimed part and one node a byte are the promise. */
    arena_init(&arena, 1 << 20 | size * 256);
    buffer_init(&text, 1 << 22);
    if (metadata_signature_standalone(blob, &arena, &signature, &error) == STATUS_OK)
        print(&signature, &text);
    else if (error.status == STATUS_MEMORY)
        abort();
    if (metadata_signature_property(blob, &arena, &signature, &error) == STATUS_OK)
        print(&signature, &text);
    if (metadata_signature_instantiation(blob, &arena, &signature, &error) == STATUS_OK)
        print(&signature, &text);
    if (metadata_signature_type(blob, &arena, &type, &error) == STATUS_OK) {
        signature.result = type;
        signature.parameter_count = 0;
        print(&signature, &text);
    }
    buffer_release(&text);
    arena_release(&arena);
    return 0;
}
