#include "session_types.h"

#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_examine.h"
#include "session_runtime.h"
#include "wire_message.h"

struct session_types *session_types_new(struct modules *modules, struct session_scope *scope,
                                        struct ICorProfilerInfo15 *info)
{
    struct session_types *types = calloc(1, sizeof *types);
    if (types == NULL)
        return NULL;
    types->modules = modules;
    types->scope = scope;
    types->info = info;
    pthread_mutex_init(&types->mutex, NULL);
    map_init(&types->known);
    return types;
}

void session_types_free(struct session_types *types)
{
    if (types == NULL)
        return;
    map_release(&types->known);
    pthread_mutex_destroy(&types->mutex);
    free(types);
}

size_t session_types_memory(const struct session_types *types)
{
    return sizeof *types + types->known.capacity * sizeof(struct map_slot);
}

/* ---- which ids may be asked about ---- */

void types_tell(struct session_types *types, uint64_t id, uint64_t module)
{
    if (id == 0)
        return;
    pthread_mutex_lock(&types->mutex);
    if (types->known.count < TYPES_MAX_KNOWN)
        map_put(&types->known, id, module);
    pthread_mutex_unlock(&types->mutex);
}

static bool types_told(struct session_types *types, uint64_t id)
{
    uint64_t module = 0;
    pthread_mutex_lock(&types->mutex);
    bool told = map_get(&types->known, id, &module);
    pthread_mutex_unlock(&types->mutex);
    return told && module != TYPES_GONE;
}

uint64_t session_types_fresh(struct session_types *types)
{
    pthread_mutex_lock(&types->mutex);
    uint64_t total = types->fresh_total;
    pthread_mutex_unlock(&types->mutex);
    return total;
}

void session_types_renew(struct session_types *types, uint64_t id)
{
    pthread_mutex_lock(&types->mutex);
    types->fresh[types->fresh_total++ % TYPES_FRESH_COUNT] = id;
    pthread_mutex_unlock(&types->mutex);
}

void session_types_put_fresh(struct session_types *types, uint64_t *seen, struct buffer *out)
{
    for (;;) {
        pthread_mutex_lock(&types->mutex);
        uint64_t total = types->fresh_total;
        if (total - *seen > TYPES_FRESH_COUNT)
            *seen = total - TYPES_FRESH_COUNT;
        uint64_t id = *seen == total ? 0 : types->fresh[(*seen)++ % TYPES_FRESH_COUNT];
        pthread_mutex_unlock(&types->mutex);
        if (id == 0)
            return;
        session_types_put(types, id, out);
    }
}

void session_types_unload(struct session_types *types, uint64_t module)
{
    pthread_mutex_lock(&types->mutex);
    for (size_t i = 0; i < types->known.capacity; i++)
        if (types->known.slots[i].used && types->known.slots[i].value == module) {
            types->known.slots[i].value = TYPES_GONE;
            layout_forget(types->known.slots[i].key);
        }
    pthread_mutex_unlock(&types->mutex);
}

/* ---- from declared types to ClassIDs ---- */

static uint64_t class_of_definition(struct session_types *types,
                                    const struct type_definition *definition)
{
    if (definition->module == NULL || definition->module->gone)
        return 0;
    return runtime_class_of(types->info, definition->module->id, definition->type);
}

uint64_t types_core_class(struct session_types *types, const char *full_name)
{
    struct type_definition definition;
    if (!type_definition_core(types->scope, full_name, &definition))
        return 0;
    return class_of_definition(types, &definition);
}

static uint64_t class_of_element(struct session_types *types, uint8_t element)
{
    if (element >= TYPES_ELEMENTS)
        return 0;
    uint64_t id = __atomic_load_n(&types->elements[element], __ATOMIC_RELAXED);
    const char *name = clr_element_full_name(element);
    if (id == 0 && name != NULL) {
        id = types_core_class(types, name);
        __atomic_store_n(&types->elements[element], id, __ATOMIC_RELAXED);
    }
    return id;
}

/* What all reference types share as a type argument. */
static uint64_t class_canon(struct session_types *types)
{
    uint64_t id = __atomic_load_n(&types->canon, __ATOMIC_RELAXED);
    if (id == 0) {
        id = types_core_class(types, "System.__Canon");
        __atomic_store_n(&types->canon, id, __ATOMIC_RELAXED);
    }
    return id;
}

static uint64_t class_of(struct session_types *types, const struct declared *declared,
                         enum types_mode mode, struct arena *arena, int depth);

static uint64_t class_of_argument(struct session_types *types, const struct declared *declared,
                                  enum types_mode mode, struct arena *arena, int depth)
{
    struct declared_view view;
    if (!declared_see(types->scope, declared, arena, &view))
        return 0;
    bool reference = view.kind == DECLARED_STRING || view.kind == DECLARED_CLASS ||
                     view.kind == DECLARED_INTERFACE || view.kind == DECLARED_ARRAY;
    uint64_t id =
        reference && mode == TYPES_LOADED ? 0 : class_of(types, declared, mode, arena, depth);
    return id == 0 && reference ? class_canon(types) : id;
}

static uint64_t class_of_instance(struct session_types *types, const struct declared_view *view,
                                  enum types_mode mode, struct arena *arena, int depth)
{
    uint64_t arguments[RUNTIME_MAX_ARGUMENTS];
    if (view->argument_count > RUNTIME_MAX_ARGUMENTS || view->definition.module->gone)
        return 0;
    for (uint32_t i = 0; i < view->argument_count; i++) {
        arguments[i] = class_of_argument(types, &view->arguments[i], mode, arena, depth + 1);
        if (arguments[i] == 0)
            return 0;
    }
    return runtime_class_of_instance(types->info, view->definition.module->id,
                                     view->definition.type, arguments, view->argument_count);
}

static uint64_t class_of(struct session_types *types, const struct declared *declared,
                         enum types_mode mode, struct arena *arena, int depth)
{
    struct declared_view view;
    if (depth > TYPES_MAX_DEPTH || !declared_see(types->scope, declared, arena, &view))
        return 0;
    switch (view.kind) {
    case DECLARED_PRIMITIVE:
    case DECLARED_STRING:
        return class_of_element(types, view.element);
    case DECLARED_INTERFACE:
        if (view.element == ELEMENT_TYPE_OBJECT)
            return class_of_element(types, ELEMENT_TYPE_OBJECT);
        break;
    case DECLARED_ENUM:
    case DECLARED_STRUCT:
    case DECLARED_CLASS:
        break;
    default:
        return 0;
    }
    if (view.definition.module == NULL || view.plain.type == NULL)
        return 0;
    if (view.plain.type->element == ELEMENT_TYPE_GENERICINST)
        return class_of_instance(types, &view, mode, arena, depth);
    return class_of_definition(types, &view.definition);
}

uint64_t session_types_class(struct session_types *types, const struct declared *declared,
                             enum types_mode mode)
{
    struct arena arena;
    arena_init(&arena, TYPES_SCRATCH);
    uint64_t id = class_of(types, declared, mode, &arena, 0);
    arena_release(&arena);
    return id;
}

/* ---- layouts ---- */

const struct layout *session_types_layout(struct session_types *types, uint64_t id)
{
    return types_layout_depth(types, id, 0);
}

const struct layout *session_types_layout_of(struct session_types *types,
                                             const struct declared *declared, enum types_mode mode)
{
    uint64_t id = session_types_class(types, declared, mode);
    return id == 0 ? NULL : session_types_layout(types, id);
}

void session_types_prepare(struct session_types *types)
{
    session_types_layout(types, class_of_element(types, ELEMENT_TYPE_STRING));
    session_types_layout(types, types_core_class(types, "System.Exception"));
}

/* ---- what probes ask for ---- */

/* Whether the type, or a part of it, can be unloaded; what is not known can. */
static bool may_go(struct session_types *types, uint64_t id, unsigned depth)
{
    struct runtime_class class;
    struct runtime_array array;
    if (depth > 8)
        return true;
    if (runtime_array_read(types->info, id, &array))
        return array.item != 0 && may_go(types, array.item, depth + 1);
    if (!runtime_class_read(types->info, id, &class))
        return true;
    const struct module *module = modules_find(types->modules, class.module);
    bool goes = module == NULL || module->collectible;
    for (uint32_t i = 0; i < class.argument_count && !goes; i++)
        goes = may_go(types, class.arguments[i], depth + 1);
    return goes;
}

/* A type argument's layout. NULL means a reference to the recorder; what may be a value and
 * has no layout is marked, so that its bytes are not followed as if they were an address. */
static void add_argument(struct session_types *types, struct instance *instance, uint64_t id)
{
    const uint32_t at = instance->type_count + instance->method_count;
    const uint8_t element = types_element_of(types, id);
    instance->collectible = instance->collectible || may_go(types, id, 0);
    if (element == ELEMENT_TYPE_CLASS || element == ELEMENT_TYPE_STRING ||
        element == ELEMENT_TYPE_SZARRAY)
        return;
    instance->types[at] = element == 0 ? NULL : session_types_layout(types, id);
    if (instance->types[at] == NULL)
        instance->unknown |= 1u << at;
}

static void resolve_instance(struct session_types *types, uint64_t address)
{
    struct instance *instance = calloc(1, sizeof *instance);
    struct runtime_function function;
    if (instance == NULL || !runtime_function_at(types->info, address, &function)) {
        free(instance);
        return;
    }
    instance->address = address;
    const size_t room = sizeof instance->types / sizeof *instance->types;
    struct runtime_class class;
    if (runtime_class_read(types->info, function.class_id, &class)) {
        for (uint32_t i = 0; i < class.argument_count && i < room; i++) {
            add_argument(types, instance, class.arguments[i]);
            instance->type_count++;
        }
    }
    for (uint32_t i = 0; i < function.argument_count; i++)
        if (instance->type_count + instance->method_count < room) {
            add_argument(types, instance, function.arguments[i]);
            instance->method_count++;
        }
    instance_publish(instance);
}

/* A type that has no layout is published as unknown, so that probes do not ask again. */
static void publish_unknown(uint64_t id)
{
    struct layout *layout = calloc(1, sizeof *layout);
    if (layout == NULL)
        return;
    layout->type = id;
    layout->kind = WIRE_TYPE_UNKNOWN;
    layout_publish(layout);
}

size_t session_types_work(struct session_types *types, size_t most)
{
    size_t count = 0;
    for (uint64_t id; count < most && layout_next_wanted(&id); count++)
        if (session_types_layout(types, id) == NULL)
            publish_unknown(id);
    for (uint64_t address; count < most && instance_next_wanted(&address); count++)
        resolve_instance(types, address);
    return count;
}

/* ---- TYPE messages ---- */

static void put_field(struct buffer *out, const struct type_field *field)
{
    size_t mark = tlv_begin(out, WIRE_TYPE_FIELD);
    tlv_put_text(out, WIRE_FIELD_NAME, field->name);
    tlv_put_u32(out, WIRE_FIELD_OFFSET, field->offset);
    tlv_put_u32(out, WIRE_FIELD_ELEMENT, field->element);
    if (field->type != 0)
        tlv_put_u64(out, WIRE_FIELD_TYPE, field->type);
    tlv_put_text(out, WIRE_FIELD_DECLARED, field->declared);
    if (field->hidden)
        tlv_put_u32(out, WIRE_FIELD_HIDDEN, 1);
    tlv_end(out, mark);
}

static void put_members(struct buffer *out, const struct type_facts *facts)
{
    struct metadata_enum_cursor cursor = {.begun = false};
    struct metadata_enum_member member;
    while (metadata_enum_next(facts->module->image, facts->token, &cursor, &member)) {
        size_t mark = tlv_begin(out, WIRE_TYPE_MEMBER);
        tlv_put_text(out, WIRE_MEMBER_NAME, member.name);
        tlv_put_u64(out, WIRE_MEMBER_VALUE, member.value);
        tlv_end(out, mark);
    }
}

static void put_facts(struct session_types *types, struct buffer *out,
                      const struct type_facts *facts)
{
    tlv_put_text(out, WIRE_TYPE_NAME, facts->name);
    tlv_put_text(out, WIRE_TYPE_FULL_NAME, facts->full_name);
    tlv_put_u32(out, WIRE_TYPE_KIND, facts->kind);
    tlv_put_u32(out, WIRE_TYPE_ELEMENT, facts->element);
    tlv_put_u32(out, WIRE_TYPE_SIZE,
                facts->kind == WIRE_TYPE_ARRAY ? facts->item_size : facts->size);
    if (facts->item != 0) {
        types_tell(types, facts->item, facts->module_id);
        tlv_put_u64(out, WIRE_TYPE_ITEM, facts->item);
    }
    if (facts->base != 0) {
        types_tell(types, facts->base, facts->module_id);
        tlv_put_u64(out, WIRE_TYPE_BASE, facts->base);
    }
    for (uint32_t i = 0; i < facts->field_count; i++) {
        if (facts->fields[i].alias)
            continue;
        types_tell(types, facts->fields[i].type, facts->module_id);
        put_field(out, &facts->fields[i]);
    }
    if (facts->kind == WIRE_TYPE_ENUM) {
        put_members(out, facts);
        if (metadata_attribute_find(facts->module->image, facts->token, "System.FlagsAttribute") !=
            mdTokenNil)
            tlv_put_u32(out, WIRE_TYPE_FLAGS, 1);
    }
}

void session_types_put(struct session_types *types, uint64_t id, struct buffer *out)
{
    size_t mark = wire_frame_begin(out, WIRE_MSG_TYPE);
    tlv_put_u64(out, WIRE_TYPE_ID, id);
    const struct layout *layout = id == 0 ? NULL : layout_find(id);
    struct arena arena;
    arena_init(&arena, TYPES_SCRATCH);
    struct type_facts facts;
    bool may_ask = types_told(types, id) || (layout != NULL && layout->kind != WIRE_TYPE_UNKNOWN);
    if (may_ask && types_examine(types, id, &arena, &facts, 0))
        put_facts(types, out, &facts);
    else
        tlv_put_u32(out, WIRE_TYPE_KIND, WIRE_TYPE_UNKNOWN);
    arena_release(&arena);
    wire_frame_end(out, mark);
}
