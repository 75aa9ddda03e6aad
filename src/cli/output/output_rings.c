#include "output_rings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1ull << 32)

/* Layout of the file as checked once; the file's own head is not read again. */
struct layout {
    uint64_t file_bytes;
    uint32_t shards;
    uint32_t sites;
    uint64_t counters_offset;
    uint32_t chunk_count;
    uint32_t chunk_bytes;
    uint64_t chunks_offset;
    enum wire_clock clock;
};

/* What is new in one chunk; copied to `at` of the batch. */
struct segment {
    uint32_t chunk;
    uint32_t thread;
    uint32_t slot;
    uint64_t sequence;
    bool settled; /* was not free before the scan began */
    bool full;
    uint32_t from, to; /* bytes within the chunk */
    size_t at;
};

/* The segments of one thread, as one run of records. */
struct stream {
    uint32_t segment, last; /* index of the current and one behind the last segment */
    uint32_t position;      /* within the current segment's bytes */
    uint64_t time;          /* of the record at the position */
};

struct rings {
    uint8_t *map;
    struct layout layout;
    uint32_t drained[WIRE_CHUNKS_MAX];
    uint64_t settled[WIRE_CHUNKS_MAX / 64];
    struct segment segments[WIRE_CHUNKS_MAX];
    uint32_t segment_count;
    struct stream streams[WIRE_CHUNKS_MAX];
    uint32_t heap[WIRE_CHUNKS_MAX]; /* of streams, by time */
    uint32_t heap_count;
    uint32_t bad_chunk, bad_offset;
    bool broken;
    uint8_t *batch;
    size_t batch_capacity;
};

static enum status fault(struct error *error, const char *what)
{
    enum status status =
        error_set(error, STATUS_PEER, "the agent's memory file is not valid: %s", what);
    error_hint(error, "the probes are gone with this session; start again");
    return status;
}

/* ---- opening ---- */

static enum status check_file(int fd, uint64_t *bytes, struct error *error)
{
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return fault(error, "not a file");
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return fault(error, "it is not sealed against shrinking");
    if (stat.st_size < (off_t)sizeof(struct wire_file) || (uint64_t)stat.st_size > FILE_MAX_BYTES)
        return fault(error, "its size");
    *bytes = (uint64_t)stat.st_size;
    return STATUS_OK;
}

static bool fits(uint64_t offset, uint64_t bytes, uint64_t whole)
{
    return offset <= whole && bytes <= whole - offset;
}

static bool layout_is_good(const struct layout *layout)
{
    uint64_t counters = (uint64_t)layout->shards * layout->sites;
    if (layout->shards == 0 || layout->shards > 1024 || layout->sites > (1u << 24))
        return false;
    if (layout->chunk_bytes < 2 * sizeof(struct wire_chunk) || layout->chunk_bytes % 8 != 0 ||
        layout->chunk_bytes > (1u << 24))
        return false;
    if (layout->chunk_count == 0 || layout->chunk_count > WIRE_CHUNKS_MAX ||
        layout->counters_offset % 8 != 0 || layout->chunks_offset % 8 != 0)
        return false;
    return layout->counters_offset >= sizeof(struct wire_file) &&
           fits(layout->counters_offset, counters * WIRE_COUNTERS * sizeof(uint64_t),
                layout->file_bytes) &&
           layout->chunks_offset >= sizeof(struct wire_file) &&
           fits(layout->chunks_offset, (uint64_t)layout->chunk_count * layout->chunk_bytes,
                layout->file_bytes);
}

static enum status read_layout(struct rings *rings, uint64_t file_bytes, struct error *error)
{
    struct wire_file head;
    memcpy(&head, rings->map, sizeof head);
    if (head.magic != WIRE_FILE_MAGIC || head.major != WIRE_MAJOR)
        return fault(error, "its head");
    if (head.clock != WIRE_CLOCK_TSC && head.clock != WIRE_CLOCK_MONOTONIC)
        return fault(error, "its clock");
    rings->layout = (struct layout){
        .file_bytes = file_bytes,
        .shards = head.shards,
        .sites = head.sites,
        .counters_offset = head.counters_offset,
        .chunk_count = head.chunk_count,
        .chunk_bytes = head.chunk_bytes,
        .chunks_offset = head.chunks_offset,
        .clock = (enum wire_clock)head.clock,
    };
    if (!layout_is_good(&rings->layout))
        return fault(error, "its layout");
    for (uint32_t i = 0; i < WIRE_CHUNKS_MAX; i++)
        rings->drained[i] = sizeof(struct wire_chunk);
    return STATUS_OK;
}

enum status rings_open(struct rings **rings, int fd, struct error *error)
{
    uint64_t bytes = 0;
    enum status status = check_file(fd, &bytes, error);
    if (status != STATUS_OK)
        return status;
    struct rings *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return error_set(error, STATUS_MEMORY, "out of memory");
    fresh->layout.file_bytes = bytes;
    void *map = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        free(fresh);
        return error_set(error, STATUS_IO, "cannot map the agent's memory file: %s",
                         strerror(errno));
    }
    fresh->map = map;
    status = read_layout(fresh, bytes, error);
    if (status != STATUS_OK)
        rings_close(fresh);
    else
        *rings = fresh;
    return status;
}

void rings_close(struct rings *rings)
{
    if (!rings)
        return;
    munmap(rings->map, (size_t)rings->layout.file_bytes);
    free(rings->batch);
    free(rings);
}

/* ---- the shared words ---- */

static struct wire_file *file_of(const struct rings *rings)
{
    return (struct wire_file *)rings->map;
}

static struct wire_chunk *chunk_of(const struct rings *rings, uint32_t chunk)
{
    uint64_t offset = rings->layout.chunks_offset + (uint64_t)chunk * rings->layout.chunk_bytes;
    return (struct wire_chunk *)(rings->map + offset);
}

static uint64_t free_word(const struct rings *rings, uint32_t word)
{
    return atomic_load_explicit(&file_of(rings)->free_chunks[word], memory_order_acquire);
}

uint64_t rings_counter(const struct rings *rings, uint32_t site, enum wire_counter counter)
{
    const struct layout *layout = &rings->layout;
    const uint64_t *counters = (const uint64_t *)(rings->map + layout->counters_offset);
    uint64_t sum = 0;
    if (site >= layout->sites)
        return 0;
    for (uint32_t shard = 0; shard < layout->shards; shard++)
        sum += __atomic_load_n(
            &counters[((uint64_t)shard * layout->sites + site) * WIRE_COUNTERS + counter],
            __ATOMIC_RELAXED);
    return sum;
}

bool rings_ended(const struct rings *rings)
{
    return atomic_load_explicit(&file_of(rings)->ended, memory_order_acquire) != 0;
}

enum wire_clock rings_clock(const struct rings *rings)
{
    return rings->layout.clock;
}

uint32_t rings_sites(const struct rings *rings)
{
    return rings->layout.sites;
}

/* ---- collecting ---- */

/* One behind the last chunk that is there; an agent that does not say so has made all. */
static uint32_t chunks_there(const struct rings *rings)
{
    uint32_t ready = atomic_load_explicit(&file_of(rings)->ready_chunks, memory_order_acquire);
    return ready == 0 || ready > rings->layout.chunk_count ? rings->layout.chunk_count : ready;
}

/* Looks at one chunk that is not free. */
static enum status scan_chunk(struct rings *rings, uint32_t chunk, struct error *error)
{
    struct wire_chunk *head = chunk_of(rings, chunk);
    uint32_t state = atomic_load_explicit(&head->state, memory_order_acquire);
    uint32_t written = atomic_load_explicit(&head->written, memory_order_acquire);
    if (state == WIRE_CHUNK_FREE)
        return STATUS_OK; /* taken just now, its head not written yet */
    if (written < rings->drained[chunk] || written > rings->layout.chunk_bytes ||
        written % 8 != 0) {
        error_set(error, STATUS_PEER,
                  "the agent's memory file is not valid: chunk %u says that %u bytes are written, "
                  "%u are read already",
                  chunk, written, rings->drained[chunk]);
        return STATUS_PEER;
    }
    rings->segments[rings->segment_count++] = (struct segment){
        .chunk = chunk,
        .thread = __atomic_load_n(&head->thread, __ATOMIC_RELAXED),
        .slot = __atomic_load_n(&head->slot, __ATOMIC_RELAXED),
        .sequence = __atomic_load_n(&head->sequence, __ATOMIC_RELAXED),
        .settled = (rings->settled[chunk / 64] >> (chunk % 64)) & 1,
        .full = state == WIRE_CHUNK_FULL,
        .from = rings->drained[chunk],
        .to = written,
    };
    return STATUS_OK;
}

/*
 * A thread may take chunk B while we scan, after we have passed its chunk A. So the free map is
 * read twice: what was in use in the first pass is `settled`; of a thread's chunks only those up
 * to its newest settled one are looked at, and none behind one that is still open.
 */
static enum status scan(struct rings *rings, struct error *error)
{
    uint32_t words = (rings->layout.chunk_count + 63) / 64;
    enum status status = STATUS_OK;
    rings->segment_count = 0;
    for (uint32_t word = 0; word < words; word++)
        rings->settled[word] = ~free_word(rings, word);
    uint32_t there = chunks_there(rings); /* read here: settled chunks were there before */
    for (uint32_t word = 0; word < words && status == STATUS_OK; word++) {
        uint64_t used = ~free_word(rings, word);
        while (used && status == STATUS_OK) {
            uint32_t chunk = word * 64 + (uint32_t)__builtin_ctzll(used);
            used &= used - 1;
            if (chunk < there)
                status = scan_chunk(rings, chunk, error);
        }
    }
    return status;
}

static int by_thread_and_age(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* Of one thread's segments [first, last): one behind the last that may be taken now. */
static uint32_t taken_until(const struct rings *rings, uint32_t first, uint32_t last, bool final)
{
    uint32_t settled = first;
    if (final)
        return last;
    for (uint32_t i = first; i < last; i++)
        if (rings->segments[i].settled)
            settled = i + 1;
    for (uint32_t i = first; i < settled; i++)
        if (!rings->segments[i].full)
            return i + 1;
    return settled;
}

static void free_chunk(struct rings *rings, uint32_t chunk)
{
    rings->drained[chunk] = sizeof(struct wire_chunk);
    atomic_store_explicit(&chunk_of(rings, chunk)->state, WIRE_CHUNK_FREE, memory_order_release);
    atomic_fetch_or_explicit(&file_of(rings)->free_chunks[chunk / 64], 1ull << (chunk % 64),
                             memory_order_release);
}

static bool make_room(struct rings *rings, size_t bytes)
{
    if (bytes <= rings->batch_capacity)
        return true;
    uint8_t *larger = malloc(bytes + bytes / 2);
    if (!larger)
        return false;
    free(rings->batch);
    rings->batch = larger;
    rings->batch_capacity = bytes + bytes / 2;
    return true;
}

static void copy_segment(struct rings *rings, struct segment *segment, size_t *at)
{
    size_t bytes = segment->to - segment->from;
    segment->at = *at;
    memcpy(rings->batch + *at, (uint8_t *)chunk_of(rings, segment->chunk) + segment->from, bytes);
    *at += bytes;
    rings->drained[segment->chunk] = segment->to;
    if (segment->full)
        free_chunk(rings, segment->chunk);
}

/* ---- handing out: a heap of threads by the time of their next record ---- */

static const struct wire_record *head_at(const struct rings *rings, const struct stream *stream)
{
    const struct segment *segment = &rings->segments[stream->segment];
    return (const struct wire_record *)(rings->batch + segment->at + stream->position);
}

/* Moves to the next whole record at or behind the position; false at the end or where the
 * bytes are not a record (then broken is set). */
static bool settle(struct rings *rings, struct stream *stream)
{
    for (; stream->segment < stream->last; stream->segment++, stream->position = 0) {
        const struct segment *segment = &rings->segments[stream->segment];
        uint32_t left = segment->to - segment->from - stream->position;
        if (left == 0)
            continue;
        const struct wire_record *head = head_at(rings, stream);
        if (left < sizeof *head || head->size * 8u < sizeof *head || head->size * 8u > left) {
            rings->broken = true;
            rings->bad_chunk = segment->chunk;
            rings->bad_offset = segment->from + stream->position;
            return false;
        }
        stream->time = head->time;
        return true;
    }
    return false;
}

static bool before(const struct rings *rings, uint32_t a, uint32_t b)
{
    return rings->streams[a].time < rings->streams[b].time;
}

static void sift_down(struct rings *rings, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= rings->heap_count)
            return;
        if (child + 1 < rings->heap_count &&
            before(rings, rings->heap[child + 1], rings->heap[child]))
            child++;
        if (!before(rings, rings->heap[child], rings->heap[at]))
            return;
        uint32_t keep = rings->heap[at];
        rings->heap[at] = rings->heap[child];
        rings->heap[child] = keep;
        at = child;
    }
}

static void add_stream(struct rings *rings, uint32_t first, uint32_t last)
{
    uint32_t index = rings->heap_count;
    rings->streams[index] = (struct stream){.segment = first, .last = last};
    if (settle(rings, &rings->streams[index]))
        rings->heap[rings->heap_count++] = index;
}

enum status rings_collect(struct rings *rings, bool final, size_t *bytes, struct error *error)
{
    size_t total = 0, at = 0;
    *bytes = 0;
    rings->heap_count = 0;
    enum status status = scan(rings, error);
    if (status != STATUS_OK)
        return status;
    qsort(rings->segments, rings->segment_count, sizeof rings->segments[0], by_thread_and_age);
    for (uint32_t i = 0; i < rings->segment_count; i++)
        total += rings->segments[i].to - rings->segments[i].from;
    if (!make_room(rings, total))
        return error_set(error, STATUS_MEMORY, "no memory to drain the rings");
    for (uint32_t first = 0, last; first < rings->segment_count; first = last) {
        for (last = first; last < rings->segment_count &&
                           rings->segments[last].slot == rings->segments[first].slot;)
            last++;
        uint32_t until = taken_until(rings, first, last, final);
        for (uint32_t i = first; i < until; i++)
            copy_segment(rings, &rings->segments[i], &at);
        add_stream(rings, first, until);
    }
    for (uint32_t i = rings->heap_count / 2; i-- > 0;)
        sift_down(rings, i);
    *bytes = at;
    return STATUS_OK;
}

static enum status broken_record(const struct rings *rings, struct error *error)
{
    return error_set(error, STATUS_PEER,
                     "the agent's memory file is not valid: no record at offset %u of chunk %u",
                     rings->bad_offset, rings->bad_chunk);
}

enum status rings_next(struct rings *rings, struct ring_record *record, struct error *error)
{
    if (rings->broken)
        return broken_record(rings, error);
    if (rings->heap_count == 0)
        return STATUS_NOT_FOUND;
    struct stream *stream = &rings->streams[rings->heap[0]];
    const struct segment *segment = &rings->segments[stream->segment];
    const struct wire_record *head = head_at(rings, stream);
    *record = (struct ring_record){
        .head = head,
        .values = (const uint8_t *)(head + 1),
        .value_bytes = head->size * 8u - sizeof *head,
        .thread = segment->thread,
        .slot = segment->slot,
    };
    stream->position += head->size * 8u;
    if (!settle(rings, stream))
        rings->heap[0] = rings->heap[--rings->heap_count];
    sift_down(rings, 0);
    return STATUS_OK;
}
