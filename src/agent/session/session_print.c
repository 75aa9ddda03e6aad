/* Names of ClassIDs as C# writes them. */
#include <string.h>

#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "session_examine.h"
#include "session_runtime.h"

static void print_class(struct session_types *types, uint64_t id, bool full, struct buffer *text,
                        int depth);

static void print_arguments(struct session_types *types, const uint64_t *ids, uint32_t count,
                            const char *open, const char *close, bool full, struct buffer *text,
                            int depth)
{
    buffer_append_text(text, open);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_text(text, ", ");
        print_class(types, ids[i], full, text, depth + 1);
    }
    buffer_append_text(text, close);
}

/* One name of a nest, `N cut off; its share of the arguments, which follow each other. */
static void print_level(struct session_types *types, const char *name,
                        const struct runtime_class *class, uint32_t *used, bool full,
                        struct buffer *text, int depth)
{
    const char *tick = strrchr(name, '`');
    uint32_t arity = 0;
    for (const char *digit = tick; digit != NULL && digit[1] >= '0' && digit[1] <= '9'; digit++)
        arity = arity * 10 + (uint32_t)(digit[1] - '0');
    buffer_append(text, name, arity == 0 ? strlen(name) : (size_t)(tick - name));
    if (arity == 0 || arity > class->argument_count - *used)
        return;
    print_arguments(types, &class->arguments[*used], arity, "<", ">", full, text, depth);
    *used += arity;
}

static void print_definition(struct session_types *types, const struct module *module,
                             const struct runtime_class *class, bool full, struct buffer *text,
                             int depth)
{
    struct metadata_identity identity;
    if (metadata_identify(module->image, class->type, &identity, NULL) != STATUS_OK) {
        buffer_append_text(text, "?");
        return;
    }
    if (full && identity.name_space[0] != '\0')
        buffer_append_format(text, "%s.", identity.name_space);
    uint32_t used = 0;
    for (uint32_t i = 0; i < identity.depth; i++) {
        if (i > 0)
            buffer_append_text(text, ".");
        print_level(types, identity.names[i], class, &used, full, text, depth);
    }
}

/* What C# has a spelling of its own for. */
static bool print_short_form(struct session_types *types, const struct module *module,
                             const struct runtime_class *class, bool full, struct buffer *text,
                             int depth)
{
    if (!types_in_core(module))
        return false;
    struct metadata_identity identity;
    if (metadata_identify(module->image, class->type, &identity, NULL) != STATUS_OK ||
        identity.depth != 1 || strcmp(identity.name_space, "System") != 0)
        return false;
    const char *name = identity.names[0];
    if (strcmp(name, "__Canon") == 0) {
        buffer_append_text(text, "?");
        return true;
    }
    char full_name[64] = "System.";
    strncat(full_name, name, sizeof full_name - 8);
    const char *keyword = clr_element_keyword(clr_element_named(full_name));
    if (strcmp(name, "Decimal") == 0)
        keyword = "decimal";
    if (keyword != NULL) {
        buffer_append_text(text, keyword);
        return true;
    }
    if (strcmp(name, "Nullable`1") == 0 && class->argument_count == 1) {
        print_arguments(types, class->arguments, 1, "", "?", full, text, depth);
        return true;
    }
    if (strncmp(name, "ValueTuple`", 11) == 0 && class->argument_count >= 2 &&
        class->argument_count <= 7) {
        print_arguments(types, class->arguments, class->argument_count, "(", ")", full, text,
                        depth);
        return true;
    }
    return false;
}

/* int[][,]: the outermost array's brackets stand first. */
static void print_array(struct session_types *types, uint64_t id, bool full, struct buffer *text,
                        int depth)
{
    struct runtime_array array;
    char brackets[128] = "";
    size_t length = 0;
    uint8_t element = 0;
    while (length < sizeof brackets - 40 && runtime_array_read(types->info, id, &array)) {
        brackets[length++] = '[';
        for (uint32_t i = 1; i < array.rank && i < 32; i++)
            brackets[length++] = ',';
        brackets[length++] = ']';
        element = array.element;
        id = array.item;
    }
    const char *keyword = clr_element_keyword(element);
    if (id == 0)
        buffer_append_text(text, keyword != NULL ? keyword : "?");
    else
        print_class(types, id, full, text, depth + 1);
    buffer_append(text, brackets, length);
}

static void print_class(struct session_types *types, uint64_t id, bool full, struct buffer *text,
                        int depth)
{
    struct runtime_array array;
    struct runtime_class class;
    if (depth > TYPES_MAX_DEPTH) {
        buffer_append_text(text, "…");
        return;
    }
    if (runtime_array_read(types->info, id, &array)) {
        print_array(types, id, full, text, depth);
        return;
    }
    if (!runtime_class_read(types->info, id, &class)) {
        buffer_append_text(text, "?");
        return;
    }
    const struct module *module = modules_find(types->modules, class.module);
    if (module == NULL || module->image == NULL) {
        /* Made at run time: a proxy is known by what it stands for. */
        if (class.parent != 0)
            print_class(types, class.parent, full, text, depth + 1);
        else
            buffer_append_text(text, "?");
        buffer_append_text(text, " (dynamic)");
        return;
    }
    if (!print_short_form(types, module, &class, full, text, depth))
        print_definition(types, module, &class, full, text, depth);
}

void session_types_print(struct session_types *types, uint64_t id, bool full, struct buffer *text)
{
    print_class(types, id, full, text, 0);
}
