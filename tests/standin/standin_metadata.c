/* IMetaDataEmit2, IMetaDataAssemblyEmit and IMetaDataImport2 of a module: what is added is
 * kept as bytes, and the same bytes get the same token again. */
#include <stdlib.h>
#include <string.h>

#include "metadata_tables.h"
#include "standin_state.h"

static struct standin_module *module_of(const void *self)
{
    return ((const struct face *)self)->module;
}

/* Adds `bytes` to a table behind the image's own rows. */
static HRESULT add(const void *self, uint32_t table, const void *bytes, uint32_t length,
                   mdToken *token)
{
    struct standin_module *module = module_of(self);
    struct standin *standin = module->standin;
    HRESULT result = S_OK;
    pthread_mutex_lock(&standin->lock);
    if (!standin_faulty(standin, STANDIN_FAIL_EMIT, (ModuleID)module, 0, &result)) {
        struct added *at = module->added;
        while (at && (token_table(at->token) != table || at->length != length ||
                      memcmp(at->bytes, bytes, length) != 0))
            at = at->next;
        if (!at) {
            at = calloc(1, sizeof(*at) + length);
            at->token = token_make(table, metadata_row_count(&module->image, table) +
                                              ++module->added_count[table]);
            at->length = length;
            memcpy(at->bytes, bytes, length);
            at->next = module->added;
            module->added = at;
            standin->counts.tokens++;
            standin->counts.assembly_refs += table == CLR_TABLE_AssemblyRef;
        }
        *token = at->token;
    }
    pthread_mutex_unlock(&standin->lock);
    return result;
}

static uint32_t units_of(const WCHAR *text)
{
    uint32_t units = 0;
    while (text[units])
        units++;
    return units;
}

/* A number, a name and a signature as one key. */
static HRESULT add_named(const void *self, uint32_t table, uint32_t parent, const WCHAR *name,
                         const uint8_t *signature, uint32_t size, mdToken *token)
{
    uint8_t key[4096];
    const uint32_t name_bytes = 2 * units_of(name) + 2;
    if (4 + name_bytes + size > sizeof(key))
        return E_INVALIDARG;
    memcpy(key, &parent, 4);
    memcpy(key + 4, name, name_bytes);
    if (size)
        memcpy(key + 4 + name_bytes, signature, size);
    return add(self, table, key, 4 + name_bytes + size, token);
}

static HRESULT query(const void *self, const struct GUID *iid, void **object)
{
    struct standin *standin = module_of(self)->standin;
    pthread_mutex_lock(&standin->lock);
    *object = standin_metadata(module_of(self), iid);
    pthread_mutex_unlock(&standin->lock);
    return *object ? S_OK : E_NOINTERFACE;
}

static uint32_t release(const void *self)
{
    struct standin *standin = module_of(self)->standin;
    pthread_mutex_lock(&standin->lock);
    const uint32_t left = --standin->counts.interfaces;
    pthread_mutex_unlock(&standin->lock);
    return left;
}

/* ---- emit ---- */

static HRESULT emit_query(struct IMetaDataEmit2 *self, const struct GUID *iid, void **object)
{
    return query(self, iid, object);
}

static uint32_t emit_release(struct IMetaDataEmit2 *self)
{
    return release(self);
}

static HRESULT emit_signature(struct IMetaDataEmit2 *self, const uint8_t *signature, uint32_t size,
                              mdToken *token)
{
    return add(self, CLR_TABLE_StandAloneSig, signature, size, token);
}

static HRESULT emit_type_ref(struct IMetaDataEmit2 *self, mdToken scope, const WCHAR *name,
                             mdToken *token)
{
    return add_named(self, CLR_TABLE_TypeRef, scope, name, NULL, 0, token);
}

static HRESULT emit_member_ref(struct IMetaDataEmit2 *self, mdToken parent, const WCHAR *name,
                               const uint8_t *signature, uint32_t size, mdToken *token)
{
    return add_named(self, CLR_TABLE_MemberRef, parent, name, signature, size, token);
}

static const struct IMetaDataEmit2Vtbl emit_table = {
    .QueryInterface = emit_query,
    .Release = emit_release,
    .GetTokenFromSig = emit_signature,
    .DefineTypeRefByName = emit_type_ref,
    .DefineMemberRef = emit_member_ref,
};

/* ---- assembly emit ---- */

static HRESULT assembly_query(struct IMetaDataAssemblyEmit *self, const struct GUID *iid,
                              void **object)
{
    return query(self, iid, object);
}

static uint32_t assembly_release(struct IMetaDataAssemblyEmit *self)
{
    return release(self);
}

static HRESULT assembly_ref(struct IMetaDataAssemblyEmit *self, const void *key, uint32_t key_size,
                            const WCHAR *name, const struct ASSEMBLYMETADATA *metadata,
                            const void *hash, uint32_t hash_size, uint32_t flags, mdToken *token)
{
    (void)hash;
    (void)hash_size;
    (void)flags;
    return add_named(self, CLR_TABLE_AssemblyRef, metadata->usMajorVersion, name, key, key_size,
                     token);
}

static const struct IMetaDataAssemblyEmitVtbl assembly_emit_table = {
    .QueryInterface = assembly_query,
    .Release = assembly_release,
    .DefineAssemblyRef = assembly_ref,
};

/* ---- import ---- */

static HRESULT import_query(struct IMetaDataImport2 *self, const struct GUID *iid, void **object)
{
    return query(self, iid, object);
}

static uint32_t import_release(struct IMetaDataImport2 *self)
{
    return release(self);
}

static HRESULT import_signature(struct IMetaDataImport2 *self, mdToken token,
                                const uint8_t **signature, uint32_t *size)
{
    struct standin_module *module = module_of(self);
    HRESULT result = CLDB_E_RECORD_NOTFOUND;
    pthread_mutex_lock(&module->standin->lock);
    for (const struct added *at = module->added; at; at = at->next) {
        if (at->token == token) {
            *signature = at->bytes;
            *size = at->length;
            result = S_OK;
        }
    }
    pthread_mutex_unlock(&module->standin->lock);
    return result;
}

static const struct IMetaDataImport2Vtbl import_table = {
    .QueryInterface = import_query,
    .Release = import_release,
    .GetSigFromToken = import_signature,
};

static struct face *face_of(struct standin_module *module, const struct GUID *iid,
                            const void **table)
{
    if (abi_guid_equal(iid, &IID_IMetaDataEmit) || abi_guid_equal(iid, &IID_IMetaDataEmit2)) {
        *table = &emit_table;
        return &module->emit;
    }
    if (abi_guid_equal(iid, &IID_IMetaDataAssemblyEmit)) {
        *table = &assembly_emit_table;
        return &module->assembly_emit;
    }
    if (abi_guid_equal(iid, &IID_IMetaDataImport) || abi_guid_equal(iid, &IID_IMetaDataImport2)) {
        *table = &import_table;
        return &module->import;
    }
    return NULL;
}

void *standin_metadata(struct standin_module *module, const struct GUID *iid)
{
    const void *table = NULL;
    struct face *face = face_of(module, iid, &table);
    if (!face)
        return NULL;
    if (!face->module) {
        face->vtbl = table;
        face->module = module;
    }
    module->standin->counts.interfaces++;
    return face;
}

void standin_metadata_release(struct standin_module *module)
{
    for (struct added *at = module->added; at;) {
        struct added *next = at->next;
        free(at);
        at = next;
    }
    module->added = NULL;
}
