#include "session_examine.h"

#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "metadata_names.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_runtime.h"
#include "wire_message.h"

#define OBJECT_HEAD      8u /* the method table word */
#define ARRAY_COUNT_AT   8u
#define ARRAY_ITEMS_AT   16u /* of vectors; others have a length and a lower bound each before */
#define MAX_MEMBER_BYTES 256

bool types_in_core(const struct module *module)
{
    return module != NULL && module->image != NULL &&
           strcmp(metadata_image_assembly(module->image), "System.Private.CoreLib") == 0;
}

/* ---- kinds ---- */

static const struct {
    const char *name;
    uint8_t kind;
} kind_rows[] = {
    {"System.String", WIRE_TYPE_STRING},
    {"System.Collections.Generic.List`1", WIRE_TYPE_LIST},
    {"System.Collections.Generic.Dictionary`2", WIRE_TYPE_DICTIONARY},
    {"System.Collections.Generic.HashSet`1", WIRE_TYPE_SET},
    {"System.Nullable`1", WIRE_TYPE_NULLABLE},
    {"System.Decimal", WIRE_TYPE_DECIMAL},
    {"System.DateTime", WIRE_TYPE_DATETIME},
    {"System.TimeSpan", WIRE_TYPE_TIMESPAN},
    {"System.Guid", WIRE_TYPE_GUID},
    {"System.Span`1", WIRE_TYPE_SPAN},
    {"System.ReadOnlySpan`1", WIRE_TYPE_SPAN},
    {"System.DateTimeOffset", WIRE_TYPE_DATETIMEOFFSET},
    {"System.DateOnly", WIRE_TYPE_DATEONLY},
    {"System.TimeOnly", WIRE_TYPE_TIMEONLY},
    {"System.Exception", WIRE_TYPE_EXCEPTION},
    {"System.MulticastDelegate", WIRE_TYPE_DELEGATE},
};

/* What a type of the core library is by its own name; 0: nothing special. */
static uint8_t core_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kind_rows / sizeof *kind_rows; i++)
        if (strcmp(kind_rows[i].name, name) == 0)
            return kind_rows[i].kind;
    if (strncmp(name, "System.ValueTuple`", 18) == 0 || strncmp(name, "System.Tuple`", 13) == 0)
        return WIRE_TYPE_TUPLE;
    uint8_t element = clr_element_named(name);
    return element != 0 && element != ELEMENT_TYPE_OBJECT ? WIRE_TYPE_PRIMITIVE : 0;
}

static void definition_name(const struct type_definition *definition, struct buffer *name)
{
    buffer_clear(name);
    type_definition_print(definition, name);
}

static void own_kind(struct type_facts *facts)
{
    const struct metadata_image *image = facts->module->image;
    struct buffer name;
    buffer_init(&name, 0);
    struct type_definition self = {facts->module, facts->token};
    definition_name(&self, &name);
    facts->is_value = metadata_type_is_value_type(image, facts->token);
    uint8_t kind = types_in_core(facts->module) ? core_kind(buffer_text(&name)) : 0;
    if (kind == WIRE_TYPE_PRIMITIVE) {
        facts->element = clr_element_named(buffer_text(&name));
        facts->size = clr_element_size(facts->element);
    } else if (kind == 0 && metadata_type_is_enum(image, facts->token)) {
        kind = WIRE_TYPE_ENUM;
        facts->element = metadata_enum_element(image, facts->token);
        facts->size = clr_element_size(facts->element);
    }
    if (kind == 0)
        kind = facts->is_value ? WIRE_TYPE_STRUCT : WIRE_TYPE_CLASS;
    facts->kind = kind;
    buffer_release(&name);
}

uint8_t types_element_of(struct session_types *types, uint64_t id)
{
    struct runtime_array array;
    struct runtime_class class;
    if (id == 0)
        return 0;
    if (runtime_array_read(types->info, id, &array))
        return ELEMENT_TYPE_SZARRAY;
    if (!runtime_class_read(types->info, id, &class))
        return 0;
    const struct module *module = modules_find(types->modules, class.module);
    if (module == NULL || module->image == NULL)
        return 0;
    uint8_t element = 0;
    if (types_in_core(module)) {
        struct buffer name;
        buffer_init(&name, 0);
        struct type_definition self = {module, class.type};
        definition_name(&self, &name);
        element = clr_element_named(buffer_text(&name));
        buffer_release(&name);
    }
    if (element != 0)
        return element == ELEMENT_TYPE_OBJECT ? ELEMENT_TYPE_CLASS : element;
    return metadata_type_is_value_type(module->image, class.type) ? ELEMENT_TYPE_VALUETYPE
                                                                  : ELEMENT_TYPE_CLASS;
}

/* ---- fields ---- */

static struct type_field *add_field(struct arena *arena, struct type_facts *facts)
{
    if (facts->field_count == facts->field_room) {
        uint32_t room = facts->field_room == 0 ? 16 : facts->field_room * 2;
        struct type_field *grown =
            room > TYPES_MAX_FIELDS ? NULL : arena_new_array(arena, room, struct type_field);
        if (grown == NULL)
            return NULL;
        if (facts->field_count > 0)
            memcpy(grown, facts->fields, facts->field_count * sizeof *grown);
        facts->fields = grown;
        facts->field_room = room;
    }
    struct type_field *field = &facts->fields[facts->field_count++];
    memset(field, 0, sizeof *field);
    return field;
}

/* A field of a type parameter's type: what the class is made with. */
static void field_of_argument(struct session_types *types, struct type_field *field,
                              uint64_t argument, int depth)
{
    field->element = types_element_of(types, argument);
    if (field->element == ELEMENT_TYPE_VALUETYPE) {
        field->type = argument;
        field->layout = types_layout_depth(types, argument, depth + 1);
        field->size = field->layout == NULL ? 0 : field->layout->size;
    } else if (field->element == 0) {
        /* Not a reference for all we know: taken for one, raw data would be followed. */
        field->element = ELEMENT_TYPE_VALUETYPE;
    }
    if (field->size == 0)
        field->size = clr_element_size(field->element);
    if (field->size == 0 && field->element != ELEMENT_TYPE_VALUETYPE)
        field->size = sizeof(uint64_t);
}

/* ClassIDs as what stands for type parameters: session_members knows declared types only, so a
 * field `KeyValuePair<T, int>` is put together here from both. */
static uint64_t class_with_arguments(struct session_types *types, const struct module *module,
                                     const struct meta_type *type,
                                     const struct runtime_class *class, struct arena *arena)
{
    uint64_t arguments[RUNTIME_MAX_ARGUMENTS];
    struct type_definition definition;
    if (type->inner == NULL || type->argument_count > RUNTIME_MAX_ARGUMENTS ||
        !type_definition_find(types->scope, module, type->inner->token, &definition))
        return 0;
    for (uint32_t i = 0; i < type->argument_count; i++) {
        const struct meta_type *argument = metadata_type_plain(type->arguments[i]);
        uint64_t id = 0;
        if (argument->element == ELEMENT_TYPE_VAR && argument->number < class->argument_count)
            id = class->arguments[argument->number];
        else if (argument->element == ELEMENT_TYPE_GENERICINST)
            id = class_with_arguments(types, module, argument, class, arena);
        /* References behave alike as arguments: the shared form is loaded with any of them. */
        bool reference =
            argument->element == ELEMENT_TYPE_GENERICINST
                ? argument->inner != NULL && argument->inner->element == ELEMENT_TYPE_CLASS
                : false;
        struct declared declared = {module, argument, NULL, 0};
        struct declared_view view;
        if (reference || (id == 0 && declared_see(types->scope, &declared, arena, &view) &&
                          (view.kind == DECLARED_STRING || view.kind == DECLARED_CLASS ||
                           view.kind == DECLARED_INTERFACE || view.kind == DECLARED_ARRAY)))
            id = types_core_class(types, "System.__Canon");
        else if (id == 0)
            id = session_types_class(types, &declared, TYPES_LOADED);
        if (id == 0)
            return 0;
        arguments[i] = id;
    }
    return runtime_class_of_instance(types->info, definition.module->id, definition.type, arguments,
                                     type->argument_count);
}

static void field_of_value_type(struct session_types *types, struct type_field *field,
                                const struct module *module, const struct meta_type *type,
                                const struct runtime_class *class, struct arena *arena, int depth)
{
    struct declared declared = {module, type, NULL, 0};
    struct declared_view view;
    field->element = ELEMENT_TYPE_VALUETYPE;
    if (type->element == ELEMENT_TYPE_GENERICINST)
        field->type = class_with_arguments(types, module, type, class, arena);
    else
        field->type = session_types_class(types, &declared, TYPES_LOADED);
    if (field->type != 0)
        field->layout = types_layout_depth(types, field->type, depth + 1);
    if (field->layout != NULL) {
        field->size = field->layout->size;
        return;
    }
    /* Metadata alone still knows an enum's number. */
    field->type = 0;
    if (declared_see(types->scope, &declared, arena, &view) && view.kind == DECLARED_ENUM) {
        field->element = metadata_enum_element(view.definition.module->image, view.definition.type);
        field->size = clr_element_size(field->element);
    }
}

static void field_type(struct session_types *types, struct type_field *field,
                       const struct module *module, const struct meta_type *type,
                       const struct runtime_class *class, struct arena *arena, int depth)
{
    bool value_instance = type->element == ELEMENT_TYPE_GENERICINST && type->inner != NULL &&
                          type->inner->element == ELEMENT_TYPE_VALUETYPE;
    if (type->element == ELEMENT_TYPE_VAR) {
        field_of_argument(types, field,
                          type->number < class->argument_count ? class->arguments[type->number] : 0,
                          depth);
    } else if (type->element == ELEMENT_TYPE_VALUETYPE || value_instance) {
        field_of_value_type(types, field, module, type, class, arena, depth);
    } else {
        field->element =
            type->element == ELEMENT_TYPE_GENERICINST ? ELEMENT_TYPE_CLASS : type->element;
        field->size = clr_element_size(type->element);
        if (field->size == 0)
            field->size = sizeof(uint64_t);
    }
}

static char *declared_text(const struct module *module, mdToken owner, const struct meta_type *type,
                           struct arena *arena)
{
    struct buffer text;
    buffer_init(&text, 512);
    struct metadata_scope scope = {owner, mdTokenNil};
    metadata_type_print(module->image, type, scope, METADATA_PRINT_SHORT, &text);
    char *copy = arena_copy_text(arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return copy;
}

static void add_own_field(struct session_types *types, struct type_facts *facts,
                          const struct module *module, const struct runtime_class *class,
                          const struct runtime_offset *offset, bool inherited, struct arena *arena,
                          int depth)
{
    const struct metadata_image *image = module->image;
    char name[MAX_MEMBER_BYTES];
    struct meta_type *type = NULL;
    if (!token_is(offset->field, CLR_TABLE_Field) || !metadata_token_exists(image, offset->field) ||
        metadata_signature_field(metadata_cell_blob(image, CLR_TABLE_Field,
                                                    token_rid(offset->field),
                                                    METADATA_FIELD_SIGNATURE),
                                 arena, &type, NULL) != STATUS_OK)
        return;
    bool source = member_field_name(image, offset->field, name, sizeof name);
    struct type_field *field = add_field(arena, facts);
    if (field == NULL)
        return;
    field->name = arena_copy_text(arena, name, strlen(name));
    field->offset = offset->offset;
    field->hidden = inherited || !source;
    const struct meta_type *plain = metadata_type_plain(type);
    field_type(types, field, module, plain, class, arena, depth);
    field->declared = declared_text(module, class->type, type, arena);
}

/* Properties that only return a field get its place under their name. */
static void add_aliases(struct type_facts *facts, const struct module *module, mdToken type,
                        uint32_t first, const struct runtime_offset *offsets, uint32_t count,
                        struct arena *arena)
{
    struct metadata_rows rows = metadata_type_properties(module->image, type);
    for (mdToken property; (property = metadata_rows_next(module->image, &rows)) != mdTokenNil;) {
        mdToken token = member_trivial_getter(module->image, type, property);
        const char *name = metadata_cell_text(module->image, CLR_TABLE_Property,
                                              token_rid(property), METADATA_PROPERTY_NAME);
        for (uint32_t i = 0; token != mdTokenNil && i < count; i++) {
            uint32_t end = facts->field_count;
            if (offsets[i].field != token)
                continue;
            for (uint32_t j = first; j < end; j++) {
                struct type_field like = facts->fields[j];
                if (like.alias || like.offset != offsets[i].offset || like.name == NULL ||
                    strcmp(like.name, name) == 0)
                    continue;
                struct type_field *field = add_field(arena, facts);
                if (field == NULL)
                    return;
                *field = like;
                field->name = arena_copy_text(arena, name, strlen(name));
                field->hidden = field->alias = true;
                break;
            }
        }
    }
}

static void add_level(struct session_types *types, struct type_facts *facts, uint64_t id,
                      const struct runtime_class *class, bool inherited, struct arena *arena,
                      int depth)
{
    const struct module *module = modules_find(types->modules, class->module);
    struct runtime_offset *offsets;
    uint32_t count, size;
    if (module == NULL || module->image == NULL ||
        !runtime_layout_read(types->info, id, &offsets, &count, &size))
        return;
    uint32_t first = facts->field_count;
    for (uint32_t i = 0; i < count; i++)
        add_own_field(types, facts, module, class, &offsets[i], inherited, arena, depth);
    add_aliases(facts, module, class->type, first, offsets, count, arena);
    free(offsets);
}

/* Fields of all levels, the bases' first; what a base class makes of the kind. */
static void add_levels(struct session_types *types, struct type_facts *facts,
                       const struct runtime_class *class, struct arena *arena, int depth)
{
    uint64_t chain[TYPES_MAX_BASES];
    uint32_t count = 0;
    for (uint64_t id = class->parent; id != 0 && count < TYPES_MAX_BASES && !facts->is_value;) {
        struct runtime_class level;
        chain[count] = id;
        if (!runtime_class_read(types->info, id, &level))
            break;
        count++;
        struct type_definition base = {modules_find(types->modules, level.module), level.type};
        if (facts->kind == WIRE_TYPE_CLASS && types_in_core(base.module)) {
            if (type_definition_is(&base, "System.Exception"))
                facts->kind = WIRE_TYPE_EXCEPTION;
            else if (type_definition_is(&base, "System.MulticastDelegate"))
                facts->kind = WIRE_TYPE_DELEGATE;
        }
        id = level.parent;
    }
    while (count-- > 0) {
        struct runtime_class level;
        if (runtime_class_read(types->info, chain[count], &level))
            add_level(types, facts, chain[count], &level, true, arena, depth);
    }
    add_level(types, facts, facts->id, class, false, arena, depth);
}

static const struct type_field *field_named(const struct type_facts *facts, const char *name)
{
    for (uint32_t i = facts->field_count; i-- > 0;)
        if (facts->fields[i].name != NULL && strcmp(facts->fields[i].name, name) == 0)
            return &facts->fields[i];
    return NULL;
}

static void add_alias(struct type_facts *facts, struct arena *arena, const char *name,
                      const char *of)
{
    const struct type_field *like = field_named(facts, of);
    if (like == NULL || field_named(facts, name) != NULL)
        return;
    struct type_field copy = *like;
    struct type_field *field = add_field(arena, facts);
    if (field == NULL)
        return;
    *field = copy;
    field->name = name;
    field->hidden = field->alias = true;
}

static void add_length(struct type_facts *facts, struct arena *arena)
{
    struct type_field *field = add_field(arena, facts);
    if (field == NULL)
        return;
    field->name = "Length";
    field->declared = "int";
    field->offset = facts->count_at;
    field->element = ELEMENT_TYPE_I4;
    field->size = 4;
    field->hidden = field->alias = true;
}

/* ---- kinds that are read in a way of their own ---- */

static void item_of(struct session_types *types, struct type_facts *facts, uint64_t item,
                    uint8_t element, int depth)
{
    if (element == 0)
        element = types_element_of(types, item);
    facts->element = element;
    facts->item = item;
    facts->item_size = clr_element_size(element);
    uint8_t own = types_element_of(types, item);
    /* An array of an enum says its number's element: the class tells more. */
    if (own == ELEMENT_TYPE_VALUETYPE) {
        facts->element = ELEMENT_TYPE_VALUETYPE;
        facts->item_layout = types_layout_depth(types, item, depth + 1);
        facts->item_size = facts->item_layout == NULL ? 0 : facts->item_layout->size;
    } else if (facts->item_size == 0 && element != ELEMENT_TYPE_VALUETYPE) {
        facts->item_size = sizeof(uint64_t);
    }
}

/* What a list holds, so that its array need not have been met. Of references nothing is asked:
 * each item tells its own type. */
static void list_items(struct session_types *types, struct type_facts *facts, uint64_t item,
                       int depth)
{
    uint8_t element = types_element_of(types, item);
    if (element == 0)
        return;
    if (clr_element_size(element) != 0 || element == ELEMENT_TYPE_VALUETYPE) {
        item_of(types, facts, item, element, depth);
    } else {
        facts->element = element;
        facts->item_size = sizeof(uint64_t);
    }
}

static void examine_array(struct session_types *types, struct arena *arena,
                          struct type_facts *facts, const struct runtime_array *array, int depth)
{
    facts->kind = WIRE_TYPE_ARRAY;
    facts->count_at = ARRAY_COUNT_AT;
    facts->items_at = ARRAY_ITEMS_AT + (array->rank > 1 ? array->rank * 8 : 0);
    item_of(types, facts, array->item, array->element, depth);
    struct runtime_class class;
    if (runtime_class_read(types->info, array->item, &class))
        facts->module_id = class.module;
    add_length(facts, arena);
}

/* Dictionary<K,V> and HashSet<T>: where their entries are, and how many. Without one of these
 * fields it is shown as what else it is. */
static void examine_keyed(struct type_facts *facts)
{
    const struct type_field *entries = field_named(facts, "_entries");
    const struct type_field *count = field_named(facts, "_count");
    const struct type_field *unused = field_named(facts, "_freeCount");
    if (entries == NULL || count == NULL || unused == NULL) {
        facts->kind = WIRE_TYPE_CLASS;
        return;
    }
    facts->items_at = entries->offset;
    facts->count_at = count->offset;
    facts->value_at = unused->offset;
    facts->next_name = facts->kind == WIRE_TYPE_DICTIONARY ? "next" : "Next";
}

static void examine_special(struct session_types *types, struct arena *arena,
                            struct type_facts *facts, const struct runtime_class *class, int depth)
{
    const struct type_field *field;
    switch (facts->kind) {
    case WIRE_TYPE_STRING:
        if (!runtime_string_read(types->info, &facts->count_at, &facts->items_at)) {
            facts->count_at = OBJECT_HEAD;
            facts->items_at = OBJECT_HEAD + 4;
        }
        facts->element = ELEMENT_TYPE_CHAR;
        facts->item_size = 2;
        add_length(facts, arena);
        break;
    case WIRE_TYPE_LIST:
        if ((field = field_named(facts, "_items")) != NULL)
            facts->items_at = field->offset;
        if ((field = field_named(facts, "_size")) != NULL)
            facts->count_at = field->offset;
        if (class->argument_count == 1)
            list_items(types, facts, class->arguments[0], depth);
        add_alias(facts, arena, "Count", "_size");
        break;
    case WIRE_TYPE_DICTIONARY:
    case WIRE_TYPE_SET:
        examine_keyed(facts);
        break;
    case WIRE_TYPE_NULLABLE:
        if ((field = field_named(facts, "value")) != NULL) {
            facts->value_at = field->offset;
            facts->item_layout = field->layout;
        }
        if (class->argument_count == 1) {
            facts->item = class->arguments[0];
            if (facts->item_layout == NULL)
                facts->item_layout = types_layout_depth(types, facts->item, depth + 1);
        }
        add_alias(facts, arena, "HasValue", "hasValue");
        add_alias(facts, arena, "Value", "value");
        break;
    case WIRE_TYPE_SPAN:
        if ((field = field_named(facts, "_reference")) != NULL)
            facts->items_at = field->offset;
        if ((field = field_named(facts, "_length")) != NULL)
            facts->count_at = field->offset;
        if (class->argument_count == 1)
            item_of(types, facts, class->arguments[0], 0, depth);
        add_alias(facts, arena, "Length", "_length");
        break;
    case WIRE_TYPE_EXCEPTION:
        add_alias(facts, arena, "Message", "_message");
        break;
    default:
        break;
    }
}

static void examine_size(struct session_types *types, struct type_facts *facts)
{
    struct runtime_offset *offsets;
    uint32_t count, size;
    if (facts->size != 0 || facts->kind == WIRE_TYPE_STRING || facts->kind == WIRE_TYPE_ARRAY ||
        !runtime_layout_read(types->info, facts->id, &offsets, &count, &size))
        return;
    free(offsets);
    /* Of objects the runtime tells the whole: with the word in front and the method table. */
    uint32_t head = facts->is_value ? 0 : OBJECT_HEAD;
    facts->size = size > 2 * head ? size - 2 * head : 0;
    /* Never less than what the fields take. */
    for (uint32_t i = 0; i < facts->field_count; i++) {
        const struct type_field *field = &facts->fields[i];
        if (!field->alias && field->offset + field->size > facts->size + head)
            facts->size = field->offset + field->size - head;
    }
}

static void print_names(struct session_types *types, struct arena *arena, struct type_facts *facts)
{
    struct buffer text;
    buffer_init(&text, 4096);
    session_types_print(types, facts->id, false, &text);
    facts->name = arena_copy_text(arena, buffer_text(&text), text.length);
    buffer_clear(&text);
    session_types_print(types, facts->id, true, &text);
    facts->full_name = arena_copy_text(arena, buffer_text(&text), text.length);
    buffer_release(&text);
}

bool types_examine(struct session_types *types, uint64_t id, struct arena *arena,
                   struct type_facts *facts, int depth)
{
    memset(facts, 0, sizeof *facts);
    facts->id = id;
    struct runtime_array array;
    struct runtime_class class;
    if (id == 0 || depth > TYPES_MAX_DEPTH)
        return false;
    if (runtime_array_read(types->info, id, &array)) {
        examine_array(types, arena, facts, &array, depth);
        print_names(types, arena, facts);
        return true;
    }
    if (!runtime_class_read(types->info, id, &class))
        return false;
    facts->module_id = class.module;
    facts->token = class.type;
    facts->base = class.parent;
    facts->module = modules_find(types->modules, class.module);
    if (facts->module != NULL && facts->module->image != NULL)
        own_kind(facts);
    else
        facts->kind = WIRE_TYPE_CLASS; /* made at run time: its base classes may be readable */
    if (facts->kind != WIRE_TYPE_PRIMITIVE && facts->kind != WIRE_TYPE_ENUM &&
        facts->kind != WIRE_TYPE_STRING)
        add_levels(types, facts, &class, arena, depth);
    examine_special(types, arena, facts, &class, depth);
    examine_size(types, facts);
    print_names(types, arena, facts);
    return facts->name != NULL && facts->full_name != NULL;
}
