/*
 * weave_fake: tokens from a table instead of the runtime's metadata, and entry points that
 * are told apart by their numbers. For the tests of room weave.
 */
#ifndef WEAVE_FAKE_H
#define WEAVE_FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clr_element.h"
#include "clr_flags.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_signature.h"
#include "metadata_tables.h"
#include "weave.h"

/* Addresses as they appear in the code. */
enum fake_entry {
    FAKE_ENTER = 0x1000,
    FAKE_STAGE = 0x2000,
    FAKE_RETURN = 0x3000,
    FAKE_THROW = 0x4000,
    FAKE_COUNT = 0x5000,
    FAKE_KEY_WANTED = 0x6000,
    FAKE_SUSPENDED = 0x7000,
    FAKE_ASYNC_FIRST = 0x8000,
    FAKE_ASYNC_RETURN = 0x9000,
    FAKE_ASYNC_THROW = 0xa000,
    FAKE_ITERATOR_START = 0xb000,
    FAKE_ITERATOR_NEXT = 0xc000,
    FAKE_ITERATOR_THROW = 0xd000,
};

static const struct weave_entry_points fake_entry_points = {
    .enter = (const void *)FAKE_ENTER,
    .stage = (const void *)FAKE_STAGE,
    .return_ = (const void *)FAKE_RETURN,
    .throw_ = (const void *)FAKE_THROW,
    .count = (const void *)FAKE_COUNT,
    .suspended_key_wanted = (const void *)FAKE_KEY_WANTED,
    .suspended = (const void *)FAKE_SUSPENDED,
    .async_first = (const void *)FAKE_ASYNC_FIRST,
    .async_return = (const void *)FAKE_ASYNC_RETURN,
    .async_throw = (const void *)FAKE_ASYNC_THROW,
    .iterator_start = (const void *)FAKE_ITERATOR_START,
    .iterator_next = (const void *)FAKE_ITERATOR_NEXT,
    .iterator_throw = (const void *)FAKE_ITERATOR_THROW,
};

#define FAKE_FIRST_RID    0x00a00000u
#define FAKE_CDECL        0x01a00001u
#define FAKE_SUPPRESS     0x01a00002u
#define FAKE_TASK         0x01a00003u
#define FAKE_HELPERS      0x01a00004u
#define FAKE_GET_ID       0x0aa00001u
#define FAKE_GET_HASH     0x0aa00002u
#define FAKE_DECIMAL      0x01a00005u
#define FAKE_DECIMAL_NEW  0x0aa00003u
#define FAKE_SPEC         0x1b000000u /* TypeSpec, FAKE_FIRST_RID + index of the blob */
#define FAKE_MEMBER       0x0ab00000u /* | the rid's lower part of the parent */
#define FAKE_STRING       0x70000000u /* | units */
#define FAKE_MAX_BLOBS    65536u
#define FAKE_HASH_BUCKETS 131072u

struct fake_blob {
    uint8_t *bytes;
    size_t length;
};

struct fake_tokens {
    struct weave_tokens tokens;
    struct fake_blob blobs[FAKE_MAX_BLOBS];
    uint32_t count;
    uint32_t buckets[FAKE_HASH_BUCKETS]; /* index + 1 */
    uint32_t fail_after;                 /* 0: never */
    uint32_t asked;
};

static inline bool fake_fails(struct fake_tokens *fake)
{
    return ++fake->asked == fake->fail_after;
}

static inline enum status fake_signature(void *context, const uint8_t *blob, size_t length,
                                         uint32_t *token, struct error *error)
{
    struct fake_tokens *fake = context;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ blob[i]) * 16777619u;
    uint32_t bucket = hash % FAKE_HASH_BUCKETS;
    if (fake_fails(fake))
        return error_set(error, STATUS_TARGET, "no more signatures");
    for (; fake->buckets[bucket]; bucket = (bucket + 1) % FAKE_HASH_BUCKETS) {
        struct fake_blob *old = &fake->blobs[fake->buckets[bucket] - 1];
        if (old->length == length && memcmp(old->bytes, blob, length) == 0) {
            *token = 0x11000000u | (FAKE_FIRST_RID + fake->buckets[bucket] - 1);
            return STATUS_OK;
        }
    }
    if (fake->count == FAKE_MAX_BLOBS)
        return error_set(error, STATUS_LIMIT, "too many signatures");
    fake->blobs[fake->count].bytes = malloc(length);
    memcpy(fake->blobs[fake->count].bytes, blob, length);
    fake->blobs[fake->count].length = length;
    *token = 0x11000000u | (FAKE_FIRST_RID + fake->count);
    fake->buckets[bucket] = ++fake->count;
    return STATUS_OK;
}

static inline enum status fake_core_type(void *context, const char *name_space, const char *name,
                                         uint32_t *token, struct error *error)
{
    (void)name_space;
    if (fake_fails(context))
        return error_set(error, STATUS_TARGET, "no more types");
    *token = strcmp(name, "CallConvCdecl") == 0                  ? FAKE_CDECL
             : strcmp(name, "CallConvSuppressGCTransition") == 0 ? FAKE_SUPPRESS
             : strcmp(name, "Task") == 0                         ? FAKE_TASK
             : strcmp(name, "Decimal") == 0                      ? FAKE_DECIMAL
                                                                 : FAKE_HELPERS;
    return STATUS_OK;
}

static inline enum status fake_core_method(void *context, uint32_t type, const char *name,
                                           const uint8_t *signature, size_t length, uint32_t *token,
                                           struct error *error)
{
    (void)type;
    (void)signature;
    (void)length;
    if (fake_fails(context))
        return error_set(error, STATUS_TARGET, "no more methods");
    *token = strcmp(name, "get_Id") == 0  ? FAKE_GET_ID
             : strcmp(name, ".ctor") == 0 ? FAKE_DECIMAL_NEW
                                          : FAKE_GET_HASH;
    return STATUS_OK;
}

static inline enum status fake_signature_blob(void *context, uint32_t token, const uint8_t **blob,
                                              size_t *length, struct error *error)
{
    struct fake_tokens *fake = context;
    uint32_t index = (token & 0x00ffffffu) - FAKE_FIRST_RID;
    if (token >> 24 != 0x11 || index >= fake->count)
        return error_set(error, STATUS_NOT_FOUND, "no such signature");
    *blob = fake->blobs[index].bytes;
    *length = fake->blobs[index].length;
    return STATUS_OK;
}

static inline enum status fake_type_spec(void *context, const uint8_t *blob, size_t length,
                                         uint32_t *token, struct error *error)
{
    enum status status = fake_signature(context, blob, length, token, error);
    *token = FAKE_SPEC | (*token & 0x00ffffffu);
    return status;
}

static inline enum status fake_member(void *context, uint32_t parent, const char *name,
                                      const uint8_t *signature, size_t length, uint32_t *token,
                                      struct error *error)
{
    if (fake_fails(context))
        return error_set(error, STATUS_TARGET, "no more members");
    if (strcmp(name, ".ctor") != 0 || length != 5 || signature[3] != ELEMENT_TYPE_VAR)
        return error_set(error, STATUS_NOT_FOUND, "no such member");
    *token = FAKE_MEMBER | (parent & 0xffffu);
    return STATUS_OK;
}

static inline enum status fake_user_string(void *context, const uint16_t *units, size_t count,
                                           uint32_t *token, struct error *error)
{
    if (fake_fails(context))
        return error_set(error, STATUS_TARGET, "no more strings");
    *token = FAKE_STRING | (uint32_t)(count << 16) | (count ? units[0] : 0);
    return STATUS_OK;
}

static inline struct fake_tokens *fake_new(void)
{
    struct fake_tokens *fake = calloc(1, sizeof *fake);
    fake->tokens = (struct weave_tokens){.context = fake,
                                         .signature = fake_signature,
                                         .core_type = fake_core_type,
                                         .core_method = fake_core_method,
                                         .signature_blob = fake_signature_blob,
                                         .type_spec = fake_type_spec,
                                         .member = fake_member,
                                         .user_string = fake_user_string};
    return fake;
}

static inline void fake_free(struct fake_tokens *fake)
{
    for (uint32_t i = 0; i < fake->count; i++)
        free(fake->blobs[i].bytes);
    free(fake);
}

/* ---- everything that a method has to show -------------------------------------------------- */

static inline enum weave_pass fake_pass(const struct meta_type *type)
{
    type = metadata_type_plain(type);
    return weave_pass_of(type->element, type->element == ELEMENT_TYPE_GENERICINST &&
                                            type->inner->element == ELEMENT_TYPE_VALUETYPE);
}

static inline void fake_add(struct weave_value *values, uint32_t *count, enum weave_source source,
                            uint32_t index, enum weave_pass pass)
{
    if (pass && *count < 96)
        values[(*count)++] =
            (struct weave_value){.source = source, .index = (uint16_t)index, .pass = pass};
}

/* All arguments; `this` too, unless `skip_this`; and the result where wanted. */
static inline uint32_t fake_values(const struct metadata_image *image, mdToken method,
                                   struct weave_value *values, bool skip_this, bool result)
{
    struct arena arena;
    struct meta_signature signature;
    uint32_t count = 0;
    arena_init(&arena, 1u << 20);
    if (metadata_method_signature(image, method, &arena, &signature, NULL) == STATUS_OK) {
        uint32_t index = 0;
        if (signature.convention & IMAGE_CEE_CS_CALLCONV_HASTHIS) {
            bool value = metadata_type_is_value_type(image, metadata_owner(image, method));
            if (!skip_this)
                fake_add(values, &count, WEAVE_ARGUMENT, 0,
                         value ? WEAVE_PASS_ADDRESS : WEAVE_PASS_REFERENCE);
            index = 1;
        }
        for (uint32_t i = 0; i < signature.parameter_count; i++)
            fake_add(values, &count, WEAVE_ARGUMENT, index + i, fake_pass(signature.parameters[i]));
        if (result)
            fake_add(values, &count, WEAVE_RESULT, 0, fake_pass(signature.result));
    }
    arena_release(&arena);
    return count;
}

#endif
