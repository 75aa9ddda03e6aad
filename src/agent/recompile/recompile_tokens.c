/*
 * Tokens in the scope of a module, added to its metadata while the program runs
 * (struct weave_tokens of weave.h over IMetaDataEmit).
 *
 * What is added are stand-alone signatures, references to public types and methods of
 * System.Private.CoreLib, and at most one AssemblyRef to it; for replaced bodies instances of
 * generic types, members of these, and strings. A reference is made only to what
 * CoreLib's own image has: a wrong one would surface in the target as a TypeLoadException.
 * Inside CoreLib the definitions themselves are named.
 *
 * All calls of the metadata interfaces in this process are serialised by recompile.emit.
 */
#include <stdlib.h>
#include <string.h>

#include "base_utf16.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "recompile_internal.h"

#define CORE_LIBRARY "System.Private.CoreLib"

/* One answer, found again by the bytes of its question. */
struct token_answer {
    struct token_answer *next;
    uint32_t token;
    uint32_t length;
    uint8_t question[];
};

struct module_tokens {
    struct weave_tokens face; /* first: what weave sees */
    struct recompile *recompile;
    struct module_entry *entry;
    struct IMetaDataEmit2 *emit;
    struct IMetaDataAssemblyEmit *assembly_emit;
    struct IMetaDataImport2 *import;
    const struct metadata_image *core;
    bool is_core;
    uint32_t core_ref;  /* AssemblyRef to CoreLib; 0: not made yet */
    struct map answers; /* hash of the question -> struct token_answer chain */
};

/* ---- the cache ---- */

static bool answer_find(struct module_tokens *tokens, const struct buffer *question,
                        uint32_t *token)
{
    uint64_t chain = 0;
    if (!map_get(&tokens->answers, map_hash_bytes(question->data, question->length), &chain))
        return false;
    for (struct token_answer *at = (struct token_answer *)(uintptr_t)chain; at; at = at->next) {
        if (at->length == question->length &&
            memcmp(at->question, question->data, question->length) == 0) {
            *token = at->token;
            return true;
        }
    }
    return false;
}

/* Without memory the answer is not kept; the runtime finds duplicates by itself. */
static void answer_keep(struct module_tokens *tokens, const struct buffer *question, uint32_t token)
{
    const uint64_t hash = map_hash_bytes(question->data, question->length);
    struct token_answer *answer = malloc(sizeof(*answer) + question->length);
    uint64_t chain = 0;
    if (!answer)
        return;
    map_get(&tokens->answers, hash, &chain);
    answer->next = (struct token_answer *)(uintptr_t)chain;
    answer->token = token;
    answer->length = (uint32_t)question->length;
    memcpy(answer->question, question->data, question->length);
    if (!map_put(&tokens->answers, hash, (uintptr_t)answer))
        free(answer);
}

static enum status refused(struct error *error, const char *what, HRESULT result)
{
    char text[HRESULT_TEXT_BYTES];
    return error_set(error, STATUS_TARGET, "%s: %s", what,
                     hresult_text(result, text, sizeof(text)));
}

/* ---- tokens that are made; under recompile.emit ---- */

/* What weave asks for. `parent`, name and bytes as the kind has them; together they are the
 * question under which the answer is kept. */
struct wish {
    char kind;
    uint32_t parent;
    const char *name;
    const void *bytes;
    size_t length;
    enum status (*make)(struct module_tokens *tokens, const struct wish *wish, uint32_t *token,
                        struct error *error);
};

static enum status make_signature(struct module_tokens *tokens, const struct wish *wish,
                                  uint32_t *token, struct error *error)
{
    const HRESULT result = tokens->emit->vtbl->GetTokenFromSig(tokens->emit, wish->bytes,
                                                               (uint32_t)wish->length, token);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no signature", result);
    return STATUS_OK;
}

static enum status make_core_ref(struct module_tokens *tokens, struct error *error)
{
    static const uint8_t key_token[8] = {0x7c, 0xec, 0x85, 0xd7, 0xbe, 0xa7, 0x79, 0x8e};
    const struct metadata_image *core = tokens->core;
    struct ASSEMBLYMETADATA version = {
        .usMajorVersion =
            (uint16_t)metadata_cell(core, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_MAJOR),
        .usMinorVersion =
            (uint16_t)metadata_cell(core, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_MINOR),
        .usBuildNumber =
            (uint16_t)metadata_cell(core, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_BUILD),
        .usRevisionNumber =
            (uint16_t)metadata_cell(core, CLR_TABLE_Assembly, 1, METADATA_ASSEMBLY_REVISION),
    };
    WCHAR name[sizeof(CORE_LIBRARY)];
    utf16_from_utf8(name, sizeof(CORE_LIBRARY), CORE_LIBRARY);
    const HRESULT result = tokens->assembly_emit->vtbl->DefineAssemblyRef(
        tokens->assembly_emit, key_token, sizeof(key_token), name, &version, NULL, 0, 0,
        &tokens->core_ref);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no reference to " CORE_LIBRARY, result);
    return STATUS_OK;
}

static bool is_public(const struct metadata_image *core, mdToken type)
{
    return (metadata_cell(core, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_FLAGS) &
            tdVisibilityMask) == tdPublic;
}

static enum status make_type(struct module_tokens *tokens, const struct wish *wish, uint32_t *token,
                             struct error *error)
{
    const char *full_name = wish->name;
    const mdToken definition = metadata_find_type_text(tokens->core, full_name);
    if (token_is_nil(definition) || !is_public(tokens->core, definition))
        return error_set(error, STATUS_NOT_FOUND, "this runtime has no public type '%s'",
                         full_name);
    if (tokens->is_core) {
        *token = definition;
        return STATUS_OK;
    }
    if (!tokens->core_ref) {
        const enum status status = make_core_ref(tokens, error);
        if (status != STATUS_OK)
            return status;
    }
    WCHAR name[512];
    utf16_from_utf8(name, sizeof(name) / sizeof(name[0]), full_name);
    const HRESULT result =
        tokens->emit->vtbl->DefineTypeRefByName(tokens->emit, tokens->core_ref, name, token);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no type reference", result);
    return STATUS_OK;
}

/* The MethodDef of that name and signature in a type of CoreLib itself. */
static enum status find_core_method(struct module_tokens *tokens, const struct wish *wish,
                                    uint32_t *token, struct error *error)
{
    struct metadata_rows rows = metadata_type_methods(tokens->core, wish->parent);
    for (mdToken method; (method = metadata_rows_next(tokens->core, &rows)) != mdTokenNil;) {
        const uint32_t row = token_rid(method);
        const struct reader blob = metadata_cell_blob(tokens->core, CLR_TABLE_MethodDef, row,
                                                      METADATA_METHOD_DEF_SIGNATURE);
        const char *found =
            metadata_cell_text(tokens->core, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_NAME);
        if (strcmp(found, wish->name) == 0 && blob.length == wish->length &&
            memcmp(blob.data, wish->bytes, wish->length) == 0) {
            *token = method;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_NOT_FOUND, "this runtime has no method '%s' of that form",
                     wish->name);
}

/* A reference by name to a member of `parent`. */
static enum status make_member(struct module_tokens *tokens, const struct wish *wish,
                               uint32_t *token, struct error *error)
{
    WCHAR wide[256];
    utf16_from_utf8(wide, sizeof(wide) / sizeof(wide[0]), wish->name);
    const HRESULT result = tokens->emit->vtbl->DefineMemberRef(
        tokens->emit, wish->parent, wide, wish->bytes, (uint32_t)wish->length, token);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no member reference", result);
    return STATUS_OK;
}

static enum status make_method(struct module_tokens *tokens, const struct wish *wish,
                               uint32_t *token, struct error *error)
{
    return tokens->is_core ? find_core_method(tokens, wish, token, error)
                           : make_member(tokens, wish, token, error);
}

static enum status make_type_spec(struct module_tokens *tokens, const struct wish *wish,
                                  uint32_t *token, struct error *error)
{
    const HRESULT result = tokens->emit->vtbl->GetTokenFromTypeSpec(tokens->emit, wish->bytes,
                                                                    (uint32_t)wish->length, token);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no type", result);
    return STATUS_OK;
}

static enum status make_user_string(struct module_tokens *tokens, const struct wish *wish,
                                    uint32_t *token, struct error *error)
{
    static const WCHAR none[1] = {0};
    const HRESULT result = tokens->emit->vtbl->DefineUserString(
        tokens->emit, wish->length ? (const WCHAR *)wish->bytes : none,
        (uint32_t)(wish->length / sizeof(WCHAR)), token);
    if (hresult_failed(result))
        return refused(error, "the runtime takes no string", result);
    return STATUS_OK;
}

/* ---- what weave asks; each takes recompile.emit ---- */

static void spell(const struct wish *wish, struct buffer *question)
{
    buffer_append_u8(question, (uint8_t)wish->kind);
    buffer_append_u32(question, wish->parent);
    if (wish->name)
        buffer_append(question, wish->name, strlen(wish->name) + 1);
    buffer_append(question, wish->bytes, wish->length);
}

static enum status fulfil(struct module_tokens *tokens, const struct wish *wish, uint32_t *token,
                          struct error *error)
{
    struct buffer question;
    enum status status = STATUS_OK;
    buffer_init(&question, 0);
    spell(wish, &question);
    pthread_mutex_lock(&tokens->recompile->emit);
    if (buffer_failed(&question)) {
        status = error_set(error, STATUS_MEMORY, "out of memory");
    } else if (!answer_find(tokens, &question, token)) {
        status = wish->make(tokens, wish, token, error);
        if (status == STATUS_OK)
            answer_keep(tokens, &question, *token);
    }
    pthread_mutex_unlock(&tokens->recompile->emit);
    buffer_release(&question);
    return status;
}

static enum status weave_signature(void *context, const uint8_t *blob, size_t length,
                                   uint32_t *token, struct error *error)
{
    const struct wish wish = {.kind = 'S', .bytes = blob, .length = length, .make = make_signature};
    return fulfil(context, &wish, token, error);
}

static enum status weave_core_type(void *context, const char *name_space, const char *name,
                                   uint32_t *token, struct error *error)
{
    struct buffer full_name;
    buffer_init(&full_name, 0);
    buffer_append_format(&full_name, "%s%s%s", name_space, *name_space ? "." : "", name);
    const struct wish wish = {.kind = 'T', .name = buffer_text(&full_name), .make = make_type};
    const enum status status = buffer_failed(&full_name)
                                   ? error_set(error, STATUS_MEMORY, "out of memory")
                                   : fulfil(context, &wish, token, error);
    buffer_release(&full_name);
    return status;
}

static enum status weave_core_method(void *context, uint32_t type, const char *name,
                                     const uint8_t *signature, size_t length, uint32_t *token,
                                     struct error *error)
{
    const struct wish wish = {.kind = 'M',
                              .parent = type,
                              .name = name,
                              .bytes = signature,
                              .length = length,
                              .make = make_method};
    return fulfil(context, &wish, token, error);
}

static enum status weave_type_spec(void *context, const uint8_t *blob, size_t length,
                                   uint32_t *token, struct error *error)
{
    const struct wish wish = {.kind = 'Y', .bytes = blob, .length = length, .make = make_type_spec};
    return fulfil(context, &wish, token, error);
}

/* Of an instance there is no definition that would do, inside CoreLib neither. */
static enum status weave_member(void *context, uint32_t parent, const char *name,
                                const uint8_t *signature, size_t length, uint32_t *token,
                                struct error *error)
{
    const struct wish wish = {.kind = 'R',
                              .parent = parent,
                              .name = name,
                              .bytes = signature,
                              .length = length,
                              .make = make_member};
    return fulfil(context, &wish, token, error);
}

static enum status weave_user_string(void *context, const uint16_t *units, size_t count,
                                     uint32_t *token, struct error *error)
{
    const struct wish wish = {
        .kind = 'U', .bytes = units, .length = count * sizeof(*units), .make = make_user_string};
    return fulfil(context, &wish, token, error);
}

static enum status weave_signature_blob(void *context, uint32_t token, const uint8_t **blob,
                                        size_t *length, struct error *error)
{
    struct module_tokens *tokens = context;
    uint32_t size = 0;
    *blob = NULL;
    pthread_mutex_lock(&tokens->recompile->emit);
    const HRESULT result =
        tokens->import->vtbl->GetSigFromToken(tokens->import, token, blob, &size);
    pthread_mutex_unlock(&tokens->recompile->emit);
    *length = size;
    if (hresult_failed(result) || !*blob)
        return refused(error, "the runtime knows no such signature", result);
    return STATUS_OK;
}

/* ---- making and freeing ---- */

static HRESULT open_interfaces(struct module_tokens *tokens)
{
    struct ICorProfilerInfo15 *info = tokens->recompile->info;
    void *object = NULL;
    HRESULT result = info->vtbl->GetModuleMetaData(info, tokens->entry->public.id, ofWrite,
                                                   &IID_IMetaDataEmit2, &object);
    tokens->emit = object;
    if (hresult_failed(result) || !object)
        return hresult_failed(result) ? result : E_FAIL;
    object = NULL;
    result = tokens->emit->vtbl->QueryInterface(tokens->emit, &IID_IMetaDataAssemblyEmit, &object);
    tokens->assembly_emit = object;
    if (hresult_failed(result))
        return result;
    object = NULL;
    result = tokens->emit->vtbl->QueryInterface(tokens->emit, &IID_IMetaDataImport2, &object);
    tokens->import = object;
    return result;
}

static enum status make_tokens(struct recompile *recompile, struct module_entry *entry,
                               struct error *error)
{
    const struct module *core = modules_by_assembly(&recompile->modules, CORE_LIBRARY);
    if (!core)
        return error_set(error, STATUS_UNSUPPORTED,
                         "'" CORE_LIBRARY "' of the target cannot be read");
    struct module_tokens *tokens = calloc(1, sizeof(*tokens));
    if (!tokens)
        return error_set(error, STATUS_MEMORY, "out of memory");
    tokens->recompile = recompile;
    tokens->entry = entry;
    tokens->core = core->image;
    tokens->is_core = core == &entry->public;
    tokens->face = (struct weave_tokens){
        .context = tokens,
        .signature = weave_signature,
        .core_type = weave_core_type,
        .core_method = weave_core_method,
        .signature_blob = weave_signature_blob,
        .type_spec = weave_type_spec,
        .member = weave_member,
        .user_string = weave_user_string,
    };
    if (!tokens->is_core && entry->public.image)
        tokens->core_ref = metadata_find_assembly_ref(entry->public.image, CORE_LIBRARY);
    const HRESULT result = open_interfaces(tokens);
    if (hresult_failed(result)) {
        recompile_tokens_free(tokens);
        return refused(error, "the module's metadata cannot be added to", result);
    }
    entry->tokens = tokens;
    return STATUS_OK;
}

enum status recompile_tokens(struct recompile *recompile, struct module_entry *entry,
                             const struct weave_tokens **tokens, struct error *error)
{
    enum status status = STATUS_OK;
    pthread_mutex_lock(&recompile->emit);
    if (!entry->tokens)
        status = make_tokens(recompile, entry, error);
    *tokens = entry->tokens ? &entry->tokens->face : NULL;
    pthread_mutex_unlock(&recompile->emit);
    return status;
}

void recompile_tokens_free(struct module_tokens *tokens)
{
    if (!tokens)
        return;
    if (tokens->import)
        tokens->import->vtbl->Release(tokens->import);
    if (tokens->assembly_emit)
        tokens->assembly_emit->vtbl->Release(tokens->assembly_emit);
    if (tokens->emit)
        tokens->emit->vtbl->Release(tokens->emit);
    size_t cursor = 0;
    uint64_t hash, chain;
    while (map_next(&tokens->answers, &cursor, &hash, &chain)) {
        for (struct token_answer *at = (struct token_answer *)(uintptr_t)chain; at;) {
            struct token_answer *next = at->next;
            free(at);
            at = next;
        }
    }
    map_release(&tokens->answers);
    free(tokens);
}
