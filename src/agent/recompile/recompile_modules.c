#include "recompile_modules.h"

#include <stdlib.h>
#include <string.h>

#include "base_utf16.h"
#include "metadata_resolve.h"
#include "recompile_internal.h"

#define NAME_UNITS 4096

enum status modules_init(struct modules *modules)
{
    map_init(&modules->by_id);
    map_init(&modules->leaving);
    pthread_mutex_init(&modules->collect, NULL);
    pthread_mutex_init(&modules->lock, NULL);
    return STATUS_OK;
}

static void entry_free(struct module_entry *entry)
{
    if (!entry)
        return;
    recompile_tokens_free(entry->tokens);
    free(entry->image);
    free(entry->copy);
    free(entry->path);
    free(entry);
}

void modules_release(struct modules *modules)
{
    for (uint32_t i = 0; i < modules->count; i++)
        entry_free(modules->entries[i]);
    for (uint32_t i = 0; i < MODULES_GRAVES; i++)
        entry_free(modules->graves[i]);
    free(modules->entries);
    map_release(&modules->by_id);
    map_release(&modules->leaving);
    memory_map_release(&modules->memory);
    pthread_mutex_destroy(&modules->lock);
    pthread_mutex_destroy(&modules->collect);
}

/* An assembly that was compiled for debugging is open to edit-and-continue where the process
 * was told so; the runtime then takes requests and does nothing (#91963). */
static bool compiled_for_debugging(const struct metadata_image *image)
{
    const mdToken attribute = metadata_attribute_find(image, token_make(CLR_TABLE_Assembly, 1),
                                                      "System.Diagnostics.DebuggableAttribute");
    if (token_is_nil(attribute))
        return false;
    /* One argument: DebuggingModes as int32 (DisableOptimizations is 0x100); two: bools, of
     * which the second disables optimisation. */
    struct reader value = metadata_attribute_value(image, attribute);
    if (reader_left(&value) >= 6)
        return reader_u32(&value) & 0x100;
    reader_skip(&value, 1);
    return reader_u8(&value) != 0;
}

static void name_of(struct module_entry *entry, const WCHAR *units, uint32_t length, bool on_disk)
{
    struct buffer text;
    buffer_init(&text, 3 * NAME_UNITS + 1);
    utf16_append_utf8(&text, units, length);
    entry->path = strdup(buffer_text(&text));
    buffer_release(&text);
    const char *whole = entry->path ? entry->path : "";
    const char *slash = strrchr(whole, '/');
    entry->public.name = slash ? slash + 1 : whole;
    entry->public.path = on_disk ? whole : "";
}

/* What the runtime says. Under modules->collect: the module cannot go meanwhile. */
static bool ask_runtime(struct modules *modules, struct ICorProfilerInfo15 *info,
                        struct module_entry *entry)
{
    struct module *module = &entry->public;
    WCHAR *units = malloc(NAME_UNITS * sizeof(WCHAR));
    const uint8_t *base = NULL;
    uint32_t length = 0, flags = 0;
    AssemblyID assembly = 0;
    if (!units)
        return false;
    const HRESULT result = info->vtbl->GetModuleInfo2(info, module->id, &base, NAME_UNITS, &length,
                                                      units, &assembly, &flags);
    if (!hresult_failed(result)) {
        if (length > NAME_UNITS)
            length = NAME_UNITS;
        name_of(entry, units, length ? length - 1 : 0, flags & COR_PRF_MODULE_DISK);
        module->assembly = assembly;
        module->dynamic = flags & COR_PRF_MODULE_DYNAMIC;
        module->collectible = flags & COR_PRF_MODULE_COLLECTIBLE;
        module_image_open(modules, entry, base, flags);
        if (module->image && modules->modifiable)
            module->edit_and_continue = compiled_for_debugging(module->image);
    }
    free(units);
    return !hresult_failed(result);
}

static bool append(struct modules *modules, struct module_entry *entry)
{
    bool done = false;
    pthread_mutex_lock(&modules->lock);
    if (modules->count == modules->capacity) {
        const uint32_t wanted = modules->capacity ? modules->capacity * 2 : 128;
        struct module_entry **grown =
            realloc(modules->entries, wanted * sizeof(struct module_entry *));
        if (grown) {
            modules->entries = grown;
            modules->capacity = wanted;
        }
    }
    if (modules->count < modules->capacity &&
        map_put(&modules->by_id, entry->public.id, (uintptr_t)entry)) {
        modules->entries[modules->count++] = entry;
        done = true;
    }
    pthread_mutex_unlock(&modules->lock);
    return done;
}

static struct module_entry *entry_new(struct modules *modules, struct ICorProfilerInfo15 *info,
                                      uint64_t id)
{
    struct module_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->public.id = id;
    entry->public.path = entry->public.name = "";
    if (ask_runtime(modules, info, entry))
        return entry;
    entry_free(entry);
    return NULL;
}

struct module_entry *modules_add(struct modules *modules, struct ICorProfilerInfo15 *info,
                                 uint64_t id)
{
    struct module_entry *entry = modules_entry(modules, id);
    if (entry)
        return entry;
    entry = entry_new(modules, info, id);
    if (!entry || !append(modules, entry)) {
        entry_free(entry);
        return NULL;
    }
    modules->unread += entry->public.unread;
    return entry;
}

struct module_entry *modules_read_again(struct modules *modules, struct ICorProfilerInfo15 *info,
                                        struct module_entry *entry)
{
    struct module_entry *fresh = entry_new(modules, info, entry->public.id);
    if (!fresh || fresh->public.unread) {
        entry_free(fresh);
        return NULL;
    }
    modules_forget(modules, entry);
    if (append(modules, fresh))
        return fresh;
    entry_free(fresh);
    return NULL;
}

void modules_forget(struct modules *modules, struct module_entry *entry)
{
    pthread_mutex_lock(&modules->lock);
    map_remove(&modules->by_id, entry->public.id);
    modules->unread -= entry->public.unread;
    entry->public.unread = false;
    entry->public.gone = true;
    entry->public.image = NULL;
    entry->public.unreadable = "it has been unloaded";
    uint32_t left = 0;
    for (uint32_t i = 0; i < modules->count; i++) {
        if (modules->entries[i] != entry)
            modules->entries[left++] = modules->entries[i];
    }
    modules->count = left;
    struct module_entry **grave = &modules->graves[modules->next_grave++ % MODULES_GRAVES];
    struct module_entry *oldest = *grave;
    *grave = entry;
    pthread_mutex_unlock(&modules->lock);
    entry_free(oldest);
    free(entry->image);
    free(entry->copy);
    entry->image = NULL;
    entry->copy = NULL;
}

struct module_entry *modules_entry(struct modules *modules, uint64_t id)
{
    uint64_t entry = 0;
    pthread_mutex_lock(&modules->lock);
    map_get(&modules->by_id, id, &entry);
    pthread_mutex_unlock(&modules->lock);
    return (struct module_entry *)(uintptr_t)entry;
}

const struct module *modules_next(const struct modules *modules, uint32_t *cursor)
{
    return *cursor < modules->count ? &modules->entries[(*cursor)++]->public : NULL;
}

const struct module *modules_find(struct modules *modules, uint64_t id)
{
    struct module_entry *entry = modules_entry(modules, id);
    return entry ? &entry->public : NULL;
}

const struct module *modules_by_assembly(struct modules *modules, const char *name)
{
    const struct module *found = NULL;
    pthread_mutex_lock(&modules->lock);
    for (uint32_t i = 0; i < modules->count && !found; i++) {
        const struct module *module = &modules->entries[i]->public;
        if (module->image && strcmp(metadata_image_assembly(module->image), name) == 0)
            found = module;
    }
    pthread_mutex_unlock(&modules->lock);
    return found;
}

uint32_t modules_count(const struct modules *modules)
{
    return modules->count;
}
