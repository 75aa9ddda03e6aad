#include "recorder_layout.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base_map.h"
#include "recorder_exception.h"
#include "recorder_table.h"
#include "wire_message.h"

#define LAYOUT_BYTES_MAX ((size_t)4 << 20)
#define NAMES_MAX        65536u
#define NAME_BYTES_MAX   512u
#define INSTANCES_MAX    65536u
#define KIND_FORGOTTEN   0xffu /* stands where a layout was that no longer holds */

/* Readers may be at what it was for as long as they like: both are kept. */
struct forgotten {
    const struct layout *was;
    struct forgotten *next;
    struct layout layout; /* its fields are none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below but the atomics */
static struct recorder_table layouts;
static struct recorder_wanted wanted_layouts;
static struct forgotten *forgotten;
static size_t layout_bytes;
static _Atomic bool layouts_full;
static struct text_map names;
static uint32_t name_count;
static struct recorder_table instances;
static struct recorder_wanted wanted_instances;
static _Atomic bool instances_full;
static _Atomic uint32_t instance_generation;
static struct outdated {
    struct outdated *next;
    const struct instance *instance;
} * outdated;
static uint32_t outdated_count;

static _Atomic uint32_t message_at;
static _Atomic uint32_t inner_at;

enum status layout_init(struct error *error)
{
    if (layout_name("_message") == 0 || layout_name("_innerException") == 0) {
        return error_set(error, STATUS_MEMORY, "no memory for the table of names");
    }
    return STATUS_OK;
}

uint32_t layout_name(const char *name)
{
    uint64_t id = 0;
    if (name == NULL || strlen(name) > NAME_BYTES_MAX) {
        return 0;
    }
    pthread_mutex_lock(&lock);
    if (!text_map_get(&names, name, &id) && name_count < NAMES_MAX - 1 &&
        text_map_put(&names, name, name_count + 1)) {
        id = ++name_count;
    }
    pthread_mutex_unlock(&lock);
    return (uint32_t)id;
}

const struct layout *layout_find(uint64_t type)
{
    const struct layout *layout = recorder_table_find(&layouts, type);
    return layout != NULL && layout->kind == KIND_FORGOTTEN ? NULL : layout;
}

static uint32_t offset_of(const struct layout *layout, uint32_t name)
{
    for (uint32_t i = 0; i < layout->field_count; i++) {
        if (layout->fields[i].name == name) {
            return layout->fields[i].offset;
        }
    }
    return 0;
}

static void learn_exception(const struct layout *layout, uint32_t message, uint32_t inner)
{
    if (layout->kind != WIRE_TYPE_EXCEPTION || atomic_load(&message_at) != 0) {
        return;
    }
    atomic_store(&inner_at, offset_of(layout, inner));
    atomic_store(&message_at, offset_of(layout, message));
}

uint32_t exception_message_offset(void)
{
    return atomic_load_explicit(&message_at, memory_order_relaxed);
}

uint32_t exception_inner_offset(void)
{
    return atomic_load_explicit(&inner_at, memory_order_relaxed);
}

static const struct layout *publish(struct layout *layout)
{
    size_t bytes = sizeof *layout + layout->field_count * sizeof layout->fields[0];
    if (layout_bytes + bytes + layouts.bytes > LAYOUT_BYTES_MAX) {
        atomic_store(&layouts_full, true);
        return NULL;
    }
    if (layout->type == 0) {
        return NULL;
    }
    bool again = recorder_table_find(&layouts, layout->type) != NULL;
    if (!(again ? recorder_table_replace : recorder_table_add)(&layouts, layout)) {
        return NULL;
    }
    layout_bytes += bytes;
    return layout;
}

const struct layout *layout_publish(struct layout *layout)
{
    uint32_t message = layout_name("_message");
    uint32_t inner = layout_name("_innerException");
    pthread_mutex_lock(&lock);
    const struct layout *known = layout_find(layout->type);
    if (known == NULL) {
        known = publish(layout);
    }
    if (known == layout) {
        learn_exception(layout, message, inner);
    }
    pthread_mutex_unlock(&lock);
    if (known != layout) {
        free(layout);
    }
    return known;
}

void layout_forget(uint64_t type)
{
    pthread_mutex_lock(&lock);
    if (layout_find(type) != NULL) {
        struct forgotten *entry = calloc(1, sizeof *entry);
        if (entry != NULL) {
            entry->layout.type = type;
            entry->layout.kind = KIND_FORGOTTEN;
            entry->was = layout_find(type);
            entry->next = forgotten;
            forgotten = entry;
            recorder_table_replace(&layouts, &entry->layout);
            layout_bytes += sizeof *entry;
        }
    }
    pthread_mutex_unlock(&lock);
}

void layout_want(uint64_t type)
{
    if (type != 0 && !atomic_load_explicit(&layouts_full, memory_order_relaxed)) {
        recorder_wanted_put(&wanted_layouts, type);
    }
}

bool layout_next_wanted(uint64_t *type)
{
    return recorder_wanted_take(&wanted_layouts, type);
}

size_t layout_memory(void)
{
    pthread_mutex_lock(&lock);
    size_t bytes =
        layout_bytes + layouts.bytes + instances.bytes + instances.count * sizeof(struct instance) +
        outdated_count * (sizeof(struct instance) + sizeof(struct outdated)) + name_count * 64u;
    pthread_mutex_unlock(&lock);
    return bytes;
}

const struct instance *instance_find(uint64_t address)
{
    const struct instance *instance = recorder_table_find(&instances, address);
    const bool holds =
        instance != NULL &&
        (!instance->collectible ||
         instance->generation == atomic_load_explicit(&instance_generation, memory_order_acquire));
    return holds ? instance : NULL;
}

void instance_forget_collectible(void)
{
    atomic_fetch_add(&instance_generation, 1);
}

void instance_want(uint64_t address)
{
    if (address != 0 && !atomic_load_explicit(&instances_full, memory_order_relaxed)) {
        recorder_wanted_put(&wanted_instances, address);
    }
}

bool instance_next_wanted(uint64_t *address)
{
    return recorder_wanted_take(&wanted_instances, address);
}

/* In the place of one that does not hold any more. */
static bool replace_instance(struct instance *instance, const struct instance *was)
{
    struct outdated *entry = malloc(sizeof *entry);
    if (entry == NULL || !recorder_table_replace(&instances, instance)) {
        free(entry);
        return false;
    }
    *entry = (struct outdated){.next = outdated, .instance = was};
    outdated = entry;
    outdated_count++;
    return true;
}

void instance_publish(struct instance *instance)
{
    bool kept = false;
    pthread_mutex_lock(&lock);
    instance->generation = atomic_load(&instance_generation);
    if (instances.count + outdated_count >= INSTANCES_MAX) {
        atomic_store(&instances_full, true);
    } else if (instance->address != 0 && instance_find(instance->address) == NULL) {
        const struct instance *was = recorder_table_find(&instances, instance->address);
        kept = was != NULL ? replace_instance(instance, was)
                           : recorder_table_add(&instances, instance);
    }
    pthread_mutex_unlock(&lock);
    if (!kept) {
        free(instance);
    }
}

void instance_forget_all(void)
{
    uint64_t address;
    pthread_mutex_lock(&lock);
    recorder_table_empty(&instances);
    while (outdated != NULL) {
        struct outdated *next = outdated->next;
        free((void *)(uintptr_t)outdated->instance);
        free(outdated);
        outdated = next;
    }
    outdated_count = 0;
    while (recorder_wanted_take(&wanted_instances, &address)) {
    }
    atomic_store(&instances_full, false);
    pthread_mutex_unlock(&lock);
}
