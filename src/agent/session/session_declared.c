/* Definitions across modules, and types as they are declared. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base_map.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_members.h"

#define MAX_FORWARDS 8

/* ---- definitions ---- */

struct session_scope {
    struct modules *modules;
    pthread_mutex_t mutex;
    struct map known; /* module address and token -> index into entries, plus one */
    struct scope_entry *entries;
    uint32_t count, room;
};

struct scope_entry {
    const struct module *module;
    mdToken token;
    struct type_definition definition; /* module NULL: cannot be followed now */
};

#define SCOPE_MAX_ENTRIES 8192u

struct session_scope *session_scope_new(struct modules *modules)
{
    struct session_scope *scope = calloc(1, sizeof *scope);
    if (scope == NULL)
        return NULL;
    scope->modules = modules;
    pthread_mutex_init(&scope->mutex, NULL);
    map_init(&scope->known);
    return scope;
}

void session_scope_free(struct session_scope *scope)
{
    if (scope == NULL)
        return;
    map_release(&scope->known);
    free(scope->entries);
    pthread_mutex_destroy(&scope->mutex);
    free(scope);
}

void session_scope_forget(struct session_scope *scope)
{
    pthread_mutex_lock(&scope->mutex);
    map_clear(&scope->known);
    scope->count = 0;
    pthread_mutex_unlock(&scope->mutex);
}

static uint64_t scope_key(const struct module *module, mdToken token)
{
    return map_hash((uint64_t)(uintptr_t)module) ^ token;
}

static bool scope_get(struct session_scope *scope, const struct module *module, mdToken token,
                      struct type_definition *definition)
{
    uint64_t index;
    bool found = false;
    pthread_mutex_lock(&scope->mutex);
    if (map_get(&scope->known, scope_key(module, token), &index) && index <= scope->count) {
        const struct scope_entry *entry = &scope->entries[index - 1];
        found = entry->module == module && entry->token == token;
        if (found)
            *definition = entry->definition;
    }
    pthread_mutex_unlock(&scope->mutex);
    return found;
}

static void scope_put(struct session_scope *scope, const struct module *module, mdToken token,
                      const struct type_definition *definition)
{
    pthread_mutex_lock(&scope->mutex);
    if (scope->count >= SCOPE_MAX_ENTRIES) {
        map_clear(&scope->known);
        scope->count = 0;
    }
    if (scope->count == scope->room) {
        uint32_t room = scope->room == 0 ? 64 : scope->room * 2;
        struct scope_entry *grown = realloc(scope->entries, room * sizeof *grown);
        if (grown == NULL) {
            pthread_mutex_unlock(&scope->mutex);
            return;
        }
        scope->entries = grown;
        scope->room = room;
    }
    scope->entries[scope->count] = (struct scope_entry){module, token, *definition};
    if (map_put(&scope->known, scope_key(module, token), scope->count + 1))
        scope->count++;
    pthread_mutex_unlock(&scope->mutex);
}

/* Follows an identity through assemblies and forwards. */
static bool identity_find(struct session_scope *scope, const struct module *module,
                          struct metadata_identity *identity, struct type_definition *definition)
{
    for (int hops = 0; hops < MAX_FORWARDS; hops++) {
        if (identity->assembly[0] != '\0')
            module = modules_by_assembly(scope->modules, identity->assembly);
        if (module == NULL || module->image == NULL)
            return false;
        mdToken type = metadata_find_type(module->image, identity);
        if (type != mdTokenNil) {
            *definition = (struct type_definition){module, type};
            return true;
        }
        const char *next = metadata_find_forward(module->image, identity);
        if (next == NULL || next[0] == '\0')
            return false;
        identity->assembly = next;
    }
    return false;
}

bool type_definition_find(struct session_scope *scope, const struct module *module, mdToken token,
                          struct type_definition *definition)
{
    *definition = (struct type_definition){NULL, mdTokenNil};
    if (module == NULL || module->image == NULL || token == mdTokenNil)
        return false;
    if (token_table(token) == CLR_TABLE_TypeDef) {
        *definition = (struct type_definition){module, token};
        return metadata_token_exists(module->image, token);
    }
    if (scope_get(scope, module, token, definition))
        return definition->module != NULL;
    struct metadata_identity identity;
    if (metadata_identify(module->image, token, &identity, NULL) != STATUS_OK ||
        !identity_find(scope, module, &identity, definition))
        *definition = (struct type_definition){NULL, mdTokenNil};
    scope_put(scope, module, token, definition);
    return definition->module != NULL;
}

bool type_definition_core(struct session_scope *scope, const char *full_name,
                          struct type_definition *definition)
{
    const struct module *core = modules_by_assembly(scope->modules, "System.Private.CoreLib");
    *definition = (struct type_definition){core, mdTokenNil};
    if (core == NULL || core->image == NULL)
        return false;
    definition->type = metadata_find_type_text(core->image, full_name);
    return definition->type != mdTokenNil;
}

void type_definition_print(const struct type_definition *definition, struct buffer *text)
{
    struct metadata_identity identity;
    if (definition->module != NULL && definition->module->image != NULL &&
        metadata_identify(definition->module->image, definition->type, &identity, NULL) ==
            STATUS_OK)
        metadata_identity_print(&identity, text);
}

bool type_definition_is(const struct type_definition *definition, const char *full_name)
{
    return definition->module != NULL && definition->module->image != NULL &&
           metadata_type_is(definition->module->image, definition->type, full_name);
}

/* ---- declared types ---- */

/* Through modifiers, pinned, byrefs and known type parameters. */
static struct declared declared_plain(const struct declared *declared, bool *byref)
{
    struct declared at = *declared;
    *byref = false;
    for (int i = 0; i < METADATA_MAX_TYPE_DEPTH && at.type != NULL; i++) {
        at.type = metadata_type_plain(at.type);
        if (at.type->element == ELEMENT_TYPE_BYREF && at.type->inner != NULL) {
            *byref = true;
            at.type = at.type->inner;
        } else if (at.type->element == ELEMENT_TYPE_VAR && at.type->number < at.argument_count) {
            at = at.arguments[at.type->number];
        } else {
            break;
        }
    }
    return at;
}

static const char *const known_types[] = {
    "System.Decimal",  "System.DateTime", "System.TimeSpan",       "System.Guid",
    "System.DateOnly", "System.TimeOnly", "System.DateTimeOffset", "System.Exception",
};

static const char *known_name(const struct type_definition *definition)
{
    for (size_t i = 0; i < sizeof known_types / sizeof *known_types; i++)
        if (type_definition_is(definition, known_types[i]))
            return known_types[i];
    return NULL;
}

/* A type of the core library that signatures may spell by name instead of by element. */
static bool named_primitive(const struct type_definition *definition, struct declared_view *view)
{
    for (uint32_t element = ELEMENT_TYPE_BOOLEAN; element <= ELEMENT_TYPE_U; element++) {
        const char *name = element == ELEMENT_TYPE_STRING ? NULL : clr_element_full_name(element);
        if (name != NULL && type_definition_is(definition, name)) {
            view->element = (uint8_t)element;
            view->kind = DECLARED_PRIMITIVE;
            return true;
        }
    }
    return false;
}

static void see_definition(struct session_scope *scope, const struct meta_type *type,
                           struct declared_view *view)
{
    if (!type_definition_find(scope, view->plain.module, type->token, &view->definition))
        return;
    const struct metadata_image *image = view->definition.module->image;
    mdToken token = view->definition.type;
    if (metadata_type_is_enum(image, token)) {
        view->kind = DECLARED_ENUM;
    } else if (metadata_type_is_value_type(image, token)) {
        view->kind = DECLARED_STRUCT;
        if (!named_primitive(&view->definition, view))
            view->known = known_name(&view->definition);
        view->nullable = type_definition_is(&view->definition, "System.Nullable`1");
    } else if (metadata_type_is_interface(image, token) ||
               type_definition_is(&view->definition, "System.Object")) {
        view->kind = DECLARED_INTERFACE;
    } else if (type_definition_is(&view->definition, "System.String")) {
        view->kind = DECLARED_STRING;
        view->element = ELEMENT_TYPE_STRING;
    } else {
        view->kind = DECLARED_CLASS;
        view->known = known_name(&view->definition);
    }
}

static bool see_instance(struct session_scope *scope, struct arena *arena,
                         struct declared_view *view)
{
    const struct meta_type *type = view->plain.type;
    struct declared *arguments = arena_new_array(arena, type->argument_count + 1u, struct declared);
    if (arguments == NULL)
        return false;
    for (uint32_t i = 0; i < type->argument_count; i++)
        arguments[i] = declared_of(view->plain.module, type->arguments[i], view->plain.arguments,
                                   view->plain.argument_count);
    view->arguments = arguments;
    view->argument_count = type->argument_count;
    if (type->inner != NULL)
        see_definition(scope, type->inner, view);
    return true;
}

bool declared_see(struct session_scope *scope, const struct declared *declared, struct arena *arena,
                  struct declared_view *view)
{
    memset(view, 0, sizeof *view);
    view->plain = declared_plain(declared, &view->byref);
    const struct meta_type *type = view->plain.type;
    if (type == NULL)
        return true;
    view->element = type->element;
    switch (type->element) {
    case ELEMENT_TYPE_STRING:
        view->kind = DECLARED_STRING;
        type_definition_core(scope, "System.String", &view->definition);
        return true;
    case ELEMENT_TYPE_OBJECT:
        view->kind = DECLARED_INTERFACE;
        return true;
    case ELEMENT_TYPE_SZARRAY:
    case ELEMENT_TYPE_ARRAY:
        view->kind = DECLARED_ARRAY;
        return true;
    case ELEMENT_TYPE_VAR:
    case ELEMENT_TYPE_MVAR:
        view->kind = DECLARED_PARAMETER;
        return true;
    case ELEMENT_TYPE_PTR:
    case ELEMENT_TYPE_FNPTR:
        view->kind = DECLARED_POINTER;
        return true;
    case ELEMENT_TYPE_CLASS:
    case ELEMENT_TYPE_VALUETYPE:
        /* A generic type's own `this` has no arguments in its signature: its parameters stay
         * what they are. */
        view->arguments = view->plain.arguments;
        view->argument_count = view->plain.argument_count;
        see_definition(scope, type, view);
        return true;
    case ELEMENT_TYPE_GENERICINST:
        return see_instance(scope, arena, view);
    default:
        if (clr_element_size(type->element) != 0)
            view->kind = DECLARED_PRIMITIVE;
        return true;
    }
}
bool declared_self(const struct type_definition *definition, struct arena *arena,
                   struct declared *declared)
{
    struct meta_type *type = arena_new(arena, struct meta_type);
    if (type == NULL)
        return false;
    type->element = metadata_type_is_value_type(definition->module->image, definition->type)
                        ? ELEMENT_TYPE_VALUETYPE
                        : ELEMENT_TYPE_CLASS;
    type->token = definition->type;
    *declared = declared_of(definition->module, type, NULL, 0);
    return true;
}
