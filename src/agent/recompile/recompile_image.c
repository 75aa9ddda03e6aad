/*
 * The image of a loaded module, found in this process's own memory.
 *
 * The runtime keeps plain IL flat (the file as it is, mapped) and precompiled code laid out
 * by section (GetModuleInfo2 says which). Either is read where it stands, after a look at
 * which addresses are readable; nothing outside those is ever touched. Only modules that can
 * be unloaded are copied.
 */
#include <stdlib.h>
#include <string.h>

#include "base_reader.h"
#include "recompile_internal.h"

#define COPY_MAX_BYTES ((uint64_t)64 << 20)

struct pe_shape {
    uint32_t image_size;
    uint32_t header_size;
    uint32_t sections_at;
    uint32_t section_count;
};

/* The few fields of the PE headers that bound the image (PE format, "Optional header"). */
static bool read_shape(const uint8_t *base, uint64_t readable, struct pe_shape *shape)
{
    struct reader reader;
    reader_init(&reader, base, readable < 65536 ? (size_t)readable : 65536);
    if (reader_u16(&reader) != 0x5a4d)
        return false;
    reader_seek(&reader, 0x3c);
    const uint32_t pe = reader_u32(&reader);
    reader_seek(&reader, pe);
    if (reader_u32(&reader) != 0x4550)
        return false;
    reader_skip(&reader, 2);
    shape->section_count = reader_u16(&reader);
    reader_skip(&reader, 12);
    const uint16_t optional_size = reader_u16(&reader);
    reader_skip(&reader, 2);
    const size_t optional_at = reader.position;
    reader_seek(&reader, optional_at + 56);
    shape->image_size = reader_u32(&reader);
    shape->header_size = reader_u32(&reader);
    shape->sections_at = (uint32_t)(optional_at + optional_size);
    return !reader_failed(&reader) && shape->section_count <= METADATA_MAX_SECTIONS;
}

struct section {
    uint32_t rva;
    uint32_t size; /* in memory */
};

static struct section read_section(struct reader *reader)
{
    reader_skip(reader, 8);
    const uint32_t virtual_size = reader_u32(reader);
    const uint32_t rva = reader_u32(reader);
    const uint32_t file_size = reader_u32(reader);
    reader_skip(reader, 20);
    return (struct section){.rva = rva, .size = virtual_size ? virtual_size : file_size};
}

/* Laid out by section: every section must be readable as far as its file data reach. */
static bool sections_readable(const struct modules *modules, const uint8_t *base, uint64_t readable,
                              const struct pe_shape *shape)
{
    struct reader reader;
    if (readable < shape->header_size)
        return false;
    reader_init(&reader, base, (size_t)readable);
    reader_seek(&reader, shape->sections_at);
    for (uint32_t i = 0; i < shape->section_count; i++) {
        const struct section section = read_section(&reader);
        if (reader_failed(&reader) || (uint64_t)section.rva + section.size > shape->image_size)
            return false;
        if (section.size &&
            memory_map_extent(&modules->memory, (uintptr_t)base + section.rva) < section.size)
            return false;
    }
    return true;
}

/* Flat: the file ends where its last section ends (what follows is signature or padding). May be
 * more than is readable. */
static uint64_t flat_length(const uint8_t *base, uint64_t readable, const struct pe_shape *shape)
{
    struct reader reader;
    uint64_t length = shape->header_size;
    reader_init(&reader, base, readable < 65536 ? (size_t)readable : 65536);
    reader_seek(&reader, shape->sections_at);
    for (uint32_t i = 0; i < shape->section_count; i++) {
        reader_skip(&reader, 16);
        const uint32_t file_size = reader_u32(&reader);
        const uint64_t end = (uint64_t)reader_u32(&reader) + file_size;
        reader_skip(&reader, 16);
        if (end > length)
            length = end;
    }
    return length;
}

/* The map may be older than the mapping: something shorter may have stood there. */
static bool flat_bounds(struct modules *modules, const uint8_t *base, uint64_t readable,
                        const struct pe_shape *shape, uint64_t *length, const char **why)
{
    *length = flat_length(base, readable, shape);
    if (*length <= readable)
        return true;
    if (memory_map_look(&modules->memory, (uintptr_t)base, *length, NULL) == STATUS_OK &&
        memory_map_extent(&modules->memory, (uintptr_t)base) >= *length)
        return true;
    *why = "its image reaches beyond readable memory";
    return false;
}

static bool bounds_of(struct modules *modules, const uint8_t *base, bool flat,
                      struct pe_shape *shape, uint64_t *length, const char **why)
{
    uint64_t readable = memory_map_extent(&modules->memory, (uintptr_t)base);
    bool found = readable && read_shape(base, readable, shape);
    if (!found) {
        /* Mapped since the last look. */
        if (memory_map_look(&modules->memory, (uintptr_t)base, 1, NULL) != STATUS_OK) {
            *why = "the memory map of the process cannot be read";
            return false;
        }
        readable = memory_map_extent(&modules->memory, (uintptr_t)base);
        found = readable && read_shape(base, readable, shape);
    }
    if (!found) {
        *why = readable ? "its image has no PE header" : "its image is not in readable memory";
        return false;
    }
    if (flat)
        return flat_bounds(modules, base, readable, shape, length, why);
    if (!sections_readable(modules, base, readable, shape) &&
        (memory_map_look(&modules->memory, (uintptr_t)base, shape->image_size, NULL) != STATUS_OK ||
         !sections_readable(modules, base, readable, shape))) {
        *why = "a section of its image is not in readable memory";
        return false;
    }
    *length = shape->image_size;
    return true;
}

/* Copies what is there: a flat image whole, one laid out by section without its holes. */
static const uint8_t *copy_image(struct module_entry *entry, const uint8_t *base,
                                 const struct pe_shape *shape, uint64_t length, bool flat)
{
    struct reader reader;
    if (length > COPY_MAX_BYTES || shape->header_size > length)
        return NULL;
    entry->copy = calloc(1, (size_t)length);
    if (!entry->copy)
        return NULL;
    if (flat) {
        memcpy(entry->copy, base, (size_t)length);
        return entry->copy;
    }
    memcpy(entry->copy, base, shape->header_size);
    reader_init(&reader, entry->copy, shape->header_size);
    reader_seek(&reader, shape->sections_at);
    for (uint32_t i = 0; i < shape->section_count; i++) {
        const struct section section = read_section(&reader);
        if (reader_failed(&reader) || (uint64_t)section.rva + section.size > length)
            return NULL;
        memcpy(entry->copy + section.rva, base + section.rva, section.size);
    }
    return entry->copy;
}

bool module_image_bounds(struct modules *modules, const uint8_t *base, bool flat, uint64_t *length,
                         const char **why)
{
    struct pe_shape shape;
    const char *ignored;
    return bounds_of(modules, base, flat, &shape, length, why ? why : &ignored);
}

static void open_at(struct modules *modules, struct module_entry *entry, const uint8_t *base,
                    bool flat)
{
    struct module *module = &entry->public;
    struct pe_shape shape;
    uint64_t length = 0;
    if (!bounds_of(modules, base, flat, &shape, &length, &module->unreadable))
        return;
    /* What may be unloaded under our hands is read from a copy. */
    if (module->collectible) {
        base = copy_image(entry, base, &shape, length, flat);
        if (!base) {
            module->unreadable = "it can be unloaded, and is too big to be copied";
            return;
        }
    }
    entry->image = malloc(sizeof(*entry->image));
    if (!entry->image ||
        metadata_image_open(entry->image, base, (size_t)length, !flat, NULL) != STATUS_OK) {
        module->unreadable =
            entry->image ? "its image breaks the rules of the format" : "out of memory";
        return;
    }
    module->image = entry->image;
    module->precompiled = entry->image->precompiled;
}

void module_image_open(struct modules *modules, struct module_entry *entry, const uint8_t *base,
                       uint32_t flags)
{
    struct module *module = &entry->public;
    const bool never = flags & (COR_PRF_MODULE_DYNAMIC | COR_PRF_MODULE_RESOURCE);
    if (base && !never)
        open_at(modules, entry, base, flags & COR_PRF_MODULE_FLAT_LAYOUT);
    else
        module->unreadable =
            module->dynamic ? "it was made by Reflection.Emit and has no image" : "it has no image";
    module->unread = module->unreadable && !never && !module->collectible;
}
