// uses: output wire clr
/* Any bytes laid over a memory file of four small chunks: drained and joined, or refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "output_join.h"
#include "output_rings.h"

#define CHUNK_BYTES 1024u
#define FILE_BYTES  (4096u + 4096u + 4 * CHUNK_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, const struct call *call)
{
    (void)context;
    /* touches what the call says that it has */
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < call->entry_bytes; i++)
        sum = (uint8_t)(sum + call->entry[i]);
    for (size_t i = 0; i < call->exit_bytes; i++)
        sum = (uint8_t)(sum + call->exit[i]);
}

static void fill(uint8_t *file, const uint8_t *data, size_t size)
{
    struct wire_file *head = (struct wire_file *)file;
    memset(file, 0, FILE_BYTES);
    *head = (struct wire_file){.magic = WIRE_FILE_MAGIC,
                               .major = WIRE_MAJOR,
                               .header_bytes = sizeof *head,
                               .file_bytes = FILE_BYTES,
                               .shards = 1,
                               .sites = 16,
                               .counters_offset = 4096,
                               .chunk_count = 4,
                               .chunk_bytes = CHUNK_BYTES,
                               .chunks_offset = 8192,
                               .clock = WIRE_CLOCK_MONOTONIC};
    for (uint32_t i = 0; i < 4; i++) {
        struct wire_chunk *chunk = (struct wire_chunk *)(file + 8192 + i * CHUNK_BYTES);
        chunk->state = WIRE_CHUNK_OPEN;
        chunk->written = CHUNK_BYTES;
        chunk->slot = i / 2;
        chunk->sequence = i;
    }
    /* u16 offset, u16 length, bytes */
    while (size >= 4) {
        size_t offset = (data[0] | (size_t)data[1] << 8) % FILE_BYTES;
        size_t length = data[2] | (size_t)(data[3] & 3) << 8;
        data += 4;
        size -= 4;
        if (length > size)
            length = size;
        if (length > FILE_BYTES - offset)
            length = FILE_BYTES - offset;
        memcpy(file + offset, data, length);
        data += length;
        size -= length;
    }
}

static void drain(int fd)
{
    struct rings *rings;
    struct join join;
    if (rings_open(&rings, fd, NULL) != STATUS_OK)
        return;
    join_init(&join, ignore, NULL);
    for (int round = 0; round < 3; round++) {
        struct ring_record record;
        size_t bytes;
        if (rings_collect(rings, round == 2, &bytes, NULL) != STATUS_OK)
            break;
        while (rings_next(rings, &record, NULL) == STATUS_OK)
            join_take(&join, &record);
    }
    for (uint32_t site = 0; site < 20; site++)
        rings_counter(rings, site, WIRE_COUNTER_LOST);
    join_release(&join);
    rings_close(rings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *file;
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || ftruncate(fd, FILE_BYTES) != 0)
            abort();
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
        file = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    fill(file, data, size);
    drain(fd);
    return 0;
}
