#include "recompile_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base_buffer.h"

#define MAPS_MAX_BYTES ((size_t)64 << 20)

void memory_map_release(struct memory_map *map)
{
    free(map->ranges);
    map->ranges = NULL;
    map->count = 0;
}

static bool parse_hex(const char **text, const char *end, uint64_t *value)
{
    const char *at = *text;
    *value = 0;
    for (; at < end; at++) {
        unsigned digit;
        if (*at >= '0' && *at <= '9')
            digit = (unsigned)(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            digit = (unsigned)(*at - 'a') + 10;
        else
            break;
        *value = *value << 4 | digit;
    }
    const bool found = at != *text;
    *text = at;
    return found;
}

/* "start-end perms ...": false where the line is something else. */
static bool parse_line(const char *line, const char *end, struct memory_range *range,
                       bool *readable)
{
    if (!parse_hex(&line, end, &range->start) || line == end || *line++ != '-')
        return false;
    if (!parse_hex(&line, end, &range->end) || end - line < 2 || *line++ != ' ')
        return false;
    *readable = *line == 'r';
    return range->start < range->end;
}

static bool add_range(struct memory_map *map, size_t *capacity, struct memory_range range)
{
    if (map->count && map->ranges[map->count - 1].end == range.start) {
        map->ranges[map->count - 1].end = range.end;
        return true;
    }
    if (map->count == *capacity) {
        const size_t wanted = *capacity ? *capacity * 2 : 256;
        struct memory_range *grown = realloc(map->ranges, wanted * sizeof(*grown));
        if (!grown)
            return false;
        map->ranges = grown;
        *capacity = wanted;
    }
    map->ranges[map->count++] = range;
    return true;
}

enum status memory_map_parse(struct memory_map *map, const char *text, size_t length,
                             struct error *error)
{
    size_t capacity = 0;
    uint64_t behind = 0; /* everything before has been listed */
    const char *end = text + length;
    memory_map_release(map);
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end)
            line_end = end;
        struct memory_range range;
        bool readable;
        if (!parse_line(text, line_end, &range, &readable)) {
            memory_map_release(map);
            return error_set(error, STATUS_MALFORMED, "'/proc/self/maps': unknown form");
        }
        /* The kernel writes the list piece by piece, while other threads map and unmap: a mapping
         * that has grown downwards, or been joined with one that is listed already, comes with
         * what was told before. */
        if (range.start < behind)
            range.start = behind;
        if (readable && range.start < range.end && !add_range(map, &capacity, range)) {
            memory_map_release(map);
            return error_set(error, STATUS_MEMORY, "out of memory");
        }
        if (range.end > behind)
            behind = range.end;
        text = line_end < end ? line_end + 1 : end;
    }
    return STATUS_OK;
}

static bool read_all(int fd, struct buffer *text)
{
    for (;;) {
        void *room = buffer_reserve(text, 65536);
        if (!room)
            return false;
        const ssize_t got = read(fd, room, 65536);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        text->length += (size_t)got;
    }
}

enum status memory_map_read(struct memory_map *map, struct error *error)
{
    struct buffer text;
    memory_map_release(map);
    buffer_init(&text, MAPS_MAX_BYTES);
    const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, STATUS_IO, "'/proc/self/maps': %s", "cannot be opened");
    enum status status = STATUS_OK;
    if (read_all(fd, &text))
        status = memory_map_parse(map, (const char *)text.data, text.length, error);
    else
        status = error_set(error, STATUS_IO, "'/proc/self/maps' cannot be read");
    close(fd);
    buffer_release(&text);
    return status;
}

/* ---- a part of it ---- */

/* struct procmap_query of the kernel's interface (Linux 6.11), which older headers lack. */
struct mapping_query {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_address;
    uint64_t start;
    uint64_t end;
    uint64_t flags;
    uint64_t page_size;
    uint64_t offset;
    uint64_t inode;
    uint32_t device_major;
    uint32_t device_minor;
    uint32_t name_size;
    uint32_t build_id_size;
    uint64_t name_address;
    uint64_t build_id_address;
};
#define MAPPING_QUERY            _IOWR('f', 17, struct mapping_query)
#define MAPPING_READABLE         UINT64_C(1)
#define MAPPING_COVERING_OR_NEXT UINT64_C(16)
#define MAPPINGS_MOST            4096

/* False: this kernel does not answer, or there is no memory left. */
static bool look(struct memory_map *map, int fd, uint64_t from, uint64_t until)
{
    size_t capacity = 0;
    uint64_t behind = from; /* no gap up to here */
    for (uint32_t i = 0; i < MAPPINGS_MOST; i++) {
        struct mapping_query query = {.size = sizeof query,
                                      .query_flags = MAPPING_COVERING_OR_NEXT,
                                      .query_address = behind > from ? behind : from};
        if (ioctl(fd, MAPPING_QUERY, &query) != 0)
            return errno == ENOENT; /* nothing stands there or behind */
        const bool gap = query.start > behind || !(query.flags & MAPPING_READABLE);
        if (query.end <= behind || (query.start >= until && gap))
            return query.end > behind;
        if (query.flags & MAPPING_READABLE &&
            !add_range(map, &capacity, (struct memory_range){query.start, query.end}))
            return false;
        behind = query.end;
        if (gap && behind >= until)
            return true;
    }
    return false;
}

enum status memory_map_look(struct memory_map *map, uint64_t from, uint64_t bytes,
                            struct error *error)
{
    memory_map_release(map);
    const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    const bool seen = fd >= 0 && look(map, fd, from, from + bytes);
    if (fd >= 0)
        close(fd);
    return seen ? STATUS_OK : memory_map_read(map, error);
}

uint64_t memory_map_extent(const struct memory_map *map, uint64_t address)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == map->count || map->ranges[low].start > address)
        return 0;
    return map->ranges[low].end - address;
}
