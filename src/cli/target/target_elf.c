#include "target_elf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_reader.h"

#define ELF_HEADER_BYTES  64u
#define ELF_SECTION_BYTES 64u
#define ELF_SYMBOL_BYTES  24u
#define ELF_MAX_SECTIONS  512u
#define ELF_MAX_TABLE     ((uint64_t)8 << 20)
#define ELF_TYPE_DYNSYM   11u

/* The bytes [offset, offset + length) of the file, malloc'd; NULL where they are not all there. */
static uint8_t *read_at(int fd, uint64_t offset, uint64_t length)
{
    if (length == 0 || length > ELF_MAX_TABLE || offset > INT64_MAX)
        return NULL;
    uint8_t *bytes = malloc(length);
    size_t done = 0;
    while (bytes != NULL && done < length) {
        ssize_t count = pread(fd, bytes + done, length - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            free(bytes);
            return NULL;
        }
        done += (size_t)count;
    }
    return bytes;
}

struct elf_section {
    uint32_t type;
    uint32_t link;
    uint64_t offset;
    uint64_t size;
};

struct elf_header {
    uint16_t machine;
    uint64_t section_offset;
    uint16_t section_count;
};

static bool read_header(int fd, struct elf_header *header)
{
    static const uint8_t magic[6] = {0x7f, 'E', 'L', 'F', 2, 1};
    uint8_t bytes[ELF_HEADER_BYTES];
    if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        memcmp(bytes, magic, sizeof magic) != 0)
        return false;
    struct reader reader;
    reader_init(&reader, bytes, sizeof bytes);
    reader_seek(&reader, 18);
    header->machine = reader_u16(&reader);
    reader_seek(&reader, 40);
    header->section_offset = reader_u64(&reader);
    reader_seek(&reader, 58);
    uint16_t section_bytes = reader_u16(&reader);
    header->section_count = reader_u16(&reader);
    if (section_bytes != ELF_SECTION_BYTES || header->section_count > ELF_MAX_SECTIONS)
        header->section_count = 0;
    return !reader_failed(&reader);
}

static struct elf_section section_at(const struct reader *table, uint32_t index)
{
    struct reader row = reader_window(table, (size_t)index * ELF_SECTION_BYTES, ELF_SECTION_BYTES);
    struct elf_section section = {0};
    reader_seek(&row, 4);
    section.type = reader_u32(&row);
    reader_seek(&row, 24);
    section.offset = reader_u64(&row);
    section.size = reader_u64(&row);
    section.link = reader_u32(&row);
    return section;
}

static uint32_t match_symbols(struct reader *symbols, const struct reader *strings,
                              const char *const *names, unsigned count)
{
    uint32_t found = 0;
    while (reader_left(symbols) >= ELF_SYMBOL_BYTES) {
        uint32_t name = reader_u32(symbols);
        reader_skip(symbols, 2);
        uint16_t section = reader_u16(symbols);
        reader_skip(symbols, 16);
        if (section == 0)
            continue; /* imported, not defined here */
        struct reader text = *strings;
        reader_seek(&text, name);
        const char *symbol = reader_text(&text, NULL);
        for (unsigned i = 0; symbol != NULL && i < count; i++)
            if (strcmp(symbol, names[i]) == 0)
                found |= 1u << i;
    }
    return found;
}

static uint32_t match_section(int fd, const struct reader *table, const struct elf_section *section,
                              const char *const *names, unsigned count)
{
    struct elf_section link = section_at(table, section->link);
    uint8_t *symbol_bytes = read_at(fd, section->offset, section->size);
    uint8_t *string_bytes = read_at(fd, link.offset, link.size);
    uint32_t found = 0;
    if (symbol_bytes != NULL && string_bytes != NULL) {
        struct reader symbols, strings;
        reader_init(&symbols, symbol_bytes, section->size);
        reader_init(&strings, string_bytes, link.size);
        found = match_symbols(&symbols, &strings, names, count);
    }
    free(symbol_bytes);
    free(string_bytes);
    return found;
}

uint32_t target_elf_exports(int fd, const char *const *names, unsigned count)
{
    struct elf_header header;
    if (!read_header(fd, &header) || header.section_count == 0)
        return 0;
    size_t length = (size_t)header.section_count * ELF_SECTION_BYTES;
    uint8_t *bytes = read_at(fd, header.section_offset, length);
    if (bytes == NULL)
        return 0;
    struct reader table;
    reader_init(&table, bytes, length);
    uint32_t found = 0;
    for (uint32_t i = 0; i < header.section_count; i++) {
        struct elf_section section = section_at(&table, i);
        if (section.type == ELF_TYPE_DYNSYM && section.link < header.section_count)
            found |= match_section(fd, &table, &section, names, count);
    }
    free(bytes);
    return found;
}

const char *target_elf_architecture(int fd)
{
    struct elf_header header;
    if (!read_header(fd, &header))
        return "";
    switch (header.machine) {
    case 62:
        return "x64";
    case 183:
        return "arm64";
    case 22:
        return "s390x";
    case 243:
        return "riscv64";
    case 258:
        return "loongarch64";
    case 21:
        return "ppc64le";
    default:
        return "";
    }
}

bool target_elf_mark_version(const char *mark, size_t length, char *to, size_t size)
{
    unsigned part[3] = {0};
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        size_t begin = at;
        while (at < length && at - begin < 6 && mark[at] >= '0' && mark[at] <= '9')
            part[i] = part[i] * 10 + (unsigned)(mark[at++] - '0');
        if (at == begin || at >= length || mark[at] != '.')
            return false;
        at++;
    }
    /* The third part is patch * 100 + year; before .NET 5 the scheme was another one. */
    if (part[0] < 5 || part[0] > 99 || part[2] < 100)
        return false;
    int count = snprintf(to, size, "%u.%u.%u", part[0], part[1], part[2] / 100);
    return count > 0 && (size_t)count < size;
}

bool target_elf_runtime_version(int fd, char *to, size_t size)
{
    static const char mark[] = "@(#)Version ";
    enum { STEP = 1 << 18, OVERLAP = 64, LIMIT = 160 << 20 };
    char *bytes = malloc(STEP + OVERLAP);
    bool found = false;
    size_t kept = 0;
    for (off_t at = 0; bytes != NULL && !found && at < LIMIT;) {
        ssize_t count = pread(fd, bytes + kept, STEP, at);
        if (count <= 0)
            break;
        at += count;
        size_t length = kept + (size_t)count;
        const char *hit = memmem(bytes, length, mark, sizeof mark - 1);
        while (hit != NULL && !found) {
            const char *text = hit + sizeof mark - 1;
            size_t left = length - (size_t)(text - bytes);
            found = target_elf_mark_version(text, left, to, size);
            hit = memmem(text, left, mark, sizeof mark - 1);
        }
        kept = length < OVERLAP ? length : OVERLAP;
        memmove(bytes, bytes + length - kept, kept);
    }
    free(bytes);
    return found;
}
